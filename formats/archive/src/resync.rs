//! Are there good blocks or entries after bad bytes? Then the bytes were damaged; a write that never ended has none.

use crate::framing::{self, ALIGNMENT, FRAMING_BYTES, Framing};
use crate::storage::{ReadAt, StoreError, Stored};

/// Candidates are looked for in steps of 64 bytes; a window is this many bytes.
const WINDOW_BYTES: usize = 64 << 10;
/// Bytes that are read for candidates beyond the length of the tail itself: bytes made to look like many long entries
/// do not keep us for ever.
const EFFORT_BYTES_MIN: u64 = 64 << 20;

/// What stands after bad bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing that verifies.
    Nothing,
    /// Something that verifies.
    Good {
        /// Offset of the first.
        first: u64,
        /// The highest commit (of entries) or unpacked length (of blocks) among all.
        detail_max: u64,
    },
    /// Too much looks as if it might. Who cannot tell takes it for damage.
    Unclear,
}

/// Looks from `from` on, which is a multiple of 64, for framed bytes that are plausible and verify.
pub(crate) fn find_good<F: ReadAt>(
    file: &Stored<F>,
    from: u64,
    length: u64,
    plausible: impl Fn(u64, &Framing) -> bool,
) -> Result<Found, StoreError> {
    let mut effort = EFFORT_BYTES_MIN.max(length.saturating_sub(from));
    let mut window = vec![0; WINDOW_BYTES];
    let mut found = Found::Nothing;
    let mut start = from;
    while start < length {
        let size = usize::try_from(length - start).map_or(WINDOW_BYTES, |rest| rest.min(WINDOW_BYTES));
        let bytes = window.get_mut(..size).unwrap_or_default();
        file.read_exact_at(bytes, start)?;
        let mut offset = start;
        for unit in bytes.chunks(ALIGNMENT as usize) {
            let framing = unit.first_chunk::<FRAMING_BYTES>().and_then(|header| Framing::decode(header).ok());
            let framing =
                framing.filter(|framing| fits(framing, offset, length) && plausible(offset, framing));
            if let Some(framing) = framing {
                match effort.checked_sub(framing.extent()) {
                    Some(rest) => effort = rest,
                    None => return Ok(Found::Unclear),
                }
                if framing::check_stored(file, offset, &framing)?.is_ok() {
                    found = found.and(offset, framing.detail);
                }
            }
            offset += ALIGNMENT;
        }
        start += WINDOW_BYTES as u64;
    }
    Ok(found)
}

fn fits(framing: &Framing, offset: u64, length: u64) -> bool {
    framing.extent() <= length.saturating_sub(offset)
}

impl Found {
    fn and(self, offset: u64, detail: u64) -> Self {
        match self {
            Self::Nothing | Self::Unclear => Self::Good { first: offset, detail_max: detail },
            Self::Good { first, detail_max } => Self::Good { first, detail_max: detail_max.max(detail) },
        }
    }
}
