//! Frames decoded one after the other: what a record says as an earlier one did is not built again.

use crate::cbor::{DecodeError, Decoder, MapKeys};
use crate::digest::Digest;
use crate::ids::{Id, RecordedTime, SpanId, TraceId};
use crate::kinds::Kind;
use crate::limits::{FRAME_BYTES_MAX, LIST_ITEMS_MAX};
use crate::record::{
    ContentEntry, ContentLength, Derived, Extracted, Input, MediaType, Record, check, frame_end,
};
use crate::rules::Outcome;
use crate::schema::Field;
use crate::values::{Origin, Place, TraceContext};

/// Decodes the frames of consecutive records, each as [`Record::decode_frame`] does, at less cost.
///
/// Records of a run say over and over who acts, for whom, where and with what, and those of one kind most of all. Each is read over an earlier
/// one of its kind ([`Field::decode_onto`]): a field that says the same stays, and no memory is given back to be asked for again. The kind shows
/// late in a frame; until then it is taken to be the one that came after the last record's kind before.
#[derive(Debug, Default)]
#[allow(clippy::vec_box, reason = "records move from list to list, by their address and not byte by byte")]
pub struct FrameDecoder {
    /// The records of the batch, in order.
    batch: Vec<Box<Known>>,
    /// What is known of the records of each kind, by its code.
    kinds: Vec<KnownKind>,
    /// Of the record read last.
    last: Option<Kind>,
}

/// What is known of the records of a kind.
#[derive(Debug, Default)]
#[allow(clippy::vec_box, reason = "as the batch's")]
struct KnownKind {
    /// Records of earlier batches, to be read over.
    spare: Vec<Box<Known>>,
    /// The kind that came after it last.
    next: Option<Kind>,
}

/// A record, and the bytes of it that are likely to stand in the next one of its kind.
#[derive(Debug)]
struct Known {
    record: Record,
    /// Actor and origin.
    who: Kept,
    /// The place up to the key of its turn: the agent.
    agent: Kept,
    identity: Kept,
    /// From the graph place, where there is one, to the kind.
    kind: Kept,
    body: Kept,
}

/// The bytes that entries of a record were read from last. Canonical items end by themselves, and what they hold does not depend on what stands
/// around them: the same bytes in the same place say the same again.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Keys among them.
    keys: usize,
    /// How many times in a row others stood there.
    missed: u8,
}

/// Bytes that so many times in a row were not those of the record before are not kept any more: they would be copied and compared for nothing.
const MISSED_MAX: u8 = 4;

/// What became of a record that a frame was read over.
enum Read {
    /// It is the frame's record; the frame's length.
    Whole(usize),
    /// The frame is of this other kind. The record is of no use, and good to be read over.
    OfKind(Kind),
}

/// Reads a field that every record has.
macro_rules! required {
    ($key:literal, $decode:expr, $keys:ident, $d:ident) => {
        if $keys.stands::<$key>($d) { $decode.ok()? } else { return None }
    };
}

/// Reads a field over the one of an earlier record, where either has it.
macro_rules! optional {
    ($key:literal, $field:expr, $keys:ident, $d:ident) => {
        match (&mut $field, $keys.stands::<$key>($d)) {
            (Some(value), true) => value.decode_onto($d).ok()?,
            (none, true) => *none = Some(Field::decode($d).ok()?),
            (value, false) => *value = None,
        }
    };
}

impl FrameDecoder {
    /// A decoder that has seen no frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a new batch: the records of the one before are read over from now on.
    pub fn clear(&mut self) {
        while let Some(known) = self.batch.pop() {
            self.spare(known);
        }
    }

    /// Reads the record of the frame at the start of `frames` into the batch, and returns the frame's length.
    ///
    /// # Errors
    /// Those of [`Record::decode_frame`]; the batch is as before.
    pub fn push(&mut self, frames: &[u8]) -> Result<usize, DecodeError> {
        let (known, length) = match self.read(frames) {
            Some(read) => read,
            // What is unusual is for the plain decoder to judge, and of a record that was read half nothing is known.
            None => {
                let (record, length) = Record::decode_frame(frames)?;
                let kind = record.input.body.kind();
                // It takes the place of another of its kind: there are no more than a batch once had.
                self.of_kind(kind).into_iter().for_each(|of_kind| drop(of_kind.spare.pop()));
                (Box::new(Known::new(record)), length)
            }
        };
        let kind = known.kind();
        if let Some(last) = self.last.replace(kind).and_then(|last| self.of_kind(last)) {
            last.next = Some(kind);
        }
        self.batch.push(known);
        Ok(length)
    }

    /// The records of the batch, in order.
    pub fn records(&self) -> impl ExactSizeIterator<Item = &Record> {
        self.batch.iter().map(|known| &known.record)
    }

