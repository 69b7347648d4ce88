//! Chat transcripts: a list of messages inside an entry, or an entry that is the list.

use std::borrow::Cow;

use crate::entries::starts_messages;
use crate::fault::{Expected, ImportFault, NoteKind, Notes, Path, ValueFault};
use crate::json::{Json, Kind, Object};
use crate::message::{Piece, read_all};
use crate::transcript::{Act, Transcript, tools_of};

/// Where a list of messages is looked for, in this order, unless a pointer is given.
pub const MESSAGES_DEFAULT: &[&str] = &["/messages", "/run/messages", "/traj", "/run/traj", "/history"];

/// A list at one of these first places is taken whatever its items are; at the later ones only if they are messages.
const SURE_PLACES: usize = 3;

/// Members that name an entry, in the order in which they are tried: in the entry, then beside the list.
const IDS: &[&str] =
    &["id", "path", "task_id", "instance_id", "trace_id", "run_id", "session_id", "conversation_id", "uuid"];

/// Members that name the program that ran.
const BUILDS: &[&str] = &["pipeline_name", "agent_name", "agent"];
const MODELS: &[&str] = &["model", "model_name"];

/// Reads an entry.
///
/// # Errors
/// It is neither an object nor a list of messages, or the list or one of its messages is not what it should be.
pub(crate) fn read<'a>(
    entry: Json<'a>,
    messages: Option<&str>,
    notes: &mut Notes,
) -> Result<Transcript<'a>, ValueFault> {
    match entry.kind() {
        Kind::Array => {
            let list = entry.array().unwrap_or_default();
            let is_list = list.is_empty() || starts_messages(list.first().copied());
            if is_list { with_messages(entry, "", list, notes) } else { Err(no_entry(entry)) }
        }
        Kind::Object => {
            let found = messages.map_or_else(|| find(entry), |pointer| given(entry, pointer));
            match found? {
                Some((pointer, list)) => with_messages(entry, pointer, list, notes),
                None => Ok(without_messages(entry, notes)),
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => Err(no_entry(entry)),
    }
}

fn no_entry(entry: Json<'_>) -> ValueFault {
    (String::new(), ImportFault::Kind { expected: Expected::Entry, found: entry.kind() })
}

type FoundList<'a, 'p> = Result<Option<(&'p str, Vec<Json<'a>>)>, ValueFault>;

/// The list at the pointer that the user gave.
fn given<'a, 'p>(entry: Json<'a>, pointer: &'p str) -> FoundList<'a, 'p> {
    match entry.at(pointer) {
        None => Ok(None),
        Some(value) => list_at(value, pointer),
    }
}

fn list_at<'a, 'p>(value: Json<'a>, pointer: &'p str) -> FoundList<'a, 'p> {
    let expected = Expected::Messages;
    match value.array() {
        Some(list) => Ok(Some((pointer, list))),
        None if value.is_null() => Ok(None),
        None => Err((pointer.to_owned(), ImportFault::Kind { expected, found: value.kind() })),
    }
}

/// The list at the first of the places where one usually stands.
fn find<'a>(entry: Json<'a>) -> FoundList<'a, 'static> {
    for (i, pointer) in MESSAGES_DEFAULT.iter().enumerate() {
        let Some(value) = entry.at(pointer) else { continue };
        let sure = i < SURE_PLACES;
        if !sure && !value.array().is_some_and(|list| starts_messages(list.first().copied())) {
            continue;
        }
        if let Some(found) = list_at(value, pointer)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn without_messages<'a>(entry: Json<'a>, notes: &mut Notes) -> Transcript<'a> {
    notes.add(&Path::at(""), NoteKind::NoMessages);
    let mut transcript =
        Transcript { rest: Some(Cow::Borrowed(entry.text().as_bytes())), ..Transcript::default() };
    facts(&mut transcript, entry, &[], notes);
    transcript
}

