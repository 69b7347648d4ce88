//! Calls that are not those decided on, and decisions that are not those made.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Directive, Enforcement, ReasonCode};
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::tool::{ToolDispatched, ToolReturned};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, ContentEntry, ContentLength, MediaType, Record};
use rederive_evidence::rules::Rule;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ActorType, EffectsClass, Origin};

use super::{actor_of, change, change_body, flip, is, is_applied, leave_out, next, places};
use crate::draw::Draw;
use crate::parts::Stored;
use crate::receipts;
use crate::story::Story;
use crate::subject::{Subject, stranger};

/// Whether a decision was made on the call at this place before this record, and stands.
fn is_decided(story: &Story, at: usize) -> bool {
    let Some(place) = story.get(at).and_then(|record| record.input.place.as_ref()) else { return false };
    let before = story.records().iter().take(at).filter(|record| is_applied(record));
    before.clone().any(|record| is(record, Kind::DecisionMade, place) || decides(record, place))
}

fn decides(record: &Record, place: &rederive_evidence::values::Place) -> bool {
    matches!(&record.input.body, Body::DecisionMade(body) if body.request.call.as_ref() == Some(place))
}

pub(crate) fn arguments_changed(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change_body!(story, draw, ToolDispatched, |at, body| {
        flip(&mut body.arguments);
        is_decided(&before, at)
    })
}

pub(crate) fn target_changed(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change_body!(story, draw, ToolDispatched, |at, body| {
        body.target.iter_mut().for_each(flip);
        body.target.is_some() && is_decided(&before, at)
    })
}

pub(crate) fn tool_changed(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    change_body!(story, draw, ToolDispatched, |at, body| {
        body.tool = stranger();
        is_decided(&before, at)
    })
}

pub(crate) fn agent_dispatches(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let Some(agent) = actor_of(subject, ActorType::Agent) else { return false };
    change(story, draw, |_, record| {
        record.input.actor = agent.clone();
        record.input.body.kind() == Kind::ToolDispatched
    })
    .is_some()
}

/// The permit under which the call at this place is dispatched, and the dispatch.
fn permits(story: &Story) -> Vec<(usize, usize)> {
    let dispatched = places(story, |_, record| record.input.body.kind() == Kind::ToolDispatched);
    let permit_of = |at: usize| {
        let place = story.get(at)?.input.place.as_ref()?;
        let earlier = story.records().iter().enumerate().take(at).rev();
        let permit = earlier.filter(|(_, record)| is_applied(record)).find(|(_, record)| {
            matches!(&record.input.body, Body::DecisionMade(body)
                if body.request.call.as_ref() == Some(place) && body.decision == Decision::Permit)
        });
        permit.map(|(permit, _)| (permit, at))
    };
    dispatched.into_iter().filter_map(permit_of).collect()
}

pub(crate) fn permit_after_call(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let permits = permits(story);
    draw.pick(&permits).is_some_and(|(permit, dispatched)| {
        story.shift(*permit, *dispatched);
        true
    })
}

pub(crate) fn permit_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let permits = permits(story);
    draw.pick(&permits).is_some_and(|(permit, _)| {
        story.remove(*permit);
        true
    })
}

/// Puts a dispatch and its result in behind a decision that blocks.
pub(crate) fn denied_call_made(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let Some(broker) = actor_of(subject, ActorType::Broker) else { return false };
    let blocked = places(story, |_, record| {
        matches!(&record.input.body, Body::DecisionMade(body)
            if body.enforcement == Enforcement::Blocked && body.request.call.is_some())
    });
    let Some(at) = draw.pick(&blocked).copied() else { return false };
    let Some(decision) = story.get(at).cloned() else { return false };
    let Body::DecisionMade(decided) = &decision.input.body else { return false };
    let (Some(call), Given::Known(arguments)) = (&decided.request.call, &decided.request.arguments) else {
        return false;
    };
    let proposed = story.records().iter().find_map(|record| {
        let Body::ToolProposed(body) = &record.input.body else { return None };
        (record.input.place.as_ref() == Some(call)).then(|| body.tool.clone())
    });
    let Some(tool) = proposed else { return false };
    let dispatch = ToolDispatched {
        tool,
        arguments: *arguments,
        target: decided.request.target,
        idempotency: None,
        sandbox: None,
        bytes_out: None,
    };
    let result = Stored::salted(b"done all the same".to_vec(), [7; 32]);
    let returned = ToolReturned {
        result: Content(0),
        duration_us: None,
        spend_micros: None,
        label: None,
        call_id: None,
    };
    let made = |body: Body, origin, cause: usize| {
        let mut record = decision.clone();
        record.input.actor = broker.clone();
        record.input.origin = origin;
        record.input.place = Some(call.clone());
        record.input.causes = Causes::of([cause as u64]);
        record.input.contents.clear();
        record.input.body = body;
        record
    };
    let mut returned = made(returned.into(), Origin::Tool, at + 1);
    returned.input.contents.push(ContentEntry {
        commitment: result.commitment,
        bytes: ContentLength(result.bytes.len() as u64),
        media: MediaType::Text,
    });
    story.insert(at + 1, made(dispatch.into(), Origin::Code, at));
    story.insert(at + 2, returned);
    story.bring(result);
    true
}

