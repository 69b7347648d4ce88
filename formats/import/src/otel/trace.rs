//! The transcript of a trace: which spans are calls of models, which are executions of tools, and what is left.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rederive_evidence::limits::CONTENT_BYTES_MAX;

use super::attributes::{Attributes, Texts, json_in, plain};
use super::convention::{CHOICE, Messages, input_quality};
use super::output::output_quality;
use super::span::{Dialect, Span, log, note_unread};
use super::{Envelope, Raw, Trace};
use crate::fault::{NoteKind, Notes, Path};
use crate::json::{Json, lists_of};
use crate::message::{Piece, arguments_of};
use crate::transcript::{Act, Execution, ModelCall, Tool, Transcript, stop_reason, tools_of};

/// What a span is to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    ModelCall,
    Execution,
    Other,
}

/// Reads the spans of a trace, in the order of their starts.
pub(crate) fn read<'a>(trace: &Trace<'a>, texts: &'a Texts, notes: &mut Notes) -> Transcript<'a> {
    let mut spans = spans(trace, texts, notes);
    let parts = parts(&spans);
    let agents = agents(&spans);
    let resource = resource(trace, texts);
    let mut transcript = Transcript {
        id: Some(Cow::Owned(trace.id.clone().into_bytes())),
        build: resource.text(&["service.name"]),
        started: spans.iter().filter_map(|span| span.started).min(),
        ended: spans.iter().filter_map(|span| span.ended.or(span.started)).max(),
        trace: spans.iter().find_map(|span| span.trace.clone()),
        session: spans
            .iter()
            .find_map(|span| span.attributes.text(&["gen_ai.conversation.id", "session.id"])),
        failure: failure(&spans),
        ..Transcript::default()
    };
    let mut left: Vec<Vec<u8>> = envelopes(trace);
    for ((span, part), agent) in spans.iter_mut().zip(parts).zip(agents) {
        match part {
            Part::ModelCall => {
                transcript.acts.push(Act::ModelCall(Box::new(model_call(span, agent, texts, notes))))
            }
            Part::Execution => transcript.acts.push(Act::Execution(Box::new(execution(span, notes)))),
            Part::Other => {
                notes.add(&Path::at(&span.pointer), NoteKind::OtherSpan);
                left.push(span.rest());
            }
        }
    }
    transcript.rest = lists_of(&left, CONTENT_BYTES_MAX).into_iter().map(Cow::Owned).collect();
    transcript
}

/// All spans of the trace; log records stand as events in theirs.
fn spans<'a>(trace: &Trace<'a>, texts: &'a Texts, notes: &mut Notes) -> Vec<Span<'a>> {
    let (logs, spans): (Vec<_>, Vec<_>) = trace.spans.iter().partition(|raw| raw.dialect == Dialect::Log);
    let mut spans = in_order(spans.into_iter().filter_map(|raw| span(trace, raw, texts, notes)).collect());
    let by_id: BTreeMap<String, usize> =
        spans.iter().enumerate().map(|(i, span)| (span.id.clone(), i)).collect();
    for raw in logs {
        let (event, id) = log(raw.object, texts);
        match by_id.get(&id).and_then(|index| spans.get_mut(*index)) {
            Some(span) => span.events.push(event),
            // A record of a span that is not there stands for it.
            None => spans.extend(span(trace, raw, texts, notes)),
        }
    }
    spans
}

/// One span; what of it is not read, though it stands where something is, is noted.
fn span<'a>(trace: &Trace<'a>, raw: &Raw<'a>, texts: &'a Texts, notes: &mut Notes) -> Option<Span<'a>> {
    let object = raw.object.object()?;
    let path = Path::at(&raw.pointer);
    note_unread(&object, raw.dialect, &path, notes);
    let span = Span::read(&object, raw.dialect, &trace.id, raw.pointer.clone(), texts);
    span.attributes.with_more().for_each(|key| notes.add(&path.member(key), NoteKind::UnknownMember));
    Some(span)
}

/// Spans by their starts; of one time the outer before the inner, else as the source has them. A span of unknown time starts
/// with the one before it in the source.
fn in_order(spans: Vec<Span<'_>>) -> Vec<Span<'_>> {
    let by_id = by_id(&spans);
    let mut latest = None;
    let keys: Vec<_> = (0..spans.len())
        .map(|index| {
            latest = spans.get(index).and_then(|span| span.started).or(latest);
            (latest, ancestors(&spans, &by_id, index).count())
        })
        .collect();
    let mut spans: Vec<_> = keys.into_iter().zip(spans).collect();
    spans.sort_by_key(|(key, _)| *key);
    spans.into_iter().map(|(_, span)| span).collect()
}

/// What each span is. Of calls of models inside one another the one is taken that shows more of the messages, and of
/// equals the inner one.
fn parts(spans: &[Span<'_>]) -> Vec<Part> {
    let by_id = by_id(spans);
    let mut parts: Vec<Part> = spans.iter().map(part).collect();
    let quality: Vec<u8> = spans.iter().map(|span| input_quality(span) + output_quality(span)).collect();
    let is_call = |parts: &[Part], index: usize| parts.get(index) == Some(&Part::ModelCall);
    for index in (0..spans.len()).filter(|index| is_call(&parts, *index)).collect::<Vec<_>>() {
        for outer in ancestors(spans, &by_id, index) {
            if !is_call(&parts, outer) || !is_call(&parts, index) {
                continue;
            }
            let inner_shows_more = quality.get(index) >= quality.get(outer);
            if let Some(part) = parts.get_mut(if inner_shows_more { outer } else { index }) {
                *part = Part::Other;
            }
        }
    }
    parts
}

/// The spans around a span, from the inside; a circle ends where it closes.
fn ancestors<'s>(
    spans: &'s [Span<'_>],
    by_id: &'s BTreeMap<&str, usize>,
    index: usize,
) -> impl Iterator<Item = usize> + use<'s> {
    let above = move |index: &usize| by_id.get(spans.get(*index)?.parent.as_deref()?).copied();
    std::iter::successors(above(&index), above).take(ANCESTORS_MAX).take_while(move |outer| *outer != index)
}

