//! What if another bundle had decided: every decision of a run again, denials included, and every call of a run that nobody decided on.
//!
//! Records are verified before what they ask is judged, and what is said of a run counts only where all of it reproduces. What is said of a call is
//! sound up to the first change that the model would have seen: what it would have done then, nobody knows. Spec: whatif.

use std::path::Path;

use rederive_archive::{
    ReadFault, TraceReader,
    storage::{ReadAt, Storage},
};
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Directive, ReasonCode};
use rederive_policy::Judgement;
use rederive_verify::TrustRoots;
use serde::Serialize;

use crate::calls::{CallEnd, Registries, RunCall};
use crate::extracted::RunSources;
use crate::inquiry::{Inquiry, Question, Visitor};
use crate::judge::{Judge, answer};
use crate::plan::{Broken, Plan};
use crate::questions::Questions;
use crate::report::{Level, Report, Valid};
use crate::stretch::Job;
use crate::threads;
use crate::trace::Options;

/// The name by which a request holds the standing grant of what the user's messages ask for.
pub const MESSAGES_GRANT: &str = "user-messages";

/// What the principal of a run that nobody decided on is taken to have granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandingGrant {
    /// What the user's own messages ask for: a class of effect that they name, where every destination and amount stands in them.
    Messages,
    /// Nothing.
    Nothing,
}

/// What is asked of a what-if.
#[derive(Clone, Copy)]
pub struct WhatIf<'a> {
    /// The other bundle.
    pub judge: &'a dyn Judge,
    /// What is known of tools.
    pub registries: &'a dyn Registries,
    /// The grant under which calls that nobody decided on are taken to have been made.
    pub grant: StandingGrant,
    /// The keys trusted, for the verification.
    pub trust: Option<&'a TrustRoots>,
}

/// What the run's records say of what is judged again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The gate's decision.
    Decided(Answer),
    /// Nobody decided: how the call ended.
    Ended(CallEnd),
}

/// A decision, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The answer.
    pub decision: Decision,
    /// What is to be done about it.
    pub directive: Directive,
    /// Why.
    pub reason: ReasonCode,
    /// Policies that determined it.
    pub rules: Vec<Id>,
}

/// Why the other bundle was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unasked {
    /// The arguments are redacted.
    Redacted,
    /// The gate itself withheld the call: no bundle changes that.
    Withheld,
}

/// How the other bundle's answer differs from what is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Not at all.
    None,
    /// The same answer on other grounds: the model would have seen nothing of it.
    Grounds,
    /// Another answer: the model would have seen it.
    Answer,
}

/// One question, and what the other bundle says to it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The decision's record, or the proposal's where nobody decided.
    pub record: u64,
    /// The call's number in the run, from 0; none: it was never proposed.
    pub call: Option<usize>,
    /// What is recorded.
    pub recorded: Recorded,
    /// What the other bundle says.
    pub judged: Result<Judgement, Unasked>,
    /// How that differs.
    pub change: Change,
}

/// How far what is said of a run is sound: up to the first change that the model would have seen. Spec: whatif-sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    /// The model would have seen nothing else: all of it.
    Exact,
    /// Up to and with the call of this number. What comes after it happened in another run than the one that would have been.
    Bounded(u64),
}

impl std::fmt::Display for Sound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Bounded(call) => write!(f, "bounded@{call}"),
        }
    }
}

/// What a what-if says of one run.
#[derive(Clone, Debug)]
pub struct WhatIfRun {
    /// Its verification. Where it is not `reproduced`, nothing was judged.
    pub report: Report,
    /// Its tenant.
    pub tenant: Option<Id>,
    /// Its calls, in the order in which they were proposed.
    pub calls: Vec<RunCall>,
    /// Its questions, in order.
    pub judged: Vec<Judged>,
    /// How far it is sound; none where the run was not judged.
    pub sound: Option<Sound>,
}

