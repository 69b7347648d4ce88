//! SPEC.md, "Canonical bytes".

use super::Shape::{Item, Record};
use super::{Entries, Vector, bad, bytes, good};

/// Good items and what they are.
const ITEMS: &[(&str, &str, &str)] = &[
    ("cbor-shortest", "0", "00"),
    ("cbor-shortest", "23, the largest in one byte", "17"),
    ("cbor-shortest", "24, the smallest in two bytes", "1818"),
    ("cbor-shortest", "255", "18ff"),
    ("cbor-shortest", "256", "190100"),
    ("cbor-shortest", "65535", "19ffff"),
    ("cbor-shortest", "65536", "1a00010000"),
    ("cbor-shortest", "2^32 - 1", "1affffffff"),
    ("cbor-shortest", "2^32", "1b0000000100000000"),
    ("cbor-shortest", "2^64 - 1", "1bffffffffffffffff"),
    ("cbor-subset", "an empty byte string", "40"),
    ("cbor-subset", "three bytes", "43 00ff80"),
    ("cbor-subset", "an empty text", "60"),
    ("cbor-utf8", "text with characters of one to four bytes", "6a 61 c3a9 e282ac f09f9492"),
    ("cbor-utf8", "a text with a zero character", "63 610062"),
    ("cbor-subset", "an empty array", "80"),
    ("cbor-subset", "an array of arrays", "83 00 81 01 80"),
    ("cbor-subset", "an empty map", "a0"),
    ("cbor-keys", "a map whose keys ascend by number, not by byte", "a4 00 00 17 01 1818 02 190100 03"),
    ("cbor-subset", "true", "f5"),
    ("cbor-subset", "false", "f4"),
    ("absent", "null", "f6"),
];

/// Bad items: what is wrong with them, bytes, code, place.
const BAD_ITEMS: &[(&str, &str, &str, &str, usize)] = &[
    ("cbor-subset", "nothing at all", "", "C-TRUNCATED", 0),
    ("cbor-subset", "a head without its argument", "18", "C-TRUNCATED", 0),
    ("cbor-subset", "a head with half of its argument", "1a 0001", "C-TRUNCATED", 0),
    ("cbor-subset", "a byte string that ends early", "43 0102", "C-TRUNCATED", 0),
    ("cbor-subset", "a text that ends early", "62 61", "C-TRUNCATED", 0),
    ("cbor-subset", "an array of more items than bytes are left", "82 00", "C-TRUNCATED", 0),
    ("cbor-subset", "an array of 2^64 - 1 items", "9b ffffffffffffffff 00", "C-TRUNCATED", 0),
    ("cbor-subset", "a byte string of 2^64 - 1 bytes", "5b ffffffffffffffff 00", "C-TRUNCATED", 0),
    ("cbor-subset", "a map of 2^63 entries", "bb 8000000000000000 00 00", "C-TRUNCATED", 0),
    ("cbor-subset", "a map with a key and no value", "a1 00", "C-TRUNCATED", 0),
    ("cbor-subset", "an array whose last item is missing behind a longer one", "82 41 00", "C-TRUNCATED", 3),
    ("cbor-trailing", "a second item", "00 00", "C-TRAILING", 1),
    ("cbor-trailing", "a zero behind a map", "a0 00", "C-TRAILING", 1),
    ("cbor-shortest", "23 in two bytes", "18 17", "C-LONG-FORM", 0),
    ("cbor-shortest", "255 in three bytes", "19 00ff", "C-LONG-FORM", 0),
    ("cbor-shortest", "65535 in five bytes", "1a 0000ffff", "C-LONG-FORM", 0),
    ("cbor-shortest", "2^32 - 1 in nine bytes", "1b 00000000ffffffff", "C-LONG-FORM", 0),
    ("cbor-shortest", "a byte string's length in two bytes", "58 01 00", "C-LONG-FORM", 0),
    ("cbor-shortest", "a text's length in three bytes", "79 0001 61", "C-LONG-FORM", 0),
    ("cbor-shortest", "an array's length in two bytes", "98 00", "C-LONG-FORM", 0),
    ("cbor-shortest", "a map's length in two bytes", "b8 00", "C-LONG-FORM", 0),
    ("cbor-shortest", "a key in two bytes", "a1 18 00 00", "C-LONG-FORM", 1),
    ("cbor-subset", "a byte string in chunks", "5f 41 00 ff", "C-INDEFINITE", 0),
    ("cbor-subset", "a text in chunks", "7f 61 61 ff", "C-INDEFINITE", 0),
    ("cbor-subset", "an array of indefinite length", "9f 00 ff", "C-INDEFINITE", 0),
    ("cbor-subset", "a map of indefinite length", "bf 00 00 ff", "C-INDEFINITE", 0),
    ("cbor-subset", "a break", "81 ff", "C-INDEFINITE", 1),
    ("cbor-subset", "-1", "20", "C-NEGATIVE", 0),
    ("cbor-subset", "-2^64 in an array", "82 00 3b ffffffffffffffff", "C-NEGATIVE", 2),
    ("cbor-subset", "a tagged time", "c1 00", "C-TAGGED", 0),
    ("cbor-subset", "a tagged bignum", "c2 41 01", "C-TAGGED", 0),
    ("cbor-subset", "a half float", "f9 3c00", "C-FLOAT", 0),
    ("cbor-subset", "a single float", "fa 3f800000", "C-FLOAT", 0),
    ("cbor-subset", "a double float", "fb 3ff0000000000000", "C-FLOAT", 0),
    ("cbor-subset", "undefined", "f7", "C-SIMPLE", 0),
    ("cbor-subset", "simple value 0", "e0", "C-SIMPLE", 0),
    ("cbor-subset", "simple value 255", "f8 ff", "C-SIMPLE", 0),
    ("cbor-subset", "a reserved head of an integer", "1c", "C-SIMPLE", 0),
    ("cbor-subset", "a reserved head of a text", "7e", "C-SIMPLE", 0),
    ("cbor-utf8", "a text with a byte that is never UTF-8", "61 ff", "C-UTF8", 0),
    ("cbor-utf8", "a text with a surrogate", "63 eda080", "C-UTF8", 0),
    ("cbor-utf8", "a text with a zero in two bytes", "62 c080", "C-UTF8", 0),
    ("cbor-utf8", "a text that ends within a character", "82 00 62 e282", "C-UTF8", 2),
    ("cbor-keys", "keys that descend", "a2 01 00 00 00", "C-KEY-ORDER", 3),
    ("cbor-keys", "keys ordered as bytes of a text would be", "a2 1818 00 02 00", "C-KEY-ORDER", 4),
    ("cbor-keys", "a key that stands twice", "a2 00 00 00 00", "C-KEY-REPEATED", 3),
    ("cbor-keys", "a text as key", "a1 61 61 00", "C-TYPE", 1),
    ("cbor-keys", "a map as key", "a1 a0 00", "C-TYPE", 1),
];

