//! Identifiers, numbers and references: the scalar values of a record.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use crate::hex::hex_bytes;
use crate::limits::ID_BYTES_MAX;
use crate::schema::{Cddl, Field, Tally};

/// Bytes of an identifier that stand in the value itself: as many as most have, in as few as a vector takes.
const SHORT_BYTES: usize = 22;
/// The head of a text of no bytes. That of a short one has its length in the same byte.
const SHORT_HEAD: u8 = 0x60;
/// Bytes that one instruction takes on every 64-bit machine.
const LANE_BYTES: usize = 16;
/// The places of a lane.
const LANE: [u8; LANE_BYTES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/// Bytes looked at in one go where a short identifier may stand.
const WINDOW_BYTES: usize = 2 * LANE_BYTES;

/// A bounded identifier: 1 to 128 characters of `A-Z a-z 0-9 . _ ~ : / + = # -`.
///
/// No space, no `@`, no quote: a sentence, a mail address or a document cannot hide in one. Such values are content.
/// Spec: id-alphabet.
#[derive(Clone, PartialEq, Eq)]
pub struct Id(Repr);

/// The bytes of an identifier, all of the alphabet, and so ASCII. A length has one form: equal identifiers are equal values.
#[derive(PartialEq, Eq)]
enum Repr {
    /// Most identifiers. It takes the whole value and tells itself apart, so that a copy is one of the value: a processor that finds in a
    /// vector what was written in parts waits for it, and identifiers are copied some ten times a record.
    Short(Short),
    /// More bytes than stand in a short one.
    Long(Box<[u8]>),
}

/// The first `len` bytes; zeros after them.
#[derive(Clone, Copy, Eq)]
#[repr(C)]
struct Short {
    bytes: [u8; SHORT_BYTES],
    len: u8,
    tag: ShortTag,
}

/// A byte of one value: all others are left to tell what is no short identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum ShortTag {
    Short,
}

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

impl PartialEq for Short {
    /// No zero is in the alphabet: texts of other lengths have other bytes.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        words(&self.bytes) == words(&other.bytes)
    }
}

impl Clone for Repr {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Short(short) => Self::Short(*short),
            Self::Long(bytes) => Self::long(bytes),
        }
    }
}

