//! What the handles of one gate share.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Id, RecordRef, RecordedTime};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::ToolBlocked;
use rederive_evidence::record::Causes;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{EffectsClass, Origin, Place};
use rederive_machine::CallStatus;
use rederive_policy::request::ToolFacts;
use rederive_recorder::Appended;

use crate::cast::Cast;
use crate::fate::{Blocked, Fate, Unrecorded, Why};
use crate::flow::{Asked, HeldCall};
use crate::intent::Intent;
use crate::live::{Live, bring};
use crate::ports::{
    Approver, Component, CredentialBroker, Effects, Failure, Payload, Policy, PortFault, Revision, Sandbox,
};
use crate::registry::Registry;
use crate::trail::{Epoch, Trail};
use crate::workers::{Workers, ask_here};

/// How long each component may take, and how long what the gate gives lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The policy engine, a request.
    pub policy: Duration,
    /// All guardrails, a stage.
    pub guardrails: Duration,
    /// The credential broker, an act.
    pub credentials: Duration,
    /// The effects component, an act; a preview, too.
    pub effects: Duration,
    /// The approver, to take note that nobody needs to be asked any more. For an answer it has until the approval ends.
    pub approver: Duration,
    /// From a PERMIT to its dispatch.
    pub permit_ms: u64,
    /// From a request for approval to its end.
    pub approval_ms: u64,
    /// From the issue of a credential to its end; the run's limit holds besides.
    pub credential_ms: u64,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            policy: Duration::from_secs(1),
            guardrails: Duration::from_secs(2),
            credentials: Duration::from_secs(5),
            effects: Duration::from_secs(10),
            approver: Duration::from_secs(5),
            permit_ms: 30_000,
            approval_ms: 3_600_000,
            credential_ms: 60_000,
        }
    }
}

/// One run's gate: what it decides with, whom it asks, and where it records.
pub(crate) struct Inner {
    pub(crate) trail: Trail,
    pub(crate) opened: RunOpened,
    pub(crate) goal: Option<Payload>,
    pub(crate) cast: Cast,
    pub(crate) registry: Registry,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) signer: Arc<dyn Signer + Send + Sync>,
    pub(crate) guardrails: Vec<Asked>,
    pub(crate) approver: Option<Arc<dyn Approver>>,
    pub(crate) credentials: Option<Arc<dyn CredentialBroker>>,
    pub(crate) sandbox: Option<Arc<dyn Sandbox>>,
    pub(crate) effects: Option<Arc<dyn Effects>>,
    /// What a policy is told of memory.
    pub(crate) memory: Option<ToolFacts>,
    pub(crate) times: Times,
    /// Threads on which components answer.
    pub(crate) components: Workers,
    /// Threads on which submitted calls run.
    pub(crate) callers: Workers,
    pub(crate) held: Mutex<BTreeMap<Id, HeldCall>>,
    /// The classes of effect that the user's messages on record ask for, ascending.
    pub(crate) asks: Mutex<Vec<EffectsClass>>,
    /// What was sent back with changes, by approval: the last time.
    pub(crate) revised: Mutex<BTreeMap<Id, Revision>>,
}

impl Inner {
    pub(crate) fn held(&self) -> MutexGuard<'_, BTreeMap<Id, HeldCall>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was sent back with changes.
    pub(crate) fn revised(&self) -> MutexGuard<'_, BTreeMap<Id, Revision>> {
        self.revised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The classes of effect that the user's messages ask for.
    pub(crate) fn asks(&self) -> MutexGuard<'_, Vec<EffectsClass>> {
        self.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a message of the user's. Whoever looks at the run meanwhile waits: what a message asks for is known as soon as it is on record.
    pub(crate) fn hear(&self, draft: Draft) -> Result<Appended, Why> {
        let mut known = self.asks();
        let appended = self.trail.append(self.trail.epoch(), draft)?;
        let asks = appended.extracted.as_ref().and_then(|extracted| extracted.asks.as_deref());
        known.extend(asks.unwrap_or_default());
        known.sort_unstable();
        known.dedup();
        drop(known);
        applied(appended)
    }

