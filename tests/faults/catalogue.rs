//! The rows of the catalogue, group by group: none may be left out, each names tests that exist, or says why it cannot
//! apply or what is missing. `tests/FAULTS.md` is made of them; `UPDATE_FAULTS=1` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::shell::{TO_HAVE_A_NETWORK, TO_MOUNT, TO_TRACE};

/// One group of rows.
struct Group {
    letter: char,
    title: &'static str,
    last: u32,
    /// Numbers that were never given.
    without: &'static [u32],
    /// How many rows are not proven yet: can only go down.
    missing: usize,
}

const GROUPS: &[Group] = &[
    Group { letter: 'L', title: "Load: what a target can do", last: 26, without: &[], missing: 0 },
    Group { letter: 'P', title: "Process: what a machine and its owner can do", last: 18, without: &[], missing: 0 },
    Group { letter: 'C', title: "Configuration: scenarios, thresholds and flags", last: 20, without: &[], missing: 0 },
    Group { letter: 'B', title: "Baselines that are missing, broken or forged", last: 21, without: &[], missing: 0 },
    Group { letter: 'G', title: "GitHub's API", last: 21, without: &[], missing: 0 },
    Group { letter: 'S', title: "Secrets", last: 12, without: &[], missing: 0 },
    Group { letter: 'I', title: "Injection: text of others in our output", last: 14, without: &[], missing: 0 },
    Group { letter: 'T', title: "Targets that must not be loaded", last: 14, without: &[2, 10, 12, 13], missing: 0 },
    Group { letter: 'D', title: "Dashboard", last: 16, without: &[10], missing: 0 },
    Group { letter: 'R', title: "Resources", last: 10, without: &[], missing: 0 },
    Group { letter: 'N', title: "Determinism", last: 10, without: &[], missing: 0 },
];

/// Tests that need a right which a container may not have.
const RIGHTS: &[(&str, &str)] = &[
    ("faults::dns::names_are_looked_up_once_and_every_address_is_looked_at", TO_HAVE_A_NETWORK),
    ("faults::process::a_full_disk_is_its_own_exit_code_and_hides_no_breach", TO_MOUNT),
    ("faults::process::a_root_that_is_read_only_and_a_user_whom_nobody_knows_are_enough", TO_MOUNT),
    ("faults::process::a_user_whom_nobody_knows_needs_nothing_but_the_folder", "to run a program as another user"),
    ("faults::torture::each_call_for_a_file_fails_once_and_the_program_says_which", TO_TRACE),
    ("faults::torture::each_call_for_a_thread_a_socket_or_a_timer_fails_once_and_nothing_passes_unseen", TO_TRACE),
    ("faults::torture::each_call_of_a_publication_fails_once_and_the_verdict_stands", TO_TRACE),
    ("faults::torture::an_earlier_verdict_that_cannot_be_removed_is_told_before_the_load", TO_TRACE),
    ("faults::process::a_machine_without_randomness_is_no_verdict_and_no_crash", TO_TRACE),
    ("faults::resources::a_slow_disk_delays_no_request", TO_TRACE),
];

/// A row as it is written: tests, a script or both prove it, or one of the last two says why nothing does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    row: String,
    fault: String,
    expected: String,
    /// `program::check::name`: the file below `tests/` or `src/`, and the test in it.
    tests: Option<Vec<String>>,
    /// What takes too long for a test, and says by its exit code whether it held.
    script: Option<PathBuf>,
    /// Where all of its tests need a right: why no test can do without.
    without_right: Option<String>,
    not_applicable: Option<String>,
    missing: Option<String>,
}

