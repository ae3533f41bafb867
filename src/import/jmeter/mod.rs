//! JMeter: JTL as CSV and as XML.

pub(super) mod csv;
pub(super) mod xml;

use crate::import::failure::Failure;
use crate::run::{FailureClass, Imported};

/// How the message of a transaction's own row begins: its requests have rows of their own.
const TRANSACTION: &str = "Number of samples in transaction";

/// Why a sample failed, from its code and its messages.
fn failure(success: bool, code: &str, message: &str, assertion: &str) -> Option<Failure> {
    if success {
        return None;
    }
    match code.parse::<u16>() {
        Ok(status) if status >= 400 => Some(Failure::of_status(status)),
        Ok(_) => {
            let words = if assertion.is_empty() { message } else { assertion };
            Some(Failure { class: FailureClass::Check, ..Failure::of_words(words) })
        }
        Err(_) => Some(Failure::of_words(&format!("{code} {message}"))),
    }
}

fn tell(transactions: u64, sub_results: &[String], about: &mut Imported) {
    if transactions > 0 {
        about.notes.push(format!("{transactions} transaction controllers are left out: their requests are counted themselves"));
    }
    if !sub_results.is_empty() {
        let names = sub_results.join(", ");
        about
            .warnings
            .push(format!("{names} look like parts of another sample, so that requests may be counted twice; switch `subresults` off"));
    }
}

/// Labels such as `Home-0` beside `Home`: redirects and embedded resources that JMeter saved as rows of their own.
fn sub_results<'a>(labels: impl Iterator<Item = &'a str> + Clone) -> Vec<String> {
    let known: std::collections::BTreeSet<&str> = labels.clone().collect();
    let is_part = |label: &&str| label.rsplit_once('-').is_some_and(|(whole, part)| known.contains(whole) && part.parse::<u16>().is_ok());
    labels.filter(is_part).take(3).map(ToOwned::to_owned).collect()
}
