//! The same seed sends the same requests in the same order, whatever the number of threads; another seed does not.

use std::collections::BTreeMap;

use super::bench::{Bench, at_once};
use super::server::{Received, Server, ok};

/// What each user (closed) or start (open) sent, in order.
type Sequences = BTreeMap<u64, Vec<String>>;

const TASKS: &str = "
http: {headers: {x-user: '${user.id}', x-iteration: '${iteration}', x-id: '${uuid()}'}}
data:
  dealt: {file: rows.csv, order: sequential}
  mixed: {file: rows.csv, order: shuffle}
  any: {file: rows.csv, order: random}
tasks:
  - weight: 3
    steps:
      - {get: '/a/${iteration}/${random_int(1, 1000000)}/${dealt.id}', name: /a}
      - {post: /b, json: {mixed: '${mixed.id}', any: '${any.id}', choice: \"${random_choice('x', 'y', 'z')}\"}}
  - weight: 2
    steps: [{get: '/c/${dealt.id}', name: /c, when: \"${random_int(0, 1)} == 1\"}, {get: '/d/${any.id}', name: /d, repeat: 2}]
  - steps: [{put: '/e', body: '${mixed.id} ${random_int(1, 6)}'}]
";

fn sent(request: &Received) -> String {
    format!("{} {} {} {}", request.method, request.target, request.header("x-id"), request.body)
}

fn sequences(server: &Server, by: &str) -> Sequences {
    let mut sequences = Sequences::new();
    for request in server.received() {
        sequences.entry(request.header(by).parse().unwrap()).or_default().push(sent(&request));
    }
    sequences
}

fn recorded(load: &str, by: &str, variants: [(u64, u64); 4]) -> Vec<Sequences> {
    at_once(variants, |(threads, seed)| {
        let server = Server::start(|_| ok());
        let run = Bench::new().threads(threads).seed(seed).rows("rows.csv", 50).run(&server, &format!("{load}{TASKS}"));
        assert_eq!((run.generator.failed, run.generator.not_sent), (0, 0));
        sequences(&server, by)
    })
}

/// Runs of closed users differ in how far they came, not in what they sent until then.
fn same_until_the_shorter_ends(left: &Sequences, right: &Sequences) -> bool {
    left.len() == right.len()
        && left.iter().all(|(user, sequence)| {
            let length = sequence.len().min(right[user].len());
            assert!(length > 20, "user {user} sent {length} requests");
            sequence[..length] == right[user][..length]
        })
}

#[test]
fn a_closed_user_sends_the_same_on_one_two_or_four_threads() {
    let recorded = recorded("load: {users: 5, ramp: 100ms, hold: 1s}\nthink: 5ms..25ms\n", "x-user", [(1, 7), (2, 7), (4, 7), (1, 8)]);
    for threads in &recorded[1..3] {
        assert!(same_until_the_shorter_ends(&recorded[0], threads));
    }
    assert!(!same_until_the_shorter_ends(&recorded[0], &recorded[3]), "another seed sends other requests");
    assert_eq!(recorded[0].len(), 5);
}

#[test]
fn an_open_start_sends_the_same_on_one_two_or_four_threads() {
    for arrivals in ["uniform", "poisson"] {
        let load = format!("load: {{rate: 200/s, hold: 600ms, arrivals: {arrivals}}}\n");
        let recorded = recorded(&load, "x-iteration", [(1, 7), (2, 7), (4, 7), (1, 8)]);
        assert!(recorded[0].len() > 80);
        assert_eq!(recorded[0], recorded[1]);
        assert_eq!(recorded[0], recorded[2]);
        assert_ne!(recorded[0], recorded[3], "another seed sends other requests");
    }
}

/// How far each task's count is ever from its share (3 to 2 to 1).
fn worst_distance(tasks: impl Iterator<Item = usize>) -> f64 {
    let (mut counts, mut worst) = ([0.0; 3], 0.0_f64);
    for task in tasks {
        counts[task] += 1.0;
        let total: f64 = counts.iter().sum();
        for (count, weight) in counts.iter().zip([3.0, 2.0, 1.0]) {
            worst = worst.max((count - total * weight / 6.0_f64).abs());
        }
    }
    worst
}

fn mix(load: &str, by: &str) -> BTreeMap<u64, Vec<(u64, usize)>> {
    let server = Server::start(|_| ok());
    let headers = "http: {headers: {x-user: '${user.id}', x-iteration: '${iteration}'}}\n";
    let tasks = "tasks:\n  - {weight: 3, steps: [{get: /0}]}\n  - {weight: 2, steps: [{get: /1}]}\n  - {weight: 1, steps: [{get: /2}]}\n";
    Bench::new().threads(2).run(&server, &format!("{load}{headers}{tasks}"));
    let mut starts: BTreeMap<u64, Vec<(u64, usize)>> = BTreeMap::new();
    for request in server.received() {
        let task = request.target[1..].parse().unwrap();
        starts
            .entry(request.header(by).parse().unwrap_or_default())
            .or_default()
            .push((request.header("x-iteration").parse().unwrap(), task));
    }
    for list in starts.values_mut() {
        list.sort_unstable();
    }
    starts
}

#[test]
fn each_closed_user_keeps_the_weights_to_within_one_start_at_any_time() {
    let users = mix("load: {users: 6, hold: 600ms}\nthink: 5ms\n", "x-user");
    assert_eq!(users.len(), 6);
    for (user, starts) in &users {
        assert!(starts.len() > 30);
        assert!(worst_distance(starts.iter().map(|(_, task)| *task)) <= 1.0, "user {user}");
    }
    let firsts: std::collections::BTreeSet<usize> = users.values().map(|starts| starts[0].1).collect();
    assert_eq!(firsts.len(), 3, "users begin at different places");
}

#[test]
fn open_starts_together_keep_the_weights_to_within_one_start_at_any_time() {
    let all = mix("load: {rate: 300/s, hold: 500ms}\n", "none");
    let starts = &all[&0];
    assert_eq!(starts.iter().map(|(iteration, _)| *iteration).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
    assert!(worst_distance(starts.iter().map(|(_, task)| *task)) <= 1.0);
}
