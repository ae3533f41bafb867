//! Proof that a gate can go red: a proxy on this machine that stands before the target and makes it worse in a known way.
//! It works on bytes, so that TLS and any version of HTTP pass through it. What is judged of it is not known here.

mod proxy;

pub use self::proxy::Proxy;

/// How the target is made worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// Every answer takes 20 % longer.
    Slower,
    /// One answer in twenty takes three times as long.
    Tail,
    /// One request in twenty is answered with an error.
    Errors,
}

impl Disturbance {
    pub const ALL: [Self; 3] = [Self::Slower, Self::Tail, Self::Errors];

    /// In words, as what was done to the target.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Slower => "20 % slower",
            Self::Tail => "one in twenty three times as slow",
            Self::Errors => "one in twenty an error",
        }
    }
}
