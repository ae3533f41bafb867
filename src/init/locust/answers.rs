//! What a Locust file looks up in the JSON of its answers: which answer, which path, and under which name a scenario saves
//! it.

use super::classes::plain_text;
use super::tasks::{dotted, without_me};
use super::values::{Known, Names};
use crate::init::draft::{DraftSave, DraftStep, json_member};
use crate::init::python::Expression;

/// A value within the JSON of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The step that was answered.
    pub step: usize,
    pub path: String,
    /// One of several, by chance; under the name that the file gives to it.
    pub picked: Option<String>,
}

/// A value that a later text needs, to be saved at the step that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    place: Place,
    variable: String,
}

impl Place {
    /// As `save` has it.
    pub fn source(&self) -> String {
        if self.picked.is_some() { format!("{} random", self.path) } else { self.path.clone() }
    }

    fn within(self, path: String) -> Self {
        Self { path, ..self }
    }
}

/// The place of `response.json()["a"][0]`, or of one of them by `random.choice(..)`.
pub fn place(value: &Expression, names: &Names, me: &str) -> Option<Place> {
    match value {
        Expression::Call { function, arguments, .. } if arguments.is_empty() => {
            let Expression::Name(function) = &**function else { return None };
            let answer = without_me(function.strip_suffix(".json")?, me);
            match names.get(&answer)? {
                Known::Answer(step) => Some(Place { step: *step, path: "$".to_owned(), picked: None }),
                _ => None,
            }
        }
        Expression::Name(name) => match names.get(&without_me(name, me))? {
            Known::Json(place) => Some(place.clone()),
            _ => None,
        },
        Expression::Index(object, key) => {
            let place = place(object, names, me)?;
            match &**key {
                Expression::Number(index) if index.fract() == 0.0 && *index >= 0.0 => {
                    let path = format!("{}[{index}]", place.path);
                    Some(place.within(path))
                }
                key => {
                    let path = json_member(&place.path, &plain_text(key)?);
                    Some(place.within(path))
                }
            }
        }
        Expression::Call { function, arguments, .. } if is_choice(function) => {
            let [several] = arguments.as_slice() else { return None };
            let place = place(several, names, me)?;
            // One of those of which one was picked already: two choices in one path are not what was meant.
            place.picked.is_none().then(|| Place { path: format!("{}[*]", place.path), picked: Some(String::new()), ..place })
        }
        call @ Expression::Call { .. } => {
            let (object, key) = looked_up(call)?;
            let place = place(&object, names, me)?;
            let path = json_member(&place.path, &key);
            Some(place.within(path))
        }
        _ => None,
    }
}

/// Whether it is `random.choice`.
pub fn is_choice(function: &Expression) -> bool {
    dotted(function).is_some_and(|name| matches!(name.as_str(), "random.choice" | "choice"))
}

/// `object["key"]` and `object.get("key")`.
pub fn looked_up(value: &Expression) -> Option<(Expression, String)> {
    match value {
        Expression::Index(object, key) => Some(((**object).clone(), plain_text(key)?)),
        Expression::Call { function, arguments, .. } => {
            let key = plain_text(arguments.first()?)?;
            match &**function {
                Expression::Name(name) => Some((Expression::Name(name.strip_suffix(".get")?.to_owned()), key)),
                Expression::Attribute(object, get) if get == "get" => Some(((**object).clone(), key)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The variable for a value that is looked up, noted as wanted; `None` where a scenario cannot have it.
pub fn want(expression: &Expression, names: &Names, me: &str, wanted: &mut Vec<Wanted>) -> Option<String> {
    let place = place(expression, names, me)?;
    if place.path == "$" {
        return None;
    }
    let is_other_member_of_same_pick = |known: &Wanted| {
        place.picked.as_deref().is_some_and(|name| !name.is_empty()) && known.place.picked == place.picked && known.place.path != place.path
    };
    // A scenario would take the members of two picks.
    if wanted.iter().any(|known| known.place.step == place.step && is_other_member_of_same_pick(known)) {
        return None;
    }
    if let Some(known) = wanted.iter().find(|known| known.place == place && place.picked.as_deref() != Some("")) {
        return Some(known.variable.clone());
    }
    let stem = variable_name(&words(expression, names, me));
    let is_taken = |candidate: &str| wanted.iter().any(|known| known.variable == candidate) || names.has_variable(candidate);
    let variable = crate::init::draft::free_name(&stem, "_", is_taken);
    wanted.push(Wanted { place, variable: variable.clone() });
    Some(variable)
}

/// Writes down at the steps what later texts want of their answers.
pub fn save_wanted(wanted: Vec<Wanted>, steps: &mut [DraftStep]) {
    for Wanted { place, variable } in wanted {
        if let Some(step) = steps.get_mut(place.step) {
            step.save.push((variable, DraftSave::Json(place.source())));
        }
    }
}

/// A name that a scenario may give to a saved value.
pub fn variable_name(words: &str) -> String {
    let name: String = words.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let name = name.trim_matches('_');
    match name {
        "" => "value".to_owned(),
        "user" | "env" | "iteration" => format!("{name}_value"),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("value_{name}"),
        name => name.to_owned(),
    }
}

/// What a value is called: `item id` for `item["id"]`, `id` for `response.json()["id"]`.
fn words(expression: &Expression, names: &Names, me: &str) -> String {
    match expression {
        Expression::Name(name) => match names.get(&without_me(name, me)) {
            Some(Known::Json(place)) if place.path == "$" => String::new(),
            _ => name.rsplit('.').next().unwrap_or(name).to_owned(),
        },
        Expression::Index(object, key) => {
            let key = if let Expression::Number(index) = &**key { index.to_string() } else { plain_text(key).unwrap_or_default() };
            format!("{} {key}", words(object, names, me))
        }
        Expression::Call { function, arguments, .. } if is_choice(function) => {
            arguments.first().map(|several| words(several, names, me)).unwrap_or_default()
        }
        call => looked_up(call).map(|(object, key)| format!("{} {key}", words(&object, names, me))).unwrap_or_default(),
    }
}
