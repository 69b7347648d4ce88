//! The CDDL says what the encoder writes: an independent validator takes every record and refuses what is built otherwise.

use std::path::PathBuf;
use std::sync::LazyLock;

use cddl_cat::cbor::validate_cbor;
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use proptest::prelude::*;
use rederive_evidence::arbitrary::{Choices, Sample as _, any as drawn};
use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::Digest;
use rederive_evidence::grammar;
use rederive_evidence::ids::RunId;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::kinds::Kind;
use rederive_evidence::proof::InclusionProof;
use rederive_evidence::receipt::{ApproverStatement, Receipt};
use rederive_evidence::record::{Causes, MediaType, Record};
use rederive_evidence::schema::{Cddl, to_bytes};
use rederive_evidence::signed::{Version, sign};
use rederive_evidence::state_proof::SealedStateProof;

use crate::bytes::{encoded, number, tree, written};
use crate::vectors::{Shape, Vector, committed};

/// Faults of a record that a grammar can see. The others are of form (heads, order of keys, padding, UTF-8), which the
/// validator's own reader decides, or of two places together (content indexes, ranges that touch).
const STRUCTURAL: &[&str] = &[
    "C-TYPE",
    "C-KEY-UNKNOWN",
    "C-KEY-MISSING",
    "C-LIMIT",
    "C-LENGTH",
    "C-REGISTRY",
    "C-UNKNOWN-KIND",
    "C-IDENTIFIER",
];

/// The validator and the rules it knows. RFC 8610 takes a regular expression to match the whole text (section 3.8.3), this
/// validator looks for it anywhere and has to be told; and it knows no tags: the one that there is, is taken off.
static RULES: LazyLock<BasicContext> = LazyLock::new(|| {
    let anchored = grammar::cddl().replace(".regexp \"", ".regexp \"^").replace("}\"", "}$\"");
    let untagged = anchored.replace("#6.18([", "[").replace("])\n", "]\n");
    BasicContext::new(flatten_from_str(&untagged).expect("the CDDL is well-formed"))
});

/// Whether the validator takes these bytes as what the rule names.
fn takes_as(rule: &str, bytes: &[u8]) -> Result<(), String> {
    let rule = RULES.rules.get(rule).unwrap_or_else(|| panic!("no rule {rule}"));
    validate_cbor(rule, &tree(bytes), &*RULES).map_err(|error| error.to_string())
}

/// Whether the validator takes these bytes as a record.
fn takes(bytes: &[u8]) -> Result<(), String> {
    takes_as("record", bytes)
}

/// Spec: registries.
#[test]
fn the_committed_grammar_is_the_generated_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("evidence.cddl");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, grammar::cddl()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(
        committed == grammar::cddl(),
        "evidence.cddl is not what the code gives: run this test with UPDATE=1"
    );
}

/// Spec: registries.
#[test]
fn a_registry_of_the_grammar_has_the_codes_and_names_of_its_values() {
    let mut book = Cddl::new();
    let _ = Record::cddl(&mut book);
    let media = book.registries().iter().find(|registry| registry.name == "media-type").unwrap();
    let values: Vec<_> = media.values.iter().map(|value| (value.code, value.name)).collect();
    let expected: Vec<_> = MediaType::ALL.iter().map(|media| (media.code(), media.name())).collect();
    assert_eq!(values, expected);
    assert!(media.values.iter().all(|value| !value.about.is_empty()));
}

#[test]
fn the_grammar_takes_the_full_record_of_every_kind() {
    for kind in Kind::ALL {
        assert_eq!(takes(&encoded(&Record::full(*kind, 8))), Ok(()), "{kind}");
    }
}

#[test]
fn the_grammar_takes_every_good_record_among_the_vectors_and_refuses_every_badly_built_one() {
    let (mut good, mut bad) = (0, 0);
    for Vector { name, shape, bytes, verdict, .. } in committed() {
        match (shape, verdict.code()) {
            (Shape::Record, None) => {
                assert_eq!(takes(&bytes), Ok(()), "{name}");
                good += 1;
            }
            (Shape::Record, Some(code)) if STRUCTURAL.contains(&code) => {
                assert!(takes(&bytes).is_err(), "{name} is {code}, and the grammar takes it");
                bad += 1;
            }
            _ => {}
        }
    }
    assert!(good >= Kind::ALL.len() && bad >= 40, "{good} good and {bad} bad vectors");
}

