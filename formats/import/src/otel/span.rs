//! One span in one shape, whatever exported it.

use std::borrow::Cow;

use data_encoding::{BASE64, HEXLOWER};
use rederive_evidence::ids::{SpanId, TraceId};
use rederive_evidence::values::TraceContext;

use super::attributes::{Attributes, Texts, json_in, plain, quoted};
use super::time;
use crate::fault::{NoteKind, Notes, Path};
use crate::json::{Json, Kind, Member, Object, object_of};
use crate::message::Piece;

/// How an exporter writes spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OTLP/JSON, with camel case or with the names of the protocol's definition.
    Otlp,
    /// A span of the JavaScript SDK as it prints itself.
    Script,
    /// Jaeger's query API.
    Jaeger,
    /// An observation of Langfuse.
    Langfuse,
    /// A log record of OTLP/JSON that belongs to a span.
    Log,
}

/// Names under which a field stands, by dialect or by whoever wrote the JSON.
const TRACE_IDS: &[&str] = &["traceId", "trace_id", "traceID"];
const SPAN_IDS: &[&str] = &["spanId", "span_id", "spanID"];
const PARENT_IDS: &[&str] = &["parentSpanId", "parent_span_id", "parentObservationId", "parentId"];
const NAMES: &[&str] = &["name", "operationName"];
const STARTS: &[&str] = &["startTimeUnixNano", "start_time_unix_nano", "startTime", "start_time"];
const ENDS: &[&str] = &["endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time"];

/// The dialect of this object, where it is a span.
pub(super) fn dialect(object: &Object<'_>) -> Option<Dialect> {
    if object.has("operationName") && object.has("traceID") {
        Some(Dialect::Jaeger)
    } else if object.has("traceId") && object.has("type") && object.has("startTime") {
        Some(Dialect::Langfuse)
    } else if object.has("spanContext") && object.has("attributes") {
        Some(Dialect::Script)
    } else if object.first(SPAN_IDS).is_some() && object.has("name") {
        Some(Dialect::Otlp)
    } else {
        None
    }
}

/// The trace that a span belongs to: hexadecimal digits where the id is base64 or of another case, else as it stands.
pub(super) fn trace_of(object: &Object<'_>) -> Option<String> {
    let context = object.get("spanContext").and_then(Json::object);
    let id = object.first(TRACE_IDS).or_else(|| context.as_ref()?.first(TRACE_IDS))?.str()?;
    (!id.is_empty()).then(|| hexadecimal(&id, 16))
}

/// An id of so many bytes in hexadecimal digits; text that is no such id stays as it is.
fn hexadecimal(id: &str, bytes: usize) -> String {
    let is_hexadecimal = id.len() == bytes * 2 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hexadecimal {
        return id.to_ascii_lowercase();
    }
    match BASE64.decode(id.as_bytes()) {
        Ok(decoded) if decoded.len() == bytes => HEXLOWER.encode(&decoded),
        Ok(_) | Err(_) => id.to_owned(),
    }
}

/// Something that a span says happened inside it.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) attributes: Attributes<'a>,
    /// What a log record says beside its attributes.
    pub(super) body: Option<Json<'a>>,
    raw: Json<'a>,
    /// A record holds its attributes.
    pub(super) is_taken: bool,
}

impl<'a> Event<'a> {
    /// The text that an attribute, or a member of the body, is.
    pub(super) fn said(&self, name: &str) -> Option<Cow<'a, str>> {
        let member = || self.body.and_then(Json::object).and_then(|body| body.get(name));
        self.attributes.get(name).or_else(member).and_then(Json::str)
    }

    /// The event without what a record holds already: its name and time stay.
    fn rest(&self) -> Cow<'_, str> {
        let object = self.raw.object().filter(|_| self.is_taken);
        let Some(object) = object else { return Cow::Borrowed(self.raw.text()) };
        let read = ATTRIBUTES.iter().find(|name| object.get(name).is_some_and(|value| !value.is_null()));
        let taken = read.and_then(|name| object.members().iter().rev().find(|member| member.is(name)));
        let taken = taken.filter(|taken| Form::Attributes.fits(taken.value) && !self.attributes.says_more());
        let is_left = |member: &&Member<'_>| taken.is_none_or(|taken| !taken.is_same(member));
        let left: Vec<Member<'_>> = object.members().iter().filter(is_left).copied().collect();
        let text = object_of(&left).and_then(|text| String::from_utf8(text).ok());
        text.map_or(Cow::Borrowed("{}"), Cow::Owned)
    }
}

