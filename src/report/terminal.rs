//! A report for a terminal, and the same for logs and pipes without colour, lines and wrapping.

use super::content::{self, Content, Notice, baseline_line, content, exit_line, place, run_line, run_notices};
use super::endpoints;
use super::findings::{Detail, findings_table};
use super::sanitize::{clipped_line, line};
use super::sentences::{finding_word, metric, outcome_word};
use super::shape;
use super::table::Table;
use super::{ColorChoice, Look, Subject};
use crate::gate::{FindingOutcome, Outcome, SelfCheckOutcome, Verdict};
use crate::run::Run;
use crate::units::format_count;

/// Sentences before the table.
const SENTENCES: usize = 10;
/// Rows of the table on a terminal, and in a log.
const ROWS: usize = 30;
const LOG_ROWS: usize = 200;
/// Longest text that somebody else wrote.
const TEXT_CHARACTERS: usize = 500;

/// Where the text goes.
#[derive(Debug, Clone, Copy)]
enum Sink {
    Terminal(Look),
    Log,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    Red,
    Yellow,
    Green,
    Dim,
}

/// A judged run for a terminal.
pub(super) fn verdict(subject: &Subject<'_>, look: Look) -> String {
    verdict_to(subject, Sink::Terminal(look))
}

/// A judged run for a log.
pub(super) fn plain_verdict(subject: &Subject<'_>) -> String {
    verdict_to(subject, Sink::Log)
}

/// A run without a verdict for a terminal.
pub(super) fn run(run: &Run, look: Look) -> String {
    run_to(run, Sink::Terminal(look))
}

/// A run without a verdict for a log.
pub(super) fn plain_run(run: &Run) -> String {
    run_to(run, Sink::Log)
}

fn verdict_to(subject: &Subject<'_>, sink: Sink) -> String {
    let content = content(subject.verdict, subject.run);
    let blocks =
        [top(&content, subject.verdict.outcome, sink), sentences(&content), findings(&content, sink), bottom(&content, subject, sink)];
    joined(&blocks)
}

fn run_to(run: &Run, sink: Sink) -> String {
    let environment = &run.environment;
    let where_to = place(&run.scenario.name, environment.name.as_deref(), &run.target, environment.commit.as_deref());
    let mut top = vec![line(&format!("perfgate: run · {where_to}")), run_line(run)];
    top.extend(run_notices(run).iter().map(notice));
    let mut over_time = shape::over_time(run);
    over_time.extend(endpoints::remarks(run).iter().map(|remark| clipped_line(remark, TEXT_CHARACTERS)));
    joined(&[top, sink.table(&endpoints::endpoints(run)), over_time])
}

fn top(content: &Content<'_>, outcome: Outcome, sink: Sink) -> Vec<String> {
    let headline = line(&content.headline.to_string());
    let word = outcome_word(outcome);
    let rest = headline.strip_prefix(word).unwrap_or_default();
    let mut lines = vec![format!("perfgate: {}{rest}", sink.painted(word, outcome_paint(outcome)))];
    lines.extend(content.why.map(|why| clipped_line(why, TEXT_CHARACTERS)));
    lines.extend(content.hint.map(|hint| format!("hint: {hint}")));
    lines.extend(content.notices.iter().map(notice));
    lines
}

fn notice(notice: &Notice) -> String {
    clipped_line(&format!("{}: {}", notice.name, notice.text), TEXT_CHARACTERS)
}

fn sentences(content: &Content<'_>) -> Vec<String> {
    let sentences = content.sentences();
    let mut lines: Vec<String> =
        sentences.iter().take(SENTENCES).map(|sentence| format!("  {}", clipped_line(&sentence.plain(), TEXT_CHARACTERS))).collect();
    if sentences.len() > SENTENCES {
        lines.push(format!("  … and {} more", format_count((sentences.len() - SENTENCES) as u64)));
    }
    lines
}