pub(super) fn vectors() -> Vec<Vector> {
    let items = ITEMS.iter().map(|(spec, name, hex)| good(spec, *name, Item, bytes(hex)));
    let bad_items =
        BAD_ITEMS.iter().map(|(spec, name, hex, code, at)| bad(spec, *name, Item, bytes(hex), code, *at));
    let mut vectors: Vec<Vector> = items.chain(bad_items).collect();
    vectors.extend(depths());
    vectors.extend(types());
    vectors.extend(keys());
    vectors.extend(identifiers());
    vectors.extend(lists());
    vectors
}

fn depths() -> [Vector; 4] {
    let arrays = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    let maps = |depth: usize| [[0xa1, 0x00].repeat(depth - 1), vec![0xa0]].concat();
    [
        good("limit-depth", "arrays 16 deep", Item, arrays(16)),
        bad("limit-depth", "arrays 17 deep", Item, arrays(17), "C-DEPTH", 16),
        good("limit-depth", "maps 16 deep", Item, maps(16)),
        bad("limit-depth", "maps 17 deep", Item, maps(17), "C-DEPTH", 32),
    ]
}

/// Values of another type, length or size than their field has.
fn types() -> Vec<Vector> {
    let mut vectors = Vec::new();
    let mut refused = |spec, name: &str, key: u64, value: &str, code: &str, inside: usize| {
        vectors.push(Entries::closing().with(key, bytes(value)).bad(spec, name, code, (key, inside)));
    };
    let digest = |length: usize, head: &str| format!("{head} {}", "00".repeat(length));
    refused("cbor-keys", "a text as sequence", 0, "61 39", "C-TYPE", 0);
    refused("absent", "null as sequence, which is never absent", 0, "f6", "C-TYPE", 0);
    refused("absent", "null as time, which is left out instead", 1, "f6", "C-TYPE", 0);
    refused("id-alphabet", "bytes as actor", 2, "43 616263", "C-TYPE", 0);
    refused("cbor-keys", "a map as causes", 5, "a0", "C-TYPE", 0);
    refused("cbor-keys", "a number as flag", 10, "00", "C-TYPE", 0);
    refused("cbor-keys", "an array as body", 12, "80", "C-TYPE", 0);
    refused("kinds", "a text as kind", 11, "61 31", "C-TYPE", 0);
    refused("cbor-keys", "a text as code of a registry", 12, "a1 00 61 30", "C-TYPE", 2);
    refused("cbor-keys", "an origin that the registry does not have", 3, "05", "C-REGISTRY", 0);
    refused("cbor-keys", "an end that the registry does not have", 12, "a1 00 03", "C-REGISTRY", 2);
    refused("cbor-keys", "a code of 2^64 - 1", 3, "1b ffffffffffffffff", "C-REGISTRY", 0);
    let place = |turn: &str, index: &str| format!("a4 00 61 61 01 {turn} 02 {index} 03 00");
    refused("cbor-keys", "a turn of 2^32", 4, &place("1b 0000000100000000", "00"), "C-LIMIT", 5);
    refused("cbor-keys", "an index of 65,536", 4, &place("00", "1a 00010000"), "C-LIMIT", 7);
    let trace = |trace: &str| format!("a1 00 {trace}");
    refused("cbor-keys", "a trace id of 15 bytes", 8, &trace(&digest(15, "4f")), "C-LENGTH", 2);
    refused("cbor-keys", "a trace id of 17 bytes", 8, &trace(&digest(17, "51")), "C-LENGTH", 2);
    let derived = |delta: &str| format!("a3 00 00 01 80 02 {delta}");
    refused("cbor-keys", "a digest of 31 bytes", 15, &derived(&digest(31, "58 1f")), "C-LENGTH", 6);
    refused("cbor-keys", "a digest of 33 bytes", 15, &derived(&digest(33, "58 21")), "C-LENGTH", 6);
    refused("cbor-keys", "a digest as text", 15, &derived(&digest(32, "78 20")), "C-TYPE", 6);
    vectors
}

