//! OpenTelemetry traces: spans with the GenAI conventions, old and new, as OTLP/JSON and as Jaeger, Langfuse and the
//! JavaScript SDK export them. A run is a trace, wherever in the file its spans stand.

mod attributes;
mod convention;
mod output;
mod span;
mod time;
mod trace;

use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) use attributes::Texts;
pub(crate) use trace::read;

use crate::entries;
use crate::fault::{Expected, FaultPlace, ImportFault, Path, ValueFault};
use crate::json::{Json, Kind, Object};
use span::Dialect;

/// Deepest place in a document at which spans are looked for.
pub(crate) const DEPTH_MAX: usize = 8;

/// The spans of one trace, in the file's order.
#[derive(Debug)]
pub(crate) struct Trace<'a> {
    /// Its id.
    pub(crate) id: String,
    /// Line of the file on which the entry starts in which it begins.
    pub(crate) line: u64,
    spans: Vec<Raw<'a>>,
}

/// A span, or a log record of one, not read yet.
#[derive(Debug)]
struct Raw<'a> {
    object: Json<'a>,
    dialect: Dialect,
    envelope: Option<Arc<Envelope<'a>>>,
    pointer: String,
}

/// An object around spans, and what of it is not theirs.
#[derive(Debug)]
struct Envelope<'a> {
    around: Option<Arc<Envelope<'a>>>,
    object: Json<'a>,
    /// The lists in which the spans stand, directly or further in.
    lists: Vec<Json<'a>>,
    /// Whether anything else is in it. Known here, because each trace of a document would have to read all of it again.
    has_more: bool,
    /// The object's resource, in OTLP.
    resource: Option<Json<'a>>,
}

/// A trace with the number of the entry in which it begins, or an entry that holds none.
type Numbered<'a> = (u64, Result<Trace<'a>, (FaultPlace, ImportFault)>);

/// The traces of a file in the order of their first spans, and the entries that cannot be read, each at its number.
pub(crate) fn traces<'a>(texts: impl Iterator<Item = entries::Found<'a>>) -> Vec<Numbered<'a>> {
    let mut found: Vec<Numbered<'a>> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for (entry, text) in (0_u64..).zip(texts) {
        let entries::Text { value, line } = match text {
            Ok(text) => text,
            Err(fault) => {
                found.push((entry, Err(fault)));
                continue;
            }
        };
        let mut walk = Walk::default();
        walk.value(value, &Path::at(""), None, 0);
        if walk.spans.is_empty() && walk.faults.is_empty() {
            walk.faults.push((String::new(), ImportFault::NoSpans));
        }
        let place = |pointer| FaultPlace::Value { line, pointer };
        found.extend(walk.faults.into_iter().map(|(pointer, fault)| (entry, Err((place(pointer), fault)))));
        for (id, raw) in walk.spans {
            let index = *by_id.entry(id.clone()).or_insert_with(|| {
                found.push((entry, Ok(Trace { id, line, spans: Vec::new() })));
                found.len() - 1
            });
            if let Some((_, Ok(trace))) = found.get_mut(index) {
                trace.spans.push(raw);
            }
        }
    }
    found
}

/// Finds the spans of one entry.
#[derive(Default)]
struct Walk<'a> {
    spans: Vec<(String, Raw<'a>)>,
    faults: Vec<ValueFault>,
}

/// Members of OTLP and Jaeger that lead to spans, or to log records.
const LISTS: &[&str] = &[
    "resourceSpans",
    "resource_spans",
    "batches",
    "scopeSpans",
    "scope_spans",
    "instrumentationLibrarySpans",
    "spans",
    "data",
    "observations",
    "resourceLogs",
    "resource_logs",
    "scopeLogs",
    "scope_logs",
    "logRecords",
    "log_records",
];

/// Members that hold log records rather than spans.
const LOGS: &[&str] = &["logRecords", "log_records"];

type Around<'a> = Option<Arc<Envelope<'a>>>;