    /// Reads a frame over an earlier record; nothing where there is none, or the frame is not an ordinary one.
    fn read(&mut self, frames: &[u8]) -> Option<(Box<Known>, usize)> {
        let last = self.last?;
        let kind = self.of_kind(last)?.next.unwrap_or(last);
        let mut known = self.of_kind(kind)?.spare.pop()?;
        match known.read(frames)? {
            Read::Whole(length) => Some((known, length)),
            Read::OfKind(kind) => {
                self.spare(known);
                let mut known = self.of_kind(kind)?.spare.pop()?;
                let Read::Whole(length) = known.read(frames)? else { return None };
                Some((known, length))
            }
        }
    }

    /// Keeps a record to be read over.
    fn spare(&mut self, known: Box<Known>) {
        if let Some(of_kind) = self.of_kind(known.kind()) {
            of_kind.spare.push(known);
        }
    }

    fn of_kind(&mut self, kind: Kind) -> Option<&mut KnownKind> {
        let at = usize::from(kind.code());
        if at >= self.kinds.len() {
            self.kinds.resize_with(at + 1, KnownKind::default);
        }
        self.kinds.get_mut(at)
    }
}

impl Known {
    fn new(record: Record) -> Self {
        let kept = Kept::default;
        Self { record, who: kept(), agent: kept(), identity: kept(), kind: kept(), body: kept() }
    }

    fn kind(&self) -> Kind {
        self.record.input.body.kind()
    }

    /// Reads a frame over the record; nothing where the frame is not an ordinary one.
    fn read(&mut self, frames: &[u8]) -> Option<Read> {
        let mut decoder = Decoder::new(frames.get(..FRAME_BYTES_MAX).unwrap_or(frames));
        let d = &mut decoder;
        let mut keys = d.map().ok()?;
        let kind = self.read_front(&mut keys, d)?;
        if kind != self.kind() {
            return Some(Read::OfKind(kind));
        }
        self.read_back(&mut keys, d)?;
        keys.end(d).ok()?;
        frame_end(frames, d.position()).ok().map(Read::Whole)
    }

    /// Reads what stands before the body, and returns its kind.
    fn read_front(&mut self, keys: &mut MapKeys, d: &mut Decoder<'_>) -> Option<Kind> {
        let input = &mut self.record.input;
        input.sequence = required!(0, u64::decode(d), keys, d);
        input.time = keys.field::<1, RecordedTime>(d).ok()?;
        if !self.who.pass_over(keys, d) {
            let before = (*keys, d.clone());
            required!(2, input.actor.decode_onto(d), keys, d);
            input.origin = required!(3, Origin::decode(d), keys, d);
            self.who.keep(&before, keys, d);
        }
        read_place(&mut input.place, &mut self.agent, keys, d)?;
        required!(5, input.causes.decode_onto(d), keys, d);
        required!(6, input.labels.decode_onto(d), keys, d);
        if !self.identity.pass_over(keys, d) {
            let before = (*keys, d.clone());
            optional!(7, input.identity, keys, d);
            self.identity.keep(&before, keys, d);
        }
        if keys.stands::<8>(d) {
            read_trace_context(&mut input.trace, d)?;
        } else {
            input.trace = None;
        }
        if self.kind.pass_over(keys, d) {
            return Some(self.kind());
        }
        let before = (*keys, d.clone());
        optional!(9, input.graph, keys, d);
        input.clock_stepped = required!(10, bool::decode(d), keys, d);
        let kind = required!(11, Kind::decode_known(d), keys, d);
        // Of a frame of another kind nothing is read on: what stands here is not that kind's.
        if kind == input.body.kind() {
            self.kind.keep(&before, keys, d)
        } else {
            self.kind.forget()
        }
        Some(kind)
    }

    /// Reads the body, of the kind that it has, and what stands behind it.
    fn read_back(&mut self, keys: &mut MapKeys, d: &mut Decoder<'_>) -> Option<()> {
        let Record { input, extracted, derived } = &mut self.record;
        if !self.body.pass_over(keys, d) {
            let before = (*keys, d.clone());
            let kind = input.body.kind();
            required!(12, input.body.decode_onto(kind, d), keys, d);
            self.body.keep(&before, keys, d);
        }
        if !keys.stands::<13>(d) {
            return None;
        }
        read_contents(&mut input.contents, d)?;
        *extracted = keys.field::<14, Extracted>(d).ok()?;
        if !keys.stands::<15>(d) {
            return None;
        }
        read_derived(derived, d)?;
        lists_contents(input)
    }
}

impl Kept {
    /// Passes over the entries where they stand again, and says so; otherwise reads nothing.
    #[inline]
    fn pass_over(&mut self, keys: &mut MapKeys, d: &mut Decoder<'_>) -> bool {
        let passes = !self.bytes.is_empty() && keys.pass_over(self.keys, &self.bytes, d);
        if passes {
            self.missed = 0;
        }
        passes
    }

