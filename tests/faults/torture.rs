//! P16: calls to the system that fail, one in each run of the program, as a tracer makes them fail.
#![cfg(target_os = "linux")]

use crate::shell::{limited_by, traced, tracer};
use crate::support::{Github, Reply, Server, at_once};
use crate::trial::Trial;

/// The files that judging a run reads and writes; those that are written have another name first, with the program's number.
fn touched(call: &str) -> String {
    let names = ["run.json", "verdict.json", "summary.md", "report.html", "junit.xml", "stats.csv", "load-performance.json"];
    let written = names.iter().flat_map(|name| [format!("perfgate-out/{name}"), format!("perfgate-out/.{name}.$$.tmp")]);
    let others = ["kept/run.json", "thresholds/shop.yaml", "perfgate-out", "perfgate-out/.perfgate-probe.$$"].map(str::to_owned);
    // A probe that cannot be removed stays.
    let paths = written.chain(others).filter(|path| !(call.contains("unlink") && path.contains("probe")));
    paths.map(|path| format!("-P {path} -P \"$PWD/{path}\" ")).collect::<Vec<_>>().concat()
}

/// What makes a system call fail once, on all machines that have it under one of these names (`?` before each).
fn failing(calls: &str, error: &str, when: &str) -> String {
    format!("set -- -D -f -q -o trace -e trace={calls} -e inject={calls}:error={error}:when={when}")
}

/// P16: every call for a file that can fail fails once, one call a run.
#[test]
fn each_call_for_a_file_fails_once_and_the_program_says_which() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| Reply::slow(5));
    let calls = [
        ("openat", "EACCES"),
        ("write", "ENOSPC"),
        ("fsync", "EIO"),
        ("?rename,?renameat,?renameat2", "EIO"),
        ("?mkdir,?mkdirat", "EACCES"),
        ("read", "EIO"),
        ("?unlink,?unlinkat", "EACCES"),
        ("?stat,?newfstatat,?statx", "EIO"),
        ("flock", "EINTR"),
    ];
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
            for name in ["mine.txt", "verdict.json", "run-1.json"] {
                trial.write(&format!("perfgate-out/{name}"), "earlier");
            }
            let line = format!("{} {} \"$0\" \"$@\"", failing(call, error, &nth.to_string()), touched(call));
            let ended = trial.run(|| limited_by(&trial.command("judge kept --out perfgate-out"), &line, "strace"));
            let injected = traced(&trial).contains("INJECTED");
            // What cannot be looked at may be taken for something else, as a folder for a file.
            let said: &[&str] =
                if call.contains("stat") { &["error: "] } else { &["error: cannot write perfgate-out", "error: cannot read "] };
            let told = said.iter().any(|said| ended.stderr.contains(said));
            assert!(ended.code == 0 || ([2, 6].contains(&ended.code) && told), "{call} {nth}: {}\n{}", ended.code, ended.stderr);
            assert_eq!(trial.read("perfgate-out/mine.txt"), "earlier");
            if ended.code == 0 {
                assert_eq!(trial.json("perfgate-out/verdict.json")["exit_code"], 0, "{call} {nth}");
                assert!(!trial.has("perfgate-out/run-1.json"), "{call} {nth}");
            }
            if !injected {
                assert!(nth > 1, "{call} was never met");
                assert_eq!(ended.code, 0, "{call} {nth}: {}", ended.stderr);
                return;
            }
        }
    });
}

/// P16, P17: a verdict on another run may not stay beside a new one.
#[test]
fn an_earlier_verdict_that_cannot_be_removed_is_told_before_the_load() {
    let Some(()) = tracer() else { return };
    let server = Server::healthy();
    for command in ["run shop.yaml", "check shop.yaml", "baseline refresh shop.yaml"] {
        let trial = Trial::on(&server.url());
        trial.write("perfgate-out/verdict.json", "earlier");
        let line = format!("{} -P perfgate-out/verdict.json \"$0\" \"$@\"", failing("?unlink,?unlinkat", "EACCES", "1+"));
        let ended = trial.run(|| limited_by(&trial.command(command), &line, "strace")).with(6);
        ended.says("error: cannot write perfgate-out/verdict.json: Permission denied").says("hint: is the folder writable");
        assert_eq!(trial.names("perfgate-out").len(), 1, "{command}");
    }
    assert_eq!(server.connections(), 0);
}

