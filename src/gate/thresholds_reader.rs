//! From the threshold file as typed to [`Thresholds`]. Everything that can be wrong without knowing the scenario is
//! found here, with its place and a cure.

use jiff::civil::Date;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::Metric;
use super::limits::{LimitError, read_limit};
use super::rules::{Layer, RuleSettings, Rules, Setting, Term, rules_in};
use super::thresholds::{BaselinePolicy, EndpointLayer, GateSettings, PhaseThresholds, Thresholds, Waiver, layer_of};
use super::thresholds_file::{
    BaselineFile, GateFile, MetricsFile, PhaseFile, PlacedMap, PolicyFile, RulesFile, ThresholdsFile, WaiverFile,
};
use crate::document::{Document, Mistake, Place, Placed, Scalar, Written};
use crate::units::parse_duration;

type Result<T> = std::result::Result<T, Box<Mistake>>;

/// The one version there is.
const VERSION: i64 = 1;
/// How few runs a comparison needs, and how many it may use.
const BASELINE_RUNS: std::ops::RangeInclusive<u64> = 3..=1000;

/// Reads a document as thresholds.
pub(super) fn read(document: &Document) -> Result<Thresholds> {
    let ThresholdsFile { version, scenario, defaults, endpoints, total, phases, probes, gate, waivers } = document.parse()?;
    let reader = Reader { document };
    reader.check_header(&version, &scenario, probes.as_ref())?;
    let defaults = reader.layer(defaults.as_ref(), &[])?;
    let endpoints = reader.endpoints(endpoints.as_ref(), |_| vec![&defaults])?;
    let total = reader.layer(total.as_ref(), &[])?;
    let wide = WidePlaces { defaults: &defaults, endpoints: &endpoints, total: &total };
    let phases = phases.iter().flat_map(|phases| &phases.0).map(|(name, phase)| reader.phase(name, phase, &wide)).collect::<Result<_>>()?;
    let thresholds = Thresholds {
        document: document.clone(),
        hash: hash(document.text()),
        scenario,
        defaults,
        endpoints,
        total,
        phases,
        gate: reader.gate(gate.unwrap_or_default())?,
        waivers: reader.waivers(waivers.unwrap_or_default())?,
    };
    if checks_nothing(&thresholds) {
        let mistake = document.mistake(Place::default(), "these thresholds check nothing");
        return Err(mistake.with_hint("write for example `defaults: {p95: 300ms, failures: 1%}`").into());
    }
    Ok(thresholds)
}

fn checks_nothing(thresholds: &Thresholds) -> bool {
    let Thresholds { defaults, endpoints, total, phases, .. } = thresholds;
    let of_phases = phases.iter().flat_map(|phase| [&phase.defaults, &phase.total]);
    let of_endpoints = endpoints.iter().chain(phases.iter().flat_map(|phase| &phase.endpoints)).map(|endpoint| &endpoint.layer);
    [defaults, total]
        .into_iter()
        .chain(of_phases)
        .chain(of_endpoints)
        .flat_map(Layer::values)
        .all(|placed| Rules::layered([&placed.value]).count() == 0)
}

fn hash(text: &str) -> String {
    let digits: Vec<String> = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{}", digits.concat())
}

/// What a phase inherits.
struct WidePlaces<'a> {
    defaults: &'a Layer,
    endpoints: &'a [EndpointLayer],
    total: &'a Layer,
}

/// Converts what was typed; knows the document for the places of mistakes.
struct Reader<'a> {
    document: &'a Document,
}

