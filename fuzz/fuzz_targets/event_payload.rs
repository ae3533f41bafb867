//! Any bytes as the event of a job: nobody's, or one whose pull request is from a fork where its repositories differ.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perfgate::ci::{Event, detect};

fuzz_target!(|bytes: &[u8]| {
    let event = Event::read(bytes);
    let from_pull = event.as_ref().and_then(|event| event.pull_request.as_ref()).map(|pull| pull.number);
    let job = detect(&|name| (name == "GITHUB_ACTIONS").then(|| "true".to_owned()), event.as_ref()).unwrap();
    assert_eq!(job.pull, from_pull, "a number that the event does not have");
    if let Some(event) = &event {
        let _ = (event.is_from_fork(), event.default_branch());
        assert!(event.pull_request.as_ref().is_none_or(|pull| event.is_from_fork() || !pull.is_from_fork()));
    }
});
