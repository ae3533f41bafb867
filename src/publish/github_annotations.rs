//! Remarks as workflow commands, which the GitHub runner shows at the lines of a file. Every text is escaped, so that
//! no label becomes a command.

use super::{Level, Remark};

/// The most of one level that GitHub shows for a step.
const OF_ONE_LEVEL: usize = 10;

/// The commands, one per line.
#[must_use]
pub fn commands(remarks: &[Remark]) -> Vec<String> {
    let of = |level: Level| remarks.iter().filter(move |remark| remark.level == level).take(OF_ONE_LEVEL);
    of(Level::Error).chain(of(Level::Warning)).map(command).collect()
}

fn command(remark: &Remark) -> String {
    let word = match remark.level {
        Level::Error => "error",
        Level::Warning => "warning",
    };
    let line = if remark.line == 0 { String::new() } else { format!("line={},", remark.line) };
    format!("::{word} file={},{line}title={}::{}", property(&remark.file), property(&remark.title), data(&remark.message))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(level: Level, message: &str) -> Remark {
        Remark { level, file: "thresholds/shop.yaml".into(), line: 3, title: "perfgate: p95, total".into(), message: message.into() }
    }

    #[test]
    fn a_remark_is_one_command_whatever_it_says() {
        assert_eq!(
            commands(&[remark(Level::Error, "100 %\r\n::add-mask::x")]),
            ["::error file=thresholds/shop.yaml,line=3,title=perfgate%3A p95%2C total::100 %25%0D%0A::add-mask::x"]
        );
    }

    #[test]
    fn no_more_are_written_than_github_shows() {
        let remarks: Vec<Remark> = (0..30).flat_map(|_| [remark(Level::Error, "e"), remark(Level::Warning, "w")]).collect();
        assert_eq!(commands(&remarks).len(), 20);
    }
}
