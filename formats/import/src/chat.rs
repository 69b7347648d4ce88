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
    if let Some(list) = entry.array().filter(|list| list.is_empty() || starts_messages(list.first().copied()))
    {
        return Ok(Transcript { acts: acts(&list, "", notes)?, ..Transcript::default() });
    }
    let Some(object) = entry.object() else {
        return Err((String::new(), ImportFault::Kind { expected: Expected::Entry, found: entry.kind() }));
    };
    let found = match messages {
        Some(pointer) => List::at(&object, pointer)?,
        None => List::find(&object)?,
    };
    let mut transcript = Transcript::default();
    let Some(list) = found else {
        notes.add(&Path::at(""), NoteKind::NoMessages);
        transcript.rest = vec![Cow::Borrowed(entry.text().as_bytes())];
        level(&mut transcript, &object, None, "", notes);
        return Ok(transcript);
    };
    list.facts(&mut transcript, &object, notes);
    transcript.rest = list.rest(entry).into_iter().collect();
    transcript.acts = acts(&list.items, list.pointer, notes)?;
    Ok(transcript)
}

fn acts<'a>(list: &[Json<'a>], pointer: &str, notes: &mut Notes) -> Result<Vec<Act<'a>>, ValueFault> {
    Ok(read_all(list, &Path::at(pointer), notes)?.into_iter().map(Act::Message).collect())
}

/// A list of messages in an entry, and the way to it.
struct List<'a, 'p> {
    pointer: &'p str,
    /// The names on the way, the list's own last.
    names: Vec<Cow<'p, str>>,
    /// The objects on the way below the entry.
    objects: Vec<Object<'a>>,
    value: Json<'a>,
    items: Vec<Json<'a>>,
}

impl<'a, 'p> List<'a, 'p> {
    /// The list at a pointer; none where nothing or `null` stands there.
    ///
    /// # Errors
    /// Something else stands there.
    fn at(entry: &Object<'a>, pointer: &'p str) -> Result<Option<Self>, ValueFault> {
        let (names, mut objects) = (tokens(pointer), Vec::new());
        let mut value = None;
        for (i, name) in names.iter().enumerate() {
            let here = objects.last().unwrap_or(entry);
            let Some(next) = here.get(name) else { return Ok(None) };
            if i + 1 < names.len() {
                let Some(object) = next.object() else { return Ok(None) };
                objects.push(object);
            }
            value = Some(next);
        }
        let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
        let fault =
            || (pointer.to_owned(), ImportFault::Kind { expected: Expected::Messages, found: value.kind() });
        let items = value.array().ok_or_else(fault)?;
        Ok(Some(Self { pointer, names, objects, value, items }))
    }

    /// The list at the first of the places where one usually stands.
    fn find(entry: &Object<'a>) -> Result<Option<List<'a, 'static>>, ValueFault> {
        for (i, pointer) in MESSAGES_DEFAULT.iter().enumerate() {
            let found = List::at(entry, pointer);
            if i < SURE_PLACES {
                if let Some(list) = found? {
                    return Ok(Some(list));
                }
            } else if let Ok(Some(list)) = found
                && starts_messages(list.items.first().copied())
            {
                return Ok(Some(list));
            }
        }
        Ok(None)
    }

    /// What the entry, and each object on the way to the list, says beside it.
    fn facts(&self, transcript: &mut Transcript<'a>, entry: &Object<'a>, notes: &mut Notes) {
        let mut pointer = String::new();
        for (object, name) in std::iter::once(entry).chain(&self.objects).zip(&self.names) {
            level(transcript, object, Some(name), &pointer, notes);
            pointer = Path::at(&pointer).member(name).pointer();
        }
    }

    /// The entry's text with an empty list where the messages stood.
    fn rest(&self, entry: Json<'a>) -> Option<Cow<'a, [u8]>> {
        let (text, list) = (entry.text(), self.value.text());
        if self.items.is_empty() {
            return Some(Cow::Borrowed(text.as_bytes()));
        }
        // Both are parts of one text, so that the place of the list is the distance of their starts.
        let start = (list.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
        let (before, after) = (text.get(..start)?, text.get(start.checked_add(list.len())?..)?);
        Some(Cow::Owned([before.as_bytes(), b"[]", after.as_bytes()].concat()))
    }
}

/// The reference tokens of a JSON pointer (RFC 6901).
fn tokens(pointer: &str) -> Vec<Cow<'_, str>> {
    let token = |token| -> Cow<'_, str> {
        let token: &str = token;
        if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
    };
    pointer.split('/').skip(1).map(token).collect()
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
        let is_known = |known: &&[&str]| known.contains(&name.as_ref());
        if next != Some(name.as_ref())
            && id_name != Some(name.as_ref())
            && ![BUILDS, MODELS, &["error", "tools"]].iter().any(is_known)
        {
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