    /// Runs a call from its proposal to its end, or until a person has it before them.
    pub(crate) fn run(self: &Arc<Self>, intent: Intent, cancelled: Arc<AtomicBool>) -> Fate {
        let place = intent.place.clone();
        let epoch = self.trail.epoch();
        let mut own = Own { epoch, entered: None };
        match self.prepare(intent, cancelled, &mut own).and_then(|live| self.judge(live)) {
            Ok(fate) => fate,
            Err(why) => self.blocked(epoch, place, own.entered, why),
        }
    }

    /// Asks a component, on a thread of its own and for this long.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        component: Component,
        limit: Duration,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortFault> {
        self.components.ask(component, limit, work)
    }

    /// Asks a component: on this thread, where it ends by itself, else as [`Self::ask`].
    pub(crate) fn ask_where<T: Send + 'static>(
        &self,
        ends_by_itself: bool,
        component: Component,
        limit: Duration,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortFault> {
        if ends_by_itself { ask_here(component, limit, work) } else { self.ask(component, limit, work) }
    }

    /// Records the next step of a call. One that the machine refuses ends it.
    pub(crate) fn step(&self, live: &mut Live, draft: Draft) -> Result<Appended, Why> {
        if live.is_cancelled() {
            return Err(Why::Cancelled);
        }
        self.note(live, draft)
    }

    /// Records something of a call, whether anybody still waits for it or not.
    pub(crate) fn note(&self, live: &mut Live, draft: Draft) -> Result<Appended, Why> {
        let appended = applied(self.trail.append(live.epoch, draft)?)?;
        live.last = appended.sequence;
        Ok(appended)
    }

    pub(crate) fn now(&self, epoch: Epoch) -> Result<RecordedTime, Why> {
        self.trail.now(epoch)?.ok_or(Why::Unrecorded(Unrecorded::NoTime))
    }

    /// Ends a call that was not dispatched. `entered` is its last record, where this flow proposed it.
    pub(crate) fn blocked(&self, epoch: Epoch, place: Place, entered: Option<u64>, why: Why) -> Fate {
        let notice = notice(&why);
        let reason = why.reason();
        let record = match (&why, entered) {
            (Why::Unrecorded(_), _) => {
                self.trail.turned_away(&place);
                None
            }
            (_, None) => None,
            (_, Some(last)) => {
                let mut draft =
                    Draft::new(self.cast.broker.clone(), Origin::Code, ToolBlocked { reason, notice: None });
                draft.place = Some(place.clone());
                draft.causes = Causes::of([last]);
                let at = bring(&mut draft, &notice);
                draft.body = ToolBlocked { reason, notice: Some(at) }.into();
                self.end(epoch, &place, draft)
            }
        };
        Fate::Blocked(Blocked { place, reason, why, notice, record })
    }

    /// Records the end of a call that stands open and was not dispatched.
    fn end(&self, epoch: Epoch, place: &Place, draft: Draft) -> Option<RecordRef> {
        let status = self.trail.read(epoch, |machine| machine.state().call(place).map(|call| call.status));
        match status {
            Ok(Some(status)) if status < CallStatus::Dispatched => {}
            Ok(Some(_) | None) | Err(_) => return None,
        }
        match self.trail.append(epoch, draft) {
            Ok(appended) => Some(RecordRef(appended.sequence)),
            Err(_) => {
                self.trail.turned_away(place);
                None
            }
        }
    }
}

/// What a flow knows of its own call before there is a [`Live`] one.
pub(crate) struct Own {
    pub(crate) epoch: Epoch,
    /// The call's last record, once its proposal was applied: what others proposed at the same place is theirs to end.
    pub(crate) entered: Option<u64>,
}

/// The record, where the machine let it take effect.
pub(crate) fn applied(appended: Appended) -> Result<Appended, Why> {
    match appended.outcome {
        Outcome::Applied => Ok(appended),
        Outcome::Refused => Err(Why::Rule { breaches: appended.breaches }),
    }
}

/// What a planner is told: why, and nothing of what was in it but what people wrote to be told.
fn notice(why: &Why) -> Payload {
    if let Why::Denied { reason: said, .. } | Why::Revise { changes: said, .. } = why {
        said.clone()
    } else {
        Payload::text(why.to_string())
    }
}
