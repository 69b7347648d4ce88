//! Standard output and error: the only place that writes to either.

use std::io::{self, BufWriter, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::exit::Exit;
use crate::paths::words;
use crate::problem::Problem;
use crate::style::{ColorChoice, Paint};
use crate::text::{json, one_line};

/// Width taken where the terminal does not tell one.
const WIDTH_DEFAULT: usize = 100;

/// The two streams, and how they are written to.
pub(crate) struct Terminal {
    out: BufWriter<io::Stdout>,
    /// Why standard output takes nothing more.
    lost: Option<io::Error>,
    paint_out: Paint,
    paint_err: Paint,
    is_quiet: bool,
    width: usize,
}

impl Terminal {
    /// The process's streams.
    pub(crate) fn new(color: ColorChoice, is_quiet: bool) -> Self {
        let (out, err) = (io::stdout(), io::stderr());
        let width = if out.is_terminal() {
            terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
        } else {
            None
        };
        Self {
            lost: None,
            paint_out: Paint::new(color.is_on(out.is_terminal())),
            paint_err: Paint::new(color.is_on(err.is_terminal())),
            out: BufWriter::with_capacity(64 << 10, out),
            is_quiet,
            width: width.unwrap_or(WIDTH_DEFAULT),
        }
    }

    /// Colours for standard output.
    pub(crate) const fn paint(&self) -> Paint {
        self.paint_out
    }

    /// Characters in a line of standard output.
    pub(crate) const fn width(&self) -> usize {
        self.width
    }

    /// Whether nothing but what is wrong is to be told.
    pub(crate) const fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Writes a line to standard output. Where the reader has gone, it is dropped: the exit status still tells the answer.
    pub(crate) fn line(&mut self, text: &str) {
        self.write(text.as_bytes());
        self.write(b"\n");
    }

    /// Writes a line to standard output unless the user wants quiet.
    pub(crate) fn tell(&mut self, text: &str) {
        if !self.is_quiet {
            self.line(text);
        }
    }

    /// Writes bytes to standard output.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.lost.is_none()
            && let Err(error) = self.out.write_all(bytes)
        {
            self.lost = Some(error);
        }
    }

    /// Writes one JSON value and a line feed to standard output.
    pub(crate) fn json(&mut self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => {
                self.json_text(&text);
                self.write(b"\n");
            }
            Err(error) => self.lost = self.lost.take().or(Some(error.into())),
        }
    }

    /// Writes text that is JSON, or a part of it, to standard output. It may hold foreign text: it is neutralised here.
    pub(crate) fn json_text(&mut self, text: &str) {
        self.write(json(text).as_bytes());
    }

    /// Whether standard output is still read by somebody.
    pub(crate) const fn is_read(&self) -> bool {
        self.lost.is_none()
    }

    /// Sends what was written on its way.
    pub(crate) fn flush(&mut self) {
        if self.lost.is_none()
            && let Err(error) = self.out.flush()
        {
            self.lost = Some(error);
        }
    }

    /// Writes a problem of the evidence, which is part of the answer, to standard output.
    pub(crate) fn report(&mut self, problem: &Problem) {
        for line in problem.lines(self.paint_out) {
            self.line(&line);
        }
    }

    /// Writes a problem of the task to standard error.
    pub(crate) fn complain(&mut self, problem: &Problem) {
        self.flush();
        let text = problem.lines(self.paint_err).join("\n");
        // Nobody is left to tell where standard error is closed.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Writes a warning to standard error, unless the user wants quiet.
    pub(crate) fn caution(&mut self, warning: &Problem) {
        if !self.is_quiet {
            self.complain(warning);
        }
    }

    /// Writes a remark to standard error, unless the user wants quiet. It may hold foreign text, names of files above all: it is neutralised here.
    pub(crate) fn remark(&mut self, text: &str) {
        if !self.is_quiet {
            self.flush();
            let _ = writeln!(io::stderr(), "{}", one_line(text));
        }
    }

    /// Ends the output. A reader that went away is no error; anything else that was lost is.
    pub(crate) fn finish(mut self, exit: Exit) -> Exit {
        self.flush();
        match self.lost.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.complain(&Problem::error(format!("cannot write to standard output: {}", words(&error))));
                exit.and(Exit::Internal)
            }
            Some(_) | None => exit,
        }
    }
}
