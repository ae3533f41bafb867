//! Rows of data: who gets which, and that nobody gets another's.

use std::collections::{BTreeMap, BTreeSet};

use super::bench::{Bench, has_problem};
use super::server::{Received, Server, after, ok};

const HEADERS: &str = "http: {headers: {x-user: '${user.id}', x-iteration: '${iteration}', x-row: '${rows.id}'}}\n";

fn number(request: &Received, header: &str) -> u64 {
    request.header(header).parse().unwrap()
}

fn scenario(load: &str, data: &str) -> String {
    format!("load: {load}\ndata: {{rows: {{file: rows.csv, {data}}}}}\n{HEADERS}tasks: [{{steps: [{{get: /first}}, {{get: /second}}]}}]\n")
}

#[test]
fn a_unique_row_belongs_to_one_user_for_its_life() {
    for (load, threads) in [("{users: 9, hold: 300ms}\nthink: 10ms", 2), ("{rate: 200/s, hold: 400ms, max_in_flight: 12}", 4)] {
        let server = Server::start(|_| after(20, ok()));
        let run = Bench::new().threads(threads).rows("rows.csv", 12).run(&server, &scenario(load, "order: unique, on_exhausted: stop"));
        let pairs: BTreeSet<(u64, u64)> =
            server.received().iter().map(|request| (number(request, "x-user"), number(request, "x-row"))).collect();
        let users: BTreeSet<u64> = pairs.iter().map(|(user, _)| *user).collect();
        let rows: BTreeSet<u64> = pairs.iter().map(|(_, row)| *row).collect();
        assert!(users.len() > 5 && pairs.len() == users.len() && pairs.len() == rows.len(), "{load}: {pairs:?}");
        assert!(!has_problem(&run, "data_exhausted"), "{load}: {:?}", run.generator.problems);
    }
}

#[test]
fn users_of_different_kinds_never_have_the_same_row_at_the_same_time() {
    let server = Server::start(|request| after(if request.target == "/slow" { 120 } else { 8 }, ok()));
    let kinds = "users:\n  one: {weight: 1, tasks: [{steps: [{get: /slow}]}]}\n  two: {weight: 3, tasks: [{steps: [{get: /quick}]}]}\n";
    let load = "load: {rate: 40/s, arrivals: poisson, hold: 1500ms, max_in_flight: 3}\ndata: {rows: {file: rows.csv, order: unique, on_exhausted: stop}}\n";
    Bench::new().rows("rows.csv", 3).run(&server, &format!("{load}{HEADERS}{kinds}"));
    let received = server.received();
    assert!(received.len() > 40);
    for header in ["x-row", "x-user"] {
        let mut busy_until = BTreeMap::new();
        for request in &received {
            let free = busy_until.insert(number(request, header), request.answered.unwrap().1).unwrap_or_default();
            assert!(
                request.at + std::time::Duration::from_millis(2) >= free,
                "{header}: {request:?} while another one had it until {free:?}"
            );
        }
    }
}

#[test]
fn sequential_rows_are_dealt_out_one_by_one_over_all_users() {
    for (load, threads) in [("{users: 4, hold: 300ms}\nthink: 5ms", 1), ("{users: 4, hold: 300ms}\nthink: 5ms", 2)] {
        let server = Server::start(|_| ok());
        Bench::new().threads(threads).rows("rows.csv", 10_000).run(&server, &scenario(load, "order: sequential"));
        for request in server.received() {
            let (user, iteration) = (number(&request, "x-user"), number(&request, "x-iteration"));
            assert_eq!(number(&request, "x-row"), (iteration - 1) * 4 + user, "user {user} in iteration {iteration}");
        }
    }
}

#[test]
fn an_open_start_gets_the_row_of_its_number() {
    let server = Server::start(|_| ok());
    Bench::new()
        .threads(2)
        .rows("rows.csv", 40)
        .run(&server, &scenario("{rate: 200/s, hold: 300ms}", "order: sequential, on_exhausted: recycle"));
    let received = server.received();
    assert_eq!(received.len(), 120);
    for request in received {
        assert_eq!(number(&request, "x-row"), (number(&request, "x-iteration") - 1) % 40 + 1);
    }
}

#[test]
fn shuffled_rows_are_all_dealt_before_one_comes_again() {
    let server = Server::start(|_| ok());
    Bench::new().threads(2).rows("rows.csv", 30).run(&server, &scenario("{rate: 100/s, hold: 300ms}", "order: shuffle"));
    let firsts: Vec<u64> =
        server.received().iter().filter(|request| request.target == "/first").map(|request| number(request, "x-row")).collect();
    assert_eq!(firsts.len(), 30);
    assert_eq!(firsts.iter().copied().collect::<BTreeSet<u64>>().len(), 30);
    assert!(!firsts.is_sorted());
}

#[test]
fn a_row_stays_the_same_in_all_steps_of_an_iteration() {
    let server = Server::start(|_| ok());
    Bench::new().rows("rows.csv", 100).run(&server, &scenario("{rate: 100/s, hold: 300ms}", "order: random"));
    let mut rows: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for request in server.received() {
        rows.entry(number(&request, "x-iteration")).or_default().insert(number(&request, "x-row"));
    }
    assert!(rows.len() == 30 && rows.values().all(|set| set.len() == 1));
    assert!(rows.values().flatten().collect::<BTreeSet<_>>().len() > 15);
}

#[test]
fn rows_that_run_out_make_the_load_unfit() {
    let unique = "order: unique, on_exhausted: stop";
    for (load, data) in [
        ("{rate: 200/s, hold: 200ms}", unique),
        ("{users: 2, hold: 300ms}\nthink: 5ms", "order: sequential, on_exhausted: stop"),
        ("{rate: 200/s, hold: 200ms}", "order: shuffle, on_exhausted: stop"),
    ] {
        let server = Server::start(|_| after(30, ok()));
        let run = Bench::new().rows("rows.csv", 3).run(&server, &scenario(load, data));
        assert!(has_problem(&run, "data_exhausted"), "{load} {data}: {:?}", run.generator);
        let used: BTreeSet<u64> = server.received().iter().map(|request| number(request, "x-row")).collect();
        assert!(used.len() <= 3);
    }
}
