//! What can be typed: verbs, flags and their help. The one door to the command-line library; what a verb does is not known here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use clap::Error as ParseError;
use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};
pub use clap_complete::Shell;

use crate::units::{Rate, parse_duration};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

/// Shown under the list of the verbs that a newcomer needs.
const MORE: &str = "\
More:
  run          Load the target and keep what was measured, without judging it
  selftest     Prove that the gate can go red, and measure this target's noise
  judge        Judge a stored run, or another tool's result, by the same rules
  import       Locust, k6, JMeter, vegeta, oha, wrk2, Artillery and h2load results as a run
  merge        Shards of one load as one run
  serve        Kept runs in a browser: history, trends, two runs side by side; runs begun from a page
  publish      Post a finished verdict, the second half of the flow that is safe for forks
  thresholds   Limits proposed from stored runs; what one version of a threshold file changes of another
  schema       JSON Schema of the files, for editors
  exit-codes   What the exit codes mean
  completions  Completion script for a shell
  man          This as a manual page

Exit codes: 0 pass, 1 gate failed, 2 usage, 3 no verdict, 4 target unavailable, 5 baseline unusable,
6 not delivered, 7 refused, 70 internal, 129/130/143 aborted. `perfgate exit-codes` says what to do about each.";

/// The performance gate: load staging, judge every endpoint, exit non-zero on a real regression and on nothing else.
#[derive(Debug, Parser)]
#[command(name = "perfgate", version, styles = STYLES, after_help = MORE, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// First files: a scenario, its thresholds and a workflow, from what is there
    Init(InitArgs),
    /// Check scenario and threshold files, without any traffic
    Validate(ValidateArgs),
    /// Run scenarios, judge them, report: what CI calls
    Check(Box<CheckArgs>),
    /// The runs to compare with: refresh, show, list, pin, prune
    #[command(subcommand)]
    Baseline(BaselineVerb),
    /// Render a result for people or for other tools
    Report(ReportArgs),
    /// Post a finished verdict: the second half of the flow that is safe for forks
    #[command(hide = true)]
    Publish(PublishArgs),
    /// Limits proposed from stored runs; two versions of a threshold file side by side
    #[command(subcommand, hide = true)]
    Thresholds(ThresholdsVerb),
    /// See it work: an embedded staging API, a good release and a bad one
    Demo(DemoArgs),
    /// Load the target and keep what was measured, without judging it
    #[command(hide = true)]
    Run(RunArgs),
    /// Prove that the gate can go red, and measure this target's noise
    #[command(hide = true)]
    Selftest(SelftestArgs),
    /// Judge a stored run, or another tool's result, by the same rules
    #[command(hide = true)]
    Judge(JudgeArgs),
    /// Locust, k6, JMeter, vegeta, oha, wrk2, Artillery and h2load results as a run
    #[command(hide = true)]
    Import(ImportArgs),
    /// Shards of one load as one run
    #[command(hide = true)]
    Merge(MergeArgs),
    /// Kept runs in a browser: history, trends, two runs side by side; runs begun from a page
    #[command(hide = true)]
    Serve(ServeArgs),
    /// JSON Schema of the files, for editors
    #[command(hide = true)]
    Schema {
        #[arg(value_enum)]
        of: SchemaOf,
    },
    /// What the exit codes mean
    #[command(hide = true)]
    ExitCodes,
    /// Completion script for a shell
    #[command(hide = true)]
    Completions { shell: Shell },
    /// The manual page
    #[command(hide = true)]
    Man,
}

/// What changes a scenario's load, and what may be loaded.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a user types")]
pub struct LoadArgs {
    /// Load this instead of the scenario's target; so does `PERFGATE_TARGET`
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Scale every phase so that the peak is this many users
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    pub users: Option<u64>,
    /// Scale every phase so that the peak is this rate, for example 300/s
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,
    /// Length of `hold`
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Only steps with one of these tags; `start` and `stop` always run
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// No steps with one of these tags
    #[arg(long, value_name = "TAGS", value_delimiter = ',')]
    pub exclude_tags: Vec<String>,
    /// One endpoint at a time, each as often as in the whole load and after the steps that it builds on; kept and compared apart
    #[arg(long)]
    pub each: bool,
    /// Instead of the scenario's seed
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Allow a host that looks like production
    #[arg(long)]
    pub allow_production: bool,
    /// Allow this host besides the scenario's own; repeatable
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    /// Allow more than 20,000 users, 100,000 starts a second or 2 hours
    #[arg(long)]
    pub allow_load: bool,
    /// Accept any certificate
    #[arg(long)]
    pub insecure: bool,
    /// Name of this environment: runs of different names are not compared
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The commit that is deployed
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// The branch that is deployed
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
}

