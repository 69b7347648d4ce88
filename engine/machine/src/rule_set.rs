//! Which rules this machine has: rule sets are added, never changed.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Layer, RuleSet};

use crate::rules::RULES;

/// Number of the rule set of this machine.
pub const RULE_SET: u16 = 1;

/// What the numbers and reasons alone do not say: raised when a rule's definition changes before it is released.
const EDITION: &str = "rederive rule set 1, edition 1";

/// The rules of rule set 1 in the order in which they are checked, and the reasons for which each is breached. Spec: rules.
pub fn rules() -> impl Iterator<Item = (Rule, &'static [Reason])> {
    RULES.iter().copied().flatten().copied()
}

/// Whether rule set 1 has a rule of this layer. The other layers have theirs in a later set.
pub fn judges(layer: Layer) -> bool {
    rules().any(|(rule, _)| rule.layer() == layer)
}

/// The canonical definition: the edition, then a line a rule, its id and the names of its reasons. Spec: rule-set.
fn definition() -> String {
    let mut text = format!("{EDITION}\n");
    for (rule, reasons) in rules() {
        text.push_str(rule.name());
        for reason in reasons {
            text.push(' ');
            text.push_str(reason.name());
        }
        text.push('\n');
    }
    text
}

/// Rule set 1: its number and the `rule set` digest of its definition.
pub fn rule_set_1() -> RuleSet {
    RuleSet { number: RULE_SET, digest: digest(Purpose::RuleSet, definition().as_bytes()) }
}

/// Whether this machine can judge a run under `rule_set`.
pub fn supports(rule_set: &RuleSet) -> bool {
    *rule_set == rule_set_1()
}