/// The rule of a payload takes what is signed as such, and nothing that was signed as another.
#[test]
fn the_grammar_takes_each_signed_payload_as_what_it_is_alone() {
    let key = SigningKey::from_seed(&[7; 32]);
    let run = RunId([1; 16]);
    let (root, zero) = (Digest([2; 32]), Digest::ZERO);
    let header = Header {
        version: Version::One,
        run,
        segment: 0,
        first: 0,
        records: 2,
        frame_bytes: 128,
        root,
        previous: zero,
        checksum: root,
        lineage: root,
        rule_set: 1,
        state_root: Some(root),
        recovered: Some(Causes::of([1])),
        next_key: Some(key.public_key()),
    };
    let head = Head { version: Version::One, run, segment: 0, records: 2, root, previous: zero };
    let seal = Seal {
        version: Version::One,
        run,
        segments: 1,
        records: 2,
        last: root,
        header_root: root,
        state_root: root,
        checksum: root,
        ephemeral: true,
    };
    let signed = [
        ("header", sign(header, &key).unwrap().as_bytes().to_vec()),
        ("head", sign(head, &key).unwrap().as_bytes().to_vec()),
        ("seal", sign(seal, &key).unwrap().as_bytes().to_vec()),
        ("receipt", sign(Receipt::draw(&mut Choices::full(3)), &key).unwrap().as_bytes().to_vec()),
        (
            "approver-statement",
            sign(ApproverStatement::draw(&mut Choices::full(3)), &key).unwrap().as_bytes().to_vec(),
        ),
    ];
    for (name, bytes) in &signed {
        let untagged = bytes.strip_prefix(&[0xd2]).expect("tag 18");
        for (other, _) in &signed {
            assert_eq!(
                takes_as(&format!("signed-{other}"), untagged).is_ok(),
                name == other,
                "{name} as {other}"
            );
        }
    }
}

proptest! {
    #[test]
    fn the_grammar_takes_what_the_encoder_writes(record in drawn::<Record>()) {
        prop_assert_eq!(takes(&encoded(&record)), Ok(()));
    }

    #[test]
    fn the_grammar_takes_every_payload_and_proof(
        header in drawn::<Header>(), head in drawn::<Head>(), seal in drawn::<Seal>(),
        receipt in drawn::<Receipt>(), statement in drawn::<ApproverStatement>(),
        inclusion in drawn::<InclusionProof>(), state in drawn::<SealedStateProof>(),
    ) {
        prop_assert_eq!(takes_as("header", &to_bytes(&header)), Ok(()));
        prop_assert_eq!(takes_as("head", &to_bytes(&head)), Ok(()));
        prop_assert_eq!(takes_as("seal", &to_bytes(&seal)), Ok(()));
        prop_assert_eq!(takes_as("receipt", &to_bytes(&receipt)), Ok(()));
        prop_assert_eq!(takes_as("approver-statement", &to_bytes(&statement)), Ok(()));
        prop_assert_eq!(takes_as("inclusion-proof", &to_bytes(&inclusion)), Ok(()));
        prop_assert_eq!(takes_as("sealed-state-proof", &to_bytes(&state)), Ok(()));
    }

    /// Whatever key a required entry has, the record is refused without it; so is one with an entry more.
    #[test]
    fn the_grammar_refuses_a_record_with_an_entry_too_few_or_too_many(record in drawn::<Record>(), place: prop::sample::Index, key in 16_u64..) {
        const OPTIONAL: [u64; 6] = [1, 4, 7, 8, 9, 14];
        let bytes = encoded(&record);
        let mut fewer = tree(&bytes);
        let entries = fewer.as_map_mut().unwrap();
        let (removed, _) = entries.remove(place.index(entries.len()));
        prop_assert_eq!(takes(&written(&fewer)).is_ok(), OPTIONAL.contains(&number(&removed)));
        let mut more = tree(&bytes);
        more.as_map_mut().unwrap().push((key.into(), 0.into()));
        prop_assert!(takes(&written(&more)).is_err());
    }
}
