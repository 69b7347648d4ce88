//! Deterministic CBOR: the only byte form evidence has (RFC 8949 section 4.2.1).
//!
//! The subset is unsigned integers, byte and text strings, arrays, maps keyed by unsigned integers in ascending
//! order, `true`, `false` and `null`; heads in their shortest form; lengths definite; nesting at most
//! [`DEPTH_MAX`]. The encoder can write nothing else and the decoder refuses everything else, so accepted bytes
//! re-encode to themselves. Spec: cbor-subset.

use crate::fault_codes;
use crate::limits::{DEPTH_MAX, FRAME_BYTES_MAX};
use crate::schema::Field;

/// The types a data item can have in the subset, as named in faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// Major type 0.
    Unsigned,
    /// Major type 2.
    Bytes,
    /// Major type 3.
    Text,
    /// Major type 4.
    Array,
    /// Major type 5.
    Map,
    /// Simple values 20 and 21.
    Bool,
    /// Simple value 22: a value that the source does not know.
    Null,
}

impl Item {
    /// The first byte of a head with value 0, of a type whose heads have values.
    const fn first_byte(self) -> Option<u8> {
        match self {
            Self::Unsigned => Some(0x00),
            Self::Bytes => Some(0x40),
            Self::Text => Some(0x60),
            Self::Array => Some(0x80),
            Self::Map => Some(0xa0),
            Self::Bool | Self::Null => None,
        }
    }
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "an unsigned integer",
            Self::Bytes => "a byte string",
            Self::Text => "a text string",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::Bool => "true or false",
            Self::Null => "null",
        })
    }
}

/// Why bytes are not an item of the subset, or not the item that was expected. Codes are in SPEC.md, "Codes".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeFault {
    /// The bytes end inside an item.
    #[error("the bytes end inside an item")]
    Truncated,
    /// Bytes follow the last item.
    #[error("bytes follow the item")]
    Trailing,
    /// A head is longer than its value needs.
    #[error("a head is not in its shortest form")]
    LongForm,
    /// An indefinite length, or the break that ends one.
    #[error("a length is indefinite")]
    Indefinite,
    /// A negative integer.
    #[error("an integer is negative")]
    Negative,
    /// A tagged item.
    #[error("an item is tagged")]
    Tagged,
    /// A float.
    #[error("an item is a float")]
    Float,
    /// A simple value other than true, false and null, or a reserved head.
    #[error("a simple value or a reserved head is used")]
    Simple,
    /// Another type than the field has.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What the field holds.
        expected: Item,
        /// What stands there.
        found: Item,
    },
    /// A text string that is not UTF-8.
    #[error("a text string is not UTF-8")]
    Utf8,
    /// Map keys that do not ascend.
    #[error("map key {key} follows key {previous}: keys ascend")]
    KeyOrder {
        /// The key that stands too late.
        key: u64,
        /// The key before it.
        previous: u64,
    },
    /// The same map key twice.
    #[error("map key {key} stands twice")]
    KeyRepeated {
        /// The key.
        key: u64,
    },
    /// A key that this map does not have.
    #[error("map key {key} is not known here")]
    KeyUnknown {
        /// The key.
        key: u64,
    },
    /// A required key is not there.
    #[error("map key {key} is missing")]
    KeyMissing {
        /// The key.
        key: u64,
    },
    /// A length or number above its limit.
    #[error("{found} is above the limit of {limit}")]
    Limit {
        /// The largest value allowed.
        limit: u64,
        /// What stands there.
        found: u64,
    },
    /// A byte string of another length than the field has.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// The field's length.
        expected: u64,
        /// The length found.
        found: u64,
    },
    /// A number that names no value of a closed registry.
    #[error("{found} names no value of {registry}")]
    Registry {
        /// The registry, as SPEC.md names it.
        registry: &'static str,
        /// What stands there.
        found: u64,
    },
    /// A record kind that this version does not know. The record may be sound; what follows it cannot be derived.
    #[error("record kind {code} is not known to this version")]
    UnknownKind {
        /// The kind's code.
        code: u64,
    },
    /// An identifier with a character outside its alphabet, or an empty one.
    #[error("an identifier is empty or has a character outside its alphabet")]
    Identifier,
    /// Items nested more deeply than allowed.
    #[error("items are nested more than {DEPTH_MAX} deep")]
    Depth,
    /// Ranges that do not ascend, overlap or touch.
    #[error("ranges must ascend and not touch")]
    Ranges,
    /// A content index without an entry in the record's content list.
    #[error("content {index} is not in the record's list of {listed}")]
    ContentIndex {
        /// The index used.
        index: u64,
        /// The number of contents listed.
        listed: u64,
    },
    /// Padding that is not the fewest zero bytes.
    #[error("a frame's padding is not the fewest zero bytes to a multiple of 64")]
    Padding,
    /// A record that runs on beyond the largest frame.
    #[error("a record runs on beyond {FRAME_BYTES_MAX} bytes")]
    FrameLength,
}

