//! The comment on a pull request, for a picture of it: the program's own Markdown, read by the rules of GitHub's flavour
//! and laid out like GitHub does. Not GitHub's page: its fonts and its frame are its own.

use std::fmt::Write as _;

use pulldown_cmark::{Alignment, CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

const STYLE: &str = "body{margin:0;padding:16px;background:#fff;color:#1f2328;font:14px/1.5 -apple-system,'Segoe UI','DejaVu Sans',sans-serif}
.comment{width:900px;border:1px solid #d1d9e0;border-radius:6px}
.who{background:#f6f8fa;border-bottom:1px solid #d1d9e0;border-radius:6px 6px 0 0;padding:8px 16px;color:#59636e}
.who b{color:#1f2328}.body{padding:16px;overflow-wrap:anywhere}h3{font-size:1.25em;margin:0 0 16px}p,ul,table,details{margin:0 0 16px}
ul{padding-left:2em}li+li{margin-top:.25em}table{border-collapse:collapse}th,td{border:1px solid #d1d9e0;padding:6px 13px;text-align:left;white-space:nowrap}
.comment td,.comment code{overflow-wrap:normal}blockquote{margin:0 0 16px;padding:0 1em;border-left:.25em solid #d1d9e0;color:#59636e}blockquote p{margin:0}.bad{color:#cf222e}.good{color:#1a7f37}
tr:nth-child(2n){background:#f6f8fa}.r{text-align:right}code{background:#818b981f;border-radius:6px;padding:.2em .4em;font:85% 'DejaVu Sans Mono',monospace}
pre{background:#f6f8fa;border-radius:6px;padding:16px}pre code{background:none;padding:0}details:last-child{margin:0}";

/// A page that shows the comment.
pub fn page(markdown: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>comment</title><style>{STYLE}</style><body><div class=\"comment\">\
         <div class=\"who\"><b>github-actions</b> bot commented</div><div class=\"body\">{}</div></div>",
        html(markdown)
    )
}

fn html(markdown: &str) -> String {
    let (mut html, mut alignments, mut column, mut is_head) = (String::new(), Vec::new(), 0, false);
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM) {
        match event {
            Event::Start(Tag::Table(of)) => {
                alignments = of;
                html.push_str("<table>");
            }
            Event::Start(Tag::TableHead | Tag::TableRow) => {
                (column, is_head) = (0, matches!(event, Event::Start(Tag::TableHead)));
                html.push_str("<tr>");
            }
            Event::Start(Tag::TableCell) => {
                let right = alignments.get(column) == Some(&Alignment::Right);
                let _ = write!(html, "<{}{}>", cell(is_head), if right { " class=\"r\"" } else { "" });
                column += 1;
            }
            Event::End(TagEnd::TableCell) => {
                let _ = write!(html, "</{}>", cell(is_head));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented)) => html.push_str("<pre><code>"),
            Event::End(TagEnd::CodeBlock) => html.push_str("</code></pre>"),
            Event::Start(tag) => html.push_str(&name(tag.to_end()).map(|name| format!("<{name}>")).unwrap_or_default()),
            Event::End(end) => html.push_str(&name(end).map(|name| format!("</{name}>")).unwrap_or_default()),
            Event::Code(text) => {
                let _ = write!(html, "<code>{}</code>", escaped(&text));
            }
            Event::Text(text) => html.push_str(&signs(&escaped(&text))),
            Event::Html(own) | Event::InlineHtml(own) => html.push_str(&own),
            // In a comment, unlike in a file, a line end is a line end.
            Event::SoftBreak | Event::HardBreak => html.push_str("<br>"),
            _ => {}
        }
    }
    html
}

const fn cell(is_head: bool) -> &'static str {
    if is_head { "th" } else { "td" }
}

const fn name(end: TagEnd) -> Option<&'static str> {
    Some(match end {
        TagEnd::Paragraph => "p",
        TagEnd::Heading(_) => "h3",
        TagEnd::List(_) => "ul",
        TagEnd::BlockQuote(_) => "blockquote",
        TagEnd::Item => "li",
        TagEnd::Table => "table",
        TagEnd::TableHead | TagEnd::TableRow => "tr",
        TagEnd::Strong => "b",
        TagEnd::Emphasis => "i",
        _ => return None,
    })
}

/// A machine without a font of emoji would show boxes.
fn signs(text: &str) -> String {
    text.replace('❌', "<b class=\"bad\">✖</b>").replace('✅', "<b class=\"good\">✔</b>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
