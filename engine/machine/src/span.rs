//! Where spans end.

use rederive_evidence::limits::{SPAN_BYTES_MIN, SPAN_STATE_FACTOR};

/// Finds the segments at which spans end: the first at which frame bytes since the last span's end exceed max(8 MiB, 4 × state bytes).
/// Spec: span-end.
#[derive(Clone, Copy, Debug, Default)]
pub struct SpanMeter {
    frame_bytes: u64,
}

impl SpanMeter {
    /// A meter at the start of a run or of a span.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a whole segment: bytes of its frames, and of the state's entries at its end. True where a span ends with it; the next span
    /// is then measured from zero.
    pub fn segment_ends(&mut self, frame_bytes: u64, state_bytes: u64) -> bool {
        self.frame_bytes = self.frame_bytes.saturating_add(frame_bytes);
        let ends = self.frame_bytes > SPAN_BYTES_MIN.max(state_bytes.saturating_mul(SPAN_STATE_FACTOR));
        if ends {
            self.frame_bytes = 0;
        }
        ends
    }
}
