//! The file form of a Run, `run.json`: reading, writing and its JSON Schema. What is read may come from anybody,
//! so a file that contradicts itself is refused with the name of the endpoint and the field.

mod checks;
mod format;
mod imported;
mod read;
mod read_endpoints;
mod size;
#[cfg(test)]
mod tests;
mod write;

use std::borrow::Cow;
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use schemars::generate::SchemaSettings;
use thiserror::Error;

use self::format::{Envelope, RunFile};
use super::Run;
use crate::files::{self, FileError};
use crate::stats::HistogramError;

/// The `format` of every run file.
const FORMAT: &str = "perfgate-run";
/// The `version` that this program writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// The largest run file that is read, in bytes.
pub const RUN_FILE_CAP: u64 = 64 * 1024 * 1024;
/// Histogram bins of one file, some three bytes each in memory: a few hundred bytes of file can hold 24,576 of them.
const MAX_BINS: usize = 24_000_000;
/// The name of the run file in a folder of results.
pub const RUN_FILE_NAME: &str = "run.json";

/// Why a run file could not be read.
#[derive(Debug, Error)]
pub enum RunFileError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("not a run file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("format is {found:?}, not `{FORMAT}`")]
    OtherFormat { found: String },
    #[error("version {found} of the run file is unknown: this perfgate reads version {FORMAT_VERSION}")]
    UnknownVersion { found: u64 },
    /// A value that can't be, or that contradicts another; `place` is such as ``endpoint `GET /`, phase `hold` ``.
    #[error("{place}: `{field}` {problem}")]
    Invalid { place: String, field: &'static str, problem: String },
    #[error("{place}: `{field}` is not readable: {source}")]
    Histogram { place: String, field: &'static str, source: HistogramError },
    /// The same with the path of the file.
    #[error("{}: {source}", path.display())]
    At { path: PathBuf, source: Box<RunFileError> },
}

impl RunFileError {
    /// What to do about it, where more can be said than in the message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::OtherFormat { .. } => Some("name a `run.json`, or the folder that holds it".into()),
            Self::UnknownVersion { .. } => Some("it was written by a newer perfgate: update this one".into()),
            Self::At { source, .. } => source.hint(),
            Self::File(_) | Self::Json(_) | Self::Invalid { .. } | Self::Histogram { .. } => None,
        }
    }
}

/// Reads a run from the bytes of its file, of which there should be no more than [`RUN_FILE_CAP`].
///
/// # Errors
/// [`RunFileError`] where it is not such a file, of another version, or contradicts itself.
pub fn read_run(bytes: &[u8]) -> Result<Run, RunFileError> {
    // Read once where it is what it should be; only else is it asked what it is.
    let file = match serde_json::from_slice::<RunFile>(bytes) {
        Ok(file) if file.is_ours() => return read::run_of(file),
        other => other,
    };
    let Envelope { format, version } = serde_json::from_slice(bytes)?;
    if format != FORMAT {
        return Err(RunFileError::OtherFormat { found: format.chars().take(40).collect() });
    }
    if version != u64::from(FORMAT_VERSION) {
        return Err(RunFileError::UnknownVersion { found: version });
    }
    read::run_of(file?)
}

/// Reads the run file at `path`, or `run.json` in the folder `path`.
///
/// # Errors
/// [`RunFileError`], always with the path.
pub fn load_run(path: &Path) -> Result<Run, RunFileError> {
    let path = if path.is_dir() { path.join(RUN_FILE_NAME) } else { path.to_owned() };
    let bytes = files::read_capped(&path, RUN_FILE_CAP)?;
    read_run(&bytes).map_err(|source| RunFileError::At { path, source: Box::new(source) })
}

/// The name of the file of an earlier load of the same check, counted from 1; the last one's is [`RUN_FILE_NAME`].
#[must_use]
pub fn earlier_run_file_name(number: usize) -> String {
    format!("run-{number}.json")
}

/// The name of the file of the deployment that was loaded beside the release in this round, counted from 1.
#[must_use]
pub fn beside_run_file_name(number: usize) -> String {
    format!("against-{number}.json")
}

/// Reads every load of the other deployment that a check left in the folder `path`, in order.
///
/// # Errors
/// [`RunFileError`], always with the path.
pub fn load_beside(path: &Path) -> Result<Vec<Run>, RunFileError> {
    let files = (1..).map(|number| path.join(beside_run_file_name(number))).take_while(|file| file.is_file());
    files.map(|file| load_run(&file)).collect()
}

/// Reads every load that a check left in the folder `path`, in order; or the one run file at `path`.
///
/// # Errors
/// [`RunFileError`], always with the path.
pub fn load_runs(path: &Path) -> Result<Vec<Run>, RunFileError> {
    let earlier = (1..).map(|number| path.join(earlier_run_file_name(number))).take_while(|path| path.is_file());
    let paths: Vec<_> = if path.is_dir() { earlier.collect() } else { Vec::new() };
    paths.iter().map(|path| load_run(path)).chain([load_run(path)]).collect()
}

/// The bytes of a run's file, which [`read_run`] reads: a run with more histogram bins, or more bytes, than a file may have is
/// written with coarser slices. Numbers that are not finite are left out, so that the file is always JSON.
#[must_use]
pub fn write_run(run: &Run) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = write_fitting(run, |run| {
        bytes.clear();
        write_as_it_is(run, &mut bytes)?;
        Ok(bytes.len() as u64)
    });
    written.unwrap_or_else(|error| unreachable!("text, numbers and maps with text keys always make JSON: {error}"));
    bytes
}

/// Writes the bytes of [`write_run`] into a file, atomically and without ever holding them all.
///
/// # Errors
/// [`FileError::Write`].
pub fn save_run(path: &Path, run: &Run) -> Result<(), FileError> {
    files::write_atomically_by(path, |file| {
        write_fitting(run, |run| {
            file.rewind()?;
            file.set_len(0)?;
            let mut out = BufWriter::new(&mut *file);
            write_as_it_is(run, &mut out)?;
            out.flush()?;
            drop(out);
            file.stream_position()
        })
    })
}

/// Lets `write` write the run, which tells how many bytes it took, and coarser forms of it until one can be read again.
fn write_fitting(run: &Run, mut write: impl FnMut(&Run) -> io::Result<u64>) -> io::Result<()> {
    let mut run = size::within_bins(run, MAX_BINS);
    while write(&run)? > RUN_FILE_CAP {
        let Some(coarser) = size::coarser(&run) else { break };
        run = Cow::Owned(coarser);
    }
    Ok(())
}

fn write_as_it_is(run: &Run, mut out: impl io::Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, &write::file_of(run))?;
    out.write_all(b"\n")
}

/// The JSON Schema (2020-12) of what [`write_run`] writes.
#[must_use]
pub fn run_schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<RunFile>().to_value()
}
