//! The progress bar: on a terminal's standard error alone.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::terminal::Terminal;

/// How far a long task has come.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over `length` of `unit`, hidden where nobody sees it or the user wants quiet.
    pub(crate) fn new(terminal: &Terminal, length: u64, unit: &'static str) -> Self {
        let is_shown = std::io::stderr().is_terminal() && !terminal.is_quiet();
        let target =
            if is_shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let template = format!("{{bar:30}} {{human_pos}} of {{human_len}} {unit}  {{eta}} left  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// `by` more is done.
    pub(crate) fn advance(&self, by: u64) {
        self.0.inc(by);
    }

    /// `by` more is to be done.
    pub(crate) fn extend(&self, by: u64) {
        self.0.inc_length(by);
    }

    /// `by` less is to be done than was thought.
    pub(crate) fn reduce(&self, by: u64) {
        self.0.dec_length(by);
    }

    /// What is done besides, behind the bar; nothing: the task itself.
    pub(crate) fn say(&self, what: &'static str) {
        self.0.set_message(what);
    }

    /// Takes the bar away while something else is written.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
