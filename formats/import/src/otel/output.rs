//! Where the frameworks put what a model answered.

use super::attributes::{json_in, quoted};
use super::convention::{CHOICE, Messages};
use super::span::Span;
use crate::json::Json;
use crate::message::{Message, Speaker};

const OUTPUT_LISTS: &[&str] = &["gen_ai.output.messages", "gen_ai.completion"];
const OUTPUT_TREES: &[&str] = &["gen_ai.completion.", "llm.output_messages."];
const REPLIES: &[&str] = &["gcp.vertex.agent.llm_response"];
const OUTPUTS: &[&str] = &["output.value", "traceloop.entity.output", "langfuse: output"];
/// Vercel: the parts of an answer, each under its own name.
const TEXTS: &[&str] = &["ai.response.text", "ai.response.object"];
const CALLS: &str = "ai.response.toolCalls";

/// How well a span shows what a model answered: 2 as messages, 1 as something, 0 not at all.
pub(super) fn output_quality(span: &Span<'_>) -> u8 {
    let attributes = &span.attributes;
    let is_messages = OUTPUT_LISTS.iter().chain(REPLIES).chain(TEXTS).any(|key| attributes.has(key))
        || OUTPUT_TREES.iter().any(|prefix| attributes.has_prefix(prefix))
        || attributes.has(CALLS)
        || attributes.has("events")
        || span.event(CHOICE).is_some();
    let is_something = OUTPUTS.iter().any(|key| attributes.has(key));
    u8::from(is_messages) + u8::from(is_messages || is_something)
}

impl<'a> Messages<'a, '_, '_> {
    /// What the model answered; none where the span does not say.
    pub(super) fn output(&mut self) -> Option<Vec<Message<'a>>> {
        let speaker = Speaker::Assistant;
        self.listed(OUTPUT_LISTS, speaker)
            .or_else(|| self.spelled(OUTPUT_TREES, speaker))
            .or_else(|| self.event_list(true))
            .or_else(|| self.events(true))
            .or_else(|| self.parts())
            .or_else(|| self.loose(REPLIES, speaker))
            .or_else(|| self.loose(OUTPUTS, speaker))
    }

    /// Vercel's answer, put together from its parts.
    fn parts(&mut self) -> Option<Vec<Message<'a>>> {
        let attributes = &mut self.span.attributes;
        let key = TEXTS.iter().find(|key| attributes.get(key).is_some_and(|text| !text.is_null()));
        let text = key.and_then(|key| attributes.get(key));
        let calls = attributes.get(CALLS).and_then(|calls| json_in(calls, self.texts));
        if text.is_none() && calls.is_none() {
            return None;
        }
        key.into_iter().for_each(|key| attributes.take(key));
        calls.iter().for_each(|_| attributes.take(CALLS));
        let calls = calls.map_or("[]", Json::text);
        let content = text.map_or("null", Json::text);
        let message =
            format!("{{{}:\"assistant\",\"content\":{content},\"tool_calls\":{calls}}}", quoted("role"));
        Some(self.read_made(message, Speaker::Assistant).into_iter().collect())
    }
}
