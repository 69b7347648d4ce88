//! Which rules this machine has: rule sets are added, never changed.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Layer, RuleSet};

use crate::rules::{self, Reasons};

/// A rule set of this machine, oldest first: a later one has every rule of those before it. Spec: rule-set, rule-set-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleSetNumber {
    /// What a trace alone shows: order, identity, context, prompts, calls, memory, limits, hand-off and the chain of causes.
    One,
    /// And what a gate decides on, or asks for: policy, risk, guardrails, credentials, approvals and outcomes.
    Two,
}

/// What makes a rule set.
struct Definition {
    /// What the numbers and reasons alone do not say: raised when a rule's definition changes before the set is released.
    edition: &'static str,
    /// The rules by layer, in the order in which they are printed.
    rules: &'static [&'static [Reasons]],
}

impl RuleSetNumber {
    /// Every rule set, oldest first.
    pub const ALL: &'static [Self] = &[Self::One, Self::Two];

    const fn definition(self) -> Definition {
        match self {
            Self::One => Definition { edition: "rederive rule set 1, edition 1", rules: rules::SET_1 },
            Self::Two => Definition { edition: "rederive rule set 2, edition 1", rules: rules::SET_2 },
        }
    }

    /// The number that records and headers state.
    pub const fn number(self) -> u16 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The set with this number, where this machine has it.
    pub fn numbered(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|set| set.number() == number)
    }

    /// The set that an opening record names, where this machine has it by that very definition.
    pub fn named(set: &RuleSet) -> Option<Self> {
        Self::numbered(set.number).filter(|number| number.rule_set() == *set)
    }

    /// The rules of the set, and the reasons for which each is breached. Spec: rules.
    pub fn rules(self) -> impl Iterator<Item = (Rule, &'static [Reason])> {
        self.definition().rules.iter().copied().flatten().copied()
    }

    /// Whether the set has this rule.
    pub fn has(self, rule: Rule) -> bool {
        self.rules().any(|(of, _)| of == rule)
    }

    /// Whether the set has a rule of this layer.
    pub fn judges(self, layer: Layer) -> bool {
        self.rules().any(|(rule, _)| rule.layer() == layer)
    }

    /// What an opening record names it by: the number and the `rule set` digest of the definition.
    pub fn rule_set(self) -> RuleSet {
        RuleSet { number: self.number(), digest: digest(Purpose::RuleSet, self.text().as_bytes()) }
    }

    /// The canonical definition: the edition, then a line a rule, its id and the names of its reasons. Spec: rule-set.
    fn text(self) -> String {
        let mut text = format!("{}\n", self.definition().edition);
        for (rule, reasons) in self.rules() {
            text.push_str(rule.name());
            for reason in reasons {
                text.push(' ');
                text.push_str(reason.name());
            }
            text.push('\n');
        }
        text
    }
}

/// Whether this machine can judge a run under `rule_set`.
pub fn supports(rule_set: &RuleSet) -> bool {
    RuleSetNumber::named(rule_set).is_some()
}
