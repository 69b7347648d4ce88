//! Tests that a bundle brings: requests and what is to be answered.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::engine::Compiled;
use crate::judgement::{Judgement, PolicyError};
use crate::request::PolicyRequest;

/// A test of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, as a sentence.
    pub name: String,
    /// The question.
    pub request: PolicyRequest,
    /// The answer.
    pub expect: Expectation,
}

/// What a test expects. What is absent may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The answer.
    pub decision: Decision,
    /// The directive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directive: Option<Directive>,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonCode>,
    /// The policies that determine it, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<Id>>,
}

impl Expectation {
    /// Whether a judgement is as expected.
    pub fn holds(&self, judgement: &Judgement) -> bool {
        let rules = self.rules.clone().map(|mut rules| {
            rules.sort();
            rules
        });
        self.decision == judgement.decision
            && self.directive.is_none_or(|directive| directive == judgement.directive)
            && self.reason.is_none_or(|reason| reason == judgement.reason)
            && rules.is_none_or(|rules| rules == judgement.rules)
    }
}

/// A test and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    /// The test.
    pub case: &'a Case,
    /// What was answered, raised to what the risk table asks.
    pub judgement: Judgement,
    /// The policies that failed and what the engine says of each: no part of the answer.
    pub failures: Vec<PolicyError>,
}

impl Outcome<'_> {
    /// Whether the test passed.
    pub fn passed(&self) -> bool {
        self.case.expect.holds(&self.judgement)
    }
}

/// Asks every question.
pub fn run<'a>(cases: &'a [Case], policies: &Compiled) -> Vec<Outcome<'a>> {
    let ask = |case: &'a Case| {
        let judgement = policies.judge(&case.request).raised(&case.request);
        let response = (!judgement.errors.is_empty()).then(|| policies.respond(&case.request));
        let failures = response.and_then(Result::ok).map(|response| response.errors).unwrap_or_default();
        Outcome { case, judgement, failures }
    };
    cases.iter().map(ask).collect()
}
