//! One line of input: a draft in JSON, or a fault and its place.

use std::ops::Range;

use rederive_archive::storage::OsStorage;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::kinds::{Body, Kind};
use rederive_recorder::{AppendError, RecordError, Recorder};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lines::LINE_BYTES_MAX;
use super::reference::{Commitments, Reference, ReferenceFault};
use crate::words;

/// The longest list of what would have been right that is told.
const EXPECTED_CHARS_MAX: usize = 400;

/// Why a line did not become a record.
#[derive(Debug)]
pub(super) enum LineFault {
    /// More bytes than a line may have.
    TooLong,
    /// Not UTF-8 from this column on.
    NotText { column: usize },
    /// Something else than an object.
    NoObject { column: usize },
    /// Not the JSON of a draft.
    Json { column: Option<usize>, reason: String },
    /// A commitment named that there is not.
    Reference { column: usize, fault: ReferenceFault },
    /// The first draft does not open a run.
    NotAnOpening,
    /// The first draft asks for rules that there are not.
    UnknownRuleSet { number: u16 },
    /// A draft of which no record can be made.
    Append(AppendError),
}

impl LineFault {
    /// The byte of the line, from 1, where it is known.
    pub(super) const fn column(&self) -> Option<usize> {
        match self {
            Self::NotText { column } | Self::NoObject { column } | Self::Reference { column, .. } => {
                Some(*column)
            }
            Self::Json { column, .. } => *column,
            Self::TooLong | Self::NotAnOpening | Self::UnknownRuleSet { .. } | Self::Append(_) => None,
        }
    }
}

impl std::fmt::Display for LineFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "a line has at most {LINE_BYTES_MAX} bytes"),
            Self::NotText { .. } => f.write_str("it is not UTF-8 text"),
            Self::NoObject { .. } => f.write_str("expected a draft: a JSON object, `{..}`"),
            Self::Json { reason, .. } => f.write_str(reason),
            Self::Reference { fault, .. } => fault.fmt(f),
            Self::NotAnOpening => f.write_str("the first draft of a run is of kind `run.opened`"),
            Self::UnknownRuleSet { number } => {
                write!(f, "rule set {number} is not known here: leave it out for the usual one")
            }
            Self::Append(error) => error.fmt(f),
        }
    }
}

/// What has to be read of a draft before its body can be.
#[derive(Deserialize)]
struct Envelope<'a> {
    kind: Kind,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// The contents of a draft, read early where its body names their commitments.
#[derive(Deserialize)]
struct OwnContents {
    #[serde(default)]
    contents: Vec<DraftContent>,
}

/// Members of an opening body that the recorder fills in.
#[derive(Deserialize)]
struct RecordersOwn {
    run: Option<serde::de::IgnoredAny>,
    rule_set: Option<serde::de::IgnoredAny>,
    recorder_key: Option<serde::de::IgnoredAny>,
    recorder: Option<serde::de::IgnoredAny>,
}

/// A part of a line that stands for another text.
struct Edit {
    place: Range<usize>,
    text: String,
}

/// Parses a line; `recorder` is absent before a run is opened.
///
/// # Errors
/// What is wrong with the line, and where. A store that fails is told where the draft is appended.
pub(super) fn parse(
    line: &[u8],
    known: &Commitments,
    recorder: Option<&Recorder<OsStorage>>,
) -> Result<Draft, LineFault> {
    let text =
        std::str::from_utf8(line).map_err(|error| LineFault::NotText { column: error.valid_up_to() + 1 })?;
    // The parser would read a list as the members of an object in their order.
    let start = text.len() - text.trim_ascii_start().len();
    if !text.trim_ascii_start().starts_with('{') {
        return Err(LineFault::NoObject { column: start + 1 });
    }
    if recorder.is_some()
        && !text.contains("\"@")
        && let Ok(draft) = serde_json::from_str(text)
    {
        return Ok(draft);
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|error| json(&error, 0, &[]))?;
    let body = envelope.body.get();
    // The body is a part of the line: what stands before it is the difference of their addresses.
    let body_at = body.as_ptr() as usize - text.as_ptr() as usize;
    let mut edits = references(text, body, body_at, known, recorder)?;
    if envelope.kind == Kind::RunOpened {
        edits.extend(recorders_own(body, body_at));
        edits.sort_by_key(|edit| edit.place.start);
    }
    let in_body: Vec<Edit> = edits.iter().map(|edit| edit.moved_back(body_at)).collect();
    Body::from_json(envelope.kind, &edited(body, &in_body))
        .map_err(|error| json(&error, body_at, &in_body))?;
    serde_json::from_str(&edited(text, &edits)).map_err(|error| json(&error, 0, &edits))
}

/// The references of a body, each with the commitment it stands for.
fn references(
    text: &str,
    body: &str,
    body_at: usize,
    known: &Commitments,
    recorder: Option<&Recorder<OsStorage>>,
) -> Result<Vec<Edit>, LineFault> {
    let found = Reference::all_in(body);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let own = own_commitments(text, recorder)?;
    let edits = found.into_iter().map(|(place, reference)| {
        let place = body_at + place.start..body_at + place.end;
        let resolved = match recorder {
            Some(_) => known.resolve(reference, &own),
            None => Err(ReferenceFault::NotOpened),
        };
        match resolved {
            Ok(commitment) => Ok(Edit { place, text: format!("\"{commitment}\"") }),
            Err(fault) => Err(LineFault::Reference { column: place.start + 1, fault }),
        }
    });
    edits.collect()
}

