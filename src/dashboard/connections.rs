//! Sockets of the dashboard: so many at once, so long for a head, and all of them gone when it ends. What is asked on them
//! is not known here.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

/// So many connections at once; more are closed unheard.
const CONNECTIONS: usize = 64;
/// So long may the head of a request take.
const HEAD: Duration = Duration::from_secs(5);
/// So large may it be.
const HEAD_BYTES: usize = 16 * 1024;
/// So long may what was sent stay untaken: whoever stops reading gives its connection back.
const TAKEN_WITHIN: Duration = Duration::from_secs(20);
/// After an accept that failed, as it does without free descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The address of this machine on which a request came in.
#[derive(Debug, Clone, Copy)]
pub(super) struct CameInOn(pub IpAddr);

/// Answers until told to stop; then every connection ends with the runtime.
pub(super) async fn serve(listeners: Vec<TcpListener>, router: Router, stopped: oneshot::Receiver<()>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    for listener in listeners {
        tokio::spawn(accept(listener, router.clone(), Arc::clone(&slots)));
    }
    let _ = stopped.await;
}

async fn accept(listener: TcpListener, router: Router, slots: Arc<Semaphore>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            let router = router.clone();
            tokio::spawn(async move {
                answer(stream, router, TAKEN_WITHIN).await;
                drop(slot);
            });
        }
    }
}

async fn answer(stream: TcpStream, router: Router, taken_within: Duration) {
    let Ok(own) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true);
    give_up_after(&stream, taken_within);
    let pages = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(CameInOn(own.ip().to_canonical()));
        let answered = pages.call(request);
        async move { Ok::<_, Infallible>(answered.await.unwrap_or_else(|never| match never {})) }
    });
    let mut connection = http1::Builder::new();
    connection.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES);
    // A connection that breaks is its client's loss.
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(target_os = "linux")]
fn give_up_after(stream: &TcpStream, taken_within: Duration) {
    // Where it cannot be set, the connection keeps its slot until its client goes.
    let _ = rustix::net::sockopt::set_tcp_user_timeout(stream, u32::try_from(taken_within.as_millis()).unwrap_or(u32::MAX));
}

#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &TcpStream, _: Duration) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::routing::get;
    use futures_util::StreamExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_stops_reading_gives_its_connection_back() {
        let endless =
            || async { Body::from_stream(futures_util::stream::repeat(Bytes::from(vec![b'x'; 65_536])).map(Ok::<_, Infallible>)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        let answered = answer(stream, Router::new().route("/", get(endless)), Duration::from_millis(500));
        assert!(tokio::time::timeout(Duration::from_secs(30), answered).await.is_ok(), "it is still answered");
        drop(client);
    }
}
