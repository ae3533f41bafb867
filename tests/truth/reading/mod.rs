//! Our reader of HTTP/1.1 answers held against hyper's: the same bytes, cut everywhere. Where the two differ, the table says
//! so and why; what a generator makes up must never be an answer to us and another answer, or none, to hyper.

mod generated;
mod hypers;
mod table;

use perfgate::load::{Reading, StreamEnd, read_answer};
use perfgate::scenario::Method;

use self::table::{Case, DIFFERENT, SAME, large};

const BODY_CAP: u64 = 1024 * 1024;

/// In a word, so that two readers can be compared: `200 kept "body"`, `waits`, `ends early`, `refused`.
fn ours(method: Method, parts: &[&[u8]], end: StreamEnd) -> String {
    match read_answer(method, parts, end, BODY_CAP) {
        Reading::Answer { status, body, reusable } => told(status, reusable && end == StreamEnd::StaysOpen, &body),
        Reading::Waits => "waits".into(),
        Reading::Closed { .. } => "ends early".into(),
        Reading::Refused(_) | Reading::TooLarge => "refused".into(),
    }
}

fn told(status: u16, kept: bool, body: &[u8]) -> String {
    format!("{status} {} {:?}", if kept { "kept" } else { "not kept" }, String::from_utf8_lossy(body))
}

/// Whole, byte by byte, and in two at every place.
fn cuts(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let in_two = (1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]);
    [vec![bytes], bytes.chunks(1).collect()].into_iter().chain(in_two).collect()
}

/// What a reader makes of a case, which must not depend on how the bytes are cut.
fn wherever_cut(case: &Case, end: StreamEnd, read: impl Fn(Method, &[&[u8]], StreamEnd) -> String) -> String {
    let Case { method, bytes, .. } = case;
    let whole = read(*method, &[bytes.as_bytes()], end);
    for parts in cuts(bytes.as_bytes()) {
        assert_eq!(read(*method, &parts, end), whole, "{bytes:?} in parts {:?}", parts.iter().map(|part| part.len()).collect::<Vec<_>>());
    }
    whole
}

#[test]
fn an_answer_is_read_as_hyper_reads_it_wherever_it_is_cut() {
    for case in SAME {
        for end in [StreamEnd::StaysOpen, StreamEnd::Closes] {
            let (ours, hypers) = (wherever_cut(case, end, ours), wherever_cut(case, end, hypers::reading));
            assert_eq!(ours, hypers, "{:?} {end:?}", case.bytes);
            if end == StreamEnd::StaysOpen {
                assert_eq!(ours, case.ours, "{:?}", case.bytes);
            }
        }
    }
}

#[test]
fn where_it_is_read_otherwise_the_table_says_why() {
    for (case, hypers, why) in DIFFERENT {
        assert_eq!(wherever_cut(case, StreamEnd::StaysOpen, ours), case.ours, "{:?}: {why}", case.bytes);
        assert_eq!(hypers::reading(case.method, &[case.bytes.as_bytes()], StreamEnd::StaysOpen), *hypers, "{:?}: {why}", case.bytes);
        assert_ne!(case.ours, *hypers, "{:?} is no difference any more", case.bytes);
    }
}

#[test]
fn limits_do_not_depend_on_how_the_bytes_come() {
    for (name, bytes, expected, hypers) in large() {
        for size in [bytes.len(), 1, 1000, 4096, 65_536] {
            let parts: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(ours(Method::Get, &parts, StreamEnd::StaysOpen), expected, "{name} in parts of {size}");
        }
        assert_eq!(hypers::reading(Method::Get, &[&bytes], StreamEnd::StaysOpen), hypers, "{name}");
    }
}
