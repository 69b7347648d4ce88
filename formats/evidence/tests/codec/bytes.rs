//! Bytes of records, and how a test changes them.

use ciborium::Value;
use proptest::prelude::*;
use proptest::sample::Index;
use rederive_evidence::cbor::{DecodeError, Decoder, Encoder};
use rederive_evidence::record::Record;

/// Canonical bytes of a record.
pub(crate) fn encoded(record: &Record) -> Vec<u8> {
    let mut e = Encoder::new();
    record.encode(&mut e);
    e.into_bytes()
}

/// The record that exactly these bytes hold.
pub(crate) fn decoded(bytes: &[u8]) -> Result<Record, DecodeError> {
    let mut d = Decoder::new(bytes);
    let record = Record::decode(&mut d)?;
    d.finish()?;
    Ok(record)
}

/// The one item that these bytes hold, read over without knowing what it is.
pub(crate) fn skipped(bytes: &[u8]) -> Result<(), DecodeError> {
    let mut d = Decoder::new(bytes);
    d.skip()?;
    d.finish()
}

/// The bytes as another CBOR library reads them.
pub(crate) fn tree(bytes: &[u8]) -> Value {
    ciborium::from_reader(bytes).expect("well-formed CBOR")
}

/// The bytes that another CBOR library writes.
pub(crate) fn written(tree: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(tree, &mut bytes).expect("a vector takes every byte");
    bytes
}

/// The number that stands in a tree.
pub(crate) fn number(value: &Value) -> u64 {
    u64::try_from(value.as_integer().expect("an integer")).expect("an unsigned integer")
}

/// The value at a key of a map.
pub(crate) fn member(map: &mut Value, key: u64) -> &mut Value {
    let entries = map.as_map_mut().expect("a map");
    let found = entries.iter_mut().find(|(known, _)| number(known) == key);
    &mut found.unwrap_or_else(|| panic!("key {key}")).1
}

/// One change of a byte string.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    Repeat(Index, Index),
}

impl Edit {
    /// Makes the change.
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        if len == 0 {
            return;
        }
        match self {
            Self::Flip(at, mask) => bytes[at.index(len)] ^= mask,
            Self::Insert(at, byte) => bytes.insert(at.index(len + 1), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(len))),
            Self::Cut(at) => bytes.truncate(at.index(len)),
            Self::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                let piece = bytes[from.min(to)..from.max(to)].to_vec();
                bytes.splice(from.min(to)..from.min(to), piece);
            }
        }
    }
}

/// A few changes; most of them single flipped bytes, which stay decodable most often.
pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (any::<Index>(), 1_u8..).prop_map(|(at, mask)| Edit::Flip(at, mask)),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        1 => any::<Index>().prop_map(Edit::Remove),
        1 => any::<Index>().prop_map(Edit::Cut),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ];
    prop::collection::vec(edit, 1..4)
}
