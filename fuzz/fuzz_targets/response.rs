//! Any bytes as the answer to a request: never a panic, never an endless loop, and never another answer because the bytes
//! come in other pieces. The first byte says which method was asked and how large the pieces are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perfgate::load::{Reading, StreamEnd, read_answer};
use perfgate::scenario::Method;

const BODY_CAP: u64 = 64 * 1024;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let method = if choice & 1 == 0 { Method::Get } else { Method::Head };
    let parts: Vec<&[u8]> = bytes.chunks(usize::from(choice >> 2) + 1).collect();
    for end in [StreamEnd::Closes, StreamEnd::StaysOpen] {
        let whole = read_answer(method, &[bytes], end, BODY_CAP);
        assert_eq!(read_answer(method, &parts, end, BODY_CAP), whole);
        assert!(whole != Reading::Waits || end == StreamEnd::StaysOpen);
        if let Reading::Answer { status, body, .. } = whole {
            assert!((200..1000).contains(&status) && body.len() <= bytes.len());
        }
    }
});
