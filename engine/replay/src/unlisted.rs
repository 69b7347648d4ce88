//! Contents that a segment stores and none of its records lists: no record commits to them, and two traces that part in them are not the same.

use rederive_archive::{BlockBuffer, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::record::{Record, split_frames};

use crate::diff::{DiffFault, Difference, Side};

/// The lowest segment of which one of two traces stores such a content and the other does not.
///
/// # Errors
/// A trace that cannot be read.
pub(crate) fn lowest<A: ReadAt, B: ReadAt>(
    a: &TraceReader<A>,
    b: &TraceReader<B>,
) -> Result<Option<Difference>, DiffFault> {
    // One more: the open segment.
    for segment in 0..=a.segments().max(b.segments()) {
        let in_a = unlisted(a, segment).map_err(Side::First.at_fault())?;
        let in_b = unlisted(b, segment).map_err(Side::Second.at_fault())?;
        let found =
            [(true, &in_a, &in_b), (false, &in_b, &in_a)].into_iter().find_map(|(in_first, of, other)| {
                let commitment = *lacking(of, other)?;
                Some(Difference::Unlisted { segment, in_first, commitment })
            });
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The contents that a segment stores and none of its records lists, and those that it stores twice: ascending. None where there is no such
/// segment, and where one of its records lists nobody knows what.
fn unlisted<F: ReadAt>(reader: &TraceReader<F>, segment: u32) -> Result<Vec<Digest>, ReadFault> {
    let stored = stored(reader, segment)?;
    if stored.is_empty() {
        return Ok(stored);
    }
    let listed = listed(reader, segment)?;
    Ok(listed.map_or_else(Vec::new, |listed| {
        let stored = stored.chunk_by(|a, b| a == b).flat_map(|equal| {
            let first =
                usize::from(equal.first().is_some_and(|content| listed.binary_search(content).is_ok()));
            equal.get(first..).unwrap_or_default()
        });
        stored.copied().collect()
    }))
}

/// Commitments of the contents that a segment stores, ascending.
fn stored<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<Digest>, ReadFault> {
    let (mut stored, mut buffer) = (Vec::new(), BlockBuffer::new());
    let mut store = |commitment| {
        stored.push(commitment);
        Ok::<_, ReadFault>(())
    };
    if let Some(segment) = reader.segment(number) {
        for block in segment.content_blocks() {
            block.hash_each(&mut buffer, |content| store(content.commitment))?;
        }
    } else if let Some(open) = reader.open_segment().filter(|open| open.segment() == number) {
        (0..open.records())
            .try_for_each(|record| open.read_contents_of(record, |content| store(content.commitment)))?;
    }
    stored.sort_unstable();
    Ok(stored)
}

/// Commitments of the contents that the records of a segment list, ascending; none where one of them cannot be read.
fn listed<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Option<Vec<Digest>>, ReadFault> {
    let mut buffer = BlockBuffer::new();
    let segment = reader.segment(number);
    let frames = match &segment {
        Some(segment) => segment.frames(&mut buffer)?,
        None => reader.open_segment().map_or(&[] as &[u8], |open| open.frames()),
    };
    let mut listed = Vec::new();
    for frame in split_frames(frames) {
        let Ok(Ok((record, _))) = frame.map(Record::decode_frame) else { return Ok(None) };
        listed.extend(record.input.contents.iter().map(|entry| entry.commitment));
    }
    listed.sort_unstable();
    Ok(Some(listed))
}

/// The first of these that the others, which ascend as they do, have not as often.
fn lacking<'a>(of: &'a [Digest], other: &[Digest]) -> Option<&'a Digest> {
    let mut other = other.iter().peekable();
    of.iter().find(|content| {
        while other.next_if(|of_other| of_other < content).is_some() {}
        other.next_if_eq(content).is_none()
    })
}
