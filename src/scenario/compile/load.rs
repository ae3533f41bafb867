//! The load: the short and the long form as phases, and what the command line changes of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::quantity::{duration, positive_duration};
use super::shape::{Kind, MOST, read_shape, scale};
use super::{Checked, label_text};
use crate::document::{Document, Mistake, Place, Placed};
use crate::scenario::error::{OverrideError, ScenarioError};
use crate::scenario::file::{ArrivalsFile, LoadFile, OneOrMany, PhaseFile};
use crate::scenario::{Arrivals, Load, Model, Overrides, Phase, Shape};

/// The longest list of phases.
const MAX_PHASES: usize = 100;

/// Reads the load and applies `--users`, `--rate` and `--duration`.
pub fn read_load(document: &Document, written: &Placed<LoadFile>, overrides: &Overrides) -> Result<Load, ScenarioError> {
    let LoadFile { users, rate, arrivals, max_in_flight, ramp, warmup, hold, phases } = &written.value;
    let (kind, phases) = if let Some(phases) = phases {
        let beside = [
            ("users", users.as_ref().map(|v| v.place)),
            ("rate", rate.as_ref().map(|v| v.place)),
            ("ramp", ramp.as_ref().map(|v| v.place)),
            ("warmup", warmup.as_ref().map(|v| v.place)),
            ("hold", hold.as_ref().map(|v| v.place)),
        ];
        refuse_beside_phases(document, &beside)?;
        if overrides.duration.is_some() {
            return Err(OverrideError::DurationOnPhases.into());
        }
        read_phases(document, phases)?
    } else {
        let (kind, shape) = one_load(document, written.place, users.as_ref(), rate.as_ref())?;
        let Shape::Constant(peak) = shape else { return Err(not_constant(document, users.as_ref().or(rate.as_ref())).into()) };
        let lengths = [("ramp-up", ramp.as_ref()), ("warm-up", warmup.as_ref())];
        let mut phases = lead_in(document, peak, lengths)?;
        let length = hold_length(document, written.place, hold.as_ref(), overrides.duration)?;
        phases.push(Phase { name: "hold".into(), length, shape: Shape::Constant(peak), measured: true, mix: Vec::new() });
        (kind, phases)
    };
    let model = model(document, kind, arrivals.as_ref(), max_in_flight.as_ref())?;
    let mut load = Load { model, phases };
    scale_to_overrides(&mut load, overrides)?;
    Ok(load)
}

fn refuse_beside_phases(document: &Document, keys: &[(&str, Option<Place>)]) -> Checked<()> {
    match keys.iter().find_map(|(key, place)| place.map(|place| (key, place))) {
        Some((key, place)) => {
            let mistake = document.mistake(place, format!("`{key}` stands beside `phases`"));
            Err(mistake.with_hint("use the short form or `phases`, each phase with its own load").into())
        }
        None => Ok(()),
    }
}

/// The one of `users` and `rate` that is written.
fn one_load(
    document: &Document,
    place: Place,
    users: Option<&Placed<OneOrMany>>,
    rate: Option<&Placed<OneOrMany>>,
) -> Checked<(Kind, Shape)> {
    match (users, rate) {
        (Some(users), None) => Ok((Kind::Users, read_shape(document, users, Kind::Users)?)),
        (None, Some(rate)) => Ok((Kind::Rate, read_shape(document, rate, Kind::Rate)?)),
        (Some(_), Some(rate)) => {
            let mistake = document.mistake(rate.place, "both `users` and `rate` are given");
            Err(mistake.with_hint("`users` keeps so many at work, `rate` starts so many tasks a second: keep one of the two").into())
        }
        (None, None) => {
            let mistake = document.mistake(place, "neither `users` nor `rate` is given");
            Err(mistake.with_hint("write for example `users: 50` or `rate: 300/s`").into())
        }
    }
}

fn not_constant(document: &Document, written: Option<&Placed<OneOrMany>>) -> Box<Mistake> {
    let place = written.map_or_else(Place::default, |written| written.place);
    let mistake = document.mistake(place, "ranges and lists stand in `phases` only");
    mistake.with_hint("write `phases: [{name: climb, for: 60s, users: 20..200}, ..]`; `ramp: 20s` leads up to a constant load").into()
}

fn lead_in(document: &Document, peak: f64, lengths: [(&str, Option<&Placed<String>>); 2]) -> Checked<Vec<Phase>> {
    let mut phases = Vec::new();
    for ((name, length), shape) in lengths.into_iter().zip([Shape::Ramp(0.0, peak), Shape::Constant(peak)]) {
        let length = length.map_or(Ok(Duration::ZERO), |length| duration(document, length))?;
        if !length.is_zero() {
            phases.push(Phase { name: name.into(), length, shape, measured: false, mix: Vec::new() });
        }
    }
    Ok(phases)
}

