//! Where a trace ends: the walk through its file and its open log, taken together.
//!
//! The log is replaced only once the segment that it was of is durable in the trace file. So while a log is of the
//! segment after the last closed one, or of the last closed one, whatever stands after is an append that never ended.
//! Without such a log an incomplete end is a loss. A log may also have a whole segment and the open one after it: then the
//! trace file may be without the first of the two. Spec: archive-end.

use rederive_evidence::ids::RunId;

use crate::block::{BlockKind, BlockPlace};
use crate::damage::{Cause, Damage, Part, Place};
use crate::fault::ReadFault;
use crate::framing::ALIGNMENT;
use crate::open_segment::{OpenSegment, TornTail};
use crate::resync::{self, Found};
use crate::storage::{ReadAt, StoreError, Stored};
use crate::walk::Walk;

/// How the trace file ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the seal.
    Sealed,
    /// After a closed segment, or before the first; the run was not sealed.
    Unsealed,
    /// In an append that never ended. The open log still has what was acknowledged: nothing is lost.
    Torn(TornTail),
    /// Inside a block or a segment, and no log has what is missing: the file was cut.
    Cut(TornTail),
}

/// What the log beside the trace is to it.
#[derive(Debug)]
pub(crate) enum LogRole<F> {
    Absent,
    /// It holds the open segment, and, where it has one, the closed segment before it that the trace file does not have.
    Open(Box<OpenSegment<F>>),
    /// Its segment is closed, or the run sealed.
    Leftover(Leftover),
}

/// A log that is no part of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leftover {
    pub(crate) run: RunId,
    pub(crate) segment: u32,
    pub(crate) records: usize,
    pub(crate) frames: Vec<u8>,
}

impl<F> OpenSegment<F> {
    fn left_over<T>(&self) -> LogRole<T> {
        LogRole::Leftover(Leftover {
            run: self.run,
            segment: self.segment,
            records: self.records(),
            frames: self.frames().to_vec(),
        })
    }
}

pub(crate) struct Settled<F> {
    pub(crate) walk: Walk,
    pub(crate) end: End,
    pub(crate) log: LogRole<F>,
}

pub(crate) fn settle<T: ReadAt, F: ReadAt>(
    file: &Stored<T>,
    walk: Walk,
    log: Option<Box<OpenSegment<F>>>,
) -> Result<Settled<F>, ReadFault> {
    let Some(log) = log else { return settle_alone(file, walk, LogRole::Absent) };
    let (closed, first) = (walk.closed(), log.first_segment());
    if first > closed {
        let ahead = Cause::LogAhead { log: first, closed };
        let place = Place { part: Part::LogHeader, segment: first, offset: 0 };
        let missing = Damage { place, cause: ahead };
        return Err(culprit(file, &walk)?.unwrap_or(missing).into());
    }
    if first == closed {
        return settle_beside_open(file, walk, log);
    }
    if log.segment.saturating_add(1) < closed {
        return settle_alone(file, walk, log.left_over());
    }
    settle_just_closed(file, walk, log)
}

/// The first segment of the log is the one after the last closed one.
fn settle_beside_open<T: ReadAt, F: ReadAt>(
    file: &Stored<T>,
    walk: Walk,
    log: Box<OpenSegment<F>>,
) -> Result<Settled<F>, ReadFault> {
    match torn_closing(file, &walk)? {
        None if walk.sealed => {
            let log = log.left_over();
            Ok(Settled { walk, end: End::Sealed, log })
        }
        None => Ok(Settled { walk, end: End::Unsealed, log: LogRole::Open(log) }),
        Some(cause) => Ok(torn(walk, cause, LogRole::Open(log))),
    }
}

