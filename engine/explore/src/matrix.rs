//! The matrix: which divergence is noticed by which level, and how it shows there. Measured, and compared with what has to notice.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use rederive_replay::Level;

use crate::case::{Case, ExploreFault, Explorer, Found};
use crate::divergence::{By, Divergence, Stage};
use crate::notice::Sign;
use crate::telling::Answers;

/// Signs of one cell that are printed.
const SIGNS_MAX: usize = 3;

/// How one divergence shows, over several runs and places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Cases that were made.
    pub made: u64,
    /// By the level that noticed first: the signs it was noticed by.
    pub levels: BTreeMap<Level, BTreeSet<String>>,
    /// How it shows to whoever knows the run's keys or an earlier head of it.
    pub outside: BTreeSet<String>,
    /// How it shows where the recorder also lies about what the machine answered.
    pub denied: BTreeSet<String>,
    /// Cases in which the engine failed.
    pub failures: Vec<(Case, Found)>,
}

/// How every divergence shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    rows: BTreeMap<Divergence, Row>,
}

impl Matrix {
    /// Makes each divergence alone in these runs, at `places` places each.
    ///
    /// # Errors
    /// A changed run makes no file, or cannot be read.
    pub fn of(runs: &[Explorer<'_>], places: u64) -> Result<Self, ExploreFault> {
        let case = |divergence: Divergence, number, answers| Case {
            seed: 0,
            number,
            divergences: vec![divergence],
            answers,
        };
        let cases: Vec<(Divergence, Case)> = Divergence::ALL
            .iter()
            .flat_map(|divergence| ways(*divergence).iter().map(move |answers| (*divergence, *answers)))
            .flat_map(|(divergence, answers)| {
                (0..places).map(move |number| (divergence, case(divergence, number, answers)))
            })
            .collect();
        let mut matrix = Self::default();
        for explorer in runs {
            let look = |(divergence, case): &(Divergence, Case)| {
                Ok((*divergence, case.clone(), explorer.look(case)?))
            };
            let looked: Vec<_> = cases.par_iter().map(look).collect::<Result<_, ExploreFault>>()?;
            for (divergence, case, found) in looked {
                matrix.rows.entry(divergence).or_default().add(divergence, case, found);
            }
        }
        Ok(matrix)
    }

    /// This one, and what was measured over other runs.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Self {
        for (divergence, row) in other.rows {
            self.rows.entry(divergence).or_default().join(row);
        }
        self
    }

    /// The row of a divergence.
    pub fn row(&self, divergence: Divergence) -> Option<&Row> {
        self.rows.get(&divergence)
    }

    /// The matrix as a table in Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| divergence | what is done | has to notice | integrity | state | content | policy | outside | with a lie about the answer |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for (divergence, row) in &self.rows {
            let levels = Level::ALL.iter().map(|level| row.levels.get(level).map(cell).unwrap_or_default());
            let cells =
                [format!("`{divergence}`"), divergence.about().to_owned(), divergence.by().name().to_owned()];
            let last = [cell(&row.outside), cell(&row.denied)];
            let cells: Vec<String> = cells.into_iter().chain(levels).chain(last).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        text
    }
}

/// In which ways a divergence is told.
const fn ways(divergence: Divergence) -> &'static [Answers] {
    match divergence.by() {
        By::State => &[Answers::Admitted, Answers::Denied],
        By::Integrity | By::Content | By::Policy | By::Outside | By::Nobody => &[Answers::Admitted],
    }
}

fn cell(signs: &BTreeSet<String>) -> String {
    let mut printed: Vec<String> = signs.iter().take(SIGNS_MAX).cloned().collect();
    if signs.len() > SIGNS_MAX {
        printed.push(format!("and {} more", signs.len() - SIGNS_MAX));
    }
    printed.join(", ")
}

impl Row {
    fn join(&mut self, other: Self) {
        self.made += other.made;
        other
            .levels
            .into_iter()
            .for_each(|(level, signs)| self.levels.entry(level).or_default().extend(signs));
        self.outside.extend(other.outside);
        self.denied.extend(other.denied);
        self.failures.extend(other.failures);
    }

    fn add(&mut self, divergence: Divergence, case: Case, found: Found) {
        self.made += u64::from(!matches!(found, Found::NotApplicable(_)));
        let is_denied = case.answers == Answers::Denied && divergence.stage() == Stage::Story;
        match found {
            Found::NotApplicable(_) | Found::Unchanged => {}
            Found::Noticed(_, signs) if is_denied => self.denied.extend(verdicts(&signs)),
            Found::Noticed(level, signs) => {
                self.levels.entry(level).or_default().extend(telling(divergence, &signs));
            }
            Found::Outside(signs) => self.outside.extend(signs.iter().map(Sign::to_string)),
            failure @ (Found::Unnoticed(_) | Found::Mistaken(..)) => self.failures.push((case, failure)),
        }
    }
}

/// The signs by which it has to show; where any will do, its verdicts, or, where the verdict is the same, all others.
fn telling(divergence: Divergence, signs: &[Sign]) -> Vec<String> {
    let all: Vec<String> = signs.iter().map(Sign::to_string).collect();
    let shows = |sign: &&String| divergence.shows().iter().any(|shown| sign.starts_with(shown));
    let expected: Vec<String> = all.iter().filter(shows).cloned().collect();
    let verdicts = verdicts(signs);
    [expected, verdicts].into_iter().find(|signs| !signs.is_empty()).unwrap_or(all)
}

fn verdicts(signs: &[Sign]) -> Vec<String> {
    signs.iter().filter(|sign| matches!(sign, Sign::Verdict(..))).map(Sign::to_string).collect()
}
