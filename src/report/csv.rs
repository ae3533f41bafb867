//! `stats.csv` with Locust's `_stats.csv` columns, for scripts and plugins that read them. Latency as perfgate counts it:
//! failures other than time-outs are not in it. Judged phases and task endpoints only, so that the rows add up to the last.

use csv::{Terminator, WriterBuilder};

use super::ReportError;
use super::sanitize;
use crate::run::{EndpointRole, PhaseSelection, Run, StatedLatency, Summary};
use crate::units::Percentile;

const HEADER: [&str; 22] = [
    "Type",
    "Name",
    "Request Count",
    "Failure Count",
    "Median Response Time",
    "Average Response Time",
    "Min Response Time",
    "Max Response Time",
    "Average Content Size",
    "Requests/s",
    "Failures/s",
    "50%",
    "66%",
    "75%",
    "80%",
    "90%",
    "95%",
    "98%",
    "99%",
    "99.9%",
    "99.99%",
    "100%",
];
const FRACTIONS: [f64; 11] = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0];

/// One row for each endpoint, then `Aggregated`. Lines end as Locust's do, in CR LF.
pub(super) fn stats(run: &Run) -> Result<String, ReportError> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    let seconds = run.duration_of(PhaseSelection::Judged).as_secs_f64();
    for endpoint in run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task) {
        let (method, name) = endpoint.name.split_once(' ').unwrap_or(("", &endpoint.name));
        let summary = run.summary(endpoint, PhaseSelection::Judged);
        writer.write_record(row([sanitize::csv(method), sanitize::csv(name)], &summary, seconds))?;
    }
    writer.write_record(row([String::new(), "Aggregated".into()], &run.total(PhaseSelection::Judged), seconds))?;
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn row(label: [String; 2], summary: &Summary, seconds: f64) -> Vec<String> {
    let Summary { counts, latency, .. } = summary;
    let (requests, failures) = (counts.requests, counts.failures.total());
    let ratio = |part: u64, whole: f64| if whole > 0.0 { part as f64 / whole } else { 0.0 };
    let or_zero = |millis: Option<f64>| rounded(millis.unwrap_or(0.0));
    let minimum = latency.bins_ms().next().map(|(millis, _)| millis);
    let mut row = Vec::from(label);
    row.extend([requests.to_string(), failures.to_string()]);
    row.extend([summary.percentile_ms(Percentile::P50), summary.mean_ms(), minimum, summary.max_ms()].map(or_zero));
    row.extend([ratio(counts.bytes, requests as f64), ratio(requests, seconds), ratio(failures, seconds)].map(rounded));
    row.extend(FRACTIONS.map(|fraction| percentile(summary, fraction)));
    row
}

fn percentile(summary: &Summary, fraction: f64) -> String {
    let stated = |stated: &StatedLatency| {
        let is_asked = |percentile: &Percentile| (percentile.fraction() - fraction).abs() < 1e-9;
        if fraction < 1.0 { stated.percentiles.iter().find(|(key, _)| is_asked(key)).map(|(_, value)| *value) } else { stated.max }
    };
    let value = summary.stated.as_ref().map_or_else(|| summary.latency.value_at_fraction(fraction), stated);
    value.map_or_else(|| "N/A".into(), rounded)
}

/// To a thousandth: of a millisecond, that is what was measured.
fn rounded(number: f64) -> String {
    ((number * 1000.0).round() / 1000.0).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::samples;

    fn read(text: &str) -> Vec<Vec<String>> {
        csv::Reader::from_reader(text.as_bytes()).records().map(|row| row.unwrap().iter().map(String::from).collect()).collect()
    }

    #[test]
    fn the_columns_are_those_of_locust() {
        let text = stats(&samples::run()).unwrap();
        assert_eq!(
            text.lines().next(),
            Some(
                "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
            )
        );
        insta::assert_snapshot!("stats_csv", text.replace("\r\n", "\n"));
    }

    #[test]
    fn an_endpoint_without_requests_has_no_percentiles() {
        let mut run = samples::run();
        run.endpoints.truncate(1);
        run.endpoints[0].phases.clear();
        run.endpoints[0].slices.clear();
        let rows = read(&stats(&run).unwrap());
        assert_eq!(rows[0][..5], ["GET", "/api/orders/:id", "0", "0", "0"]);
        assert!(rows[0][11..].iter().all(|cell| cell == "N/A"));
    }

    proptest! {
        #[test]
        fn any_label_reads_back_as_one_cell_that_is_no_formula(label in any::<String>()) {
            let mut run = samples::run();
            run.endpoints.truncate(2);
            run.endpoints[0].name = label;
            let rows = read(&stats(&run).unwrap());
            prop_assert_eq!(rows.len(), 3);
            prop_assert!(rows.iter().all(|row| row.len() == HEADER.len()));
            prop_assert!(rows.iter().flatten().all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
            prop_assert_eq!(rows[2][1].as_str(), "Aggregated");
        }
    }
}
