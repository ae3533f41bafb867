//! What the operating system tells of this machine: how many descriptors there are, and how much time was stolen.

/// Descriptors that the program itself needs besides the load's.
pub const OWN_DESCRIPTORS: u64 = 64;

/// How many connections may be open at once, after the soft limit has been raised as far as it goes.
#[cfg(unix)]
#[must_use]
pub fn descriptor_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let limit = if raised { maximum } else { current };
    limit.unwrap_or(u64::MAX).saturating_sub(OWN_DESCRIPTORS)
}

#[cfg(not(unix))]
#[must_use]
pub fn descriptor_limit() -> u64 {
    u64::MAX - OWN_DESCRIPTORS
}

/// Pairs of descriptors that a runtime takes to begin with.
#[cfg(unix)]
const PAIRS: usize = 4;

/// Whether the system gives the few descriptors that tokio's first runtime takes for granted: it panics without.
///
/// # Errors
/// What the system says, where it does not.
#[cfg(unix)]
pub fn try_descriptors() -> std::io::Result<()> {
    let pairs: Vec<_> = (0..PAIRS).map(|_| std::os::unix::net::UnixStream::pair()).collect::<Result<_, _>>()?;
    drop(pairs);
    Ok(())
}

#[cfg(not(unix))]
pub fn try_descriptors() -> std::io::Result<()> {
    Ok(())
}

/// CPU time of the whole machine, in ticks.
#[derive(Debug, Clone, Copy)]
pub struct CpuTimes {
    pub stolen: u64,
    pub total: u64,
}

impl CpuTimes {
    /// Now, from `/proc/stat`. `None` where the system does not tell.
    #[must_use]
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line holds user, nice, system, idle, iowait, irq, softirq and steal (proc(5)); guest time is part of user.
    fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { stolen: *ticks.get(7)?, total: ticks.iter().sum() })
    }
}

/// Connections of this machine that have ended and still hold their port, from `/proc/net/sockstat` (`TCP: inuse 5 orphan 0
/// tw 12 ..`). `None` where the system does not tell.
#[must_use]
pub fn waiting_ports() -> Option<u64> {
    tw_of(&std::fs::read_to_string("/proc/net/sockstat").ok()?)
}

fn tw_of(sockstat: &str) -> Option<u64> {
    let tcp = sockstat.lines().find_map(|line| line.strip_prefix("TCP:"))?;
    tcp.split_whitespace().skip_while(|word| *word != "tw").nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steal_is_the_eighth_number() {
        let times = CpuTimes::parse("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3\n").unwrap();
        assert_eq!((times.stolen, times.total), (80, 360));
        assert!(CpuTimes::parse("intr 5\n").is_none());
    }

    #[test]
    fn ports_that_wait_are_named_tw() {
        assert_eq!(tw_of("sockets: used 9\nTCP: inuse 5 orphan 0 tw 28123 alloc 7 mem 1\nUDP: inuse 0\n"), Some(28_123));
        assert!(tw_of("").is_none());
    }
}
