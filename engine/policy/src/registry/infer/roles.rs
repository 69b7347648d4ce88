//! What the arguments of a tool are to its effect, by their names, formats and descriptions.

use std::collections::BTreeMap;

use rederive_evidence::values::EffectsClass;
use serde_json::Value;

use super::words::{is_any, of_text, of_whole_name, on};
use super::{About, changes};
use crate::request::ArgumentRole;

/// Deepest argument that is looked at.
const DEPTH_MAX: usize = 6;

/// Most arguments that are looked at.
const ARGUMENTS_MAX: usize = 512;

/// An argument, or what is in one.
#[derive(Clone, Debug, Default)]
pub(super) struct Argument {
    pub(super) pointer: String,
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) boolean: bool,
    number: bool,
    format: Option<String>,
    description: Vec<String>,
    /// Values that it is confined to: it says nothing of where or what.
    closed: bool,
}

/// The arguments that a JSON Schema names, each before what is in it.
pub(super) fn arguments(schema: &Value) -> Vec<Argument> {
    let mut found = Vec::new();
    let mut open = vec![(schema, String::new(), 0)];
    while let Some((at, pointer, depth)) = open.pop() {
        let at = resolved(at, schema);
        if depth > DEPTH_MAX || found.len() >= ARGUMENTS_MAX {
            continue;
        }
        for (name, property) in members(at) {
            let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            let property = resolved(property, schema);
            found.push(argument(&pointer, name, property, schema));
            open.push((property, pointer, depth + 1));
        }
        for item in forms(at, schema).filter_map(|form| form.get("items")) {
            open.push((item, format!("{pointer}/*"), depth + 1));
        }
        for form in ["anyOf", "oneOf", "allOf"].iter().filter_map(|key| at.get(key)?.as_array()).flatten() {
            open.push((form, pointer.clone(), depth + 1));
        }
    }
    found.sort_by(|left, right| left.pointer.cmp(&right.pointer));
    found.dedup_by(|left, right| left.pointer == right.pointer);
    found
}

