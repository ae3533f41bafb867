//! What is written in a workflow reaches the program as it stands, one word each, and is never evaluated.

use serde_json::Value;

use crate::support::{Machine, Program, Runner, read_yaml, repository, text_of};

/// Everything that a shell, a runner's log or an option parser could take for more than text.
const HOSTILE: &str =
    "--soft $(touch pwned) `touch pwned` ; touch pwned | touch pwned && touch pwned > pwned * ~ ? 'a' \"b\" \\ ! %0A${{ x }}";

fn recording() -> Runner {
    Runner::new(Machine::with(Program::Recorder))
}

/// What the program was asked by a use of the action with these inputs.
fn asked(inputs: &[(&str, &str)]) -> Vec<String> {
    let mut runner = recording();
    runner.action(inputs).with(0);
    assert!(!runner.machine.has("workspace/pwned"));
    runner.machine.asked().remove(0)
}

#[test]
fn every_input_becomes_its_option_and_what_is_not_said_none() {
    assert_eq!(asked(&[("scenario", "shop.yaml")]), ["check", "--out=perfgate-out", "--", "shop.yaml"]);
    let all = asked(&[
        ("scenario", "shop.yaml\n  \n  other shop.yaml \n"),
        ("thresholds", "limits.yaml"),
        ("target", "https://staging.shop.example"),
        ("baseline", "github\nkept/run.json\n"),
        ("against", "https://old.shop.example"),
        ("users", "20"),
        ("rate", "300/s"),
        ("duration", "2m"),
        ("publish", "github-comment!"),
        ("publish-key", "eu/checkout"),
        ("out", "results"),
        ("args", "--soft --environment 'staging eu'\n  --tags read"),
    ]);
    let expected = [
        "check",
        "--soft",
        "--environment",
        "staging eu",
        "--tags",
        "read",
        "--target=https://staging.shop.example",
        "--users=20",
        "--rate=300/s",
        "--duration=2m",
        "--out=results",
        "--thresholds=limits.yaml",
        "--against=https://old.shop.example",
        "--publish=github-comment!",
        "--publish-key=eu/checkout",
        "--baseline=github",
        "--baseline=kept/run.json",
        "--",
        "shop.yaml",
        "other shop.yaml",
    ];
    assert_eq!(all, expected);
}

#[test]
fn what_the_action_asks_can_be_typed() {
    let all = ["thresholds", "target", "baseline", "against", "duration", "publish", "publish-key"].map(|input| (input, "2m"));
    let calls = [
        asked(&[[("scenario", "shop.yaml")].as_slice(), &all].concat()),
        asked(&[("scenario", "shop.yaml"), ("users", "5"), ("args", "--soft")]),
        asked(&[("scenario", "shop.yaml"), ("rate", "5/s"), ("command", "refresh")]),
        asked(&[("command", "publish"), ("publish", "github-comment"), ("publish-key", "eu")]),
    ];
    for words in calls {
        let typed = std::iter::once("perfgate".to_owned()).chain(words.clone()).map(std::ffi::OsString::from);
        assert!(perfgate::cli::parse(typed).is_ok(), "{words:?}");
    }
}

#[test]
fn hostile_text_in_an_input_stays_one_word() {
    for input in ["thresholds", "target", "baseline", "against", "users", "rate", "duration", "publish", "publish-key"] {
        let words = asked(&[("scenario", "shop.yaml"), (input, HOSTILE)]);
        assert!(words.contains(&format!("--{input}={HOSTILE}")), "{input}: {words:?}");
        assert_eq!(words.len(), 5, "{input}: {words:?}");
    }
    let words = asked(&[("scenario", HOSTILE)]);
    assert_eq!(words, ["check", "--out=perfgate-out", "--", HOSTILE]);
    let lines = asked(&[("scenario", "shop.yaml"), ("target", "a\nb\r\n::error::c")]);
    assert_eq!(lines[1], "--target=a\nb\r\n::error::c");
}

#[test]
fn hostile_text_in_out_and_args_is_not_evaluated() {
    let out = "$(touch pwned); touch pwned";
    let words = asked(&[("scenario", "shop.yaml"), ("out", out)]);
    assert_eq!(words[1], format!("--out={out}"));
    assert_eq!(asked(&[("command", "publish"), ("out", "--help")]), ["publish", "--", "--help"]);
    let words = asked(&[("scenario", "shop.yaml"), ("args", "$(touch pwned) `touch pwned` ; > pwned * \"$HOME\" '\"'")]);
    assert_eq!(words[1..12], ["$(touch", "pwned)", "`touch", "pwned`", ";", ">", "pwned", "*", "$HOME", "\"", "--out=perfgate-out"]);
}

