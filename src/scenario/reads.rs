//! Which variables a step fills in and which it sets: who leaves out a step has to know who needed it.

use std::collections::BTreeSet;

use super::template::{Expression, Part, Template};
use super::{Body, Condition, Expected, Matcher, Repeat, Step};

impl Step {
    /// The slots that it reads, its own `foreach` element left out.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<usize> {
        let Self { endpoint: _, method: _, path, headers, body, expect, save, when, repeat, think: _, timeout: _ } = self;
        let mut slots = BTreeSet::new();
        let headers = headers.iter().map(|(_, value)| value);
        let body = body.iter().filter_map(|body| match body {
            Body::Template(template) => Some(template),
            Body::Bytes(_) => None,
        });
        let matchers = expect.headers.iter().map(|(_, matcher)| matcher).chain(expect.json.iter().map(|(_, matcher)| matcher));
        let matchers = matchers.chain(&expect.body).filter_map(expected);
        let defaults = save.iter().filter_map(|save| save.default.as_ref());
        let conditions = when.iter().flat_map(|when| match when {
            Condition::Truthy(text) => vec![text],
            Condition::Equal(left, right) | Condition::NotEqual(left, right) => vec![left, right],
        });
        let templates = std::iter::once(path).chain(headers).chain(body).chain(matchers).chain(defaults).chain(conditions);
        templates.for_each(|template| of_template(template, &mut slots));
        if let Repeat::Each { list, item } = repeat {
            slots.remove(item);
            of_template(list, &mut slots);
        }
        slots
    }

    /// The slots that it sets for the steps after it.
    pub fn sets(&self) -> impl Iterator<Item = usize> {
        self.save.iter().map(|save| save.slot)
    }
}

/// What an answer is compared with, where it is filled in.
fn expected(matcher: &Matcher) -> Option<&Template> {
    match matcher {
        Matcher::Equals(Expected::Template(template)) | Matcher::Contains(template) => Some(template),
        Matcher::Exists | Matcher::Absent | Matcher::Equals(Expected::Json(_)) | Matcher::Matches(_) => None,
    }
}

fn of_template(template: &Template, slots: &mut BTreeSet<usize>) {
    for part in template.parts() {
        if let Part::Value { expression, .. } = part {
            of_expression(expression, slots);
        }
    }
}

fn of_expression(expression: &Expression, slots: &mut BTreeSet<usize>) {
    match expression {
        Expression::Variable(slot) => {
            slots.insert(*slot);
        }
        Expression::RandomChoice(choices) => choices.iter().for_each(|choice| of_expression(choice, slots)),
        Expression::Number(inner) => of_expression(inner, slots),
        Expression::Base64(template) => of_template(template, slots),
        Expression::Column { .. }
        | Expression::UserId
        | Expression::Iteration
        | Expression::Uuid
        | Expression::RandomInt(..)
        | Expression::Now
        | Expression::Literal(_) => {}
    }
}
