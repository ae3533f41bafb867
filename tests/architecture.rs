//! The house, held to its own map (`src/lib.rs`): who imports whom, which part opens the door to which outside crate,
//! and which parts do without the outside world. Reads the sources as text; comments and tests are left out.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// From below to above, each with what it may import. Only modules further up in this list may be named, so that there
/// are no circles.
const MODULES: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("exit", &[]),
    ("files", &[]),
    ("endpoint", &[]),
    ("document", &["files"]),
    ("web", &[]),
    ("redact", &[]),
    ("ci", &[]),
    ("parallel", &[]),
    ("github", &["web"]),
    ("cli", &["units"]),
    ("stats", &["units"]),
    ("scenario", &["document", "endpoint", "files", "redact", "units"]),
    ("plan", &["endpoint", "scenario", "units"]),
    ("init", &["document", "endpoint", "plan", "scenario", "units"]),
    ("run", &["endpoint", "files", "parallel", "stats", "units"]),
    ("demo", &[]),
    ("selftest", &[]),
    ("baseline", &["exit", "files", "github", "parallel", "run", "stats", "units", "web"]),
    ("history", &["baseline", "files", "run", "units"]),
    ("load", &["plan", "run", "scenario", "stats", "units"]),
    ("import", &["files", "run", "stats", "units"]),
    ("gate", &["document", "exit", "run", "stats", "units"]),
    ("report", &["exit", "gate", "run", "stats", "units"]),
    ("dashboard", &["exit", "files", "gate", "history", "report", "run", "stats", "units"]),
    ("publish", &["exit", "files", "gate", "github", "web"]),
    (
        "commands",
        &[
            "baseline",
            "ci",
            "cli",
            "dashboard",
            "demo",
            "document",
            "exit",
            "files",
            "gate",
            "github",
            "history",
            "import",
            "init",
            "load",
            "plan",
            "publish",
            "redact",
            "report",
            "run",
            "scenario",
            "selftest",
            "stats",
            "units",
        ],
    ),
    ("main", &["cli", "commands"]),
];

/// Members that know their family's contract, but not each other.
const FAMILIES: &[(&str, &[&str])] = &[
    ("baseline", &["directory", "file", "github", "git", "address"]),
    ("import", &["artillery", "h2load", "hdr", "jmeter", "k6", "locust", "oha", "vegeta"]),
    ("report", &["terminal", "markdown", "json", "junit", "csv", "gitlab", "openmetrics", "html"]),
    (
        "publish",
        &["github_comment", "github_check", "github_summary", "github_outputs", "github_annotations", "gitlab_note", "azure", "buildkite"],
    ),
];

/// What only some files may name.
const DOORS: &[(&str, &[&str])] = &[
    ("clap", &["cli.rs"]),
    ("clap_complete", &["cli.rs"]),
    ("clap_mangen", &["cli.rs"]),
    ("serde_saphyr", &["document.rs"]),
    ("httparse", &["load/"]),
    ("hyper", &["dashboard/connections.rs", "load/"]),
    ("hyper_util", &["dashboard/connections.rs", "load/"]),
    ("octocrab", &["github/mod.rs"]),
    ("zip", &["baseline/archive.rs"]),
    ("reqwest", &["load/preflight.rs", "web/"]),
    ("rustls", &["load/", "web/"]),
    ("hdrhistogram", &["stats/"]),
    ("statrs", &["stats/"]),
    ("axum", &["dashboard/", "demo/"]),
    ("indicatif", &["commands/progress.rs"]),
    ("comfy_table", &["report/"]),
    ("futures_util", &["dashboard/"]),
    ("getrandom", &["dashboard/"]),
    ("maud", &["dashboard/", "report/html/"]),
    ("rusqlite", &["history/"]),
    ("subtle", &["dashboard/access.rs"]),
    ("plotters", &["report/html/charts/"]),
    ("quick_xml", &["import/jmeter/xml.rs"]),
    ("quick_junit", &["report/junit.rs", "report/mod.rs"]),
    ("tree_sitter", &["init/python.rs"]),
    ("tree_sitter_python", &["init/python.rs"]),
    ("unicode_security", &["scenario/compile/labels.rs"]),
    ("process::exit", &["commands/context.rs", "main.rs"]),
    ("env::var", &["commands/context.rs", "main.rs"]),
    ("env::args_os", &["commands/context.rs", "main.rs"]),
    ("io::stdout", &["commands/context.rs"]),
    ("io::stderr", &["commands/context.rs"]),
];

