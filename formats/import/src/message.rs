//! One message of a transcript, whatever the framework that wrote it: who speaks, what is said, called and returned.
//!
//! Read are the shapes that occur in recordings: OpenAI chat and responses, Anthropic, Gemini, LangChain, Vercel, AgentDojo
//! and the parts of the OpenTelemetry GenAI conventions. What a message says is taken apart into [`Section`]s in the order
//! in which it stands; what is not understood stays in [`Message::rest`] or inside the raw text.

use std::borrow::Cow;

use rederive_evidence::kinds::prompt::StopReason;
use rederive_evidence::record::MediaType;

use crate::fault::{Expected, ImportFault, NoteKind, Notes, Path, ValueFault};
use crate::json::{Json, Kind, Member, Object, object_of};
use crate::transcript::stop_reason;

/// Who a message speaks as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The operator: `system`, `developer`.
    System,
    /// The user: `user`, `human`.
    User,
    /// The model: `assistant`, `model`, `ai`.
    Assistant,
    /// A tool: `tool`, `function`.
    Tool,
    /// A role that is not known, or none: data.
    Other,
}

impl Speaker {
    fn named(role: &str) -> Self {
        match role {
            "system" | "developer" => Self::System,
            "user" | "human" => Self::User,
            "assistant" | "model" | "ai" => Self::Assistant,
            "tool" | "function" | "ipython" => Self::Tool,
            _ => Self::Other,
        }
    }
}

/// Bytes to keep as one content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) media: MediaType,
    pub(crate) bytes: Cow<'a, [u8]>,
}

impl<'a> Piece<'a> {
    /// JSON `null`.
    pub(crate) const NULL: Self = Self { media: MediaType::Json, bytes: Cow::Borrowed(b"null") };

    /// Text as it reads once its JSON escapes are undone.
    pub(crate) fn text(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self { media: MediaType::Text, bytes: bytes.into() }
    }

    /// JSON as it stands in the source.
    pub(crate) fn json(value: Json<'a>) -> Self {
        Self { media: MediaType::Json, bytes: Cow::Borrowed(value.text().as_bytes()) }
    }

    /// A string's characters as text, any other value as JSON.
    pub(crate) fn of(value: Json<'a>) -> Self {
        value.string().map_or_else(|| Self::json(value), Self::text)
    }
}

/// A call that the model proposes.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    /// The id the model gave it; none where it is missing, `null` or empty.
    pub(crate) id: Option<Cow<'a, [u8]>>,
    /// The tool's name, empty where there is none.
    pub(crate) tool: Cow<'a, [u8]>,
    /// The arguments: a string's characters, or the JSON text.
    pub(crate) arguments: Option<Piece<'a>>,
    /// The call's own text, by which a result that repeats its call is known.
    pub(crate) raw: Json<'a>,
    pub(crate) pointer: String,
}

/// What a tool gave back.
#[derive(Clone, Debug)]
pub(crate) struct Returned<'a> {
    /// The id by which it names its call; none where it is missing, `null` or empty.
    pub(crate) id: Option<Cow<'a, [u8]>>,
    /// The member that says so.
    pub(crate) identified: Option<Member<'a>>,
    /// The tool it says it comes from.
    pub(crate) tool: Option<Cow<'a, [u8]>>,
    /// The member that says so.
    pub(crate) named: Option<Member<'a>>,
    /// The result.
    pub(crate) result: Piece<'a>,
    /// Texts inside a result that is kept as JSON.
    pub(crate) texts: Vec<Piece<'a>>,
    /// What the tool said went wrong.
    pub(crate) error: Option<Piece<'a>>,
    /// It failed, with or without words.
    pub(crate) failed: bool,
    /// The call as the result repeats it.
    pub(crate) echo: Option<Member<'a>>,
    /// Members without a place, the echo not counted.
    pub(crate) rest: Vec<Member<'a>>,
    pub(crate) pointer: String,
}

