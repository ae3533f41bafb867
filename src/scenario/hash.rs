//! The scenario's hash: a fingerprint of what is sent, by which runs are known to be comparable. Target, seed, the
//! lengths of phases, time-outs and names for readers stay out of it, and so does every secret.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::template::{Expression, Part, Template};
use super::{
    Body, Condition, DataSet, Endpoint, Expect, Expected, HttpOptions, Isolation, Load, Matcher, Phase, Repeat, Save, SaveFrom, Scenario,
    Step, Task, UserKind,
};

/// The hash of a scenario whose environment values were replaced by their names. Its data sets are handed in.
pub(super) fn hash_of(scenario: &Scenario, data: &[DataSet]) -> String {
    let mut canonical = Canonical { hash: Sha256::new(), variables: &scenario.variables, data };
    canonical.scenario(scenario);
    let mut text = String::from("sha256:");
    for byte in canonical.hash.finalize() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A description in which no two scenarios that send different things look the same: each word has its length before it.
struct Canonical<'a> {
    hash: Sha256,
    variables: &'a [String],
    data: &'a [DataSet],
}

impl Canonical<'_> {
    fn word(&mut self, word: impl AsRef<[u8]>) {
        let word = word.as_ref();
        self.hash.update((word.len() as u64).to_le_bytes());
        self.hash.update(word);
    }

    fn words(&mut self, key: &str, words: &[&str]) {
        self.count(key, words.len());
        for word in words {
            self.word(word);
        }
    }

    fn value(&mut self, key: &str, value: impl std::fmt::Debug) {
        self.word(key);
        self.word(format!("{value:?}"));
    }

    fn count(&mut self, key: &str, count: usize) {
        self.value(key, count);
    }

    fn scenario(&mut self, scenario: &Scenario) {
        #[rustfmt::skip]
        let Scenario {
            name: _, target: _, ready: _, seed: _, hash: _, load, http, connections, tls: _, data: _, kinds, mix, isolation,
            endpoints, variables: _, secrets: _, warnings: _,
        } = scenario;
        self.word("perfgate scenario 1");
        self.load(load);
        let HttpOptions { timeout: _, connect_timeout: _, version, headers: _, cookies, redirects } = http;
        self.value("http", (version, cookies, redirects));
        self.value("connections", connections);
        self.value("mix", mix);
        // Left out where all are loaded together: the hashes of older scenarios stay.
        if *isolation == Isolation::EachAlone {
            self.word("each alone 1");
        }
        self.count("data", self.data.len());
        for set in self.data {
            self.data_set(set);
        }
        self.count("kinds", kinds.len());
        for kind in kinds {
            self.kind(kind, endpoints);
        }
    }

    fn load(&mut self, load: &Load) {
        let Load { model, phases } = load;
        self.value("model", model);
        self.count("phases", phases.len());
        for Phase { name: _, length: _, shape, measured, mix } in phases {
            self.value("phase", (shape, measured));
            // Left out where there is none: the hashes of older scenarios stay.
            if !mix.is_empty() {
                self.value("phase mix", mix);
            }
        }
    }

    fn data_set(&mut self, set: &DataSet) {
        let DataSet { name, columns, rows, order, on_exhausted } = set;
        self.word(name);
        self.value("order", (order, on_exhausted, columns.len(), rows.len()));
        for column in columns {
            self.word(column);
        }
        rows.iter().flatten().for_each(|cell| self.word(cell.as_ref()));
    }

    fn kind(&mut self, kind: &UserKind, endpoints: &[Endpoint]) {
        let UserKind { name: _, weight, start, tasks, stop } = kind;
        self.value("kind", weight);
        self.steps("start", start, endpoints);
        self.count("tasks", tasks.len());
        for Task { name: _, weight, steps, think, pacing, data: _ } in tasks {
            self.value("task", (weight, think, pacing));
            self.steps("steps", steps, endpoints);
        }
        self.steps("stop", stop, endpoints);
    }

    fn steps(&mut self, key: &str, steps: &[Step], endpoints: &[Endpoint]) {
        self.count(key, steps.len());
        for step in steps {
            let Step { endpoint, method: _, path, headers, body, expect, save, when, repeat, think, timeout: _ } = step;
            self.word(endpoints.get(*endpoint).map_or("", |endpoint| &endpoint.name));
            self.template(path);
            self.count("headers", headers.len());
            for (name, value) in headers {
                self.word(name);
                self.template(value);
            }
            match body {
                None => self.word("no body"),
                Some(Body::Template(template)) => self.template(template),
                Some(Body::Bytes(bytes)) => self.word(bytes),
            }
            self.expect(expect);
            self.count("save", save.len());
            for save in save {
                self.save(save);
            }
            self.when(when.as_ref());
            self.repeat(repeat);
            self.value("think", think);
        }
    }

    fn expect(&mut self, expect: &Expect) {
        let Expect { status, headers, json, body, min_size, max_size, within } = expect;
        self.value("expect", (status, min_size, max_size, within));
        self.count("headers", headers.len());
        for (name, matcher) in headers {
            self.word(name);
            self.matcher(matcher);
        }
        self.count("json", json.len());
        for (path, matcher) in json {
            self.word(path.to_string());
            self.matcher(matcher);
        }
        self.count("body", body.len());
        for matcher in body {
            self.matcher(matcher);
        }
    }

    fn matcher(&mut self, matcher: &Matcher) {
        match matcher {
            Matcher::Exists => self.word("exists"),
            Matcher::Absent => self.word("absent"),
            Matcher::Equals(Expected::Json(value)) => self.words("equals", &[&value.to_string()]),
            Matcher::Equals(Expected::Template(template)) => self.template(template),
            Matcher::Contains(template) => {
                self.word("contains");
                self.template(template);
            }
            Matcher::Matches(regex) => self.words("matches", &[regex.as_str()]),
        }
    }

    fn save(&mut self, save: &Save) {
        let Save { slot, from, default } = save;
        let variable = self.variable(*slot);
        match from {
            SaveFrom::Json { path, pick } => self.words(&variable, &["json", &path.to_string(), &format!("{pick:?}")]),
            SaveFrom::Header { name } => self.words(&variable, &["header", name]),
            SaveFrom::Cookie { name } => self.words(&variable, &["cookie", name]),
            SaveFrom::Regex(regex) => self.words(&variable, &["regex", regex.as_str()]),
        }
        match default {
            Some(default) => self.template(default),
            None => self.word("no default"),
        }
    }

    fn when(&mut self, when: Option<&Condition>) {
        match when {
            None => self.word("always"),
            Some(Condition::Truthy(template)) => self.template(template),
            Some(Condition::Equal(left, right)) => {
                self.word("equal");
                self.template(left);
                self.template(right);
            }
            Some(Condition::NotEqual(left, right)) => {
                self.word("not equal");
                self.template(left);
                self.template(right);
            }
        }
    }

    fn repeat(&mut self, repeat: &Repeat) {
        match repeat {
            Repeat::Once => self.word("once"),
            Repeat::Times(times) => self.value("times", times),
            Repeat::Each { list, item } => {
                let variable = self.variable(*item);
                self.word(variable);
                self.template(list);
            }
        }
    }

    fn template(&mut self, template: &Template) {
        self.count("template", template.parts().len());
        for part in template.parts() {
            match part {
                Part::Text(text) => self.words("text", &[text]),
                Part::Value { expression, escape } => {
                    self.value("value", escape);
                    self.expression(expression);
                }
            }
        }
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Variable(slot) => {
                let variable = self.variable(*slot);
                self.words("variable", &[&variable]);
            }
            Expression::Column { data, column } => {
                let set = self.data.get(*data);
                let column = set.and_then(|set| set.columns.get(*column));
                let names = [set.map_or("", |set| &set.name), column.map_or("", String::as_str)].map(str::to_owned);
                self.words("column", &[&names[0], &names[1]]);
            }
            Expression::UserId => self.word("user.id"),
            Expression::Iteration => self.word("iteration"),
            Expression::Uuid => self.word("uuid"),
            Expression::Now => self.word("now"),
            Expression::RandomInt(low, high) => self.value("random_int", (low, high)),
            Expression::RandomChoice(choices) => {
                self.count("random_choice", choices.len());
                for choice in choices {
                    self.expression(choice);
                }
            }
            Expression::Literal(text) => self.words("literal", &[text]),
            Expression::Number(inner) => {
                self.word("number");
                self.expression(inner);
            }
            Expression::Base64(inner) => {
                self.word("base64");
                self.template(inner);
            }
        }
    }

    fn variable(&self, slot: usize) -> String {
        self.variables.get(slot).cloned().unwrap_or_default()
    }
}
