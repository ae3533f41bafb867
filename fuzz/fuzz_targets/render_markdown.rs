//! Any text in the place of every name in a comment: no image, link or markup but ours comes of it, and the tables hold.

#![no_main]

mod sample;

use libfuzzer_sys::fuzz_target;
use perfgate::report::{COMMENT_BYTES, Subject, summary_of_all};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

const OURS: [&str; 5] = ["<details><summary>", "</details>", "<!-- perfgate-", "<code>", "</code>"];

fuzz_target!(|text: &str| {
    let (verdict, run) = (sample::verdict(text), sample::run(text));
    let comment = summary_of_all(&[Subject { verdict: &verdict, run: &run, reproduce: text }]);
    assert!(comment.len() <= COMMENT_BYTES);
    let (mut columns, mut cells) = (0, 0);
    for event in Parser::new_ext(&comment, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => panic!("leads to {dest_url}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let html = html.trim();
                assert!(html.is_empty() || OURS.iter().any(|own| html.starts_with(own)), "{html}");
            }
            Event::Start(Tag::Table(alignments)) => columns = alignments.len(),
            Event::Start(Tag::TableRow | Tag::TableHead) => cells = 0,
            Event::Start(Tag::TableCell) => cells += 1,
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => assert_eq!(cells, columns),
            _ => {}
        }
    }
});
