//! Where the frameworks put what a model was sent: the GenAI conventions of each year, OpenInference, OpenLLMetry, Vercel,
//! Google ADK, Langfuse, and last whatever JSON stands as a span's input.

use std::borrow::Cow;

use super::attributes::{Attributes, Texts, json_in, quoted};
use super::span::{Event, Span};
use crate::fault::{Notes, Path};
use crate::json::{Json, Kind, Object};
use crate::message::{Message, Original, Speaker};

/// Lists of messages as JSON, in a string or as it is.
const INPUT_LISTS: &[&str] = &["gen_ai.input.messages", "ai.prompt.messages", "gen_ai.prompt"];
/// Messages spelled out by attributes with indices.
const INPUT_TREES: &[&str] = &["gen_ai.prompt.", "llm.input_messages."];
/// A whole request.
const REQUESTS: &[&str] = &["gcp.vertex.agent.llm_request", "ai.prompt"];
/// Whatever the span was given.
const INPUTS: &[&str] = &["input.value", "traceloop.entity.input", "langfuse: input"];
/// Instructions that stand apart from the messages.
const INSTRUCTIONS: &[&str] = &["gen_ai.system_instructions"];

/// Reads lists of messages of one span.
pub(super) struct Messages<'a, 's, 'n> {
    pub(super) span: &'s mut Span<'a>,
    pub(super) texts: &'a Texts,
    pub(super) notes: &'n mut Notes,
}

/// How well a span shows what a model was sent or answered: 2 as messages, 1 as something, 0 not at all.
pub(super) fn input_quality(span: &Span<'_>) -> u8 {
    let attributes = &span.attributes;
    let events = span.events.iter().any(|event| speaker_of_event(&event.name).is_some());
    let is_messages = INPUT_LISTS.iter().any(|key| attributes.has(key))
        || INPUT_TREES.iter().any(|prefix| attributes.has_prefix(prefix))
        || has_request(attributes)
        || attributes.has("events")
        || events;
    let is_something = INPUTS.iter().chain(REQUESTS).any(|key| attributes.has(key));
    u8::from(is_messages) + u8::from(is_messages || is_something)
}

fn has_request(attributes: &Attributes<'_>) -> bool {
    attributes.get("gcp.vertex.agent.llm_request").is_some_and(|request| request.text() != "\"{}\"")
}

