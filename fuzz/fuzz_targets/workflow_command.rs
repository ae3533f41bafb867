//! Any text in a remark: one command a line, of the kind that was meant, for the runners of GitHub and of Azure; and a log
//! line that holds any text is none.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use perfgate::publish::{Level, Remark, azure, github_annotations};
use perfgate::report::harmless_lines;

fuzz_target!(|text: &str| {
    let remark = Remark { level: Level::Error, file: text.to_owned(), line: 3, title: text.to_owned(), message: text.to_owned() };
    let remarks = [remark];
    let [command] = &github_annotations::commands(&remarks)[..] else { panic!("more than one command") };
    assert!(command.starts_with("::error file=") && !command.contains(['\n', '\r']));
    let properties = command["::error ".len()..].split("::").next().unwrap();
    assert_eq!(properties.matches(',').count(), 2, "{properties}");
    for command in azure::commands(&remarks, Path::new("/summary.md")) {
        assert!(command.starts_with("##vso[task.") && !command.contains(['\n', '\r']));
    }
    let log = harmless_lines(text);
    assert!(!log.chars().any(|c| c.is_control() && c != '\n'));
    assert!(!log.lines().any(|line| line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[")));
});