#[test]
fn hostile_text_in_the_inputs_that_are_no_option_is_refused_as_text() {
    for input in ["command", "version"] {
        let mut runner = recording();
        let ended = runner.action(&[("scenario", "shop.yaml"), (input, &format!("{HOSTILE}\n::warning::forged"))]).with(2);
        assert!(!runner.machine.has("workspace/pwned") && !ended.log.contains("\n::warning::forged"), "{}", ended.log);
        assert_eq!((ended.output("outcome"), ended.output("exit-code")), ("error", "2"), "{input}");
    }
    let mut runner = recording();
    runner.action(&[("scenario", "shop.yaml"), ("github-token", HOSTILE), ("artifact", "kept")]).with(0);
    assert_eq!(runner.machine.read("home/token"), HOSTILE);
    assert!(!runner.machine.has("workspace/pwned"));
}

#[test]
fn what_makes_no_sense_is_a_usage_error_before_anything_is_run() {
    let rows: [(&[(&str, &str)], &str); 8] = [
        (&[], "the input `scenario` is missing"),
        (&[("scenario", " \n ")], "the input `scenario` is missing"),
        (&[("scenario", "shop.yaml"), ("args", "--environment 'eu")], "has a quote that is not closed"),
        (&[("command", "refresh"), ("scenario", "a.yaml\nb.yaml")], "takes one `scenario`; hint: "),
        (&[("command", "refresh"), ("scenario", "a.yaml"), ("baseline", "a\nb")], "takes one `baseline`"),
        (&[("command", "refresh"), ("scenario", "a.yaml"), ("thresholds", "b.yaml")], "the input `thresholds` means nothing"),
        (&[("command", "refresh"), ("scenario", "a.yaml"), ("publish", "none")], "the input `publish` means nothing"),
        (&[("command", "chekc"), ("scenario", "a.yaml")], "`command: chekc` is none of check, refresh, publish and install"),
    ];
    for (inputs, said) in rows {
        let mut runner = recording();
        let ended = runner.action(inputs).with(2).says("::error title=perfgate::").says(said);
        assert_eq!((ended.output("outcome"), ended.output("exit-code")), ("error", "2"), "{inputs:?}");
        assert!(runner.machine.asked().is_empty(), "{inputs:?}");
    }
}

#[test]
fn the_outputs_are_what_the_program_wrote() {
    let runner_with = |code: &str, outputs: &str| {
        let runner = recording();
        runner.machine.write("home/code", code);
        runner.machine.write("home/outputs", outputs);
        runner
    };
    let all = "outcome=fail\nexit-code=1\nreport-path=perfgate-out/report.html\nsummary-path=perfgate-out/summary.md\ncomment-url=https://github.com/acme/shop/pull/7#issuecomment-1\n";
    let ended = runner_with("1", all).action(&[("scenario", "shop.yaml")]).with(1);
    for line in all.lines() {
        let (name, value) = line.split_once('=').unwrap();
        assert_eq!(ended.output(name), value, "{name}");
    }
    assert_eq!(ended.outputs.len(), 5);
    let killed = runner_with("137", "").action(&[("scenario", "shop.yaml")]).with(137);
    assert_eq!((killed.output("outcome"), killed.output("exit-code")), ("", ""));
}

#[test]
fn the_token_is_given_to_the_program_and_to_nothing_else() {
    let mut runner = recording();
    runner.action(&[("scenario", "shop.yaml")]).with(0);
    assert_eq!(runner.machine.read("home/token"), "ghs_canary");
    let action = read_yaml(&repository("action.yml"));
    let holders: Vec<&Value> =
        action["runs"]["steps"].as_array().unwrap().iter().filter(|step| step.to_string().contains("github-token")).collect();
    assert_eq!(holders.iter().map(|step| text_of(&step["id"])).collect::<Vec<_>>(), ["perfgate"]);
}

#[test]
fn no_script_of_ours_has_an_expression_in_it() {
    let action = read_yaml(&repository("action.yml"));
    let scripts: Vec<&str> = action["runs"]["steps"].as_array().unwrap().iter().filter_map(|step| step["run"].as_str()).collect();
    assert_eq!(scripts.len(), 3);
    assert!(scripts.iter().all(|script| !script.contains("${{")));
}

#[test]
fn the_readme_has_every_input_and_output() {
    let action = read_yaml(&repository("action.yml"));
    let readme = std::fs::read_to_string(repository("README.md")).unwrap();
    let section = readme.split("### Inputs and outputs of the action").nth(1).unwrap_or_else(|| panic!("no such section"));
    let section = section.split("\n## ").next().unwrap();
    for name in ["inputs", "outputs"].iter().flat_map(|of| action[of].as_object().unwrap().keys()) {
        assert!(section.contains(&format!("`{name}`")), "{name}");
    }
}
