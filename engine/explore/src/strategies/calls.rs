//! Calls side by side, each from its proposal to what became of its effect.

use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, Enforcement, ReasonCode};
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::{BlockReason, DetectedClass};
use rederive_evidence::kinds::tool::{
    FailureClass, ToolBlocked, ToolFailed, ToolPreviewed, ToolUnknown, UnknownReason,
};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Place};
use rederive_machine::testing::authority::{
    approving, assembling, denying, executing, logging, resolving, reviewing, revising, revoking, using,
    verifying, withdrawing,
};
use rederive_machine::testing::{
    Made, Trial, dispatch, id, inspection, place, planning, proposal, redecided, request, result, validation,
};

use super::one_of;
use super::walk::Walk;

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    Permitted,
    /// A person approves it.
    Approved,
    /// A person asks for less: it is blocked, and another is held under the same approval.
    Revised,
    /// A person denies it, or nobody answers.
    Denied,
    /// The gate denies it.
    Forbidden,
}

const COURSES: [Course; 8] = [
    Course::Permitted,
    Course::Permitted,
    Course::Approved,
    Course::Revised,
    Course::Denied,
    Course::Forbidden,
    Course::Permitted,
    Course::Permitted,
];

/// What a bent run's plan may cost: more than its run may spend, and just what its standing grant is of.
const PLANNED_MICROS: &[u64] = &[7, 20];
/// What it then costs: just what was planned, and a little more.
const COSTS_MICROS: &[u64] = &[7, 8, 20, 21];
/// How unsure a bent run's permit is, thousandths: as far as nobody has to answer, and a little farther.
const UNCERTAINTIES: &[u16] = &[500, 501];

/// What becomes of an effect: it may be compared or undone without having been seen.
const EFFECTS: &[&[Act]] = &[
    &[Act::Execute, Act::Verify],
    &[Act::Execute, Act::Verify],
    &[Act::Execute, Act::Mismatch, Act::Resolve],
    &[Act::Execute, Act::Resolve],
    &[Act::Verify],
    &[Act::Mismatch, Act::Resolve],
    &[Act::Overlook, Act::Resolve],
    &[Act::Resolve],
];

/// A call on its way.
pub(super) struct Flow {
    place: Place,
    tool: &'static str,
    course: Course,
    actor: Id,
    /// Acts that are left, the next one last.
    left: Vec<Act>,
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Propose,
    Validate,
    Inspect,
    Request,
    Preview,
    Plan,
    Permit,
    Hold,
    Deny,
    Ask,
    Assemble,
    Review,
    Approve,
    Refuse,
    Revise,
    Withdraw,
    Log,
    PermitApproved,
    Issue,
    Dispatch,
    Use,
    Return,
    Fail,
    Lose,
    Block,
    Execute,
    Verify,
    Mismatch,
    Overlook,
    Resolve,
    Revoke,
}

impl Flow {
    pub(super) fn new(walk: &mut Walk, place: Place, tool: &'static str, answer: u64) -> Self {
        let drawn = walk.below(COURSES.len() as u64) as usize;
        let course = COURSES.get(drawn).copied().unwrap_or(Course::Permitted);
        let has_effect = walk.trial.class_of(tool) != EffectsClass::Read;
        let mut acts = vec![Act::Propose, Act::Validate];
        if walk.below(3) == 0 {
            acts.push(Act::Inspect);
        }
        acts.push(Act::Request);
        let offers = walk.trial.machine.state().tool(&id(tool)).is_some_and(|tool| tool.preview);
        if offers && walk.below(3) != 0 {
            acts.push(Act::Preview);
        }
        if has_effect {
            acts.push(Act::Plan);
        }
        let with_credential = walk.below(3) == 0;
        let permitted = |acts: &mut Vec<Act>, permit| {
            acts.push(permit);
            if with_credential {
                acts.push(Act::Issue);
            }
            acts.push(Act::Dispatch);
            if with_credential {
                acts.push(Act::Use);
            }
        };
        let asked = [Act::Hold, Act::Ask, Act::Assemble, Act::Review];
        match course {
            Course::Permitted => permitted(&mut acts, Act::Permit),
            Course::Approved => {
                acts.extend(asked);
                acts.extend([Act::Approve, Act::Log]);
                permitted(&mut acts, Act::PermitApproved);
                // In a bent run the approval serves twice.
                if walk.is_bent() {
                    acts.push(Act::PermitApproved);
                }
            }
            Course::Revised => acts.extend(asked.into_iter().chain([Act::Revise, Act::Block])),
            Course::Denied if walk.below(3) == 0 => {
                acts.extend([Act::Hold, Act::Ask, Act::Withdraw, Act::Block]);
            }
            Course::Denied => acts.extend(asked.into_iter().chain([Act::Refuse, Act::Log, Act::Block])),
            Course::Forbidden => acts.extend([Act::Deny, Act::Block]),
        }
        if matches!(course, Course::Permitted | Course::Approved) {
            match walk.below(6) {
                0 => acts.push(Act::Fail),
                1 if !has_effect => acts.push(Act::Lose),
                _ => acts.push(Act::Return),
            }
            if has_effect {
                let course = one_of(EFFECTS, &mut walk.draw).unwrap_or_default();
                acts.extend_from_slice(course);
            }
            // In a bent run it may be left live.
            if with_credential && !(walk.is_bent() && walk.below(2) == 0) {
                acts.push(Act::Revoke);
            }
        }
        acts.reverse();
        Self { actor: place.agent.clone(), place, tool, course, left: acts, last: answer }
    }

    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    pub(super) fn course(&self) -> Course {
        self.course
    }

