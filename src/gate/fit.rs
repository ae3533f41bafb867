//! Whether thresholds fit a scenario: every name in them is one that the scenario has, and at least one rule applies.
//! A rule for something that is never measured would be a check that always passes.

use super::rules::Layer;
use super::thresholds::{EndpointLayer, Thresholds};
use super::{Metric, Subject};
use crate::document::{Mistake, Placed, nearest};
use crate::run::{EndpointRole, Run};

/// How many names a hint lists.
const LISTED_NAMES: usize = 12;

type Result<T> = std::result::Result<T, Box<Mistake>>;

impl Thresholds {
    /// Holds the thresholds against a scenario: its name, its endpoints, its phases and whether each is judged.
    ///
    /// # Errors
    /// A [`Mistake`] at the name that the scenario lacks.
    pub fn check_against(&self, scenario: &str, endpoints: &[(&str, EndpointRole)], phases: &[(&str, bool)]) -> Result<()> {
        if self.scenario() != "*" && self.scenario() != scenario {
            let mistake = self
                .document
                .mistake(self.scenario.place, format!("these thresholds are for scenario `{}`, not `{scenario}`", self.scenario()));
            return Err(mistake.with_hint("name the scenario, or write '*' for every one").into());
        }
        self.check_endpoints(&self.endpoints, endpoints)?;
        for phase in &self.phases {
            self.check_phase(&phase.name, phases)?;
            self.check_endpoints(&phase.endpoints, endpoints)?;
        }
        self.check_waivers(endpoints)?;
        if self.applies(endpoints) {
            return Ok(());
        }
        Err(self.document.mistake(self.scenario.place, format!("these thresholds check nothing of scenario `{scenario}`")).into())
    }

    /// As [`Self::check_against`], with what a finished run declares.
    ///
    /// # Errors
    /// A [`Mistake`] at the name that the run lacks.
    pub fn check_against_run(&self, run: &Run) -> Result<()> {
        let endpoints: Vec<_> = run.endpoints.iter().map(|endpoint| (endpoint.name.as_str(), endpoint.role)).collect();
        let phases: Vec<_> = run.phases.iter().map(|phase| (phase.name.as_str(), phase.measured)).collect();
        self.check_against(&run.scenario.name, &endpoints, &phases)
    }

    fn check_endpoints(&self, written: &[EndpointLayer], declared: &[(&str, EndpointRole)]) -> Result<()> {
        for EndpointLayer { name, layer } in written {
            match self.role_of(name, declared)? {
                EndpointRole::Lifecycle => self.check_lifecycle(layer)?,
                EndpointRole::Task | EndpointRole::Excluded => {}
            }
        }
        Ok(())
    }

    fn role_of(&self, name: &Placed<String>, declared: &[(&str, EndpointRole)]) -> Result<EndpointRole> {
        if let Some(&(_, role)) = declared.iter().find(|(known, _)| *known == name.value) {
            return Ok(role);
        }
        let names: Vec<&str> = declared.iter().map(|&(known, _)| known).collect();
        let mistake = self.document.mistake(name.place, format!("the scenario has no endpoint `{}`", name.value));
        Err(mistake.with_hint(did_you_mean(&name.value, &names)).into())
    }

    fn check_lifecycle(&self, layer: &Layer) -> Result<()> {
        match layer.iter().find(|(metric, _)| !matches!(metric, Metric::Failures(_))) {
            None => Ok(()),
            Some((metric, placed)) => {
                let message = format!("`{metric}` of an endpoint that only `start` or `stop` asks is not judged");
                Err(self.document.mistake(placed.place, message).with_hint("its failures are, by `failures: {max: ..}`").into())
            }
        }
    }

    fn check_phase(&self, name: &Placed<String>, phases: &[(&str, bool)]) -> Result<()> {
        let mistake = |message: String, hint: String| Err(self.document.mistake(name.place, message).with_hint(hint).into());
        match phases.iter().find(|(known, _)| *known == name.value) {
            Some((_, true)) => Ok(()),
            Some((_, false)) => mistake(format!("phase `{}` is not judged", name.value), "give it `measure: true` in the scenario".into()),
            None => {
                let judged: Vec<&str> = phases.iter().filter(|(_, measured)| *measured).map(|&(known, _)| known).collect();
                mistake(format!("the scenario has no phase `{}`", name.value), did_you_mean(&name.value, &judged))
            }
        }
    }

    fn check_waivers(&self, declared: &[(&str, EndpointRole)]) -> Result<()> {
        for waiver in self.waivers() {
            let subject = Subject::named(&waiver.endpoint.value);
            if matches!(subject, Subject::Endpoint(_)) {
                self.role_of(&waiver.endpoint, declared)?;
            }
            let metric = waiver.metric.value;
            let phases = self.named_phases().into_iter().map(Some).chain([None]);
            if !phases.into_iter().any(|phase| self.rules(subject, phase).iter().any(|(known, _)| *known == metric)) {
                let message = format!("nothing to waive: `{}` has no rule for `{metric}`", subject.name());
                return Err(self.document.mistake(waiver.metric.place, message).into());
            }
        }
        Ok(())
    }

