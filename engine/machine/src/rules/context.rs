//! CTX: what is put before the model from outside. Spec: rule-ctx-1, rule-ctx-2, rule-ctx-3, rule-ctx-4.

use rederive_evidence::kinds::context::ContextRetrieved;
use rederive_evidence::kinds::prompt::PromptSent;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{EffectsClass, Layer, Origin, Role};

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::lineage::Mark;
use crate::state::Influence;

pub(super) const REASONS: &[Reasons] = &[
    (Rule::Ctx1, &[Reason::FieldAbsent]),
    (Rule::Ctx2, &[Reason::TenantFilter, Reason::FilterByModel, Reason::SourceUnlisted]),
    (Rule::Ctx3, &[Reason::Stale, Reason::TimeAbsent]),
    (Rule::Ctx4, &[Reason::DataInstructs]),
];

pub(super) fn check(case: &Case<'_>, influence: &Influence, found: &mut Breaches) {
    if !case.judges(Layer::Context) {
        return;
    }
    if let Body::ContextRetrieved(retrieved) = &case.input.body {
        check_retrieval(case, retrieved, found);
    }
    if is_call_above_read(case) {
        found.add_expiry(case, Rule::Ctx3, Reason::Stale, influence.fresh_until);
    }
    if let Body::PromptSent(prompt) = &case.input.body {
        check_roles(case, prompt, found);
    }
    if changes_authority(case.kind) {
        check_authority(case, found);
    }
}

/// CTX-2: the tenant filter is the run's tenant, the model did not put it there, and the source is on the run's list.
fn check_retrieval(case: &Case<'_>, retrieved: &ContextRetrieved, found: &mut Breaches) {
    if retrieved.tenant_filter.known().is_some_and(|filter| *filter != case.config.tenant) {
        found.add(Rule::Ctx2, Reason::TenantFilter);
    }
    if retrieved.filter_origin.known() == Some(&Origin::Model) {
        found.add(Rule::Ctx2, Reason::FilterByModel);
    }
    if retrieved.source.known().is_some_and(|source| case.state.source(source).is_none()) {
        found.add(Rule::Ctx2, Reason::SourceUnlisted);
    }
}

/// CTX-3 looks at a call when it is proposed and when it is dispatched, by the class of its tool; a class that nobody stated is above `read`.
fn is_call_above_read(case: &Case<'_>) -> bool {
    if let Body::ToolProposed(proposed) = &case.input.body {
        let tool = case.state.tool(&proposed.tool);
        tool.and_then(|tool| tool.effects) != Some(EffectsClass::Read)
    } else {
        case.kind == Kind::ToolDispatched && case.call.is_none_or(|call| call.is_above_read())
    }
}

/// CTX-4: no part of a prompt that came from data speaks as system or user.
fn check_roles(case: &Case<'_>, prompt: &PromptSent, found: &mut Breaches) {
    for (item, part) in prompt.parts.iter().enumerate() {
        let instructs = matches!(part.role, Role::System | Role::User);
        let from = part.from.and_then(|from| case.lineage.get(from.0));
        if instructs && from.is_some_and(|mark| mark.flags & Mark::DATA != 0) {
            found.add_at(Rule::Ctx4, Reason::DataInstructs, part.from.map(|from| from.0), Some(item));
        }
    }
}

/// Kinds that change policy, registry, scope or approvals.
fn changes_authority(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PolicyChanged
            | Kind::ToolRegistered
            | Kind::ExceptionGranted
            | Kind::RiskAccepted
            | Kind::ApprovalApproved
            | Kind::ApprovalDenied
            | Kind::ApprovalRevised
    )
}

/// CTX-4: policy, registry, scope and approvals are changed by a person, or by code that does not act on data.
fn check_authority(case: &Case<'_>, found: &mut Breaches) {
    let on_data = || case.causes.is_some_and(|causes| causes.has(Mark::DATA));
    let is_data = match case.input.origin {
        Origin::Model | Origin::Tool | Origin::Outside => true,
        Origin::Code => on_data(),
        Origin::Human => false,
    };
    if is_data {
        let record = case.lineage.first_with(Mark::DATA, &case.input.causes);
        found.add_at(Rule::Ctx4, Reason::DataInstructs, record, None);
    }
}
