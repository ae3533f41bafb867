//! The tasks of a user class: which there are, with their weights, and what their bodies do.

use super::answers::{Wanted, save_wanted};
use super::classes::{Class, Classes, Part, UserClass, attribute_of, class_of, plain_text};
use super::tables::Tables;
use super::values::{Known, Names, Values, Waiting, waiting};
use crate::init::draft::{DraftKind, DraftStep, DraftTask, Pairs, free_name};
use crate::init::python::{Expression, Statement, StatementKind};
use crate::init::secrets::{Secrets, is_secret_name};

/// A task set within a task set within ..: not further.
const MAX_SETS: usize = 6;

/// Reads the tasks of one user class.
pub struct TaskReader<'r, 'm> {
    pub classes: &'r Classes<'m>,
    pub user: &'r UserClass<'m>,
    /// What absolute URLs may begin with.
    pub origin: String,
    pub secrets: &'r mut Secrets,
    pub notes: &'r mut Vec<String>,
    /// `self.client.headers`.
    pub default_headers: Pairs,
    /// What users do first in a task set.
    pub start: Vec<DraftStep>,
    pub env: &'r mut Vec<String>,
    pub tables: &'r mut Tables,
    /// What later texts of the body that is read want of its answers.
    pub wanted: Vec<Wanted>,
    /// Where the statement that is read begins.
    pub line: usize,
}

/// A function whose body is carried out by users.
#[derive(Clone, Copy)]
pub struct Function<'m> {
    pub name: &'m str,
    pub first_parameter: Option<&'m str>,
    pub decorators: &'m [Expression],
    pub body: &'m [Statement],
}

/// A body while it is read.
pub struct Body<'m> {
    pub steps: Vec<DraftStep>,
    pub names: Names,
    /// `self`, by whatever name.
    pub me: &'m str,
    /// Whose methods may be called.
    pub chain: Vec<Class<'m>>,
    pub calls: usize,
}

