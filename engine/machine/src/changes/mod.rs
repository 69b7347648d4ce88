//! What each kind of record changes in the state, once it is applied. Total: where a record does not fit the state, nothing changes.
//! Spec: changes.

mod approval;
mod call;
mod content;
mod credential;
mod decision;
mod delegation;
mod effect;
mod opening;
mod output;
mod policy;
mod prompt;
mod tool;
mod turn;

use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::memory::{MemoryKey, MemoryWritten};

use crate::case::Case;
use crate::charge::{Window, window};
use crate::lineage::Mark;
use crate::rules::needs_permit;
use crate::state::{CallsAt, Delta, Influence, MemoryItem, Present, SharedCounter};

pub(crate) use opening::{opened, registered};
pub(crate) use tool::registered as registered_tool;

/// What a refused request changes: it is counted, time goes on, and a call proposed at a free place has ended as blocked.
pub(crate) fn refused(case: &Case<'_>, delta: &mut Delta<'_>) {
    time(case, false, delta);
    let mut counters = case.state.counters().copied().unwrap_or_default();
    counters.refused = counters.refused.saturating_add(1);
    if let Some(window) = moved_window(case) {
        counters.calls_in_window = window.calls_left(case.state);
        leave(window, case, delta);
    }
    delta.counters(counters);
    if let (Body::ToolProposed(_), Some(place)) = (&case.input.body, &case.input.place) {
        turn::refuse(case.state, place, delta);
    }
}

/// What an applied record changes. `influence` is what it hands on.
pub(crate) fn applied(case: &Case<'_>, influence: Influence, delta: &mut Delta<'_>) {
    time(case, matches!(case.input.body, Body::RunClosed(_)), delta);
    count(case, delta);
    body(case, influence, delta);
}

fn body(case: &Case<'_>, influence: Influence, delta: &mut Delta<'_>) {
    match &case.input.body {
        Body::PromptSent(sent) => prompt::sent(case, sent, influence, delta),
        Body::PromptAnswered(answer) => turn::answered(case, u32::from(answer.calls), influence, delta),
        Body::ContextRetrieved(retrieved) => content::retrieved(case, retrieved, delta),
        Body::ContextSummarised(summary) => content::summarised(case, summary, delta),
        Body::PlanProposed(_) | Body::PlanRevised(_) => policy::planned(case, delta),
        Body::PlanChecked(checked) => policy::checked(case, checked.verdict, delta),
        Body::ContextBlocked(blocked) => content::withheld(case, blocked.item, delta),
        Body::GuardrailDetected(detected) => {
            content::detected(case, detected, delta);
            output::inspected(case, &detected.inspected, delta);
        }
        Body::GuardrailTransformed(transformed) => {
            content::transformed(case, transformed, delta);
            output::transformed(case, transformed, influence, delta);
        }
        Body::GuardrailBlocked(blocked) => content::blocked(case, blocked.inspected, delta),
        Body::DecisionMade(made) => decision::made(case, made, delta),
        Body::ToolRegistered(registered) => {
            delta.tool(registered.tool.clone(), Some(Box::new(registered_tool(case, registered))));
        }
        Body::ToolProposed(proposed) => call::proposed(case, proposed, influence, delta),
        Body::ToolValidated(validated) => call::validated(case, validated, delta),
        Body::ToolRequested(requested) => call::requested(case, requested, delta),
        Body::ToolPreviewed(previewed) => call::previewed(case, previewed, delta),
        Body::ToolDispatched(dispatched) => {
            call::dispatched(case, dispatched, delta);
            effect::dispatched(case, delta);
        }
        Body::ToolReturned(_) | Body::ToolFailed(_) | Body::ToolBlocked(_) | Body::ToolUnknown(_) => {
            call::ended(case, delta);
        }
        Body::CredentialIssued(issued) => credential::issued(case, issued, delta),
        Body::CredentialRevoked(revoked) => credential::ended(case, &revoked.credential, influence, delta),
        Body::CredentialExpired(expired) => credential::ended(case, &expired.credential, influence, delta),
        Body::ApprovalRequested(_)
        | Body::ApprovalEvidence(_)
        | Body::ApprovalUnderReview(_)
        | Body::ApprovalApproved(_)
        | Body::ApprovalDenied(_)
        | Body::ApprovalRevised(_)
        | Body::ApprovalExpired(_)
        | Body::ApprovalWithdrawn(_)
        | Body::ApprovalLogged(_) => approval::stepped(case, influence, delta),
        Body::MemoryWritten(written) => remembered(case, written, influence, delta),
        Body::MemoryDeleted(deleted) => forgotten(&deleted.item, influence, delta),
        Body::MemoryExpired(expired) => forgotten(&expired.item, influence, delta),
        Body::OutputProduced(produced) => {
            output::produced(case, case.commitment(produced.output), influence, delta);
        }
        Body::OutputBlocked(blocked) => output::blocked(case, &blocked.output, delta),
        Body::EffectPlanned(planned) => effect::planned(case, planned, influence, delta),
        Body::EffectExecuted(executed) => effect::executed(case, executed, delta),
        Body::EffectVerified(verified) => effect::verified(case, verified, influence, delta),
        Body::EffectReverted(reverted) => effect::resolved(case, &reverted.effect, influence, delta),
        Body::EffectQuarantined(quarantined) => effect::resolved(case, &quarantined.effect, influence, delta),
        Body::EffectCompensated(compensated) => effect::resolved(case, &compensated.effect, influence, delta),
        Body::EffectNotified(notified) => effect::resolved(case, &notified.effect, influence, delta),
        Body::DelegationGranted(granted) => delegation::granted(case, granted, delta),
        Body::DelegationEnded(ended) => delegation::ended(case.state, ended, delta),
        Body::LimitRead(read) => {
            let counter = SharedCounter { kind: read.kind, value: read.value, limit: read.limit };
            delta.shared_counter(read.counter.clone(), Some(counter));
        }
        Body::PolicyPinned(pinned) => policy::pinned(case, pinned, delta),
        Body::PolicyChanged(changed) => policy::changed(case, changed, delta),
        Body::ExceptionGranted(granted) => policy::excepted(case, granted, delta),
        Body::ExceptionEnded(ended) => delta.exception(ended.exception.clone(), None),
        Body::RunOpened(_)
        | Body::RunClosed(_)
        | Body::PromptGiven(_)
        | Body::CredentialUsed(_)
        | Body::MemoryRead(_)
        | Body::OutputReleased(_)
        | Body::HandedOff(_)
        | Body::RiskAccepted(_)
        | Body::ReviewHeld(_)
        | Body::EvaluationAttached(_)
        | Body::IncidentOpened(_)
        | Body::IncidentClosed(_) => {}
    }
}

