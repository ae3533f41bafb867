//! One step: request, expectations and what is saved, as the engine runs it.

use std::time::Duration;

use serde_json_path::JsonPath;

use super::Checked;
use super::body::{BodyKeys, TypedBody, compile_body};
use super::condition::{compile_repeat, compile_when};
use super::context::Context;
use super::expect::{compile_expect, json_path};
use super::headers::{Header, compile_auth, compile_headers};
use super::labels::Labels;
use super::path::compile_path;
use super::quantity;
use super::save::compile_saves;
use super::values::{Reads, Values};
use crate::document::{Placed, Written};
use crate::scenario::file::{AuthFile, Entries, ExpectFile, GraphqlFile, StepFile, Text};
use crate::scenario::{Expect, Matcher, Method, Part, Step, Template, Think};

/// What goes for a step that does not say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct StepDefaults<'a> {
    pub headers: &'a [Header],
    pub timeout: Duration,
    pub think: Option<Think>,
}

/// A step, with what selection and checks have to know of it.
#[derive(Debug)]
pub struct CompiledStep {
    pub step: Step,
    pub tags: Vec<String>,
    pub reads: Reads,
    /// The slot of a `foreach`'s element.
    pub element: Option<usize>,
}

impl CompiledStep {
    /// The slots that it fills.
    pub fn sets(&self) -> impl Iterator<Item = usize> {
        self.step.save.iter().map(|save| save.slot).chain(self.element)
    }
}

/// Compiles a step.
pub fn compile_step(
    context: &Context<'_>,
    labels: &mut Labels,
    defaults: StepDefaults<'_>,
    written: &Placed<StepFile>,
) -> Checked<CompiledStep> {
    let (method, path) = method_and_path(context, written)?;
    #[rustfmt::skip]
    let StepFile {
        get: _, head: _, post: _, put: _, patch: _, delete: _, options: _, name, tags, query, headers, auth, json, graphql, form, body,
        body_file, multipart, expect, save, when, repeat, foreach, think, timeout,
    } = &written.value;
    let mut values = Values::new(context);
    let compiled_path = compile_path(&mut values, path, query)?;
    let default_name = Placed { value: compiled_path.name, place: path.place };
    let endpoint = labels.intern(context, method, name.as_ref().unwrap_or(&default_name))?;
    let keys = BodyKeys {
        json: json.as_ref(),
        graphql: graphql.as_ref(),
        form: form.as_ref(),
        text: body.as_ref(),
        file: body_file.as_ref(),
        multipart: multipart.as_ref(),
    };
    let body = compile_body(&mut values, &keys)?;
    let headers = all_headers(&mut values, headers, auth.as_ref(), body.as_ref(), defaults.headers)?;
    let (repeat, element) = compile_repeat(&mut values, repeat.as_ref(), foreach.as_ref())?;
    let think = think.as_ref().map_or(Ok(defaults.think), |think| quantity::think(context.document, think))?;
    let timeout = timeout.as_ref().map_or(Ok(defaults.timeout), |timeout| quantity::timeout(context.document, "timeout", timeout))?;
    let step = Step {
        endpoint,
        method,
        path: compiled_path.template,
        headers,
        body: body.map(|typed| typed.body),
        expect: expectation(&mut values, expect.as_ref(), graphql.as_ref())?,
        save: compile_saves(&mut values, save)?,
        when: when.as_ref().map(|when| compile_when(&mut values, when)).transpose()?,
        repeat,
        think,
        timeout,
    };
    let tags = tags.iter().map(|tag| tag.value.clone()).collect();
    Ok(CompiledStep { step, tags, reads: values.reads, element })
}

/// What is expected; of a GraphQL answer, whose status says little, also that it has no `errors`, unless the step speaks of them.
fn expectation(
    values: &mut Values<'_>,
    written: Option<&Placed<Written<ExpectFile>>>,
    graphql: Option<&Placed<GraphqlFile>>,
) -> Checked<Expect> {
    let mut expect = written.map_or_else(|| Ok(Expect::default()), |expect| compile_expect(values, expect))?;
    if let Some(graphql) = graphql {
        let errors = json_path(values, "$.errors", graphql.place)?;
        if !expect.json.iter().any(|(path, _)| is_in_errors(path)) {
            expect.json.push((errors, Matcher::Absent));
        }
    }
    Ok(expect)
}

/// Whether a path leads into `errors`, as `$.errors[0].message` and `$["errors"]` do and `$.errorsSeen` does not.
fn is_in_errors(path: &JsonPath) -> bool {
    let path = path.to_string();
    let rest = path.strip_prefix("$.errors").or_else(|| path.strip_prefix("$['errors'"));
    rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
}

/// The one method that is written, with its path.
fn method_and_path<'f>(context: &Context<'_>, written: &'f Placed<StepFile>) -> Checked<(Method, &'f Placed<String>)> {
    let StepFile { get, head, post, put, patch, delete, options, .. } = &written.value;
    let given: Vec<(Method, &Placed<String>)> = [
        (Method::Get, get),
        (Method::Head, head),
        (Method::Post, post),
        (Method::Put, put),
        (Method::Patch, patch),
        (Method::Delete, delete),
        (Method::Options, options),
    ]
    .into_iter()
    .filter_map(|(method, path)| path.as_ref().map(|path| (method, path)))
    .collect();
    match given.as_slice() {
        [one] => Ok(*one),
        [] => {
            let hint = "write for example `get: /api/products`";
            Err(context.mistake_with_hint(written.place, "the step has no method and path", hint))
        }
        [(first, _), (second, path), ..] => {
            let message = format!("a step is one request, and this one has both {} and {}", first.name(), second.name());
            Err(context.mistake_with_hint(path.place, message, "make two steps of it"))
        }
    }
}

fn all_headers(
    values: &mut Values<'_>,
    written: &Entries<Placed<Text>>,
    auth: Option<&Placed<AuthFile>>,
    body: Option<&TypedBody>,
    defaults: &[Header],
) -> Checked<Vec<(String, Template)>> {
    let mut headers = compile_headers(values, written)?;
    let has = |headers: &[(String, Template)], name: &str| headers.iter().any(|(other, _)| other == name);
    if let Some(auth) = auth {
        if has(&headers, "authorization") {
            return Err(values.context.mistake(auth.place, "both `auth` and a header `authorization` are given"));
        }
        headers.push(("authorization".into(), compile_auth(values, auth)?));
    }
    if let Some(body) = body.filter(|body| !body.overridable) {
        headers.retain(|(name, _)| name != "content-type");
        headers.push(("content-type".into(), plain(&body.content_type)));
    }
    for Header { name, value, reads } in defaults {
        if !has(&headers, name) {
            headers.push((name.clone(), value.clone()));
            values.reads.include(reads);
        }
    }
    if let Some(body) = body
        && !has(&headers, "content-type")
    {
        headers.push(("content-type".into(), plain(&body.content_type)));
    }
    Ok(headers)
}

fn plain(text: &str) -> Template {
    Template::new(vec![Part::Text(text.into())])
}
