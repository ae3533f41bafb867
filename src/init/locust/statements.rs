//! What the body of a task does, statement by statement: requests, pauses, values that are kept, loops.

use super::classes::plain_text;
use super::requests::{ANSWER, saved, split_answer};
use super::tasks::{Body, TaskReader, dotted, method, not_carried_over, number, without_me};
use super::values::Known;
use crate::init::draft::{Pairs, pause};
use crate::init::python::{Condition, Expression, Statement, StatementKind};

/// A method that calls a method that calls ..: not further.
const MAX_CALLS: usize = 4;

impl<'m> TaskReader<'_, 'm> {
    pub fn block(&mut self, statements: &'m [Statement], body: &mut Body<'m>) {
        for (index, statement) in statements.iter().enumerate() {
            self.line = statement.first_line;
            let is_docstring = index == 0 && matches!(&statement.kind, StatementKind::Expression(Expression::Text(_)));
            if !is_docstring && !self.statement(statement, body) {
                self.notes.push(not_carried_over(statement));
            }
        }
    }

    /// Whether the statement was carried over, or does nothing that a server would see.
    fn statement(&mut self, statement: &'m Statement, body: &mut Body<'m>) -> bool {
        match &statement.kind {
            StatementKind::Nothing => true,
            StatementKind::Expression(expression) | StatementKind::Return(Some(expression)) => self.expression(expression, body),
            StatementKind::Assign { target, value } => self.assign(target, value, body),
            StatementKind::With { items, body: inner } => {
                let [(call, alias)] = items.as_slice() else { return false };
                if !self.request(call, body) {
                    return false;
                }
                if let Some(alias) = alias {
                    body.names.set(alias, Known::Answer(body.steps.len() - 1));
                }
                self.block(inner, body);
                true
            }
            StatementKind::For { variable, over, body: inner } => self.repeat(variable, over, inner, body),
            StatementKind::AssertEqual(left, right) => expect_status(left, right, body),
            StatementKind::If { condition, body: inner, otherwise } => self.branch(condition, inner, otherwise, body),
            StatementKind::Return(None) | StatementKind::Class { .. } | StatementKind::Function { .. } | StatementKind::Other => false,
        }
    }

    fn expression(&mut self, expression: &'m Expression, body: &mut Body<'m>) -> bool {
        if self.request(expression, body) {
            return true;
        }
        let Expression::Call { function, arguments, .. } = expression else { return false };
        let Some(name) = dotted(function).map(|name| without_me(&name, body.me)) else { return false };
        match name.as_str() {
            "print" | "self.wait" | "self.interrupt" => true,
            name if name.starts_with("logging.") || name.starts_with("logger.") || name.starts_with("log.") => true,
            name if name.ends_with(".success") && arguments.is_empty() => true,
            "time.sleep" | "sleep" | "gevent.sleep" => {
                let (Some(seconds), Some(step)) = (arguments.first().and_then(number), body.steps.last_mut()) else { return false };
                if step.think.is_some() || seconds < 0.0 {
                    return false;
                }
                step.think = Some(pause(seconds));
                true
            }
            "self.client.headers.update" => {
                let headers = arguments.first().and_then(|headers| self.values(body).pairs(headers));
                self.set_headers(headers)
            }
            name => self.call_own(name, arguments, body),
        }
    }

    /// A branch by how an answer went: what is done where it went well follows, where the other branch does no more than
    /// call it a failure.
    fn branch(&mut self, condition: &Condition, inner: &'m [Statement], otherwise: &'m [Statement], body: &mut Body<'m>) -> bool {
        let is_answer_ok = |value: &Expression, body: &Body<'m>| {
            let Expression::Name(name) = value else { return false };
            let answer = name.strip_suffix(".ok").map(|answer| without_me(answer, body.me));
            answer.is_some_and(|answer| matches!(body.names.get(&answer), Some(Known::Answer(_))))
        };
        let (well, badly) = match condition {
            Condition::Equal(..) => (inner, otherwise),
            Condition::Truthy(value) if is_answer_ok(value, body) => (inner, otherwise),
            Condition::NotEqual(..) => (otherwise, inner),
            Condition::Not(value) if is_answer_ok(value, body) => (otherwise, inner),
            Condition::Truthy(_) | Condition::Not(_) => return false,
        };
        if !badly.iter().all(only_fails) {
            return false;
        }
        if let Condition::Equal(left, right) | Condition::NotEqual(left, right) = condition
            && !expect_status(left, right, body)
        {
            return false;
        }
        self.block(well, body);
        true
    }

    /// Headers that the client sends from now on; `false` where they are not known.
    fn set_headers(&mut self, headers: Option<Pairs>) -> bool {
        let is_known = headers.is_some();
        for (name, value) in headers.into_iter().flatten() {
            set_header(&mut self.default_headers, &name, value);
        }
        is_known
    }

    /// `self.login()`: the body of a method of the same class.
    fn call_own(&mut self, name: &str, arguments: &[Expression], body: &mut Body<'m>) -> bool {
        let Some(own) = name.strip_prefix("self.").filter(|name| !name.contains('.') && arguments.is_empty()) else { return false };
        let Some(function) = method(&body.chain, own).filter(|_| body.calls < MAX_CALLS) else { return false };
        body.calls += 1;
        let outer = std::mem::replace(&mut body.me, function.first_parameter.unwrap_or("self"));
        self.block(function.body, body);
        body.me = outer;
        body.calls -= 1;
        true
    }

    fn assign(&mut self, target: &Expression, value: &'m Expression, body: &mut Body<'m>) -> bool {
        if let Expression::Index(object, key) = target {
            let is_headers = dotted(object).is_some_and(|name| without_me(&name, body.me) == "self.client.headers");
            let (true, Some(key)) = (is_headers, plain_text(key)) else { return false };
            let Some(value) = self.values(body).named_text(&key, value) else { return false };
            set_header(&mut self.default_headers, &key, value);
            return true;
        }
        let Some(name) = dotted(target).map(|name| without_me(&name, body.me)) else { return false };
        if name == "self.client.headers" {
            let headers = self.values(body).pairs(value);
            return self.set_headers(headers);
        }
        let split = split_answer(value, body.me);
        if let Some((request, _)) = &split {
            if !self.request(request, body) {
                return false;
            }
            body.names.set(ANSWER, Known::Answer(body.steps.len() - 1));
        }
        if let Some(table) = self.tables.row(&name, value) {
            body.names.set(&name, Known::Row(table));
            return true;
        }
        let looked_into = split.map_or_else(|| value.clone(), |(_, rest)| rest);
        if looked_into == Expression::Name(ANSWER.to_owned()) {
            body.names.set(&name, Known::Answer(body.steps.len() - 1));
            return true;
        }
        if let Some(known) = saved(&name, &looked_into, body) {
            body.names.set(&name, known);
            return true;
        }
        let Some(written) = self.values(body).named_text(&name, value) else {
            let constant =
                !matches!(value, Expression::Other | Expression::Call { .. } | Expression::Attribute(..) | Expression::Index(..));
            if constant {
                body.names.set(&name, Known::Constant(value.clone()));
            } else {
                body.names.forget(&name);
            }
            return constant;
        };
        body.names.set(&name, Known::Written(written));
        true
    }

    /// `for i in range(10)`: every step so often; over a list: once for each of its members.
    fn repeat(&mut self, variable: &str, over: &Expression, inner: &'m [Statement], body: &mut Body<'m>) -> bool {
        let first = body.steps.len();
        match over {
            Expression::Call { function, arguments, .. } if dotted(function).as_deref() == Some("range") => {
                let bounds: Vec<f64> = arguments.iter().filter_map(number).collect();
                let (from, to) = match bounds.as_slice() {
                    [to] => (0.0, *to),
                    [from, to] => (*from, *to),
                    _ => return false,
                };
                if !(1.0..=1000.0).contains(&(to - from)) || arguments.len() != bounds.len() {
                    return false;
                }
                body.names.set(variable, Known::Written(format!("${{random_int({from}, {})}}", to - 1.0)));
                self.block(inner, body);
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 1000")]
                let times = (to - from) as u64;
                body.steps[first..]
                    .iter_mut()
                    .for_each(|step| step.repeat = Some(step.repeat.unwrap_or(1).saturating_mul(times).min(1000)));
            }
            Expression::List(members) if members.len() <= 20 => {
                for member in members {
                    body.names.set(variable, Known::Constant(member.clone()));
                    self.block(inner, body);
                }
            }
            _ => return false,
        }
        body.names.forget(variable);
        body.steps.len() > first
    }
}

/// Whether a statement does nothing but call an answer a failure, or leave.
fn only_fails(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Nothing | StatementKind::Return(_) => true,
        StatementKind::Expression(Expression::Call { function, .. }) => dotted(function).is_some_and(|name| {
            name.ends_with(".failure")
                || name.ends_with(".interrupt")
                || name == "print"
                || ["logging.", "logger.", "log."].iter().any(|log| name.starts_with(log))
        }),
        StatementKind::Other => statement.source.starts_with("raise "),
        _ => false,
    }
}

fn expect_status(left: &Expression, right: &Expression, body: &mut Body<'_>) -> bool {
    let Some(answer) = dotted(left).and_then(|name| name.strip_suffix(".status_code").map(str::to_owned)) else { return false };
    let (Some(Known::Answer(step)), Some(status)) = (body.names.get(&answer), number(right)) else { return false };
    let step = *step;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a status is checked to be one")]
    let status = if (100.0..600.0).contains(&status) { status as u16 } else { return false };
    body.steps[step].expect = Some(status);
    true
}

fn set_header(headers: &mut Pairs, name: &str, value: String) {
    match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, known)) => *known = value,
        None => headers.push((name.to_ascii_lowercase(), value)),
    }
}