fn own_commitments(text: &str, recorder: Option<&Recorder<OsStorage>>) -> Result<Vec<Digest>, LineFault> {
    let Some(recorder) = recorder else { return Ok(Vec::new()) };
    let own: OwnContents = serde_json::from_str(text).map_err(|error| json(&error, 0, &[]))?;
    let commitments = own.contents.iter().map(|content| recorder.commitment(&content.bytes));
    // A recorder that was stopped says so when the draft is appended.
    Ok(commitments.collect::<Result<_, RecordError>>().unwrap_or_default())
}

/// Members that the recorder fills in, whatever a draft says of them, where the draft leaves them out.
fn recorders_own(body: &str, body_at: usize) -> Option<Edit> {
    let stated: RecordersOwn = serde_json::from_str(body).ok()?;
    let zeros = |digits: usize| format!("\"{}\"", "0".repeat(digits));
    let members = [
        ("run", stated.run.is_none(), zeros(32)),
        ("rule_set", stated.rule_set.is_none(), format!("{{\"number\":0,\"digest\":{}}}", zeros(64))),
        ("recorder_key", stated.recorder_key.is_none(), zeros(64)),
        ("recorder", stated.recorder.is_none(), "\"rederive\"".to_owned()),
    ];
    let missing = members.into_iter().filter(|(_, is_missing, _)| *is_missing);
    let mut text: Vec<String> = missing.map(|(name, _, value)| format!("\"{name}\":{value}")).collect();
    let after_brace = body.strip_prefix('{')?.trim_ascii_start();
    if !after_brace.starts_with('}') {
        text.push(String::new());
    }
    Some(Edit { place: body_at + 1..body_at + 1, text: text.join(",") })
}

impl Edit {
    fn moved_back(&self, by: usize) -> Self {
        Self { place: self.place.start - by..self.place.end - by, text: self.text.clone() }
    }
}

/// The text with the edits, which are ascending and do not overlap.
fn edited(text: &str, edits: &[Edit]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        result.push_str(text.get(at..edit.place.start).unwrap_or_default());
        result.push_str(&edit.text);
        at = edit.place.end;
    }
    result.push_str(text.get(at..).unwrap_or_default());
    result
}

/// Where a byte of the edited text stood before.
fn before(edited_at: usize, edits: &[Edit]) -> usize {
    // Bytes of the text, and of the edited text, up to the end of the last edit passed.
    let (mut old, mut new) = (0, 0);
    for edit in edits {
        let start = new + (edit.place.start - old);
        if edited_at < start {
            break;
        }
        if edited_at < start + edit.text.len() {
            return edit.place.start;
        }
        (old, new) = (edit.place.end, start + edit.text.len());
    }
    old + (edited_at - new)
}

/// The fault of text that stands at `at` in the line and was edited.
fn json(error: &serde_json::Error, at: usize, edits: &[Edit]) -> LineFault {
    let reason = words::json::reason(&error.to_string());
    let reason = match reason.strip_prefix("expected one of ").and_then(|rest| rest.rsplit_once(", found ")) {
        // All kinds of record: more than anybody reads in an error.
        Some((list, found)) if list.len() > EXPECTED_CHARS_MAX => {
            format!("nothing is called {found} here: `rederive explain` lists what there is")
        }
        Some(_) | None => reason,
    };
    let has_place = error.line() > 0 && error.column() > 0;
    let column = has_place.then(|| at + before(error.column() - 1, edits) + 1);
    LineFault::Json { column, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_edited_text_are_told_as_they_were() {
        let edits =
            [Edit { place: 2..4, text: "XXXXXX".to_owned() }, Edit { place: 6..6, text: "YY".to_owned() }];
        assert_eq!(edited("abcdefgh", &edits), "abXXXXXXefYYgh");
        let old: Vec<usize> = (0..14).map(|at| before(at, &edits)).collect();
        assert_eq!(old, [0, 1, 2, 2, 2, 2, 2, 2, 4, 5, 6, 6, 6, 7]);
    }

    fn fault(line: &str) -> (Option<usize>, String) {
        let fault = parse(line.as_bytes(), &Commitments::default(), None).unwrap_err();
        (fault.column(), fault.to_string())
    }

    #[test]
    fn faults_name_the_column() {
        let table = [
            ("{", Some(1), "the text ends inside of an object"),
            (" null", Some(2), "a JSON object"),
            (r#"["run.closed",{"end":"failed"}]"#, Some(1), "a JSON object"),
            (r#"{"kind":"tool.unheard","body":{}}"#, Some(22), "nothing is called `tool.unheard` here"),
            (r#"{"kind":"tool.returned","body":{"result":"x"}}"#, Some(44), "a whole number from 0 to 65535"),
            (
                r#"{"kind":"run.closed","body":{"end":"later"},"actor":"a","origin":"code"}"#,
                Some(43),
                "later",
            ),
            (
                r#"{"kind":"tool.returned","body":{"result":0,"x":1},"actor":"a","origin":"code"}"#,
                Some(46),
                "`x`",
            ),
            (
                r#"{"kind":"run.closed","body":{"end":"failed"},"actor":"a b","origin":"code"}"#,
                Some(58),
                "alphabet",
            ),
            (r#"{"kind":"context.retrieved","body":{"item":"@0.0"}}"#, Some(44), "cannot name commitments"),
        ];
        for (line, column, words) in table {
            let (found, reason) = fault(line);
            assert_eq!(found, column, "{line}: {reason}");
            assert!(reason.contains(words), "{line}: {reason}");
        }
    }
}
