//! Frames: a record's canonical bytes and the fewest zeros to a multiple of 64.

use proptest::prelude::*;
use rederive_evidence::arbitrary::{any as drawn, record_of};
use rederive_evidence::cbor::{DecodeError, DecodeFault};
use rederive_evidence::frames::FrameDecoder;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::{Record, frame_length, split_frames};

use crate::bytes::{edits, encoded};

/// Faults that say that bytes are not canonical, or not whole: what reading over a record of any kind finds too.
const FORM: &[&str] = &[
    "C-TRUNCATED",
    "C-TRAILING",
    "C-LONG-FORM",
    "C-INDEFINITE",
    "C-NEGATIVE",
    "C-TAGGED",
    "C-FLOAT",
    "C-SIMPLE",
    "C-UTF8",
    "C-KEY-ORDER",
    "C-KEY-REPEATED",
    "C-DEPTH",
    "C-PADDING",
    "C-FRAME-LENGTH",
];

fn record() -> impl Strategy<Value = Record> {
    prop::sample::select(Kind::ALL).prop_flat_map(record_of)
}

#[test]
fn a_byte_of_padding_other_than_zero_is_refused_at_the_end_of_the_record() {
    for kind in Kind::ALL {
        let record = Record::full(*kind, 6);
        let frame = record.append_frame(Vec::new()).unwrap();
        let end = encoded(&record).len();
        for at in end..frame.len() {
            let mut frame = frame.clone();
            frame[at] = 1;
            let error = Record::decode_frame(&frame).expect_err("padding is zero");
            assert_eq!((error.at, error.fault), (end, DecodeFault::Padding));
            assert_eq!(frame_length(&frame), Err(error));
        }
    }
}

#[test]
fn a_frame_cut_anywhere_is_truncated() {
    let frame = Record::full(Kind::RunOpened, 7).append_frame(Vec::new()).unwrap();
    for end in 0..frame.len() {
        let error = Record::decode_frame(&frame[..end]).expect_err("a frame without its end");
        assert_eq!(error.fault, DecodeFault::Truncated, "cut at {end}");
        assert_eq!(frame_length(&frame[..end]).map_err(|error| error.fault), Err(DecodeFault::Truncated));
    }
}

/// Spec: frames-tile.
#[test]
fn frames_are_split_up_to_the_first_that_is_none() {
    let frames: Vec<Vec<u8>> = [Kind::RunOpened, Kind::PromptGiven, Kind::RunClosed]
        .iter()
        .map(|kind| Record::full(*kind, 7).append_frame(Vec::new()).unwrap())
        .collect();
    let mut bytes = frames.concat();
    let split: Vec<_> = split_frames(&bytes).collect::<Result<_, _>>().unwrap();
    assert_eq!(split, frames);
    assert_eq!(split_frames(&[]).count(), 0);

    bytes[frames[0].len()] = 0xff;
    let split: Vec<_> = split_frames(&bytes).collect();
    let fault = frame_length(&bytes[frames[0].len()..]).expect_err("no head");
    assert_eq!(split, [Ok(frames[0].as_slice()), Err(fault)], "nothing comes after the fault");
}

/// The last record of the batch with this frame in it, and the frame's length.
fn pushed(decoder: &mut FrameDecoder, frame: &[u8]) -> Result<(Record, usize), DecodeError> {
    let length = decoder.push(frame)?;
    Ok((decoder.records().last().unwrap().clone(), length))
}

