//! Writing files so that a reader finds the old content or the new, never half of it; and reading with a cap.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// A file that could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is larger than {} MiB", path.display(), cap / (1024 * 1024))]
    TooLarge { path: PathBuf, cap: u64 },
    #[error("{} is not UTF-8 text", path.display())]
    NotText { path: PathBuf },
    #[error("cannot write {}: it is in use by another run", path.display())]
    InUse { path: PathBuf },
    #[error("cannot write {}: it is a symbolic link", path.display())]
    Link { path: PathBuf },
}

/// Writes `content` to a temporary file beside `path`, syncs it and renames it into place. Makes missing folders.
///
/// # Errors
/// [`FileError::Write`]; an existing file is then as it was.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), FileError> {
    write_atomically_by(path, |file| file.write_all(content))
}

/// As [`write_atomically`], with content that `write` brings bit by bit.
///
/// # Errors
/// [`FileError::Write`].
pub fn write_atomically_by(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), FileError> {
    write_and_rename(path, write).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

fn write_and_rename(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let temporary = folder.join(temporary_name(&name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut file = File::create(&temporary)?;
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn temporary_name(name: &str, process: u32) -> String {
    format!(".{name}.{process}.tmp")
}

/// Removes from `folder` what a process that was killed while it wrote left beside the files that `is_own` names.
pub fn remove_leftovers(folder: &Path, is_own: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let found = entry.file_name();
        let parts = found.to_str().and_then(|found| found.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.'));
        if parts.is_some_and(|(name, process)| is_own(name) && process.parse::<u32>().is_ok()) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Adds `content` to the end of a file that others write to as well.
///
/// # Errors
/// [`FileError::Write`].
pub fn append(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let written = File::options().append(true).create(true).open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// Reads a whole file of at most `cap` bytes. A pipe or a device is refused before it is opened: reading it could wait for ever.
///
/// # Errors
/// [`FileError`] where it cannot be read or is larger.
pub fn read_capped(path: &Path, cap: u64) -> Result<Vec<u8>, FileError> {
    let reading = |source| FileError::Read { path: path.to_owned(), source };
    let found = fs::metadata(path).map_err(reading)?;
    if !found.is_file() {
        return Err(reading(io::Error::other("not a regular file")));
    }
    let mut content = Vec::with_capacity(usize::try_from(found.len().min(cap)).unwrap_or(0) + 1);
    File::open(path).map_err(reading)?.take(cap + 1).read_to_end(&mut content).map_err(reading)?;
    if content.len() as u64 > cap {
        return Err(FileError::TooLarge { path: path.to_owned(), cap });
    }
    Ok(content)
}

/// As [`read_capped`], for text.
///
/// # Errors
/// [`FileError`] where it cannot be read, is larger, or is not UTF-8.
pub fn read_text_capped(path: &Path, cap: u64) -> Result<String, FileError> {
    String::from_utf8(read_capped(path, cap)?).map_err(|_| FileError::NotText { path: path.to_owned() })
}

/// Whether anything is at `path`. What cannot be looked at is there: whoever reads it is told why that fails.
#[must_use]
pub fn may_exist(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

/// Whether files can be made in `folder`: makes it where it is missing, and writes and removes a probe.
///
/// # Errors
/// [`FileError::Write`] with the reason.
pub fn check_writable(folder: &Path) -> Result<(), FileError> {
    let probe = folder.join(format!(".perfgate-probe.{}", std::process::id()));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&probe, b"probe"));
    // A file may be there although nothing could be written into it.
    let removed = fs::remove_file(&probe);
    written.and(removed).map_err(|source| FileError::Write { path: folder.to_owned(), source })
}

/// A folder that no other program may take as well, until this is dropped or the program ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _held: Option<File>,
}

/// Takes a folder. A file system without locks cannot tell who else uses it.
///
/// # Errors
/// [`FileError::InUse`] where another has taken it.
pub fn lock_folder(folder: &Path) -> Result<FolderLock, FileError> {
    let Ok(held) = File::open(folder) else { return Ok(FolderLock { _held: None }) };
    match held.try_lock() {
        Err(TryLockError::WouldBlock) => Err(FileError::InUse { path: folder.to_owned() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(FolderLock { _held: Some(held) }),
    }
}

/// That a folder is none under another name: what stands behind a link was not named by who runs this.
///
/// # Errors
/// [`FileError::Link`].
pub fn check_no_link(folder: &Path) -> Result<(), FileError> {
    let is_link = fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink());
    if is_link { Err(FileError::Link { path: folder.to_owned() }) } else { Ok(()) }
}

/// A path, or any other text, as a POSIX shell takes it for one word: for command lines that people copy.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_split_or_expand_them() {
        assert_eq!(shell_word("examples/shop.yaml"), "examples/shop.yaml");
        assert_eq!(shell_word("my file; rm *"), "'my file; rm *'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn a_file_is_replaced_whole_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/run.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_taken_by_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock_folder(folder.path()).unwrap();
        assert!(matches!(lock_folder(folder.path()), Err(FileError::InUse { .. })));
        drop(held);
        assert!(lock_folder(folder.path()).is_ok());
    }

    #[test]
    fn a_file_over_the_cap_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big");
        fs::write(&path, b"12345").unwrap();
        assert!(matches!(read_capped(&path, 4), Err(FileError::TooLarge { .. })));
        assert_eq!(read_capped(&path, 5).unwrap(), b"12345");
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_missing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(!may_exist(&file));
        fs::write(&file, b"x").unwrap();
        assert!(may_exist(&file) && may_exist(&file.join("below")), "nobody can look below a file");
        assert!(!file.join("below").exists());
    }

    #[test]
    fn a_folder_that_is_a_file_is_not_writable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, b"x").unwrap();
        assert!(check_writable(&path.join("out")).is_err());
        assert!(check_writable(&folder.path().join("out")).is_ok());
    }
}
