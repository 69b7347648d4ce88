//! zstd, one block at a time: no dictionary, and never more bytes out than were allowed.

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe;

use crate::damage::Cause;

/// Packs payloads at one level.
pub(crate) struct Packer {
    level: i32,
    /// Made at the first use: small traces often have nothing to pack.
    compressor: Option<Compressor<'static>>,
    packed: Vec<u8>,
}

impl Packer {
    pub(crate) const fn new(level: i32) -> Self {
        Self { level, compressor: None, packed: Vec::new() }
    }

    /// The packed bytes, where there are fewer than of the payload.
    pub(crate) fn pack(&mut self, payload: &[u8]) -> Option<&[u8]> {
        let compressor = match &mut self.compressor {
            Some(compressor) => compressor,
            None => self.compressor.insert(Compressor::new(self.level).ok()?),
        };
        self.packed.clear();
        // One byte short of the payload: what does not get smaller does not fit, and stays plain.
        self.packed.reserve_exact(payload.len().saturating_sub(1));
        compressor.compress_to_buffer(payload, &mut self.packed).ok()?;
        (self.packed.len() < payload.len()).then_some(self.packed.as_slice())
    }
}

/// Unpacks payloads.
#[derive(Default)]
pub(crate) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    /// Unpacks into `out`, whose bytes are replaced. `unpacked` is what the block header states, checked against its
    /// limit before.
    pub(crate) fn unpack(&mut self, stored: &[u8], unpacked: usize, out: &mut Vec<u8>) -> Result<(), Cause> {
        let fault = Cause::Unpack { expected: unpacked as u64 };
        // One frame that states its size: nothing is allocated for bytes that would not come, and none follow unseen.
        let stated = zstd_safe::get_frame_content_size(stored).ok().flatten();
        if stated != Some(unpacked as u64)
            || zstd_safe::find_frame_compressed_size(stored) != Ok(stored.len())
        {
            return Err(fault);
        }
        out.clear();
        out.reserve_exact(unpacked);
        let written = self.0.get_or_insert_default().decompress_to_buffer(stored, out).map_err(|_| fault)?;
        if written == unpacked { Ok(()) } else { Err(fault) }
    }
}
