//! The record, the unit that is hashed: what came in, what follows from content, what the machine answered.

use crate::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use crate::digest::Digest;
use crate::ids::{Id, RecordedTime};
use crate::kinds::{Body, Kind};
use crate::limits::{CAUSE_RANGES_MAX, CONTENT_BYTES_MAX, FRAME_BLOCK_BYTES, FRAME_BYTES_MAX};
use crate::rules::{Breach, Outcome};
use crate::schema::{Cddl, Field, Tally};
use crate::values::{EffectsClass, GraphPlace, Identity, Origin, Place, SourceLabel, TraceContext};
use crate::{codes, map};

codes! {
    /// What the bytes of a content are.
    pub enum MediaType {
        /// Nothing is known of them.
        Octets = 0 "application/octet-stream",
        /// UTF-8 text.
        Text = 1 "text/plain",
        /// JSON (RFC 8259).
        Json = 2 "application/json",
        /// Markdown.
        Markdown = 3 "text/markdown",
        /// HTML.
        Html = 4 "text/html",
        /// An image.
        Image = 5 "image/*",
        /// Sound.
        Audio = 6 "audio/*",
        /// CBOR (RFC 8949).
        Cbor = 7 "application/cbor",
        /// COSE (RFC 9052).
        Cose = 8 "application/cose",
        /// YAML.
        Yaml = 9 "application/yaml",
    }

    /// Whether a call's arguments satisfy the registered schema: extracted from content (TOL-1).
    pub enum SchemaCheck {
        /// They do.
        Valid = 0 "valid",
        /// They do not.
        Invalid = 1 "invalid",
        /// They are not JSON.
        NotJson = 2 "not-json",
        /// The tool has no schema on record.
        NoSchema = 3 "no-schema",
        /// The schema itself cannot be used.
        BadSchema = 4 "bad-schema",
    }

    /// What an argument value, or an item in it, looks like: extracted from content. Spec: argument-shape.
    pub enum ArgumentShape {
        /// Null, a boolean, nothing but punctuation, a small number, or a word that any text may have: where it stands says nothing of where it came from.
        Common = 0 "common",
        /// A number.
        Number = 1 "number",
        /// A date, a time of day, or both.
        Date = 2 "date",
        /// An address of mail.
        Address = 3 "address",
        /// A URL or a host.
        Url = 4 "url",
        /// An identifier with digits: an account, a card, an order, a telephone number.
        Account = 5 "account",
        /// A few words.
        Name = 6 "name",
        /// Text of more words.
        Text = 7 "text",
    }
}

map! {
    /// A content of a record: committed to here, carried beside the record.
    #[derive(Copy)]
    pub struct ContentEntry {
        /// `content` digest of salt and bytes.
        0 req commitment: Digest,
        /// Number of bytes.
        1 req bytes: ContentLength,
        /// What they are.
        2 req media: MediaType,
    }

    /// What follows from the record's content by pure functions, and their version.
    pub struct Extracted {
        /// Version of the extractor.
        0 req extractor: u16,
        /// Arguments against the registered schema.
        1 opt schema: SchemaCheck,
        /// From version 2, of a call: from where its argument values came.
        2 opt arguments: Box<ArgumentSources>,
        /// From version 2, of a message that instructs: the classes of effect that it asks for, ascending.
        3 opt asks: Vec<EffectsClass>,
    }

    /// From where the argument values of a call came. Spec: argument-source.
    pub struct ArgumentSources {
        /// The values and the items in them, by leaf and part.
        0 req values: Vec<ArgumentSource>,
        /// Values and items beyond the number that is kept; left out where there is none.
        1 opt left_out: u32,
    }

    /// From where an argument value, or an item in it, came. Spec: argument-source.
    pub struct ArgumentSource {
        /// Which scalar of the arguments it is, in the order of their text, from 0.
        0 req leaf: u16,
        /// 0: the whole value; else the item in its text, in order, from 1.
        1 req part: u16,
        /// What it looks like.
        2 req shape: ArgumentShape,
        /// Where the messages that instruct the run have it; absent: nowhere.
        3 opt told: FoundIn,
        /// Where the data that came into the run has it; absent: nowhere.
        4 opt brought: FoundIn,
    }

    /// Records in which a value stands, and how much of it.
    pub struct FoundIn {
        /// How much of it they have together: 1,000 is all of it, in one piece.
        0 req permille: u16,
        /// The lowest of them.
        1 req records: Causes,
    }

    /// What the machine answered.
    pub struct Derived {
        /// What it did with the record.
        0 req outcome: Outcome,
        /// The rules it does not keep, ascending.
        1 req breaches: Vec<Breach>,
        /// `delta` digest of what changed in the state.
        2 req delta: Digest,
        /// At a decision: the state checksum just before it.
        3 opt checksum: Digest,
    }
}

