//! Tasks and kinds of user, compiled; and which of their steps the tags leave.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::labels::Labels;
use super::quantity::{positive_duration, think, weight};
use super::step::{CompiledStep, StepDefaults, compile_step};
use super::{Checked, label_text};
use crate::document::{Placed, Written};
use crate::endpoint::EndpointRole;
use crate::scenario::file::{Entries, KindFile, ScenarioFile, StepFile, TaskFile};
use crate::scenario::{Overrides, Task, Think, UserKind};

/// A kind of user with its steps.
#[derive(Debug)]
pub struct CompiledKind {
    pub name: Option<String>,
    weight: u64,
    pub start: Vec<CompiledStep>,
    pub tasks: Vec<CompiledTask>,
    pub stop: Vec<CompiledStep>,
}

/// A task with its steps.
#[derive(Debug)]
pub struct CompiledTask {
    name: String,
    weight: u64,
    tags: Vec<String>,
    pub steps: Vec<CompiledStep>,
    think: Option<Think>,
    pacing: Option<std::time::Duration>,
}

impl CompiledKind {
    /// Every step, of `start` and `stop` too.
    pub fn steps(&self) -> impl Iterator<Item = &CompiledStep> {
        self.lifecycle_steps().chain(self.tasks.iter().flat_map(|task| &task.steps))
    }

    fn lifecycle_steps(&self) -> impl Iterator<Item = &CompiledStep> {
        self.start.iter().chain(&self.stop)
    }

    /// As the engine runs it.
    pub fn into_domain(self) -> UserKind {
        let steps = |steps: Vec<CompiledStep>| steps.into_iter().map(|compiled| compiled.step).collect();
        let Self { name, weight, start, tasks, stop } = self;
        let tasks = tasks.into_iter().map(CompiledTask::into_domain).collect();
        UserKind { name, weight, start: steps(start), tasks, stop: steps(stop) }
    }
}

impl CompiledTask {
    pub fn name(&self) -> &str {
        &self.name
    }

    fn into_domain(self) -> Task {
        let Self { name, weight, tags: _, steps, think, pacing } = self;
        let data: BTreeSet<usize> = steps.iter().flat_map(|step| step.reads.data.iter().copied()).collect();
        let steps = steps.into_iter().map(|compiled| compiled.step).collect();
        Task { name, weight, steps, think, pacing, data: data.into_iter().collect() }
    }
}

/// Compiles all kinds of user; top-level tasks are one kind without a name.
pub fn compile_kinds(
    context: &Context<'_>,
    labels: &mut Labels,
    defaults: StepDefaults<'_>,
    file: &ScenarioFile,
) -> Checked<Vec<CompiledKind>> {
    let Some(users) = &file.users else {
        let Some(tasks) = &file.tasks else {
            let hint = "write for example `tasks: [{steps: [{get: /}]}]`";
            return Err(Box::new(context.document.mistake(file.name.place, "the scenario has no `tasks`").with_hint(hint)));
        };
        let kind = Kind { start: &file.start, tasks, stop: &file.stop };
        return Ok(vec![kind.compile(context, labels, defaults, None, 1000)?]);
    };
    let Written::Map(Entries(kinds)) = &users.value else {
        let hint = "how many users there are stands under `load`: `load: {users: 50, hold: 60s}`";
        return Err(context.mistake_with_hint(users.place, "`users` at the top is a mapping of kinds of user", hint));
    };
    if file.tasks.is_some() || !file.start.is_empty() || !file.stop.is_empty() {
        let hint = "move `start`, `tasks` and `stop` into the kinds";
        return Err(context.mistake_with_hint(users.place, "`users` stands in place of `start`, `tasks` and `stop`", hint));
    }
    if kinds.is_empty() {
        return Err(context.mistake(users.place, "`users` is empty"));
    }
    kinds.iter().map(|(name, kind)| compile_kind(context, labels, defaults, name, kind)).collect()
}

fn compile_kind(
    context: &Context<'_>,
    labels: &mut Labels,
    defaults: StepDefaults<'_>,
    name: &Placed<String>,
    written: &KindFile,
) -> Checked<CompiledKind> {
    let KindFile { weight: share, start, tasks, stop, think: pause } = written;
    let defaults = match pause {
        Some(pause) => StepDefaults { think: think(context.document, pause)?, ..defaults },
        None => defaults,
    };
    let name = label_text(context.document, "users", name)?;
    Kind { start, tasks, stop }.compile(context, labels, defaults, Some(name), weight(context.document, share.as_ref())?)
}

/// The steps of a kind of user, as typed.
struct Kind<'a> {
    start: &'a [Placed<StepFile>],
    tasks: &'a Placed<Vec<Placed<TaskFile>>>,
    stop: &'a [Placed<StepFile>],
}

