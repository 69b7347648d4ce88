//! Two callers, an approver, a clock, an administrator, somebody who revokes, and a crash: all that can happen next, and what must never have.

use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::tool::UnknownReason;
use rederive_evidence::values::Place;
use rederive_machine::testing::{START, Trial, commitment, place};
use rederive_machine::{ApprovalStatus, CallStatus};
use stateright::{Model, Property};

use crate::account::Flaw;
use crate::acts::{self, Answer, Says, TOOL};
use crate::caller::{Caller, FAILED, Stage, revoke};
use crate::recorder::Recorder;

/// How long the clock waits between two times, ms: what was permitted (60 s), approved (30 s) or issued (20 s) before is over after.
const TICK_MS: u64 = 60_000;

/// A step of the protocol that is left out, to see that it is missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// The gate does not look again before it records the dispatch.
    NoSecondLook,
    /// What the machine refuses is done all the same, and the gate does not look again either.
    RefusalsIgnored,
    /// The tool is called when its dispatch was taken, and not when it is durable.
    DispatchNotAwaited,
    /// Authority is issued when the decision was taken, and not when it is durable with its receipt.
    ReceiptNotAwaited,
    /// After a restart, a call that was dispatched goes on where it stood.
    DispatchedGoOn,
}

/// The size of what is looked at, and the protocol.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    /// Both callers make the same call: as if nothing else kept two threads from going on with one.
    pub(crate) same_call: bool,
    /// A call needs a credential. Nobody is given one by a decision that a crash could take back; without one, decision and dispatch wait for the
    /// disk together.
    pub(crate) credentials: bool,
    /// What the policy may answer.
    pub(crate) answers: &'static [Answer],
    pub(crate) crashes: u8,
    pub(crate) ticks: u8,
    pub(crate) revocations: u8,
    pub(crate) policy_changes: u8,
    pub(crate) mutation: Option<Mutation>,
}

impl Protocol {
    pub(crate) fn looks_again(&self) -> bool {
        !matches!(self.mutation, Some(Mutation::NoSecondLook | Mutation::RefusalsIgnored))
    }

    pub(crate) fn heeds_refusals(&self) -> bool {
        self.mutation != Some(Mutation::RefusalsIgnored)
    }

    /// Whether a caller that waits for a record goes on only when that is durable.
    fn awaits(&self, stage: &Stage) -> bool {
        if !self.credentials && matches!(stage, Stage::Deciding { answer: Answer::Permit, .. }) {
            return false;
        }
        match self.mutation {
            Some(Mutation::DispatchNotAwaited) => !matches!(stage, Stage::Dispatching { .. }),
            Some(Mutation::ReceiptNotAwaited) => !matches!(stage, Stage::Deciding { .. }),
            Some(Mutation::NoSecondLook | Mutation::RefusalsIgnored | Mutation::DispatchedGoOn) | None => {
                true
            }
        }
    }

    /// The records of one call that nothing comes between: the policy answers this, and whoever is asked says yes.
    pub(crate) fn path(&self, answer: Answer) -> Vec<Kind> {
        let mut worlds = self.init_states();
        let mut world = worlds.remove(0);
        let first = world.recorder.live().machine().lineage().len();
        while world.callers[0].stage != Stage::Ended {
            let mut acts = Vec::new();
            self.acts_of(&world, 0, &mut acts);
            let wanted = [
                Act::Step(0),
                Act::Look(0, answer),
                Act::Look(0, Answer::Permit),
                Act::Word(0, true),
                Act::Call(0, true),
            ];
            let act = wanted.into_iter().find(|act| acts.contains(act)).unwrap_or(Act::Commit);
            world = self.next_state(&world, act).expect("every act has an end");
        }
        let lineage = world.recorder.live().machine().lineage();
        (first..lineage.len()).filter_map(|record| lineage.get(record)).map(|mark| mark.kind).collect()
    }

