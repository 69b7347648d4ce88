//! Taking a message apart.

use std::borrow::Cow;

use rederive_evidence::kinds::prompt::StopReason;

use super::tool::{self, MESSAGE_IDS, PART_IDS, is_trace_member, name, note_repeated, note_surrogate};
use super::{Message, Original, Piece, Section, Speaker};
use crate::fault::{NoteKind, Notes, Path};
use crate::json::{Json, Kind, Member, Object, object_of};
use crate::transcript::stop_reason;

/// Members of an answer that say why the model stopped.
const STOPS: &[&str] = &["finish_reason", "stop_reason"];
/// Members of an answer that name the model.
const MODELS: &[&str] = &["model", "model_name"];
/// Types that say no more than that it is a message.
const MESSAGE_TYPES: &[&str] = &["message", "human", "ai", "system"];
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
/// Gemini's one member around a call.
const GEMINI_CALL: &[&str] = &["functionCall", "function_call"];
/// Gemini's one member around a result.
const GEMINI_RESULT: &[&str] = &["functionResponse", "function_response"];
/// What a part with the first of them is called here.
const CALL_WRAPPER: &str = "function call wrapper";
/// What a part with the second is called.
const RESULT_WRAPPER: &str = "function response wrapper";

/// Reads a message; `otherwise` speaks where it does not say who does.
pub(super) fn read<'a>(
    raw: Json<'a>,
    object: &Object<'a>,
    otherwise: Speaker,
    original: Original,
    path: &Path<'_>,
    notes: &mut Notes,
) -> Message<'a> {
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
            Some(object) => self.sections.push(Section::Calls(tool::call(raw, &object, path, self.notes))),
            None => self.unexpected(path),
        }
    }

    fn result(&mut self, object: &Object<'a>, ids: &[&str], path: &Path<'_>) {
        let returned = tool::result(object, ids, self.original, path, self.notes);
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
pub(super) fn wrapped_by_langchain<'a>(object: &Object<'a>) -> Option<(Json<'a>, Object<'a>, Speaker)> {
    let speaker = speaker(object).filter(|_| object.members().len() == 2 && object.has("type"))?;
    let inner = object.get("data")?;
    Some((inner, inner.object()?, speaker))
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
