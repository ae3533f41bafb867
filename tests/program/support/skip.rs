//! The one door by which a test leaves something out: it says so, and fails where tools are required. Which tests those are
//! is not known here.

/// What a machine does not have.
#[derive(Debug, Clone, Copy)]
pub enum Lacking<'a> {
    /// What can be installed: without it the test fails where `PERFGATE_REQUIRE_TOOLS` is set, as `.ci/run` does.
    Tool(&'a str),
    /// What only the owner of the machine can allow, as a container's namespaces. The catalogue of faults says what is then
    /// proven by other tests.
    Right(&'a str),
}

/// Says that something is left out, and why.
///
/// # Panics
/// Where a tool is lacking and tools are required.
#[track_caller]
pub fn skip(lacking: Lacking<'_>) {
    let required = std::env::var_os("PERFGATE_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty() && value != "0");
    match lacking {
        Lacking::Tool(tool) => {
            assert!(!required, "{tool}: is required here, and not installed; `.ci/run` installs it where `CI=true`");
            println!("notice: skipped: {tool}: not installed");
        }
        Lacking::Right(right) => println!("notice: skipped: no right {right}"),
    }
}