fn hold_length(
    document: &Document,
    place: Place,
    hold: Option<&Placed<String>>,
    given: Option<Duration>,
) -> Result<Duration, ScenarioError> {
    let written = hold.map(|hold| positive_duration(document, "hold", hold)).transpose()?;
    match (given, written) {
        (Some(Duration::ZERO), _) => Err(OverrideError::OutOfRange { flag: "--duration", most: "10 years" }.into()),
        (Some(length), _) | (None, Some(length)) => Ok(length),
        (None, None) => {
            let mistake = document.mistake(place, "key `hold` is missing");
            Err(Box::new(mistake.with_hint("say how long the load is judged: `hold: 60s`")).into())
        }
    }
}

fn read_phases(document: &Document, written: &Placed<Vec<Placed<PhaseFile>>>) -> Checked<(Kind, Vec<Phase>)> {
    let mut names = BTreeSet::new();
    let mut phases: Vec<Phase> = Vec::new();
    let mut first_kind = None;
    if written.value.len() > MAX_PHASES {
        return Err(document.mistake(written.place, format!("{} phases, at most {MAX_PHASES} are allowed", written.value.len())).into());
    }
    for (index, phase) in written.value.iter().enumerate() {
        let PhaseFile { name, length, users, rate, mix: _, measure } = &phase.value;
        let (kind, shape) = one_load(document, phase.place, users.as_ref(), rate.as_ref())?;
        if *first_kind.get_or_insert(kind) != kind {
            return Err(document.mistake(phase.place, "some phases have `users`, others `rate`: all have the same").into());
        }
        let name = match name {
            Some(name) => Placed { value: label_text(document, "phase", name)?, place: name.place },
            None => Placed { value: format!("phase {}", index + 1), place: phase.place },
        };
        if !names.insert(name.value.clone()) {
            return Err(document.mistake(name.place, format!("two phases are called `{}`", name.value)).into());
        }
        let measured = measure.unwrap_or(matches!(shape, Shape::Constant(_)));
        phases.push(Phase { name: name.value, length: positive_duration(document, "for", length)?, shape, measured, mix: Vec::new() });
    }
    let Some(kind) = first_kind else { return Err(document.mistake(written.place, "`phases` is empty").into()) };
    if !phases.iter().any(|phase| phase.measured) {
        return Err(document.mistake(written.place, "no phase is judged").with_hint("say `measure: true` at a phase").into());
    }
    Ok((kind, phases))
}

fn model(document: &Document, kind: Kind, arrivals: Option<&Placed<ArrivalsFile>>, most: Option<&Placed<u64>>) -> Checked<Model> {
    if kind == Kind::Users {
        let misplaced = arrivals.map(|a| ("arrivals", a.place)).or(most.map(|m| ("max_in_flight", m.place)));
        return match misplaced {
            Some((key, place)) => Err(document.mistake(place, format!("`{key}` goes with `rate`, not with `users`")).into()),
            None => Ok(Model::Closed),
        };
    }
    if let Some(Placed { value: 0, place }) = most {
        return Err(document.mistake(*place, "`max_in_flight` must be above 0").into());
    }
    let arrivals = match arrivals.map(|arrivals| arrivals.value) {
        None | Some(ArrivalsFile::Uniform) => Arrivals::Uniform,
        Some(ArrivalsFile::Poisson) => Arrivals::Poisson,
    };
    Ok(Model::Open { arrivals, max_in_flight: most.map(|most| most.value) })
}

fn scale_to_overrides(load: &mut Load, overrides: &Overrides) -> Result<(), OverrideError> {
    let (kind, peak, flag) = match (load.model, overrides.users, overrides.rate) {
        (_, None, None) => return Ok(()),
        (Model::Open { .. }, Some(_), _) => return Err(OverrideError::UsersOnRate),
        (Model::Closed, _, Some(_)) => return Err(OverrideError::RateOnUsers),
        #[expect(clippy::cast_precision_loss, reason = "compared with a limit far below")]
        (Model::Closed, Some(users), None) => (Kind::Users, users as f64, "--users"),
        (Model::Open { .. }, None, Some(rate)) => (Kind::Rate, rate.get(), "--rate"),
    };
    if !(peak > 0.0 && peak <= MOST) {
        return Err(OverrideError::OutOfRange { flag, most: kind.most_text() });
    }
    let factor = peak / load.peak();
    for phase in &mut load.phases {
        scale(&mut phase.shape, kind, factor);
    }
    Ok(())
}
