//! k6: points as JSON lines or CSV, and its three summaries.

pub(super) mod csv;
pub(super) mod points;
pub(super) mod summary;

use crate::import::failure::{Failure, status_in};
use crate::run::{FailureClass, Imported, Problem};

/// More dropped iterations than this share, and the load was not the one that was asked for.
const DROPPED_SHARE: f64 = 0.02;

/// What k6 counts beside the requests.
#[derive(Default)]
struct Beside {
    iterations: f64,
    dropped: f64,
    checks: f64,
    failed_checks: f64,
    untimed: u64,
}

impl Beside {
    /// Notes, warnings and what makes the load doubtful.
    fn tell(&self, imported: &mut Imported) -> Vec<Problem> {
        if self.failed_checks > 0.0 {
            let text = format!(
                "{} of {} k6 checks failed; k6 does not say of which request, so they are not counted as failures",
                self.failed_checks, self.checks
            );
            imported.warnings.push(text);
        }
        if self.untimed > 0 {
            let text = format!("{} requests timed out, and k6 gives them no duration: the latency leaves them out", self.untimed);
            imported.warnings.push(text);
        }
        let asked = self.iterations + self.dropped;
        if self.dropped <= 0.0 || self.dropped <= asked * DROPPED_SHARE {
            return Vec::new();
        }
        let text = format!(
            "k6 dropped {} of {asked} iterations: it had no free virtual user; raise maxVUs, or the load was more than the target takes",
            self.dropped
        );
        vec![Problem { code: "not_sent".into(), text }]
    }
}

/// What k6's tags say of a request that failed. `None` for one that did not; an error where they don't tell.
fn failure(expected: Option<&str>, status: Option<&str>, code: Option<&str>, error: Option<&str>) -> Result<Option<Failure>, &'static str> {
    let number: Option<u16> = status.and_then(|status| status.parse().ok());
    let failed = match (expected, number) {
        (Some("true"), _) => false,
        (Some("false"), _) => true,
        (_, Some(number)) => !(200..400).contains(&number),
        _ => return Err("the point has neither the tag `expected_response` nor `status`: it can't be told whether the request failed"),
    };
    if !failed {
        return Ok(None);
    }
    if let Some(number) = number.filter(|number| *number > 0) {
        return Ok(Some(Failure::of_status(number)));
    }
    let code: u16 = code.and_then(|code| code.parse().ok()).unwrap_or(0);
    let words = error.unwrap_or_default();
    Ok(Some(match code {
        1050 => Failure::new(FailureClass::Timeout, "no answer in time"),
        1100..=1199 => Failure::new(FailureClass::Dns, "name not found"),
        1220 | 1221 => Failure::new(FailureClass::Reset, "connection closed"),
        1200..=1299 => Failure::new(FailureClass::Connect, "connection refused or unreachable"),
        1300..=1399 => Failure::new(FailureClass::Tls, "TLS failed"),
        1600..=1799 => Failure::new(FailureClass::Protocol, format!("k6 error {code}")),
        _ if status_in(words).is_some() || !words.is_empty() => Failure::of_words(words),
        _ => Failure::new(FailureClass::Protocol, "no answer"),
    }))
}

const TAGS_HINT: &str = "leave `expected_response` and `status` in k6's systemTags";
