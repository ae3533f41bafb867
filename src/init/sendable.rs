//! What a source holds and a scenario can't say is put into what it can: a name that stands twice, a header that the engine
//! sets itself, a path with two slashes at its beginning.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::draft::{Draft, DraftBody, DraftStep, DraftTask, Pairs};

/// Longer labels are cut (characters).
const LONGEST_LABEL: usize = 180;
/// What the engine sets itself.
const OWN_HEADERS: [&str; 9] =
    ["host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer", "expect"];
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes every step of a draft one that a scenario can have.
pub fn make_sendable(draft: &mut Draft) {
    let mut lost = Vec::new();
    draft.headers = sendable_headers(&draft.headers, &mut lost);
    for kind in &mut draft.kinds {
        kind.tasks.iter_mut().for_each(make_task);
        let of_tasks = kind.tasks.iter_mut().flat_map(|task| &mut task.steps);
        for step in kind.start.iter_mut().chain(of_tasks).chain(&mut kind.stop) {
            make_step(step, &mut lost);
        }
    }
    lost.sort();
    lost.dedup();
    if !lost.is_empty() {
        draft.notes.push(format!("left out, because a scenario does not set such headers: {}", lost.join(", ")));
    }
}

fn make_task(task: &mut DraftTask) {
    task.name = one_line(&task.name);
    task.weight = task.weight.clamp(0.001, 1_000_000.0);
    task.tags = task.tags.iter().map(|tag| one_line(tag)).filter(|tag| !tag.is_empty()).collect();
}

fn make_step(step: &mut DraftStep, lost: &mut Vec<String>) {
    let path: String = step.path.chars().filter(|c| !c.is_control()).collect();
    step.path = format!("/{}", path.trim_start_matches('/'));
    let label = step.path.split('?').next().unwrap_or_default();
    let name = step.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    step.name = name.or_else(|| (label.chars().count() > LONGEST_LABEL).then(|| one_line(label)));
    step.headers = sendable_headers(&step.headers, lost);
    if has_twice(&step.query) {
        let sign = if step.path.contains('?') { '&' } else { '?' };
        step.path = format!("{}{sign}{}", step.path, encoded(&step.query));
        step.name.get_or_insert_with(|| one_line(label_of(&path)));
        step.query.clear();
    }
    match &mut step.body {
        Some(DraftBody::Form(pairs)) if has_twice(pairs) => {
            let media_type = Some("application/x-www-form-urlencoded".to_owned());
            step.body = Some(DraftBody::Text { text: encoded(pairs), media_type });
        }
        Some(DraftBody::Multipart(pairs)) => {
            let mut first = Pairs::new();
            for pair in pairs.drain(..) {
                if !pair.0.is_empty() && !first.iter().any(|(name, _)| *name == pair.0) {
                    first.push(pair);
                }
            }
            *pairs = first;
        }
        _ => {}
    }
    let says_type = |header: &(String, String)| header.0 == "content-type";
    if let Some(DraftBody::Text { media_type, .. }) = &mut step.body
        && step.headers.iter().any(says_type)
    {
        *media_type = None;
    }
    if let Some(DraftBody::Multipart(_)) = step.body {
        step.headers.retain(|header| !says_type(header));
    }
}

fn label_of(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

/// A text of one line, as labels and names are.
fn one_line(text: &str) -> String {
    let line: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect();
    line.trim().to_owned()
}

fn sendable_headers(headers: &Pairs, lost: &mut Vec<String>) -> Pairs {
    let is_token = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
    let mut sendable = Pairs::new();
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || OWN_HEADERS.contains(&name.as_str()) {
            lost.push(format!("`{}`", one_line(&name)));
        } else if !sendable.iter().any(|(known, _)| *known == name) {
            sendable.push((name, value.chars().filter(|c| !c.is_control()).collect()));
        }
    }
    sendable
}

fn has_twice(pairs: &Pairs) -> bool {
    pairs.iter().enumerate().any(|(index, (name, _))| pairs[..index].iter().any(|(earlier, _)| earlier == name))
}

/// `name=value&..`; what is filled in later is encoded then.
fn encoded(pairs: &Pairs) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", utf8_percent_encode(name, VALUE), encoded_template(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn encoded_template(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let is_literal = rest[..at].ends_with('$');
        let before = if is_literal { &rest[..at - 1] } else { &rest[..at] };
        out.extend(utf8_percent_encode(before, VALUE));
        if is_literal {
            out.push_str("%24%7B");
            rest = &rest[at + 2..];
        } else {
            let end = rest[at..].find('}').map_or(rest.len(), |end| at + end + 1);
            out.push_str(&rest[at..end]);
            rest = &rest[end..];
        }
    }
    out.extend(utf8_percent_encode(rest, VALUE));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Method;

    fn pairs(written: &[(&str, &str)]) -> Pairs {
        written.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn made(change: impl FnOnce(&mut DraftStep)) -> (DraftStep, Vec<String>) {
        let (mut step, mut lost) = (DraftStep::new(Method::Post, "//a\n/b"), Vec::new());
        change(&mut step);
        make_step(&mut step, &mut lost);
        (step, lost)
    }

    #[test]
    fn a_name_that_stands_twice_goes_into_the_text() {
        let twice = pairs(&[("t", "a b"), ("t", "${x}&"), ("c", "$${y}")]);
        let (step, _) = made(|step| step.query.clone_from(&twice));
        assert_eq!((step.path.as_str(), step.query.len()), ("/a/b?t=a%20b&t=${x}%26&c=%24%7By%7D", 0));
        let (step, _) = made(|step| step.body = Some(DraftBody::Form(twice)));
        let Some(DraftBody::Text { text, media_type }) = step.body else { panic!("a text") };
        assert_eq!((text.as_str(), media_type.as_deref()), ("t=a%20b&t=${x}%26&c=%24%7By%7D", Some("application/x-www-form-urlencoded")));
    }

    #[test]
    fn headers_of_the_engine_and_names_that_are_none_are_left_out() {
        let (step, lost) = made(|step| step.headers = pairs(&[("Host", "x"), ("a b", "y"), ("X-A", "1\n2"), ("x-a", "3")]));
        assert_eq!((step.headers, lost), (pairs(&[("x-a", "12")]), vec!["`host`".to_owned(), "`a b`".to_owned()]));
    }

    #[test]
    fn a_long_path_has_a_short_label() {
        let (step, _) = made(|step| step.path = format!("/{}?q", "x".repeat(500)));
        assert_eq!(step.name.map(|name| name.len()), Some(LONGEST_LABEL));
    }
}
