//! zstd, one block at a time: no dictionary, and never more bytes out than were allowed.

use std::cell::RefCell;
use std::io::Read;
use std::ops::Range;

use zstd::bulk::{Compressor, Decompressor};
use zstd::stream::read::Decoder;
use zstd::zstd_safe;

use crate::damage::Cause;
use crate::limits::{LONG_BYTES, LONG_WINDOW_LOG};

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

thread_local! {
    /// Each thread's own: it takes longer to make than a small trace takes to unpack.
    static DECOMPRESSOR: RefCell<Decompressor<'static>> = RefCell::default();
}

/// Unpacks a payload into `out`, whose bytes are replaced. `unpacked` is what the block header states, checked against its
/// limit before.
pub(crate) fn unpack(stored: &[u8], unpacked: usize, out: &mut Vec<u8>) -> Result<(), Cause> {
    let fault = Cause::Unpack { expected: unpacked as u64 };
    check_frame(stored, unpacked as u64)?;
    out.clear();
    out.reserve_exact(unpacked);
    let written = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.decompress_to_buffer(stored, out))
        .map_err(|_| fault)?;
    if written == unpacked { Ok(()) } else { Err(fault) }
}

/// Checks that this is one frame that states its size: nothing is allocated for bytes that would not come, and none follow unseen.
fn check_frame(stored: &[u8], unpacked: u64) -> Result<(), Cause> {
    let stated = zstd_safe::get_frame_content_size(stored).ok().flatten();
    let is_one =
        stated == Some(unpacked) && zstd_safe::find_frame_compressed_size(stored) == Ok(stored.len());
    let looks_back = if unpacked > LONG_BYTES { window_bytes(stored, unpacked) } else { Some(0) };
    let is_near = looks_back.is_some_and(|bytes| bytes <= 1 << LONG_WINDOW_LOG);
    if is_one && is_near { Ok(()) } else { Err(Cause::Unpack { expected: unpacked }) }
}

/// How far a frame looks back, in bytes (RFC 8878, 3.1.1.1).
fn window_bytes(frame: &[u8], unpacked: u64) -> Option<u64> {
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let (descriptor, window) = (frame.get(4)?, frame.get(5)?);
    if descriptor & SINGLE_SEGMENT != 0 {
        return Some(unpacked);
    }
    let base = 1_u64 << (10 + (window >> 3));
    Some(base + base / 8 * u64::from(window & 7))
}

/// Bytes of a payload that are unpacked at a time.
const STEP_BYTES: usize = 128 << 10;

/// Unpacks a payload in steps, so that what cannot be right is found before the rest of it is there.
pub(crate) struct Steps<'s> {
    decoder: Decoder<'static, &'s [u8]>,
    step: Vec<u8>,
    /// Bytes of the step at hand that nobody took yet.
    untaken: Range<usize>,
    unpacked: u64,
    /// Bytes that are to come after the step at hand.
    to_come: u64,
}

impl<'s> Steps<'s> {
    /// Before the first step. `unpacked` is what the block header states, checked against its limit before.
    pub(crate) fn new(stored: &'s [u8], unpacked: u64) -> Result<Self, Cause> {
        check_frame(stored, unpacked)?;
        let fault = |_| Cause::Unpack { expected: unpacked };
        let mut decoder = Decoder::with_buffer(stored).map_err(fault)?.single_frame();
        decoder.window_log_max(LONG_WINDOW_LOG).map_err(fault)?;
        Ok(Self { decoder, step: vec![0; STEP_BYTES], untaken: 0..0, unpacked, to_come: unpacked })
    }

    /// The next bytes, at least one of so many at most: none after the last.
    pub(crate) fn take(&mut self, most: u64) -> Result<&[u8], Cause> {
        let fault = Cause::Unpack { expected: self.unpacked };
        if self.untaken.is_empty() {
            let read = self.decoder.read(&mut self.step).map_err(|_| fault)?;
            self.to_come = self.to_come.checked_sub(read as u64).ok_or(fault)?;
            if read == 0 && self.to_come > 0 {
                return Err(fault);
            }
            self.untaken = 0..read;
        }
        let most = usize::try_from(most).map_or(self.untaken.len(), |most| most.min(self.untaken.len()));
        let taken = self.untaken.start..self.untaken.start + most;
        self.untaken.start = taken.end;
        self.step.get(taken).ok_or(fault)
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
        unpack(&packed, 100, &mut unpacked).unwrap();
        assert_eq!(unpacked, [7; 100]);
    }

    #[test]
    fn steps_give_what_unpacking_at_once_gives() {
        for bytes in [1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 1 << 20, (8 << 20) + 1, 20 << 20] {
            let payload: Vec<u8> = nearly_incompressible(1).into_iter().cycle().take(bytes).collect();
            let packed = zstd::bulk::compress(&payload, 3).unwrap();
            let mut steps = Steps::new(&packed, bytes as u64).unwrap();
            let mut joined = Vec::new();
            loop {
                match steps.take(100_000).unwrap() {
                    [] => break,
                    step => joined.extend_from_slice(step),
                }
            }
            assert!(joined == payload, "{bytes}");
        }
    }

    #[test]
    fn a_long_payload_may_not_look_back_far() {
        let payload = vec![7; 16 << 20];
        let packed = |window: u32| {
            let mut compressor = Compressor::new(3).unwrap();
            compressor.set_parameter(zstd_safe::CParameter::WindowLog(window)).unwrap();
            compressor.compress(&payload).unwrap()
        };
        for (window, is_near) in [(20, true), (23, true), (24, false)] {
            let (packed, unpacked) = (packed(window), payload.len());
            let mut out = Vec::new();
            let at_once = unpack(&packed, unpacked, &mut out);
            assert_eq!(at_once.is_ok(), is_near, "{window}");
            assert_eq!(Steps::new(&packed, unpacked as u64).map(drop), at_once, "{window}");
        }
    }
}
