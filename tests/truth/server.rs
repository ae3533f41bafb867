//! A server on loopback that does what a script says, however wrong, and keeps what it received and when.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// One request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// From 0, over the whole server.
    pub number: usize,
    /// Number of its connection, from 0.
    pub connection: u64,
    /// How many requests came before it on its connection.
    pub turn: u64,
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Since the first request.
    pub at: Duration,
    /// The status that was sent, and when its last byte was.
    pub answered: Option<(u16, Duration)>,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// `GET /path`, without the query.
    pub fn label(&self) -> String {
        format!("{} {}", self.method, self.target.split('?').next().unwrap_or_default())
    }
}

/// One thing that the server does with a connection.
#[derive(Debug, Clone)]
pub enum Act {
    Send(Vec<u8>),
    /// One byte each 100 ms.
    Drip(Vec<u8>),
    Wait(Duration),
    /// Until so long after the first request.
    WaitUntil(Duration),
    /// Says nothing until the client leaves.
    Hang,
    Close,
    Reset,
}

type Script = dyn Fn(&Received) -> Vec<Act> + Send + Sync;

/// What is done with a new connection before it is read.
#[derive(Debug, Clone)]
pub enum Welcome {
    Plain,
    Tls,
    Rude(Vec<Act>),
}

/// A server that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    welcome: Box<dyn Fn(u64) -> Welcome + Send + Sync>,
    received: Mutex<Vec<Received>>,
    first: Mutex<Option<Instant>>,
    connections: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
}

impl Server {
    /// Answers each request as the script has it.
    pub fn start(script: impl Fn(&Received) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::welcoming(|_| Welcome::Plain, script)
    }

