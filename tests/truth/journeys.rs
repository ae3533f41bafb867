//! The journeys of `examples/`, shortened, against the demo shop, whose own books are the judge.

use std::collections::BTreeMap;

use perfgate::demo::Books;
use perfgate::load::{Abort, CertificateCheck, preflight};
use perfgate::run::Run;

use super::bench::{Bench, in_time};
use super::counts::{counted, with_shop};

/// Drives an example with these replacements. Nothing may fail, and Run and books must agree on every answer.
fn journey(file: &str, changes: &[(&str, &str)]) -> (Run, Books) {
    let (run, books) = with_shop(|address| {
        let bench = Bench::new().threads(2);
        let scenario = bench.example(file, &format!("http://{address}"), changes);
        let endpoints = preflight(&scenario, CertificateCheck::Required, &Abort::default()).unwrap();
        bench.drive_to(endpoints, scenario).run
    });
    let causes: Vec<_> = run.endpoints.iter().flat_map(|endpoint| &endpoint.phases).flat_map(|series| &series.causes).collect();
    assert_eq!(run.generator.failed, 0, "{file}: {causes:?}");
    let mut counts = counted(&run);
    counts.insert("GET /health".into(), BTreeMap::from([(200, 1)]));
    assert_eq!(counts, books.answers, "{file}");
    (run, books)
}

/// Every user signed in as somebody else, once, and never lost its cart's cookie.
fn each_has_one_token_and_one_cart(books: &Books) {
    assert!(books.tokens_by_user.values().all(|count| *count == 1), "{:?}", books.tokens_by_user);
    assert!(books.carts_by_user.values().all(|count| *count == 1), "{:?}", books.carts_by_user);
    assert!(books.carts_by_user.keys().all(|user| books.tokens_by_user.contains_key(user)));
    assert_eq!(books.answered("POST /auth/token"), books.tokens_by_user.len() as u64);
}

/// How often each task was begun, all phases together.
fn starts(run: &Run) -> BTreeMap<&str, u64> {
    run.tasks.iter().map(|task| (task.name.as_str(), task.phases.iter().map(|share| share.starts).sum())).collect()
}

#[test]
fn log_in_browse_and_buy() {
    const USERS: u64 = 30;
    let short = [("users: 60, ramp: 5s, hold: 90s", "users: 30, ramp: 500ms, hold: 3s"), ("think: 1s..3s", "think: 20ms..60ms")];
    let (run, books) = journey("login-browse-buy.yaml", &short);
    each_has_one_token_and_one_cart(&books);
    assert_eq!((books.tokens_issued, books.carts_opened), (USERS, books.carts_by_user.len() as u64));
    assert!(books.orders_placed > 10 && books.orders_placed == books.answered("POST /api/checkout"), "{}", books.orders_placed);
    let starts = starts(&run);
    // Each user is exact to one start; three of four browse.
    let total = starts["browse"] + starts["buy"];
    assert!((4 * starts["browse"]).abs_diff(3 * total) <= 4 * USERS, "{starts:?}");
    for (task, first) in [("browse", "GET /api/products"), ("buy", "GET /api/search")] {
        let asked = books.answered(first);
        // Each user may have begun a last one when the time was over.
        assert!(asked <= starts[task] && starts[task] <= asked + USERS, "{task}: {asked} of {starts:?}");
    }
}

/// As [`journey`], where every start was sent: on a starved machine the last ones may come when the time is over.
fn journey_in_time(file: &str, changes: &[(&str, &str)]) -> (Run, Books) {
    let mut whole = None;
    in_time(|| match journey(file, changes) {
        (run, _) if run.generator.not_sent > 0 => Err(format!("{} requests were not sent", run.generator.not_sent)),
        driven => {
            whole = Some(driven);
            Ok(())
        }
    });
    whole.unwrap()
}

