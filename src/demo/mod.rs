//! The embedded staging API: a small shop whose performance behaves like a real backend's, and which can be started
//! with one known regression. It knows nothing of load or gate; the listener and the runtime are handed in.

mod api;
mod books;
mod catalogue;
mod costs;
mod database;
mod dice;
mod shop;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use self::books::Books;
use self::shop::Shop;

/// How long [`DemoServer::stop`] waits for requests in flight.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// A fault that the shop can be started with, each visible where it would be in life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Regression {
    /// A few searches scan the table: the p99 of `GET /api/search` jumps, its median stays.
    MissingIndex,
    /// One query for each member of a team: `GET /api/teams/:id/members` gets several times slower.
    NPlusOne,
    /// Too few database connections: at the peak everything that queries waits in line.
    SmallPool,
    /// The payment service answers late: `POST /api/checkout` alone gets slower.
    SlowDependency,
    /// `POST /api/checkout` answers 500 now and then, as fast as ever.
    Errors,
}

impl Regression {
    pub const ALL: [Self; 5] = [Self::MissingIndex, Self::NPlusOne, Self::SmallPool, Self::SlowDependency, Self::Errors];

    /// Its name on the command line: `missing-index`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingIndex => "missing-index",
            Self::NPlusOne => "n-plus-one",
            Self::SmallPool => "small-pool",
            Self::SlowDependency => "slow-dependency",
            Self::Errors => "errors",
        }
    }
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no regression has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown regression `{name}`: allowed are {}", Regression::ALL.map(Regression::name).join(", "))]
pub struct UnknownRegression {
    pub name: String,
}

impl FromStr for Regression {
    type Err = UnknownRegression;

    fn from_str(name: &str) -> Result<Self, UnknownRegression> {
        Self::ALL.into_iter().find(|regression| regression.name() == name).ok_or_else(|| UnknownRegression { name: name.into() })
    }
}

/// How the shop is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DemoOptions {
    /// `None` for the healthy shop.
    pub regression: Option<Regression>,
    /// Every simulated time and chance is drawn from it.
    pub seed: u64,
}

/// A shop that is being served. Dropped without [`DemoServer::stop`], it stops in the background.
#[derive(Debug)]
pub struct DemoServer {
    address: SocketAddr,
    shop: Arc<Shop>,
    stopping: oneshot::Sender<()>,
    serving: JoinHandle<io::Result<()>>,
}

impl DemoServer {
    /// Serves the shop on a bound listener, inside the caller's runtime.
    ///
    /// # Errors
    /// Where the listener does not tell its address.
    #[expect(clippy::unused_async, reason = "must be called inside a runtime, and callers need not change once it waits for something")]
    pub async fn start(listener: TcpListener, options: DemoOptions) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shop = Arc::new(Shop::new(options));
        let router = api::router(&shop);
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let (stopping, stopped) = oneshot::channel();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        let serving = tokio::spawn(async { serving.await });
        Ok(Self { address, shop, stopping, serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has answered so far, by its own count.
    #[must_use]
    pub fn books(&self) -> Books {
        self.shop.books()
    }

    /// Takes no new connection, lets requests in flight finish for at most 2 s, and ends.
    pub async fn stop(mut self) {
        let _ = self.stopping.send(());
        if tokio::time::timeout(STOP_GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

#[cfg(test)]
mod tests;
