//! Any bytes as an answer of GitHub's API: refused, or a thing whose questions have an answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use perfgate::github::{Artifact, Comment, Pull, Repository, WorkflowRun};

fuzz_target!(|bytes: &[u8]| {
    for comment in serde_json::from_slice::<Vec<Comment>>(bytes).into_iter().flatten() {
        let _ = comment.author();
    }
    let _ = serde_json::from_slice::<Vec<Artifact>>(bytes);
    let _ = serde_json::from_slice::<Vec<Pull>>(bytes);
    if let Ok(run) = serde_json::from_slice::<WorkflowRun>(bytes) {
        let _ = run.is_of_this_repository();
    }
    if let Ok(repository) = Repository::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(repository.to_string().matches('/').count(), 1);
    }
});
