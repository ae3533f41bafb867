//! Any text in the place of every name in the page: a browser's tokeniser finds the elements and attributes that it finds
//! with a plain name, and no others.

#![no_main]

mod sample;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use libfuzzer_sys::fuzz_target;
use perfgate::report::{Context, Subject, page};

static PLAIN: LazyLock<BTreeSet<String>> = LazyLock::new(|| markup("GET /a"));

fuzz_target!(|text: &str| {
    let found = markup(text);
    // Ours, around the parts of a name that is read from right to left.
    let foreign: Vec<_> = found.difference(&PLAIN).filter(|name| *name != "bdi").collect();
    assert!(foreign.is_empty(), "{foreign:?}");
});

fn markup(text: &str) -> BTreeSet<String> {
    let (verdict, run) = (sample::verdict(text), sample::run(text));
    let page = page(&Subject { verdict: &verdict, run: &run, reproduce: text }, &Context::default());
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}

/// Elements, and the names of their attributes.
#[derive(Default)]
struct Sink(RefCell<BTreeSet<String>>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        if let TagToken(tag) = token
            && tag.kind == StartTag
        {
            let mut markup = self.0.borrow_mut();
            markup.extend(tag.attrs.iter().map(|attribute| format!("{} {}", tag.name, attribute.name.local)));
            markup.insert(tag.name.to_string());
            return match &*tag.name {
                "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                _ => TokenSinkResult::Continue,
            };
        }
        TokenSinkResult::Continue
    }
}