impl<'m> TaskReader<'_, 'm> {
    /// The user class as a kind of user; `None`, with a note, where none of its tasks could be carried over.
    pub fn kind(&mut self) -> Option<DraftKind> {
        let own = self.user.chain[0];
        let chain = self.user.chain.clone();
        let mut names = Names::of_module(self.classes.top);
        let mut start = self.lifecycle(&chain, "on_start", &mut names);
        let mut tasks = self.tasks_of(&chain, &names, 0);
        start.append(&mut self.start);
        let mut stop = self.lifecycle(&chain, "on_stop", &mut names);
        name_apart(&mut tasks);
        self.add_waiting(&mut tasks);
        self.note_attributes(own);
        if tasks.is_empty() {
            self.notes.push(format!("line {}: not carried over: `{}` has no task with a request", own.line, own.name));
            return None;
        }
        tasks.iter_mut().flat_map(|task| &mut task.steps).chain(&mut stop).for_each(|step| add_headers(step, &self.default_headers));
        let weight = match self.user.attribute("weight") {
            Some(Expression::Number(weight)) if *weight > 0.0 => *weight,
            _ => 1.0,
        };
        Some(DraftKind { name: own.name.to_owned(), weight, start, tasks, stop })
    }

    fn lifecycle(&mut self, chain: &[Class<'m>], name: &str, names: &mut Names) -> Vec<DraftStep> {
        let Some(function) = method(chain, name) else { return Vec::new() };
        let body = self.read(function, chain, names.clone());
        // What it keeps in `self` is there for the tasks.
        names.take_over_own(body.names);
        body.steps
    }

    /// The tasks that a class has itself, by `@task`, by `tasks = ..`, and by nested task sets.
    fn tasks_of(&mut self, chain: &[Class<'m>], names: &Names, depth: usize) -> Vec<DraftTask> {
        if depth > MAX_SETS {
            return Vec::new();
        }
        let mut members: Vec<(&str, Vec<DraftTask>)> = Vec::new();
        for class in chain.iter().rev() {
            for statement in class.body {
                let (StatementKind::Function { decorators, name, .. } | StatementKind::Class { decorators, name, .. }) = &statement.kind
                else {
                    continue;
                };
                let Some(weight) = decorators.iter().find_map(task_weight) else { continue };
                let of_member: Vec<DraftTask> = if let Some(function) = function_of(statement) {
                    self.task(function, chain, names, weight, statement).into_iter().collect()
                } else {
                    class_of(statement).map(|nested| self.task_set(nested, names, weight, depth)).unwrap_or_default()
                };
                // A class has one member of a name: its own in place of an inherited one.
                members.retain(|(known, _)| *known != name.as_str());
                members.push((name.as_str(), of_member));
            }
        }
        let mut tasks: Vec<DraftTask> = members.into_iter().flat_map(|(_, tasks)| tasks).collect();
        if let Some(listed) = chain.iter().find_map(|class| attribute_of(class, "tasks")) {
            tasks.extend(self.listed_tasks(listed, chain, names, depth));
        }
        tasks
    }

    /// `tasks = [browse, buy]` or `{browse: 3, buy: 1}`; names of functions and of task sets.
    fn listed_tasks(&mut self, listed: &Expression, chain: &[Class<'m>], names: &Names, depth: usize) -> Vec<DraftTask> {
        let members: Vec<(&Expression, f64)> = match listed {
            Expression::List(members) => members.iter().map(|member| (member, 1.0)).collect(),
            Expression::Dictionary(members) => members.iter().filter_map(|(member, weight)| Some((member, number(weight)?))).collect(),
            _ => Vec::new(),
        };
        let mut tasks = Vec::new();
        for (member, weight) in members {
            let Expression::Name(name) = member else { continue };
            let top = self.classes.top.iter().find(|statement| function_of(statement).is_some_and(|function| function.name == name));
            if let Some(set) = self.classes.named(name) {
                tasks.extend(self.task_set(set, names, weight, depth));
            } else if let Some((function, statement)) = top.and_then(|statement| Some((function_of(statement)?, statement))) {
                tasks.extend(self.task(function, chain, names, weight, statement));
            } else {
                self.notes.push(format!("not carried over: task `{name}`, which this file does not define"));
            }
        }
        tasks
    }

    fn task(
        &mut self,
        function: Function<'m>,
        chain: &[Class<'m>],
        names: &Names,
        weight: f64,
        statement: &Statement,
    ) -> Option<DraftTask> {
        let body = self.read(function, chain, names.clone());
        if body.steps.is_empty() {
            let line = statement.first_line;
            self.notes.push(format!("line {line}: not carried over: task `{}`, in which no request could be read", function.name));
            return None;
        }
        let tags = function.decorators.iter().filter_map(tags_of).flatten().collect();
        Some(DraftTask { name: function.name.to_owned(), weight, tags, steps: body.steps, ..DraftTask::default() })
    }

    /// A task set: a sequence is one task; of others each task is one, with its share of the weight.
    fn task_set(&mut self, set: Class<'m>, names: &Names, weight: f64, depth: usize) -> Vec<DraftTask> {
        let chain = self.classes.chain(set);
        let mut names = names.clone();
        let mut start = self.lifecycle(&chain, "on_start", &mut names);
        let mut tasks = self.tasks_of(&chain, &names, depth + 1);
        if self.classes.part_of(&set) == Part::Sequence {
            self.wait_between(&mut tasks);
            let steps: Vec<DraftStep> = start.into_iter().chain(tasks.into_iter().flat_map(|task| task.steps)).collect();
            let task = DraftTask { name: set.name.to_owned(), weight, steps, ..DraftTask::default() };
            return if task.steps.is_empty() { Vec::new() } else { vec![task] };
        }
        let all: f64 = tasks.iter().map(|task| task.weight).sum();
        for task in &mut tasks {
            task.weight = rounded(task.weight * weight / all.max(f64::EPSILON));
        }
        let what = if start.is_empty() { "users do not stay in it" } else { "users do not stay in it, and do its on_start once" };
        self.start.append(&mut start);
        self.notes.push(format!("line {}: the tasks of task set `{}` stand beside the others: {what}", set.line, set.name));
        tasks
    }

    /// Users wait between the tasks of a sequence too; after its last one they wait as after any task.
    fn wait_between(&self, tasks: &mut [DraftTask]) {
        let Some(Waiting::Think(think)) = self.user.attribute("wait_time").and_then(waiting) else { return };
        let Some((_, before)) = tasks.split_last_mut() else { return };
        for step in before.iter_mut().filter_map(|task| task.steps.last_mut()).filter(|step| step.think.is_none()) {
            step.think = Some(think.clone());
        }
    }

    fn add_waiting(&mut self, tasks: &mut [DraftTask]) {
        let Some(written) = self.user.attribute("wait_time") else { return };
        let Some(waiting) = waiting(written) else {
            let line = self.user.chain[0].line;
            self.notes
                .push(format!("line {line}: not carried over: `wait_time` of `{}`, write `think` on its tasks", self.user.chain[0].name));
            return;
        };
        for task in tasks {
            match &waiting {
                Waiting::Think(think) => task.think = Some(think.clone()),
                Waiting::Pacing(pacing) => task.pacing = Some(pacing.clone()),
            }
        }
    }

    /// Attributes that change how Locust behaves and that are not among those that are read.
    fn note_attributes(&mut self, class: Class<'m>) {
        const READ: [&str; 6] = ["host", "weight", "wait_time", "tasks", "abstract", "fixed_count"];
        for statement in class.body {
            match &statement.kind {
                StatementKind::Assign { target: Expression::Name(name), .. } if name == "fixed_count" => {
                    let line = statement.first_line;
                    self.notes.push(format!("line {line}: not carried over: `fixed_count`, kinds of user have a `weight`"));
                }
                StatementKind::Assign { target: Expression::Name(name), value }
                    if !READ.contains(&name.as_str()) && matches!(value, Expression::Other) =>
                {
                    self.notes.push(not_carried_over(statement));
                }
                StatementKind::Function { name, decorators, .. }
                    if name == "wait_time" || decorators.iter().any(|decorator| dotted(decorator).as_deref() == Some("property")) =>
                {
                    self.notes.push(not_carried_over(statement));
                }
                StatementKind::Other | StatementKind::For { .. } | StatementKind::If { .. } => self.notes.push(not_carried_over(statement)),
                _ => {}
            }
        }
    }

    fn read(&mut self, function: Function<'m>, chain: &[Class<'m>], names: Names) -> Body<'m> {
        let mut body = Body { steps: Vec::new(), names, me: function.first_parameter.unwrap_or("self"), chain: chain.to_vec(), calls: 0 };
        // Attributes of the class are constants of its methods.
        for class in chain.iter().rev() {
            for statement in class.body {
                if let StatementKind::Assign { target: Expression::Name(name), value } = &statement.kind
                    && body.names.get(&format!("self.{name}")).is_none()
                {
                    body.names.set(&format!("self.{name}"), Known::Constant(value.clone()));
                }
            }
        }
        self.block(function.body, &mut body);
        save_wanted(std::mem::take(&mut self.wanted), &mut body.steps);
        body
    }

    pub fn values<'v>(&'v mut self, body: &'v Body<'m>) -> Values<'v> {
        Values { names: &body.names, secrets: self.secrets, env: self.env, wanted: &mut self.wanted, me: body.me }
    }
}

