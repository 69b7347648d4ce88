//! Entries that nobody would write: mutated, huge, deep, repeated.

use proptest::prelude::*;
use rederive_import::{Format, ImportedRun};
use serde_json::{Value, json};

use crate::outline::{chat, check_shape, only_run};
use crate::said::lost;

/// Inputs of each property. A loss that a message in a hundred would show is found in one of many runs of the tests.
const CASES: u32 = 1_000;

const CHAT: Format = Format::Chat { messages: None };

/// Entries to start from, one a shape.
const ENTRIES: &[&str] = &[
    r#"{"path":"a/b.json","run":{"error":null,"messages":[{"role":"system","content":[{"type":"text","content":"s"}]},{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[{"function":"f","args":{"x":{"y":[1]}},"id":"i"},{"function":"g","args":{},"id":""}]},{"role":"tool","content":"r","tool_call_id":"i","tool_call":{"function":"f","args":{},"id":"i"},"error":"E"},{"role":"assistant","content":"done"}]}}"#,
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"svc"}}]},"scopeSpans":[{"scope":{"name":"s"},"spans":[{"traceId":"7f6ce058dfe4e192387f6ce058dfe4e1","spanId":"ad50bc0e8b4ddbb2","name":"chat m","startTimeUnixNano":"1795222289657535603","endTimeUnixNano":1795222289682260176,"attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.input.messages","value":{"stringValue":"[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"content\":\"u\"}]}]"}},{"key":"gen_ai.completion.0.content","value":{"stringValue":"a"}}],"events":[{"name":"e","timeUnixNano":"1"}],"status":{"code":2}},{"traceId":"7f6ce058dfe4e192387f6ce058dfe4e1","spanId":"32a243061b8b04b7","parentSpanId":"ad50bc0e8b4ddbb2","name":"execute_tool f","startTimeUnixNano":"1795222289657535604","endTimeUnixNano":"1795222289657535605","attributes":[{"key":"gen_ai.tool.name","value":{"stringValue":"f"}},{"key":"gen_ai.tool.call.arguments","value":{"stringValue":"{}"}}]}]}]}]}"#,
    r#"{"trace":{"id":"t"},"observations":[{"id":"o1","traceId":"t","type":"GENERATION","name":"g","startTime":"2025-06-11T14:01:32.598Z","endTime":"2025-06-11T14:01:33.598Z","input":"[{\"role\":\"user\",\"content\":\"u\"}]","output":{"role":"assistant","content":"a"},"metadata":"{\"attributes\":{\"gen_ai.agent.name\":\"x\"}}"}]}"#,
    r#"{"data":[{"traceID":"d1","spans":[{"traceID":"d1","spanID":"s1","operationName":"openai.chat","references":[],"startTime":5,"duration":7,"tags":[{"key":"gen_ai.prompt.0.role","type":"string","value":"user"},{"key":"gen_ai.prompt.0.content","type":"string","value":"u"},{"key":"gen_ai.completion.0.content","type":"string","value":"a"}],"logs":[]}],"processes":{}}]}"#,
];

/// A change of an entry's bytes.
#[derive(Clone, Debug)]
enum Change {
    Set(usize, u8),
    Cut(usize, usize),
    Copy(usize, usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0-nt".to_vec())];
    prop_oneof![
        (any::<usize>(), byte).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<usize>(), 1..80_usize).prop_map(|(at, length)| Change::Cut(at, length)),
        (any::<usize>(), 1..200_usize, any::<usize>())
            .prop_map(|(at, length, to)| Change::Copy(at, length, to)),
    ]
}

fn changed(entry: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = entry.as_bytes().to_vec();
    for change in changes.iter().filter(|_| !entry.is_empty()) {
        let place = |at: usize| at % bytes.len().max(1);
        match *change {
            Change::Set(at, byte) => {
                let at = place(at);
                bytes.get_mut(at).into_iter().for_each(|old| *old = byte);
            }
            Change::Cut(at, length) => {
                let at = place(at);
                drop(bytes.drain(at..(at + length).min(bytes.len())));
            }
            Change::Copy(at, length, to) => {
                let (at, to) = (place(at), place(to));
                let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
                drop(bytes.splice(to..to, piece));
            }
        }
    }
    bytes
}

fn import_all(format: &Format, bytes: &[u8]) -> Vec<Result<ImportedRun, String>> {
    let entries = format.entries("file.jsonl", bytes);
    entries.map(|entry| format.import(entry).map_err(|error| error.to_string())).collect()
}

/// Texts that mean something to the reader somewhere, and others.
const WORDS: &[&str] = &[
    "user",
    "assistant",
    "tool",
    "system",
    "critic",
    "text",
    "thinking",
    "reasoning",
    "message",
    "tool_use",
    "tool_result",
    "tool_call",
    "tool_call_response",
    "function_call",
    "function_call_output",
    "image_url",
    "stop",
    "odd",
    "error",
    "a",
    "b",
    "",
    "two words",
    "{\"inner\":\"said inside\"}",
    "chat",
    "execute_tool",
    "LLM",
    "TOOL",
    "ai.toolCall",
    "gen_ai.choice",
];

