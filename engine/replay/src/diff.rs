//! Where two traces part: bisected over their headers, then to the record and the field.

use std::collections::BTreeSet;

use rederive_archive::{BlockBuffer, ContentReader, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::Header;
use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::ids::{Content, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{ContentEntry, Record, split_frames};
use rederive_evidence::schema::Given;
use rederive_evidence::signed::UncheckedSigned;
use rederive_evidence::values::Source;
use rederive_verify::verify_frames;
use serde::Serialize;
use serde_json::Value;

use crate::ends;
use crate::headers;
use crate::records::{FrameAt, Records, RecordsFault};
use crate::unlisted;

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Traces of one run: every byte of every record, salts and bytes of the contents that both have, and what is signed. Indexes, lineage pages,
    /// snapshots and how contents are packed are hints and no evidence: they are not compared.
    Bytes,
    /// Traces of two runs: what happened. Run number, key, commitments and what is derived from them differ by nature, and so does what they were
    /// imported from, with the contents that name it; contents are compared by their bytes, where both traces have them.
    Acts,
}

/// Where two traces part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "difference")]
pub enum Difference {
    /// Nowhere.
    None {
        /// Records compared.
        records: u64,
    },
    /// At this record's field.
    Field {
        /// The record.
        record: u64,
        /// Its segment in the first trace.
        segment: u32,
        /// The field, as the JSON view names it.
        field: String,
        /// Its value in the first trace; `null` where it is not there.
        a: Value,
        /// Its value in the second.
        b: Value,
    },
    /// One goes on where the other ends: before this record.
    Length {
        /// The first record that one of them does not have.
        record: u64,
        /// Whether the first trace is the longer one.
        first_is_longer: bool,
    },
    /// At records that this version cannot read, whose bytes differ.
    Unreadable {
        /// The record.
        record: u64,
        /// Why.
        reason: String,
    },
    /// All records are the same; one trace stores a content that no record of its segment lists, of those that can be read, or that is not what its
    /// commitment says: nobody signed it. Or both store it, in other segments.
    Unlisted {
        /// The segment; the open segment's is one more than the last closed one's.
        segment: u32,
        /// Whether it is the first trace that does.
        in_first: bool,
        /// Commitment of the content.
        commitment: Digest,
    },
    /// All records are the same; a header or the seal differs.
    Signed {
        /// Number of the segment whose signed header differs; absent: the seal.
        segment: Option<u32>,
    },
    /// All records, headers and the seal are the same; what the open log says or signs of its segment differs, or what was cut.
    End {
        /// What, such as `log.head`.
        field: String,
        /// Its value in the first trace, signed forms by their digest; `null` where it is not there.
        a: Value,
        /// Its value in the second.
        b: Value,
    },
}

/// How two traces differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// What was compared.
    pub comparison: Comparison,
    /// Segments whose signed headers are the same, from the first: found by bisection. Their frames and stored contents were hashed, their
    /// records not read.
    pub same_segments: u32,
    /// Pairs of contents of two runs that could not be compared, because one of the traces does not hold its own.
    pub uncompared_contents: u64,
    /// Of two runs, whether they name different recordings that they were imported from, which is no act: another file, entry or id, or something else
    /// in it that was not understood.
    pub other_source: bool,
    /// Of two traces of one run that do not part before their ends, the contents that only one of them has.
    pub alone: Option<Alone>,
    /// Where they part.
    #[serde(flatten)]
    pub difference: Difference,
}

/// How many contents only one of two traces of a run has, as after a redaction, each commitment of a segment once. There is nothing in the other to
/// compare them with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Alone {
    /// In the first.
    pub in_first: u64,
    /// In the second.
    pub in_second: u64,
}

/// Which of two traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first given.
    First,
    /// The second given.
    Second,
}

/// Why two traces cannot be compared to the end: one cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct DiffFault {
    /// Which one.
    pub side: Side,
    /// Why.
    pub fault: RecordsFault,
}

impl Side {
    pub(crate) fn at_fault<E: Into<RecordsFault>>(self) -> impl Fn(E) -> DiffFault {
        move |fault| DiffFault { side: self, fault: fault.into() }
    }
}

