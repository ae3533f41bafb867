//! Names and branches that try to be something else: a mention, a table, a script, a formula, a command, a metric, a file.
//! One check is made of them, and what it wrote is read by the parsers of those who read it.

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, EndTag, StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use quick_xml::events::Event;

use crate::comment_markdown::is_harmless;
use crate::support::{Ended, Reply, Server, Workspace};

/// In a name, each for a reader of its own.
const NAMES: [&str; 22] = [
    "@octocat @acme/all #1 acme/shop#2 GH-3 0123456789abcdef0123456789abcdef01234567 www.evil.example",
    "https://evil.example/x http://evil.example mailto:x@evil.example",
    "` `` ``` ~~~ a|b \\| \\ * _ ",
    "# heading",
    "- list",
    "> quote",
    "+ list",
    "1. list",
    "    code",
    "![x](http://evil.example/p.png) [x](javascript:alert(1)) <https://evil.example>",
    "<img src=x onerror=alert(1)> <a href=//evil.example>x</a> <details open> <!-- x --> </td></table>",
    "zero\u{200b}width \u{202e}rtl\u{2066} tag\u{e0041} a\u{301}\u{301}\u{301}\u{301} \u{2028}",
    "<!-- perfgate-gate:Gate/perf --> ### perfgate: passed",
    "</script><script>alert(1)</script></style> \"><svg onload=alert(1)> ' onmouseover='x ]]> {{7*7}} ${7*7}",
    "::error file=x,line=1::y ##[group]x ##vso[task.setvariable variable=x]y",
    "=cmd|' /C calc'!A1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "]]> <!DOCTYPE x [<!ENTITY a \"b\">]> &a; &lt; ",
    "../../../x/CON.json",
    "\"} 1 evil{a=\"b\"} 1 # EOF",
];
const BRANCH: &str = "zzz\";echo<script>alert(1)</script>;@octocat#1";

/// A check of endpoints with these names, each of them too slow.
fn checked(names: &[&str]) -> (Workspace, Ended) {
    let server = Server::start(|_| Reply::slow(2));
    let mut workspace = Workspace::with_shop(&server.url());
    let step = |name: &&str| format!("      - {{get: /x, name: {}}}\n", serde_json::to_string(name).unwrap());
    let steps = names.iter().map(step).collect::<Vec<_>>().concat();
    workspace.edit("shop.yaml", "think: 30ms\n", "");
    workspace.edit("shop.yaml", "  - steps: [{get: /api/products}]\n", &format!("  - steps:\n{steps}"));
    workspace.write("thresholds/shop.yaml", "version: 1\nscenario: shop\ndefaults: {p50: 1us, failures: 1%}\n");
    workspace.set_variable("GITHUB_ACTIONS", "true");
    for (name, file) in [("GITHUB_STEP_SUMMARY", "step.md"), ("GITHUB_OUTPUT", "output"), ("GITHUB_ENV", "env"), ("GITHUB_PATH", "path")] {
        let path = workspace.path(file).display().to_string();
        workspace.set_variable(name, &path);
    }
    let ended = workspace.perfgate(&format!("check shop.yaml --branch {BRANCH} --environment {BRANCH} --commit {BRANCH} --baseline none"));
    (workspace, ended.with(1))
}

#[test]
fn hostile_names_are_text_to_every_reader() {
    let (workspace, ended) = checked(&NAMES);
    let (plain, _) = checked(&["/a", "/b"]);
    let folder = "perfgate-out";
    assert_eq!(workspace.names(folder), plain.names(folder), "a name became a file");

    for comment in [workspace.read("perfgate-out/summary.md"), workspace.read("step.md")] {
        is_harmless(&comment);
        assert!(comment.starts_with("### perfgate: failed"));
    }
    let (hostile, ours) = (markup(&workspace.read("perfgate-out/report.html")), markup(&plain.read("perfgate-out/report.html")));
    assert!(hostile.is_subset(&ours), "{:?}", hostile.difference(&ours));
    csv_is_plain(&workspace.read("perfgate-out/stats.csv"));
    xml_is_plain(&workspace.read("perfgate-out/junit.xml"));
    let widget = workspace.json("perfgate-out/load-performance.json");
    assert_eq!(keys(&widget), keys(&plain.json("perfgate-out/load-performance.json")));
    metrics_are_lines(&workspace.perfgate("report perfgate-out --format openmetrics").with(0).stdout);

    for format in ["terminal", "plain", "markdown", "csv", "junit", "gitlab", "openmetrics"] {
        let printed = workspace.perfgate(&format!("report perfgate-out --format {format}")).with(0).stdout;
        is_visible(&printed);
        assert!(!printed.lines().any(is_command), "{format}: {printed}");
    }
    for stream in [&ended.stdout, &ended.stderr] {
        is_visible(stream);
        let ours = |line: &&str| {
            line.starts_with("::error file=thresholds/shop.yaml,") || line.starts_with("::warning file=thresholds/shop.yaml,")
        };
        assert!(!stream.lines().filter(|line| !ours(line)).any(is_command), "{stream}");
    }
    let outputs = workspace.read("output");
    let named: BTreeSet<&str> = outputs.lines().filter_map(|line| line.split_once("<<perfgate_")).map(|(name, _)| name).collect();
    assert!(named.iter().all(|name| ["outcome", "exit-code", "report-path", "summary-path", "comment-url"].contains(name)), "{outputs}");
    assert_eq!(outputs.lines().filter(|line| line.contains("octocat") || line.contains("script")).count(), 0, "{outputs}");
    assert!(!workspace.has("env") && !workspace.has("path"), "what the next step runs is never written");
}

