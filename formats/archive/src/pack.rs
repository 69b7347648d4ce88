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
        // With room for the worst case the bytes depend on the payload alone: with less, zstd packs otherwise.
        self.packed.reserve(zstd_safe::compress_bound(payload.len()));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that pack a little: so few that a smaller room for them would change how they are packed.
    fn nearly_incompressible(seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(800)
        .collect();
        bytes.extend_from_within(..40);
        bytes
    }

    #[test]
    fn packed_bytes_depend_on_the_payload_alone() {
        let mut used = Packer::new(3);
        used.pack(&[1; 100_000]).unwrap();
        for seed in 0..200 {
            let payload = nearly_incompressible(seed);
            let fresh = Packer::new(3).pack(&payload).map(<[u8]>::to_vec);
            assert_eq!(used.pack(&payload).map(<[u8]>::to_vec), fresh);
        }
    }

    #[test]
    fn what_gets_no_smaller_stays_plain() {
        let mut packer = Packer::new(3);
        assert_eq!(packer.pack(&nearly_incompressible(1)[..700]), None);
        assert_eq!(packer.pack(&[]), None);
        let packed = packer.pack(&[7; 100]).unwrap().to_vec();
        let mut unpacked = Vec::new();
        Unpacker::default().unpack(&packed, 100, &mut unpacked).unwrap();
        assert_eq!(unpacked, [7; 100]);
    }
}
