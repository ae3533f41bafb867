//! P: what a machine and its owner can do to the program: signals, full disks, closed streams, clocks that jump, too few
//! descriptors. What needs a right that the tests do not have is left out by `skip`.
#![cfg(unix)]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use perfgate::load::{Abort, CertificateCheck, LoadError, Order, drive, preflight};
use perfgate::plan::Plan;
use perfgate::scenario::{Overrides, Scenario, Surroundings};
use rustix::process::Signal;

use crate::invariants::no_secret;
use crate::shell::{has_tool, limited, limited_by, privately, tracer};
use crate::support::{Reply, Running, Server, Stranger, at_once};
use crate::trial::{CANARIES, Trial};

const HOLD: &str = "hold: 1s";
const SLOW: &str = "p95: 400ms";

fn loaded(trial: &Trial, server: &Server, arguments: &str) -> Running {
    let mut running = trial.start(arguments);
    running.wait_until("requests came", || server.requests() > 20);
    running
}

fn long(server: &Server) -> Trial {
    let trial = Trial::on(&server.url());
    trial.edit("shop.yaml", HOLD, "hold: 50s");
    trial
}

/// P01, P02: one signal.
#[test]
fn a_signal_ends_the_load_with_its_code_and_what_was_measured_is_kept() {
    let rows = [(Signal::INT, 130, "SIGINT after "), (Signal::TERM, 143, "SIGTERM after "), (Signal::HUP, 129, "SIGHUP after ")];
    at_once(&rows, |(signal, code, reason)| {
        let server = Server::healthy();
        let trial = long(&server);
        let running = loaded(&trial, &server, "check shop.yaml");
        running.signal(*signal);
        trial.ended(running).with(*code);
        let (run, verdict) = (trial.json("perfgate-out/run.json"), trial.json("perfgate-out/verdict.json"));
        assert_eq!((&run["complete"], &verdict["exit_code"]), (&false.into(), &(*code).into()));
        assert!(run["aborted_by"].as_str().unwrap().starts_with(reason), "{}", run["aborted_by"]);
        assert!(verdict["findings"].as_array().unwrap().iter().all(|finding| finding["outcome"] == "inconclusive"), "{verdict:#}");
    });
}

/// P03: the second signal does not wait for anything, and the last checkpoint stands.
#[test]
fn a_second_signal_ends_at_once_and_leaves_the_last_checkpoint() {
    let server = Server::start(|request| if request.before > 100 { Reply::Hang } else { Reply::ok() });
    let trial = long(&server);
    let mut running = loaded(&trial, &server, "check shop.yaml");
    running.wait_until("the first checkpoint", || trial.has("perfgate-out/run.json"));
    running.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    let signalled = Instant::now();
    running.signal(Signal::INT);
    trial.ended(running).with(143);
    assert!(signalled.elapsed() < Duration::from_millis(500), "100 ms, and a busy machine: {:?}", signalled.elapsed());
    assert_eq!(trial.json("perfgate-out/run.json")["complete"], false);
    assert!(!trial.has("perfgate-out/verdict.json"));
}

/// P04: what is written stays; nobody waits for a place that does not answer. P01: nothing is posted of what was cut short.
#[test]
fn a_signal_while_a_comment_is_posted_ends_at_once_and_keeps_the_verdict() {
    let (server, github) = (Server::start(|_| Reply::slow(5)), Server::start(|_| Reply::Hang));
    let mut trial = Trial::on(&server.url());
    let variables =
        [("GITHUB_ACTIONS", "true"), ("GITHUB_REPOSITORY", "acme/shop"), ("GITHUB_API_URL", &github.url()), ("NO_PROXY", "127.0.0.1")];
    for (name, value) in variables {
        trial.set_variable(name, value);
    }
    let check = "check shop.yaml --max-duration 1s --baseline none --publish github-comment --pr 7 --commit abcdef0";
    let mut running = trial.start(check);
    running.wait_until("it posts", || github.requests() > 0);
    let signalled = Instant::now();
    running.signal(Signal::INT);
    trial.ended(running).with(130);
    assert!(signalled.elapsed() < Duration::from_secs(2), "{:?}", signalled.elapsed());
    assert_eq!(trial.names("perfgate-out").len(), 7);
    assert!([0, 3].contains(&trial.json("perfgate-out/verdict.json")["exit_code"].as_i64().unwrap()));

    trial.edit("shop.yaml", HOLD, "hold: 50s");
    let (asked, before) = (github.requests(), server.requests());
    let mut running = trial.start(check);
    running.wait_until("requests came", || server.requests() > before + 20);
    running.signal(Signal::TERM);
    trial.ended(running).with(143).says("nothing is published after SIGTERM");
    assert_eq!(github.requests(), asked);
}

