//! The exit codes: an interface that other people's pipelines rely on, with their names, meanings and precedence.

use std::fmt;

/// What the process ends with. The numbers are a public contract and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitCode {
    Pass,
    GateFailed,
    Usage,
    NoVerdict,
    TargetUnavailable,
    BaselineUnusable,
    NotDelivered,
    Refused,
    Internal,
    AbortedByHup,
    AbortedByInt,
    AbortedByTerm,
}

impl ExitCode {
    /// Every code, in the order of its number.
    pub const ALL: [Self; 12] = [
        Self::Pass,
        Self::GateFailed,
        Self::Usage,
        Self::NoVerdict,
        Self::TargetUnavailable,
        Self::BaselineUnusable,
        Self::NotDelivered,
        Self::Refused,
        Self::Internal,
        Self::AbortedByHup,
        Self::AbortedByInt,
        Self::AbortedByTerm,
    ];

    /// The number that the shell sees.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::GateFailed => 1,
            Self::Usage => 2,
            Self::NoVerdict => 3,
            Self::TargetUnavailable => 4,
            Self::BaselineUnusable => 5,
            Self::NotDelivered => 6,
            Self::Refused => 7,
            Self::Internal => 70,
            Self::AbortedByHup => 129,
            Self::AbortedByInt => 130,
            Self::AbortedByTerm => 143,
        }
    }

    /// The code of a number, `None` where no code has it.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// Its short name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::GateFailed => "gate failed",
            Self::Usage => "usage",
            Self::NoVerdict => "no verdict",
            Self::TargetUnavailable => "target unavailable",
            Self::BaselineUnusable => "baseline unusable",
            Self::NotDelivered => "not delivered",
            Self::Refused => "refused",
            Self::Internal => "internal",
            Self::AbortedByHup | Self::AbortedByInt | Self::AbortedByTerm => "aborted",
        }
    }

    /// One line of meaning, and what a pipeline does about it.
    #[must_use]
    pub const fn meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Pass => ("every check evaluated on enough data, within limits (warnings allowed)", "go on"),
            Self::GateFailed => ("a measured breach, and nothing else ever", "fix the code"),
            Self::Usage => ("flags, scenario, thresholds or input limits", "fix the config"),
            Self::NoVerdict => ("too few samples, an endpoint without any, a saturated generator, not comparable", "rerun"),
            Self::TargetUnavailable => ("preflight failed: DNS, TCP, TLS or `ready`", "fix staging"),
            Self::BaselineUnusable => ("a baseline that was named or required is missing, corrupt or untrusted", "fix the baseline"),
            Self::NotDelivered => ("a result could not be written, or a required publication failed", "fix the runner"),
            Self::Refused => ("a safety rule: production, foreign host, blocked address, limits", "ask the owner"),
            Self::Internal => ("a bug in perfgate", "report it"),
            Self::AbortedByHup => ("SIGHUP; partial results kept", "-"),
            Self::AbortedByInt => ("SIGINT; partial results kept", "-"),
            Self::AbortedByTerm => ("SIGTERM; partial results kept", "-"),
        }
    }

    /// Where several apply, the one with the highest rank wins: a proven breach beats "don't know",
    /// and a delivery problem never hides either.
    const fn rank(self) -> u8 {
        match self {
            Self::Internal => 9,
            Self::Refused => 8,
            Self::Usage => 7,
            Self::AbortedByHup | Self::AbortedByInt | Self::AbortedByTerm => 6,
            Self::GateFailed => 5,
            Self::TargetUnavailable => 4,
            Self::BaselineUnusable => 3,
            Self::NoVerdict => 2,
            Self::NotDelivered => 1,
            Self::Pass => 0,
        }
    }

    /// The one that wins where both apply.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number(), self.name())
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precedence_is_the_documented_order() {
        let order = [
            ExitCode::Internal,
            ExitCode::Refused,
            ExitCode::Usage,
            ExitCode::AbortedByInt,
            ExitCode::GateFailed,
            ExitCode::TargetUnavailable,
            ExitCode::BaselineUnusable,
            ExitCode::NoVerdict,
            ExitCode::NotDelivered,
            ExitCode::Pass,
        ];
        for (index, better) in order.iter().enumerate() {
            for worse in &order[index..] {
                assert_eq!(better.worse(*worse), *better);
                assert_eq!(worse.worse(*better), *better);
            }
        }
    }

    #[test]
    fn every_number_leads_back_to_its_code() {
        for code in ExitCode::ALL {
            assert_eq!(ExitCode::from_number(code.number()), Some(code));
        }
        assert_eq!(ExitCode::from_number(101), None);
    }
}