/// Judges the trace at `path` under another bundle.
///
/// # Errors
/// The storage failed: nothing can be said of the trace.
pub fn whatif<S>(storage: &S, path: &Path, ask: &WhatIf<'_>) -> Result<WhatIfRun, ReadFault>
where
    S: Storage,
    S::File: Sync,
{
    read(TraceReader::open(storage, path), ask)
}

/// Judges a trace that is in memory.
///
/// # Errors
/// As [`whatif`].
pub fn whatif_bytes(bytes: &[u8], ask: &WhatIf<'_>) -> Result<WhatIfRun, ReadFault> {
    read(TraceReader::of(bytes), ask)
}

fn read<F: ReadAt + Sync>(
    opened: Result<TraceReader<F>, ReadFault>,
    ask: &WhatIf<'_>,
) -> Result<WhatIfRun, ReadFault> {
    let options = Options { level: Level::State, trust: ask.trust, ..Options::default() };
    match opened {
        Ok(reader) => judge(&reader, &options, ask),
        Err(fault) => {
            let report = Report::of_unreadable(Broken::reading(fault)?, &options);
            Ok(WhatIfRun { report, tenant: None, calls: Vec::new(), judged: Vec::new(), sound: None })
        }
    }
}

fn judge<F: ReadAt + Sync>(
    reader: &TraceReader<F>,
    options: &Options<'_>,
    ask: &WhatIf<'_>,
) -> Result<WhatIfRun, ReadFault> {
    let (plan, sources) = (Plan::of(reader, options.trust)?, RunSources::default());
    let job = Job::new(reader, &plan, options.level, &sources);
    let unjudged =
        |report, tenant| WhatIfRun { report, tenant, calls: Vec::new(), judged: Vec::new(), sound: None };
    let Some(opened) = plan.opening.as_deref() else { return Ok(unjudged(job.replay(options)?, None)) };
    let mut questions = Questions::new(reader, opened, ask.registries, Asking::new(ask));
    let report = job.replay_observed(options, &mut questions)?;
    let mut run = unjudged(report, Some(opened.tenant.clone()));
    if run.report.valid == Valid::Reproduced {
        let (calls, asking) = questions.end_of_run()?;
        (run.calls, run.judged) = (calls, asking.judged);
        run.settle();
    }
    Ok(run)
}

/// Asks the other bundle as questions come by.
struct Asking<'a> {
    ask: &'a WhatIf<'a>,
    grant: Option<Id>,
    /// What is to be judged once its records are verified.
    held: Vec<(Judged, Question)>,
    judged: Vec<Judged>,
}

impl<'a> Asking<'a> {
    fn new(ask: &'a WhatIf<'a>) -> Self {
        Self { ask, grant: Id::new(MESSAGES_GRANT).ok(), held: Vec::new(), judged: Vec::new() }
    }
}

impl Visitor for Asking<'_> {
    fn asked(&mut self, mut inquiry: Inquiry<'_>) -> Result<(), ReadFault> {
        if matches!(inquiry.question, Question::NoRegistry) {
            return Ok(());
        }
        let recorded = match inquiry.decision {
            Some(decision) => Recorded::Decided(Answer::of(decision)),
            // How it ended is not known yet.
            None => Recorded::Ended(CallEnd::Open),
        };
        if let (Question::Whole(request), None) = (&mut inquiry.question, inquiry.decision)
            && self.ask.grant == StandingGrant::Messages
            && request.follows_messages()
        {
            request.grant = request.grant.take().or_else(|| self.grant.clone());
        }
        let unasked =
            if inquiry.decision.is_some_and(is_withheld) { Unasked::Withheld } else { Unasked::Redacted };
        let (record, call) = (inquiry.record.input.sequence, inquiry.call);
        let judged = Judged { record, call, recorded, judged: Err(unasked), change: Change::None };
        self.held.push((judged, inquiry.question));
        Ok(())
    }

    fn verified(&mut self) -> Result<(), ReadFault> {
        let judge = self.ask.judge;
        self.judged.extend(threads::each(std::mem::take(&mut self.held), |(mut held, question)| {
            if held.judged != Err(Unasked::Withheld) {
                held.judged = answer(judge, &question).ok_or(Unasked::Redacted);
            }
            Ok::<_, ReadFault>(held)
        })?);
        Ok(())
    }
}

/// Whether the gate itself said no: the policy's answer, if there was one, did not count. Spec: withheld.
pub(crate) fn is_withheld(made: &DecisionMade) -> bool {
    withheld(made.decision, made.reason)
}

fn withheld(decision: Decision, reason: ReasonCode) -> bool {
    let is_own = matches!(
        reason,
        ReasonCode::EngineFault | ReasonCode::BundleFault | ReasonCode::RecordFault | ReasonCode::Rule
    );
    is_own && decision != Decision::Permit
}

impl Answer {
    fn of(decision: &DecisionMade) -> Self {
        let DecisionMade { decision, directive, reason, rules, .. } = decision;
        Self { decision: *decision, directive: *directive, reason: *reason, rules: rules.clone() }
    }
}

impl Recorded {
    /// Its name: the decision, or the end of the call.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Decided(answer) => answer.decision.name(),
            Self::Ended(end) => end.name(),
        }
    }

    /// How an answer differs.
    fn change(&self, now: &Judgement) -> Change {
        let answers = |same: bool| if same { Change::None } else { Change::Answer };
        match self {
            // A call that no record ends was not kept from being made.
            Self::Ended(end) => answers((*end != CallEnd::Blocked) == now.permits()),
            Self::Decided(then) => {
                let grounds = then.reason == now.reason && then.rules == now.rules;
                let blocks = then.decision == Decision::Permit || then.reason == now.reason;
                let same = then.decision == now.decision && then.directive == now.directive && blocks;
                if same && !grounds { Change::Grounds } else { answers(same) }
            }
        }
    }
}

