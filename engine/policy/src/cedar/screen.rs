//! A screen before many forbids: one condition that holds where any of theirs does. Where it is false, none of them matches and none fails, and
//! none of them is evaluated by itself.
//!
//! Why that is so: Cedar's `||` is false only where both sides were evaluated, to false; one that fails makes the whole fail. A policy matches or
//! fails only where its condition does, whatever its scope. Where the screen is true or fails, the policies are evaluated one by one as ever.
//!
//! Conditions that begin with the same guard (`context has target && ..`) have it evaluated once: `g && a || g && b` is false, and fails, exactly where
//! `g && (a || b)` does. In which order `||` meets them changes nothing: all have to be false.

use std::collections::{BTreeMap, VecDeque};

use cedar_policy::{Authorizer, Decision, Effect, Entities, Policy, PolicySet, Request};
use serde_json::{Value, json};

use super::likes;
use crate::text::CHAIN_MAX;

/// Fewer forbids than this are evaluated as they are.
const FORBIDS_MIN: usize = 4;

/// Levels of JSON that a screen may have: twice those of the deepest policy, an operator two. One that is deeper could come to the end of the stack where
/// they do not.
const DEPTH_MAX: usize = 4 * CHAIN_MAX;

/// The conditions of some forbids, joined.
#[derive(Debug)]
pub(super) struct Screen(PolicySet);

impl Screen {
    /// Splits policies into a screen, the forbids behind it, and those that are always evaluated. No screen where it would spare nothing.
    pub(super) fn split(policies: Vec<Policy>) -> (Option<Self>, Vec<Policy>, Vec<Policy>) {
        let (forbids, others): (Vec<_>, Vec<_>) =
            policies.iter().cloned().partition(|policy| policy.effect() == Effect::Forbid);
        let conditions: Option<Vec<Value>> = forbids.iter().map(condition).collect();
        let screen = conditions.filter(|conditions| conditions.len() >= FORBIDS_MIN).and_then(Self::of);
        match screen {
            Some(screen) => (Some(screen), forbids, others),
            None => (None, Vec::new(), policies),
        }
    }

    fn of(conditions: Vec<Value>) -> Option<Self> {
        let any = json!({ "op": "All" });
        let body = guarded(conditions.into_iter().map(conjuncts).collect())?;
        if !is_within(&body, DEPTH_MAX) {
            return None;
        }
        let policy = json!({
            "effect": "permit", "principal": any, "action": any, "resource": any,
            "conditions": [{ "kind": "when", "body": body }],
        });
        let policy = Policy::from_json(None, policy).ok()?;
        PolicySet::from_policies([policy]).ok().map(Self)
    }

    /// Whether no policy behind it matches or fails.
    pub(super) fn is_clear(&self, authorizer: &Authorizer, request: &Request, entities: &Entities) -> bool {
        let answer = authorizer.is_authorized(request, &self.0, entities);
        answer.decision() == Decision::Deny && answer.diagnostics().errors().next().is_none()
    }
}

/// The condition of a policy in Cedar's JSON. None where it has none, and so always holds, or where it cannot be written.
fn condition(policy: &Policy) -> Option<Value> {
    let json = policy.to_json().ok()?;
    let clauses = json.get("conditions")?.as_array()?.iter().map(|clause| {
        let body = clause.get("body")?.clone();
        match clause.get("kind")?.as_str()? {
            "when" => Some(body),
            "unless" => Some(json!({ "!": { "arg": body } })),
            _ => None,
        }
    });
    let clauses: Vec<Value> = clauses.collect::<Option<_>>()?;
    clauses.into_iter().reduce(and)
}

/// What a condition joins by `&&`, in its order.
fn conjuncts(condition: Value) -> VecDeque<Value> {
    let (mut found, mut open) = (VecDeque::new(), condition);
    // Written from the left: what is joined last stands outermost.
    while let Some(left) = open.pointer_mut("/&&/left").map(Value::take) {
        if let Some(right) = open.pointer_mut("/&&/right").map(Value::take) {
            found.push_front(right);
        }
        open = left;
    }
    found.push_front(open);
    found
}

/// Whether any of these conditions holds, each of what it joins; those that begin alike behind what they begin with. As deep as the longest of them.
fn guarded(conditions: Vec<VecDeque<Value>>) -> Option<Value> {
    let mut by_guard: Vec<(Value, Vec<VecDeque<Value>>)> = Vec::new();
    let mut places = BTreeMap::new();
    for mut condition in conditions {
        let guard = condition.pop_front()?;
        let place = *places.entry(guard.to_string()).or_insert(by_guard.len());
        match by_guard.get_mut(place) {
            Some((_, rest)) => rest.push(condition),
            None => by_guard.push((guard, vec![condition])),
        }
    }
    let alternatives = by_guard.into_iter().map(|(guard, rest)| {
        // One that is the guard alone holds wherever any of them does, and fails where they do.
        if rest.iter().any(VecDeque::is_empty) { Some(guard) } else { Some(and(guard, guarded(rest)?)) }
    });
    any_of(likes::joined(alternatives.collect::<Option<_>>()?))
}

fn and(left: Value, right: Value) -> Value {
    json!({ "&&": { "left": left, "right": right } })
}

