//! How a user gets the answer to a request: on which connection, once more where that is harmless, and along redirects.

use std::io;
use std::time::Duration;

use url::Url;

use super::{BODY_CAP, User};
use crate::load::connection::ConnectError;
use crate::load::exchange::{self, Answer, BodyUse, ExchangeError};
use crate::load::recorder::Fault;
use crate::load::request::{head, path_of, redirected};
use crate::load::worker::{Buffers, Worker};
use crate::run::FailureClass;
use crate::scenario::{Method, Step};
use crate::units::format_duration;

impl User {
    /// Gets the answer, following redirects where the scenario wants it.
    pub(super) async fn deliver(&mut self, worker: &Worker, step: &Step, buffers: &mut Buffers) -> Result<Answer, Undelivered> {
        let mut answer = self.deliver_once(worker, step, buffers).await?;
        let mut moved = None;
        for _ in 0..worker.scenario.http.redirects {
            let Some(next) = redirect(worker, moved.as_ref().unwrap_or(step), &answer, buffers) else { break };
            if answer.sets_cookies {
                self.keep_cookies(worker, path_of(&buffers.scratch.request), &buffers.incoming[..answer.head_length]);
            }
            let head = head(&next, &worker.authority);
            if self.compose(worker, &next, &head, buffers).is_err() {
                break;
            }
            answer = self.deliver_once(worker, &next, buffers).await?;
            moved = Some(next);
        }
        Ok(answer)
    }

    /// One exchange; once more on a fresh connection where the reused one had been closed in the meantime.
    async fn deliver_once(&mut self, worker: &Worker, step: &Step, buffers: &mut Buffers) -> Result<Answer, Undelivered> {
        let mut retried = false;
        loop {
            let lease = worker.lease(&mut self.connection).await;
            let usable = lease.connection.filter(|connection| !retried && !connection.is_stale());
            let mut connection = match usable {
                Some(connection) => connection,
                None => Box::pin(worker.connect()).await.map_err(Undelivered::from_connect)?,
            };
            let body_use = if step.keeps_body() { BodyUse::Keep } else { BodyUse::Count };
            let exchanged = connection.exchange(&buffers.scratch.request, step.method, body_use, BODY_CAP, &mut buffers.incoming).await;
            match exchanged {
                Ok(answer) => {
                    if answer.reusable {
                        connection.reused = true;
                        worker.keep(connection, &mut self.connection);
                    }
                    return Ok(answer);
                }
                Err(ExchangeError::Closed { answer_begun: false, request_begun })
                    if connection.reused && !retried && (step.method.is_safe() || !request_begun) =>
                {
                    retried = true;
                    buffers.retried = true;
                }
                Err(error) => return Err(Undelivered::Target(fault_of(&error))),
            }
        }
    }

    /// Keeps the cookies that the answer to a request for `path` sets.
    pub(super) fn keep_cookies(&mut self, worker: &Worker, path: &str, head: &[u8]) {
        let (Some(store), Some(url)) = (self.cookies.as_deref_mut(), worker.url(path)) else { return };
        exchange::headers(head, |name, value| {
            if name.eq_ignore_ascii_case("set-cookie")
                && let Ok(text) = std::str::from_utf8(value)
            {
                // A cookie that does not belong to this host is not kept, as in a browser.
                let _ = store.parse(text, &url);
            }
        });
    }
}

/// Why there is no answer.
pub(super) enum Undelivered {
    Target(Fault),
    Local { code: &'static str, text: String },
}

impl Undelivered {
    pub(super) fn out_of_time(timeout: Duration) -> Self {
        let cause = format!("no whole answer within {}", format_duration(timeout));
        Self::Target(Fault::new(FailureClass::Timeout, cause))
    }

    fn from_connect(error: ConnectError) -> Self {
        match error {
            ConnectError::Target { class, source } => Self::Target(Fault::new(class, connect_cause(class, &source))),
            ConnectError::Local { code, source } => {
                Self::Local { code, text: format!("this machine cannot open more connections: {source}") }
            }
        }
    }
}

fn fault_of(error: &ExchangeError) -> Fault {
    match error {
        ExchangeError::Closed { answer_begun: false, .. } => Fault::new(FailureClass::Reset, "connection closed before an answer"),
        ExchangeError::Closed { answer_begun: true, .. } => Fault::new(FailureClass::Reset, "connection closed within the answer"),
        ExchangeError::Protocol(why) => Fault::new(FailureClass::Protocol, *why),
        ExchangeError::TooLarge => Fault::new(FailureClass::TooLarge, "body over 10 MiB"),
    }
}

/// The kind of error alone: its text may hold what the other side sent.
fn connect_cause(class: FailureClass, source: &io::Error) -> String {
    match class {
        FailureClass::Timeout => "no connection in time".to_owned(),
        FailureClass::Tls => "TLS handshake failed".to_owned(),
        _ => source.kind().to_string(),
    }
}

/// The step that a redirect leads to; `None` where it is none, or leads to another host.
fn redirect(worker: &Worker, step: &Step, answer: &Answer, buffers: &Buffers) -> Option<Step> {
    let method = match (answer.status, step.method) {
        (307 | 308, method) | (301 | 302, method @ (Method::Get | Method::Head)) => method,
        (303, Method::Head) => Method::Head,
        (301..=303, _) => Method::Get,
        _ => return None,
    };
    let mut location = None;
    exchange::headers(&buffers.incoming[..answer.head_length], |name, value| {
        if name.eq_ignore_ascii_case("location") {
            location = std::str::from_utf8(value).ok().map(str::to_owned);
        }
    });
    let here = worker.url(path_of(&buffers.scratch.request))?;
    let there: Url = here.join(&location?).ok()?;
    (there.origin() == here.origin()).then(|| redirected(step, method, &there[url::Position::BeforePath..url::Position::AfterQuery]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_get_no_answer_has_its_class() {
        for (error, class) in [
            (ExchangeError::Closed { answer_begun: false, request_begun: true }, FailureClass::Reset),
            (ExchangeError::Closed { answer_begun: true, request_begun: true }, FailureClass::Reset),
            (ExchangeError::Protocol("bad chunk size"), FailureClass::Protocol),
            (ExchangeError::TooLarge, FailureClass::TooLarge),
        ] {
            assert_eq!(fault_of(&error).class, class, "{error:?}");
        }
    }

    #[test]
    fn a_cause_never_holds_what_the_other_side_said() {
        let source = || io::Error::other("<script>");
        for class in [FailureClass::Tls, FailureClass::Timeout, FailureClass::Connect] {
            assert!(!connect_cause(class, &source()).contains("script"));
        }
    }
}
