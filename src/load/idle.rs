//! Users of an open load that wait for their next start: the one that came last goes first, its connection being the
//! freshest, so that those beyond need stay at the bottom and can be told. What a user is, is not known here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Users of one kind without a task.
#[derive(Debug)]
pub struct Idle<T> {
    /// Each with when it came here.
    users: VecDeque<(Instant, T)>,
    /// Whoever was not needed for so long goes.
    unneeded_after: Duration,
}

impl<T> Idle<T> {
    pub fn new(unneeded_after: Duration) -> Self {
        Self { users: VecDeque::new(), unneeded_after }
    }

    pub fn push(&mut self, user: T, now: Instant) {
        self.users.push_back((now, user));
    }

    pub fn pop(&mut self) -> Option<T> {
        self.users.pop_back().map(|(_, user)| user)
    }

    /// The one that was not needed for longest, if that was too long; the last one always stays.
    pub fn pop_unneeded(&mut self, now: Instant) -> Option<T> {
        let is_unneeded = |since: Instant| now.saturating_duration_since(since) >= self.unneeded_after;
        if self.users.len() < 2 || !self.users.front().is_some_and(|&(since, _)| is_unneeded(since)) {
            return None;
        }
        self.users.pop_front().map(|(_, user)| user)
    }

    /// All of them.
    pub fn take(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.users).into_iter().map(|(_, user)| user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_needed_goes_and_one_stays() {
        let begin = Instant::now();
        let at = |second| begin + Duration::from_secs(second);
        let mut idle = Idle::new(Duration::from_secs(30));
        for user in ["a", "b", "c"] {
            idle.push(user, at(0));
        }
        assert_eq!(idle.pop_unneeded(at(29)), None);
        // The last one serves every second.
        for second in 1..=30 {
            let busy = idle.pop().unwrap();
            assert_eq!(busy, "c");
            idle.push(busy, at(second));
        }
        assert_eq!([idle.pop_unneeded(at(30)), idle.pop_unneeded(at(30)), idle.pop_unneeded(at(90))], [Some("a"), Some("b"), None]);
        assert_eq!(idle.take().collect::<Vec<_>>(), ["c"]);
        assert_eq!(idle.pop(), None);
    }
}
