//! The Forecast: about how many requests a load will make of each endpoint, before it runs. An open load follows from its
//! schedule; a closed one waits for its answers, so that the time of an answer has to be assumed.

use std::time::Duration;

use crate::scenario::{Model, Repeat, Scenario, Step, Task, Think, UserKind};

/// What a load will ask, by endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    pub basis: Basis,
    /// Of every endpoint of the scenario, by index.
    pub endpoints: Vec<EndpointForecast>,
}

/// What the numbers follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// Task starts are scheduled; answers do not matter.
    Schedule,
    /// Users pause; answers matter beside their pauses.
    PausesAndAnswers,
    /// Users never pause: twice as fast answers, twice as many requests.
    Answers,
}

/// About how many requests an endpoint gets from tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointForecast {
    /// By phase of the load, judged or not.
    pub phases: Vec<f64>,
    /// Some of its steps may not run (`when`), or run more often than assumed (`foreach`).
    pub is_conditional: bool,
}

impl Forecast {
    /// For a scenario whose requests are each answered within `answer`.
    #[must_use]
    pub fn new(scenario: &Scenario, answer: Duration) -> Self {
        let phases = &scenario.load.phases;
        let nothing = EndpointForecast { phases: vec![0.0; phases.len()], is_conditional: false };
        let mut endpoints = vec![nothing; scenario.endpoints.len()];
        let all_kinds = total(scenario.kinds.iter().map(|kind| kind.weight));
        for kind in &scenario.kinds {
            let share = fraction(kind.weight, all_kinds);
            let tasks_a_second = match scenario.load.model {
                Model::Open { .. } => share,
                Model::Closed => share / mean_cycle(kind, answer).max(f64::EPSILON),
            };
            for (task, task_share) in shares_of_tasks(kind) {
                for step in &task.steps {
                    let endpoint = &mut endpoints[step.endpoint];
                    endpoint.is_conditional |= step.when.is_some() || matches!(step.repeat, Repeat::Each { .. });
                    for (count, phase) in endpoint.phases.iter_mut().zip(phases) {
                        let load = phase.shape.mean() * phase.length.as_secs_f64();
                        *count += load * tasks_a_second * task_share * times(step);
                    }
                }
            }
        }
        Self { basis: basis(scenario), endpoints }
    }

    /// All endpoints together.
    #[must_use]
    pub fn total(&self) -> EndpointForecast {
        let phases = self.endpoints.first().map_or(0, |endpoint| endpoint.phases.len());
        let sum = |phase: usize| self.endpoints.iter().filter_map(|endpoint| endpoint.phases.get(phase)).sum();
        EndpointForecast {
            phases: (0..phases).map(sum).collect(),
            is_conditional: self.endpoints.iter().any(|endpoint| endpoint.is_conditional),
        }
    }
}

impl EndpointForecast {
    /// Requests of the phases that are chosen by index.
    #[must_use]
    pub fn requests(&self, is_chosen: impl Fn(usize) -> bool) -> f64 {
        self.phases.iter().enumerate().filter(|(index, _)| is_chosen(*index)).map(|(_, count)| count).sum()
    }
}

/// The tasks of a kind with their shares of all its tasks.
#[must_use]
pub fn shares_of_tasks(kind: &UserKind) -> Vec<(&Task, f64)> {
    let all = total(kind.tasks.iter().map(|task| task.weight));
    kind.tasks.iter().map(|task| (task, fraction(task.weight, all))).collect()
}

/// How long a pause is on average.
#[must_use]
pub fn mean_pause(think: Think) -> Duration {
    match think {
        Think::Fixed(pause) | Think::Exponential(pause) | Think::Normal { mean: pause, sd: _ } => pause,
        Think::Range(from, to) => (from + to) / 2,
    }
}

fn basis(scenario: &Scenario) -> Basis {
    let mut tasks = scenario.kinds.iter().flat_map(|kind| &kind.tasks);
    match scenario.load.model {
        Model::Open { .. } => Basis::Schedule,
        Model::Closed if tasks.any(|task| task.pacing.is_some() || pauses(task) > 0.0) => Basis::PausesAndAnswers,
        Model::Closed => Basis::Answers,
    }
}