fn findings(content: &Content<'_>, sink: Sink) -> Vec<String> {
    if content.findings.is_empty() {
        return Vec::new();
    }
    let (shown, rest) = content.findings.split_at(content.findings.len().min(sink.rows()));
    let mut lines: Vec<String> =
        sink.table(&findings_table(shown, Detail::Fitted)).into_iter().map(|line| sink.with_painted_outcome(line)).collect();
    if !rest.is_empty() {
        lines.push(format!("… and {} more: {}", format_count(rest.len() as u64), content::counts(rest.iter())));
    }
    lines
}

fn bottom(content: &Content<'_>, subject: &Subject<'_>, sink: Sink) -> Vec<String> {
    let Subject { verdict, reproduce, .. } = *subject;
    let mut lines = Vec::new();
    if matches!(verdict.outcome, Outcome::Pass | Outcome::Warn) {
        lines.extend(content.closest().map(|closest| format!("closest: {}", closest.plain())));
    }
    lines.extend(content.blindest().map(|(change, finding)| {
        format!("smallest rise that every comparison would have seen: {change} ({} {})", finding.endpoint, metric(finding))
    }));
    lines.extend(self_checks(verdict));
    lines.extend(verdict.baseline.as_ref().map(|baseline| format!("baseline: {}", baseline_line(baseline))));
    lines.push(format!("thresholds: {}", verdict.thresholds.file));
    if verdict.outcome != Outcome::Pass {
        lines.push(format!("reproduce: {reproduce}"));
    }
    let mut lines: Vec<String> = lines.iter().map(|text| clipped_line(text, 4 * TEXT_CHARACTERS)).collect();
    lines.push(sink.painted(&exit_line(verdict), outcome_paint(verdict.outcome)));
    lines
}

/// `self-checks: 2 passed, 1 failed`; what failed is among the notices.
fn self_checks(verdict: &Verdict) -> Option<String> {
    let order = [
        (SelfCheckOutcome::Fail, "failed"),
        (SelfCheckOutcome::Warn, "warned"),
        (SelfCheckOutcome::Pass, "passed"),
        (SelfCheckOutcome::Skipped, "skipped"),
    ];
    let count = |outcome| verdict.self_checks.iter().filter(|check| check.outcome == outcome).count();
    let parts: Vec<String> =
        order.into_iter().filter(|(outcome, _)| count(*outcome) > 0).map(|(outcome, word)| format!("{} {word}", count(outcome))).collect();
    (!parts.is_empty()).then(|| format!("self-checks: {}", parts.join(", ")))
}

/// The blocks that hold something, an empty line between them.
fn joined(blocks: &[Vec<String>]) -> String {
    let blocks: Vec<String> = blocks.iter().filter(|block| !block.is_empty()).map(|block| block.join("\n")).collect();
    blocks.join("\n\n") + "\n"
}

const fn outcome_paint(outcome: Outcome) -> Paint {
    match outcome {
        Outcome::Pass => Paint::Green,
        Outcome::Warn | Outcome::Inconclusive => Paint::Yellow,
        Outcome::Fail | Outcome::Error => Paint::Red,
    }
}

const fn finding_paint(outcome: FindingOutcome) -> Paint {
    match outcome {
        FindingOutcome::Pass => Paint::Green,
        FindingOutcome::Warn | FindingOutcome::Inconclusive | FindingOutcome::Waived => Paint::Yellow,
        FindingOutcome::Fail => Paint::Red,
        FindingOutcome::Skipped => Paint::Dim,
    }
}

impl Sink {
    fn table(self, table: &Table) -> Vec<String> {
        match self {
            Self::Terminal(look) => table.drawn(look.width),
            Self::Log => table.aligned(),
        }
    }

    const fn rows(self) -> usize {
        match self {
            Self::Terminal(_) => ROWS,
            Self::Log => LOG_ROWS,
        }
    }

    fn painted(self, text: &str, paint: Paint) -> String {
        let code = match paint {
            Paint::Red => "1;31",
            Paint::Yellow => "1;33",
            Paint::Green => "1;32",
            Paint::Dim => "2",
        };
        match self {
            Self::Terminal(Look { color: ColorChoice::Always, .. }) => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            _ => text.to_owned(),
        }
    }

