//! Standard input, line by line, each of a bounded length.

use std::io::{self, BufRead as _, BufReader, Read as _, Stdin};

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths;
use crate::problem::Problem;
use crate::text::without_mark;

/// The most bytes of a line: the largest content in base64, and room for the rest.
pub(super) const LINE_BYTES_MAX: u64 = 512 << 20;

/// A line that is not blank.
pub(super) struct Line {
    /// From 1; blank lines count.
    pub(super) number: u64,
    /// Its bytes without the line feed; none where there are too many.
    pub(super) text: Option<Vec<u8>>,
}

/// The lines of standard input.
pub(super) struct Lines {
    input: BufReader<Stdin>,
    number: u64,
}

impl Lines {
    pub(super) fn of_stdin() -> Self {
        Self { input: BufReader::with_capacity(64 << 10, io::stdin()), number: 0 }
    }

    /// The next line that is not blank.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Failed> {
        self.step().map_err(|error| {
            let title = format!("cannot read standard input: {}", paths::words(&error));
            Failed::new(paths::exit_of(&error).and(Exit::Usage), Problem::error(title))
        })
    }

    /// Whether bytes of the next line have come already. Where not, whoever writes them may be waiting for an answer.
    pub(super) fn has_more_at_hand(&self) -> bool {
        !self.input.buffer().is_empty()
    }

    fn step(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut text = Vec::new();
            let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            let number = self.number;
            if read as u64 == LINE_BYTES_MAX && !text.ends_with(b"\n") {
                let _ = self.input.skip_until(b'\n')?;
                return Ok(Some(Line { number, text: None }));
            }
            if number == 1 {
                let mark = text.len() - without_mark(&text).len();
                text.drain(..mark);
            }
            text.truncate(text.trim_ascii_end().len());
            if !text.is_empty() {
                return Ok(Some(Line { number, text: Some(text) }));
            }
        }
    }
}
