//! APR: a person decides with the evidence before them. Since rule set 2. Spec: rule-apr-1, rule-apr-2, rule-apr-3, rule-apr-4.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordRef};
use rederive_evidence::kinds::approval::{
    ApprovalEvidence, ApprovalLogged, ApprovalRequested, ApprovalUnderReview, ApproverWord,
};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{ActorType, ApprovalPolicy, Layer, Origin};

use super::{Breaches, Reasons, memory};
use crate::case::{Case, Expiry};
use crate::facts::request_digest;
use crate::risk::goes_ahead;
use crate::scope::first_wider;
use crate::state::{ApprovalStatus, Influence, TrackedApproval};

pub(super) const REASONS: &[Reasons] = &[
    (
        Rule::Apr1,
        &[
            Reason::Step,
            Reason::Unknown,
            Reason::PlaceUsed,
            Reason::ScopeWider,
            Reason::Unlinked,
            Reason::NotOver,
        ],
    ),
    (Rule::Apr2, &[Reason::FieldAbsent, Reason::Unlinked, Reason::LabelRaised]),
    (
        Rule::Apr3,
        &[
            Reason::FieldAbsent,
            Reason::NotHuman,
            Reason::SelfApproval,
            Reason::NotEntitled,
            Reason::OtherParty,
            Reason::NotAsShown,
        ],
    ),
    (
        Rule::Apr4,
        &[
            Reason::FieldAbsent,
            Reason::OtherRequest,
            Reason::ApprovalNeeded,
            Reason::ApprovalUsed,
            Reason::ApprovalOver,
            Reason::ReliesOnBreach,
            Reason::TimeAbsent,
        ],
    ),
];

/// A step in the life of an approval. Spec: approval-steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Requested,
    Assembled,
    UnderReview,
    Answered,
    Ended,
    Logged,
}

/// The step that a record is, and the approval that it is a step of.
pub(crate) fn step_of(body: &Body) -> Option<(Step, &Id)> {
    if let Body::ApprovalRequested(body) = body {
        Some((Step::Requested, &body.approval))
    } else if let Body::ApprovalEvidence(body) = body {
        Some((Step::Assembled, &body.approval))
    } else if let Body::ApprovalUnderReview(body) = body {
        Some((Step::UnderReview, &body.approval))
    } else if let Body::ApprovalApproved(body) = body {
        Some((Step::Answered, &body.approval))
    } else if let Body::ApprovalDenied(body) = body {
        Some((Step::Answered, &body.approval))
    } else if let Body::ApprovalRevised(body) = body {
        Some((Step::Answered, &body.approval))
    } else if let Body::ApprovalExpired(body) = body {
        Some((Step::Ended, &body.approval))
    } else if let Body::ApprovalWithdrawn(body) = body {
        Some((Step::Ended, &body.approval))
    } else if let Body::ApprovalLogged(body) = body {
        Some((Step::Logged, &body.approval))
    } else {
        None
    }
}

/// Whether an approval that stands here may take this step. Spec: approval-grid.
fn allows(approval: &TrackedApproval, step: Step) -> bool {
    use ApprovalStatus::{Approved, Assembled, Denied, Requested, Revised, UnderReview};
    match step {
        Step::Requested => approval.status == Revised,
        Step::Assembled => approval.status == Requested,
        Step::UnderReview => approval.status == Assembled,
        Step::Answered => approval.status == UnderReview,
        Step::Ended => matches!(approval.status, Requested | Assembled | UnderReview | Revised),
        Step::Logged => matches!(approval.status, Approved | Denied) && !approval.logged,
    }
}

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Approval) {
        return;
    }
    if let Some((step, name)) = step_of(&case.input.body) {
        check_step(case, step, name, found);
    }
    let body = &case.input.body;
    if let Body::ApprovalRequested(requested) = body {
        check_request(case, requested, found);
    } else if let Body::ApprovalEvidence(evidence) = body {
        check_evidence(case, evidence, found);
    } else if let Body::ApprovalUnderReview(review) = body {
        check_review(case, review, found);
    } else if let Some((name, word)) = answer(body) {
        check_answer(case, name, word, found);
    } else if let Body::ApprovalLogged(logged) = body {
        check_log(case, logged, found);
    } else if let Body::DecisionMade(made) = body {
        check_decision(case, made, found);
    } else if case.kind == Kind::ToolDispatched {
        check_dispatch(case, found);
    }
}