/// P06, P11: nobody asks before the program is killed; the next run is none the worse.
#[test]
fn a_program_that_is_killed_is_in_nobodys_way() {
    let server = Server::healthy();
    let trial = long(&server);
    let running = loaded(&trial, &server, "check shop.yaml");
    running.signal(Signal::KILL);
    trial.ended(running).with(-9);
    trial.edit("shop.yaml", "hold: 50s", HOLD);
    trial.perfgate("check shop.yaml").with(0);
}

/// P07: full from the start, and full before the reports.
#[test]
fn a_full_disk_is_its_own_exit_code_and_hides_no_breach() {
    let server = Server::start(|_| Reply::slow(10));
    for (size, limit, code) in [("16k", SLOW, 6), ("16k", "p95: 5ms", 1), ("64k", SLOW, 6)] {
        let trial = Trial::on(&server.url());
        trial.edit("thresholds/shop.yaml", SLOW, limit);
        trial.write("perfgate-out/mine.txt", "mine");
        let full = format!(
            "mount -t tmpfs -o size={size} none perfgate-out && {{ \"$0\" \"$@\"; code=$?; cp -a perfgate-out kept; exit $code; }}"
        );
        let Some(ended) = privately(&trial, "true", &full, || trial.command("check shop.yaml --max-duration 1s")) else { return };
        let ended = ended.with(code).says("error: cannot write perfgate-out/").says("No space left on device");
        ended.says("hint: is the folder writable, and is there room?").prints("GET /api/products");
        assert!(trial.names("kept").iter().all(|name| !name.contains(".tmp")), "{:?}", trial.names("kept"));
    }
}

/// P07: the same of files that may not grow, which needs no rights: the page does not fit, the run does.
#[test]
fn files_that_may_not_grow_are_told_as_a_full_disk_is() {
    let server = Server::start(|_| Reply::slow(10));
    for (limit, code) in [(SLOW, 6), ("p95: 5ms", 1)] {
        let trial = Trial::on(&server.url());
        trial.edit("thresholds/shop.yaml", SLOW, limit);
        trial.write("perfgate-out/report.html", "earlier");
        let small = "trap '' XFSZ && ulimit -f 32";
        let ended = trial.run(|| limited(&trial.command("check shop.yaml --max-duration 1s"), small)).with(code);
        ended.says("error: cannot write perfgate-out/report.html: File too large").prints("GET /api/products");
        assert_eq!(
            trial.json("perfgate-out/verdict.json")["exit_code"],
            if code == 6 { 0 } else { code },
            "the verdict is not of the disk"
        );
        assert!(trial.names("perfgate-out").iter().all(|name| !name.contains(".tmp")), "{:?}", trial.names("perfgate-out"));
    }
}

