//! From the scenario as typed to the scenario as meant: every value is checked where it stands, every name resolved.

#![expect(clippy::unnecessary_box_returns, reason = "a mistake is large, and every function that can fail returns it boxed")]

mod body;
mod condition;
mod context;
mod data;
mod expect;
mod headers;
mod labels;
mod load;
mod local_file;
mod mix;
mod options;
mod path;
mod quantity;
mod save;
mod shape;
mod step;
mod syntax;
mod tasks;
mod values;
mod variables;

use std::collections::BTreeSet;
use std::path::Path;

use self::context::{Context, read_environment, secrets, without_values};
use self::data::read_data_sets;
use self::labels::Labels;
use self::load::read_load;
use self::local_file::LocalFiles;
use self::mix::{resolve_mixes, task_names};
use self::options::{compile_http, read_connections, read_tls};
use self::step::StepDefaults;
use self::syntax::is_name;
use self::tasks::{CompiledKind, compile_kinds, endpoint_role, known_tags, select};
use self::variables::{check_reads, variable_names};
use super::error::{OverrideError, ScenarioError};
use super::file::{MixFile, ScenarioFile, StepFile};
use super::hash::hash_of;
use super::{DataOrder, DataSet, Load, Mix, Model, OnExhausted, Overrides, Scenario, Target, UserKind};
use crate::document::{Document, Mistake, Place, Placed, Scalar, Written};

/// A value, or what is wrong and where.
pub type Checked<T> = Result<T, Box<Mistake>>;

/// The seed of a scenario that names none.
const DEFAULT_SEED: u64 = 1;
/// The version of the file's form.
const VERSION: i64 = 1;
/// In characters; the name becomes part of file names.
const MAX_NAME_LENGTH: usize = 64;

/// Where a scenario finds what is not in it.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Data files are relative to it.
    pub folder: &'a Path,
    pub environment: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Checks and resolves a scenario.
pub fn compile(document: &Document, surroundings: &Surroundings<'_>, overrides: &Overrides) -> Result<Scenario, ScenarioError> {
    let file: ScenarioFile = document.parse()?;
    check_head(document, &file)?;
    let targets = Targets::read(document, file.target.as_ref(), overrides)?;
    let files = LocalFiles { document, folder: surroundings.folder };
    let environment = read_environment(document, &file.env, surroundings.environment)?;
    let data = read_data_sets(files, &file.data)?;
    let variables = variable_names(document, &file)?;
    let load = read_load(document, &file.load, overrides)?;
    let context = Context {
        document,
        files,
        environment: &environment,
        data: &data,
        variables: &variables,
        base_path: &targets.effective.base_path,
        own_targets: &targets.own,
    };
    let mut scenario = assemble(&context, &file, load, targets.effective.clone(), overrides)?;
    let names = without_values(&environment);
    let without_secrets = Context { environment: &names, base_path: "", ..context };
    scenario.hash = hash_of(&assemble(&without_secrets, &file, scenario.load.clone(), targets.effective.clone(), overrides)?, &data);
    let (secrets, too_weak) = secrets(&environment);
    scenario.secrets = secrets;
    scenario.secrets.extend(basic_credentials(&scenario));
    scenario.warnings.extend(too_weak);
    scenario.data = data;
    Ok(scenario)
}