impl<'a> Walk<'a> {
    fn value(&mut self, value: Json<'a>, path: &Path<'_>, around: Around<'a>, depth: usize) {
        if depth > DEPTH_MAX {
            return self.faults.push((path.pointer(), ImportFault::Deep));
        }
        match value.kind() {
            Kind::Array => {
                for (i, item) in value.array().unwrap_or_default().into_iter().enumerate() {
                    self.value(item, &path.item(i), around.clone(), depth + 1);
                }
            }
            Kind::Object => {
                if let Some(object) = value.object() {
                    self.object(value, &object, path, around, depth);
                }
            }
            found @ (Kind::Null | Kind::Bool | Kind::Number | Kind::String) => {
                let expected = Expected::Span;
                self.faults.push((path.pointer(), ImportFault::Kind { expected, found }));
            }
        }
    }

    /// A span, or an object with lists of them.
    fn object(
        &mut self,
        value: Json<'a>,
        object: &Object<'a>,
        path: &Path<'_>,
        around: Around<'a>,
        depth: usize,
    ) {
        if let Some(dialect) = span::dialect(object) {
            return self.span(value, object, dialect, path, around);
        }
        let known = |name: &str| LISTS.contains(&name);
        let has_known = object.members().iter().any(|member| known(&member.name()));
        // Without a known list: one that somebody else wrapped the document into, or spans sorted into groups.
        let inside: Vec<_> = object
            .members()
            .iter()
            .filter(|member| if has_known { known(&member.name()) } else { leads_to_spans(member.value) })
            .collect();
        if inside.is_empty() {
            // A resource or scope without spans says nothing of a run; anything else in a list of spans should be one.
            if depth > 0 && !object.has("resource") && !object.has("scope") {
                self.faults.push((path.pointer(), ImportFault::NoSpan));
            }
            return;
        }
        let envelope = Arc::new(Envelope {
            around,
            object: value,
            lists: inside.iter().map(|member| member.value).collect(),
            has_more: object.members().len() > inside.len(),
            resource: object.get("resource"),
        });
        for member in inside {
            let name = member.name();
            let path = path.member(&name);
            if has_known && member.value.kind() != Kind::Array && !member.value.is_null() {
                let expected = Expected::Spans;
                let fault = ImportFault::Kind { expected, found: member.value.kind() };
                self.faults.push((path.pointer(), fault));
            } else if LOGS.contains(&name.as_ref()) {
                self.logs(member.value, &path, &envelope);
            } else {
                self.value(member.value, &path, Some(envelope.clone()), depth + 1);
            }
        }
    }

    fn span(
        &mut self,
        value: Json<'a>,
        object: &Object<'a>,
        dialect: Dialect,
        path: &Path<'_>,
        around: Around<'a>,
    ) {
        let pointer = path.pointer();
        match span::trace_of(object) {
            Some(trace) => {
                self.spans.push((trace, Raw { object: value, dialect, envelope: around, pointer }))
            }
            None => self.faults.push((pointer, ImportFault::NoTrace)),
        }
    }

    /// Log records name their trace as spans do; those that name none belong to no run.
    fn logs(&mut self, list: Json<'a>, path: &Path<'_>, around: &Arc<Envelope<'a>>) {
        for (i, value) in list.array().unwrap_or_default().into_iter().enumerate() {
            let path = path.item(i);
            match value.object() {
                Some(object) => self.span(value, &object, Dialect::Log, &path, Some(around.clone())),
                None => {
                    let (expected, found) = (Expected::Span, value.kind());
                    self.faults.push((path.pointer(), ImportFault::Kind { expected, found }));
                }
            }
        }
    }
}

/// Whether an object or a list holds spans one level down.
fn leads_to_spans(value: Json<'_>) -> bool {
    let inner = match value.kind() {
        Kind::Array => value.array().and_then(|items| items.first().copied()),
        Kind::Object => Some(value),
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => None,
    };
    let Some(object) = inner.and_then(Json::object) else { return false };
    span::dialect(&object).is_some()
        || object.members().iter().any(|member| LISTS.contains(&member.name().as_ref()))
}

impl Envelope<'_> {
    /// The object's text with empty lists where the spans stood; none where nothing else is in it.
    fn rest(&self) -> Option<String> {
        if !self.has_more {
            return None;
        }
        let text = self.object.text();
        let mut rest = String::new();
        let mut at = 0;
        for list in &self.lists {
            // Both are parts of one text, so that the place of a list is the distance of their starts.
            let start = (list.text().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            rest.push_str(text.get(at..start)?);
            rest.push_str("[]");
            at = start.checked_add(list.text().len())?;
        }
        rest.push_str(text.get(at..)?);
        Some(rest)
    }
}
