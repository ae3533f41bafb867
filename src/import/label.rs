//! What an endpoint of another tool is called: one short line that thresholds can name. Addresses are cut to their path,
//! as perfgate's own labels are.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// As long as a run file allows.
const MAX_CHARS: usize = 200;

/// Cuts addresses to their paths and remembers which host they were of.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Scheme, host and port of the first address.
    target: Option<String>,
    cut_query: bool,
}

impl Labels {
    /// `GET` and `https://shop.example/a?b=1` are `GET /a`; of another host than the first `GET other.example/a`.
    pub(super) fn of_request(&mut self, method: &str, name: &str) -> String {
        let name = self.name_of(name);
        let label = if method.is_empty() { name.into_owned() } else { format!("{method} {name}") };
        cleaned(&label)
    }

    fn name_of<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        let Some((origin, path)) = split_address(name) else { return Cow::Borrowed(name) };
        let end = path.find(['?', '#']).unwrap_or(path.len());
        self.cut_query |= end < path.len();
        let path = if end == 0 { "/" } else { &path[..end] };
        let host = origin.split_once("://").map_or("", |(_, host)| host).to_owned();
        if *self.target.get_or_insert_with(|| origin.clone()) == origin {
            return Cow::Borrowed(path);
        }
        Cow::Owned(format!("{host}{path}"))
    }

    /// Where the load went, without user name and password.
    pub(super) fn target(&self) -> String {
        self.target.clone().unwrap_or_else(|| "unknown".into())
    }

    pub(super) fn note(&self) -> Option<String> {
        self.cut_query.then(|| "requests without a name of their own are named by their path; the query is left off".to_owned())
    }
}

/// Origin without user name and password, and the rest; `None` where it is no address.
fn split_address(text: &str) -> Option<(String, &str)> {
    let scheme_end = text.find("://").filter(|end| matches!(&text[..*end], "http" | "https"))?;
    let host = scheme_end + 3;
    let end = text[host..].find(['/', '?', '#']).map_or(text.len(), |at| host + at);
    let authority = &text[host..end];
    let public = authority.rsplit_once('@').map_or(authority, |(_, public)| public);
    Some((format!("{}://{public}", &text[..scheme_end]), &text[end..]))
}

/// One line, not empty, not too long: two long names that differ stay different.
pub(super) fn cleaned(label: &str) -> String {
    let line: String = label.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    if line.is_empty() {
        return "(no name)".into();
    }
    if line.chars().count() <= MAX_CHARS {
        return line.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    let kept: String = line.chars().take(MAX_CHARS - 20).collect();
    format!("{kept}.. {:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_cut_to_their_path_and_names_stay() {
        let mut labels = Labels::default();
        for (name, label) in [
            ("http://shop:8080/a/1?x=2", "GET /a/1"),
            ("http://shop:8080", "GET /"),
            ("http://shop:8080?x", "GET /"),
            ("http://other/a", "GET other/a"),
            ("http://me:secret@shop:8080/b", "GET /b"),
            ("/lognormal?x=1", "GET /lognormal?x=1"),
            ("fast \"quoted\", name", "GET fast \"quoted\", name"),
            ("\u{1F600} a\nb", "GET \u{1F600} a b"),
        ] {
            assert_eq!(labels.of_request("GET", name), label);
        }
        assert_eq!(labels.target(), "http://shop:8080");
        assert_eq!(labels.of_request("", ""), "(no name)");
        assert!(labels.note().is_some());
    }

    #[test]
    fn long_names_stay_apart() {
        let (one, other) = (cleaned(&format!("{}1", "x".repeat(300))), cleaned(&format!("{}2", "x".repeat(300))));
        assert!(one.chars().count() <= MAX_CHARS && one != other);
    }
}