fault_codes! { DecodeFault {
    Self::Truncated => "C-TRUNCATED" "the bytes end inside an item",
    Self::Trailing => "C-TRAILING" "bytes follow the last item",
    Self::LongForm => "C-LONG-FORM" "a head is not in its shortest form",
    Self::Indefinite => "C-INDEFINITE" "a length is indefinite",
    Self::Negative => "C-NEGATIVE" "an integer is negative",
    Self::Tagged => "C-TAGGED" "an item is tagged",
    Self::Float => "C-FLOAT" "an item is a float",
    Self::Simple => "C-SIMPLE" "a simple value other than true, false and null, or a reserved head",
    Self::Type { .. } => "C-TYPE" "another type than the field has",
    Self::Utf8 => "C-UTF8" "a text string is not UTF-8",
    Self::KeyOrder { .. } => "C-KEY-ORDER" "map keys do not ascend",
    Self::KeyRepeated { .. } => "C-KEY-REPEATED" "a map key stands twice",
    Self::KeyUnknown { .. } => "C-KEY-UNKNOWN" "the map does not have this key",
    Self::KeyMissing { .. } => "C-KEY-MISSING" "a required key is not there",
    Self::Limit { .. } => "C-LIMIT" "a length or number is above its limit",
    Self::Length { .. } => "C-LENGTH" "a byte string has another length than the field",
    Self::Registry { .. } => "C-REGISTRY" "a number names no value of a closed registry",
    Self::UnknownKind { .. } => "C-UNKNOWN-KIND" "a record kind that this version does not know; the record may be sound",
    Self::Identifier => "C-IDENTIFIER" "an identifier is empty or has a character outside its alphabet",
    Self::Depth => "C-DEPTH" "items are nested too deep",
    Self::Ranges => "C-RANGES" "ranges are empty, do not ascend, overlap or touch",
    Self::ContentIndex { .. } => "C-CONTENT-INDEX" "a content index has no entry in the record's contents",
    Self::Padding => "C-PADDING" "a frame's padding is not the fewest zero bytes",
    Self::FrameLength => "C-FRAME-LENGTH" "a record runs on beyond the largest frame",
} }

/// A fault and the byte, from the start of the decoded bytes, at which it stands. One pointer wide: what decodes well is
/// returned in registers, and what does not pays for the allocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {}: {} ({})", .0.at, .0.fault, .0.fault.code())]
pub struct DecodeError(Box<FaultAt>);

/// What a [`DecodeError`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultAt {
    /// Offset of the item that is at fault.
    pub at: usize,
    /// What is wrong with it.
    pub fault: DecodeFault,
}

impl DecodeError {
    /// The fault `fault` of the item at byte `at`.
    #[cold]
    #[inline(never)]
    pub fn new(at: usize, fault: DecodeFault) -> Self {
        Self(Box::new(FaultAt { at, fault }))
    }

    /// The same fault in bytes that `before` other bytes stand before.
    #[must_use]
    pub(crate) fn behind(&self, before: usize) -> Self {
        Self::new(self.at + before, self.fault)
    }
}

impl std::ops::Deref for DecodeError {
    type Target = FaultAt;

    fn deref(&self) -> &FaultAt {
        &self.0
    }
}