impl Group {
    fn rows(&self) -> Vec<Entry> {
        let path = root().join(format!("tests/faults/catalogue/{}.yaml", self.letter));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn numbers(&self) -> Vec<String> {
        let given = (1..=self.last).filter(|number| !self.without.contains(number));
        given.map(|number| format!("{}{number:02}", self.letter)).collect()
    }
}

#[test]
fn every_row_stands_in_its_place_and_says_how_it_is_proven() {
    for group in GROUPS {
        let rows = group.rows();
        assert_eq!(rows.iter().map(|row| row.row.clone()).collect::<Vec<_>>(), group.numbers());
        for Entry { row, fault, expected, tests, script, without_right, not_applicable, missing } in &rows {
            let reasons = [not_applicable, missing].into_iter().flatten();
            let said = [without_right].into_iter().flatten().chain([fault, expected]).chain(reasons.clone());
            assert!(said.into_iter().all(|text| !text.trim().is_empty()), "{row} says nothing");
            let is_proven = tests.as_ref().is_some_and(|tests| !tests.is_empty()) || script.is_some();
            assert_eq!(usize::from(is_proven) + reasons.count(), 1, "{row} is proven, or is not applicable, or is missing");
            assert!(script.iter().all(|script| root().join(script).is_file()), "{row}: no {script:?}");
            let needs_right = tests.as_ref().is_some_and(|tests| !tests.is_empty() && tests.iter().all(|test| right_of(test).is_some()));
            assert_eq!(needs_right, without_right.is_some(), "{row} is proven without a right, or says why it cannot be");
        }
    }
}

#[test]
fn every_test_that_a_row_names_exists() {
    for row in GROUPS.iter().flat_map(Group::rows) {
        for test in row.tests.iter().flatten() {
            let (path, text) = source_of(test).unwrap_or_else(|| panic!("{}: no file for `{test}`", row.row));
            let name = test.rsplit("::").next().unwrap_or_default();
            assert!(is_test(&text, name), "{}: no test `{name}` in {}", row.row, path.display());
            assert!(!test.starts_with("faults::") || text.contains(&row.row), "{} does not name {}", path.display(), row.row);
        }
    }
}

#[test]
fn no_more_rows_are_missing_than_before() {
    for group in GROUPS {
        let missing: Vec<String> = group.rows().into_iter().filter(|row| row.missing.is_some()).map(|row| row.row).collect();
        println!("{}: {} missing {}", group.letter, missing.len(), missing.join(" "));
        assert_eq!(missing.len(), group.missing, "{}: {missing:?}; where it became fewer, lower the number here", group.letter);
    }
}

#[test]
fn the_page_shows_the_rows_as_they_are() {
    let (path, page) = (root().join("tests/FAULTS.md"), page());
    if std::env::var_os("UPDATE_FAULTS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "{} is not up to date: run this test with UPDATE_FAULTS=1", path.display());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The file that holds a test, and its text.
fn source_of(named: &str) -> Option<(PathBuf, String)> {
    let (module, _) = named.rsplit_once("::")?;
    let module = module.replace("::", "/");
    let within = module.strip_suffix("/tests").unwrap_or(&module);
    let files = [format!("{module}.rs"), format!("{module}/main.rs"), format!("{within}.rs"), format!("{within}/mod.rs")];
    let paths = ["tests", "src"].into_iter().flat_map(|top| files.iter().map(move |file| root().join(top).join(file)));
    paths.into_iter().find_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        Some((path, text))
    })
}

/// Whether a function of this name is a test.
fn is_test(text: &str, name: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else { return false };
    let before: Vec<&str> =
        text[..at].lines().rev().skip_while(|line| line.trim().is_empty()).take_while(|line| line.trim().starts_with(['#', '/'])).collect();
    before.iter().any(|line| line.trim() == "#[test]")
}

fn page() -> String {
    let mut page = "# Faults, and what proves that they do no harm\n\n\
        Made of `tests/faults/catalogue/`; `UPDATE_FAULTS=1 cargo test --test faults the_page` writes it anew. A tool that is\n\
        missing fails its test where `PERFGATE_REQUIRE_TOOLS=1`, as `.ci/run` has it. A right that only the owner of a machine can\n\
        give, and a container may not have, is another matter: without it its test is left out with a notice, and the others\n\
        of the row are what proves it. Every run of the program in `tests/faults` is also held against what must hold always:\n\n"
        .to_owned();
    for (name, promise) in crate::invariants::PROMISES {
        let _ = writeln!(page, "- **{name}** {promise}");
    }
    for group in GROUPS {
        let _ = writeln!(page, "\n## {}. {}\n\n| | fault | what must happen | proven by |\n|---|---|---|---|", group.letter, group.title);
        for row in group.rows() {
            let proof = proof(&row);
            let _ = writeln!(page, "| {} | {} | {} | {} |", row.row, cell(&row.fault), cell(&row.expected), cell(&proof));
        }
    }
    page
}

fn proof(row: &Entry) -> String {
    let test = |test: &String| right_of(test).map_or_else(|| format!("`{test}`"), |right| format!("`{test}` (needs the right {right})"));
    let tests = row.tests.iter().flatten().map(test);
    let script = row.script.iter().map(|script| format!("`{}`", script.display()));
    let without_right = row.without_right.iter().map(|why| format!("no test can do without: {why}"));
    let not_applicable = row.not_applicable.iter().map(|why| format!("not applicable: {why}"));
    let missing = row.missing.iter().map(|what| format!("missing: {what}"));
    tests.chain(script).chain(without_right).chain(not_applicable).chain(missing).collect::<Vec<_>>().join(" ")
}

/// What a test must be allowed to do that a container may forbid.
fn right_of(test: &str) -> Option<&'static str> {
    RIGHTS.iter().find(|(name, _)| *name == test).map(|(_, right)| *right)
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
