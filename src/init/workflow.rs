//! The workflow that a release candidate passes through; more of them are under `examples/workflows/`.

use std::fmt::Write as _;

use super::draft::Draft;

/// `.github/workflows/perfgate.yml`
#[must_use]
pub fn workflow_yaml(draft: &Draft) -> String {
    let mut out = format!(
        "\
# A release candidate is loaded on staging and judged by thresholds/{name}.yaml.
name: perfgate
on:
  push:
    branches: [\"release/**\"]
    tags: [\"*-rc*\"]
  workflow_dispatch:
permissions:
  contents: read
  pull-requests: write # the comment
concurrency: perfgate-staging # two loads at once would measure each other
jobs:
  gate:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    steps:
      - uses: actions/checkout@v4
      - uses: perfgate/perfgate@v0
        with:
          scenario: {name}.yaml
",
        name = draft.name
    );
    if !draft.env.is_empty() {
        out.push_str("        env:\n");
        for name in &draft.env {
            let _ = writeln!(out, "          {name}: ${{{{ secrets.{name} }}}}");
        }
    }
    out
}
