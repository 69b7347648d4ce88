//! The state that an opening record makes.

use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::values::Actor;

use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::{Counters, Delta, Grant, ListedModel, ListedSource, Policies, Progress, RegisteredActor};

/// What the opening record registers. Of two entries of one name the first stands.
pub(crate) fn opened(case: &Case<'_>, opened: &RunOpened, delta: &mut Delta<'_>) {
    delta.config(Box::new(case.config.clone()));
    delta.progress(Progress { time: case.input.time, closed: false });
    delta.counters(Counters::default());
    if case.is_since(RuleSetNumber::Two) {
        let (bundle, registry) = (case.config.bundle, case.config.registry);
        delta.policies(Box::new(Policies { bundle, registry, ..Policies::default() }));
        for grant in opened.grants.iter().rev() {
            let destination = grant.destination.and_then(|destination| case.commitment(destination));
            delta.grant(grant.id.clone(), Some(Grant::of(grant, destination)));
        }
    }
    for actor in opened.actors.iter().rev() {
        delta.actor(actor.id.clone(), Some(registered(actor)));
    }
    for model in opened.models.iter().rev() {
        delta.model(model.id.clone(), Some(ListedModel { clearance: model.clearance.known().copied() }));
    }
    for source in opened.sources.iter().rev() {
        delta.source(source.id.clone(), Some(ListedSource { label: source.label }));
    }
}

pub(crate) fn registered(actor: &Actor) -> RegisteredActor {
    let mut scope = actor.scope.clone();
    scope.iter_mut().for_each(|scope| scope.sort_unstable());
    RegisteredActor { actor_type: actor.actor_type, scope, delegation: None }
}
