//! Cedar policies behind an index: evaluated are those whose scope a request falls into, with the answer that evaluating all would give.
//!
//! Why the answer is the same: Cedar's answer is made of the forbids that match, the permits that match and the policies that fail. A policy
//! out of whose scope a request falls neither matches nor fails, since scopes cannot fail. So the answers of the groups, put together, are
//! made of the same policies. Of a group with many forbids, those are evaluated only where their [`Screen`] is not clear.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    ActionConstraint, AuthorizationError, Authorizer, Decision, Entities, EntityUid, Policy, PolicySet,
    PolicySetError, PrincipalConstraint, Request, ResourceConstraint,
};

use super::screen::Screen;
use crate::index::{About, Index, Numbered, Scope};
use crate::judgement::{PolicyError, Response};

/// Policies, whole and by scope.
#[derive(Debug)]
pub(crate) struct Policies {
    authorizer: Authorizer,
    all: PolicySet,
    index: Numbered<EntityUid>,
    groups: Vec<Group>,
}

/// Policies of one scope.
#[derive(Debug)]
struct Group {
    screen: Option<Screen>,
    /// The forbids behind the screen.
    screened: PolicySet,
    /// Those that are always evaluated.
    plain: PolicySet,
}

impl Group {
    fn new(policies: Vec<Policy>) -> Result<Self, Box<PolicySetError>> {
        let (screen, screened, plain) = Screen::split(policies);
        let set = |policies| PolicySet::from_policies(policies).map_err(Box::new);
        Ok(Self { screen, screened: set(screened)?, plain: set(plain)? })
    }

    fn add_to(&self, joined: &mut Joined, authorizer: &Authorizer, request: &Request, entities: &Entities) {
        joined.add(&authorizer.is_authorized(request, &self.plain, entities));
        let is_clear = |screen: &Screen| screen.is_clear(authorizer, request, entities);
        if !self.screen.as_ref().is_none_or(is_clear) {
            joined.add(&authorizer.is_authorized(request, &self.screened, entities));
        }
    }
}

impl Policies {
    /// These policies, grouped by scope.
    ///
    /// # Errors
    /// Two have one name.
    pub(crate) fn new(policies: Vec<Policy>) -> Result<Self, Box<PolicySetError>> {
        let scopes: Vec<Scope<EntityUid>> = policies.iter().map(scope).collect();
        let index = Index::new(&scopes);
        let group = |places: &[usize]| {
            let policies = places.iter().filter_map(|place| policies.get(*place)).cloned();
            Group::new(policies.collect())
        };
        let groups = index.groups().map(group).collect::<Result<_, _>>()?;
        let all = PolicySet::from_policies(policies).map_err(Box::new)?;
        Ok(Self { authorizer: Authorizer::new(), all, index: index.numbered(), groups })
    }

    /// Cedar's answer.
    pub(crate) fn respond(&self, request: &Request, entities: &Entities) -> Response {
        let about = About {
            principals: belongings(request.principal(), entities),
            actions: belongings(request.action(), entities),
            surfaces: belongings(request.resource(), entities),
        };
        let candidates = self.index.candidates(&about);
        let groups = candidates.iter().filter_map(|number| self.groups.get(*number));
        let mut joined = Joined::default();
        groups.for_each(|group| group.add_to(&mut joined, &self.authorizer, request, entities));
        joined.into()
    }

    /// Cedar's answer, every policy evaluated.
    pub(crate) fn respond_plainly(&self, request: &Request, entities: &Entities) -> Response {
        let mut joined = Joined::default();
        joined.add(&self.authorizer.is_authorized(request, &self.all, entities));
        joined.into()
    }
}

/// An entity and all that it belongs to.
fn belongings<'a>(uid: Option<&'a EntityUid>, entities: &'a Entities) -> Vec<&'a EntityUid> {
    let ancestors = uid.and_then(|uid| entities.ancestors(uid)).into_iter().flatten();
    uid.into_iter().chain(ancestors).collect()
}

/// To what a policy confines itself by name. A constraint on a type alone confines nothing here: the policy itself will.
fn scope(policy: &Policy) -> Scope<EntityUid> {
    let principal = match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
            Some(uid)
        }
    };
    let actions = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::In(uids) => uids,
        ActionConstraint::Eq(uid) => vec![uid],
    };
    let surface = match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) | ResourceConstraint::IsIn(_, uid) => {
            Some(uid)
        }
    };
    Scope { principal, actions, surface }
}

/// Answers of groups, put together.
#[derive(Default)]
struct Joined {
    permits: BTreeSet<String>,
    forbids: BTreeSet<String>,
    errors: BTreeMap<String, String>,
}

impl Joined {
    fn add(&mut self, answer: &cedar_policy::Response) {
        let determining = match answer.decision() {
            Decision::Allow => &mut self.permits,
            Decision::Deny => &mut self.forbids,
        };
        let diagnostics = answer.diagnostics();
        determining.extend(diagnostics.reason().map(ToString::to_string));
        for error in diagnostics.errors() {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            self.errors.insert(error.policy_id().to_string(), error.inner().to_string());
        }
    }
}

impl From<Joined> for Response {
    fn from(joined: Joined) -> Self {
        let allowed = joined.forbids.is_empty() && !joined.permits.is_empty();
        let determining = if joined.forbids.is_empty() { joined.permits } else { joined.forbids };
        let errors = joined.errors.into_iter().map(|(policy, message)| PolicyError { policy, message });
        Self { allowed, reasons: determining.into_iter().collect(), errors: errors.collect() }
    }
}
