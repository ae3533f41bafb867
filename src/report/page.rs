//! Markdown that never grows beyond its size: what does not fit is left out whole, and counted.

use super::content::counted;
use super::table::Table;

/// What the line that counts left-out rows may take, with the end of its fold.
pub(super) const REST_BYTES: usize = 200;

/// Text that never grows beyond its size: a piece that does not fit is left out whole.
#[derive(Debug)]
pub(super) struct Page {
    pub text: String,
    max: usize,
}

impl Page {
    pub(super) fn new(max: usize) -> Self {
        Self { text: String::new(), max }
    }

    pub(super) fn room(&self) -> usize {
        self.max.saturating_sub(self.text.len())
    }

    /// Whether the piece fitted.
    pub(super) fn push(&mut self, piece: &str) -> bool {
        let fits = piece.len() <= self.room();
        if fits {
            self.text.push_str(piece);
        }
        fits
    }

    /// As many rows as leave `reserved` bytes free, and how many did not fit.
    pub(super) fn rows(&mut self, table: &Table, reserved: usize, noun: &str) {
        let limit = self.max.saturating_sub(reserved + REST_BYTES);
        let lines = table.markdown();
        let mut shown = 0;
        for line in &lines {
            if self.text.len() + line.len() + 1 > limit {
                break;
            }
            self.text.push_str(line);
            self.text.push('\n');
            shown += 1;
        }
        if shown < lines.len() {
            self.push(&format!("\n… and {} more, in the files beside this summary\n", counted(lines.len() - shown, noun)));
        }
    }

    pub(super) fn finish(mut self, left_out: usize, noun: &str) -> String {
        if left_out > 0 {
            self.max += REST_BYTES;
            self.push(&format!("\n… and {} more, in the files beside this summary\n", counted(left_out, noun)));
        }
        self.text
    }
}