#[test]
fn search_with_dynamic_data() {
    let (run, books) = journey_in_time("search.yaml", &[("rate: 20/s, hold: 60s", "rate: 40/s, hold: 2s")]);
    assert_eq!((books.answered("GET /api/search"), starts(&run)["search"]), (80, 80));
    let shown = books.answered_with("GET /api/products/:id", 200);
    assert!((40..=80).contains(&shown), "every search finds something, and the last are cut short: {shown}");
}

#[test]
fn a_stateful_cart() {
    const USERS: u64 = 20;
    let short = [("users: 40, ramp: 5s, hold: 60s", "users: 20, hold: 2s"), ("think: 500ms..1500ms", "think: 20ms..60ms")];
    let (_, books) = journey("cart.yaml", &short);
    each_has_one_token_and_one_cart(&books);
    assert_eq!((books.tokens_issued, books.carts_opened), (USERS, USERS));
    let (added, paid) = (books.answered("POST /api/cart"), books.orders_placed);
    assert!(paid > USERS && (2 * paid..=2 * (paid + USERS)).contains(&added), "{added} added, {paid} paid");
}

#[test]
fn reading_and_writing_is_exact_to_one_request_by_task_and_kind() {
    let (run, books) = journey_in_time("read-write.yaml", &[("rate: 40/s, hold: 2m", "rate: 40/s, hold: 2500ms")]);
    each_has_one_token_and_one_cart(&books);
    let starts = starts(&run);
    let visitors = ["list", "search", "show"].map(|task| starts[task]).iter().sum::<u64>();
    assert_eq!((visitors, starts["look"] + starts["buy"]), (75, 25), "{starts:?}");
    for (task, endpoint, weight, all, of) in [
        ("list", "GET /api/products", 5, 9, 75),
        ("search", "GET /api/search", 3, 9, 75),
        ("show", "GET /api/products/:id", 1, 9, 75),
        ("look", "GET /api/cart", 3, 4, 25),
        ("buy", "POST /api/cart", 1, 4, 25),
    ] {
        assert!((starts[task] * all).abs_diff(weight * of) <= all, "{task}: {starts:?}");
        assert_eq!(books.answered(endpoint), starts[task], "{task}");
    }
}

#[test]
fn writing_can_be_left_out_by_its_tag() {
    let (_, books) = with_shop(|address| {
        let bench = Bench::new().tags(&["read"]);
        let scenario = bench.example("read-write.yaml", &format!("http://{address}"), &[("hold: 2m", "hold: 500ms")]);
        let endpoints = preflight(&scenario, CertificateCheck::Required, &Abort::default()).unwrap();
        bench.drive_to(endpoints, scenario).run
    });
    assert_eq!((books.orders_placed, books.answered("POST /api/cart")), (0, 0));
    assert!(books.answered("GET /api/products") > 0 && books.answered("GET /api/cart") > 0, "{books:?}");
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn each_profile_has_the_load_that_it_names() {
    const THINK: f64 = 0.4;
    let short = [
        ("for: 30s", "for: 1s"),
        ("for: 20s", "for: 500ms"),
        ("for: 2m", "for: 800ms"),
        ("for: 4m", "for: 1600ms"),
        ("for: 10m", "for: 1s"),
        ("think: 1s..3s", "think: 200ms..600ms"),
    ];
    in_time(|| {
        let (run, _) = journey("profiles.yaml", &short);
        let requests = |phase: usize| run.endpoints.iter().map(|endpoint| endpoint.phases[phase].requests).sum::<u64>();
        let users = [1.0, 5.0, 42.5, 80.0, 240.0, 80.0, 50.0, 40.0];
        assert_eq!(run.phases.len(), users.len());
        for (index, (phase, users)) in run.phases.iter().zip(users).enumerate() {
            let expected = users * phase.length.as_secs_f64() / THINK;
            let asked = requests(index) as f64;
            // Who is new asks at once; on a busy machine answers take longer than here was thought.
            if !(expected * 0.4 - 1.0..=expected + users + 1.0).contains(&asked) {
                return Err(format!("{}: {asked} requests where {expected} were expected", phase.name));
            }
        }
        Ok(())
    });
}