/// A piece of a message, in the message's order.
#[derive(Clone, Debug)]
pub(crate) enum Section<'a> {
    /// Text, or an image, a file or anything else as JSON.
    Says(Piece<'a>),
    /// Reasoning.
    Reasons(Piece<'a>),
    /// A call.
    Calls(Call<'a>),
    /// A result.
    Returns(Returned<'a>),
}

impl<'a> Section<'a> {
    /// The result, where it is one.
    pub(crate) fn returned(&self) -> Option<&Returned<'a>> {
        match self {
            Self::Returns(returned) => Some(returned),
            Self::Says(_) | Self::Reasons(_) | Self::Calls(_) => None,
        }
    }

    /// The call, where it is one.
    pub(crate) fn call(&self) -> Option<&Call<'a>> {
        match self {
            Self::Calls(call) => Some(call),
            Self::Says(_) | Self::Reasons(_) | Self::Returns(_) => None,
        }
    }
}

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) speaker: Speaker,
    pub(crate) sections: Vec<Section<'a>>,
    /// What the sections do not hold: members without a place, or the whole message where parts had some.
    pub(crate) rest: Option<Cow<'a, [u8]>>,
    /// The message as it stands.
    pub(crate) raw: Json<'a>,
    /// It is one item of an answer, as the Responses interface lists them.
    pub(crate) is_item: bool,
    pub(crate) stop: Option<Cow<'a, str>>,
    pub(crate) model: Option<Cow<'a, [u8]>>,
    pub(crate) pointer: String,
}

/// What becomes of the text that a message is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Original {
    /// It stays whole in the run.
    Stays,
    /// Only what the message holds of it stays.
    Goes,
}

impl<'a> Message<'a> {
    /// Reads a message; `otherwise` speaks where it does not say who does.
    ///
    /// # Errors
    /// It is no object.
    pub(crate) fn read(
        raw: Json<'a>,
        otherwise: Speaker,
        original: Original,
        path: &Path<'_>,
        notes: &mut Notes,
    ) -> Result<Self, ImportFault> {
        let expected = Expected::Message;
        let object = raw.object().ok_or(ImportFault::Kind { expected, found: raw.kind() })?;
        Ok(match wrapped_by_langchain(&object) {
            Some((inner, object, speaker)) => {
                Self::read_object(inner, &object, speaker, original, &path.member("data"), notes)
            }
            None => Self::read_object(raw, &object, otherwise, original, path, notes),
        })
    }

    fn read_object(
        raw: Json<'a>,
        object: &Object<'a>,
        otherwise: Speaker,
        original: Original,
        path: &Path<'_>,
        notes: &mut Notes,
    ) -> Self {
        let speaker = speaker(object).unwrap_or(otherwise);
        if speaker == Speaker::Other {
            notes.add(path, NoteKind::UnknownRole);
        }
        let mut reader = Reader {
            speaker,
            original,
            sections: Vec::new(),
            rest: Vec::new(),
            incomplete: false,
            stop: chosen(object, STOPS).filter(|_| speaker == Speaker::Assistant),
            model: chosen(object, MODELS).filter(|_| speaker == Speaker::Assistant),
            raw,
            path,
            notes,
        };
        reader.incomplete = note_repeated(object, path, reader.notes);
        reader.message(object)
    }

    /// A message that says one thing, where the source has only what is said.
    pub(crate) fn saying(speaker: Speaker, value: Json<'a>, path: &Path<'_>) -> Self {
        Self {
            speaker,
            sections: vec![Section::Says(Piece::of(value))],
            rest: None,
            raw: value,
            is_item: false,
            stop: None,
            model: None,
            pointer: path.pointer(),
        }
    }

    /// The text of a message that is nothing but one text.
    pub(crate) fn only_text(&self) -> Option<&Piece<'a>> {
        let is_more = self.rest.is_some() || self.model.is_some();
        match self.sections.as_slice() {
            [Section::Says(piece)] if !is_more && piece.media == MediaType::Text => Some(piece),
            _ => None,
        }
    }
}

