//! Memory is asked for only once the bytes that shall fill it are there.

use allocation_counter::measure;
use proptest::prelude::*;
use rederive_evidence::arbitrary::record_of;
use rederive_evidence::cbor::{DecodeFault, Decoder, FaultAt};
use rederive_evidence::frames::FrameDecoder;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Kind;
use rederive_evidence::limits::FRAME_BYTES_MAX;
use rederive_evidence::record::{Causes, Record, frame_length};
use rederive_evidence::schema::{Field, from_bytes};
use rederive_evidence::values::{Place, SourceLabel};

use crate::bytes::{decoded, edits, encoded, skipped};

/// Most bytes that decoding may hold for each byte read: a one-byte item becomes a value of 8 in a list whose space doubles.
const BYTES_PER_BYTE: u64 = 64;
/// Most bytes that decoding may hold besides: the boxed body of an opening record, the stack of nested containers.
const BYTES_FIXED: u64 = 8 << 10;

/// Most bytes held at one time while this runs.
fn held(of: impl FnOnce()) -> u64 {
    measure(of).bytes_max
}

/// Heads that announce this much of each type: array, map, byte string, text.
fn announcing(length: u64) -> [Vec<u8>; 4] {
    [0x9b, 0xbb, 0x5b, 0x7b].map(|head| [&[head], length.to_be_bytes().as_slice()].concat())
}

#[test]
fn memory_that_is_held_is_seen() {
    assert_eq!(held(|| drop(std::hint::black_box(vec![0_u8; 5_000]))), 5_000);
}

#[test]
fn a_length_of_two_to_the_32_is_refused_at_its_head_and_nothing_is_allocated_for_it() {
    for length in [1 << 32, 1 << 48, u64::MAX] {
        for head in announcing(length) {
            // A kilobyte of what might be its beginning.
            let bytes = [head, vec![0; 1024]].concat();
            let mut faults = Vec::with_capacity(4);
            let most = held(|| {
                faults.push(skipped(&bytes));
                faults.push(from_bytes::<Vec<u64>>(&bytes).map(drop));
                faults.push(from_bytes::<Causes>(&bytes).map(drop));
                faults.push(decoded(&bytes).map(drop));
            });
            for fault in faults {
                let error = fault.expect_err("longer than the bytes");
                assert_eq!(error.at, 0, "{error}");
            }
            assert!(most < 1024, "{most} bytes held for {length}");
        }
    }
}

/// Each head of each kind's full record is made one that announces far too much.
#[test]
fn no_head_of_any_record_makes_the_decoder_allocate_what_it_announces() {
    for kind in Kind::ALL {
        let bytes = encoded(&Record::full(*kind, 9));
        for at in 0..bytes.len() {
            // Strings are borrowed from the bytes: nothing is ever allocated for one before it is there.
            let [array, map, ..] = announcing(1 << 32);
            for head in [array, map] {
                let hostile = [&bytes[..at], &head, &bytes[at..]].concat();
                let most = held(|| drop(decoded(&hostile)));
                let allowed = BYTES_FIXED + BYTES_PER_BYTE * hostile.len() as u64;
                assert!(most < allowed, "{most} bytes held for {} of {kind}", hostile.len());
            }
        }
    }
}

/// A list as long as its limit allows, of the shortest items there are, and none of them there.
#[test]
fn a_list_that_the_bytes_cannot_hold_is_refused_before_space_is_made() {
    fn refused<T: Field + std::fmt::Debug>(items: u16) {
        let bytes = [&[0x99], items.to_be_bytes().as_slice(), &vec![0; usize::from(items) - 1]].concat();
        let mut result = None;
        let most = held(|| result = Some(Vec::<T>::decode(&mut Decoder::new(&bytes)).map(drop)));
        assert_eq!(result.unwrap().map_err(|error| error.fault), Err(DecodeFault::Truncated));
        assert_eq!(most, size_of::<FaultAt>() as u64, "what is held is the fault alone");
    }
    refused::<u64>(4_096);
    refused::<SourceLabel>(4_096);
}

proptest! {
    #[test]
    fn memory_is_bounded_by_the_bytes_read(record in prop::sample::select(Kind::ALL).prop_flat_map(record_of), edits in edits()) {
        let mut bytes = encoded(&record);
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        let allowed = BYTES_FIXED + BYTES_PER_BYTE * bytes.len() as u64;
        prop_assert!(held(|| drop(decoded(&bytes))) < allowed);
        prop_assert!(held(|| _ = skipped(&bytes)) < 4 << 10);
    }

    #[test]
    fn memory_is_bounded_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let allowed = BYTES_FIXED + BYTES_PER_BYTE * bytes.len() as u64;
        prop_assert!(held(|| drop(decoded(&bytes))) < allowed);
        prop_assert!(held(|| _ = skipped(&bytes)) < 4 << 10);
    }
}

