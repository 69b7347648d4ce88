//! Generated runs: what they reach, and that everything that can be changed in them is noticed.

use proptest::prelude::*;
use rederive_evidence::arbitrary::Choices;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::{Reason, Rule};
use rederive_explore::coverage::grid::GRIDS;
use rederive_explore::strategies::{Steps, Walk, bent_runs, headless_runs, trace_of, valid_runs};
use rederive_explore::{Coverage, Explorer, PartsFault, Subject, Watch};
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

    /// RUN-1: every record breaks the rule, the late opening record too, and no file holds such a run.
    #[test]
    fn nothing_opens_a_headless_run(steps in headless_runs()) {
        prop_assert!(steps.iter().position(|(input, _)| input.body.kind() == Kind::RunOpened) > Some(0));
        let mut machine = Machine::new();
        for (input, extracted) in &steps {
            let answer = machine.decide(input, extracted.as_ref());
            let ways: Vec<_> = answer.breaches.iter().map(|breach| (breach.rule, breach.reason)).collect();
            prop_assert_eq!(ways, [(Rule::Run1, Reason::NotOpened)]);
            machine.commit(answer.transition);
        }
        prop_assert!(matches!(trace_of(&steps, &key()), Err(PartsFault::NotOpened)));
    }
}

/// Bent runs whose reach the document tells.
const RUNS: u64 = 280;
/// So many of them stand for one that keeps every rule, and one without a head.
const OTHERS: u64 = 12;

/// What generated runs reach, as the document has it: every way in which a rule of the latest set can be breached, and every cell of every grid.
pub(crate) fn reach() -> String {
    let mut coverage = Coverage::default();
    for number in 0..RUNS {
        coverage.add(&Walk::bent(&choices(number, 36)));
        if number.is_multiple_of(OTHERS) {
            coverage.add(&Walk::run(&choices(number, 48)));
            coverage.add(&Walk::headless(&choices(number, 4)));
        }
    }
    assert_eq!(coverage.rules_missed(RuleSetNumber::Two), []);
    assert_eq!(coverage.cells_missed(), []);
    format!(
        "{RUNS} bent runs, {others} that keep every rule and {others} that begin without their opening record, {} records in all, reach all {} ways in which a rule of set 2 can be breached and all {} cells of the five grids.\n",
        coverage.records(),
        coverage.rules(RuleSetNumber::Two).1,
        coverage.cells().len(),
        others = RUNS / OTHERS,
    )
}

/// Spec: call-grid, approval-grid, credential-grid, effect-grid, delegation-grid.
#[test]
fn the_meter_has_the_rows_and_columns_that_the_specification_prints() {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md");
    let text = std::fs::read_to_string(path).unwrap();
    for grid in GRIDS {
        let (_, block) = text.split_once(&format!("<!-- generated: {} -->\n", grid.name)).unwrap();
        let (block, _) = block.split_once("<!-- end -->").unwrap();
        let mut lines = block.lines().filter(|line| line.starts_with('|'));
        let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
        let columns = cells(lines.next().unwrap());
        assert_eq!(columns[2..columns.len() - 1], *grid.columns, "{}", grid.name);
        let rows: Vec<String> = lines.skip(1).map(|line| cells(line)[1].clone()).collect();
        assert_eq!(rows, grid.rows, "{}", grid.name);
    }
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