    /// Paints the outcome that a row starts with. It is never wrapped, and no other cell starts a line.
    fn with_painted_outcome(self, line: String) -> String {
        const OUTCOMES: [FindingOutcome; 6] = [
            FindingOutcome::Pass,
            FindingOutcome::Warn,
            FindingOutcome::Fail,
            FindingOutcome::Inconclusive,
            FindingOutcome::Waived,
            FindingOutcome::Skipped,
        ];
        let found = OUTCOMES.into_iter().find_map(|outcome| Some((outcome, line.strip_prefix(finding_word(outcome))?)));
        match found {
            Some((outcome, rest)) => format!("{}{rest}", self.painted(finding_word(outcome), finding_paint(outcome))),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::samples;

    const WIDE: Look = Look { width: 120, color: ColorChoice::Never };

    fn shown(verdict: &Verdict, look: Look) -> String {
        super::verdict(&Subject { verdict, run: &samples::run(), reproduce: samples::REPRODUCE }, look)
    }

    #[test]
    fn terminal_of_every_outcome() {
        for (name, sample) in [
            ("passed", samples::passed()),
            ("warned", samples::warned()),
            ("failed", samples::failed()),
            ("inconclusive", samples::inconclusive()),
            ("error", samples::error()),
            ("soft", samples::soft()),
        ] {
            insta::assert_snapshot!(format!("terminal_{name}"), shown(&sample, WIDE));
        }
    }

    #[test]
    fn a_narrow_terminal_gets_fewer_columns_then_lines() {
        insta::assert_snapshot!("terminal_failed_80", shown(&samples::failed(), Look { width: 80, color: ColorChoice::Never }));
        insta::assert_snapshot!("terminal_failed_40", shown(&samples::failed(), Look { width: 40, color: ColorChoice::Never }));
    }

    #[test]
    fn a_log_has_no_lines_and_no_colour() {
        let (verdict, run) = (samples::failed(), samples::run());
        insta::assert_snapshot!("plain_failed", plain_verdict(&Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE }));
        insta::assert_snapshot!("plain_run", plain_run(&run));
    }

    #[test]
    fn a_run_without_a_verdict_shows_its_endpoints() {
        let mut aborted = samples::run();
        aborted.complete = false;
        aborted.aborted_by = Some("SIGINT after 12.3 s".into());
        aborted.overrides = vec!["--insecure".into(), "--allow-load".into()];
        insta::assert_snapshot!("terminal_run", super::run(&aborted, WIDE));
    }

    #[test]
    fn outcomes_are_painted_and_nothing_else() {
        let text = shown(&samples::failed(), Look { width: 120, color: ColorChoice::Always });
        assert!(text.starts_with("perfgate: \u{1b}[1;31mfailed\u{1b}[0m · 2 of 8 checks"));
        assert!(text.contains("\n\u{1b}[1;31mfailed\u{1b}[0m "));
        assert!(text.ends_with("\u{1b}[1;31mexit 1 (gate failed)\u{1b}[0m\n"));
        let unpainted = regex::Regex::new("\u{1b}\\[[0-9;]+m").unwrap().replace_all(&text, "").into_owned();
        assert_eq!(unpainted, shown(&samples::failed(), WIDE));
    }

    #[test]
    fn a_thousand_endpoints_end_in_a_count() {
        let text = shown(&samples::huge(1000, FindingOutcome::Fail), WIDE);
        assert!(text.contains("… and 490 more\n"));
        assert!(text.contains("… and 970 more: 470 failed, 500 passed\n"));
        assert!(text.lines().count() < 120);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_label_brings_control_bytes(label in any::<String>(), width in 1_u16..200) {
            let (verdict, run) = samples::hostile(&label);
            let subject = Subject { verdict: &verdict, run: &run, reproduce: &label };
            let look = Look { width, color: ColorChoice::Never };
            for text in [super::verdict(&subject, look), plain_verdict(&subject), super::run(&run, look), plain_run(&run)] {
                let live = text.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}' | '\u{2066}' | '\u{feff}'));
                prop_assert!(!live, "{}", text);
            }
        }
    }
}
