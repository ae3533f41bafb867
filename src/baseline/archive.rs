//! A store as it travels: a ZIP with `baseline.json` and `runs/<id>.json`, or one bare run file. Nothing is extracted;
//! what is not expected, or could be read in two ways, is refused as a whole.

use std::collections::BTreeSet;
use std::io::{Cursor, Read as _};

use thiserror::Error;
use zip::ZipArchive;
use zip::result::ZipError;

use super::index::{self, Entry, EntryId, IndexError, Listing};
use super::kept::{Kept, KeptError};
use super::{Loaded, rounds};
use crate::parallel::on_all_cores;
use crate::run::read_run;

/// The largest archive, as it travels.
pub(super) const ARCHIVE_CAP: usize = 64 * 1024 * 1024;
/// The most that is inflated of one archive.
const INFLATED_CAP: u64 = 256 * 1024 * 1024;
/// How many files an archive may hold: a store keeps at most a thousand runs, usually ten.
const ENTRIES: usize = 1100;
const SIGNATURE: &[u8] = b"PK\x03\x04";
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LOCAL_LENGTH: usize = 30;
const CENTRAL_LENGTH: usize = 46;
const INDEX_NAME: &str = "baseline.json";

/// Why an archive is not believed.
#[derive(Debug, Error)]
pub enum ArchiveError {
    #[error("it is empty")]
    Empty,
    #[error("not a ZIP: {0}")]
    Zip(#[from] ZipError),
    #[error("unsafe archive: {0}")]
    Unsafe(&'static str),
    #[error("ambiguous archive: {0}")]
    Ambiguous(&'static str),
    #[error("limit exceeded: {0}")]
    Limit(&'static str),
    #[error("`{INDEX_NAME}` is missing")]
    NoIndex,
    #[error("{0}")]
    Index(#[from] IndexError),
    #[error("run {id} is listed, but missing")]
    MissingRun { id: EntryId },
    #[error("run {id}: {source}")]
    Run { id: EntryId, source: KeptError },
    #[error("{0}")]
    BareRun(KeptError),
    #[error("cannot be inflated: {0}")]
    Read(#[from] std::io::Error),
}

/// What is made of each admitted run of a store as it travels, newest first.
///
/// # Errors
/// [`ArchiveError`].
pub(super) fn read<T: Send>(bytes: &[u8], make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync)) -> Result<Loaded<T>, ArchiveError> {
    read_within(bytes, INFLATED_CAP, make)
}

fn read_within<T: Send>(
    bytes: &[u8],
    mut left: u64,
    make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
) -> Result<Loaded<T>, ArchiveError> {
    if bytes.is_empty() {
        return Err(ArchiveError::Empty);
    }
    if !bytes.starts_with(SIGNATURE) {
        let run = read_run(bytes).map_err(|source| ArchiveError::BareRun(source.into()))?;
        let id = EntryId::of(run.started_at, bytes);
        let kept = Kept { id: id.as_str(), entry: None, file: bytes, place: (0, 1) };
        return Ok((vec![make(kept).map_err(ArchiveError::BareRun)?], Vec::new()));
    }
    check_end(bytes)?;
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    check_entries(bytes, &mut archive)?;
    let index = member(&mut archive, INDEX_NAME, &mut left)?.ok_or(ArchiveError::NoIndex)?;
    let Listing { entries, rounds, .. } = index::read(&index)?;
    let mut files = Vec::new();
    for entry in entries.into_iter().filter(|entry| entry.admitted) {
        let file = member(&mut archive, &format!("runs/{}.json", entry.id), &mut left)?;
        let file = file.ok_or_else(|| ArchiveError::MissingRun { id: entry.id.clone() })?;
        files.push((entry, file));
    }
    let count = files.len();
    let numbered: Vec<(usize, (Entry, Vec<u8>))> = files.into_iter().enumerate().collect();
    let of_file = |(at, (entry, file)): &(usize, (Entry, Vec<u8>))| {
        let kept = Kept { id: entry.id.as_str(), entry: Some(entry), file, place: (*at, count) };
        make(kept).map_err(|source| ArchiveError::Run { id: entry.id.clone(), source })
    };
    let runs = on_all_cores(&numbered, of_file).into_iter().collect::<Result<_, ArchiveError>>()?;
    Ok((runs, rounds::admitted(&rounds)))
}

/// That the archive ends where its directory says, and begins at its first byte: two readers then see the same one.
fn check_end(bytes: &[u8]) -> Result<(), ArchiveError> {
    let end = bytes.len().checked_sub(END_LENGTH).map(|at| &bytes[at..]).filter(|end| end.starts_with(END_SIGNATURE));
    let end = end.ok_or(ArchiveError::Ambiguous("something follows its directory"))?;
    let number = |at: usize, width: usize| end[at..at + width].iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    let (on_disk, entries, size, offset) = (number(8, 2), number(10, 2), number(12, 4), number(16, 4));
    if on_disk != entries || number(4, 4) != 0 || size.saturating_add(offset) != bytes.len() - END_LENGTH {
        return Err(ArchiveError::Ambiguous("its directory is not where it says"));
    }
    if entries > ENTRIES {
        return Err(ArchiveError::Limit("more files than a store can have"));
    }
    Ok(())
}

/// That every entry is an expected file, once, named alike in both places.
fn check_entries(bytes: &[u8], archive: &mut ZipArchive<Cursor<&[u8]>>) -> Result<(), ArchiveError> {
    let listed = bytes.len() - END_LENGTH + 10;
    if archive.offset() != 0 || archive.len() != usize::from(u16::from_le_bytes([bytes[listed], bytes[listed + 1]])) {
        return Err(ArchiveError::Ambiguous("it names a file twice, or begins with something else"));
    }
    if archive.has_overlapping_entries()? {
        return Err(ArchiveError::Ambiguous("its files overlap"));
    }
    let mut names = BTreeSet::new();
    for at in 0..archive.len() {
        let entry = archive.by_index_raw(at)?;
        let name = String::from_utf8(entry.name_raw().to_vec()).map_err(|_| ArchiveError::Unsafe("a name is not text"))?;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let start = place(entry.header_start()).saturating_add(LOCAL_LENGTH);
        if bytes.get(start..start.saturating_add(name.len())) != Some(name.as_bytes()) {
            return Err(ArchiveError::Ambiguous("a file is named differently in two places"));
        }
        check_headers(bytes.get(place(entry.header_start())..), bytes.get(place(entry.central_header_start())..))?;
        if !is_expected(&name) {
            return Err(ArchiveError::Unsafe("it holds something else than `baseline.json` and `runs/<id>.json`"));
        }
        if entry.is_symlink() || entry.encrypted() {
            return Err(ArchiveError::Unsafe("it holds a link or an encrypted file"));
        }
        if !names.insert(name) {
            return Err(ArchiveError::Ambiguous("it names a file twice"));
        }
    }
    Ok(())
}

/// That a file's own header and the directory's say the same of it. Sizes may stand behind the file instead; they are not
/// longer than 32 bits, for what is longer is too large.
fn check_headers(local: Option<&[u8]>, central: Option<&[u8]>) -> Result<(), ArchiveError> {
    const SIZES_FOLLOW: u8 = 0b1000;
    const LONG: [u8; 4] = [0xff; 4];
    let local = local.and_then(|header| header.get(..LOCAL_LENGTH));
    let central = central.and_then(|header| header.get(..CENTRAL_LENGTH));
    let (Some(local), Some(central)) = (local, central) else { return Err(ArchiveError::Ambiguous("a header is cut off")) };
    // Flags and method; checksum and both sizes.
    let ((kind, sums), (own_kind, own_sums)) = ((&central[8..12], &central[16..28]), (&local[6..10], &local[14..26]));
    if sums[4..8] == LONG || sums[8..12] == LONG {
        return Err(ArchiveError::Limit("a file has sizes of 64 bits"));
    }
    let sizes_follow = kind[0] & SIZES_FOLLOW != 0 && own_sums.iter().all(|byte| *byte == 0);
    if kind != own_kind || (sums != own_sums && !sizes_follow) {
        return Err(ArchiveError::Ambiguous("a file is described differently in two places"));
    }
    Ok(())
}

fn is_expected(name: &str) -> bool {
    let run =
        |name: &str| name.strip_prefix("runs/").and_then(|rest| rest.strip_suffix(".json")).is_some_and(|id| id.parse::<EntryId>().is_ok());
    name == INDEX_NAME || name == "runs/" || run(name)
}

/// A file's bytes, `None` where it is not there. What is inflated is counted, whatever the archive says of its size.
fn member(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str, left: &mut u64) -> Result<Option<Vec<u8>>, ArchiveError> {
    let file = match archive.by_name(name) {
        Ok(file) => file,
        Err(ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut content = Vec::new();
    let stated = file.size();
    file.take(*left + 1).read_to_end(&mut content)?;
    *left = left.checked_sub(content.len() as u64).ok_or(ArchiveError::Limit("inflated, it is too large"))?;
    if content.len() as u64 != stated {
        return Err(ArchiveError::Ambiguous("a file is not as long as it says"));
    }
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::super::kept::whole;
    use super::*;
    use crate::baseline::Store;
    use crate::run::samples::{checkout_run, checkout_run_at};
    use crate::run::write_run;

    /// The files of a store with three runs.
    fn store() -> Vec<(String, Vec<u8>)> {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        for day in 1..=3 {
            let run = checkout_run_at(&format!("2026-11-0{day}T12:00:00Z"));
            store.admit(&run, store.admission(&run)).unwrap();
        }
        let mut files = vec![("baseline.json".to_owned(), std::fs::read(folder.path().join("baseline.json")).unwrap())];
        for entry in store.entries() {
            files.push((format!("runs/{}.json", entry.id), std::fs::read(store.run_path(&entry.id)).unwrap()));
        }
        files
    }

    fn zipped(files: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn refused(bytes: &[u8], why: &str) {
        let error = read(bytes, &whole).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_store_travels_whole_and_a_bare_run_is_taken_too() {
        let (runs, _) = read(&zipped(&store()), &whole).unwrap();
        assert_eq!(runs.len(), 3);
        assert!(runs[0].run.started_at > runs[2].run.started_at);
        assert_eq!(read(&write_run(&checkout_run()), &whole).unwrap().0[0].run, checkout_run());
    }

    #[test]
    fn what_is_corrupt_unsafe_or_ambiguous_is_refused_as_a_whole() {
        let (files, good) = (store(), zipped(&store()));
        refused(b"", "it is empty");
        refused(b"<!DOCTYPE html><p>Sign in", "not a run file");
        refused(&good[..good.len() - 30], "ambiguous archive: something follows its directory");
        refused(&[&good[..], b"tail"].concat(), "ambiguous archive: something follows its directory");
        refused(&[&good[..], &good[..]].concat(), "ambiguous archive");
        let with = |name: &str| zipped(&[files.clone(), vec![(name.to_owned(), b"{}".to_vec())]].concat());
        for name in
            ["../x", "/etc/x", "a\\..\\x", "C:\\x", "runs/../../x.json", "runs/a/b.json", "notes.md", "runs/-x.json", "verdict.json"]
        {
            refused(&with(name), "unsafe archive");
        }
        refused(&zipped(&files[1..]), "`baseline.json` is missing");
        refused(&zipped(&files[..3]), "is listed, but missing");
        let many: Vec<_> = (0..1200).map(|at| (format!("runs/{at}.json"), Vec::new())).collect();
        refused(&zipped(&many), "limit exceeded");
        let mut twice = good.clone();
        let renamed = files[2].0.as_bytes();
        while let Some(at) = twice.windows(renamed.len()).position(|window| window == renamed) {
            twice[at..at + renamed.len()].copy_from_slice(files[1].0.as_bytes());
        }
        refused(&twice, "");
        let at = good.windows(renamed.len()).position(|window| window == renamed).unwrap();
        let mut local = good.clone();
        local[at..at + renamed.len()].copy_from_slice(files[1].0.as_bytes());
        refused(&local, "named differently in two places");
    }

    /// The archive with other bytes in both headers of its second file, or in one of them: at an offset of the local header, and
    /// at one of the directory's.
    fn patched(good: &[u8], name: &str, local: Option<(usize, &[u8])>, central: Option<(usize, &[u8])>) -> Vec<u8> {
        let mut bytes = good.to_vec();
        let places: Vec<usize> = (0..good.len()).filter(|at| good[*at..].starts_with(name.as_bytes())).collect();
        for (header, change) in [(places[0] - LOCAL_LENGTH, local), (places[1] - CENTRAL_LENGTH, central)] {
            if let Some((offset, new)) = change {
                bytes[header + offset..header + offset + new.len()].copy_from_slice(new);
            }
        }
        bytes
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let (files, good) = (store(), zipped(&store()));
        let name = files[1].0.as_str();
        let of = |local: Option<(usize, &[u8])>, central: Option<(usize, &[u8])>| patched(&good, name, local, central);
        let (long, small, more, other) = ([0xff_u8; 4], [1_u8, 0, 0, 0], [9_u8, 9, 9, 9], [9_u8, 9, 9, 0]);
        for (what, bytes, why) in [
            ("method", of(None, Some((10, &[0, 0]))), "described differently in two places"),
            ("checksum", of(None, Some((16, &other))), "described differently in two places"),
            ("packed size", of(Some((18, &other)), None), "described differently in two places"),
            ("size", of(None, Some((24, &small))), "described differently in two places"),
            ("less in both", of(Some((22, &small)), Some((24, &small))), "larger than its declared uncompressed size"),
            ("more in both", of(Some((22, &more)), Some((24, &more))), "not as long as it says"),
            ("size of 64 bits", of(Some((22, &long)), Some((24, &long))), ""),
            ("encryption", of(Some((6, &[1, 0])), Some((8, &[1, 0]))), "an encrypted file"),
            ("place", of(None, Some((42, &[0, 0, 0, 0]))), ""),
        ] {
            let error = read(&bytes, &whole).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(why), "{what}: {error}");
        }
        // With the mode of a symbolic link.
        let made_on_unix = of(None, Some((5, &[3])));
        refused(&patched(&made_on_unix, name, None, Some((38, &(0o120_777_u32 << 16).to_le_bytes()))), "it holds a link");
        refused(&zipped(&[files.clone(), vec![("baseline.json/".to_owned(), Vec::new())]].concat()), "unsafe archive");
        let end = good.len() - END_LENGTH;
        let with_end = |at: usize, new: &[u8]| {
            let mut bytes = good.clone();
            bytes[end + at..end + at + new.len()].copy_from_slice(new);
            bytes
        };
        refused(&with_end(8, &[0xff; 4]), "limit exceeded");
        refused(&with_end(12, &[0xff; 8]), "its directory is not where it says");
        refused(&[&good[..], &good[end..]].concat(), "its directory is not where it says");
        refused(&[b"PK\x03\x04", &good[..]].concat(), "its directory is not where it says");
    }

    #[test]
    fn a_bomb_is_not_inflated_beyond_the_limit() {
        let mut files = store();
        files[1].1 = vec![b' '; 10_000_000];
        let bomb = zipped(&files);
        assert!(bomb.len() < 100_000);
        let error = read_within(&bomb, 5_000_000, &whole).unwrap_err().to_string();
        assert_eq!(error, "limit exceeded: inflated, it is too large");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_damage_panics(at in 0_usize..4000, byte in any::<u8>(), cut in 0_usize..4000) {
            static GOOD: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| zipped(&store()));
            let mut bytes = GOOD.clone();
            let length = bytes.len();
            bytes[at % length] = byte;
            let _ = read(&bytes, &whole);
            let _ = read(&bytes[..cut % length], &whole);
        }
    }
}
