//! What it takes for a call that is not permitted to be: one change alone, else two together, else of all that loosen it those that are needed.

use std::collections::BTreeSet;

use rayon::prelude::*;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, Directive};
use serde::Serialize;
use serde_json::Value;

use super::change::{self, Change, Given};
use super::rehearsal::Said;
use super::values::{Asked, in_turn};
use super::{Asking, BundleFault, Question, Turn, arguments, named, numbered};

/// Pairs of changes that are tried for one call at most: of the likeliest changes first.
pub const PAIRS_MAX: usize = 256;

/// What it takes for a call that is not permitted to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WayIn {
    /// The call.
    pub call: u64,
    /// The tool.
    pub tool: Id,
    /// The answer as it is.
    #[serde(flatten)]
    pub said: Said,
    /// The fewest changes that were found: with any of them left out it is not permitted. None: nothing that was tried opens it.
    pub changes: Option<Vec<Change>>,
    /// The answer with these changes. Where nothing that was tried has a denied call permitted, it may be the one that asks a person.
    pub leads_to: Option<Said>,
    /// Every change that leads there alone.
    pub alone: Vec<Change>,
}

/// How far an answer lets a call come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Closed,
    /// A person may permit it.
    Person,
    Open,
}

impl Reach {
    fn of(said: &Said) -> Self {
        match (said.outcome, said.directive) {
            (Decision::Permit, _) => Self::Open,
            (Decision::Silence, Directive::RequireApproval) => Self::Person,
            (Decision::Silence | Decision::Deny, _) => Self::Closed,
        }
    }
}

/// Changes that let a call come further, and the answer then.
#[derive(Clone, PartialEq)]
struct Opened {
    changes: Vec<Change>,
    said: Said,
}

/// The search for a way in to one call.
pub(super) struct Search<'s, 'r> {
    pub(super) asking: &'s Asking<'s, 'r>,
    pub(super) question: &'s Question,
    pub(super) asked: &'s Asked,
    /// Changes of one thing that were tried already, and what they turned.
    pub(super) tried: &'s BTreeSet<Change>,
    pub(super) turns: &'s [Turn],
    /// Pairs that may be tried.
    pub(super) pairs: usize,
}

impl Search<'_, '_> {
    /// What it takes.
    ///
    /// # Errors
    /// A changed run cannot be told.
    pub(super) fn way_in(&self) -> Result<WayIn, BundleFault> {
        let loosening = self.loosening();
        let singles = self.singles(&loosening)?;
        let mut best = self.with_nearest(&reaching(&singles, Reach::Open))?;
        let mut way = best.first().cloned();
        if way.is_none() {
            let pairs = self.pairs(&loosening)?;
            let first = |reach| reaching(&pairs, reach).into_iter().next();
            way = first(Reach::Open).map(|pair| self.nearest(pair)).transpose()?;
            if way.is_none() {
                way = self.reduced(&loosening)?;
            }
            if way.is_none() {
                best = self.with_nearest(&reaching(&singles, Reach::Person))?;
                way = best.first().cloned();
            }
            if way.is_none() {
                way = first(Reach::Person).map(|pair| self.nearest(pair)).transpose()?;
            }
        }
        let alone = best.into_iter().flat_map(|opened| opened.changes).collect();
        let (changes, leads_to) = way.map(|opened| (opened.changes, opened.said)).unzip();
        let Question { call, tool, said, .. } = self.question.clone();
        Ok(WayIn { call, tool, said, changes, leads_to, alone })
    }

    /// Changes that the user or the operator could make, likeliest first: what the user names, whose data it is, other values of the arguments.
    fn loosening(&self) -> Vec<Change> {
        let of_call = arguments(self.asking.rehearsal, self.question.record);
        let named =
            of_call.iter().filter_map(|(_, value)| named(self.asking.rehearsal, self.question.record, value));
        let mut changes: Vec<Change> = named.collect();
        let is_before = |record: u64| record < self.question.record;
        let data = numbered(self.asking.rehearsal)
            .filter(|(record, of)| is_before(*record) && change::data_of(of).is_some());
        changes.extend(data.map(|(record, _)| Change::Trusted { record }));
        let others = of_call.iter().map(|(pointer, value)| self.asked.changes(self.question, pointer, value));
        changes.extend(in_turn(others.collect()));
        let unheard = |(pointer, _)| Change::Unheard { record: self.question.record, pointer };
        changes.extend(of_call.into_iter().map(unheard));
        changes.dedup();
        changes
    }

    /// The changes that let the call come further alone: those that loosen it in their order, then the others that were tried.
    fn singles(&self, loosening: &[Change]) -> Result<Vec<Opened>, BundleFault> {
        let mut found: Vec<Opened> = Vec::new();
        for change in loosening {
            let said = if self.tried.contains(change) {
                let turn = self.turns.iter().find(|turn| turn.change == *change);
                turn.and_then(|turn| self.of_call(&turn.turned))
            } else {
                self.said(std::slice::from_ref(change))?
            };
            found.extend(self.further(vec![change.clone()], said));
        }
        for turn in self.turns.iter().filter(|turn| !loosening.contains(&turn.change)) {
            found.extend(self.further(vec![turn.change.clone()], self.of_call(&turn.turned)));
        }
        Ok(found)
    }

