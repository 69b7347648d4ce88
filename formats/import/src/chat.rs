//! Chat transcripts: a list of messages inside an entry, or an entry that is the list.

use std::borrow::Cow;

use crate::entries::starts_messages;
use crate::fault::{Expected, ImportFault, NoteKind, Notes, Path, ValueFault};
use crate::json::{Json, Kind, Object, item_number};
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
    let is_messages = |list: &Vec<Json<'_>>| list.is_empty() || starts_messages(list.first().copied());
    if messages.is_none()
        && let Some(list) = entry.array().filter(is_messages)
    {
        return Ok(Transcript { acts: acts(&list, "", notes)?, ..Transcript::default() });
    }
    let object = entry.object();
    // A pointer leads into lists, and an empty one to the entry, whatever it is.
    let is_fit = object.is_some() || messages.is_some_and(|at| at.is_empty() || entry.kind() == Kind::Array);
    if !is_fit {
        return Err((String::new(), ImportFault::Kind { expected: Expected::Entry, found: entry.kind() }));
    }
    let found = match messages {
        Some(pointer) => List::at(entry, object.as_ref(), pointer)?,
        None => List::find(entry, object.as_ref())?,
    };
    let mut transcript = Transcript::default();
    let Some(list) = found else {
        notes.add(&Path::at(""), NoteKind::NoMessages);
        transcript.rest = vec![Cow::Borrowed(entry.text().as_bytes())];
        if let Some(object) = &object {
            level(&mut transcript, object, None, "", notes);
        }
        return Ok(transcript);
    };
    list.facts(&mut transcript, object.as_ref(), notes);
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
    /// What is on the way, the entry first and the list itself left out.
    way: Vec<Step<'a>>,
    value: Json<'a>,
    items: Vec<Json<'a>>,
}

/// What a pointer passes through.
enum Step<'a> {
    /// The entry, which is known already.
    Entry,
    Object(Object<'a>),
    /// A list with so many items.
    Items(usize),
}

impl<'a, 'p> List<'a, 'p> {
    /// The list at a pointer; none where nothing or `null` stands there.
    ///
    /// # Errors
    /// Something else stands there.
    fn at(
        entry: Json<'a>,
        object: Option<&Object<'a>>,
        pointer: &'p str,
    ) -> Result<Option<Self>, ValueFault> {
        let (names, mut way, mut value) = (tokens(pointer), Vec::new(), entry);
        for name in &names {
            let known = object.filter(|_| way.is_empty());
            let Some((step, next)) = step(value, known, name) else { return Ok(None) };
            way.push(step);
            value = next;
        }
        if value.is_null() {
            return Ok(None);
        }
        let fault =
            || (pointer.to_owned(), ImportFault::Kind { expected: Expected::Messages, found: value.kind() });
        let items = value.array().ok_or_else(fault)?;
        Ok(Some(Self { pointer, names, way, value, items }))
    }

    /// The list at the first of the places where one usually stands.
    fn find(entry: Json<'a>, object: Option<&Object<'a>>) -> Result<Option<List<'a, 'static>>, ValueFault> {
        for (i, pointer) in MESSAGES_DEFAULT.iter().enumerate() {
            let found = List::at(entry, object, pointer);
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

    /// What the entry, and each object on the way to the list, says beside it. Other items of lists on the way are not understood.
    fn facts(&self, transcript: &mut Transcript<'a>, entry: Option<&Object<'a>>, notes: &mut Notes) {
        let mut pointer = String::new();
        for (step, name) in self.way.iter().zip(&self.names) {
            let object = match step {
                Step::Entry => entry,
                Step::Object(object) => Some(object),
                Step::Items(count) => {
                    let others = (0..*count).filter(|item| Some(*item) != item_number(name));
                    others
                        .for_each(|item| notes.add(&Path::at(&pointer).item(item), NoteKind::UnknownMember));
                    None
                }
            };
            if let Some(object) = object {
                level(transcript, object, Some(name), &pointer, notes);
            }
            pointer = Path::at(&pointer).member(name).pointer();
        }
    }

    /// The entry's text with an empty list where the messages stood; none where they are all of it.
    fn rest(&self, entry: Json<'a>) -> Option<Cow<'a, [u8]>> {
        if self.way.is_empty() {
            return None;
        }
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

/// One step of a pointer: what it passes through, and where it leads. `known` are the members of `value` where they were read before.
fn step<'a>(value: Json<'a>, known: Option<&Object<'a>>, name: &str) -> Option<(Step<'a>, Json<'a>)> {
    if let Some(object) = known {
        return Some((Step::Entry, object.get(name)?));
    }
    match value.kind() {
        Kind::Object => {
            let object = value.object()?;
            let next = object.get(name)?;
            Some((Step::Object(object), next))
        }
        Kind::Array => {
            let items = value.array()?;
            let next = items.get(item_number(name)?).copied()?;
            Some((Step::Items(items.len()), next))
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => None,
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