/// Writes items of the subset.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder with nothing written.
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder that appends to `bytes`, to reuse its allocation.
    pub fn onto(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// The bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    #[inline]
    fn head(&mut self, major: u8, value: u64) {
        let major = major << 5;
        match value {
            0..=23 => self.bytes.push(major | value as u8),
            24..=0xff => self.bytes.extend_from_slice(&[major | 24, value as u8]),
            _ => self.long_head(major, value),
        }
    }

    #[inline(never)]
    fn long_head(&mut self, major: u8, value: u64) {
        let (info, bytes) = match value {
            0..=0xffff => (25, 2),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 8),
        };
        self.bytes.push(major | info);
        // One word, of which the first bytes stay: put together byte by byte, it would be waited for.
        let end = self.bytes.len().saturating_add(bytes);
        let front = value << (u64::BITS as usize - 8 * bytes);
        self.bytes.extend_from_slice(&front.to_be_bytes());
        self.bytes.truncate(end);
    }

    /// Writes an unsigned integer.
    #[inline]
    pub fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    /// Writes a byte string.
    #[inline]
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Writes a text string. Spec: cbor-utf8.
    #[inline]
    pub fn text(&mut self, value: &str) {
        self.text_bytes(value.as_bytes());
    }

    /// Writes a text string of bytes that are UTF-8.
    #[inline]
    pub(crate) fn text_bytes(&mut self, value: &[u8]) {
        self.head(3, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// Opens an array of `len` items, which the caller writes next.
    #[inline]
    pub fn array(&mut self, len: usize) {
        self.head(4, len as u64);
    }

    /// Opens a map of `len` entries, which the caller writes next in ascending key order.
    #[inline]
    pub fn map(&mut self, len: usize) {
        self.head(5, len as u64);
    }

    /// Writes `true` or `false`.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.bytes.push(if value { 0xf5 } else { 0xf4 });
    }

    /// Writes `null`.
    #[inline]
    pub fn null(&mut self) {
        self.bytes.push(0xf6);
    }

    /// Writes one item that is already in canonical form.
    pub fn item(&mut self, canonical: &[u8]) {
        self.bytes.extend_from_slice(canonical);
    }
}

