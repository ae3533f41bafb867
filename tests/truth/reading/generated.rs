//! Answers that a generator makes up: mostly right, with what goes wrong in them.

use perfgate::load::StreamEnd;
use perfgate::scenario::Method;
use proptest::prelude::*;

use super::{hypers, ours};

const STATUS_LINES: [&str; 7] = [
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 204 No Content\r\n",
    "HTTP/1.1 304\r\n",
    "HTTP/1.1 503 Busy\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
    "HTTP/1.1 101 Switching\r\n",
];
const HEADERS: [&str; 14] = [
    "content-length: 5\r\n",
    "Content-Length: 5\r\n",
    "content-length: 6\r\n",
    "content-length: 5, 5\r\n",
    "content-length: 05\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "transfer-encoding: identity\r\n",
    "connection: close\r\n",
    "connection: keep-alive\r\n",
    "x: y\r\n",
    "x: y\r\n z\r\n",
    "set-cookie: a=b\n",
    "transfer-encoding : chunked\r\n",
];
const BODIES: [&str; 10] = [
    "hello",
    "5\r\nhello\r\n0\r\n\r\n",
    "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nx: y\r\n\r\n",
    "5\r\nhello\r\n\r\n",
    "00\r\n\r\n",
    "5\nhello\n0\n\n",
    "5\r\nhelloworld\r\n0\r\n\r\n",
    "",
    "hellohello",
    "F\r\nhello",
];

/// Some bytes put in place of others.
#[derive(Debug, Clone)]
struct Damage {
    at: prop::sample::Index,
    length: usize,
    instead: Vec<u8>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::sample::select(b"\r\n \t:;,0159afxX-+\x00\xff".to_vec());
    (any::<prop::sample::Index>(), 0_usize..3, prop::collection::vec(bytes, 0..3)).prop_map(|(at, length, instead)| Damage {
        at,
        length,
        instead,
    })
}

/// Readable where a property fails.
#[derive(Clone)]
struct Bytes(Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

fn answer() -> impl Strategy<Value = Bytes> {
    let headers = prop::collection::vec(prop::sample::select(&HEADERS[..]), 0..4);
    let parts = (prop::sample::select(&STATUS_LINES[..]), headers, prop::sample::select(&BODIES[..]));
    (parts, prop::collection::vec(damage(), 0..3)).prop_map(|((status, headers, body), damages)| {
        let mut bytes = format!("{status}{}\r\n{body}", headers.concat()).into_bytes();
        for Damage { at, length, instead } in damages {
            let from = at.index(bytes.len() + 1);
            bytes.splice(from..(from + length).min(bytes.len()), instead);
        }
        Bytes(bytes)
    })
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::Get, Method::Head, Method::Post])
}

fn end() -> impl Strategy<Value = StreamEnd> {
    prop::sample::select(vec![StreamEnd::Closes, StreamEnd::StaysOpen])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_an_answer_to_us_is_the_same_answer_to_hyper(bytes in answer(), method in method(), end in end()) {
        let ours = ours(method, &[&bytes.0], end);
        if ours != "refused" {
            prop_assert_eq!(ours, hypers::reading(method, &[&bytes.0], end));
        }
    }

    #[test]
    fn an_answer_is_read_the_same_however_it_is_cut(bytes in answer(), method in method(), end in end(), size in 1_usize..40) {
        let parts: Vec<&[u8]> = bytes.0.chunks(size).collect();
        prop_assert_eq!(ours(method, &parts, end), ours(method, &[&bytes.0], end));
    }

    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400).prop_map(Bytes), method in method()) {
        let told = ours(method, &[&bytes.0], StreamEnd::Closes);
        prop_assert_ne!(told, "waits");
    }
}
