//! The targets: this program once more, as a child. Paths that begin with `/__` ask the target what it has seen.

mod plain;
mod timed;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use clap::ValueEnum;

pub use self::timed::FREEZES;
use crate::Failure;
use crate::process::{Place, spawn};

/// What every answer's body is: 73 bytes of JSON.
const BODY: &str = r#"{"id":"0f8fad5b-d9cb-469f","name":"plain figure of oak","price":12345.67}"#;
/// How a question to the target itself begins.
const QUESTION: &[u8] = b"GET /__";

/// How a target answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// At once, as cheaply as possible.
    Plain,
    /// After 5 ms, and not at all while it is frozen.
    Frozen,
    /// After a time that is drawn, which it keeps a log of.
    Drawn,
}

/// A target that runs until it is dropped.
#[derive(Debug)]
pub struct Target {
    child: Child,
    port: u16,
}

impl Target {
    pub fn start(kind: Kind) -> Result<Self, Failure> {
        let name = kind.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--serve", &name]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(&mut command, Place::Target)?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("a target without output")?).read_line(&mut line)?;
        Ok(Self { port: line.trim().parse()?, child })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Asks the target what it has seen.
    pub fn ask(&self, question: &str) -> Result<String, Failure> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        write!(stream, "GET /__{question} HTTP/1.1\r\nhost: target\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.split_once("\r\n\r\n").ok_or("an answer without a head")?.1.to_owned())
    }

    /// How many requests it has answered.
    pub fn count(&self) -> Result<u64, Failure> {
        Ok(self.ask("count")?.parse()?)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is a target until the one who started it is gone.
pub fn serve(kind: Kind) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
    std::thread::spawn(move || match kind {
        Kind::Plain => plain::serve(listener),
        Kind::Frozen => timed::serve(&listener, timed::Behaviour::frozen()),
        Kind::Drawn => timed::serve(&listener, timed::Behaviour::drawn()),
    });
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}

/// An answer with its head. Clients of HTTP/1.0 want to be told that the connection stays.
fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: keep-alive\r\ncontent-length: {length}\r\n\r\n{body}").into()
}
