//! Bringing the history up to date whenever somebody looks at it: whoever makes a page wishes for it and waits a moment, its
//! owner does it on a thread of its own. What there is to do is not known here.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// What was done so recently need not be done again.
const FRESH: Duration = Duration::from_secs(2);
/// So long a page waits; a history that takes longer is seen with the next look, so that no page takes long.
const PATIENCE: Duration = Duration::from_millis(40);

/// Where wishes go.
#[derive(Debug, Clone)]
pub struct Upkeep {
    wishes: SyncSender<()>,
    done: watch::Receiver<Option<Instant>>,
}

/// Where they arrive.
#[derive(Debug)]
pub struct Wished {
    wishes: Receiver<()>,
    done: watch::Sender<Option<Instant>>,
}

impl Upkeep {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Self, Wished) {
        let (sender, wishes) = sync_channel(1);
        let (tell, done) = watch::channel(None);
        (Self { wishes: sender, done }, Wished { wishes, done: tell })
    }

    /// Wishes for it, and does not wait.
    pub fn wish(&self) {
        // Somebody who is told already need not be told twice.
        let _ = self.wishes.try_send(());
    }

    /// Wishes for it, and waits a moment until it is done.
    pub(super) async fn catch_up(&self) {
        let mut done = self.done.clone();
        let is_fresh = done.borrow_and_update().is_some_and(|at| at.elapsed() < FRESH);
        self.wish();
        if !is_fresh {
            // Late is as good as never: the page shows what is known.
            let _ = tokio::time::timeout(PATIENCE, done.changed()).await;
        }
    }
}

impl Wished {
    /// It has been done. Waits until it is wished for again; false once nobody can wish any more.
    #[must_use]
    pub fn done(&self) -> bool {
        self.done.send_replace(Some(Instant::now()));
        std::thread::sleep(FRESH);
        self.wishes.recv().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_page_waits_for_it_where_it_is_quick_and_not_at_all_where_it_was_just_done() {
        let (upkeep, wished) = Upkeep::new();
        let work = std::thread::spawn(move || while wished.done() {});
        let begun = Instant::now();
        while upkeep.done.borrow().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let first = *upkeep.done.borrow();
        upkeep.catch_up().await;
        assert_eq!(*upkeep.done.borrow(), first, "it was just done");
        tokio::time::sleep(FRESH).await;
        upkeep.catch_up().await;
        while *upkeep.done.borrow() == first {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not done again");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(upkeep);
        tokio::task::spawn_blocking(|| work.join().unwrap()).await.unwrap();
    }
}