/// Reads items of the subset from untrusted bytes. Never panics, never recurses, allocates for a fault alone.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    /// What is not read yet.
    rest: &'a [u8],
    /// Number of bytes in all.
    total: usize,
    depth: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len(), depth: 0 }
    }

    /// Offset of the next item.
    #[inline]
    pub fn position(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    /// Number of bytes not read yet.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// A fault at byte `at`.
    #[inline]
    pub fn fault_at<T>(&self, at: usize, fault: DecodeFault) -> Result<T, DecodeError> {
        Err(DecodeError::new(at, fault))
    }

    /// Passes over these bytes where they stand next, and says so; otherwise reads nothing. The caller has read them before, as a whole item.
    #[inline]
    pub(crate) fn pass_over(&mut self, item: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(item);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The bytes read since the decoder was as `before`.
    #[inline]
    pub(crate) fn read_since(&self, before: &Self) -> &'a [u8] {
        let read = before.rest.len().saturating_sub(self.rest.len());
        before.rest.get(..read).unwrap_or_default()
    }

    /// Ok when every byte was read. Fault: trailing bytes. Spec: cbor-trailing.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.remaining() == 0 { Ok(()) } else { self.fault_at(self.position(), DecodeFault::Trailing) }
    }

    #[inline]
    fn take(&mut self, len: usize, at: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return self.fault_at(at, DecodeFault::Truncated);
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn chunk<const N: usize>(&mut self, at: usize) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return self.fault_at(at, DecodeFault::Truncated);
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Spec: cbor-shortest.
    #[inline]
    fn argument(&mut self, info: u8, at: usize) -> Result<u64, DecodeError> {
        let (value, least) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (u64::from(u8::from_be_bytes(self.chunk(at)?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.chunk(at)?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.chunk(at)?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.chunk(at)?), 0x1_0000_0000),
            31 => return self.fault_at(at, DecodeFault::Indefinite),
            _ => return self.fault_at(at, DecodeFault::Simple),
        };
        if value < least { self.fault_at(at, DecodeFault::LongForm) } else { Ok(value) }
    }

    /// Reads the next head: its type and its value (for `true`, `false` and `null` 0).
    #[inline]
    fn head(&mut self) -> Result<(Item, u64, usize), DecodeError> {
        let at = self.position();
        let Some((&first, rest)) = self.rest.split_first() else {
            return self.fault_at(at, DecodeFault::Truncated);
        };
        self.rest = rest;
        let info = first & 0x1f;
        let item = match first >> 5 {
            0 => Item::Unsigned,
            1 => return self.fault_at(at, DecodeFault::Negative),
            2 => Item::Bytes,
            3 => Item::Text,
            4 => Item::Array,
            5 => Item::Map,
            6 => return self.fault_at(at, DecodeFault::Tagged),
            _ => {
                return match info {
                    20 | 21 => Ok((Item::Bool, 0, at)),
                    22 => Ok((Item::Null, 0, at)),
                    25..=27 => self.fault_at(at, DecodeFault::Float),
                    31 => self.fault_at(at, DecodeFault::Indefinite),
                    _ => self.fault_at(at, DecodeFault::Simple),
                };
            }
        };
        Ok((item, self.argument(info, at)?, at))
    }

    /// Reads a head of this type whose value stands in its first byte or in the one after, as nearly all do. Where anything else stands
    /// nothing is read: [`Self::head`] finds out what it is.
    #[inline(always)]
    fn short_head(&mut self, item: Item) -> Option<u64> {
        let zero = item.first_byte()?;
        let (value, rest) = match self.rest {
            [first, rest @ ..] if first ^ zero < 24 => (first ^ zero, rest),
            [first, second, rest @ ..] if first ^ zero == 24 && *second >= 24 => (*second, rest),
            _ => return None,
        };
        self.rest = rest;
        Some(u64::from(value))
    }

    #[inline(always)]
    fn expect(&mut self, expected: Item) -> Result<u64, DecodeError> {
        match self.short_head(expected) {
            Some(value) => Ok(value),
            None => self.expect_long(expected),
        }
    }

    #[inline(never)]
    fn expect_long(&mut self, expected: Item) -> Result<u64, DecodeError> {
        let (found, value, at) = self.head()?;
        if found == expected { Ok(value) } else { self.fault_at(at, DecodeFault::Type { expected, found }) }
    }

    #[inline]
    fn limited(&self, value: u64, limit: u64, at: usize) -> Result<u64, DecodeError> {
        if value <= limit { Ok(value) } else { self.fault_at(at, DecodeFault::Limit { limit, found: value }) }
    }

    /// Reads an unsigned integer of at most `limit`.
    #[inline]
    pub fn unsigned(&mut self, limit: u64) -> Result<u64, DecodeError> {
        let before = self.clone();
        let value = match self.short_head(Item::Unsigned) {
            Some(value) => value,
            None => self.long_unsigned()?,
        };
        if value <= limit { Ok(value) } else { before.over(limit, value) }
    }

    #[cold]
    #[inline(never)]
    fn over<T>(&self, limit: u64, found: u64) -> Result<T, DecodeError> {
        self.fault_at(self.position(), DecodeFault::Limit { limit, found })
    }

    /// Reads an unsigned integer of two, four or eight bytes after its head, or finds out what else stands there.
    #[inline(never)]
    fn long_unsigned(&mut self) -> Result<u64, DecodeError> {
        let read = match self.rest {
            [25, rest @ ..] => {
                rest.split_first_chunk().map(|(b, rest)| (u16::from_be_bytes(*b).into(), 0x100, rest))
            }
            [26, rest @ ..] => {
                rest.split_first_chunk().map(|(b, rest)| (u32::from_be_bytes(*b).into(), 0x1_0000, rest))
            }
            [27, rest @ ..] => {
                rest.split_first_chunk().map(|(b, rest)| (u64::from_be_bytes(*b), 0x1_0000_0000, rest))
            }
            _ => None,
        };
        match read {
            Some((value, least, rest)) if value >= least => {
                self.rest = rest;
                Ok(value)
            }
            Some(_) | None => self.expect_long(Item::Unsigned),
        }
    }

    /// Reads a byte string of at most `limit` bytes.
    #[inline]
    pub fn bytes(&mut self, limit: u64) -> Result<&'a [u8], DecodeError> {
        let at = self.position();
        let len = self.expect(Item::Bytes)?;
        let len = self.limited(len, limit, at)?;
        self.take(len as usize, at)
    }

    /// Reads a byte string of exactly `N` bytes.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let at = self.position();
        let len = self.expect(Item::Bytes)?;
        if len != N as u64 {
            return self.fault_at(at, DecodeFault::Length { expected: N as u64, found: len });
        }
        self.chunk(at)
    }

    /// Reads a text string of at most `limit` bytes.
    #[inline]
    pub fn text(&mut self, limit: u64) -> Result<&'a str, DecodeError> {
        let at = self.position();
        let len = self.text_head(limit)?;
        let bytes = self.take(len, at)?;
        std::str::from_utf8(bytes).or_else(|_| self.fault_at(at, DecodeFault::Utf8))
    }

    /// Reads the head of a text string of at most `limit` bytes, and returns its length: the caller takes the bytes, and finds them to be
    /// UTF-8 or refuses them as [`DecodeFault::Utf8`].
    #[inline]
    pub(crate) fn text_head(&mut self, limit: u64) -> Result<usize, DecodeError> {
        let at = self.position();
        let len = self.expect(Item::Text)?;
        self.limited(len, limit, at).map(|len| len as usize)
    }

    /// The bytes of a text string whose head stands at `at`.
    #[inline]
    pub(crate) fn text_body(&mut self, len: usize, at: usize) -> Result<&'a [u8], DecodeError> {
        self.take(len, at)
    }

    /// The next `N` bytes, not read; none where fewer are left.
    #[inline]
    pub(crate) fn window<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest.first_chunk()
    }

    /// Passes over `len` bytes that the caller has seen in a window.
    #[inline]
    pub(crate) fn pass(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Passes over a text string with these bytes where one stands, and says so; otherwise reads nothing. Texts of more than 255 bytes are
    /// never passed over.
    #[inline]
    pub(crate) fn pass_over_text(&mut self, text: &[u8]) -> bool {
        let mut ahead = self.clone();
        let passes = ahead.short_head(Item::Text) == Some(text.len() as u64)
            && ahead.rest.get(..text.len()).is_some_and(|next| next == text);
        if passes {
            ahead.pass(text.len());
            self.rest = ahead.rest;
        }
        passes
    }

    /// Reads `true` or `false`.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        let [first @ (0xf4 | 0xf5), rest @ ..] = self.rest else {
            // Neither stands here: the head says what does.
            return self.expect_long(Item::Bool).map(|_| false);
        };
        self.rest = rest;
        Ok(*first == 0xf5)
    }

    /// Reads a `null` where one stands, and says so; otherwise reads nothing.
    #[inline]
    pub fn null_here(&mut self) -> bool {
        let [0xf6, rest @ ..] = self.rest else { return false };
        self.rest = rest;
        true
    }

    #[inline(always)]
    fn open(&mut self, item: Item, limit: u64) -> Result<usize, DecodeError> {
        let at = self.position();
        let len = self.expect(item)?;
        let len = self.limited(len, limit, at)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return self.fault_at(at, DecodeFault::Depth);
        }
        self.room(item, len, at)?;
        Ok(len as usize)
    }

    /// Refuses a container that the bytes cannot hold, before anything is allocated for it: each item takes a byte at least.
    #[inline]
    fn room(&self, container: Item, len: u64, at: usize) -> Result<(), DecodeError> {
        let least = if container == Item::Map { len.saturating_mul(2) } else { len };
        if least > self.remaining() as u64 { self.fault_at(at, DecodeFault::Truncated) } else { Ok(()) }
    }

    /// Opens an array of at most `limit` items; the caller reads them and calls [`Self::close`].
    #[inline]
    pub fn array(&mut self, limit: u64) -> Result<usize, DecodeError> {
        self.open(Item::Array, limit)
    }

    /// Reads an array without items where one stands that may stand there, and says so; otherwise reads nothing.
    #[inline]
    pub(crate) fn empty_array_here(&mut self) -> bool {
        let [0x80, rest @ ..] = self.rest else { return false };
        if self.depth >= DEPTH_MAX {
            return false;
        }
        self.rest = rest;
        true
    }

    /// Opens a map; read its keys with [`MapKeys::next`], then call [`Self::close`].
    #[inline]
    pub fn map(&mut self) -> Result<MapKeys, DecodeError> {
        let at = self.position();
        Ok(MapKeys { left: self.open(Item::Map, u64::MAX)?, previous: None, at, key_at: at })
    }

    /// Ends the array or map opened last.
    #[inline]
    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Reads over one item of any type, checked for canonical form, and returns its bytes.
    pub fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.rest;
        // The stack holds, for each open container, the items left in it and the last key of a map.
        let mut open: Vec<(u64, Option<MapKeys>)> = Vec::new();
        loop {
            let (item, value, at) = self.head()?;
            match item {
                Item::Bytes => drop(self.take(usize::try_from(value).unwrap_or(usize::MAX), at)?),
                Item::Text => {
                    let bytes = self.take(usize::try_from(value).unwrap_or(usize::MAX), at)?;
                    if std::str::from_utf8(bytes).is_err() {
                        return self.fault_at(at, DecodeFault::Utf8);
                    }
                }
                Item::Array | Item::Map => {
                    if self.depth + open.len() >= DEPTH_MAX {
                        return self.fault_at(at, DecodeFault::Depth);
                    }
                    self.room(item, value, at)?;
                    let keys = (item == Item::Map).then_some(MapKeys {
                        left: usize::MAX,
                        previous: None,
                        at,
                        key_at: at,
                    });
                    open.push((value, keys));
                }
                Item::Unsigned | Item::Bool | Item::Null => {}
            }
            loop {
                let Some((left, keys)) = open.last_mut() else {
                    let read = start.len().saturating_sub(self.rest.len());
                    return Ok(start.get(..read).unwrap_or_default());
                };
                if *left > 0 {
                    *left -= 1;
                    if let Some(keys) = keys {
                        let _ = keys.next(self)?;
                    }
                    break;
                }
                let _ = open.pop();
            }
        }
    }
}