impl WhatIfRun {
    /// Fills in how calls ended, and says what changes.
    fn settle(&mut self) {
        let Self { calls, judged, .. } = self;
        // What was asked of a memory write is known when the write comes.
        judged.sort_by_key(|judged| judged.record);
        for judged in judged.iter_mut() {
            let call = judged.call.and_then(|call| calls.get(call));
            if let (Recorded::Ended(end), Some(call)) = (&mut judged.recorded, call) {
                *end = call.end;
            }
            judged.change = judged.judged.as_ref().map_or(Change::None, |now| judged.recorded.change(now));
        }
        let first = judged.iter().find(|judged| judged.change == Change::Answer);
        // A change of a call that was never proposed is seen at the call that comes next.
        let bound = first.map(|first| {
            let before = |call: &&RunCall| call.record < first.record;
            first.call.unwrap_or_else(|| calls.iter().filter(before).count()) as u64
        });
        self.sound = Some(bound.map_or(Sound::Exact, Sound::Bounded));
    }

    /// The last question about each call, by the call's number; none where nobody was asked about it.
    pub fn by_call(&self) -> Vec<Option<&Judged>> {
        let mut by_call = vec![None; self.calls.len()];
        for judged in &self.judged {
            if let Some(slot) = judged.call.and_then(|call| by_call.get_mut(call)) {
                *slot = Some(judged);
            }
        }
        by_call
    }
}

impl std::fmt::Debug for WhatIf<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (engine, version) = self.judge.engine();
        write!(f, "WhatIf({engine} {version}, {:?})", self.grant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(decision: Decision, directive: Directive, reason: ReasonCode, rules: &[&str]) -> Judgement {
        let rules = rules.iter().map(|rule| Id::new(rule).unwrap()).collect();
        Judgement { decision, directive, reason, rules, errors: Vec::new() }
    }

    fn permit(rules: &[&str]) -> Judgement {
        judged(Decision::Permit, Directive::None, ReasonCode::PolicyPermits, rules)
    }

    fn recorded(judged: Judgement) -> Recorded {
        let Judgement { decision, directive, reason, rules, .. } = judged;
        Recorded::Decided(Answer { decision, directive, reason, rules })
    }

    /// Spec: whatif-sound.
    #[test]
    fn an_answer_is_changed_where_the_model_would_have_seen_it() {
        let deny = judged(Decision::Deny, Directive::None, ReasonCode::PolicyForbids, &["no"]);
        let limit = judged(Decision::Deny, Directive::None, ReasonCode::Limit, &["no"]);
        let held =
            judged(Decision::Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded, &["ask"]);
        let silent = judged(Decision::Silence, Directive::None, ReasonCode::NoPolicy, &[]);
        let granted = judged(Decision::Permit, Directive::None, ReasonCode::StandingGrant, &["a"]);
        for (then, now, change) in [
            (permit(&["a"]), permit(&["a"]), Change::None),
            (permit(&["a"]), permit(&["b"]), Change::Grounds),
            (permit(&["a"]), granted, Change::Grounds),
            (permit(&["a"]), held.clone(), Change::Answer),
            (held.clone(), permit(&["a"]), Change::Answer),
            (held.clone(), silent.clone(), Change::Answer),
            (deny.clone(), silent, Change::Answer),
            (deny.clone(), limit, Change::Answer),
            (deny.clone(), Judgement { rules: Vec::new(), ..deny.clone() }, Change::Grounds),
        ] {
            assert_eq!(recorded(then.clone()).change(&now), change, "{then:?} {now:?}");
        }
        for (end, now, change) in [
            (CallEnd::Returned, permit(&["a"]), Change::None),
            (CallEnd::Open, permit(&["a"]), Change::None),
            (CallEnd::Failed, deny.clone(), Change::Answer),
            (CallEnd::Blocked, deny, Change::None),
            (CallEnd::Blocked, permit(&["a"]), Change::Answer),
            (CallEnd::Unknown, held, Change::Answer),
        ] {
            assert_eq!(Recorded::Ended(end).change(&now), change, "{end:?} {now:?}");
        }
    }

    /// Spec: withheld.
    #[test]
    fn what_the_gate_itself_withheld_is_told_from_what_a_policy_said() {
        for reason in ReasonCode::ALL {
            let own =
                [ReasonCode::EngineFault, ReasonCode::BundleFault, ReasonCode::RecordFault, ReasonCode::Rule];
            assert_eq!(withheld(Decision::Deny, *reason), own.contains(reason), "{reason}");
            assert!(!withheld(Decision::Permit, *reason), "{reason}");
        }
    }
}
