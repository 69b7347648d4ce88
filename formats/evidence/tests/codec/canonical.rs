//! Bytes and values are one to one: what is encoded decodes to itself, what decodes encodes to itself.

use proptest::prelude::*;
use rederive_evidence::arbitrary::{any as drawn, record_of};
use rederive_evidence::cbor::{DecodeFault, Decoder, Encoder};
use rederive_evidence::ids::{Id, PublicKey, RecordRef, RunId, Signature, SpanId, TraceId};
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::{Causes, ContentEntry, Derived, Extracted, Record};
use rederive_evidence::schema::{Field, Given, Tally, from_bytes, to_bytes};
use rederive_evidence::values::{Actor, Label, Limits, Place, ScopeItem, SourceLabel};

use crate::bytes::{decoded, edits, encoded, member, skipped, tree, written};

/// A kind, each as likely as the others, and a record of it.
fn record() -> impl Strategy<Value = Record> {
    prop::sample::select(Kind::ALL).prop_flat_map(record_of)
}

/// Items of the subset nested to some depth, as the encoder writes them.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let scalar = prop_oneof![
        drawn::<u64>().prop_map(|value| to_bytes(&value)),
        any::<bool>().prop_map(|value| to_bytes(&value)),
        Just(vec![0xf6]),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|value| {
            let mut e = Encoder::new();
            e.bytes(&value);
            e.into_bytes()
        }),
        "\\PC{0,30}".prop_map(|value| {
            let mut e = Encoder::new();
            e.text(&value);
            e.into_bytes()
        }),
    ];
    scalar.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                let mut e = Encoder::new();
                e.array(items.len());
                items.iter().for_each(|item| e.item(item));
                e.into_bytes()
            }),
            prop::collection::btree_map(drawn::<u64>(), inner, 0..5).prop_map(|entries| {
                let mut e = Encoder::new();
                e.map(entries.len());
                for (key, item) in entries {
                    e.unsigned(key);
                    e.item(&item);
                }
                e.into_bytes()
            }),
        ]
    })
}

fn round_trips<T: Field + PartialEq + std::fmt::Debug>(value: T) {
    let bytes = to_bytes(&value);
    assert_eq!(from_bytes::<T>(&bytes), Ok(value));
    assert_eq!(skipped(&bytes), Ok(()));
}

/// The other library's tree holds nothing that the subset does not have.
fn in_subset(value: &ciborium::Value) -> bool {
    use ciborium::Value::{Array, Bool, Bytes, Float, Integer, Map, Null, Tag, Text};
    match value {
        Integer(number) => u64::try_from(*number).is_ok(),
        Bytes(_) | Text(_) | Bool(_) | Null => true,
        Array(items) => items.iter().all(in_subset),
        Map(entries) => {
            let keys: Option<Vec<u64>> = entries
                .iter()
                .map(|(key, _)| key.as_integer().and_then(|key| u64::try_from(key).ok()))
                .collect();
            keys.is_some_and(|keys| keys.is_sorted_by(|a, b| a < b))
                && entries.iter().all(|(_, value)| in_subset(value))
        }
        Float(_) | Tag(..) | _ => false,
    }
}

#[test]
fn every_kind_decodes_to_what_was_encoded_simplest_and_fullest() {
    for kind in Kind::ALL {
        let simplest = Record::draw_of(*kind, &mut rederive_evidence::arbitrary::Choices::new(Vec::new()));
        for record in [simplest, Record::full(*kind, 1), Record::full(*kind, 2)] {
            assert_eq!(record.input.body.kind(), *kind);
            assert_eq!(decoded(&encoded(&record)), Ok(record));
        }
    }
}

/// Each byte of a full record of each kind, changed in each of three ways.
#[test]
fn a_changed_byte_is_refused_or_is_another_record_with_just_these_bytes() {
    let (mut refused, mut taken) = (0, 0);
    for kind in Kind::ALL {
        let record = Record::full(*kind, 3);
        let bytes = encoded(&record);
        for at in 0..bytes.len() {
            for mask in [0x01, 0x20, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= mask;
                match decoded(&bytes) {
                    Ok(other) => {
                        assert_ne!(other, record, "byte {at} of {kind} is not decoded");
                        assert_eq!(encoded(&other), bytes, "byte {at} of {kind}");
                        taken += 1;
                    }
                    Err(error) => {
                        assert!(error.at <= bytes.len());
                        refused += 1;
                    }
                }
            }
        }
    }
    // Digests and keys take every byte, heads nearly none: a decoder that refuses or takes everything shows here.
    assert!(refused > 10_000 && taken > 10_000, "{refused} refused, {taken} taken");
}