impl Repr {
    /// Out of line, so that what is copied inline is the whole of a short one.
    #[inline(never)]
    fn long(bytes: &[u8]) -> Self {
        Self::Long(bytes.into())
    }
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
        Self::of(text.as_bytes()).ok_or_else(|| {
            let at = text.bytes().position(|byte| !Self::allows(byte));
            IdFault::Alphabet(at.unwrap_or_default())
        })
    }

    /// The identifier with these bytes, one at least and [`ID_BYTES_MAX`] at most; none where one is outside the alphabet.
    fn of(text: &[u8]) -> Option<Self> {
        if text.len() > SHORT_BYTES {
            let is_allowed = text.iter().fold(true, |all, byte| all & Self::allows(*byte));
            return is_allowed.then(|| Self(Repr::long(text)));
        }
        let mut window = [0; WINDOW_BYTES];
        window.iter_mut().zip(text).for_each(|(to, byte)| *to = *byte);
        Self::short(&window, text.len() as u8)
    }

    /// The identifier at the start of a window, `len` bytes long, at most [`SHORT_BYTES`]. The same steps for all bytes of a lane, without a
    /// branch: the compiler takes them at once.
    #[inline]
    fn short(window: &[u8; WINDOW_BYTES], len: u8) -> Option<Self> {
        let (mut taken, mut outside) = ([0; WINDOW_BYTES], [0; LANE_BYTES]);
        let ((from, _), (to, _)) = (window.as_chunks::<LANE_BYTES>(), taken.as_chunks_mut::<LANE_BYTES>());
        let mut left = len;
        for (from, to) in from.iter().zip(to) {
            for (((at, from), to), outside) in LANE.iter().zip(from).zip(to).zip(&mut outside) {
                let mask = if *at < left { 0xff } else { 0 };
                *to = from & mask;
                *outside |= if Self::allows(*from) { 0 } else { mask };
            }
            left = left.saturating_sub(LANE_BYTES as u8);
        }
        let (bytes, _) = taken.split_first_chunk::<SHORT_BYTES>()?;
        let short = Short { tag: ShortTag::Short, len, bytes: *bytes };
        (outside == [0; LANE_BYTES]).then_some(Self(Repr::Short(short)))
    }

    #[inline(always)]
    fn allows(byte: u8) -> bool {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // `-./`, the digits and `:` stand side by side in ASCII.
        let is_digit_or_near = byte.wrapping_sub(b'-') <= b':' - b'-';
        let is_other = (byte == b'_') | (byte == b'~') | (byte == b'+') | (byte == b'=') | (byte == b'#');
        is_letter | is_digit_or_near | is_other
    }

    /// The text's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short(Short { len, bytes, .. }) => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Long(bytes) => bytes,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // The alphabet is ASCII, which is always UTF-8.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Passes over this identifier where it stands, and says so; otherwise reads nothing.
    #[inline]
    fn pass_over(&self, d: &mut Decoder<'_>) -> bool {
        match (&self.0, d.window::<{ 1 + SHORT_BYTES }>()) {
            (Repr::Short(Short { len, bytes, .. }), Some([head, text @ ..])) => {
                let is_same = *head == SHORT_HEAD | len && agree(bytes, text, *len);
                if is_same {
                    d.pass(1 + usize::from(*len));
                }
                is_same
            }
            (Repr::Short(_) | Repr::Long(_), _) => d.pass_over_text(self.as_bytes()),
        }
    }

    /// What [`Field::decode`] reads where the identifier is long, wrong, or stands near the end of the bytes.
    #[inline(never)]
    fn decode_plain(d: &mut Decoder<'_>, len: usize, at: usize) -> Result<Self, DecodeError> {
        let bytes = d.text_body(len, at)?;
        if std::str::from_utf8(bytes).is_err() {
            return d.fault_at(at, DecodeFault::Utf8);
        }
        let id = if bytes.is_empty() { None } else { Self::of(bytes) };
        id.map_or_else(|| d.fault_at(at, DecodeFault::Identifier), Ok)
    }
}

/// Whether two texts agree in their first `len` bytes, at least one: where they differ after them is shifted out.
#[inline]
fn agree(a: &[u8; SHORT_BYTES], b: &[u8; SHORT_BYTES], len: u8) -> bool {
    let front = |text: &[u8; SHORT_BYTES]| text.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    let back = |text: &[u8; SHORT_BYTES]| text.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    let bits_after = |end: usize| 8 * (end as u32).saturating_sub(u32::from(len));
    let differ_in_front = (front(a) ^ front(b)).checked_shl(bits_after(LANE_BYTES));
    let differ_in_back = (back(a) ^ back(b)).checked_shl(bits_after(SHORT_BYTES));
    differ_in_front.unwrap_or(0) == 0 && differ_in_back.unwrap_or(0) == 0
}

/// The bytes of a short identifier as words that compare as they do. None lies across the parts in which a whole one is copied.
#[inline]
fn words(bytes: &[u8; SHORT_BYTES]) -> [u64; 3] {
    let (words, rest) = bytes.as_chunks();
    let word = |at: usize| words.get(at).map_or(0, |word| u64::from_be_bytes(*word));
    let [a, b, c, d, e, f] = rest else { return [word(0), word(1), 0] };
    let (high, low) = (u32::from_be_bytes([*a, *b, *c, *d]), u16::from_be_bytes([*e, *f]));
    [word(0), word(1), u64::from(high) << 16 | u64::from(low)]
}

