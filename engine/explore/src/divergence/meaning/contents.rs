//! Context, prompts, outputs and memory that were not so.

use std::collections::BTreeSet;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, RecordRef, RecordedTime};
use rederive_evidence::kinds::prompt::Part;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{ContentEntry, ContentLength, MediaType, Record, SchemaCheck};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Origin, Role, Trust};

use super::calls::leads_to_effect;
use super::{change, change_body, flip, leave_out, next, places};
use crate::draw::Draw;
use crate::story::Story;
use crate::subject::{Subject, stranger};

pub(crate) fn context_stale(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change(story, draw, |at, record| {
        let Some(time) = record.input.time else { return false };
        let Body::ContextRetrieved(body) = &mut record.input.body else { return false };
        body.fresh_until = Given::Known(RecordedTime(time.0.saturating_sub(1)));
        leads_to_effect(&before, at) && is_retrieved_once(&before, at)
    })
    .is_some()
}

/// Whether no other record retrieves the same item: one that is retrieved again is fresh for as long as either time.
fn is_retrieved_once(story: &Story, at: usize) -> bool {
    let item = |record: &Record| {
        let Body::ContextRetrieved(body) = &record.input.body else { return None };
        record.input.contents.get(usize::from(body.item.0)).map(|content| content.commitment)
    };
    let retrieved = story.get(at).and_then(item);
    story.records().iter().filter_map(item).filter(|other| Some(*other) == retrieved).count() == 1
}

pub(crate) fn source_unlisted(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ContextRetrieved, |_, body| {
        body.source = Given::Known(stranger());
        true
    })
}

pub(crate) fn filter_of_other_tenant(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ContextRetrieved, |_, body| {
        body.tenant_filter = Given::Known(stranger());
        true
    })
}

pub(crate) fn filter_by_model(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ContextRetrieved, |_, body| {
        body.filter_origin = Given::Known(Origin::Model);
        true
    })
}

/// Whether what this record brings is data.
fn is_data(story: &Story, record: RecordRef) -> bool {
    let kind =
        usize::try_from(record.0).ok().and_then(|at| story.get(at)).map(|record| record.input.body.kind());
    matches!(kind, Some(Kind::ContextRetrieved | Kind::ToolReturned | Kind::ToolFailed | Kind::HandedOff))
}

pub(crate) fn instruction_tainted(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change_body!(story, draw, PromptSent, |_, body| {
        let data = body.parts.iter_mut().find(|part| part.from.is_some_and(|from| is_data(&before, from)));
        data.is_some_and(|part| {
            part.role = Role::System;
            true
        })
    })
}

pub(crate) fn part_hidden(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let Body::PromptSent(body) = &record.input.body else { return false };
        let Some(quoted) = body.parts.iter().find_map(|part| part.from) else { return false };
        let others = record.input.causes.records().filter(|cause| *cause != quoted.0);
        record.input.causes = rederive_evidence::record::Causes::of(others.collect::<Vec<_>>());
        true
    })
    .is_some()
}

/// A content that was blocked, and where.
fn blocked(record: &Record) -> Option<Digest> {
    if let Body::GuardrailBlocked(body) = &record.input.body {
        return Some(body.inspected);
    }
    let Body::ContextBlocked(body) = &record.input.body else { return None };
    Some(body.item)
}

pub(crate) fn blocked_back(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let all = places(story, |_, record| blocked(record).is_some());
    let prompt_after = |at: usize| {
        let content = blocked(story.get(at)?)?;
        let prompt = next(story, at, |record| record.input.body.kind() == Kind::PromptSent)?;
        Some((content, prompt))
    };
    let pairs: Vec<(Digest, usize)> = all.into_iter().filter_map(prompt_after).collect();
    let Some((commitment, prompt)) = draw.pick(&pairs).copied() else { return false };
    let known = story.records().iter().flat_map(|record| &record.input.contents);
    let bytes = known
        .clone()
        .find(|entry| entry.commitment == commitment)
        .map_or(ContentLength(1), |entry| entry.bytes);
    let Some(record) = story.get_mut(prompt) else { return false };
    let Ok(index) = u16::try_from(record.input.contents.len()) else { return false };
    let Body::PromptSent(body) = &mut record.input.body else { return false };
    body.parts.push(Part { role: Role::Tool, content: Content(index), from: None });
    record.input.contents.push(ContentEntry { commitment, bytes, media: MediaType::Text });
    true
}

