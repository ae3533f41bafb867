//! The embedded demo API on a thread of its own, as staging would be: another process's business.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::JoinHandle;

use perfgate::demo::{DemoOptions, DemoServer, Regression};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A release of the shop, deployed on a free port of this machine until it is dropped.
pub struct Shop {
    address: SocketAddr,
    stopping: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Shop {
    pub fn deploy(regression: Option<Regression>) -> Self {
        let (stopping, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let server = DemoServer::start(listener, DemoOptions { regression, seed: 1 }).await.unwrap();
                ready.send(server.address()).unwrap();
                let _ = stopped.await;
                server.stop().await;
            });
        });
        Self { address: started.recv().unwrap(), stopping: Some(stopping), thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.stopping.take().map(|stopping| stopping.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
