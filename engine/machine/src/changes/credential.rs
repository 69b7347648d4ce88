//! Credentials that are neither revoked nor expired on record.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::credential::CredentialIssued;

use super::counts;
use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::{Credential, Delta, Influence, TrackedCredential};

/// Under rule set 1 only its end is known.
pub(super) fn issued(case: &Case<'_>, issued: &CredentialIssued, delta: &mut Delta<'_>) {
    let name = issued.credential.clone();
    let expires = issued.expires.known().copied();
    if !case.is_since(RuleSetNumber::Two) {
        return delta.credential(name, Some(Credential { expires }));
    }
    let approval = issued.approval.as_ref().and_then(|name| case.state.tracked_approval(name));
    let call = issued.call.clone().or_else(|| approval.and_then(|approval| approval.call.clone()));
    let mut held =
        TrackedCredential { expires, call, scope: issued.scope.clone(), surfaces: issued.surfaces.clone() };
    held.scope.sort_unstable();
    held.surfaces.sort_unstable();
    delta.tracked_credential(name, Some(Box::new(held)));
}

/// It was revoked, or is over.
pub(super) fn ended(case: &Case<'_>, name: &Id, influence: Influence, delta: &mut Delta<'_>) {
    if !case.is_since(RuleSetNumber::Two) {
        delta.credential(name.clone(), None);
    } else if counts(case, influence) {
        delta.tracked_credential(name.clone(), None);
    }
}
