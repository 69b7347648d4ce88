//! Each rule in a pair of runs for each of its reasons: the same run but for one thing, which one keeps and the other breaks, and nothing else.

mod approval;
mod audit;
mod broker;
mod context;
mod credential;
mod guardrail;
mod hand_off;
mod identity;
mod limit;
mod memory;
mod outcome;
mod policy;
mod prompt;
mod risk;
mod run;

use rederive_evidence::kinds::Nature;
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_machine::testing::*;
use rederive_machine::{Mark, RuleSetNumber};

/// Which of the two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twin {
    Keeps,
    Breaks,
}

impl Twin {
    /// One of two values: the first for the run that keeps the rule.
    fn pick<T>(self, keeps: T, breaks: T) -> T {
        match self {
            Self::Keeps => keeps,
            Self::Breaks => breaks,
        }
    }

    fn breaks(self) -> bool {
        self == Self::Breaks
    }
}

/// A rule, a reason, and a run up to and with the record that decides.
pub(crate) type Pair = (Rule, Reason, fn(Twin) -> (Trial, Made));

pub(crate) fn all() -> impl Iterator<Item = Pair> {
    let tables = [
        run::PAIRS,
        identity::PAIRS,
        context::PAIRS,
        prompt::PAIRS,
        guardrail::PAIRS,
        broker::PAIRS,
        memory::PAIRS,
        limit::PAIRS,
        hand_off::PAIRS,
        audit::PAIRS,
        guardrail::SINCE_2,
        memory::SINCE_2,
        policy::PAIRS,
        risk::PAIRS,
        credential::PAIRS,
        approval::PAIRS,
        outcome::PAIRS,
    ];
    tables.into_iter().flatten().copied()
}

#[test]
fn every_reason_of_every_rule_has_a_pair() {
    for (rule, reasons) in RuleSetNumber::Two.rules() {
        for reason in reasons {
            assert!(all().any(|(of, why, _)| (of, why) == (rule, *reason)), "no pair for {rule} {reason}");
        }
    }
    for (rule, reason, _) in all() {
        let known = RuleSetNumber::Two.rules().any(|(of, reasons)| of == rule && reasons.contains(&reason));
        assert!(known, "{rule} does not give {reason}");
    }
}

#[test]
fn the_run_that_keeps_the_rule_breaches_nothing() {
    for (rule, reason, run) in all() {
        let (trial, record) = run(Twin::Keeps);
        let answer = trial.ask(&record);
        assert_eq!((answer.outcome, answer.breaches), (Outcome::Applied, vec![]), "{rule} {reason}");
    }
}

/// Spec: rules.
#[test]
fn the_run_that_breaks_the_rule_breaches_it_alone() {
    for (rule, reason, run) in all() {
        let (trial, record) = run(Twin::Breaks);
        assert_eq!(trial.breaches(&record), [(rule, reason)], "{rule} {reason}");
    }
}

/// What is breached and is a request is refused, and only counts; what is a fact takes effect and is marked.
#[test]
fn a_breaching_request_is_refused_and_a_breaching_fact_is_marked() {
    for (rule, reason, run) in all() {
        let (trial, record) = run(Twin::Breaks);
        let answer = trial.ask(&record);
        let (outcome, flag) = match record.input.body.kind().nature() {
            Nature::Request => (Outcome::Refused, Mark::REFUSED),
            Nature::Fact => (Outcome::Applied, Mark::BREACHED),
        };
        assert_eq!(answer.outcome, outcome, "{rule} {reason}");
        assert_eq!(
            answer.transition.mark().flags & (Mark::REFUSED | Mark::BREACHED),
            flag,
            "{rule} {reason}"
        );
    }
}