/// How a verdict is reached.
#[derive(Debug, Args)]
pub struct JudgingArgs {
    /// Threshold file [default: thresholds/NAME.yaml, NAME being the scenario's]
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,
    /// `github`, `github:WORKFLOW.yml`, `git:BRANCH`, https://.., a folder, a run file or `none`; repeatable, the first that has runs counts [default: .perfgate/baselines/NAME, NAME being the scenario's; in GitHub Actions `github`]
    #[arg(long, value_name = "SOURCE")]
    pub baseline: Vec<String>,
    /// Report as always, but exit 0 instead of 1 and 3
    #[arg(long)]
    pub soft: bool,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = StdoutFormat::Auto)]
    pub format: StdoutFormat,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<PathBuf>,
    #[command(flatten)]
    pub judging: JudgingArgs,
    #[command(flatten)]
    pub load: LoadArgs,
    /// All judged time of one scenario: what is not sure after one load is loaded again within it [default: 3 times the judged phases]
    #[arg(long, value_name = "D", value_parser = parse_duration)]
    pub max_duration: Option<Duration>,
    /// A second deployment, of the old build: both are loaded side by side, in rounds, and compared with each other
    #[arg(long, value_name = "URL", conflicts_with = "each")]
    pub against: Option<String>,
    /// Run by `sh -c` before each round, to start both sides anew; it ends once they are ready, and its standard error is shown
    #[arg(long, value_name = "CMD", requires = "against")]
    pub between_rounds: Option<String>,
    /// In a pull request, judge by the threshold file of the branch that it is to be merged into
    #[arg(long)]
    pub thresholds_from_base: bool,
    #[command(flatten)]
    pub publishing: PublishingArgs,
    /// Serve a live view of this check while it runs, on a free port of this machine or on `--live=ADDR:PORT`
    #[arg(long, value_name = "ADDR", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:0", value_parser = parse_address)]
    pub live: Option<SocketAddr>,
    #[command(flatten)]
    pub exposure: ExposureArgs,
    /// Where the results go
    #[arg(long, value_name = "DIR", default_value = "perfgate-out")]
    pub out: PathBuf,
    /// Keep run and verdict here too, each check in a folder of its own: a history for `perfgate serve`
    #[arg(long, value_name = "DIR")]
    pub archive: Option<PathBuf>,
}

/// Who may reach what is served.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct ExposureArgs {
    /// Allow an address that other machines reach: whoever has it and the token sees every result, unencrypted
    #[arg(long)]
    pub i_know_this_exposes_results: bool,
}

#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Folders with results, baseline stores and archives [default: perfgate-out and .perfgate]
    #[arg(value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = parse_address)]
    pub bind: SocketAddr,
    #[command(flatten)]
    pub exposure: ExposureArgs,
    /// Scenarios that may be loaded from the page, one at a time; without it the page changes nothing
    #[arg(long, value_name = "SCENARIO", num_args = 1..)]
    pub allow_run: Vec<PathBuf>,
    /// Read every file again, instead of those that changed
    #[arg(long)]
    pub reindex: bool,
}

/// Where a verdict is shown.
#[derive(Debug, Args)]
pub struct PublishingArgs {
    /// auto, none, or a list of github-comment, github-check, github-summary, github-annotations, gitlab-note, azure, buildkite; `!` behind one makes it required
    #[arg(long, value_name = "LIST", default_value = "auto")]
    pub publish: String,
    /// Tells the comments of several gates apart [default: workflow and job]
    #[arg(long, value_name = "KEY")]
    pub publish_key: Option<String>,
    /// The pull or merge request
    #[arg(long, value_name = "N")]
    pub pr: Option<u64>,
}

#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The folder that `check --out` wrote; nothing in it is believed but figures
    pub results: PathBuf,
    #[command(flatten)]
    pub publishing: PublishingArgs,
}

