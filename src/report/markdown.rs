//! `summary.md`, which is the pull-request comment: what matters on one screen, the rest folded, never longer than a
//! comment may be. The marker by which a comment is found again is the publisher's.

use super::content::{self, Content, Notice, baseline_line, content, counted, headline, place, run_line, run_notices};
use super::findings::{Detail, findings_table};
use super::page::{Page, REST_BYTES};
use super::sanitize::{markdown, markdown_block, markdown_code};
use super::sentences::{Sentence, metric, self_check_word};
use super::table::{Cell, Column, Table};
use super::{Subject, endpoints, shape};
use crate::exit::ExitCode;
use crate::gate::{Finding, Outcome, Verdict};
use crate::run::Run;
use crate::units::format_count;

/// What a summary may take: the 65,536 characters of a GitHub comment, less room for a marker and a link.
pub const COMMENT_BYTES: usize = 64_000;
/// Sentences and rows before the fold; a screen.
const SENTENCES: usize = 8;
const ROWS: usize = 12;
/// Notices, self-checks, phases and the like: more of them are counted.
const ENTRIES: usize = 20;
/// What one text of somebody else may take.
const TEXT_BYTES: usize = 400;
const COMMAND_BYTES: usize = 4000;

/// The summary of one `check` call: of one scenario, or of several, worst first. At most [`COMMENT_BYTES`].
#[must_use]
pub fn summary_of_all(subjects: &[Subject<'_>]) -> String {
    if let [subject] = subjects {
        return format!(
            "### perfgate: {}\n\n{}",
            markdown(&headline(subject.verdict).to_string(), TEXT_BYTES),
            body(subject, COMMENT_BYTES - 2 * TEXT_BYTES)
        );
    }
    let mut sorted: Vec<&Subject<'_>> = subjects.iter().collect();
    sorted.sort_by_key(|subject| severity(subject.verdict));
    let mut page = Page::new(COMMENT_BYTES - REST_BYTES);
    page.push(&format!("### perfgate: {}\n", combined_headline(&sorted)));
    let headings: Vec<String> =
        sorted.iter().map(|subject| format!("\n#### {}\n\n", markdown(&headline(subject.verdict).to_string(), TEXT_BYTES))).collect();
    let mut left: usize = headings.iter().map(String::len).sum();
    let mut shown = 0;
    for (subject, heading) in sorted.iter().zip(&headings) {
        if !page.push(heading) {
            break;
        }
        shown += 1;
        left -= heading.len();
        let share = page.room().saturating_sub(left) / (sorted.len() + 1 - shown);
        page.push(&body(subject, share));
    }
    page.finish(sorted.len() - shown, "scenario")
}

/// A run that was not judged.
pub(super) fn run_summary(run: &Run) -> String {
    let environment = &run.environment;
    let where_to = place(&run.scenario.name, environment.name.as_deref(), &run.target, environment.commit.as_deref());
    let mut page = Page::new(COMMENT_BYTES);
    page.push(&format!("### perfgate: run · {}\n\n{}\n\n", markdown(&where_to, TEXT_BYTES), run_line(run)));
    page.push(&notices(&run_notices(run)));
    let folds = folded("Shape of the run", &shape_of(run)) + &folded("Environment", &environment_of(run));
    page.rows(&endpoints::endpoints(run), folds.len(), "endpoint");
    for remark in endpoints::remarks(run) {
        page.push(&format!("\n{}\n", markdown(&remark, TEXT_BYTES)));
    }
    page.push(&folds);
    page.text
}

/// What follows a headline, in at most `max` bytes: first comes what is left out last.
fn body(subject: &Subject<'_>, max: usize) -> String {
    let content = content(subject.verdict, subject.run);
    let mut page = Page::new(max);
    for part in top(&content) {
        page.push(&part);
    }
    let mut folds = Page::new(page.room());
    for (title, text) in [
        ("How to reproduce", markdown_block("sh", &[subject.reproduce.to_owned()], COMMAND_BYTES)),
        ("Self-checks", self_checks(subject.verdict)),
        ("Shape of the run", shape_of(subject.run)),
        ("Environment", verdict_environment(subject)),
    ] {
        folds.push(&folded(title, &text));
    }
    all_checks(&mut page, &content, folds.text.len());
    page.push(&folds.text);
    page.text
}

/// What stands before the fold, piece by piece.
fn top(content: &Content<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(content.why.map(|why| format!("**Why:** {}\n\n", markdown(why, TEXT_BYTES))));
    parts.extend(content.hint.map(|hint| format!("**What to do:** {}\n\n", markdown(hint, TEXT_BYTES))));
    parts.push(notices(&content.notices));
    let sentences = content.sentences();
    parts.extend(sentences.iter().take(SENTENCES).map(|text| format!("- {}\n", sentence(text))));
    if sentences.len() > SENTENCES {
        parts.push(format!("- … and {} more\n", format_count((sentences.len() - SENTENCES) as u64)));
    }
    let rows: Vec<&Finding> = content.attention().take(ROWS).collect();
    if rows.is_empty() {
        parts.extend(content.closest().map(|closest| format!("Closest to its limit: {}.\n", sentence(&closest))));
    } else {
        parts.push(format!("\n{}\n", findings_table(&rows, Detail::Marked).markdown().join("\n")));
    }
    parts.extend(content.blindest().map(|(change, finding)| {
        format!(
            "\nSmallest rise that every comparison would have seen: {change} ({} {}).\n",
            markdown_code(&finding.endpoint, TEXT_BYTES),
            markdown(&metric(finding), TEXT_BYTES)
        )
    }));
    parts
}

fn sentence(sentence: &Sentence<'_>) -> String {
    let rest = markdown(&sentence.rest, TEXT_BYTES);
    sentence.label.map_or_else(|| rest.clone(), |label| format!("{} {rest}", markdown_code(label, TEXT_BYTES)))
}

fn notices(notices: &[Notice]) -> String {
    let mut lines: Vec<String> =
        notices.iter().take(ENTRIES).map(|notice| format!("> **{}:** {}", notice.name, markdown(&notice.text, TEXT_BYTES))).collect();
    if notices.len() > ENTRIES {
        lines.push(format!("> … and {} more", notices.len() - ENTRIES));
    }
    if lines.is_empty() { String::new() } else { lines.join("  \n") + "\n\n" }
}

fn all_checks(page: &mut Page, content: &Content<'_>, reserved: usize) {
    let count = content.findings.len();
    let opening =
        format!("\n<details><summary>All {}: {}</summary>\n\n", counted(count, "check"), content::counts(content.findings.iter()));
    let closing = "\n</details>\n";
    let table = findings_table(&content.findings, Detail::Reasoned);
    let smallest: usize = table.markdown().iter().take(3).map(|line| line.len() + 1).sum();
    if count == 0 || page.room() < reserved + opening.len() + smallest + closing.len() + REST_BYTES {
        return;
    }
    page.push(&opening);
    page.rows(&table, reserved + closing.len(), "check");
    page.push(closing);
}

fn self_checks(verdict: &Verdict) -> String {
    let columns = vec![Column::label("check"), Column::text("", 0), Column::text("", 0)];
    let row = |check: &crate::gate::SelfCheck| {
        vec![Cell::Label(check.name.clone()), Cell::Text(self_check_word(check.outcome).into()), Cell::Text(check.detail.clone())]
    };
    if verdict.self_checks.is_empty() {
        return "none were made\n".into();
    }
    Table { columns, rows: verdict.self_checks.iter().take(ENTRIES).map(row).collect() }.markdown().join("\n") + "\n"
}

fn shape_of(run: &Run) -> String {
    let mut phases = shape::phases(run);
    phases.rows.truncate(ENTRIES);
    let over_time = shape::over_time(run);
    let block = if over_time.is_empty() { String::new() } else { format!("\n{}", markdown_block("text", &over_time, COMMAND_BYTES)) };
    format!("{}\n{block}", phases.markdown().join("\n"))
}

fn verdict_environment(subject: &Subject<'_>) -> String {
    let Subject { verdict, run, .. } = subject;
    let thresholds = &verdict.thresholds;
    let mut text = environment_of(run);
    text += &entry("thresholds", &format!("{} {}", thresholds.file, thresholds.hash));
    if let Some(baseline) = &verdict.baseline {
        text += &entry("baseline", &baseline_line(baseline));
        for left_out in baseline.left_out.iter().take(ENTRIES) {
            text += &entry("left out", left_out);
        }
    }
    text
}

fn environment_of(run: &Run) -> String {
    let environment = &run.environment;
    let given = |text: &Option<String>| text.clone().unwrap_or_default();
    let machine = match &environment.cpu {
        Some(cpu) => format!("{}, {cpu}", environment.fingerprint()),
        None => environment.fingerprint(),
    };
    let entries = [
        ("target", run.target.clone()),
        ("started", run.started_at.to_string()),
        ("machine", machine),
        ("perfgate", environment.perfgate.clone()),
        ("commit", given(&environment.commit)),
        ("branch", given(&environment.branch)),
        ("CI job", format!("{} {}", given(&environment.ci), given(&environment.job)).trim().to_owned()),
        ("scenario", format!("{} {}, seed {}", run.scenario.name, run.scenario.hash, run.scenario.seed)),
    ];
    entries.iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| entry(name, text)).collect()
}

