//! The JSON form of a what-if. Its shape is stable: members are added, never changed.

use std::collections::BTreeMap;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RunId};
use rederive_replay::{MESSAGES_GRANT, SourceView, StandingGrant, Unasked, Valid};
use serde::Serialize;

use super::Outcome;
use super::tally::{Changed, Counts, Name, Row};
use crate::text::json_seconds;

/// One object for all runs.
#[derive(Serialize)]
pub(super) struct View<'a> {
    policy: PolicyView<'a>,
    registry: Option<Digest>,
    grant: &'static str,
    runs: u64,
    judged: u64,
    exact: u64,
    calls: u64,
    asked: u64,
    changed: u64,
    grounds: u64,
    unasked: &'a BTreeMap<Unasked, u64>,
    seconds: f64,
    outcomes: &'a BTreeMap<Name, u64>,
    changes: Vec<ChangeView<'a>>,
    tools: Vec<CountsView<'a>>,
    rules: Vec<CountsView<'a>>,
    tenants: Vec<CountsView<'a>>,
    results: Vec<RunView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorView<'a>>,
}

#[derive(Serialize)]
struct PolicyView<'a> {
    bundle: Digest,
    engine: &'a Id,
    engine_version: &'a Id,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    from: &'a str,
    to: &'a str,
    count: u64,
}

/// Counts of one tool, rule or tenant.
#[derive(Serialize)]
struct CountsView<'a> {
    name: Option<&'a Id>,
    /// Of a rule: the reason that answers by it have.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    asked: u64,
    changed: u64,
    outcomes: &'a BTreeMap<Name, u64>,
    changes: Vec<ChangeView<'a>>,
}

#[derive(Serialize)]
struct RunView<'a> {
    path: &'a str,
    source: Option<&'a SourceView>,
    run: Option<RunId>,
    tenant: Option<&'a Id>,
    valid: Valid,
    sound: Option<&'a str>,
    calls: u64,
    asked: u64,
    changed: u64,
    changes: Vec<ChangeView<'a>>,
    changed_calls: &'a [Changed],
}

#[derive(Serialize)]
struct ErrorView<'a> {
    path: &'a str,
    reason: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn of(outcome: &'a Outcome) -> Self {
        let Outcome { bundle, tally, unread, .. } = outcome;
        let policy = PolicyView {
            bundle: bundle.bundle(),
            engine: bundle.engine(),
            engine_version: bundle.engine_version(),
        };
        let grant = match outcome.grant {
            StandingGrant::Messages => MESSAGES_GRANT,
            StandingGrant::Nothing => "none",
        };
        let rules = tally.by_rule.iter();
        Self {
            policy,
            registry: outcome.registry,
            grant,
            runs: tally.rows.len() as u64,
            judged: tally.judged,
            exact: tally.exact,
            calls: tally.calls,
            asked: tally.counts.asked,
            changed: tally.counts.changed,
            grounds: tally.grounds,
            unasked: &tally.unasked,
            seconds: json_seconds(outcome.elapsed),
            outcomes: &tally.counts.outcomes,
            changes: changes(&tally.counts),
            tools: by_name(&tally.by_tool),
            rules: rules.map(|(of, counts)| view(of.rule.as_ref(), Some(of.reason), counts)).collect(),
            tenants: by_name(&tally.by_tenant),
            results: tally.rows.iter().map(RunView::of).collect(),
            errors: unread
                .iter()
                .map(|unread| ErrorView { path: &unread.path, reason: &unread.reason })
                .collect(),
        }
    }
}

impl<'a> RunView<'a> {
    fn of(row: &'a Row) -> Self {
        let Row { path, source, run, valid, tally } = row;
        Self {
            path,
            source: source.as_ref(),
            run: *run,
            tenant: tally.tenant.as_ref(),
            valid: *valid,
            sound: tally.sound.as_deref(),
            calls: tally.calls,
            asked: tally.counts.asked,
            changed: tally.counts.changed,
            changes: changes(&tally.counts),
            changed_calls: &tally.changed,
        }
    }
}

fn changes(counts: &Counts) -> Vec<ChangeView<'_>> {
    counts.changes.iter().map(|((from, to), count)| ChangeView { from, to, count: *count }).collect()
}

fn by_name(counts: &BTreeMap<Id, Counts>) -> Vec<CountsView<'_>> {
    counts.iter().map(|(name, counts)| view(Some(name), None, counts)).collect()
}

fn view<'a>(name: Option<&'a Id>, reason: Option<&'static str>, counts: &'a Counts) -> CountsView<'a> {
    CountsView {
        name,
        reason,
        asked: counts.asked,
        changed: counts.changed,
        outcomes: &counts.outcomes,
        changes: changes(counts),
    }
}
