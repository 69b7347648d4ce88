//! Calls and results, in whatever member a framework puts them.

use std::borrow::Cow;

use rederive_evidence::record::MediaType;

use super::{Original, Piece, Speaker};
use crate::fault::{NoteKind, Notes, Path};
use crate::json::{Json, Kind, Member, Object, object_of};

/// Where a call has its id. In an item of the Responses interface `id` is the item's.
const CALL_IDS: &[&str] = &["call_id", "toolCallId", "tool_call_id", "id"];
/// Where a tool's message names its call. Its `id` is its own.
pub(super) const MESSAGE_IDS: &[&str] = &["tool_call_id", "call_id", "tool_use_id", "toolCallId"];
/// Where a part, or an item of a list, names its call.
pub(super) const PART_IDS: &[&str] = &["tool_call_id", "call_id", "tool_use_id", "toolCallId", "id"];
/// Where a result stands: the first that is there.
const RESULTS: &[&str] = &["content", "result", "response", "output", "parts"];
/// Where a call or a result names its tool.
const TOOL_NAMES: &[&str] = &["name", "toolName", "tool_name"];
/// Members of a call that say nothing more: its type and place in the list.
const CALL_MEMBERS: &[&str] = &["type", "toolCallType", "function", "index", "status"];
/// Where a call has its arguments.
const ARGUMENTS: &[&str] = &["arguments", "args", "input"];
/// Types that say no more than that it is a result.
const RESULT_TYPES: &[&str] =
    &["tool", "message", "function_call_output", "tool_call_response", "tool_result", "tool-result"];

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

pub(super) fn call<'a>(raw: Json<'a>, object: &Object<'a>, path: &Path<'_>, notes: &mut Notes) -> Call<'a> {
    note_repeated(object, path, notes);
    let function = object.get("function");
    let inner = function.and_then(Json::object);
    let is_known = |name: &str| {
        [CALL_IDS, TOOL_NAMES, ARGUMENTS, CALL_MEMBERS].iter().any(|known| known.contains(&name))
    };
    // The answer holds its calls as they stand: what has no place is named, and kept there.
    note_unknown(object, is_known, path, notes);
    match (function, &inner) {
        (_, Some(inner)) => note_function(inner, &path.member("function"), notes),
        (Some(function), None) if !matches!(function.kind(), Kind::String | Kind::Null) => {
            notes.add(&path.member("function"), NoteKind::UnexpectedValue);
        }
        (Some(_) | None, None) => {}
    }
    let tool = function
        .filter(|function| function.kind() == Kind::String)
        .or_else(|| inner.as_ref()?.get("name"))
        .or_else(|| object.first(TOOL_NAMES));
    if tool.is_some_and(|tool| !matches!(tool.kind(), Kind::String | Kind::Null)) {
        notes.add(path, NoteKind::UnexpectedValue);
    }
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

/// Notes what the object of a call that names the function says beside its name and arguments.
fn note_function(function: &Object<'_>, path: &Path<'_>, notes: &mut Notes) {
    note_repeated(function, path, notes);
    note_unknown(function, |name| name == "name" || ARGUMENTS.contains(&name), path, notes);
}

/// Notes members that say something and are not known.
fn note_unknown(object: &Object<'_>, is_known: impl Fn(&str) -> bool, path: &Path<'_>, notes: &mut Notes) {
    for member in object.members().iter().filter(|member| !member.value.is_null()) {
        let name = member.name();
        if !is_known(&name) {
            notes.add(&path.member(&name), NoteKind::UnknownMember);
        }
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
pub(super) fn result<'a>(
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

/// The text of a text part, and whether the part is nothing else.
fn text_of(part: Json<'_>) -> Option<(Json<'_>, bool)> {
    let object =
        part.object().filter(|object| object.get("type").and_then(Json::str).as_deref() == Some("text"))?;
    let text = object.first(&["text", "content"]).filter(|text| text.kind() == Kind::String)?;
    Some((text, object.members().len() == 2))
}

/// The id of a call: a string that is not empty, or a whole number's digits.
fn id(value: Option<Json<'_>>) -> Option<Cow<'_, [u8]>> {
    let is_number = |value: &Json<'_>| value.kind() == Kind::Number && value.unsigned().is_some();
    let digits = || value.filter(is_number).map(|number| Cow::Borrowed(number.text().as_bytes()));
    name(value).or_else(digits)
}

/// A name: a string that is not empty.
pub(super) fn name(value: Option<Json<'_>>) -> Option<Cow<'_, [u8]>> {
    value?.string().filter(|name| !name.is_empty())
}

pub(super) fn note_surrogate(piece: &Piece<'_>, path: &Path<'_>, notes: &mut Notes) {
    // Borrowed text is a part of the file's UTF-8; only undone escapes can differ.
    if matches!(&piece.bytes, Cow::Owned(bytes) if std::str::from_utf8(bytes).is_err()) {
        notes.add(path, NoteKind::LoneSurrogate);
    }
}

/// Notes members whose name stands again later, and tells whether there are some.
pub(super) fn note_repeated(object: &Object<'_>, path: &Path<'_>, notes: &mut Notes) -> bool {
    let add = |member: &Member<'_>| notes.add(&path.member(&member.name()), NoteKind::RepeatedMember);
    object.repeated().map(add).count() > 0
}

/// Whether a member says where in a trace the message stood.
pub(super) fn is_trace_member(name: &str) -> bool {
    name.starts_with("gen_ai.") || name == "event.name"
}
