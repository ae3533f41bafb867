//! How one comment is found again and known for its age: two hidden lines at its very beginning. Where comments live is
//! not known here.

use std::fmt;

/// Longest key.
const KEY_CHARACTERS: usize = 100;

/// What tells the comments of several gates on one pull request apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Which of two runs is the later one: by the run's number, then by its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Order {
    pub run: u64,
    pub attempt: u64,
}

impl Key {
    /// A key of any words; what could end a hidden line is not taken over.
    #[must_use]
    pub fn of(words: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._/ ".contains(c) { c } else { '_' };
        let key: String = words.trim().chars().map(plain).take(KEY_CHARACTERS).collect();
        Self(if key.is_empty() { "perfgate".to_owned() } else { key })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn marker(&self) -> String {
        format!("<!-- perfgate-gate:{self} -->")
    }

    /// The text with its hidden lines, and without blanks at its end, which some servers take away.
    #[must_use]
    pub fn mark(&self, order: Order, text: &str) -> String {
        format!("{}\n<!-- perfgate-run:{}.{} -->\n{}", self.marker(), order.run, order.attempt, text.trim_end())
    }

    /// Whether a body is one of ours: only where the marker is its very beginning, since quoted text may hold one too.
    #[must_use]
    pub fn marks(&self, body: &str) -> bool {
        body.strip_prefix(&self.marker()).is_some_and(|rest| rest.starts_with(['\n', '\r']))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Order {
    /// The run that wrote a marked body; the earliest where it does not say.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let line = body.lines().nth(1).unwrap_or_default();
        let number = line.strip_prefix("<!-- perfgate-run:").and_then(|rest| rest.strip_suffix(" -->"));
        let parsed =
            number.and_then(|text| text.split_once('.')).and_then(|(run, attempt)| Some((run.parse().ok()?, attempt.parse().ok()?)));
        parsed.map_or(Self { run: 0, attempt: 0 }, |(run, attempt)| Self { run, attempt })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_marked_text_is_known_again_with_its_run() {
        let key = Key::of("Release candidate/gate");
        let body = key.mark(Order { run: 17, attempt: 2 }, "### perfgate: passed");
        assert!(body.starts_with("<!-- perfgate-gate:Release candidate/gate -->\n<!-- perfgate-run:17.2 -->\n###"));
        assert!(key.marks(&body) && key.marks(&body.replace('\n', "\r\n")));
        assert_eq!(Order::of(&body), Order { run: 17, attempt: 2 });
        assert!(!key.marks(&format!("> {body}")) && !Key::of("Release candidate").marks(&body));
    }

    #[test]
    fn later_runs_win_and_a_repeated_old_run_is_not_later() {
        assert!(Order { run: 18, attempt: 1 } > Order { run: 17, attempt: 3 });
        assert!(Order { run: 17, attempt: 2 } > Order { run: 17, attempt: 1 });
        assert_eq!(Order::of("<!-- perfgate-gate:x -->\nno number"), Order { run: 0, attempt: 0 });
    }

    proptest! {
        #[test]
        fn no_words_break_out_of_the_hidden_line(words in any::<String>()) {
            let key = Key::of(&words);
            let first = key.mark(Order { run: 1, attempt: 1 }, "x");
            let first = first.lines().next().unwrap();
            prop_assert!(first.ends_with(" -->") && first.matches("--").count() == 2 && first.matches('>').count() == 1, "{}", first);
        }
    }
}
