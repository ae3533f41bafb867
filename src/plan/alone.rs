//! `--each`: a scenario as one scenario for each of its endpoints, to be loaded one after the other. What an endpoint
//! builds on is still sent before it; the load is as much as it takes to ask the endpoint as often as in the whole.

use std::collections::BTreeSet;
use std::time::Duration;

use super::forecast::Forecast;
use crate::endpoint::EndpointRole;
use crate::scenario::{Endpoint, Isolation, Load, Model, Phase, Scenario, Shape, Step, Task, UserKind};

/// What an answer is taken to last where the load follows from it.
const ANSWER: Duration = Duration::from_millis(100);

/// The scenario of each endpoint that tasks ask, in their order. In it no other endpoint has the role of a task's.
#[must_use]
pub fn each_alone(scenario: &Scenario) -> Vec<Scenario> {
    let whole = Forecast::new(scenario, ANSWER);
    let asked = scenario.endpoints.iter().enumerate().filter(|(_, endpoint)| endpoint.role == EndpointRole::Task);
    asked.map(|(endpoint, _)| alone(scenario, endpoint, requests(&whole, endpoint))).collect()
}

/// What is sent before the endpoint that such a scenario is of, by name, each once.
#[must_use]
pub fn steps_before(part: &Scenario) -> Vec<&str> {
    let steps = part.kinds.iter().flat_map(|kind| &kind.tasks).flat_map(|task| &task.steps);
    let others: BTreeSet<usize> =
        steps.map(|step| step.endpoint).filter(|&endpoint| part.endpoints[endpoint].role != EndpointRole::Task).collect();
    others.into_iter().map(|endpoint| part.endpoints[endpoint].name.as_str()).collect()
}

fn alone(whole: &Scenario, endpoint: usize, wanted: f64) -> Scenario {
    let kinds = whole.kinds.iter().filter(|kind| is_kept(kind, endpoint)).map(|kind| UserKind {
        tasks: kind.tasks.iter().filter(|task| asks(task, endpoint)).map(|task| task_alone(kind, task, endpoint)).collect(),
        ..kind.clone()
    });
    let phases = whole.load.phases.iter().map(|phase| Phase { mix: mix_alone(whole, phase, endpoint), ..phase.clone() });
    let mut part = Scenario {
        name: whole.name.clone(),
        target: whole.target.clone(),
        ready: whole.ready.clone(),
        seed: whole.seed,
        hash: whole.hash.clone(),
        load: Load { model: whole.load.model, phases: phases.collect() },
        http: whole.http.clone(),
        connections: whole.connections,
        tls: whole.tls.clone(),
        data: whole.data.clone(),
        kinds: kinds.collect(),
        mix: whole.mix,
        isolation: Isolation::Together,
        endpoints: whole.endpoints.iter().enumerate().map(|(index, named)| role_alone(named, index == endpoint)).collect(),
        variables: whole.variables.clone(),
        secrets: whole.secrets.clone(),
        warnings: Vec::new(),
    };
    let as_much = requests(&Forecast::new(&part, ANSWER), endpoint);
    if wanted > 0.0 && as_much > 0.0 {
        scale(&mut part.load, wanted / as_much);
    }
    part
}

fn asks(task: &Task, endpoint: usize) -> bool {
    task.steps.iter().any(|step| step.endpoint == endpoint)
}

fn is_kept(kind: &UserKind, endpoint: usize) -> bool {
    kind.tasks.iter().any(|task| asks(task, endpoint))
}

fn role_alone(named: &Endpoint, is_own: bool) -> Endpoint {
    let role = match named.role {
        EndpointRole::Task if is_own => EndpointRole::Task,
        EndpointRole::Lifecycle => EndpointRole::Lifecycle,
        EndpointRole::Task | EndpointRole::Excluded => EndpointRole::Excluded,
    };
    Endpoint { name: named.name.clone(), role }
}

