//! CRD: authority issued for one act. Since rule set 2. Spec: rule-crd-1, rule-crd-2, rule-crd-3.

use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::credential::{CredentialIssued, CredentialUsed};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Layer, Place, ScopeItem};

use super::{Breaches, Reasons};
use crate::case::{Case, Expiry};
use crate::state::{ApprovalStatus, Call, CallStatus, TrackedApproval};

pub(super) const REASONS: &[Reasons] = &[
    (
        Rule::Crd1,
        &[
            Reason::FieldAbsent,
            Reason::NameTaken,
            Reason::Unbound,
            Reason::NotPermitted,
            Reason::ScopeWider,
            Reason::LifetimeLonger,
            Reason::TimeAbsent,
        ],
    ),
    (
        Rule::Crd2,
        &[
            Reason::Unknown,
            Reason::OtherCall,
            Reason::Step,
            Reason::CredentialOver,
            Reason::NotOver,
            Reason::TimeAbsent,
        ],
    ),
    (Rule::Crd3, &[Reason::FieldAbsent, Reason::SurfaceWider]),
];

/// CRD-1 to CRD-3, by kind of record. Spec: credential-grid.
pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Credential) {
        return;
    }
    let body = &case.input.body;
    if let Body::CredentialIssued(issued) = body {
        check_issue(case, issued, found);
    } else if let Body::CredentialUsed(used) = body {
        check_use(case, used, found);
    } else if let Body::CredentialRevoked(revoked) = body {
        if case.state.tracked_credential(&revoked.credential).is_none() {
            found.add(Rule::Crd2, Reason::Unknown);
        }
    } else if let Body::CredentialExpired(expired) = body {
        match case.state.tracked_credential(&expired.credential) {
            None => found.add(Rule::Crd2, Reason::Unknown),
            Some(held) if case.expiry(held.expires) == Expiry::Live => found.add(Rule::Crd2, Reason::NotOver),
            Some(_) => {}
        }
    }
}

/// What a credential is bound to, where that lets it be issued.
struct Binding<'a> {
    /// The call that it is for.
    call: Option<&'a Place>,
    /// The scope item that was decided on, or approved.
    scope: Option<&'a ScopeItem>,
    /// When the approval ends.
    approved_until: Option<RecordedTime>,
}

/// CRD-1: it is bound to a call that a live permit lets happen, or to an approval, allows no more than that, and ends within limit and session.
/// CRD-3: it opens no surface that its call does not act on.
fn check_issue(case: &Case<'_>, issued: &CredentialIssued, found: &mut Breaches) {
    if case.state.tracked_credential(&issued.credential).is_some() {
        found.add(Rule::Crd1, Reason::NameTaken);
    }
    if issued.call.is_none() && issued.approval.is_none() {
        return found.add(Rule::Crd1, Reason::Unbound);
    }
    let Some(binding) = binding(case, issued, found) else {
        return found.add(Rule::Crd1, Reason::NotPermitted);
    };
    let is_wider = |item: &ScopeItem| binding.scope.is_none_or(|scope| !item.is_within(scope));
    if let Some(item) = issued.scope.iter().position(is_wider) {
        found.add_at(Rule::Crd1, Reason::ScopeWider, None, Some(item));
    }
    check_lifetime(case, issued, &binding, found);
    let surface = binding.call.and_then(|place| surface_of(case, place));
    if let Some(item) = issued.surfaces.iter().position(|opened| surface != Some(opened)) {
        found.add_at(Rule::Crd3, Reason::SurfaceWider, None, Some(item));
    }
}

/// What the credential is bound to: none where nothing permits the call, or nobody approved.
fn binding<'a>(case: &Case<'a>, issued: &'a CredentialIssued, found: &mut Breaches) -> Option<Binding<'a>> {
    let approval = match &issued.approval {
        None => None,
        Some(name) => Some(sound_approval(case, name)?),
    };
    let approved_until = approval.and_then(|approval| approval.expires);
    let Some(place) = &issued.call else {
        let approval = approval?;
        let (call, scope) = (approval.call.as_ref(), approval.scope.as_ref());
        return Some(Binding { call, scope, approved_until });
    };
    let decided = case.state.decision(place).filter(|decided| decided.goes_ahead())?;
    match case.expiry(decided.expires) {
        Expiry::Live => {}
        Expiry::Over => return None,
        Expiry::Untold => found.add_time_absent(case, Rule::Crd1),
    }
    Some(Binding { call: Some(place), scope: decided.scope.as_ref(), approved_until })
}

fn sound_approval<'a>(case: &Case<'a>, name: &Id) -> Option<&'a TrackedApproval> {
    let held = case.state.tracked_approval(name).map(Box::as_ref);
    held.filter(|held| held.status == ApprovalStatus::Approved && !held.breached)
}

/// CRD-1: it ends no later than the limit, the session and the approval allow.
fn check_lifetime(case: &Case<'_>, issued: &CredentialIssued, binding: &Binding<'_>, found: &mut Breaches) {
    let Some(expires) = issued.expires.known().copied() else { return };
    let by_limit = match (case.config.limits.credential_lifetime_ms, case.input.time) {
        (Some(limit), Some(now)) => Some(now.plus_ms(limit)),
        (Some(_), None) => return found.add_time_absent(case, Rule::Crd1),
        (None, _) => None,
    };
    let ends = [by_limit, case.config.session_expires, binding.approved_until];
    if ends.into_iter().flatten().any(|end| expires > end) {
        found.add(Rule::Crd1, Reason::LifetimeLonger);
    }
}

/// The surface that the tool of a live call acts on.
fn surface_of<'a>(case: &Case<'a>, place: &Place) -> Option<&'a Id> {
    let call = case.state.call(place)?;
    case.state.tool(&call.tool).and_then(|tool| tool.surface.as_ref())
}

/// CRD-2: it is live, and its own call uses it, between permit and end. CRD-3: on a surface that it opens.
fn check_use(case: &Case<'_>, used: &CredentialUsed, found: &mut Breaches) {
    let Some(held) = case.state.tracked_credential(&used.credential) else {
        return found.add(Rule::Crd2, Reason::Unknown);
    };
    if held.call.as_ref().is_some_and(|call| *call != used.call) {
        found.add(Rule::Crd2, Reason::OtherCall);
    }
    let lets_in = |call: &Call| match call.status {
        CallStatus::Dispatched => true,
        CallStatus::Decided => call.permitted == Some(true),
        CallStatus::Proposed | CallStatus::Validated | CallStatus::Requested => false,
    };
    if !case.named_call().is_some_and(lets_in) {
        found.add(Rule::Crd2, Reason::Step);
    }
    found.add_expiry(case, Rule::Crd2, Reason::CredentialOver, held.expires);
    if used.surface.known().is_some_and(|surface| held.surfaces.binary_search(surface).is_err()) {
        found.add(Rule::Crd3, Reason::SurfaceWider);
    }
}