/// Most levels of spans looked at above one.
const ANCESTORS_MAX: usize = 64;

/// What a span is by its own attributes: the GenAI operation first, then what each framework says.
fn part(span: &Span<'_>) -> Part {
    let attributes = &span.attributes;
    let text = |key: &str| attributes.get(key).and_then(Json::str).unwrap_or_default();
    match text("gen_ai.operation.name").as_ref() {
        "chat" | "text_completion" | "generate_content" | "completion" | "responses" => {
            return Part::ModelCall;
        }
        "execute_tool" => return Part::Execution,
        "" => {}
        _ => return Part::Other,
    }
    match text("ai.operationId").as_ref() {
        "ai.toolCall" => return Part::Execution,
        "" => {}
        id if id.starts_with("ai.generate") || id.starts_with("ai.stream") => return Part::ModelCall,
        _ => return Part::Other,
    }
    let kind = [text("openinference.span.kind"), text("traceloop.span.kind"), text("langfuse: type")];
    let kind =
        kind.iter().map(|kind| kind.to_ascii_lowercase()).find(|kind| !kind.is_empty() && kind != "span");
    match kind.unwrap_or_default().as_str() {
        "llm" | "generation" => Part::ModelCall,
        "tool" => Part::Execution,
        _ if input_quality(span) == 2 && !attributes.has("all_messages_events") => Part::ModelCall,
        _ if matches!(text("llm.request.type").as_ref(), "chat" | "completion") => Part::ModelCall,
        _ if TOOL_NAMES.iter().chain(CALL_IDS).any(|key| attributes.has(key)) => Part::Execution,
        _ => Part::Other,
    }
}

/// The agent that each span, or the nearest span around it, names.
fn agents<'a>(spans: &[Span<'a>]) -> Vec<Cow<'a, [u8]>> {
    let by_id = by_id(spans);
    let name = |index: usize| spans.get(index)?.attributes.text(&["gen_ai.agent.name", "agent_name"]);
    let agent = |index| std::iter::once(index).chain(ancestors(spans, &by_id, index)).find_map(name);
    (0..spans.len()).map(|index| agent(index).unwrap_or_default()).collect()
}

fn by_id<'s>(spans: &'s [Span<'_>]) -> BTreeMap<&'s str, usize> {
    spans.iter().enumerate().map(|(index, span)| (span.id.as_str(), index)).collect()
}

/// Why the run failed: what its outermost spans say of themselves.
fn failure<'a>(spans: &[Span<'a>]) -> Option<Piece<'a>> {
    let by_id = by_id(spans);
    let is_outermost =
        |span: &&Span<'a>| span.parent.as_deref().is_none_or(|parent| !by_id.contains_key(parent));
    spans.iter().filter(is_outermost).find_map(|span| span.failure.clone())
}

/// The attributes of the first resource.
fn resource<'a>(trace: &Trace<'a>, texts: &'a Texts) -> Attributes<'a> {
    let resource = trace.spans.iter().find_map(|raw| {
        let mut here = raw.envelope.as_ref();
        std::iter::from_fn(|| {
            let envelope = here?;
            here = envelope.around.as_ref();
            Some(envelope.resource)
        })
        .flatten()
        .next()
    });
    let attributes = resource.and_then(|resource| resource.object()?.get("attributes"));
    Attributes::read(attributes.unwrap_or(Json::NULL), texts)
}

/// What stands around the trace's spans in their documents, from the outside, each object once.
fn envelopes(trace: &Trace<'_>) -> Vec<Vec<u8>> {
    let mut seen: BTreeSet<*const Envelope<'_>> = BTreeSet::new();
    let mut texts = Vec::new();
    for raw in &trace.spans {
        let mut chain = Vec::new();
        let mut here = raw.envelope.as_ref();
        while let Some(envelope) = here {
            chain.push(envelope);
            here = envelope.around.as_ref();
        }
        for envelope in chain.into_iter().rev() {
            if seen.insert(Arc::as_ptr(envelope)) {
                texts.extend(envelope.rest().map(String::into_bytes));
            }
        }
    }
    texts
}

