//! Load shapes: `200`, `20..200`, `[100, 200, 300]`, in users or in starts a second.

use super::Checked;
use crate::document::{Document, Mistake, Place, Placed, Scalar, Written};
use crate::scenario::Shape;
use crate::scenario::file::OneOrMany;
use crate::units::Rate;

/// Longest list of steps in one phase.
const MAX_STEPS: usize = 1000;

/// Beyond it a number can only be a slip of the hand; the guard's limits are far below.
pub const MOST: f64 = 10_000_000.0;

/// What the numbers of a shape mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Users,
    Rate,
}

impl Kind {
    /// [`MOST`] for messages.
    pub const fn most_text(self) -> &'static str {
        match self {
            Self::Users => "10000000",
            Self::Rate => "10000000/s",
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Rate => "rate",
        }
    }

    const fn examples(self) -> &'static str {
        match self {
            Self::Users => "`200`, in `phases` also `20..200` or `[100, 200]`",
            Self::Rate => "`300/s`, in `phases` also `50/s..300/s` or `[100/s, 200/s]`",
        }
    }
}

/// Reads the value of `users` or `rate`.
pub fn read_shape(document: &Document, written: &Placed<OneOrMany>, kind: Kind) -> Checked<Shape> {
    let place = written.place;
    let shape = match &written.value {
        Written::Scalar(Scalar::Text(text)) if text.contains("..") => {
            let (from, to) = text.split_once("..").unwrap_or_default();
            Shape::Ramp(level_text(document, from.trim(), place, kind)?, level_text(document, to.trim(), place, kind)?)
        }
        Written::Scalar(scalar) => Shape::Constant(level(document, scalar, place, kind)?),
        Written::List(items) if (2..=MAX_STEPS).contains(&items.len()) => {
            Shape::Steps(items.iter().map(|item| level(document, &item.value, item.place, kind)).collect::<Checked<_>>()?)
        }
        Written::List(items) => {
            let message = format!("a list of {} steps: it has from 2 to {MAX_STEPS}", items.len());
            return Err(document.mistake(place, message).into());
        }
        Written::Map(never) => match *never {},
    };
    if shape.peak() > 0.0 {
        return Ok(shape);
    }
    Err(document.mistake(place, format!("`{}` must be above 0", kind.key())).into())
}

/// Multiplies every level; users stay whole, and a level above 0 stays above 0.
pub fn scale(shape: &mut Shape, kind: Kind, factor: f64) {
    let scaled = |level: &mut f64| {
        let was_above_zero = *level > 0.0;
        *level *= factor;
        if kind == Kind::Users {
            *level = level.round();
            if was_above_zero {
                *level = level.max(1.0);
            }
        }
    };
    match shape {
        Shape::Constant(level) => scaled(level),
        Shape::Ramp(from, to) => [from, to].into_iter().for_each(scaled),
        Shape::Steps(levels) => levels.iter_mut().for_each(scaled),
    }
}

fn level(document: &Document, scalar: &Scalar, place: Place, kind: Kind) -> Checked<f64> {
    match (kind, scalar) {
        (Kind::Users, Scalar::Whole(users)) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "compared with a limit far below")]
            in_range(document, *users as f64, &users.to_string(), place, kind)
        }
        (Kind::Users, _) => Err(not_a_level(document, &scalar.to_string(), place, kind)),
        (Kind::Rate, _) => level_text(document, &scalar.to_string(), place, kind),
    }
}

fn level_text(document: &Document, text: &str, place: Place, kind: Kind) -> Checked<f64> {
    let value = match kind {
        #[expect(clippy::cast_precision_loss, reason = "compared with a limit far below")]
        Kind::Users => text.parse::<u64>().map(|users| users as f64).map_err(|_| not_a_level(document, text, place, kind))?,
        Kind::Rate => match text.parse::<Rate>() {
            Ok(rate) => rate.get(),
            Err(error) => return Err(document.mistake(place, error.to_string()).into()),
        },
    };
    in_range(document, value, text, place, kind)
}

fn in_range(document: &Document, value: f64, text: &str, place: Place, kind: Kind) -> Checked<f64> {
    if (0.0..=MOST).contains(&value) {
        return Ok(value);
    }
    let message = format!("{} `{text}` is out of range: from 0 to {}", kind.key(), kind.most_text());
    Err(document.mistake(place, message).into())
}

fn not_a_level(document: &Document, text: &str, place: Place, kind: Kind) -> Box<Mistake> {
    let message = format!("`{text}` is not a whole number of users");
    document.mistake(place, message).with_hint(format!("write for example {}", kind.examples())).into()
}
