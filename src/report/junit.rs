//! `junit.xml`: one suite for each scenario, one case for each check. A suite whose verdict is not a pass never looks green.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use super::content::{content, headline};
use super::sanitize::xml;
use super::sentences::{metric, rule_word, sentence};
use super::{ReportError, Subject};
use crate::gate::{Finding, FindingOutcome, Outcome};

/// The suites of all subjects as one file.
pub(super) fn report(subjects: &[Subject<'_>]) -> Result<String, ReportError> {
    let mut report = Report::new("perfgate");
    report.add_test_suites(subjects.iter().map(suite));
    Ok(report.to_string()?)
}

fn suite(subject: &Subject<'_>) -> TestSuite {
    let Subject { verdict, run, reproduce } = *subject;
    let mut suite = TestSuite::new(xml(&verdict.run.scenario));
    suite.set_time(run.measured);
    let started = verdict.run.started_at.to_string();
    for (name, value) in [
        ("target", verdict.run.target.as_str()),
        ("thresholds", &verdict.thresholds.file),
        ("started_at", &started),
        ("reproduce", reproduce),
    ] {
        suite.add_property(Property::new(name, xml(value)));
    }
    let content = content(verdict, run);
    let mut log = vec![format!("perfgate: {}", headline(verdict))];
    log.extend(content.notices.iter().map(|notice| format!("{}: {}", notice.name, notice.text)));
    suite.set_system_out(log.iter().map(|text| xml(text)).collect::<Vec<_>>().join("\n"));
    suite.add_test_cases(content.findings.iter().map(|finding| case(finding, &verdict.run.scenario)));
    suite.add_test_cases(verdict_case(subject));
    suite
}

fn case(finding: &Finding, scenario: &str) -> TestCase {
    let text = xml(&sentence(finding).plain());
    let mut case =
        TestCase::new(xml(&format!("{} {} {}", finding.endpoint, metric(finding), rule_word(finding.rule))), status(finding, &text));
    case.set_classname(xml(scenario));
    if finding.outcome == FindingOutcome::Warn {
        case.set_system_out(text);
    }
    case
}

fn status(finding: &Finding, text: &str) -> TestCaseStatus {
    let mut status = match finding.outcome {
        FindingOutcome::Pass | FindingOutcome::Warn => return TestCaseStatus::success(),
        FindingOutcome::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        FindingOutcome::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        FindingOutcome::Waived | FindingOutcome::Skipped => TestCaseStatus::skipped(),
    };
    status.set_message(text);
    if finding.outcome == FindingOutcome::Fail {
        status.set_type("failed").set_description(xml(&finding.reason));
    } else if finding.outcome == FindingOutcome::Inconclusive {
        status.set_type("no verdict");
    }
    status
}

/// A case for the verdict as a whole, where no check says that it is not a pass.
fn verdict_case(subject: &Subject<'_>) -> Option<TestCase> {
    let verdict = subject.verdict;
    let red = verdict.findings.iter().any(|finding| matches!(finding.outcome, FindingOutcome::Fail | FindingOutcome::Inconclusive));
    if red || matches!(verdict.outcome, Outcome::Pass | Outcome::Warn) {
        return None;
    }
    let kind = if verdict.outcome == Outcome::Fail { NonSuccessKind::Failure } else { NonSuccessKind::Error };
    let mut status = TestCaseStatus::non_success(kind);
    let mut reasons = verdict.reasons.iter().map(|reason| xml(&reason.text));
    status.set_message(reasons.next().unwrap_or_else(|| verdict.exit().meaning().0.into())).set_type(headline(verdict).word());
    status.set_description(reasons.collect::<Vec<_>>().join("\n"));
    let mut case = TestCase::new("verdict", status);
    case.set_classname(xml(&verdict.run.scenario));
    Some(case)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::Verdict;
    use crate::report::samples;

    fn written(verdict: &Verdict) -> String {
        report(&[Subject { verdict, run: &samples::run(), reproduce: samples::REPRODUCE }]).unwrap()
    }

    #[test]
    fn junit_of_every_outcome() {
        insta::assert_snapshot!("junit_failed", written(&samples::failed()));
        insta::assert_snapshot!("junit_inconclusive", written(&samples::inconclusive()));
        insta::assert_snapshot!("junit_error", written(&samples::error()));
        insta::assert_snapshot!("junit_warned", written(&samples::warned()));
    }

    #[test]
    fn a_suite_is_red_exactly_where_the_verdict_is() {
        for verdict in [samples::passed(), samples::warned(), samples::failed(), samples::inconclusive(), samples::error()] {
            let report = Report::deserialize_from_str(&written(&verdict)).unwrap();
            let red = report.test_suites.iter().any(|suite| suite.failures + suite.errors > 0);
            assert_eq!(red, !matches!(verdict.outcome, Outcome::Pass | Outcome::Warn), "{:?}", verdict.outcome);
        }
    }

    proptest! {
        #[test]
        fn any_label_gives_xml_that_reads_back(label in any::<String>()) {
            let (verdict, run) = samples::hostile(&label);
            let text = report(&[Subject { verdict: &verdict, run: &run, reproduce: &label }]).unwrap();
            let read = Report::deserialize_from_str(&text);
            prop_assert!(read.is_ok(), "{:?} {}", read, text);
            let illegal = text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{fffe}' || c == '\u{ffff}');
            prop_assert!(!illegal, "{}", text);
        }
    }
}
