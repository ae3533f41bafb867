//! A run with what several parts of the page take from all of it, found once: reading a thousand endpoints is what a page
//! takes its time for.

use std::collections::{BTreeSet, HashMap};

use super::timeline::end_of;
use crate::gate::{Finding, FindingOutcome};
use crate::run::{EndpointRole, EndpointRun, PhaseRun, PhaseSelection, Run, Summary};

/// So many endpoints that ask for attention have charts of their own, and so many of the others.
const NOTICED: usize = 20;
const BUSIEST: usize = 20;

/// A run, and what is known of it as a whole.
#[derive(Debug)]
pub(super) struct Overall<'a> {
    pub run: &'a Run,
    /// All tasks over the judged phases.
    pub total: Summary,
    /// Where the run ends (s).
    pub end: f64,
    /// The endpoints with charts of their own: those with the worst findings, then the busiest.
    pub charted: Vec<&'a EndpointRun>,
    /// How the worst check of each endpoint came out.
    outcomes: HashMap<&'a str, FindingOutcome>,
    /// The phases that have rules of their own, which the pooled ones leave out.
    own_phases: BTreeSet<&'a str>,
}

impl<'a> Overall<'a> {
    /// `findings`: of the run, worst first.
    pub(super) fn of(run: &'a Run, findings: &[&'a Finding]) -> Self {
        Self {
            run,
            total: run.total(PhaseSelection::Judged),
            end: end_of(run),
            charted: charted(run, findings),
            outcomes: findings.iter().rev().map(|finding| (finding.endpoint.as_str(), finding.outcome)).collect(),
            own_phases: findings.iter().filter_map(|finding| finding.phase.as_deref()).collect(),
        }
    }

    /// Of the worst check of this endpoint; `None` where it has none.
    pub(super) fn outcome_of(&self, endpoint: &str) -> Option<FindingOutcome> {
        self.outcomes.get(endpoint).copied()
    }

    /// Where the endpoint stands among those with charts of their own.
    pub(super) fn place_of(&self, endpoint: &str) -> Option<usize> {
        self.charted.iter().position(|charted| charted.name == endpoint)
    }

    /// Whether there is any verdict to tell of.
    pub(super) fn is_judged(&self) -> bool {
        !self.outcomes.is_empty()
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a EndpointRun> + Clone {
        self.run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task)
    }

    /// Whether what was measured in this phase is judged by the finding's rule.
    pub(super) fn is_judged_by(&self, phase: &PhaseRun, finding: &Finding) -> bool {
        match &finding.phase {
            Some(name) => *name == phase.name,
            None => phase.measured && !self.own_phases.contains(phase.name.as_str()),
        }
    }
}

fn charted<'a>(run: &'a Run, findings: &[&Finding]) -> Vec<&'a EndpointRun> {
    let tasks = || run.endpoints.iter().filter(|endpoint| endpoint.role == EndpointRole::Task);
    let by_name: HashMap<&str, &EndpointRun> = tasks().map(|endpoint| (endpoint.name.as_str(), endpoint)).collect();
    let asks = |finding: &&&Finding| !matches!(finding.outcome, FindingOutcome::Pass | FindingOutcome::Skipped);
    let mut known = BTreeSet::new();
    let mut is_new = |endpoint: &&'a EndpointRun| known.insert(endpoint.name.as_str());
    let noticed = findings.iter().filter(asks).filter_map(|finding| by_name.get(finding.endpoint.as_str()).copied());
    let mut charted: Vec<&EndpointRun> = noticed.filter(&mut is_new).take(NOTICED).collect();
    let mut busiest: Vec<(&EndpointRun, u64)> = tasks().map(|endpoint| (endpoint, judged_requests(run, endpoint))).collect();
    busiest.sort_by_key(|(_, requests)| std::cmp::Reverse(*requests));
    charted.extend(busiest.into_iter().map(|(endpoint, _)| endpoint).filter(is_new).take(BUSIEST));
    charted
}

fn judged_requests(run: &Run, endpoint: &EndpointRun) -> u64 {
    let judged = endpoint.phases.iter().enumerate().filter(|&(index, _)| run.selects(PhaseSelection::Judged, index));
    judged.map(|(_, series)| series.requests).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn what_asks_for_attention_has_charts_and_of_the_rest_the_busiest() {
        let mut run = samples::run();
        let endpoint = |index: u64| {
            let mut endpoint = samples::endpoint(&format!("GET /{index}"), EndpointRole::Task, 20);
            endpoint.phases[1].requests = index;
            endpoint
        };
        run.endpoints = (0..200).map(endpoint).collect();
        let breach =
            |index: u64| Finding { outcome: FindingOutcome::Fail, ..samples::finding(&format!("GET /{}", index / 2), "p95", 400.0) };
        let mut findings: Vec<Finding> = (0..80).map(breach).collect();
        findings.push(samples::finding("GET /77", "p95", 4.0));
        let overall = Overall::of(&run, &findings.iter().collect::<Vec<_>>());
        let named: Vec<&str> = overall.charted.iter().map(|endpoint| endpoint.name.as_str()).collect();
        let expected: Vec<String> = (0..20).chain((180..200).rev()).map(|index| format!("GET /{index}")).collect();
        assert_eq!(named, expected);
    }
}