const MODELS: &[&str] = &["gen_ai.request.model", "llm.model_name", "ai.model.id", "langfuse: model"];
const VERSIONS: &[&str] = &["gen_ai.response.model", "ai.response.model"];
const TOKENS_IN: &[&str] = &[
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
    "langfuse: input usage",
];
const TOKENS_OUT: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
    "langfuse: output usage",
];
const PARAMETERS: &str = "gen_ai.request.";
const TOOL_NAMES: &[&str] = &["gen_ai.tool.name", "tool.name", "ai.toolCall.name"];
const CALL_IDS: &[&str] = &["gen_ai.tool.call.id", "tool_call.id", "ai.toolCall.id"];
const ARGUMENTS: &[&str] = &[
    "gen_ai.tool.call.arguments",
    "ai.toolCall.args",
    "gcp.vertex.agent.tool_call_args",
    "input.value",
    "traceloop.entity.input",
    "langfuse: input",
];
const RESULTS: &[&str] = &[
    "gen_ai.tool.call.result",
    "ai.toolCall.result",
    "gcp.vertex.agent.tool_response",
    "output.value",
    "traceloop.entity.output",
    "langfuse: output",
];

fn model_call<'a>(
    span: &mut Span<'a>,
    agent: Cow<'a, [u8]>,
    texts: &'a Texts,
    notes: &mut Notes,
) -> ModelCall<'a> {
    let mut messages = Messages { span: &mut *span, texts, notes };
    let input = messages.input();
    let output = messages.output();
    let tools = tools(span, texts);
    let attributes = &span.attributes;
    let reasons = attributes.get("gen_ai.response.finish_reasons").and_then(|reasons| plain(reasons, texts));
    let reason = reasons.and_then(|reasons| json_in(reasons, texts)?.at("/0")?.str());
    let reason = reason.or_else(|| attributes.get("ai.response.finishReason")?.str());
    let reason = reason.or_else(|| span.event(CHOICE)?.said("finish_reason"));
    let stop = reason.or_else(|| output.as_ref()?.first()?.stop.clone());
    ModelCall {
        agent,
        started: span.started,
        ended: span.ended,
        trace: span.trace.clone(),
        model: attributes.text(MODELS),
        version: attributes.text(VERSIONS).or_else(|| output.as_ref()?.first()?.model.clone()),
        input,
        output,
        tools,
        parameters: attributes.object_of(PARAMETERS),
        tokens_in: attributes.number(TOKENS_IN),
        tokens_out: attributes.number(TOKENS_OUT),
        stop: stop.as_deref().map(stop_reason),
        rest: Some(span.rest()),
        pointer: span.pointer.clone(),
    }
}

/// The tools that a model was offered.
fn tools<'a>(span: &mut Span<'a>, texts: &'a Texts) -> Vec<Tool<'a>> {
    const LIST: &str = "gen_ai.tool.definitions";
    if let Some(list) = span.attributes.get(LIST).and_then(|list| json_in(list, texts)) {
        let tools = tools_of(list);
        if Some(tools.len()) == list.array().map(|items| items.len()) {
            span.attributes.take(LIST);
        }
        return tools;
    }
    // The definitions' schemas are JSON inside strings: what is spelled out is not all of it, and stays in the span.
    let tree = span.attributes.tree("llm.request.functions.", texts);
    tree.map(tools_of).unwrap_or_default()
}

fn execution<'a>(span: &mut Span<'a>, notes: &mut Notes) -> Execution<'a> {
    let key_of = |span: &Span<'a>, keys: &[&'static str]| {
        keys.iter().copied().find(|key| span.attributes.get(key).is_some_and(|value| !value.is_null()))
    };
    let arguments = key_of(span, ARGUMENTS).map(|key| {
        span.attributes.take(key);
        let value = span.attributes.get(key).unwrap_or(Json::NULL);
        let pointer = Path::at(&span.pointer);
        arguments_of(value, &pointer.member(key), notes)
    });
    let result = key_of(span, RESULTS).map(|key| {
        span.attributes.take(key);
        Piece::of(span.attributes.get(key).unwrap_or(Json::NULL))
    });
    let name = span.attributes.text(TOOL_NAMES).unwrap_or_else(|| match &span.name {
        Cow::Borrowed(name) => Cow::Borrowed(name.strip_prefix(b"execute_tool ").unwrap_or(name)),
        Cow::Owned(name) => Cow::Owned(name.strip_prefix(b"execute_tool ").unwrap_or(name).to_vec()),
    });
    let is_said = |piece: &Piece<'_>| piece.bytes.as_ref() != b"error";
    Execution {
        started: span.started,
        ended: span.ended,
        trace: span.trace.clone(),
        call: span.attributes.text(CALL_IDS),
        tool: name,
        arguments,
        result,
        failed: span.failure.is_some(),
        error: span.failure.clone().filter(is_said),
        rest: Some(span.rest()),
        pointer: span.pointer.clone(),
    }
}
