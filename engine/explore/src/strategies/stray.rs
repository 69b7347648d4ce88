//! An act that somebody tries at any time, wherever the run stands: any column of any grid, and what a limit, a memory or an output is touched by.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::{Content, RecordRef};
use rederive_evidence::kinds::context::{ContextBlocked, ContextSummarised};
use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::kinds::delegation::DelegationEnded;
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::kinds::limit::{LimitKind, LimitRead};
use rederive_evidence::kinds::memory::{MemoryRead, MemoryScope};
use rederive_evidence::kinds::output::OutputBlocked;
use rederive_evidence::kinds::tool::{
    FailureClass, ToolBlocked, ToolFailed, ToolPreviewed, ToolUnknown, UnknownReason,
};
use rederive_evidence::record::Input;
use rederive_evidence::values::{EffectsClass, Place, Sensitivity};
use rederive_machine::testing::authority::{
    approving, assembling, denying, executing, expiring, lapsing, logging, looking, producing, releasing,
    resolving, reviewing, revising, revoking, using, verifying, withdrawing,
};
use rederive_machine::testing::{
    Made, Trial, commitment, decision, dispatch, handing_off, id, inspection, memory_decision, memory_key,
    place, planning, proposal, request, result, retrieval, validation, writing,
};
use rederive_machine::{ApprovalStatus, CallStatus, EffectStatus, TrackedApproval};

use super::scenes::granting;
use super::{calls, one_of};

/// What it is tried on: a call, and an earlier record.
struct Aim<'t> {
    trial: &'t Trial,
    at: Place,
    tool: &'static str,
    record: u64,
}

const TOOLS: &[&str] = &["search", "mail", "edit"];
const REVIEWERS: &[&str] = &["approver", "user", "agent", "operator"];