impl Extracted {
    /// An extracted part by this version of the extractor, with nothing in it.
    pub const fn by(extractor: u16) -> Self {
        Self { extractor, schema: None, arguments: None, asks: None }
    }
}

/// Length of a content: at most 256 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ContentLength(pub u64);

impl Field for ContentLength {
    fn encode(&self, e: &mut Encoder) {
        e.unsigned(self.0);
    }

    #[inline]
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.unsigned(CONTENT_BYTES_MAX).map(Self)
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("content-length", |_| format!("0..{CONTENT_BYTES_MAX}"))
    }

    fn tally(&self, tally: &mut Tally) {
        tally.limit(CONTENT_BYTES_MAX, self.0);
    }
}

/// Consecutive records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CauseRange {
    /// The first.
    pub first: u64,
    /// How many, at least 1.
    pub count: u64,
}

/// The records that led to this one: ascending ranges that do not touch. Bytes: a flat array first, count, first, count, ..
/// Spec: causes-form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Causes(Vec<CauseRange>);

impl Causes {
    /// No cause.
    pub const NONE: Self = Self(Vec::new());

    /// The causes with these sequence numbers, in any order, repeated or not.
    pub fn of(records: impl IntoIterator<Item = u64>) -> Self {
        let mut records: Vec<u64> = records.into_iter().collect();
        records.sort_unstable();
        records.dedup();
        let mut ranges: Vec<CauseRange> = Vec::new();
        for record in records {
            match ranges.last_mut() {
                Some(last) if last.first.checked_add(last.count) == Some(record) => last.count += 1,
                Some(_) | None => ranges.push(CauseRange { first: record, count: 1 }),
            }
        }
        Self(ranges)
    }

    /// The records from `first` to `last`, both included; none where `last` is the lower.
    pub fn between(first: u64, last: u64) -> Self {
        let count = last.checked_sub(first).map(|distance| distance.saturating_add(1));
        Self(count.map(|count| CauseRange { first, count }).into_iter().collect())
    }

    /// The ranges, ascending.
    pub fn ranges(&self) -> &[CauseRange] {
        &self.0
    }

    /// Whether this record is among them.
    pub fn contains(&self, record: u64) -> bool {
        let after = self.0.partition_point(|range| range.first <= record);
        let range = after.checked_sub(1).and_then(|i| self.0.get(i));
        range.is_some_and(|range| record - range.first < range.count)
    }

    /// The highest record named.
    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|range| range.first + (range.count - 1))
    }

    /// Each record named, ascending. May be very many: bound the walk by the record's own number first.
    pub fn records(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().flat_map(|range| (0..range.count).map(|i| range.first + i))
    }
}

impl Field for Causes {
    fn encode(&self, e: &mut Encoder) {
        e.array(self.0.len() * 2);
        for range in &self.0 {
            e.unsigned(range.first);
            e.unsigned(range.count);
        }
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut causes = Self::NONE;
        causes.decode_onto(d)?;
        Ok(causes)
    }

    fn decode_onto(&mut self, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
        let Self(ranges) = self;
        let at = d.position();
        let len = d.array(CAUSE_RANGES_MAX * 2)?;
        if !len.is_multiple_of(2) {
            return d.fault_at(at, DecodeFault::Ranges);
        }
        ranges.clear();
        // The next range starts at least one record behind the end of the one before, or it would be part of it.
        let mut least = 0;
        for _ in 0..len / 2 {
            let at = d.position();
            let first = d.unsigned(u64::MAX)?;
            let count = d.unsigned(u64::MAX)?;
            match first.checked_add(count) {
                Some(end) if count > 0 && first >= least && end < u64::MAX => least = end + 1,
                Some(_) | None => return d.fault_at(at, DecodeFault::Ranges),
            }
            ranges.push(CauseRange { first, count });
        }
        d.close();
        Ok(())
    }

    fn cddl(book: &mut Cddl) -> String {
        book.rule("causes", |_| format!("[0*{CAUSE_RANGES_MAX} (first: uint, count: 1..{})]", u64::MAX - 1))
    }

    fn tally(&self, tally: &mut Tally) {
        // As the bytes hold them: two numbers a range.
        tally.limit(CAUSE_RANGES_MAX * 2, self.0.len() as u64 * 2);
        if self.last() >= Some(u64::MAX - 1) {
            tally.fault.get_or_insert(DecodeFault::Ranges);
        }
    }
}

