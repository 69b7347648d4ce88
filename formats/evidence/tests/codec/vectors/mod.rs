//! Golden vectors of the codec: `fixtures/vectors/cbor`, one file a section of SPEC.md, one JSON object a line.
//!
//! The tables here give the bytes and say what is wrong with the bad ones and where, without asking the decoder; the files
//! hold what the tables give, for verifiers in any language. `UPDATE=1` writes them.

mod canonical_bytes;
mod frames;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use rederive_evidence::cbor::{DecodeError, DecodeFault};
use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::hex;
use rederive_evidence::record::Record;

use crate::bytes::{decoded, encoded, skipped};

/// What the bytes of a vector are to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Shape {
    /// One item of the subset, whatever it is, and nothing behind it.
    Item,
    /// One record, and nothing behind it.
    Record,
    /// One frame, and nothing behind it.
    Frame,
}

/// One line of a file.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// What it shows; no two lines of a file have one name.
    name: String,
    /// The requirement that it meets or does not.
    spec: String,
    r#as: Shape,
    /// The bytes.
    hex: String,
    /// So many zero bytes follow them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    zeros: Option<usize>,
    /// Bad: the fault's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// Bad: the byte at which the faulty item starts; of a container that a key is missing from, the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<usize>,
    /// Good records and frames: the leaf of the frame.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<String>,
    /// Good records: the JSON view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Record>,
}

/// What a reader must say of the bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Good,
    Bad { code: String, at: usize },
}

impl Verdict {
    /// The code of the fault, where there is one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Good => None,
            Self::Bad { code, .. } => Some(code),
        }
    }
}

/// Bytes, and what a reader must say of them.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) spec: &'static str,
    pub(crate) shape: Shape,
    pub(crate) bytes: Vec<u8>,
    pub(crate) verdict: Verdict,
}

/// Bytes that must be taken.
fn good(spec: &'static str, name: impl Into<String>, shape: Shape, bytes: Vec<u8>) -> Vector {
    Vector { name: name.into(), spec, shape, bytes, verdict: Verdict::Good }
}

/// Bytes that must be refused for this reason, at this place.
fn bad(
    spec: &'static str,
    name: impl Into<String>,
    shape: Shape,
    bytes: Vec<u8>,
    code: &str,
    at: usize,
) -> Vector {
    let verdict = Verdict::Bad { code: code.to_owned(), at };
    Vector { name: name.into(), spec, shape, bytes, verdict }
}

/// Bytes from hexadecimal digits; spaces may stand between them.
fn bytes(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(|digit| *digit != b' ').collect();
    data_encoding::HEXLOWER.decode(&digits).expect("hexadecimal digits")
}

/// The entries of a map in the order in which they shall stand, keys and values in hexadecimal digits.
#[derive(Clone)]
struct Entries(Vec<(u64, Vec<u8>)>);

impl Entries {
    /// `run.closed`, with nothing that can be left out: what bad records are made from.
    fn closing() -> Self {
        let derived = format!("a3 00 00 01 80 02 5820 {}", "00".repeat(32));
        let entries = [
            (0, "09"),
            (2, "68 7265636f72646572"),
            (3, "01"),
            (5, "80"),
            (6, "80"),
            (10, "f4"),
            (11, "01"),
            (12, "a1 00 00"),
            (13, "80"),
            (15, &derived),
        ];
        Self(entries.map(|(key, value)| (key, bytes(value))).to_vec())
    }

    /// The same with this value at this key, which comes where it belongs.
    fn with(mut self, key: u64, value: Vec<u8>) -> Self {
        match self.0.binary_search_by_key(&key, |entry| entry.0) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
        self
    }

    fn without(mut self, key: u64) -> Self {
        self.0.retain(|entry| entry.0 != key);
        self
    }

    /// The map; at most 23 entries with keys below 24, whose heads are one byte.
    fn map(&self) -> Vec<u8> {
        let head = 0xa0 + u8::try_from(self.0.len()).unwrap();
        let entry =
            |(key, value): &(u64, Vec<u8>)| [&[u8::try_from(*key).unwrap()], value.as_slice()].concat();
        [vec![head], self.0.iter().flat_map(entry).collect()].concat()
    }

    /// Where the value of this key starts in the map.
    fn at(&self, key: u64) -> usize {
        let before = self.0.iter().take_while(|entry| entry.0 < key);
        2 + before.map(|(_, value)| 1 + value.len()).sum::<usize>()
    }
}

impl Entries {
    /// The map as a record that must be taken.
    fn good(&self, spec: &'static str, name: impl Into<String>) -> Vector {
        good(spec, name, Shape::Record, self.map())
    }

    /// The map as a record that must be refused, for what stands so many bytes into the value of this key.
    fn bad(
        &self,
        spec: &'static str,
        name: impl Into<String>,
        code: &str,
        (key, inside): (u64, usize),
    ) -> Vector {
        bad(spec, name, Shape::Record, self.map(), code, self.at(key) + inside)
    }
}

