//! How steps follow each other: repeats, conditions, pauses and pacing, as the server sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use perfgate::plan::{Dice, Stream};
use perfgate::scenario::Think;

use super::bench::{Bench, at_once, in_time, whole};
use super::server::{Received, Server, after, ok, reply};

/// Requests by the value of a header, in order.
fn grouped(received: &[Received], header: &str) -> BTreeMap<String, Vec<Received>> {
    let mut groups: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    for request in received {
        groups.entry(request.header(header).to_owned()).or_default().push(request.clone());
    }
    groups
}

#[test]
fn repeat_foreach_and_when_send_what_they_say() {
    let server = Server::start(|request| match request.target.as_str() {
        "/list" => reply(200, r#"{"ids": [3, 1, 2], "empty": [], "on": true, "off": false, "kind": "new"}"#),
        _ => ok(),
    });
    let scenario = "load: {rate: 20/s, hold: 300ms}
http: {headers: {x-iteration: '${iteration}'}}
tasks:
  - steps:
      - get: /list
        save: {ids: '$.ids[*] all', none: {json: '$.empty[*] all', default: ''}, on: $.on, off: $.off, kind: $.kind}
      - {get: '/item/${id}', name: /item, foreach: {list: '${ids}', as: id}}
      - {get: /thrice, repeat: 3}
      - {get: /on, when: '${on}'}
      - {get: /off, when: '${off}'}
      - {get: /same, when: \"${kind} == 'new'\"}
      - {get: /other, when: \"${kind} != 'new'\"}
      - {get: /none, when: '${none}'}
      - {get: /last}
";
    let run = Bench::new().run(&server, scenario);
    assert_eq!(run.generator.failed, 0);
    let groups = grouped(&server.received(), "x-iteration");
    assert_eq!(groups.len(), 6);
    for requests in groups.values() {
        let targets: Vec<&str> = requests.iter().map(|request| request.target.as_str()).collect();
        assert_eq!(targets, ["/list", "/item/3", "/item/1", "/item/2", "/thrice", "/thrice", "/thrice", "/on", "/same", "/last"]);
    }
}

/// Pauses between an answer and the next request of the same user, ms.
fn pauses(received: &[Received]) -> Vec<f64> {
    let groups = grouped(received, "x-user");
    let pause = |pair: &[Received]| pair[1].at.saturating_sub(pair[0].answered.unwrap().1).as_secs_f64() * 1000.0;
    groups.values().flat_map(|requests| requests.windows(2).map(pause).collect::<Vec<_>>()).collect()
}

#[test]
fn the_server_sees_the_pauses_that_were_planned() {
    // So many of each user are compared, however the last ones are cut short by the end.
    const FIRST: usize = 25;
    const SEED: u64 = 7;
    let ms = Duration::from_millis;
    let thinks = [
        ("20ms", Think::Fixed(ms(20))),
        ("10ms..50ms", Think::Range(ms(10), ms(50))),
        ("{normal: {mean: 30ms, sd: 5ms}}", Think::Normal { mean: ms(30), sd: ms(5) }),
        ("{exponential: 30ms}", Think::Exponential(ms(30))),
    ];
    in_time(|| {
        let seen_and_planned = at_once(thinks, |(text, think)| {
            let server = Server::start(|_| ok());
            let scenario = "http: {headers: {x-user: '${user.id}'}}\ntasks: [{steps: [{get: /a}, {get: /b}]}]\n";
            Bench::new().seed(SEED).run(&server, &format!("load: {{users: 10, hold: 2s}}\nthink: {text}\n{scenario}"));
            let (mut seen, mut planned) = (0.0, 0.0);
            for (user, requests) in grouped(&server.received(), "x-user") {
                let mut dice = Dice::new(SEED, Stream::User { index: user.parse::<u64>().unwrap() - 1, life: 0 });
                let pauses = pauses(&requests);
                assert!(pauses.len() >= FIRST, "user {user} paused {} times", pauses.len());
                seen += pauses[..FIRST].iter().sum::<f64>();
                planned += (0..FIRST).map(|_| dice.think(think).as_secs_f64() * 1000.0).sum::<f64>();
            }
            (text, seen, planned)
        });
        for (text, seen, planned) in seen_and_planned {
            if (seen - planned).abs() > planned * 0.05 {
                return Err(format!("think {text}: {seen} ms were seen, {planned} ms were planned"));
            }
        }
        Ok(())
    });
}

#[test]
fn paced_cycles_start_so_far_apart() {
    let scenario = "load: {users: 3, hold: 1050ms}
http: {headers: {x-user: '${user.id}'}}
tasks: [{pacing: 100ms, steps: [{get: /a}]}]
";
    in_time(|| {
        let server = Server::start(|_| after(20, ok()));
        Bench::new().run(&server, scenario);
        for (user, requests) in grouped(&server.received(), "x-user") {
            let at = |number: u32| requests[0].at + Duration::from_millis(100) * number;
            let off = (0..).zip(&requests).map(|(number, request)| request.at.abs_diff(at(number))).max().unwrap();
            if requests.len() != 11 || off > Duration::from_millis(15) {
                return Err(format!("user {user}: {} cycles, {off:?} off", requests.len()));
            }
        }
        Ok(())
    });
}

#[test]
fn a_late_cycle_counts_from_when_it_was_due() {
    in_time(|| {
        let server = Server::start(|request| if request.number == 1 { after(370, ok()) } else { ok() });
        let run = Bench::new().run(&server, "load: {users: 1, hold: 1050ms}\ntasks: [{pacing: 100ms, steps: [{get: /a}]}]\n");
        let summary = whole(&run, "GET /a");
        assert_eq!(summary.counts.service.count_above(120.0), 1);
        match (summary.counts.requests, summary.latency.count_above(120.0)) {
            (11, 3) => Ok(()),
            other => Err(format!("370, 270 and 170 ms were waited, told are (requests, late) {other:?}")),
        }
    });
}

#[test]
fn a_cycle_that_sends_nothing_does_not_delay_the_next() {
    let server = Server::start(|_| ok());
    let task = "{pacing: 50ms, steps: [{get: /a, when: \"${random_int(0, 1)} == 1\"}]}";
    let run = Bench::new().run(&server, &format!("load: {{users: 2, hold: 1s}}\ntasks: [{task}]\n"));
    let summary = whole(&run, "GET /a");
    assert!((10..=30).contains(&summary.counts.requests), "about half of 40 cycles: {}", summary.counts.requests);
    assert!(summary.latency.max_ms().unwrap() < 300.0, "nobody waited: {:?}", summary.latency.max_ms());
}

#[test]
fn a_task_that_is_cut_short_keeps_its_pacing_and_its_pause() {
    for pause in ["pacing: 100ms", "think: 100ms"] {
        let server = Server::start(|_| reply(500, "{}"));
        let task = format!("{{{pause}, steps: [{{get: /a, save: {{id: $.id}}}}, {{get: '/b/${{id}}', name: /b}}]}}");
        Bench::new().run(&server, &format!("load: {{users: 1, hold: 450ms}}\ntasks: [{task}]\n"));
        let count = server.received().len();
        assert!((4..=5).contains(&count), "{pause}: {count} requests in 450 ms");
    }
}

#[test]
fn a_start_without_a_request_is_not_passed_over_in_silence() {
    let server = Server::start(|_| reply(200, r#"{"id": 1}"#));
    let tasks = "tasks: [{steps: [{get: '/use/${id}', name: /use}]}, {steps: [{get: /make, save: {id: $.id}}]}]\n";
    let run = Bench::new().run(&server, &format!("load: {{rate: 20/s, hold: 300ms}}\n{tasks}"));
    assert_eq!(run.generator.scheduled, 6);
    assert_eq!(run.generator.sent, server.received().len() as u64);
    assert!(run.generator.not_sent > 0 && !run.generator.healthy());
}

#[test]
fn cycles_that_cannot_be_kept_are_told() {
    for (pause, all_late) in [(0, false), (150, true)] {
        let server = Server::start(move |_| after(pause, ok()));
        let run = Bench::new().run(&server, "load: {users: 1, hold: 900ms}\ntasks: [{pacing: 50ms, steps: [{get: /a}]}]\n");
        let generator = &run.generator;
        assert!(generator.cycles >= 5, "{generator:?}");
        if all_late {
            // The first is on time, the second is 100 ms late.
            assert_eq!(generator.late_cycles, generator.cycles - 1, "{generator:?}");
        } else {
            assert!(generator.late_cycles * 2 < generator.cycles, "{generator:?}");
        }
    }
}

/// Starts of the tasks by phase, as the books have them.
fn starts(run: &perfgate::run::Run) -> BTreeMap<&str, Vec<u64>> {
    run.tasks.iter().map(|task| (task.name.as_str(), task.phases.iter().map(|share| share.starts).collect())).collect()
}

#[test]
fn a_phase_has_its_own_mix_and_the_books_have_every_start() {
    let tasks = "tasks:
  - {name: look, weight: 3, steps: [{get: /look}], think: 10ms}
  - {name: buy, steps: [{get: /buy}], think: 10ms}
";
    let run = |load: &str| Bench::new().run(&Server::start(|_| ok()), &format!("load: {{phases: {load}}}\n{tasks}"));
    let requests = |run: &perfgate::run::Run, label: &str| {
        let endpoint = super::bench::endpoint(run, label);
        endpoint.phases.iter().map(|series| series.requests).collect::<Vec<u64>>()
    };
    let open = run("[{name: calm, for: 500ms, rate: 80/s}, {name: sale, for: 500ms, rate: 80/s, mix: {look: 0}}]");
    assert_eq!(starts(&open), BTreeMap::from([("look", vec![30, 0]), ("buy", vec![10, 40])]));
    assert_eq!((requests(&open, "GET /look"), requests(&open, "GET /buy")), (vec![30, 0], vec![10, 40]));
    let shares: Vec<f64> = open.tasks[0].phases.iter().map(|share| share.asked).collect();
    assert!((shares[0] - 0.75).abs() < 1e-9 && shares[1].abs() < 1e-9, "{shares:?}");

    let closed = run("[{name: calm, for: 500ms, users: 4}, {name: sale, for: 500ms, users: 4, mix: {look: 0}}]");
    let begun = starts(&closed);
    assert_eq!(begun["look"][1], 0);
    for (label, task) in [("GET /look", "look"), ("GET /buy", "buy")] {
        let (sent, begun): (u64, u64) = (requests(&closed, label).iter().sum(), begun[task].iter().sum());
        assert_eq!(sent, begun, "{label}");
    }
    let (look, buy) = (begun["look"][0], begun["buy"][0]);
    assert!(look.abs_diff(3 * buy) <= 4 * 4, "{look} to {buy}");
}
