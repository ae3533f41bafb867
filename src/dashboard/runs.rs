//! The commands that load while this dashboard is served: those that it watches, and those that it was asked to begin.
//! How one is begun is its owner's business, who takes the wishes in one after the other.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::feed::Feed;
use super::live::Stage;
use crate::exit::ExitCode;
use crate::history::Filter;

/// A wish of somebody at a page: to load this scenario, and to feed this.
#[derive(Debug)]
pub struct Wish {
    pub scenario: String,
    pub feed: Feed,
}

/// Why a run was not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// There are only these.
    Unknown(Vec<String>),
    /// This one is not over: two loads would spoil each other.
    Busy(u64),
    /// Nobody takes wishes any more.
    Ending,
}

/// A command that loads, or has loaded.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Counted from 1.
    pub id: u64,
    pub scenario: String,
    pub feed: Feed,
}

impl Made {
    /// Whether it is one of those that are asked for. Of which branch it is, is known once it is kept; how it will end, at its end.
    pub(super) fn fits(&self, filter: &Filter) -> bool {
        let Filter { scenario, branch, outcome } = filter;
        let live = self.feed.now();
        let own = if live.heading.scenario.is_empty() { &self.scenario } else { &live.heading.scenario };
        let ended = live.outcome.map(|code| match code {
            ExitCode::Pass => "pass",
            ExitCode::GateFailed => "fail",
            ExitCode::NoVerdict => "inconclusive",
            _ => "error",
        });
        branch.is_none()
            && scenario.as_ref().is_none_or(|asked| asked == own)
            && outcome.as_deref().is_none_or(|asked| Some(asked) == ended)
    }
}

/// All of them, and what else may be begun.
#[derive(Debug, Default)]
pub struct Runs {
    scenarios: Vec<String>,
    wishes: Option<Mutex<Sender<Wish>>>,
    made: Mutex<Vec<Made>>,
}

impl Runs {
    /// One that is under way already; nothing else may be begun.
    #[must_use]
    pub fn watching(feed: Feed) -> Self {
        Self { made: Mutex::new(vec![Made { id: 1, scenario: String::new(), feed }]), ..Self::default() }
    }

    /// Those of these scenarios that somebody wishes for.
    #[must_use]
    pub fn on_request(scenarios: Vec<String>, wishes: Sender<Wish>) -> Self {
        Self { scenarios, wishes: Some(Mutex::new(wishes)), ..Self::default() }
    }

    pub(super) fn may_be_begun(&self) -> &[String] {
        &self.scenarios
    }

    /// Begins one, and returns its number.
    pub(super) fn begin(&self, scenario: &str) -> Result<u64, Refusal> {
        let Some(wishes) = self.wishes.as_ref().filter(|_| self.scenarios.iter().any(|known| known == scenario)) else {
            return Err(Refusal::Unknown(self.scenarios.clone()));
        };
        let mut made = self.made();
        if let Some(busy) = made.iter().find(|made| made.feed.now().stage != Stage::Ended) {
            return Err(Refusal::Busy(busy.id));
        }
        let feed = Feed::default();
        feed.will_be_stoppable();
        let wish = Wish { scenario: scenario.to_owned(), feed: feed.clone() };
        wishes.lock().unwrap_or_else(PoisonError::into_inner).send(wish).map_err(|_| Refusal::Ending)?;
        let id = made.len() as u64 + 1;
        made.push(Made { id, scenario: scenario.to_owned(), feed });
        Ok(id)
    }

    pub(super) fn find(&self, id: u64) -> Option<Made> {
        self.made().iter().find(|made| made.id == id).cloned()
    }

    /// The one that is not over.
    pub(super) fn busy(&self) -> Option<Made> {
        self.made().iter().find(|made| made.feed.now().stage != Stage::Ended).cloned()
    }

    /// Whether somebody follows one.
    pub(super) fn is_watched(&self) -> bool {
        self.made().iter().any(|made| made.feed.is_watched())
    }

    /// Newest first.
    pub(super) fn all(&self) -> Vec<Made> {
        self.made().iter().rev().cloned().collect()
    }

    fn made(&self) -> MutexGuard<'_, Vec<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_scenarios_are_begun_and_one_at_a_time() {
        let (sender, wishes) = std::sync::mpsc::channel();
        let runs = Runs::on_request(vec!["shop".into()], sender);
        assert_eq!(runs.begin("other"), Err(Refusal::Unknown(vec!["shop".into()])));
        assert_eq!((runs.begin("shop"), runs.begin("shop")), (Ok(1), Err(Refusal::Busy(1))));
        wishes.recv().unwrap().feed.ended(ExitCode::Pass);
        assert_eq!(runs.begin("shop"), Ok(2));
        wishes.recv().unwrap().feed.ended(ExitCode::Pass);
        drop(wishes);
        assert_eq!(runs.begin("shop"), Err(Refusal::Ending));
        assert_eq!(runs.all().iter().map(|made| made.id).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn a_filter_holds_for_runs_that_are_being_made_too() {
        let made = Made { id: 1, scenario: "shop".into(), feed: Feed::default() };
        let of = |scenario: &str, outcome: Option<&str>| Filter {
            scenario: Some(scenario.into()),
            outcome: outcome.map(str::to_owned),
            ..Filter::default()
        };
        assert!(made.fits(&Filter::default()) && made.fits(&of("shop", None)));
        assert!(!made.fits(&of("nope", None)) && !made.fits(&of("shop", Some("fail"))));
        assert!(!made.fits(&Filter { branch: Some("main".into()), ..Filter::default() }));
        made.feed.ended(ExitCode::GateFailed);
        assert!(made.fits(&of("shop", Some("fail"))) && !made.fits(&of("shop", Some("pass"))));
    }

    #[test]
    fn what_is_only_watched_begins_nothing() {
        assert_eq!(Runs::watching(Feed::default()).begin(""), Err(Refusal::Unknown(Vec::new())));
    }
}