/// Whether a fact of the records that rule set 2 asks for counts as what it says: in an enforced run not where it breaches a rule itself.
/// Spec: counts.
fn counts(case: &Case<'_>, influence: Influence) -> bool {
    !case.enforced() || influence.flags & Mark::BREACHED == 0
}

/// The latest time recorded, and whether the run is closed.
fn time(case: &Case<'_>, closed: bool, delta: &mut Delta<'_>) {
    let mut progress = case.state.progress().copied().unwrap_or_default();
    progress.time = progress.time.max(case.input.time);
    progress.closed |= closed;
    delta.progress(progress);
}

/// The rate window, where the record would add a call to it. It moves on with the record's time whether the call is refused or not: else a
/// run of refusals would look at the same calls again and again.
fn moved_window(case: &Case<'_>) -> Option<Window> {
    if case.charge.calls > 0 { window(case) } else { None }
}

/// Calls that the window has left behind leave the state.
fn leave(window: Window, case: &Case<'_>, delta: &mut Delta<'_>) {
    for (time, _) in window.left_behind(case.state) {
        delta.calls_at(*time, None);
    }
}

/// What LIM-1 counts.
fn count(case: &Case<'_>, delta: &mut Delta<'_>) {
    let charge = &case.charge;
    if charge.is_nothing() {
        return;
    }
    delta.counters(charge.added_to(case));
    if let Some(target) = charge.target {
        delta.target(target, Some(Present {}));
    }
    if let Some(window) = moved_window(case) {
        leave(window, case, delta);
        let before = case.state.calls_at(&window.now).map_or(0, |at| at.calls);
        delta.calls_at(window.now, Some(CallsAt { calls: before.saturating_add(charge.calls) }));
    }
}

/// A memory item's value; its label is no better than its influence nor than what was claimed. A permit that was needed is used up.
fn remembered(case: &Case<'_>, written: &MemoryWritten, influence: Influence, delta: &mut Delta<'_>) {
    let commitment = case.commitment(written.value);
    let label = written.label.known().map_or(influence.label, |claimed| influence.label.join(*claimed));
    let item = MemoryItem { commitment, label, expires: written.expires.known().copied() };
    delta.memory_item(written.item.clone(), Some(item));
    if let Some(value) = commitment.filter(|_| needs_permit(written, &influence)) {
        delta.permit(value, None);
    }
}

/// An item that is there no more stays known as such: nothing of an earlier run brings it back.
fn forgotten(item: &MemoryKey, influence: Influence, delta: &mut Delta<'_>) {
    let gone = MemoryItem { commitment: None, label: influence.label, expires: None };
    delta.memory_item(item.clone(), Some(gone));
}