/// P08: what is no folder of its own is found before the load.
#[test]
fn a_place_for_results_that_is_a_link_is_refused_before_the_load() {
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    trial.write("elsewhere/run.json", "somebody's");
    std::os::unix::fs::symlink(trial.path("elsewhere"), trial.path("perfgate-out")).unwrap();
    for verb in ["check", "run"] {
        trial.perfgate(&format!("{verb} shop.yaml")).with(6).says("error: cannot write perfgate-out: it is a symbolic link\nhint: ");
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(trial.read("elsewhere/run.json"), "somebody's");
}

/// P09, P10: streams that are closed or full.
#[test]
fn closed_streams_change_neither_the_verdict_nor_the_files() {
    let server = Server::start(|_| Reply::slow(10));
    let closed = ["exec 2>&-", "exec >&- 2>&-", "exec <&- >&- 2>&-", "exec <&-", "exec 2>/dev/full", "exec >&-"];
    let rows: Vec<(&str, &str, i32)> = closed.iter().flat_map(|line| [(*line, SLOW, 0), (*line, "p95: 5ms", 1)]).collect();
    for rows in rows.chunks(4) {
        at_once(rows, |(line, limit, code)| {
            let trial = Trial::on(&server.url());
            trial.edit("thresholds/shop.yaml", SLOW, limit);
            trial.run(|| limited(&trial.command("check shop.yaml --max-duration 1s"), line)).with(*code);
            assert_eq!(trial.json("perfgate-out/verdict.json")["exit_code"], *code, "{line}");
            assert_eq!(trial.names("perfgate-out").len(), 7, "{line}");
        });
    }
}

/// P12: users that do what no plan of theirs has: the thread that meets it panics, as it would by a bug of ours.
#[test]
fn a_load_thread_that_panics_ends_the_load_at_once() {
    let server = Server::healthy();
    let scenario = |tasks: &str| {
        let text =
            format!("version: 1\nname: shop\ntarget: {}\nload: {{users: 8, hold: 30s}}\nthink: 20ms\ntasks: [{tasks}]\n", server.url());
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        let document = perfgate::document::Document::from_text("shop.yaml", &text);
        std::sync::Arc::new(Scenario::from_document(&document, &surroundings, &Overrides::default()).unwrap())
    };
    let (one, two) = (scenario("{steps: [{get: /a}]}"), scenario("{steps: [{get: /a}]}, {steps: [{get: /b}]}"));
    let endpoints = preflight(&one, CertificateCheck::Required, &Abort::default()).unwrap();
    let heading = crate::resources::heading(2);
    let order = Order { plan: std::sync::Arc::new(Plan::new(&two, 100)), scenario: one, endpoints, heading };
    let begun = Instant::now();
    let ended = drive(order, &Abort::default(), &mut |_| ());
    assert!(matches!(ended, Err(LoadError::Panicked)), "{ended:?}");
    assert!(begun.elapsed() < Duration::from_secs(10), "the other thread went on: {:?}", begun.elapsed());
    assert!(LoadError::Panicked.hint().unwrap().contains("this is a bug"));
}

/// P12: the whole program, told what to do by arguments that cannot be read: it panics as it would by a bug of ours.
#[test]
fn a_program_that_panics_is_told_as_a_bug_and_ends_with_its_own_code() {
    let (name, secret) = CANARIES[2];
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "process::panicking", "--ignored", "--nocapture"]).env(name, secret);
    let ended = itself.output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(70), "{told}");
    assert!(told.contains("internal error: panicked at tests/faults/process.rs"), "{told}");
    assert!(told.contains("\nno argument, but ***\n"), "a secret in a panic is blanked as everywhere:\n{told}");
    assert!(told.ends_with(
        "error: internal: perfgate has a bug and stopped\nhint: please report it with the lines above; partial results were kept\n"
    ));
    no_secret("standard error", &ended.stderr);
}

#[test]
#[ignore = "is run by the test above"]
#[expect(clippy::exit, reason = "as `main` does")]
fn panicking() {
    let secret = std::env::var(CANARIES[2].0).unwrap();
    let arguments = std::iter::from_fn(|| -> Option<OsString> { panic!("no argument, but {secret}") });
    std::process::exit(perfgate::commands::run_program(arguments).number().into());
}

/// P12: the program itself, on a machine without randomness, where the first map of the standard library panics.
#[test]
fn a_machine_without_randomness_is_no_verdict_and_no_crash() {
    let Some(()) = tracer() else { return };
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    trial.write("perfgate-out/mine.txt", "mine");
    let line = "set -- -D -f -q -o trace -e trace=getrandom -e inject=getrandom:error=EIO \"$0\" \"$@\"";
    for command in ["check shop.yaml", "validate shop.yaml", "judge kept", "--help"] {
        let ended = Running::start(&mut limited_by(&trial.command(command), line, "strace")).end();
        assert!([0, 2, 70].contains(&ended.code), "{command}: {}\n{}", ended.code, ended.stderr);
        assert!(ended.code != 70 || ended.stderr.contains("error: internal: perfgate has a bug and stopped"), "{}", ended.stderr);
        assert!(ended.code == 70 || !command.starts_with("check"), "nothing panicked: {}", ended.stderr);
        no_secret("standard error", ended.stderr.as_bytes());
    }
    assert_eq!(trial.names("perfgate-out").len(), 1);
    assert_eq!(server.requests(), 0);
}

