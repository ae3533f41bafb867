//! Connections to the target: addresses pinned before the load, TCP, TLS, HTTP/1.1 or HTTP/2, and what went wrong when
//! there is none.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::{Answer, BodyUse, ExchangeError};
use super::http1;
use super::http2::Streams;
use crate::run::FailureClass;
use crate::scenario::{HttpVersion, Method, Scheme};

/// Where to connect, decided before the load and never looked up again.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// At least one.
    pub addresses: Vec<SocketAddr>,
    /// `None` for plain HTTP.
    pub tls: Option<Tls>,
    pub version: HttpVersion,
}

/// What a TLS connection needs.
#[derive(Debug, Clone)]
pub struct Tls {
    pub config: Arc<ClientConfig>,
    pub name: ServerName<'static>,
}

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    carrier: Carrier,
    /// Whether it has carried a request before.
    pub reused: bool,
}

#[derive(Debug)]
enum Carrier {
    Http1(Stream),
    Http2(Streams),
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why no connection could be opened.
#[derive(Debug)]
pub enum ConnectError {
    /// The target's doing.
    Target { class: FailureClass, source: io::Error },
    /// This machine's doing: a limit of its own was reached. The word is a problem code.
    Local { code: &'static str, source: io::Error },
}

impl Connection {
    /// Connects to the first address that answers. Must be called inside a `LocalSet`.
    ///
    /// # Errors
    /// [`ConnectError`] of the last address tried, or of this machine.
    pub async fn open(endpoints: &Endpoints) -> Result<Self, ConnectError> {
        let tcp = connect_any(&endpoints.addresses).await?;
        // Requests are written whole; waiting to fill a packet would only add to the latency.
        tcp.set_nodelay(true).map_err(|source| ConnectError::Target { class: FailureClass::Connect, source })?;
        let stream = match &endpoints.tls {
            None => Stream::Plain(tcp),
            Some(tls) => Stream::Tls(Box::new(
                TlsConnector::from(Arc::clone(&tls.config)).connect(tls.name.clone(), tcp).await.map_err(handshake_error)?,
            )),
        };
        Ok(Self { carrier: Carrier::on(stream, endpoints.version).await?, reused: false })
    }

    /// Sends a request and reads the answer; `buffer` then begins with the answer's head.
    ///
    /// # Errors
    /// [`ExchangeError`]; the connection must then be dropped.
    pub async fn exchange(
        &mut self,
        request: &[u8],
        method: Method,
        body_use: BodyUse,
        body_cap: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<Answer, ExchangeError> {
        match &mut self.carrier {
            Carrier::Http1(Stream::Plain(tcp)) => http1::exchange(tcp, request, method, body_use, body_cap, buffer).await,
            Carrier::Http1(Stream::Tls(tls)) => http1::exchange(tls, request, method, body_use, body_cap, buffer).await,
            Carrier::Http2(streams) => streams.exchange(request, body_use, body_cap, buffer).await,
        }
    }

    /// Another handle on the same connection, where it can carry many requests at once.
    #[must_use]
    pub fn multiplexed(&self) -> Option<Self> {
        match &self.carrier {
            Carrier::Http1(_) => None,
            Carrier::Http2(streams) => Some(Self { carrier: Carrier::Http2(streams.clone()), reused: true }),
        }
    }

    /// Whether the other side has closed it, or sent what nobody asked for, while it was idle.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        match &self.carrier {
            // TLS servers send session tickets when they like; plain ones have nothing to say unasked.
            Carrier::Http1(Stream::Plain(tcp)) => is_stirred(tcp) && peeked(tcp).is_some(),
            Carrier::Http1(Stream::Tls(tls)) => is_stirred(tls.get_ref().0) && peeked(tls.get_ref().0) == Some(0),
            Carrier::Http2(streams) => streams.is_closed(),
        }
    }
}

/// Whether the runtime has been told that there is something to read, or that there may be. Asks no system.
fn is_stirred(tcp: &TcpStream) -> bool {
    tcp.try_read(&mut []).is_ok()
}

/// What waits to be read: `None` for nothing, 0 where the connection was closed.
fn peeked(tcp: &TcpStream) -> Option<usize> {
    let mut byte = [0; 1];
    match tcp.poll_peek(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte)) {
        Poll::Pending => None,
        Poll::Ready(count) => Some(count.unwrap_or(0)),
    }
}