    /// Whether it failed and may be tried again.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn tool(&self) -> &'static str {
        self.tool
    }

    /// Number of the record that came of it last.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Does the next act.
    pub(super) fn advance(&mut self, walk: &mut Walk) {
        let Some(act) = self.left.pop() else { return };
        let Some(made) = self.made(act, walk) else { return };
        let made = if made.input.causes.ranges().is_empty() { made.because([self.last]) } else { made };
        if let Some(number) = walk.take(made) {
            self.last = number;
        }
    }

    /// The record of an act; none where the run does not stand so that it could be asked for.
    fn made(&self, act: Act, walk: &mut Walk) -> Option<Made> {
        let (at, tool, last) = (&self.place, self.tool, self.last);
        let is_bent = walk.is_bent();
        let is_decided = walk.trial.machine.state().decision(at).is_some();
        let can_judge = can_judge(&walk.trial, at);
        let made = match act {
            Act::Propose => proposal(at, tool).by(self.actor.as_str()),
            Act::Validate => validation(at, tool),
            // Every call has the same arguments: what is found in them once binds all calls to come.
            Act::Inspect if is_bent && walk.below(8) == 0 => {
                let class = one_of(DetectedClass::ALL, &mut walk.draw).unwrap_or(DetectedClass::Command);
                inspection(at, "arguments", &[class])
            }
            Act::Inspect => inspection(at, "arguments", &[]),
            Act::Request => request(at),
            Act::Preview => {
                let diff = if is_bent && walk.below(2) == 0 { "a diff" } else { "an effect" };
                Made::new("broker", ToolPreviewed { diff: Content(0) }).with([diff]).at(at.clone())
            }
            Act::Plan => plan(walk, at, tool),
            Act::Permit if can_judge && is_bent && excepts(&walk.trial) && walk.below(2) == 0 => {
                excepted(walk.trial.judgement(at))
            }
            Act::Permit if can_judge && is_bent && walk.below(6) == 0 => {
                let uncertainty = one_of(UNCERTAINTIES, &mut walk.draw);
                redecided(walk.trial.judgement(at), |body| body.uncertainty_permille = uncertainty.into())
            }
            Act::Permit if can_judge => walk.trial.judgement(at),
            Act::PermitApproved if can_judge => walk.trial.approved_judgement(at),
            Act::Hold if can_judge => walk.trial.holding(at),
            Act::Deny if can_judge => forbidding(walk.trial.judgement(at)),
            Act::Permit | Act::PermitApproved | Act::Hold | Act::Deny => return None,
            Act::Ask if is_decided => walk.trial.asking(at),
            Act::Ask => return None,
            Act::Assemble => {
                let held = decision_record(&walk.trial, at).unwrap_or(last);
                assembling(held).because([last, held])
            }
            Act::Review => reviewing("approver"),
            Act::Approve => approving(),
            Act::Refuse => denying(),
            Act::Revise => revising(),
            Act::Withdraw => withdrawing(),
            Act::Log => logging(last),
            Act::Issue => walk.trial.issuing(at, tool),
            Act::Dispatch => dispatching(&walk.trial, at, tool),
            Act::Use => using(at),
            Act::Return => result(at, "a result"),
            Act::Fail => failure(at),
            Act::Lose => Made::new("recorder", ToolUnknown { reason: UnknownReason::Lost }).at(at.clone()),
            Act::Block => Made::new("broker", ToolBlocked { reason: BlockReason::Decision, notice: None })
                .at(at.clone()),
            Act::Execute => execution(walk, at).because([last]),
            Act::Verify => verifying(at, EffectMatch::Match, "an effect"),
            Act::Mismatch => verifying(at, EffectMatch::Mismatch, "another effect"),
            Act::Overlook => verifying(at, EffectMatch::Unobserved, "an effect"),
            Act::Resolve => {
                let mut made = one_of(&resolving(at), &mut walk.draw)?;
                // In a bent run somebody else may be told.
                if let (Body::EffectNotified(body), true) =
                    (&mut made.input.body, is_bent && walk.below(2) == 0)
                {
                    body.owner = id("somebody-else");
                }
                made
            }
            Act::Revoke => revoking(),
        };
        Some(made)
    }
}

