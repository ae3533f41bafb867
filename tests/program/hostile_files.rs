//! Files that are no text, no end, or a bomb: as scenario, thresholds, data and baseline. The program says which file and
//! why, within a second of computing and half a gigabyte of addresses, and sends nothing.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Ended, Running, Server, Workspace};

/// Ends with this code and says all of this, within limits that a bomb would break.
#[track_caller]
fn within_limits(workspace: &Workspace, arguments: &str, code: i32, said: &[&str]) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 524288; ulimit -t 5; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_perfgate")]);
    let plain = workspace.command(arguments);
    command.args(plain.get_args()).current_dir(workspace.path("")).env_clear().envs([("PATH", std::env::var("PATH").unwrap())]);
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let ended = Running::start(&mut command).end().with(code);
    said.iter().fold(ended, |ended, said| ended.says(said))
}

fn thresholds(defaults: &str) -> String {
    format!("version: 1\nscenario: shop\ndefaults: {defaults}\n")
}

fn in_utf_16(text: &str, of_unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(of_unit).collect()
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_text() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    for path in ["shop.yaml", "thresholds/shop.yaml"] {
        workspace.write(path, &format!("\u{feff}{}", workspace.read(path).replace('\n', "\r\n")));
    }
    workspace.perfgate("validate shop.yaml").with(0).prints("shop.yaml: ok, ").prints("thresholds/shop.yaml: ok, ");
    workspace.edit("thresholds/shop.yaml", "p95", "p59");
    workspace.perfgate("check shop.yaml").with(2).says("error: thresholds/shop.yaml:3:12: unknown metric `p59`\n");
}

#[test]
fn what_is_no_text_is_called_so() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    let good = workspace.read("shop.yaml");
    let rows: [(&str, Vec<u8>, &str); 7] = [
        ("UTF-16", in_utf_16(&format!("\u{feff}{good}"), u16::to_le_bytes), "s.yaml is not UTF-8 text"),
        ("UTF-16, the other way round", in_utf_16(&good, u16::to_be_bytes), "s.yaml is not UTF-8 text"),
        ("Latin-1", [good.as_bytes(), b"# caf\xe9\n"].concat(), "s.yaml is not UTF-8 text"),
        ("a NUL", good.replace("shop", "sh\0op").into_bytes(), "s.yaml is not UTF-8 text"),
        ("empty", Vec::new(), "s.yaml: the file is empty"),
        ("a mark alone", "\u{feff}\r\n".into(), "s.yaml: the file is empty"),
        ("comments alone", b"# later\n".to_vec(), "s.yaml: the file is empty"),
    ];
    for (what, content, said) in rows {
        workspace.write_bytes("s.yaml", &content);
        for arguments in ["check s.yaml", "validate s.yaml", "check shop.yaml --thresholds s.yaml"] {
            let ended = workspace.perfgate(arguments).with(2).says(&format!("error: {said}"));
            assert_eq!(ended.stdout, "", "{what}");
        }
    }
}