/// The messages of a list.
///
/// # Errors
/// One of them is no object; its place.
pub(crate) fn read_all<'a>(
    list: &[Json<'a>],
    path: &Path<'_>,
    notes: &mut Notes,
) -> Result<Vec<Message<'a>>, ValueFault> {
    let read = |(i, raw): (usize, &Json<'a>)| {
        let path = path.item(i);
        Message::read(*raw, Speaker::Other, Original::Goes, &path, notes)
            .map_err(|fault| (path.pointer(), fault))
    };
    list.iter().enumerate().map(read).collect()
}

/// Collects the sections of one message.
struct Reader<'a, 'p, 'n> {
    speaker: Speaker,
    original: Original,
    sections: Vec<Section<'a>>,
    /// Members without a place.
    rest: Vec<Member<'a>>,
    /// Something inside a part has no place: the message is kept whole.
    incomplete: bool,
    /// The members of an answer that say why the model stopped, and which one it was.
    stop: Option<Member<'a>>,
    model: Option<Member<'a>>,
    raw: Json<'a>,
    path: &'p Path<'p>,
    notes: &'n mut Notes,
}

impl<'a> Reader<'a, '_, '_> {
    fn message(mut self, object: &Object<'a>) -> Message<'a> {
        let item_type = object.get("type").and_then(Json::str);
        match item_type.as_deref() {
            Some("function_call") if !object.has("role") => self.call(self.raw, self.path),
            Some("function_call_output") if !object.has("role") => self.result(object, PART_IDS, self.path),
            Some(_) | None if self.speaker == Speaker::Tool && !has_result_parts(object) => {
                self.result(object, MESSAGE_IDS, self.path);
            }
            Some(_) | None => self.members(object),
        }
        self.finish(object)
    }

    fn finish(mut self, object: &Object<'a>) -> Message<'a> {
        if self.sections.is_empty() && self.speaker != Speaker::Assistant {
            // Nothing said is a message all the same.
            self.sections.push(Section::Says(Piece::json(self.raw)));
            self.rest.clear();
        }
        let whole = self.incomplete.then(|| Cow::Borrowed(self.raw.text().as_bytes()));
        Message {
            stop: self.stop.and_then(|stop| stop.value.str()),
            model: name(self.model.map(|model| model.value)),
            is_item: self.speaker == Speaker::Assistant && is_item(object),
            rest: whole.or_else(|| object_of(&self.rest).map(Cow::Owned)),
            speaker: self.speaker,
            sections: self.sections,
            raw: self.raw,
            pointer: self.path.pointer(),
        }
    }

    /// Reads the members of a message that is not itself a result.
    fn members(&mut self, object: &Object<'a>) {
        for member in object.members() {
            let (name, value) = (member.name(), member.value);
            let path = self.path.member(&name);
            match name.as_ref() {
                "role" if self.speaker == Speaker::Other || value.kind() != Kind::String => {
                    self.rest.push(*member)
                }
                "role" => {}
                name if is_trace_member(name) => self.of_trace(member),
                "type" if value.str().is_some_and(|it| MESSAGE_TYPES.contains(&it.as_ref())) => {}
                "type" if is_item(object) => {}
                "id" | "status" if is_item(object) => self.incomplete = true,
                "summary" if is_item(object) => self.summary(value, &path),
                _ if self.is_fact(member) => {}
                "content" | "parts" => self.content(value, &path),
                "reasoning_content" | "reasoning" | "thinking" if value.kind() == Kind::String => {
                    self.sections.push(Section::Reasons(Piece::of(value)));
                }
                "refusal" if value.kind() == Kind::String => self.says(value, &path),
                "tool_calls" => self.calls(value, &path),
                "function_call" if value.kind() == Kind::Object => self.call(value, &path),
                "additional_kwargs" => self.additional(object, member, &path),
                _ => self.left(member, &path),
            }
        }
    }

    /// Whether a member is a fact about an answer that a record has a field for.
    fn is_fact(&self, member: &Member<'a>) -> bool {
        let is_known = |stop: &str| stop_reason(stop) != StopReason::Other;
        let is_stop = self.stop.is_some_and(|stop| stop.is_same(member));
        let is_model = self.model.is_some_and(|model| model.is_same(member));
        is_model || (is_stop && member.value.str().is_some_and(|stop| is_known(&stop)))
    }

    /// A member that says where in a trace the message stood.
    fn of_trace(&mut self, member: &Member<'a>) {
        if self.original == Original::Goes {
            self.rest.push(*member);
        }
    }

    /// A member without a place: kept, and noted where it says something.
    fn left(&mut self, member: &Member<'a>, path: &Path<'_>) {
        if !member.value.is_null() {
            self.notes.add(path, NoteKind::UnknownMember);
            self.rest.push(*member);
        }
    }

    /// Notes a value of a type that does not belong here; the message is kept whole.
    fn unexpected(&mut self, path: &Path<'_>) {
        self.notes.add(path, NoteKind::UnexpectedValue);
        self.incomplete = true;
    }

    /// What the Responses interface shows of the model's reasoning: a list of texts.
    fn summary(&mut self, value: Json<'a>, path: &Path<'_>) {
        self.incomplete = true;
        for (i, part) in value.array().unwrap_or_default().into_iter().enumerate() {
            match part.object() {
                Some(object) => self.text_part(part, &object, &["text"], Section::Reasons, &path.item(i)),
                None => self.unknown_part(part, &path.item(i)),
            }
        }
    }

    /// LangChain's second place for calls, read where the first has none.
    fn additional(&mut self, object: &Object<'a>, member: &Member<'a>, path: &Path<'_>) {
        let has_calls = object.get("tool_calls").and_then(Json::array).is_some_and(|calls| !calls.is_empty());
        if let Some(calls) = member.value.at("/tool_calls").filter(|_| !has_calls) {
            self.calls(calls, &path.member("tool_calls"));
        }
        self.rest.push(*member);
    }

    fn calls(&mut self, value: Json<'a>, path: &Path<'_>) {
        match value.array() {
            Some(calls) => calls.iter().enumerate().for_each(|(i, raw)| self.call(*raw, &path.item(i))),
            None if value.is_null() => {}
            None => self.unexpected(path),
        }
    }

    fn call(&mut self, raw: Json<'a>, path: &Path<'_>) {
        match raw.object().filter(|_| self.speaker == Speaker::Assistant) {
            Some(object) => self.sections.push(Section::Calls(call(raw, &object, path, self.notes))),
            None => self.unexpected(path),
        }
    }

    fn result(&mut self, object: &Object<'a>, ids: &[&str], path: &Path<'_>) {
        let returned = result(object, ids, self.original, path, self.notes);
        self.sections.push(Section::Returns(returned));
    }

    fn part_result(&mut self, object: &Object<'a>, path: &Path<'_>) {
        note_repeated(object, path, self.notes);
        self.result(object, PART_IDS, path);
    }

    /// Text said. The empty text beside an assistant's calls says nothing.
    fn says(&mut self, value: Json<'a>, path: &Path<'_>) {
        let piece = Piece::of(value);
        note_surrogate(&piece, path, self.notes);
        if !piece.bytes.is_empty() || self.speaker != Speaker::Assistant {
            self.sections.push(Section::Says(piece));
        }
    }

    fn content(&mut self, value: Json<'a>, path: &Path<'_>) {
        match value.kind() {
            Kind::Null => {}
            Kind::String => self.says(value, path),
            Kind::Array => {
                let parts = value.array().unwrap_or_default();
                parts.into_iter().enumerate().for_each(|(i, part)| self.part(part, &path.item(i)));
            }
            Kind::Object => self.part(value, path),
            Kind::Bool | Kind::Number => {
                self.notes.add(path, NoteKind::UnexpectedValue);
                self.sections.push(Section::Says(Piece::json(value)));
            }
        }
    }

    /// Reads one part of a message's content.
    fn part(&mut self, value: Json<'a>, path: &Path<'_>) {
        if value.kind() == Kind::String {
            return self.says(value, path);
        }
        let Some(object) = value.object() else { return self.unknown_part(value, path) };
        let part_type = object.get("type").and_then(Json::str);
        match part_type.as_deref().unwrap_or_else(|| untyped(&object)) {
            "text" | "input_text" | "output_text" | "refusal" => {
                self.text_part(value, &object, &["text", "content", "refusal"], Section::Says, path);
            }
            "thinking" | "reasoning" => {
                self.text_part(value, &object, &["thinking", "content", "text"], Section::Reasons, path);
            }
            "tool_call" | "tool_use" | "tool-call" => self.call(value, path),
            "tool_call_response" | "tool_result" | "tool-result" => self.part_result(&object, path),
            CALL_WRAPPER => self.wrapped(&object, GEMINI_CALL, path),
            RESULT_WRAPPER => self.wrapped(&object, GEMINI_RESULT, path),
            known if MEDIA_PARTS.contains(&known) => self.sections.push(Section::Says(Piece::json(value))),
            _ => self.unknown_part(value, path),
        }
    }

    fn unknown_part(&mut self, value: Json<'a>, path: &Path<'_>) {
        self.notes.add(path, NoteKind::UnknownPart);
        self.sections.push(Section::Says(Piece::json(value)));
    }

    /// A part whose text stands under one of these names; what stands beside it keeps the message whole.
    fn text_part(
        &mut self,
        value: Json<'a>,
        object: &Object<'a>,
        names: &[&str],
        section: fn(Piece<'a>) -> Section<'a>,
        path: &Path<'_>,
    ) {
        let is_text = |name: &&&str| object.get(name).is_some_and(|text| text.kind() == Kind::String);
        let Some(text_name) = names.iter().find(is_text) else {
            self.notes.add(path, NoteKind::UnexpectedValue);
            return self.sections.push(section(Piece::json(value)));
        };
        self.incomplete |= note_repeated(object, path, self.notes);
        for member in object.members() {
            let name = member.name();
            if name == *text_name {
                let piece = Piece::of(member.value);
                note_surrogate(&piece, path, self.notes);
                self.sections.push(section(piece));
            } else if name != "type" || member.value.kind() != Kind::String {
                self.left_in_part(member, path);
            }
        }
    }

    /// A member of a part without a place: the message is kept whole, and the member noted where it says something.
    fn left_in_part(&mut self, member: &Member<'a>, path: &Path<'_>) {
        self.incomplete |= !member.value.is_null();
        if !matches!(member.value.text(), "null" | "[]" | "{}") {
            self.notes.add(&path.member(&member.name()), NoteKind::UnknownMember);
        }
    }

    /// Gemini wraps calls and results into an object of one member.
    fn wrapped(&mut self, object: &Object<'a>, names: &[&str], path: &Path<'_>) {
        let inner = object.first(names);
        match inner.and_then(|inner| Some((inner, inner.object()?))) {
            Some((_, inner)) if names == GEMINI_RESULT => self.part_result(&inner, path),
            Some((inner, _)) => self.call(inner, path),
            None => self.unexpected(path),
        }
        let others = object.members().iter().filter(|member| !names.contains(&member.name().as_ref()));
        others.for_each(|member| self.left_in_part(member, path));
    }
}

const STOPS: &[&str] = &["finish_reason", "stop_reason"];
const MODELS: &[&str] = &["model", "model_name"];
/// Types that say no more than that it is a message.
const MESSAGE_TYPES: &[&str] = &["message", "human", "ai", "system"];
/// Types that say no more than that it is a result.
const RESULT_TYPES: &[&str] =
    &["tool", "message", "function_call_output", "tool_call_response", "tool_result", "tool-result"];
/// Parts of other media: kept as their JSON.
const MEDIA_PARTS: &[&str] = &[
    "image",
    "image_url",
    "input_image",
    "blob",
    "file",
    "input_file",
    "uri",
    "audio",
    "input_audio",
    "document",
    "video",
    "redacted_thinking",
];
const GEMINI_CALL: &[&str] = &["functionCall", "function_call"];
const GEMINI_RESULT: &[&str] = &["functionResponse", "function_response"];
const CALL_WRAPPER: &str = "function call wrapper";
const RESULT_WRAPPER: &str = "function response wrapper";
/// Where a call has its id. In an item of the Responses interface `id` is the item's.
const CALL_IDS: &[&str] = &["call_id", "toolCallId", "tool_call_id", "id"];
/// Where a tool's message names its call. Its `id` is its own.
const MESSAGE_IDS: &[&str] = &["tool_call_id", "call_id", "tool_use_id", "toolCallId"];
/// Where a part, or an item of a list, names its call.
const PART_IDS: &[&str] = &["tool_call_id", "call_id", "tool_use_id", "toolCallId", "id"];
const RESULTS: &[&str] = &["content", "result", "response", "output", "parts"];
const TOOL_NAMES: &[&str] = &["name", "toolName", "tool_name"];
/// Members of a call that say nothing more: its type and place in the list.
const CALL_MEMBERS: &[&str] = &["type", "toolCallType", "function", "index", "status"];
const ARGUMENTS: &[&str] = &["arguments", "args", "input"];

/// Who speaks: the role, else LangChain's type, else what kind of item it is; none where nothing says.
fn speaker(object: &Object<'_>) -> Option<Speaker> {
    if let Some(role) = object.get("role").filter(|role| !role.is_null()) {
        return Some(role.str().map_or(Speaker::Other, |role| Speaker::named(&role)));
    }
    match object.get("type").and_then(Json::str).as_deref() {
        Some("function_call" | "reasoning") => Some(Speaker::Assistant),
        Some("function_call_output") => Some(Speaker::Tool),
        Some(named @ ("human" | "ai" | "system" | "tool")) => Some(Speaker::named(named)),
        Some(_) | None => None,
    }
}

/// Whether a message is an item that the Responses interface lists beside others of the same answer.
fn is_item(object: &Object<'_>) -> bool {
    let item_type = object.get("type").and_then(Json::str);
    match item_type.as_deref() {
        Some("function_call" | "reasoning") => !object.has("role"),
        Some("message") => object.has("id") && object.has("status"),
        Some(_) | None => false,
    }
}

/// The last member of the first of these names that is a text with something in it.
fn chosen<'a>(object: &Object<'a>, names: &[&str]) -> Option<Member<'a>> {
    let last = |wanted: &&str| object.members().iter().rev().find(|member| member.is(wanted));
    names.iter().filter_map(last).find(|member| name(Some(member.value)).is_some()).copied()
}

/// The message inside an object that is nothing but LangChain's type of it and its `data`, and who speaks.
fn wrapped_by_langchain<'a>(object: &Object<'a>) -> Option<(Json<'a>, Object<'a>, Speaker)> {
    let speaker = speaker(object).filter(|_| object.members().len() == 2 && object.has("type"))?;
    let inner = object.get("data")?;
    Some((inner, inner.object()?, speaker))
}