/// What of `std::env` may be named at all: constants anywhere, the rest behind its door.
const OF_ENVIRONMENT: &[&str] = &["std::env::consts", "std::env::current_dir", "std::env::var", "std::env::args_os"];

const PURE: &[&str] = &["plan", "stats", "gate", "report", "init"];
const IMPURE: [&str; 9] =
    ["std::fs", "std::net", "std::env", "std::thread", "tokio", "Instant::now", "SystemTime::now", "Timestamp::now", "crate::files"];

#[test]
fn modules_import_what_the_map_allows_and_nothing_else() {
    let table: BTreeMap<&str, &[&str]> = MODULES.iter().copied().collect();
    let mut wrong = BTreeSet::new();
    for file in sources() {
        let Some(allowed) = table.get(file.module()) else { panic!("module `{}` has no row in the map", file.module()) };
        for path in &file.paths {
            let Some(imported) = path.strip_prefix("crate::").and_then(|rest| rest.split("::").next()) else { continue };
            if imported != file.module() && table.contains_key(imported) && !allowed.contains(&imported) {
                wrong.insert(format!("{}: {path}", file.name));
            }
        }
    }
    assert!(wrong.is_empty(), "not in the map: {wrong:#?}");
}

#[test]
fn the_map_has_no_circles() {
    for (index, (module, allowed)) in MODULES.iter().enumerate() {
        for imported in *allowed {
            assert!(MODULES[..index].iter().any(|(below, _)| below == imported), "`{module}` imports `{imported}`, which is not below it");
        }
    }
}

#[test]
fn the_map_and_the_crate_have_the_same_modules() {
    let declared: BTreeSet<String> = sources().iter().map(|file| file.module().to_owned()).collect();
    assert_eq!(declared, MODULES.iter().map(|(module, _)| (*module).to_owned()).collect());
}

#[test]
fn members_of_a_family_do_not_know_each_other() {
    for (family, members) in FAMILIES {
        for file in sources().iter().filter(|file| file.module() == *family) {
            let is_own =
                |member: &&&str| file.name == format!("{family}/{member}.rs") || file.name.starts_with(&format!("{family}/{member}/"));
            let Some(own) = members.iter().find(is_own) else { continue };
            for other in members.iter().filter(|other| *other != own) {
                assert!(!file.names(&format!("crate::{family}::{other}")), "{} knows `{other}`", file.name);
            }
        }
    }
}

#[test]
fn outside_crates_and_the_outside_world_have_one_door() {
    for file in sources() {
        for (outside, doors) in DOORS.iter().filter(|(outside, _)| file.names(outside)) {
            assert!(doors.iter().any(|door| file.name.starts_with(door)), "{} names `{outside}`, whose door is {doors:?}", file.name);
        }
        for path in file.paths.iter().filter(|path| is_within(path, "std::env")) {
            assert!(OF_ENVIRONMENT.iter().any(|known| is_within(path, known)), "{} names `{path}`", file.name);
        }
    }
}

#[test]
fn pure_modules_touch_no_file_socket_clock_or_environment() {
    for file in sources().iter().filter(|file| PURE.contains(&file.module())) {
        for impure in IMPURE {
            assert!(!file.names(impure), "{} names `{impure}`", file.name);
        }
    }
}