    /// What can happen with one call.
    fn acts_of(&self, world: &World, caller: usize, acts: &mut Vec<Act>) {
        let Caller { place, stage } = &world.callers[caller];
        let memory = world.recorder.live();
        match stage {
            Stage::Requested { approved: true } => acts.push(Act::Look(caller, Answer::Permit)),
            Stage::Requested { approved: false } => {
                acts.extend(self.answers.iter().map(|answer| Act::Look(caller, *answer)));
            }
            Stage::Dispatched => acts.extend([true, false].map(|known| Act::Call(caller, known))),
            Stage::Held => {
                let held = memory.machine().state().tracked_approval(&acts::approval_of(place));
                let ends = held.and_then(|held| held.expires);
                if ends.is_some_and(|end| world.now() >= end) {
                    acts.push(Act::ExpireDue(caller));
                } else {
                    acts.extend([true, false].map(|yes| Act::Word(caller, yes)));
                    acts.push(Act::Withdraw(caller));
                }
            }
            Stage::Deciding { .. } | Stage::Dispatching { .. } | Stage::Assembled { .. } => {
                let is_kept = stage.waits_for().is_none_or(|number| world.recorder.has_kept(number));
                if is_kept || !self.awaits(stage) {
                    acts.push(Act::Step(caller));
                }
            }
            Stage::Judged { .. }
            | Stage::Permitted { .. }
            | Stage::Issued { .. }
            | Stage::Used { .. }
            | Stage::Acted { .. }
            | Stage::ToAsk { .. }
            | Stage::Reviewed { .. }
            | Stage::Granted { .. }
            | Stage::Failed { .. } => acts.push(Act::Step(caller)),
            Stage::Ended => {}
        }
        if world.left.revocations > 0 && memory.account.holds_credential(&acts::credential_of(place)) {
            acts.push(Act::Revoke(caller));
        }
    }
}

/// What may still happen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Left {
    crashes: u8,
    revocations: u8,
    policy_changes: u8,
}

/// Where everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    recorder: Recorder,
    callers: Vec<Caller>,
    ticks: u8,
    left: Left,
    /// What the tool did, outside of the run, ascending: a crash takes none of it back.
    acts: Vec<(Place, Vec<Flaw>)>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    /// A caller looks at the run, and the policy answers.
    Look(usize, Answer),
    /// A caller's next step.
    Step(usize),
    /// The tool is called; whether anybody learns how it ended.
    Call(usize, bool),
    /// The disk has everything taken so far.
    Commit,
    /// The approver has looked at a held call, and says this.
    Word(usize, bool),
    /// Whoever asked withdraws a held call.
    Withdraw(usize),
    /// The gate ends a held call whose approval is over.
    ExpireDue(usize),
    /// Time passes.
    Tick,
    /// Somebody revokes the credential of a caller.
    Revoke(usize),
    /// An administrator puts another bundle in force.
    ChangePolicy,
    /// The process is gone; so many of the records that no commit kept are there all the same. Another one takes the run up.
    Restart(usize),
}

impl World {
    fn now(&self) -> RecordedTime {
        START.plus_ms(1_000 + u64::from(self.ticks) * TICK_MS)
    }

    /// Everything that is wrong with what the tool did.
    fn flaws(&self) -> impl Iterator<Item = Flaw> {
        self.acts.iter().flat_map(|(_, flaws)| flaws.iter().copied())
    }

    /// Whether the tool acted twice for one call.
    fn acted_twice(&self) -> bool {
        self.acts
            .iter()
            .enumerate()
            .any(|(at, (place, _))| self.acts[..at].iter().any(|(other, _)| other == place))
    }

    fn permits_are_durable(&self) -> bool {
        let mut permits = self.callers.iter().filter_map(|caller| caller.stage.permit());
        permits.all(|permit| self.recorder.has_kept(permit.decision))
    }

    /// The decisions under which the tool has just acted.
    fn acting(&self) -> impl Iterator<Item = &rederive_machine::Decided> {
        let acted = self.callers.iter().filter(|caller| matches!(caller.stage, Stage::Acted { .. }));
        acted.filter_map(|caller| {
            self.recorder.live().machine().state().decision(&caller.place).map(AsRef::as_ref)
        })
    }

    /// Whether a call was dispatched and has ended without the tool's being called: what a crash in between leaves.
    fn has_dispatched_in_vain(&self) -> bool {
        let account = &self.recorder.live().account;
        self.callers.iter().any(|caller| {
            let acted = self.acts.iter().any(|(place, _)| *place == caller.place);
            let dispatched =
                account.dispatched(&caller.place).is_some_and(|flaws| !flaws.contains(&Flaw::Refused));
            caller.stage == Stage::Ended && dispatched && !acted
        })
    }