impl serde::Serialize for Causes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.iter().map(|range| (range.first, range.count)))
    }
}

impl<'de> serde::Deserialize<'de> for Causes {
    /// Ranges `[first, count]` or single records, in any order; a range is at most 2^20 records long here.
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Cause {
            One(u64),
            Range(u64, u64),
        }
        let mut ranges = Vec::new();
        for cause in Vec::<Cause>::deserialize(d)? {
            let (first, count) = match cause {
                Cause::One(record) => (record, 1),
                Cause::Range(first, count) => (first, count),
            };
            if count == 0 || first.checked_add(count).is_none_or(|end| end == u64::MAX) {
                return Err(D::Error::custom("a cause range has a count of at least 1 and ends below 2^64"));
            }
            ranges.push(CauseRange { first, count });
        }
        ranges.sort_unstable();
        let mut merged: Vec<CauseRange> = Vec::new();
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.first <= last.first + last.count => {
                    last.count = last.count.max(range.first + range.count - last.first);
                }
                Some(_) | None => merged.push(range),
            }
        }
        Ok(Self(merged))
    }
}

/// A record's input: everything that came from outside, time and chance included. Replay copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Number in the run, dense from 0 (RUN-2).
    pub sequence: u64,
    /// When, or absent.
    pub time: Option<RecordedTime>,
    /// Who made it.
    pub actor: Id,
    /// Where its content came from.
    pub origin: Origin,
    /// Its place among the acts of an agent.
    pub place: Option<Place>,
    /// The records that led to it.
    pub causes: Causes,
    /// Labels that the source states.
    pub labels: Vec<SourceLabel>,
    /// Tenant and session, where the record states them (IDN-2).
    pub identity: Option<Identity>,
    /// W3C trace context.
    pub trace: Option<TraceContext>,
    /// Graph node and route.
    pub graph: Option<GraphPlace>,
    /// The recorder's clock had stepped back, and the time is the last one instead.
    pub clock_stepped: bool,
    /// What it says.
    pub body: Body,
    /// The contents it brings or names.
    pub contents: Vec<ContentEntry>,
}

/// A record: input, extracted and derived parts. The leaf covers all three.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What came in.
    pub input: Input,
    /// What follows from content.
    pub extracted: Option<Extracted>,
    /// What the machine answered.
    pub derived: Derived,
}

macro_rules! optional {
    ($e:ident, $key:literal, $value:expr) => {
        if let Some(value) = &$value {
            $e.unsigned($key);
            value.encode($e);
        }
    };
}

macro_rules! required {
    ($e:ident, $key:literal, $value:expr) => {
        $e.unsigned($key);
        $value.encode($e);
    };
}

impl Input {
    /// Number of map entries the input takes.
    fn entries(&self) -> usize {
        let optional = [
            self.time.is_some(),
            self.place.is_some(),
            self.identity.is_some(),
            self.trace.is_some(),
            self.graph.is_some(),
        ];
        9 + optional.into_iter().filter(|present| *present).count()
    }

    fn encode_entries(&self, e: &mut Encoder) {
        required!(e, 0, self.sequence);
        optional!(e, 1, self.time);
        required!(e, 2, self.actor);
        required!(e, 3, self.origin);
        optional!(e, 4, self.place);
        required!(e, 5, self.causes);
        required!(e, 6, self.labels);
        optional!(e, 7, self.identity);
        optional!(e, 8, self.trace);
        optional!(e, 9, self.graph);
        required!(e, 10, self.clock_stepped);
        required!(e, 11, self.body.kind());
        required!(e, 12, self.body);
        required!(e, 13, self.contents);
    }

    /// What body, causes, labels and content list count together.
    fn tally(&self) -> Tally {
        let mut tally = self.body.tally();
        self.causes.tally(&mut tally);
        self.labels.tally(&mut tally);
        self.contents.tally(&mut tally);
        tally
    }
}

/// Checks a tally against the number of contents listed: every content index has an entry, every value a byte form.
/// Spec: content-index.
pub(crate) fn check(tally: &Tally, listed: u64) -> Result<(), DecodeFault> {
    match tally.fault {
        Some(fault) => Err(fault),
        None if tally.contents > listed => {
            Err(DecodeFault::ContentIndex { index: tally.contents - 1, listed })
        }
        None => Ok(()),
    }
}

impl Record {
    /// Writes the record's canonical bytes.
    pub fn encode(&self, e: &mut Encoder) {
        e.map(self.input.entries() + 1 + usize::from(self.extracted.is_some()));
        self.input.encode_entries(e);
        optional!(e, 14, self.extracted);
        required!(e, 15, self.derived);
    }