impl Reader<'_> {
    fn mistake<T>(&self, place: Place, message: impl Into<String>, hint: Option<String>) -> Result<T> {
        let mistake = self.document.mistake(place, message);
        Err(Box::new(match hint {
            Some(hint) => mistake.with_hint(hint),
            None => mistake,
        }))
    }

    fn check_header(&self, version: &Placed<Scalar>, scenario: &Placed<String>, probes: Option<&Placed<IgnoredAny>>) -> Result<()> {
        if version.value != Scalar::Whole(VERSION) {
            let message = format!("version `{}` is not supported: this program reads version {VERSION}", version.value);
            return self.mistake(version.place, message, Some(format!("write `version: {VERSION}`, a whole number without quotes")));
        }
        if scenario.value.trim().is_empty() {
            return self.mistake(scenario.place, "`scenario` is empty", Some("name the scenario, or write '*' for every one".into()));
        }
        match probes {
            Some(probes) => self.mistake(probes.place, "probes are not supported yet", Some("remove `probes`".into())),
            None => Ok(()),
        }
    }

    fn phase(&self, name: &Placed<String>, phase: &PhaseFile, wide: &WidePlaces<'_>) -> Result<PhaseThresholds> {
        let PhaseFile { defaults, endpoints, total } = phase;
        let defaults = self.layer(defaults.as_ref(), &[wide.defaults])?;
        let wider = |name: &str| [Some(wide.defaults), layer_of(wide.endpoints, name), Some(&defaults)].into_iter().flatten().collect();
        let endpoints = self.endpoints(endpoints.as_ref(), wider)?;
        let total = self.layer(total.as_ref(), &[wide.total])?;
        Ok(PhaseThresholds { name: name.clone(), defaults, endpoints, total })
    }

    fn endpoints<'l>(
        &self,
        endpoints: Option<&PlacedMap<MetricsFile>>,
        wider: impl Fn(&str) -> Vec<&'l Layer>,
    ) -> Result<Vec<EndpointLayer>> {
        let written = endpoints.iter().flat_map(|endpoints| &endpoints.0);
        written
            .map(|(name, metrics)| Ok(EndpointLayer { name: name.clone(), layer: self.layer(Some(metrics), &wider(&name.value))? }))
            .collect()
    }

    fn layer(&self, metrics: Option<&MetricsFile>, wider: &[&Layer]) -> Result<Layer> {
        let mut layer = Layer::new();
        for (name, written) in metrics.iter().flat_map(|metrics| &metrics.0.0) {
            let metric = self.metric(name)?;
            let settings = self.settings(metric, written)?;
            layer.insert(metric, Placed { value: settings, place: name.place });
            if let Written::Map(rules) = &written.value {
                let layers: Vec<&Layer> = wider.iter().copied().chain([&layer]).collect();
                self.check_together(metric, rules, &rules_in(&layers, metric))?;
            }
        }
        Ok(layer)
    }

    fn metric(&self, name: &Placed<String>) -> Result<Metric> {
        name.value.parse::<Metric>().or_else(|unknown| self.mistake(name.place, unknown.to_string(), Some(unknown.hint())))
    }

    fn settings(&self, metric: Metric, written: &Placed<Written<RulesFile>>) -> Result<RuleSettings> {
        let place = written.place;
        match &written.value {
            Written::Scalar(Scalar::Null) => self.limit_mistake(place, &LimitError::Empty(metric.to_string())),
            Written::Scalar(Scalar::Text(text)) if text == "off" => {
                Ok(Term::of_unit(metric.unit()).iter().map(|term| (*term, Setting::Off)).collect())
            }
            Written::Scalar(scalar) => {
                let term = Term::bare(metric.unit());
                Ok(RuleSettings::from([(term, self.limit(metric, term, scalar, place)?)]))
            }
            Written::List(_) => self.mistake(place, format!("`{metric}` is a list, expected a limit or a mapping"), None),
            Written::Map(rules) => {
                let settings: RuleSettings = rules
                    .terms()
                    .map(|(term, written)| Ok((term, self.limit(metric, term, &written.value, written.place)?)))
                    .collect::<Result<_>>()?;
                if settings.is_empty() { self.limit_mistake(place, &LimitError::Empty(metric.to_string())) } else { Ok(settings) }
            }
        }
    }

    fn limit(&self, metric: Metric, term: Term, scalar: &Scalar, place: Place) -> Result<Setting> {
        read_limit(metric, term, scalar).or_else(|error| self.limit_mistake(place, &error))
    }

    fn limit_mistake<T>(&self, place: Place, error: &LimitError) -> Result<T> {
        self.mistake(place, error.to_string(), error.hint())
    }

    /// Whether what is written makes sense beside what is written or inherited for the same metric.
    fn check_together(&self, metric: Metric, written: &RulesFile, rules: &Rules) -> Result<()> {
        let is_off = |scalar: &Scalar| matches!(scalar, Scalar::Text(text) if text == "off");
        let bound = if metric.unit() == super::Unit::PerSecond { Term::Min } else { Term::Max }.name();
        let change = if metric.unit() == super::Unit::PerSecond { Term::Fall } else { Term::Rise }.name();
        for (term, placed) in written.terms().filter(|(_, placed)| !is_off(&placed.value)) {
            let message = match term {
                Term::Warn if rules.max.or(rules.min).is_none() => format!("`warn` of `{metric}` needs `{bound}` beside it"),
                Term::Warn if rules.warn.is_none() => format!("`warn` of `{metric}` must be stricter than its `{bound}`"),
                Term::AtLeast | Term::MustDetect if rules.change().is_none() => {
                    format!("`{}` of `{metric}` needs `{change}` beside it", term.name())
                }
                Term::MustDetect if rules.must_detect.is_none() => {
                    format!("`must_detect` of `{metric}` must be larger than its `{change}`")
                }
                _ => continue,
            };
            return self.mistake(placed.place, message, None);
        }
        Ok(())
    }

    fn gate(&self, gate: GateFile) -> Result<GateSettings> {
        let GateFile { baseline } = gate;
        let BaselineFile { missing, other, runs, max_age, pinned } = baseline.unwrap_or_default();
        let defaults = GateSettings::default();
        let runs = match runs {
            Some(Placed { value, place }) if !BASELINE_RUNS.contains(&value) => {
                return self.mistake(place, format!("`runs` must be from 3 to 1000, not `{value}`"), None);
            }
            Some(Placed { value, .. }) => usize::try_from(value).unwrap_or(defaults.runs),
            None => defaults.runs,
        };
        let max_age = match max_age {
            Some(Placed { value, place }) => match parse_duration(&value) {
                Ok(age) if age.is_zero() => return self.mistake(place, format!("`max_age` must be above 0, not `{value}`"), None),
                Ok(age) => Some(age),
                Err(error) => return self.mistake(place, error.to_string(), Some("write for example `14d`".into())),
            },
            None => defaults.max_age,
        };
        Ok(GateSettings { missing: policy(missing), other: policy(other), runs, max_age, pinned })
    }

    fn waivers(&self, written: Vec<Placed<WaiverFile>>) -> Result<Vec<Waiver>> {
        let mut waivers: Vec<Waiver> = Vec::new();
        for Placed { value, .. } in written {
            let waiver = self.waiver(value)?;
            let same = |known: &Waiver| known.endpoint.value == waiver.endpoint.value && known.metric.value == waiver.metric.value;
            if waivers.iter().any(same) {
                let message = format!("`{}` of `{}` is waived twice", waiver.metric.value, waiver.endpoint.value);
                return self.mistake(waiver.endpoint.place, message, Some("keep one of the two".into()));
            }
            waivers.push(waiver);
        }
        Ok(waivers)
    }

    fn waiver(&self, written: WaiverFile) -> Result<Waiver> {
        let WaiverFile { endpoint, metric, max, min, until, reason, issue } = written;
        let metric = Placed { value: self.metric(&metric)?, place: metric.place };
        if reason.value.trim().is_empty() {
            return self.mistake(reason.place, "`reason` is empty", Some("say why the breach is accepted".into()));
        }
        let Ok(day) = until.value.parse::<Date>() else {
            return self.mistake(until.place, format!("`{}` is not a day: write for example `2026-12-31`", until.value), None);
        };
        let mut accepts = None;
        for (term, written) in [(Term::Max, max), (Term::Min, min)] {
            let Some(written) = written else { continue };
            match self.limit(metric.value, term, &written.value, written.place)? {
                Setting::To(value) => accepts = Some(value),
                Setting::Off => return self.mistake(written.place, "a waiver can't be `off`", Some("remove the key".into())),
            }
        }
        Ok(Waiver { endpoint, metric, accepts, until: day, reason: reason.value, issue })
    }
}