fn members(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// What a reference inside of the schema leads to, once.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let reference = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix('#'));
    reference.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

/// A schema and its alternatives.
fn forms<'a>(schema: &'a Value, root: &'a Value) -> impl Iterator<Item = &'a Value> {
    let alternatives = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    std::iter::once(schema).chain(alternatives.map(|form| resolved(form, root)))
}

fn argument(pointer: &str, name: &str, schema: &Value, root: &Value) -> Argument {
    let is = |of: &str| {
        forms(schema, root).any(|form| match form.get("type") {
            Some(Value::String(only)) => only == of,
            Some(Value::Array(several)) => several.iter().any(|one| one == of),
            _ => false,
        })
    };
    let of_items = |form: &'_ Value| form.get("items").and_then(|items| items.get("format")).cloned();
    let format = forms(schema, root).find_map(|form| form.get("format").cloned().or_else(|| of_items(form)));
    let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    Argument {
        pointer: pointer.to_owned(),
        name: name.to_owned(),
        words: of_whole_name(name),
        boolean: is("boolean"),
        number: is("number") || is("integer"),
        format: format.as_ref().and_then(Value::as_str).map(str::to_owned),
        description: of_text(description),
        closed: forms(schema, root).any(|form| form.get("enum").is_some() || form.get("const").is_some()),
    }
}

/// Where something goes, whatever is done.
const ANYWHERE: &str =
    "url uri link endpoint webhook href host hostname domain website webpage server callback";

/// Who or what gets what a change makes.
const GETS: &str = "recipient to cc bcc email participant attendee invitee guest receiver beneficiary payee iban channel room phone wallet topic queue \
    repo repository branch remote assignee collaborator audience destination dest target group team mailbox inbox member contact \
    bucket merchant vendor bic swift bank";

/// Who is sent a copy of what a tool reads, and words that say so before `to` or `with`.
const COPIED: &str = "recipient cc bcc notify";
const SENT: &str = "forward send copy share deliver reply notify mail email post report submit";

/// Where it goes, of an effect that goes to people or accounts.
const ADDRESSES: &str = "address account user username street number owner customer person name";

/// Where a file is written.
const PATHS: &str = "path file filename filepath folder directory dir output location";

/// What it is from, and not where it goes.
const FROM: &str = "from sender source src origin author old current own my";

/// How much.
const AMOUNTS: &str =
    "amount price total sum cost fee tip budget quantity qty payment money units shares value";

/// What is conveyed.
const CONTENTS: &str = "body content text message subject title description note comment summary caption html markdown data payload attachment prompt \
    reason memo detail reply post value input code command script query answer caption password secret token headline greeting status \
    review";

/// Words that a name ends with where it is a key of something that is there already.
const KEYS: &str = "id ids uuid key index slug";

/// The roles of a tool's arguments and why; what has none is left out.
pub(super) fn of(about: &About<'_>, class: EffectsClass) -> BTreeMap<String, (ArgumentRole, String)> {
    let mut roles: BTreeMap<String, (ArgumentRole, String)> = BTreeMap::new();
    for argument in &about.arguments {
        // What is in an argument that has a role has that role.
        let above = |listed: &String| {
            argument.pointer.strip_prefix(listed.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if roles.keys().any(above) {
            continue;
        }
        if let Some((role, reason)) = role(argument, class, about) {
            roles.insert(argument.pointer.clone(), (role, reason));
        }
    }
    roles
}

fn role(argument: &Argument, class: EffectsClass, about: &About<'_>) -> Option<(ArgumentRole, String)> {
    let found = |role, why: &str| Some((role, why.to_owned()));
    if argument.boolean || argument.closed || argument.is_preview() {
        return None;
    }
    if let Some(word) = destination(argument, class, about) {
        return Some((ArgumentRole::Destination, word));
    }
    if !changes(class) {
        // What is asked of somebody else's server is told to it.
        let told = argument.is_named("query q prompt question text body data payload");
        return told.then(|| (ArgumentRole::Content, "what is asked is told".to_owned()));
    }
    if argument.is_amount() || (class == EffectsClass::Purchase && argument.ends_with(AMOUNTS)) {
        return found(ArgumentRole::Amount, "its name says how much");
    }
    if argument.number && class == EffectsClass::Purchase && !is_key(argument) {
        return found(ArgumentRole::Amount, "a number in what is paid");
    }
    if argument.is_named(CONTENTS) && !is_key(argument) {
        return found(ArgumentRole::Content, "its name says what is conveyed");
    }
    if argument.is_exactly("name") && matches!(class, EffectsClass::Write | EffectsClass::Send) {
        return found(ArgumentRole::Content, "what it is called");
    }
    None
}

fn is_key(argument: &Argument) -> bool {
    argument.words.last().is_some_and(|word| on(KEYS, word))
}

impl Argument {
    /// Whether it is the key of something that is there already.
    pub(super) fn is_key(&self) -> bool {
        is_key(self)
    }

    /// Whether it is a number that says how much.
    pub(super) fn is_amount(&self) -> bool {
        self.ends_with("amount") || (self.number && self.is_named(AMOUNTS) && !is_key(self))
    }

    /// Whether its last word is on the list: "payment" is how much, "payment_id" and "payment_methods" are not.
    fn ends_with(&self, list: &str) -> bool {
        self.words.last().is_some_and(|word| is_any(word, list))
    }
}

/// Whether its name says who is sent a copy of what is read: `bcc`, `forward_to`, or `with` beside `share`.
fn is_copied(argument: &Argument, about: &About<'_>) -> bool {
    let is_sent = |before: &[String]| before.iter().any(|word| is_any(word, SENT));
    let goes = argument.words.iter().position(|word| word == "to" || word == "with");
    argument.is_named(COPIED)
        || goes.and_then(|goes| argument.words.get(..goes)).is_some_and(is_sent)
        || (argument.is_exactly("with") && about.arguments.iter().any(|other| other.is_named("share")))
}

/// Why an argument says where something goes, where it does.
fn destination(argument: &Argument, class: EffectsClass, about: &About<'_>) -> Option<String> {
    if argument.is_named(FROM) {
        return None;
    }
    if argument.is_named(ANYWHERE)
        || matches!(argument.format.as_deref(), Some("uri" | "url" | "hostname" | "ipv4" | "ipv6"))
    {
        return Some("an address that is reached, whatever is done".to_owned());
    }
    if !changes(class) {
        return is_copied(argument, about).then(|| "its name says who is sent what is read".to_owned());
    }
    let goes = matches!(class, EffectsClass::Send | EffectsClass::Purchase | EffectsClass::Approve);
    let made = class == EffectsClass::Write;
    if (goes || made) && matches!(argument.format.as_deref(), Some("email" | "idn-email")) {
        return Some("a mail address".to_owned());
    }
    if is_key(argument) {
        // The key of what is there already, unless it is of whom or what gets it.
        let of = argument.words.iter().rev().nth(1);
        let gets = of.is_some_and(|word| is_any(word, GETS) || is_any(word, "user account chat thread"));
        let itself = of.is_some_and(|word| word == "email" || word == "mail");
        return (goes && gets && !itself).then(|| "the key of who or what gets it".to_owned());
    }
    if (goes || made) && argument.is_named(GETS) {
        return Some("its name says who or what gets it".to_owned());
    }
    let joins = about
        .name
        .iter()
        .any(|word| ["add", "invite", "join", "assign", "grant", "share", "allow"].contains(&word.as_str()));
    if goes
        && argument.is_named(ADDRESSES)
        && !(argument.is_exactly("name") || argument.is_named("first last"))
    {
        return Some("its name says who or what gets it".to_owned());
    }
    if (goes || made) && joins && argument.is_named("user username login account person") {
        return Some("who is let in".to_owned());
    }
    if made
        && argument.is_named("iban account street address city")
        && about.name.iter().any(|word| is_any(word, "payment billing shipping"))
    {
        return Some("where it is sent or charged".to_owned());
    }
    let writes = made || class == EffectsClass::Execute || class == EffectsClass::Deploy;
    if writes && argument.is_named(PATHS) && !argument.is_named(CONTENTS) {
        return Some("where it is written".to_owned());
    }
    let told = argument.description.windows(2).any(|pair| {
        matches!(pair, [of, who] if of == "the" && is_any(who, "recipient beneficiary payee receiver"))
    });
    let gives = argument
        .description
        .first()
        .is_some_and(|word| ["iban", "email", "address", "account", "phone"].contains(&word.as_str()));
    (goes && (gives && told)).then(|| "its description says who gets it".to_owned())
}
