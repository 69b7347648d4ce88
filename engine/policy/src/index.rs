//! Which policies may speak of a request: those whose scope it falls into. Spec: policy-index.
//!
//! A scope names at most one principal, some actions and at most one surface. Policies of one scope lie together; a request looks up the scopes
//! that it can fall into, so that the cost follows from how many policies speak of it and not from how many there are.

use std::collections::BTreeMap;

/// To what a policy confines itself. What is absent is not confined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scope<K> {
    /// This principal, or what belongs to it.
    pub(crate) principal: Option<K>,
    /// One of these actions, or what belongs to it; empty: any.
    pub(crate) actions: Vec<K>,
    /// This surface, or what belongs to it.
    pub(crate) surface: Option<K>,
}

/// What a request is about: each with everything that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct About<'a, K> {
    /// The principal.
    pub(crate) principals: Vec<&'a K>,
    /// The action.
    pub(crate) actions: Vec<&'a K>,
    /// The surface.
    pub(crate) surfaces: Vec<&'a K>,
}

/// One place of a scope: a principal, an action, a surface.
type Key<K> = (Option<K>, Option<K>, Option<K>);

/// Groups of policies, a group for each scope. `G` is a group's number among those of its owner.
#[derive(Clone, Debug)]
pub(crate) struct Index<K> {
    groups: BTreeMap<Key<K>, Vec<usize>>,
}

impl<K: Clone + Ord> Index<K> {
    /// An index of policies by their scopes; a policy is told by its place in `scopes`.
    pub(crate) fn new(scopes: &[Scope<K>]) -> Self {
        let mut groups: BTreeMap<Key<K>, Vec<usize>> = BTreeMap::new();
        for (policy, scope) in scopes.iter().enumerate() {
            let mut add = |action: Option<K>| {
                let key = (scope.principal.clone(), action, scope.surface.clone());
                groups.entry(key).or_default().push(policy);
            };
            if scope.actions.is_empty() {
                add(None);
            }
            scope.actions.iter().cloned().map(Some).for_each(&mut add);
        }
        for group in groups.values_mut() {
            group.dedup();
        }
        Self { groups }
    }

    /// The groups in the order of their keys: policies by their places, ascending. A policy is in as many as its scope has actions.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &[usize]> {
        self.groups.values().map(Vec::as_slice)
    }

    /// The groups that a request may fall into, by their place among [`Index::groups`].
    pub(crate) fn numbered(self) -> Numbered<K> {
        let numbers = self.groups.into_keys().enumerate().map(|(number, key)| (key, number));
        Numbered { groups: numbers.collect() }
    }
}

/// An index whose groups are kept elsewhere, in the order that [`Index::groups`] gave them.
#[derive(Clone, Debug)]
pub(crate) struct Numbered<K> {
    groups: BTreeMap<Key<K>, usize>,
}

impl<K: Clone + Ord> Numbered<K> {
    /// The numbers of the groups that a request about this may fall into.
    pub(crate) fn candidates(&self, about: &About<'_, K>) -> Vec<usize> {
        let mut found = Vec::new();
        for principal in or_none(&about.principals) {
            for action in or_none(&about.actions) {
                for surface in or_none(&about.surfaces) {
                    let key = (principal.clone(), action.clone(), surface);
                    found.extend(self.groups.get(&key).copied());
                }
            }
        }
        found
    }
}

/// Each of them, and none.
fn or_none<'a, K: Clone>(keys: &'a [&'a K]) -> impl Iterator<Item = Option<K>> + 'a {
    std::iter::once(None).chain(keys.iter().map(|key| Some((*key).clone())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn arb_scope() -> impl Strategy<Value = Scope<u8>> {
        let key = || proptest::option::of(0_u8..4);
        (key(), prop::collection::vec(0_u8..4, 0..3), key()).prop_map(|(principal, actions, surface)| Scope {
            principal,
            actions,
            surface,
        })
    }

    fn arb_keys() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::btree_set(0_u8..4, 0..3).prop_map(|keys| keys.into_iter().collect())
    }

    proptest! {
        #[test]
        fn candidates_are_the_policies_whose_scope_holds_the_request_and_no_others(
            scopes in prop::collection::vec(arb_scope(), 0..20),
            principals in arb_keys(), actions in arb_keys(), surfaces in arb_keys(),
        ) {
            let about = About {
                principals: principals.iter().collect(),
                actions: actions.iter().collect(),
                surfaces: surfaces.iter().collect(),
            };
            let index = Index::new(&scopes);
            let groups: Vec<Vec<usize>> = index.groups().map(<[usize]>::to_vec).collect();
            let numbers = index.numbered().candidates(&about);
            let found: BTreeSet<usize> = numbers.iter().flat_map(|number| groups[*number].clone()).collect();
            let holds = |scope: &Scope<u8>| {
                scope.principal.is_none_or(|key| principals.contains(&key))
                    && (scope.actions.is_empty() || scope.actions.iter().any(|key| actions.contains(key)))
                    && scope.surface.is_none_or(|key| surfaces.contains(&key))
            };
            let expected: BTreeSet<usize> =
                scopes.iter().enumerate().filter(|(_, scope)| holds(scope)).map(|(policy, _)| policy).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