/// The keys of an open map, checked to ascend. Spec: cbor-keys.
#[derive(Clone, Copy, Debug)]
pub struct MapKeys {
    left: usize,
    previous: Option<u64>,
    /// Where the map stands.
    at: usize,
    /// Where the key read last stands.
    key_at: usize,
}

impl MapKeys {
    /// The next key, or `None` after the last entry.
    #[inline]
    pub fn next(&mut self, d: &mut Decoder<'_>) -> Result<Option<u64>, DecodeError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.key_at = d.position();
        let key = d.unsigned(u64::MAX)?;
        if self.previous.is_some_and(|previous| key <= previous) {
            return self.out_of_order(key);
        }
        self.previous = Some(key);
        Ok(Some(key))
    }

    /// Whether the next key is `KEY`, which is then read. A caller asks for its keys in ascending order, so one that is read ascends.
    #[inline(always)]
    pub fn stands<const KEY: u8>(&mut self, d: &mut Decoder<'_>) -> bool {
        let rest = match d.rest {
            [key, rest @ ..] if KEY < 24 && *key == KEY => rest,
            [24, key, rest @ ..] if KEY >= 24 && *key == KEY => rest,
            _ => return false,
        };
        if self.left == 0 {
            return false;
        }
        d.rest = rest;
        self.left -= 1;
        self.previous = Some(u64::from(KEY));
        true
    }