impl<'a> Messages<'a, '_, '_> {
    /// What the model was sent; none where the span does not say.
    pub(super) fn input(&mut self) -> Option<Vec<Message<'a>>> {
        let mut messages = self.instructions();
        let found = self
            .listed(INPUT_LISTS, Speaker::User)
            .or_else(|| self.spelled(INPUT_TREES, Speaker::User))
            .or_else(|| self.event_list(false))
            .or_else(|| self.events(false))
            .or_else(|| self.loose(REQUESTS, Speaker::User))
            .or_else(|| self.loose(INPUTS, Speaker::User));
        if found.is_none() && messages.is_empty() {
            return None;
        }
        messages.extend(found.unwrap_or_default());
        Some(messages)
    }

    /// Instructions of the operator: text, or parts of a message.
    fn instructions(&mut self) -> Vec<Message<'a>> {
        let Some(key) = INSTRUCTIONS.iter().find(|key| self.span.attributes.has(key)) else {
            return Vec::new();
        };
        let Some(value) = self.span.attributes.get(key) else { return Vec::new() };
        let content = json_in(value, self.texts).unwrap_or(value);
        let text = format!("{{\"role\":\"system\",\"content\":{}}}", content.text());
        self.span.attributes.take(key);
        self.read_made(text, Speaker::System).into_iter().collect()
    }

    /// The messages of a list under the first of these keys that has one.
    pub(super) fn listed(&mut self, keys: &[&str], speaker: Speaker) -> Option<Vec<Message<'a>>> {
        keys.iter().find_map(|key| {
            let list = json_in(self.span.attributes.get(key)?, self.texts)?;
            let messages = self.list(list, Original::Goes, key, speaker)?;
            self.span.attributes.take(key);
            Some(messages)
        })
    }

    /// The messages that attributes with indices spell out below the first of these prefixes that has some.
    pub(super) fn spelled(&mut self, prefixes: &[&str], speaker: Speaker) -> Option<Vec<Message<'a>>> {
        prefixes.iter().find_map(|prefix| {
            let tree = self.span.attributes.tree(prefix, self.texts)?;
            let messages = self.list(tree, Original::Goes, prefix, speaker)?;
            self.span.attributes.take_prefix(prefix);
            Some(messages)
        })
    }

    /// The messages in a list of events that is kept as an attribute: those of the prompt, or the choices.
    pub(super) fn event_list(&mut self, choices: bool) -> Option<Vec<Message<'a>>> {
        let list = json_in(self.span.attributes.get("events")?, self.texts)?.array()?;
        let wanted: Vec<Json<'a>> = list
            .into_iter()
            .filter(|event| {
                let name = event.at("/event.name").and_then(Json::str).unwrap_or_default();
                (name == CHOICE) == choices
            })
            .collect();
        let mut messages = Vec::new();
        for event in wanted {
            let message = event.at("/message").filter(|_| choices).unwrap_or(event);
            messages.push(self.message(
                message,
                Original::Stays,
                "events",
                if choices { Speaker::Assistant } else { Speaker::User },
            )?);
        }
        // The list stays in the span: its events say more than their messages.
        (!messages.is_empty()).then_some(messages)
    }

    /// The messages that a span's events bring: those of the prompt, or the choices.
    pub(super) fn events(&mut self, choices: bool) -> Option<Vec<Message<'a>>> {
        let mut messages = Vec::new();
        for index in 0..self.span.events.len() {
            let Some(event) = self.span.events.get(index) else { continue };
            let speaker = speaker_of_event(&event.name).filter(|_| (event.name == CHOICE) == choices);
            let Some(speaker) = speaker else { continue };
            let (text, is_whole) = event_message(event);
            let Some(message) = self.read_made(text, speaker) else { continue };
            messages.push(message);
            if let Some(event) = self.span.events.get_mut(index) {
                event.is_taken = is_whole;
            }
        }
        (!messages.is_empty()).then_some(messages)
    }

    /// What can be made of the first of these that is there: messages, a request, a reply, or bare text.
    pub(super) fn loose(&mut self, keys: &[&str], speaker: Speaker) -> Option<Vec<Message<'a>>> {
        keys.iter().find_map(|key| {
            let is_empty = |value: Json<'_>| matches!(value.text(), "null" | "\"\"" | "\"{}\"" | "{}");
            let value = self.span.attributes.get(key).filter(|value| !is_empty(*value))?;
            if let Some(messages) =
                json_in(value, self.texts).and_then(|json| self.anything(json, key, speaker))
            {
                // The request or reply says more than its messages, and stays in the span.
                return Some(messages);
            }
            self.span.attributes.take(key);
            let path = Path::at(&self.span.pointer);
            let messages = vec![Message::saying(speaker, value, &path.member(key))];
            Some(messages)
        })
    }

    /// The messages of a JSON that is some request or reply.
    fn anything(&mut self, json: Json<'a>, key: &str, speaker: Speaker) -> Option<Vec<Message<'a>>> {
        let Some(object) = json.object() else {
            let calls = json.at("/0").is_some_and(|first| first.at("/toolName").is_some());
            let made = || format!("{{\"role\":\"assistant\",\"tool_calls\":{}}}", json.text());
            return if calls {
                Some(vec![self.read_made(made(), speaker)?])
            } else {
                self.list(json, Original::Stays, key, speaker)
            };
        };
        if let Some(list) =
            object.first(&["messages", "contents", "output"]).filter(|list| list.kind() == Kind::Array)
        {
            let mut messages = self.request_instructions(&object);
            messages.extend(self.list(list, Original::Stays, key, speaker)?);
            return Some(messages);
        }
        if let Some(choices) = object.first(&["choices", "candidates"]).and_then(Json::array) {
            let message = |choice: &Json<'a>| {
                choice.at("/message").or_else(|| choice.at("/content")).unwrap_or(*choice)
            };
            return choices
                .iter()
                .map(|choice| self.message(message(choice), Original::Stays, key, speaker))
                .collect();
        }
        if let Some(prompt) =
            object.first(&["prompt", "contents"]).filter(|prompt| prompt.kind() == Kind::String)
        {
            let mut messages = self.request_instructions(&object);
            messages.push(Message::saying(speaker, prompt, &Path::at(&self.span.pointer).member(key)));
            return Some(messages);
        }
        let content = object.get("content").filter(|content| content.at("/parts").is_some());
        let message =
            content.or_else(|| object.get("message").filter(|message| message.kind() == Kind::Object));
        let is_message = object.has("role") || object.has("tool_calls");
        match message.or_else(|| is_message.then_some(json)) {
            Some(message) => Some(vec![self.message(message, Original::Stays, key, speaker)?]),
            None => None,
        }
    }

    /// The instructions beside the messages of a request.
    fn request_instructions(&mut self, object: &Object<'a>) -> Vec<Message<'a>> {
        let config = object.get("config").and_then(Json::object);
        let text = object.get("system").or_else(|| config?.get("system_instruction"));
        let text = text.filter(|text| text.kind() == Kind::String);
        let path = Path::at(&self.span.pointer);
        text.map(|text| Message::saying(Speaker::System, text, &path)).into_iter().collect()
    }

    /// The messages of a list; none where an item is no message.
    fn list(
        &mut self,
        list: Json<'a>,
        original: Original,
        key: &str,
        speaker: Speaker,
    ) -> Option<Vec<Message<'a>>> {
        list.array()?.into_iter().map(|item| self.message(item, original, key, speaker)).collect()
    }

    fn message(
        &mut self,
        raw: Json<'a>,
        original: Original,
        key: &str,
        speaker: Speaker,
    ) -> Option<Message<'a>> {
        let span = Path::at(&self.span.pointer);
        let path = span.member(key);
        if raw.kind() == Kind::String {
            return Some(Message::saying(speaker, raw, &path));
        }
        Message::read(raw, speaker, original, &path, self.notes).ok()
    }

    /// Reads a message that was put together from attributes.
    pub(super) fn read_made(&mut self, text: String, speaker: Speaker) -> Option<Message<'a>> {
        let raw = Json::parse(self.texts.alloc(text)).ok()?;
        let path = Path::at(&self.span.pointer);
        if raw.kind() == Kind::String {
            return Some(Message::saying(speaker, raw, &path));
        }
        Message::read(raw, speaker, Original::Goes, &path, self.notes).ok()
    }
}