    /// Keeps what was read since keys and decoder were as `before`.
    fn keep(&mut self, (keys_before, before): &(MapKeys, Decoder<'_>), keys: &MapKeys, d: &Decoder<'_>) {
        self.forget();
        if self.missed < MISSED_MAX {
            self.missed += 1;
            self.bytes.extend_from_slice(d.read_since(before));
            self.keys = keys.read_since(keys_before);
        }
    }

    fn forget(&mut self) {
        self.bytes.clear();
    }
}

/// Reads a place where the record has one. No two records of a turn stand at the same one, but they name the same agent.
fn read_place(
    field: &mut Option<Place>,
    agent: &mut Kept,
    keys: &mut MapKeys,
    d: &mut Decoder<'_>,
) -> Option<()> {
    let known = field.as_mut().filter(|_| agent.pass_over(keys, d));
    let place = match known {
        Some(place) => place,
        None => {
            let before = (*keys, d.clone());
            *field = None;
            if !keys.stands::<4>(d) {
                return Some(());
            }
            past(&[0xa4, 0], d)?;
            let place = Place { agent: Id::decode(d).ok()?, turn: 0, index: 0, attempt: 0 };
            past(&[1], d)?;
            agent.keep(&before, keys, d);
            field.insert(place)
        }
    };
    place.turn = u32::decode(d).ok()?;
    past(&[2], d)?;
    place.index = u16::decode(d).ok()?;
    past(&[3], d)?;
    place.attempt = u16::decode(d).ok()?;
    Some(())
}

/// Passes over bytes that have to stand next.
#[inline]
fn past(bytes: &[u8], d: &mut Decoder<'_>) -> Option<()> {
    d.pass_over(bytes).then_some(())
}

/// Whether every content index has an entry, as [`Record::check`] finds out: all else that it looks at no bytes can hold that decode.
fn lists_contents(input: &Input) -> Option<()> {
    let mut tally = input.body.tally();
    input.labels.tally(&mut tally);
    check(&tally, input.contents.len() as u64).ok()
}

/// Reads a list of contents: entries of one form, whose bytes tell where each field is.
fn read_contents(contents: &mut Vec<ContentEntry>, d: &mut Decoder<'_>) -> Option<()> {
    let len = d.array(LIST_ITEMS_MAX).ok()?;
    contents.clear();
    for _ in 0..len {
        let [0xa3, 0, 0x58, 32, commitment @ .., 1] = d.window::<37>()? else { return None };
        d.pass(37);
        let bytes = ContentLength::decode(d).ok()?;
        let [2, media] = d.window()? else { return None };
        d.pass(2);
        contents.push(ContentEntry {
            commitment: Digest(*commitment),
            bytes,
            media: coded(*media, MediaType::from_code)?,
        });
    }
    d.close();
    Some(())
}

/// Reads the derived part: its fields are of one form but for the breaches.
fn read_derived(derived: &mut Derived, d: &mut Decoder<'_>) -> Option<()> {
    let [fields @ (0xa3 | 0xa4), 0, outcome, 1] = d.window()? else { return None };
    d.pass(4);
    derived.outcome = coded(*outcome, Outcome::from_code)?;
    derived.breaches.decode_onto(d).ok()?;
    derived.delta = read_digest(2, d)?;
    derived.checksum = if *fields == 0xa4 { Some(read_digest(3, d)?) } else { None };
    Some(())
}

/// Reads a digest behind its key.
#[inline]
fn read_digest(key: u8, d: &mut Decoder<'_>) -> Option<Digest> {
    let [stands, 0x58, 32, digest @ ..] = d.window::<35>()? else { return None };
    let digest = (*stands == key).then_some(Digest(*digest))?;
    d.pass(35);
    Some(digest)
}

/// Reads a trace context: at a glance one of trace and span.
fn read_trace_context(field: &mut Option<TraceContext>, d: &mut Decoder<'_>) -> Option<()> {
    let Some([0xa2, 0, 0x50, ids @ ..]) = d.window::<29>() else {
        *field = Some(TraceContext::decode(d).ok()?);
        return Some(());
    };
    let (trace, rest) = ids.split_first_chunk()?;
    let ([1, 0x48], span) = rest.split_first_chunk()? else { return None };
    *field = Some(TraceContext { trace: TraceId(*trace), span: Some(SpanId(span.try_into().ok()?)) });
    d.pass(29);
    Some(())
}

/// The value of a registry with a code that takes one byte.
#[inline]
fn coded<T>(byte: u8, from_code: impl FnOnce(u64) -> Option<T>) -> Option<T> {
    if byte < 24 { from_code(u64::from(byte)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor::Encoder;

    fn place(agent: &str, turn: u32, index: u16, attempt: u16) -> Place {
        Place { agent: Id::new(agent).unwrap(), turn, index, attempt }
    }

    /// The agent is passed over where it is the one read last, and read where it is another or there was none.
    #[test]
    fn a_place_is_read_over_any_other_and_over_none() {
        let places = [
            Some(place("planner", 7, 2, 0)),
            Some(place("planner", 300, 24, 24)),
            Some(place("writer", 7, 2, 0)),
            None,
        ];
        let (mut read, mut agent) = (None, Kept::default());
        for stands in
            places.iter().cycle().zip(places.iter().cycle().skip(1)).take(12).flat_map(|(a, b)| [a, b])
        {
            let mut e = Encoder::new();
            e.map(usize::from(stands.is_some()));
            if let Some(stands) = stands {
                e.unsigned(4);
                stands.encode(&mut e);
            }
            let bytes = e.into_bytes();
            let mut d = Decoder::new(&bytes);
            let mut keys = d.map().unwrap();
            assert_eq!(read_place(&mut read, &mut agent, &mut keys, &mut d), Some(()));
            assert_eq!((&read, keys.end(&mut d), d.remaining()), (stands, Ok(()), 0));
        }
    }

    /// A map of the keys 0, 1 and 2 that says to have so many.
    fn three(entries: usize, of_one: &str) -> Vec<u8> {
        let mut e = Encoder::new();
        e.map(entries);
        e.unsigned(0);
        e.unsigned(7);
        e.unsigned(1);
        e.text(of_one);
        e.unsigned(2);
        e.unsigned(9);
        e.into_bytes()
    }

    /// What is told by [`Kept::pass_over`], and how many bytes it leaves, where these stand.
    fn passed(kept: &mut Kept, bytes: &[u8]) -> (bool, usize) {
        let mut d = Decoder::new(bytes);
        let mut keys = d.map().unwrap();
        let left = d.remaining();
        let passes = kept.pass_over(&mut keys, &mut d);
        assert_eq!(left != d.remaining(), passes, "nothing is read, or what was kept");
        let next = if passes { keys.stands::<2>(&mut d) } else { keys.stands::<0>(&mut d) };
        assert!(next, "the map goes on behind what was read");
        (passes, d.remaining())
    }

    /// Read again, they would say the same at more cost.
    #[test]
    fn entries_that_stand_again_are_passed_over_and_no_others() {
        let bytes = three(3, "planner");
        let mut d = Decoder::new(&bytes);
        let mut keys = d.map().unwrap();
        let (mut kept, before) = (Kept::default(), (keys, d.clone()));
        assert!(!passed(&mut kept, &bytes).0, "nothing was kept");
        assert_eq!(keys.field::<0, u64>(&mut d), Ok(Some(7)));
        assert_eq!(keys.field::<1, Id>(&mut d), Ok(Some(Id::new("planner").unwrap())));
        kept.keep(&before, &keys, &d);
        assert_eq!(passed(&mut kept, &bytes), (true, 1), "the value of the next key");
        assert!(passed(&mut kept, &three(4, "planner")).0, "a map may have more entries");
        assert!(!passed(&mut kept, &three(1, "planner")).0, "they are not all the map's");
        assert!(!passed(&mut kept, &three(3, "planned")).0);
        kept.forget();
        assert!(!passed(&mut kept, &bytes).0);
    }

    #[test]
    fn bytes_that_never_stand_again_are_kept_no_longer() {
        let mut kept = Kept::default();
        let keep = |kept: &mut Kept, bytes: &[u8]| {
            let mut d = Decoder::new(bytes);
            let mut keys = d.map().unwrap();
            let before = (keys, d.clone());
            let _: (Option<u64>, Option<Id>) =
                (keys.field::<0, _>(&mut d).unwrap(), keys.field::<1, _>(&mut d).unwrap());
            kept.keep(&before, &keys, &d);
        };
        for _ in 0..2 * MISSED_MAX {
            keep(&mut kept, &three(3, "planner"));
            assert!(passed(&mut kept, &three(3, "planner")).0, "some stand again, so that all are kept");
        }
        for missed in 0..2 * MISSED_MAX {
            keep(&mut kept, &three(3, "planner"));
            assert_eq!(kept.bytes.is_empty(), missed >= MISSED_MAX, "{missed}");
            assert!(!passed(&mut kept, &three(3, "writer")).0);
        }
    }

    #[test]
    fn a_byte_that_is_a_whole_number_is_a_code_and_no_other() {
        assert_eq!((coded(0, Some), coded(23, Some), coded(24, Some)), (Some(0), Some(23), None));
        assert_eq!(coded(1, |_| None::<u64>), None);
    }
}
