//! A deadline that costs nothing while answers come in time: the timer stays armed for an earlier deadline, and only
//! when it fires is it looked whether the present one has passed.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Instant;

use tokio::time::{Instant as RuntimeInstant, Sleep, sleep_until};

/// One user's timer, kept from request to request.
#[derive(Debug, Default)]
pub struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// What comes of `future`, or `None` where it has not ended at `deadline`.
    ///
    /// It is handed in pinned, so that a large one is not moved for every request.
    pub async fn within<F: Future>(&mut self, deadline: Instant, mut future: Pin<&mut F>) -> Option<F::Output> {
        let deadline = RuntimeInstant::from_std(deadline);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if sleep.deadline() > deadline {
                sleep.as_mut().reset(deadline);
            }
            while sleep.as_mut().poll(context).is_ready() {
                if RuntimeInstant::now() >= deadline {
                    return Poll::Ready(None);
                }
                sleep.as_mut().reset(deadline);
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(future)
    }

    #[test]
    fn each_deadline_is_kept_whatever_the_timer_was_armed_for() {
        run(async {
            let mut alarm = Alarm::default();
            let begun = RuntimeInstant::now();
            let in_time = |millis| RuntimeInstant::now().into_std() + Duration::from_millis(millis);
            assert_eq!(alarm.within(in_time(100), pin!(sleep(Duration::from_millis(10)))).await, Some(()));
            // Armed for 100 ms, but this one is due at 1,010 ms.
            assert_eq!(alarm.within(in_time(1000), pin!(sleep(Duration::from_secs(60)))).await, None);
            assert_eq!(begun.elapsed().as_millis(), 1010);
            // Armed later than this one.
            assert_eq!(alarm.within(in_time(5000), pin!(sleep(Duration::from_millis(1)))).await, Some(()));
            assert_eq!(alarm.within(in_time(20), pin!(sleep(Duration::from_secs(60)))).await, None);
            assert_eq!(begun.elapsed().as_millis(), 1031);
        });
    }
}