/// Compares two traces. No signature is checked: `replay` does that. What is skipped because the signed headers are the same was hashed, so that
/// frames that are not those of their header are compared as they are.
///
/// # Errors
/// A trace that cannot be read up to where they part, or one of whose segments stores more contents than its records can list.
pub fn diff<A: ReadAt, B: ReadAt>(a: &TraceReader<A>, b: &TraceReader<B>) -> Result<Diff, DiffFault> {
    let same_headers = headers::same((a, Side::First.at_fault()), (b, Side::Second.at_fault()))?;
    let backed_a = backed(a, same_headers).map_err(Side::First.at_fault())?;
    let same_segments = backed_a.min(backed(b, same_headers).map_err(Side::Second.at_fault())?);
    let run = run_of(a).map_err(Side::First.at_fault())?;
    let is_same_run = run == run_of(b).map_err(Side::Second.at_fault())?;
    let comparison = if is_same_run { Comparison::Bytes } else { Comparison::Acts };
    let Walked { mut difference, uncompared_contents, other_source } =
        parts_at(a, b, same_segments, comparison)?;
    let mut alone = None;
    if let Difference::None { records } = difference {
        let contents = unlisted::compare(a, b, same_segments, comparison)?;
        difference = match contents.difference {
            Some(unlisted) => unlisted,
            None if is_same_run => signed_difference(a, b, same_headers, records, run)?,
            None => difference,
        };
        alone = is_same_run.then_some(contents.alone);
    }
    Ok(Diff { comparison, same_segments, uncompared_contents, other_source, alone, difference })
}

/// How many segments from the first have the frames that their headers commit to, and stored contents that match their commitments, of so many.
/// Contents of all others are counted too: only then are they looked for, or held against others.
///
/// # Errors
/// More contents than a segment's records can list.
fn backed<F: ReadAt>(reader: &TraceReader<F>, segments: u32) -> Result<u32, RecordsFault> {
    let mut backed = 0;
    for segment in 0..reader.segments() {
        if segment != backed || segment >= segments {
            let _ = is_read(unlisted::each_commitment(reader, segment, |_| {}))?;
        } else if has_genuine_contents(reader, segment)? && has_frames_of_header(reader, segment) {
            backed += 1;
        }
    }
    Ok(backed)
}

fn has_frames_of_header<F: ReadAt>(reader: &TraceReader<F>, segment: u32) -> bool {
    let Some(Ok(header)) = reader.segment(segment).map(|segment| segment.header()) else { return false };
    let Ok(signed) = UncheckedSigned::<Header>::parse(&header) else { return false };
    let mut buffer = BlockBuffer::new();
    let Some(Ok(bytes)) = reader.segment(segment).map(|segment| segment.frames(&mut buffer)) else {
        return false;
    };
    let Ok(frames) = split_frames(bytes).collect::<Result<Vec<_>, _>>() else { return false };
    verify_frames(signed.claims(), frames.iter().copied(), &mut Vec::new()).is_ok()
}

fn has_genuine_contents<F: ReadAt>(reader: &TraceReader<F>, segment: u32) -> Result<bool, RecordsFault> {
    let mut are_genuine = true;
    let read = unlisted::each_stored(reader, segment, |content| are_genuine &= content.is_genuine());
    Ok(is_read(read)? && are_genuine)
}

/// Whether contents could be read. What could not is told where its segment is compared, if the traces do not part before it.
fn is_read(read: Result<(), RecordsFault>) -> Result<bool, RecordsFault> {
    match read {
        Ok(()) => Ok(true),
        Err(overfull @ RecordsFault::Overfull { .. }) => Err(overfull),
        Err(RecordsFault::Read(_) | RecordsFault::Frame { .. }) => Ok(false),
    }
}

/// The run that the first header, or the open log, names.
fn run_of<F: ReadAt>(reader: &TraceReader<F>) -> Result<Option<RunId>, ReadFault> {
    match reader.segment(0) {
        Some(segment) => {
            let header = segment.header()?;
            Ok(UncheckedSigned::<Header>::parse(&header).ok().map(|signed| signed.claims().run))
        }
        None => Ok(reader.open_segment().map(|open| open.run())),
    }
}

/// Where two traces part, and what was met on the way there.
struct Walked {
    difference: Difference,
    uncompared_contents: u64,
    other_source: bool,
}

