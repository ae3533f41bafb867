//! Requests as bytes: everything that does not change is joined once, before the load; the rest is filled in per request.

use std::io::Write as _;

use super::values::{MissingValue, Scope};
use crate::scenario::{Body, Method, Part, Scenario, Step, Template};

/// The constant part of every step of a scenario, in the shape of its user kinds.
#[derive(Debug)]
pub struct Program {
    pub kinds: Vec<KindHeads>,
}

/// Heads of one kind's steps.
#[derive(Debug)]
pub struct KindHeads {
    pub start: Vec<Template>,
    pub tasks: Vec<Vec<Template>>,
    pub stop: Vec<Template>,
}

impl Program {
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let authority = scenario.target.authority();
        let heads = |steps: &[Step]| steps.iter().map(|step| head(step, &authority)).collect();
        let kinds = scenario.kinds.iter().map(|kind| KindHeads {
            start: heads(&kind.start),
            tasks: kind.tasks.iter().map(|task| heads(&task.steps)).collect(),
            stop: heads(&kind.stop),
        });
        Self { kinds: kinds.collect() }
    }
}

/// Request line and headers, without the empty line that ends them.
#[must_use]
pub fn head(step: &Step, authority: &str) -> Template {
    let mut joined = Joined::default();
    joined.text(step.method.name());
    joined.text(" ");
    joined.template(&step.path);
    joined.text(" HTTP/1.1\r\n");
    let named = |name: &str| step.headers.iter().any(|(header, _)| header == name);
    for (name, value) in [("host", authority), ("user-agent", concat!("perfgate/", env!("CARGO_PKG_VERSION"))), ("accept", "*/*")] {
        if !named(name) {
            joined.text(&format!("{name}: {value}\r\n"));
        }
    }
    for (name, value) in &step.headers {
        joined.text(name);
        joined.text(": ");
        joined.template(value);
        joined.text("\r\n");
    }
    joined.finish()
}

/// Parts put one after the other, neighbouring texts as one.
#[derive(Default)]
struct Joined {
    parts: Vec<Part>,
    text: String,
}

impl Joined {
    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn template(&mut self, template: &Template) {
        for part in template.parts() {
            match part {
                Part::Text(text) => self.text.push_str(text),
                Part::Value { .. } => {
                    self.close_text();
                    self.parts.push(part.clone());
                }
            }
        }
    }

    fn close_text(&mut self) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text).into()));
        }
    }

    fn finish(mut self) -> Template {
        self.close_text();
        Template::new(self.parts)
    }
}

/// Space that requests are written in, used again and again.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The request as sent.
    pub request: Vec<u8>,
    body: Vec<u8>,
    /// Where the headers that the scenario gives end within the request.
    headers_end: usize,
}

/// Writes the whole request of a step into the scratch. `cookie` gives the value of the cookie header for the filled-in path.
///
/// # Errors
/// [`MissingValue`] where a variable is not set.
pub fn compose(
    step: &Step,
    head: &Template,
    scope: &mut Scope<'_>,
    cookie: impl FnOnce(&str) -> Option<String>,
    scratch: &mut Scratch,
) -> Result<(), MissingValue> {
    let Scratch { request, body, headers_end } = scratch;
    request.clear();
    body.clear();
    scope.write(head, request)?;
    *headers_end = request.len();
    match &step.body {
        Some(Body::Template(template)) => scope.write(template, body)?,
        Some(Body::Bytes(bytes)) => body.extend_from_slice(bytes),
        None => {}
    }
    scratch.finish(step.method, cookie);
    Ok(())
}

impl Scratch {
    /// Turns the request into the one that a redirect leads to: the same bytes but for the path, and without the body where
    /// the method is another. `cookie` is as for [`compose`].
    pub fn redirect(&mut self, from: Method, to: Method, path: &str, cookie: impl FnOnce(&str) -> Option<String>) {
        let headers_begin = self.request.iter().position(|byte| *byte == b'\n').map_or(self.headers_end, |at| at + 1);
        let headers = self.request[headers_begin..self.headers_end].to_vec();
        self.request.clear();
        // Writing to memory can't fail.
        let _ = write!(self.request, "{} {path} HTTP/1.1\r\n", to.name());
        for line in headers.split_inclusive(|byte| *byte == b'\n') {
            let of_body = line.get(..13).is_some_and(|name| name.eq_ignore_ascii_case(b"content-type:"));
            if from == to || !of_body {
                self.request.extend_from_slice(line);
            }
        }
        self.headers_end = self.request.len();
        if from != to {
            self.body.clear();
        }
        self.finish(to, cookie);
    }

