//! Files that a scenario names: data, bodies, certificates. What is sent must lie in the scenario's own folder, so that
//! a scenario out of a pull request cannot send away what else lies on the machine.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::Checked;
use crate::document::{Document, Placed};
use crate::files::read_capped;

/// Where the files of a scenario are.
#[derive(Debug, Clone, Copy)]
pub struct LocalFiles<'a> {
    pub document: &'a Document,
    pub folder: &'a Path,
}

/// How far a path may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The scenario's folder and what is below it.
    Folder,
    /// Any place: for what is used, but never sent.
    Anywhere,
}

impl LocalFiles<'_> {
    /// Reads a regular file of at most `cap` bytes.
    pub fn read(self, written: &Placed<String>, reach: Reach, cap: u64) -> Checked<Vec<u8>> {
        let path = self.resolve(&written.value, reach).and_then(|path| read_capped(&path, cap).map_err(|error| error.to_string()));
        path.map_err(|message| {
            let mistake = self.document.mistake(written.place, message);
            Box::new(match reach {
                Reach::Folder => mistake.with_hint("paths are relative to the scenario file, and lead to its folder or below"),
                Reach::Anywhere => mistake.with_hint("paths are relative to the scenario file"),
            })
        })
    }

    fn resolve(self, written: &str, reach: Reach) -> Result<PathBuf, String> {
        let folder = if self.folder.as_os_str().is_empty() { Path::new(".") } else { self.folder };
        let outside = || format!("the file `{written}` is outside the scenario's folder");
        if reach == Reach::Folder && climbs_out(Path::new(written)) {
            return Err(outside());
        }
        let tried = folder.join(written);
        let cannot_read = |error: std::io::Error| format!("cannot read {}: {error}", tried.display());
        let real = fs::canonicalize(&tried).map_err(cannot_read)?;
        if reach == Reach::Folder && !real.starts_with(fs::canonicalize(folder).map_err(cannot_read)?) {
            return Err(outside());
        }
        if !fs::metadata(&real).map_err(cannot_read)?.is_file() {
            return Err(format!("cannot read {}: not a regular file", tried.display()));
        }
        Ok(real)
    }
}

/// Whether a path leads out of the folder that it is relative to.
fn climbs_out(path: &Path) -> bool {
    let mut depth = 0_i32;
    for component in path.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return true,
        }
        if depth < 0 {
            return true;
        }
    }
    false
}