    /// Pairs of changes that let it come further.
    fn pairs(&self, loosening: &[Change]) -> Result<Vec<Opened>, BundleFault> {
        let pairs = loosening.iter().enumerate().flat_map(|(at, second)| {
            loosening.iter().take(at).map(move |first| vec![first.clone(), second.clone()])
        });
        let at_odds = |pair: &[Change]| matches!(pair, [one, other] if one.place() == other.place());
        let pairs: Vec<Vec<Change>> = pairs.filter(|pair| !at_odds(pair)).take(self.pairs).collect();
        let judged = pairs.into_par_iter().map(|pair| {
            let said = self.said(&pair)?;
            Ok(self.further(pair, said))
        });
        let judged: Vec<Option<Opened>> = judged.collect::<Result<_, BundleFault>>()?;
        Ok(judged.into_iter().flatten().collect())
    }

    /// Of all that the user names and all data that is trusted, what is needed; none where all of it together does not open the call.
    fn reduced(&self, loosening: &[Change]) -> Result<Option<Opened>, BundleFault> {
        let is_trust = |change: &&Change| matches!(change, Change::Named { .. } | Change::Trusted { .. });
        let mut changes: Vec<Change> = loosening.iter().filter(is_trust).cloned().collect();
        let Some(mut said) = self.said(&changes)?.filter(Said::permits) else { return Ok(None) };
        // From the last on: what stands nearest to the call is tried first to be left out.
        for at in (0..changes.len()).rev() {
            let mut fewer = changes.clone();
            let _ = fewer.remove(at);
            if let Some(now) = self.said(&fewer)?.filter(Said::permits) {
                (changes, said) = (fewer, now);
            }
        }
        Ok(Some(Opened { changes, said }))
    }

    /// These changes of one thing, and before the other values of an argument that is a whole number the one nearest to that which was asked for.
    fn with_nearest(&self, opened: &[Opened]) -> Result<Vec<Opened>, BundleFault> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for one in opened {
            if let [change] = one.changes.as_slice()
                && self.number(change).is_some()
                && seen.insert(change.place())
            {
                let alike = opened.iter().filter_map(|other| match other.changes.as_slice() {
                    [of] if of.place() == change.place() => Some((self.number(of)?.distance(), other)),
                    _ => None,
                });
                let near = alike.min_by_key(|(distance, _)| *distance);
                all.extend(near.map(|(_, near)| self.nearest(near.clone())).transpose()?);
            }
            if !all.contains(one) {
                all.push(one.clone());
            }
        }
        Ok(all)
    }

    /// The same changes with each whole number that they give an argument as near to the one that was asked for as lets the call come as far: what lies between the two
    /// is halved, until they stand next to each other.
    fn nearest(&self, mut opened: Opened) -> Result<Opened, BundleFault> {
        let reach = Reach::of(&opened.said);
        for at in 0..opened.changes.len() {
            let Some(mut number) = opened.changes.get(at).and_then(|change| self.number(change)) else {
                continue;
            };
            while let Some(between) = number.between() {
                let mut changes = opened.changes.clone();
                if let Some(Change::Set { value, .. }) = changes.get_mut(at) {
                    *value = Given(between.1);
                }
                match self.said(&changes)?.filter(|said| Reach::of(said) >= reach) {
                    Some(said) => {
                        number.given = between.0;
                        opened = Opened { changes, said };
                    }
                    None => number.asked = between.0,
                }
            }
        }
        Ok(opened)
    }

    /// The whole number that a change gives an argument, and the one that the call has there.
    fn number(&self, change: &Change) -> Option<Between> {
        let Change::Set { record, pointer, value } = change else { return None };
        let of_call = arguments(self.asking.rehearsal, *record);
        let (_, asked) = of_call.into_iter().find(|(of, _)| of == pointer)?;
        Some(Between { given: whole(&value.0)?, asked: whole(&asked)? })
    }

    /// What is said of the call with these changes.
    fn said(&self, changes: &[Change]) -> Result<Option<Said>, BundleFault> {
        self.asking.progress.more(1);
        Ok(self.of_call(&self.asking.judged(changes)?))
    }

    fn of_call(&self, questions: &[Question]) -> Option<Said> {
        let now = questions.iter().find(|now| now.call == self.question.call)?;
        Some(now.said.clone())
    }

    fn further(&self, changes: Vec<Change>, said: Option<Said>) -> Option<Opened> {
        let said = said.filter(|said| Reach::of(said) > Reach::of(&self.question.said))?;
        Some(Opened { changes, said })
    }
}

fn reaching(opened: &[Opened], reach: Reach) -> Vec<Opened> {
    opened.iter().filter(|opened| Reach::of(&opened.said) == reach).cloned().collect()
}

/// A whole number with which a call comes further, and one with which it does not.
struct Between {
    given: i128,
    asked: i128,
}

impl Between {
    fn distance(&self) -> u128 {
        self.given.abs_diff(self.asked)
    }

    /// The number in the middle, and as JSON has it; none: they stand next to each other.
    fn between(&self) -> Option<(i128, Value)> {
        let middle = self.given.checked_add(self.asked)? / 2;
        let value =
            i64::try_from(middle).map(Value::from).or_else(|_| u64::try_from(middle).map(Value::from));
        (self.distance() > 1).then_some((middle, value.ok()?))
    }
}

fn whole(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}