/// Where an event has its attributes.
const ATTRIBUTES: &[&str] = &["attributes", "fields"];

/// A span.
#[derive(Clone, Debug)]
pub(super) struct Span<'a> {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) name: Cow<'a, [u8]>,
    pub(super) started: Option<u64>,
    pub(super) ended: Option<u64>,
    pub(super) trace: Option<TraceContext>,
    pub(super) attributes: Attributes<'a>,
    pub(super) events: Vec<Event<'a>>,
    /// It failed, and why where that is said.
    pub(super) failure: Option<Piece<'a>>,
    /// The members that stay as they are: all but attributes and events.
    head: Vec<String>,
    pub(super) pointer: String,
}

impl<'a> Span<'a> {
    /// Reads a span of a trace.
    pub(super) fn read(
        object: &Object<'a>,
        dialect: Dialect,
        trace: &str,
        pointer: String,
        texts: &'a Texts,
    ) -> Self {
        let context = object.get("spanContext").and_then(Json::object);
        let id_of = |names: &[&str]| object.first(names).and_then(Json::str).filter(|id| !id.is_empty());
        let id =
            id_of(SPAN_IDS).or_else(|| context.as_ref()?.first(SPAN_IDS)?.str()).or_else(|| id_of(&["id"]));
        let id = hexadecimal(&id.unwrap_or_default(), 8);
        let (started, ended) = times(object, dialect);
        let mut span = Self {
            parent: id_of(PARENT_IDS).or_else(|| parent(object)).map(|id| hexadecimal(&id, 8)),
            name: object.first(NAMES).and_then(Json::string).unwrap_or_default(),
            started,
            ended,
            trace: trace_context(trace, &id),
            attributes: attributes(object, dialect, texts),
            events: events(object, dialect, texts),
            failure: None,
            head: head(object, dialect),
            id,
            pointer,
        };
        span.failure = failure(object, &span);
        span
    }

    /// The first event of this name.
    pub(super) fn event(&self, name: &str) -> Option<&Event<'a>> {
        self.events.iter().find(|event| event.name == name)
    }

    /// The span without what records hold already.
    pub(super) fn rest(&self) -> Vec<u8> {
        let mut members = self.head.clone();
        members.extend(self.attributes.rest().map(|attributes| format!("\"attributes\":{attributes}")));
        let events: Vec<Cow<'_, str>> = self.events.iter().map(Event::rest).collect();
        if !events.is_empty() {
            members.push(format!("\"events\":[{}]", events.join(",")));
        }
        format!("{{{}}}", members.join(",")).into_bytes()
    }
}

fn times(object: &Object<'_>, dialect: Dialect) -> (Option<u64>, Option<u64>) {
    match dialect {
        Dialect::Jaeger => {
            let started = object.get("startTime").and_then(Json::unsigned);
            let duration = object.get("duration").and_then(Json::unsigned);
            (started, started.zip(duration).and_then(|(start, duration)| start.checked_add(duration)))
        }
        Dialect::Otlp | Dialect::Script | Dialect::Langfuse | Dialect::Log => {
            let read = |names: &[&str]| object.first(names).and_then(time::any);
            (read(STARTS), read(ENDS))
        }
    }
}

