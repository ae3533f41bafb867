//! `when`, `repeat` and `foreach`: whether and how often a step runs.

use super::Checked;
use super::quantity::count;
use super::syntax::{Piece, unquote};
use super::values::Values;
use crate::document::{Placed, Scalar};
use crate::scenario::file::{ForeachFile, Text};
use crate::scenario::{Condition, Escape, Expression, Part, Repeat};

const MOST_REPEATS: u32 = 100_000;

/// Compiles `when`.
pub fn compile_when(values: &mut Values<'_>, written: &Placed<Text>) -> Checked<Condition> {
    let text = Placed { value: written.value.0.as_str(), place: written.place };
    if text.value.trim().is_empty() {
        return Err(values.context.mistake(text.place, "`when` is empty: the step would never run"));
    }
    let mut side = |side: &str| values.template(unquote(side.trim()), text.place, Escape::None);
    match operator(text.value) {
        Some((at, "==")) => Ok(Condition::Equal(side(&text.value[..at])?, side(&text.value[at + 2..])?)),
        Some((at, _)) => Ok(Condition::NotEqual(side(&text.value[..at])?, side(&text.value[at + 2..])?)),
        None => side(text.value).map(Condition::Truthy),
    }
}

/// The first `==` or `!=` that is outside of `${..}`.
fn operator(text: &str) -> Option<(usize, &'static str)> {
    let mut start = 0;
    for piece in super::syntax::split(text).ok()? {
        match piece {
            Piece::Value { written, .. } => start += text.get(start..)?.find(written)? + written.len(),
            Piece::Text(plain) => {
                let stretch = text.get(start..)?;
                let end = stretch.find("${").filter(|_| !plain.ends_with("${")).unwrap_or(stretch.len());
                let stretch = &stretch[..end];
                let found = ["==", "!="].into_iter().filter_map(|sign| stretch.find(sign).map(|at| (start + at, sign))).min();
                if found.is_some() {
                    return found;
                }
            }
        }
    }
    None
}

/// Compiles `repeat` and `foreach`; of a `foreach`, the element's slot is returned beside it.
pub fn compile_repeat(
    values: &mut Values<'_>,
    repeat: Option<&Placed<Scalar>>,
    foreach: Option<&Placed<ForeachFile>>,
) -> Checked<(Repeat, Option<usize>)> {
    match (repeat, foreach) {
        (None, None) => Ok((Repeat::Once, None)),
        (Some(repeat), None) => {
            let times = count(values.context.document, "repeat", repeat, 1, MOST_REPEATS)?;
            Ok((if times == 1 { Repeat::Once } else { Repeat::Times(times) }, None))
        }
        (None, Some(foreach)) => {
            let ForeachFile { list, element } = &foreach.value;
            let template = values.template(&list.value, list.place, Escape::None)?;
            let [Part::Value { expression: Expression::Variable(_) | Expression::Column { .. }, .. }] = template.parts() else {
                let hint = "write `list: ${ids}`, where a step saves `ids: \"$.items[*].id all\"`";
                return Err(values.context.mistake_with_hint(list.place, "`list` is one saved value", hint));
            };
            let item = values.context.slot(element)?;
            Ok((Repeat::Each { list: template, item }, Some(item)))
        }
        (Some(_), Some(foreach)) => {
            Err(values.context.mistake(foreach.place, "both `repeat` and `foreach` are given: keep one of the two"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_within_a_value_is_none() {
        for (text, found) in [
            ("${a} == b", Some((5, "=="))),
            ("${a} != ${b}", Some((5, "!="))),
            ("${random_choice('==')} ", None),
            ("${random_choice('==')} == x", Some((23, "=="))),
            ("a != b == c", Some((2, "!="))),
            ("$${a} == b", Some((6, "=="))),
            ("${a}", None),
        ] {
            assert_eq!(operator(text), found, "{text}");
        }
    }
}
