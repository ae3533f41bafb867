//! Whether to ask once more, and when: what an answer says about waiting, held against the time that is left. Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::Answer;

/// How often one question is asked at most.
const TRIES: u32 = 3;

/// What follows from an answer, or from none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The answer counts, whatever it says.
    Take,
    /// Ask once more after this long, never earlier.
    Again(Duration),
    /// Waiting is of no use; why, in words.
    GiveUp(String),
}

/// Decides after the `tries`-th try, `None` standing for no answer; `left` is the time that may still be spent.
#[must_use]
pub fn next(answer: Option<&Answer>, tries: u32, left: Duration, now: Timestamp) -> Next {
    let Some(answer) = answer else { return again_after(backoff(tries, now), tries, left, "no answer") };
    let told = answer.header("retry-after").map(|text| retry_after(text, now));
    match answer.status {
        403 | 429 => {
            let limited = answer.status == 429 || told.is_some() || answer.mentions("rate limit");
            let reset = answer.header("x-ratelimit-remaining").is_some_and(|left| left == "0").then(|| reset_of(answer, now)).flatten();
            match (told, reset) {
                (Some(Some(wait)), _) => again_after(wait, tries, left, "rate limited"),
                (_, Some((wait, until))) => again_after(wait, tries, left, &format!("rate limited until {until}")),
                _ if limited => Next::GiveUp("rate limited, without saying for how long".to_owned()),
                _ => Next::Take,
            }
        }
        408 | 500 | 502 | 503 | 504 => {
            let wait = told.flatten().unwrap_or_else(|| backoff(tries, now));
            again_after(wait, tries, left, &format!("status {}", answer.status))
        }
        _ => Next::Take,
    }
}

fn again_after(wait: Duration, tries: u32, left: Duration, why: &str) -> Next {
    if tries >= TRIES {
        Next::GiveUp(format!("{why}, {tries} times"))
    } else if wait > left {
        Next::GiveUp(format!("{why}; the wait of {} s is longer than the {} s that are left", wait.as_secs(), left.as_secs()))
    } else {
        Next::Again(wait)
    }
}

/// 1 s, 2 s, 4 s, each up to a half longer, so that two jobs that failed together do not come back together.
fn backoff(tries: u32, now: Timestamp) -> Duration {
    let second = Duration::from_secs(1 << tries.saturating_sub(1).min(4));
    second + second * now.subsec_nanosecond().unsigned_abs().rem_euclid(1000) / 2000
}

/// Seconds or a date; `None` where it is neither.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTimeParser::new().parse_timestamp(text.trim()).ok()?;
    Some(between(now, until))
}

/// How long until the limit is lifted, and when that is.
fn reset_of(answer: &Answer, now: Timestamp) -> Option<(Duration, Timestamp)> {
    let until = Timestamp::from_second(answer.header("x-ratelimit-reset")?.parse().ok()?).ok()?;
    Some((between(now, until), until))
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn now() -> Timestamp {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Answer { status, headers, body: body.into() }
    }

    fn after(status: u16, headers: &[(&str, &str)], body: &str, tries: u32) -> Next {
        next(Some(&answer(status, headers, body)), tries, MINUTE, now())
    }

    #[test]
    fn a_wait_that_is_told_is_kept_and_one_that_is_too_long_is_not_begun() {
        assert_eq!(after(429, &[("retry-after", "5")], "", 1), Next::Again(Duration::from_secs(5)));
        assert_eq!(after(403, &[("retry-after", "60")], "", 1), Next::Again(MINUTE));
        assert_eq!(after(429, &[("retry-after", "Fri, 20 Nov 2026 12:00:07 GMT")], "", 1), Next::Again(Duration::from_secs(7)));
        assert_eq!(after(503, &[("retry-after", "3")], "", 1), Next::Again(Duration::from_secs(3)));
        for wait in ["61", "99999999", "18446744073709551615", "-1", "soon", "18446744073709551616"] {
            assert!(matches!(after(429, &[("retry-after", wait)], "", 1), Next::GiveUp(_)), "{wait}");
        }
        let limited = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795178400")];
        let Next::GiveUp(why) = after(403, &limited, "", 1) else { panic!("it waits for forty minutes") };
        assert!(why.starts_with("rate limited until 2026-11-20T"), "{why}");
    }

    #[test]
    fn no_permission_is_an_answer_and_a_secondary_limit_is_none() {
        assert_eq!(after(403, &[], "Resource not accessible by integration", 1), Next::Take);
        assert!(matches!(after(403, &[], "You have exceeded a secondary rate limit", 1), Next::GiveUp(_)));
        for status in [200, 201, 302, 401, 404, 410, 422] {
            assert_eq!(after(status, &[], "", 1), Next::Take);
        }
    }

    #[test]
    fn a_failing_service_is_asked_three_times() {
        for status in [500, 502, 503, 504] {
            for (tries, least) in [(1, 1), (2, 2)] {
                let Next::Again(wait) = after(status, &[], "", tries) else { panic!("{status} is not asked again") };
                assert!(wait >= Duration::from_secs(least) && wait <= Duration::from_secs(2 * least), "{wait:?}");
            }
            assert_eq!(after(status, &[], "", 3), Next::GiveUp(format!("status {status}, 3 times")));
        }
        assert!(matches!(next(None, 1, MINUTE, now()), Next::Again(_)));
        assert!(matches!(next(None, 1, Duration::ZERO, now()), Next::GiveUp(_)));
    }
}
