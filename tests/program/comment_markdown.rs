//! Comments as GitHub reads them: tables hold, and nothing in them is alive but what we wrote.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The only HTML that comments of ours hold.
const OURS: [&str; 4] = ["<details><summary>", "</details>", "<!-- perfgate-", "<code>"];

/// That a comment holds no image, no link and no HTML but ours, and that every row of a table has its columns.
#[track_caller]
pub fn is_harmless(comment: &str) {
    assert!(comment.chars().count() < 65_536);
    let (mut columns, mut cells, mut in_code) = (0, 0, false);
    let (mut text, live) = (String::new(), regex::Regex::new(r"@\w|(^|\W)#\d|GH-\d|://|www\.").unwrap());
    for event in Parser::new_ext(comment, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => panic!("leads to {dest_url}\n{comment}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let html = html.trim();
                assert!(html.is_empty() || html == "</code>" || OURS.iter().any(|own| html.starts_with(own)), "{html}\n{comment}");
            }
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(piece) if !in_code => text.push_str(&piece),
            Event::Start(Tag::Table(alignments)) => columns = alignments.len(),
            Event::Start(Tag::TableRow | Tag::TableHead) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => assert_eq!(cells, columns, "{comment}"),
            _ => text.push(' '),
        }
    }
    let found = live.find(&text).map(|found| &text[found.start().saturating_sub(40)..]);
    assert!(found.is_none(), "{:.200}", found.unwrap_or_default());
}