/// Whether somebody could tell at policy level: by the decision's receipt.
fn has_receipt(subject: &Subject, contents: &[ContentEntry], decision: &DecisionMade) -> bool {
    let entry = decision.receipt.and_then(|receipt| contents.get(usize::from(receipt.0)));
    entry.is_some_and(|entry| is_stored(subject, &entry.commitment))
}

fn is_stored(subject: &Subject, commitment: &Digest) -> bool {
    subject.contents().any(|stored| stored.commitment == *commitment)
}

pub(crate) fn denial_permitted(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let (time, contents) = (record.input.time, record.input.contents.clone());
        let Body::DecisionMade(body) = &mut record.input.body else { return false };
        let was_denied = body.decision != Decision::Permit;
        body.decision = Decision::Permit;
        body.directive = Directive::None;
        body.reason = ReasonCode::PolicyPermits;
        body.enforcement = Enforcement::Executed;
        body.expires = time.map(|time| time.plus_ms(1_000));
        was_denied && has_receipt(subject, &contents, body)
    })
    .is_some()
}

pub(crate) fn decision_reworded(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let contents = record.input.contents.clone();
        let Body::DecisionMade(body) = &mut record.input.body else { return false };
        let Given::Known(uncertainty) = &mut body.uncertainty_permille else { return false };
        *uncertainty ^= 1;
        has_receipt(subject, &contents, body)
    })
    .is_some()
}

pub(crate) fn decision_otherwise(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let changed = change(story, draw, |_, record| {
        let contents = record.input.contents.clone();
        let Body::DecisionMade(body) = &mut record.input.body else { return false };
        let is_there = body.request.arguments.known().is_some_and(|given| is_stored(subject, given));
        let by_policies = body.request.call.is_some() && !is_the_gates_own(body.reason) && is_there;
        (body.decision, body.reason) = match body.decision {
            Decision::Permit | Decision::Silence => (Decision::Deny, ReasonCode::PolicyForbids),
            Decision::Deny => (Decision::Silence, ReasonCode::NoPolicy),
        };
        (body.directive, body.enforcement) = (Directive::None, Enforcement::Blocked);
        (body.approval, body.expires) = (None, None);
        by_policies && has_receipt(subject, &contents, body)
    });
    let Some(record) = changed.and_then(|at| story.get_mut(at)) else { return false };
    let before = record.derived.checksum.unwrap_or(Digest::ZERO);
    let receipt = receipts::anew(record, before, subject.contents(), subject.key());
    receipt.ok().flatten().is_some_and(|receipt| {
        story.bring(receipt);
        true
    })
}

/// Whether the gate decides so by itself: no bundle says otherwise. Spec: withheld.
fn is_the_gates_own(reason: ReasonCode) -> bool {
    use ReasonCode::{BundleFault, EngineFault, RecordFault, Rule};
    [BundleFault, EngineFault, RecordFault, Rule].contains(&reason)
}

pub(crate) fn permit_over(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let permits = permits(story);
    let is_used = |at: usize| permits.iter().any(|(permit, _)| *permit == at);
    change(story, draw, |at, record| {
        let time = record.input.time;
        let Body::DecisionMade(body) = &mut record.input.body else { return false };
        let had = body.expires.is_some() && time.is_some();
        body.expires = time;
        had && is_used(at)
    })
    .is_some()
}

pub(crate) fn permit_used_twice(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let permits = permits(story);
    let Some((_, at)) = draw.pick(&permits).copied() else { return false };
    let Some(again) = story.get(at).cloned() else { return false };
    story.insert(at + 1, again);
    true
}

pub(crate) fn other_bundle(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, DecisionMade, |_, body| match &mut body.bundle {
        Given::Known(bundle) => {
            flip(bundle);
            true
        }
        Given::Absent => false,
    })
}

pub(crate) fn other_request(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, DecisionMade, |_, body| match &mut body.request.arguments {
        Given::Known(arguments) => {
            flip(arguments);
            body.request.call.is_some()
        }
        Given::Absent => false,
    })
}

pub(crate) fn reliance_forged(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, DecisionMade, |_, body| {
        let value = body.reliance.iter_mut().find_map(|relied| relied.value.as_mut());
        value.map(flip).is_some()
    })
}

pub(crate) fn receipt_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change(story, draw, |_, record| {
        let Body::DecisionMade(body) = &mut record.input.body else { return false };
        let Some(receipt) = body.receipt.take() else { return false };
        // A record lists no content that its body does not name.
        let is_last = usize::from(receipt.0) + 1 == record.input.contents.len();
        let _ = record.input.contents.pop();
        is_last
    })
    .is_some()
}

pub(crate) fn risks_left_out(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, DecisionMade, |_, body| {
        let had = !body.risks.is_empty();
        body.risks.clear();
        had
    })
}