/// Names of members that mean something to the reader somewhere, and one that never does.
const NAMES: &[&str] = &[
    "role",
    "type",
    "content",
    "parts",
    "text",
    "tool_calls",
    "function_call",
    "function",
    "functionCall",
    "functionResponse",
    "name",
    "toolName",
    "arguments",
    "args",
    "input",
    "id",
    "call_id",
    "tool_call_id",
    "tool_call_ids",
    "tool_use_id",
    "toolCallId",
    "tool_call",
    "error",
    "is_error",
    "status",
    "result",
    "response",
    "output",
    "finish_reason",
    "stop_reason",
    "model",
    "model_name",
    "reasoning",
    "thinking",
    "summary",
    "refusal",
    "additional_kwargs",
    "event.name",
    "gen_ai.system",
    "message",
    "messages",
    "choices",
    "prompt",
    "config",
    "other",
];

/// Any JSON of these texts and names.
fn wordy() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(Value::from),
        4 => (0..1_000_000_u32).prop_map(|number| Value::from(format!("said {number}"))),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => (0..9_u8).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let members = prop::collection::vec((prop::sample::select(NAMES), inner.clone()), 0..6);
        prop_oneof![
            2 => members.prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            1 => prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

/// A message whose role is known more often than not.
fn message() -> impl Strategy<Value = Value> {
    let roles = prop::sample::select(vec!["user", "assistant", "assistant", "tool", "system", "critic"]);
    (wordy(), prop::option::of(roles)).prop_map(|(value, role)| {
        let mut message = if value.is_object() { value } else { json!({ "content": value }) };
        if let Some(role) = role {
            message["role"] = Value::from(role);
        }
        message
    })
}

/// Attributes that mean something to the reader, and one that never does.
const ATTRIBUTES: &[&str] = &[
    "gen_ai.operation.name",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.role",
    "gen_ai.prompt.1.name",
    "gen_ai.completion.0.content",
    "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name",
    "llm.request.functions.0.name",
    "input.value",
    "output.value",
    "gen_ai.request.model",
    "gen_ai.request.temperature",
    "gen_ai.response.model",
    "gen_ai.response.finish_reasons",
    "gen_ai.usage.input_tokens",
    "gen_ai.tool.name",
    "gen_ai.tool.call.id",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.agent.name",
    "gen_ai.conversation.id",
    "ai.operationId",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.text",
    "ai.response.toolCalls",
    "openinference.span.kind",
    "traceloop.span.kind",
    "events",
    "gcp.vertex.agent.llm_request",
    "odd",
];

fn attribute() -> impl Strategy<Value = Value> {
    let messages = || prop::collection::vec(message(), 0..3).prop_map(Value::from);
    let value = prop_oneof![
        2 => messages().prop_map(|messages| json!({ "stringValue": messages.to_string() })),
        2 => wordy().prop_map(|value| json!({ "stringValue": value.to_string() })),
        3 => prop::sample::select(WORDS).prop_map(|word| json!({ "stringValue": word })),
        1 => wordy().prop_map(|value| json!({ "arrayValue": { "values": [{ "stringValue": value.to_string() }] } })),
        1 => wordy(),
    ];
    (prop::sample::select(ATTRIBUTES), value).prop_map(|(key, value)| json!({ "key": key, "value": value }))
}

fn event() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "gen_ai.user.message",
        "gen_ai.tool.message",
        "gen_ai.choice",
        "exception",
        "odd",
    ]);
    // A name stands once: the JSON library that looks for losses sees only the last of several.
    let attributes = prop::collection::btree_map(prop::sample::select(NAMES), wordy(), 0..4);
    (name, attributes).prop_map(|(name, attributes)| {
        let attribute = |(key, value): (&str, Value)| json!({ "key": key, "value": { "stringValue": value.to_string() } });
        json!({ "name": name, "attributes": attributes.into_iter().map(attribute).collect::<Vec<_>>() })
    })
}

/// A span of one trace: any parent, any times.
fn span() -> impl Strategy<Value = Value> {
    let (attributes, events) =
        (prop::collection::vec(attribute(), 0..6), prop::collection::vec(event(), 0..3));
    (0..4_u8, 0..4_u8, 0..9_u64, 0..9_u64, attributes, events).prop_map(|(id, parent, start, end, attributes, events)| {
        json!({
            "traceId": "7f6ce058dfe4e192387f6ce058dfe4e1", "spanId": format!("{id:016x}"), "parentSpanId": format!("{parent:016x}"),
            "name": format!("span {id}"), "startTimeUnixNano": start * 1_000, "endTimeUnixNano": end * 1_000,
            "attributes": attributes, "events": events, "status": { "code": start % 3, "message": format!("status {end}") },
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_entries_are_imported_or_refused_and_twice_alike(
        entry in prop::sample::select(ENTRIES),
        changes in prop::collection::vec(change(), 0..6),
    ) {
        let bytes = changed(entry, &changes);
        for format in [CHAT, Format::Otel] {
            let runs = import_all(&format, &bytes);
            runs.iter().flatten().for_each(check_shape);
            prop_assert_eq!(runs, import_all(&format, &bytes));
        }
    }

    #[test]
    fn nothing_that_a_transcript_says_is_lost(messages in prop::collection::vec(message(), 0..6)) {
        let entry = json!({ "messages": messages });
        let lost = lost(&entry, [&chat(&entry.to_string())]);
        prop_assert!(lost.is_empty(), "{:?} of {}", lost, entry);
    }

    #[test]
    fn nothing_that_a_trace_says_is_lost(spans in prop::collection::vec(span(), 1..5)) {
        let entry = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] });
        let lost = lost(&entry, [&only_run(&Format::Otel, "trace.json", &entry.to_string())]);
        prop_assert!(lost.is_empty(), "{:?} of {}", lost, entry);
    }
}
