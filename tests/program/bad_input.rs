//! Exit codes 2 and 7: what is wrong is shown where it stands, with its cure, and before anything is sent.

use crate::support::{Server, Workspace};

/// What a user got wrong in an otherwise good folder.
enum Wrong {
    /// In `shop.yaml`, this instead of that.
    Scenario(&'static str, &'static str),
    /// In `thresholds/shop.yaml`.
    Thresholds(&'static str, &'static str),
    /// Lines at the end of `shop.yaml`.
    ScenarioLines(&'static str),
    ThresholdsLines(&'static str),
    /// On the command line.
    Flags(&'static str),
    /// This file is not there.
    Missing(&'static str),
}

use Wrong::{Flags, Missing, Scenario, ScenarioLines, Thresholds, ThresholdsLines};

impl Wrong {
    /// Does it; returns the arguments that are typed.
    fn happens(&self, workspace: &Workspace) -> String {
        match *self {
            Scenario(from, to) => workspace.edit("shop.yaml", from, to),
            Thresholds(from, to) => workspace.edit("thresholds/shop.yaml", from, to),
            ScenarioLines(lines) => workspace.append("shop.yaml", lines),
            ThresholdsLines(lines) => workspace.append("thresholds/shop.yaml", lines),
            Flags(flags) => return format!("check shop.yaml {flags}"),
            Missing(path) => std::fs::remove_file(workspace.path(path)).unwrap(),
        }
        "check shop.yaml".to_owned()
    }
}

/// Each must end with this code, say all of this on standard error, and send nothing.
#[track_caller]
fn all_end_with(code: i32, rows: &[(Wrong, &[&str])]) {
    let server = Server::healthy();
    for (wrong, said) in rows {
        let workspace = Workspace::with_shop(&server.url());
        let arguments = wrong.happens(&workspace);
        let ended = workspace.perfgate(&arguments).with(code);
        assert_eq!(ended.stdout, "", "{said:?}");
        said.iter().fold(ended, |ended, said| ended.says(said));
        assert_eq!(server.connections(), 0, "{said:?}: something was sent");
        assert!(!workspace.has("perfgate-out/run.json"), "{said:?}");
    }
}

#[test]
fn a_mistake_in_the_scenario_is_shown_where_it_stands() {
    all_end_with(
        2,
        &[
            (
                Scenario("hold", "hodl"),
                &[
                    "error: shop.yaml:4:19: unknown key `hodl`\n   |\n 4 | load: {users: 30, hodl: 1s}\n   |                   ^\nhint: did you mean `hold`?\n",
                ],
            ),
            (
                ScenarioLines("name: again"),
                &["error: shop.yaml:8:1: key `name` stands here twice\n", " 8 | name: again\n", "hint: keep one"],
            ),
            (
                Scenario("users: 30", "users: many"),
                &[
                    "error: shop.yaml:4:15: `many` is not a whole number of users\n",
                    " 4 | load: {users: many, hold: 1s}\n",
                    "hint: write for example `200`",
                ],
            ),
            (
                Scenario("hold: 1s", "hold: 1"),
                &["error: shop.yaml:4:25: `1` has no unit: write for example `1s`", "load: {users: 30, hold: 1}\n"],
            ),
            (Scenario("users: 30", "users: .inf"), &["error: shop.yaml:4:15: ", " 4 | load: {users: .inf, hold: 1s}\n"]),
            (Scenario("/api/products", "\"/api/${product}\""), &["error: shop.yaml:7:25: nothing sets `${product}`\n", "hint: a `save`"]),
            (
                Scenario("/api/products", "/api/${product}"),
                &["error: shop.yaml:7:25: ", "hint: inside `{}` and `[]` a value with `${..}` must be quoted"],
            ),
            (Scenario("{get: /api/products}", "get /api/products"), &["error: shop.yaml:7:13: "]),
            (
                Scenario("version: 1", "version: 2"),
                &["error: shop.yaml:1:10: version `2` is not supported: this program reads version 1\n"],
            ),
            (
                ScenarioLines("data: {products: {file: data/gone.csv}}"),
                &["error: shop.yaml:8:25: cannot read ", "data/gone.csv", "hint: paths are relative to the scenario file"],
            ),
            (Scenario("tasks:", "taks:"), &["error: shop.yaml:6:1: unknown key `taks`\n", " 6 | taks:\n", "hint: did you mean `tasks`?"]),
            (Missing("shop.yaml"), &["error: cannot read shop.yaml: "]),
        ],
    );
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let server = Server::healthy();
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "{get: /api/products}", "{get: /api/products, headers: {x-key: \"${env.SHOP_KEY}\"}}");
    workspace
        .perfgate("check shop.yaml")
        .with(2)
        .says("error: shop.yaml:7:52: environment variable `SHOP_KEY` is not listed under `env`\n");
    workspace.append("shop.yaml", "env: [SHOP_KEY]");
    workspace
        .perfgate("check shop.yaml")
        .with(2)
        .says("error: shop.yaml:7:52: environment variable `SHOP_KEY` is not set or empty\n")
        .says("hint: set it in the job's environment");
    assert_eq!(server.connections(), 0);
    workspace.set_variable("SHOP_KEY", "k");
    workspace.perfgate("validate shop.yaml").with(0);
}

#[test]
fn a_mistake_in_the_thresholds_is_shown_where_it_stands() {
    all_end_with(
        2,
        &[
            (Thresholds("p95", "p59"), &["error: thresholds/shop.yaml:3:12: unknown metric `p59`\n", "hint: did you mean `p95`?"]),
            (
                Thresholds("400ms", "400"),
                &[
                    "error: thresholds/shop.yaml:3:17: `400` has no unit: write for example `400s` or `400ms`\n",
                    " 3 | defaults: {p95: 400, failures: 1%}\n   |                 ^\n",
                ],
            ),
            (
                Thresholds("400ms", ".inf"),
                &["error: thresholds/shop.yaml:3:17: the number `.inf` is not finite\n", " 3 | defaults: {p95: .inf,"],
            ),
            (Thresholds("400ms", "{max: .nan}"), &["error: thresholds/shop.yaml:3:23: the number `.nan` is not finite\n"]),
            (Thresholds("1%", "1"), &["error: thresholds/shop.yaml:3:34: `1` "]),
            (Thresholds("1%", "fast"), &["error: thresholds/shop.yaml:3:34: "]),
            (Thresholds("400ms", "{mxa: 1s}"), &["error: thresholds/shop.yaml:3:18: unknown key `mxa`\n", "hint: did you mean `max`?"]),
            (Thresholds("400ms", "1s, p95: 2s"), &["error: thresholds/shop.yaml:3:21: key `p95` stands here twice\n"]),
            (
                Thresholds("defaults: {p95: 400ms, failures: 1%}\n", ""),
                &["error: thresholds/shop.yaml: these thresholds check nothing\nhint: write for example"],
            ),
            (
                Thresholds("version: 1\nscenario: shop\ndefaults: {p95: 400ms, failures: 1%}\n", ""),
                &["error: thresholds/shop.yaml: the file is empty\n"],
            ),
            (
                ThresholdsLines("endpoints: {GET /api/product: {p95: 1s}}"),
                &[
                    "error: thresholds/shop.yaml:4:13: the scenario has no endpoint `GET /api/product`\n",
                    "hint: did you mean `GET /api/products`?",
                ],
            ),
            (
                ThresholdsLines("phases: {spike: {defaults: {p95: 1s}}}"),
                &["error: thresholds/shop.yaml:4:10: the scenario has no phase `spike`\n", "hint: it has `hold`"],
            ),
            (
                Thresholds("scenario: shop", "scenario: checkout"),
                &["error: thresholds/shop.yaml:2:11: these thresholds are for scenario `checkout`, not `shop`\n"],
            ),
            (
                ThresholdsLines("gate: {baseline: {missing: fial}}"),
                &["error: thresholds/shop.yaml:4:28: unknown value `fial`\n", "hint: did you mean `fail`?"],
            ),
            (
                Missing("thresholds/shop.yaml"),
                &[
                    "error: thresholds/shop.yaml does not exist",
                    "hint: write it, four lines are enough",
                    "scenario: shop\n      defaults: {",
                ],
            ),
        ],
    );
}

/// A limit that YAML reads as a number beyond all numbers could never fail.
#[test]
fn a_number_that_is_no_limit_is_refused_and_none_is_guessed() {
    let workspace = Workspace::with_shop("http://127.0.0.1:1");
    let no_unit = |number: &str| format!("`{number}` has no unit: write for example `{number}s` or `{number}ms`");
    for (written, said) in [
        (".nan", "the number `.nan` is not finite".to_owned()),
        (".inf", "the number `.inf` is not finite".to_owned()),
        ("-.inf", "the number `-.inf` is not finite".to_owned()),
        ("1e999", "the number `1e999` is not finite".to_owned()),
        ("-1", "`-1` is negative".to_owned()),
        ("-5ms", "`-5ms` is negative".to_owned()),
        ("0", "`max` of `p95` must be above 0 and below 1h".to_owned()),
        ("0ms", "`max` of `p95` must be above 0 and below 1h".to_owned()),
        ("\"100\"", no_unit("100")),
        ("1_000", no_unit("1000")),
        ("0100", no_unit("100")),
        ("~", "`p95` has no value".to_owned()),
        ("1:30", "`1:30` is not a duration".to_owned()),
        ("1e999ms", "`1e999ms` is not a duration".to_owned()),
        ("NaNms", "`NaNms` is not a duration".to_owned()),
        ("1_000ms", "`1_000ms` is not a duration".to_owned()),
        ("99999999999999999999s", "is out of range: at most 10 years".to_owned()),
    ] {
        workspace.write("t.yaml", &format!("version: 1\nscenario: shop\ndefaults: {{p95: {written}, failures: 1%}}\n"));
        for arguments in ["validate t.yaml", "check shop.yaml --thresholds t.yaml"] {
            workspace.perfgate(arguments).with(2).says("error: t.yaml:3:17: ").says(&said);
        }
    }
    for version in ["99", "\"1\"", "1.0", "0", "-1", "true"] {
        workspace.write("t.yaml", &format!("version: {version}\nscenario: shop\ndefaults: {{p95: 1s}}\n"));
        let ended = workspace.perfgate("validate t.yaml").with(2).says("error: t.yaml:1:10: version `");
        ended.says("is not supported: this program reads version 1\n").says("hint: write `version: 1`, a whole number without quotes\n");
    }
}

#[test]
fn a_mistake_on_the_command_line_is_explained() {
    all_end_with(
        2,
        &[
            (Flags("--usres 3"), &["error: unexpected argument '--usres' found\n", "a similar argument exists: '--users'"]),
            (Flags("--users some"), &["error: invalid value 'some' for '--users <N>'"]),
            (Flags("--users 0"), &["error: `--users` must be above 0"]),
            (Flags("--duration 5"), &["error: invalid value '5' for '--duration <D>': `5` has no unit: write for example `5s`"]),
            (Flags("--rate 5"), &["error: invalid value '5' for '--rate <RATE>': `5` has no unit: write for example `5/s`"]),
            (Flags("--rate 5/s"), &["error: `--rate` was given, but the load is in users\nhint: use `--users`"]),
            (Flags("--users 5 --rate 5/s"), &["error: the argument '--users <N>' cannot be used with '--rate <RATE>'"]),
            (
                Flags("--format xml"),
                &["error: invalid value 'xml' for '--format <FORMAT>'", "[possible values: auto, terminal, plain, json]"],
            ),
            (Flags("--tags red"), &["error: the tags leave no step to run\nhint: the file has no tags"]),
            (Flags("--target ftp://x"), &["error: `--target`: scheme `ftp` is not supported"]),
            (Flags("--thresholds gone.yaml"), &["error: cannot read gone.yaml: "]),
            (Flags("--baseline git:--upload-pack=x"), &["error: baseline: `--upload-pack=x` cannot be the name of a branch"]),
            (Flags("--baseline http://store.example/x"), &["error: baseline: --baseline is `http://store.example/x`: http is only for"]),
            (Flags("--publish twitter"), &["error: `twitter` is no place to publish: write auto, none, or some of github-comment, "]),
            (Flags("--thresholds-from-base"), &["error: there are no thresholds thresholds/shop.yaml of a base branch"]),
            (Flags("shop.yaml"), &["error: two scenarios are called `shop`\nhint: the name decides where results and baselines go"]),
            (Flags("gone.yaml"), &["error: cannot read gone.yaml: "]),
        ],
    );
}

#[test]
fn users_are_not_set_on_a_rate() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.edit("shop.yaml", "users: 30", "rate: 30/s");
    workspace
        .perfgate("check shop.yaml --users 5")
        .with(2)
        .says("error: `--users` was given, but the load is a rate\nhint: use `--rate`\n");
    workspace.edit("shop.yaml", "rate: 30/s, hold: 1s", "phases: [{name: hold, for: 1s, users: 5}]");
    workspace
        .perfgate("check shop.yaml --duration 5s")
        .with(2)
        .says("error: `--duration` was given, but the load has `phases`\nhint: change `for`");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_typo_in_the_last_scenario_costs_no_load_of_the_first() {
    let server = Server::healthy();
    let workspace = Workspace::with_shop(&server.url());
    workspace.scenario("second", &server.url());
    workspace.edit("thresholds/second.yaml", "p95", "p9x");
    workspace.perfgate("check shop.yaml second.yaml").with(2).says("error: thresholds/second.yaml:3:12: unknown metric `p9x`");
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_should_not_be_loaded_is_refused_with_the_flag_that_allows_it() {
    const TARGET: &str = "target: http://127.0.0.1";
    all_end_with(
        7,
        &[
            (
                Scenario(TARGET, "target: http://shop-prod-2.example"),
                &[
                    "error: `shop-prod-2.example` looks like production: it has the word `prod`\nhint: if its owner agrees, say `--allow-production`\n",
                ],
            ),
            (
                Flags("--target http://staging.example"),
                &[
                    "error: `staging.example` is not an allowed target: the scenario's is `127.0.0.1`\nhint: if its owner agrees, say `--allow-host staging.example`\n",
                ],
            ),
            (
                Flags("--target http://169.254.169.254"),
                &["error: `169.254.169.254` is a blocked address: link-local", "hint: such addresses are never loaded\n"],
            ),
            (Flags("--target http://169.254.169.254 --allow-host 169.254.169.254"), &["is a blocked address"]),
            (Flags("--target http://live.shop.example --allow-host live.shop.example"), &["it has the word `live`"]),
            (Flags("--users 30000"), &["error: 30,000 users are above the limit of 20,000\nhint: if it is meant, say `--allow-load`\n"]),
            (Flags("--duration 3h"), &["error: 3h of load are above the limit of 2h\n"]),
        ],
    );
}

#[test]
fn a_target_of_the_environment_is_held_against_the_same_rules() {
    let server = Server::healthy();
    let mut workspace = Workspace::with_shop(&server.url());
    workspace.set_variable("PERFGATE_TARGET", "http://staging.example");
    workspace.perfgate("check shop.yaml").with(7).says("`staging.example` is not an allowed target");
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_password_in_a_file_is_not_repeated_by_the_error_about_it() {
    let workspace = Workspace::with_shop("https://me:hunter2@staging.example");
    let ended = workspace.perfgate("check shop.yaml").with(2).says("error: shop.yaml:3:9: a target holds no user name or password");
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