fn with_messages<'a>(
    entry: Json<'a>,
    pointer: &str,
    list: Vec<Json<'a>>,
    notes: &mut Notes,
) -> Result<Transcript<'a>, ValueFault> {
    let mut transcript = Transcript::default();
    let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
    facts(&mut transcript, entry, &tokens, notes);
    transcript.rest = rest(entry, pointer, &list);
    let messages = read_all(&list, &Path::at(pointer), notes)?;
    transcript.acts = messages.into_iter().map(Act::Message).collect();
    Ok(transcript)
}

/// What the entry says beside its messages, in the entry itself and in each object on the way to the list.
fn facts<'a>(transcript: &mut Transcript<'a>, entry: Json<'a>, way: &[&str], notes: &mut Notes) {
    let mut pointer = String::new();
    let mut here = Some(entry);
    for depth in 0..=way.len() {
        let Some(object) = here.and_then(Json::object) else { return };
        let next = way.get(depth).copied();
        if depth < way.len().max(1) {
            level(transcript, &object, next, &pointer, notes);
        }
        let Some(next) = next else { return };
        pointer = format!("{pointer}/{next}");
        here = object.get(&next.replace("~1", "/").replace("~0", "~"));
    }
}

/// Takes what one object says; what it says beyond that is noted, and kept with the rest of the entry.
fn level<'a>(
    transcript: &mut Transcript<'a>,
    object: &Object<'a>,
    next: Option<&str>,
    pointer: &str,
    notes: &mut Notes,
) {
    let path = Path::at(pointer);
    object.repeated().for_each(|member| notes.add(&path.member(&member.name()), NoteKind::RepeatedMember));
    let text = |names: &[&str]| object.first(names).and_then(Json::string).filter(|text| !text.is_empty());
    let id_name = IDS.iter().copied().find(|name| object.get(name).and_then(id_of).is_some());
    if transcript.id.is_none() {
        transcript.id = id_name.and_then(|name| object.get(name)).and_then(id_of);
    }
    transcript.build = transcript.build.take().or_else(|| text(BUILDS));
    transcript.model = transcript.model.take().or_else(|| text(MODELS));
    let error = object.get("error").filter(|error| !matches!(error.text(), "null" | "false" | "\"\""));
    transcript.failure = transcript.failure.take().or_else(|| error.map(Piece::of));
    if let Some(list) = object.get("tools").filter(|_| transcript.tools.is_empty()) {
        transcript.tools = tools_of(list);
    }
    for member in object.members().iter().filter(|member| !member.value.is_null()) {
        let name = member.name();
        let known = next == Some(name.as_ref())
            || id_name == Some(name.as_ref())
            || BUILDS.contains(&name.as_ref())
            || MODELS.contains(&name.as_ref())
            || matches!(name.as_ref(), "error" | "tools");
        if !known {
            notes.add(&path.member(&name), NoteKind::UnknownMember);
        }
    }
}

/// An entry's own id: a text, or a whole number.
fn id_of(value: Json<'_>) -> Option<Cow<'_, [u8]>> {
    match value.kind() {
        Kind::String => value.string().filter(|id| !id.is_empty()),
        Kind::Number => Some(Cow::Borrowed(value.text().as_bytes())),
        Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
    }
}

/// The entry's text with an empty list where the messages stood; none where the entry is nothing but the list.
fn rest<'a>(entry: Json<'a>, pointer: &str, list: &[Json<'a>]) -> Option<Cow<'a, [u8]>> {
    if pointer.is_empty() {
        return None;
    }
    let text = entry.text();
    let value = entry.at(pointer)?;
    // Both are parts of one text, so that the place of the list is the distance of their starts.
    let start = (value.text().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let (before, after) = (text.get(..start)?, text.get(start.checked_add(value.text().len())?..)?);
    if list.is_empty() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    Some(Cow::Owned([before.as_bytes(), b"[]", after.as_bytes()].concat()))
}
