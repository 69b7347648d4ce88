//! TOL: tools and the life of a call. Spec: rule-tol-1, rule-tol-2, rule-tol-3, rule-tol-4, rule-tol-5, rule-tol-6.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::approval::ApprovalEvidence;
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::tool::{ToolDispatched, ToolProposed, ToolValidated};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::SchemaCheck;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{ActorType, Layer, Place};

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::grant::planned;
use crate::place::{Standing, standing};
use crate::rule_set::RuleSetNumber;
use crate::state::{Call, CallStatus, State};

pub(super) const REASONS: &[Reasons] = &[
    (
        Rule::Tol1,
        &[Reason::FieldAbsent, Reason::ToolUnregistered, Reason::OtherSchema, Reason::InvalidArguments],
    ),
    (Rule::Tol2, &[Reason::Step, Reason::PlaceUsed, Reason::NoPlace, Reason::Unknown]),
    (Rule::Tol3, &[Reason::NotAsDecided]),
    (Rule::Tol4, &[Reason::NotBroker]),
    (Rule::Tol5, &[Reason::RetryUnlinked, Reason::RetryLimit]),
];

/// TOL-6 as rule set 1 has it.
pub(super) const PREVIEWS: &[Reasons] = &[(Rule::Tol6, &[Reason::NoPreview])];

/// TOL-6 as it is since rule set 2.
pub(super) const PREVIEWS_SINCE_2: &[Reasons] =
    &[(Rule::Tol6, &[Reason::NoPreview, Reason::PreviewNotShown, Reason::NotAsPreviewed])];

/// Most forms of a call's arguments that lead from the proposed to the validated one, both among them.
const FORMS_MAX: usize = 16;

/// A step in the life of a call. Spec: call-steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Proposed,
    Validated,
    Requested,
    Previewed,
    Decided,
    Dispatched,
    Returned,
    Failed,
    Blocked,
    Unknown,
}

impl Step {
    /// The step that a record of this kind is, where it is one.
    fn of(kind: Kind) -> Option<Self> {
        let steps = [
            (Kind::ToolProposed, Self::Proposed),
            (Kind::ToolValidated, Self::Validated),
            (Kind::ToolRequested, Self::Requested),
            (Kind::ToolPreviewed, Self::Previewed),
            (Kind::DecisionMade, Self::Decided),
            (Kind::ToolDispatched, Self::Dispatched),
            (Kind::ToolReturned, Self::Returned),
            (Kind::ToolFailed, Self::Failed),
            (Kind::ToolBlocked, Self::Blocked),
            (Kind::ToolUnknown, Self::Unknown),
        ];
        steps.into_iter().find(|(of, _)| *of == kind).map(|(_, step)| step)
    }
}

/// Whether a live call that stands here may take this step. Spec: call-grid.
pub(crate) fn allows(status: CallStatus, step: Step) -> bool {
    use CallStatus::{Decided, Dispatched, Proposed, Requested, Validated};
    match step {
        Step::Proposed => false,
        Step::Validated => status == Proposed,
        Step::Requested => status == Validated,
        // Held for approval, a call is decided again.
        Step::Decided => matches!(status, Requested | Decided),
        Step::Dispatched => status == Decided,
        Step::Previewed | Step::Blocked => matches!(status, Proposed | Validated | Requested | Decided),
        Step::Returned | Step::Failed | Step::Unknown => status == Dispatched,
    }
}

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::ToolBroker) {
        return;
    }
    // Rule set 1 tracks no approval.
    if let Body::ApprovalEvidence(evidence) = &case.input.body {
        return check_evidence(case, evidence, found);
    }
    let Some(step) = Step::of(case.kind) else { return };
    check_step(case, step, found);
    let body = &case.input.body;
    if let Body::ToolProposed(proposed) = body {
        check_proposal(case, proposed, found);
    } else if let Body::ToolValidated(validated) = body {
        check_validation(case, validated, found);
    } else if let (Body::ToolRequested(requested), Some(call)) = (body, case.call) {
        check_arguments(call, requested.arguments, found);
    } else if let Body::DecisionMade(decision) = body {
        check_decision(case, decision, found);
    } else if let Body::ToolDispatched(dispatched) = body {
        check_dispatch(case, dispatched, found);
    }
}

