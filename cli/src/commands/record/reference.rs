//! Commitments named instead of written: `"@S.C"` is content C of record S, `"@.C"` content C of the draft itself.

use std::collections::BTreeMap;
use std::ops::Range;

use rederive_evidence::digest::Digest;

/// A name that stands for a commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The record; none: the draft itself.
    pub(super) record: Option<u64>,
    /// Index in its contents.
    pub(super) content: usize,
}

/// Why a name stands for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReferenceFault {
    /// No such record yet.
    NoRecord(u64),
    /// The record has fewer contents.
    NoContent { record: Option<u64>, content: usize, listed: usize },
    /// Before a run is opened nothing can be committed to.
    NotOpened,
}

impl std::fmt::Display for ReferenceFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoRecord(record) => {
                write!(f, "there is no record {record} yet whose content could be named")
            }
            Self::NoContent { record: Some(record), content, listed } => {
                write!(f, "record {record} has no content {content}: it has {listed}")
            }
            Self::NoContent { record: None, content, listed } => {
                write!(f, "the draft has no content {content}: it has {listed}")
            }
            Self::NotOpened => {
                f.write_str("the draft that opens a run cannot name commitments: it has none yet")
            }
        }
    }
}

impl Reference {
    /// The reference that a string of a body is, if it is one. No other value of a body begins with `@`.
    fn parse(text: &str) -> Option<Self> {
        let (record, content) = text.strip_prefix('@')?.split_once('.')?;
        let number =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let record = if record.is_empty() { None } else { Some(number(record)?) };
        Some(Self { record, content: usize::try_from(number(content)?).ok()? })
    }

    /// The references in well-formed JSON, each with the place of its string, quotes included.
    pub(super) fn all_in(json: &str) -> Vec<(Range<usize>, Self)> {
        let mut found = Vec::new();
        let mut rest = 0;
        while let Some(start) = json.get(rest..).and_then(|rest| rest.find('"')).map(|at| rest + at) {
            let inside = json.get(start + 1..).unwrap_or_default();
            let length = string_length(inside);
            let end = start + length + 2;
            if let Some(reference) = inside.get(..length).and_then(Self::parse) {
                found.push((start..end, reference));
            }
            rest = end;
        }
        found
    }
}

/// Bytes up to the quote that ends a string.
fn string_length(inside: &str) -> usize {
    let mut is_escaped = false;
    let end = inside.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    end.unwrap_or(inside.len())
}

/// The commitments of a run so far, by record.
#[derive(Debug, Default)]
pub(super) struct Commitments {
    by_record: BTreeMap<u64, Vec<Digest>>,
    /// Number of the next record.
    next: u64,
}

impl Commitments {
    /// Keeps those of a record.
    pub(super) fn keep(&mut self, record: u64, commitments: Vec<Digest>) {
        self.next = self.next.max(record + 1);
        if !commitments.is_empty() {
            let _ = self.by_record.insert(record, commitments);
        }
    }

    /// What a reference stands for; `own` are the commitments of the draft itself.
    pub(super) fn resolve(&self, reference: Reference, own: &[Digest]) -> Result<Digest, ReferenceFault> {
        let Reference { record, content } = reference;
        let listed = match record {
            None => own,
            Some(record) if record >= self.next => return Err(ReferenceFault::NoRecord(record)),
            Some(record) => self.by_record.get(&record).map_or(&[][..], Vec::as_slice),
        };
        let listed_count = listed.len();
        let found = listed.get(content).copied();
        found.ok_or(ReferenceFault::NoContent { record, content, listed: listed_count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_whole_strings_of_two_numbers() {
        let of = |record, content| Some(Reference { record, content });
        assert_eq!(Reference::parse("@12.3"), of(Some(12), 3));
        assert_eq!(Reference::parse("@.0"), of(None, 0));
        for other in [
            "",
            "@",
            "@.",
            "@1",
            "1.2",
            "@a.b",
            "@1.2.3",
            "@-1.0",
            "@+1.0",
            "@1.",
            " @1.2",
            "@99999999999999999999.0",
        ] {
            assert_eq!(Reference::parse(other), None, "{other}");
        }
    }

    #[test]
    fn references_are_found_where_they_stand_and_escaped_quotes_end_nothing() {
        let json = r#"{"a":"@1.0","b":["x\"@2.0\"","\\","@.1"],"c":"@3.0 "}"#;
        let found = Reference::all_in(json);
        let places: Vec<_> = found.iter().map(|(place, _)| &json[place.clone()]).collect();
        assert_eq!(places, ["\"@1.0\"", "\"@.1\""]);
    }

    #[test]
    fn a_reference_resolves_to_what_its_record_listed() {
        let mut known = Commitments::default();
        known.keep(0, vec![Digest([1; 32]), Digest([2; 32])]);
        known.keep(1, vec![]);
        let resolve = |record, content| known.resolve(Reference { record, content }, &[Digest([9; 32])]);
        assert_eq!(resolve(Some(0), 1), Ok(Digest([2; 32])));
        assert_eq!(resolve(None, 0), Ok(Digest([9; 32])));
        assert_eq!(resolve(Some(2), 0), Err(ReferenceFault::NoRecord(2)));
        let missing = |record, content, listed| Err(ReferenceFault::NoContent { record, content, listed });
        assert_eq!(resolve(Some(0), 2), missing(Some(0), 2, 2));
        assert_eq!(resolve(Some(1), 0), missing(Some(1), 0, 0));
        assert_eq!(resolve(None, 1), missing(None, 1, 1));
    }
}
