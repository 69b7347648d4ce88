//! Each limit holds on both sides: what reaches it is written and read, one more is refused by both.

use rederive_evidence::cbor::{DecodeError, DecodeFault, Decoder, Encoder, Item};
use rederive_evidence::draft::{Draft, DraftContent, TooManyContents};
use rederive_evidence::ids::{Content, Id, IdFault, RecordRef};
use rederive_evidence::kinds::approval::ApprovalEvidence;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::limits;
use rederive_evidence::proof::PROOF_BYTES_MAX;
use rederive_evidence::record::{Causes, ContentEntry, ContentLength, MediaType, Record, frame_length};
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::schema::{Field, from_bytes, to_bytes};
use rederive_evidence::state_proof::{STATE_ENTRY_BYTES_MAX, STATE_PROOF_BYTES_MAX};
use rederive_evidence::tree::LEAVES_MAX;
use rederive_evidence::values::{Label, SourceLabel};

use crate::bytes::{decoded, encoded, skipped};

fn above(limit: u64, found: u64) -> DecodeFault {
    DecodeFault::Limit { limit, found }
}

/// The encoder and the decoder refuse the record for the same reason.
#[track_caller]
fn refused(record: &Record, fault: DecodeFault) {
    assert_eq!(record.check(), Err(fault));
    assert_eq!(decoded(&encoded(record)).map_err(|error| error.fault), Err(fault));
    let before = vec![1, 2, 3];
    let refused = record.append_frame(before.clone()).expect_err("no frame");
    assert_eq!((refused.fault, refused.frames), (fault, before));
}

#[track_caller]
fn taken(record: &Record) {
    assert_eq!(record.check(), Ok(()));
    assert_eq!(decoded(&encoded(record)).as_ref(), Ok(record));
    let frame = record.append_frame(Vec::new()).expect("a frame");
    assert_eq!(Record::decode_frame(&frame).map(|(record, _)| record).as_ref(), Ok(record));
}

/// What a second implementation reads in SPEC.md, "Limits".
#[test]
fn the_limits_are_these_numbers_for_ever() {
    let table = [
        (limits::FRAME_BYTES_MAX as u64, 65_536),
        (limits::FRAME_BLOCK_BYTES as u64, 64),
        (limits::SEGMENT_RECORDS_MAX as u64, 4_096),
        (limits::SEGMENT_BYTES_MAX as u64, 1_048_576),
        (LEAVES_MAX, 4_294_967_296),
        (limits::CONTENT_BYTES_MAX, 268_435_456),
        (limits::ID_BYTES_MAX as u64, 128),
        (limits::CAUSE_RANGES_MAX, 4_096),
        (limits::LIST_ITEMS_MAX, 4_096),
        (limits::DEPTH_MAX as u64, 16),
        (u64::from(limits::DELEGATION_DEPTH_MAX), 16),
        (limits::SIGNED_BYTES_MAX as u64, 4_096),
        (limits::RECEIPT_BYTES_MAX as u64, 66_560),
        (limits::SPAN_BYTES_MIN, 8_388_608),
        (limits::SPAN_STATE_FACTOR, 4),
        (PROOF_BYTES_MAX as u64, 270_532_608),
        (STATE_ENTRY_BYTES_MAX, 1_048_576),
        (STATE_PROOF_BYTES_MAX as u64, 2_162_688),
    ];
    for (row, (limit, number)) in table.into_iter().enumerate() {
        assert_eq!(limit, number, "row {row}");
    }
    // No limit of the format: a recorder leaves room for the record that closes a segment.
    let aim = limits::SEGMENT_BYTES_MAX / 4..=limits::SEGMENT_BYTES_MAX / 2;
    assert!(aim.contains(&limits::SEGMENT_BYTES_AIM));
}

#[test]
fn an_identifier_has_1_to_128_bytes() {
    assert_eq!(Id::new(""), Err(IdFault::Empty));
    let most = Id::new(&"a".repeat(128)).unwrap();
    assert_eq!(from_bytes::<Id>(&to_bytes(&most)), Ok(most));
    assert_eq!(Id::new(&"a".repeat(129)), Err(IdFault::Long(129)));
    // Bytes are counted, and only ASCII has any.
    assert_eq!(Id::new(&"\u{e9}".repeat(64)), Err(IdFault::Alphabet(0)));
    let mut e = Encoder::new();
    e.text(&"a".repeat(129));
    assert_eq!(from_bytes::<Id>(e.as_bytes()), Err(DecodeError::new(0, above(128, 129))));
}

