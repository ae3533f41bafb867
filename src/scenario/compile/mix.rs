//! `mix` of a phase: the weights of tasks while it lasts.

use std::collections::BTreeMap;

use super::Checked;
use super::quantity::weight;
use super::tasks::CompiledKind;
use crate::document::{Document, Placed, Scalar, suggestion};
use crate::scenario::file::PhaseFile;
use crate::scenario::{Phase, UserKind};

/// The names of all tasks, before tags leave any out.
pub fn task_names(kinds: &[CompiledKind]) -> Vec<String> {
    kinds.iter().flat_map(|kind| kind.tasks.iter().map(|task| task.name().to_owned())).collect()
}

/// Resolves the mixes of phases that were read from `written`, one for one.
pub fn resolve_mixes(
    document: &Document,
    written: &[Placed<PhaseFile>],
    names: &[String],
    kinds: &[UserKind],
    phases: &mut [Phase],
) -> Checked<()> {
    for (phase, file) in phases.iter_mut().zip(written) {
        let entries = &file.value.mix.0;
        if entries.is_empty() {
            continue;
        }
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, share) in entries {
            if !names.contains(&name.value) {
                let mistake = document.mistake(name.place, format!("no task is called `{}`", name.value));
                return Err(Box::new(mistake.with_hint(suggestion(&name.value, names))));
            }
            weights.insert(&name.value, share_of(document, share)?);
        }
        let of_kind =
            |kind: &UserKind| kind.tasks.iter().map(|task| weights.get(task.name.as_str()).copied().unwrap_or(task.weight)).collect();
        phase.mix = kinds.iter().map(of_kind).collect();
        if phase.mix.iter().any(|weights: &Vec<u64>| weights.iter().sum::<u64>() == 0) {
            return Err(document
                .mistake(file.place, format!("in phase `{}` there is nothing to do: every task has the weight 0", phase.name))
                .into());
        }
    }
    Ok(())
}

/// A weight, or 0.
fn share_of(document: &Document, written: &Placed<Scalar>) -> Checked<u64> {
    if written.value == Scalar::Whole(0) { Ok(0) } else { weight(document, Some(written)) }
}
