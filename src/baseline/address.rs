//! The store behind an https address: the same ZIP that the artifact is, or one bare run file.

use url::Url;

use super::kept::{Kept, KeptError};
use super::{BaselineError, Loaded, archive};
use crate::web::{Question, Repeat, Web, WebError, host_of, service_address};

/// How many redirects are followed.
const REDIRECTS: usize = 3;

/// What is made of each run at `address`.
pub(super) fn load<T: Send>(
    web: &Web,
    address: &str,
    make: &(impl Fn(Kept<'_>) -> Result<T, KeptError> + Sync),
) -> Result<Loaded<T>, BaselineError> {
    let mut url = service_address("--baseline", address)?;
    for _ in 0..=REDIRECTS {
        let host = host_of(&url);
        let question = Question { method: "GET", url: &url, headers: &[], json: None, cap: archive::ARCHIVE_CAP };
        let answer = web.persist(Repeat::Safe, &host, || web.ask(&question))?;
        let place = crate::web::without_secrets(address);
        match (answer.status, answer.header("location")) {
            (200, _) => {
                return archive::read(&answer.body, make)
                    .map_err(|source| BaselineError::CorruptArchive { place, source: Box::new(source) });
            }
            (301 | 302 | 303 | 307 | 308, Some(location)) => url = next(&url, location, &host)?,
            (404 | 410, _) => return Err(BaselineError::NotThere { place }),
            (status, _) => return Err(WebError::GaveUp { host, reason: format!("status {status}") }.into()),
        }
    }
    Err(WebError::GaveUp { host: host_of(&url), reason: format!("more than {REDIRECTS} redirects") }.into())
}

fn next(url: &Url, location: &str, host: &str) -> Result<Url, WebError> {
    let joined = url.join(location).map_or_else(|_| location.to_owned(), String::from);
    service_address("its redirect", &joined).map_err(|error| WebError::GaveUp { host: host.to_owned(), reason: error.to_string() })
}
