//! The first 64 bytes of a trace file and of an open log: magic, version and zeros. Spec: archive-file-header.

use crate::damage::Cause;
use crate::framing::{check_zeros, fill, take};

/// Bytes of the header, before the first block or entry.
pub(crate) const FILE_HEADER_BYTES: usize = 64;
/// The version of both files.
pub const FORMAT_VERSION: u16 = 1;
pub(crate) const TRACE_MAGIC: [u8; 8] = *b"REDERIVE";
pub(crate) const LOG_MAGIC: [u8; 8] = *b"RDT-OPEN";

/// What a file header says.
pub(crate) enum FileHeader {
    Ours,
    /// Another file begins with these bytes.
    Magic([u8; 8]),
    /// A version that we do not know.
    Version(u16),
    Broken(Cause),
}

pub(crate) fn encode(magic: [u8; 8]) -> [u8; FILE_HEADER_BYTES] {
    fill(magic.into_iter().chain(FORMAT_VERSION.to_le_bytes()))
}

pub(crate) fn decode(bytes: &[u8; FILE_HEADER_BYTES], magic: [u8; 8]) -> FileHeader {
    let mut rest = bytes.as_slice();
    let found = take(&mut rest);
    if found != magic {
        return FileHeader::Magic(found);
    }
    let version = u16::from_le_bytes(take(&mut rest));
    if version != FORMAT_VERSION {
        return FileHeader::Version(version);
    }
    match check_zeros(rest) {
        Ok(()) => FileHeader::Ours,
        Err(cause) => FileHeader::Broken(cause),
    }
}
