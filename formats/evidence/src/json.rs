//! The JSON view of records and drafts: both ways, losing nothing. Spec: json-view.
//!
//! Member names are the field names, registries are written by name, byte strings as lowercase hexadecimal digits, a value
//! that the source does not know as `null`, times as microseconds. A record and a draft differ in that a record has a
//! number, commitments and the extracted and derived parts, a draft the bytes of its contents.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::draft::{Draft, DraftContent};
use crate::ids::{Id, RecordedTime};
use crate::kinds::{Body, Kind};
use crate::record::{Causes, ContentEntry, Derived, Extracted, Input, MediaType, Record};
use crate::values::{GraphPlace, Identity, Origin, Place, SourceLabel, TraceContext};

#[derive(Serialize)]
struct RecordOut<'a> {
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<RecordedTime>,
    #[serde(flatten)]
    common: CommonOut<'a>,
    clock_stepped: bool,
    kind: Kind,
    body: &'a Body,
    contents: &'a [ContentEntry],
    #[serde(skip_serializing_if = "Option::is_none")]
    extracted: Option<&'a Extracted>,
    derived: &'a Derived,
}

#[derive(Serialize)]
struct DraftOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<RecordedTime>,
    #[serde(flatten)]
    common: CommonOut<'a>,
    kind: Kind,
    body: &'a Body,
    contents: &'a [DraftContent],
}

#[derive(Serialize)]
struct CommonOut<'a> {
    actor: &'a Id,
    origin: Origin,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'a Place>,
    causes: &'a Causes,
    labels: &'a [SourceLabel],
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a Identity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a TraceContext>,
    #[serde(skip_serializing_if = "Option::is_none")]
    graph: Option<&'a GraphPlace>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let input = &self.input;
        RecordOut {
            sequence: input.sequence,
            time: input.time,
            common: CommonOut {
                actor: &input.actor,
                origin: input.origin,
                place: input.place.as_ref(),
                causes: &input.causes,
                labels: &input.labels,
                identity: input.identity.as_ref(),
                trace: input.trace.as_ref(),
                graph: input.graph.as_ref(),
            },
            clock_stepped: input.clock_stepped,
            kind: input.body.kind(),
            body: &input.body,
            contents: &input.contents,
            extracted: self.extracted.as_ref(),
            derived: &self.derived,
        }
        .serialize(s)
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        DraftOut {
            time: self.time,
            common: CommonOut {
                actor: &self.actor,
                origin: self.origin,
                place: self.place.as_ref(),
                causes: &self.causes,
                labels: &self.labels,
                identity: self.identity.as_ref(),
                trace: self.trace.as_ref(),
                graph: self.graph.as_ref(),
            },
            kind: self.body.kind(),
            body: &self.body,
            contents: &self.contents,
        }
        .serialize(s)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordIn {
    sequence: u64,
    time: Option<RecordedTime>,
    actor: Id,
    origin: Origin,
    place: Option<Place>,
    #[serde(default)]
    causes: Causes,
    #[serde(default)]
    labels: Vec<SourceLabel>,
    identity: Option<Identity>,
    trace: Option<TraceContext>,
    graph: Option<GraphPlace>,
    #[serde(default)]
    clock_stepped: bool,
    kind: Kind,
    body: Box<RawValue>,
    #[serde(default)]
    contents: Vec<ContentEntry>,
    extracted: Option<Extracted>,
    derived: Derived,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DraftIn {
    time: Option<RecordedTime>,
    actor: Id,
    origin: Origin,
    place: Option<Place>,
    #[serde(default)]
    causes: Causes,
    #[serde(default)]
    labels: Vec<SourceLabel>,
    identity: Option<Identity>,
    trace: Option<TraceContext>,
    graph: Option<GraphPlace>,
    kind: Kind,
    body: Box<RawValue>,
    #[serde(default)]
    contents: Vec<DraftContent>,
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let record = RecordIn::deserialize(d)?;
        let record = Self {
            input: Input {
                sequence: record.sequence,
                time: record.time,
                actor: record.actor,
                origin: record.origin,
                place: record.place,
                causes: record.causes,
                labels: record.labels,
                identity: record.identity,
                trace: record.trace,
                graph: record.graph,
                clock_stepped: record.clock_stepped,
                body: body(record.kind, &record.body)?,
                contents: record.contents,
            },
            extracted: record.extracted,
            derived: record.derived,
        };
        record.check().map_err(D::Error::custom)?;
        Ok(record)
    }
}

impl<'de> Deserialize<'de> for Draft {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let draft = DraftIn::deserialize(d)?;
        let draft = Self {
            time: draft.time,
            actor: draft.actor,
            origin: draft.origin,
            place: draft.place,
            causes: draft.causes,
            labels: draft.labels,
            identity: draft.identity,
            trace: draft.trace,
            graph: draft.graph,
            body: body(draft.kind, &draft.body)?,
            contents: draft.contents,
        };
        draft.check().map_err(D::Error::custom)?;
        Ok(draft)
    }
}

/// The body is read from its text, not from a tree: a tree would forget that a member stood twice.
fn body<E: serde::de::Error>(kind: Kind, text: &RawValue) -> Result<Body, E> {
    Body::from_json(kind, text.get()).map_err(|error| E::custom(format_args!("body of {kind}: {error}")))
}

/// UTF-8 bytes are written as `text`, all others as `base64` (RFC 4648 section 4).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContentView<'a> {
    media: MediaType,
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    text: Option<std::borrow::Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Serialize for DraftContent {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(&self.bytes).ok();
        let base64 = text.is_none().then(|| data_encoding::BASE64.encode(&self.bytes));
        ContentView { media: self.media, text: text.map(Into::into), base64 }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for DraftContent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let view = ContentView::deserialize(d)?;
        let bytes = match (view.text, view.base64) {
            (Some(text), None) => text.into_owned().into_bytes(),
            (None, Some(digits)) => {
                data_encoding::BASE64.decode(digits.as_bytes()).map_err(D::Error::custom)?
            }
            (Some(_), Some(_)) | (None, None) => {
                return Err(D::Error::custom("a content has either \"text\" or \"base64\""));
            }
        };
        Ok(Self { media: view.media, bytes })
    }
}