/// Where two traces part from a segment on.
fn parts_at<A: ReadAt, B: ReadAt>(
    a: &TraceReader<A>,
    b: &TraceReader<B>,
    segment: u32,
    comparison: Comparison,
) -> Result<Walked, DiffFault> {
    let mut record = match segment.checked_sub(1).and_then(|before| a.segment(before)) {
        Some(before) => {
            let header = before.header().map_err(Side::First.at_fault())?;
            let parsed = UncheckedSigned::<Header>::parse(&header).ok();
            parsed.map_or(0, |signed| signed.claims().first + u64::from(signed.claims().records))
        }
        None => 0,
    };
    let (mut of_a, mut of_b) = (Records::from_segment(a, segment), Records::from_segment(b, segment));
    let mut pair =
        Pair { comparison, a: a.content_reader(), b: b.content_reader(), uncompared: 0, other_source: false };
    loop {
        let next_a = of_a.next().transpose().map_err(Side::First.at_fault())?;
        let next_b = of_b.next().transpose().map_err(Side::Second.at_fault())?;
        let found = match (next_a, next_b) {
            (None, None) => Some(Difference::None { records: record }),
            (Some(_), None) => Some(Difference::Length { record, first_is_longer: true }),
            (None, Some(_)) => Some(Difference::Length { record, first_is_longer: false }),
            (Some(in_a), Some(in_b)) => pair.compare(record, &in_a, &in_b)?,
        };
        if let Some(difference) = found {
            let Pair { uncompared: uncompared_contents, other_source, .. } = pair;
            return Ok(Walked { difference, uncompared_contents, other_source });
        }
        record += 1;
    }
}

/// Two traces side by side.
struct Pair<'r, A, B> {
    comparison: Comparison,
    a: ContentReader<'r, A>,
    b: ContentReader<'r, B>,
    uncompared: u64,
    other_source: bool,
}