/// Everything but data and secrets, which are put in once the hash is taken.
fn assemble(
    context: &Context<'_>,
    file: &ScenarioFile,
    mut load: Load,
    target: Target,
    overrides: &Overrides,
) -> Result<Scenario, ScenarioError> {
    #[rustfmt::skip]
    let ScenarioFile {
        version: _, name, target: _, ready, seed, env: _, data: _, load: _, http, connections, tls, think, mix, start: _, stop: _,
        tasks: _, users: _,
    } = file;
    let document = context.document;
    let (http, headers) = compile_http(context, http)?;
    let think = think.as_ref().map_or(Ok(None), |pause| quantity::think(document, pause))?;
    let defaults = StepDefaults { headers: &headers, timeout: http.timeout, think };
    let mut labels = Labels::default();
    let mut kinds = compile_kinds(context, &mut labels, defaults, file)?;
    let mut warnings = labels.look_alikes();
    warnings.extend(unused(context, &kinds, &headers));
    let names = task_names(&kinds);
    choose(&mut kinds, &mut warnings, overrides)?;
    check_reads(document, context.variables, &kinds)?;
    check_unique_rows(context, file, &load, &kinds)?;
    let endpoints = labels.into_endpoints(|endpoint| endpoint_role(&kinds, endpoint));
    let kinds: Vec<UserKind> = kinds.into_iter().map(CompiledKind::into_domain).collect();
    if let Some(phases) = &file.load.value.phases {
        resolve_mixes(document, &phases.value, &names, &kinds, &mut load.phases)?;
    }
    Ok(Scenario {
        name: name.value.clone(),
        ready: ready.as_ref().map(|ready| ready_path(context, ready)).transpose()?,
        seed: overrides.seed.or(*seed).unwrap_or(DEFAULT_SEED),
        hash: String::new(),
        target,
        load,
        http,
        connections: read_connections(document, connections.as_ref())?,
        tls: read_tls(context.files, tls)?,
        data: Vec::new(),
        mix: match mix {
            MixFile::Exact => Mix::Exact,
            MixFile::Random => Mix::Random,
        },
        isolation: overrides.isolation,
        endpoints,
        kinds,
        variables: context.variables.to_vec(),
        secrets: Vec::new(),
        warnings,
    })
}

fn check_head(document: &Document, file: &ScenarioFile) -> Checked<()> {
    let Placed { value: version, place } = &file.version;
    if *version != Scalar::Whole(VERSION) {
        let mistake = document.mistake(*place, format!("version `{version}` is not supported: this program reads version {VERSION}"));
        return Err(mistake.with_hint(format!("write `version: {VERSION}`, a whole number without quotes")).into());
    }
    let Placed { value: name, place } = &file.name;
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_plain || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.len() > MAX_NAME_LENGTH {
        let mistake = document.mistake(*place, format!("`{}` cannot be the name of a scenario", name.escape_debug()));
        let hint = format!("at most {MAX_NAME_LENGTH} letters a-z, digits, `-`, `_` and `.`, as `checkout-flow`: files are named after it");
        return Err(mistake.with_hint(hint).into());
    }
    Ok(())
}

/// Where the load goes.
struct Targets {
    /// `--target` before the file's.
    effective: Target,
    /// Both: absolute URLs in the file were written for the file's.
    own: Vec<Target>,
}

impl Targets {
    fn read(document: &Document, written: Option<&Placed<String>>, overrides: &Overrides) -> Result<Self, ScenarioError> {
        let in_file = written.map(|target| read_target(document, target)).transpose()?;
        let given = overrides.target.as_ref().map(|target| target.parse().map_err(OverrideError::Target)).transpose()?;
        let own: Vec<Target> = given.into_iter().chain(in_file).collect();
        if let Some(effective) = own.first() {
            return Ok(Self { effective: effective.clone(), own });
        }
        let mistake = document.mistake(Place::default(), "key `target` is missing");
        Err(Box::new(mistake.with_hint("write `target: https://staging.shop.example`, or use `--target`")).into())
    }
}

fn read_target(document: &Document, written: &Placed<String>) -> Checked<Target> {
    written.value.parse().map_err(|error: super::TargetError| {
        let mut mistake = document.mistake(written.place, error.to_string());
        if let Some((user, _)) = written.value.rsplit_once('@') {
            mistake.source_line = mistake.source_line.replace(user, "***");
        }
        Box::new(mistake)
    })
}

fn ready_path(context: &Context<'_>, ready: &Placed<String>) -> Checked<String> {
    let Placed { value: path, place } = ready;
    if !path.starts_with('/') || path.starts_with("//") || path.contains(|c: char| c == '#' || c.is_control()) || path.contains("${") {
        let hint = "it begins with `/` and holds no `${..}`, as `/health`";
        return Err(context.mistake_with_hint(*place, format!("`ready: {}` is not a plain path", path.escape_debug()), hint));
    }
    Ok(format!("{}{}", context.base_path, super::escape::encode_path(path)))
}

