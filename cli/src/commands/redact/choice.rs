//! Which contents are to be removed.

use std::path::Path;

use rederive_archive::BlockBuffer;
use rederive_evidence::record::Record;

use super::escapes::{contains, readings};
use super::{Commitments, Listed, Which};
use crate::args::Failed;
use crate::problem::Problem;
use crate::trace::{self, Trace};
use crate::words::faults;

/// What was chosen, and what the records say of it.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    pub(super) leave_out: Commitments,
    pub(super) listed: Listed,
    /// The texts looked for.
    pub(super) sought: Vec<Sought>,
    /// Contents that the trace holds.
    held: Commitments,
}

impl Chosen {
    /// Whether none of it is in the trace.
    pub(super) fn is_nothing(&self) -> bool {
        self.leave_out.is_disjoint(&self.held)
    }

    /// Whether bytes of a content have a text that is looked for; which of them is noted.
    fn has_sought(&mut self, bytes: &[u8]) -> bool {
        let mut has = false;
        if self.sought.is_empty() {
            return has;
        }
        for reading in readings(bytes) {
            for sought in self.sought.iter_mut().filter(|sought| contains(&reading, sought.text.as_bytes())) {
                sought.is_in_content = true;
                has = true;
            }
        }
        has
    }
}

/// Looks through a trace for what is to be removed.
pub(super) struct Finding<'a> {
    pub(super) which: &'a Which,
    pub(super) path: &'a Path,
}

/// A text that is looked for, and where it was met.
#[derive(Debug)]
pub(super) struct Sought {
    pub(super) text: String,
    /// Whether a content has it.
    pub(super) is_in_content: bool,
    /// The records whose bodies have it, which cannot be redacted.
    pub(super) in_bodies: Vec<u64>,
}

impl Sought {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), is_in_content: false, in_bodies: Vec::new() }
    }
}

impl Finding<'_> {
    /// Chooses what to leave out.
    ///
    /// # Errors
    /// An empty text; a record that the trace does not have; what cannot be read.
    pub(super) fn choose(&self, trace: &Trace) -> Result<Chosen, Failed> {
        if self.which.find.iter().any(String::is_empty) {
            return Err(Failed::usage(
                Problem::error("--find needs a text").hint("--all removes every content"),
            ));
        }
        let mut chosen =
            Chosen { leave_out: self.which.commitments.iter().copied().collect(), ..Chosen::default() };
        chosen.sought = self.which.find.iter().map(|text| Sought::new(text)).collect();
        self.search_contents(trace, &mut chosen)?;
        let records = self.search_records(trace, &mut chosen)?;
        if let Some(number) = self.which.records.iter().find(|number| **number >= records) {
            return Err(trace::no_record(self.path, *number, records.saturating_sub(1)));
        }
        Ok(chosen)
    }

    fn search_contents(&self, trace: &Trace, chosen: &mut Chosen) -> Result<(), Failed> {
        let mut buffer = BlockBuffer::new();
        for segment in (0..trace.segments()).map_while(|number| trace.segment(number)) {
            for block in segment.content_blocks() {
                let contents =
                    block.contents(&mut buffer).map_err(|fault| faults::reading(self.path, &fault))?;
                for content in contents {
                    let content = content.map_err(|fault| faults::reading(self.path, &fault.into()))?;
                    chosen.held.insert(content.commitment);
                    if chosen.has_sought(content.bytes) || self.which.all {
                        chosen.leave_out.insert(content.commitment);
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes what the records list; returns how many there are.
    fn search_records(&self, trace: &Trace, chosen: &mut Chosen) -> Result<u64, Failed> {
        let mut records = 0;
        for record in trace::records(trace, self.path) {
            let record = record?;
            self.note(&record, chosen);
            records += 1;
        }
        Ok(records)
    }

    fn note(&self, record: &Record, chosen: &mut Chosen) {
        let number = record.input.sequence;
        let is_named = self.which.records.contains(&number);
        for entry in &record.input.contents {
            let (_, listing) = chosen.listed.entry(entry.commitment).or_insert_with(|| (*entry, Vec::new()));
            if listing.last() != Some(&number) {
                listing.push(number);
            }
            if is_named {
                let _: bool = chosen.leave_out.insert(entry.commitment);
            }
        }
        if chosen.sought.is_empty() {
            return;
        }
        let body = serde_json::to_vec(&record.input.body).unwrap_or_default();
        let said: Vec<_> = readings(&body).chain(readings(record.input.actor.as_str().as_bytes())).collect();
        for sought in &mut chosen.sought {
            if said.iter().any(|reading| contains(reading, sought.text.as_bytes())) {
                sought.in_bodies.push(number);
            }
        }
    }
}