    /// Reads one record from the start of canonical bytes; bytes after it stay unread.
    ///
    /// # Errors
    /// The first fault and its place. [`DecodeFault::UnknownKind`] only where the rest of the record is canonical.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let start = d.clone();
        let decoded = Self::decode_known(d);
        if let Err(error) = &decoded
            && matches!(error.fault, DecodeFault::UnknownKind { .. })
        {
            *d = start;
            d.skip()?;
        }
        decoded
    }

    #[inline]
    fn decode_known(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut keys = d.map()?;
        let mut body_at = d.position();
        // Keys ascend: the key that stands next is that of the field at hand, of a later one, or of none.
        macro_rules! field {
            ($key:literal, $decode:expr) => {
                if keys.stands::<$key>(d) { Some($decode) } else { None }
            };
        }
        let sequence = field!(0, u64::decode(d)?);
        let time = field!(1, RecordedTime::decode(d)?);
        let actor = field!(2, Id::decode(d)?);
        let origin = field!(3, Origin::decode(d)?);
        let place = field!(4, Place::decode(d)?);
        let causes = field!(5, Causes::decode(d)?);
        let labels = field!(6, Vec::<SourceLabel>::decode(d)?);
        let identity = field!(7, Identity::decode(d)?);
        let trace = field!(8, TraceContext::decode(d)?);
        let graph = field!(9, GraphPlace::decode(d)?);
        let clock_stepped = field!(10, bool::decode(d)?);
        let kind = field!(11, Kind::decode_known(d)?);
        let body = field!(12, {
            body_at = d.position();
            let Some(kind) = kind else { return keys.missing(11) };
            Body::decode(kind, d)?
        });
        let contents = field!(13, Vec::<ContentEntry>::decode(d)?);
        let extracted = field!(14, Extracted::decode(d)?);
        let derived = field!(15, Derived::decode(d)?);
        keys.end(d)?;
        macro_rules! take {
            ($key:literal, $field:ident) => {
                match $field {
                    Some(value) => value,
                    None => return keys.missing($key),
                }
            };
        }
        let record = Self {
            input: Input {
                sequence: take!(0, sequence),
                time,
                actor: take!(2, actor),
                origin: take!(3, origin),
                place,
                causes: take!(5, causes),
                labels: take!(6, labels),
                identity,
                trace,
                graph,
                clock_stepped: take!(10, clock_stepped),
                body: {
                    let _: Kind = take!(11, kind);
                    take!(12, body)
                },
                contents: take!(13, contents),
            },
            extracted,
            derived: take!(15, derived),
        };
        match record.check() {
            Ok(()) => Ok(record),
            Err(fault) => d.fault_at(body_at, fault),
        }
    }

    /// Checks what no single field shows, and what Rust and JSON can hold but bytes cannot.
    ///
    /// # Errors
    /// The fault that decoding would find: a content index without an entry, a list or number above its limit.
    pub fn check(&self) -> Result<(), DecodeFault> {
        let mut tally = self.input.tally();
        if let Some(extracted) = &self.extracted {
            extracted.tally(&mut tally);
        }
        self.derived.tally(&mut tally);
        check(&tally, self.input.contents.len() as u64)
    }

    /// The record's frame appended to `frames`: canonical bytes and padding. Spec: frame-padding.
    ///
    /// # Errors
    /// The frame would be larger than [`FRAME_BYTES_MAX`], or [`Self::check`] fails; `frames` is as before.
    pub fn append_frame(&self, frames: Vec<u8>) -> Result<Vec<u8>, FrameRefused> {
        let start = frames.len();
        let mut e = Encoder::onto(frames);
        self.encode(&mut e);
        let mut frames = e.into_bytes();
        let bytes = frames.len() - start;
        let fits = if bytes > FRAME_BYTES_MAX { Err(DecodeFault::FrameLength) } else { self.check() };
        if let Err(fault) = fits {
            frames.truncate(start);
            return Err(FrameRefused { fault, bytes, frames });
        }
        frames.resize(start + bytes.next_multiple_of(FRAME_BLOCK_BYTES), 0);
        Ok(frames)
    }

    /// Reads the record of the frame at the start of `frames`, and the frame's length.
    ///
    /// # Errors
    /// The first fault and its place, a frame beyond its limit and other padding than the fewest zeros included.
    pub fn decode_frame(frames: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut d = Decoder::new(frames.get(..FRAME_BYTES_MAX).unwrap_or(frames));
        let record = Self::decode(&mut d).map_err(|error| beyond_frame(frames, error))?;
        let end = frame_end(frames, d.position())?;
        Ok((record, end))
    }

    /// The CDDL rule of a record, after adding it and the rules of everything in it.
    pub fn cddl(book: &mut Cddl) -> String {
        book.rule("record", |book| {
            let head = [
                ("", 0, u64::cddl(book), "sequence"),
                ("? ", 1, RecordedTime::cddl(book), "time"),
                ("", 2, Id::cddl(book), "actor"),
                ("", 3, Origin::cddl(book), "origin"),
                ("? ", 4, Place::cddl(book), "place"),
                ("", 5, Causes::cddl(book), "causes"),
                ("", 6, Vec::<SourceLabel>::cddl(book), "labels"),
                ("? ", 7, Identity::cddl(book), "identity"),
                ("? ", 8, TraceContext::cddl(book), "trace"),
                ("? ", 9, GraphPlace::cddl(book), "graph"),
                ("", 10, bool::cddl(book), "clock_stepped"),
            ];
            let body = Self::cddl_body(book);
            let tail = [
                ("", 13, Vec::<ContentEntry>::cddl(book), "contents"),
                ("? ", 14, Extracted::cddl(book), "extracted"),
                ("", 15, Derived::cddl(book), "derived"),
            ];
            let line = |(mode, key, ty, name)| format!("  {mode}{key} => {ty}, ; {name}\n");
            let head: String = head.into_iter().map(line).collect();
            let tail: String = tail.into_iter().map(line).collect();
            format!("{{\n{head}  {body}, ; kind and body\n{tail}}}")
        })
    }

    /// The group of kind and body: one choice a kind.
    fn cddl_body(book: &mut Cddl) -> String {
        book.rule("kind-and-body", |book| {
            let choice = |(kind, body): (Kind, String)| {
                format!("11 => {}, 12 => {body} ; {}", kind.code(), kind.name())
            };
            let choices: Vec<String> = Body::cddl(book).into_iter().map(choice).collect();
            format!("(\n     {}\n)", choices.join("\n  // "))
        })
    }
}

