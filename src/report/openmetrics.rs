//! `OpenMetrics` text: what each endpoint did in the judged phases, for GitLab's metrics report and for whatever scrapes files.

use std::fmt::Write as _;

use super::sanitize::line;
use crate::run::{PhaseSelection, Run, Summary};
use crate::units::Percentile;

/// The exposition, ending with `# EOF`.
pub(super) fn exposition(run: &Run) -> String {
    let endpoints: Vec<(String, Summary)> =
        run.endpoints.iter().map(|endpoint| (label(&endpoint.name), run.summary(endpoint, PhaseSelection::Judged))).collect();
    let scenario = label(&run.scenario.name);
    let mut text = String::new();
    family(&mut text, "perfgate_requests", "gauge", None, "Requests due in the judged phases.");
    for (endpoint, summary) in &endpoints {
        let _ = writeln!(text, "perfgate_requests{{scenario=\"{scenario}\",endpoint=\"{endpoint}\"}} {}", summary.counts.requests);
    }
    family(&mut text, "perfgate_failure_ratio", "gauge", Some("ratio"), "Failed requests over all requests.");
    for (endpoint, summary) in &endpoints {
        if let Some(rate) = summary.counts.failure_rate() {
            let _ = writeln!(text, "perfgate_failure_ratio{{scenario=\"{scenario}\",endpoint=\"{endpoint}\"}} {rate}");
        }
    }
    family(&mut text, "perfgate_latency_seconds", "gauge", Some("seconds"), "Latency that this share of the requests did not exceed.");
    for (endpoint, summary) in &endpoints {
        for percentile in Percentile::ALL {
            let Some(millis) = summary.latency.percentile_ms(percentile) else { continue };
            let labels = format!("scenario=\"{scenario}\",endpoint=\"{endpoint}\",quantile=\"{}\"", percentile.fraction());
            let _ = writeln!(text, "perfgate_latency_seconds{{{labels}}} {}", millis / 1000.0);
        }
    }
    text + "# EOF\n"
}

fn family(text: &mut String, name: &str, kind: &str, unit: Option<&str>, help: &str) {
    let _ = writeln!(text, "# TYPE {name} {kind}");
    if let Some(unit) = unit {
        let _ = writeln!(text, "# UNIT {name} {unit}");
    }
    let _ = writeln!(text, "# HELP {name} {help}");
}

/// A label's value: what could end it is escaped.
fn label(value: &str) -> String {
    line(value).replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn endpoints_are_labels_and_figures_are_in_base_units() {
        insta::assert_snapshot!("openmetrics", exposition(&samples::run()));
    }

    #[test]
    fn no_label_brings_a_metric_of_its_own() {
        let (_, run) = samples::hostile("\"} 1\nevil{x=\"\\");
        let text = exposition(&run);
        assert!(text.lines().all(|line| line.starts_with("# ") || line.starts_with("perfgate_")), "{text}");
        assert!(text.contains("\\\"} 1 evil{x=\\\"\\\\\""), "{text}");
    }
}
