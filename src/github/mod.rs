//! GitHub's API: the calls that we make, with small models of our own. The one door to octocrab, of which only the bare
//! requests are used: its own retries, redirects, time-outs, comment updates and downloads do not hold up
//! (repeated POSTs, endless waits, wrong addresses on Enterprise). What is published or compared is not known here.

mod artifacts;
mod checks;
mod comments;
mod contents;
mod pulls;

use std::fmt;

use http_body_util::{BodyExt as _, Limited};
use octocrab::Octocrab;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;

pub use self::artifacts::{Artifact, ArtifactRun, WorkflowRun};
pub use self::checks::{Annotation, CheckRun, Output};
pub use self::comments::Comment;
pub use self::pulls::{Head, Pull};
use crate::web::{Answer, Repeat, Web, WebError, host_of, plain_headers, service_address};

/// The largest answer that is read.
const ANSWER_CAP: usize = 5 * 1024 * 1024;
/// How many redirects are followed, within the API's own host.
const REDIRECTS: usize = 3;
/// How many pages of a list are walked.
const PAGES: usize = 30;
/// How many entries a page has.
const PAGE_SIZE: usize = 100;

/// One repository, by a token.
pub struct Github {
    web: Web,
    octocrab: Octocrab,
    api: Url,
    graphql: Url,
    token: String,
    repository: Repository,
}

/// What it takes to talk to GitHub.
pub struct Access {
    /// `https://api.github.com`, on Enterprise `https://HOST/api/v3`.
    pub api_url: String,
    pub graphql_url: String,
    pub token: String,
    pub repository: Repository,
}

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