/// P16: the same for what a load asks of the system: threads, sockets, their queues, timers.
#[test]
fn each_call_for_a_thread_a_socket_or_a_timer_fails_once_and_nothing_passes_unseen() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| Reply::slow(5));
    let calls = [
        ("clone3", "EAGAIN"),
        ("socket", "EMFILE"),
        ("socketpair", "EMFILE"),
        ("connect", "EADDRNOTAVAIL"),
        ("sendto", "EPIPE"),
        ("recvfrom", "ECONNRESET"),
        ("epoll_create1", "EMFILE"),
        ("epoll_ctl", "ENOMEM"),
        ("eventfd2", "EMFILE"),
        ("timerfd_create", "EMFILE"),
        ("timerfd_settime", "EINVAL"),
    ];
    let rows: Vec<(&str, &str, u32)> = calls.iter().flat_map(|(call, error)| (1..=3).map(|nth| (*call, *error, nth))).collect();
    for rows in rows.chunks(6) {
        at_once(rows, |(call, error, nth)| {
            let trial = Trial::on(&server.url());
            trial.edit(
                "shop.yaml",
                "users: 20, hold: 1s",
                if call.starts_with("timerfd") { "rate: 300/s, hold: 300ms" } else { "users: 20, hold: 300ms" },
            );
            trial.edit("thresholds/shop.yaml", "p95: 400ms, ", "");
            let line = format!("{} \"$0\" \"$@\"", failing(call, error, &nth.to_string()));
            // One load: each may wait ten seconds for an answer that this call has lost.
            let ended = trial.run(|| limited_by(&trial.command("check shop.yaml --max-duration 300ms"), &line, "strace"));
            let injected = traced(&trial).contains("INJECTED");
            let told = ended.stderr.contains("error: ") || ended.stdout.contains("exit 3 (no verdict)");
            // One request of so many that is sent in vain is a failure of its own: 1 % of them may fail.
            let failed = ended.code == 1 && ended.stdout.contains("fails too often");
            let is_known = failed || ([4, 70].contains(&ended.code) && told);
            assert!(
                ended.code == 0 || (ended.code == 3 && told) || (is_known && injected),
                "{call} {nth}: {}\n{}",
                ended.code,
                ended.stderr
            );
            assert!(injected || *nth > 1, "{call} was never met");
        });
    }
}

/// P16: the same for what is asked of the system while a verdict is published. One place is a file, one a service.
#[test]
fn each_call_of_a_publication_fails_once_and_the_verdict_stands() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| Reply::slow(5));
    let kept = Trial::on(&server.url());
    kept.perfgate("check shop.yaml").with(0);
    let results = ["verdict.json", "run.json"].map(|name| (name, kept.read(&format!("perfgate-out/{name}"))));
    let summary = "-P \"$PWD/step.md\"";
    let calls = [
        ("openat", "EACCES", summary),
        ("write", "ENOSPC", summary),
        ("socket", "EMFILE", ""),
        ("connect", "ECONNREFUSED", ""),
        ("sendto,writev", "EPIPE", ""),
        ("recvfrom", "ECONNRESET", ""),
        ("epoll_create1", "EMFILE", ""),
        ("epoll_ctl", "ENOMEM", ""),
        ("eventfd2", "EMFILE", ""),
    ];
    at_once(&calls, |(call, error, paths)| {
        for nth in 1.. {
            let github = Github::start();
            let mut trial = Trial::empty();
            for (name, value) in github.variables() {
                trial.set_variable(name, &value);
            }
            let step = trial.path("step.md").display().to_string();
            trial.set_variable("GITHUB_STEP_SUMMARY", &step);
            for (name, text) in &results {
                trial.write(&format!("perfgate-out/{name}"), text);
            }
            let line = format!("{} {paths} \"$0\" \"$@\"", failing(call, error, &nth.to_string()));
            let command = trial.command("publish perfgate-out --pr 7 --publish github-comment!,github-summary!");
            let ended = trial.run(|| limited_by(&command, &line, "strace"));
            let injected = traced(&trial).contains("INJECTED");
            let comments = github.comments().len();
            assert!(comments <= 1, "{call} {nth}: {comments} comments");
            let arrived = comments == 1 && trial.has("step.md") && trial.read("step.md").contains("perfgate: passed");
            let told = ended.stderr.contains("error: ");
            assert!(
                if ended.code == 0 { arrived } else { [6, 70].contains(&ended.code) && told && injected },
                "{call} {nth}: {}\n{}",
                ended.code,
                ended.stderr
            );
            for (name, text) in &results {
                assert_eq!(trial.read(&format!("perfgate-out/{name}")), *text, "{call} {nth}: the verdict stands");
            }
            if !injected {
                assert!(nth > 1, "{call} was never met");
                return;
            }
        }
    });
}
