//! P: what a machine and its owner can do to the program: signals, full disks, closed streams, clocks that jump, too few
//! descriptors. What needs rights that the tests do not have is left out with a notice.
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use perfgate::load::{Abort, CertificateCheck, LoadError, Order, drive, preflight};
use perfgate::plan::Plan;
use perfgate::scenario::{Overrides, Scenario, Surroundings};
use rustix::process::Signal;

use crate::shell::{limited, limited_by, privately, traced, tracer};
use crate::support::{Reply, Running, Server, at_once};
use crate::trial::Trial;

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
        let Some(ended) = privately(&trial, &full, "check shop.yaml --max-duration 1s") else { return };
        let ended = ended.with(code).says("error: cannot write perfgate-out/").says("No space left on device");
        ended.says("hint: is the folder writable, and is there room?").prints("GET /api/products");
        assert!(trial.names("kept").iter().all(|name| !name.contains(".tmp")), "{:?}", trial.names("kept"));
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

/// P18: nothing but the folder can be written, nobody knows who runs it, and there is no home.
#[test]
fn a_root_that_is_read_only_and_a_user_whom_nobody_knows_are_enough() {
    let server = Server::healthy();
    let trial = Trial::on(&server.url());
    let Ok(()) = std::os::unix::fs::chown(trial.path("."), Some(54_321), Some(54_321)) else { return };
    let alone = "mount --bind . . && mount -o remount,bind,ro / && cd \"$PWD\" && exec setpriv --reuid 54321 --regid 54321 --clear-groups \"$0\" \"$@\"";
    if let Some(ended) = privately(&trial, alone, "check shop.yaml --max-duration 1s") {
        ended.with(0);
        assert_eq!(trial.names("perfgate-out").len(), 7);
    }
}

/// The files that judging a run reads and writes; those that are written have another name first, with the program's number.
fn touched() -> Vec<String> {
    let names = ["run.json", "verdict.json", "summary.md", "report.html", "junit.xml", "stats.csv", "load-performance.json"];
    let written = names.iter().flat_map(|name| [format!("perfgate-out/{name}"), format!("perfgate-out/.{name}.$$.tmp")]);
    let others = ["kept/run.json", "thresholds/shop.yaml", "perfgate-out", "perfgate-out/.perfgate-probe.$$"].map(str::to_owned);
    written.chain(others).collect()
}

/// P16: every call for a file that can fail fails once, one call a run.
#[test]
fn each_call_for_a_file_fails_once_and_the_program_says_which() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| Reply::slow(5));
    let paths = touched().iter().map(|path| format!("-P {path} -P \"$PWD/{path}\" ")).collect::<Vec<_>>().concat();
    let calls = [("openat", "EACCES"), ("write", "ENOSPC"), ("fsync", "EIO"), ("rename", "EIO"), ("mkdir", "EACCES"), ("read", "EIO")];
    let trial = || {
        let trial = Trial::on(&server.url());
        trial.perfgate("run shop.yaml --out kept").with(0);
        trial
    };
    let kept = trial().read("kept/run.json");
    at_once(&calls, |(call, error)| {
        for nth in 1.. {
            let trial = Trial::on(&server.url());
            trial.write("kept/run.json", &kept);
            trial.write("perfgate-out/mine.txt", "mine");
            let line = format!("set -- -D -f -q -o trace {paths} -e trace={call} -e inject={call}:error={error}:when={nth} \"$0\" \"$@\"");
            let ended = trial.run(|| limited_by(&trial.command("judge kept --out perfgate-out"), &line, "strace"));
            let injected = traced(&trial).contains("INJECTED");
            let told = ended.stderr.contains("error: cannot write perfgate-out") || ended.stderr.contains("error: cannot read ");
            assert!(ended.code == 0 || ([2, 6].contains(&ended.code) && told), "{call} {nth}: {}\n{}", ended.code, ended.stderr);
            assert_eq!(trial.read("perfgate-out/mine.txt"), "mine");
            if !injected {
                assert!(nth > 1, "{call} was never met");
                assert_eq!(ended.code, 0, "{call} {nth}: {}", ended.stderr);
                return;
            }
        }
    });
}

/// P16: the same for what a load asks of the system: threads, sockets, their queues.
#[test]
fn each_call_for_a_thread_or_a_socket_fails_once_and_nothing_passes_unseen() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| Reply::slow(5));
    let calls =
        [("clone3", "EAGAIN"), ("socket", "EMFILE"), ("connect", "EADDRNOTAVAIL"), ("epoll_create1", "EMFILE"), ("epoll_ctl", "ENOMEM")];
    let rows: Vec<(&str, &str, u32)> = calls.iter().flat_map(|(call, error)| (1..=3).map(|nth| (*call, *error, nth))).collect();
    for rows in rows.chunks(4) {
        at_once(rows, |(call, error, nth)| {
            let trial = Trial::on(&server.url());
            trial.edit("shop.yaml", HOLD, "hold: 300ms");
            trial.edit("thresholds/shop.yaml", "p95: 400ms, ", "");
            let line = format!("set -- -D -f -q -o trace -e trace={call} -e inject={call}:error={error}:when={nth} \"$0\" \"$@\"");
            let ended = trial.run(|| limited_by(&trial.command("check shop.yaml"), &line, "strace"));
            let injected = traced(&trial).contains("INJECTED");
            let told = ended.stderr.contains("error: ") || ended.stdout.contains("exit 3 (no verdict)");
            assert!(
                ended.code == 0 || ([3, 4, 70].contains(&ended.code) && told && injected),
                "{call} {nth}: {}\n{}",
                ended.code,
                ended.stderr
            );
        });
    }
}
