//! Any bytes as a store that travels: refused, or runs with names that stay within a folder. Every other input is packed as
//! the store's own list, so that what stands behind the archive's checks is reached too.

#![no_main]

use std::io::{Cursor, Write as _};

use libfuzzer_sys::fuzz_target;
use perfgate::baseline::read_archive;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let read = if choice & 1 == 0 { read_archive(bytes) } else { read_archive(&packed(bytes)) };
    for kept in read.into_iter().flatten() {
        assert!(!kept.id.contains(['/', '\\', '\0']) && !kept.id.starts_with(['.', '-']));
    }
});

fn packed(list: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("baseline.json", SimpleFileOptions::default()).unwrap();
    writer.write_all(list).unwrap();
    writer.finish().unwrap().into_inner()
}
