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
    /// Cases in which something was changed.
    pub cases: u64,
    /// Divergences made alone that the run had no room for, each in each way to tell it. They do not count as cases.
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

/// Times that a case is drawn at most until the run has room for it.
const DRAWS_MAX: usize = 16;

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
        let has_room = !matches!(found, Found::NotApplicable(_));
        self.cases += u64::from(has_room);
        self.not_applicable += u64::from(!has_room);
        if found.is_failure() && self.failures.len() < FAILURES_MAX {
            self.failures.push((case, found));
        }
    }

    fn take(&mut self, looked: Vec<(Case, Found)>) {
        looked.into_iter().for_each(|(case, found)| self.add(case, found));
    }

    /// Divergences that were made.
    fn fit(&self) -> Vec<Divergence> {
        self.alone.iter().filter(|(_, tally)| tally.made() > 0).map(|(divergence, _)| *divergence).collect()
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
    /// The cases that come first: every divergence alone, those that tell a story in both ways.
    fn alone(seed: u64) -> Vec<Self> {
        let case =
            |(number, (divergence, answers))| Self { seed, number, divergences: vec![divergence], answers };
        (0..).zip(singles()).map(case).collect()
    }

    /// Cases for this number, each as likely: divergences of these alone at another place, or, in turn, together.
    fn drawn(seed: u64, number: u64, of: &[Divergence]) -> impl Iterator<Item = Self> + '_ {
        // What is made is drawn apart from where it is made.
        let mut draw = Draw::of(!seed, number);
        std::iter::repeat_with(move || {
            let more = of.len().min(TOGETHER_MAX).saturating_sub(1);
            let together = if number.is_multiple_of(2) || more == 0 { 1 } else { 2 + draw.below(more) };
            let mut divergences = Vec::new();
            while divergences.len() < together.min(of.len()) {
                let drawn = draw.pick(of).copied();
                divergences.extend(drawn.filter(|drawn| !divergences.contains(drawn)));
            }
            divergences.sort_unstable_by_key(|divergence| divergence.rank());
            let answers = if draw.below(2) == 0 { Answers::Admitted } else { Answers::Denied };
            Self { seed, number, divergences, answers }
        })
    }
}

impl Explorer<'_> {
    /// Makes so many changes under a seed, on the threads of the current rayon pool. Each of them is a try. First every divergence is made alone; what the run had
    /// no room for then is made no more, and does not count.
    ///
    /// # Errors
    /// A changed run makes no file, or cannot be read.
    pub fn explore(
        &self,
        cases: u64,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Exploration, ExploreFault> {
        progress.more(cases);
        let mut exploration = Exploration::default();
        let look = |case: Case| {
            let found = self.look(&case)?;
            if !matches!(found, Found::NotApplicable(_)) {
                progress.done();
            }
            Ok((case, found))
        };
        let mut alone = Case::alone(seed).into_iter().peekable();
        while exploration.cases < cases && alone.peek().is_some() {
            let few: Vec<Case> = alone.by_ref().take(at_once(cases, &exploration)).collect();
            exploration.take(few.into_par_iter().map(look).collect::<Result<_, ExploreFault>>()?);
        }
        let fit = exploration.fit();
        let first = singles().len() as u64;
        // Where next to nothing fits, an end comes all the same.
        let mut numbers = first..first.saturating_add(cases.saturating_mul(2));
        while exploration.cases < cases && !fit.is_empty() && !numbers.is_empty() {
            let few: Vec<u64> = numbers.by_ref().take(at_once(cases, &exploration)).collect();
            let look = |number| self.fitting(Case::drawn(seed, number, &fit), &look);
            let looked: Vec<_> = few.into_par_iter().map(look).collect::<Result<_, ExploreFault>>()?;
            exploration.take(looked.into_iter().flatten().collect());
        }
        Ok(exploration)
    }

    /// The first of these cases that the run has room for; none: it has for none of them.
    fn fitting(
        &self,
        drawn: impl Iterator<Item = Case>,
        look: &impl Fn(Case) -> Result<(Case, Found), ExploreFault>,
    ) -> Result<Option<(Case, Found)>, ExploreFault> {
        for case in drawn.take(DRAWS_MAX) {
            let looked = look(case)?;
            if !matches!(looked.1, Found::NotApplicable(_)) {
                return Ok(Some(looked));
            }
        }
        Ok(None)
    }
}

/// How many cases are made before what became of them is counted: no more than are still to be made.
fn at_once(cases: u64, exploration: &Exploration) -> usize {
    usize::try_from(cases.saturating_sub(exploration.cases).min(AT_ONCE)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// In turn alone, and two or three together; each of them now and then, none twice in a case, in the order in which they are made.
    #[test]
    fn divergences_are_made_alone_and_two_and_three_together() {
        let of = Divergence::ALL;
        let mut sizes: BTreeMap<usize, u64> = BTreeMap::new();
        let mut together = BTreeSet::new();
        for number in 0..1_200 {
            let case = Case::drawn(3, number, of).next().unwrap();
            let size = case.divergences.len();
            assert_eq!(size == 1, number % 2 == 0, "{number}");
            assert!(case.divergences.is_sorted_by_key(|divergence| divergence.rank()), "{case:?}");
            assert_eq!(case.divergences.iter().collect::<BTreeSet<_>>().len(), size, "{case:?}");
            *sizes.entry(size).or_default() += 1;
            together.extend(case.divergences.into_iter().filter(|_| size > 1));
        }
        assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [1, 2, TOGETHER_MAX]);
        assert!(sizes.values().all(|count| *count > 200), "{sizes:?}");
        assert_eq!(together.len(), of.len());
    }

    /// A run that has room for two has cases of two; one that has room for one has none together.
    #[test]
    fn no_more_are_made_together_than_the_run_has_room_for() {
        let size = |of: &[Divergence]| {
            (0..40).map(|number| Case::drawn(3, number, of).next().unwrap().divergences.len()).max()
        };
        assert_eq!(size(&[Divergence::FileCut]), Some(1));
        assert_eq!(size(&[Divergence::FileCut, Divergence::SealCut]), Some(2));
    }
}