/// TOL-2: the step is one that the call may take from where it stands.
fn check_step(case: &Case<'_>, step: Step, found: &mut Breaches) {
    let Some(standing) = standing_of(case) else {
        // A decision that names no call is about something else.
        if step != Step::Decided {
            found.add(Rule::Tol2, Reason::NoPlace);
        }
        return;
    };
    match (standing, step) {
        (Standing::Free, Step::Proposed) => {}
        (Standing::Live(_) | Standing::Used, Step::Proposed) => found.add(Rule::Tol2, Reason::PlaceUsed),
        (Standing::OutOfTurn, Step::Proposed) => found.add(Rule::Tol2, Reason::Step),
        (Standing::Live(call), step) if allows(call.status, step) => {}
        (Standing::Live(_) | Standing::Used, _) => found.add(Rule::Tol2, Reason::Step),
        (Standing::Free | Standing::OutOfTurn, _) => found.add(Rule::Tol2, Reason::Unknown),
    }
}

/// Where the call stands that a step is of: at the record's place, and for a decision at the one that its request names.
fn standing_of<'a>(case: &Case<'a>) -> Option<Standing<'a>> {
    if let Body::DecisionMade(decision) = &case.input.body {
        decision.request.call.as_ref().map(|place| standing(case.state, place))
    } else {
        case.standing()
    }
}

/// TOL-1 and TOL-5 at a proposal: the tool is registered, the arguments satisfy its schema, and a retry is the next attempt of the call that it
/// names, within the limit.
fn check_proposal(case: &Case<'_>, proposed: &ToolProposed, found: &mut Breaches) {
    let tool = case.state.tool(&proposed.tool);
    if tool.is_none() {
        found.add(Rule::Tol1, Reason::ToolUnregistered);
    } else if !satisfies(case) {
        found.add(Rule::Tol1, Reason::InvalidArguments);
    }
    let Some(place) = &case.input.place else { return };
    let is_first = |first: &Place| *first == Place { attempt: 0, ..place.clone() };
    let linked = match &proposed.retry_of {
        None => place.attempt == 0,
        Some(first) => place.attempt > 0 && is_first(first),
    };
    if !linked {
        found.add(Rule::Tol5, Reason::RetryUnlinked);
    }
    if case.config.limits.retries.is_some_and(|most| place.attempt > most) {
        found.add(Rule::Tol5, Reason::RetryLimit);
    }
}

/// Whether the arguments are known to satisfy the schema; in an observed run, whether they are not known to break it.
fn satisfies(case: &Case<'_>) -> bool {
    match case.extracted.and_then(|extracted| extracted.schema) {
        Some(SchemaCheck::Valid) => true,
        Some(SchemaCheck::Invalid | SchemaCheck::NotJson) => false,
        Some(SchemaCheck::NoSchema | SchemaCheck::BadSchema) | None => !case.enforced(),
    }
}

/// TOL-1: version and schema are the registered ones. TOL-3: the arguments are those proposed, or what guardrails made of them.
fn check_validation(case: &Case<'_>, validated: &ToolValidated, found: &mut Breaches) {
    match case.state.tool(&validated.tool) {
        None => found.add(Rule::Tol1, Reason::ToolUnregistered),
        Some(tool) => {
            let version = validated.version.known();
            let schema = validated.schema.known();
            if version != tool.version.as_ref().filter(|_| version.is_some())
                || schema != tool.schema.as_ref().filter(|_| schema.is_some())
            {
                found.add(Rule::Tol1, Reason::OtherSchema);
            }
        }
    }
    let Some(call) = case.call else { return };
    let proposed = call.arguments.is_none_or(|proposed| leads_to(case.state, proposed, validated.arguments));
    if call.tool != validated.tool || !proposed {
        found.add(Rule::Tol3, Reason::NotAsDecided);
    }
}