/// Whether a value has at most so many levels.
fn is_within(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return false };
    match value {
        Value::Object(fields) => fields.values().all(|value| is_within(value, below)),
        Value::Array(items) => items.iter().all(|value| is_within(value, below)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Whether any of them holds, no deeper than the logarithm of their number.
fn any_of(mut conditions: Vec<Value>) -> Option<Value> {
    while conditions.len() > 1 {
        let mut joined = Vec::with_capacity(conditions.len().div_ceil(2));
        let mut left = conditions.into_iter();
        while let Some(one) = left.next() {
            joined.push(match left.next() {
                Some(other) => json!({ "||": { "left": one, "right": other } }),
                None => one,
            });
        }
        conditions = joined;
    }
    conditions.pop()
}

#[cfg(test)]
mod tests {
    use cedar_policy::Context;

    use super::*;

    fn policies(texts: &[&str]) -> Vec<Policy> {
        let parsed = |(number, text): (usize, &&str)| {
            Policy::parse(Some(cedar_policy::PolicyId::new(number.to_string())), text).unwrap()
        };
        texts.iter().enumerate().map(parsed).collect()
    }

    fn is_clear(texts: &[&str], context: &str) -> Option<bool> {
        let uid = |text: &str| text.parse().unwrap();
        let context = Context::from_json_str(context, None).unwrap();
        let request = Request::new(uid(r#"P::"p""#), uid(r#"A::"a""#), uid(r#"R::"r""#), context, None);
        let (screen, ..) = Screen::split(policies(texts));
        screen.map(|screen| screen.is_clear(&Authorizer::new(), &request.unwrap(), &Entities::empty()))
    }

    const FORBIDS: [&str; 5] = [
        "forbid(principal, action, resource) when { context.a == 1 };",
        "forbid(principal, action, resource) when { context.a < 4 } unless { context.a > 2 };",
        "forbid(principal == P::\"other\", action, resource) when { context.a == 7 };",
        "forbid(principal, action, resource) when { context has b && context.b like \"*x\" };",
        "forbid(principal, action, resource) unless { context.a != 9 };",
    ];

    #[test]
    fn a_screen_is_clear_only_where_every_condition_is_false_and_none_fails() {
        for (context, clear) in [
            (r#"{"a": 3}"#, true),
            (r#"{"a": 5, "b": "y"}"#, true),
            (r#"{"a": 1}"#, false),
            (r#"{"a": 2}"#, false),
            // Out of its scope: the policies are asked one by one, and say so.
            (r#"{"a": 7}"#, false),
            (r#"{"a": 9}"#, false),
            (r#"{"a": 5, "b": "yx"}"#, false),
            (r#"{"a": 5, "b": 1}"#, false),
            (r#"{"a": "text"}"#, false),
            ("{}", false),
        ] {
            assert_eq!(is_clear(&FORBIDS, context), Some(clear), "{context}");
        }
    }

    const GUARDED: [&str; 6] = [
        "forbid(principal, action, resource) when { context has b && context.b like \"*x\" };",
        "forbid(principal, action, resource) when { context has b && context.b like \"*y\" && context.a == 1 };",
        "forbid(principal, action, resource) when { context has b && context.b like \"*y\" && context.a > 7 };",
        "forbid(principal, action, resource) when { context.a == 3 };",
        "forbid(principal, action, resource) when { context has c && context.c };",
        "forbid(principal, action, resource) when { context has c };",
    ];

    #[test]
    fn what_conditions_begin_with_is_evaluated_once_and_screens_as_they_do_one_by_one() {
        let (screen, ..) = Screen::split(policies(&GUARDED));
        let screen: Vec<String> =
            screen.unwrap().0.policies().map(|policy| policy.to_json().unwrap().to_string()).collect();
        let times = |text: &str| screen.concat().matches(text).count();
        assert_eq!((times(r#""has""#), times(r#""like""#)), (2, 2), "{screen:?}");

        let of = ["", r#""a": 1"#, r#""a": 3"#, r#""a": 5"#, r#""a": 8"#, r#""a": "text""#];
        let with =
            ["", r#""b": "x""#, r#""b": "y""#, r#""b": "z""#, r#""b": 7"#, r#""c": false"#, r#""c": true"#];
        let mut clear = 0;
        for (of, with) in of.iter().flat_map(|of| with.map(|with| (of, with))) {
            let members: Vec<&str> = [of, with].into_iter().filter(|member| !member.is_empty()).collect();
            let context = format!("{{{}}}", members.join(", "));
            let alone = GUARDED.iter().all(|forbid| is_clear(&[*forbid; 4], &context) == Some(true));
            assert_eq!(is_clear(&GUARDED, &context), Some(alone), "{context}");
            clear += usize::from(alone);
        }
        assert_eq!(clear, 9, "some are, some are not");
    }

    #[test]
    fn there_is_no_screen_before_few_forbids_nor_before_one_that_always_holds() {
        assert_eq!(is_clear(&FORBIDS[..3], "{}"), None);
        let always = [FORBIDS.as_slice(), &["forbid(principal, action, resource);"]].concat();
        assert_eq!(is_clear(&always, "{}"), None);
    }
}