pub(crate) fn answer_unlinked(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, PromptAnswered, |_, body| {
        body.prompt.as_mut().is_some_and(|prompt| {
            *prompt = RecordRef(0);
            true
        })
    })
}

pub(crate) fn inspection_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let released: BTreeSet<Digest> = story
        .records()
        .iter()
        .filter(|record| super::is_applied(record))
        .filter_map(|record| {
            let Body::OutputReleased(body) = &record.input.body else { return None };
            Some(body.output)
        })
        .collect();
    let looks = |record: &Record| matches!(&record.input.body, Body::GuardrailDetected(body) if released.contains(&body.inspected));
    // An output that was looked at twice may lose one.
    let is_single = story.records().iter().filter(|record| looks(record)).count() == released.len();
    is_single && leave_out(story, draw, |_, record| looks(record))
}

pub(crate) fn recipient_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, OutputReleased, |_, body| {
        let had = !body.recipients.is_empty();
        body.recipients.clear();
        had
    })
}

pub(crate) fn memory_never_written(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let Body::MemoryRead(body) = &record.input.body else { return false };
        let Some(value) = body.value.filter(|_| body.earlier.is_none()) else { return false };
        let entry = record.input.contents.get_mut(usize::from(value.0));
        entry.map(|entry| flip(&mut entry.commitment)).is_some()
    })
    .is_some()
}

pub(crate) fn memory_write_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    leave_out(story, draw, |at, record| {
        let Body::MemoryWritten(written) = &record.input.body else { return false };
        let reads = |later: &Record| matches!(&later.input.body, Body::MemoryRead(body) if body.item == written.item && body.value.is_some());
        let changes = |later: &Record| {
            let body = &later.input.body;
            matches!(body, Body::MemoryWritten(body) if body.item == written.item)
                || matches!(body, Body::MemoryDeleted(body) if body.item == written.item)
        };
        let earlier = before.records().iter().take(at).any(changes);
        let read = next(&before, at, reads);
        let changed = next(&before, at, changes);
        !earlier && read.is_some_and(|read| changed.is_none_or(|changed| read < changed))
    })
}

pub(crate) fn memory_label_raised(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    // What somebody said is never worth as much as the run's own opening.
    let is_said = |at: u64| {
        let kind =
            usize::try_from(at).ok().and_then(|at| before.get(at)).map(|record| record.input.body.kind());
        kind == Some(Kind::PromptAnswered)
    };
    change(story, draw, |_, record| {
        let is_influenced = record.input.causes.records().any(is_said);
        let Body::MemoryWritten(body) = &mut record.input.body else { return false };
        let Given::Known(label) = &mut body.label else { return false };
        let was_lower = label.trust != Trust::Control;
        label.trust = Trust::Control;
        was_lower && is_influenced
    })
    .is_some()
}

/// Whether the contents from which a record's extracted part follows are all there.
fn is_whole(subject: &Subject, record: &Record) -> bool {
    let stored: BTreeSet<Digest> = subject.contents().map(|stored| stored.commitment).collect();
    let contents = subject.story().records().iter().flat_map(|record| &record.input.contents);
    record.extracted.is_some() && contents.clone().all(|entry| stored.contains(&entry.commitment))
}

pub(crate) fn extracted_forged(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let is_whole = is_whole(subject, record);
        let Some(schema) = record.extracted.as_mut().and_then(|extracted| extracted.schema.as_mut()) else {
            return false;
        };
        *schema = if *schema == SchemaCheck::Valid { SchemaCheck::Invalid } else { SchemaCheck::Valid };
        is_whole
    })
    .is_some()
}

pub(crate) fn sources_forged(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let is_whole = is_whole(subject, record);
        let arguments = record.extracted.as_mut().and_then(|extracted| extracted.arguments.take());
        arguments.is_some() && is_whole
    })
    .is_some()
}