/// Whether a member says where in a trace the message stood.
fn is_trace_member(name: &str) -> bool {
    name.starts_with("gen_ai.") || name == "event.name"
}

/// The type that a part without one shows by its members.
fn untyped(object: &Object<'_>) -> &'static str {
    if object.first(GEMINI_CALL).is_some() {
        CALL_WRAPPER
    } else if object.first(GEMINI_RESULT).is_some() {
        RESULT_WRAPPER
    } else if object.has("text") {
        "text"
    } else {
        ""
    }
}

/// Whether the content of a tool's message is a list in which parts are results of their own.
fn has_result_parts(object: &Object<'_>) -> bool {
    let is_result = |part: &Json<'_>| {
        part.object().is_some_and(|part| {
            let part_type = part.get("type").and_then(Json::str);
            matches!(part_type.as_deref(), Some("tool_call_response" | "tool_result" | "tool-result"))
                || part.first(GEMINI_RESULT).is_some()
        })
    };
    object.first(&["content", "parts"]).and_then(Json::array).is_some_and(|parts| parts.iter().any(is_result))
}

/// The id of a call: a string that is not empty, or a whole number's digits.
fn id(value: Option<Json<'_>>) -> Option<Cow<'_, [u8]>> {
    let is_number = |value: &Json<'_>| value.kind() == Kind::Number && value.unsigned().is_some();
    let digits = || value.filter(is_number).map(|number| Cow::Borrowed(number.text().as_bytes()));
    name(value).or_else(digits)
}

/// A name: a string that is not empty.
fn name(value: Option<Json<'_>>) -> Option<Cow<'_, [u8]>> {
    value?.string().filter(|name| !name.is_empty())
}

/// Notes members whose name stands again later, and tells whether there are some.
fn note_repeated(object: &Object<'_>, path: &Path<'_>, notes: &mut Notes) -> bool {
    let add = |member: &Member<'_>| notes.add(&path.member(&member.name()), NoteKind::RepeatedMember);
    object.repeated().map(add).count() > 0
}

fn call<'a>(raw: Json<'a>, object: &Object<'a>, path: &Path<'_>, notes: &mut Notes) -> Call<'a> {
    note_repeated(object, path, notes);
    let function = object.get("function");
    let inner = function.and_then(Json::object);
    let is_known = |name: &str| {
        [CALL_IDS, TOOL_NAMES, ARGUMENTS, CALL_MEMBERS].iter().any(|known| known.contains(&name))
    };
    // The answer holds its calls as they stand: what has no place is named, and kept there.
    for member in object.members().iter().filter(|member| !member.value.is_null()) {
        let name = member.name();
        if !is_known(&name) {
            notes.add(&path.member(&name), NoteKind::UnknownMember);
        }
    }
    let tool = function
        .filter(|function| function.kind() == Kind::String)
        .or_else(|| inner.as_ref()?.get("name"))
        .or_else(|| object.first(TOOL_NAMES));
    let arguments =
        inner.as_ref().and_then(|inner| inner.first(ARGUMENTS)).or_else(|| object.first(ARGUMENTS));
    Call {
        id: CALL_IDS.iter().find_map(|name| id(object.get(name))),
        tool: name(tool).unwrap_or_default(),
        arguments: arguments.map(|value| arguments_of(value, path, notes)),
        raw,
        pointer: path.pointer(),
    }
}

