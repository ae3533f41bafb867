//! Why a request failed, from the words that a tool found for it.

use std::borrow::Cow;

use crate::run::FailureClass;

/// Longer words of a tool are cut.
const CAUSE_CHARS: usize = 80;

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) class: FailureClass,
    pub(super) cause: Cow<'static, str>,
}

impl Failure {
    pub(super) fn new(class: FailureClass, cause: impl Into<Cow<'static, str>>) -> Self {
        Self { class, cause: cause.into() }
    }

    /// The server answered with a status that is no success.
    pub(super) fn of_status(status: u16) -> Self {
        Self::new(FailureClass::Status, format!("status {status}"))
    }

    /// From an error text; without a sign of the network it is the tool's own check that failed.
    pub(super) fn of_words(words: &str) -> Self {
        let lower = words.to_lowercase();
        let says = |signs: &[&str]| signs.iter().any(|sign| lower.contains(sign));
        if says(&["timed out", "timeout", "deadline", "etimedout"]) {
            return Self::new(FailureClass::Timeout, "no answer in time");
        }
        if says(&["refused", "econnrefused", "unreachable", "cannot assign requested address", "dial", "connectexception"]) {
            return Self::new(FailureClass::Connect, "connection refused or unreachable");
        }
        if says(&[
            "enotfound",
            "name resolution",
            "unknownhost",
            "no such host",
            "dns",
            "eai_again",
            "getaddrinfo",
            "name or service not known",
        ]) {
            return Self::new(FailureClass::Dns, "name not found");
        }
        if says(&["certificate", "tls", "ssl", "x509"]) {
            return Self::new(FailureClass::Tls, "TLS failed");
        }
        if says(&[
            "reset",
            "econnreset",
            "broken pipe",
            "epipe",
            "unexpected eof",
            "remotedisconnected",
            "closed",
            "socket hang up",
            "nohttpresponse",
        ]) {
            return Self::new(FailureClass::Reset, "connection closed");
        }
        match status_in(words) {
            Some(status) => Self::of_status(status),
            None => Self::new(FailureClass::Check, shortened(words)),
        }
    }
}

/// The status that an error text names: `500 Server Error: ..`, `status 503`, `HTTP 404`.
pub(super) fn status_in(words: &str) -> Option<u16> {
    words
        .split(|character: char| !character.is_ascii_alphanumeric())
        .take(6)
        .filter(|word| word.len() == 3)
        .find_map(|word| word.parse().ok().filter(|status| (400..600).contains(status)))
}

/// One line that fits into a report.
fn shortened(words: &str) -> String {
    let line: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect();
    match line.chars().count() {
        0 => "failed".into(),
        count if count > CAUSE_CHARS => line.chars().take(CAUSE_CHARS - 2).chain("..".chars()).collect(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_tools_are_classes() {
        for (words, class, cause) in [
            ("HTTPError('500 Server Error: Internal Server Error for url: /err')", FailureClass::Status, "status 500"),
            ("ConnectionRefusedError(111, 'Connection refused')", FailureClass::Connect, "connection refused or unreachable"),
            ("Non HTTP response code: java.net.SocketTimeoutException", FailureClass::Timeout, "no answer in time"),
            ("errors.ENOTFOUND", FailureClass::Dns, "name not found"),
            ("x509: certificate signed by unknown authority", FailureClass::Tls, "TLS failed"),
            ("RemoteDisconnected('Remote end closed connection without response')", FailureClass::Reset, "connection closed"),
            ("CatchResponseError('wrong total')", FailureClass::Check, "CatchResponseError('wrong total')"),
            ("", FailureClass::Check, "failed"),
        ] {
            assert_eq!(Failure::of_words(words), Failure::new(class, cause), "{words}");
        }
        assert_eq!(Failure::of_words(&"x".repeat(500)).cause.chars().count(), CAUSE_CHARS);
    }
}
