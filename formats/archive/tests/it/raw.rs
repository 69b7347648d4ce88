//! Blocks and entries built from the text of the specification alone, for files that no writer makes.

pub(crate) const PLAIN: u8 = 0;
pub(crate) const ZSTD: u8 = 1;
pub(crate) const FRAMES: u8 = 1;
pub(crate) const CONTENTS: u8 = 2;
pub(crate) const LINEAGE: u8 = 3;
pub(crate) const SNAPSHOT: u8 = 4;
pub(crate) const HEADER: u8 = 5;
pub(crate) const INDEX: u8 = 6;
pub(crate) const SEAL: u8 = 7;
pub(crate) const TRAILER: u8 = 8;
pub(crate) const OPENING: u8 = 17;
pub(crate) const CONTENT: u8 = 18;
pub(crate) const RECORD: u8 = 19;
pub(crate) const HEAD: u8 = 20;
pub(crate) const CLOSING: u8 = 21;

pub(crate) fn file_header(magic: &[u8; 8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend_from_slice(&1u16.to_le_bytes());
    bytes.resize(64, 0);
    bytes
}

/// CRC-64/NVME, bit by bit.
pub(crate) fn crc(bytes: &[u8]) -> u64 {
    let bit = |crc: u64| (crc >> 1) ^ if crc & 1 == 1 { 0x9a6c_9329_ac4b_c9b5 } else { 0 };
    !bytes.iter().fold(u64::MAX, |crc, byte| (0..8).fold(crc ^ u64::from(*byte), |crc, _| bit(crc)))
}

/// Framed bytes: stored length and check word follow from the payload, `detail` is the unpacked length or the commit.
pub(crate) fn framed(kind: u8, codec: u8, segment: u32, detail: u64, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, codec, 0, 0];
    bytes.extend_from_slice(&segment.to_le_bytes());
    bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&detail.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(payload);
    let check = crc(&bytes);
    bytes[24..32].copy_from_slice(&check.to_le_bytes());
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes
}

pub(crate) fn plain(kind: u8, segment: u32, payload: &[u8]) -> Vec<u8> {
    framed(kind, PLAIN, segment, payload.len() as u64, payload)
}

pub(crate) fn content(commitment: [u8; 32], salt: [u8; 32], length: u64, bytes: &[u8]) -> Vec<u8> {
    [&commitment[..], &salt, &length.to_le_bytes(), bytes].concat()
}

pub(crate) fn trailer(index: u64, seal: u64) -> Vec<u8> {
    [b"RDT-SEAL".as_slice(), &index.to_le_bytes(), &seal.to_le_bytes(), &[0; 8]].concat()
}

/// A sealed trace of one segment, its blocks in place of the usual ones.
pub(crate) fn trace(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = file_header(b"REDERIVE");
    blocks.iter().for_each(|block| bytes.extend_from_slice(block));
    bytes
}

/// Seals a trace of this many segments that has no index.
pub(crate) fn sealed(mut bytes: Vec<u8>, segments: u32) -> Vec<u8> {
    let seal_at = bytes.len() as u64;
    bytes.extend(plain(SEAL, segments, b"signed seal"));
    bytes.extend(plain(TRAILER, segments, &trailer(0, seal_at)));
    bytes
}