fn policy(written: Option<PolicyFile>) -> BaselinePolicy {
    match written {
        None | Some(PolicyFile::Warn) => BaselinePolicy::Warn,
        Some(PolicyFile::Fail) => BaselinePolicy::Fail,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::Subject;
    use super::*;

    const FULL: &str = r#"version: 1
scenario: checkout                         # '*' fits every run
defaults:                                  # for every endpoint that the scenario declares
  p95: {max: 300ms, rise: 10%, at_least: 5ms}     # red above 300 ms; or when it rose by more than 10 % and by at least 5 ms
  p99: {max: 800ms, rise: 15%, at_least: 10ms}
  failures: {max: 1%, rise: 0.5%}                 # a failure rate rises in percentage points
endpoints:
  GET /api/products: {p95: 100ms, failures: 1%}   # a bare value is `max`; what is not said is inherited from defaults
  POST /api/checkout:
    p95: {max: 200ms, warn: 160ms, rise: 10%, must_detect: 20%}
    p99: {max: 1s}
total:
  throughput: {min: 150/s, fall: 10%}
phases:                                    # a phase named here is judged by its own rules over the inherited defaults; the other judged phases are pooled
  spike:    {defaults: {p99: 2s, failures: 5%}}
  recovery: {defaults: {p95: 300ms}}
gate:
  baseline: {missing: warn, other: warn, runs: 10, max_age: 14d, pinned: v2.3.0}
waivers:
  - {endpoint: POST /api/checkout, metric: p99, max: 1200ms, until: 2026-12-31, reason: "fraud check moves async", issue: https://issues.example/7}
"#;

    fn read_text(text: &str) -> Result<Thresholds> {
        Thresholds::from_document(&Document::from_text("t.yaml", text))
    }

    fn rules(thresholds: &Thresholds, subject: Subject<'_>, phase: Option<&str>, metric: &str) -> Rules {
        let metric: Metric = metric.parse().unwrap();
        thresholds.rules(subject, phase).into_iter().find(|(known, _)| *known == metric).unwrap_or_else(|| panic!("no {metric}")).1
    }

    #[test]
    fn three_lines_are_thresholds() {
        let thresholds = read_text("version: 1\nscenario: shop\ndefaults: {p95: 300ms, p99: 800ms, failures: 1%}\n").unwrap();
        let all = thresholds.rules(Subject::Endpoint("GET /any"), None);
        assert_eq!(
            all.iter().map(|(metric, rules)| (metric.to_string(), rules.max)).collect::<Vec<_>>(),
            [("p95".to_owned(), Some(300.0)), ("p99".to_owned(), Some(800.0)), ("failures".to_owned(), Some(0.01)),]
        );
        assert_eq!((thresholds.scenario(), thresholds.gate()), ("shop", &GateSettings::default()));
    }

    #[test]
    fn the_full_example_says_what_it_means() {
        let thresholds = read_text(FULL).unwrap();
        let checkout = Subject::Endpoint("POST /api/checkout");
        let p95 = rules(&thresholds, checkout, None, "p95");
        let expected =
            Rules { max: Some(200.0), warn: Some(160.0), rise: Some(0.1), at_least: Some(5.0), must_detect: Some(0.2), ..Rules::default() };
        assert_eq!(p95, expected);
        let products = Subject::Endpoint("GET /api/products");
        assert_eq!(
            rules(&thresholds, products, None, "p95"),
            Rules { max: Some(100.0), rise: Some(0.1), at_least: Some(5.0), ..Rules::default() }
        );
        assert_eq!(rules(&thresholds, products, None, "failures"), Rules { max: Some(0.01), rise: Some(0.005), ..Rules::default() });
        assert_eq!(rules(&thresholds, checkout, Some("spike"), "p99").max, Some(2000.0));
        assert_eq!(rules(&thresholds, checkout, Some("spike"), "p95").max, Some(200.0));
        assert_eq!(rules(&thresholds, Subject::Total, None, "throughput"), Rules { min: Some(150.0), fall: Some(0.1), ..Rules::default() });
        assert_eq!(thresholds.gate().max_age, Some(Duration::from_secs(14 * 86_400)));
        assert_eq!((thresholds.gate().runs, thresholds.gate().pinned.as_deref()), (10, Some("v2.3.0")));
        let waiver = &thresholds.waivers()[0];
        assert_eq!(
            (waiver.accepts, waiver.until, waiver.issue.as_deref()),
            (Some(1200.0), jiff::civil::date(2026, 12, 31), Some("https://issues.example/7"))
        );
        assert_eq!(thresholds.hash().len(), 71);
    }

    #[test]
    fn off_switches_an_inherited_check_off() {
        let thresholds = read_text(
            "version: 1\nscenario: shop\ndefaults: {p95: {max: 300ms, rise: 10%}, p99: 1s}\nendpoints:\n  GET /a: {p99: off, p95: {rise: off}}\n",
        );
        let all = thresholds.unwrap().rules(Subject::Endpoint("GET /a"), None);
        assert_eq!(all, [("p95".parse().unwrap(), Rules { max: Some(300.0), ..Rules::default() })]);
    }

    #[test]
    fn an_inherited_warning_line_gives_way_to_a_stricter_limit() {
        let thresholds =
            read_text("version: 1\nscenario: s\ndefaults: {p95: {max: 300ms, warn: 250ms}}\nendpoints: {GET /a: {p95: 200ms}}\n").unwrap();
        assert_eq!(rules(&thresholds, Subject::Endpoint("GET /a"), None, "p95"), Rules { max: Some(200.0), ..Rules::default() });
        assert_eq!(rules(&thresholds, Subject::Endpoint("GET /b"), None, "p95").warn, Some(250.0));
    }

    /// Each: what stands below `version` and `scenario` (from line 3), the first line of the message, the hint.
    #[test]
    fn mistakes_are_shown_where_they_stand() {
        for (rest, message, hint) in [
            ("defaults: {p59: 300ms}", "t.yaml:3:12: unknown metric `p59`", "did you mean `p95`?"),
            ("defaults:\n  p95: 300", "t.yaml:4:8: `300` has no unit: write for example `300s` or `300ms`", ""),
            ("defaults:\n  p95: .nan", "t.yaml:4:8: the number `.nan` is not finite", ""),
            ("defaults:\n  failures: {max: .inf}", "t.yaml:4:19: the number `.inf` is not finite", ""),
            ("defaults:\n  failures: 1e999", "t.yaml:4:13: ", ""),
            ("defaults:\n  p95: -5ms", "t.yaml:4:8: `-5ms` is negative", "write for example `300ms`, `1%` or `150/s`"),
            ("defaults:\n  p95: 0ms", "t.yaml:4:8: `max` of `p95` must be above 0 and below 1h, not `0ms`", "`off` switches a check off"),
            ("defaults:\n  p95:", "`p95` has no value", "write a limit with its unit, or `off`"),
            ("defaults:\n  p95: {max: }", "`max` has no value", "write a limit with its unit, or `off`"),
            ("defaults:\n  p95: {}", "t.yaml:4:8: `p95` has no value", "write a limit with its unit, or `off`"),
            ("defaults:\n  p95: {mxa: 3ms}", "t.yaml:4:9: unknown key `mxa`", "did you mean `max`?"),
            (
                "defaults:\n  p95: {min: 3ms}",
                "t.yaml:4:14: `p95` has no rule `min`",
                "it has `max`, `warn`, `rise`, `at_least`, `must_detect`",
            ),
            ("defaults:\n  p95: {max: 3ms, warn: 4ms}", "t.yaml:4:25: `warn` of `p95` must be stricter than its `max`", ""),
            ("defaults:\n  p95: {warn: 4ms}", "t.yaml:4:15: `warn` of `p95` needs `max` beside it", ""),
            ("defaults:\n  p95: {max: 4ms, at_least: 4ms}", "t.yaml:4:29: `at_least` of `p95` needs `rise` beside it", ""),
            ("defaults:\n  p95: {rise: 20%, must_detect: 10%}", "t.yaml:4:33: `must_detect` of `p95` must be larger than its `rise`", ""),
            ("defaults:\n  p95: 3ms\n  p95: 4ms", "t.yaml:5:3: key `p95` stands here twice", "keep one of the two"),
            ("endpoints:\n  GET /a: {p95: 3ms}\n  GET /a: {p95: 4ms}", "t.yaml:5:3: key `GET /a` stands here twice", "keep one of the two"),
            ("defaults: {p95: 3ms}\ndefault: {}", "t.yaml:4:1: unknown key `default`", "did you mean `defaults`?"),
            ("defaults: {p95: 3ms}\nprobes: {cpu: 80%}", "t.yaml:4:9: probes are not supported yet", "remove `probes`"),
            ("defaults: {}", "t.yaml: these thresholds check nothing", "write for example `defaults: {p95: 300ms, failures: 1%}`"),
            ("defaults: {p95: off}", "t.yaml: these thresholds check nothing", "write for example `defaults: {p95: 300ms, failures: 1%}`"),
            ("defaults: {p95: 3ms}\ngate: {baseline: {missing: wran}}", "t.yaml:4:28: unknown value `wran`", "did you mean `warn`?"),
            ("defaults: {p95: 3ms}\ngate: {baseline: {runs: 2}}", "t.yaml:4:25: `runs` must be from 3 to 1000, not `2`", ""),
            (
                "defaults: {p95: 3ms}\ngate: {baseline: {max_age: 14}}",
                "t.yaml:4:28: `14` has no unit: write for example `14s` or `14ms`",
                "write for example `14d`",
            ),
        ] {
            let mistake = read_text(&format!("version: 1\nscenario: shop\n{rest}\n")).unwrap_err();
            let text = mistake.to_string();
            assert!(text.lines().next().unwrap_or_default().contains(message), "{rest}\n{text}");
            assert_eq!(mistake.hint.as_deref().unwrap_or_default(), hint, "{rest}");
        }
    }

    #[test]
    fn mistakes_of_waivers_are_shown_where_they_stand() {
        for (waiver, message) in [
            ("endpoint: GET /a, metric: p95, reason: x", "key `until` is missing"),
            ("endpoint: GET /a, metric: p95, until: 2026-12-31", "key `reason` is missing"),
            ("endpoint: GET /a, until: 2026-12-31, reason: x", "key `metric` is missing"),
            (
                "endpoint: GET /a, metric: p95, until: 2026-02-30, reason: x",
                "t.yaml:5:44: `2026-02-30` is not a day: write for example `2026-12-31`",
            ),
            ("endpoint: GET /a, metric: p95, until: 2026-12-31, reason: ''", "`reason` is empty"),
            ("endpoint: GET /a, metric: p95, until: 2026-12-31, reason: x, max: 5", "`5` has no unit"),
            ("endpoint: GET /a, metric: p59, until: 2026-12-31, reason: x", "t.yaml:5:32: unknown metric `p59`"),
        ] {
            let text = read_text(&format!("version: 1\nscenario: s\ndefaults: {{p95: 3ms}}\nwaivers:\n  - {{{waiver}}}\n"))
                .unwrap_err()
                .to_string();
            assert!(text.contains(message), "{waiver}\n{text}");
        }
        let twice = "version: 1\nscenario: s\ndefaults: {p95: 3ms}\nwaivers:\n  - &w {endpoint: a, metric: p95, until: 2026-12-31, reason: x}\n  - *w\n";
        assert!(read_text(twice).unwrap_err().to_string().contains("`p95` of `a` is waived twice"));
    }

    #[test]
    fn another_version_is_refused() {
        for version in ["2", "'1'", "1.5"] {
            let text = read_text(&format!("version: {version}\nscenario: s\ndefaults: {{p95: 3ms}}\n")).unwrap_err().to_string();
            assert!(text.contains("is not supported: this program reads version 1"), "{text}");
        }
        assert!(read_text("").unwrap_err().to_string().contains("the file is empty"));
    }

    #[test]
    fn the_examples_fit_the_schema_and_nonsense_does_not() {
        let validator = jsonschema::validator_for(Thresholds::schema().as_value()).unwrap();
        let fits = |text: &str| validator.is_valid(&Document::from_text("t", text).parse::<serde_json::Value>().unwrap());
        assert!(fits(FULL));
        assert!(fits("version: 1\nscenario: shop\ndefaults: {p95: 300ms, ttfb.p99: 800ms, failures.429: 1%}\n"));
        for text in [
            "version: 2\nscenario: shop\ndefaults: {p95: 300ms}\n",
            "version: 1\nscenario: shop\ndefaults: {p95x: 300ms}\n",
            "version: 1\nscenario: shop\ndefaults: {p95: {mxa: 300ms}}\n",
            "version: 1\nscenario: shop\ndefault: {p95: 300ms}\n",
            "version: 1\nscenario: shop\ndefaults: {p95: 300}\n",
        ] {
            assert!(!fits(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "(version: 1\nscenario: s\n)?[a-z0-9%/:{}\\[\\]&*'\" .,\n-]{0,120}") {
            let _ = read_text(&text);
        }

        #[test]
        fn any_limit_is_read_or_refused_without_a_panic(metric in "(p95|p[0-9.]{1,4}|failures|throughput|max)", term in "(max|min|warn|rise|fall|at_least|must_detect)", limit in "\\PC{0,12}") {
            let _ = read_text(&format!("version: 1\nscenario: s\ndefaults: {{{metric}: {{{term}: {limit}}}}}\n"));
        }
    }
}
