//! How a user gets the answer to a request: on which connection, once more where that is harmless, and along redirects.

use std::io;
use std::time::Duration;

use url::Url;

use super::{BODY_CAP, User, cookie_header};
use crate::load::connection::ConnectError;
use crate::load::exchange::{self, Answer, BodyUse, ExchangeError};
use crate::load::recorder::Fault;
use crate::load::request::path_of;
use crate::load::system::waiting_ports;
use crate::load::worker::{Buffers, Lease, Worker};
use crate::run::FailureClass;
use crate::scenario::{Method, Step};
use crate::units::{format_count, format_duration};

impl User {
    /// Gets the answer, following redirects where the scenario wants it.
    pub(super) async fn deliver(
        &mut self,
        worker: &Worker,
        step: &Step,
        mut lease: Lease<'_>,
        buffers: &mut Buffers,
    ) -> Result<Answer, Undelivered> {
        let body_use = if step.keeps_body() { BodyUse::Keep } else { BodyUse::Count };
        let mut method = step.method;
        let mut answer = self.deliver_once(worker, method, body_use, &mut lease, buffers).await?;
        for _ in 0..worker.scenario.http.redirects {
            let Some((next, path)) = redirect(worker, method, &answer, buffers) else { break };
            if answer.sets_cookies {
                self.keep_cookies(worker, path_of(&buffers.scratch.request), &buffers.incoming[..answer.head_length]);
            }
            buffers.scratch.redirect(method, next, &path, |path| cookie_header(worker, self.cookies.as_deref(), path));
            method = next;
            worker.renew(&mut lease, &mut self.connection);
            answer = self.deliver_once(worker, method, body_use, &mut lease, buffers).await?;
        }
        Ok(answer)
    }

    /// One exchange; once more on a fresh connection where the reused one had been closed in the meantime.
    async fn deliver_once<'w>(
        &mut self,
        worker: &'w Worker,
        method: Method,
        body_use: BodyUse,
        lease: &mut Lease<'w>,
        buffers: &mut Buffers,
    ) -> Result<Answer, Undelivered> {
        let mut retried = false;
        loop {
            let open = lease.connection.take().filter(|connection| !connection.is_stale());
            let mut connection = match open {
                Some(connection) => connection,
                None if lease.may_open() => {
                    let opened = worker.connect().await.map_err(Undelivered::from_connect)?;
                    lease.opened();
                    opened
                }
                None => {
                    // What it had a part in is gone. The pool opens another, or has done so.
                    *lease = worker.lease_again().await;
                    continue;
                }
            };
            let exchanged = connection.exchange(&buffers.scratch.request, method, body_use, BODY_CAP, &mut buffers.incoming).await;
            match exchanged {
                Ok(answer) => {
                    if answer.reusable {
                        connection.reused = true;
                        worker.keep(connection, &mut self.connection);
                    }
                    return Ok(answer);
                }
                Err(ExchangeError::Closed { answer_begun: false, request_begun })
                    if connection.reused && !retried && (method.is_safe() || !request_begun) =>
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
            ConnectError::Local { code, source } => Self::Local { code, text: local_text(code, &source) },
        }
    }
}

/// Why this machine cannot open another connection, and what to do about it.
fn local_text(code: &str, source: &io::Error) -> String {
    let cure = match code {
        "descriptors" => "raise `ulimit -n`, or use fewer users".to_owned(),
        "ports" => {
            let held =
                waiting_ports().map_or_else(String::new, |count| format!("{} ended connections still hold theirs: ", format_count(count)));
            format!("no port is left. {held}keep connections open, widen `net.ipv4.ip_local_port_range`, or use more machines")
        }
        _ => "use fewer users, or a machine with more memory".to_owned(),
    };
    format!("this machine cannot open more connections ({source}): {cure}")
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

/// The method and the path that a redirect leads to; `None` where it is none, or leads to another host.
fn redirect(worker: &Worker, method: Method, answer: &Answer, buffers: &Buffers) -> Option<(Method, String)> {
    let method = match (answer.status, method) {
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
    let path = &there[url::Position::BeforePath..url::Position::AfterQuery];
    (there.origin() == here.origin()).then(|| (method, path.to_owned()))
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
