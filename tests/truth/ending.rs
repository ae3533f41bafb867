//! A load ends on time, whatever the target does, and what was under way is counted.

use std::time::Duration;

use super::bench::{Bench, at_once, in_time, whole};
use super::server::{Act, Server, after, ok};

const HANGING: &str = "http: {timeout: 60s}\ntasks: [{steps: [{get: /}]}]\nstop: [{delete: /}]\n";

fn hanging() -> Server {
    Server::start(|_| vec![Act::Hang])
}

#[test]
fn a_target_that_never_answers_is_left_after_ten_seconds() {
    in_time(|| {
        let loads = ["{users: 3, hold: 500ms}", "{rate: 20/s, hold: 500ms}", "{rate: 20/s, hold: 500ms, max_in_flight: 4}"];
        let results = at_once(loads, |load| {
            let server = hanging();
            let driven = Bench::new().threads(2).drive(server.address, &format!("load: {load}\n{HANGING}"));
            let (run, latency) = (&driven.run, whole(&driven.run, "GET /").latency);
            assert_eq!((run.generator.sent, run.generator.unfinished), (server.received().len() as u64, latency.count()), "{load}");
            assert!(run.generator.unfinished > 2 && run.complete, "{load}");
            let scheduled = if load.contains("rate") { 10 } else { 3 };
            assert_eq!(run.generator.scheduled, scheduled, "{load}");
            let [least, most] = [0.0, 1.0].map(|share| latency.value_at_fraction(share).unwrap());
            assert!(least > 9_900.0, "{load}: unfinished after 10 s, told as {least} ms");
            (load, driven.took, most)
        });
        for (load, took, most) in results {
            if took > Duration::from_millis(11_200) || most > 11_000.0 {
                return Err(format!("{load}: took {took:?}, the longest was {most} ms"));
            }
        }
        Ok(())
    });
}

#[test]
fn what_is_under_way_at_the_end_may_finish() {
    let server = Server::start(|_| after(700, ok()));
    at_once(["{users: 2, hold: 300ms}", "{rate: 10/s, hold: 300ms}"], |load| {
        let driven = Bench::new().drive(server.address, &format!("load: {load}\ntasks: [{{steps: [{{get: /}}, {{get: /second}}]}}]\n"));
        assert_eq!((driven.run.generator.unfinished, driven.run.generator.failed), (0, 0));
        assert!(driven.run.generator.ok >= 2);
        assert!(driven.took < Duration::from_secs(2), "{load}: took {:?}", driven.took);
    });
    assert!(server.received().iter().all(|request| request.target == "/"), "after the end no step starts");
}

#[test]
fn what_is_due_just_before_the_end_is_sent() {
    let server = Server::start(|_| ok());
    let run = Bench::new().run(&server, "load: {rate: 2000/s, hold: 300ms}\ntasks: [{steps: [{get: /}]}]\n");
    assert_eq!((run.generator.scheduled, run.generator.sent, server.received().len()), (600, 600, 600));
}

/// Aborted after so long: the Run, how long it took, and what the server saw.
fn aborted(server: &Server, after: Duration, rest: &str) -> super::bench::Driven {
    let bench = Bench::new().threads(2);
    let abort = bench.abort.clone();
    let aborter = std::thread::spawn(move || {
        std::thread::sleep(after);
        abort.request("SIGINT");
    });
    let driven = bench.drive(server.address, rest);
    aborter.join().unwrap();
    assert!(!driven.run.complete);
    let reason = driven.run.aborted_by.clone().unwrap();
    assert!(reason.starts_with("SIGINT after 0."), "{reason}");
    assert!(driven.run.measured < Duration::from_secs(1), "{:?}", driven.run.measured);
    driven
}

#[test]
fn an_aborted_load_ends_within_two_seconds_and_says_so() {
    in_time(|| {
        let loads = ["{users: 3, hold: 60s}", "{rate: 50/s, hold: 60s}"];
        let took = at_once(loads, |load| {
            let server = hanging();
            let driven = aborted(&server, Duration::from_millis(400), &format!("load: {load}\n{HANGING}"));
            let generator = &driven.run.generator;
            assert_eq!((generator.unfinished, generator.sent), (generator.sent, server.received().len() as u64), "{load}");
            assert!(generator.sent > 2, "{load}");
            driven.took
        });
        let longest = took.into_iter().max().unwrap();
        if longest < Duration::from_millis(2800) { Ok(()) } else { Err(format!("took {longest:?}")) }
    });
}

#[test]
fn an_aborted_load_with_nothing_under_way_ends_at_once() {
    in_time(|| {
        let server = Server::start(|_| ok());
        let rest = "load: {users: 3, hold: 60s}\nthink: 30s\ntasks: [{steps: [{get: /}]}]\n";
        let driven = aborted(&server, Duration::from_millis(200), rest);
        assert_eq!((driven.run.generator.ok, driven.run.generator.sent), (3, 3));
        if driven.took < Duration::from_millis(600) { Ok(()) } else { Err(format!("took {:?}", driven.took)) }
    });
}

#[test]
fn starts_that_still_waited_when_the_load_was_aborted_are_counted_as_not_sent() {
    let server = hanging();
    let driven = aborted(&server, Duration::from_millis(400), &format!("load: {{rate: 100/s, hold: 60s, max_in_flight: 2}}\n{HANGING}"));
    let generator = &driven.run.generator;
    assert_eq!((generator.sent, generator.unfinished), (2, 2));
    assert!((20..=60).contains(&generator.not_sent), "some 40 were due: {generator:?}");
}