pub fn method<'m>(chain: &[Class<'m>], name: &str) -> Option<Function<'m>> {
    chain.iter().find_map(|class| class.body.iter().filter_map(function_of).find(|function| function.name == name))
}

fn function_of(statement: &Statement) -> Option<Function<'_>> {
    let StatementKind::Function { name, first_parameter, decorators, body } = &statement.kind else { return None };
    Some(Function { name, first_parameter: first_parameter.as_deref(), decorators, body })
}

/// The weight that `@task` and `@task(3)` give; `None` for another decorator.
fn task_weight(decorator: &Expression) -> Option<f64> {
    let is_task = |name: &Expression| dotted(name).is_some_and(|name| last_part(&name) == "task");
    match decorator {
        Expression::Call { function, arguments, .. } if is_task(function) => {
            Some(arguments.first().and_then(number).filter(|weight| *weight > 0.0).unwrap_or(1.0))
        }
        name if is_task(name) => Some(1.0),
        _ => None,
    }
}

fn tags_of(decorator: &Expression) -> Option<Vec<String>> {
    let Expression::Call { function, arguments, .. } = decorator else { return None };
    let is_tag = dotted(function).is_some_and(|name| last_part(&name) == "tag");
    is_tag.then(|| arguments.iter().filter_map(plain_text).collect())
}

pub fn number(expression: &Expression) -> Option<f64> {
    if let Expression::Number(number) = expression { Some(*number) } else { None }
}

/// `c` of `a.b.c`.
fn last_part(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// `a.b` of a name.
pub fn dotted(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Name(name) => Some(name.clone()),
        Expression::Call { function, .. } => dotted(function),
        _ => None,
    }
}

/// `self.client` of `l.client` where `l` is what the function calls its user; a task set reaches it as `self.user.client`.
pub fn without_me(name: &str, me: &str) -> String {
    let own = name.strip_prefix(me).filter(|rest| rest.starts_with('.'));
    let name = own.map_or_else(|| name.to_owned(), |rest| format!("self{rest}"));
    name.strip_prefix("self.user.").map_or(name.clone(), |rest| format!("self.{rest}"))
}

/// What a step says itself goes before what the client always sends.
fn add_headers(step: &mut DraftStep, defaults: &Pairs) {
    for (name, value) in defaults {
        let is_said =
            step.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) || (name == "authorization" && step.auth.is_some());
        if !is_said {
            step.headers.push((name.clone(), value.clone()));
        }
    }
}

/// Methods of several task sets may have one name; tasks of one kind of user may not.
fn name_apart(tasks: &mut [DraftTask]) {
    for index in 1..tasks.len() {
        let (before, rest) = tasks.split_at_mut(index);
        rest[0].name = free_name(&rest[0].name, " ", |candidate| before.iter().any(|task| task.name == candidate));
    }
}

fn rounded(weight: f64) -> f64 {
    (weight * 1000.0).round().max(1.0) / 1000.0
}

/// A note that names the line; what may be a secret is not repeated.
pub fn not_carried_over(statement: &Statement) -> String {
    let Statement { first_line, last_line, source, .. } = statement;
    let lines = if first_line == last_line { format!("line {first_line}") } else { format!("lines {first_line} to {last_line}") };
    let has_text = source.contains(['"', '\'']);
    let is_suspicious = has_text && source.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(is_secret_name);
    let shown: String =
        if is_suspicious { "(holds a secret)".to_owned() } else { format!("`{}`", source.chars().take(80).collect::<String>()) };
    format!("{lines}: not carried over: {shown}")
}
