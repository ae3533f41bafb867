//! The workflows that a release candidate passes through and that measure what it is compared with: those under
//! `examples/workflows/`, with the draft's names and secrets in them.

use super::draft::Draft;

const GATE: &str = include_str!("../../examples/workflows/release-candidate.yml");
const NIGHTLY: &str = include_str!("../../examples/workflows/nightly-baseline.yml");
/// Said to whom copies by hand.
const COPY: &str = "# Copy this to ";

/// The gate on the release candidate.
#[must_use]
pub fn gate_yaml(draft: &Draft) -> String {
    filled_in(GATE, draft)
}

/// The nightly job that measures the baseline.
#[must_use]
pub fn nightly_yaml(draft: &Draft) -> String {
    filled_in(NIGHTLY, draft)
}

fn filled_in(example: &str, draft: &Draft) -> String {
    // The example ends with how to hand over a secret; the draft knows whether there is one.
    let lines = example.lines().filter(|line| !line.starts_with(COPY) && !line.starts_with("        #"));
    let mut out = lines.map(|line| line.replace("shop.yaml", &format!("{}.yaml", draft.name)) + "\n").collect::<String>();
    if !draft.env.is_empty() {
        out.push_str("        env:\n");
        out.extend(draft.env.iter().map(|name| format!("          {name}: ${{{{ secrets.{name} }}}}\n")));
    }
    out
}