type Act = fn(&Aim<'_>, &mut Choices) -> Made;

/// Steps of a call.
const CALLS: &[Act] = &[
    |aim, _| proposal(&aim.at, aim.tool),
    |aim, _| proposal(&calls::again(&aim.at), aim.tool),
    |aim, _| validation(&aim.at, aim.tool),
    |aim, _| request(&aim.at),
    |aim, _| Made::new("broker", ToolPreviewed { diff: Content(0) }).with(["a diff"]).at(aim.at.clone()),
    |aim, _| decision(&aim.at, aim.tool, Decision::Permit),
    |aim, _| decision(&aim.at, aim.tool, Decision::Silence),
    |aim, _| dispatch(&aim.at, aim.tool),
    |aim, _| result(&aim.at, "a result"),
    |aim, _| {
        let class = FailureClass::Tool;
        let failed = ToolFailed { class, error: None, result: None, duration_us: None, call_id: None };
        Made::new("broker", failed).at(aim.at.clone())
    },
    |aim, _| Made::new("broker", ToolBlocked { reason: BlockReason::Rule, notice: None }).at(aim.at.clone()),
    |aim, _| Made::new("recorder", ToolUnknown { reason: UnknownReason::Lost }).at(aim.at.clone()),
    |aim, draw| {
        let class = one_of(DetectedClass::ALL, draw).unwrap_or(DetectedClass::Command);
        inspection(&aim.at, "arguments", &[class])
    },
];

/// Steps of an approval.
const APPROVALS: &[Act] = &[
    |aim, _| {
        let decided = aim.trial.machine.state().decision(&aim.at).map(|decided| decided.request);
        let covers = decided.unwrap_or_else(|| commitment("another request"));
        aim.trial.asking_for(Some(aim.at.clone()), covers)
    },
    |aim, _| assembling(aim.record),
    |_, draw| reviewing(one_of(REVIEWERS, draw).unwrap_or("approver")),
    |_, _| approving(),
    |_, _| denying(),
    |_, _| revising(),
    |_, _| expiring(),
    |_, _| withdrawing(),
    |aim, _| logging(aim.record),
    |aim, _| {
        if calls::can_judge(aim.trial, &aim.at) {
            aim.trial.approved_judgement(&aim.at)
        } else {
            withdrawing()
        }
    },
];

/// Steps of credentials and effects.
const AUTHORITY: &[Act] = &[
    |aim, _| aim.trial.issuing(&aim.at, aim.tool),
    |aim, _| using(&aim.at),
    |_, _| revoking(),
    |_, _| lapsing(),
    |aim, _| planning(&aim.at, EffectsClass::Send),
    |aim, _| executing(&aim.at),
    |aim, draw| {
        let result = one_of(EffectMatch::ALL, draw).unwrap_or(EffectMatch::Match);
        let observed = one_of(&["an effect", "another effect"], draw).unwrap_or("an effect");
        verifying(&aim.at, result, observed)
    },
    |aim, draw| one_of(&resolving(&aim.at), draw).unwrap_or_else(revoking),
];

/// Steps of a delegation, and what a delegate does.
const DELEGATIONS: &[Act] = &[
    |aim, _| granting("agent", "helper", aim.trial.now.plus_ms(20)),
    |_, _| handing_off("agent", "helper"),
    |_, draw| retrieval("a page").by(one_of(&["helper", "deeper"], draw).unwrap_or("helper")),
    |_, _| Made::new("agent", DelegationEnded { delegation: id("agent-to-helper") }),
];

/// What touches outputs, memory and limits.
const OTHERS: &[Act] = &[
    |_, _| producing("done"),
    |_, _| looking("done"),
    |_, _| Made::new("guard", OutputBlocked { output: commitment("done"), reason: BlockReason::Clearance }),
    |_, _| releasing("done", Sensitivity::Public),
    |_, draw| {
        let kind = one_of(LimitKind::ALL, draw).unwrap_or(LimitKind::Calls);
        let value = 6 + draw.below(3);
        Made::new("gate", LimitRead { counter: id("fleet"), kind, value, limit: 7 })
    },
    |_, _| memory_decision("a fact", Decision::Permit, None),
    |aim, _| writing(MemoryScope::Durable, "a fact").because([0, aim.record]),
    |_, draw| {
        let scope = one_of(MemoryScope::ALL, draw).unwrap_or(MemoryScope::Session);
        let item = memory_key(scope, "fact");
        Made::new("agent", MemoryRead { item, value: Some(Content(0)), earlier: None }).with(["a fact"])
    },
    |aim, _| {
        let record = Some(RecordRef(aim.record));
        Made::new("guard", ContextBlocked { item: commitment("a page"), record, reason: BlockReason::Tenant })
    },
    |_, _| {
        let body = ContextSummarised { summary: Content(0), items: vec![commitment("a page")], model: None };
        Made::new("service", body).with(["in short"])
    },
];

const STRAYS: &[&[Act]] = &[CALLS, APPROVALS, AUTHORITY, DELEGATIONS, OTHERS];

/// Whether an approval has a step before it that may come.
fn goes_on(held: &TrackedApproval) -> bool {
    match held.status {
        ApprovalStatus::Requested
        | ApprovalStatus::Assembled
        | ApprovalStatus::UnderReview
        | ApprovalStatus::Revised => true,
        ApprovalStatus::Approved | ApprovalStatus::Denied => !held.logged,
        ApprovalStatus::Expired | ApprovalStatus::Withdrawn => false,
    }
}

/// A step out of its turn, or what was done before done again.
pub(super) fn stray(trial: &Trial, draw: &mut Choices) -> Made {
    let state = trial.machine.state();
    let is_asked = state.tracked_approvals().iter().any(|(_, held)| goes_on(held));
    let is_sent = state.calls().iter().any(|(_, call)| call.status == CallStatus::Dispatched);
    let is_moving = state.tracked_effects().iter().any(|(_, held)| held.status == EffectStatus::UnderWay);
    // An approval is on its way for a few records only, and a call or its effect for fewer.
    let acts = if is_asked && draw.below(2) == 0 {
        APPROVALS
    } else if is_moving && draw.below(4) == 0 {
        AUTHORITY
    } else if is_sent && draw.below(3) == 0 {
        CALLS
    } else if draw.below(STRAYS.len() as u64 + 1) == 0 {
        return done_again(trial, draw);
    } else {
        one_of(STRAYS, draw).unwrap_or(CALLS)
    };
    let aim = Aim {
        trial,
        at: any_place(trial, draw),
        tool: one_of(TOOLS, draw).unwrap_or("mail"),
        record: draw.below(trial.machine.lineage().len()),
    };
    let made = one_of(acts, draw).map_or_else(revoking, |act| act(&aim, draw));
    if made.input.causes.ranges().is_empty() { made.because([0]) } else { made }
}

/// Where a call stands, was once, or may yet come.
fn any_place(trial: &Trial, draw: &mut Choices) -> Place {
    let state = trial.machine.state();
    let live: Vec<Place> = state.calls().iter().map(|(at, _)| at.clone()).collect();
    let planned: Vec<Place> = state.tracked_effects().iter().map(|(_, held)| held.call.clone()).collect();
    let dispatched = |at: &&Place| state.call(at).is_some_and(|call| call.status == CallStatus::Dispatched);
    match draw.below(6) {
        0 | 1 => one_of(&live, draw),
        2 => one_of(&planned, draw),
        3 | 4 => one_of(&live.iter().filter(dispatched).cloned().collect::<Vec<_>>(), draw),
        _ => None,
    }
    .unwrap_or_else(|| {
        let latest = state.watermark(&id("agent")).map_or(0, |last| last.turn);
        let turn = [0, latest, latest.wrapping_add(1)];
        place(one_of(&turn, draw).unwrap_or(0), draw.below(4) as u16)
    })
}

fn done_again(trial: &Trial, draw: &mut Choices) -> Made {
    let Some((input, extracted)) = one_of(&trial.told, draw) else { return revoking() };
    let mut again = Made::new(input.actor.as_str(), input.body.clone());
    again.input = Input { sequence: 0, ..input };
    again.extracted = extracted;
    again
}