/// Seconds from one task of a user to its next, on average.
fn mean_cycle(kind: &UserKind, answer: Duration) -> f64 {
    let of_task = |task: &Task| {
        let answers: f64 = task.steps.iter().map(|step| times(step) * answer.as_secs_f64()).sum();
        (answers + pauses(task)).max(task.pacing.map_or(0.0, |pacing| pacing.as_secs_f64()))
    };
    shares_of_tasks(kind).into_iter().map(|(task, share)| share * of_task(task)).sum()
}

/// Seconds that a task pauses, on average.
fn pauses(task: &Task) -> f64 {
    let seconds = |think: Option<Think>| think.map_or(0.0, |think| mean_pause(think).as_secs_f64());
    task.steps.iter().map(|step| times(step) * seconds(step.think)).sum::<f64>() + seconds(task.think)
}

/// How often a step runs within its task; once for each element of a list that nobody knows yet counts as once.
fn times(step: &Step) -> f64 {
    match step.repeat {
        Repeat::Once | Repeat::Each { .. } => 1.0,
        Repeat::Times(count) => f64::from(count),
    }
}

fn total(weights: impl Iterator<Item = u64>) -> u64 {
    weights.sum::<u64>().max(1)
}

#[expect(clippy::cast_precision_loss, reason = "weights are far below 2^52")]
fn fraction(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;
    use crate::scenario::{Overrides, Surroundings};

    fn forecast(rest: &str) -> (Basis, Vec<(String, u64)>) {
        let text = format!("version: 1\nname: s\ntarget: http://127.0.0.1\n{rest}");
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        let scenario = Scenario::from_document(&Document::from_text("s.yaml", &text), &surroundings, &Overrides::default())
            .unwrap_or_else(|error| panic!("{error}"));
        let forecast = Forecast::new(&scenario, Duration::from_millis(100));
        let is_judged = |phase: usize| scenario.load.phases[phase].measured;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small counts")]
        let count = |endpoint: &EndpointForecast| endpoint.requests(is_judged).round() as u64;
        let counts = scenario.endpoints.iter().zip(&forecast.endpoints).map(|(named, asked)| (named.name.clone(), count(asked))).collect();
        (forecast.basis, counts)
    }

    fn counts(rest: &str) -> Vec<u64> {
        forecast(rest).1.into_iter().map(|(_, count)| count).collect()
    }

    const TWO_TASKS: &str = "tasks:\n  - {weight: 3, steps: [{get: /a}, {get: /b}]}\n  - {steps: [{get: /c, repeat: 2}]}\n";

    #[test]
    fn an_open_load_follows_from_its_schedule() {
        assert_eq!(counts(&format!("load: {{rate: 10/s, ramp: 10s, hold: 40s}}\n{TWO_TASKS}")), [300, 300, 200]);
        assert_eq!(
            counts(
                "load: {phases: [{for: 10s, rate: 0/s..20/s, measure: true}, {for: 4s, rate: [1/s, 3/s]}]}\ntasks: [{steps: [{get: /}]}]\n"
            ),
            [100]
        );
    }

    #[test]
    fn a_closed_load_follows_from_pauses_and_answers() {
        let (basis, counts) = forecast("load: {users: 10, hold: 110s}\nthink: {exponential: 1s}\ntasks: [{steps: [{get: /a}]}]\n");
        assert_eq!((basis, counts), (Basis::PausesAndAnswers, vec![("GET /a".to_owned(), 1000)]));
        let paced = "load: {users: 10, hold: 100s}\ntasks: [{pacing: 1s, steps: [{get: /a}, {get: /b}]}]\n";
        assert_eq!(forecast(paced), (Basis::PausesAndAnswers, vec![("GET /a".to_owned(), 1000), ("GET /b".to_owned(), 1000)]));
        assert_eq!(
            forecast("load: {users: 10, hold: 10s}\ntasks: [{steps: [{get: /a}]}]\n"),
            (Basis::Answers, vec![("GET /a".into(), 1000)])
        );
    }

    #[test]
    fn kinds_of_user_have_their_own_cycles_and_what_runs_once_is_not_counted() {
        let kinds = "users:\n  fast: {weight: 3, start: [{post: /in}], tasks: [{think: 900ms, steps: [{get: /a}]}]}\n  slow: {tasks: [{think: 9900ms, steps: [{get: /a}]}]}\n";
        let (_, mut counts) = forecast(&format!("load: {{users: 40, hold: 100s}}\n{kinds}"));
        counts.sort();
        assert_eq!(counts, [("GET /a".to_owned(), 3100), ("POST /in".to_owned(), 0)]);
    }
}