/// P13: a program that stood still for a while; the clock of the wall is in the books of the load itself.
#[test]
fn a_load_that_was_suspended_has_no_verdict() {
    let server = Server::healthy();
    let trial = Trial::on(&server.url()).planned(Duration::from_secs(3));
    trial.edit("shop.yaml", HOLD, "hold: 3s");
    let running = loaded(&trial, &server, "check shop.yaml --max-duration 3s");
    running.signal(Signal::STOP);
    std::thread::sleep(Duration::from_millis(1500));
    running.signal(Signal::CONT);
    trial.ended(running).with(3).prints("stood still").prints("exit 3 (no verdict)");
    let run = trial.json("perfgate-out/run.json");
    assert!(run["endpoints"][0]["latency_ms"]["max"].as_f64().unwrap() >= 0.0);
}

/// P14: before the first request.
#[test]
fn more_users_than_descriptors_are_told_before_the_load() {
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    let few = || limited(&trial.command("check shop.yaml --users 500"), "ulimit -n 128");
    trial.run(few).with(2).says("error: 500 users need 564 open files, the limit is 128\nhint: `ulimit -n 564`, or fewer users");
    assert_eq!(server.requests(), 0);
}

/// P14: and so few of them that nothing can begin.
#[test]
fn hardly_any_descriptor_is_told_as_that_and_as_no_bug() {
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    for limit in 7..=9 {
        let few = || limited(&trial.command("check shop.yaml"), &format!("ulimit -n {limit}"));
        trial
            .run(few)
            .with(70)
            .says("error: cannot start: Too many open files")
            .says("hint: the system gives no more of what a load needs");
    }
    assert_eq!(server.requests(), 0);
}

/// P15: two runs, one folder.
#[test]
fn a_folder_that_another_run_uses_is_left_to_it() {
    let server = Server::healthy();
    let trial = long(&server);
    let running = loaded(&trial, &server, "check shop.yaml");
    for arguments in ["check shop.yaml", "run shop.yaml"] {
        trial.perfgate(arguments).with(6).says("error: cannot write perfgate-out: it is in use by another run\n");
    }
    trial.perfgate("check shop.yaml --duration 1s --out other").with(0);
    running.signal(Signal::INT);
    trial.ended(running).with(130);
    trial.perfgate("check shop.yaml --duration 1s").with(0);
}

/// P18: nobody knows who runs it, there is no home, and nothing but the folder is his.
#[test]
fn a_user_whom_nobody_knows_needs_nothing_but_the_folder() {
    let Some(stranger) = Stranger::new() else { return };
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    trial.run(|| stranger.gives(&trial, &trial.command("check shop.yaml --max-duration 1s"))).with(0);
    assert_eq!(trial.names("perfgate-out").len(), 7);
}

/// P18: the same where nothing else can be written at all.
#[test]
fn a_root_that_is_read_only_and_a_user_whom_nobody_knows_are_enough() {
    let Some(stranger) = Stranger::new().filter(|_| has_tool("setpriv")) else { return };
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    let his = "setpriv --reuid 54321 --regid 54321 --clear-groups";
    let alone = format!("mount --bind . . && mount -o remount,bind,ro / && cd \"$PWD\" && exec {his} \"$0\" \"$@\"");
    let command = trial.command("check shop.yaml --max-duration 1s");
    // Who is the superuser only in a namespace of users cannot become another one.
    if let Some(ended) = privately(&trial, &format!("{his} true"), &alone, || stranger.gives(&trial, &command)) {
        ended.with(0);
        assert_eq!(trial.names("perfgate-out").len(), 7);
    }
}