/// The weights that a phase gives to the tasks that are kept. A phase that leaves all of them out has nothing to say of how
/// they share the load.
fn mix_alone(whole: &Scenario, phase: &Phase, endpoint: usize) -> Vec<Vec<u64>> {
    let of_kind = |(kind, weights): (&UserKind, &Vec<u64>)| {
        kind.tasks.iter().zip(weights).filter(|(task, _)| asks(task, endpoint)).map(|(_, weight)| *weight).collect::<Vec<u64>>()
    };
    let kept = whole.kinds.iter().zip(&phase.mix).filter(|(kind, _)| is_kept(kind, endpoint));
    let mix: Vec<Vec<u64>> = kept.map(of_kind).collect();
    if mix.iter().all(|weights| weights.iter().any(|weight| *weight > 0)) { mix } else { Vec::new() }
}

fn requests(forecast: &Forecast, endpoint: usize) -> f64 {
    forecast.endpoints[endpoint].requests(|_| true)
}

/// The task with the steps of one endpoint, and those that they build on.
fn task_alone(kind: &UserKind, task: &Task, endpoint: usize) -> Task {
    let own = with_what_is_needed(&task.steps, |step| step.endpoint == endpoint);
    let mut known: BTreeSet<usize> = kind.start.iter().chain(&own).flat_map(Step::sets).collect();
    let mut steps = own;
    let mut data: BTreeSet<usize> = task.data.iter().copied().collect();
    loop {
        let missing: BTreeSet<usize> = steps.iter().flat_map(Step::reads).filter(|slot| !known.contains(slot)).collect();
        let sets_missing = |step: &Step| step.sets().any(|slot| missing.contains(&slot));
        // A user keeps its values from task to task: what none of this one's earlier steps sets, another one does.
        let donors: Vec<&Task> = kind.tasks.iter().filter(|task| task.steps.iter().any(sets_missing)).collect();
        if donors.is_empty() {
            return Task { steps, data: data.into_iter().collect(), ..task.clone() };
        }
        data.extend(donors.iter().flat_map(|donor| &donor.data));
        let mut before: Vec<Step> = donors.iter().flat_map(|donor| with_what_is_needed(&donor.steps, sets_missing)).collect();
        known.extend(before.iter().flat_map(Step::sets));
        before.append(&mut steps);
        steps = before;
    }
}

/// The steps that are wanted, and of those before them the ones that they build on: that save what they read, or that
/// change something, of which nobody here can know whether it matters.
fn with_what_is_needed(steps: &[Step], is_wanted: impl Fn(&Step) -> bool) -> Vec<Step> {
    let mut read = BTreeSet::new();
    let mut kept: Vec<Step> = Vec::new();
    for step in steps.iter().rev() {
        let is_needed = !kept.is_empty() && (!step.method.is_safe() || step.sets().any(|slot| read.contains(&slot)));
        if is_needed || is_wanted(step) {
            read.extend(step.reads());
            kept.push(step.clone());
        }
    }
    kept.reverse();
    kept
}

