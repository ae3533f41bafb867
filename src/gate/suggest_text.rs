//! Proposed limits as a threshold file, ready to paste, each with what it rests on.

use std::fmt::Write as _;
use std::time::Duration;

use super::suggest::{ChangeLimits, EndpointSuggestion, FailureSuggestion, LatencyLimits, LatencySuggestion, Suggestion};
use crate::units::{Percentile, format_count, format_duration, format_millis, format_share};

/// With so many runs their own noise outweighs what is usual elsewhere.
const ENOUGH_RUNS: usize = 10;

impl Suggestion {
    /// The file. `source` says where the runs came from.
    #[must_use]
    pub fn to_yaml(&self, source: &str) -> String {
        let Self { scenario, runs, oldest, newest, failures_of_any, endpoints } = self;
        let (from, to) = (oldest.strftime("%Y-%m-%d"), newest.strftime("%Y-%m-%d"));
        let mut text = format!("# Suggested from {runs} runs of {} in {}, {from} to {to}.\n", one_line(scenario), one_line(source));
        let red = format_share((self.false_alarm() * 10_000.0).ceil() / 10_000.0);
        let _ = writeln!(text, "# At most {red} of the runs of an unchanged release would be red, by the noise of these runs.");
        if *runs < ENOUGH_RUNS {
            let _ = writeln!(text, "# {runs} runs tell little of their noise: with {ENOUGH_RUNS}, `max` and `must_detect` come closer.");
        }
        let _ = writeln!(text, "version: 1\nscenario: {}", quoted(scenario));
        if let Some(limit) = failures_of_any {
            let _ = writeln!(text, "defaults: {{failures: {}}}  # for endpoints that are new", percent(*limit));
        }
        let _ = writeln!(text, "endpoints:");
        for endpoint in endpoints {
            write_endpoint(&mut text, endpoint);
        }
        text
    }
}

fn write_endpoint(text: &mut String, endpoint: &EndpointSuggestion) {
    let EndpointSuggestion { name, latencies, failures } = endpoint;
    let _ = writeln!(text, "  {}:", quoted(name));
    for (percentile, suggestion) in latencies {
        match suggestion {
            LatencySuggestion::Limits(limits) => write_latency(text, *percentile, limits),
            LatencySuggestion::TooFew { needed, found } => {
                let _ = writeln!(text, "    # {percentile} needs {} requests a run, has {}", format_count(*needed), format_count(*found));
            }
        }
    }
    write_failures(text, failures);
}

fn write_latency(text: &mut String, percentile: Percentile, limits: &LatencyLimits) {
    let LatencyLimits { usual, noise, max, change, false_alarm: _ } = limits;
    let mut rules = format!("max: {}", format_duration(Duration::from_secs_f64(max / 1000.0)));
    if let Some(ChangeLimits { rise, at_least, must_detect }) = change {
        let _ = write!(rules, ", rise: {}", percent(*rise));
        if let Some(millis) = at_least {
            let _ = write!(rules, ", at_least: {}", format_duration(Duration::from_secs_f64(millis / 1000.0)));
        }
        let _ = write!(rules, ", must_detect: {}", percent(*must_detect));
    }
    let compared = if change.is_none() { ", too much to compare runs" } else { "" };
    let (usual, noise) = (format_millis(*usual), format_share(*noise));
    let _ = writeln!(text, "    {percentile}: {{{rules}}}  # {usual}; runs differ by {noise}{compared}");
}

fn write_failures(text: &mut String, failures: &FailureSuggestion) {
    let FailureSuggestion { usual, max, rise, false_alarm: _ } = failures;
    let rules: Vec<String> = [("max", max), ("rise", rise)]
        .into_iter()
        .filter_map(|(term, limit)| limit.map(|limit| format!("{term}: {}", percent(limit))))
        .collect();
    let usual = format_share(*usual);
    let _ = if rules.is_empty() {
        // An endpoint without any rule is not a mapping: the inherited one is said to be off.
        writeln!(text, "    failures: off  # {usual} failed: no limit fits that")
    } else {
        writeln!(text, "    failures: {{{}}}  # {usual} failed", rules.join(", "))
    };
}

/// `0.5%`, `10%`
fn percent(share: f64) -> String {
    format!("{}%", (share * 1000.0).round() / 10.0)
}

/// A key or value of YAML that is this text and nothing else.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '/' | '_' | '.' | '-');
    // `GET /path` and words that YAML might take for something else than text are told apart by their first word.
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && !reserved.contains(&text.to_ascii_lowercase().as_str());
    if is_word && text.chars().all(is_plain) && !text.ends_with(' ') { text.to_owned() } else { escaped(text) }
}

/// In double quotes, with everything escaped that is not plainly seen.
fn escaped(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            ' '..='~' => write!(quoted, "{c}"),
            _ if c.is_alphabetic() => write!(quoted, "{c}"),
            _ => write!(quoted, "\\U{:08X}", u32::from(c)),
        };
    }
    quoted.push('"');
    quoted
}

/// A text that may stand in a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}