/// The answer to an approval: its name and the approver's word.
fn answer(body: &Body) -> Option<(&Id, &ApproverWord)> {
    if let Body::ApprovalApproved(body) = body {
        Some((&body.approval, &body.word))
    } else if let Body::ApprovalDenied(body) = body {
        Some((&body.approval, &body.word))
    } else if let Body::ApprovalRevised(body) = body {
        Some((&body.approval, &body.word))
    } else {
        None
    }
}

/// APR-1: the step is one that the approval may take from where it stands; and none that says it is over before its end.
fn check_step(case: &Case<'_>, step: Step, name: &Id, found: &mut Breaches) {
    match case.state.tracked_approval(name) {
        None if step == Step::Requested => {}
        None => found.add(Rule::Apr1, Reason::Unknown),
        Some(held) if !allows(held, step) => found.add(Rule::Apr1, Reason::Step),
        Some(held) => {
            if case.kind == Kind::ApprovalExpired && case.expiry(held.expires) == Expiry::Live {
                found.add(Rule::Apr1, Reason::NotOver);
            }
        }
    }
}

/// APR-4: what is asked for covers the request that stands decided with the call. APR-1: after a revision it is asked for another call, within the
/// scope first asked for.
fn check_request(case: &Case<'_>, requested: &ApprovalRequested, found: &mut Breaches) {
    let Some(place) = &requested.call else { return };
    if case.named_call().is_none() {
        return found.add(Rule::Apr1, Reason::Unknown);
    }
    let decided = case.state.decision(place);
    if decided.is_none_or(|decided| decided.request != requested.covers) {
        found.add(Rule::Apr4, Reason::OtherRequest);
    }
    let Some(first) = case.state.tracked_approval(&requested.approval) else { return };
    if first.call.as_ref() == Some(place) {
        found.add(Rule::Apr1, Reason::PlaceUsed);
    }
    let item = decided.and_then(|decided| decided.scope.as_ref());
    if let (Some(item), Some(scope)) = (item, &first.scope)
        && !item.is_within(scope)
    {
        found.add(Rule::Apr1, Reason::ScopeWider);
    }
}

/// APR-2: the evidence names the decision, and shows influences that are no better than what the decision was under. TOL-6: of a tool that offers
/// a preview, it shows the diff as the effect expected.
fn check_evidence(case: &Case<'_>, evidence: &ApprovalEvidence, found: &mut Breaches) {
    let Some(RecordRef(record)) = evidence.decision.known().copied() else { return };
    let decision = case.lineage.get(record).filter(|mark| mark.kind == Kind::DecisionMade);
    let Some(decision) = decision else {
        return found.add_at(Rule::Apr2, Reason::Unlinked, Some(record), None);
    };
    let marks = evidence.influences.iter().filter_map(|record| case.lineage.get(record.0));
    let shown = marks.map(|mark| mark.label).fold(Influence::NONE.label, |all, label| all.join(label));
    let influence = Influence { label: decision.label, ..Influence::NONE };
    if memory::raises(shown, &influence) {
        found.add(Rule::Apr2, Reason::LabelRaised);
    }
}

/// APR-3: it is shown to somebody who may answer it.
fn check_review(case: &Case<'_>, review: &ApprovalUnderReview, found: &mut Breaches) {
    check_approver(case, &review.approval, &review.reviewer, found);
}