impl Kind<'_> {
    fn compile(
        &self,
        context: &Context<'_>,
        labels: &mut Labels,
        defaults: StepDefaults<'_>,
        name: Option<String>,
        weight: u64,
    ) -> Checked<CompiledKind> {
        if self.tasks.value.is_empty() {
            return Err(context.mistake(self.tasks.place, "`tasks` is empty: there is nothing to do"));
        }
        let mut steps = |steps: &[Placed<StepFile>]| -> Checked<Vec<CompiledStep>> {
            steps.iter().map(|step| compile_step(context, labels, defaults, step)).collect()
        };
        let start = steps(self.start)?;
        check_task_names(context, &self.tasks.value)?;
        let mut tasks = Vec::new();
        for (index, task) in self.tasks.value.iter().enumerate() {
            let compiled = steps(&task.value.steps.value)?;
            tasks.push(compile_task(context, index, task, compiled)?);
        }
        let stop = steps(self.stop)?;
        Ok(CompiledKind { name, weight, start, tasks, stop })
    }
}

/// The reports and the mix of a phase tell the tasks of a kind apart by their names.
fn check_task_names(context: &Context<'_>, tasks: &[Placed<TaskFile>]) -> Checked<()> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for (index, task) in tasks.iter().enumerate() {
        let (name, place) = match &task.value.name {
            Some(name) => (label_text(context.document, "name", name)?, name.place),
            None => (name_without_one(index), task.place),
        };
        if let Some(line) = lines.get(&name) {
            let message = format!("two tasks are called `{name}`: the other one stands in line {line}");
            let hint = "give each its own name; steps of several tasks that share a `name` are one endpoint all the same";
            return Err(context.mistake_with_hint(place, message, hint));
        }
        lines.insert(name, place.line);
    }
    Ok(())
}

fn name_without_one(index: usize) -> String {
    format!("task {}", index + 1)
}

fn compile_task(context: &Context<'_>, index: usize, written: &Placed<TaskFile>, compiled: Vec<CompiledStep>) -> Checked<CompiledTask> {
    let TaskFile { name, weight: share, tags, steps, think: pause, pacing } = &written.value;
    if compiled.is_empty() {
        return Err(context.mistake(steps.place, "`steps` is empty: the task does nothing"));
    }
    Ok(CompiledTask {
        name: match name {
            Some(name) => label_text(context.document, "name", name)?,
            None => name_without_one(index),
        },
        weight: weight(context.document, share.as_ref())?,
        tags: tags.iter().map(|tag| tag.value.clone()).collect(),
        steps: compiled,
        think: pause.as_ref().map_or(Ok(None), |pause| think(context.document, pause))?,
        pacing: pacing.as_ref().map(|pacing| positive_duration(context.document, "pacing", pacing)).transpose()?,
    })
}

/// All tags of tasks and their steps, sorted.
pub fn known_tags(kinds: &[CompiledKind]) -> Vec<String> {
    let tasks = || kinds.iter().flat_map(|kind| &kind.tasks);
    let of_steps = tasks().flat_map(|task| &task.steps).flat_map(|step| &step.tags);
    let tags: BTreeSet<&String> = tasks().flat_map(|task| &task.tags).chain(of_steps).collect();
    tags.into_iter().cloned().collect()
}

/// Leaves out the task steps that the tags do not choose, and tasks and kinds that nothing is left of.
pub fn select(kinds: &mut Vec<CompiledKind>, overrides: &Overrides) {
    let Overrides { tags, exclude_tags, target: _, users: _, rate: _, duration: _, seed: _, isolation: _ } = overrides;
    for kind in kinds.iter_mut() {
        for task in &mut kind.tasks {
            let own = &task.tags;
            task.steps.retain(|step| {
                let has = |tag: &String| own.contains(tag) || step.tags.contains(tag);
                (tags.is_empty() || tags.iter().any(has)) && !exclude_tags.iter().any(has)
            });
        }
        kind.tasks.retain(|task| !task.steps.is_empty());
    }
    kinds.retain(|kind| !kind.tasks.is_empty());
}

/// Who asks an endpoint in what is left to run.
pub fn endpoint_role(kinds: &[CompiledKind], endpoint: usize) -> EndpointRole {
    let asks = |step: &CompiledStep| step.step.endpoint == endpoint;
    if kinds.iter().flat_map(|kind| &kind.tasks).flat_map(|task| &task.steps).any(asks) {
        EndpointRole::Task
    } else if kinds.iter().flat_map(CompiledKind::lifecycle_steps).any(asks) {
        EndpointRole::Lifecycle
    } else {
        EndpointRole::Excluded
    }
}