/// Arguments as received: a string holds them as its characters.
pub(crate) fn arguments_of<'a>(value: Json<'a>, path: &Path<'_>, notes: &mut Notes) -> Piece<'a> {
    let Some(bytes) = value.string() else { return Piece::json(value) };
    if std::str::from_utf8(&bytes).is_ok_and(|text| Json::parse(text).is_ok()) {
        return Piece { media: MediaType::Json, bytes };
    }
    notes.add(path, NoteKind::ArgumentsNotJson);
    Piece::text(bytes)
}

/// The result that a tool's message, or a part of a message, holds.
fn result<'a>(
    object: &Object<'a>,
    ids: &[&str],
    original: Original,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Returned<'a> {
    let chosen = RESULTS.iter().copied().find(|name| object.get(name).is_some_and(|value| !value.is_null()));
    let mut returned = Returned::new(path);
    let id_name = ids.iter().copied().find(|name| id(object.get(name)).is_some());
    let only = object.get("tool_call_ids").and_then(Json::array).filter(|ids| ids.len() == 1);
    let only = id(only.and_then(|ids| ids.first().copied()));
    returned.id = id_name.and_then(|name| id(object.get(name))).or_else(|| only.clone());
    let is_tool = |name: &str, returned: &Returned<'_>| {
        TOOL_NAMES.contains(&name) && returned.named.is_none_or(|named| named.is(name))
    };
    for member in object.members() {
        let (member_name, value) = (member.name(), member.value);
        match member_name.as_ref() {
            "role" if value.str().is_some_and(|role| Speaker::named(&role) == Speaker::Tool) => {}
            "type" if value.str().is_some_and(|it| RESULT_TYPES.contains(&it.as_ref())) => {}
            "tool_call_ids" if only.is_some() && only == returned.id => returned.identified = Some(*member),
            name if is_trace_member(name) => {
                if original == Original::Goes {
                    returned.rest.push(*member);
                }
            }
            name if id_name == Some(name) => returned.identified = Some(*member),
            name if ids.contains(&name) && value.text() == "\"\"" => {}
            name if chosen == Some(name) => returned.set_result(value, path, notes),
            name if is_tool(name, &returned) && value.kind() == Kind::String => {
                returned.tool = value.string().filter(|tool| !tool.is_empty());
                returned.named = Some(*member);
            }
            "error" if value.text() == "false" || value.text() == "\"\"" => {}
            "error" if !value.is_null() => returned.error = Some(Piece::of(value)),
            "is_error" | "isError" if value.kind() == Kind::Bool => returned.failed |= value.is_true(),
            "status" if value.text() == "\"success\"" => {}
            "status" if value.text() == "\"error\"" => {
                returned.failed = true;
                returned.rest.push(*member);
            }
            "tool_call" if !value.is_null() => returned.echo = Some(*member),
            _ if value.is_null() => {}
            name => {
                notes.add(&path.member(name), NoteKind::UnknownMember);
                returned.rest.push(*member);
            }
        }
    }
    returned.rest.extend(object.repeated());
    returned.failed |= returned.error.is_some();
    returned
}