/// A full record, but that it keeps all rules and is no decision.
fn ordinary(kind: Kind) -> Record {
    let mut record = Record::full(kind, 4);
    (record.extracted, record.derived.breaches) = (None, Vec::new());
    record.derived.checksum = None;
    assert!(
        record.input.trace.as_ref().is_some_and(|trace| trace.span.is_some())
            && !record.input.contents.is_empty()
    );
    record
}

fn framed(record: &Record) -> Vec<u8> {
    record.append_frame(Vec::new()).unwrap()
}

/// Reads a frame in a batch of its own.
fn read(decoder: &mut FrameDecoder, frame: &[u8]) -> usize {
    decoder.clear();
    decoder.push(frame).unwrap()
}

/// That none of these is built anew, as it would be were it left to the plain decoder.
#[track_caller]
fn read_without_memory<'a>(decoder: &mut FrameDecoder, frames: impl IntoIterator<Item = &'a Vec<u8>>) {
    for (at, frame) in frames.into_iter().enumerate() {
        assert_eq!(measure(|| _ = read(decoder, frame)).count_total, 0, "frame {at}");
    }
}

#[test]
fn an_ordinary_record_is_read_onto_one_of_its_kind_without_any_memory() {
    for kind in
        [Kind::PromptGiven, Kind::PromptSent, Kind::PromptAnswered, Kind::ToolProposed, Kind::ToolReturned]
    {
        let (first, mut second) = (ordinary(kind), ordinary(kind));
        second.input.sequence += 1;
        second.input.contents.iter_mut().for_each(|entry| entry.commitment.0.reverse());
        second.derived.delta.0.reverse();
        let frames = [framed(&first), framed(&second)];
        let mut decoder = FrameDecoder::new();
        // The first is built; when the second is read over it, bytes are kept of what may come again.
        frames.iter().cycle().take(3).for_each(|frame| _ = read(&mut decoder, frame));
        read_without_memory(&mut decoder, &frames);
    }
}

/// Records that nobody told the kind of, in batches that end anywhere: those that are kept to be read over are no more than a batch had.
#[test]
fn a_decoder_does_not_grow_with_the_frames_it_reads() {
    let frames = [Kind::PromptGiven, Kind::PromptGiven, Kind::ToolReturned, Kind::ToolFailed]
        .map(|kind| Record::full(kind, 4).append_frame(Vec::new()).unwrap());
    for batch in 1..6 {
        let mut decoder = FrameDecoder::new();
        let mut read = |count: usize| {
            let frames = frames.iter().cycle().enumerate().take(count);
            frames.for_each(|(number, frame)| {
                if number % batch == 0 {
                    decoder.clear();
                }
                decoder.push(frame).unwrap();
            });
        };
        read(100);
        let grown = measure(|| read(1_000)).bytes_current;
        assert!(grown < 4 << 10, "batches of {batch}: {grown}");
    }
}

#[test]
fn records_of_two_kinds_that_say_more_and_less_by_turns_are_read_without_any_memory() {
    let (more, mut less) = (ordinary(Kind::ToolProposed), ordinary(Kind::ToolReturned));
    let input = &mut less.input;
    (input.time, input.place, input.identity, input.trace, input.graph) = (None, None, None, None, None);
    let frames = [framed(&more), framed(&less)];
    let mut decoder = FrameDecoder::new();
    // The first record of a kind is built; bytes are kept of what comes again, once it is known which kind comes after which.
    frames.iter().cycle().take(6).for_each(|frame| _ = read(&mut decoder, frame));
    read_without_memory(&mut decoder, &frames);
}

#[test]
fn a_place_after_a_record_without_one_is_read_without_any_memory() {
    let mut with = ordinary(Kind::ToolProposed);
    with.input.place = Some(Place { agent: Id::new("planner").unwrap(), turn: 3, index: 1, attempt: 0 });
    let mut without = with.clone();
    without.input.place = None;
    let frames = [framed(&without), framed(&with), framed(&without)];
    let mut decoder = FrameDecoder::new();
    frames.iter().for_each(|frame| _ = read(&mut decoder, frame));
    read_without_memory(&mut decoder, &frames);
}

#[test]
fn nothing_beyond_the_largest_frame_is_read() {
    let endless = vec![0x81; 1 << 20];
    assert!(held(|| _ = frame_length(&endless)) < 4 << 10);
    let text =
        [&[0xa1, 0x02, 0x7a], u32::MAX.to_be_bytes().as_slice(), &vec![b'a'; 2 * FRAME_BYTES_MAX]].concat();
    assert!(held(|| drop(Record::decode_frame(&text))) < 4 << 10);
}
