//! One message of a transcript, whatever the framework that wrote it: who speaks, what is said, called and returned.
//!
//! Read are the shapes that occur in recordings: OpenAI chat and responses, Anthropic, Gemini, LangChain, Vercel, AgentDojo
//! and the parts of the OpenTelemetry GenAI conventions. What a message says is taken apart into [`Section`]s in the order
//! in which it stands; what is not understood stays in [`Message::rest`] or inside the raw text.

mod reader;
mod tool;

use std::borrow::Cow;

use rederive_evidence::record::MediaType;

use crate::fault::{Expected, ImportFault, Notes, Path, ValueFault};
use crate::json::Json;
pub(crate) use tool::{Call, Returned, arguments_of};

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
        Ok(match reader::wrapped_by_langchain(&object) {
            Some((inner, object, speaker)) => {
                reader::read(inner, &object, speaker, original, &path.member("data"), notes)
            }
            None => reader::read(raw, &object, otherwise, original, path, notes),
        })
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
