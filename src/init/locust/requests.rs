//! One request of a Locust file as a step, and what is kept from its answer.

use url::Url;

use super::answers::{Place, looked_up, place, variable_name};
use super::classes::plain_text;
use super::tasks::{Body, TaskReader, dotted, without_me};
use super::values::{Known, Values};
use crate::init::draft::{DraftAuth, DraftBody, DraftSave, DraftStep, method_named, pause};
use crate::init::python::Expression;
use crate::init::secrets::{is_secret_name, looks_secret};

impl<'m> TaskReader<'_, 'm> {
    /// `self.client.get("/path", ..)` as a step; `false` where the expression is none, or its path is not known.
    pub fn request(&mut self, expression: &Expression, body: &mut Body<'m>) -> bool {
        let Expression::Call { function, arguments, keywords } = expression else { return false };
        let Some(function) = dotted(function).map(|name| without_me(&name, body.me)) else { return false };
        let Some(verb) = function.strip_prefix("self.client.") else { return false };
        let (method, positional) = match (verb, arguments.split_first()) {
            ("request", Some((method, rest))) => (plain_text(method), rest),
            (verb, _) => (Some(verb.to_owned()), arguments.as_slice()),
        };
        let mut positional = positional.iter();
        let Some(method) = method.and_then(|name| method_named(&name)) else { return false };
        let keyword = |name: &str| keywords.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let Some(path) = positional.next().or_else(|| keyword("url")).or_else(|| keyword("path")) else { return false };
        let Some(path) = self.values(body).text(path).and_then(|path| own_path(&path, &self.origin)) else { return false };
        let mut step = DraftStep::new(method, self.without_secrets(&path));
        // The second positional argument of post, put and patch is `data`.
        let data = positional.next();
        let mut lost: Vec<String> = Vec::new();
        {
            let mut values = self.values(body);
            if let Some(data) = data.or_else(|| keyword("data")) {
                step.body = data_body(&mut values, data);
                lost.extend(step.body.is_none().then(|| "data".to_owned()));
            }
            for (name, value) in keywords {
                if !add_keyword(&mut step, &mut values, name, value) {
                    lost.push(name.clone());
                }
            }
        }
        for name in lost {
            self.notes.push(format!(
                "line {}: {} {}: not carried over: `{name}=..`",
                self.line,
                step.method.name(),
                step.path.split('?').next().unwrap_or_default()
            ));
        }
        body.steps.push(step);
        true
    }
}

/// What stands for the answer of a request within the expression that looks into it at once.
pub const ANSWER: &str = "the answer";

/// The request that an expression begins with, and the expression with [`ANSWER`] in its place:
/// `self.client.get("/a").json()["id"]`.
pub fn split_answer(expression: &Expression, me: &str) -> Option<(Expression, Expression)> {
    match expression {
        Expression::Call { function, arguments, keywords } => match &**function {
            Expression::Name(name) if without_me(name, me).starts_with("self.client.") => {
                Some((expression.clone(), Expression::Name(ANSWER.to_owned())))
            }
            Expression::Name(_) => None,
            function => {
                let (request, function) = split_answer(function, me)?;
                Some((request, Expression::Call { function: Box::new(function), arguments: arguments.clone(), keywords: keywords.clone() }))
            }
        },
        Expression::Attribute(object, attribute) => {
            let (request, object) = split_answer(object, me)?;
            Some((
                request,
                match object {
                    Expression::Name(name) => Expression::Name(format!("{name}.{attribute}")),
                    object => Expression::Attribute(Box::new(object), attribute.clone()),
                },
            ))
        }
        Expression::Index(object, key) => {
            let (request, object) = split_answer(object, me)?;
            Some((request, Expression::Index(Box::new(object), key.clone())))
        }
        _ => None,
    }
}

impl TaskReader<'_, '_> {
    /// A path whose query holds no literal secret.
    fn without_secrets(&mut self, path: &str) -> String {
        let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
        let mut pair = |pair: &str| match pair.split_once('=') {
            Some((name, value)) if !value.contains("${") && (is_secret_name(name) || looks_secret(value)) => {
                format!("{name}={}", self.secrets.hide(name, value))
            }
            _ => pair.to_owned(),
        };
        format!("{path}?{}", query.split('&').map(&mut pair).collect::<Vec<_>>().join("&"))
    }
}