#[test]
fn a_record_cut_anywhere_is_truncated() {
    for kind in Kind::ALL {
        let bytes = encoded(&Record::full(*kind, 4));
        for end in 0..bytes.len() {
            let error = decoded(&bytes[..end]).expect_err("a record without its end");
            assert_eq!(error.fault, DecodeFault::Truncated, "{kind} cut at {end}");
            assert!(error.at <= end);
        }
    }
}

#[test]
fn an_unknown_kind_is_a_fault_of_its_own_only_where_all_else_is_canonical() {
    let unknown: Vec<u64> = (0..300).chain([1 << 16, 1 << 40, u64::MAX]).collect();
    let unknown = unknown.into_iter().filter(|code| Kind::from_code(*code).is_none());
    let record = Record::full(Kind::ToolReturned, 5);
    for code in unknown {
        let mut of_unknown = tree(&encoded(&record));
        *member(&mut of_unknown, 11) = code.into();
        let bytes = written(&of_unknown);
        let error = decoded(&bytes).expect_err("no such kind");
        assert_eq!(error.fault, DecodeFault::UnknownKind { code });
        assert_eq!(bytes[error.at - 1], 11, "the fault stands at the kind's code");

        let cut = decoded(&bytes[..bytes.len() - 1]).map_err(|error| error.fault);
        assert_eq!(cut, Err(DecodeFault::Truncated));
        let (mut damaged, last) = (bytes.clone(), bytes.len() - 1);
        damaged[last - 33] ^= 0x80;
        let error = decoded(&damaged).expect_err("a damaged head");
        assert!(!matches!(error.fault, DecodeFault::UnknownKind { .. }), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_record_decodes_to_what_was_encoded(record in record()) {
        let bytes = encoded(&record);
        prop_assert_eq!(decoded(&bytes), Ok(record));
        prop_assert_eq!(skipped(&bytes), Ok(()));
    }

    #[test]
    fn bytes_changed_at_random_are_refused_or_encode_to_themselves(record in record(), edits in edits()) {
        let mut bytes = encoded(&record);
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        match decoded(&bytes) {
            Ok(other) => prop_assert_eq!(encoded(&other), bytes),
            Err(error) => {
                prop_assert!(error.at <= bytes.len());
                if matches!(error.fault, DecodeFault::UnknownKind { .. }) {
                    let mut d = Decoder::new(&bytes);
                    prop_assert!(d.skip().is_ok(), "{error}, and the rest is not canonical");
                }
            }
        }
    }

    #[test]
    fn another_library_reads_and_writes_the_same_bytes(record in record()) {
        let bytes = encoded(&record);
        prop_assert_eq!(written(&tree(&bytes)), bytes);
    }

    #[test]
    fn every_item_of_the_subset_is_read_over(item in item()) {
        prop_assert_eq!(skipped(&item), Ok(()));
        prop_assert_eq!(written(&tree(&item)), item);
    }

    #[test]
    fn what_is_read_over_is_in_the_subset_and_another_library_writes_the_same(item in item(), edits in edits()) {
        let mut bytes = item;
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        if skipped(&bytes).is_ok() {
            let tree = tree(&bytes);
            prop_assert!(in_subset(&tree), "{tree:?}");
            prop_assert_eq!(written(&tree), bytes);
        }
    }

    #[test]
    fn any_bytes_are_refused_or_encode_to_themselves(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(record) = decoded(&bytes) {
            prop_assert_eq!(encoded(&record), bytes);
        } else if skipped(&bytes).is_ok() {
            prop_assert_eq!(written(&tree(&bytes)), bytes);
        }
    }

    #[test]
    fn values_decode_to_what_was_encoded(
        id in drawn::<Id>(), causes in drawn::<Causes>(), content in drawn::<ContentEntry>(),
        extracted in drawn::<Extracted>(), derived in drawn::<Derived>(), place in drawn::<Place>(),
        limits in drawn::<Limits>(), actor in drawn::<Actor>(), scope in drawn::<ScopeItem>(),
        label in drawn::<SourceLabel>(),
    ) {
        round_trips(id);
        round_trips(causes);
        round_trips(content);
        round_trips(extracted);
        round_trips(derived);
        round_trips(place);
        round_trips(limits);
        round_trips(actor);
        round_trips(scope);
        round_trips(label);
    }

    #[test]
    fn scalars_decode_to_what_was_encoded(
        run in drawn::<RunId>(), trace in drawn::<TraceId>(), span in drawn::<SpanId>(), key in drawn::<PublicKey>(),
        signature in drawn::<Signature>(), reference in drawn::<RecordRef>(), label in drawn::<Label>(),
        number in drawn::<u64>(), short in drawn::<u16>(), flag in drawn::<bool>(),
    ) {
        round_trips(run);
        round_trips(trace);
        round_trips(span);
        round_trips(key);
        round_trips(signature);
        round_trips(reference);
        round_trips(label);
        round_trips(number);
        round_trips(short);
        round_trips(flag);
    }

    #[test]
    fn causes_contain_just_the_records_they_were_made_of(records in prop::collection::btree_set(0_u64..60, 0..30), other in 0_u64..60) {
        let causes = Causes::of(records.iter().rev().copied());
        prop_assert_eq!(causes.records().collect::<Vec<_>>(), records.iter().copied().collect::<Vec<_>>());
        prop_assert_eq!(causes.contains(other), records.contains(&other));
        prop_assert_eq!(causes.last(), records.last().copied());
        round_trips(causes);
    }
}

/// What stands behind it, a null among others, is not its own.
#[test]
fn a_value_read_onto_another_is_the_one_that_stands_there() {
    fn each<T: Field + Clone + PartialEq + std::fmt::Debug>(values: &[T]) {
        for (before, stands) in
            values.iter().flat_map(|before| values.iter().map(move |stands| (before, stands)))
        {
            let bytes = [to_bytes(stands), vec![0xf6]].concat();
            let (mut value, mut d) = (before.clone(), Decoder::new(&bytes));
            value.decode_onto(&mut d).unwrap();
            assert_eq!((&value, d.remaining()), (stands, 1), "read onto {before:?}");
        }
    }
    each(&[Given::Known(1_u64), Given::Known(300), Given::Absent]);
    each(&[Box::new(Given::Known(1_u64)), Box::new(Given::Absent)]);
    each(&[vec![], vec![1_u64], vec![2, 3, 4, 5, 6], vec![7; 9]]);
    each(&[Causes::NONE, Causes::of([4]), Causes::of([0, 2, 3, 9]), Causes::of((0..20).map(|i| 3 * i))]);
}

#[test]
fn what_a_source_does_not_know_is_counted_and_what_it_does_is_looked_into() {
    let counted = |reference: Given<RecordRef>| {
        let mut tally = Tally::default();
        vec![reference, Given::Absent, reference].tally(&mut tally);
        (tally.absent, tally.records)
    };
    assert_eq!(counted(Given::Absent), (3, 0));
    assert_eq!(counted(Given::Known(RecordRef(6))), (1, 7));
}

#[test]
fn the_records_between_two_are_all_of_them() {
    assert_eq!(Causes::between(3, 6), Causes::of(3..=6));
    assert_eq!(Causes::between(4, 4), Causes::of([4]));
    assert_eq!(Causes::between(5, 4), Causes::NONE);
}

#[test]
fn an_identifier_read_onto_another_is_the_one_that_stands_there() {
    let long = "a/b-c.d_e~f:g/h+i=j#k0l1m2n3o4";
    let texts = (1..=long.len()).flat_map(|length| {
        // Texts that begin alike, and that differ in their last place or in their first.
        let (text, rest) = (&long[..length], &long[1..length]);
        [text.to_owned(), format!("{}~", &long[..length - 1]), format!("z{rest}")]
    });
    let ids: Vec<Id> = texts.map(|text| Id::new(&text).unwrap()).collect();
    for (before, stands) in ids.iter().flat_map(|before| ids.iter().map(move |stands| (before, stands))) {
        let bytes = to_bytes(stands);
        // With much, little and nothing behind it.
        for behind in [64, 3, 0] {
            let bytes = [bytes.as_slice(), &vec![b'a'; behind]].concat();
            let (mut id, mut d) = (before.clone(), Decoder::new(&bytes));
            id.decode_onto(&mut d).unwrap();
            assert_eq!((&id, d.remaining()), (stands, behind), "read onto {before}");
        }
    }
}
