//! The verbs that only print: `schema`, `exit-codes`, `completions`, `man`.

use super::context::World;
use super::error::CommandError;
use crate::cli::{self, SchemaOf, Shell};
use crate::exit::ExitCode;
use crate::gate::Thresholds;
use crate::scenario::Scenario;
use crate::{report, run};

pub fn schema(world: &mut World, of: SchemaOf) -> Result<ExitCode, CommandError> {
    let schema = match of {
        SchemaOf::Scenario => Scenario::schema(),
        SchemaOf::Thresholds => Thresholds::schema().to_value(),
        SchemaOf::Run => run::run_schema(),
        SchemaOf::Verdict => report::verdict_schema(),
    };
    let text = serde_json::to_string_pretty(&schema).map_err(CommandError::Schema)?;
    world.print(&format!("{text}\n"));
    Ok(ExitCode::Pass)
}

pub fn exit_codes(world: &mut World) -> ExitCode {
    let rows = ExitCode::ALL.map(|code| {
        let (meaning, remedy) = code.meaning();
        vec![code.number().to_string(), code.name().to_owned(), meaning.to_owned(), remedy.to_owned()]
    });
    world.print(&report::listing(&["code", "name", "meaning", "what to do"], &rows));
    ExitCode::Pass
}

pub fn completions(world: &mut World, shell: Shell) -> ExitCode {
    world.print_bytes(&cli::completions(shell));
    ExitCode::Pass
}

pub fn manual(world: &mut World) -> Result<ExitCode, CommandError> {
    world.print_bytes(&cli::manual().map_err(CommandError::Output)?);
    Ok(ExitCode::Pass)
}