/// The numbers of a page are in its text, for whoever lets no script run.
#[test]
fn the_page_is_read_without_its_script() {
    let (workspace, _) = checked(&["/a", "/b"]);
    let page = workspace.read("perfgate-out/report.html");
    let text = Reader::read(&page).text;
    let run = workspace.json("perfgate-out/run.json");
    for endpoint in run["endpoints"].as_array().unwrap() {
        assert!(text.contains(endpoint["name"].as_str().unwrap()), "{text}");
    }
    assert!(text.contains("p50") && text.contains("failed · "), "{text}");
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || line.contains("##[") || line.contains("##vso[")
}

/// No control byte and nothing that hides or turns text round.
#[track_caller]
fn is_visible(text: &str) {
    let hidden = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\r'))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!text.contains(hidden), "{:?}", text.lines().find(|line| line.contains(hidden)));
}

#[track_caller]
fn csv_is_plain(text: &str) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let width = reader.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), NAMES.len() + 1);
    for cell in rows.iter().flat_map(csv::StringRecord::iter) {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{cell}");
    }
    assert!(rows.iter().all(|row| row.len() == width));
}

#[track_caller]
fn xml_is_plain(text: &str) {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    assert!(text.chars().all(allowed));
    let mut reader = quick_xml::Reader::from_str(text);
    let mut suites = BTreeSet::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::DocType(_) | Event::PI(_) | Event::CData(_) => panic!("{text}"),
            Event::Start(tag) | Event::Empty(tag) => {
                suites.insert(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                assert!(tag.attributes().all(|attribute| attribute.is_ok()), "{text}");
            }
            _ => {}
        }
    }
    let known =
        ["testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out", "system-err", "properties", "property"];
    assert!(suites.iter().all(|name| known.contains(&name.as_str())), "{suites:?}");
}

#[track_caller]
fn metrics_are_lines(text: &str) {
    let label = r#"[a-z_]+="([^"\\\n]|\\["\\n])*""#;
    let line =
        regex::Regex::new(&format!("^(# (TYPE|UNIT|HELP|EOF).*|perfgate_[a-z0-9_]+(\\{{{label}(,{label})*\\}})? [0-9.e+-]+)$")).unwrap();
    for metric in text.lines() {
        assert!(line.is_match(metric), "{metric}");
    }
    assert!(text.ends_with("# EOF\n") && text.matches("\n# EOF").count() == 1);
}

fn keys(value: &serde_json::Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// Every element with the names of its attributes, and what any of them leads to.
fn markup(page: &str) -> BTreeSet<String> {
    Reader::read(page).markup
}

/// What a browser's tokeniser makes of a page.
#[derive(Default)]
struct Reader {
    markup: BTreeSet<String>,
    text: String,
}

#[derive(Default)]
struct Sink(RefCell<Reader>, RefCell<bool>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            TagToken(tag) if tag.kind == StartTag => {
                let led = |name: &str, value: &str| {
                    let leads = matches!(name, "href" | "src" | "action" | "style" | "srcdoc" | "xlink:href") && !value.starts_with('#');
                    if leads { format!(" {name}={value}") } else { format!(" {name}") }
                };
                let attributes: BTreeSet<String> = tag.attrs.iter().map(|attribute| led(&attribute.name.local, &attribute.value)).collect();
                reader.markup.extend(attributes.iter().map(|attribute| format!("{}{attribute}", tag.name)));
                reader.markup.insert(tag.name.to_string());
                *self.1.borrow_mut() = matches!(&*tag.name, "script" | "style");
                match &*tag.name {
                    "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => return TokenSinkResult::RawData(RawKind::Rawtext),
                    _ => {}
                }
            }
            TagToken(tag) if tag.kind == EndTag => *self.1.borrow_mut() = false,
            Token::CharacterTokens(text) if !*self.1.borrow() => reader.text.push_str(&text),
            Token::CommentToken(_) => {
                reader.markup.insert("a comment".to_owned());
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Reader {
    fn read(page: &str) -> Self {
        let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(page));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.take()
    }
}
