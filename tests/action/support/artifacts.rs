//! What actions/upload-artifact and actions/download-artifact do, as far as our files rely on it.

use std::fs;
use std::path::Path;

use super::machine::Machine;

/// Keeps a folder or a file under this name; whether the step is green.
pub fn upload(machine: &Machine, name: &str, path: &str, if_none: &str) -> bool {
    let (from, to) = (machine.path("workspace").join(path), machine.path("artifacts").join(name));
    assert!(!name.is_empty() && name.chars().all(|c| !r#"":<>|*?/\"#.contains(c)), "not the name of an artifact: {name}");
    assert!(!to.exists(), "an artifact of the name {name} is there already");
    let is_hidden = from.strip_prefix(machine.path("")).unwrap().iter().any(|part| part.to_string_lossy().starts_with('.'));
    if !from.exists() || is_hidden {
        return if_none != "error";
    }
    copy(&from, &to);
    true
}

/// Brings the artifact of this name, or with a `*` behind it all whose names begin so; whether there was one.
pub fn download(machine: &Machine, name: &str, path: &str) -> bool {
    let is_meant = |found: &str| name.strip_suffix('*').map_or(found == name, |beginning| found.starts_with(beginning));
    let artifacts = fs::read_dir(machine.path("artifacts")).unwrap().map(|entry| entry.unwrap());
    let meant: Vec<_> = artifacts.filter(|artifact| is_meant(artifact.file_name().to_str().unwrap())).collect();
    for artifact in &meant {
        copy(&artifact.path(), &machine.path("workspace").join(path));
    }
    !meant.is_empty()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    if from.is_file() {
        fs::copy(from, to.join(from.file_name().unwrap())).unwrap();
        return;
    }
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.path().is_file() { copy(&entry.path(), to) } else { copy(&entry.path(), &to.join(entry.file_name())) }
    }
}
