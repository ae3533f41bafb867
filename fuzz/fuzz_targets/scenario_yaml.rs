//! Any text as a scenario file: read or refused with a message, never a panic; and what is refused shows no secret.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perfgate::document::Document;
use perfgate::scenario::{Overrides, Permissions, Scenario, Surroundings, check_scenario};

const CANARY: &str = "c4nary-s3cr3t";

fuzz_target!(|text: &str| {
    let environment = |_: &str| Some(CANARY.to_owned());
    let surroundings = Surroundings { folder: Path::new("."), environment: &environment };
    match Scenario::from_document(&Document::from_text("s.yaml", text), &surroundings, &Overrides::default()) {
        Ok(scenario) => {
            assert!(scenario.endpoints.len() <= 1000 && scenario.hash.starts_with("sha256:"));
            let _ = check_scenario(&scenario, None, &Permissions::default());
        }
        Err(error) => assert!(text.contains(CANARY) || !error.to_string().contains(CANARY)),
    }
});
