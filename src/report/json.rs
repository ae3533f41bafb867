//! `verdict.json`: the verdict as it is, for programs, and its schema.

use serde_json::Value;

use super::ReportError;
use crate::gate::Verdict;

/// The bytes of `verdict.json`. Labels stay as they are: JSON escapes what needs it.
pub(super) fn verdict(verdict: &Verdict) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(verdict)?;
    text.push('\n');
    Ok(text)
}

/// The JSON Schema of `verdict.json`.
#[must_use]
pub fn verdict_schema() -> Value {
    schemars::schema_for!(Verdict).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn every_verdict_fits_the_schema_and_reads_back() {
        let schema = jsonschema::validator_for(&verdict_schema()).unwrap();
        for sample in [samples::passed(), samples::warned(), samples::failed(), samples::inconclusive(), samples::error(), samples::soft()]
        {
            let text = verdict(&sample).unwrap();
            assert!(schema.is_valid(&serde_json::from_str(&text).unwrap()), "{text}");
            assert_eq!(serde_json::from_str::<Verdict>(&text).unwrap(), sample);
        }
    }

    #[test]
    fn the_schema_asks_for_the_keys_that_are_promised() {
        let schema = verdict_schema();
        let required: Vec<_> = schema["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for key in ["format", "version", "outcome", "exit_code", "reasons", "findings", "self_checks", "run", "thresholds"] {
            assert!(required.contains(&key), "{key}");
        }
        insta::assert_snapshot!("verdict_json", verdict(&samples::failed()).unwrap());
    }
}