/// Spec: content-index.
#[test]
fn a_content_index_without_an_entry_is_refused_in_a_record_read_over_one_that_has_it() {
    let kinds = [Kind::PromptAnswered, Kind::ToolProposed, Kind::OutputProduced, Kind::ContextRetrieved];
    for kind in kinds {
        let record = Record::full(kind, 4);
        let mut short = record.clone();
        short.input.contents.clear();
        let mut frame = encoded(&short);
        frame.resize(frame.len().next_multiple_of(64), 0);
        let mut decoder = FrameDecoder::new();
        let whole = record.append_frame(Vec::new()).unwrap();
        for _ in 0..3 {
            assert_eq!(pushed(&mut decoder, &whole), Ok((record.clone(), whole.len())));
            decoder.clear();
        }
        let refused = decoder.push(&frame).expect_err("a content that is not there");
        assert_eq!(refused.fault.code(), "C-CONTENT-INDEX", "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_frame_is_the_record_and_the_fewest_zeros_to_a_multiple_of_64(record in record(), before in prop::collection::vec(any::<u8>(), 0..200)) {
        let bytes = encoded(&record);
        let frames = record.append_frame(before.clone()).unwrap();
        let frame = frames.strip_prefix(before.as_slice()).unwrap();
        let padding = frame.strip_prefix(bytes.as_slice()).unwrap();
        prop_assert!(padding.len() < 64 && padding.iter().all(|byte| *byte == 0));
        prop_assert!(frame.len().is_multiple_of(64));
    }

    /// Spec: frames-tile.
    #[test]
    fn frames_that_follow_each_other_decode_one_after_the_other(records in prop::collection::vec(drawn::<Record>(), 0..4), after in prop::collection::vec(any::<u8>(), 0..70)) {
        let mut frames = Vec::new();
        for record in &records {
            frames = record.append_frame(frames).unwrap();
        }
        let whole = frames.len();
        frames.extend(after);
        let mut at = 0;
        for record in records {
            let (read, length) = Record::decode_frame(&frames[at..]).unwrap();
            prop_assert_eq!(read, record);
            prop_assert_eq!(frame_length(&frames[at..]), Ok(length));
            at += length;
        }
        prop_assert_eq!(at, whole);
    }

    /// Whatever came before: fields that come and go, that say the same or not, bytes that are no record, batches of one or more.
    #[test]
    fn frames_decoded_one_over_the_other_are_the_records_and_faults_of_each_alone(
        kinds in prop::collection::vec(prop::sample::select(Kind::ALL), 1..4),
        records in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..6, edits(), 0..4), 1..24),
    ) {
        let mut decoder = FrameDecoder::new();
        for (kind, filling, edits, choice) in records {
            let record = Record::full(*kind.get(&kinds), filling);
            let mut frame = record.append_frame(Vec::new()).unwrap();
            edits.iter().filter(|_| choice == 0).for_each(|edit| edit.apply(&mut frame));
            if choice > 1 {
                decoder.clear();
            }
            prop_assert_eq!(pushed(&mut decoder, &frame), Record::decode_frame(&frame));
        }
    }

    /// Each record is told by the one before it which kind it is of, rightly or not, and stays as it is while its batch grows.
    #[test]
    fn records_of_any_content_decoded_one_over_the_other_are_those_of_each_alone(
        records in prop::collection::vec(drawn::<Record>(), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..48),
        batch in 1_usize..6,
    ) {
        let mut decoder = FrameDecoder::new();
        for batch in order.chunks(batch) {
            decoder.clear();
            for record in batch.iter().map(|next| next.get(&records)) {
                let frame = record.append_frame(Vec::new()).unwrap();
                prop_assert_eq!(decoder.push(&frame), Ok(frame.len()));
            }
            let read: Vec<&Record> = decoder.records().collect();
            prop_assert_eq!(read, batch.iter().map(|next| next.get(&records)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_length_of_a_frame_is_the_same_whether_its_kind_is_known_or_not(record in record(), edits in edits()) {
        let mut frame = record.append_frame(Vec::new()).unwrap();
        edits.iter().for_each(|edit| edit.apply(&mut frame));
        match (Record::decode_frame(&frame), frame_length(&frame)) {
            (Ok((_, length)), skipped) => prop_assert_eq!(skipped, Ok(length)),
            (Err(error), Ok(_)) => prop_assert!(!FORM.contains(&error.fault.code()), "{error}"),
            (Err(_), Err(error)) => prop_assert!(FORM.contains(&error.fault.code()) || error.fault.code() == "C-TYPE", "{error}"),
        }
    }

    #[test]
    fn any_bytes_are_a_frame_or_a_fault_within_them(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for error in [Record::decode_frame(&bytes).err(), frame_length(&bytes).err()].into_iter().flatten() {
            prop_assert!(error.at <= bytes.len());
        }
    }
}