/// Whether the gate was asked about a live call: only then has the machine an answer to what it asks of a decision.
pub(super) fn can_judge(trial: &Trial, at: &Place) -> bool {
    trial.machine.request(at).is_some_and(|facts| facts.to_request().is_some())
}

/// The latest record that decided on the call at this place.
fn decision_record(trial: &Trial, at: &Place) -> Option<u64> {
    let decides = |input: &rederive_evidence::record::Input| matches!(&input.body, Body::DecisionMade(body) if body.request.call.as_ref() == Some(at));
    trial.told.iter().rev().find(|(input, _)| decides(input)).map(|(input, _)| input.sequence)
}

fn forbidding(made: Made) -> Made {
    redecided(made, |body| {
        body.decision = Decision::Deny;
        body.reason = ReasonCode::PolicyForbids;
        body.enforcement = Enforcement::Blocked;
        body.expires = None;
    })
}

/// The plan of a call's effect: reversible where its tool says so. A bent run's may lack the way back, or the way to contain it.
fn plan(walk: &mut Walk, at: &Place, tool: &str) -> Made {
    let mut made = planning(at, walk.trial.class_of(tool));
    let registered = walk.trial.machine.state().tool(&id(tool));
    let is_reversible = registered.and_then(|tool| tool.reversible).unwrap_or(true);
    let lacks = if walk.is_bent() { walk.below(6) } else { u64::MAX };
    let planned = if lacks == 2 { one_of(PLANNED_MICROS, &mut walk.draw) } else { None };
    if let Body::EffectPlanned(body) = &mut made.input.body {
        body.reversible = Given::Known(is_reversible);
        body.rollback = body.rollback.filter(|_| lacks != 0);
        body.containment = body.containment.filter(|_| lacks != 1);
        body.amount_micros = planned;
    }
    made
}

/// The effect was seen. In a bent run it may have cost what was planned, or more.
fn execution(walk: &mut Walk, at: &Place) -> Made {
    let mut made = executing(at);
    let costs = walk.is_bent() && walk.below(3) == 0;
    let cost = if costs { one_of(COSTS_MICROS, &mut walk.draw) } else { None };
    if let (Body::EffectExecuted(body), Some(cost)) = (&mut made.input.body, cost) {
        body.amount_micros = Some(cost);
    }
    made
}

/// The dispatch of the call, in the sandbox that its tool names.
fn dispatching(trial: &Trial, at: &Place, tool: &str) -> Made {
    let mut made = dispatch(at, tool);
    let named = trial.machine.state().tool(&id(tool)).and_then(|tool| tool.sandbox.clone());
    if let Body::ToolDispatched(body) = &mut made.input.body {
        body.sandbox = named;
    }
    made
}

/// Whether somebody has granted an exception.
fn excepts(trial: &Trial) -> bool {
    !trial.machine.state().exceptions().is_empty()
}

/// The permit, under the exception.
fn excepted(made: Made) -> Made {
    redecided(made, |body| {
        (body.exception, body.reason) = (Some(id("exception-1")), ReasonCode::Exception);
    })
}

fn failure(at: &Place) -> Made {
    let class = FailureClass::Tool;
    let body = ToolFailed { class, error: None, result: None, duration_us: None, call_id: None };
    Made::new("broker", body).at(at.clone())
}

/// The calls of one turn of an agent, their steps in any order that the choices make.
pub(super) fn side_by_side(walk: &mut Walk, mut flows: Vec<Flow>) -> Vec<Flow> {
    while flows.iter().any(|flow| !flow.is_over()) {
        let drawn = walk.below(flows.len() as u64) as usize;
        let at = if flows.get(drawn).is_some_and(|flow| !flow.is_over()) {
            drawn
        } else {
            flows.iter().position(|flow| !flow.is_over()).unwrap_or(0)
        };
        if let Some(flow) = flows.get_mut(at) {
            // Two steps of different calls may fall into one moment.
            if walk.below(2) == 0 {
                walk.trial.now = walk.latest();
            }
            flow.advance(walk);
        }
    }
    flows
}

/// A place of the agent, tried again.
pub(super) fn again(at: &Place) -> Place {
    Place { attempt: at.attempt.saturating_add(1), ..place(at.turn, at.index) }
}
