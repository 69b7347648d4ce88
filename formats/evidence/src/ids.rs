//! Identifiers, numbers and references: the scalar values of a record.

use compact_str::CompactString;

use crate::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use crate::hex::hex_bytes;
use crate::limits::ID_BYTES_MAX;
use crate::schema::{Cddl, Field, Tally};

/// A bounded identifier: 1 to 128 characters of `A-Z a-z 0-9 . _ ~ : / + = # -`.
///
/// No space, no `@`, no quote: a sentence, a mail address or a document cannot hide in one. Such values are content.
/// Spec: id-alphabet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(CompactString);

/// A text is no identifier: it is empty, longer than 128 bytes, or has a character outside the alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// No characters.
    #[error("an identifier has at least one character")]
    Empty,
    /// Too long.
    #[error("an identifier has at most {ID_BYTES_MAX} bytes, this has {0}")]
    Long(usize),
    /// A byte outside the alphabet, at this offset.
    #[error("byte {0} is outside the alphabet of identifiers (A-Z a-z 0-9 . _ ~ : / + = # -)")]
    Alphabet(usize),
}

impl Id {
    /// The identifier with this text.
    ///
    /// # Errors
    /// Why the text is none.
    pub fn new(text: &str) -> Result<Self, IdFault> {
        if text.is_empty() {
            return Err(IdFault::Empty);
        }
        if text.len() > ID_BYTES_MAX {
            return Err(IdFault::Long(text.len()));
        }
        if Self::allows_all(text.as_bytes()) {
            return Ok(Self(CompactString::new(text)));
        }
        let at = text.bytes().position(|byte| !Self::allows(byte));
        Err(IdFault::Alphabet(at.unwrap_or_default()))
    }

    /// Whether all bytes are of the alphabet. Without a branch for each: those of nearly all texts are.
    fn allows_all(bytes: &[u8]) -> bool {
        bytes.iter().fold(true, |all, byte| all & Self::allows(*byte))
    }

    fn allows(byte: u8) -> bool {
        Self::ALPHABET.get(usize::from(byte)).copied().unwrap_or_default()
    }

    #[allow(
        clippy::indexing_slicing,
        reason = "computed when compiling, where an index out of bounds is an error"
    )]
    const ALPHABET: [bool; 256] = {
        let mut alphabet = [false; 256];
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=#-";
        let mut rest = letters.as_slice();
        while let [byte, after @ ..] = rest {
            alphabet[*byte as usize] = true;
            rest = after;
        }
        alphabet
    };

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}

impl std::str::FromStr for Id {
    type Err = IdFault;

    fn from_str(text: &str) -> Result<Self, IdFault> {
        Self::new(text)
    }
}

impl Field for Id {
    fn encode(&self, e: &mut Encoder) {
        e.text(&self.0);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let at = d.position();
        let bytes = d.text_bytes(ID_BYTES_MAX as u64)?;
        let Ok(text) = std::str::from_utf8(bytes) else { return d.fault_at(at, DecodeFault::Utf8) };
        if bytes.is_empty() || !Self::allows_all(bytes) {
            return d.fault_at(at, DecodeFault::Identifier);
        }
        Ok(Self(CompactString::new(text)))
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("id", |_| format!("tstr .regexp \"[A-Za-z0-9._~:/+=#-]{{1,{ID_BYTES_MAX}}}\""))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Recorded time: microseconds since 1970-01-01T00:00:00Z, leap seconds not counted. Nobody's clock is read for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RecordedTime(pub u64);

impl RecordedTime {
    /// This time and `ms` milliseconds, at most the end of time.
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1_000)))
    }
}

impl Field for RecordedTime {
    fn encode(&self, e: &mut Encoder) {
        e.unsigned(self.0);
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.unsigned(u64::MAX).map(Self)
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("recorded-time", |_| "uint ; microseconds since 1970-01-01T00:00:00Z".to_owned())
    }
}

/// The sequence number of a record of this run that a body refers to. It must be lower than the record's own (RUN-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct RecordRef(pub u64);

impl RecordRef {
    /// No record has a higher number that another one could refer to.
    const MAX: u64 = u64::MAX - 1;
}

impl Field for RecordRef {
    fn encode(&self, e: &mut Encoder) {
        e.unsigned(self.0);
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.unsigned(Self::MAX).map(Self)
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("record-ref", |_| format!("0..{} ; sequence number of an earlier record", Self::MAX))
    }

    fn tally(&self, tally: &mut Tally) {
        tally.limit(Self::MAX, self.0);
        tally.records = tally.records.max(self.0.saturating_add(1));
    }
}

/// A content of this record: the index of its entry in the record's content list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Content(pub u16);

impl Field for Content {
    fn encode(&self, e: &mut Encoder) {
        e.unsigned(u64::from(self.0));
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        u16::decode(d).map(Self)
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("content", |_| "0..65535 ; index into the record's contents".to_owned())
    }

    fn tally(&self, tally: &mut Tally) {
        tally.contents = tally.contents.max(u64::from(self.0).saturating_add(1));
    }
}

hex_bytes! {
    /// A run's number: 16 bytes, drawn at random or, under `--reproducible`, from the seed. Ordered as bytes.
    RunId, 16, "run-id";
    /// A W3C trace id.
    TraceId, 16, "trace-id";
    /// A W3C span id.
    SpanId, 8, "span-id";
    /// An Ed25519 public key (RFC 8032).
    PublicKey, 32, "public-key";
    /// An Ed25519 signature (RFC 8032).
    Signature, 64, "signature";
}