/// Every file, by the name of its section.
fn files() -> [(&'static str, Vec<Vector>); 3] {
    [
        ("canonical-bytes", canonical_bytes::vectors()),
        ("frames", frames::vectors()),
        ("records", records::vectors()),
    ]
}

fn path(file: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/cbor");
    folder.join(file).with_extension("jsonl")
}

impl Vector {
    fn line(&self) -> String {
        let is_good = self.verdict == Verdict::Good;
        let shown = self.bytes.len() - self.bytes.iter().rev().take_while(|byte| **byte == 0).count();
        // Only where they would fill pages: a frame beyond its limit.
        let zeros = (self.bytes.len() - shown > 10_000).then(|| self.bytes.len() - shown);
        let line = Line {
            name: self.name.clone(),
            spec: self.spec.to_owned(),
            r#as: self.shape,
            hex: hex::format(if zeros.is_some() { &self.bytes[..shown] } else { &self.bytes }),
            zeros,
            code: self.verdict.code().map(str::to_owned),
            at: match &self.verdict {
                Verdict::Good => None,
                Verdict::Bad { at, .. } => Some(*at),
            },
            leaf: (is_good && self.shape != Shape::Item).then(|| leaf(&self.bytes)),
            json: (is_good && self.shape == Shape::Record).then(|| decoded(&self.bytes).unwrap()),
        };
        serde_json::to_string(&line).unwrap()
    }
}

/// The leaf of a record, padded already or not.
fn leaf(record: &[u8]) -> String {
    digest(Purpose::Leaf, &padded(record)).to_hex()
}

/// The frame of a record: the fewest zeros to a multiple of 64.
fn padded(record: &[u8]) -> Vec<u8> {
    let mut frame = record.to_vec();
    frame.resize(record.len().next_multiple_of(64), 0);
    frame
}

/// The lines of the committed files.
fn lines() -> Vec<Line> {
    files().iter().flat_map(|(file, _)| lines_of(file)).collect()
}

fn lines_of(file: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    text.lines().map(line).collect()
}

/// The bytes of the committed record of this name, where there is one.
fn released(name: &str) -> Option<Vec<u8>> {
    static RECORDS: LazyLock<BTreeMap<String, String>> =
        LazyLock::new(|| lines_of("records").into_iter().map(|line| (line.name, line.hex)).collect());
    RECORDS.get(name).map(|hex| bytes(hex))
}

/// The vectors of the committed files.
pub(crate) fn committed() -> Vec<Vector> {
    let vector = |line: Line| {
        let verdict = match (line.code, line.at) {
            (None, None) => Verdict::Good,
            (Some(code), Some(at)) => Verdict::Bad { code, at },
            (Some(_), None) | (None, Some(_)) => panic!("{}: a code and its place stand together", line.name),
        };
        let bytes = [bytes(&line.hex), vec![0; line.zeros.unwrap_or(0)]].concat();
        Vector { name: line.name, spec: "", shape: line.r#as, bytes, verdict }
    };
    lines().into_iter().map(vector).collect()
}

/// Reads the bytes as what they are to be.
fn read(shape: Shape, bytes: &[u8]) -> Result<(), DecodeError> {
    match shape {
        Shape::Item => skipped(bytes),
        Shape::Record => decoded(bytes).map(|_| ()),
        Shape::Frame => match Record::decode_frame(bytes)? {
            (_, length) if length < bytes.len() => Err(DecodeError::new(length, DecodeFault::Trailing)),
            _ => Ok(()),
        },
    }
}

#[test]
fn the_committed_files_hold_what_the_tables_give() {
    for (file, vectors) in files() {
        let names: BTreeSet<&String> = vectors.iter().map(|vector| &vector.name).collect();
        assert_eq!(names.len(), vectors.len(), "two vectors of {file} have one name");
        let text: String = vectors.iter().map(|vector| vector.line() + "\n").collect();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(path(file).parent().unwrap()).unwrap();
            std::fs::write(path(file), &text).unwrap();
        }
        let committed = std::fs::read_to_string(path(file)).unwrap_or_default();
        assert!(committed == text, "{file} is not what the tables give: run this test with UPDATE=1");
    }
}

#[test]
fn every_vector_is_taken_or_refused_as_its_line_says() {
    for Vector { name, shape, bytes, verdict, .. } in committed() {
        let said = match read(shape, &bytes) {
            Ok(()) => Verdict::Good,
            Err(error) => Verdict::Bad { code: error.fault.code().to_owned(), at: error.at },
        };
        assert_eq!(said, verdict, "{name}");
    }
}

#[test]
fn every_good_record_is_the_one_of_its_json_view_and_every_frame_has_its_leaf() {
    for line in lines() {
        let bytes = bytes(&line.hex);
        if let Some(record) = &line.json {
            assert_eq!(decoded(&bytes).as_ref(), Ok(record), "{}", line.name);
            assert_eq!(encoded(record), bytes, "{}", line.name);
        }
        if let Some(recorded) = &line.leaf {
            let (record, length) = Record::decode_frame(&padded(&bytes)).unwrap();
            let frame = record.append_frame(Vec::new()).unwrap();
            assert_eq!(frame, padded(&bytes), "{}", line.name);
            assert_eq!(length, frame.len());
            assert_eq!(digest(Purpose::Leaf, &frame).to_hex(), *recorded, "{}", line.name);
        }
    }
}

#[test]
fn every_fault_has_a_bad_vector() {
    let shown: BTreeSet<String> = lines().into_iter().filter_map(|line| line.code).collect();
    let faults: BTreeSet<String> = DecodeFault::CODES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(shown, faults);
}
