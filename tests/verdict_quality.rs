//! The gate's decisions on simulated runs: a few hundred gates must keep what thousands show in the bench's tables.

#[expect(dead_code, reason = "the tables are the bench's own")]
#[path = "../benches/verdict_quality/main.rs"]
mod bench;

#[test]
fn gates_are_wrong_as_rarely_as_promised() {
    let (table, all_kept) = bench::quick::check();
    assert!(all_kept, "{table}");
}