/// Multiplies every level. Users stay whole, and rather one more than one less.
fn scale(load: &mut Load, factor: f64) {
    let is_closed = load.model == Model::Closed;
    let scaled = |level: &mut f64| {
        *level *= factor;
        if is_closed {
            *level = (*level - 1e-6).ceil().max(0.0);
        }
    };
    for phase in &mut load.phases {
        match &mut phase.shape {
            Shape::Constant(level) => scaled(level),
            Shape::Ramp(from, to) => [from, to].into_iter().for_each(scaled),
            Shape::Steps(levels) => levels.iter_mut().for_each(scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::document::Document;
    use crate::scenario::{Overrides, Surroundings};

    fn scenario(rest: &str) -> Scenario {
        let text = format!("version: 1\nname: s\ntarget: http://127.0.0.1\n{rest}");
        let surroundings = Surroundings { folder: Path::new("."), environment: &|_| None };
        Scenario::from_document(&Document::from_text("s.yaml", &text), &surroundings, &Overrides::default())
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// Each endpoint with what is asked in its turn, in order, and the load of the last phase.
    fn turns(rest: &str) -> Vec<(String, Vec<String>, f64)> {
        let whole = scenario(rest);
        let turn = |part: Scenario| {
            let own = part.endpoints.iter().find(|endpoint| endpoint.role == EndpointRole::Task).unwrap();
            let steps = part.kinds.iter().flat_map(|kind| &kind.tasks).flat_map(|task| &task.steps);
            let asked = steps.map(|step| part.endpoints[step.endpoint].name.clone()).collect();
            (own.name.clone(), asked, part.load.phases.last().unwrap().shape.peak())
        };
        each_alone(&whole).into_iter().map(turn).collect()
    }

    fn told(turns: &[(String, Vec<String>, f64)]) -> Vec<String> {
        turns.iter().map(|(_, asked, load)| format!("{} at {load}", asked.join(", "))).collect()
    }

    #[test]
    fn each_endpoint_is_asked_as_often_as_in_the_whole() {
        let tasks = "tasks:\n  - {weight: 3, steps: [{get: /a}, {get: /b}]}\n  - {steps: [{get: /c, repeat: 2}, {get: /a}]}\n";
        assert_eq!(
            told(&turns(&format!("load: {{rate: 40/s, hold: 10s}}\n{tasks}"))),
            ["GET /a, GET /a at 40", "GET /b at 30", "GET /c at 10"]
        );
        // A cycle of the whole takes 225 ms on average, one of its own 100 ms, or 200 ms.
        assert_eq!(
            told(&turns(&format!("load: {{users: 90, hold: 10s}}\n{tasks}"))),
            ["GET /a, GET /a at 40", "GET /b at 30", "GET /c at 20"]
        );
    }

    #[test]
    fn what_an_endpoint_builds_on_is_sent_before_it() {
        let save = |name: &str| format!("save: {{{name}: $.id}}");
        let journey = format!(
            "load: {{rate: 10/s, hold: 10s}}\nstart: [{{post: /login, {}}}]\ntasks:\n  - steps:\n      - {{get: /list, {}}}\n      - {{get: /other}}\n      - {{get: '/item/${{item}}', headers: {{x: '${{token}}'}}}}\n      - {{post: /cart}}\n      - {{get: /cart}}\n",
            save("token"),
            save("item")
        );
        assert_eq!(
            told(&turns(&journey)),
            [
                "GET /list at 10",
                "GET /other at 10",
                "GET /list, GET /item/${item} at 10",
                "POST /cart at 10",
                "POST /cart, GET /cart at 10"
            ]
        );
    }

    #[test]
    fn a_value_that_another_task_saves_is_fetched_first() {
        let tasks = "load: {rate: 10/s, hold: 10s}\ntasks:\n  - {steps: [{get: /list, save: {item: $.id}}]}\n  - {steps: [{get: '/item/${item}'}]}\n";
        assert_eq!(told(&turns(tasks)), ["GET /list at 5", "GET /list, GET /item/${item} at 5"]);
    }

    #[test]
    fn kinds_of_user_and_mixes_of_phases_lose_what_is_not_asked() {
        let text = "load: {phases: [{for: 5s, rate: 8/s}, {for: 5s, rate: 8/s, mix: {x: 3, y: 0}}]}\nusers:\n  one: {tasks: [{name: x, steps: [{get: /a}]}, {name: y, steps: [{get: /b}]}]}\n  two: {start: [{post: /in}], tasks: [{name: z, steps: [{get: /c}]}]}\n";
        let parts = each_alone(&scenario(text));
        let mixes: Vec<&[Vec<u64>]> = parts.iter().map(|part| part.load.phases[1].mix.as_slice()).collect();
        assert_eq!(mixes, [&[vec![3000]][..], &[], &[vec![1000]]]);
        assert!(parts.iter().all(|part| part.kinds.len() == 1));
        assert_eq!(steps_before(&parts[0]), Vec::<&str>::new());
    }
}