    /// Whether any rule is for something that the scenario has.
    fn applies(&self, declared: &[(&str, EndpointRole)]) -> bool {
        let phases: Vec<Option<&str>> = self.named_phases().into_iter().map(Some).chain([None]).collect();
        let has_rules = |subject| phases.iter().any(|&phase| !self.rules(subject, phase).is_empty());
        let judged = |role| matches!(role, EndpointRole::Task);
        declared.iter().any(|&(name, role)| judged(role) && has_rules(Subject::Endpoint(name)))
            || (declared.iter().any(|&(_, role)| judged(role)) && has_rules(Subject::Total))
    }
}

fn did_you_mean(written: &str, names: &[&str]) -> String {
    if let Some(name) = nearest(written, names) {
        return format!("did you mean `{name}`?");
    }
    let listed: Vec<String> = names.iter().take(LISTED_NAMES).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > LISTED_NAMES { ", .." } else { "" };
    format!("it has {}{more}", listed.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{steady, thresholds};
    use super::*;

    const ENDPOINTS: [(&str, EndpointRole); 3] =
        [("GET /api/orders", EndpointRole::Task), ("POST /login", EndpointRole::Lifecycle), ("GET /admin", EndpointRole::Excluded)];
    const PHASES: [(&str, bool); 3] = [("warm-up", false), ("hold", true), ("spike", true)];

    fn mistake(rest: &str) -> String {
        thresholds(rest).check_against("shop", &ENDPOINTS, &PHASES).map_or_else(|mistake| mistake.to_string(), |()| "fits".into())
    }

    #[test]
    fn names_that_the_scenario_lacks_are_mistakes() {
        for (rest, message, hint) in [
            (
                "endpoints: {GET /api/order: {p95: 3ms}}",
                "t.yaml:3:13: the scenario has no endpoint `GET /api/order`",
                "did you mean `GET /api/orders`?",
            ),
            ("defaults: {p95: 3ms}\nphases: {spkie: {}}", "t.yaml:4:10: the scenario has no phase `spkie`", "did you mean `spike`?"),
            (
                "defaults: {p95: 3ms}\nphases: {warm-up: {}}",
                "t.yaml:4:10: phase `warm-up` is not judged",
                "give it `measure: true` in the scenario",
            ),
            (
                "endpoints: {POST /login: {p95: 3ms}}",
                "t.yaml:3:27: `p95` of an endpoint that only `start` or `stop` asks is not judged",
                "its failures are, by `failures: {max: ..}`",
            ),
            (
                "defaults: {p95: 3ms}\nphases: {spike: {endpoints: {X: {p95: 3ms}}}}",
                "t.yaml:4:30: the scenario has no endpoint `X`",
                "it has",
            ),
            (
                "defaults: {p95: 3ms}\nwaivers: [{endpoint: GET /api/orders, metric: p99, until: 2026-12-31, reason: x}]",
                "t.yaml:4:47: nothing to waive: `GET /api/orders` has no rule for `p99`",
                "",
            ),
            (
                "defaults: {p95: 3ms}\nwaivers: [{endpoint: GET /api/ordres, metric: p95, until: 2026-12-31, reason: x}]",
                "t.yaml:4:22: the scenario has no endpoint `GET /api/ordres`",
                "did you mean `GET /api/orders`?",
            ),
            ("endpoints: {GET /admin: {p95: 3ms}}", "t.yaml:2:11: these thresholds check nothing of scenario `shop`", ""),
        ] {
            let text = mistake(rest);
            assert!(text.starts_with(message) && text.contains(hint), "{text}");
        }
    }

    #[test]
    fn thresholds_that_fit_are_accepted() {
        for rest in [
            "defaults: {p95: 3ms}",
            "total: {throughput: 1/s}",
            "endpoints: {GET /api/orders: {p95: 3ms}, POST /login: {failures: 1%}, GET /admin: {p95: 3ms}}",
            "phases: {spike: {defaults: {p95: 3ms}}}",
            "total: {p95: 3ms}\nwaivers: [{endpoint: total, metric: p95, until: 2026-12-31, reason: x}]",
        ] {
            assert_eq!(mistake(rest), "fits", "{rest}");
        }
    }

    #[test]
    fn the_scenario_must_be_the_one_that_is_named() {
        let thresholds = thresholds("defaults: {p95: 3ms}");
        let text = thresholds.check_against("checkout", &ENDPOINTS, &PHASES).unwrap_err().to_string();
        assert!(text.starts_with("t.yaml:2:11: these thresholds are for scenario `shop`, not `checkout`"), "{text}");
        assert!(thresholds.check_against_run(&steady(1.0)).is_ok());
    }
}
