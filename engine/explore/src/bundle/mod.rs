//! A run and a policy bundle under exploration: which changes of what came in, what was asked for and what is trusted would have led a gate to
//! another decision, what it would take to be permitted, and which policies nothing exercises.
//!
//! What a model would have done had it seen something else nobody knows: the calls stay those that were recorded, and each is judged by itself.

mod change;
mod plant;
mod rehearsal;
mod values;
mod way;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use rederive_evidence::ids::Id;
use rederive_evidence::record::Record;
use rederive_replay::Valid;
use serde::Serialize;
use serde_json::Value;

#[cfg(feature = "agents")]
pub(crate) use change::content_of as content_of_data;
pub use change::{Change, Given};
use plant::Planting;
pub use plant::{Plant, PlantedText, planted_texts};
pub use rehearsal::{Judging, Rehearsal, Said};
use values::Asked;
use way::Search;
pub use way::{PAIRS_MAX, WayIn};

use crate::draw::Draw;
use crate::parts::PartsFault;
use crate::progress::Progress;

/// Why a run cannot be explored under a bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleFault {
    /// The trace cannot be taken apart or told anew.
    #[error(transparent)]
    Parts(#[from] PartsFault),
    /// The changed trace cannot be read.
    #[error(transparent)]
    Read(#[from] rederive_archive::ReadFault),
    /// The run, as it is or told anew, does not reproduce.
    #[error("the run is {valid}: only one that reproduces can be judged")]
    Untold {
        /// What a replay says of it.
        valid: Valid,
    },
}

/// What a bundle says of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The call's number in the run, from 0.
    pub call: u64,
    /// Record of its proposal.
    pub record: u64,
    /// The tool.
    pub tool: Id,
    /// The answer.
    #[serde(flatten)]
    pub said: Said,
}

/// A change of one thing, and the answers that it turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// What was changed.
    #[serde(flatten)]
    pub change: Change,
    /// The calls that have another answer then.
    pub turned: Vec<Question>,
}

/// What an exploration of one run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// The answers to the run as it is.
    pub calls: Vec<Question>,
    /// Changes of one thing that were tried.
    pub tried: usize,
    /// Changes of one thing that there are.
    pub singles: usize,
    /// Those that turn an answer.
    pub turns: Vec<Turn>,
    /// What it takes for each call that is not permitted to be.
    pub ways_in: Vec<WayIn>,
    /// What became of calls that do what a planted text says.
    pub plants: Vec<Plant>,
    /// Calls that there are to be made to do what a planted text says.
    pub plantable: usize,
    /// The lines of the texts that no argument of the run has a place for.
    #[serde(skip)]
    pub unplaced: BTreeSet<usize>,
    /// Tools of calls of which nobody says what they do: no registry, and no record of the run.
    pub unknown_tools: BTreeSet<Id>,
    /// The policies that determined an answer to the run as it is.
    pub exercised: BTreeSet<Id>,
    /// Those that determined one to the run with some changes that were tried, planted texts among them.
    pub exercised_by_changes: BTreeSet<Id>,
}

impl Findings {
    /// How many changes of one thing turn the answer to this call.
    pub fn turns_of(&self, call: u64) -> usize {
        self.turns.iter().filter(|turn| turn.turned.iter().any(|question| question.call == call)).count()
    }
}

