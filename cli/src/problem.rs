//! The printed form of everything that is wrong: what, where, what was expected and found, and what to do next.

use crate::style::{Paint, Tone};
use crate::text::one_line;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// What was asked did not come about, or evidence does not hold.
    Error,
    /// It did, and yet the user should know.
    Warning,
}

/// Something wrong, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    weight: Weight,
    title: String,
    rows: Vec<(&'static str, String)>,
    hints: Vec<String>,
}

impl Problem {
    /// An error. The title is one sentence without a full stop.
    pub(crate) fn error(title: impl Into<String>) -> Self {
        Self { weight: Weight::Error, title: title.into(), rows: Vec::new(), hints: Vec::new() }
    }

    /// A warning.
    pub(crate) fn warning(title: impl Into<String>) -> Self {
        Self { weight: Weight::Warning, ..Self::error(title) }
    }

    /// Adds a named line: a place, a value.
    pub(crate) fn row(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.rows.push((name, value.into()));
        self
    }

    /// Adds what the user can do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The lines of the problem. Values may hold foreign text: it is neutralised here.
    pub(crate) fn lines(&self, paint: Paint) -> Vec<String> {
        let (word, tone) = match self.weight {
            Weight::Error => ("error", Tone::Bad),
            Weight::Warning => ("warning", Tone::Notice),
        };
        let title = one_line(&self.title);
        let mut lines = vec![format!("{}: {}", paint.paint(tone, word), paint.paint(Tone::Strong, &title))];
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.rows {
            let name = format!("{name:width$}");
            lines.push(format!("  {}  {}", paint.paint(Tone::Faint, &name), one_line(value)));
        }
        for hint in &self.hints {
            lines.push(format!("{}: {}", paint.paint(Tone::Name, "hint"), one_line(hint)));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_place_values_and_next_step() {
        let problem = Problem::error("record 812 does not reproduce")
            .row("segment", "demo.rdt segment 3, byte 48211")
            .row("recorded", "state checksum 9f2c41d0")
            .hint("`rederive diff demo.rdt --at 812` shows the first field that differs");
        let expected = "error: record 812 does not reproduce
  segment   demo.rdt segment 3, byte 48211
  recorded  state checksum 9f2c41d0
hint: `rederive diff demo.rdt --at 812` shows the first field that differs";
        assert_eq!(problem.lines(Paint::new(false)).join("\n"), expected);
    }

    #[test]
    fn foreign_text_in_a_problem_cannot_steer_the_terminal() {
        let problem = Problem::error("x\x1b[2J").row("recorded", "a\nerror: b\x07");
        let text = problem.lines(Paint::new(false)).join("\n");
        assert!(!text.contains(['\x1b', '\x07']));
        assert_eq!(text.lines().count(), 2);
    }
}
