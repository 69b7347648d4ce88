//! Many patterns for one text, tried from what they have in common: a list of names costs the logarithm of its length.
//!
//! What matches `*@mail.example` or `*@post.example` matches `*@*.example`. So `t like "*@*.example" && (t like "*@mail.example" || t like
//! "*@post.example")` is false, and fails, exactly where the alternatives alone do.

use serde_json::{Value, json};

/// Fewer patterns than this are tried one by one.
const PATTERNS_MIN: usize = 4;

/// A pattern in Cedar's JSON: characters and wildcards.
type Pattern = Vec<Value>;

/// Alternatives of which those that compare one text with many patterns have become one; in no particular order.
pub(super) fn joined(alternatives: Vec<Value>) -> Vec<Value> {
    let mut of_texts: Vec<(Value, Vec<Pattern>)> = Vec::new();
    let mut others = Vec::new();
    for alternative in alternatives {
        let Some((text, pattern)) = like_of(&alternative) else {
            others.push(alternative);
            continue;
        };
        match of_texts.iter_mut().find(|(known, _)| known == text) {
            Some((_, patterns)) => patterns.push(pattern.clone()),
            None => of_texts.push((text.clone(), vec![pattern.clone()])),
        }
    }
    for (text, patterns) in of_texts {
        if patterns.len() < PATTERNS_MIN {
            others.extend(patterns.into_iter().map(|pattern| like(&text, pattern)));
        } else {
            others.extend(any_of(&text, &sorted(patterns), &[]));
        }
    }
    others
}

/// The text and the pattern of a comparison.
fn like_of(expression: &Value) -> Option<(&Value, &Pattern)> {
    let like = expression.get("like")?;
    Some((like.get("left")?, like.get("pattern")?.as_array()?))
}

fn like(text: &Value, pattern: Pattern) -> Value {
    json!({ "like": { "left": text, "pattern": pattern } })
}

/// Next to each other those that have most in common: by their ends, where they begin with anything.
fn sorted(mut patterns: Vec<Pattern>) -> Vec<Pattern> {
    let from_end = patterns.iter().all(|pattern| pattern.first().is_some_and(is_wildcard));
    patterns.sort_by_cached_key(|pattern| {
        let texts = pattern.iter().map(Value::to_string);
        if from_end { texts.rev().collect::<Vec<_>>() } else { texts.collect() }
    });
    patterns
}

fn is_wildcard(element: &Value) -> bool {
    element == "Wildcard"
}

/// Whether the text matches any of these patterns, where it is known to match `known`.
fn any_of(text: &Value, patterns: &[Pattern], known: &[Value]) -> Option<Value> {
    let (one, many) = patterns.split_first()?;
    if many.is_empty() {
        return Some(like(text, one.clone()));
    }
    let common = common(one, many);
    let (left, right) = patterns.split_at(patterns.len() / 2);
    let (left, right) = (any_of(text, left, &common)?, any_of(text, right, &common)?);
    let either = json!({ "||": { "left": left, "right": right } });
    if common == known || common.iter().all(is_wildcard) {
        return Some(either);
    }
    Some(json!({ "&&": { "left": like(text, common), "right": either } }))
}

/// A pattern that matches whatever any of these do: what all begin with, anything, and what all end with.
fn common(one: &Pattern, many: &[Pattern]) -> Pattern {
    let shortest = many.iter().map(Vec::len).min().unwrap_or(0).min(one.len());
    let all_have = |at: &dyn Fn(&Pattern) -> Option<Value>| {
        let found = at(one);
        found.is_some() && many.iter().all(|other| at(other) == found)
    };
    let starts = (0..shortest).take_while(|at| all_have(&|pattern| pattern.get(*at).cloned())).count();
    let from_end = |back: usize| move |pattern: &Pattern| pattern.iter().nth_back(back).cloned();
    let ends = (0..shortest - starts).take_while(|back| all_have(&from_end(*back))).count();
    let beginning = one.iter().take(starts).cloned();
    let anything = std::iter::once(Value::from("Wildcard"));
    beginning.chain(anything).chain(one.iter().skip(one.len() - ends).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Authorizer, Context, Decision, Entities, Policy, PolicySet, Request};
    use proptest::prelude::*;

    use super::*;

    /// The comparisons of these patterns with `context.t`, as Cedar writes them.
    fn comparisons(patterns: &[&str]) -> Vec<Value> {
        let condition = |pattern: &&str| {
            let policy =
                format!("permit(principal, action, resource) when {{ context.t like \"{pattern}\" }};");
            let policy: Policy = policy.parse().unwrap();
            policy.to_json().unwrap()["conditions"][0]["body"].clone()
        };
        patterns.iter().map(condition).collect()
    }

    /// Whether the condition holds of a text, or none where it fails.
    fn holds(condition: &Value, context: &str) -> Option<bool> {
        let any = json!({ "op": "All" });
        let policy = json!({
            "effect": "permit", "principal": any, "action": any, "resource": any,
            "conditions": [{ "kind": "when", "body": condition }],
        });
        let policies = PolicySet::from_policies([Policy::from_json(None, policy).unwrap()]).unwrap();
        let uid = |text: &str| text.parse().unwrap();
        let context = Context::from_json_str(context, None).unwrap();
        let request = Request::new(uid(r#"P::"p""#), uid(r#"A::"a""#), uid(r#"R::"r""#), context, None);
        let answer = Authorizer::new().is_authorized(&request.unwrap(), &policies, &Entities::empty());
        let fails = answer.diagnostics().errors().next().is_some();
        (!fails).then_some(answer.decision() == Decision::Allow)
    }

    fn count(condition: &Value) -> usize {
        condition.to_string().matches("\"like\"").count()
    }

    #[test]
    fn what_patterns_have_in_common_comes_before_them_and_what_says_nothing_does_not() {
        let [one] = joined(comparisons(&["*@a.x", "*@b.x", "*@c.x", "*@d.x"])).try_into().unwrap();
        assert_eq!(count(&one), 5, "`*@*.x` before all, and nothing more before the halves");
        let [one] = joined(comparisons(&["a*", "b*", "c", "d"])).try_into().unwrap();
        assert_eq!(count(&one), 4, "`*` says nothing, and neither does `**`");
        assert_eq!(joined(comparisons(&["a", "b", "c"])).len(), 3, "few are left as they are");
    }

    #[test]
    fn what_is_no_text_fails_as_it_does_without_them() {
        let one = joined(comparisons(&["*a", "*ba", "*ca", "*da"]));
        assert_eq!(holds(&one[0], r#"{"t": 7}"#), None);
        assert_eq!(holds(&one[0], "{}"), None);
        assert_eq!(holds(&one[0], r#"{"t": "xa"}"#), Some(true));
    }

    proptest! {
        #[test]
        fn patterns_joined_match_what_any_of_them_does(
            patterns in prop::collection::vec("[ab*]{0,5}", 4..12), texts in prop::collection::vec("[ab]{0,5}", 8),
        ) {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let each = comparisons(&patterns);
            let [one]: [Value; 1] = joined(each.clone()).try_into().unwrap();
            for text in texts {
                let context = json!({ "t": text }).to_string();
                let any = each.iter().any(|condition| holds(condition, &context) == Some(true));
                prop_assert_eq!(holds(&one, &context), Some(any), "{:?} {:?}", patterns, text);
            }
        }
    }
}
