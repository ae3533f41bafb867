//! A verdict and its run as text: `content.rs` says what and in which order, one file per format says how it looks.
//! Pure: no clock, no environment, no stream of its own. What is judged and where a report goes is not known here.

mod content;
mod csv;
mod endpoints;
mod figures;
mod findings;
mod gitlab;
mod html;
mod json;
mod junit;
mod listing;
mod markdown;
mod openmetrics;
mod page;
mod sanitize;
mod sentences;
mod shape;
mod table;
mod terminal;

#[cfg(test)]
mod samples;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

pub use self::html::parts as page_parts;
pub use self::json::verdict_schema;
pub use self::listing::listing;
pub use self::markdown::{COMMENT_BYTES, summary_of_all};
pub use self::sanitize::harmless_lines;
use crate::gate::{Finding, Verdict};
use crate::run::{Baseline, Run};

/// The longest sentence about one finding that stands alone.
const SENTENCE_CHARACTERS: usize = 500;

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub verdict: &'a Verdict,
    pub run: &'a Run,
    /// The command line that makes this run again.
    pub reproduce: &'a str,
}

/// What a page shows beside the judged run, as far as it is at hand.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// The stored runs that the verdict was compared with: each is a dot.
    pub baseline: Option<&'a Baseline>,
    /// Earlier loads of the same check.
    pub earlier: Vec<&'a Run>,
    /// The loads of the deployment beside the release, with which it was compared instead of stored runs.
    pub beside: &'a [Run],
}

/// In which form a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a person at a terminal.
    Terminal,
    /// The same for logs and pipes: no colour, no lines, no wrapping.
    Plain,
    /// `summary.md`, the pull-request comment.
    Markdown,
    /// `verdict.json`; without a verdict `run.json`.
    Json,
    /// `junit.xml`.
    Junit,
    /// `stats.csv`, with Locust's column names.
    Csv,
    /// `load-performance.json`, what GitLab's merge-request widget reads.
    Gitlab,
    /// `OpenMetrics` text, for GitLab's metrics report and whatever scrapes files.
    OpenMetrics,
    /// `report.html`, one file for a browser.
    Html,
}

/// How a terminal report may look; the other formats do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal.
    pub width: u16,
    pub color: ColorChoice,
}

/// Whether a terminal report carries colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorChoice {
    Always,
    Never,
}

/// A report that could not be written.
#[derive(Debug, Error)]
pub enum ReportError {
    #[error("format {0} needs a verdict: a run alone has none")]
    NeedsVerdict(Format),
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot write JUnit XML")]
    Junit(#[from] quick_junit::SerializeError),
    #[error("cannot write CSV")]
    Csv(#[from] ::csv::Error),
}

/// What is not a [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not a report format: write terminal, plain, markdown, json, junit, csv, gitlab, openmetrics or html")]
pub struct UnknownFormat(String);

/// A verdict and its run in `format`, ending with a line end.
///
/// # Errors
/// [`ReportError`] where the format's writer fails.
pub fn render(format: Format, subject: &Subject<'_>, look: Look) -> Result<String, ReportError> {
    match format {
        Format::Terminal => Ok(terminal::verdict(subject, look)),
        Format::Plain => Ok(terminal::plain_verdict(subject)),
        Format::Markdown => Ok(summary_of_all(std::slice::from_ref(subject))),
        Format::Json => json::verdict(subject.verdict),
        Format::Junit => junit::report(std::slice::from_ref(subject)),
        Format::Csv => csv::stats(subject.run),
        Format::Gitlab => gitlab::load_performance(subject.run, Some(subject.verdict)),
        Format::OpenMetrics => Ok(openmetrics::exposition(subject.run)),
        Format::Html => Ok(page(subject, &Context::default())),
    }
}

/// As [`Format::Html`], with what else is at hand.
#[must_use]
pub fn page(subject: &Subject<'_>, context: &Context<'_>) -> String {
    html::verdict(subject, context)
}

/// A run that was not judged, in `format`, ending with a line end.
///
/// # Errors
/// [`ReportError::NeedsVerdict`] for `junit`; otherwise where the format's writer fails.
pub fn render_run(format: Format, run: &Run, look: Look) -> Result<String, ReportError> {
    match format {
        Format::Terminal => Ok(terminal::run(run, look)),
        Format::Plain => Ok(terminal::plain_run(run)),
        Format::Markdown => Ok(markdown::run_summary(run)),
        Format::Json => Ok(String::from_utf8_lossy(&crate::run::write_run(run)).into_owned()),
        Format::Junit => Err(ReportError::NeedsVerdict(format)),
        Format::Csv => csv::stats(run),
        Format::Gitlab => gitlab::load_performance(run, None),
        Format::OpenMetrics => Ok(openmetrics::exposition(run)),
        Format::Html => Ok(html::run(run)),
    }
}

/// The one line that says it all, for logs: `perfgate: failed · 2 of 14 checks · checkout on staging @ 3f9c1ab`.
#[must_use]
pub fn headline(verdict: &Verdict) -> String {
    sanitize::line(&format!("perfgate: {}", content::headline(verdict)))
}

/// What one finding says, in one line of text.
#[must_use]
pub fn finding_sentence(finding: &Finding) -> String {
    sanitize::clipped_line(&sentences::sentence(finding).plain(), SENTENCE_CHARACTERS)
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] =
        [Self::Terminal, Self::Plain, Self::Markdown, Self::Json, Self::Junit, Self::Csv, Self::Gitlab, Self::OpenMetrics, Self::Html];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Terminal => "terminal",
            Self::Plain => "plain",
            Self::Markdown => "markdown",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Csv => "csv",
            Self::Gitlab => "gitlab",
            Self::OpenMetrics => "openmetrics",
            Self::Html => "html",
        }
    }

    /// What its file is called under `--out`; `None` for what only goes to a stream.
    #[must_use]
    pub const fn file_name(self) -> Option<&'static str> {
        match self {
            Self::Terminal | Self::Plain | Self::OpenMetrics => None,
            Self::Markdown => Some("summary.md"),
            Self::Json => Some("verdict.json"),
            Self::Junit => Some("junit.xml"),
            Self::Csv => Some("stats.csv"),
            Self::Gitlab => Some("load-performance.json"),
            Self::Html => Some("report.html"),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_found_by_its_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert_eq!(
            "pdf".parse::<Format>().unwrap_err().to_string(),
            "`pdf` is not a report format: write terminal, plain, markdown, json, junit, csv, gitlab, openmetrics or html"
        );
    }

    #[test]
    fn a_run_alone_has_no_junit() {
        let look = Look { width: 100, color: ColorChoice::Never };
        let error = render_run(Format::Junit, &samples::run(), look).unwrap_err();
        assert_eq!(error.to_string(), "format junit needs a verdict: a run alone has none");
    }
}