#[derive(Debug, Subcommand)]
pub enum ThresholdsVerb {
    /// A threshold file from what stored runs measured, with how often it would be red for nothing
    Suggest(SuggestArgs),
    /// What HEAD loosens and tightens of BASE
    Diff {
        /// The file as it was
        base: PathBuf,
        /// The file as it is to be
        head: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario file
    pub scenario: PathBuf,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Where the results go
    #[arg(long, value_name = "DIR", default_value = "perfgate-out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct SelftestArgs {
    /// Scenario file
    pub scenario: PathBuf,
    /// How often the target is loaded as it is; at least 5, of which one is judged and one confirms it
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(5..))]
    pub aa: u32,
    /// Threshold file [default: thresholds/NAME.yaml, NAME being the scenario's]
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Where the runs go
    #[arg(long, value_name = "DIR", default_value = "perfgate-selftest")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct JudgeArgs {
    /// A run.json, another tool's result, or a folder with one of them
    pub run: PathBuf,
    #[command(flatten)]
    pub judging: JudgingArgs,
    /// Write all result files here; without it only standard output is written
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// A result of another tool
    pub file: PathBuf,
    /// Which tool wrote it [default: as its content says]
    #[arg(long, value_enum, value_name = "TOOL")]
    pub tool: Option<ToolName>,
    /// What the scenario is called, by which thresholds and baselines are found [default: the tool's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The unit of an `HdrHistogram` text that does not name it
    #[arg(long, value_enum, value_name = "UNIT")]
    pub unit: Option<UnitName>,
    /// Name of the environment: runs of different names are not compared
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The commit that was deployed
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// The branch that was deployed
    #[arg(long, value_name = "NAME")]
    pub branch: Option<String>,
    /// Where the run goes
    #[arg(long, value_name = "DIR", default_value = "perfgate-out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The shards: a run.json each, or a folder with one
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Where the whole goes
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run.json, or a folder with results
    pub results: PathBuf,
    /// In which form [default: terminal, or plain where standard output is none]
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Folder or run file with the runs that it was compared with: `html` shows each of them
    #[arg(long, value_name = "SOURCE")]
    pub baseline: Vec<String>,
    /// Write here instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Scenario and threshold files; thresholds are held against the scenarios named beside them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// One task for each operation of this OpenAPI 3 description, JSON or YAML
    #[arg(long, value_name = "FILE", group = "from")]
    pub openapi: Option<PathBuf>,
    /// The recorded visit of this HAR file as a task; secrets are not copied
    #[arg(long, value_name = "FILE", group = "from")]
    pub har: Option<PathBuf>,
    /// The user classes of this Locust file, with a note for what could not be carried over
    #[arg(long, value_name = "FILE.py", group = "from")]
    pub from_locust: Option<PathBuf>,
    /// One request to this URL
    #[arg(long, value_name = "URL", group = "from", conflicts_with = "target")]
    pub url: Option<String>,
    /// Load this instead of what the file names
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Name of the scenario and its files [default: what the source calls itself, or the folder's name]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Where the files go
    #[arg(long, visible_alias = "dir", value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Write no workflows
    #[arg(long)]
    pub no_workflow: bool,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// What is wrong with the bad release
    #[arg(long, value_enum, value_name = "KIND")]
    pub regression: Option<RegressionKind>,
    /// Only serve the staging API, until it is interrupted
    #[arg(long)]
    pub serve_only: bool,
    /// Port of the staging API; 0 picks a free one
    #[arg(long, value_name = "N", default_value_t = 8080, requires = "serve_only")]
    pub port: u16,
    /// Where the results go
    #[arg(long, value_name = "DIR", default_value = "perfgate-out")]
    pub out: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum BaselineVerb {
    /// The nightly job: run, admit, prune, keep
    Refresh(Box<RefreshArgs>),
    /// What the stored runs measured
    Show(StoreArgs),
    /// The stored runs
    List(StoreArgs),
    /// Take runs that were made before, or other tools' results, into the store
    Add {
        /// A run.json, another tool's result, or a folder with one of them
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<PathBuf>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Keep a run for good
    Pin {
        /// The run, by its name or the beginning of it
        run: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Let a pinned run go with the others
    Unpin {
        /// The run, by its name or the beginning of it
        run: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Drop all but the newest runs and the pinned ones
    Prune {
        /// How many stay
        #[arg(long, value_name = "N", default_value_t = 10)]
        runs: usize,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Debug, Args)]
pub struct RefreshArgs {
    /// Scenario files
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<PathBuf>,
    /// Take over the runs that are kept here, before the new one
    #[arg(long, value_name = "SOURCE")]
    pub baseline: Option<String>,
    /// Keep the runs here, or on a branch, which is pushed: `git:BRANCH` [default: .perfgate/baselines/NAME, NAME being the scenario's]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<String>,
    /// How many runs stay
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub runs: usize,
    /// Measure this often: a first baseline in one go
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,
    /// A second deployment of the same build, for --rounds
    #[arg(long, value_name = "URL", requires = "rounds")]
    pub against: Option<String>,
    /// Load the build beside itself so many times: how much rounds differ makes `check --against` surer
    #[arg(long, value_name = "N", default_value_t = 0, requires = "against")]
    pub rounds: u32,
    /// Run by `sh -c` before each round, as in `check`
    #[arg(long, value_name = "CMD", requires = "against")]
    pub between_rounds: Option<String>,
    #[command(flatten)]
    pub load: LoadArgs,
    /// Where the results go
    #[arg(long, value_name = "DIR", default_value = "perfgate-out")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct SuggestArgs {
    /// Scenario file, or the name of a scenario
    pub scenario: String,
    /// Folder or run file; repeatable, the first that has runs counts [default: .perfgate/baselines/NAME]
    #[arg(long, value_name = "SOURCE")]
    pub baseline: Vec<String>,
}

#[derive(Debug, Args)]
pub struct StoreArgs {
    /// The folder with the runs [default: the one under .perfgate/baselines]
    #[arg(long, value_name = "DIR")]
    pub baseline: Option<PathBuf>,
    /// The scenario whose runs are meant, where .perfgate/baselines holds several
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    pub scenario: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StdoutFormat {
    /// A table on a terminal, plain lines elsewhere
    Auto,
    Terminal,
    Plain,
    /// verdict.json
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ToolName {
    Locust,
    K6,
    Jmeter,
    Vegeta,
    Oha,
    /// wrk2 and `HdrHistogram` text
    Hdr,
    Artillery,
    H2load,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnitName {
    Ns,
    Us,
    Ms,
    S,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Terminal,
    Plain,
    Markdown,
    Json,
    Junit,
    Csv,
    Gitlab,
    Openmetrics,
    Html,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Scenario,
    Thresholds,
    Run,
    Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RegressionKind {
    MissingIndex,
    NPlusOne,
    SmallPool,
    SlowDependency,
    Errors,
}

/// `127.0.0.1:8080`; a port alone is of this machine, an address alone gets a free port.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse::<u16>().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    let ip = || text.trim_matches(['[', ']']).parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0));
    text.parse().or(port).or_else(|_| ip()).map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8080, or a port".to_owned())
}

/// What was typed, or what to print instead and the exit code for it.
///
/// # Errors
/// The library's own error: help and version, which end with 0, or a mistake, which ends with 2.
pub fn parse<I: IntoIterator<Item = std::ffi::OsString>>(arguments: I) -> Result<Cli, ParseError> {
    Cli::try_parse_from(arguments)
}

/// Whether an unknown flag was meant to hand a token over.
#[must_use]
pub fn names_a_token(error: &ParseError) -> bool {
    use clap::error::{ContextKind, ContextValue};
    matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(flag)) if flag.to_ascii_lowercase().contains("token"))
}

/// The completion script for a shell.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut whole_command(), "perfgate", &mut script);
    script
}

/// The manual page, as roff.
///
/// # Errors
/// Where it cannot be rendered.
pub fn manual() -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(whole_command()).render(&mut page)?;
    Ok(page)
}

/// With the verbs that `--help` lists under "More" as full members.
fn whole_command() -> clap::Command {
    let hidden: Vec<String> =
        Cli::command().get_subcommands().filter(|verb| verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect();
    hidden.into_iter().fold(Cli::command().after_help(""), |command, verb| command.mut_subcommand(verb, |verb| verb.hide(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_a_port_or_an_ip_alone() {
        let rows = [
            ("8080", "127.0.0.1:8080"),
            ("0.0.0.0", "0.0.0.0:0"),
            ("::1", "[::1]:0"),
            ("[::1]:80", "[::1]:80"),
            ("127.0.0.1:0", "127.0.0.1:0"),
        ];
        for (text, address) in rows {
            assert_eq!(parse_address(text).unwrap().to_string(), address);
        }
        assert!(parse_address("localhost:1").is_err() && parse_address("shop.yaml").is_err() && parse_address("").is_err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_hidden_verb_stands_under_more_and_in_the_completions() {
        let script = String::from_utf8(completions(Shell::Bash)).unwrap();
        for verb in Cli::command().get_subcommands().filter(|verb| verb.is_hide_set()) {
            assert!(MORE.contains(&format!("\n  {} ", verb.get_name())), "{}", verb.get_name());
            assert!(script.contains(verb.get_name()), "{}", verb.get_name());
        }
    }
}
