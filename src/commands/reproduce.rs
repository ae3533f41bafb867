//! The command line that makes a run again, for the reader of a report.

use std::path::Path;

use crate::baseline::Source;
use crate::cli::{CheckArgs, JudgingArgs, LoadArgs};
use crate::files::shell_word;
use crate::run::Run;
use crate::units::format_duration;

/// `perfgate check examples/shop.yaml --seed 7`
#[must_use]
pub fn check_command(scenario: &Path, args: &CheckArgs) -> String {
    let mut words = vec!["perfgate".to_owned(), "check".to_owned(), shell_word(&scenario.display().to_string())];
    words.extend(judging_words(&args.judging));
    words.extend(load_words(&args.load));
    let quoted_flag =
        |flag: &str, value: &Option<String>| value.iter().flat_map(|value| [flag.to_owned(), shell_word(value)]).collect::<Vec<_>>();
    words.extend(quoted_flag("--against", &args.against));
    words.extend(quoted_flag("--between-rounds", &args.between_rounds));
    words.extend(args.max_duration.iter().flat_map(|length| ["--max-duration".to_owned(), format_duration(*length)]));
    words.join(" ")
}

/// The command line that judges a stored run again.
#[must_use]
pub fn judge_command(run: &Path, judging: &JudgingArgs) -> String {
    let mut words = vec!["perfgate".to_owned(), "judge".to_owned(), shell_word(&run.display().to_string())];
    words.extend(judging_words(judging));
    words.join(" ")
}

/// The command line that makes a stored run again, as far as the run says how: which file its scenario came from and what was
/// typed is not in it, and would not be repeated from a file that may come from anybody.
#[must_use]
pub fn stored_run_command(results: &Path, run: &Run) -> String {
    if run.imported.is_some() {
        return format!("perfgate judge {}", shell_word(&results.display().to_string()));
    }
    let environment = run.environment.name.iter().flat_map(|name| ["--environment".to_owned(), shell_word(name)]);
    let words = ["perfgate check SCENARIO.yaml --seed".to_owned(), run.scenario.seed.to_string()];
    words.into_iter().chain(environment).collect::<Vec<_>>().join(" ")
}

fn judging_words(args: &JudgingArgs) -> Vec<String> {
    let JudgingArgs { thresholds, baseline, soft: _, format: _ } = args;
    let thresholds = thresholds.iter().flat_map(|path| ["--thresholds".to_owned(), shell_word(&path.display().to_string())]);
    thresholds.chain(baseline.iter().flat_map(|source| ["--baseline".to_owned(), shell_word(&shown(source))])).collect()
}

/// A source as it may be shown: an address may hold a signature.
fn shown(source: &str) -> String {
    Source::parse(source).map_or_else(|_| source.to_owned(), |source| source.to_string())
}

fn load_words(args: &LoadArgs) -> Vec<String> {
    let LoadArgs {
        target,
        users,
        rate,
        duration,
        tags,
        exclude_tags,
        each,
        seed,
        allow_production,
        allow_host,
        allow_load,
        insecure,
        environment,
        commit: _,
        branch: _,
    } = args;
    let given = [
        ("--target", target.clone()),
        ("--users", users.map(|users| users.to_string())),
        ("--rate", rate.map(|rate| rate.to_string())),
        ("--duration", duration.map(format_duration)),
        ("--tags", (!tags.is_empty()).then(|| tags.join(","))),
        ("--exclude-tags", (!exclude_tags.is_empty()).then(|| exclude_tags.join(","))),
        ("--seed", seed.map(|seed| seed.to_string())),
        ("--environment", environment.clone()),
    ];
    let flags = [("--each", *each), ("--allow-production", *allow_production), ("--allow-load", *allow_load), ("--insecure", *insecure)];
    let valued = given.into_iter().filter_map(|(flag, value)| Some([flag.to_owned(), shell_word(&value?)])).flatten();
    let hosts = allow_host.iter().flat_map(|host| ["--allow-host".to_owned(), shell_word(host)]);
    let flags = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned());
    valued.chain(hosts).chain(flags).collect()
}
