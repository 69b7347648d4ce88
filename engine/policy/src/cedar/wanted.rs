//! What of a request the policies of a bundle speak of: nothing else is put to Cedar, for it could change no answer.

use std::collections::BTreeSet;

use cedar_policy::Policy;
use serde_json::Value;

/// The attributes of `context` that policies name; all of them where one uses `context` whole.
#[derive(Debug)]
pub(super) struct Wanted {
    all: bool,
    named: BTreeSet<String>,
}

impl Wanted {
    /// What these policies speak of.
    pub(super) fn of(policies: &[Policy]) -> Self {
        let mut wanted = Self { all: false, named: BTreeSet::new() };
        for policy in policies {
            match policy.to_json() {
                Ok(json) => wanted.read(json.get("conditions").unwrap_or(&Value::Null)),
                Err(_) => wanted.all = true,
            }
        }
        wanted
    }

    /// Whether any policy speaks of this attribute.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.all || self.named.contains(attribute)
    }

    /// Notes what an expression, in Cedar's JSON, asks `context` for. As deep as Cedar let the policy be.
    fn read(&mut self, expression: &Value) {
        match expression {
            Value::Object(fields) => {
                for (operator, operand) in fields {
                    if operator == "Var" && operand == "context" {
                        self.all = true;
                    } else if let Some(attribute) = asked_of_context(operator, operand) {
                        self.named.insert(attribute.to_owned());
                    } else {
                        self.read(operand);
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.read(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// The attribute, of `context.attribute` or `context has attribute`.
fn asked_of_context<'a>(operator: &str, operand: &'a Value) -> Option<&'a str> {
    let of_context = operand.pointer("/left/Var").is_some_and(|of| of == "context");
    let asks = operator == "." || operator == "has";
    // Of `has a.b`, which is a list, the first.
    let named = operand.get("attr")?;
    named.as_str().or_else(|| named.get(0)?.as_str()).filter(|_| asks && of_context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(condition: &str) -> Wanted {
        let policy = format!("permit(principal, action, resource) when {{ {condition} }};");
        Wanted::of(&[policy.parse().unwrap()])
    }

    #[test]
    fn attributes_are_found_wherever_policies_name_them() {
        let found = wanted(
            r#"context.a.b == 1 && (if context has c then [context.d].contains(1) else {x: context["e"]}.x)
                || principal.f && !(context has g.h) || context.i.getTag(context.j) like "z*""#,
        );
        let named: Vec<&str> = found.named.iter().map(String::as_str).collect();
        assert_eq!((found.all, named), (false, vec!["a", "c", "d", "e", "g", "i", "j"]));
    }

    #[test]
    fn a_policy_that_uses_context_whole_wants_all_of_it() {
        assert!(wanted("context == {}").has("anything"));
        assert!(wanted("[context].isEmpty()").has("anything"));
        assert!(!wanted("true").has("anything"));
    }
}
