//! Answers counted: over all runs, by tool, rule, tenant and run.

use std::collections::BTreeMap;

use rederive_evidence::ids::{Id, RunId};
use rederive_evidence::kinds::decision::{Decision, Directive};
use rederive_policy::Judgement;
use rederive_policy::assemble::MEMORY_WRITE;
use rederive_replay::{Change, Judged, Recorded, Report, SourceView, Unasked, Valid, WhatIfRun};
use serde::Serialize;

/// An answer by name: the decision, and the directive where there is one. Of a call that nobody decided on, how it ended.
pub(super) type Name = String;

/// How often what was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Questions that the other bundle answered.
    pub(super) asked: u64,
    /// Answers that are others than those recorded.
    pub(super) changed: u64,
    /// The other bundle's answers.
    pub(super) outcomes: BTreeMap<Name, u64>,
    /// What changed: from which to which.
    pub(super) changes: BTreeMap<(Name, Name), u64>,
}

/// What one run gave.
#[derive(Clone, Debug, Default)]
pub(super) struct RunTally {
    pub(super) tenant: Option<Id>,
    pub(super) calls: u64,
    /// How far it is sound; none where it was not judged.
    pub(super) sound: Option<String>,
    pub(super) counts: Counts,
    /// Each answer that is another, in the order of the records.
    pub(super) changed: Vec<Changed>,
    /// Answers that are the same on other grounds.
    pub(super) grounds: u64,
    pub(super) unasked: BTreeMap<Unasked, u64>,
    by_tool: BTreeMap<Id, Counts>,
    by_rule: BTreeMap<Grounds, Counts>,
}

/// An answer that is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Changed {
    /// The decision's record, or the proposal's where nobody decided.
    record: u64,
    /// The call's number in the run, from 0; none for a memory write.
    call: Option<u64>,
    tool: Option<Id>,
    from: Name,
    to: Name,
    /// The policies that the other answer rests on.
    rules: Vec<Id>,
}

impl Changed {
    /// Which call it is: `call 1 send_mail`.
    pub(super) fn which(&self) -> String {
        let place =
            self.call.map_or_else(|| format!("record {}", self.record), |call| format!("call {call}"));
        self.tool.as_ref().map_or_else(|| place.clone(), |tool| format!("{place} {tool}"))
    }

    /// From what to what.
    pub(super) fn words(&self) -> String {
        format!("{} → {}", self.from, self.to)
    }
}

/// On what an answer rests: a policy, or none and then the reason alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Grounds {
    pub(super) rule: Option<Id>,
    pub(super) reason: &'static str,
}

/// One run's row.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) source: Option<SourceView>,
    pub(super) run: Option<RunId>,
    pub(super) valid: Valid,
    pub(super) tally: RunTally,
}

/// What all runs gave.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) rows: Vec<Row>,
    pub(super) judged: u64,
    pub(super) exact: u64,
    pub(super) calls: u64,
    pub(super) counts: Counts,
    pub(super) grounds: u64,
    pub(super) unasked: BTreeMap<Unasked, u64>,
    pub(super) by_tool: BTreeMap<Id, Counts>,
    pub(super) by_rule: BTreeMap<Grounds, Counts>,
    pub(super) by_tenant: BTreeMap<Id, Counts>,
}

impl Counts {
    fn note(&mut self, judged: &Judged, now: &Judgement) {
        self.asked += 1;
        if judged.change == Change::Answer {
            self.changed += 1;
            *self.changes.entry(from_and_to(&judged.recorded, now)).or_default() += 1;
        }
        *self.outcomes.entry(named(now.decision, now.directive)).or_default() += 1;
    }

    fn append(&mut self, other: &Self) {
        self.asked += other.asked;
        self.changed += other.changed;
        for (outcome, number) in &other.outcomes {
            *self.outcomes.entry(outcome.clone()).or_default() += number;
        }
        for (change, number) in &other.changes {
            *self.changes.entry(change.clone()).or_default() += number;
        }
    }
}

