//! What generated runs reach: rules, each in every way, and the cells of SPEC.md's grids.

pub mod grid;

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_machine::{Machine, RuleSetNumber};

pub use grid::Cell;

use crate::strategies::Steps;

/// Counts what runs reach.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    breaches: BTreeMap<(Rule, Reason), u64>,
    cells: BTreeMap<Cell, u64>,
    records: u64,
}

impl Coverage {
    /// Takes a run.
    pub fn add(&mut self, steps: &Steps) {
        let mut machine = Machine::new();
        for (input, extracted) in steps {
            let answer = machine.decide(input, extracted.as_ref());
            self.take(grid::cells(machine.state(), input), &answer.breaches);
            machine.commit(answer.transition);
        }
    }

    /// Takes a record that falls into these cells and breaches this.
    pub fn take(&mut self, cells: impl IntoIterator<Item = Cell>, breaches: &[Breach]) {
        for cell in cells {
            *self.cells.entry(cell).or_default() += 1;
        }
        for breach in breaches {
            *self.breaches.entry((breach.rule, breach.reason)).or_default() += 1;
        }
        self.records += 1;
    }

    /// Whether such a record reaches what no record has reached yet.
    pub fn is_new(&self, cells: impl IntoIterator<Item = Cell>, breaches: &[Breach]) -> bool {
        breaches.iter().any(|breach| !self.breaches.contains_key(&(breach.rule, breach.reason)))
            || cells.into_iter().any(|cell| !self.cells.contains_key(&cell))
    }

    /// Records seen.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Ways in which rules of a set can be breached, and how many of them were reached.
    pub fn rules(&self, set: RuleSetNumber) -> (usize, usize) {
        let all = ways(set).count();
        (ways(set).filter(|way| self.breaches.contains_key(way)).count(), all)
    }

    /// Ways in which rules of a set can be breached that were not reached.
    pub fn rules_missed(&self, set: RuleSetNumber) -> Vec<(Rule, Reason)> {
        ways(set).filter(|way| !self.breaches.contains_key(way)).collect()
    }

    /// The cells that were reached.
    pub fn cells(&self) -> BTreeSet<&Cell> {
        self.cells.keys().collect()
    }

    /// The cells that were not reached, of all that the grids have.
    pub fn cells_missed(&self) -> Vec<Cell> {
        grid::all().filter(|cell| !self.cells.contains_key(cell)).collect()
    }
}

fn ways(set: RuleSetNumber) -> impl Iterator<Item = (Rule, Reason)> {
    set.rules().flat_map(|(rule, reasons)| reasons.iter().map(move |reason| (rule, *reason)))
}

#[cfg(test)]
mod tests {
    use rederive_evidence::arbitrary::Choices;

    use super::*;
    use crate::strategies::Walk;

    /// What no run has reached is missed: all of it where there is none, and with each run what it did not reach.
    #[test]
    fn the_meter_misses_what_no_run_has_reached() {
        let mut coverage = Coverage::default();
        let all: BTreeSet<Cell> = grid::all().collect();
        assert!(all.len() > 100, "{}", all.len());
        assert_eq!(coverage.cells_missed().into_iter().collect::<BTreeSet<_>>(), all);
        let (reached, ways) = coverage.rules(RuleSetNumber::Two);
        assert_eq!((reached, coverage.rules_missed(RuleSetNumber::Two).len()), (0, ways));
        let mut words = Choices::full(5);
        let choices: Vec<u64> = (0..12).map(|_| words.word()).collect();
        coverage.add(&Walk::bent(&choices));
        let missed: BTreeSet<Cell> = coverage.cells_missed().into_iter().collect();
        let reached: BTreeSet<Cell> = coverage.cells().into_iter().copied().collect();
        assert!(
            !missed.is_empty() && !reached.is_empty(),
            "{} missed, {} reached",
            missed.len(),
            reached.len()
        );
        assert!(missed.is_disjoint(&reached));
        assert_eq!(&missed | &reached, all);
        let (reached, ways) = coverage.rules(RuleSetNumber::Two);
        assert_eq!(reached + coverage.rules_missed(RuleSetNumber::Two).len(), ways);
        assert!(reached < ways, "{reached} of {ways}");
    }
}
