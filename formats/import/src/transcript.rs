//! A run as its source tells it, in one shape for every source: what the entry says of itself, and the acts in order.

use std::borrow::Cow;

use rederive_evidence::kinds::prompt::StopReason;
use rederive_evidence::values::TraceContext;

use crate::json::Json;
use crate::message::{Message, Piece};

/// What is known of a run before its records are made.
#[derive(Debug, Default)]
pub(crate) struct Transcript<'a> {
    /// The entry's own id or path.
    pub(crate) id: Option<Cow<'a, [u8]>>,
    /// The entry without its messages: everything that no act holds. More than one only where one content cannot hold it.
    pub(crate) rest: Vec<Cow<'a, [u8]>>,
    /// What the source calls the program that ran.
    pub(crate) build: Option<Cow<'a, [u8]>>,
    /// The model that prompts were sent to, where the source says it once for the run.
    pub(crate) model: Option<Cow<'a, [u8]>>,
    /// The session or conversation.
    pub(crate) session: Option<Cow<'a, [u8]>>,
    /// When the run began.
    pub(crate) started: Option<u64>,
    /// When it was over.
    pub(crate) ended: Option<u64>,
    /// The trace that the whole run is.
    pub(crate) trace: Option<TraceContext>,
    /// Tools defined once for the run.
    pub(crate) tools: Vec<Tool<'a>>,
    /// Why the run failed, where the source says that it did.
    pub(crate) failure: Option<Piece<'a>>,
    /// What happened.
    pub(crate) acts: Vec<Act<'a>>,
}

/// Something that happened. Times are microseconds since 1970.
#[derive(Debug)]
pub(crate) enum Act<'a> {
    /// A message of a transcript that is one conversation: every answer was given to all messages before it.
    Message(Message<'a>),
    /// A call of a model with its own list of messages, in the order of the calls' starts.
    ModelCall(Box<ModelCall<'a>>),
    /// The execution of a tool.
    Execution(Box<Execution<'a>>),
}

/// A tool as the model is told of it.
#[derive(Clone, Debug)]
pub(crate) struct Tool<'a> {
    pub(crate) name: Cow<'a, [u8]>,
    pub(crate) description: Option<Piece<'a>>,
    /// The JSON Schema of its arguments.
    pub(crate) schema: Option<Json<'a>>,
    /// The definition as it stands.
    pub(crate) raw: Json<'a>,
}

/// One call of a model.
#[derive(Debug, Default)]
pub(crate) struct ModelCall<'a> {
    /// The agent that called; empty where the source does not say.
    pub(crate) agent: Cow<'a, [u8]>,
    pub(crate) started: Option<u64>,
    pub(crate) ended: Option<u64>,
    pub(crate) trace: Option<TraceContext>,
    /// The model asked for.
    pub(crate) model: Option<Cow<'a, [u8]>>,
    /// The model that answered, as it names itself.
    pub(crate) version: Option<Cow<'a, [u8]>>,
    /// What it was sent; absent where the source does not say.
    pub(crate) input: Option<Vec<Message<'a>>>,
    /// What it answered.
    pub(crate) output: Option<Vec<Message<'a>>>,
    /// The tools that the model was offered.
    pub(crate) tools: Vec<Tool<'a>>,
    /// Parameters of the request, as JSON.
    pub(crate) parameters: Option<Vec<u8>>,
    pub(crate) tokens_in: Option<u64>,
    pub(crate) tokens_out: Option<u64>,
    pub(crate) stop: Option<StopReason>,
    /// What is left of the span.
    pub(crate) rest: Option<Vec<u8>>,
    pub(crate) pointer: String,
}

/// One execution of a tool.
#[derive(Debug, Default)]
pub(crate) struct Execution<'a> {
    pub(crate) started: Option<u64>,
    pub(crate) ended: Option<u64>,
    pub(crate) trace: Option<TraceContext>,
    /// The id of the call it executes.
    pub(crate) call: Option<Cow<'a, [u8]>>,
    pub(crate) tool: Cow<'a, [u8]>,
    pub(crate) arguments: Option<Piece<'a>>,
    pub(crate) result: Option<Piece<'a>>,
    pub(crate) error: Option<Piece<'a>>,
    pub(crate) failed: bool,
    /// What is left of the span.
    pub(crate) rest: Option<Vec<u8>>,
    pub(crate) pointer: String,
}

/// Why a model stopped, by the names that providers give it.
pub(crate) fn stop_reason(name: &str) -> StopReason {
    match name {
        "stop" | "end_turn" | "end" | "STOP" | "stop_sequence" => StopReason::End,
        "tool_calls" | "tool_call" | "tool_use" | "tool-calls" | "function_call" => StopReason::Calls,
        "length" | "max_tokens" | "MAX_TOKENS" => StopReason::Length,
        "content_filter" | "content-filter" | "SAFETY" | "refusal" => StopReason::Filtered,
        _ => StopReason::Other,
    }
}

/// The tools of a list of definitions: OpenAI, Anthropic or OpenTelemetry, one object a tool.
pub(crate) fn tools_of(list: Json<'_>) -> Vec<Tool<'_>> {
    list.array().unwrap_or_default().into_iter().filter_map(tool).collect()
}

fn tool(raw: Json<'_>) -> Option<Tool<'_>> {
    let object = raw.object()?;
    let inner = object.get("function").and_then(Json::object);
    let object = inner.as_ref().unwrap_or(&object);
    Some(Tool {
        name: object.get("name")?.string().filter(|name| !name.is_empty())?,
        description: object.get("description").and_then(Json::string).map(Piece::text),
        schema: object.first(&["parameters", "input_schema", "inputSchema", "parameters_json_schema"]),
        raw,
    })
}
