//! Data sets: CSV files whose first line names the columns.

use std::sync::Arc;

use super::local_file::{LocalFiles, Reach};
use super::{Checked, is_name};
use crate::document::{Document, Mistake, Placed};
use crate::scenario::file::{DataFile, Entries, ExhaustedFile, OrderFile};
use crate::scenario::{DataOrder, DataSet, OnExhausted};

/// The largest data file: 64 MiB.
const FILE_CAP: u64 = 64 * 1024 * 1024;

const MAX_COLUMNS: usize = 1000;

/// Names that mean something else in `${..}`.
const RESERVED: [&str; 2] = ["user", "env"];

/// Reads every data file.
pub fn read_data_sets(files: LocalFiles<'_>, sets: &Entries<DataFile>) -> Checked<Vec<DataSet>> {
    sets.0.iter().map(|(name, set)| read_data_set(files, name, set)).collect()
}

fn read_data_set(files: LocalFiles<'_>, name: &Placed<String>, set: &DataFile) -> Checked<DataSet> {
    let DataFile { file, order, on_exhausted } = set;
    check_name(files.document, name)?;
    let content = files.read(file, Reach::Folder, FILE_CAP)?;
    let (columns, rows) = Table { document: files.document, file }.read(&content)?;
    let order = match order {
        OrderFile::Random => DataOrder::Random,
        OrderFile::Sequential => DataOrder::Sequential,
        OrderFile::Shuffle => DataOrder::Shuffle,
        OrderFile::Unique => DataOrder::Unique,
    };
    let on_exhausted = match (on_exhausted, order) {
        (Some(ExhaustedFile::Stop), _) | (None, DataOrder::Unique) => OnExhausted::Stop,
        (Some(ExhaustedFile::Recycle) | None, _) => OnExhausted::Recycle,
    };
    Ok(DataSet { name: name.value.clone(), columns, rows, order, on_exhausted })
}

fn check_name(document: &Document, name: &Placed<String>) -> Checked<()> {
    let Placed { value, place } = name;
    if RESERVED.contains(&value.as_str()) {
        return Err(document.mistake(*place, format!("a data set is not called `{value}`: `${{{value}.id}}` means something else")).into());
    }
    if !is_name(value) {
        let mistake = document.mistake(*place, format!("`{value}` is not a name"));
        return Err(mistake.with_hint("letters, digits, `_` and `-`, beginning with a letter").into());
    }
    Ok(())
}

/// Columns and rows.
type Cells = (Vec<String>, Vec<Vec<Arc<str>>>);

/// A CSV file, with where it was named.
struct Table<'a> {
    document: &'a Document,
    file: &'a Placed<String>,
}

impl Table<'_> {
    fn read(&self, content: &[u8]) -> Checked<Cells> {
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
        let mut reader = csv::ReaderBuilder::new().from_reader(content);
        let columns: Vec<String> = match reader.headers() {
            Ok(header) => header.iter().map(|column| column.trim().to_owned()).collect(),
            Err(error) => return Err(self.unreadable(&error)),
        };
        self.check_columns(&columns)?;
        let mut rows = Vec::new();
        for record in reader.records() {
            rows.push(record.map_err(|error| self.unreadable(&error))?.iter().map(Arc::from).collect());
        }
        if rows.is_empty() { Err(self.mistake("has no rows below its header")) } else { Ok((columns, rows)) }
    }

    fn check_columns(&self, columns: &[String]) -> Checked<()> {
        if columns.is_empty() {
            return Err(self.mistake("is empty"));
        }
        if columns.len() > MAX_COLUMNS {
            return Err(self.mistake(&format!("has {} columns, at most {MAX_COLUMNS} are allowed", columns.len())));
        }
        for (index, column) in columns.iter().enumerate() {
            if column.is_empty() {
                return Err(self.mistake(&format!("has no name for column {} in its first line", index + 1)));
            }
            if columns[..index].contains(column) {
                return Err(self.mistake(&format!("has two columns of the same name, the second is column {}", index + 1)));
            }
        }
        Ok(())
    }

    /// The content of a cell is never shown: it may be a password.
    fn unreadable(&self, error: &csv::Error) -> Box<Mistake> {
        let line = error.position().map_or(0, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                self.mistake(&format!("line {line} has {len} fields, the header has {expected_len}"))
            }
            csv::ErrorKind::Utf8 { .. } => self.mistake(&format!("line {line} is not UTF-8 text")),
            _ => self.mistake("is not a CSV file"),
        }
    }

    fn mistake(&self, what: &str) -> Box<Mistake> {
        self.document.mistake(self.file.place, format!("the data file `{}` {what}", self.file.value)).into()
    }
}
