//! The limits, each with the requirement that states it.

use rederive_archive::limits as archive;
use rederive_evidence::limits::*;
use rederive_evidence::proof::PROOF_BYTES_MAX;
use rederive_evidence::state_proof::{STATE_ENTRY_BYTES_MAX, STATE_PROOF_BYTES_MAX};
use rederive_evidence::tree::LEAVES_MAX;

/// What is limited, to what, and where it says so.
fn rows() -> Vec<(&'static str, u64, &'static str)> {
    vec![
        (
            "bytes of a frame: a record with its padding, contents not counted",
            FRAME_BYTES_MAX as u64,
            "limit-frame",
        ),
        ("a frame's bytes are a multiple of", FRAME_BLOCK_BYTES as u64, "frame-padding"),
        ("records in a segment", SEGMENT_RECORDS_MAX as u64, "limit-segment"),
        ("bytes of frames in a segment", SEGMENT_BYTES_MAX as u64, "limit-segment"),
        ("segments in a run", LEAVES_MAX, "limit-segments"),
        ("bytes of a content", CONTENT_BYTES_MAX, "limit-content"),
        ("bytes of an identifier", ID_BYTES_MAX as u64, "id-alphabet"),
        ("ranges in causes", CAUSE_RANGES_MAX, "limit-causes"),
        ("items in a list", LIST_ITEMS_MAX, "limit-list"),
        ("arrays and maps inside each other", DEPTH_MAX as u64, "limit-depth"),
        ("delegations inside each other", u64::from(DELEGATION_DEPTH_MAX), "limit-delegation"),
        (
            "bytes of a signed header, head or seal, of what an approver signs",
            SIGNED_BYTES_MAX as u64,
            "limit-signed",
        ),
        ("bytes of the protected header of what is signed", PROTECTED_BYTES_MAX, "limit-signed"),
        ("bytes of a receipt", RECEIPT_BYTES_MAX as u64, "limit-receipt"),
        (
            "bytes of arguments, and of a schema, that the extractor looks into",
            rederive_extract::LOOKED_INTO_BYTES_MAX as u64,
            "extracted",
        ),
        (
            "words told that argument values are looked for in",
            rederive_extract::TOLD_WORDS_MAX as u64,
            "argument-index",
        ),
        (
            "words brought that argument values are looked for in",
            rederive_extract::BROUGHT_WORDS_MAX as u64,
            "argument-index",
        ),
        (
            "argument values and items of a call that have sources",
            rederive_extract::VALUES_MAX as u64,
            "argument-source",
        ),
        ("frame bytes after which a span may end", SPAN_BYTES_MIN, "span-end"),
        ("and as many times the state bytes", SPAN_STATE_FACTOR, "span-end"),
        ("siblings in a state proof", rederive_evidence::sparse::DEPTH_MAX as u64, "state-proof"),
        ("bytes of an inclusion proof", PROOF_BYTES_MAX as u64, "limit-proof"),
        (
            "bytes of a state entry's key, and of its value, in a proof",
            STATE_ENTRY_BYTES_MAX,
            "limit-state-entry",
        ),
        ("bytes of a state proof", STATE_PROOF_BYTES_MAX as u64, "limit-state-entry"),
        (
            "bytes of contents after which a writer begins another block",
            archive::CONTENTS_BLOCK_BYTES_AIM as u64,
            "archive-contents",
        ),
        ("bytes of a snapshot or an index", archive::HINT_BYTES_MAX, "archive-limits"),
        (
            "bytes of the policies and the schema of a bundle together",
            rederive_policy::TEXT_BYTES_MAX,
            "bundle-limits",
        ),
        ("brackets inside each other in a policy text", rederive_policy::NESTING_MAX as u64, "bundle-limits"),
        ("operators in a row in a policy text", rederive_policy::CHAIN_MAX as u64, "bundle-limits"),
        (
            "parts of all Rego texts, each twice for every bracket around it",
            rederive_policy::READINGS_MAX,
            "bundle-limits",
        ),
        (
            "parts of a schema with every name of a type written out",
            rederive_policy::EXPANDED_MAX,
            "bundle-limits",
        ),
        (
            "words of policies, each for every kind of request that the schema has",
            rederive_policy::CHECKS_MAX,
            "bundle-limits",
        ),
        (
            "times that an entity of `entities.json` is in another, by others too",
            rederive_policy::ROLE_PAIRS_MAX,
            "bundle-limits",
        ),
        ("digits of a number in Rego or in data", rederive_policy::DIGITS_MAX, "bundle-limits"),
        (
            "doublings, one after the other, of what a Rego rule gives",
            rederive_policy::DOUBLINGS_MAX,
            "bundle-rego",
        ),
        ("bytes of a lineage page", archive::LINEAGE_BYTES_MAX as u64, "archive-kinds"),
    ]
}

/// The table.
pub(crate) fn table() -> String {
    let rows = rows().into_iter().map(|(what, most, id)| [what.to_owned(), grouped(most), format!("[{id}]")]);
    super::table(["limit", "", ""], rows)
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
