//! RUN: opening, order and closing. Spec: rule-run-1, rule-run-2, rule-run-3.

use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::{Case, Expiry};
use crate::state::EffectStatus;

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Run1, &[Reason::NotOpened, Reason::OpenedAgain, Reason::AfterClose, Reason::FieldAbsent]),
    (
        Rule::Run2,
        &[
            Reason::SequenceGap,
            Reason::TimeBackwards,
            Reason::CauseAhead,
            Reason::ReferenceAhead,
            Reason::TimeAbsent,
        ],
    ),
    (Rule::Run3, &[Reason::CallOpen, Reason::ApprovalOpen, Reason::EffectOpen, Reason::CredentialLive]),
];

pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    // RUN-1 is judged whatever the layers: there is no source that cannot tell where a run begins and ends.
    if case.kind == Kind::RunOpened {
        found.add(Rule::Run1, Reason::OpenedAgain);
    }
    if !case.judges(Layer::Run) {
        return;
    }
    check_order(case, found);
    if case.kind == Kind::RunClosed {
        check_closing(case, found);
    }
}

/// RUN-2: a record's number is the number of records before it; its time is not before theirs; what it names as cause or in its body came
/// before it.
pub(super) fn check_order(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Run) {
        return;
    }
    let number = case.lineage.len();
    if case.input.sequence != number {
        found.add(Rule::Run2, Reason::SequenceGap);
    }
    let latest = case.state.progress().and_then(|progress| progress.time);
    match case.input.time {
        Some(time) if Some(time) < latest => found.add(Rule::Run2, Reason::TimeBackwards),
        Some(_) => {}
        None => found.add_time_absent(case, Rule::Run2),
    }
    if let Some(ahead) = case.input.causes.last().filter(|last| *last >= number) {
        found.add_at(Rule::Run2, Reason::CauseAhead, Some(ahead), None);
    }
    if let Some(ahead) = case.names.filter(|last| *last >= number) {
        found.add_at(Rule::Run2, Reason::ReferenceAhead, Some(ahead), None);
    }
}

/// RUN-3: at closing every announced call has ended, every approval is answered, every effect resolved, every credential over.
fn check_closing(case: &Case<'_>, found: &mut Breaches) {
    let state = case.state;
    let is_live = |end| match case.expiry(end) {
        Expiry::Live => true,
        Expiry::Over => false,
        Expiry::Untold => case.enforced(),
    };
    // Of what one rule set tracks the other has no entry.
    let approvals = state.tracked_approvals().iter().any(|(_, approval)| approval.is_open());
    let effects = state.tracked_effects().iter().any(|(_, effect)| effect.status != EffectStatus::Mismatched);
    let credentials = state.tracked_credentials().iter().any(|(_, held)| is_live(held.expires));
    let open = [
        (state.open_calls() > 0, Reason::CallOpen),
        (approvals || !state.approvals().is_empty(), Reason::ApprovalOpen),
        (effects || !state.effects().is_empty(), Reason::EffectOpen),
        (
            credentials || state.credentials().iter().any(|(_, held)| is_live(held.expires)),
            Reason::CredentialLive,
        ),
    ];
    for (_, reason) in open.into_iter().filter(|(is_open, _)| *is_open) {
        found.add(Rule::Run3, reason);
    }
}
