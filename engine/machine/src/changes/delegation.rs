//! Delegations and the actors that they register.

use rederive_evidence::kinds::delegation::{DelegationEnded, DelegationGranted};

use crate::case::Case;
use crate::rules::{delegation_depth, is_taken};
use crate::state::{Delta, GrantedDelegation, RegisteredActor, State};

/// The delegate is an actor of the run. A name that is in use keeps what it stands for.
pub(super) fn granted(case: &Case<'_>, granted: &DelegationGranted, delta: &mut Delta<'_>) {
    if is_taken(case.state, granted) {
        return;
    }
    let delegate = &granted.delegate;
    let delegation = GrantedDelegation {
        from: case.input.actor.clone(),
        to: delegate.id.clone(),
        depth: delegation_depth(case.state, case.actor),
        expires: granted.expires.known().copied(),
        live: true,
    };
    let mut scope = delegate.scope.clone().unwrap_or_else(|| granted.scope.clone());
    scope.sort_unstable();
    let actor = RegisteredActor {
        actor_type: delegate.actor_type,
        scope: Some(scope),
        delegation: Some(granted.delegation.clone()),
    };
    delta.delegation(granted.delegation.clone(), Some(delegation));
    delta.actor(delegate.id.clone(), Some(actor));
}

pub(super) fn ended(state: &State, ended: &DelegationEnded, delta: &mut Delta<'_>) {
    if let Some(mut delegation) = state.delegation(&ended.delegation).cloned() {
        delegation.live = false;
        delta.delegation(ended.delegation.clone(), Some(delegation));
    }
}