impl<A: ReadAt, B: ReadAt> Pair<'_, A, B> {
    fn compare(
        &mut self,
        record: u64,
        in_a: &FrameAt,
        in_b: &FrameAt,
    ) -> Result<Option<Difference>, DiffFault> {
        let (record_a, record_b) = match (in_a.record(), in_b.record()) {
            (Ok(record_a), Ok(record_b)) => (record_a, record_b),
            // Bytes that this version cannot read are the same all the same.
            _ if in_a.bytes == in_b.bytes => return Ok(None),
            (Err(error), _) | (_, Err(error)) => {
                return Ok(Some(Difference::Unreadable { record, reason: error.to_string() }));
            }
        };
        if let Some(difference) = self.compare_contents(record, in_a.segment, &record_a, &record_b)? {
            return Ok(Some(difference));
        }
        if in_a.bytes == in_b.bytes {
            return Ok(None);
        }
        let first = match self.comparison {
            Comparison::Bytes => first_difference(&view(&record_a), &view(&record_b), String::new()),
            Comparison::Acts => {
                self.other_source |= self.names_another_source(&record_a, &record_b)?;
                first_act_that_differs(&record_a, &record_b)
            }
        };
        Ok(match first {
            Some((field, a, b)) => Some(Difference::Field { record, segment: in_a.segment, field, a, b }),
            None if self.comparison == Comparison::Acts => None,
            None => Some(Difference::Unreadable {
                record,
                reason: "other bytes, and no field that differs".into(),
            }),
        })
    }

    /// Compares the contents that both records list at one place. Those of one run under one commitment are the same wherever they are held.
    fn compare_contents(
        &mut self,
        record: u64,
        segment: u32,
        record_a: &Record,
        record_b: &Record,
    ) -> Result<Option<Difference>, DiffFault> {
        let [of_a, of_b] = [record_a, record_b].map(|record| self.compared(record));
        for ((index, in_a), (_, in_b)) in of_a.into_iter().zip(of_b) {
            let found_a = self.a.read(&in_a.commitment).map_err(Side::First.at_fault())?;
            let found_b = self.b.read(&in_b.commitment).map_err(Side::Second.at_fault())?;
            let (Some(found_a), Some(found_b)) = (found_a, found_b) else {
                self.uncompared += u64::from(in_a.commitment != in_b.commitment);
                continue;
            };
            if found_a.bytes != found_b.bytes {
                let field = format!("contents[{index}]");
                let show = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
                let (a, b) = (show(found_a.bytes), show(found_b.bytes));
                return Ok(Some(Difference::Field { record, segment, field, a, b }));
            }
            // In two runs salts differ by nature.
            if in_a.commitment == in_b.commitment && found_a.salt != found_b.salt {
                let field = format!("contents[{index}].salt");
                let (a, b) = (found_a.salt, found_b.salt);
                let [a, b] = [a, b].map(|salt| Value::String(hex::format(&salt)));
                return Ok(Some(Difference::Field { record, segment, field, a, b }));
            }
        }
        Ok(None)
    }

    /// The contents of a record that are compared, each with its place in the list.
    fn compared<'c>(&self, record: &'c Record) -> Vec<(usize, &'c ContentEntry)> {
        let left_out = match self.comparison {
            Comparison::Bytes => Vec::new(),
            Comparison::Acts => of_source(record),
        };
        let contents = record.input.contents.iter().enumerate();
        contents.filter(|(index, _)| !left_out.contains(index)).collect()
    }

    /// Whether two openings say that they were imported from different recordings. A name that one of the traces does not hold may be any.
    fn names_another_source(&mut self, record_a: &Record, record_b: &Record) -> Result<bool, DiffFault> {
        if source_of(record_a) != source_of(record_b) {
            return Ok(true);
        }
        for index in of_source(record_a) {
            let [in_a, in_b] = [record_a, record_b].map(|record| record.input.contents.get(index));
            let (Some(in_a), Some(in_b)) = (in_a, in_b) else { continue };
            let found_a = self.a.read(&in_a.commitment).map_err(Side::First.at_fault())?;
            let found_b = self.b.read(&in_b.commitment).map_err(Side::Second.at_fault())?;
            let are_others = match (found_a, found_b) {
                (Some(found_a), Some(found_b)) => found_a.bytes != found_b.bytes,
                (None, _) | (_, None) => in_a.bytes != in_b.bytes,
            };
            if are_others {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn source_of(record: &Record) -> Option<&Source> {
    if let Body::RunOpened(opening) = &record.input.body { opening.source.as_ref() } else { None }
}

/// The places of the contents that say what a run was imported from, and nothing else.
fn of_source(record: &Record) -> Vec<usize> {
    let Body::RunOpened(opening) = &record.input.body else { return Vec::new() };
    let Some(source) = &opening.source else { return Vec::new() };
    let goal = if let Given::Known(goal) = opening.goal { Some(goal) } else { None };
    let acts = [goal, opening.principal.evidence, opening.persona.role, opening.persona.constraints];
    let named = [Some(source.file), source.id, source.rest].into_iter().flatten();
    named.filter(|content| !acts.contains(&Some(*content))).map(|Content(index)| usize::from(index)).collect()
}

/// The first field of two records of different runs that does not differ by nature, with the values that stand in them.
fn first_act_that_differs(a: &Record, b: &Record) -> Option<(String, Value, Value)> {
    let [view_a, view_b] = [a, b].map(acts_of);
    let [bare_a, bare_b] = [&view_a, &view_b].map(|view| {
        let mut bare = view.clone();
        let _ = bare.get_mut("body").map(strip_commitments);
        bare
    });
    let (field, _, _) = first_difference(&bare_a, &bare_b, String::new())?;
    let pointer = format!("/{}", field.replace(['.', '['], "/").replace(']', ""));
    let [a, b] = [view_a, view_b].map(|view| view.pointer(&pointer).cloned().unwrap_or(Value::Null));
    Some((field, a, b))
}

fn view(record: &Record) -> Value {
    serde_json::to_value(record).unwrap_or(Value::Null)
}

/// The view of a record without the members that differ between two runs by nature. Other members may hold commitments all the same.
fn acts_of(record: &Record) -> Value {
    let mut view = view(record);
    if let Some(derived) = view.get_mut("derived").and_then(Value::as_object_mut) {
        let _ = (derived.remove("delta"), derived.remove("checksum"));
    }
    if let Some(contents) = view.get_mut("contents").and_then(Value::as_array_mut) {
        let mut of_source = of_source(record);
        of_source.sort_unstable();
        of_source.dedup();
        for index in of_source.into_iter().rev().filter(|index| *index < record.input.contents.len()) {
            let _ = contents.remove(index);
        }
        for entry in contents {
            let _ = entry.as_object_mut().map(|entry| entry.remove("commitment"));
        }
    }
    if let Some(body) = view.get_mut("body").and_then(Value::as_object_mut) {
        for name in ["run", "recorder_key", "receipt", "source"] {
            let _ = body.remove(name);
        }
    }
    view
}

/// Members of bodies that are commitments of contents, or digests over such: salted, and equal in no two runs.
const SALTED: [&str; 17] = [
    "arguments",
    "commitment",
    "covers",
    "expected",
    "expected_effect",
    "goal",
    "inspected",
    "item",
    "items",
    "key",
    "observed",
    "output",
    "schema",
    "shown",
    "state_root",
    "target",
    "value",
];

/// Takes commitments out of a body. Other digests, such as a bundle's, are the same in all runs that mean the same.
fn strip_commitments(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_commitments),
        Value::Object(members) => {
            for (name, member) in members {
                if SALTED.contains(&name.as_str()) {
                    blank_digests(member);
                }
                strip_commitments(member);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Empties a digest, or each of a list. Under a salted member's name other kinds of records have other things.
fn blank_digests(member: &mut Value) {
    match member {
        Value::String(text) if Digest::from_hex(text).is_ok() => text.clear(),
        Value::Array(items) => items.iter_mut().for_each(blank_digests),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
    }
}

/// What follows from the rest of a record is compared last: where an input differs, that is the news.
const FOLLOWS: [&str; 2] = ["extracted", "derived"];

/// The first field in which two values differ: in the order of their names, what follows from others last.
fn first_difference(a: &Value, b: &Value, path: String) -> Option<(String, Value, Value)> {
    if a == b {
        return None;
    }
    match (a, b) {
        (Value::Object(in_a), Value::Object(in_b)) => {
            let names = in_a.keys().chain(in_b.keys());
            let ordered: BTreeSet<_> =
                names.map(|name| (FOLLOWS.iter().position(|follows| follows == name), name)).collect();
            let dot = if path.is_empty() { "" } else { "." };
            ordered.into_iter().find_map(|(_, name)| {
                let (a, b) = (in_a.get(name).unwrap_or(&Value::Null), in_b.get(name).unwrap_or(&Value::Null));
                first_difference(a, b, format!("{path}{dot}{name}"))
            })
        }
        (Value::Array(in_a), Value::Array(in_b)) => (0..in_a.len().max(in_b.len())).find_map(|index| {
            let (a, b) = (in_a.get(index).unwrap_or(&Value::Null), in_b.get(index).unwrap_or(&Value::Null));
            first_difference(a, b, format!("{path}[{index}]"))
        }),
        (a, b) => Some((path, a.clone(), b.clone())),
    }
}

/// Of two traces with the same records, the first header that differs, the seal, or how they end.
fn signed_difference<A: ReadAt, B: ReadAt>(
    a: &TraceReader<A>,
    b: &TraceReader<B>,
    same_headers: u32,
    records: u64,
    run: Option<RunId>,
) -> Result<Difference, DiffFault> {
    if same_headers < a.segments().max(b.segments()) {
        return Ok(Difference::Signed { segment: Some(same_headers) });
    }
    let of_a = a.seal().map_err(Side::First.at_fault())?;
    if of_a != b.seal().map_err(Side::Second.at_fault())? {
        return Ok(Difference::Signed { segment: None });
    }
    Ok(match first_difference(&ends::view(a, run), &ends::view(b, run), String::new()) {
        Some((field, a, b)) => Difference::End { field, a, b },
        None => Difference::None { records },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Digests that are the same in all runs that mean the same.
    const COMMON: [&str; 4] = ["bundle", "digest", "registry", "subject"];
    /// Digests that stand outside of bodies.
    const OUTSIDE: [&str; 10] = [
        "checksum",
        "delta",
        "header_root",
        "header_siblings",
        "last",
        "lemmas",
        "lineage",
        "previous",
        "root",
        "siblings",
    ];

    #[test]
    fn every_digest_of_the_grammar_is_salted_or_common_to_all_runs() {
        let grammar = include_str!("../../../formats/evidence/evidence.cddl");
        let mut seen = BTreeSet::new();
        for (entry, name) in grammar.lines().filter_map(|line| line.split_once(" ; ")) {
            let is_digest = entry
                .split_once("=> ")
                .is_some_and(|(_, kind)| kind.trim_start_matches("[0*4096 ").starts_with("digest"));
            if is_digest {
                let lists = [&SALTED[..], &COMMON, &OUTSIDE].map(|list| list.contains(&name));
                assert!(lists.contains(&true), "{name}");
                let _ = seen.insert(name);
            }
        }
        assert!(SALTED.iter().chain(&COMMON).all(|name| seen.contains(name)), "{seen:?}");
    }
}