/// Credentials in the form in which they are sent: who knows the password alone cannot blank it.
fn basic_credentials(scenario: &Scenario) -> BTreeSet<String> {
    let kinds = scenario.kinds.iter();
    let steps = kinds.flat_map(|kind| kind.start.iter().chain(kind.tasks.iter().flat_map(|task| &task.steps)).chain(&kind.stop));
    let headers = steps.flat_map(|step| &step.headers).filter(|(name, _)| name == "authorization");
    headers.filter_map(|(_, value)| value.as_static()?.strip_prefix("Basic ").map(str::to_owned)).collect()
}

/// What is declared, but read by no step.
fn unused(context: &Context<'_>, kinds: &[CompiledKind], headers: &[headers::Header]) -> Vec<String> {
    let reads = || kinds.iter().flat_map(CompiledKind::steps).map(|step| &step.reads).chain(headers.iter().map(|header| &header.reads));
    let data = context.data.iter().enumerate().filter(|(index, _)| !reads().any(|reads| reads.data.contains(index)));
    let environment = context.environment.iter().enumerate().filter(|(index, _)| !reads().any(|reads| reads.environment.contains(index)));
    data.map(|(_, set)| format!("data set `{}` is used by no step", set.name))
        .chain(environment.map(|(_, variable)| format!("environment variable `{}` is used by no step", variable.name)))
        .collect()
}

/// Applies the tags of the command line.
fn choose(kinds: &mut Vec<CompiledKind>, warnings: &mut Vec<String>, overrides: &Overrides) -> Result<(), OverrideError> {
    let known = known_tags(kinds);
    select(kinds, overrides);
    if kinds.is_empty() {
        return Err(OverrideError::NothingToRun { known });
    }
    for tag in overrides.tags.iter().chain(&overrides.exclude_tags).filter(|tag| !known.contains(tag)) {
        warnings.push(format!("no task or step has the tag `{tag}`"));
    }
    Ok(())
}

fn check_unique_rows(context: &Context<'_>, file: &ScenarioFile, load: &Load, kinds: &[CompiledKind]) -> Checked<()> {
    if load.model != Model::Closed {
        return Ok(());
    }
    let is_read = |index: usize| kinds.iter().flat_map(CompiledKind::steps).any(|step| step.reads.data.contains(&index));
    let peak = load.peak();
    for (index, (set, (name, _))) in context.data.iter().zip(&file.data.0).enumerate() {
        let DataSet { rows, order, on_exhausted, .. } = set;
        #[expect(clippy::cast_precision_loss, reason = "a file of 64 MiB has fewer rows than 2^52")]
        let too_few = (rows.len() as f64) < peak;
        if too_few && *order == DataOrder::Unique && *on_exhausted == OnExhausted::Stop && is_read(index) {
            let message = format!("data set `{}` has {} rows, and {peak} users need one each", set.name, rows.len());
            let hint = format!("say `on_exhausted: recycle`, add rows, or use at most {} users", rows.len());
            return Err(context.mistake_with_hint(name.place, message, hint));
        }
    }
    Ok(())
}

/// Every step of the file as typed, in its order.
fn all_steps(file: &ScenarioFile) -> Vec<&StepFile> {
    let mut lists = vec![&file.start];
    lists.extend(file.tasks.iter().flat_map(|tasks| &tasks.value).map(|task| &task.value.steps.value));
    lists.push(&file.stop);
    if let Some(Placed { value: Written::Map(kinds), .. }) = &file.users {
        for (_, kind) in &kinds.0 {
            lists.push(&kind.start);
            lists.extend(kind.tasks.value.iter().map(|task| &task.value.steps.value));
            lists.push(&kind.stop);
        }
    }
    lists.into_iter().flatten().map(|step| &step.value).collect()
}

/// A name for readers: something to see, on one line.
fn label_text(document: &Document, key: &str, written: &Placed<String>) -> Checked<String> {
    let text = written.value.trim();
    if text.is_empty() || text.contains(char::is_control) {
        return Err(document.mistake(written.place, format!("`{key}` is one line of text, and not empty")).into());
    }
    Ok(text.to_owned())
}
