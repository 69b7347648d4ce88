//! The JSON form of an exploration. Its shape is stable: members are added, never changed.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use rederive_explore::{Answers, Divergence, Found, Sign, Tally};
use serde::Serialize;

use super::{Explored, Outcome, Unnoticed, Unread};
use crate::text::json_seconds;

/// One object for all runs.
#[derive(Serialize)]
pub(super) struct View<'a> {
    runs: u64,
    cases: u64,
    seed: u64,
    seconds: f64,
    results: Vec<RunView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorView<'a>>,
}

/// What became of the cases of one run.
#[derive(Serialize)]
struct RunView<'a> {
    path: &'a str,
    /// The run that records and segments were spliced from; none: a drawn one.
    second: Option<&'a str>,
    records: usize,
    #[serde(flatten)]
    all: TallyView,
    /// By divergence made alone.
    alone: BTreeMap<&'static str, TallyView>,
    together: TallyView,
    /// Divergences for which the run has no room.
    unfit: Vec<&'static str>,
    unnoticed: Vec<UnnoticedView<'a>>,
}

#[derive(Serialize)]
struct TallyView {
    noticed: BTreeMap<&'static str, u64>,
    outside: u64,
    unchanged: u64,
    not_applicable: u64,
    failed: u64,
}

#[derive(Serialize)]
struct UnnoticedView<'a> {
    case: u64,
    divergences: Vec<&'static str>,
    /// The recorder also lies about what the machine answered.
    denied: bool,
    /// Something sound was found fault with: otherwise something was not noticed.
    mistaken: bool,
    signs: Vec<String>,
    records: usize,
    /// What each divergence did, in words.
    did: Vec<&'a str>,
    /// The smallest run before and after the change, in base64, where they were not written.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixture: Option<[String; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<[String; 2]>,
}

/// A path of which nothing can be said.
#[derive(Serialize)]
pub(super) struct ErrorView<'a> {
    path: &'a str,
    reason: &'a str,
}

impl<'a> ErrorView<'a> {
    pub(super) fn of(unread: &'a Unread) -> Self {
        Self { path: &unread.path, reason: &unread.reason }
    }
}

impl<'a> View<'a> {
    pub(super) fn of(outcome: &'a Outcome) -> Self {
        Self {
            runs: outcome.runs.len() as u64,
            cases: outcome.cases,
            seed: outcome.seed,
            seconds: json_seconds(outcome.elapsed),
            results: outcome.runs.iter().map(RunView::of).collect(),
            errors: outcome.unread.iter().map(ErrorView::of).collect(),
        }
    }
}

impl<'a> RunView<'a> {
    fn of(run: &'a Explored) -> Self {
        let exploration = &run.exploration;
        let alone = exploration.alone.iter().map(|(divergence, tally)| (divergence.name(), tally.into()));
        Self {
            path: &run.path,
            second: run.second.as_deref(),
            records: run.records,
            all: (&exploration.all()).into(),
            alone: alone.collect(),
            together: (&exploration.together).into(),
            unfit: exploration.unfit().map(Divergence::name).collect(),
            unnoticed: run.unnoticed.iter().map(UnnoticedView::of).collect(),
        }
    }
}

impl From<&Tally> for TallyView {
    fn from(tally: &Tally) -> Self {
        Self {
            noticed: tally.noticed.iter().map(|(level, count)| (level.name(), *count)).collect(),
            outside: tally.outside,
            unchanged: tally.unchanged,
            not_applicable: tally.not_applicable,
            failed: tally.failed,
        }
    }
}

impl<'a> UnnoticedView<'a> {
    fn of(unnoticed: &'a Unnoticed) -> Self {
        let signs = match &unnoticed.found {
            Found::Mistaken(_, signs) | Found::Unnoticed(signs) => signs.as_slice(),
            Found::NotApplicable(_) | Found::Noticed(..) | Found::Outside(_) | Found::Unchanged => &[],
        };
        let written = unnoticed.written.as_ref();
        Self {
            case: unnoticed.case.number,
            divergences: unnoticed.case.divergences.iter().map(|divergence| divergence.name()).collect(),
            denied: unnoticed.case.answers == Answers::Denied,
            mistaken: matches!(unnoticed.found, Found::Mistaken(..)),
            signs: signs.iter().map(Sign::to_string).collect(),
            records: unnoticed.records,
            did: unnoticed.did.iter().map(String::as_str).collect(),
            fixture: written
                .is_none()
                .then(|| unnoticed.fixture.each_ref().map(|bytes| BASE64.encode(bytes))),
            written: written.map(|paths| paths.each_ref().map(|path| path.display().to_string())),
        }
    }
}
