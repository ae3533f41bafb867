//! HTTP to services other than the target: one client with time-outs and without redirects of its own, bodies read
//! with a cap, and one allowance of time that all questions share. Which service is asked, and how, is not known here.

mod patience;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::{Client, Method};
use thiserror::Error;
use tokio::runtime::Runtime;
use url::{Host, Url};

pub use self::patience::Next;

/// What all questions of one command may take together, answers and waits included.
pub const ALLOWANCE: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Asks services, within one allowance of time.
#[derive(Debug)]
pub struct Web {
    client: Client,
    runtime: Runtime,
    spent: Cell<Duration>,
}

/// One question.
#[derive(Debug)]
pub struct Question<'a> {
    pub method: &'static str,
    pub url: &'a Url,
    pub headers: &'a [(&'static str, &'a str)],
    pub json: Option<Vec<u8>>,
    /// The largest body that is read.
    pub cap: usize,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// By name in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Whether a question may be asked again where nobody knows what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Asking twice is as good as once.
    Safe,
    /// It may have been carried out: only a refusal is asked again.
    Unsafe,
}

/// Why there is no answer. No text holds more of an address than its host.
#[derive(Debug, Error)]
pub enum WebError {
    #[error("{name} is `{shown}`: {problem}")]
    Address { name: String, shown: String, problem: &'static str },
    #[error("cannot start an HTTP client: {0}")]
    Client(String),
    #[error("{host} did not answer: {reason}")]
    NoAnswer { host: String, reason: String },
    #[error("the answer of {host} is larger than {cap} bytes")]
    TooLarge { host: String, cap: usize },
    #[error("{host}: {reason}")]
    GaveUp { host: String, reason: String },
}

impl WebError {
    /// Whether nobody knows if the question was carried out.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::NoAnswer { .. } | Self::TooLarge { .. })
    }
}

impl Web {
    /// A client for one command.
    ///
    /// # Errors
    /// [`WebError::Client`].
    pub fn new() -> Result<Self, WebError> {
        // The client wants a provider; another one may be there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |error: &dyn std::error::Error| WebError::Client(innermost(error));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| failed(&error))?;
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            // A variable of the environment must not decide who sees a token.
            .no_proxy()
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .user_agent(concat!("perfgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { client, runtime, spent: Cell::default() })
    }

    /// The client itself, for a library that brings its own questions; they are asked through [`Self::run`].
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// For what a library sets up in the background of its questions.
    pub fn within<T>(&self, set_up: impl FnOnce() -> T) -> T {
        let _entered = self.runtime.enter();
        set_up()
    }

    /// Carries a future out. What it takes is taken from the allowance, and more than that it does not get.
    ///
    /// # Errors
    /// [`WebError::NoAnswer`] where the allowance is used up.
    pub fn run<T>(&self, host: &str, future: impl Future<Output = T>) -> Result<T, WebError> {
        let left = self.left();
        let started = Instant::now();
        let ended = self.runtime.block_on(async { tokio::time::timeout(left.min(CALL_TIMEOUT), future).await });
        self.spend(started.elapsed());
        ended.map_err(|_| WebError::NoAnswer { host: host.to_owned(), reason: format!("nothing within {} s", started.elapsed().as_secs()) })
    }

    /// Asks once.
    ///
    /// # Errors
    /// [`WebError`] where no whole answer came.
    pub fn ask(&self, question: &Question<'_>) -> Result<Answer, WebError> {
        let host = host_of(question.url);
        self.run(&host, self.exchange(question, &host))?
    }

    /// Asks until there is an answer that counts or waiting is of no use.
    ///
    /// # Errors
    /// [`WebError`]; with [`Repeat::Unsafe`] also where it is not known what became of the question.
    pub fn persist(&self, repeat: Repeat, host: &str, ask: impl Fn() -> Result<Answer, WebError>) -> Result<Answer, WebError> {
        for tries in 1.. {
            let answer = match ask() {
                Err(error) if repeat == Repeat::Unsafe || !matches!(error, WebError::NoAnswer { .. }) => return Err(error),
                answer => answer,
            };
            match patience::next(answer.as_ref().ok(), tries, self.left(), Timestamp::now()) {
                Next::Take => return answer,
                Next::Again(_) if repeat == Repeat::Unsafe && answer.as_ref().is_ok_and(|answer| answer.status >= 500) => {
                    return answer;
                }
                Next::Again(wait) => self.wait(wait),
                Next::GiveUp(reason) => return Err(answer.err().unwrap_or(WebError::GaveUp { host: host.to_owned(), reason })),
            }
        }
        unreachable!("tries do not end before patience does")
    }

    /// Waits, out of the allowance.
    pub fn wait(&self, wait: Duration) {
        let wait = wait.min(self.left());
        std::thread::sleep(wait);
        self.spend(wait);
    }

    fn left(&self) -> Duration {
        ALLOWANCE.saturating_sub(self.spent.get())
    }

    fn spend(&self, time: Duration) {
        self.spent.set(self.spent.get() + time);
    }

    async fn exchange(&self, question: &Question<'_>, host: &str) -> Result<Answer, WebError> {
        let failed = |error: reqwest::Error| WebError::NoAnswer { host: host.to_owned(), reason: innermost(&error.without_url()) };
        let method = Method::from_bytes(question.method.as_bytes()).map_err(|error| WebError::Client(error.to_string()))?;
        let mut request = self.client.request(method, question.url.clone());
        for (name, value) in question.headers {
            request = request.header(*name, *value);
        }
        if let Some(json) = &question.json {
            request = request.header("content-type", "application/json").body(json.clone());
        }
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), plain_headers(response.headers()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > question.cap {
                return Err(WebError::TooLarge { host: host.to_owned(), cap: question.cap });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    }
}

impl Answer {
    /// A header, its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether the first kilobytes of the body hold these words.
    #[must_use]
    pub fn mentions(&self, words: &str) -> bool {
        String::from_utf8_lossy(&self.body[..self.body.len().min(4096)]).to_ascii_lowercase().contains(words)
    }
}

/// The headers that are text, by name in small letters; of several of one name the last.
#[must_use]
pub fn plain_headers(headers: &reqwest::header::HeaderMap) -> BTreeMap<String, String> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))).collect()
}

