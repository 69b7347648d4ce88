//! The records of a trace, one after the other, without judging them.

use rederive_archive::{BlockBuffer, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::cbor::DecodeError;
use rederive_evidence::record::{Record, frame_length};

/// A frame of a trace and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameAt {
    /// Segment number; the open segment's is one more than the last closed one's.
    pub segment: u32,
    /// Offset in the segment's frames.
    pub byte: u64,
    /// The frame.
    pub bytes: Vec<u8>,
}

impl FrameAt {
    /// The record in it.
    ///
    /// # Errors
    /// Why there is none that this version can read.
    pub fn record(&self) -> Result<Record, DecodeError> {
        Record::decode_frame(&self.bytes).map(|(record, _)| record)
    }
}

/// Reads a trace's frames in order. Memory: one segment. Nothing is verified: `replay` does that.
pub struct Records<'r, F> {
    reader: &'r TraceReader<F>,
    segment: u32,
    frames: Vec<u8>,
    at: usize,
    is_read: bool,
}

/// Why the next frame cannot be given. Nothing comes after it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordsFault {
    /// The segment cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The bytes at this place are no frame.
    #[error("segment {segment}, byte {byte}: {error}")]
    Frame {
        /// The segment.
        segment: u32,
        /// Offset in its frames.
        byte: u64,
        /// Why.
        error: DecodeError,
    },
    /// The segment stores contents that none of its records lists: more than are looked through. Spec: archive-limits.
    #[error("segment {segment} stores more contents than its records can list")]
    Overfull {
        /// The segment.
        segment: u32,
    },
}

impl<'r, F: ReadAt> Records<'r, F> {
    /// The frames from the first of `segment` on.
    pub const fn from_segment(reader: &'r TraceReader<F>, segment: u32) -> Self {
        Self { reader, segment, frames: Vec::new(), at: 0, is_read: false }
    }

    fn read_segment(&mut self) -> Result<bool, ReadFault> {
        self.frames.clear();
        self.at = 0;
        self.is_read = true;
        if let Some(segment) = self.reader.segment(self.segment) {
            self.frames.extend_from_slice(segment.frames(&mut BlockBuffer::new())?);
            return Ok(true);
        }
        let open = self.reader.open_segment().filter(|open| open.segment() == self.segment);
        self.frames.extend_from_slice(open.map_or(&[], |open| open.frames()));
        Ok(open.is_some())
    }

    fn step(&mut self) -> Result<Option<FrameAt>, RecordsFault> {
        while self.at == self.frames.len() {
            if self.is_read {
                self.segment += 1;
            }
            if !self.read_segment()? {
                return Ok(None);
            }
        }
        let rest = self.frames.get(self.at..).unwrap_or_default();
        let (segment, byte) = (self.segment, self.at as u64);
        let length = frame_length(rest).map_err(|error| RecordsFault::Frame { segment, byte, error })?;
        self.at += length;
        Ok(Some(FrameAt { segment, byte, bytes: rest.get(..length).unwrap_or_default().to_vec() }))
    }
}

impl<F: ReadAt> Iterator for Records<'_, F> {
    type Item = Result<FrameAt, RecordsFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let step = self.step();
        if step.is_err() {
            // A segment number that no trace has: the iterator ends.
            self.segment = u32::MAX - 1;
            self.frames.clear();
            self.at = 0;
            self.is_read = true;
        }
        step.transpose()
    }
}
