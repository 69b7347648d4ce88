//! A sealed trace for a property to read: its records, calls and decisions.

use std::collections::BTreeMap;
use std::fmt;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::record::Record;

use crate::parts::{Parts, PartsFault};

/// A sealed trace, taken apart. No signature is checked: `rederive replay` does that.
#[derive(Clone)]
pub struct Trace {
    bytes: Vec<u8>,
    records: Vec<Record>,
    contents: BTreeMap<Digest, Vec<u8>>,
}

/// A call that a trace has.
#[derive(Clone, Copy, Debug)]
pub struct Proposed<'t> {
    /// Number of the record that proposes it.
    pub record: u64,
    /// The tool.
    pub tool: &'t Id,
    /// Its arguments; none: the trace does not hold them.
    pub arguments: Option<&'t [u8]>,
}

impl Trace {
    /// Takes a sealed trace apart: one that was played, or any other.
    ///
    /// # Errors
    /// It cannot be read, or has no seal.
    pub fn of(bytes: Vec<u8>) -> Result<Self, PartsFault> {
        let parts = Parts::of(&bytes)?;
        let records = parts.records()?;
        let stored = parts.segments.into_iter().flat_map(|part| part.contents);
        let contents = stored.map(|stored| (stored.commitment, stored.bytes)).collect();
        Ok(Self { bytes, records, contents })
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its records, in order: a record's number is its place here.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A content that a record lists, by its index; none: the trace does not hold it.
    pub fn content(&self, record: &Record, index: u16) -> Option<&[u8]> {
        self.committed(&record.input.contents.get(usize::from(index))?.commitment)
    }

    /// Its calls, as they were proposed.
    pub fn calls(&self) -> impl Iterator<Item = Proposed<'_>> {
        (0_u64..).zip(&self.records).filter_map(|(number, record)| {
            let Body::ToolProposed(body) = &record.input.body else { return None };
            let arguments = body.arguments.known().and_then(|content| self.content(record, content.0));
            Some(Proposed { record: number, tool: &body.tool, arguments })
        })
    }

    /// What was decided, with the numbers of the records. A run that was played has no decisions: nothing was enforced; one of a gate has.
    pub fn decisions(&self) -> impl Iterator<Item = (u64, &DecisionMade)> {
        (0_u64..).zip(&self.records).filter_map(|(number, record)| {
            let Body::DecisionMade(body) = &record.input.body else { return None };
            Some((number, &**body))
        })
    }

    pub(super) fn committed(&self, commitment: &Digest) -> Option<&[u8]> {
        self.contents.get(commitment).map(Vec::as_slice)
    }
}

impl fmt::Debug for Trace {
    /// How much there is of it: a failed assertion prints what holds a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace of {} records, {} bytes", self.records.len(), self.bytes.len())
    }
}

impl AsRef<[u8]> for Trace {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
