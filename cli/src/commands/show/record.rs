//! One record in full, and where it stands.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::record::Record;

use super::Shown;
use crate::args::Failed;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::bytes;
use crate::trace;
use crate::words::record::{print_contents, print_head, print_parts};

impl Shown<'_> {
    pub(super) fn record(&mut self, number: u64, terminal: &mut Terminal) -> Result<(), Failed> {
        let Some((frame, record)) = trace::record(self.trace, &self.show.file, number)? else {
            return Err(self.missing(number));
        };
        if self.show.json {
            let view = self.view(&record)?;
            terminal.json(&view);
            return Ok(());
        }
        let length = bytes(frame.bytes.len() as u64);
        let place = format!("segment {}, byte {} of its frames, {length}", frame.segment, frame.byte);
        let leaf = digest(Purpose::Leaf, &frame.bytes).to_hex();
        let rows = vec![("stands in".to_owned(), place), ("leaf".to_owned(), leaf)];
        print_head(&record, rows, terminal);
        print_parts(&record, terminal);
        if !record.input.contents.is_empty() {
            terminal.line(&terminal.paint().paint(Tone::Strong, "contents"));
        }
        self.print_contents(&record, terminal)
    }

    /// The contents that a record lists, with what they say.
    pub(super) fn print_contents(&mut self, record: &Record, terminal: &mut Terminal) -> Result<(), Failed> {
        let is_whole = self.show.content;
        print_contents(record, |entry| self.content(entry), is_whole, terminal)
    }
}
