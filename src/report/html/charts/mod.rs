//! The charts, one per file, as SVG in the page, each with title, description and its values as a table.
//!
//! plotters maps values and picks ticks. Its backends do not draw here, nor do those of charts-rs or charming: they fix every
//! place in pixels and every colour in the picture. Drawn so for a desk, text is 5 px high on a phone; a dark page
//! needs a second picture; and the page's policy refuses style attributes. So places are percentages of whatever room
//! there is, lines scale without their width, and colours are classes. charming also brings a JavaScript library.

mod distribution;
mod finding;
mod lines;
mod over_time;
mod plot;
mod spark;
mod within;

pub use self::distribution::two_distributions;
pub(super) use self::distribution::{distribution, distribution_of};
pub(super) use self::finding::{finding, values};
pub use self::lines::{Level, Line, Lines, Mark, Shade, Unit};
pub(super) use self::over_time::{of_endpoint, over_time};
pub(super) use self::spark::spark;
pub(super) use self::within::{step_values, within};