/// No frame can be made of a record. One that is too large belongs, with its long lists, into contents or more records.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {bytes} bytes has no frame: {fault}")]
pub struct FrameRefused {
    /// What decoding the frame would find.
    pub fault: DecodeFault,
    /// Bytes of the record as the encoder wrote it.
    pub bytes: usize,
    /// The buffer handed in, as it was.
    pub frames: Vec<u8>,
}

/// The fault of a record that decoding reads within [`FRAME_BYTES_MAX`] alone: where bytes go on behind that, it does not
/// end too early but too late.
fn beyond_frame(frames: &[u8], error: DecodeError) -> DecodeError {
    let cut = error.fault == DecodeFault::Truncated && frames.len() > FRAME_BYTES_MAX;
    if cut { DecodeError::new(error.at, DecodeFault::FrameLength) } else { error }
}

/// The longest padding.
const ZEROS: [u8; FRAME_BLOCK_BYTES] = [0; FRAME_BLOCK_BYTES];

/// Where the frame ends whose record ends at `record_end`: padding checked.
pub(crate) fn frame_end(frames: &[u8], record_end: usize) -> Result<usize, DecodeError> {
    let end = record_end.next_multiple_of(FRAME_BLOCK_BYTES);
    match frames.get(record_end..end) {
        Some(padding) if Some(padding) == ZEROS.get(..padding.len()) => Ok(end),
        Some(_) => Err(DecodeError::new(record_end, DecodeFault::Padding)),
        None => Err(DecodeError::new(record_end, DecodeFault::Truncated)),
    }
}

/// The frames that tile these bytes, in order; each found as [`frame_length`] does. Nothing comes after a fault.
///
/// Its place counts from the start of its frame.
pub fn split_frames(mut frames: &[u8]) -> impl Iterator<Item = Result<&[u8], DecodeError>> {
    std::iter::from_fn(move || {
        if frames.is_empty() {
            return None;
        }
        let found = frame_length(frames).map(|length| frames.split_at(length));
        let (frame, rest) = match found {
            Ok((frame, rest)) => (Ok(frame), rest),
            Err(error) => (Err(error), [].as_slice()),
        };
        frames = rest;
        Some(frame)
    })
}

/// Length of the frame at the start of `frames`, found without knowing the record's kind. Checks canonical form and padding.
///
/// # Errors
/// The first fault and its place.
pub fn frame_length(frames: &[u8]) -> Result<usize, DecodeError> {
    let mut d = Decoder::new(frames.get(..FRAME_BYTES_MAX).unwrap_or(frames));
    d.skip().map_err(|error| beyond_frame(frames, error))?;
    frame_end(frames, d.position())
}
