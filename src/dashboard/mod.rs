//! Runs in a browser: the one that is being made, and those that were kept. Serves pages and an API to this machine alone
//! unless told otherwise. What a load, a scenario or a command is it does not know: it is fed, and asks for what it may.

mod access;
mod api;
mod assets;
mod compare;
mod connections;
mod feed;
mod history_page;
mod kept_report;
mod live;
mod live_page;
mod page;
mod percentiles;
mod query;
mod routes;
mod runs;
mod streams;
#[cfg(test)]
mod tests;
mod trend;
mod upkeep;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use self::access::Access;
pub use self::feed::Feed;
pub use self::live::{Heading, Moment, Phase};
pub use self::routes::Content;
pub use self::runs::{Runs, Wish};
pub use self::upkeep::{Upkeep, Wished};

/// So long whoever follows a run is given to take in the last word, and what was written to get under way.
const LAST_WORD: Duration = Duration::from_millis(500);
const UNDER_WAY: Duration = Duration::from_millis(50);
/// So long its thread is waited for at the end.
const FAREWELL: Duration = Duration::from_millis(200);
/// So long closing takes at most.
pub const CLOSING: Duration = LAST_WORD.saturating_add(UNDER_WAY).saturating_add(FAREWELL);
/// So many pages are made at the same time; others wait.
const PAGES: usize = 2;

/// Whether other machines may reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    ThisMachine,
    /// The user knows that whoever has the address and the token sees every result.
    OtherMachines,
}

/// Why there is no dashboard.
#[derive(Debug, Error)]
pub enum DashboardError {
    #[error("cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("{address} can be reached from other machines")]
    Exposed { address: SocketAddr },
    #[error("this system gives no random numbers for a token: {0}")]
    Randomness(#[from] getrandom::Error),
    #[error("cannot start the dashboard: {0}")]
    Thread(#[source] io::Error),
}

impl DashboardError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Listen { .. } => Some("is the port taken? Port 0, the default, picks a free one"),
            Self::Exposed { .. } => Some("stay on 127.0.0.1 and forward the port, or say --i-know-this-exposes-results"),
            Self::Randomness(_) | Self::Thread(_) => None,
        }
    }
}

/// A dashboard that is being served, on a thread of its own.
#[derive(Debug)]
pub struct Dashboard {
    url: String,
    content: Arc<Content>,
    stopping: oneshot::Sender<()>,
    /// Hangs up when its thread has ended.
    ended: mpsc::Receiver<()>,
}

impl Dashboard {
    /// Serves `content` on `address`; on loopback on both kinds of it.
    ///
    /// # Errors
    /// [`DashboardError`]; nothing is served then.
    pub fn open(address: SocketAddr, reach: Reach, content: Content) -> Result<Self, DashboardError> {
        if !address.ip().is_loopback() && reach == Reach::ThisMachine {
            return Err(DashboardError::Exposed { address });
        }
        let (ready, started) = mpsc::channel();
        let (stopping, stopped) = oneshot::channel();
        let (lives, ended) = mpsc::channel::<()>();
        let content = Arc::new(content);
        let served = Arc::clone(&content);
        let serve = move || {
            let _lives = lives;
            let runtime = match tokio::runtime::Builder::new_current_thread().max_blocking_threads(PAGES).enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(DashboardError::Thread(error)))),
            };
            runtime.block_on(async {
                match prepare(address, served).await {
                    Ok((url, listeners, router)) => {
                        let _ = ready.send(Ok(url));
                        connections::serve(listeners, router, stopped).await;
                    }
                    Err(error) => drop(ready.send(Err(error))),
                }
            });
            // What is still being rendered for somebody is not waited for.
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("dashboard".into()).spawn(serve).map_err(DashboardError::Thread)?;
        let url = started.recv().unwrap_or_else(|_| Err(DashboardError::Thread(io::ErrorKind::Other.into())))?;
        Ok(Self { url, content, stopping, ended })
    }

    /// Where a browser gets in, once: with the token.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets browsers take in what was said last, and ends, whoever is still connected.
    pub fn close(self) {
        let begun = Instant::now();
        while self.content.runs.is_watched() && begun.elapsed() < LAST_WORD {
            std::thread::sleep(UNDER_WAY / 5);
        }
        std::thread::sleep(UNDER_WAY);
        let _ = self.stopping.send(());
        // It only drops what it holds. Where it cannot even do that, the program ends without it.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

async fn prepare(address: SocketAddr, content: Arc<Content>) -> Result<(String, Vec<TcpListener>, axum::Router), DashboardError> {
    let listen =
        |address: SocketAddr| async move { TcpListener::bind(address).await.map_err(|source| DashboardError::Listen { address, source }) };
    let first = listen(address).await?;
    let bound = first.local_addr().map_err(|source| DashboardError::Listen { address, source })?;
    let mut listeners = vec![first];
    // Where the other kind of loopback is missing or taken, the printed address still works.
    if let Some(other) = other_loopback(bound)
        && let Ok(listener) = listen(other).await
    {
        listeners.push(listener);
    }
    let (access, token) = Access::new(bound, content.allows_runs())?;
    let url = format!("http://{}/?token={token}", reachable(bound));
    Ok((url, listeners, routes::router(Arc::new(access), content)))
}

fn other_loopback(bound: SocketAddr) -> Option<SocketAddr> {
    let other = match bound.ip() {
        IpAddr::V4(Ipv4Addr::LOCALHOST) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => return None,
    };
    Some(SocketAddr::new(other, bound.port()))
}

/// Every address is no address to go to: this machine's own is.
fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        ip if !ip.is_unspecified() => bound,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), bound.port()),
        IpAddr::V6(_) => SocketAddr::new(Ipv6Addr::LOCALHOST.into(), bound.port()),
    }
}
