//! The 32 bytes before every block of the trace file and every entry of the open log, and the padding after them.
//!
//! | bytes | |
//! | --- | --- |
//! | 0 | kind |
//! | 1 | codec |
//! | 2..4 | zero |
//! | 4..8 | segment |
//! | 8..16 | stored length of the payload |
//! | 16..24 | in a block the unpacked length, in an entry the number of its commit |
//! | 24..32 | check word |
//!
//! Spec: archive-block.

use crate::check_word::{CheckWord, Checker};
use crate::damage::Cause;
use crate::storage::{ReadAt, StoreError, Stored};

/// Blocks and entries begin at multiples of this.
pub(crate) const ALIGNMENT: u64 = 64;
/// Bytes before the payload.
pub(crate) const FRAMING_BYTES: usize = 32;
/// Those of them before the check word, which it covers.
pub(crate) const COVERED_BYTES: usize = 24;
/// Bytes read at a time where a whole payload need not be held.
const CHUNK_BYTES: usize = 16 << 10;

/// The fields as they stand, none checked but the zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Framing {
    pub(crate) kind: u8,
    pub(crate) codec: u8,
    pub(crate) segment: u32,
    pub(crate) stored: u64,
    /// The unpacked length, or the commit.
    pub(crate) detail: u64,
    pub(crate) check: CheckWord,
}

impl Framing {
    pub(crate) fn decode(bytes: &[u8; FRAMING_BYTES]) -> Result<Self, Cause> {
        let mut rest = bytes.as_slice();
        let [kind, codec, 0, 0] = take(&mut rest) else { return Err(Cause::Reserved) };
        Ok(Self {
            kind,
            codec,
            segment: u32::from_le_bytes(take(&mut rest)),
            stored: u64::from_le_bytes(take(&mut rest)),
            detail: u64::from_le_bytes(take(&mut rest)),
            check: CheckWord(take(&mut rest)),
        })
    }

    fn covered(&self) -> [u8; COVERED_BYTES] {
        let bytes = [self.kind, self.codec, 0, 0].into_iter().chain(self.segment.to_le_bytes());
        fill(bytes.chain(self.stored.to_le_bytes()).chain(self.detail.to_le_bytes()))
    }

    /// Begins a check word: it takes the payload from here on.
    fn checker(&self) -> Checker {
        Checker::new(&self.covered())
    }

    /// Bytes from the start of the framing to the start of what follows; where no file has so many, `u64::MAX`.
    pub(crate) fn extent(&self) -> u64 {
        extent(self.stored)
    }
}

/// Bytes that a payload takes with the framing before it and the padding after it.
pub(crate) fn extent(payload_bytes: u64) -> u64 {
    let bytes = (FRAMING_BYTES as u64).saturating_add(payload_bytes);
    bytes.checked_next_multiple_of(ALIGNMENT).unwrap_or(u64::MAX)
}

/// Appends framing, payload and padding. The caller keeps to the limits and begins at a multiple of 64.
pub(crate) fn append(out: &mut Vec<u8>, kind: u8, codec: u8, segment: u32, detail: u64, payload: &[&[u8]]) {
    let stored = payload.iter().map(|part| part.len() as u64).sum();
    let framing = Framing { kind, codec, segment, stored, detail, check: CheckWord([0; 8]) };
    let mut checker = framing.checker();
    payload.iter().for_each(|part| checker.update(part));
    out.extend_from_slice(&framing.covered());
    out.extend_from_slice(&checker.word().0);
    payload.iter().for_each(|part| out.extend_from_slice(part));
    pad(out);
}

/// Appends zeros up to the next multiple of 64.
pub(crate) fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(64), 0);
}

/// The payload in `bytes`, which begin with the framing and have its extent, once check word and padding are found
/// to hold. `offset` is where the bytes lie in their file.
pub(crate) fn checked_payload<'b>(
    framing: &Framing,
    bytes: &'b [u8],
    offset: u64,
) -> Result<&'b [u8], Cause> {
    let after = bytes.get(FRAMING_BYTES..).unwrap_or_default();
    let split = usize::try_from(framing.stored).ok().and_then(|stored| after.split_at_checked(stored));
    let Some((payload, padding)) = split else {
        return Err(Cause::End { needed: framing.extent(), available: bytes.len() as u64 });
    };
    let mut checker = framing.checker();
    checker.update(payload);
    check_ending(framing, &checker, padding, offset)?;
    Ok(payload)
}

fn check_ending(framing: &Framing, checker: &Checker, padding: &[u8], offset: u64) -> Result<(), Cause> {
    let derived = checker.word();
    if derived != framing.check {
        return Err(Cause::Check { recorded: framing.check, derived });
    }
    match padding.iter().position(|byte| *byte != 0) {
        Some(at) => Err(Cause::Padding { at: offset + FRAMING_BYTES as u64 + framing.stored + at as u64 }),
        None => Ok(()),
    }
}

/// Checks check word and padding of the framed bytes at `offset`, which end within the file, in little memory.
pub(crate) fn check_stored<F: ReadAt>(
    file: &Stored<F>,
    offset: u64,
    framing: &Framing,
) -> Result<Result<(), Cause>, StoreError> {
    let mut chunk = [0; CHUNK_BYTES];
    let mut checker = framing.checker();
    let mut at = offset + FRAMING_BYTES as u64;
    let payload_end = at + framing.stored;
    while at < payload_end {
        let part = front(&mut chunk, payload_end - at);
        file.read_exact_at(part, at)?;
        checker.update(part);
        at += part.len() as u64;
    }
    let padding = front(&mut chunk, offset + framing.extent() - payload_end);
    file.read_exact_at(padding, payload_end)?;
    Ok(check_ending(framing, &checker, padding, offset))
}

/// The first `bytes` of the chunk, or all of it.
fn front(chunk: &mut [u8], bytes: u64) -> &mut [u8] {
    let length = usize::try_from(bytes).map_or(chunk.len(), |bytes| bytes.min(chunk.len()));
    chunk.get_mut(..length).unwrap_or_default()
}

/// Takes `N` bytes from the front; zeros where there are fewer, which callers with arrays of fixed length never meet.
pub(crate) fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    match bytes.split_first_chunk() {
        Some((first, rest)) => {
            *bytes = rest;
            *first
        }
        None => [0; N],
    }
}

/// An array of the given bytes, and zeros after them.
pub(crate) fn fill<const N: usize>(mut bytes: impl Iterator<Item = u8>) -> [u8; N] {
    std::array::from_fn(|_| bytes.next().unwrap_or(0))
}

/// Checks that all of `bytes` are zero.
pub(crate) fn check_zeros(bytes: &[u8]) -> Result<(), Cause> {
    if bytes.iter().any(|byte| *byte != 0) { Err(Cause::Reserved) } else { Ok(()) }
}
