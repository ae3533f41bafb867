//! A plain table for lists that are no verdict: stored runs, exit codes.

use comfy_table::{Table, presets};

use super::sanitize;

/// Columns aligned with spaces, a header first, each line ending with a line end. Cells are shown as one line of text.
#[must_use]
pub fn listing(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.force_no_tty().load_style(presets::NOTHING).set_header(header.iter().copied());
    table.add_rows(rows.iter().map(|row| row.iter().map(|cell| sanitize::line(cell)).collect::<Vec<_>>()));
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    format!("{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let text = listing(&["run", "why"], &[vec!["a".into(), String::new()], vec!["longer".into(), "x\u{1b}[2Jy\nz".into()]]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines.iter().all(|line| line.trim_end() == *line));
        assert!(!text.contains('\u{1b}'));
    }
}
