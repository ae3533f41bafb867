//! Azure Pipelines: remarks and the summary as logging commands. Every text is escaped, so that no label becomes a command.

use std::path::Path;

use super::{Level, Remark};

/// The commands, one per line. `summary` must be an absolute path.
#[must_use]
pub fn commands(remarks: &[Remark], summary: &Path) -> Vec<String> {
    let mut commands: Vec<String> = remarks.iter().map(issue).collect();
    commands.push(format!("##vso[task.uploadsummary]{}", escaped(&summary.display().to_string())));
    commands
}

fn issue(remark: &Remark) -> String {
    let word = match remark.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let line = if remark.line == 0 { String::new() } else { format!("linenumber={};", remark.line) };
    format!(
        "##vso[task.logissue type={word};sourcepath={};{line}]{}: {}",
        escaped(&remark.file),
        escaped(&remark.title),
        escaped(&remark.message)
    )
}

fn escaped(text: &str) -> String {
    text.replace('%', "%AZP25").replace('\r', "%0D").replace('\n', "%0A").replace(';', "%3B").replace(']', "%5D")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_one_command_whatever_it_says() {
        let remark = Remark {
            level: Level::Warning,
            file: "a;b].yaml".into(),
            line: 0,
            title: "perfgate".into(),
            message: "5 %\n##vso[task.setvariable variable=x]y".into(),
        };
        assert_eq!(
            commands(&[remark], Path::new("/out/summary.md")),
            [
                "##vso[task.logissue type=warning;sourcepath=a%3Bb%5D.yaml;]perfgate: 5 %AZP25%0A##vso[task.setvariable variable=x%5Dy",
                "##vso[task.uploadsummary]/out/summary.md"
            ]
        );
    }
}