/// A source file without its tests.
struct Source {
    /// Below `src/`: `report/csv.rs`.
    name: String,
    /// Every path that it names, groups expanded, `self` and `super` resolved.
    paths: Vec<String>,
}

impl Source {
    fn module(&self) -> &str {
        self.name.split(['/', '.']).next().unwrap_or_default()
    }

    /// Whether it names `path` or something within it; `io::stdout` also as `std::io::stdout`.
    fn names(&self, path: &str) -> bool {
        self.paths.iter().any(|named| is_within(named, path) || named.ends_with(&format!("::{path}")))
    }
}

fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
    let only_for_tests: BTreeSet<PathBuf> = files.iter().flat_map(|path| test_modules(path, &read(path))).collect();
    let name = |path: &Path| path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    let kept = files.iter().filter(|path| !only_for_tests.contains(*path) && name(path) != "lib.rs");
    kept.map(|path| Source { name: name(path), paths: paths_of(&name(path), &code_of(&read(path))) }).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// The files that `#[cfg(test)] mod name;` stands for.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let lines: Vec<&str> = text.lines().collect();
    let behind = lines.windows(2).filter(|pair| pair[0].trim() == "#[cfg(test)]").map(|pair| pair[1].trim());
    let names = behind.filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name));
    let is_folder = path.ends_with("mod.rs") || path.ends_with("lib.rs");
    let folder = if is_folder { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    names.map(|name| folder.join(format!("{name}.rs"))).collect()
}

/// The text without comments and without items that are compiled for tests only.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let item = lines.next().unwrap_or_default();
            let end = format!("{}}}", &item[..item.len() - item.trim_start().len()]);
            if item.ends_with('{') {
                lines.by_ref().find(|line| **line == end);
            }
        } else if !line.trim_start().starts_with("//") {
            code += line.split(" // ").next().unwrap_or_default();
            code.push('\n');
        }
    }
    code
}

/// Every path of the code: `use a::{b, c::d};` is `a::b` and `a::c::d`.
fn paths_of(name: &str, code: &str) -> Vec<String> {
    let mut written = Vec::new();
    read_paths(&mut code.chars().peekable(), "", &mut written);
    let own: Vec<&str> = name.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    written.iter().map(|path| resolve(path.trim_end_matches("::self"), &own)).collect()
}

/// Reads paths up to the `}` that closes the group they stand in, each behind the group's own.
fn read_paths(characters: &mut std::iter::Peekable<std::str::Chars<'_>>, prefix: &str, paths: &mut Vec<String>) {
    let mut path = String::new();
    while let Some(character) = characters.next() {
        match character {
            _ if character.is_alphanumeric() || character == '_' => path.push(character),
            ':' if characters.peek() == Some(&':') => {
                characters.next();
                path += "::";
            }
            '{' if path.ends_with("::") => read_paths(characters, &format!("{prefix}{}", std::mem::take(&mut path)), paths),
            _ => {
                let whole = path.trim_start_matches("::").trim_end_matches("::");
                if !whole.is_empty() && (whole.contains("::") || !prefix.is_empty()) {
                    paths.push(format!("{prefix}{whole}"));
                }
                path.clear();
                if character == '}' && !prefix.is_empty() {
                    return;
                }
            }
        }
    }
}

/// `super::x` in `report/csv.rs` is `crate::report::x`.
fn resolve(path: &str, own: &[&str]) -> String {
    let (mut module, mut rest) = (own, path);
    if let Some(behind) = rest.strip_prefix("perfgate::") {
        return format!("crate::{behind}");
    }
    rest = rest.strip_prefix("self::").unwrap_or(rest);
    while let Some(behind) = rest.strip_prefix("super::") {
        module = &module[..module.len().saturating_sub(1)];
        rest = behind;
    }
    if rest == path { path.to_owned() } else { format!("crate::{}::{rest}", module.join("::")).replace("crate::::", "crate::") }
}