/// Explores a run: every change of one thing, or as many as `cases`, drawn by the seed, where there are more; what it takes to be permitted; and every
/// planted text, or as many of what can be done with them. Each judging of the run is a try.
///
/// # Errors
/// The run cannot be told anew.
pub fn explore(
    rehearsal: &Rehearsal<'_>,
    texts: &[PlantedText],
    cases: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Findings, BundleFault> {
    let Judging { calls, rules: exercised } = rehearsal.judged(&[])?;
    let asked = Asked::of(rehearsal, &calls);
    let changes = singles(rehearsal, &calls, &asked);
    let singles = changes.len();
    let changes = drawn(changes, cases, seed);
    let known: BTreeSet<Change> = changes.iter().cloned().collect();
    let planting = Planting::of(rehearsal, &calls, texts, cases, seed);
    let tried = changes.len();
    progress.more((tried + planting.len()) as u64);
    let asking = Asking { rehearsal, rules: Mutex::default(), progress };
    // What turns nothing leaves nothing behind but the policies that were asked.
    let turn = |change| {
        let turned = turned(&calls, asking.judged(std::slice::from_ref(&change))?);
        Ok::<_, BundleFault>((!turned.is_empty()).then_some(Turn { change, turned }))
    };
    let turns = changes.into_par_iter().filter_map(|change| turn(change).transpose());
    let turns: Vec<Turn> = turns.collect::<Result<_, _>>()?;
    let ways_in = calls.par_iter().filter(|question| !question.said.permits());
    let pairs = PAIRS_MAX.min(cases);
    let search =
        |question| Search { asking: &asking, question, asked: &asked, tried: &known, turns: &turns, pairs };
    let ways_in = ways_in.map(|question| search(question).way_in()).collect::<Result<_, _>>()?;
    let plants = planting.judged(&asking)?;
    let (plantable, unplaced) = (planting.all, planting.unplaced);
    let tools = calls.iter().map(|question| &question.tool);
    let unknown_tools = tools.filter(|tool| rehearsal.effects(tool).is_none()).cloned().collect();
    let exercised_by_changes = asking.rules.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Findings {
        calls,
        tried,
        singles,
        turns,
        ways_in,
        plants,
        plantable,
        unplaced,
        unknown_tools,
        exercised,
        exercised_by_changes,
    })
}

/// What is asked of the bundle in the course of an exploration: each judging is a try.
struct Asking<'a, 'r> {
    rehearsal: &'a Rehearsal<'r>,
    /// The policies that determined an answer in one of them: the same set in whatever order threads fill it.
    rules: Mutex<BTreeSet<Id>>,
    progress: &'a dyn Progress,
}

impl Asking<'_, '_> {
    /// What the bundle says of each call of the run with these changes.
    fn judged(&self, changes: &[Change]) -> Result<Vec<Question>, BundleFault> {
        let Judging { calls, rules } = self.rehearsal.judged(changes)?;
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).extend(rules);
        self.progress.done();
        Ok(calls)
    }
}

/// The calls whose answers are others now.
fn turned(before: &[Question], now: Vec<Question>) -> Vec<Question> {
    let was = |question: &Question| before.iter().find(|before| before.call == question.call);
    now.into_iter().filter(|now| was(now).is_some_and(|before| before.said.differs(&now.said))).collect()
}

/// At most this many of the changes, in their order; which, the seed says.
fn drawn(mut changes: Vec<Change>, cases: usize, seed: u64) -> Vec<Change> {
    let mut draw = Draw::of(seed, 0);
    while changes.len() > cases {
        let at = draw.below(changes.len());
        let _ = changes.remove(at);
    }
    changes
}

/// Every change of one thing of the run, in the order of its records.
fn singles(rehearsal: &Rehearsal<'_>, calls: &[Question], asked: &Asked) -> Vec<Change> {
    let mut changes = Vec::new();
    for (record, of) in numbered(rehearsal) {
        if change::data_of(of).is_some() {
            changes.extend([
                Change::Silenced { record },
                Change::Trusted { record },
                Change::Distrusted { record },
            ]);
        }
    }
    for question in calls {
        for (pointer, value) in arguments(rehearsal, question.record) {
            changes.push(Change::Unheard { record: question.record, pointer: pointer.clone() });
            changes.extend(named(rehearsal, question.record, &value));
            changes.extend(asked.changes(question, &pointer, &value));
        }
    }
    changes.sort();
    changes.dedup();
    changes
}

fn numbered<'r>(rehearsal: &'r Rehearsal<'_>) -> impl Iterator<Item = (u64, &'r Record)> {
    (0_u64..).zip(rehearsal.records())
}

/// The arguments of the call that this record proposes: JSON pointers and values, texts and numbers.
fn arguments(rehearsal: &Rehearsal<'_>, record: u64) -> Vec<(String, Value)> {
    let proposed = usize::try_from(record).ok().and_then(|at| rehearsal.records().get(at));
    let content = proposed.and_then(change::arguments_of).and_then(|content| rehearsal.content(&content));
    content.map(change::leaves).unwrap_or_default()
}

/// The user's last message before the record names this value too.
fn named(rehearsal: &Rehearsal<'_>, before: u64, value: &Value) -> Option<Change> {
    let is_message = |(record, of): &(u64, &Record)| *record < before && change::message_of(of).is_some();
    let (record, _) = numbered(rehearsal).filter(is_message).last()?;
    Some(Change::Named { record, value: change::text(value) })
}
