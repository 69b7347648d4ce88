//! Approvals that nobody gave, and credentials that nobody was to have.

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::Rule;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ApprovalPolicy, EffectsClass, Origin, Place};

use super::calls::end_of;
use super::{change, change_body, flip, leave_out, next, places};
use crate::draw::Draw;
use crate::story::Story;
use crate::subject::{Subject, stranger};

/// A lifetime that no limit allows.
const YEARS_MS: u64 = 10 * 365 * 24 * 3_600_000;

pub(crate) fn credential_scope_wider(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, CredentialIssued, |_, body| {
        let Some(wider) = body.scope.first().cloned() else { return false };
        let class =
            if wider.action == EffectsClass::Delete { EffectsClass::Deploy } else { EffectsClass::Delete };
        body.scope.push(rederive_evidence::values::ScopeItem {
            action: class,
            resource: None,
            approval: ApprovalPolicy::None,
            ..wider
        });
        true
    })
}

pub(crate) fn credential_surface_wider(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, CredentialIssued, |_, body| {
        body.surfaces.push(stranger());
        true
    })
}

pub(crate) fn credential_longer(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let limit = subject.opened().and_then(|opened| opened.limits.credential_lifetime_ms);
    change_body!(story, draw, CredentialIssued, |_, body| match &mut body.expires {
        Given::Known(expires) => {
            *expires = expires.plus_ms(YEARS_MS);
            limit.is_some()
        }
        Given::Absent => false,
    })
}

pub(crate) fn credential_revoked_used(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let used_before = |at: usize| {
        let Body::CredentialRevoked(revoked) = &story.get(at)?.input.body else { return None };
        let earlier = story.records().iter().enumerate().take(at);
        let used = earlier.filter(|(_, record)| {
            matches!(&record.input.body, Body::CredentialUsed(used) if used.credential == revoked.credential)
        });
        used.map(|(used, _)| (at, used)).next()
    };
    let pairs: Vec<(usize, usize)> = (0..story.len()).filter_map(used_before).collect();
    draw.pick(&pairs).is_some_and(|(revoked, used)| {
        story.antedate(*revoked, *used);
        true
    })
}

pub(crate) fn credential_of_other_call(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, CredentialUsed, |_, body| {
        body.call.index = body.call.index.wrapping_add(1);
        true
    })
}

pub(crate) fn credential_left_live(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let is_judged = subject.judges(Rule::Crd1, None);
    let is_closed = story.records().iter().any(|record| record.input.body.kind() == Kind::RunClosed);
    // One that is issued again is ended again.
    let before = story.clone();
    let is_last = |at| next(&before, at, |later| later.input.body.kind() == Kind::CredentialIssued).is_none();
    is_closed
        && is_judged
        && leave_out(story, draw, |at, record| {
            matches!(record.input.body.kind(), Kind::CredentialRevoked | Kind::CredentialExpired)
                && is_last(at)
        })
}

pub(crate) fn approval_self_given(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change(story, draw, |_, record| {
        let Body::ApprovalApproved(body) = &mut record.input.body else { return false };
        let asked = before.records().iter().find(|asked| {
            matches!(&asked.input.body, Body::ApprovalRequested(asked) if asked.approval == body.approval)
        });
        let Some(asked) = asked else { return false };
        let asker = asked.input.actor.clone();
        body.word.approver = asker.clone();
        record.input.actor = asker;
        true
    })
    .is_some()
}

pub(crate) fn approval_by_machine(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let was_human = record.input.origin == Origin::Human;
        record.input.origin = Origin::Code;
        was_human && record.input.body.kind() == Kind::ApprovalApproved
    })
    .is_some()
}

pub(crate) fn approval_of_other(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ApprovalRequested, |_, body| {
        flip(&mut body.covers);
        body.call.is_some()
    })
}

pub(crate) fn approval_not_as_shown(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ApprovalApproved, |_, body| match &mut body.word.shown {
        Given::Known(shown) => {
            flip(shown);
            true
        }
        Given::Absent => false,
    })
}

pub(crate) fn approval_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    leave_out(story, draw, |at, record| {
        let Body::ApprovalApproved(approved) = &record.input.body else { return false };
        let relies = |later: &rederive_evidence::record::Record| matches!(&later.input.body, Body::DecisionMade(body) if body.approval.as_ref() == Some(&approved.approval));
        next(&before, at, relies).is_some()
    })
}

/// The records of a call from its proposal to its dispatch, once more, at the next attempt, behind its end.
pub(crate) fn approval_reused(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let dispatched = places(story, |_, record| record.input.body.kind() == Kind::ToolDispatched);
    let approved: Vec<usize> =
        dispatched.into_iter().filter(|at| approval_of(story, *at) && end_of(story, *at).is_some()).collect();
    let Some(at) = draw.pick(&approved).copied() else { return false };
    let (Some(end), Some(place)) =
        (end_of(story, at), story.get(at).and_then(|record| record.input.place.clone()))
    else {
        return false;
    };
    let steps = [Kind::ToolProposed, Kind::ToolValidated, Kind::ToolRequested, Kind::ToolPreviewed];
    let of_call = |number: &usize| {
        story.get(*number).is_some_and(|record| {
            let body = &record.input.body;
            let is_step = record.input.place.as_ref() == Some(&place) && steps.contains(&body.kind());
            is_step || permits(body, &place) || *number == at
        })
    };
    let again: Vec<_> = (0..=at).filter(of_call).filter_map(|number| story.get(number).cloned()).collect();
    let Some(attempt) = place.attempt.checked_add(1) else { return false };
    let retried = Place { attempt, ..place.clone() };
    for (number, mut record) in (end + 1..).zip(again) {
        record.input.place = record.input.place.as_ref().map(|_| retried.clone());
        record.input.time = story.get(end).and_then(|record| record.input.time);
        if let Body::ToolProposed(body) = &mut record.input.body {
            body.retry_of = Some(place.clone());
        } else if let Body::DecisionMade(body) = &mut record.input.body {
            body.request.call = Some(retried.clone());
        }
        story.insert(number, record);
    }
    true
}

fn permits(body: &Body, place: &Place) -> bool {
    matches!(body, Body::DecisionMade(body)
        if body.request.call.as_ref() == Some(place) && body.approval.is_some())
}

fn approval_of(story: &Story, dispatched: usize) -> bool {
    let place = story.get(dispatched).and_then(|record| record.input.place.as_ref());
    let earlier = story.records().iter().take(dispatched);
    place.is_some_and(|place| earlier.clone().any(|record| permits(&record.input.body, place)))
}

pub(crate) fn word_forged(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ApprovalApproved, |_, body| {
        let Some(signature) = &mut body.word.signature else { return false };
        signature.0.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        has_key(subject, &body.word.approver)
    })
}

pub(crate) fn word_unsigned(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ApprovalApproved, |_, body| {
        body.word.signature.take().is_some() && has_key(subject, &body.word.approver)
    })
}

/// Whether the opening record has a key for whom an approval names, so that a signature can be checked.
fn has_key(subject: &Subject, name: &rederive_evidence::ids::Id) -> bool {
    let mut actors = subject.opened().into_iter().flat_map(|opened| &opened.actors);
    actors.any(|actor| actor.id == *name && actor.key.is_some())
}

pub(crate) fn delegation_wider(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, DelegationGranted, |_, body| {
        let Some(wider) = body.scope.first().cloned() else { return false };
        body.scope.push(rederive_evidence::values::ScopeItem {
            tool: stranger(),
            resource: None,
            approval: ApprovalPolicy::None,
            ..wider
        });
        true
    })
}