    /// Whether every call of a run in which nobody does anything any more has an end.
    fn is_settled(&self) -> bool {
        let is_over = self.callers.iter().all(|caller| caller.stage == Stage::Ended);
        !is_over || self.recorder.live().machine().state().calls().is_empty()
    }

    fn call_tool(&mut self, caller: usize, known: bool) {
        let place = self.callers[caller].place.clone();
        let mut flaws = match self.recorder.kept().account.dispatched(&place) {
            Some(flaws) => flaws.to_vec(),
            None => vec![Flaw::NotOnRecord],
        };
        flaws.sort_unstable();
        self.acts.push((place, flaws));
        self.acts.sort_unstable();
        self.callers[caller].stage = Stage::Acted { known };
    }

    /// A held call is before the approver, where that is not on record yet.
    fn show(&mut self, place: &Place) {
        let state = self.recorder.live().machine().state();
        let approval = state.tracked_approval(&acts::approval_of(place));
        if approval.is_some_and(|held| held.status == ApprovalStatus::Assembled) {
            let _ = self.recorder.take(place, Says::UnderReview, self.now());
        }
    }

    /// Another process takes the run up: what was dispatched is unknown, what a person has before them waits on, and all else is blocked.
    fn restart(&mut self, survive: usize, goes_on: bool) {
        for lost in self.recorder.crash(survive) {
            // Whoever did it from outside was not told that it is durable, and may do it again.
            self.left.revocations += u8::from(lost.says == Says::RevokedFromOutside);
            self.left.policy_changes += u8::from(lost.says == Says::PolicyChanged);
        }
        let now = self.now();
        for at in 0..self.callers.len() {
            let (before, rest) = self.callers.split_at_mut(at);
            let Some(caller) = rest.first_mut() else { continue };
            // One approval is before one person once, whoever asked for it.
            let is_new = before.iter().all(|other| other.place != caller.place);
            let state = self.recorder.live().machine().state();
            let status = state.call(&caller.place).map(|call| call.status);
            let approval = state.tracked_approval(&acts::approval_of(&caller.place)).map(|held| held.status);
            let is_held = matches!(approval, Some(ApprovalStatus::Assembled | ApprovalStatus::UnderReview));
            caller.stage = match status {
                Some(CallStatus::Dispatched) if goes_on => Stage::Dispatched,
                Some(CallStatus::Dispatched) => {
                    let _ = self.recorder.take(&caller.place, Says::Unknown(UnknownReason::Crash), now);
                    Stage::Ended
                }
                Some(CallStatus::Decided) if is_held && is_new => Stage::Held,
                Some(CallStatus::Decided) if is_held => Stage::Ended,
                Some(_) => {
                    let _ = self.recorder.take(&caller.place, Says::Blocked, now);
                    Stage::Ended
                }
                None => Stage::Ended,
            };
            if !goes_on {
                revoke(&mut self.recorder, &caller.place, now);
            }
        }
        self.recorder.commit();
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Act;

    fn init_states(&self) -> Vec<World> {
        let places = if self.same_call { vec![place(0, 0); 2] } else { vec![place(0, 0), place(0, 1)] };
        let mut trial = Trial::gated();
        let answer = trial.turn_open(2);
        for place in places.iter().take(if self.same_call { 1 } else { 2 }) {
            trial.gated_to(CallStatus::Requested, place, TOOL, answer);
        }
        let requested = |place| Caller { place, stage: Stage::Requested { approved: false } };
        vec![World {
            recorder: Recorder::new(trial),
            callers: places.into_iter().map(requested).collect(),
            ticks: 0,
            left: Left {
                crashes: self.crashes,
                revocations: self.revocations,
                policy_changes: self.policy_changes,
            },
            acts: Vec::new(),
        }]
    }

    fn actions(&self, world: &World, acts: &mut Vec<Act>) {
        (0..world.callers.len()).for_each(|caller| self.acts_of(world, caller, acts));
        let mut awaited = world.callers.iter().filter_map(|caller| caller.stage.waits_for());
        if awaited.any(|number| !world.recorder.has_kept(number)) {
            acts.push(Act::Commit);
        }
        if world.ticks < self.ticks {
            acts.push(Act::Tick);
        }
        if world.left.policy_changes > 0 {
            acts.push(Act::ChangePolicy);
        }
        if world.left.crashes > 0 {
            acts.extend((0..=world.recorder.waiting()).map(Act::Restart));
        }
    }

    fn next_state(&self, before: &World, act: Act) -> Option<World> {
        let mut world = before.clone();
        let now = world.now();
        match act {
            Act::Look(caller, answer) => {
                world.callers[caller].look(&world.recorder, commitment("bundle"), answer);
            }
            Act::Step(caller) => world.callers[caller].step(self, &mut world.recorder, now),
            Act::Call(caller, known) => world.call_tool(caller, known),
            Act::Commit => world.recorder.commit(),
            Act::Word(caller, yes) => {
                let place = &world.callers[caller].place.clone();
                world.show(place);
                world.callers[caller].stage = Stage::Reviewed { yes };
            }
            Act::Withdraw(caller) => {
                let place = &world.callers[caller].place.clone();
                let _ = world.recorder.take(place, Says::Withdrawn, now);
                world.callers[caller].stage = FAILED;
            }
            Act::ExpireDue(caller) => {
                let place = &world.callers[caller].place.clone();
                let _ = world.recorder.take(place, Says::Expired, now);
                world.callers[caller].stage = FAILED;
            }
            Act::Tick => world.ticks += 1,
            Act::Revoke(caller) => {
                let place = &world.callers[caller].place.clone();
                let _ = world.recorder.take(place, Says::RevokedFromOutside, now);
                world.left.revocations -= 1;
            }
            Act::ChangePolicy => {
                let _ = world.recorder.take(&place(0, 0), Says::PolicyChanged, now);
                world.left.policy_changes -= 1;
            }
            Act::Restart(survive) => {
                world.restart(survive, self.mutation == Some(Mutation::DispatchedGoOn));
                world.left.crashes -= 1;
            }
        }
        if world.left.crashes == 0 {
            // Nothing is lost any more: to wait for the disk is to wait, as every caller may before each step anyway.
            world.recorder.commit();
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("nothing acts without a live permit", |_: &Self, world: &World| {
                world.flaws().next().is_none()
            }),
            Property::always("no call acts twice", |_: &Self, world: &World| !world.acted_twice()),
            Property::always(
                "authority is issued under a durable permit alone",
                |of: &Self, world: &World| !of.credentials || world.permits_are_durable(),
            ),
            Property::always("when all is over every call has an end", |_: &Self, world: &World| {
                world.is_settled()
            }),
            Property::sometimes("a call acts", |_: &Self, world: &World| !world.acts.is_empty()),
        ];
        if !self.same_call {
            properties.push(Property::sometimes("both calls act", |_: &Self, world: &World| {
                world.acts.len() == world.callers.len()
            }));
        }
        if self.answers.contains(&Answer::Hold) {
            properties
                .push(Property::sometimes("a call acts under an approval", |_: &Self, world: &World| {
                    world.acting().any(|decided| decided.approval.is_some())
                }));
        }
        if self.answers.contains(&Answer::Permit) {
            properties
                .push(Property::sometimes("a call acts under a policy alone", |_: &Self, world: &World| {
                    world.acting().any(|decided| decided.approval.is_none())
                }));
        }
        if self.ticks > 0 || self.revocations > 0 || self.policy_changes > 0 {
            properties.push(Property::sometimes(
                "a permit is stopped at the dispatch",
                |_: &Self, world: &World| {
                    world.callers.iter().any(|caller| caller.stage == Stage::Failed { at_dispatch: true })
                },
            ));
        }
        if self.crashes > 0 {
            properties
                .push(Property::sometimes("a crash leaves a call unknown", |_: &Self, world: &World| {
                    world.has_dispatched_in_vain()
                }));
        }
        if self.crashes > 0 && self.answers.contains(&Answer::Hold) {
            properties
                .push(Property::sometimes("a held call acts after a restart", |of: &Self, world: &World| {
                    world.left.crashes < of.crashes && world.acting().next().is_some()
                }));
        }
        properties
    }
}
