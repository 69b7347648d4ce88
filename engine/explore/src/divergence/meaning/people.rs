//! Who acts, when, and from what it follows.

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Causes;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Identity, Origin};

use super::{change, change_body, next, places};
use crate::draw::Draw;
use crate::story::Story;
use crate::subject::{Subject, stranger};

pub(crate) fn delegation_over_used(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let acted_before = |at: usize| {
        let Body::DelegationEnded(ended) = &story.get(at)?.input.body else { return None };
        let granted = story.records().iter().enumerate().take(at).find_map(|(number, record)| {
            let Body::DelegationGranted(body) = &record.input.body else { return None };
            (body.delegation == ended.delegation).then(|| (number, body.delegate.id.clone()))
        });
        let (granted, delegate) = granted?;
        let acts = |record: &rederive_evidence::record::Record| {
            record.input.actor == delegate && record.input.body.kind() == Kind::ToolProposed
        };
        next(story, granted, acts).filter(|acted| *acted < at).map(|acted| (at, acted))
    };
    let pairs: Vec<(usize, usize)> = (0..story.len()).filter_map(acted_before).collect();
    draw.pick(&pairs).is_some_and(|(ended, acted)| {
        story.antedate(*ended, *acted);
        true
    })
}

pub(crate) fn handed_to_other(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, HandedOff, |_, body| {
        body.to = Given::Known(stranger());
        true
    })
}

pub(crate) fn actor_unknown(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |at, record| {
        record.input.actor = stranger();
        at > 0
    })
    .is_some()
}

pub(crate) fn tenant_crossed(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let Some(session) = subject.opened().map(|opened| opened.session.id.clone()) else { return false };
    change(story, draw, |at, record| {
        record.input.identity = Some(Identity { tenant: stranger(), session: session.clone() });
        at > 0 && record.input.origin != Origin::Model
    })
    .is_some()
}

pub(crate) fn time_backwards(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let mut latest = None;
    let latest: Vec<_> = story
        .records()
        .iter()
        .map(|record| {
            let before = latest;
            latest = latest.max(record.input.time);
            before
        })
        .collect();
    change(story, draw, |at, record| {
        let before = latest.get(at).copied().flatten();
        let earlier = before.and_then(|before| before.0.checked_sub(1));
        let is_timed = record.input.time.is_some();
        record.input.time = earlier.map(rederive_evidence::ids::RecordedTime);
        is_timed && earlier.is_some()
    })
    .is_some()
}

pub(crate) fn causes_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        record.input.causes = Causes::NONE;
        // A call reaches the goal by the turn it stands in, an output by the record that made it.
        record.input.body.kind() == Kind::EffectExecuted && record.input.place.is_none()
    })
    .is_some()
}

pub(crate) fn opened_again(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let Some(mut again) = story.get(0).cloned() else { return false };
    let closed = story.records().iter().position(|record| record.input.body.kind() == Kind::RunClosed);
    let at = 1 + draw.below(closed.unwrap_or(story.len()).saturating_sub(1));
    again.input.time = story.get(at.saturating_sub(1)).and_then(|before| before.input.time);
    story.insert(at, again);
    true
}

pub(crate) fn told_after_close(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let closed = story.records().iter().position(|record| record.input.body.kind() == Kind::RunClosed);
    let Some(closed) = closed else { return false };
    // The record last before the end still follows from what it did.
    let told = places(story, |at, _| at > 0 && at < closed);
    draw.pick(&told).is_some_and(|at| {
        story.shift(*at, closed);
        true
    })
}
