//! The smallest run that shows what goes unnoticed: what it is made of, and what was done to it.

use rederive_archive::TraceReader;
use rederive_evidence::record::Record;
use rederive_evidence::rules::Outcome;
use rederive_explore::{Parts, PartsFault, Step};
use rederive_replay::{Difference, diff};

use super::super::diff::values;
use crate::text::{counted, cut};

/// Characters of what a run is made of that are told.
const RECORDS_WIDTH: usize = 240;
/// Records that are printed as they are, of a run that has no more.
const PRINTED_MAX: usize = 4;
/// Characters of them all together.
const PRINTED_CHARS_MAX: usize = 3_000;

/// What a divergence did: its name, what that is, and where the file is another.
pub(super) fn did(step: &Step) -> String {
    let (divergence, parted) = (step.divergence, parted(&step.before, &step.after));
    format!("{divergence} ({}): {parted}", divergence.about())
}

/// In what two files part: what a replay would read there, or else the first byte that differs.
pub(super) fn parted(before: &[u8], after: &[u8]) -> String {
    if before == after {
        return "nothing: the file is the one it was".to_owned();
    }
    read(before, after).unwrap_or_else(|| in_bytes(before, after))
}

fn in_bytes(before: &[u8], after: &[u8]) -> String {
    let at = before.iter().zip(after).take_while(|(one, other)| one == other).count();
    let byte = |of: &[u8]| of.get(at).map_or_else(|| "the end".to_owned(), |byte| format!("{byte:02x}"));
    let lengths = match (before.len(), after.len()) {
        (one, other) if one == other => String::new(),
        (one, other) => format!("; {one} bytes become {other}"),
    };
    format!("byte {at}: {} becomes {}{lengths}", byte(before), byte(after))
}

/// What a replay would read otherwise; none: bytes that no record has, or one of them cannot be read.
fn read(before: &[u8], after: &[u8]) -> Option<String> {
    let parts = [before, after];
    let [before, after] = [TraceReader::of(before).ok()?, TraceReader::of(after).ok()?];
    Some(match diff(&before, &after).ok()?.difference {
        Difference::Field { record, field, a, b, .. } => {
            let (a, b) = values(&a, &b);
            format!("record {record}, {field}: {a} becomes {b}")
        }
        Difference::Signed { segment } => signed(segment, parts),
        Difference::End { field, a, b } => {
            let (a, b) = values(&a, &b);
            format!("{field}: {a} becomes {b}")
        }
        Difference::Unlisted { segment, .. } => {
            format!("segment {segment}: a content that none of its records lists")
        }
        Difference::Length { record, .. } => format!("record {record} stands in one of them alone"),
        Difference::Unreadable { record, reason } => format!("record {record}: {reason}"),
        Difference::None { .. } => return None,
    })
}

/// A signed form that differs, and the first thing that it says otherwise.
fn signed(segment: Option<u32>, files: [&[u8]; 2]) -> String {
    let name =
        segment.map_or_else(|| "the seal".to_owned(), |segment| format!("the header of segment {segment}"));
    let says =
        files.map(|bytes| Parts::of(bytes).and_then(|parts| said(&parts, segment)).unwrap_or_default());
    let [before, after] = &says;
    match before.iter().zip(after).find(|(one, other)| one != other) {
        Some(((field, one), (_, other))) => format!("{name}, {field}: {one} becomes {other}"),
        None => format!("{name}: its bytes or its signature"),
    }
}

/// What a header or the seal says, that a replay derives again.
fn said(parts: &Parts, segment: Option<u32>) -> Result<Vec<(&'static str, String)>, PartsFault> {
    let Some(segment) = segment else {
        let seal = parts.sealed()?;
        return Ok(vec![
            ("records", seal.records.to_string()),
            ("state checksum", seal.checksum.to_string()),
            ("state root", seal.state_root.to_string()),
        ]);
    };
    let header = parts.header(segment as usize)?;
    let root = header.state_root.map_or_else(|| "absent".to_owned(), |root| root.to_string());
    Ok(vec![
        ("number", header.segment.to_string()),
        ("first record", header.first.to_string()),
        ("records", header.records.to_string()),
        ("state checksum", header.checksum.to_string()),
        ("lineage", header.lineage.to_string()),
        ("rule set", header.rule_set.to_string()),
        ("state root", root),
        ("root", header.root.to_string()),
        ("header before it", header.previous.to_string()),
    ])
}

/// The records of a short run as `show --json` has them; none of a long one.
pub(super) fn as_json(bytes: &[u8]) -> Vec<String> {
    let Ok(records) = Parts::of(bytes).and_then(|parts| parts.records()) else { return Vec::new() };
    let lines: Vec<String> = records.iter().take(PRINTED_MAX + 1).flat_map(serde_json::to_string).collect();
    let chars: usize = lines.iter().map(|line| line.chars().count()).sum();
    if lines.len() > PRINTED_MAX || chars > PRINTED_CHARS_MAX { Vec::new() } else { lines }
}

/// What a run is made of, record by record.
pub(super) fn records(bytes: &[u8]) -> String {
    let Ok(records) = Parts::of(bytes).and_then(|parts| parts.records()) else {
        return format!("{} that cannot be taken apart", counted(bytes.len() as u64, "byte"));
    };
    let names: Vec<String> = records.iter().map(record).collect();
    let told = cut(&names.join(", "), RECORDS_WIDTH);
    if told.ends_with('…') {
        format!("{told} ({} in all)", counted(names.len() as u64, "record"))
    } else {
        told
    }
}

fn record(record: &Record) -> String {
    let kind = record.input.body.kind();
    match record.derived.outcome {
        Outcome::Applied => kind.to_string(),
        Outcome::Refused => format!("{kind} (refused)"),
    }
}
