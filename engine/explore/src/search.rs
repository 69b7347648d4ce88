//! Many cases of one run: which are made, and what became of them. The same for every number of threads.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rederive_replay::Level;

use crate::case::{Case, ExploreFault, Explorer, Found, TOGETHER_MAX};
use crate::divergence::{Divergence, Stage};
use crate::draw::Draw;
use crate::progress::Progress;
use crate::telling::Answers;

/// Cases in which the engine failed that are kept: the others are counted.
pub const FAILURES_MAX: usize = 1_000;

/// Cases that are made before what became of them is counted: memory does not grow with their number.
const AT_ONCE: u64 = 4_096;

/// What became of the cases of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exploration {
    /// Cases made.
    pub cases: u64,
    /// Cases that the run had no room for.
    pub not_applicable: u64,
    /// By divergence made alone.
    pub alone: BTreeMap<Divergence, Tally>,
    /// Divergences made together.
    pub together: Tally,
    /// The first [`FAILURES_MAX`] cases in which the engine failed, in their order.
    pub failures: Vec<(Case, Found)>,
}

/// How often what became of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The run had no room for it.
    pub not_applicable: u64,
    /// Noticed, by the level that noticed first.
    pub noticed: BTreeMap<Level, u64>,
    /// Noticed outside alone.
    pub outside: u64,
    /// Nothing was to be noticed, and nothing was.
    pub unchanged: u64,
    /// The engine failed.
    pub failed: u64,
    /// The signs by which it was noticed first.
    pub signs: BTreeMap<String, u64>,
}

impl Tally {
    /// Cases in which something was made.
    pub fn made(&self) -> u64 {
        self.noticed.values().sum::<u64>() + self.outside + self.unchanged + self.failed
    }

    /// Counts what another tally counted too.
    pub fn merge(&mut self, other: &Self) {
        self.not_applicable += other.not_applicable;
        self.outside += other.outside;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        other.noticed.iter().for_each(|(level, count)| *self.noticed.entry(*level).or_default() += count);
        other.signs.iter().for_each(|(sign, count)| *self.signs.entry(sign.clone()).or_default() += count);
    }

    fn add(&mut self, found: &Found) {
        match found {
            Found::NotApplicable(_) => self.not_applicable += 1,
            Found::Noticed(level, signs) => {
                *self.noticed.entry(*level).or_default() += 1;
                signs.iter().for_each(|sign| *self.signs.entry(sign.to_string()).or_default() += 1);
            }
            Found::Outside(signs) => {
                self.outside += 1;
                signs.iter().for_each(|sign| *self.signs.entry(sign.to_string()).or_default() += 1);
            }
            Found::Unchanged => self.unchanged += 1,
            Found::Unnoticed(_) | Found::Mistaken(..) => self.failed += 1,
        }
    }
}

/// Ways to tell one divergence: as the machine answers to it, and, where a story is told, as the recorder wishes that it had.
fn singles() -> Vec<(Divergence, Answers)> {
    let admitted = Divergence::ALL.iter().map(|divergence| (*divergence, Answers::Admitted));
    let told = Divergence::ALL.iter().filter(|divergence| divergence.stage() == Stage::Story);
    admitted.chain(told.map(|divergence| (*divergence, Answers::Denied))).collect()
}

impl Exploration {
    fn add(&mut self, case: Case, found: Found) {
        let tally = match case.divergences.as_slice() {
            [alone] => self.alone.entry(*alone).or_default(),
            _ => &mut self.together,
        };
        tally.add(&found);
        self.not_applicable += u64::from(matches!(found, Found::NotApplicable(_)));
        if found.is_failure() && self.failures.len() < FAILURES_MAX {
            self.failures.push((case, found));
        }
    }

    /// What became of all cases.
    pub fn all(&self) -> Tally {
        let mut all = self.together.clone();
        self.alone.values().for_each(|tally| all.merge(tally));
        all
    }

    /// Divergences for which the run has no room: they were tried alone, and never made.
    pub fn unfit(&self) -> impl Iterator<Item = Divergence> + '_ {
        let never = self.alone.iter().filter(|(_, tally)| tally.made() == 0 && tally.not_applicable > 0);
        never.map(|(divergence, _)| *divergence)
    }
}

impl Case {
    /// Case `number` under a seed. The first cases are every divergence alone, those that tell a story in both ways; from then on divergences are
    /// made alone at other places, and together, in turn.
    pub fn of(seed: u64, number: u64) -> Self {
        let singles = singles();
        let single = usize::try_from(number).ok().and_then(|number| singles.get(number)).copied();
        if let Some((divergence, answers)) = single {
            return Self { seed, number, divergences: vec![divergence], answers };
        }
        // What is made is drawn apart from where it is made.
        let mut draw = Draw::of(!seed, number);
        let together = if number.is_multiple_of(2) { 1 } else { 2 + draw.below(TOGETHER_MAX - 1) };
        let mut divergences = Vec::new();
        while divergences.len() < together {
            let drawn = draw.pick(Divergence::ALL).copied();
            divergences.extend(drawn.filter(|drawn| !divergences.contains(drawn)));
        }
        divergences.sort_unstable_by_key(|divergence| divergence.rank());
        let answers = if draw.below(2) == 0 { Answers::Admitted } else { Answers::Denied };
        Self { seed, number, divergences, answers }
    }
}

impl Explorer<'_> {
    /// Makes the first `cases` cases under a seed, on the threads of the current rayon pool. Each of them is a try.
    ///
    /// # Errors
    /// A changed run makes no file, or cannot be read.
    pub fn explore(
        &self,
        cases: u64,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Exploration, ExploreFault> {
        let look = |number| {
            let case = Case::of(seed, number);
            let found = self.look(&case)?;
            progress.done();
            Ok((case, found))
        };
        progress.more(cases);
        let mut exploration = Exploration { cases, ..Exploration::default() };
        let mut first = 0;
        while first < cases {
            let end = cases.min(first.saturating_add(AT_ONCE));
            let looked: Vec<(Case, Found)> =
                (first..end).into_par_iter().map(look).collect::<Result<_, ExploreFault>>()?;
            looked.into_iter().for_each(|(case, found)| exploration.add(case, found));
            first = end;
        }
        Ok(exploration)
    }
}