#[test]
fn each_character_is_in_the_alphabet_of_identifiers_or_not() {
    let allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:/+=#-";
    for byte in 0..=u8::MAX {
        let character = char::from(byte);
        let text = format!("a{character}");
        assert_eq!(Id::new(&text).is_ok(), allowed.contains(character), "{character:?}");
        let mut e = Encoder::new();
        e.text(&text);
        assert_eq!(from_bytes::<Id>(e.as_bytes()).is_ok(), allowed.contains(character), "{character:?}");
    }
}

#[test]
fn a_list_has_at_most_4_096_items() {
    let listed = |items: usize| to_bytes(&vec![0_u64; items]);
    assert_eq!(from_bytes::<Vec<u64>>(&listed(4_096)).map(|list| list.len()), Ok(4_096));
    assert_eq!(from_bytes::<Vec<u64>>(&listed(4_097)), Err(DecodeError::new(0, above(4_096, 4_097))));
}

/// Evidence of an approval that many records influenced.
fn influenced(by: Vec<RecordRef>) -> Record {
    let mut record = Record::full(Kind::ApprovalEvidence, 1);
    let Body::ApprovalEvidence(evidence) = &mut record.input.body else { panic!("another body") };
    let evidence: &mut ApprovalEvidence = evidence;
    evidence.influences = by;
    record
}

#[test]
fn every_list_of_a_record_has_at_most_4_096_items() {
    taken(&influenced(vec![RecordRef(7); 4_096]));
    refused(&influenced(vec![RecordRef(7); 4_097]), above(4_096, 4_097));

    let full = Record::full(Kind::RunClosed, 1);
    let with_labels = |labels| {
        let label = SourceLabel { content: None, from: None, to: None, label: Label::UNKNOWN };
        let mut record = full.clone();
        record.input.labels = vec![label; labels];
        record
    };
    taken(&with_labels(4_096));
    refused(&with_labels(4_097), above(4_096, 4_097));

    let with_breaches = |breaches| {
        let breach = Breach { rule: Rule::Run1, reason: Reason::NotOpened, record: None, item: None };
        let mut record = full.clone();
        record.derived.breaches = vec![breach; breaches];
        record
    };
    taken(&with_breaches(4_096));
    refused(&with_breaches(4_097), above(4_096, 4_097));
}

#[test]
fn a_record_has_at_most_4_096_ranges_of_causes() {
    let with_causes = |ranges: u64| {
        let mut record = Record::full(Kind::RunClosed, 1);
        record.input.causes = Causes::of((0..ranges).map(|range| 2 * range));
        record
    };
    taken(&with_causes(4_096));
    // Two numbers a range.
    refused(&with_causes(4_097), above(8_192, 8_194));
}

#[test]
fn a_range_of_causes_ends_two_below_the_last_number() {
    let causes = |first: u64, count: u64| {
        let mut e = Encoder::new();
        e.array(2);
        e.unsigned(first);
        e.unsigned(count);
        from_bytes::<Causes>(e.as_bytes())
    };
    let ranges = Err(DecodeError::new(1, DecodeFault::Ranges));
    let last = causes(u64::MAX - 2, 1).unwrap();
    assert_eq!((last.last(), last.records().count()), (Some(u64::MAX - 2), 1));
    assert_eq!(last, Causes::of([u64::MAX - 2]));
    assert_eq!(causes(u64::MAX - 2, 2), ranges);
    assert_eq!(causes(u64::MAX - 1, 1), ranges);
    assert_eq!(causes(u64::MAX, 1), ranges);
    assert_eq!(causes(0, u64::MAX - 1).unwrap().last(), Some(u64::MAX - 2));
    assert_eq!(causes(0, u64::MAX), ranges);
    assert_eq!(causes(5, 0), ranges);

    let mut record = Record::full(Kind::RunClosed, 1);
    record.input.causes = Causes::of([u64::MAX - 2]);
    taken(&record);
    record.input.causes = Causes::of([u64::MAX - 1]);
    refused(&record, DecodeFault::Ranges);
    record.input.causes = Causes::of([u64::MAX]);
    assert_eq!(record.input.causes.records().collect::<Vec<_>>(), [u64::MAX]);
    refused(&record, DecodeFault::Ranges);
}

