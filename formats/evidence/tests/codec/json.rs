//! The JSON view loses nothing, and lets nothing in that has no bytes.

use proptest::prelude::*;
use rederive_evidence::arbitrary::{draft_of, record_of};
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::Content;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{MediaType, Record};
use rederive_evidence::schema::Given;
use serde_json::{Value, json};

use crate::bytes::{decoded, encoded};

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL)
}

/// A record closing a run, as JSON, with this change made to it.
fn closing(change: impl FnOnce(&mut Value)) -> Result<Record, String> {
    let mut record = json!({
        "sequence": 9, "actor": "recorder", "origin": "code", "causes": [[1, 2], 5], "kind": "run.closed",
        "body": {"end": "failed", "reason": 0},
        "contents": [{"commitment": "00".repeat(32), "bytes": 3, "media": "text/plain"}],
        "derived": {"outcome": "applied", "breaches": [], "delta": "11".repeat(32)},
    });
    change(&mut record);
    serde_json::from_value(record).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Value), reason: &str) {
    let fault = closing(change).expect_err(reason);
    assert!(fault.contains(reason), "{fault}");
}

#[test]
fn a_record_may_leave_out_what_is_empty_and_name_single_causes() {
    let record = closing(|_| {}).unwrap();
    assert_eq!(record.input.causes.records().collect::<Vec<_>>(), [1, 2, 5]);
    assert_eq!(
        (record.input.labels.len(), record.input.clock_stepped, record.extracted.as_ref()),
        (0, false, None)
    );
    let written = serde_json::to_value(&record).unwrap();
    assert_eq!(written["causes"], json!([[1, 2], [5, 1]]));
    assert_eq!(serde_json::from_value::<Record>(written).unwrap(), record);
}

#[test]
fn causes_are_merged_where_they_meet_or_overlap() {
    let record = closing(|record| {
        record["causes"] = json!([[60, 1], [30, 2], [10, 5], [12, 8], [40, 9], [41, 2], 32]);
    });
    let ranges: Vec<_> =
        record.unwrap().input.causes.ranges().iter().map(|range| (range.first, range.count)).collect();
    assert_eq!(ranges, [(10, 10), (30, 3), (40, 9), (60, 1)]);
}

#[test]
fn a_member_that_is_missing_is_not_known_or_an_empty_list() {
    let record = Record::full(Kind::ApprovalEvidence, 1);
    let mut written = serde_json::to_value(&record).unwrap();
    let body = written["body"].as_object_mut().unwrap();
    assert!(body.remove("goal").is_some() && body.remove("influences").is_some());
    let read: Record = serde_json::from_value(written).unwrap();
    let Body::ApprovalEvidence(evidence) = &read.input.body else { panic!("another body") };
    assert_eq!((evidence.goal, evidence.influences.len()), (Given::Absent, 0));
}

#[test]
fn a_member_that_is_not_known_is_refused_at_every_level() {
    refused(|record| record["colour"] = json!(1), "unknown field `colour`");
    refused(|record| record["body"]["colour"] = json!(1), "unknown field `colour`");
    refused(|record| record["derived"]["colour"] = json!(1), "unknown field `colour`");
    refused(|record| record["contents"][0]["colour"] = json!(1), "unknown field `colour`");
}

#[test]
fn a_required_member_must_be_there() {
    for member in ["sequence", "actor", "origin", "kind", "body", "derived"] {
        let missing = |record: &mut Value| drop(record.as_object_mut().unwrap().remove(member));
        refused(missing, &format!("missing field `{member}`"));
    }
    refused(|record| record["body"] = json!({}), "missing field `end`");
}

#[test]
fn a_member_that_stands_twice_is_refused_at_every_level() {
    let text = serde_json::to_string(&closing(|_| {}).unwrap()).unwrap();
    for (once, twice) in [
        ("\"sequence\":9", "\"sequence\":9,\"sequence\":9"),
        ("\"end\":\"failed\"", "\"end\":\"failed\",\"end\":\"failed\""),
        ("\"outcome\":\"applied\"", "\"outcome\":\"applied\",\"outcome\":\"applied\""),
    ] {
        assert!(text.contains(once), "{text}");
        let fault = serde_json::from_str::<Record>(&text.replace(once, twice)).expect_err(twice).to_string();
        assert!(fault.contains("duplicate field"), "{fault}");
    }
}

#[test]
fn what_has_no_bytes_is_refused() {
    refused(|record| record["actor"] = json!("two words"), "outside the alphabet");
    refused(|record| record["actor"] = json!("a".repeat(129)), "at most 128 bytes");
    refused(|record| record["kind"] = json!("run.ended"), "unknown variant `run.ended`");
    refused(|record| record["body"]["end"] = json!("done"), "unknown variant `done`");
    refused(|record| record["body"]["end"] = json!(0), "expected");
    refused(|record| record["body"]["reason"] = json!(1), "content 1 is not in the record's list of 1");
    refused(|record| record["body"]["reason"] = json!(65_536), "expected u16");
    refused(|record| record["contents"][0]["bytes"] = json!(268_435_457), "above the limit of 268435456");
    refused(
        |record| record["contents"][0]["commitment"] = json!("AA".repeat(32)),
        "not a lowercase hexadecimal digit",
    );
    refused(|record| record["contents"][0]["commitment"] = json!("00".repeat(31)), "expected 64");
    refused(|record| record["sequence"] = json!(-1), "expected u64");
    refused(|record| record["sequence"] = json!(1.5), "expected u64");
    refused(|record| record["causes"] = json!([[1, 0]]), "at least 1");
    refused(|record| record["causes"] = json!([[u64::MAX - 1, 1]]), "below 2^64");
    let many: Vec<u64> = (0..4_097).map(|i| 2 * i).collect();
    refused(|record| record["causes"] = json!(many), "8194 is above the limit of 8192");
    let labels = vec![json!({"label": {"trust": "user", "sensitivity": "public"}}); 4_097];
    refused(|record| record["labels"] = json!(labels), "4097 is above the limit of 4096");
}