impl RunTally {
    pub(super) fn of(run: &WhatIfRun) -> Self {
        let sound = run.sound.map(|sound| sound.to_string());
        let calls = run.calls.len() as u64;
        let mut tally = Self { tenant: run.tenant.clone(), calls, sound, ..Self::default() };
        for judged in &run.judged {
            match &judged.judged {
                Err(unasked) => *tally.unasked.entry(*unasked).or_default() += 1,
                Ok(now) => tally.note(judged, now, run),
            }
        }
        tally
    }

    fn note(&mut self, judged: &Judged, now: &Judgement, run: &WhatIfRun) {
        self.counts.note(judged, now);
        self.grounds += u64::from(judged.change == Change::Grounds);
        let call = judged.call.and_then(|call| run.calls.get(call));
        // What is for no call is for a memory write.
        let tool = call.map(|call| call.tool.clone()).or_else(|| Id::new(MEMORY_WRITE).ok());
        if judged.change == Change::Answer {
            let (from, to) = from_and_to(&judged.recorded, now);
            let (record, call) = (judged.record, judged.call.map(|call| call as u64));
            self.changed.push(Changed {
                record,
                call,
                tool: tool.clone(),
                from,
                to,
                rules: now.rules.clone(),
            });
        }
        if let Some(tool) = tool {
            self.by_tool.entry(tool).or_default().note(judged, now);
        }
        let reason = now.reason.name();
        let by = |rule: Option<Id>| Grounds { rule, reason };
        let rules = now.rules.iter().chain(&now.errors);
        let mut grounds: Vec<Grounds> = rules.map(|rule| by(Some(rule.clone()))).collect();
        if grounds.is_empty() {
            grounds.push(by(None));
        }
        for grounds in grounds {
            self.by_rule.entry(grounds).or_default().note(judged, now);
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, path: String, report: &Report, tally: RunTally) {
        self.judged += u64::from(tally.sound.is_some());
        self.exact += u64::from(tally.sound.as_deref() == Some("exact"));
        self.calls += tally.calls;
        self.grounds += tally.grounds;
        self.counts.append(&tally.counts);
        append(&mut self.by_tool, &tally.by_tool);
        append(&mut self.by_rule, &tally.by_rule);
        if let Some(tenant) = tally.tenant.as_ref().filter(|_| tally.counts.asked > 0) {
            self.by_tenant.entry(tenant.clone()).or_default().append(&tally.counts);
        }
        for (unasked, number) in &tally.unasked {
            *self.unasked.entry(*unasked).or_default() += number;
        }
        // What they held is counted above; a hundred thousand runs need not hold it twice.
        let tally = RunTally { by_tool: BTreeMap::new(), by_rule: BTreeMap::new(), ..tally };
        let (source, run, valid) = (report.source.clone(), report.run, report.valid);
        self.rows.push(Row { path, source, run, valid, tally });
    }
}

fn append<K: Ord + Clone>(all: &mut BTreeMap<K, Counts>, one: &BTreeMap<K, Counts>) {
    for (key, counts) in one {
        all.entry(key.clone()).or_default().append(counts);
    }
}

/// What is recorded, and what the other bundle says. Where both have one name, with the reasons, which is then what changed.
fn from_and_to(recorded: &Recorded, now: &Judgement) -> (Name, Name) {
    let to = named(now.decision, now.directive);
    match recorded {
        Recorded::Ended(end) => (end.name().to_owned(), to),
        Recorded::Decided(then) => {
            let from = named(then.decision, then.directive);
            if from == to {
                (format!("{from} ({})", then.reason), format!("{to} ({})", now.reason))
            } else {
                (from, to)
            }
        }
    }
}

/// An answer's name.
fn named(decision: Decision, directive: Directive) -> Name {
    if directive == Directive::None { decision.to_string() } else { format!("{decision} {directive}") }
}