/// APR-3: a person who may answer it does, of what was shown to them.
fn check_answer(case: &Case<'_>, name: &Id, word: &ApproverWord, found: &mut Breaches) {
    check_approver(case, name, &word.approver, found);
    let is_relayed = case.actor.is_some_and(|actor| actor.actor_type == ActorType::Gate);
    // A gate hands on a word that the approver's key vouches for: whether it does is asked at policy level.
    let is_human = case.input.origin == Origin::Human || (is_relayed && word.signature.is_some());
    if !is_human {
        found.add(Rule::Apr3, Reason::NotHuman);
    }
    let held = case.state.tracked_approval(name);
    let reviewer = held.and_then(|held| held.reviewer.as_ref());
    if (!is_relayed && word.approver != case.input.actor)
        || reviewer.is_some_and(|reviewer| *reviewer != word.approver)
    {
        found.add(Rule::Apr3, Reason::OtherParty);
    }
    let shown: Option<Digest> = held.and_then(|held| held.shown);
    if word.shown.known().is_some_and(|stated| shown.is_some_and(|shown| shown != *stated)) {
        found.add(Rule::Apr3, Reason::NotAsShown);
    }
}

/// APR-3: whoever answers is a registered approver or principal, is not who asks, nor the agent of the call, and may answer for the scope asked for.
fn check_approver(case: &Case<'_>, name: &Id, approver: &Id, found: &mut Breaches) {
    let held = case.state.tracked_approval(name);
    let planner = held.and_then(|held| held.call.as_ref()).map(|call| &call.agent);
    if held.is_some_and(|held| held.requester == *approver) || planner == Some(approver) {
        found.add(Rule::Apr3, Reason::SelfApproval);
    }
    let actor = case.state.actor(approver);
    let is_entitled = actor.is_some_and(|actor| {
        let is_person = matches!(actor.actor_type, ActorType::Approver | ActorType::Principal);
        let item = held.and_then(|held| held.scope.as_ref());
        let covers = match (&actor.scope, item) {
            (Some(scope), Some(item)) => first_wider(std::slice::from_ref(item), scope).is_none(),
            (Some(_), None) | (None, _) => true,
        };
        is_person && covers
    });
    if !is_entitled {
        found.add(Rule::Apr3, Reason::NotEntitled);
    }
}

/// APR-1: the record that is linked to the trace is the answer.
fn check_log(case: &Case<'_>, logged: &ApprovalLogged, found: &mut Breaches) {
    let answer = case.lineage.get(logged.answer.0);
    let is_answer =
        answer.is_some_and(|mark| matches!(mark.kind, Kind::ApprovalApproved | Kind::ApprovalDenied));
    if !is_answer {
        found.add_at(Rule::Apr1, Reason::Unlinked, Some(logged.answer.0), None);
    }
}

/// APR-4: what is permitted under an approval is the request that it covers, once, before its end; and a scope that asks for one gets one.
fn check_decision(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    if !goes_ahead(made) {
        return;
    }
    let Some(name) = &made.approval else {
        if made.request.scope.known().is_some_and(|item| item.approval == ApprovalPolicy::Approve) {
            found.add(Rule::Apr4, Reason::ApprovalNeeded);
        }
        return;
    };
    let held = case.state.tracked_approval(name);
    let Some(held) = held.filter(|held| held.status == ApprovalStatus::Approved) else {
        return found.add(Rule::Apr4, Reason::ApprovalNeeded);
    };
    if held.covers != request_digest(&made.request) {
        found.add(Rule::Apr4, Reason::OtherRequest);
    }
    if held.used {
        found.add(Rule::Apr4, Reason::ApprovalUsed);
    }
    if held.breached {
        found.add(Rule::Apr4, Reason::ReliesOnBreach);
    }
    found.add_expiry(case, Rule::Apr4, Reason::ApprovalOver, held.expires);
}

/// APR-4: what is dispatched under an approval is so while that stands: a later word, a breach in its life or its end takes it away. What it covers
/// cannot have become another request without a breach.
fn check_dispatch(case: &Case<'_>, found: &mut Breaches) {
    let decided = case.input.place.as_ref().and_then(|place| case.state.decision(place));
    let Some(name) = decided.and_then(|decided| decided.approval.as_ref()) else { return };
    let held = case.state.tracked_approval(name);
    let Some(held) = held.filter(|held| held.status == ApprovalStatus::Approved) else {
        return found.add(Rule::Apr4, Reason::ApprovalNeeded);
    };
    if held.breached {
        found.add(Rule::Apr4, Reason::ReliesOnBreach);
    }
    found.add_expiry(case, Rule::Apr4, Reason::ApprovalOver, held.expires);
}