    /// Welcomes each connection, by its number, before it is read.
    pub fn welcoming(
        welcome: impl Fn(u64) -> Welcome + Send + Sync + 'static,
        script: impl Fn(&Received) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            script: Box::new(script),
            welcome: Box::new(welcome),
            received: Mutex::default(),
            first: Mutex::default(),
            connections: AtomicU64::new(0),
            open: AtomicU64::new(0),
            most_open: AtomicU64::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                bound.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! { () = accept(&listener, &serving) => {}, _ = stopped => {} }
            });
        });
        Self { address: address.recv().unwrap(), shared, stop: Some(stop), thread: Some(thread) }
    }

    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Connections that were ever accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(SeqCst)
    }

    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.shared.open.load(SeqCst)
    }

    /// Most connections at once.
    pub fn most_open(&self) -> u64 {
        self.shared.most_open.load(SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// An address where nobody listens.
pub fn nobody() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// An answer with a JSON body.
pub fn reply(status: u16, body: &str) -> Vec<Act> {
    reply_with(status, &[("content-type", "application/json")], body.as_bytes())
}

pub fn ok() -> Vec<Act> {
    reply(200, "{}")
}

pub fn reply_with(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Vec<Act> {
    let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{lines}\r\n", body.len());
    vec![Act::Send([head.as_bytes(), body].concat())]
}

/// `acts` after a pause.
pub fn after(millis: u64, acts: Vec<Act>) -> Vec<Act> {
    [vec![Act::Wait(Duration::from_millis(millis))], acts].concat()
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                let number = shared.connections.fetch_add(1, SeqCst);
                shared.most_open.fetch_max(shared.open.fetch_add(1, SeqCst) + 1, SeqCst);
                let shared = Arc::clone(shared);
                tokio::task::spawn_local(async move {
                    serve(number, tcp, &shared).await;
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
        })
        .await;
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    async fn read(&mut self, into: &mut Vec<u8>) -> bool {
        let read = match self {
            Self::Plain(tcp) => tcp.read_buf(into).await,
            Self::Tls(tls) => tls.read_buf(into).await,
        };
        read.is_ok_and(|count| count > 0)
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await.is_ok(),
            Self::Tls(tls) => tls.write_all(bytes).await.is_ok() && tls.flush().await.is_ok(),
        }
    }

    fn reset_on_close(&self) {
        if let Self::Plain(tcp) = self {
            tcp.set_zero_linger().unwrap();
        }
    }
}

async fn serve(number: u64, tcp: TcpStream, shared: &Shared) {
    let mut wire = match (shared.welcome)(number) {
        Welcome::Plain => Wire::Plain(tcp),
        Welcome::Tls => match tls_acceptor().accept(tcp).await {
            Ok(tls) => Wire::Tls(Box::new(tls)),
            Err(_) => return,
        },
        Welcome::Rude(acts) => {
            let mut wire = Wire::Plain(tcp);
            perform(&acts, &mut wire, shared).await;
            return;
        }
    };
    let mut unread = Vec::new();
    let mut turn = 0;
    while let Some(request) = receive(&mut wire, &mut unread).await {
        let received = shared.keep(Received { connection: number, turn, ..request });
        let acts = (shared.script)(&received);
        if !perform(&acts, &mut wire, shared).await {
            return;
        }
        shared.received.lock().unwrap()[received.number].answered = status_of(&acts).map(|status| (status, shared.elapsed()));
        turn += 1;
    }
}

impl Shared {
    fn elapsed(&self) -> Duration {
        self.first.lock().unwrap().get_or_insert_with(Instant::now).elapsed()
    }

    fn keep(&self, request: Received) -> Received {
        let at = self.elapsed();
        let mut all = self.received.lock().unwrap();
        let received = Received { number: all.len(), at, ..request };
        all.push(received.clone());
        received
    }
}

fn status_of(acts: &[Act]) -> Option<u16> {
    let sent = acts.iter().find_map(|act| if let Act::Send(bytes) = act { Some(bytes) } else { None })?;
    std::str::from_utf8(sent.get(9..12)?).ok()?.parse().ok()
}

/// Whether the connection goes on.
async fn perform(acts: &[Act], wire: &mut Wire, shared: &Shared) -> bool {
    for act in acts {
        let goes_on = match act {
            Act::Send(bytes) => wire.write(bytes).await,
            Act::Drip(bytes) => drip(bytes, wire).await,
            Act::Wait(pause) => {
                tokio::time::sleep(*pause).await;
                true
            }
            Act::WaitUntil(time) => {
                tokio::time::sleep(time.saturating_sub(shared.elapsed())).await;
                true
            }
            Act::Hang => {
                while wire.read(&mut Vec::new()).await {}
                false
            }
            Act::Close => false,
            Act::Reset => {
                wire.reset_on_close();
                false
            }
        };
        if !goes_on {
            return false;
        }
    }
    true
}

async fn drip(bytes: &[u8], wire: &mut Wire) -> bool {
    for byte in bytes {
        if !wire.write(&[*byte]).await {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    true
}

/// The next request; `None` where the client has left.
async fn receive(wire: &mut Wire, unread: &mut Vec<u8>) -> Option<Received> {
    let head_length = loop {
        if let Some(at) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if !wire.read(unread).await {
            return None;
        }
    };
    let head = String::from_utf8(unread.drain(..head_length).collect()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let lengths: Vec<usize> = headers.iter().filter(|(name, _)| name == "content-length").map(|(_, text)| text.parse().unwrap()).collect();
    assert!(lengths.len() <= 1, "{head}");
    let length = lengths.first().copied().unwrap_or_default();
    while unread.len() < length {
        if !wire.read(unread).await {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&unread.drain(..length).collect::<Vec<u8>>()).into_owned();
    Some(Received { method, target, headers, body, ..Received::default() })
}

/// For nothing but this test: a certificate that signed itself.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBWzCCAQ2gAwIBAgIULrmPeoAlXRUFo1E7gs9+v1v2wWMwBQYDK2VwMBQxEjAQ
BgNVBAMMCWxvY2FsaG9zdDAgFw0yNjExMjAxNjU1NThaGA8yMTI2MTAyNzE2NTU1
OFowFDESMBAGA1UEAwwJbG9jYWxob3N0MCowBQYDK2VwAyEAqgpcRIFninR+ihv6
a9LpaA/Gjwo0WJf1ZrxjuvXZa92jbzBtMB0GA1UdDgQWBBQDmUT0rVXuuoUYr4xj
WYXjSOtyzzAfBgNVHSMEGDAWgBQDmUT0rVXuuoUYr4xjWYXjSOtyzzAPBgNVHRMB
Af8EBTADAQH/MBoGA1UdEQQTMBGCCWxvY2FsaG9zdIcEfwAAATAFBgMrZXADQQDK
e3P540MpkDON5HFNS2tEGbDnBd0zOK/Z1orptsqgpgv8DWz8QMpgBFPxL1vv90i/
cqXKF52sKpqH11VVaT4N
-----END CERTIFICATE-----";
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDRS5Mcqj3kikcUDyOLD6bHCWc+DnHFGxE+nyW+p8mXP
-----END PRIVATE KEY-----";

fn tls_acceptor() -> TlsAcceptor {
    use rustls::pki_types::pem::PemObject as _;
    let certificate = rustls::pki_types::CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap()))
}
