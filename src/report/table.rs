//! Rows and columns, and their forms: drawn to a width, aligned for logs, and as Markdown. What they hold is not known here.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, TableStyle, presets};

use super::{figures, sanitize};

/// Columns that a label is given at least before another column is left out for it.
const LABEL_WIDTH: u16 = 28;
/// Space between two columns.
const GAP: u16 = 2;
/// What a cell of a Markdown table may take.
const CELL_BYTES: usize = 300;
const UNDERLINED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));

/// Equal rows under their columns.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// A column's title and how much it matters.
#[derive(Debug, Clone)]
pub(super) struct Column {
    title: String,
    kind: Kind,
    /// 0 is never left out; where room is short the highest goes first.
    spare: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Wraps where room is short.
    Label,
    Text,
    Number,
}

/// One cell; both kinds may hold what others wrote.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// A name, shown as code where the format can.
    Label(String),
    Text(String),
}

impl Column {
    pub(super) fn label(title: &str) -> Self {
        Self { title: title.into(), kind: Kind::Label, spare: 0 }
    }

    pub(super) fn text(title: &str, spare: u8) -> Self {
        Self { title: title.into(), kind: Kind::Text, spare }
    }

    pub(super) fn number(title: &str, spare: u8) -> Self {
        Self { title: title.into(), kind: Kind::Number, spare }
    }
}

impl Cell {
    fn line(&self) -> String {
        let (Self::Label(text) | Self::Text(text)) = self;
        sanitize::line(text)
    }

    fn markdown(&self) -> String {
        match self {
            Self::Label(text) => sanitize::markdown_code(text, CELL_BYTES),
            Self::Text(text) => sanitize::markdown(text, CELL_BYTES),
        }
    }
}

impl Table {
    /// Drawn to at most `width` columns: where room is short with fewer columns, at last as lines.
    pub(super) fn drawn(&self, width: u16) -> Vec<String> {
        let mut table = self.clone();
        while table.narrowest() > width {
            let Some(at) = table.most_spare() else { return self.as_lines() };
            table.columns.remove(at);
            for row in &mut table.rows {
                row.remove(at);
            }
        }
        table.laid_out(UNDERLINED, Some(width))
    }

    /// Aligned by spaces, as wide as it takes.
    pub(super) fn aligned(&self) -> Vec<String> {
        self.laid_out(presets::NOTHING, None)
    }

    /// As Markdown: header, ruler, rows; every line with the same number of cells.
    pub(super) fn markdown(&self) -> Vec<String> {
        let titles = self.columns.iter().map(|column| sanitize::markdown(&column.title, CELL_BYTES));
        let rulers = self.columns.iter().map(|column| if column.kind == Kind::Number { "--:".into() } else { "---".into() });
        let mut lines = vec![markdown_row(titles), markdown_row(rulers)];
        lines.extend(self.rows.iter().map(|row| markdown_row(row.iter().map(Cell::markdown))));
        lines
    }

    /// The narrowest that it can be drawn without breaking anything but labels.
    fn narrowest(&self) -> u16 {
        let widths = self.built(presets::NOTHING).column_max_content_widths();
        let width = |(column, width): (&Column, u16)| GAP + if column.kind == Kind::Label { width.min(LABEL_WIDTH) } else { width };
        self.columns.iter().zip(widths).map(width).fold(0, u16::saturating_add).saturating_sub(GAP)
    }

    fn most_spare(&self) -> Option<usize> {
        let spare = self.columns.iter().enumerate().filter(|(_, column)| column.spare > 0);
        spare.max_by_key(|(_, column)| column.spare).map(|(at, _)| at)
    }

    /// Each row as its first texts, then the other figures with their titles beneath.
    fn as_lines(&self) -> Vec<String> {
        let Some(label_at) = self.columns.iter().position(|column| column.kind == Kind::Label) else { return self.aligned() };
        let mut lines = Vec::new();
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::line).collect();
            lines.push(cells[..=label_at].join("  "));
            let shown = self
                .columns
                .iter()
                .zip(&cells)
                .skip(label_at + 1)
                .filter(|(column, cell)| column.spare < 2 && !cell.is_empty() && *cell != figures::NONE);
            let titled = |(column, cell): (&Column, &String)| {
                if column.kind == Kind::Text { cell.clone() } else { format!("{} {cell}", column.title) }
            };
            lines.push(format!("    {}", shown.map(titled).collect::<Vec<_>>().join(", ")));
        }
        lines
    }

    fn laid_out(&self, style: TableStyle, width: Option<u16>) -> Vec<String> {
        let mut table = self.built(style);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            for (at, _) in self.columns.iter().enumerate().filter(|(_, column)| column.kind != Kind::Label) {
                table.column_mut(at).map(|column| column.set_constraint(ColumnConstraint::ContentWidth));
            }
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    fn built(&self, style: TableStyle) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        table.force_no_tty().load_style(style).set_header(self.columns.iter().map(|column| sanitize::line(&column.title)));
        table.add_rows(self.rows.iter().map(|row| row.iter().map(Cell::line).collect::<Vec<_>>()));
        for (at, column) in self.columns.iter().enumerate() {
            let gap = if at + 1 < self.columns.len() { GAP } else { 0 };
            let alignment = if column.kind == Kind::Number { CellAlignment::Right } else { CellAlignment::Left };
            if let Some(built) = table.column_mut(at) {
                built.set_padding((0, gap)).set_cell_alignment(alignment);
            }
        }
        table
    }
}

fn markdown_row(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(label: &str) -> Table {
        let columns = vec![Column::text("outcome", 0), Column::label("endpoint"), Column::number("now", 0), Column::number("requests", 2)];
        let texts = |label: &str, now: &str| {
            vec![Cell::Text("failed".into()), Cell::Label(label.into()), Cell::Text(now.into()), Cell::Text("12,000".into())]
        };
        Table { columns, rows: vec![texts(label, "142 ms"), texts("GET /a", "9.50 ms")] }
    }

    #[test]
    fn room_decides_between_all_columns_fewer_and_lines() {
        let table = table("POST /api/checkout");
        let shown = [80, 45, 20].map(|width| table.drawn(width).join("\n")).join("\n\n");
        insta::assert_snapshot!("table_by_width", shown);
    }

    #[test]
    fn a_long_label_wraps_and_leaves_the_figures_whole() {
        insta::assert_snapshot!(
            "table_long_label",
            table("GET /api/v1/customers/:customer/orders/:order/items/:item").drawn(60).join("\n")
        );
    }

    /// The cells of a line as GitHub splits it: at `|` without a backslash before it.
    fn cells(line: &str) -> usize {
        let mut characters = line.chars();
        let mut bars = 0;
        while let Some(character) = characters.next() {
            match character {
                '\\' => drop(characters.next()),
                '|' => bars += 1,
                _ => {}
            }
        }
        bars - 1
    }

    proptest! {
        #[test]
        fn markdown_columns_hold_for_any_label(label in any::<String>()) {
            for line in table(&label).markdown() {
                prop_assert_eq!(cells(&line), 4, "{}", line);
                prop_assert!(!line.contains('\n'));
            }
        }

        #[test]
        fn no_drawn_table_is_wider_than_asked(label in "[a-z/:_ ]{0,120}", width in 10_u16..200) {
            let drawn = table(&label).drawn(width);
            let lines = drawn.iter().any(|line| line.starts_with("    now"));
            prop_assert!(lines || drawn.iter().all(|line| line.chars().count() <= usize::from(width)), "{}", drawn.join("\n"));
        }
    }
}
