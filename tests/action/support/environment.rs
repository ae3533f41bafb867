//! The files by which a step speaks to the runner.

use serde_json::{Map, Value, json};

/// What stands in an environment file: `name=value` lines, and `name<<END` blocks.
pub fn pairs(text: &str) -> Map<String, Value> {
    let mut pairs = Map::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let heredoc = line.split_once("<<").filter(|(name, _)| !name.contains('='));
        if let Some((name, end)) = heredoc {
            let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            pairs.insert(name.to_owned(), json!(value.join("\n")));
        } else {
            let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("not of the form name=value: {line}"));
            pairs.insert(name.to_owned(), json!(value));
        }
    }
    pairs
}
