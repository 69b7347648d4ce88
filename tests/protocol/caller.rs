//! One call on its way through the gate: what it has done, and its next step. The order is that of `engine/gate/src/flow`.

use std::hash::{Hash, Hasher};

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::decision::Reliance;
use rederive_evidence::kinds::tool::UnknownReason;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::Place;
use rederive_machine::testing::PERMIT_MS;
use rederive_machine::{CallStatus, Machine};

use crate::acts::{self, Answer, Says};
use crate::model::Protocol;
use crate::recorder::{Number, Recorder, Taken};

/// What a decision read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relied(Vec<Reliance>);

impl Relied {
    fn on(machine: &Machine, place: &Place) -> Self {
        Self(machine.reliance(place))
    }

    fn holds(&self, machine: &Machine, place: &Place) -> bool {
        self.0 == machine.reliance(place)
    }
}

impl Hash for Relied {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for read in &self.0 {
            (read.key, read.value, read.below).hash(state);
        }
    }
}

/// A permit that was recorded: what lets the call go on, while it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Permit {
    pub(crate) decision: Number,
    expires: RecordedTime,
    relied: Relied,
    bundle: Option<Digest>,
}

/// How far a call has come, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// The gate has been asked; with an approval, it is asked again.
    Requested { approved: bool },
    /// The policy has answered, and the answer is not on record.
    Judged { answer: Answer, relied: Relied, bundle: Option<Digest>, approved: bool },
    /// The answer is on record, and waits to be durable with its receipt.
    Deciding { answer: Answer, permit: Permit },
    /// The call is permitted.
    Permitted { permit: Permit },
    /// Its credential is issued.
    Issued { permit: Permit },
    /// Its effect is planned, and its credential used, where it has one.
    Used { permit: Permit },
    /// The dispatch is on record, and waits to be durable.
    Dispatching { dispatch: Number },
    /// The tool may be called now, by this caller alone.
    Dispatched,
    /// The tool was called.
    Acted { known: bool },
    /// A person is to be asked.
    ToAsk { decision: Number },
    /// The approval is requested and its evidence together; whoever asked waits until that is durable.
    Assembled { evidence: Number },
    /// A person has it before them.
    Held,
    /// They have looked at it and are about to say this.
    Reviewed { yes: bool },
    /// They said yes.
    Granted { answer: Number },
    /// Something went wrong before the tool was called; at the dispatch, or before it was tried.
    Failed { at_dispatch: bool },
    /// Nothing more happens.
    Ended,
}

/// A call that was not even tried to be dispatched.
pub(crate) const FAILED: Stage = Stage::Failed { at_dispatch: false };

/// A call and who makes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub(crate) place: Place,
    pub(crate) stage: Stage,
}

impl Stage {
    /// The permit that is held.
    pub(crate) fn permit(&self) -> Option<&Permit> {
        match self {
            Stage::Permitted { permit } | Stage::Issued { permit } | Stage::Used { permit } => Some(permit),
            Stage::Requested { .. }
            | Stage::Judged { .. }
            | Stage::Deciding { .. }
            | Stage::Dispatching { .. }
            | Stage::Dispatched
            | Stage::Acted { .. }
            | Stage::ToAsk { .. }
            | Stage::Assembled { .. }
            | Stage::Held
            | Stage::Reviewed { .. }
            | Stage::Granted { .. }
            | Stage::Failed { .. }
            | Stage::Ended => None,
        }
    }

    /// The record that is waited for, until it survives a crash.
    pub(crate) fn waits_for(&self) -> Option<Number> {
        match self {
            Stage::Deciding { permit, .. } => Some(permit.decision),
            Stage::Dispatching { dispatch } => Some(*dispatch),
            Stage::Assembled { evidence } => Some(*evidence),
            Stage::Requested { .. }
            | Stage::Judged { .. }
            | Stage::Permitted { .. }
            | Stage::Issued { .. }
            | Stage::Used { .. }
            | Stage::Dispatched
            | Stage::Acted { .. }
            | Stage::ToAsk { .. }
            | Stage::Held
            | Stage::Reviewed { .. }
            | Stage::Granted { .. }
            | Stage::Failed { .. }
            | Stage::Ended => None,
        }
    }
}

impl Caller {
    /// Looks at the run and asks the policy, which answers this. A bundle that is not the one loaded answers no.
    pub(crate) fn look(&mut self, recorder: &Recorder, loaded: Digest, answer: Answer) {
        let Stage::Requested { approved } = self.stage else { return };
        let machine = recorder.live().machine();
        let bundle = bundle(machine);
        let answer = if bundle == Some(loaded) { answer } else { Answer::Deny };
        // Somebody else ended the call.
        self.stage = if machine.request(&self.place).is_none() {
            FAILED
        } else {
            Stage::Judged { answer, relied: Relied::on(machine, &self.place), bundle, approved }
        };
    }