/// Whether a keyword was carried over, or needs not be.
fn add_keyword(step: &mut DraftStep, values: &mut Values<'_>, name: &str, value: &Expression) -> bool {
    match name {
        "url" | "path" | "data" | "catch_response" | "stream" => true,
        // Redirects are followed, as Locust does; a step that must not follow them has no word for it.
        "allow_redirects" => *value == Expression::Flag(true),
        "name" => {
            let label = plain_text(value).or_else(|| values.text(value));
            label.is_some_and(|label| {
                step.name = Some(label.replace("${", "$").chars().filter(|c| !c.is_control()).take(180).collect());
                true
            })
        }
        "json" => values.json(value).is_some_and(|json| {
            step.body = Some(DraftBody::json(json));
            true
        }),
        "params" => values.pairs(value).is_some_and(|pairs| {
            step.query = pairs;
            true
        }),
        "headers" => values.pairs(value).is_some_and(|pairs| {
            step.headers = pairs.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
            true
        }),
        "auth" => basic(values, value).is_some_and(|auth| {
            step.auth = Some(auth);
            true
        }),
        "timeout" => match value {
            Expression::Number(seconds) if *seconds >= 0.001 => {
                step.timeout = Some(pause(*seconds));
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn basic(values: &mut Values<'_>, value: &Expression) -> Option<DraftAuth> {
    let Expression::List(pair) = value else { return None };
    let [username, password] = pair.as_slice() else { return None };
    Some(DraftAuth::Basic { username: values.text(username)?, password: values.named_text("password", password)? })
}

/// `data=`: a dictionary is a form, a text is sent as it is.
fn data_body(values: &mut Values<'_>, data: &Expression) -> Option<DraftBody> {
    if let Some(pairs) = values.pairs(data) {
        return Some(DraftBody::Form(pairs));
    }
    Some(DraftBody::Text { text: values.text(data)?, media_type: None })
}

/// A path that leads to the target; `None` for another host, which a scenario may not load.
fn own_path(written: &str, origin: &str) -> Option<String> {
    let path = written.split('#').next().unwrap_or_default();
    let path = if path.starts_with("http://") || path.starts_with("https://") {
        let own = path.strip_prefix(origin)?;
        let same = |url: &str| Url::parse(url).map(|url| url.origin());
        if same(path).ok()? != same(origin).ok()? {
            return None;
        }
        own.to_owned()
    } else {
        path.to_owned()
    };
    Some(if path.starts_with('/') { path } else { format!("/{path}") })
}

/// What `token = response.json()["token"]` and the like stand for. What is kept in `self` is saved at once: it is there for
/// other tasks too.
pub fn saved(name: &str, value: &Expression, body: &mut Body<'_>) -> Option<Known> {
    let is_own = name.starts_with("self.");
    let variable = variable_name(name.trim_start_matches("self."));
    let (step, from) = if let Some(place) = place(value, &body.names, body.me) {
        if place.path == "$" || !is_own {
            let picked = place.picked.map(|known| if known.is_empty() { name.to_owned() } else { known });
            return Some(Known::Json(Place { picked, ..place }));
        }
        (place.step, DraftSave::Json(place.source()))
    } else {
        let (object, key) = looked_up(value)?;
        let object = without_me(&dotted(&object)?, body.me);
        let (answer, part) = object.rsplit_once('.')?;
        let Known::Answer(step) = body.names.get(answer)? else { return None };
        match part {
            "headers" => (*step, DraftSave::Header(key.to_ascii_lowercase())),
            "cookies" => (*step, DraftSave::Cookie(key)),
            _ => return None,
        }
    };
    let saves = &mut body.steps.get_mut(step)?.save;
    saves.retain(|(known, _)| *known != variable);
    saves.push((variable.clone(), from));
    Some(Known::Written(format!("${{{variable}}}")))
}
