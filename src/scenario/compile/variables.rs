//! Variables: which names are set at all, and whether the step that sets one can run before the step that reads it.

use std::collections::BTreeSet;

use super::step::CompiledStep;
use super::syntax::is_name;
use super::tasks::CompiledKind;
use super::{Checked, all_steps};
use crate::document::{Document, Mistake, Place, Placed};
use crate::scenario::file::ScenarioFile;

/// Names that mean something else in `${..}`.
const RESERVED: [&str; 3] = ["user", "env", "iteration"];

/// The names of all variables that a step sets, in the order of the file.
pub fn variable_names(document: &Document, file: &ScenarioFile) -> Checked<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for step in all_steps(file) {
        let elements = step.foreach.iter().map(|foreach| &foreach.value.element);
        for name in step.save.0.iter().map(|(name, _)| name).chain(elements) {
            check_name(document, name)?;
            if !names.contains(&name.value) {
                names.push(name.value.clone());
            }
        }
    }
    Ok(names)
}

fn check_name(document: &Document, name: &Placed<String>) -> Checked<()> {
    let Placed { value, place } = name;
    if RESERVED.contains(&value.as_str()) {
        return Err(document.mistake(*place, format!("nothing is saved as `{value}`: `${{{value}}}` means something else")).into());
    }
    if !is_name(value) {
        let mistake = document.mistake(*place, format!("`{value}` is not a name"));
        return Err(mistake.with_hint("letters, digits, `_` and `-`, beginning with a letter").into());
    }
    Ok(())
}

/// Checks every read of a variable in the steps that are left to run.
pub fn check_reads(document: &Document, names: &[String], kinds: &[CompiledKind]) -> Checked<()> {
    for kind in kinds {
        let mut set = BTreeSet::new();
        for step in &kind.start {
            let known = |slot: usize| set.contains(&slot) || step.element == Some(slot);
            check_step(step, known).map_err(|read| unset(document, names, kinds, kind, read))?;
            set.extend(step.sets());
        }
        let steps = || kind.tasks.iter().flat_map(|task| &task.steps);
        set.extend(steps().flat_map(CompiledStep::sets));
        for step in steps() {
            check_step(step, |slot| set.contains(&slot)).map_err(|read| unset(document, names, kinds, kind, read))?;
        }
        set.extend(kind.stop.iter().flat_map(CompiledStep::sets));
        for step in &kind.stop {
            check_step(step, |slot| set.contains(&slot)).map_err(|read| unset(document, names, kinds, kind, read))?;
        }
    }
    Ok(())
}

/// The first variable that is read without being set, and where.
fn check_step(step: &CompiledStep, known: impl Fn(usize) -> bool) -> Result<(), (usize, Place)> {
    step.reads.variables.iter().find(|(slot, _)| !known(*slot)).map_or(Ok(()), |read| Err(*read))
}

fn unset(document: &Document, names: &[String], kinds: &[CompiledKind], reader: &CompiledKind, read: (usize, Place)) -> Box<Mistake> {
    let (slot, place) = read;
    let name = names.get(slot).map_or("?", String::as_str);
    let sets = |kind: &CompiledKind| kind.steps().any(|step| step.sets().any(|set| set == slot));
    let mistake = |message: String| document.mistake(place, message);
    if sets(reader) {
        let hint = "the steps of `start` run once, in order, before every task";
        return mistake(format!("`${{{name}}}` is read here before a step sets it")).with_hint(hint).into();
    }
    if let Some(other) = kinds.iter().find(|kind| sets(kind)).and_then(|kind| kind.name.as_deref()) {
        let message = format!("`${{{name}}}` is set by users of the kind `{other}` only");
        return mistake(message).with_hint("each user has its own variables: save it in a step of this kind too").into();
    }
    let message = format!("the steps that set `${{{name}}}` are left out by the tags");
    mistake(message).with_hint("move them to `start`, or give them the same tag").into()
}
