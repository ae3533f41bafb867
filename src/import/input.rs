//! A result file as it is read: plain or gzipped, line by line in constant memory, or whole where it is one document.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::error::{CUT_OFF, ImportError};
use crate::files::FileError;

/// What is looked at to tell which tool wrote a file.
const HEAD_BYTES: usize = 64 * 1024;
/// How a run file of ours begins, which is never another tool's.
const OUR_OWN: &str = "{\"format\":\"perfgate-run\"";
/// A longer line is no line: 16 MiB.
const LINE_CAP: usize = 16 * 1024 * 1024;
/// The largest document that is read as a whole: 64 MiB.
const DOCUMENT_CAP: u64 = 64 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that is being read.
pub(super) struct Input {
    path: PathBuf,
    head: Vec<u8>,
    reader: Box<dyn BufRead>,
    last_byte: Rc<Cell<u8>>,
    line: Vec<u8>,
    number: u64,
}

/// The beginning of a file.
pub(super) struct Head {
    /// Without a byte order mark.
    pub(super) text: String,
    /// The keys of the JSON object that it begins with.
    pub(super) keys: BTreeSet<String>,
    /// The keys of the first object, where it begins with a JSON list.
    pub(super) item_keys: BTreeSet<String>,
    /// What is wrong with a file that begins like JSON.
    pub(super) broken: Option<String>,
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let unreadable = |source| FileError::Read { path: path.to_owned(), source };
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(unreadable)?);
        let is_gzip = file.fill_buf().map_err(unreadable)?.starts_with(&[0x1f, 0x8b]);
        let mut plain: Box<dyn Read> = if is_gzip { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut head = Vec::new();
        plain.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        let last_byte = Rc::new(Cell::new(b'\n'));
        let watched = Watched { inner: io::Cursor::new(head.clone()).chain(plain), last_byte: Rc::clone(&last_byte) };
        let reader = Box::new(BufReader::with_capacity(BUFFER_BYTES, watched));
        Ok(Self { path: path.to_owned(), head, reader, last_byte, line: Vec::new(), number: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it begins with; of JSON the keys.
    #[expect(clippy::zero_sized_map_values, reason = "an object is read as a map, and its values are passed over")]
    pub(super) fn head(&self) -> Head {
        let text = String::from_utf8_lossy(&self.head).into_owned();
        let start = text.trim_start();
        let mut head = Head { keys: BTreeSet::new(), item_keys: BTreeSet::new(), broken: None, text: String::new() };
        if start.starts_with(OUR_OWN) {
            head.text = text;
            return head;
        }
        if start.starts_with('{') {
            match self.first_value::<BTreeMap<String, IgnoredAny>>() {
                Ok(object) => head.keys = object.into_keys().collect(),
                Err(problem) => head.broken = Some(problem),
            }
        } else if start.starts_with('[') {
            match self.first_value::<Vec<BTreeMap<String, IgnoredAny>>>() {
                Ok(items) => head.item_keys = items.into_iter().next().map(|item| item.into_keys().collect()).unwrap_or_default(),
                Err(problem) => head.broken = Some(problem),
            }
        }
        head.text = text;
        head
    }

    /// The JSON value that the file begins with, read beside what is read later.
    fn first_value<T: DeserializeOwned>(&self) -> Result<T, String> {
        let again = Self::open(&self.path).map_err(|error| error.to_string())?;
        let mut values = serde_json::Deserializer::from_reader(again.reader.take(DOCUMENT_CAP)).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) if error.is_eof() => Err(format!("line {}: {CUT_OFF}", error.line())),
            Some(Err(error)) => Err(format!("line {}: not JSON as expected: {error}", error.line())),
            None => Err("the file is empty".to_owned()),
        }
    }

    fn document_bytes(&mut self) -> Result<Vec<u8>, ImportError> {
        let mut bytes = Vec::new();
        let read = self.reader.by_ref().take(DOCUMENT_CAP + 1).read_to_end(&mut bytes);
        read.map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        if bytes.len() as u64 > DOCUMENT_CAP {
            return Err(FileError::TooLarge { path: self.path.clone(), cap: DOCUMENT_CAP }.into());
        }
        Ok(bytes)
    }

    /// The whole file as one JSON document.
    pub(super) fn document<T: DeserializeOwned>(&mut self) -> Result<T, ImportError> {
        let bytes = self.document_bytes()?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let (path, line) = (&self.path, error.line() as u64);
            if error.is_eof() {
                ImportError::cut_off(path, line)
            } else {
                ImportError::Line { path: path.clone(), line, problem: error.to_string(), hint: None }
            }
        })
    }

    /// The whole file as text.
    pub(super) fn text(&mut self) -> Result<String, ImportError> {
        let bytes = self.document_bytes()?;
        String::from_utf8(bytes).map_err(|_| FileError::NotText { path: self.path.clone() }.into())
    }

    /// Reads the next line into `self.line()`, without its end; false at the end of the file.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        self.line.clear();
        let read = self.reader.by_ref().take(LINE_CAP as u64 + 1).read_until(b'\n', &mut self.line);
        let count = read.map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => ImportError::cut_off(&self.path, self.number + 1),
            _ => FileError::Read { path: self.path.clone(), source }.into(),
        })?;
        self.number += 1;
        if count > LINE_CAP {
            return Err(self.error("the line is longer than 16 MiB"));
        }
        while self.line.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.pop();
        }
        Ok(count > 0)
    }

    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Reads the line as JSON.
    pub(super) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, ImportError> {
        serde_json::from_slice(&self.line).map_err(|error| {
            if error.is_eof() {
                ImportError::cut_off(&self.path, self.number)
            } else {
                self.error(format!("not JSON as expected: {error}"))
            }
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Something is wrong with the line.
    pub(super) fn error(&self, problem: impl Into<String>) -> ImportError {
        ImportError::Line { path: self.path.clone(), line: self.number, problem: problem.into(), hint: None }
    }

    /// The file as bytes.
    pub(super) fn into_reader(self) -> Box<dyn BufRead> {
        self.reader
    }

    /// The rest of the file as rows.
    pub(super) fn rows(self, delimiter: u8) -> Rows {
        let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(self.reader);
        Rows { path: self.path, reader, row: csv::ByteRecord::new(), last_byte: self.last_byte, width: None }
    }
}

/// The rows of a file with columns.
pub(super) struct Rows {
    path: PathBuf,
    reader: csv::Reader<Box<dyn BufRead>>,
    row: csv::ByteRecord,
    last_byte: Rc<Cell<u8>>,
    width: Option<usize>,
}

impl Rows {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the next row; false at the end. Every row must be as wide as the first, and the last must have its end.
    pub(super) fn advance(&mut self) -> Result<bool, ImportError> {
        let more = self.reader.read_byte_record(&mut self.row).map_err(|error| {
            let line = self.reader.position().line();
            match error.into_kind() {
                csv::ErrorKind::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
                    ImportError::from(FileError::Read { path: self.path.clone(), source })
                }
                _ => ImportError::cut_off(&self.path, line),
            }
        })?;
        if !more {
            return Ok(false);
        }
        let width = *self.width.get_or_insert(self.row.len());
        let is_last = self.reader.is_done() || self.last_byte.get() != b'\n';
        if self.row.len() != width {
            if is_last && self.row.len() < width {
                return Err(ImportError::cut_off(&self.path, self.number()));
            }
            return Err(self.error(format!("the row has {} columns, the first has {width}", self.row.len())));
        }
        Ok(true)
    }

    /// Held at the end of the rows: a last row without its end was cut off.
    pub(super) fn finish(&self) -> Result<(), ImportError> {
        if self.last_byte.get() == b'\n' { Ok(()) } else { Err(ImportError::cut_off(&self.path, self.number())) }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = String> + '_ {
        self.row.iter().map(|cell| String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').to_owned())
    }

    pub(super) fn cell(&self, column: usize) -> &[u8] {
        self.row.get(column).unwrap_or_default()
    }

    pub(super) fn text(&self, column: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.cell(column))
    }

    pub(super) fn number_in<T: std::str::FromStr>(&self, column: usize, what: &str) -> Result<T, ImportError> {
        let text = std::str::from_utf8(self.cell(column)).unwrap_or_default();
        text.trim().parse().map_err(|_| {
            let shown: String = text.chars().take(40).collect();
            self.error(format!("{what} is {shown:?}, not a number"))
        })
    }

    pub(super) fn number(&self) -> u64 {
        self.row.position().map_or_else(|| self.reader.position().line(), csv::Position::line)
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> ImportError {
        ImportError::Line { path: self.path.clone(), line: self.number(), problem: problem.into(), hint: None }
    }
}

/// Remembers the last byte that was read.
struct Watched<R> {
    inner: R,
    last_byte: Rc<Cell<u8>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = count.checked_sub(1).and_then(|last| buffer.get(last)) {
            self.last_byte.set(*last);
        }
        Ok(count)
    }
}