fn entry(name: &str, text: &str) -> String {
    format!("- {name}: {}\n", markdown_code(text, TEXT_BYTES))
}

fn folded(title: &str, text: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{text}\n</details>\n")
}

/// `failed · 1 of 3 scenarios`: as many as came out as the worst of them did.
fn combined_headline(sorted: &[&Subject<'_>]) -> String {
    let Some(worst) = sorted.first() else { return "no verdict · no scenarios".into() };
    let outcome = worst.verdict.outcome;
    let all = counted(sorted.len(), "scenario");
    let alike = sorted.iter().filter(|subject| subject.verdict.outcome == outcome).count();
    let word = headline(worst.verdict).word();
    if alike == sorted.len() { format!("{word} · {all}") } else { format!("{word} · {alike} of {all}") }
}

/// Worst first: by exit code as documented, then by outcome, which `--soft` does not change.
fn severity(verdict: &Verdict) -> (usize, u8) {
    let exit = verdict.exit();
    let milder = ExitCode::ALL.into_iter().filter(|other| exit.worse(*other) == exit).count();
    let outcome = match verdict.outcome {
        Outcome::Error => 0,
        Outcome::Fail => 1,
        Outcome::Inconclusive => 2,
        Outcome::Warn => 3,
        Outcome::Pass => 4,
    };
    (ExitCode::ALL.len() - milder, outcome)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::gate::FindingOutcome;
    use crate::report::samples;

    fn written(verdict: &Verdict) -> String {
        summary_of_all(&[Subject { verdict, run: &samples::run(), reproduce: samples::REPRODUCE }])
    }

    #[test]
    fn markdown_of_every_outcome() {
        for (name, sample) in [
            ("passed", samples::passed()),
            ("warned", samples::warned()),
            ("failed", samples::failed()),
            ("inconclusive", samples::inconclusive()),
            ("error", samples::error()),
        ] {
            insta::assert_snapshot!(format!("markdown_{name}"), written(&sample));
        }
    }

    #[test]
    fn several_scenarios_share_one_summary_worst_first() {
        let run = samples::run();
        let verdicts = [samples::passed(), samples::inconclusive(), samples::failed()];
        let subjects = verdicts.each_ref().map(|verdict| Subject { verdict, run: &run, reproduce: samples::REPRODUCE });
        let text = summary_of_all(&subjects);
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("###")).collect();
        assert_eq!(
            headings,
            [
                "### perfgate: failed · 1 of 3 scenarios",
                "#### failed · 2 of 8 checks · checkout on staging @ 3f9c1ab",
                "#### no verdict · 2 of 6 checks undecided · checkout on staging @ 3f9c1ab",
                "#### passed · 6 checks · checkout on staging @ 3f9c1ab",
            ]
        );
    }

    #[test]
    fn a_run_without_a_verdict_is_summed_up() {
        insta::assert_snapshot!("markdown_run", run_summary(&samples::run()));
    }

    #[test]
    fn a_thousand_endpoints_or_scenarios_stay_below_the_size_of_a_comment() {
        for outcome in [FindingOutcome::Fail, FindingOutcome::Pass, FindingOutcome::Skipped] {
            let text = written(&samples::huge(1000, outcome));
            assert!(text.len() <= COMMENT_BYTES && text.len() > COMMENT_BYTES / 2, "{}", text.len());
            assert!(text.contains(" more, in the files beside this summary"));
            assert!(text.contains("How to reproduce") && text.contains("Environment"));
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        }
        let (run, verdict) = (samples::run(), samples::huge(50, FindingOutcome::Fail));
        let subjects = vec![Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE }; 1000];
        let text = summary_of_all(&subjects);
        assert!(text.len() <= COMMENT_BYTES);
        assert!(text.contains(" scenarios more, in the files beside this summary"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_label_becomes_markup(label in "[ -~\n\u{202e}é|`<>@#\\\\]{0,600}", copies in 1_usize..4) {
            let (verdict, run) = samples::hostile(&label);
            let subjects = vec![Subject { verdict: &verdict, run: &run, reproduce: samples::REPRODUCE }; copies];
            let text = summary_of_all(&subjects);
            prop_assert!(text.len() <= COMMENT_BYTES);
            prop_assert_eq!(text.matches("<details>").count(), copies * 5);
            prop_assert_eq!(text.matches("</details>").count(), copies * 5);
            prop_assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), if copies == 1 { 1 } else { copies + 1 });
        }
    }
}
