//! Where this run is made: the machine, and the CI job where there is one.

use super::context::World;
use crate::cli::LoadArgs;
use crate::run::Environment;

/// The environment of a run, with what the command line overrides.
#[must_use]
pub fn environment(world: &World, args: &LoadArgs) -> Environment {
    let in_actions = world.variable("GITHUB_ACTIONS").is_some();
    let of_actions = |name: &str| if in_actions { world.variable(name) } else { None };
    let job = of_actions("GITHUB_RUN_ID").map(|run| format!("{run}/{}", of_actions("GITHUB_JOB").unwrap_or_default()));
    Environment {
        name: args.environment.clone(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: cores(),
        cpu: cpu_model(),
        perfgate: env!("CARGO_PKG_VERSION").to_owned(),
        ci: in_actions.then(|| "github".to_owned()),
        job,
        commit: args.commit.clone().or_else(|| of_actions("GITHUB_SHA")),
        branch: args.branch.clone().or_else(|| of_actions("GITHUB_HEAD_REF")).or_else(|| of_actions("GITHUB_REF_NAME")),
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}
