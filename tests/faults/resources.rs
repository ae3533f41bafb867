//! R: memory, descriptors and time under loads that are larger, faster or uglier than usual.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perfgate::load::{Abort, CertificateCheck, Event, Heading, Order, drive, preflight};
use perfgate::plan::Plan;
use perfgate::run::Environment;
use perfgate::scenario::{Overrides, Scenario, Surroundings};

use crate::server::{Act, Server, ok};
use crate::shell::{limited_by, traced, tracer};
use crate::trial::Trial;

/// Of a load that no program asks for.
pub fn heading(threads: u64) -> Heading {
    let environment = Environment {
        name: None,
        os: "linux".into(),
        arch: "x86_64".into(),
        cores: 2,
        cpu: None,
        perfgate: "0.1.0".into(),
        ci: None,
        job: None,
        commit: None,
        branch: None,
    };
    Heading { started_at: "2026-11-20T12:00:00Z".parse().unwrap(), environment, overrides: Vec::new(), threads }
}

/// One that asks for one thing, as it is read from a file.
pub fn scenario(target: &str, load: &str) -> Arc<Scenario> {
    let text = format!("version: 1\nname: shop\ntarget: {target}\nload: {load}\ntasks: [{{steps: [{{get: /}}]}}]\n");
    let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
    let document = perfgate::document::Document::from_text("shop.yaml", &text);
    Arc::new(Scenario::from_document(&document, &surroundings, &Overrides::default()).unwrap())
}

fn many_endpoints(count: usize) -> String {
    (0..count).fold(String::new(), |mut steps, number| {
        let _ = write!(steps, "{{get: /api/{number}}}, ");
        steps
    })
}

/// R03: a label for every path is refused; one label for all paths is the cure.
#[test]
fn endpoints_are_counted_under_so_many_labels_and_no_more() {
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("shop.yaml", "{get: /api/products}", &many_endpoints(1001));
    trial.perfgate("check shop.yaml").with(2).says("error: shop.yaml:").says("more than 1000 endpoints").says("hint: ");
    assert_eq!(server.connections(), 0);
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("shop.yaml", "{get: /api/products}", "{get: \"/api/${random_int(1, 1000000)}\", name: /api/:id}");
    trial.perfgate("check shop.yaml").with(0);
    assert_eq!(trial.json("perfgate-out/run.json")["endpoints"].as_array().unwrap().len(), 1);
}

/// R04: what a server says is never kept, however much of it there is.
#[test]
fn any_number_of_different_errors_is_a_few_causes() {
    let server = Server::start(|request| {
        let number = request.number;
        let answer = match number % 3 {
            0 => format!("nonsense {number}\r\n\r\n"),
            1 => format!("HTTP/1.1 {} Error number {number}\r\ncontent-length: 0\r\n\r\n", 300 + number % 700),
            _ => format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{number}x\r\n"),
        };
        vec![Act::Send(answer.into_bytes()), Act::Close]
    });
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.perfgate("check shop.yaml").with(1).prints("fails too often");
    let run = trial.json("perfgate-out/run.json").to_string();
    assert!(!run.contains("nonsense") && !run.contains("Error number"), "{run}");
    let causes = run.matches("\"status ").count() + run.matches("\"other causes\"").count();
    assert!((2..=21).contains(&causes), "{causes}");
}

/// R05: as fast as it goes, and the busiest generator loses no sample.
#[test]
fn every_request_of_a_closed_load_without_pauses_is_counted() {
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("shop.yaml", "think: 20ms\n", "");
    // Whether this machine keeps up is not what is asked.
    let ended = trial.ended(trial.start("check shop.yaml --max-duration 1s"));
    assert!([0, 3].contains(&ended.code), "{}", ended.stdout);
    let run = trial.json("perfgate-out/run.json");
    let received = server.received().len();
    assert!(received > 500, "{received}");
    assert_eq!(run["generator"]["sent"], received, "{}", run["generator"]);
    assert_eq!(run["endpoints"][0]["requests"], received);
}

/// R06: whoever writes the checkpoint takes two seconds and a half for it, in which the load goes on.
#[test]
fn a_checkpoint_that_takes_long_delays_no_request() {
    let server = Server::start(|_| ok());
    let scenario = scenario(&format!("http://{}", server.address), "{rate: 100/s, hold: 6s}");
    let endpoints = preflight(&scenario, CertificateCheck::Required, &Abort::default()).unwrap();
    let order = Order { plan: Arc::new(Plan::new(&scenario, 100)), scenario, endpoints, heading: heading(2) };
    let mut checkpoints = 0;
    let run = drive(order, &Abort::default(), &mut |event| {
        if matches!(event, Event::Checkpoint(_)) {
            checkpoints += 1;
            std::thread::sleep(Duration::from_millis(2500));
        }
    });
    let run = run.unwrap();
    assert_eq!((checkpoints, run.generator.ok, run.generator.not_sent), (1, 600, 0));
    let mut by_second = [0; 6];
    for request in server.received() {
        by_second[usize::try_from(request.at.as_secs()).unwrap().min(5)] += 1;
    }
    assert!(by_second.iter().all(|count| *count > 25), "{by_second:?}");
}

