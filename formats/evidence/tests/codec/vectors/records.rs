//! SPEC.md, "Records".

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record as evidence;

use super::Shape::Record;
use super::{Entries, Vector, bytes, good, released};
use crate::bytes::encoded;

pub(super) fn vectors() -> Vec<Vector> {
    let mut vectors = kinds();
    vectors.extend(unknown_kinds());
    vectors.extend(causes());
    vectors.extend(contents());
    vectors.extend(later());
    vectors
}

/// Kinds that have grown a field since vectors of them were released, or an extracted part of their own.
const GROWN: &[Kind] =
    &[Kind::RunOpened, Kind::ToolRegistered, Kind::EffectPlanned, Kind::ToolProposed, Kind::PromptGiven];

/// Each kind with every field there, and with all that can be left out or absent left out or absent.
fn kinds() -> Vec<Vector> {
    let least = |kind: &Kind| evidence::Record::draw_of(*kind, &mut Choices::new(Vec::new()));
    let of = |kind| {
        let name = format!("{kind}, nothing that can be absent");
        [full(kind, "every field there"), good("kinds", name, Record, encoded(&least(kind)))]
    };
    Kind::ALL.iter().flat_map(of).collect()
}

/// The grown kinds with every field that they have now.
fn later() -> Vec<Vector> {
    GROWN.iter().map(|kind| full(kind, "every field there, later ones too")).collect()
}

/// A drawn record of this kind with every field there. A registry or a body that grows draws others: one that was released stays what it was, and
/// must still be read.
fn full(kind: &Kind, how: &str) -> Vector {
    let name = format!("{kind}, {how}");
    let drawn = || encoded(&evidence::Record::full(*kind, u64::from(kind.code())));
    let bytes = released(&name).unwrap_or_else(drawn);
    good("kinds", name, Record, bytes)
}

fn unknown_kinds() -> Vec<Vector> {
    let of = |kind: &str, body: &str| Entries::closing().with(11, bytes(kind)).with(12, bytes(body));
    let unknown =
        |name, kind: &str, body: &str| of(kind, body).bad("kind-unknown", name, "C-UNKNOWN-KIND", (11, 0));
    let refused =
        |name, body: &str, code, inside| of("18 c8", body).bad("kind-unknown", name, code, (12, inside));
    let deep = |depth: usize| format!("{} 80", "81".repeat(depth - 1));
    vec![
        unknown("kind 15, which is not registered", "0f", "a0"),
        unknown("kind 200 with any body", "18 c8", "83 01 61 61 a1 07 f6"),
        unknown("kind 2^64 - 1", "1b ffffffffffffffff", "a0"),
        unknown("an unknown kind nested as deep as may be", "18 c8", &deep(15)),
        refused("an unknown kind nested too deep", &deep(16), "C-DEPTH", 15),
        refused("an unknown kind with a long form in its body", "a1 18 01 00", "C-LONG-FORM", 1),
        refused("an unknown kind with keys out of order in its body", "a2 01 00 00 00", "C-KEY-ORDER", 3),
        refused("an unknown kind with a float in its body", "81 f9 3c00", "C-FLOAT", 1),
    ]
}

fn causes() -> Vec<Vector> {
    let of = |causes: &str| Entries::closing().with(5, bytes(causes));
    let taken = |name, causes: &str| of(causes).good("causes-form", name);
    let refused = |name, causes: &str, inside| of(causes).bad("causes-form", name, "C-RANGES", (5, inside));
    // Every other record, so that no two ranges touch.
    let many = |ranges: u16| {
        let range = |first: u16| [&[0x19], first.to_be_bytes().as_slice(), &[0x01]].concat();
        let head = [&[0x99], (2 * ranges).to_be_bytes().as_slice()].concat();
        let ranges = (0..ranges).flat_map(|i| range(0x100 + 2 * i)).collect();
        Entries::closing().with(5, [head, ranges].concat())
    };
    vec![
        taken("one cause", "82 07 01"),
        taken("ranges with one record between them", "84 01 02 04 01"),
        taken("a range up to the last record there can be", "82 00 1b fffffffffffffffe"),
        refused("half a range", "81 01", 0),
        refused("a range of no record", "82 01 00", 1),
        refused("ranges that touch", "84 01 02 03 01", 3),
        refused("ranges that overlap", "84 01 03 02 05", 3),
        refused("ranges that descend", "84 05 01 01 01", 3),
        refused("the same range twice", "84 01 01 01 01", 3),
        refused("a range beyond 2^64", "82 02 1b ffffffffffffffff", 1),
        refused("a range that ends with record 2^64 - 2", "82 1b fffffffffffffffe 01", 1),
        many(4_096).good("limit-causes", "4,096 ranges"),
        many(4_097).bad("limit-causes", "4,097 ranges", "C-LIMIT", (5, 0)),
    ]
}

fn contents() -> Vec<Vector> {
    let entry = |length: &str| format!("a3 00 5820 {} 01 {length} 02 00", "00".repeat(32));
    let reason = |index: &str, contents: &str| {
        Entries::closing().with(12, bytes(&format!("a2 00 00 01 {index}"))).with(13, bytes(contents))
    };
    let labelled =
        |index: &str| Entries::closing().with(6, bytes(&format!("81 a2 00 {index} 03 a2 00 00 01 00")));
    let listed = |length: &str| format!("81 {}", entry(length));
    let long = |length: &str| reason("00", &listed(length));
    let missing = |entries: Entries, name| entries.bad("content-index", name, "C-CONTENT-INDEX", (12, 0));
    vec![
        long("03").good("content-index", "a content that is listed"),
        missing(reason("00", "80"), "a content where none is listed"),
        missing(reason("01", &listed("03")), "a content behind the last one listed"),
        missing(labelled("00"), "a label over a content that is not listed"),
        reason("1a 00010000", "80").bad("content-index", "a content of number 65,536", "C-LIMIT", (12, 4)),
        long("1a 10000000").good("limit-content", "a content of 268,435,456 bytes"),
        long("1a 10000001").bad("limit-content", "a content of 268,435,457 bytes", "C-LIMIT", (13, 38)),
    ]
}
