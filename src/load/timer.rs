//! A timer that is finer than the runtime's millisecond: what is due at 3,000/s is due every 0.3 ms.

use std::time::Instant;

/// Waits on a timerfd where the system has one, else on the runtime's timer.
#[derive(Debug)]
pub struct FineTimer {
    #[cfg(target_os = "linux")]
    fd: Option<linux::TimerFd>,
}

impl FineTimer {
    /// Must be called inside a runtime.
    #[must_use]
    pub fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            fd: linux::TimerFd::new().ok(),
        }
    }

    /// Waits until `wake`; returns at once where that is past.
    pub async fn sleep_until(&self, wake: Instant) {
        #[cfg(target_os = "linux")]
        if let Some(fd) = &self.fd
            && fd.sleep_until(wake).await.is_ok()
        {
            return;
        }
        tokio::time::sleep_until(tokio::time::Instant::from_std(wake)).await;
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::{Duration, Instant};

    use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct TimerFd(AsyncFd<OwnedFd>);

    impl TimerFd {
        #[expect(deprecated, reason = "an owned descriptor stays open as long as it is registered; the replacement is unsafe")]
        pub(super) fn new() -> io::Result<Self> {
            let fd = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            Ok(Self(AsyncFd::with_interest(fd, Interest::READABLE)?))
        }

        pub(super) async fn sleep_until(&self, wake: Instant) -> io::Result<()> {
            loop {
                let left = wake.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Ok(());
                }
                self.arm(left)?;
                let mut ready = self.0.readable().await?;
                let mut expirations = [0; 8];
                // It fires once for each arming, so there is nothing more to come; an early wake-up only looks at the clock again.
                let _ = rustix::io::read(self.0.get_ref(), &mut expirations);
                ready.clear_ready();
            }
        }

        fn arm(&self, left: Duration) -> io::Result<()> {
            let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
            let it_value = Timespec { tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: left.subsec_nanos().into() };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value })?;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_is_never_short_and_can_be_repeated() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let timer = FineTimer::new();
            for micros in [0, 50, 300, 1500] {
                let wake = Instant::now() + Duration::from_micros(micros);
                timer.sleep_until(wake).await;
                assert!(Instant::now() >= wake);
            }
        });
    }
}
