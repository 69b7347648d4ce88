//! Tables in Markdown.

/// A table with a first column of words and further ones of figures.
pub(crate) struct Table<const COLUMNS: usize> {
    rows: Vec<[String; COLUMNS]>,
}

impl<const COLUMNS: usize> Table<COLUMNS> {
    pub(crate) fn new(head: [&str; COLUMNS]) -> Self {
        let rule = std::array::from_fn(|column| if column == 0 { "---" } else { "---:" }.to_owned());
        Self { rows: vec![head.map(str::to_owned), rule] }
    }

    pub(crate) fn row(&mut self, cells: [String; COLUMNS]) {
        self.rows.push(cells);
    }

    /// Prints the table and an empty line.
    pub(crate) fn print(&self) {
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!();
    }
}
