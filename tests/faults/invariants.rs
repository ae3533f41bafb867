//! What must hold whatever happens: checked on every run of the program in these tests.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonschema::Validator;
use serde_json::Value;

use crate::support::{Ended, Workspace};
use crate::trial::CANARIES;

/// The invariants, in words.
pub const PROMISES: [(&str, &str); 8] = [
    ("V1", "The exit code is one of those that the README lists; 0 only with the outcome `pass` or `warn`, or where `--soft` says so."),
    ("V2", "The program ends at most ten seconds after what was planned, a minute later where it publishes."),
    (
        "V3",
        "`verdict.json` and `run.json` are absent or fit their schemas, no half-written file is left, and every request is in the books once.",
    ),
    ("V4", "No secret is in any output, plain or encoded (base64, percent, JSON)."),
    ("V5", "Memory stays below its ceiling, 128 MiB where the row says no other."),
    ("V6", "No control character reaches a terminal, and no line is a command to the CI that is not ours."),
    ("V7", "No panic shows."),
    ("V8", "No host is connected to that nothing has declared; proxies of the environment are not used."),
];

/// A busy machine.
const SLACK: Duration = Duration::from_secs(5);
const AFTER_PLAN: Duration = Duration::from_secs(10);

/// What one run may take.
pub struct Bounds {
    /// All of its loads, by plan.
    pub planned: Duration,
    /// Bytes.
    pub peak_rss: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { planned: Duration::from_secs(4), peak_rss: 128 * 1024 * 1024 }
    }
}

static VERDICT: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&perfgate::report::verdict_schema()).unwrap());
static RUN: LazyLock<Validator> = LazyLock::new(|| jsonschema::validator_for(&perfgate::run::run_schema()).unwrap());

/// That the run which ended kept all of them.
#[track_caller]
pub fn hold(workspace: &Workspace, ended: &Ended, bounds: &Bounds) {
    exit_code_is_listed(workspace, ended);
    assert!(ended.took < bounds.planned + AFTER_PLAN + SLACK, "V2: took {:?}", ended.took);
    assert!(ended.peak_rss.is_none_or(|peak| peak < bounds.peak_rss), "V5: {:?} bytes", ended.peak_rss);
    for path in workspace.all_files() {
        file_is_whole(&path);
        no_secret(&path.display().to_string(), &std::fs::read(&path).unwrap_or_default());
    }
    for (name, text) in [("standard output", &ended.stdout), ("standard error", &ended.stderr)] {
        // The runner of GitHub takes these lines out, and blanks what they name.
        let shown: Vec<&str> = text.lines().filter(|line| !line.starts_with("::add-mask::")).collect();
        no_secret(name, shown.join("\n").as_bytes());
        nothing_hostile(name, text);
    }
}

#[track_caller]
fn exit_code_is_listed(workspace: &Workspace, ended: &Ended) {
    let listed = u8::try_from(ended.code).ok().and_then(perfgate::exit::ExitCode::from_number).is_some();
    // A program that was killed has no say in its code.
    assert!(listed || ended.code == -9, "V1: {}\n{}", ended.code, ended.stderr);
    let began = SystemTime::now() - ended.took;
    let soft = ended.stdout.contains("(soft");
    for path in workspace.all_files().into_iter().filter(|path| path.ends_with("verdict.json") && is_newer(path, began)) {
        let outcome = json(&path).map(|verdict| verdict["outcome"].clone()).unwrap_or_default();
        let good = outcome == "pass" || outcome == "warn";
        assert!(ended.code != 0 || good || soft, "V1: exit 0 with outcome {outcome} in {}", path.display());
    }
}

/// What was there before says nothing about this run.
fn is_newer(path: &Path, than: SystemTime) -> bool {
    path.metadata().and_then(|file| file.modified()).is_ok_and(|at| at >= than)
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[track_caller]
fn file_is_whole(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    assert!(!(name.starts_with('.') && (name.contains(".tmp") || name.contains("probe"))), "V3: {} was left", path.display());
    let schema = match &*name {
        "verdict.json" => &*VERDICT,
        "run.json" => &*RUN,
        _ => return,
    };
    // What a test itself wrote there is not ours.
    let Some(value) = json(path).filter(|value| value.get("version").is_some_and(|version| version == 1)) else {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(!text.starts_with("{\"format\""), "V3: {} is half written:\n{text}", path.display());
        return;
    };
    let errors: Vec<String> = schema.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "V3: {}: {errors:#?}", path.display());
    if name == "run.json" {
        books_add_up(path, &value);
    }
}

#[track_caller]
fn books_add_up(path: &Path, run: &Value) {
    let of = |key: &str| run["generator"][key].as_u64().unwrap_or_default();
    assert_eq!(of("scheduled"), of("sent") + of("not_sent"), "V3: {}", path.display());
    assert_eq!(of("sent"), of("ok") + of("failed") + of("unfinished"), "V3: {}", path.display());
}

/// A secret as it is written in different places.
pub fn spellings(secret: &str) -> Vec<String> {
    let percent = |unreserved: &str| {
        let encoded =
            |c: char| if c.is_ascii_alphanumeric() || unreserved.contains(c) { c.to_string() } else { format!("%{:02X}", c as u32) };
        secret.chars().map(encoded).collect::<String>()
    };
    let json = serde_json::to_string(secret).unwrap_or_default();
    let mut spellings = vec![secret.to_owned(), json.trim_matches('"').to_owned(), percent("-"), percent("-/"), percent("")];
    // Where something stands before it, base64 begins at another bit.
    spellings.extend(["", "x", "xx"].map(|before| STANDARD.encode(format!("{before}{secret}"))[4..20].to_owned()));
    spellings
}

#[track_caller]
pub fn no_secret(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for (name, secret) in CANARIES {
        for spelling in spellings(secret) {
            assert!(!text.contains(&spelling), "V4: {what} holds {name} as `{spelling}`:\n{text}");
        }
    }
}

#[track_caller]
fn nothing_hostile(what: &str, text: &str) {
    let hostile = |c: &char| {
        (c.is_control() && *c != '\n')
            || matches!(*c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'..='\u{2029}' | '\u{200b}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(hostile), None, "V6: {what}: {text:?}");
    let foreign = |line: &&str| {
        let line = line.trim_start();
        let ours = ["::error file=", "::warning file=", "::notice file=", "::add-mask::"].iter().any(|begin| line.starts_with(begin));
        (line.starts_with("::") && !ours) || (line.contains("##vso[") && !line.starts_with("##vso[task.")) || line.starts_with("##[")
    };
    assert_eq!(text.lines().find(foreign), None, "V6: {what}");
    for sign in ["panicked at", "RUST_BACKTRACE", "stack backtrace", "internal error:"] {
        assert!(!text.contains(sign), "V7: {what}:\n{text}");
    }
}