/// Whether `to` is `from` or what guardrails made of it.
fn leads_to(state: &State, from: Digest, to: Digest) -> bool {
    let transformed = |form: &Digest| state.context(form).and_then(|content| content.transformed);
    std::iter::successors(Some(from), transformed).take(FORMS_MAX).any(|form| form == to)
}

/// TOL-3: a decision on a call is on the tool, the class of effect, the arguments and the target that the gate was asked about.
fn check_decision(case: &Case<'_>, made: &DecisionMade, found: &mut Breaches) {
    let Some(call) = case.named_call() else { return };
    let request = &made.request;
    let other_tool = request.scope.known().is_some_and(|item| item.tool != call.tool);
    if other_tool || call.effects.is_some_and(|effects| effects != request.action) {
        found.add(Rule::Tol3, Reason::NotAsDecided);
    }
    if let Some(arguments) = request.arguments.known() {
        check_arguments(call, *arguments, found);
    }
    check_target(call, request.target, found);
}

/// TOL-1, TOL-3, TOL-4, TOL-6: the broker dispatches what was permitted, to the tool as it was registered then, previewed where it offers that.
fn check_dispatch(case: &Case<'_>, dispatched: &ToolDispatched, found: &mut Breaches) {
    if case.actor.is_none_or(|actor| actor.actor_type != ActorType::Broker) {
        found.add(Rule::Tol4, Reason::NotBroker);
    }
    let Some(call) = case.call else { return };
    // That nothing permits it POL-1 says, where it is judged.
    let is_forbidden = call.permitted == Some(false) && !judges_permits(case);
    if call.tool != dispatched.tool || is_forbidden {
        found.add(Rule::Tol3, Reason::NotAsDecided);
    }
    check_arguments(call, dispatched.arguments, found);
    check_target(call, dispatched.target, found);
    if call.diff.is_some() && planned(case.state, call).any(|(_, effect)| effect.expected != call.diff) {
        found.add(Rule::Tol6, Reason::NotAsPreviewed);
    }
    let Some(tool) = case.state.tool(&call.tool) else { return };
    if (tool.schema, tool.effects) != (call.schema, call.effects) {
        found.add(Rule::Tol1, Reason::OtherSchema);
    }
    if tool.preview && !call.previewed {
        found.add(Rule::Tol6, Reason::NoPreview);
    }
}

/// Whether the run is judged by POL-1.
fn judges_permits(case: &Case<'_>) -> bool {
    case.is_since(RuleSetNumber::Two) && case.judges(Layer::Policy)
}

/// TOL-6: of a call whose tool offers a preview, the approver is shown its diff as the effect expected.
fn check_evidence(case: &Case<'_>, evidence: &ApprovalEvidence, found: &mut Breaches) {
    let approval = case.state.tracked_approval(&evidence.approval);
    let place = approval.and_then(|approval| approval.call.as_ref());
    let Some(call) = place.and_then(|place| case.state.call(place)) else { return };
    let offers = case.state.tool(&call.tool).is_some_and(|tool| tool.preview);
    let shown = evidence.expected_effect.known().and_then(|content| case.commitment(*content));
    if offers && (call.diff.is_none() || call.diff != shown) {
        found.add(Rule::Tol6, Reason::PreviewNotShown);
    }
}

/// The arguments are those stated last, where any were.
fn check_arguments(call: &Call, stated: Digest, found: &mut Breaches) {
    if call.arguments.is_some_and(|held| held != stated) {
        found.add(Rule::Tol3, Reason::NotAsDecided);
    }
}

/// The target is the one that the gate was asked about, or none is where it was asked about none.
fn check_target(call: &Call, stated: Option<Digest>, found: &mut Breaches) {
    if call.status >= CallStatus::Requested && call.target != stated {
        found.add(Rule::Tol3, Reason::NotAsDecided);
    }
}