/// Reads the address of a service that gets a token or gives what is believed: `https`, or `http` to this machine.
///
/// # Errors
/// [`WebError::Address`] naming `name`, where the address came from.
pub fn service_address(name: &str, text: &str) -> Result<Url, WebError> {
    let refused = |problem| WebError::Address { name: name.to_owned(), shown: without_secrets(text), problem };
    let url = Url::parse(text).map_err(|_| refused("not an address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("a user name or password has no place in it"));
    }
    match url.scheme() {
        "https" if url.has_host() => Ok(url),
        "http" if is_this_machine(&url) => Ok(url),
        "http" => Err(refused("http is only for this machine: write https")),
        _ => Err(refused("write https://..")),
    }
}

/// Whether both lead to the same scheme, host and port.
#[must_use]
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// An address as it may be shown: it may hold a password before its host and a signature in its query.
#[must_use]
pub fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// A text of another program with every address in it as it may be shown.
#[must_use]
pub fn without_secrets_within(text: &str) -> String {
    let clean = |word: &str| if word.contains("://") { without_secrets(word.trim_matches(['\'', '"'])) } else { word.to_owned() };
    text.lines().map(|line| line.split(' ').map(clean).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("; ")
}

/// Host and port, which is all that messages say of an address.
#[must_use]
pub fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The text of the error at the end of the chain: the ones before it only repeat that something failed.
#[must_use]
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_over_https_or_stays_on_this_machine() {
        for good in ["https://api.github.com", "https://ghe.example/api/v3", "http://127.0.0.1:4010", "http://[::1]:1", "http://localhost"]
        {
            assert!(service_address("GITHUB_API_URL", good).is_ok(), "{good}");
        }
        for (bad, shown) in [
            ("http://ghe.example/api/v3", "`http://ghe.example/api/v3`: http is only for this machine"),
            ("http://127.0.0.1.evil.example", "http is only for this machine"),
            ("https://user:secret@ghe.example/api?t=secret", "`https://ghe.example/api`: a user name or password"),
            ("ftp://ghe.example", "write https"),
            ("ghe.example", "not an address"),
        ] {
            let text = service_address("GITHUB_API_URL", bad).unwrap_err().to_string();
            assert!(text.contains(shown) && !text.contains("secret"), "{text}");
        }
    }
}
