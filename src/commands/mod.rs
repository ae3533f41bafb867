//! One file per verb: what was typed becomes domain types, the flow runs, an exit code comes out.

mod archive;
mod baseline;
mod check;
mod context;
mod demo;
mod error;
mod import;
mod init;
mod judge;
mod judging;
mod kept;
mod live;
mod measure;
mod merge;
mod plan_words;
mod print;
mod progress;
mod publish;
mod publishing;
mod report;
mod reproduce;
mod results;
mod review;
mod run;
mod selftest;
mod serve;
mod side_by_side;
mod suggest;
mod surroundings;
mod validate;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::context::World;
use self::error::CommandError;
use crate::cli::{Cli, ParseError, ThresholdsVerb, Verb, names_a_token, parse};
use crate::exit::ExitCode;

/// The whole program. A panic is a bug of ours and ends with its own code, never with that of a verdict.
pub fn run_program<I: IntoIterator<Item = OsString>>(arguments: I) -> ExitCode {
    World::forbid_core_dumps();
    let mut world = World::real();
    let note = world.noting();
    std::panic::set_hook(Box::new(move |panic| note(&format!("internal error: {panic}"))));
    let ended = catch_unwind(AssertUnwindSafe(|| match parse(arguments) {
        Ok(cli) => dispatch(&mut world, cli).unwrap_or_else(|error| error.tell(&mut world)),
        Err(error) => answer_to_parse(&mut world, &error),
    }));
    let code = ended.unwrap_or_else(|_| {
        world.note(
            "error: internal: perfgate has a bug and stopped\nhint: please report it with the lines above; partial results were kept",
        );
        ExitCode::Internal
    });
    world.account_for_output(code)
}

fn dispatch(world: &mut World, cli: Cli) -> Result<ExitCode, CommandError> {
    match cli.verb {
        Verb::Init(args) => init::init(world, &args),
        Verb::Check(args) => Ok(check::check(world, &args)),
        Verb::Run(args) => run::run(world, &args),
        Verb::Selftest(args) => selftest::selftest(world, &args),
        Verb::Judge(args) => judge::judge(world, &args),
        Verb::Import(args) => import::import(world, &args),
        Verb::Merge(args) => merge::merge(world, &args),
        Verb::Baseline(verb) => baseline::baseline(world, &verb),
        Verb::Report(args) => report::report(world, &args),
        Verb::Validate(args) => Ok(validate::validate(world, &args)),
        Verb::Publish(args) => publish::publish(world, &args),
        Verb::Thresholds(ThresholdsVerb::Suggest(args)) => suggest::suggest(world, &args),
        Verb::Thresholds(ThresholdsVerb::Diff { base, head }) => review::diff(world, &base, &head),
        Verb::Demo(args) => demo::demo(world, &args),
        Verb::Serve(args) => serve::serve(world, &args),
        Verb::Schema { of } => print::schema(world, of),
        Verb::ExitCodes => Ok(print::exit_codes(world)),
        Verb::Completions { shell } => Ok(print::completions(world, shell)),
        Verb::Man => print::manual(world),
    }
}

/// Help and version go to standard output and are no mistake.
fn answer_to_parse(world: &mut World, error: &ParseError) -> ExitCode {
    if error.use_stderr() {
        world.note(error.render().to_string().trim_end());
        if names_a_token(error) {
            world.note(
                "hint: tokens come from the environment, as GITHUB_TOKEN or GITLAB_TOKEN: everybody on a machine can read a command line",
            );
        }
        return ExitCode::Usage;
    }
    let text = error.render();
    let text = if world.stdout_is_terminal { text.ansi().to_string() } else { text.to_string() };
    world.print(&text);
    ExitCode::Pass
}