/// A pipe that nobody writes to, and a device that never ends, in every place where a file is named.
#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_is_refused_and_nothing_waits() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let pipe = workspace.path("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).arg(workspace.path("pipe.json")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", workspace.path("zero.yaml")).unwrap();
    std::fs::create_dir(workspace.path("folder.yaml")).unwrap();
    for name in ["pipe.yaml", "zero.yaml", "folder.yaml", "gone.yaml"] {
        let why = if name == "gone.yaml" { "No such file or directory" } else { "not a regular file" };
        for arguments in ["check NAME", "validate NAME", "run NAME", "check shop.yaml --thresholds NAME", "thresholds diff NAME shop.yaml"]
        {
            let said = format!("error: cannot read {name}: {why}");
            within_limits(&workspace, &arguments.replace("NAME", name), 2, &[&said]);
        }
    }
    within_limits(&workspace, "judge pipe.json", 2, &["cannot read pipe.json: not a regular file"]);
    within_limits(&workspace, "report pipe.json", 2, &["cannot read pipe.json: not a regular file"]);
    within_limits(&workspace, "check shop.yaml --baseline pipe.json", 5, &["cannot read pipe.json: not a regular file"]);
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_yaml_bomb_exceeds_a_limit_that_is_named() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    let mut nine_by_nine = "version: 1\nscenario: shop\na0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(nine_by_nine, "a{level}: &a{level} [{below}]").unwrap();
    }
    let merges = (0..50_000).map(|at| format!("k{at}: {{<<: *b}}\n")).collect::<Vec<_>>().concat();
    let keys = (0..40_000).map(|at| format!("  GET /{at}: {{p95: 1s}}\n")).collect::<Vec<_>>().concat();
    for (text, said) in [
        (nine_by_nine, "limit exceeded: it has too many values, aliases followed\n"),
        ("version: 1\nscenario: shop\ndefaults: &a {p95: *a}\n".into(), "error: s.yaml:3:20: recursive references"),
        ("[".repeat(1_000_000), "limit exceeded: it nests too deep\n"),
        ("{a: ".repeat(5000), "limit exceeded: it nests too deep\n"),
        ((0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect::<Vec<_>>().concat(), "limit exceeded: it nests too deep\n"),
        (format!("version: 1\nname: {}\n", "x".repeat(50_000_000)), "error: s.yaml is larger than 1 MiB\n"),
        (format!("b: &b {{p95: 1s}}\n{merges}"), "limit exceeded: it has too many "),
        (format!("version: 1\nscenario: shop\nendpoints:\n{keys}"), "limit exceeded: it has too many values"),
        (format!("version: 1\nscenario: shop\nx: [{}]\n", "a,".repeat(400_000)), "limit exceeded: it has too many values"),
    ] {
        workspace.write("s.yaml", &text);
        within_limits(&workspace, "validate s.yaml", 2, &[said]);
        // There it may be refused for its keys first.
        within_limits(&workspace, "check shop.yaml --thresholds s.yaml", 2, &["error: s.yaml"]);
    }
}

#[test]
fn a_tag_and_a_second_document_are_refused_where_they_stand() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    for tag in ["!!python/object:os.system", "!include", "!env", "!!str", "!!binary", "!", "!<tag:yaml.org,2002:str>"] {
        workspace.write("s.yaml", &thresholds(&format!("{{p95: {tag} 300ms}}")));
        let ended = workspace.perfgate("validate s.yaml").with(2).says("error: s.yaml:3:17: tags are not allowed\n");
        ended.says("hint: a text that begins with `!` stands in quotes");
        let scenario = workspace.read("shop.yaml").replace("name: shop", &format!("name: {tag} shop"));
        workspace.write("s.yaml", &scenario);
        workspace.perfgate("check s.yaml").with(2).says("error: s.yaml:2:7: tags are not allowed\n");
    }
    workspace.write("s.yaml", &format!("{}---\n{}", thresholds("{p95: 1s}"), thresholds("{p95: 9s}")));
    workspace.perfgate("validate s.yaml").with(2).says("error: s.yaml:4:1: a second document starts here: one file holds one\n");
    workspace.write("s.yaml", &workspace.read("shop.yaml").replace("{get: /api/products}", "{get: /api/products, name: '/!important'}"));
    workspace.perfgate("validate s.yaml").with(0);
}

