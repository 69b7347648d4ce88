//! Colours, where they are wanted.

use clap::ValueEnum;

/// When words are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl ColorChoice {
    /// Whether a stream is coloured. NO_COLOR (no-color.org) counts when it is not empty.
    pub(crate) fn is_on(self, is_terminal: bool) -> bool {
        let unwanted = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Auto => is_terminal && !unwanted() && !is_dumb(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// What a piece of text means; a colour follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Ordinary words.
    Plain,
    /// The heading of something.
    Strong,
    /// Of less weight.
    Faint,
    /// As it should be.
    Good,
    /// To be looked at.
    Notice,
    /// Wrong.
    Bad,
    /// A name or a number to be used again.
    Name,
}

impl Tone {
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\x1b[1m",
            Self::Faint => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Notice => "\x1b[33m",
            Self::Bad => "\x1b[1;31m",
            Self::Name => "\x1b[36m",
        }
    }
}

/// Colours text for one stream, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    pub(crate) const fn new(is_on: bool) -> Self {
        Self { is_on }
    }

    /// The text in this tone.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.is_on || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        format!("{}{text}\x1b[0m", tone.sequence())
    }
}
