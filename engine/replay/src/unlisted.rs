//! Contents that a segment stores and none of its records lists, or not first: no record commits to them there, and two traces that part in them are not the same.

use rederive_archive::limits::segment_contents_max;
use rederive_archive::{BlockBuffer, HashedContent, Segment, TraceReader, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::record::{Record, split_frames};

use crate::diff::{Alone, Comparison, DiffFault, Difference, Side};
use crate::records::RecordsFault;

/// A content as it is stored: its commitment, and the one that its salt and bytes give.
type Stored = (Digest, Digest);

/// Where a content is stored: its commitment, and the segment.
type Stands = (Digest, u32);

/// What the contents of two traces say that their records do not.
pub(crate) struct Compared {
    /// The lowest segment of which one trace stores such a content, or one that is not that of its commitment, and the other does not; then the
    /// lowest of which one stores a content that the other stores in other segments.
    pub(crate) difference: Option<Difference>,
    /// Of two traces of one run, the contents that only one of them has.
    pub(crate) alone: Alone,
}

/// Compares the contents that two traces store. Those of so many segments from the first are known to be those of their commitments: they are not
/// hashed again. Of two runs nothing is looked at behind the first difference.
///
/// # Errors
/// A trace that cannot be read.
pub(crate) fn compare<A: ReadAt, B: ReadAt>(
    a: &TraceReader<A>,
    b: &TraceReader<B>,
    genuine_segments: u32,
    comparison: Comparison,
) -> Result<Compared, DiffFault> {
    let (mut stand_in_a, mut stand_in_b) = (Vec::new(), Vec::new());
    let mut difference = None;
    // One more: the open segment.
    for segment in 0..=a.segments().max(b.segments()) {
        let is_genuine = segment < genuine_segments;
        let in_a = unlisted(a, segment, is_genuine, &mut stand_in_a).map_err(Side::First.at_fault())?;
        let in_b = unlisted(b, segment, is_genuine, &mut stand_in_b).map_err(Side::Second.at_fault())?;
        difference = difference.or_else(|| {
            [(true, &in_a, &in_b), (false, &in_b, &in_a)].into_iter().find_map(|(in_first, of, other)| {
                let (commitment, _) = *lacking(of, other)?;
                Some(Difference::Unlisted { segment, in_first, commitment })
            })
        });
        if difference.is_some() && comparison == Comparison::Acts {
            break;
        }
    }
    for stand in [&mut stand_in_a, &mut stand_in_b] {
        stand.sort_unstable();
        stand.dedup();
    }
    let only_in_a: Vec<Stands> = only(&stand_in_a, &stand_in_b).collect();
    let only_in_b: Vec<Stands> = only(&stand_in_b, &stand_in_a).collect();
    let alone = Alone { in_first: only_in_a.len() as u64, in_second: only_in_b.len() as u64 };
    let moved = || {
        let sides = [(true, &only_in_a, &stand_in_b), (false, &only_in_b, &stand_in_a)];
        let moved = sides.into_iter().filter_map(|(in_first, only, other)| {
            let (commitment, segment) = elsewhere(only, other)?;
            Some((segment, Difference::Unlisted { segment, in_first, commitment }))
        });
        moved.max_by_key(|(segment, _)| *segment).map(|(_, found)| found)
    };
    Ok(Compared { difference: difference.or_else(moved), alone })
}

/// What of these does not stand where the others do; both ascend.
fn only(of: &[Stands], other: &[Stands]) -> impl Iterator<Item = Stands> {
    of.iter().filter(|stands| other.binary_search(stands).is_err()).copied()
}

/// The lowest of these segments in which a content stands that the other trace has elsewhere. What that one has nowhere is redacted.
fn elsewhere(only: &[Stands], other: &[Stands]) -> Option<Stands> {
    let has = |commitment: &Digest| {
        let at = other.partition_point(|(before, _)| before < commitment);
        other.get(at).is_some_and(|(found, _)| found == commitment)
    };
    only.iter().filter(|(commitment, _)| has(commitment)).min_by_key(|(_, segment)| *segment).copied()
}

/// Calls `each` with the contents that a closed segment stores, hashed.
///
/// # Errors
/// Bytes that cannot be read, and more contents than the segment's records can list: no more are read. Spec: archive-limits.
pub(crate) fn each_stored<F: ReadAt>(
    reader: &TraceReader<F>,
    number: u32,
    mut each: impl FnMut(&HashedContent),
) -> Result<(), RecordsFault> {
    let Some(segment) = reader.segment(number) else { return Ok(()) };
    let mut buffer = BlockBuffer::new();
    let mut room = Room::of(&segment, &mut buffer)?;
    for block in segment.content_blocks() {
        block.hash_each(&mut buffer, |content| {
            each(&content);
            room.take()
        })?;
    }
    Ok(())
}

/// Calls `each` with the commitments that stand with the contents which a closed segment stores.
///
/// # Errors
/// As of [`each_stored`].
pub(crate) fn each_commitment<F: ReadAt>(
    reader: &TraceReader<F>,
    number: u32,
    mut each: impl FnMut(Digest),
) -> Result<(), RecordsFault> {
    let Some(segment) = reader.segment(number) else { return Ok(()) };
    let mut buffer = BlockBuffer::new();
    let mut room = Room::of(&segment, &mut buffer)?;
    for block in segment.content_blocks() {
        block.each_commitment(&mut buffer, |commitment| {
            each(commitment);
            room.take()
        })?;
    }
    Ok(())
}

/// How many more contents of a segment are read.
struct Room {
    segment: u32,
    left: usize,
}

impl Room {
    fn of<F: ReadAt>(segment: &Segment<'_, F>, buffer: &mut BlockBuffer) -> Result<Self, RecordsFault> {
        let left = segment_contents_max(segment.frames(buffer)?.len());
        Ok(Self { segment: segment.number(), left })
    }

    fn take(&mut self) -> Result<(), RecordsFault> {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 { Err(RecordsFault::Overfull { segment: self.segment }) } else { Ok(()) }
    }
}

/// Of the contents that a segment stores, those that none of its records that can be read lists, those that it stores twice, and those that are not what
/// their commitments say: ascending. Where contents stand is added to `stand`.
fn unlisted<F: ReadAt>(
    reader: &TraceReader<F>,
    segment: u32,
    is_genuine: bool,
    stand: &mut Vec<Stands>,
) -> Result<Vec<Stored>, RecordsFault> {
    let stored = if is_genuine { stored_genuine(reader, segment) } else { stored(reader, segment) }?;
    if stored.is_empty() {
        return Ok(stored);
    }
    stand.extend(stored.iter().map(|(commitment, _)| (*commitment, segment)));
    let listed = listed(reader, segment)?;
    let is_listed =
        |(commitment, derived): &Stored| commitment == derived && listed.binary_search(commitment).is_ok();
    let unlisted = stored
        .chunk_by(|(a, _), (b, _)| a == b)
        .flat_map(|equal| equal.get(usize::from(equal.first().is_some_and(is_listed))..).unwrap_or_default());
    Ok(unlisted.copied().collect())
}

/// The contents that a closed segment stores, ascending, where each is known to be that of its commitment.
fn stored_genuine<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<Stored>, RecordsFault> {
    let mut stored = Vec::new();
    each_commitment(reader, number, |commitment| stored.push((commitment, commitment)))?;
    stored.sort_unstable();
    Ok(stored)
}

/// The contents that a segment stores, ascending. None where there is no such segment.
fn stored<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<Stored>, RecordsFault> {
    let mut stored = Vec::new();
    each_stored(reader, number, |content| stored.push((content.commitment, content.derived)))?;
    if let Some(open) = reader.open_segment().filter(|open| open.segment() == number) {
        for record in 0..open.records() {
            open.read_contents_of::<RecordsFault>(record, |content| {
                let content = content.hashed();
                stored.push((content.commitment, content.derived));
                Ok(())
            })?;
        }
    }
    stored.sort_unstable();
    Ok(stored)
}

/// Commitments of the contents that those records of a segment list which can be read, ascending.
fn listed<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<Digest>, RecordsFault> {
    let mut buffer = BlockBuffer::new();
    let segment = reader.segment(number);
    let frames = match &segment {
        Some(segment) => segment.frames(&mut buffer)?,
        None => reader.open_segment().map_or(&[] as &[u8], |open| open.frames()),
    };
    let mut listed = Vec::new();
    for frame in split_frames(frames) {
        let Ok(Ok((record, _))) = frame.map(Record::decode_frame) else { continue };
        listed.extend(record.input.contents.iter().map(|entry| entry.commitment));
    }
    listed.sort_unstable();
    Ok(listed)
}

/// The first of these that the others, which ascend as they do, have not as often.
fn lacking<'a>(of: &'a [Stored], other: &[Stored]) -> Option<&'a Stored> {
    let mut other = other.iter().peekable();
    of.iter().find(|content| {
        while other.next_if(|of_other| of_other < content).is_some() {}
        other.next_if_eq(content).is_none()
    })
}