    /// Does the next step of its own; nothing where it waits for somebody else.
    pub(crate) fn step(&mut self, protocol: &Protocol, recorder: &mut Recorder, now: RecordedTime) {
        let place = self.place.clone();
        self.stage = match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Judged { answer, relied, bundle, approved } => {
                self.record_decision(recorder, now, (answer, relied, bundle, approved))
            }
            Stage::Deciding { answer, permit } => after_decision(answer, permit),
            Stage::Permitted { permit } if protocol.credentials => {
                goes_on(recorder.take(&place, Says::Issued, now), || Stage::Issued { permit })
            }
            Stage::Permitted { permit } => {
                goes_on(recorder.take(&place, Says::Planned, now), || Stage::Used { permit })
            }
            // Nothing that anybody else does comes between the two: the plan is of the call alone.
            Stage::Issued { permit } => goes_on(recorder.take(&place, Says::Planned, now), || {
                goes_on(recorder.take(&place, Says::Used, now), || Stage::Used { permit })
            }),
            Stage::Used { permit } => self.dispatch(protocol, recorder, now, &permit),
            Stage::Dispatching { .. } => Stage::Dispatched,
            Stage::Acted { known } => {
                let end = if known { Says::Returned } else { Says::Unknown(UnknownReason::Lost) };
                let _ = recorder.take(&place, end, now);
                revoke(recorder, &place, now);
                Stage::Ended
            }
            // Somebody else ended the call.
            Stage::ToAsk { .. } if recorder.live().machine().state().decision(&place).is_none() => FAILED,
            Stage::ToAsk { decision } => goes_on(recorder.take(&place, Says::Asked, now), || {
                let evidence = recorder.take(&place, Says::Assembled { decision: decision.0 }, now);
                goes_on(evidence, || Stage::Assembled { evidence: evidence.number })
            }),
            Stage::Assembled { .. } => Stage::Held,
            Stage::Reviewed { yes } => {
                let taken = recorder.take(&place, if yes { Says::Approved } else { Says::Denied }, now);
                let answer = taken.number;
                // A word that keeps no rule is a fact all the same; nothing goes on with it.
                if yes && taken.is_clean { Stage::Granted { answer } } else { FAILED }
            }
            Stage::Granted { answer } => {
                let logged = recorder.take(&place, Says::Logged { answer: answer.0 }, now);
                goes_on(logged, || Stage::Requested { approved: true })
            }
            Stage::Failed { .. } => {
                self.block(recorder, now);
                Stage::Ended
            }
            stage @ (Stage::Requested { .. } | Stage::Dispatched | Stage::Held | Stage::Ended) => stage,
        };
    }

    /// The decision, if what it read is still so. Where the machine asks for a person, a person is asked.
    fn record_decision(
        &self,
        recorder: &mut Recorder,
        now: RecordedTime,
        (answer, relied, bundle, approved): (Answer, Relied, Option<Digest>, bool),
    ) -> Stage {
        let place = &self.place;
        if !relied.holds(recorder.live().machine(), place) {
            return Stage::Requested { approved };
        }
        if recorder.live().machine().request(place).is_none() {
            return FAILED;
        }
        let taken = recorder.take(place, Says::Decision { answer, approved }, now);
        let expires = now.plus_ms(PERMIT_MS);
        let permit = Permit { decision: taken.number, expires, relied, bundle };
        goes_on(taken, || Stage::Deciding { answer, permit })
    }

    /// The dispatch, if all that the permit relies on still holds.
    fn dispatch(
        &self,
        protocol: &Protocol,
        recorder: &mut Recorder,
        now: RecordedTime,
        permit: &Permit,
    ) -> Stage {
        let machine = recorder.live().machine();
        let is_live = bundle(machine) == permit.bundle
            && now < permit.expires
            && permit.relied.holds(machine, &self.place)
            && (!protocol.credentials || has_credential(machine, &self.place, now));
        let stopped = Stage::Failed { at_dispatch: true };
        if protocol.looks_again() && !is_live {
            return stopped;
        }
        let taken = recorder.take(&self.place, Says::Dispatched, now);
        match taken.outcome {
            Outcome::Refused if protocol.heeds_refusals() => stopped,
            Outcome::Applied | Outcome::Refused => Stage::Dispatching { dispatch: taken.number },
        }
    }

    /// Ends a call that was not dispatched, and its credential.
    fn block(&self, recorder: &mut Recorder, now: RecordedTime) {
        let call = recorder.live().machine().state().call(&self.place).map(|call| call.status);
        if call.is_some_and(|status| status < CallStatus::Dispatched) {
            let _ = recorder.take(&self.place, Says::Blocked, now);
        }
        revoke(recorder, &self.place, now);
    }
}

/// What a decision leads to, once it is durable with its receipt.
fn after_decision(answer: Answer, permit: Permit) -> Stage {
    match answer {
        Answer::Permit => Stage::Permitted { permit },
        Answer::Hold => Stage::ToAsk { decision: permit.decision },
        Answer::Deny => FAILED,
    }
}

fn goes_on(taken: Taken, to: impl FnOnce() -> Stage) -> Stage {
    match taken.outcome {
        Outcome::Applied => to(),
        Outcome::Refused => FAILED,
    }
}

pub(crate) fn revoke(recorder: &mut Recorder, place: &Place, now: RecordedTime) {
    let name = acts::credential_of(place);
    if recorder.live().machine().state().tracked_credential(&name).is_some() {
        let _ = recorder.take(place, Says::Revoked, now);
    }
}

/// Whether the credential that was issued for the call is neither revoked nor over.
fn has_credential(machine: &Machine, place: &Place, now: RecordedTime) -> bool {
    let held = machine.state().tracked_credential(&acts::credential_of(place));
    held.is_some_and(|held| held.expires.is_none_or(|end| now < end))
}

/// The bundle in force.
fn bundle(machine: &Machine) -> Option<Digest> {
    machine.state().policies().and_then(|policies| policies.bundle)
}