#[test]
fn ranges_of_causes_stand_one_record_apart_at_least() {
    let causes = |numbers: &[u64]| {
        let mut e = Encoder::new();
        e.array(numbers.len());
        numbers.iter().for_each(|number| e.unsigned(*number));
        from_bytes::<Causes>(e.as_bytes())
    };
    let apart = causes(&[3, 2, 6, 1]).unwrap();
    assert_eq!(apart.records().collect::<Vec<_>>(), [3, 4, 6]);
    assert!(apart.contains(4) && !apart.contains(5) && apart.contains(6) && !apart.contains(2));
    assert_eq!(causes(&[3, 2, 5, 1]), Err(DecodeError::new(3, DecodeFault::Ranges)));
    assert_eq!(causes(&[3, 2, 4, 1]), Err(DecodeError::new(3, DecodeFault::Ranges)));
    assert_eq!(causes(&[3]), Err(DecodeError::new(0, DecodeFault::Ranges)));
}

#[test]
fn a_record_number_referred_to_is_below_the_last_one() {
    taken(&influenced(vec![RecordRef(u64::MAX - 1)]));
    refused(&influenced(vec![RecordRef(u64::MAX)]), above(u64::MAX - 1, u64::MAX));
}

#[test]
fn a_content_has_at_most_256_mib() {
    let with_content = |bytes| {
        let mut record = Record::full(Kind::RunClosed, 1);
        let commitment = record.derived.delta;
        let entry = ContentEntry { commitment, bytes: ContentLength(bytes), media: MediaType::Octets };
        record.input.contents = vec![entry; 8];
        record
    };
    taken(&with_content(256 << 20));
    refused(&with_content((256 << 20) + 1), above(256 << 20, (256 << 20) + 1));
}

#[test]
fn a_draft_brings_at_most_4_096_contents() {
    let mut draft = Draft::full(Kind::ToolUnknown, 1);
    draft.contents.clear();
    draft.labels.clear();
    for index in 0..4_096 {
        assert_eq!(draft.content(MediaType::Octets, []), Ok(Content(index)));
    }
    assert_eq!(draft.check(), Ok(()));
    assert_eq!(draft.content(MediaType::Octets, []), Err(TooManyContents));
    let one_more = draft.contents[0].clone();
    draft.contents.push(one_more);
    assert_eq!(draft.check(), Err(above(4_096, 4_097)));
}

/// The bytes are zeros that nobody looks at: no memory is touched for them.
#[test]
fn a_content_of_a_draft_has_at_most_256_mib() {
    let draft = |bytes: usize| {
        let mut draft = Draft::full(Kind::ToolUnknown, 1);
        draft.labels.clear();
        draft.contents = vec![DraftContent { media: MediaType::Octets, bytes: vec![0; bytes] }];
        draft
    };
    assert_eq!(draft(256 << 20).check(), Ok(()));
    assert_eq!(draft((256 << 20) + 1).check(), Err(above(256 << 20, (256 << 20) + 1)));
}

#[test]
fn a_content_index_has_an_entry() {
    let mut record = Record::full(Kind::OutputProduced, 1);
    record.input.labels.clear();
    let Body::OutputProduced(body) = &mut record.input.body else { panic!("another body") };
    body.output = Content(2);
    let entry = record.input.contents[0];
    record.input.contents = vec![entry; 3];
    taken(&record);
    record.input.contents.pop();
    refused(&record, DecodeFault::ContentIndex { index: 2, listed: 2 });
    record.input.contents.clear();
    refused(&record, DecodeFault::ContentIndex { index: 2, listed: 0 });

    let Body::OutputProduced(body) = &mut record.input.body else { panic!("another body") };
    body.output = Content(0);
    record.input.contents = vec![entry];
    let label = |content| SourceLabel {
        content: Some(Content(content)),
        from: None,
        to: None,
        label: Label::UNKNOWN,
    };
    record.input.labels = vec![label(0)];
    taken(&record);
    record.input.labels.push(label(1));
    refused(&record, DecodeFault::ContentIndex { index: 1, listed: 1 });
}

/// A record of exactly this many bytes: references of nine bytes each, and an actor whose name fills up what is left.
fn record_of(bytes: usize) -> Record {
    let with = |references: usize, letters: usize| {
        let mut record = influenced(vec![RecordRef(1 << 40); references]);
        record.input.contents = vec![record.input.contents[0]; 900];
        record.input.actor = Id::new(&"a".repeat(letters)).unwrap();
        record
    };
    let few = 300;
    let references = few + (bytes - encoded(&with(few, 1)).len()) / 9;
    let letters = 1 + bytes - encoded(&with(references, 1)).len();
    let record = with(references, letters);
    assert_eq!(encoded(&record).len(), bytes);
    record
}

