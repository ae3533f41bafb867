//! Other tools' results as a Run: one contract, one list, one file per tool. Which tool wrote a file is seen from its
//! content. What a file does not hold is left out and said so; what is cut off or mixed up is refused with its line.

mod artillery;
mod error;
mod failure;
mod h2load;
mod hdr;
mod input;
mod jmeter;
mod k6;
mod label;
mod ledger;
mod locust;
mod oha;
mod reading;
#[cfg(test)]
mod tests;
mod vegeta;

use std::fmt;
use std::path::Path;

pub use self::error::ImportError;
use self::input::{Head, Input};
use self::reading::Reading;
use crate::run::{Environment, Run};

/// A tool whose results are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Artillery,
    H2load,
    /// wrk2's text, and what other tools write with `HdrHistogram`.
    Hdr,
    Jmeter,
    K6,
    Locust,
    Oha,
    Vegeta,
}

/// A unit of time that a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
}

/// What is known of a file beyond its content.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// Which tool wrote it, where the content should not decide.
    pub tool: Option<Tool>,
    /// The unit of an `HdrHistogram` text that does not name it.
    pub unit: Option<TimeUnit>,
    /// The scenario's name, by which thresholds and baselines are found.
    pub name: Option<String>,
    /// Where the load was made, as far as the user says.
    pub environment: Environment,
}

/// One kind of file: how it is known, and how it is read.
struct Member {
    tool: Tool,
    recognises: fn(&Head) -> bool,
    read: fn(Input, &ImportOptions) -> Result<Reading, ImportError>,
}

/// Every kind of file. The first that knows a file reads it.
const MEMBERS: [Member; 18] = [
    Member { tool: Tool::K6, recognises: k6::points::recognises, read: k6::points::read },
    Member { tool: Tool::K6, recognises: k6::csv::recognises, read: k6::csv::read },
    Member { tool: Tool::K6, recognises: k6::summary::recognises, read: k6::summary::read },
    Member { tool: Tool::Locust, recognises: locust::json::recognises, read: locust::json::read },
    Member { tool: Tool::Locust, recognises: locust::requests::recognises, read: locust::requests::read },
    Member { tool: Tool::Locust, recognises: locust::csv::recognises, read: locust::csv::read },
    Member { tool: Tool::Jmeter, recognises: jmeter::csv::recognises, read: jmeter::csv::read },
    Member { tool: Tool::Jmeter, recognises: jmeter::xml::recognises, read: jmeter::xml::read },
    Member { tool: Tool::Vegeta, recognises: vegeta::json::recognises, read: vegeta::json::read },
    Member { tool: Tool::Vegeta, recognises: vegeta::csv::recognises, read: vegeta::csv::read },
    Member { tool: Tool::Vegeta, recognises: vegeta::report::recognises, read: vegeta::report::read },
    Member { tool: Tool::Oha, recognises: oha::json::recognises, read: oha::json::read },
    Member { tool: Tool::Oha, recognises: oha::csv::recognises, read: oha::csv::read },
    Member { tool: Tool::Artillery, recognises: artillery::recognises, read: artillery::read },
    Member { tool: Tool::Hdr, recognises: hdr::recognises_wrk2, read: hdr::read_wrk2 },
    Member { tool: Tool::Hdr, recognises: hdr::recognises_spectrum, read: hdr::read_spectrum },
    Member { tool: Tool::H2load, recognises: h2load::recognises_json, read: h2load::read_json },
    Member { tool: Tool::H2load, recognises: h2load::recognises_log, read: h2load::read_log },
];

/// Reads another tool's result file as a run.
///
/// # Errors
/// [`ImportError`] where the file is not known, is cut off or mixed up, or holds no request.
pub fn import(path: &Path, options: &ImportOptions) -> Result<Run, ImportError> {
    let input = Input::open(path)?;
    let head = input.head();
    let asked = |member: &&Member| options.tool.is_none_or(|tool| tool == member.tool);
    let Some(member) = MEMBERS.iter().filter(asked).find(|member| (member.recognises)(&head)) else {
        return Err(match (head.broken, options.tool) {
            (Some(problem), _) => ImportError::Document { path: path.to_owned(), problem, hint: None },
            (None, Some(tool)) => ImportError::NotOfTool { path: path.to_owned(), tool },
            (None, None) => ImportError::Unknown { path: path.to_owned() },
        });
    };
    let reading = (member.read)(input, options)?;
    reading.into_run(path, member.tool, options)
}

/// Whether a file is another tool's result: as its content says, whole or not.
#[must_use]
pub fn is_known(path: &Path) -> bool {
    // What is no file can be read once at most, or waits for ever.
    if !path.is_file() {
        return false;
    }
    let Ok(input) = Input::open(path) else { return false };
    let head = input.head();
    MEMBERS.iter().any(|member| (member.recognises)(&head))
}

impl Tool {
    pub const ALL: [Self; 8] = [Self::Locust, Self::K6, Self::Jmeter, Self::Vegeta, Self::Oha, Self::Hdr, Self::Artillery, Self::H2load];

    /// As files and flags write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Artillery => "artillery",
            Self::H2load => "h2load",
            Self::Hdr => "hdr",
            Self::Jmeter => "jmeter",
            Self::K6 => "k6",
            Self::Locust => "locust",
            Self::Oha => "oha",
            Self::Vegeta => "vegeta",
        }
    }

    /// How its users give many addresses one name.
    const fn naming_hint(self) -> &'static str {
        match self {
            Self::K6 => "give requests of one kind one name: `http.get(url, {tags: {name: '/products/:id'}})`",
            Self::Locust => "give requests of one kind one name: `self.client.get(url, name='/products/:id')`",
            Self::Jmeter => "give samplers of one kind one label, without variables in it",
            Self::Artillery => "give requests of one kind one `name:`, and set `groupDynamicURLs` of metrics-by-endpoint",
            Self::Vegeta | Self::Oha | Self::Hdr | Self::H2load => "replace what varies in the addresses before the import",
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
