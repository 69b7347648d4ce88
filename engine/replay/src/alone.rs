//! Contents that one of two traces of a run stores and the other does not, as after a redaction.

use rederive_archive::TraceReader;
use rederive_archive::storage::ReadAt;
use rederive_evidence::digest::Digest;
use serde::Serialize;

use crate::diff::{DiffFault, Side};
use crate::records::RecordsFault;
use crate::unlisted::each_commitment;

/// How many contents only one of two traces of a run has. There is nothing in the other to compare them with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alone {
    /// In the first.
    pub in_first: u64,
    /// In the second.
    pub in_second: u64,
}

/// Counts them, each commitment of a segment once.
///
/// # Errors
/// A trace that cannot be read.
pub(crate) fn count<A: ReadAt, B: ReadAt>(
    a: &TraceReader<A>,
    b: &TraceReader<B>,
) -> Result<Alone, DiffFault> {
    let mut alone = Alone::default();
    // One more: the open segment.
    for segment in 0..=a.segments().max(b.segments()) {
        let in_a = commitments(a, segment).map_err(Side::First.at_fault())?;
        let in_b = commitments(b, segment).map_err(Side::Second.at_fault())?;
        alone.in_first += lacking(&in_a, &in_b);
        alone.in_second += lacking(&in_b, &in_a);
    }
    Ok(alone)
}

/// The commitments of what a segment stores, ascending. None where there is no such segment.
fn commitments<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<Digest>, RecordsFault> {
    let mut stored = Vec::new();
    each_commitment(reader, number, |commitment| stored.push(commitment))?;
    if let Some(open) = reader.open_segment().filter(|open| open.segment() == number) {
        for record in 0..open.records() {
            open.read_contents_of::<RecordsFault>(record, |content| {
                stored.push(content.commitment);
                Ok(())
            })?;
        }
    }
    stored.sort_unstable();
    stored.dedup();
    Ok(stored)
}

/// How many of these are not among the others; both ascend.
fn lacking(of: &[Digest], others: &[Digest]) -> u64 {
    of.iter().filter(|commitment| others.binary_search(commitment).is_err()).count() as u64
}
