//! The last block of a sealed trace: where index and seal are, for who reads from the end. Spec: archive-trailer.

use crate::framing::{fill, take};

/// Bytes of the payload: with its framing the trailer takes 64.
pub(crate) const TRAILER_BYTES: usize = 32;
const MAGIC: [u8; 8] = *b"RDT-SEAL";

/// Offsets of blocks in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// 0 where there is no index: no block begins there.
    pub(crate) index: u64,
    pub(crate) seal: u64,
}

impl Trailer {
    /// Magic, offset of the index, offset of the seal, zeros.
    pub(crate) fn encode(self) -> [u8; TRAILER_BYTES] {
        fill([MAGIC, self.index.to_le_bytes(), self.seal.to_le_bytes()].into_iter().flatten())
    }

    /// `None` for anything that [`Self::encode`] does not give.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let _magic: [u8; 8] = take(&mut rest);
        let trailer =
            Self { index: u64::from_le_bytes(take(&mut rest)), seal: u64::from_le_bytes(take(&mut rest)) };
        (trailer.encode().as_slice() == bytes).then_some(trailer)
    }
}