/// The last closed segment is in the log too. Unless something follows that segment it may be a torn append itself, whole
/// to the eye: its blocks' headers reached the disk and other sectors did not.
fn settle_just_closed<T: ReadAt, F: ReadAt>(
    file: &Stored<T>,
    mut walk: Walk,
    mut log: Box<OpenSegment<F>>,
) -> Result<Settled<F>, ReadFault> {
    let is_open = log.segment == walk.closed();
    if walk.segments_end() == walk.length {
        let blocks = walk.segments.last().map(|range| walk.blocks_of(range)).unwrap_or_default();
        if let Some(damage) = first_broken(file, blocks)? {
            walk.drop_last_segment();
            log.drop_closed_before(walk.closed());
            return Ok(torn(walk, damage.cause, LogRole::Open(log)));
        }
    }
    if is_open {
        log.drop_closed_before(walk.closed());
        return settle_beside_open(file, walk, log);
    }
    let log = log.left_over();
    match torn_closing(file, &walk)? {
        None => {
            let end = if walk.sealed { End::Sealed } else { End::Unsealed };
            Ok(Settled { walk, end, log })
        }
        Some(cause) => Ok(torn(walk, cause, log)),
    }
}

/// No log says that anything may be torn.
fn settle_alone<T: ReadAt, F>(
    file: &Stored<T>,
    walk: Walk,
    log: LogRole<F>,
) -> Result<Settled<F>, ReadFault> {
    let Some(stop) = walk.stop else {
        let end = if walk.sealed { End::Sealed } else { End::Unsealed };
        return Ok(Settled { walk, end, log });
    };
    if !matches!(stop.cause, Cause::End { .. }) || is_followed(file, &walk, &stop)? {
        return Err(culprit(file, &walk)?.unwrap_or(stop).into());
    }
    if let Some(block) = walk.blocks.last()
        && let Err(damage) = block.check_stored(file)?
    {
        return Err(damage.into());
    }
    let cut = tail(&walk, stop.cause);
    let mut walk = walk;
    walk.drop_tail();
    Ok(Settled { walk, end: End::Cut(cut), log })
}

fn torn<F>(mut walk: Walk, cause: Cause, log: LogRole<F>) -> Settled<F> {
    let tail = tail(&walk, cause);
    walk.drop_tail();
    Settled { walk, end: End::Torn(tail), log }
}

/// All that stands after the last whole segment.
fn tail(walk: &Walk, cause: Cause) -> TornTail {
    let offset = walk.segments_end();
    let place = Place { part: Part::Block(None), segment: walk.closed(), offset };
    TornTail { place, bytes: walk.length - offset, cause }
}

/// Why what stands after the last whole segment is not the whole, intact end of a sealed trace.
fn torn_closing<F: ReadAt>(file: &Stored<F>, walk: &Walk) -> Result<Option<Cause>, StoreError> {
    if let Some(stop) = walk.stop {
        return Ok(Some(stop.cause));
    }
    Ok(first_broken(file, walk.blocks_of(&walk.closing))?.map(|damage| damage.cause))
}

fn first_broken<F: ReadAt>(file: &Stored<F>, blocks: &[BlockPlace]) -> Result<Option<Damage>, StoreError> {
    for block in blocks {
        if let Err(damage) = block.check_stored(file)? {
            return Ok(Some(damage));
        }
    }
    Ok(None)
}

/// The damage that stopped the walk: a wrong length shows only at the block after the one that has it.
fn culprit<F: ReadAt>(file: &Stored<F>, walk: &Walk) -> Result<Option<Damage>, StoreError> {
    let Some(stop) = walk.stop else { return Ok(None) };
    let before = walk.blocks.last().map(|block| block.check_stored(file)).transpose()?;
    match before {
        Some(Err(damage)) => Ok(Some(damage)),
        Some(Ok(())) | None => Ok(Some(stop)),
    }
}

/// Whether good blocks follow the place at which the walk stopped.
fn is_followed<F: ReadAt>(file: &Stored<F>, walk: &Walk, stop: &Damage) -> Result<bool, StoreError> {
    let from = stop.place.offset + ALIGNMENT;
    let found = resync::find_good(file, from, walk.length, |offset, framing| {
        BlockKind::from_code(framing.kind).is_some() && BlockPlace::new(offset, framing).is_ok()
    })?;
    match found {
        Found::Nothing => Ok(false),
        Found::Good { .. } | Found::Unclear => Ok(true),
    }
}