#[test]
fn a_frame_has_at_most_65_536_bytes() {
    let most = record_of(65_536);
    let frame = most.append_frame(Vec::new()).unwrap();
    assert_eq!(frame.len(), 65_536);
    taken(&most);
    // What follows the frame makes no difference.
    let followed = [frame.as_slice(), &[0xff; 100]].concat();
    assert_eq!(Record::decode_frame(&followed), Ok((most, 65_536)));

    let padded = record_of(65_536 - 63).append_frame(Vec::new()).unwrap();
    assert_eq!(padded.len(), 65_536);

    let more = record_of(65_537);
    let refused = more.append_frame(vec![9]).expect_err("too large");
    assert_eq!((refused.fault, refused.bytes, refused.frames), (DecodeFault::FrameLength, 65_537, vec![9]));
    let by_hand = [encoded(&more), vec![0; 63]].concat();
    let error = Record::decode_frame(&by_hand).expect_err("too large");
    assert_eq!(error.fault, DecodeFault::FrameLength);
    // What ends with the largest frame's last byte may have been cut there; what goes on behind it is too long.
    for (bytes, fault) in [(65_536, DecodeFault::Truncated), (65_537, DecodeFault::FrameLength)] {
        let cut = Err(fault);
        assert_eq!(Record::decode_frame(&by_hand[..bytes]).map(drop).map_err(|error| error.fault), cut);
        assert_eq!(frame_length(&by_hand[..bytes]).map(drop).map_err(|error| error.fault), cut);
    }
    // It is the frame that has a limit: the record alone decodes.
    assert_eq!(decoded(&encoded(&more)), Ok(more));
}

#[test]
fn arrays_and_maps_are_nested_at_most_16_deep() {
    let arrays = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert_eq!(skipped(&arrays(16)), Ok(()));
    assert_eq!(skipped(&arrays(17)), Err(DecodeError::new(16, DecodeFault::Depth)));
    assert_eq!(skipped(&arrays(60_000)), Err(DecodeError::new(16, DecodeFault::Depth)));
    let opened = |depth: usize| {
        let bytes = arrays(depth);
        let mut d = Decoder::new(&bytes);
        (0..depth).map(|_| d.array(1)).collect::<Result<Vec<_>, _>>().map(drop)
    };
    assert_eq!(opened(16), Ok(()));
    assert_eq!(opened(17), Err(DecodeError::new(16, DecodeFault::Depth)));
}

#[test]
fn items_side_by_side_are_not_nested() {
    let mut e = Encoder::new();
    e.array(100);
    (0..100).for_each(|_| e.array(0));
    let bytes = e.into_bytes();
    assert_eq!(skipped(&bytes), Ok(()));
    let mut d = Decoder::new(&bytes);
    assert_eq!(d.array(100), Ok(100));
    for _ in 0..100 {
        assert_eq!(d.array(0), Ok(0));
        d.close();
    }
    assert_eq!(d.finish(), Ok(()));
}

#[test]
fn an_integer_takes_its_shortest_head_on_both_sides_of_each_border() {
    for (value, bytes) in [
        (0, 1),
        (23, 1),
        (24, 2),
        (0xff, 2),
        (0x100, 3),
        (0xffff, 3),
        (0x1_0000, 5),
        (0xffff_ffff, 5),
        (0x1_0000_0000, 9),
        (u64::MAX, 9),
    ] {
        let written = to_bytes::<u64>(&value);
        assert_eq!(written.len(), bytes, "{value}");
        assert_eq!(from_bytes::<u64>(&written), Ok(value));
    }
}

#[test]
fn a_number_fits_its_field() {
    fn fits<T: Field + PartialEq + std::fmt::Debug + Copy>(most: T, limit: u64) {
        assert_eq!(from_bytes::<T>(&to_bytes(&limit)), Ok(most));
        let more = from_bytes::<T>(&to_bytes(&(limit + 1)));
        assert_eq!(more, Err(DecodeError::new(0, above(limit, limit + 1))));
    }
    fits(u8::MAX, 0xff);
    fits(u16::MAX, 0xffff);
    fits(u32::MAX, 0xffff_ffff);
    fits(Content(u16::MAX), 0xffff);
    fits(RecordRef(u64::MAX - 1), u64::MAX - 1);
}

#[test]
fn a_type_is_named_by_what_was_expected_and_what_stands_there() {
    let error = from_bytes::<u64>(&[0x61, 0x61]).expect_err("a text");
    assert_eq!(error.fault, DecodeFault::Type { expected: Item::Unsigned, found: Item::Text });
    assert_eq!(error.to_string(), "byte 0: expected an unsigned integer, found a text string (C-TYPE)");
}