    /// Passes over these entries, so many keys with their values, where they stand next, and says so; otherwise reads nothing. The caller has
    /// read them before, with the same keys to come.
    #[inline]
    pub(crate) fn pass_over(&mut self, keys: usize, entries: &[u8], d: &mut Decoder<'_>) -> bool {
        let passes = self.left >= keys && d.pass_over(entries);
        if passes {
            self.left -= keys;
        }
        passes
    }

    /// Number of keys read since the map was as `before`.
    #[inline]
    pub(crate) fn read_since(&self, before: &Self) -> usize {
        before.left.saturating_sub(self.left)
    }

    /// The value of `KEY` where that is the next key, as [`Self::stands`] finds out.
    ///
    /// # Errors
    /// The fault of the value.
    #[inline(always)]
    pub fn field<const KEY: u8, T: Field>(&mut self, d: &mut Decoder<'_>) -> Result<Option<T>, DecodeError> {
        if self.stands::<KEY>(d) { T::decode(d).map(Some) } else { Ok(None) }
    }

    /// Ends the map after the last key it may have.
    ///
    /// # Errors
    /// Another key stands there, in its place or not.
    #[inline]
    pub fn end(self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        if self.left > 0 {
            return self.one_more(d);
        }
        d.close();
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn one_more(mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        match self.next(d)? {
            Some(key) => self.unknown(key),
            None => Ok(()),
        }
    }

    #[cold]
    fn out_of_order<T>(self, key: u64) -> Result<T, DecodeError> {
        let fault = match self.previous {
            Some(previous) if key < previous => DecodeFault::KeyOrder { key, previous },
            Some(_) | None => DecodeFault::KeyRepeated { key },
        };
        Err(DecodeError::new(self.key_at, fault))
    }

    /// A fault at `key`, which was read last: the map does not have it.
    #[cold]
    pub fn unknown<T>(self, key: u64) -> Result<T, DecodeError> {
        Err(DecodeError::new(self.key_at, DecodeFault::KeyUnknown { key }))
    }

    /// A fault at the map's own head: `key` is missing.
    #[cold]
    pub fn missing<T>(self, key: u64) -> Result<T, DecodeError> {
        Err(DecodeError::new(self.at, DecodeFault::KeyMissing { key }))
    }
}

#[cfg(test)]
mod tests;