#[test]
fn a_draft_gives_each_content_as_text_or_as_base64_and_in_no_other_way() {
    let draft = |content: Value| {
        let draft = json!({
            "actor": "agent", "origin": "model", "kind": "output.produced", "body": {"output": 0}, "contents": [content],
        });
        serde_json::from_value::<Draft>(draft)
            .map(|draft| draft.contents[0].bytes.clone())
            .map_err(|error| error.to_string())
    };
    assert_eq!(draft(json!({"media": "text/plain", "text": "caf\u{e9}"})).unwrap(), "caf\u{e9}".as_bytes());
    assert_eq!(draft(json!({"media": "image/*", "base64": "AP8="})).unwrap(), [0, 255]);
    for (content, reason) in [
        (json!({"media": "text/plain"}), "either \"text\" or \"base64\""),
        (json!({"media": "text/plain", "text": "", "base64": ""}), "either \"text\" or \"base64\""),
        (json!({"media": "text/plain", "base64": "AP8"}), "length"),
        (json!({"media": "text/plain", "base64": "AP9="}), "trailing bits"),
        (json!({"media": "text/plain", "text": "", "name": ""}), "unknown field `name`"),
        (json!({"media": "text/csv", "text": ""}), "unknown variant `text/csv`"),
    ] {
        let fault = draft(content).expect_err(reason);
        assert!(fault.contains(reason), "{fault}");
    }
}

#[test]
fn a_draft_names_only_contents_that_it_brings() {
    let mut draft = Draft::full(Kind::OutputProduced, 1);
    assert_eq!(draft.check(), Ok(()));
    draft.contents.clear();
    let text = serde_json::to_string(&draft).unwrap();
    let fault = serde_json::from_str::<Draft>(&text).expect_err("no contents").to_string();
    assert!(fault.contains("is not in the record's list of 0"), "{fault}");
}

#[test]
fn contents_do_not_show_in_debug_output() {
    let content = DraftContent { media: MediaType::Text, bytes: b"a planted secret".to_vec() };
    assert_eq!(format!("{content:?}"), "text/plain (16 bytes)");
}

#[test]
fn a_draft_numbers_its_contents_in_order() {
    let mut draft = Draft::full(Kind::ToolUnknown, 1);
    draft.contents.clear();
    assert_eq!(draft.content(MediaType::Text, "first"), Ok(Content(0)));
    assert_eq!(draft.content(MediaType::Text, "second"), Ok(Content(1)));
    assert_eq!(draft.contents[1].bytes, b"second");
}

/// Another value of the same JSON type; strings and numbers that no field can hold among them.
fn scrambled(value: &Value, seed: u64) -> Value {
    match value {
        Value::Number(number) => match seed % 4 {
            0 => json!(number.as_u64().unwrap().wrapping_add(1)),
            1 => json!(u64::MAX),
            2 => json!(-1),
            _ => json!(0.5),
        },
        Value::String(text) => match seed % 3 {
            0 => json!(text.to_uppercase()),
            1 => json!(format!("{text} ")),
            _ => json!(""),
        },
        Value::Bool(flag) => json!(!flag),
        Value::Null => json!(0),
        Value::Array(items) => match seed % 3 {
            0 => Value::Array([items.as_slice(), items].concat()),
            1 => json!([]),
            _ => Value::Null,
        },
        Value::Object(_) => json!({}),
    }
}

/// Scrambles the value that is reached by counting down `place` through the tree.
fn scramble(value: &mut Value, place: &mut u64, seed: u64) {
    if *place == 0 {
        *value = scrambled(value, seed);
    }
    *place = place.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| scramble(item, place, seed)),
        Value::Object(members) => members.values_mut().for_each(|member| scramble(member, place, seed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Spec: json-view.
    #[test]
    fn a_record_is_the_same_after_json(record in kind().prop_flat_map(record_of)) {
        let text = serde_json::to_string(&record).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Record>(&text).unwrap(), &record);
        let tree = serde_json::to_value(&record).unwrap();
        prop_assert_eq!(serde_json::from_value::<Record>(tree).unwrap(), record);
    }

    #[test]
    fn a_draft_is_the_same_after_json(draft in kind().prop_flat_map(draft_of)) {
        prop_assert_eq!(draft.check(), Ok(()));
        let text = serde_json::to_string(&draft).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Draft>(&text).unwrap(), &draft);
        let tree = serde_json::to_value(&draft).unwrap();
        prop_assert_eq!(serde_json::from_value::<Draft>(tree).unwrap(), draft);
    }

    #[test]
    fn json_that_is_taken_has_bytes_that_decode_to_the_same(record in kind().prop_flat_map(record_of), place in 0_u64..80, seed: u64) {
        let mut tree = serde_json::to_value(&record).unwrap();
        scramble(&mut tree, &mut place.clone(), seed);
        if let Ok(record) = serde_json::from_value::<Record>(tree) {
            let bytes = encoded(&record);
            prop_assert_eq!(decoded(&bytes), Ok(record));
        }
    }
}