/// The event in which an answer stands.
pub(super) const CHOICE: &str = "gen_ai.choice";

/// Who speaks in an event of this name.
fn speaker_of_event(name: &str) -> Option<Speaker> {
    match name {
        "gen_ai.system.message" => Some(Speaker::System),
        "gen_ai.user.message" => Some(Speaker::User),
        "gen_ai.assistant.message" | CHOICE => Some(Speaker::Assistant),
        "gen_ai.tool.message" => Some(Speaker::Tool),
        _ => None,
    }
}

/// The message of an event: its body, or its attributes, without the names that say where it came from; and whether it is all
/// that the attributes say.
fn event_message(event: &Event<'_>) -> (String, bool) {
    let body = event.body.and_then(Json::object);
    let members: Vec<(String, Json<'_>)> = match &body {
        Some(body) => {
            body.members().iter().map(|member| (member.name().into_owned(), member.value)).collect()
        }
        None => event
            .attributes
            .pairs()
            .filter(|(key, _)| !key.contains('.'))
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
    };
    let inner = members.iter().find(|(name, _)| name == "message").map(|(_, message)| *message);
    let is_whole = body.is_none() && members.len() == event.attributes.pairs().count();
    if let Some(inner) = inner {
        let is_object = |text: &Cow<'_, str>| Json::parse(text).is_ok_and(|json| json.kind() == Kind::Object);
        let text = inner.str().filter(is_object);
        let text = text.map_or_else(|| inner.text().to_owned(), Cow::into_owned);
        return (text, is_whole && members.len() == 1);
    }
    let member = |(name, value): &(String, Json<'_>)| {
        let is_list = |text: &Cow<'_, str>| Json::parse(text).is_ok_and(|json| json.kind() == Kind::Array);
        let parsed = (name == "tool_calls").then(|| value.str()).flatten().filter(is_list);
        let value = parsed.map_or_else(|| value.text().to_owned(), |text| text.into_owned());
        format!("{}:{value}", quoted(name))
    };
    (format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(",")), is_whole)
}
