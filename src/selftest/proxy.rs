//! The disturbing proxy: bytes pass as they are, answers are held back, or replaced by an error.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::Disturbance;

/// Every so many requests the rarer disturbances strike.
const STRIKES_EVERY: u64 = 20;
/// What a client gets instead of an answer. Inside of TLS it is no valid record: an error just the same.
const ERROR: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BUFFER: usize = 16 * 1024;

/// A proxy on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts one before the target at `target`, on a free port of this machine.
    ///
    /// # Errors
    /// Where it can't listen, or no thread or runtime can be made.
    pub fn start(target: Vec<SocketAddr>, disturbance: Disturbance) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, target, disturbance) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("proxy".into()).spawn(serve)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // A thread that has ended already need not be told.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, target: Vec<SocketAddr>, disturbance: Disturbance) {
    let (target, requests) = (Arc::new(target), Arc::new(AtomicU64::new(0)));
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of descriptors, for one: others end soon.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (target, requests) = (Arc::clone(&target), Arc::clone(&requests));
        tokio::spawn(async move {
            // A side that ends ends the connection: the load counts what came of it.
            let _ = pass(client, &target, disturbance, &requests).await;
        });
    }
}

/// Passes bytes both ways until one side ends.
async fn pass(mut client: TcpStream, target: &[SocketAddr], disturbance: Disturbance, requests: &AtomicU64) -> io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut from_server) = (vec![0; BUFFER], vec![0; BUFFER]);
    let mut asked: Option<(Instant, bool)> = None;
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let count = read?;
                if count == 0 {
                    return Ok(());
                }
                if asked.is_none() {
                    let strikes = (requests.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(STRIKES_EVERY);
                    asked = Some((Instant::now(), strikes));
                }
                server.write_all(&from_client[..count]).await?;
            }
            read = server.read(&mut from_server) => {
                let count = read?;
                if count == 0 {
                    return Ok(());
                }
                if let Some((since, strikes)) = asked.take() {
                    if strikes && disturbance == Disturbance::Errors {
                        return client.write_all(ERROR).await;
                    }
                    tokio::time::sleep(held_back(disturbance, since.elapsed(), strikes)).await;
                }
                client.write_all(&from_server[..count]).await?;
            }
        }
    }
}

/// How long an answer that took so long is held back.
fn held_back(disturbance: Disturbance, taken: Duration, strikes: bool) -> Duration {
    match disturbance {
        Disturbance::Slower => taken / 5,
        Disturbance::Tail if strikes => taken * 2,
        Disturbance::Tail | Disturbance::Errors => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener as Listener;

    use super::*;

    /// A server that answers each request of 4 bytes with 4 bytes after 20 ms.
    fn server() -> SocketAddr {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let mut request = [0; 4];
                    while stream.read_exact(&mut request).is_ok() {
                        std::thread::sleep(Duration::from_millis(20));
                        stream.write_all(&request).unwrap();
                    }
                });
            }
        });
        address
    }

    /// The answers to `count` requests, and how long each took.
    fn asked(disturbance: Disturbance, count: usize) -> Vec<(Vec<u8>, Duration)> {
        let proxy = Proxy::start(vec![server()], disturbance).unwrap();
        let ask = |stream: &mut std::net::TcpStream| {
            let begun = Instant::now();
            stream.write_all(b"ping").unwrap();
            let mut answer = vec![0; 4];
            stream.read_exact(&mut answer).unwrap();
            (answer, begun.elapsed())
        };
        let mut stream = std::net::TcpStream::connect(proxy.address).unwrap();
        (0..count).map(|_| ask(&mut stream)).collect()
    }

    #[test]
    fn every_answer_or_some_are_held_back_and_pass_unchanged() {
        for (_, taken) in asked(Disturbance::Slower, 5) {
            assert!(taken >= Duration::from_millis(24), "{taken:?}");
        }
        let answers = asked(Disturbance::Tail, 20);
        assert!(answers.iter().all(|(answer, _)| answer == b"ping"));
        assert!(answers[19].1 >= Duration::from_millis(60), "{answers:?}");
    }

    #[test]
    fn an_error_takes_the_place_of_an_answer() {
        let answers = asked(Disturbance::Errors, 20);
        assert_eq!((&answers[18].0[..], &answers[19].0[..]), (&b"ping"[..], &b"HTTP"[..]));
    }
}
