//! Which rules this machine has.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::values::RuleSet;

/// Number of the rule set.
pub const RULE_SET: u16 = 1;

/// Rule set 1: its number and the digest of its definition.
pub fn rule_set_1() -> RuleSet {
    let digest: Digest = digest(Purpose::Block, b"rederive rule set 1");
    RuleSet { number: RULE_SET, digest }
}

/// Whether this machine can judge a run under `rule_set`.
pub fn supports(rule_set: &RuleSet) -> bool {
    *rule_set == rule_set_1()
}
