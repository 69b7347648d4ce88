//! Which rules this machine has: rule sets are added, never changed (D3).

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::values::RuleSet;

use crate::rules::RULES;

/// Number of the rule set of this machine.
pub const RULE_SET: u16 = 1;

/// What the numbers and reasons alone do not say: raised when a rule's definition changes before it is released.
const EDITION: &str = "rederive rule set 1, edition 1";

/// The canonical definition: the edition, then a line a rule, its id and the names of its reasons. Spec: rule-set.
fn definition() -> String {
    let mut text = format!("{EDITION}\n");
    for (rule, reasons) in RULES.iter().copied().flatten() {
        text.push_str(rule.name());
        for reason in *reasons {
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