/// R06: the same of the whole program, whose disk is as slow.
#[test]
fn a_slow_disk_delays_no_request() {
    let Some(()) = tracer() else { return };
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address)).planned(Duration::from_secs(6));
    trial.edit("shop.yaml", "hold: 1s", "hold: 6s");
    let slow = "set -- -D -f -q --seccomp-bpf -o trace -e trace=fsync -e inject=fsync:delay_enter=1500000:when=1 \"$0\" \"$@\"";
    trial.run(|| limited_by(&trial.command("check shop.yaml --max-duration 6s"), slow, "strace")).with(0);
    assert!(traced(&trial).contains("DELAYED"));
    let run = trial.json("perfgate-out/run.json");
    let seconds: Vec<u64> =
        run["endpoints"][0]["per_second"]["requests"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect();
    let (least, most) = (seconds[1..6].iter().min().unwrap(), seconds[1..6].iter().max().unwrap());
    assert!(*least * 2 > *most, "{seconds:?}");
}

/// R07: a generator that gets half of its CPU, in the slices of a scheduler, does not take its own waits for the target's.
#[cfg(unix)]
#[test]
fn a_throttled_generator_has_no_verdict_instead_of_a_slow_target() {
    use rustix::process::Signal;
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address));
    trial.edit("thresholds/shop.yaml", "400ms", "30ms");
    trial.edit("shop.yaml", "hold: 1s", "hold: 2s");
    let mut running = trial.start("check shop.yaml --max-duration 2s");
    running.wait_until("requests came", || !server.received().is_empty());
    for _ in 0..25 {
        running.signal(Signal::STOP);
        std::thread::sleep(Duration::from_millis(50));
        running.signal(Signal::CONT);
        std::thread::sleep(Duration::from_millis(50));
    }
    trial.ended(running).with(3).prints("this machine was too busy");
}

/// R08: a report of a thousand endpoints.
#[test]
fn a_report_of_a_thousand_endpoints_is_small_and_quick() {
    let server = Server::start(|_| ok());
    let trial = Trial::on(&format!("http://{}", server.address)).within_mebibytes(256);
    trial.edit("shop.yaml", "{get: /api/products}", &many_endpoints(1000));
    trial.edit("shop.yaml", "think: 20ms", "think: 1ms");
    let ended = trial.ended(trial.start("run shop.yaml --out kept"));
    assert!([0, 3].contains(&ended.code), "{}", ended.stderr);
    let begun = Instant::now();
    let judged = trial.ended(trial.start("judge kept --out perfgate-out"));
    assert!([1, 3].contains(&judged.code), "{}", judged.stderr);
    assert!(begun.elapsed() < Duration::from_secs(6), "two seconds, and a busy machine: {:?}", begun.elapsed());
    let page = trial.read("perfgate-out/report.html");
    assert!(page.len() < 5 * 1024 * 1024 && page.contains("/api/999"), "{} bytes", page.len());
}

/// R10: hundreds of loads in one process. Counted in a process of its own, where no other test opens anything.
#[cfg(target_os = "linux")]
#[test]
fn loads_leave_no_descriptor_and_no_thread_behind() {
    let itself = std::env::current_exe().unwrap();
    let counted = std::process::Command::new(itself).args(["--exact", "resources::counted", "--ignored", "--nocapture"]).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stdout));
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "is run by the test above"]
fn counted() {
    let open = || ["fd", "task"].map(|kind| std::fs::read_dir(format!("/proc/self/{kind}")).unwrap().count());
    let server = Server::start(|_| ok());
    let scenario = scenario(&format!("http://{}", server.address), "{users: 4, hold: 3ms}");
    let once = || {
        let endpoints = preflight(&scenario, CertificateCheck::Required, &Abort::default()).unwrap();
        let plan = Arc::new(Plan::new(&scenario, 100));
        let order = Order { scenario: Arc::clone(&scenario), plan, endpoints, heading: heading(2) };
        drive(order, &Abort::default(), &mut |_| ()).unwrap();
    };
    (0..5).for_each(|_| once());
    let [files, threads] = open();
    (0..300).for_each(|_| once());
    // The server closes its side of the last connections when it is told of theirs.
    let patience = Instant::now() + Duration::from_secs(2);
    while open()[0] > files + 8 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    let [files_after, threads_after] = open();
    assert!(
        files_after <= files + 8 && threads_after <= threads,
        "{files} files and {threads} threads became {files_after} and {threads_after}"
    );
}
