//! The order in which jobs that run at the same time are served, call by call, so that a race happens by order and not by
//! luck. What the calls are for is not known here.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// Whoever waits longer for its turn never gets it: the test says which one is left.
const PATIENCE: Duration = Duration::from_secs(30);

/// A job and its call: `("601", "POST")`.
pub type Turn = (&'static str, &'static str);

/// Turns that are still to come.
pub struct Turns {
    left: Mutex<VecDeque<Turn>>,
    moved: Condvar,
}

impl Turns {
    pub fn new(order: &[Turn]) -> Self {
        Self { left: Mutex::new(order.iter().copied().collect()), moved: Condvar::new() }
    }

    /// Serves a call when it is its turn. After the last turn nobody waits.
    pub fn serve<R>(&self, job: &str, call: &str, work: impl FnOnce() -> R) -> R {
        let is_next = |left: &VecDeque<Turn>| left.front().is_none_or(|next| *next == (job, call));
        let waited = self.moved.wait_timeout_while(self.left.lock().unwrap(), PATIENCE, |left| !is_next(left));
        let (mut left, waited) = waited.unwrap();
        let done = work();
        if !waited.timed_out() {
            left.pop_front();
        }
        self.moved.notify_all();
        done
    }

    /// Those that nobody took.
    pub fn left(&self) -> Vec<Turn> {
        self.left.lock().unwrap().iter().copied().collect()
    }
}
