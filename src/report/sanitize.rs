//! What others wrote (labels, branches, server texts) made harmless for each sink, and still readable as text.

/// Lines for a terminal or a log, each made harmless: the line ends stay.
#[must_use]
pub fn harmless_lines(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// One line for a terminal or a log: no control bytes, no invisible or direction-changing characters.
pub(super) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_space = false;
    for character in text.chars() {
        let space = matches!(character, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}');
        if space && !after_space {
            out.push(' ');
        } else if !space && !is_invisible(character) {
            out.push(character);
        }
        after_space = space;
    }
    without_commands(out)
}

/// What a CI would take for a command, wherever it stands in a log, is broken up.
fn without_commands(text: String) -> String {
    let text = if text.contains("##") { text.replace("##vso[", "# #vso[").replace("##[", "# #[") } else { text };
    if text.trim_start().starts_with("::") { text.replacen("::", ": :", 1) } else { text }
}

/// As [`line`], for XML: nor anything that XML 1.0 does not allow.
pub(super) fn xml(text: &str) -> String {
    line(text).replace(['\u{fffe}', '\u{ffff}'], "")
}

/// As [`line`], for a cell of a CSV file: what a spreadsheet would take for a formula starts with `'`.
pub(super) fn csv(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = line(text);
    if formula || text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

/// As [`line`], cut to `max` characters.
pub(super) fn clipped_line(text: &str, max: usize) -> String {
    let text = line(text);
    if text.chars().count() <= max {
        return text;
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// Prose for Markdown, at most `max` bytes: no markup, mention, reference, link or emoji comes of it, in a table or out of one.
pub(super) fn markdown(text: &str, max: usize) -> String {
    let characters: Vec<char> = line(text).chars().collect();
    joined_within(max, characters.iter().enumerate().map(|(at, _)| escaped(&characters, at)))
}

/// A label for Markdown as a code span, at most about `max` bytes; fit for a table cell.
pub(super) fn markdown_code(text: &str, max: usize) -> String {
    let text = line(text);
    if text.contains('|') || text.trim().is_empty() {
        return html_code(&text, max);
    }
    let text = joined_within(max, text.chars().map(String::from));
    let fence = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A fenced block for Markdown, its lines at most `max` bytes together.
pub(super) fn markdown_block(language: &str, lines: &[String], max: usize) -> String {
    let lines: Vec<String> = lines.iter().map(|text| line(text)).collect();
    let text = joined_within(max, lines.join("\n").chars().map(String::from));
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}\n")
}

/// A code span that may hold `|`: a backslash before it could not be written inside backticks without splitting the cell.
fn html_code(text: &str, max: usize) -> String {
    let harmless = |character: char| match character {
        '@' => "&#64;&#8203;".into(),
        // Unlike in a span of backticks, an address would become a link here.
        ':' => "&#58;&#8203;".into(),
        _ if character.is_ascii_punctuation() && character != '/' => entity(character),
        _ => character.to_string(),
    };
    format!("<code>{}</code>", joined_within(max, text.chars().map(harmless)))
}

/// The character at `at` so that Markdown and GitHub's own filters leave it alone. `&#8203;` is a zero-width space.
fn escaped(characters: &[char], at: usize) -> String {
    let before = |steps: usize| at.checked_sub(steps).map(|at| characters[at]);
    let next = characters.get(at + 1).copied();
    let binds = next.is_some_and(|next| !next.is_whitespace());
    let follows =
        |word: &str| word.chars().rev().enumerate().all(|(back, letter)| before(back + 1).is_some_and(|c| c.eq_ignore_ascii_case(&letter)));
    match characters[at] {
        '_' if before(1).is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric) => "_".into(),
        '@' if binds => "@&#8203;".into(),
        ':' if binds => ":&#8203;".into(),
        '.' if follows("www") => ".&#8203;".into(),
        '-' if follows("gh") => "-&#8203;".into(),
        '#' if binds => "&#35;&#8203;".into(),
        character if "\\`*_{}[]<>|~$&#!\"".contains(character) => entity(character),
        character => character.to_string(),
    }
}

fn entity(character: char) -> String {
    format!("&#{};", u32::from(character))
}

/// The pieces as far as they fit into `max` bytes, then `…`.
fn joined_within(max: usize, pieces: impl Iterator<Item = String>) -> String {
    let mut out = String::new();
    for piece in pieces {
        if out.len() + piece.len() > max {
            out.push('…');
            break;
        }
        out.push_str(&piece);
    }
    out
}

fn longest_run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// Control characters, direction changes, and what takes no room: a reader would not see what it does.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_and_direction_changes_do_not_reach_a_terminal() {
        assert_eq!(line("GET \u{1b}[31m/a\u{7}\u{202e}b\u{200b}\r\n\tc\u{9b}2J"), "GET [31m/ab c2J");
    }

    #[test]
    fn a_formula_is_text_in_a_spreadsheet() {
        for (text, cell) in [("=1+1", "'=1+1"), ("@x", "'@x"), ("\t=x", "' =x"), ("\u{200b}-1", "'-1"), ("/a", "/a")] {
            assert_eq!(csv(text), cell);
        }
    }

    #[test]
    fn markdown_prose_is_shown_as_text() {
        for (text, escaped) in [
            ("p95 142 ms, was 121 ms (+18 %)", "p95 142 ms, was 121 ms (+18 %)"),
            ("@octocat #12 GH-7", "@&#8203;octocat &#35;&#8203;12 GH-&#8203;7"),
            ("https://evil.example www.evil.example", "https:&#8203;//evil.example www.&#8203;evil.example"),
            (
                "<!-- x --> a|b `c` **d** not_sent _e_",
                "&#60;&#33;-- x --&#62; a&#124;b &#96;c&#96; &#42;&#42;d&#42;&#42; not_sent &#95;e&#95;",
            ),
            ("[a](b) \\ $x$ &amp;", "&#91;a&#93;(b) &#92; &#36;x&#36; &#38;amp;"),
        ] {
            assert_eq!(markdown(text, 1000), escaped);
        }
    }

    #[test]
    fn a_code_span_outruns_the_backticks_in_it() {
        assert_eq!(markdown_code("GET /a", 100), "`GET /a`");
        assert_eq!(markdown_code("a``b`", 100), "``` a``b` ```");
        assert_eq!(markdown_code("a\\|@b<", 100), "<code>a&#92;&#124;&#64;&#8203;b&#60;</code>");
        assert_eq!(markdown_code("abcdef", 3), "`abc…`");
        assert_eq!(markdown_block("sh", &["echo ```".into()], 100), "````sh\necho ```\n````\n");
    }

    proptest! {
        #[test]
        fn no_line_holds_a_control_byte(text in any::<String>()) {
            prop_assert!(!line(&text).chars().any(char::is_control));
        }

        #[test]
        fn prose_never_holds_a_live_character(text in any::<String>(), max in 0_usize..300) {
            let escaped = markdown(&text, max);
            prop_assert!(escaped.len() <= max + '…'.len_utf8());
            let without_entities = regex::Regex::new("&#[0-9]+;").unwrap().replace_all(&escaped, "").into_owned();
            prop_assert!(!without_entities.contains(['|', '<', '>', '`', '*', '[', ']', '\\', '&', '#', '$', '~']));
        }
    }
}