/// The parent that Jaeger and the JavaScript SDK name in an object of its own.
fn parent<'a>(object: &Object<'a>) -> Option<Cow<'a, str>> {
    let references = object.get("references").and_then(Json::array).unwrap_or_default();
    let of = |context: Json<'a>| context.object()?.first(SPAN_IDS)?.str();
    let child_of = |reference: &&Json<'a>| {
        reference.at("/refType").is_some_and(|reference| reference.text() == "\"CHILD_OF\"")
    };
    references.iter().find(child_of).copied().and_then(of).or_else(|| of(object.get("parentSpanContext")?))
}

fn trace_context(trace: &str, span: &str) -> Option<TraceContext> {
    // Jaeger writes 64-bit ids of older systems without their leading zeros.
    let trace = TraceId::from_hex(&format!("{trace:0>32}")).ok()?;
    Some(TraceContext { trace, span: SpanId::from_hex(&format!("{span:0>16}")).ok() })
}

fn attributes<'a>(object: &Object<'a>, dialect: Dialect, texts: &'a Texts) -> Attributes<'a> {
    match dialect {
        Dialect::Otlp | Dialect::Script | Dialect::Log => {
            Attributes::read(object.get("attributes").unwrap_or(Json::NULL), texts)
        }
        Dialect::Jaeger => Attributes::read(object.get("tags").unwrap_or(Json::NULL), texts),
        Dialect::Langfuse => {
            let metadata = object.get("metadata").and_then(|metadata| json_in(metadata, texts));
            let inner = metadata.and_then(Json::object).and_then(|metadata| metadata.get("attributes"));
            let mut attributes = Attributes::read(inner.unwrap_or(Json::NULL), texts);
            // Metadata stays whole in the span's head.
            attributes.take_prefix("");
            for (key, name) in LANGFUSE {
                attributes.add(key, object.get(name));
            }
            attributes
        }
    }
}

/// Members of an observation under names that no framework uses for an attribute.
const LANGFUSE: [(&str, &str); 6] = [
    ("langfuse: type", "type"),
    ("langfuse: input", "input"),
    ("langfuse: output", "output"),
    ("langfuse: model", "model"),
    ("langfuse: input usage", "inputUsage"),
    ("langfuse: output usage", "outputUsage"),
];

fn events<'a>(object: &Object<'a>, dialect: Dialect, texts: &'a Texts) -> Vec<Event<'a>> {
    let names = if dialect == Dialect::Jaeger { ["logs", "events"] } else { ["events", "logs"] };
    let list = object.first(&names).and_then(Json::array).unwrap_or_default();
    list.into_iter().map(|raw| event(raw, texts)).collect()
}

/// An event of a span. Jaeger has the name among the fields.
fn event<'a>(raw: Json<'a>, texts: &'a Texts) -> Event<'a> {
    let object = raw.object();
    let member = |names: &[&str]| object.as_ref().and_then(|object| object.first(names));
    let attributes = Attributes::read(member(ATTRIBUTES).unwrap_or(Json::NULL), texts);
    let named = |key: &str| attributes.get(key).and_then(Json::str);
    let name = member(&["name", "eventName", "event_name"]).and_then(Json::str);
    let name = name.or_else(|| named("event.name")).or_else(|| named("event")).unwrap_or_default();
    let body = member(&["body"]).and_then(|body| plain(body, texts));
    Event { name, attributes, body, raw, is_taken: false }
}

/// A log record as an event, and the span that it belongs to.
pub(super) fn log<'a>(raw: Json<'a>, texts: &'a Texts) -> (Event<'a>, String) {
    let id = raw.object().and_then(|object| object.first(SPAN_IDS)?.str()).unwrap_or_default();
    (event(raw, texts), hexadecimal(&id, 8))
}

