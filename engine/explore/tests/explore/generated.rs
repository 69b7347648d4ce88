//! Generated runs: what they reach, and that everything that can be changed in them is noticed.

use proptest::prelude::*;
use rederive_evidence::arbitrary::Choices;
use rederive_evidence::keys::SigningKey;
use rederive_explore::strategies::{Steps, Walk, bent_runs, trace_of, valid_runs};
use rederive_explore::{Coverage, Explorer, Subject, Watch};
use rederive_machine::{Machine, RuleSetNumber};

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

/// Choices for a run, the same for the same number.
pub(crate) fn choices(number: u64, length: usize) -> Vec<u64> {
    let mut words = Choices::full(number << 20);
    (0..length).map(|_| words.word()).collect()
}

fn breaches(steps: &Steps) -> usize {
    let mut machine = Machine::new();
    let answers = steps.iter().map(|(input, extracted)| {
        let answer = machine.decide(input, extracted.as_ref());
        machine.commit(answer.transition);
        answer.breaches.len()
    });
    answers.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_valid_run_keeps_every_rule_and_reproduces(steps in valid_runs()) {
        prop_assert_eq!(breaches(&steps), 0);
        let trace = trace_of(&steps, &key()).unwrap();
        let report = Watch::default().report(&trace, rederive_replay::Level::State).unwrap();
        prop_assert_eq!(report.valid, rederive_replay::Valid::Reproduced);
        prop_assert_eq!(report.findings.total() + report.failures.total(), 0);
    }

    #[test]
    fn a_bent_run_reproduces_with_what_it_breaks(steps in bent_runs()) {
        let trace = trace_of(&steps, &key()).unwrap();
        let report = Watch::default().report(&trace, rederive_replay::Level::State).unwrap();
        prop_assert_eq!(report.valid, rederive_replay::Valid::Reproduced);
    }
}

/// Runs of each strategy whose reach the document tells.
const RUNS: u64 = 240;

/// What generated runs reach, as the document has it.
pub(crate) fn reach() -> String {
    use std::fmt::Write as _;
    let mut coverage = Coverage::default();
    for number in 0..RUNS {
        coverage.add(&Walk::run(&choices(number, 48)));
        coverage.add(&Walk::bent(&choices(number, 64)));
    }
    let (reached, all) = coverage.rules(RuleSetNumber::Two);
    let (cells, missed) = (coverage.cells().len(), coverage.cells_missed());
    assert!(reached * 3 > all * 2, "{reached} of {all}");
    assert!(cells * 4 > (cells + missed.len()) * 3, "{cells} of {}", cells + missed.len());
    let mut text = format!(
        "{RUNS} runs of each strategy, {} records, reach {reached} of the {all} ways in which a rule of set 2 can be breached and {cells} of {} cells. Not reached:\n\n",
        coverage.records(),
        cells + missed.len(),
    );
    let rules: Vec<String> = coverage
        .rules_missed(RuleSetNumber::Two)
        .iter()
        .map(|(rule, reason)| format!("{rule} {reason}"))
        .collect();
    let cells: Vec<String> = missed.iter().map(|cell| cell.to_string()).collect();
    writeln!(text, "- ways: {}", rules.join(", ")).unwrap();
    writeln!(text, "- cells: {}", cells.join("; ")).unwrap();
    text
}

/// A run that goes deep.
pub(crate) fn deep(number: u64) -> Explorer<'static> {
    let trace = trace_of(&Walk::run(&choices(number, 28)), &key()).unwrap();
    Explorer::new(Subject::of(trace).unwrap(), Watch::default()).unwrap()
}

#[test]
fn everything_that_can_be_changed_in_a_generated_run_is_noticed() {
    for number in 0..4 {
        let explorer = deep(number);
        assert!(explorer.subject().story().len() > 40);
        let exploration = explorer.explore(200, number).unwrap();
        assert_eq!(exploration.failures, [], "run {number}");
    }
}
