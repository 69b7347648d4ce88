//! Generated runs: what they reach, and that everything that can be changed in them is noticed.

use proptest::prelude::*;
use rayon::prelude::*;
use rederive_evidence::arbitrary::Choices;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::{Reason, Rule};
use rederive_explore::coverage::grid::GRIDS;
use rederive_explore::strategies::{Steps, Walk, bent_runs, headless_runs, trace_of, valid_runs};
use rederive_explore::{Coverage, Explorer, PartsFault, Subject, Watch};
use rederive_machine::{Machine, RuleSetNumber};
use rederive_model::{Model, Roots, compare};

use crate::matrix::check_block;
use crate::told::told;

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

/// Of so many records the root is compared; of each where `REDERIVE_FULL` is set.
const ROOTS: u64 = 64;

/// Bent runs whose reach the document tells.
const RUNS: u64 = 280;
/// So many of them stand for one that keeps every rule, and one without a head.
const OTHERS: u64 = 12;

/// The runs whose reach the document tells.
fn runs() -> Vec<Steps> {
    let of_number = |number: u64| {
        let mut runs = vec![Walk::bent(&choices(number, 36))];
        if number.is_multiple_of(OTHERS) {
            runs.push(Walk::run(&choices(number, 48)));
            runs.push(Walk::headless(&choices(number, 4)));
        }
        runs
    };
    (0..RUNS).into_par_iter().flat_map_iter(of_number).collect()
}

/// What generated runs reach, as the document has it: every way in which a rule of the latest set can be breached, and every cell of every grid.
fn reach(runs: &[Steps]) -> String {
    let mut coverage = Coverage::default();
    runs.iter().for_each(|steps| coverage.add(steps));
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

/// The model was written from SPEC.md alone: it says of every record what the machine says, outcome, breaches, delta and mark, and has the same root.
#[track_caller]
pub(crate) fn assert_agreed(number: usize, steps: &Steps) {
    let mut machine = Machine::new();
    let records = steps.iter().map(|(input, extracted)| (input, extracted.as_ref()));
    let roots = if std::env::var_os("REDERIVE_FULL").is_some() { Roots::Each } else { Roots::Every(ROOTS) };
    let found = compare(Model::new(), records, roots, |input, extracted, due| {
        told(&mut machine, input, extracted, due)
    });
    if let Some(found) = found {
        panic!("run {number}: {found}\n{:#?}", steps[found.record as usize]);
    }
}

/// `UPDATE=1 cargo test -p rederive-explore document_says` writes what it says anew.
#[test]
fn runs_reach_all_that_the_document_says_and_the_model_agrees_on_all_of_them() {
    let runs = runs();
    check_block("coverage", &reach(&runs));
    runs.par_iter().enumerate().for_each(|(number, steps)| assert_agreed(number, steps));
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
        let exploration = explorer.explore(100, number, &()).unwrap();
        assert_eq!(exploration.failures, [], "run {number}");
    }
}