pub(crate) fn preview_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let before = story.clone();
    let offers = |tool: &Id| {
        let mut records = before.records().iter();
        records.any(|record| {
            matches!(&record.input.body, Body::ToolRegistered(body) if body.tool == *tool && body.preview)
        })
    };
    let is_offered = |place: &rederive_evidence::values::Place| {
        let mut records = before.records().iter().filter(|record| record.input.place.as_ref() == Some(place));
        records.any(|record| matches!(&record.input.body, Body::ToolProposed(body) if offers(&body.tool)))
    };
    // Of a call that is never made nobody misses it.
    let is_made = |at: usize, place: &rederive_evidence::values::Place| {
        next(&before, at, |record| is(record, Kind::ToolDispatched, place)).is_some()
    };
    leave_out(story, draw, |at, record| {
        let is_missed = |place| is_offered(place) && is_made(at, place);
        record.input.body.kind() == Kind::ToolPreviewed && record.input.place.as_ref().is_some_and(is_missed)
    })
}

pub(crate) fn retry_unlinked(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, ToolProposed, |_, body| body.retry_of.take().is_some())
}

/// Whether a call with an effect was proposed in an answer to a prompt that this record stands in.
pub(super) fn leads_to_effect(story: &Story, at: usize) -> bool {
    let causes = |record: &Record| record.input.causes.clone();
    let numbered = || (0_u64..).zip(story.records()).filter(|(_, record)| is_applied(record));
    let prompts = numbered().filter(|(_, record)| {
        record.input.body.kind() == Kind::PromptSent && causes(record).contains(at as u64)
    });
    let prompts: Vec<u64> = prompts.map(|(number, _)| number).collect();
    let answers = numbered().filter(|(_, record)| {
        matches!(&record.input.body, Body::PromptAnswered(body)
            if body.prompt.is_some_and(|prompt| prompts.contains(&prompt.0)))
    });
    let answers: Vec<u64> = answers.map(|(number, _)| number).collect();
    let mut proposed = numbered().filter(|(_, record)| is_above_read(story, record));
    proposed.any(|(_, record)| answers.iter().any(|answer| causes(record).contains(*answer)))
}

/// Whether a record proposes a call of a tool that does more than read.
fn is_above_read(story: &Story, record: &Record) -> bool {
    let Body::ToolProposed(proposed) = &record.input.body else { return false };
    story.records().iter().any(|record| {
        matches!(&record.input.body, Body::ToolRegistered(body)
            if body.tool == proposed.tool
                && body.effects.known().is_some_and(|effects| *effects != EffectsClass::Read))
    })
}

pub(crate) fn result_missing(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    leave_out(story, draw, |_, record| {
        matches!(record.input.body.kind(), Kind::ToolReturned | Kind::ToolFailed)
    })
}

/// An effect that was looked at later was told by that: what is left out is all that is said of it once it was called for.
pub(crate) fn effect_missing(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let is_closed = story.records().iter().any(|record| record.input.body.kind() == Kind::RunClosed);
    let is_judged = is_closed && subject.judges(Rule::Out1, None);
    let seen = places(story, |_, record| is_judged && record.input.body.kind() == Kind::EffectExecuted);
    let of = draw.pick(&seen).and_then(|at| effect(story.get(*at)?).cloned());
    let Some(of) = of else { return false };
    let told: Vec<bool> = story.records().iter().map(|record| effect(record) != Some(&of)).collect();
    story.keep(|at| told.get(at).copied().unwrap_or(true));
    true
}

/// The effect of which a record says what became of it.
fn effect(record: &Record) -> Option<&Id> {
    let body = &record.input.body;
    if let Body::EffectExecuted(body) = body {
        Some(&body.effect)
    } else if let Body::EffectVerified(body) = body {
        Some(&body.effect)
    } else if let Body::EffectReverted(body) = body {
        Some(&body.effect)
    } else if let Body::EffectQuarantined(body) = body {
        Some(&body.effect)
    } else if let Body::EffectCompensated(body) = body {
        Some(&body.effect)
    } else if let Body::EffectNotified(body) = body {
        Some(&body.effect)
    } else {
        None
    }
}

pub(crate) fn effect_otherwise(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, EffectVerified, |_, body| {
        // A mismatch with something else is one too.
        let is_match = body.result == EffectMatch::Match;
        match &mut body.observed {
            Given::Known(observed) => {
                flip(observed);
                is_match
            }
            Given::Absent => false,
        }
    })
}

pub(crate) fn amount_exceeded(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    change_body!(story, draw, EffectExecuted, |_, body| {
        let had = body.amount_micros.is_some();
        body.amount_micros = Some(u64::MAX >> 1);
        had
    })
}

/// The first end of a call after its dispatch: what is after it that still needs the call.
pub(super) fn end_of(story: &Story, dispatched: usize) -> Option<usize> {
    let place = story.get(dispatched)?.input.place.clone()?;
    next(story, dispatched, |record| {
        [Kind::ToolReturned, Kind::ToolFailed, Kind::ToolUnknown].iter().any(|end| is(record, *end, &place))
    })
}
