//! A trace, copied: packed otherwise, or with contents left out. What is signed stays as it is, byte for byte.
//!
//! Redaction is a copy without some contents: neither their bytes nor their salts are in the new file, packed or not,
//! and no hash changes, because records hold commitments. Spec: archive-redaction.

use std::collections::BTreeSet;
use std::path::Path;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RunId;

use crate::block::BlockBuffer;
use crate::contents::ContentsLayout;
use crate::damage::Damage;
use crate::fault::{Misuse, TransferFault};
use crate::open_segment::OpenSegment;
use crate::reader::{Hint, TraceReader};
use crate::recovery::frame_units;
use crate::segment::Segment;
use crate::settle::End;
use crate::storage::{ReadAt, Storage};
use crate::writer::{Durability, Options, Packing, SegmentParts, TraceWriter};

/// How a trace is copied.
#[derive(Clone, Copy, Debug)]
pub struct Copying<'a> {
    /// Commitments of the contents that the copy is not to hold.
    pub leave_out: &'a BTreeSet<Digest>,
    /// What is packed in the copy.
    pub packing: Packing,
}

/// What a copy holds and does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Bytes of the new file.
    pub bytes: u64,
    /// The contents that the source held and the copy does not. Those asked for that are not among them were not there.
    pub left_out: BTreeSet<Digest>,
    /// Hints of the source that are not in the copy, because they were not what they should be.
    pub hints_dropped: Vec<Damage>,
}

/// Copies the trace that `source` reads to `path`, where no trace is yet. The index is made anew; lineage and snapshots,
/// which are derived from records and never from contents, are kept.
///
/// `frame_bytes` tells the length of the frame that bytes begin with; where it fails the copy has no index.
/// Spec: redaction.
///
/// # Errors
/// An open segment with records, or a cut tail: their copy would hide that they were there. What cannot be read. A trace
/// at `path`; the store.
pub fn copy<F: ReadAt, S: Storage>(
    source: &TraceReader<F>,
    storage: S,
    path: &Path,
    copying: Copying<'_>,
    frame_bytes: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Copied, TransferFault> {
    check_copyable(source)?;
    let options = Options { durability: Durability::OnSeal, packing: copying.packing };
    // The run's number is for the open log, which a copy does not have.
    let mut writer = TraceWriter::create(storage, path, RunId([0; 16]), options)?;
    let mut copy =
        Copy { writer: &mut writer, copying, left_out: BTreeSet::new(), hints_dropped: Vec::new() };
    let copied = copy.run(source, frame_bytes);
    if copied.is_err() {
        // The fault that stopped the copy is the one to tell; without the removal a half file stays under another name.
        let _ = writer.abandon();
    }
    copied
}

fn check_copyable<F: ReadAt>(source: &TraceReader<F>) -> Result<(), TransferFault> {
    if source.open_segment().map_or(0, OpenSegment::records) > 0 {
        return Err(Misuse::SegmentOpen.into());
    }
    match source.end() {
        End::Sealed | End::Unsealed | End::Torn(_) => Ok(()),
        End::Cut(_) => Err(Misuse::Cut.into()),
    }
}

struct Copy<'a, S: Storage> {
    writer: &'a mut TraceWriter<S>,
    copying: Copying<'a>,
    left_out: BTreeSet<Digest>,
    hints_dropped: Vec<Damage>,
}

impl<S: Storage> Copy<'_, S> {
    fn run<F: ReadAt>(
        &mut self,
        source: &TraceReader<F>,
        frame_bytes: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<Copied, TransferFault> {
        let mut buffer = BlockBuffer::new();
        for number in 0..source.segments() {
            if let Some(segment) = source.segment(number) {
                self.segment(&segment, &mut buffer, &frame_bytes)?;
            }
        }
        let sealed = match source.seal()? {
            Some(seal) => self.writer.seal(&seal)?,
            None => self.writer.finish_unsealed()?,
        };
        let left_out = std::mem::take(&mut self.left_out);
        let hints_dropped = std::mem::take(&mut self.hints_dropped);
        Ok(Copied { bytes: sealed.bytes, left_out, hints_dropped })
    }

    fn segment<F: ReadAt>(
        &mut self,
        segment: &Segment<'_, F>,
        buffer: &mut BlockBuffer,
        frame_bytes: impl Fn(&[u8]) -> Option<usize>,
    ) -> Result<(), TransferFault> {
        let contents = self.contents(segment, buffer)?;
        let lineage = self.usable(segment.lineage(buffer)?);
        let snapshot = self.usable(segment.snapshot(buffer)?);
        let header = segment.header()?;
        let frames = segment.frames(buffer)?;
        let units = frame_units(frames, frame_bytes);
        if units.is_none() {
            self.writer.index = None;
        }
        let parts = SegmentParts {
            number: segment.number(),
            frames,
            contents: &contents.payloads,
            lineage: lineage.as_deref(),
            snapshot: snapshot.as_ref().map(crate::snapshot::Snapshot::payload),
            header: &header,
        };
        Ok(self.writer.write_segment(&parts, &units.unwrap_or_default(), &contents)?)
    }

    /// The contents of the segment but for those to leave out.
    fn contents<F: ReadAt>(
        &mut self,
        segment: &Segment<'_, F>,
        buffer: &mut BlockBuffer,
    ) -> Result<ContentsLayout, TransferFault> {
        let mut kept = ContentsLayout::default();
        for block in segment.content_blocks() {
            for content in block.contents(buffer)? {
                let content = content.map_err(crate::fault::ReadFault::from)?;
                if self.copying.leave_out.contains(&content.commitment) {
                    self.left_out.insert(content.commitment);
                } else {
                    kept.push(&content);
                }
            }
        }
        Ok(kept)
    }

    fn usable<T>(&mut self, hint: Hint<T>) -> Option<T> {
        if let Hint::Ignored(damage) = hint {
            self.hints_dropped.push(damage);
            return None;
        }
        hint.usable()
    }
}
