//! Frames decoded one after the other: what a record says as an earlier one did is not built again.

use crate::cbor::{DecodeError, Decoder};
use crate::digest::Digest;
use crate::ids::{RecordedTime, SpanId, TraceId};
use crate::kinds::{Body, Kind};
use crate::limits::{FRAME_BYTES_MAX, LIST_ITEMS_MAX};
use crate::record::{ContentEntry, ContentLength, Derived, Extracted, MediaType, Record, frame_end};
use crate::rules::Outcome;
use crate::schema::Field;
use crate::values::{GraphPlace, Identity, Origin, Place, TraceContext};

/// Decodes the frames of consecutive records, each as [`Record::decode_frame`] does, at less cost.
///
/// Records of a run say over and over who acts, for whom, where and with what. Each is read onto an earlier one of its kind
/// ([`Field::decode_onto`]): a field that says the same stays, and no memory is given back to be asked for again.
#[derive(Debug, Default)]
pub struct FrameDecoder(Option<Box<Known>>);

/// The record decoded last, and what earlier ones had that it does without.
#[derive(Debug)]
struct Known {
    record: Record,
    place: Option<Place>,
    identity: Kept<Identity>,
    graph: Kept<GraphPlace>,
    /// The last body of each other kind, kinds in the order in which they came.
    bodies: Vec<(Kind, Body)>,
}

/// A field that not every record has and that often says the same: the bytes it was read from last, and its value while records do without.
/// A canonical item ends by itself, and what it holds does not depend on what stands around it.
#[derive(Debug)]
struct Kept<T> {
    bytes: Vec<u8>,
    value: Option<T>,
}

impl FrameDecoder {
    /// A decoder that has seen no frame.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the record of the frame at the start of `frames`, and the frame's length.
    ///
    /// # Errors
    /// Those of [`Record::decode_frame`].
    pub fn decode(&mut self, frames: &[u8]) -> Result<(&Record, usize), DecodeError> {
        let read = self.0.take().and_then(|mut known| Some((known.decode(frames)?, known)));
        let (length, known) = match read {
            Some(read) => read,
            // What is unusual is for the plain decoder to judge, and of a record that was read half nothing is known.
            None => {
                let (record, length) = Record::decode_frame(frames)?;
                (length, Box::new(Known::new(record)))
            }
        };
        Ok((&self.0.insert(known).record, length))
    }
}

impl Known {
    fn new(record: Record) -> Self {
        Self { record, place: None, identity: Kept::new(), graph: Kept::new(), bodies: Vec::new() }
    }

    /// Reads a frame over the record decoded last, and returns its length; nothing where the frame is not an ordinary one.
    fn decode(&mut self, frames: &[u8]) -> Option<usize> {
        let mut decoder = Decoder::new(frames.get(..FRAME_BYTES_MAX).unwrap_or(frames));
        let d = &mut decoder;
        let mut keys = d.map().ok()?;
        let Record { input, extracted, derived } = &mut self.record;
        macro_rules! required {
            ($key:literal, $decode:expr) => {
                if keys.stands::<$key>(d) { $decode.ok()? } else { return None }
            };
        }
        input.sequence = required!(0, u64::decode(d));
        input.time = keys.field::<1, RecordedTime>(d).ok()?;
        required!(2, input.actor.decode_onto(d));
        input.origin = required!(3, Origin::decode(d));
        decode_place(keys.stands::<4>(d), &mut input.place, &mut self.place, d)?;
        required!(5, input.causes.decode_onto(d));
        required!(6, input.labels.decode_onto(d));
        self.identity.decode(keys.stands::<7>(d), &mut input.identity, d)?;
        input.trace = if keys.stands::<8>(d) { Some(trace_context(d)?) } else { None };
        self.graph.decode(keys.stands::<9>(d), &mut input.graph, d)?;
        input.clock_stepped = required!(10, bool::decode(d));
        let kind = required!(11, Kind::decode_known(d));
        if kind != input.body.kind() {
            change_kind(kind, &mut input.body, &mut self.bodies);
        }
        required!(12, input.body.decode_onto(kind, d));
        if !keys.stands::<13>(d) {
            return None;
        }
        decode_contents(&mut input.contents, d)?;
        *extracted = keys.field::<14, Extracted>(d).ok()?;
        if !keys.stands::<15>(d) {
            return None;
        }
        decode_derived(derived, d)?;
        keys.end(d).ok()?;
        self.record.check().ok()?;
        frame_end(frames, d.position()).ok()
    }
}

impl<T: Field> Kept<T> {
    fn new() -> Self {
        Self { bytes: Vec::new(), value: None }
    }

    /// Reads the field where the record has it.
    fn decode(&mut self, stands: bool, field: &mut Option<T>, d: &mut Decoder<'_>) -> Option<()> {
        lay(stands, field, &mut self.value);
        if !stands || (field.is_some() && !self.bytes.is_empty() && d.pass_over(&self.bytes)) {
            return Some(());
        }
        let before = d.clone();
        match field {
            Some(value) => value.decode_onto(d).ok()?,
            None => *field = Some(T::decode(d).ok()?),
        }
        self.bytes.clear();
        self.bytes.extend_from_slice(d.read_since(&before));
        Some(())
    }
}