/// Why GitHub did not do what was asked.
#[derive(Debug, Error)]
pub enum GithubError {
    #[error(transparent)]
    Web(#[from] WebError),
    #[error("`{text}` is not a repository: write `owner/name`")]
    Repository { text: String },
    #[error("GitHub rejected the token (401)")]
    Unauthorized,
    #[error("GitHub does not let this token {what} (403): {message}")]
    Forbidden { what: &'static str, message: String },
    #[error("cannot {what}: not found (404): the repository, the pull request or the token's permission is missing")]
    NotFound { what: &'static str },
    #[error("cannot {what}: gone (410): {message}")]
    Gone { what: &'static str, message: String },
    #[error("cannot {what}: GitHub answered {status}: {message}")]
    Refused { what: &'static str, status: u16, message: String },
    #[error("cannot {what}: unexpected response: {problem}")]
    Unexpected { what: &'static str, problem: String },
    #[error("cannot {what}: the list is incomplete, {pages} pages were not enough")]
    Incomplete { what: &'static str, pages: usize },
    #[error("cannot {what}: the list is incomplete ({seen} of {total})")]
    Short { what: &'static str, seen: usize, total: usize },
}

impl GithubError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Forbidden { message, .. } if message.contains("locked") => Some("unlock the conversation of the pull request".into()),
            Self::Unauthorized => Some("hand the job's own token over: `GITHUB_TOKEN: ${{ github.token }}`".into()),
            Self::Forbidden { .. } => Some(
                "the job needs `permissions:` contents: read, actions: read and pull-requests: write; runs of forks and of Dependabot never \
                 get to write"
                    .into(),
            ),
            Self::Web(WebError::Address { .. }) => Some("it is set by the runner, on Enterprise to `https://HOST/api/v3`".into()),
            _ => None,
        }
    }

    /// Whether the token may read, but not write.
    #[must_use]
    pub fn is_missing_permission(&self) -> bool {
        matches!(self, Self::Forbidden { .. })
    }

    /// Whether nobody knows if the question was carried out.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Web(error) => error.is_uncertain(),
            Self::Refused { status, .. } => *status >= 500,
            other => matches!(other, Self::Unexpected { .. }),
        }
    }

    /// Whether it was set up wrongly, which can be told before anything is asked.
    #[must_use]
    pub fn is_mistake(&self) -> bool {
        matches!(self, Self::Repository { .. } | Self::Web(WebError::Address { .. }))
    }
}

impl Github {
    /// Checks the addresses and makes a client. Nothing is asked yet.
    ///
    /// # Errors
    /// [`GithubError`] where an address may not get a token.
    pub fn new(access: Access) -> Result<Self, GithubError> {
        let Access { api_url, graphql_url, token, repository } = access;
        let api = service_address("GITHUB_API_URL", &api_url)?;
        let graphql = service_address("GITHUB_GRAPHQL_URL", &graphql_url)?;
        let web = Web::new()?;
        let failed = |error: octocrab::Error| WebError::Client(crate::web::innermost(&error));
        let octocrab = web
            .within(|| Octocrab::builder().base_uri(api.as_str()).map(|builder| builder.personal_token(token.clone())))
            .map_err(failed)
            .and_then(|builder| web.within(|| builder.build_with_reqwest(web.client())).map_err(failed))?;
        Ok(Self { web, octocrab, api, graphql, token, repository })
    }

    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The HTTP client beneath, with what is left of its time.
    #[must_use]
    pub fn web(&self) -> &Web {
        &self.web
    }

    /// `/repos/owner/name` and what follows.
    fn path(&self, rest: &str) -> String {
        format!("/repos/{}/{}{rest}", self.repository.owner, self.repository.name)
    }

    /// Reads one object; `what` completes "cannot ..".
    fn read<T: DeserializeOwned>(&self, what: &'static str, path: &str) -> Result<T, GithubError> {
        parse(what, &self.call(what, Repeat::Safe, "GET", path, None::<&()>)?)
    }

    /// Writes one object.
    fn write<B: Serialize, T: DeserializeOwned>(
        &self,
        what: &'static str,
        repeat: Repeat,
        method: &'static str,
        path: &str,
        body: &B,
    ) -> Result<T, GithubError> {
        parse(what, &self.call(what, repeat, method, path, Some(body))?)
    }

    /// Reads every page of a list, each by `entries`.
    fn read_all<T>(
        &self,
        what: &'static str,
        path: &str,
        entries: impl Fn(&'static str, &Answer) -> Result<Vec<T>, GithubError>,
    ) -> Result<Vec<T>, GithubError> {
        let mut all = Vec::new();
        let mut next = Some(path.to_owned());
        for _ in 0..PAGES {
            let Some(path) = next.take() else { return Ok(all) };
            let answer = self.call(what, Repeat::Safe, "GET", &path, None::<&()>)?;
            all.extend(entries(what, &answer)?);
            next = match next_page(answer.header("link").unwrap_or_default()) {
                Some(link) => Some(self.own_path(what, link)?),
                None => None,
            };
        }
        if next.is_none() { Ok(all) } else { Err(GithubError::Incomplete { what, pages: PAGES }) }
    }

    /// Asks, follows redirects within the API, and sorts out what is no success.
    fn call<B: Serialize>(
        &self,
        what: &'static str,
        repeat: Repeat,
        method: &'static str,
        path: &str,
        body: Option<&B>,
    ) -> Result<Answer, GithubError> {
        let mut path = path.to_owned();
        for _ in 0..=REDIRECTS {
            let answer = self.web.persist(repeat, &host_of(&self.api), || self.exchange(method, &path, body))?;
            match (answer.status, answer.header("location")) {
                (301 | 307 | 308, Some(location)) => path = self.own_path(what, location)?,
                _ => return checked(what, answer),
            }
        }
        Err(GithubError::Unexpected { what, problem: format!("more than {REDIRECTS} redirects") })
    }

    /// One exchange by octocrab.
    fn exchange<B: Serialize>(&self, method: &'static str, path: &str, body: Option<&B>) -> Result<Answer, WebError> {
        let host = host_of(&self.api);
        let failed = |error: octocrab::Error| WebError::NoAnswer { host: host.clone(), reason: reason_of(&error) };
        self.web.run(&host, async {
            let response = match method {
                "POST" => self.octocrab._post(path, body).await,
                "PATCH" => self.octocrab._patch(path, body).await,
                "DELETE" => self.octocrab._delete(path, body).await,
                _ => self.octocrab._get(path).await,
            }
            .map_err(failed)?;
            let (status, headers) = (response.status().as_u16(), plain_headers(response.headers()));
            match Limited::new(response.into_body(), ANSWER_CAP).collect().await {
                Ok(body) => Ok(Answer { status, headers, body: body.to_bytes().into() }),
                Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                    Err(WebError::TooLarge { host: host.clone(), cap: ANSWER_CAP })
                }
                Err(error) => Err(WebError::NoAnswer { host: host.clone(), reason: crate::web::innermost(&*error) }),
            }
        })?
    }

    /// The path of an address that the API gave, which must lead back to it.
    fn own_path(&self, what: &'static str, address: &str) -> Result<String, GithubError> {
        let unexpected = || GithubError::Unexpected { what, problem: "it leads to another host".to_owned() };
        let url = self.api.join(address).map_err(|_| unexpected())?;
        if !crate::web::same_origin(&url, &self.api) {
            return Err(unexpected());
        }
        let path = url.path().strip_prefix(self.api.path().trim_end_matches('/')).unwrap_or(url.path());
        Ok(url.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
    }
}

impl Repository {
    /// Reads `owner/name`.
    ///
    /// # Errors
    /// [`GithubError::Repository`].
    pub fn parse(text: &str) -> Result<Self, GithubError> {
        let plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => Ok(Self { owner: owner.to_owned(), name: name.to_owned() }),
            _ => Err(GithubError::Repository { text: text.chars().take(100).collect() }),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Debug for Github {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Github").field("api", &self.api.as_str()).field("repository", &self.repository).finish_non_exhaustive()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("repository", &self.repository).finish_non_exhaustive()
    }
}

/// A value in a query or as one segment of a path.
fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn parse<T: DeserializeOwned>(what: &'static str, answer: &Answer) -> Result<T, GithubError> {
    serde_json::from_slice(&answer.body).map_err(|error| GithubError::Unexpected { what, problem: error.to_string() })
}

fn checked(what: &'static str, answer: Answer) -> Result<Answer, GithubError> {
    match answer.status {
        200..=299 | 302 => Ok(answer),
        401 => Err(GithubError::Unauthorized),
        403 => Err(GithubError::Forbidden { what, message: message_of(&answer) }),
        404 => Err(GithubError::NotFound { what }),
        410 => Err(GithubError::Gone { what, message: message_of(&answer) }),
        status => Err(GithubError::Refused { what, status, message: message_of(&answer) }),
    }
}

/// What GitHub says, as one short line without control characters.
fn message_of(answer: &Answer) -> String {
    #[derive(serde::Deserialize)]
    struct Message {
        message: String,
    }
    let text = serde_json::from_slice::<Message>(&answer.body).map_or_else(|_| "without a reason".to_owned(), |body| body.message);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

fn reason_of(error: &octocrab::Error) -> String {
    // The library's own text is the bare word "GitHub", and the client's holds the whole address.
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string().split(" for url (").next().unwrap_or_default().to_owned()
}

/// The address of the next page out of a `Link` header.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (address, relation) = part.split_once('>')?;
        relation.contains("rel=\"next\"").then(|| address.trim().trim_start_matches('<'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_owner_and_name() {
        assert_eq!(Repository::parse("acme/shop.js").unwrap().to_string(), "acme/shop.js");
        for wrong in ["", "acme", "acme/", "/shop", "acme/shop/x", "../shop", "acme/..", "acme/shop?x", "acme/a b"] {
            assert!(Repository::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_next_page_is_found_in_a_link_header() {
        let link = "<https://api.example/x?page=1>; rel=\"prev\", <https://api.example/x?page=3>; rel=\"next\"";
        assert_eq!(next_page(link), Some("https://api.example/x?page=3"));
        assert_eq!(next_page("<https://api.example/x?page=1>; rel=\"last\""), None);
        assert_eq!(next_page(""), None);
    }

    fn github(api_url: &str) -> Github {
        let access = Access {
            api_url: api_url.into(),
            graphql_url: "https://h.example/api/graphql".into(),
            token: "ghs_secret".into(),
            repository: Repository::parse("acme/shop").unwrap(),
        };
        Github::new(access).unwrap()
    }

    #[test]
    fn an_address_of_the_api_keeps_the_prefix_of_enterprise_and_no_other_host() {
        for (api, address, path) in [
            ("https://h.example/api/v3", "https://h.example/api/v3/repositories/7/issues?page=2", Some("/repositories/7/issues?page=2")),
            ("https://api.github.com", "https://api.github.com/repositories/7", Some("/repositories/7")),
            ("https://api.github.com", "https://api.github.com.evil.example/repositories/7", None),
            ("https://api.github.com", "http://api.github.com/repositories/7", None),
        ] {
            assert_eq!(github(api).own_path("x", address).ok().as_deref(), path, "{address}");
        }
    }

    #[test]
    fn no_token_is_ever_shown() {
        assert!(!format!("{:?}", github("https://api.github.com")).contains("secret"));
    }
}