impl<'a> Returned<'a> {
    /// A result of which nothing is known: `null`.
    fn new(path: &Path<'_>) -> Self {
        Self {
            id: None,
            identified: None,
            tool: None,
            named: None,
            result: Piece::NULL,
            texts: Vec::new(),
            error: None,
            failed: false,
            echo: None,
            rest: Vec::new(),
            pointer: path.pointer(),
        }
    }

    /// A result that is one text is that text; any other stays the JSON it is, and the texts in it are kept beside it.
    fn set_result(&mut self, value: Json<'a>, path: &Path<'_>, notes: &mut Notes) {
        let parts = value.array().unwrap_or_default();
        match (parts.as_slice(), parts.first().and_then(|part| text_of(*part))) {
            ([_], Some((text, true))) => self.result = Piece::of(text),
            _ => {
                self.result = Piece::of(value);
                self.texts =
                    parts.iter().filter_map(|part| text_of(*part)).map(|(text, _)| Piece::of(text)).collect();
            }
        }
        note_surrogate(&self.result, path, notes);
    }

    /// All that it says but the result and the error.
    pub(crate) fn about(&self) -> Option<Vec<u8>> {
        let named = [self.identified, self.named, self.echo].into_iter().flatten();
        object_of(&named.chain(self.rest.iter().copied()).collect::<Vec<Member<'_>>>())
    }

    /// What is kept of it beside the result: members without a place, and the tool and the call that it names where they are
    /// not those of its call.
    pub(crate) fn rest(&self, call: Option<&Call<'_>>) -> Option<Vec<u8>> {
        let named = self.named.filter(|_| call.is_none_or(|call| self.tool.as_ref() != Some(&call.tool)));
        let echo = self.echo.filter(|echo| call.is_none_or(|call| call.raw.text() != echo.value.text()));
        let members: Vec<Member<'_>> =
            named.into_iter().chain(echo).chain(self.rest.iter().copied()).collect();
        object_of(&members)
    }
}

/// The text of a text part, and whether the part is nothing else.
fn text_of(part: Json<'_>) -> Option<(Json<'_>, bool)> {
    let object =
        part.object().filter(|object| object.get("type").and_then(Json::str).as_deref() == Some("text"))?;
    let text = object.first(&["text", "content"]).filter(|text| text.kind() == Kind::String)?;
    Some((text, object.members().len() == 2))
}

fn note_surrogate(piece: &Piece<'_>, path: &Path<'_>, notes: &mut Notes) {
    // Borrowed text is a part of the file's UTF-8; only undone escapes can differ.
    if matches!(&piece.bytes, Cow::Owned(bytes) if std::str::from_utf8(bytes).is_err()) {
        notes.add(path, NoteKind::LoneSurrogate);
    }
}