/// Lays an earlier value where the record has the field, and the field's aside where it does without.
fn lay<T>(stands: bool, field: &mut Option<T>, aside: &mut Option<T>) {
    if field.is_some() != stands {
        std::mem::swap(field, aside);
    }
}

/// Reads a place where the record has one. No two records of a turn stand at the same one, but most of its parts say the same.
fn decode_place(
    stands: bool,
    field: &mut Option<Place>,
    aside: &mut Option<Place>,
    d: &mut Decoder<'_>,
) -> Option<()> {
    lay(stands, field, aside);
    match field {
        Some(place) => {
            let mut ahead = d.clone();
            match glance_at_place(place, &mut ahead) {
                Some(()) => *d = ahead,
                None => place.decode_onto(d).ok()?,
            }
        }
        None if stands => *field = Some(Place::decode(d).ok()?),
        None => {}
    }
    Some(())
}

/// Reads a place whose index and attempt take a byte each.
fn glance_at_place(place: &mut Place, d: &mut Decoder<'_>) -> Option<()> {
    let [0xa4, 0] = d.window()? else { return None };
    d.pass(2);
    place.agent.decode_onto(d).ok()?;
    let [1] = d.window()? else { return None };
    d.pass(1);
    place.turn = u32::decode(d).ok()?;
    let [2, index @ 0..24, 3, attempt @ 0..24] = d.window()? else { return None };
    d.pass(4);
    (place.index, place.attempt) = (u16::from(*index), u16::from(*attempt));
    Some(())
}

/// Puts the last body of this kind, where there was one, into the place of that of another.
fn change_kind(kind: Kind, body: &mut Body, others: &mut Vec<(Kind, Body)>) {
    let before = body.kind();
    match others.iter_mut().find(|(other, _)| *other == kind) {
        Some((held, other)) => {
            std::mem::swap(body, other);
            *held = before;
        }
        None => others.push((before, body.clone())),
    }
}

/// Reads a list of contents: entries of one form, whose bytes tell where each field is.
fn decode_contents(contents: &mut Vec<ContentEntry>, d: &mut Decoder<'_>) -> Option<()> {
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

/// Reads the derived part: at a glance that of a record which keeps all rules and is no decision.
fn decode_derived(derived: &mut Derived, d: &mut Decoder<'_>) -> Option<()> {
    let Some([0xa3, 0, outcome, 1, 0x80, 2, 0x58, 32, delta @ ..]) = d.window::<40>() else {
        return derived.decode_onto(d).ok();
    };
    d.pass(40);
    derived.outcome = coded(*outcome, Outcome::from_code)?;
    derived.breaches.clear();
    derived.delta = Digest(*delta);
    derived.checksum = None;
    Some(())
}

/// Reads a trace context: at a glance one of trace and span.
fn trace_context(d: &mut Decoder<'_>) -> Option<TraceContext> {
    let Some([0xa2, 0, 0x50, ids @ ..]) = d.window::<29>() else { return TraceContext::decode(d).ok() };
    let (trace, rest) = ids.split_first_chunk()?;
    let ([1, 0x48], span) = rest.split_first_chunk()? else { return None };
    d.pass(29);
    Some(TraceContext { trace: TraceId(*trace), span: Some(SpanId(span.try_into().ok()?)) })
}

/// The value of a registry with a code that takes one byte.
#[inline]
fn coded<T>(byte: u8, from_code: impl FnOnce(u64) -> Option<T>) -> Option<T> {
    if byte < 24 { from_code(u64::from(byte)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;
    use crate::schema::to_bytes;

    fn place(agent: &str, turn: u32, index: u16, attempt: u16) -> Place {
        Place { agent: Id::new(agent).unwrap(), turn, index, attempt }
    }

    #[test]
    fn a_place_whose_index_and_attempt_take_a_byte_each_is_read_at_a_glance() {
        let known = place("planner", 7, 1, 0);
        for (stands, is_glanced_at) in [
            (place("planner", 7, 2, 0), true),
            (place("writer", 300, 23, 23), true),
            (place("planner", 7, 24, 0), false),
            (place("planner", 7, 0, 24), false),
        ] {
            let bytes = [to_bytes(&stands), vec![0xf6]].concat();
            let (mut read, mut d) = (known.clone(), Decoder::new(&bytes));
            assert_eq!(glance_at_place(&mut read, &mut d).is_some(), is_glanced_at, "{stands:?}");
            assert!(!is_glanced_at || (read == stands && d.remaining() == 1), "{stands:?}");
        }
    }

    #[test]
    fn a_byte_that_is_a_whole_number_is_a_code_and_no_other() {
        assert_eq!((coded(0, Some), coded(23, Some), coded(24, Some)), (Some(0), Some(23), None));
        assert_eq!(coded(1, |_| None::<u64>), None);
    }
}
