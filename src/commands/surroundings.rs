//! Where this is run: the machine, the CI job where there is one, and the GitHub repository that it works on.

use std::path::{Component, Path, PathBuf};

use super::context::World;
use super::error::CommandError;
use crate::ci::{EVENT_CAP, Event, Job, System, detect};
use crate::cli::LoadArgs;
use crate::files::read_capped;
use crate::github::{Access, Github, GithubError, Repository};
use crate::run::Environment;

/// Everything around a command that CI decides.
#[derive(Debug)]
pub struct Surroundings {
    /// `None` outside of CI.
    pub job: Option<Job>,
    /// What started the workflow, in GitHub Actions.
    pub event: Option<Event>,
    /// `None` without a token or a repository.
    pub github: Option<Github>,
}

impl Surroundings {
    /// Looks around. Nothing is asked yet.
    ///
    /// # Errors
    /// [`GithubError`] where the token would go to an address that may not get it.
    pub fn look(world: &World) -> Result<Self, GithubError> {
        let (job, event) = job(world);
        Ok(Self { job, event, github: github(world)? })
    }

    #[must_use]
    pub fn is_in(&self, system: System) -> bool {
        self.job.as_ref().is_some_and(|job| job.system == system)
    }

    #[must_use]
    pub fn default_branch(&self) -> Option<&str> {
        self.event.as_ref().and_then(Event::default_branch)
    }

    /// Whether the code that is tested comes from people who may not write to this repository.
    #[must_use]
    pub fn is_from_fork(&self) -> bool {
        self.event.as_ref().is_some_and(Event::is_from_fork)
    }

    /// Refuses to send what a scenario says in a job that holds a token that may write, and runs for code that nobody has
    /// reviewed.
    ///
    /// # Errors
    /// [`CommandError::ForeignCode`].
    pub fn refuse_foreign_code(&self, world: &World) -> Result<(), CommandError> {
        let event = world.variable("GITHUB_EVENT_NAME").filter(|_| self.is_in(System::Github) && self.is_from_fork());
        match event {
            Some(event) if matches!(event.as_str(), "pull_request_target" | "workflow_run") => Err(CommandError::ForeignCode { event }),
            _ => Ok(()),
        }
    }
}

/// The environment of a run, with what the command line overrides.
#[must_use]
pub fn environment(world: &World, args: &LoadArgs) -> Environment {
    let job = job(world).0;
    let of_job = |value: fn(&Job) -> Option<String>| job.as_ref().and_then(value);
    Environment {
        name: args.environment.as_deref().map(|name| world.redacted(name)),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: cores(),
        cpu: cpu_model(),
        perfgate: env!("CARGO_PKG_VERSION").to_owned(),
        ci: of_job(|job| Some(job.system.name().to_owned())),
        job: of_job(|job| job.id.clone()),
        commit: args.commit.clone().or_else(|| of_job(|job| job.commit.clone())).map(|commit| world.redacted(&commit)),
        branch: args.branch.clone().or_else(|| of_job(|job| job.branch.clone())).map(|branch| world.redacted(&branch)),
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64)
}

/// A file's path below the root of the repository, as the CI knows it; `None` where it lies elsewhere.
#[must_use]
pub fn path_in_repository(world: &World, path: &Path) -> Option<String> {
    let roots = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY"];
    let root = roots.iter().find_map(|name| world.variable(name)).map(PathBuf::from);
    let here = std::env::current_dir().ok()?;
    let absolute = plain(&here.join(path));
    let below = root.as_deref().map(plain).and_then(|root| absolute.strip_prefix(root).ok().map(Path::to_owned));
    let below = below.or_else(|| absolute.strip_prefix(&here).ok().map(Path::to_owned))?;
    Some(below.to_str()?.replace('\\', "/"))
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(out.pop()),
            other => out.push(other),
        }
    }
    out
}

fn job(world: &World) -> (Option<Job>, Option<Event>) {
    let path = world.variable("GITHUB_EVENT_PATH").filter(|_| world.variable("GITHUB_ACTIONS").is_some());
    let event = path.and_then(|path| Event::read(&read_capped(Path::new(&path), EVENT_CAP).ok()?));
    (detect(&|name| world.variable(name), event.as_ref()), event)
}

fn github(world: &World) -> Result<Option<Github>, GithubError> {
    let (Some(token), Some(repository)) = (world.variable("GITHUB_TOKEN"), world.variable("GITHUB_REPOSITORY")) else { return Ok(None) };
    let address = |name: &str, usual: &str| world.variable(name).unwrap_or_else(|| usual.to_owned());
    let access = Access {
        api_url: address("GITHUB_API_URL", "https://api.github.com"),
        graphql_url: address("GITHUB_GRAPHQL_URL", "https://api.github.com/graphql"),
        token,
        repository: Repository::parse(&repository)?,
    };
    Github::new(access).map(Some)
}

fn cpu_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}