/// Why a span failed: OTLP's and the SDK's status, Jaeger's tags, Langfuse's level; a text for it where there is one.
fn failure<'a>(object: &Object<'a>, span: &Span<'a>) -> Option<Piece<'a>> {
    let status = object.get("status").and_then(Json::object);
    let code = status.as_ref().and_then(|status| status.get("code"));
    let is_error = |value: Json<'_>| matches!(value.text(), "2" | "\"STATUS_CODE_ERROR\"" | "\"ERROR\"");
    let tag = |key: &str| span.attributes.get(key);
    let failed = code.is_some_and(is_error)
        || tag("otel.status_code").is_some_and(is_error)
        || tag("error").is_some_and(Json::is_true)
        || object.get("level").is_some_and(is_error);
    if !failed {
        return None;
    }
    let text = |value: Option<Json<'a>>| value.and_then(Json::string).filter(|text| !text.is_empty());
    let message = text(status.as_ref().and_then(|status| status.get("message")))
        .or_else(|| text(object.get("statusMessage")))
        .or_else(|| text(tag("otel.status_description")))
        .or_else(|| text(span.event("exception")?.attributes.get("exception.message")));
    Some(Piece::text(message.unwrap_or(Cow::Borrowed(b"error"))))
}

/// All members but those that are read, and kept, item by item: each as it stands.
fn head(object: &Object<'_>, dialect: Dialect) -> Vec<String> {
    let kept = object.members().iter().filter(|member| !has_items(object, member, dialect));
    kept.filter(|member| member.value.kind() != Kind::Null)
        .map(|member| format!("{}:{}", quoted(&member.name()), member.value.text()))
        .collect()
}

/// Whether this is the member of its name that is read, which is the last, and attributes or events in a form that has items.
fn has_items(object: &Object<'_>, member: &Member<'_>, dialect: Dialect) -> bool {
    let Some(form @ (Form::Attributes | Form::Events)) = form_of(member, dialect) else { return false };
    let name = member.name();
    let last = object.members().iter().rev().find(|other| other.is(&name));
    form.fits(member.value) && last.is_some_and(|last| last.is_same(member))
}

/// How a member of a span is written that is read in one form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A list or an object.
    Attributes,
    /// A list.
    Events,
    /// A time as any exporter writes it.
    Time,
    Microseconds,
}

impl Form {
    fn fits(self, value: Json<'_>) -> bool {
        match self {
            Self::Attributes => matches!(value.kind(), Kind::Array | Kind::Object),
            Self::Events => value.kind() == Kind::Array,
            // Of a time that is not known exporters write a zero.
            Self::Time => time::any(value).is_some() || value.unsigned() == Some(0),
            Self::Microseconds => value.unsigned().is_some(),
        }
    }
}

fn form_of(member: &Member<'_>, dialect: Dialect) -> Option<Form> {
    let any_time = || STARTS.iter().chain(ENDS).any(|name| member.is(name)).then_some(Form::Time);
    match dialect {
        Dialect::Otlp | Dialect::Script | Dialect::Log if member.is("attributes") => Some(Form::Attributes),
        Dialect::Otlp | Dialect::Script | Dialect::Log if member.is("events") => Some(Form::Events),
        Dialect::Otlp | Dialect::Script | Dialect::Log | Dialect::Langfuse => any_time(),
        Dialect::Jaeger if member.is("tags") => Some(Form::Attributes),
        Dialect::Jaeger if member.is("logs") => Some(Form::Events),
        Dialect::Jaeger => (member.is("startTime") || member.is("duration")).then_some(Form::Microseconds),
    }
}

/// Notes the members of a span that stand where attributes, events or a time should, and are none, and names that stand twice.
pub(super) fn note_unread(object: &Object<'_>, dialect: Dialect, path: &Path<'_>, notes: &mut Notes) {
    for member in object.members().iter().filter(|member| !member.value.is_null()) {
        if form_of(member, dialect).is_some_and(|form| !form.fits(member.value)) {
            notes.add(&path.member(&member.name()), NoteKind::UnexpectedValue);
        }
    }
    object.repeated().for_each(|member| notes.add(&path.member(&member.name()), NoteKind::RepeatedMember));
}