/// Keys that are missing or not known, in the record and below.
fn keys() -> Vec<Vector> {
    let required = [0, 2, 3, 5, 6, 10, 11, 12, 13, 15];
    let missing = required.map(|key| {
        let entries = Entries::closing().without(key);
        // Without a kind nobody can say what the body is: decoding stops there, but the map is at fault all the same.
        bad("cbor-keys", format!("a record without key {key}"), Record, entries.map(), "C-KEY-MISSING", 0)
    });
    let at = |key, value: &str| Entries::closing().with(key, bytes(value));
    let unknown = at(16, "00");
    [
        at(12, "a0").bad("cbor-keys", "a body without its key 0", "C-KEY-MISSING", (12, 0)),
        at(15, "a2 00 00 01 80").bad("cbor-keys", "a derived part without a delta", "C-KEY-MISSING", (15, 0)),
        at(12, "a2 00 00 02 00").bad(
            "cbor-keys",
            "a key that its body does not have",
            "C-KEY-UNKNOWN",
            (12, 3),
        ),
        bad("cbor-keys", "a record with key 16", Record, unknown.map(), "C-KEY-UNKNOWN", unknown.at(16) - 1),
    ]
    .into_iter()
    .chain(missing)
    .collect()
}

fn identifiers() -> Vec<Vector> {
    let of = |text: &str| {
        let head = match text.len() {
            short @ 0..=23 => vec![0x60 + u8::try_from(short).unwrap()],
            long => vec![0x78, u8::try_from(long).unwrap()],
        };
        Entries::closing().with(2, [head, text.as_bytes().to_vec()].concat())
    };
    let taken = |name, text: &str| of(text).good("id-alphabet", name);
    let refused = |name, text: &str, code| of(text).bad("id-alphabet", name, code, (2, 0));
    vec![
        taken("an identifier of every character there is", "ABCXYZabcxyz0189._~:/+=#-"),
        taken("an identifier of 128 characters", &"a".repeat(128)),
        refused("an identifier of 129 characters", &"a".repeat(129), "C-LIMIT"),
        refused("an empty identifier", "", "C-IDENTIFIER"),
        refused("an identifier with a space", "two words", "C-IDENTIFIER"),
        refused("a mail address as identifier", "ada@example.org", "C-IDENTIFIER"),
        refused("an identifier with a quote", "a\"b", "C-IDENTIFIER"),
        refused("an identifier with a line end", "a\n", "C-IDENTIFIER"),
        refused("an identifier with a letter beyond ASCII", "caf\u{e9}", "C-IDENTIFIER"),
    ]
}

fn lists() -> [Vector; 2] {
    // approval.evidence-assembled: key 2 of its body is a list of record numbers, of one byte each here.
    let of = |head: [u8; 3], items: usize| {
        let before = bytes("aa 00 61 61 01 f6 02");
        let list = [&head, vec![0; items].as_slice()].concat();
        let after = bytes("03 f6 04 f6 05 f6 06 f6 07 f6 08 f6 09 f6");
        Entries::closing().with(11, bytes("18 29")).with(12, [before, list, after].concat())
    };
    [
        of([0x99, 0x10, 0x00], 4_096).good("limit-list", "a list of 4,096 items"),
        of([0x99, 0x10, 0x01], 4_097).bad("limit-list", "a list of 4,097 items", "C-LIMIT", (12, 7)),
    ]
}
