//! Answers, right and wrong, and what a reader should make of them.

use perfgate::scenario::Method::{self, Get, Head};

/// An answer, as the bytes of a stream that stays open.
pub struct Case {
    pub method: Method,
    pub bytes: &'static str,
    /// What we make of it.
    pub ours: &'static str,
}

const fn case(method: Method, bytes: &'static str, ours: &'static str) -> Case {
    Case { method, bytes, ours }
}

const HELLO: &str = r#"200 kept "hello""#;
const HELLO_CLOSED: &str = r#"200 not kept "hello""#;
const EMPTY: &str = r#"200 kept """#;
const WAITS: &str = "waits";
const REFUSED: &str = "refused";

/// Both readers take these alike.
pub const SAME: &[Case] = &[
    // Bodies with a length.
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", HELLO),
    case(Get, "HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello", HELLO),
    case(Get, "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", EMPTY),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 005\r\n\r\nhello", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", WAITS),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 0x5\r\n\r\nhello", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n", REFUSED),
    // Chunked bodies.
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n5\r\nhello\r\n0\r\n\r\n", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0005;a=b;c=\"d e\"\r\nhello\r\n0;e\r\n\r\n", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 \t;a\r\nhello\r\n0 \r\n\r\n", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n", HELLO),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", EMPTY),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", WAITS),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", WAITS),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n", WAITS),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n;a=b\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 5\r\nhello\r\n0\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhelXX", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", REFUSED),
    // Bodies that end with the connection; open, they go on.
    case(Get, "HTTP/1.1 200 OK\r\n\r\nhello", WAITS),
    case(Get, "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n", WAITS),
    // Answers without a body, whatever they announce.
    case(Head, "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", EMPTY),
    case(Head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", EMPTY),
    case(Head, "HTTP/1.1 200 OK\r\n\r\n", EMPTY),
    case(Get, "HTTP/1.1 204 No Content\r\n\r\n", r#"204 kept """#),
    case(Get, "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n", r#"204 kept """#),
    case(Get, "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", r#"304 kept """#),
    case(Get, "HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n", r#"304 kept """#),
    // What comes before the answer.
    case(Get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", HELLO),
    case(
        Get,
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        HELLO,
    ),
    case(Get, "HTTP/1.1 100 Continue\r\n\r\n", WAITS),
    // Whether the connection stays.
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello", HELLO_CLOSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: x, Close\r\n\r\nhello", HELLO_CLOSED),
    case(Get, "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", HELLO_CLOSED),
    case(Get, "HTTP/1.0 200 OK\r\ncontent-length: 5\r\nConnection: Keep-Alive\r\n\r\nhello", HELLO),
    // What nobody asked for behind an answer.
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello, world", HELLO_CLOSED),
    case(Get, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", r#"204 not kept """#),
    case(Head, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", r#"200 not kept """#),
    // Heads.
    case(Get, "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", HELLO),
    case(Get, "HTTP/1.1 999 What\r\ncontent-length: 5\r\n\r\nhello", r#"999 kept "hello""#),
    case(Get, "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 5\r\n\r\nhello", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\nhello", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\n: empty\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 200 OK\r\nx: a\u{0}b\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 20", WAITS),
    case(Get, "HTTP/1.1 20x OK\r\n\r\n", REFUSED),
    case(Get, "HTTP/1.1 099 What\r\n\r\n", REFUSED),
    case(Get, "HTTP/2 200 OK\r\n\r\n", REFUSED),
    case(Get, "SSH-2.0-OpenSSH_9.6\r\n", REFUSED),
    case(Get, "", WAITS),
];

/// Here hyper reads another thing, and why ours is meant.
pub const DIFFERENT: &[(Case, &str, &str)] = &[
    (
        case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", REFUSED),
        HELLO,
        "two readers that believe one header each see two different streams: RFC 9112, 6.3 allows to refuse it",
    ),
    (
        case(Get, "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", REFUSED),
        r#"304 kept """#,
        "the same, of an answer without a body",
    ),
    (
        case(Get, "HTTP/1.1 204 No Content\r\ncontent-length: x\r\n\r\n", REFUSED),
        r#"204 kept """#,
        "a length that is none shows a broken server, even where it does not count",
    ),
    (
        case(Get, "HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello", REFUSED),
        HELLO,
        "a list is no length; RFC 9110, 8.6 allows to refuse it",
    ),
    (
        case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", REFUSED),
        HELLO,
        "nobody asked for another encoding, and the body is not what it stands for",
    ),
    (
        case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", REFUSED),
        HELLO,
        "chunked may be applied once: RFC 9112, 6.1",
    ),
    (
        case(Get, "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\n\r\nhello", REFUSED),
        WAITS,
        "nobody asked for another encoding; read until the connection ends, a truncated body would be whole",
    ),
    (
        case(Get, "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", REFUSED),
        r#"101 not kept """#,
        "nobody asked for another protocol",
    ),
];

/// Answers as large as may be and larger: name, bytes, what we make of it, and hyper.
pub fn large() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    let with = |head: &str| format!("HTTP/1.1 200 OK\r\n{head}content-length: 5\r\n\r\nhello").into_bytes();
    let header = |length: usize| format!("long: {}\r\n", "x".repeat(length - 8));
    let chunked = |rest: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}").into_bytes();
    let others = with("").len() - 5;
    vec![
        ("a head of 64 KB", with(&header(65_536 - others)), HELLO, HELLO),
        ("a head of a byte more", with(&header(65_537 - others)), REFUSED, HELLO),
        ("100 headers", with(&"x-many: 1\r\n".repeat(99)), HELLO, HELLO),
        ("128 headers", with(&"x-many: 1\r\n".repeat(127)), HELLO, REFUSED),
        ("129 headers", with(&"x-many: 1\r\n".repeat(128)), REFUSED, REFUSED),
        ("5,000 headers", with(&"x-many: 1\r\n".repeat(5000)), REFUSED, REFUSED),
        ("a chunk line of 4 KB", chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(4092))), HELLO, HELLO),
        ("a chunk line of a byte more", chunked(&format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(4093))), REFUSED, HELLO),
        ("trailers of 64 KB", chunked(&format!("5\r\nhello\r\n0\r\n{}\r\n", header(65_534))), HELLO, REFUSED),
        ("trailers of a byte more", chunked(&format!("5\r\nhello\r\n0\r\n{}\r\n", header(65_535))), REFUSED, REFUSED),
    ]
}