    /// What stands behind the headers that the scenario gives.
    fn finish(&mut self, method: Method, cookie: impl FnOnce(&str) -> Option<String>) {
        let Self { request, body, .. } = self;
        if let Some(cookie) = cookie(path_of(request)) {
            request.extend_from_slice(b"cookie: ");
            request.extend_from_slice(cookie.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        if !body.is_empty() || matches!(method, Method::Post | Method::Put | Method::Patch) {
            let _ = write!(request, "content-length: {}\r\n", body.len());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
    }
}

/// Path and query of a request as written: what stands between the first two spaces.
#[must_use]
pub fn path_of(request: &[u8]) -> &str {
    request.split(|byte| *byte == b' ').nth(1).and_then(|path| std::str::from_utf8(path).ok()).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::super::samples::step;
    use super::*;
    use crate::plan::{Dice, Stream};

    fn composed(text: &str, cookie: Option<&str>) -> String {
        let step = step(text);
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scope = Scope { data: &[], rows: &[], variables: &[], user: 3, iteration: 9, dice: &mut dice };
        let mut scratch = Scratch::default();
        scratch.request.extend_from_slice(b"left over");
        compose(&step, &head(&step, "shop:8080"), &mut scope, |_| cookie.map(str::to_owned), &mut scratch).unwrap();
        String::from_utf8(scratch.request).unwrap()
    }

    const AGENT: &str = concat!("user-agent: perfgate/", env!("CARGO_PKG_VERSION"), "\r\n");

    #[test]
    fn a_request_is_its_head_and_its_body() {
        assert_eq!(composed("{get: /a}", None), format!("GET /a HTTP/1.1\r\nhost: shop:8080\r\n{AGENT}accept: */*\r\n\r\n"));
        assert_eq!(
            composed("{put: '/${user.id}', body: 'n=${iteration}', headers: {accept: text/plain}}", Some("a=b; c=d")),
            format!(
                "PUT /3 HTTP/1.1\r\nhost: shop:8080\r\n{AGENT}accept: text/plain\r\ncontent-type: text/plain; charset=utf-8\r\ncookie: a=b; c=d\r\ncontent-length: 3\r\n\r\nn=9"
            )
        );
    }

    #[test]
    fn a_method_that_may_have_a_body_says_that_it_has_none() {
        assert!(composed("{post: /a}", None).ends_with("content-length: 0\r\n\r\n"));
        assert!(!composed("{delete: /a}", None).contains("content-length"));
    }

    #[test]
    fn what_never_changes_is_one_text() {
        assert_eq!(head(&step("{get: /a}"), "shop").parts().len(), 1);
        assert_eq!(head(&step("{get: '/a/${user.id}'}"), "shop").parts().len(), 3);
    }

    #[test]
    fn cookies_are_asked_for_by_the_filled_in_path() {
        let step = step("{get: '/users/${user.id}?page=2'}");
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scope = Scope { data: &[], rows: &[], variables: &[], user: 3, iteration: 9, dice: &mut dice };
        let mut asked = String::new();
        compose(
            &step,
            &head(&step, "shop"),
            &mut scope,
            |path| {
                asked.push_str(path);
                None
            },
            &mut Scratch::default(),
        )
        .unwrap();
        assert_eq!(asked, "/users/3?page=2");
        assert_eq!(path_of(b"garbage"), "/");
    }

    fn redirected(text: &str, to: Method) -> String {
        let step = step(text);
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scope = Scope { data: &[], rows: &[], variables: &[], user: 3, iteration: 9, dice: &mut dice };
        let mut scratch = Scratch::default();
        compose(&step, &head(&step, "shop"), &mut scope, |_| Some("old=1".into()), &mut scratch).unwrap();
        scratch.redirect(step.method, to, "/b?c=1", |path| Some(format!("for={path}")));
        String::from_utf8(scratch.request).unwrap()
    }

    /// The least time that one of so many requests takes to write, over rounds that are shorter than a turn of the scheduler.
    fn least_nanos(text: &str) -> u128 {
        const COMPOSED: u32 = 100;
        let step = step(text);
        let head = head(&step, "shop");
        let mut dice = Dice::new(1, Stream::Kinds);
        let mut scratch = Scratch::default();
        let variables = [Some(super::super::values::Value::Text("0b54e0a8".into()))];
        let round = |_| {
            let begun = std::time::Instant::now();
            for iteration in 1..=COMPOSED {
                let mut scope =
                    Scope { data: &[], rows: &[], variables: &variables, user: 3, iteration: u64::from(iteration), dice: &mut dice };
                compose(&step, &head, &mut scope, |_| None, &mut scratch).unwrap();
                std::hint::black_box(&scratch.request);
            }
            begun.elapsed().as_nanos() / u128::from(COMPOSED)
        };
        (0..200).map(round).min().unwrap()
    }

    #[test]
    fn two_values_in_a_path_cost_less_than_two_microseconds() {
        let fixed = least_nanos("{get: /users/17/orders/0b54e0a8}");
        let filled_in = least_nanos("{get: '/users/${user.id}/orders/${iteration}'}");
        assert!(filled_in.saturating_sub(fixed) < 2000, "{filled_in} ns, without values {fixed} ns");
        assert!(fixed < 1000, "{fixed} ns for a copy of what never changes");
    }

    #[test]
    fn a_redirected_request_keeps_its_body_with_its_method_alone() {
        let step = "{post: /a, body: x, headers: {x-a: b}}";
        assert_eq!(
            redirected(step, Method::Post),
            format!(
                "POST /b?c=1 HTTP/1.1\r\nhost: shop\r\n{AGENT}accept: */*\r\nx-a: b\r\ncontent-type: text/plain; charset=utf-8\r\ncookie: for=/b?c=1\r\ncontent-length: 1\r\n\r\nx"
            )
        );
        assert_eq!(
            redirected(step, Method::Get),
            format!("GET /b?c=1 HTTP/1.1\r\nhost: shop\r\n{AGENT}accept: */*\r\nx-a: b\r\ncookie: for=/b?c=1\r\n\r\n")
        );
    }
}