impl Carrier {
    /// The protocol that was asked for, or that TLS has negotiated.
    async fn on(stream: Stream, version: HttpVersion) -> Result<Self, ConnectError> {
        let (scheme, negotiated) = match &stream {
            Stream::Plain(_) => (Scheme::Http, None),
            Stream::Tls(tls) => (Scheme::Https, tls.get_ref().1.alpn_protocol()),
        };
        let http2 = match version {
            HttpVersion::Auto => negotiated == Some(b"h2"),
            HttpVersion::Http1 => false,
            HttpVersion::Http2 => true,
        };
        if !http2 {
            return Ok(Self::Http1(stream));
        }
        let opened = match stream {
            Stream::Plain(tcp) => Streams::open(tcp, scheme).await,
            Stream::Tls(tls) => Streams::open(tls, scheme).await,
        };
        opened.map(Self::Http2).map_err(|source| ConnectError::Target { class: FailureClass::Protocol, source })
    }
}

async fn connect_any(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectError> {
    let mut last = ConnectError::Target { class: FailureClass::Connect, source: io::Error::from(io::ErrorKind::AddrNotAvailable) };
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(source) => last = connect_error(source),
        }
        if matches!(last, ConnectError::Local { .. }) {
            break;
        }
    }
    Err(last)
}

fn connect_error(source: io::Error) -> ConnectError {
    use rustix::io::Errno;
    match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE | Errno::NFILE) => ConnectError::Local { code: "descriptors", source },
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => ConnectError::Local { code: "ports", source },
        Some(Errno::NOBUFS | Errno::NOMEM) => ConnectError::Local { code: "memory", source },
        _ => ConnectError::Target { class: FailureClass::Connect, source },
    }
}

fn handshake_error(source: io::Error) -> ConnectError {
    ConnectError::Target { class: FailureClass::Tls, source }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    fn in_runtime<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn to(addresses: &[SocketAddr]) -> Endpoints {
        Endpoints { addresses: addresses.to_vec(), tls: None, version: HttpVersion::Auto }
    }

    async fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    async fn becomes_stale(connection: &Connection) -> bool {
        for _ in 0..100 {
            if connection.is_stale() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        false
    }

    #[test]
    fn a_connection_is_stale_once_the_other_side_has_closed_it_or_spoken_unasked() {
        in_runtime(async {
            let (listener, address) = listener().await;
            let connection = Connection::open(&to(&[address])).await.unwrap();
            let (served, _) = listener.accept().await.unwrap();
            assert!(!connection.is_stale() && !connection.reused);
            drop(served);
            assert!(becomes_stale(&connection).await);
            let connection = Connection::open(&to(&[address])).await.unwrap();
            let (mut served, _) = listener.accept().await.unwrap();
            served.write_all(b"HTTP/1.1 408 Too late\r\n\r\n").await.unwrap();
            assert!(becomes_stale(&connection).await);
        });
    }

    #[test]
    fn the_first_address_that_answers_is_taken() {
        in_runtime(async {
            let (closed, nobody) = listener().await;
            drop(closed);
            let (_listener, address) = listener().await;
            assert!(Connection::open(&to(&[nobody, address])).await.is_ok());
            let refused = Connection::open(&to(&[nobody])).await.unwrap_err();
            assert!(
                matches!(refused, ConnectError::Target { class: FailureClass::Connect, source } if source.kind() == io::ErrorKind::ConnectionRefused)
            );
        });
    }

    #[test]
    fn limits_of_this_machine_are_not_the_targets_failures() {
        use rustix::io::Errno;
        for (errno, code) in
            [(Errno::MFILE, "descriptors"), (Errno::NFILE, "descriptors"), (Errno::ADDRNOTAVAIL, "ports"), (Errno::NOBUFS, "memory")]
        {
            let error = connect_error(io::Error::from_raw_os_error(errno.raw_os_error()));
            assert!(matches!(error, ConnectError::Local { code: told, .. } if told == code), "{error:?}");
        }
        let error = connect_error(io::Error::from_raw_os_error(Errno::HOSTUNREACH.raw_os_error()));
        assert!(matches!(error, ConnectError::Target { class: FailureClass::Connect, .. }), "{error:?}");
    }
}