impl Ord for Id {
    /// As their texts.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            // No zero is in the alphabet: of two texts the one that ends first is the lower, as it is with zeros after both.
            (Repr::Short(a), Repr::Short(b)) => words(&a.bytes).cmp(&words(&b.bytes)),
            (Repr::Short(_) | Repr::Long(_), Repr::Short(_) | Repr::Long(_)) => {
                self.as_bytes().cmp(other.as_bytes())
            }
        }
    }
}

impl PartialOrd for Id {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
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
    #[inline]
    fn encode(&self, e: &mut Encoder) {
        e.text_bytes(self.as_bytes());
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let at = d.position();
        let len = d.text_head(ID_BYTES_MAX as u64)?;
        if let Some(window) = d.window::<WINDOW_BYTES>()
            && (1..=SHORT_BYTES).contains(&len)
            && let Some(id) = Self::short(window, len as u8)
        {
            d.pass(len);
            return Ok(id);
        }
        Self::decode_plain(d, len, at)
    }

    #[inline]
    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        if !self.pass_over(d) {
            *self = Self::decode(d)?;
        }
        Ok(())
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("id", |_| format!("tstr .regexp \"[A-Za-z0-9._~:/+=#-]{{1,{ID_BYTES_MAX}}}\""))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
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
    #[inline]
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
    #[inline]
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

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn an_identifier_takes_three_words_and_so_does_one_that_may_be_missing() {
        assert_eq!([size_of::<Id>(), size_of::<Option<Id>>()], [24, 24]);
    }

    const LONG: &str = "a/b-c.d_e~f:g/h+i=j#k0l1m2n3o4";

    /// Texts of every length around the short ones, that begin alike and differ in their last place or in their first.
    fn texts() -> Vec<String> {
        let of = |length: usize| {
            let (front, back) = (LONG.get(..length - 1).unwrap(), LONG.get(1..length).unwrap());
            [LONG.get(..length).unwrap().to_owned(), format!("{front}~"), format!("z{back}")]
        };
        (1..=LONG.len()).flat_map(of).collect()
    }

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn hashed(value: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn identifiers_compare_and_hash_as_their_texts() {
        let texts = texts();
        for (a, b) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            assert_eq!(id(a).cmp(&id(b)), a.cmp(b), "{a} {b}");
            assert_eq!(id(a).partial_cmp(&id(b)), Some(a.cmp(b)), "{a} {b}");
            assert_eq!(id(a) == id(b), a == b, "{a} {b}");
            assert_eq!(hashed(id(a)) == hashed(id(b)), a == b, "{a} {b}");
        }
    }

    #[test]
    fn an_identifier_is_shown_as_its_text() {
        assert_eq!(format!("{}", id("a/b")), "a/b");
        assert_eq!(format!("{:>5}|{:<5}", id("a/b"), id("c")), "  a/b|c    ");
        assert_eq!(format!("{:?}", id("a/b")), "\"a/b\"");
    }

    #[test]
    fn texts_agree_in_their_first_bytes_whatever_follows() {
        let text: [u8; SHORT_BYTES] = std::array::from_fn(|at| LONG.as_bytes()[at]);
        for len in 1..=SHORT_BYTES {
            assert!(agree(&text, &text, len as u8));
            for at in 0..SHORT_BYTES {
                let mut other = text;
                other[at] ^= 1;
                assert_eq!(agree(&text, &other, len as u8), at >= len, "{len} bytes, byte {at} differs");
            }
        }
    }

    /// Else it would be read anew, which is what reading it onto the same one spares.
    #[test]
    fn an_identifier_is_passed_over_where_it_stands_again_and_nowhere_else() {
        let ids: Vec<Id> = texts().iter().map(|text| id(text)).collect();
        for (known, stands) in ids.iter().flat_map(|known| ids.iter().map(move |stands| (known, stands))) {
            let bytes = [crate::schema::to_bytes(stands), vec![b'a'; 64]].concat();
            let mut d = Decoder::new(&bytes);
            assert_eq!(known.pass_over(&mut d), known == stands, "{known} where {stands} stands");
            assert_eq!(d.remaining() == 64, known == stands, "{known} where {stands} stands");
        }
    }
}
