//! What a page was asked, from its address. What makes no sense is as if it were not there.

use axum::http::Uri;
use url::form_urlencoded;

use crate::history::{Filter, Group};

/// The words behind the `?`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub filter: Filter,
    /// Counted from 0; in addresses from 1.
    pub page: u64,
    /// The runs to compare.
    pub runs: Vec<u64>,
    /// Whose trend is shown, where it is not the usual one.
    pub group: Option<String>,
}

impl Asked {
    pub(super) fn of(uri: &Uri) -> Self {
        let mut asked = Self::default();
        for (key, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let given = (!value.is_empty()).then(|| value.clone().into_owned());
            match key.as_ref() {
                "scenario" => asked.filter.scenario = given,
                "branch" => asked.filter.branch = given,
                "outcome" => asked.filter.outcome = given,
                "group" => asked.group = given,
                "page" => asked.page = value.parse::<u64>().unwrap_or(1).clamp(1, 1_000_000) - 1,
                "run" => asked.runs.extend(value.parse::<u64>().ok()),
                _ => {}
            }
        }
        asked
    }

    /// The address of another page of the same.
    pub(super) fn at_page(&self, page: u64) -> String {
        with(&self.filter, "page", &(page + 1).to_string())
    }
}

/// The address of the trend of a group.
pub(super) fn at_group(filter: &Filter, group: &Group) -> String {
    with(filter, "group", &group.id())
}

fn with(filter: &Filter, name: &str, word: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    let Filter { scenario, branch, outcome } = filter;
    for (key, value) in [("scenario", scenario), ("branch", branch), ("outcome", outcome)] {
        query.extend_pairs(value.iter().map(|value| (key, value)));
    }
    format!("/?{}", query.append_pair(name, word).finish())
}

/// The `scenario` of a form's body.
pub(super) fn scenario_of_form(body: &[u8]) -> Option<String> {
    form_urlencoded::parse(body).find(|(key, _)| key == "scenario").map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_meant_and_nonsense_is_passed_over() {
        let asked = Asked::of(&"/?scenario=a%20b%26c&branch=&page=3&run=7&run=x&run=18446744073709551616&y".parse().unwrap());
        let filter = Filter { scenario: Some("a b&c".into()), ..Filter::default() };
        assert_eq!(asked, Asked { filter, page: 2, runs: vec![7], group: None });
        assert_eq!(asked.at_page(0), "/?scenario=a+b%26c&page=1");
        for page in ["0", "-1", "x", ""] {
            assert_eq!(Asked::of(&format!("/?page={page}").parse().unwrap()).page, 0, "{page}");
        }
    }
}