/// What stands in an error line may be anybody's.
#[test]
fn a_line_that_is_shown_moves_no_cursor_and_commands_no_ci() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    for line in [
        "\"k\\e[31m\\e]52;c;x\\a\": x",
        "k\u{202e}\u{200b}\u{9b}2J: x",
        "k\u{7f}: x",
        "\"::error::x\": y",
        "? \"a\\n::add-mask::b\"\n: x",
        "'##[group]': x",
    ] {
        workspace.write("s.yaml", &format!("{}{line}\n", thresholds("{p95: 1s}")));
        let ended = workspace.perfgate("validate s.yaml").with(2);
        let hidden = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!ended.stderr.contains(hidden), "{:?}", ended.stderr);
        let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
        assert!(!ended.stderr.lines().any(is_command), "{:?}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_data_file_that_is_too_much_or_elsewhere_is_refused_and_not_shown() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    std::fs::create_dir(workspace.path("data")).unwrap();
    std::fs::File::create(workspace.path("data/huge.csv")).unwrap().set_len(10 * 1024 * 1024 * 1024).unwrap();
    workspace.write("data/wide.csv", &format!("{}\n{}\n", (0..1_000_000).map(|at| format!("c{at}")).collect::<Vec<_>>().join(","), "1"));
    workspace.write("data/ragged.csv", "a,b\n1,2\n1,hunter2,3\n");
    workspace.write("data/none.csv", "");
    workspace.write("data/header.csv", "a,b\n");
    std::os::unix::fs::symlink("/proc/self/environ", workspace.path("data/linked.csv")).unwrap();
    assert!(Command::new("mkfifo").arg(workspace.path("data/pipe.csv")).status().unwrap().success());
    let plain = workspace.read("shop.yaml");
    for (file, said) in [
        ("data/huge.csv", "data/huge.csv is larger than 64 MiB"),
        ("data/wide.csv", "has 1000000 columns, at most 1000 are allowed"),
        ("data/ragged.csv", "the data file `data/ragged.csv` line 3 has 3 fields, the header has 2"),
        ("data/none.csv", "the data file `data/none.csv` is empty"),
        ("data/header.csv", "has no rows below its header"),
        ("data/pipe.csv", "data/pipe.csv: not a regular file"),
        ("data/linked.csv", "the file `data/linked.csv` is outside the scenario's folder"),
        ("../../etc/passwd", "the file `../../etc/passwd` is outside the scenario's folder"),
        ("/etc/passwd", "is outside the scenario's folder"),
        ("/proc/self/environ", "is outside the scenario's folder"),
        ("data/../../../../etc/passwd", "is outside the scenario's folder"),
        ("\\\\host\\share\\x.csv", "No such file or directory"),
    ] {
        workspace.write("s.yaml", &format!("{plain}data: {{rows: {{file: '{file}'}}}}\n"));
        let ended = within_limits(&workspace, "check s.yaml", 2, &["error: s.yaml:8:21: ", said]);
        assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains("root:"), "{}", ended.stderr);
    }
}

/// A run that anybody may have written, with a change.
fn hostile_run(change: impl FnOnce(&mut Value)) -> String {
    let mut run: Value = serde_json::from_str(include_str!("../artifacts/run-v1.json")).unwrap();
    change(&mut run);
    run.to_string()
}

#[test]
fn a_baseline_that_is_a_bomb_or_contradicts_itself_is_corrupt_and_never_none() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    let good = hostile_run(|_| {});
    let in_good = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    for (content, said) in [
        (String::new(), "is corrupt: not a run file"),
        ("<html>Sign in</html>".into(), "is corrupt: not a run file"),
        (good[..good.len() / 2].into(), "is corrupt: not a run file"),
        ("[".repeat(100_000), "is corrupt: not a run file"),
        (format!("[{}{{}}]", "{},".repeat(10_000_000)), "is corrupt: not a run file"),
        (format!("{{\"later\": [{}{{}}], {}", "{},".repeat(10_000_000), &good[1..]), ""),
        (format!("{{\"later\": {}1{}, {}", "[".repeat(100_000), "]".repeat(100_000), &good[1..]), ""),
        (in_good("\"version\":1", "\"version\":1,\"version\":1"), "duplicate field `version`"),
        (in_good("\"measured_s\":", "\"measured_s\":NaN,\"x\":"), "is corrupt: not a run file"),
        (in_good("\"measured_s\":", "\"measured_s\":1e400,\"x\":"), "number out of range"),
        (in_good("\"version\":1", "\"version\":2"), "version 2 of the run file is unknown"),
        (hostile_run(|run| run["endpoints"][0]["requests"] = json!(-1)), "invalid value"),
        (hostile_run(|run| run["generator"]["sent"] = json!(18_446_744_073_709_551_615_u64)), "`sent` is 18446744073709551615: at most"),
        (hostile_run(|run| run["endpoints"][1]["ok"] = json!(1)), "`ok` is 1, but its judged phases have"),
        (hostile_run(|run| run["endpoints"][1]["name"] = json!("GET /\u{1b}[2J")), "`name` holds a control character"),
        (hostile_run(|run| run["endpoints"][1]["slices"][0]["latency"] = json!("AAAA")), "is not readable: histogram"),
        (format!("{{\"format\": \"{}", "x".repeat(70_000_000)), "larger than 64 MiB"),
    ] {
        workspace.write("base.json", &content);
        if said.is_empty() {
            // Unknown keys are passed over, however long: what is believed is whole.
            within_limits(&workspace, "judge base.json", 2, &["thresholds"]);
        } else {
            within_limits(&workspace, "check shop.yaml --baseline base.json", 5, &["base.json", said]);
        }
    }
    assert_eq!(server.connections(), 0);
}
