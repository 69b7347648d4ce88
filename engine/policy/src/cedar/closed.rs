//! Words that no request can have. Where an attribute of `context` is one of a closed list, a policy that compares it with another word is never met: a
//! misspelt forbid would forbid nothing, and the schema, which knows strings alone, would say nothing.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::values::{ActorType, Authentication, EffectsClass, Environment, Sensitivity, Trust};
use serde_json::Value;

use crate::control::Control;
use crate::request::Source;

/// The words that an attribute can have; none where they are open.
fn words_of(attribute: &str) -> Option<Vec<&'static str>> {
    Some(match attribute {
        "sources" => Source::ALL.iter().map(|source| source.name()).collect(),
        "trust" => Trust::ALL.iter().map(|value| value.name()).collect(),
        "sensitivity" | "clearance" => Sensitivity::ALL.iter().map(|value| value.name()).collect(),
        "action" | "asked" | "effects" => EffectsClass::ALL.iter().map(|value| value.name()).collect(),
        "detected" => DetectedClass::ALL.iter().map(|value| value.name()).collect(),
        "risks" => RiskSignal::ALL.iter().map(|value| value.name()).collect(),
        "least" => Control::ALL.iter().map(|value| value.name()).collect(),
        "environment" => Environment::ALL.iter().map(|value| value.name()).collect(),
        "actor_type" => ActorType::ALL.iter().map(|value| value.name()).collect(),
        "authentication" => Authentication::ALL.iter().map(|value| value.name()).collect(),
        _ => return None,
    })
}

/// Operators that are met, or not, by what their two sides have in common.
const COMPARISONS: [&str; 5] = ["==", "!=", "contains", "containsAll", "containsAny"];

/// What is said of the policies that compare with words that no request can have, each once.
pub(super) fn warnings(policies: &[Policy]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for policy in policies {
        // What Cedar cannot write as JSON it has checked all the same.
        let Ok(json) = policy.to_json() else { continue };
        let mut strange = BTreeSet::new();
        read(json.get("conditions").unwrap_or(&Value::Null), &mut strange);
        found.extend(strange.into_iter().map(|said| format!("for policy `{}`, {said}", policy.id())));
    }
    found.into_iter().collect()
}

/// Looks at an expression, in Cedar's JSON, as deep as Cedar let the policy be.
fn read(expression: &Value, strange: &mut BTreeSet<String>) {
    match expression {
        Value::Object(fields) => {
            for (operator, operand) in fields {
                if COMPARISONS.contains(&operator.as_str()) {
                    compare(operand, strange);
                }
                read(operand, strange);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| read(item, strange)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Looks at the two sides of a comparison, whichever of them is the attribute.
fn compare(sides: &Value, strange: &mut BTreeSet<String>) {
    let (Some(left), Some(right)) = (sides.get("left"), sides.get("right")) else { return };
    for (attribute, other) in [(left, right), (right, left)] {
        let Some(attribute) = of_context(attribute) else { continue };
        let Some(words) = words_of(attribute) else { continue };
        for word in literals(other).into_iter().filter(|word| !words.contains(word)) {
            strange.insert(format!(
                "no request has {word:?} as `{attribute}`, which is one of {}",
                words.join(", ")
            ));
        }
    }
}

/// The last attribute of `context.a.b`.
fn of_context(expression: &Value) -> Option<&str> {
    let access = expression.get(".")?;
    let of = access.get("left")?;
    let is_context = of.get("Var").is_some_and(|var| var == "context");
    if !is_context && of_context(of).is_none() {
        return None;
    }
    access.get("attr")?.as_str()
}

/// The strings of a literal, or of a set of them.
fn literals(expression: &Value) -> Vec<&str> {
    if let Some(text) = expression.get("Value").and_then(Value::as_str) {
        return vec![text];
    }
    let items = expression.get("Set").and_then(Value::as_array);
    items.into_iter().flatten().filter_map(|item| item.get("Value")?.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warned(condition: &str) -> Vec<String> {
        let policy = format!("forbid(principal, action, resource) when {{ {condition} }};");
        warnings(&[policy.parse().unwrap()])
    }

    #[test]
    fn a_word_that_no_request_can_have_is_told_with_those_that_there_are() {
        assert_eq!(
            warned(r#"context.destination.sources.contains("extrenal")"#),
            [
                "for policy `policy0`, no request has \"extrenal\" as `sources`, which is one of nowhere, external, spelled, internal, user, control"
            ]
        );
        for condition in [
            r#"context.detected.contains("secrte")"#,
            r#"context.detected.containsAny(["secret", "secrte"])"#,
            r#"["user", "contrl"].containsAll(context.sources)"#,
            r#"["user", "contrl"].contains(context.influence.trust)"#,
            r#""publik" == context.influence.sensitivity"#,
            r#"context.action != "sned""#,
            r#"context.asked.contains("Send")"#,
            r#"context.run.actor_type == "robot""#,
            r#"context has carriage && context.carriage.trust == "anybody""#,
            r#"context.risks.contains("irreversable") || context.least == "aprove""#,
            r#"if context.previewed then true else context.tool.clearance == "all""#,
        ] {
            assert!(!warned(condition).is_empty(), "{condition}");
        }
    }

    #[test]
    fn words_that_requests_have_and_words_of_open_lists_are_not_told() {
        for condition in [
            r#"["user", "control"].containsAll(context.destination.sources)"#,
            r#"context.detected.contains("secret") && context.influence.trust == "external""#,
            r#"context.destination.hosts.contains("example.com") || context.tool.name == "anything""#,
            r#"context.run.tenant == "acme" && context.amount_micros > 5"#,
            r#"{sources: ["x"]}.sources.contains("y")"#,
            r#"context.target like "external*""#,
        ] {
            assert_eq!(warned(condition), [""; 0], "{condition}");
        }
    }
}
