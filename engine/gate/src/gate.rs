//! The handle that planners, servers and SDKs hold.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use rederive_archive::storage::Storage;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Id, PublicKey, RecordRef, RunId};
use rederive_evidence::keys::Signer;
use rederive_evidence::kinds::credential::RevokeReason;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::kinds::policy::PolicyPinned;
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{ToolRegistered, UnknownReason};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Causes;
use rederive_evidence::rules::Breach;
use rederive_evidence::values::{ActorType, Mode, Origin, Place};
use rederive_machine::{Machine, RuleSetNumber};
use rederive_policy::request::ToolFacts;
use rederive_recorder::{Appended, Clock, Options, RecordError, Recorder, SealedRun};

use crate::cast::Cast;
use crate::fate::{Fate, Held, Unknown, Unrecorded, Why};
use crate::flow::{AnswerFault, Asked, Output, Released, Remembered};
use crate::inner::{Inner, Times, applied};
use crate::intent::Intent;
use crate::live::bring;
use crate::pending::{Pending, Slot};
use crate::pinned;
use crate::ports::{
    Approver, Component, CredentialBroker, Effects, Guardrail, Payload, Policy, PortFault, Sandbox, Word,
};
use crate::registry::{Registered, Registration, RegistrationFault, Registry};
use crate::restore::{Past, PastFault, Recovered};
use crate::sayings::{Heard, Sayings, beginning};
use crate::trail::Trail;
use crate::workers::Workers;

/// Most threads on which components answer at once.
const COMPONENTS_MAX: usize = 512;
/// Most submitted calls that run at once; others wait.
const CALLERS_MAX: usize = 512;

/// What a gate is made of. Everything not named here is not there: no tool, nobody who approves, no sandbox.
pub struct Setup {
    /// The policy engine under the run's bundle.
    pub policy: Arc<dyn Policy>,
    /// The key that receipts are signed with.
    pub receipt_key: Arc<dyn Signer + Send + Sync>,
    /// The tools.
    pub tools: Vec<Registration>,
    /// Guardrails, in the order in which they are asked.
    pub guardrails: Vec<Arc<dyn Guardrail>>,
    /// The way to a person.
    pub approver: Option<Arc<dyn Approver>>,
    /// Who issues credentials.
    pub credentials: Option<Arc<dyn CredentialBroker>>,
    /// Where commands run.
    pub sandbox: Option<Arc<dyn Sandbox>>,
    /// Who knows the systems that calls act in.
    pub effects: Option<Arc<dyn Effects>>,
    /// What a policy is told of memory where a write has to be permitted (MEM-3): as of a tool `memory.write` with the arguments `scope`, `namespace`,
    /// `name` and `value`, for which the agent's scope needs an item. Without it such a write is one of a tool that is not listed: SILENCE. Where [`Self::registry`] is given it is that one's entry.
    pub memory: Option<ToolFacts>,
    /// The registry that the tools were taken from. With it there is no gate where the run pins another, or a tool or memory is not as it says. None:
    /// that the tools are those of the registry which the run pins is the word of whoever opens it, and policy replay finds out.
    pub registry: Option<Arc<rederive_policy::Registry>>,
    /// Rules of the guardrails that may set a label over a new form of a content, and so raise its trust: they are believed. That of what any other
    /// guardrail makes of a content follows from what it was made of.
    pub labelling: Vec<Id>,
    /// How long each may take.
    pub times: Times,
}

impl Setup {
    /// A gate without tools.
    pub fn new(policy: Arc<dyn Policy>, receipt_key: Arc<dyn Signer + Send + Sync>) -> Self {
        Self {
            policy,
            receipt_key,
            tools: Vec::new(),
            guardrails: Vec::new(),
            approver: None,
            credentials: None,
            sandbox: None,
            effects: None,
            memory: None,
            registry: None,
            labelling: Vec::new(),
            times: Times::default(),
        }
    }

    /// With one more tool.
    #[must_use]
    pub fn tool(mut self, registration: Registration) -> Self {
        self.tools.push(registration);
        self
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup({} tools, {} guardrails)", self.tools.len(), self.guardrails.len())
    }
}

/// Why there is no gate. None of the calls that it would have let through happens.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenFault {
    /// The opening record registers nobody of a type that the gate records as.
    #[error("the opening record registers no {actor_type}")]
    NoActor {
        /// The type.
        actor_type: ActorType,
    },
    /// The run is not one that a gate can enforce.
    #[error("a gate enforces: the opening record's mode is {0}")]
    Mode(Mode),
    /// The opening record keeps no rule of a run, or something registered in it does not.
    #[error("record {record} of the opening breaches a rule: {breaches:?}")]
    Breached {
        /// Its number.
        record: u64,
        /// The rules.
        breaches: Vec<Breach>,
    },
    /// The run pins another bundle than the one that was loaded.
    #[error("the run pins the bundle {pinned:?}, and {loaded} was loaded")]
    OtherBundle {
        /// What the opening record names.
        pinned: Option<Digest>,
        /// What was loaded.
        loaded: Digest,
    },
    /// The run pins another registry than the one that was loaded, or that the bundle was written for.
    #[error("the run pins the registry {pinned:?}, and not {loaded}")]
    OtherRegistry {
        /// What the opening record names.
        pinned: Option<Digest>,
        /// What was loaded, or the bundle was written for.
        loaded: Digest,
    },
    /// A tool was not taken.
    #[error(transparent)]
    Tool(#[from] RegistrationFault),
    /// A registered tool needs a component that is not there.
    #[error("a registered tool needs a {component}, and there is none")]
    Missing {
        /// Which.
        component: Component,
    },
    /// The recorder.
    #[error(transparent)]
    Recorder(#[from] RecordError),
    /// A component that had to be asked gave no answer.
    #[error(transparent)]
    Component(#[from] PortFault),
    /// Something was not recorded.
    #[error(transparent)]
    Unrecorded(#[from] Unrecorded),
    /// The trace to go on with cannot be read.
    #[error(transparent)]
    Past(#[from] PastFault),
}

/// The gate of one run. Clones are the same gate; it may be held by any number of threads.
///
/// Every tool of the run is inside, and nothing but a live PERMIT reaches one.
#[derive(Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gate(of {})", self.inner.opened.session.id)
    }
}

impl Gate {
    /// Opens a run under `opening`, whose body is `run.opened` in an enforced run that pins the bundle of `setup`, and registers the tools.
    ///
    /// # Errors
    /// There is no gate and nothing can be called.
    pub fn open<S>(
        storage: S,
        path: &Path,
        mut opening: Draft,
        options: Options,
        setup: Setup,
    ) -> Result<Self, OpenFault>
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
    {
        let Body::RunOpened(body) = &mut opening.body else {
            return Err(RecordError::NotAnOpening.into());
        };
        body.rule_set = RuleSetNumber::Two.rule_set();
        let opened = (**body).clone();
        let at = opened.goal.known().map(|goal| usize::from(goal.0));
        let goal = at.and_then(|at| opening.contents.get(at));
        let goal = goal.map(|goal| Payload::new(goal.media, goal.bytes.as_slice()));
        let parts = Parts::checked(&opened, &setup)?;
        let sayings = opening_said(&opening);
        let clock = Arc::clone(&options.clock);
        let recorder = Recorder::create(storage, path, opening, options)?;
        if let Some(taken) = recorder.opening().filter(|taken| !taken.breaches.is_empty()) {
            return Err(OpenFault::Breached { record: taken.sequence, breaches: taken.breaches.clone() });
        }
        let trail = parts.trail(recorder, sayings, clock);
        let gate = Self::of(trail, opened, goal, parts, setup)?;
        gate.register()?;
        Ok(gate)
    }

    /// Goes on with a run whose gate was stopped, from its trace alone. A call that was dispatched and has no end is unknown, and never dispatched
    /// again; one that waits for an approval waits on; every other one is blocked.
    ///
    /// # Errors
    /// There is no gate and nothing can be called.
    pub fn recover<S>(
        storage: S,
        path: &Path,
        options: Options,
        setup: Setup,
    ) -> Result<(Self, Recovered), OpenFault>
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
    {
        let mut past = Past::read(&storage, path)?;
        let parts = Parts::checked(&past.opened, &setup)?;
        let clock = Arc::clone(&options.clock);
        let (recorder, _) = Recorder::recover(storage, path, options)?;
        let trail = parts.trail(recorder, std::mem::take(&mut past.sayings), clock);
        let gate = Self::of(trail, past.opened.clone(), past.goal.clone(), parts, setup)?;
        gate.inner.asks().clone_from(&past.asks);
        gate.inner.revised().append(&mut past.revised);
        gate.check_registered(&past)?;
        gate.pin()?;
        let recovered = gate.inner.take_up(past)?;
        Ok((gate, recovered))
    }

    fn of(
        trail: Trail,
        opened: RunOpened,
        goal: Option<Payload>,
        parts: Parts,
        setup: Setup,
    ) -> Result<Self, OpenFault> {
        let Setup { policy, receipt_key, tools, guardrails, approver, credentials, sandbox, .. } = setup;
        let Setup { effects, memory, labelling, times, .. } = setup;
        let registry = Registry::of(tools)?;
        if registry.runs_commands() && sandbox.is_none() {
            return Err(OpenFault::Missing { component: Component::Sandbox });
        }
        let inner = Inner {
            trail,
            opened,
            goal,
            cast: parts.cast,
            registry,
            policy,
            signer: receipt_key,
            guardrails: guardrails.into_iter().map(|of| Asked::of(of, &labelling)).collect(),
            approver,
            credentials,
            sandbox,
            effects,
            memory,
            times,
            components: Workers::new(COMPONENTS_MAX),
            callers: Workers::new(CALLERS_MAX),
            held: Mutex::default(),
            asks: Mutex::default(),
            revised: Mutex::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The pinned policy and every tool, on record before the first call.
    fn register(&self) -> Result<(), OpenFault> {
        self.pin()?;
        for tool in self.inner.registry.all() {
            let credential = self.opens(&tool.facts.surface)?;
            self.append_kept(registration(&self.inner.cast.broker, tool, &self.inner, credential))?;
        }
        Ok(self.inner.trail.flush(self.inner.trail.epoch())?)
    }

    /// Every tool is the one that the run registered, in all that is on record of it. One that is not on record cannot be called.
    fn check_registered(&self, past: &Past) -> Result<(), OpenFault> {
        for tool in self.inner.registry.all() {
            let Some(known) = past.registered.get(&tool.tool) else { continue };
            let again = registration(&self.inner.cast.broker, tool, &self.inner, known.credential());
            let contents = again.contents.iter().map(|content| self.commitment(&content.bytes));
            if !known.is(&again, &contents.collect::<Result<Vec<_>, _>>()?) {
                return Err(RegistrationFault::Changed { tool: tool.tool.clone() }.into());
            }
        }
        Ok(())
    }

    /// Whether a surface's tools act under a credential, as far as that is known before any call.
    fn opens(&self, surface: &Id) -> Result<Option<bool>, OpenFault> {
        let Some(broker) = self.inner.credentials.clone() else { return Ok(None) };
        let (surface, limit) = (surface.clone(), self.inner.times.credentials);
        Ok(self.inner.ask(Component::CredentialBroker, limit, move || Ok(broker.opens(&surface)))?)
    }

    fn pin(&self) -> Result<(), OpenFault> {
        let (engine, engine_version) = self.inner.policy.engine();
        let body = PolicyPinned {
            bundle: self.inner.policy.bundle(),
            name: None,
            version: None,
            engine: Some(engine).into(),
            engine_version: Some(engine_version).into(),
        };
        let mut draft = Draft::new(self.inner.cast.gate.clone(), Origin::Code, body);
        draft.causes = Causes::of([0]);
        self.append_kept(draft)
    }

    /// Records what must keep every rule.
    fn append_kept(&self, draft: Draft) -> Result<(), OpenFault> {
        let Appended { sequence, breaches, .. } = self.inner.trail.append(self.inner.trail.epoch(), draft)?;
        if breaches.is_empty() { Ok(()) } else { Err(OpenFault::Breached { record: sequence, breaches }) }
    }

    /// The run.
    ///
    /// # Errors
    /// The recorder is gone.
    pub fn run(&self) -> Result<RunId, Unrecorded> {
        self.inner.trail.run()
    }

    /// The key that the opening record names, which signs the run.
    ///
    /// # Errors
    /// The recorder is gone.
    pub fn recorder_key(&self) -> Result<PublicKey, Unrecorded> {
        self.inner.trail.key()
    }

    /// The key that receipts verify under.
    pub fn receipt_key(&self) -> PublicKey {
        self.inner.signer.public_key()
    }

    /// Calls a tool, on this thread, and waits until the call has ended or is held for approval.
    pub fn call(&self, intent: Intent) -> Fate {
        self.inner.run(intent, Arc::new(AtomicBool::new(false)))
    }

    /// Calls a tool on a thread of the gate's.
    pub fn submit(&self, intent: Intent) -> Pending {
        let (pending, slot) = Pending::new();
        let (inner, cancelled, place) = (Arc::clone(&self.inner), slot.cancelled(), intent.place.clone());
        let put = Arc::clone(&slot);
        let run = move || settle(&put, &inner, intent, cancelled);
        if self.inner.callers.run(run).is_err() {
            slot.settle(self.inner.blocked(self.inner.trail.epoch(), place, None, no_thread()));
        }
        pending
    }

    /// The calls that wait for an approval.
    pub fn held(&self) -> Vec<Held> {
        let held = self.inner.held();
        let fate = |held: &crate::flow::HeldCall| Held {
            place: held.live.place().clone(),
            approval: held.approval.clone(),
            expires: held.expires,
        };
        held.values().map(fate).collect()
    }

    /// Asks the approver of a held call again, and goes on where they have spoken. None where no call waits for this approval here.
    pub fn resume(&self, approval: &Id) -> Option<Fate> {
        self.inner.resume(approval)
    }

    /// Takes an approver's word for a held call, and goes on with it.
    ///
    /// # Errors
    /// The word does not count, and the call waits on; or no call waits for this approval.
    pub fn answer(&self, approval: &Id, word: Word) -> Result<Fate, AnswerFault> {
        self.inner.answer(approval, word)
    }

    /// As [`Self::resume`], on a thread of the gate's: for callers that do not block.
    pub fn submit_resume(&self, approval: &Id) -> Pending<Option<Fate>> {
        let (inner, asked) = (Arc::clone(&self.inner), approval.clone());
        self.submit_held(approval, move || inner.resume(&asked), Some)
    }

    /// As [`Self::answer`], on a thread of the gate's: for callers that do not block.
    pub fn submit_answer(&self, approval: &Id, word: Word) -> Pending<Result<Fate, AnswerFault>> {
        let (inner, asked) = (Arc::clone(&self.inner), approval.clone());
        self.submit_held(approval, move || inner.answer(&asked, word), Ok)
    }

    /// Goes on with a held call elsewhere. `told` is how the caller hears of a fate that the flow itself could not say.
    fn submit_held<T: Send + 'static>(
        &self,
        approval: &Id,
        go_on: impl FnOnce() -> T + Send + 'static,
        told: fn(Fate) -> T,
    ) -> Pending<T> {
        let (pending, slot) = Pending::new();
        let place = self.inner.held().get(approval).map(|held| held.live.place().clone());
        let Some(place) = place else {
            // No call waits, and that is said at once.
            slot.settle(go_on());
            return pending;
        };
        let (put, inner, at) = (Arc::clone(&slot), Arc::clone(&self.inner), place.clone());
        let run = move || {
            let went_on = catch_unwind(AssertUnwindSafe(go_on));
            put.settle(went_on.unwrap_or_else(|_| told(inner.panicked(at))));
        };
        if self.inner.callers.run(run).is_err() {
            // Nothing was begun: the call waits on.
            let fate = self.inner.blocked(self.inner.trail.epoch(), place, None, no_thread());
            slot.settle(told(fate));
        }
        pending
    }

    /// Ends a held call that is not wanted any more. None where no call waits for this approval here.
    pub fn withdraw(&self, approval: &Id) -> Option<Fate> {
        let held = self.inner.held().remove(approval)?;
        Some(self.inner.withdraw(held))
    }

    /// Ends the held calls whose approvals are over, and those that were cancelled. Whoever holds the gate calls it as often as they like to be told.
    ///
    /// # Errors
    /// Nothing can be recorded.
    pub fn expire(&self) -> Result<Vec<Fate>, Why> {
        self.inner.expire_due()
    }

    /// Records something of the planner's own: prompts, answers, context, memory, plans, delegations. What only the gate may say it says itself.
    ///
    /// # Errors
    /// It was not recorded, or the machine refused it: it is not to be acted on.
    pub fn record(&self, draft: Draft) -> Result<Appended, Why> {
        self.check_planners(&draft)?;
        if draft.body.kind() == Kind::PromptGiven {
            return self.inner.hear(draft);
        }
        if draft.body.kind() == Kind::MemoryWritten {
            return Ok(self.inner.remember(draft)?.written);
        }
        applied(self.inner.trail.append(self.inner.trail.epoch(), draft)?)
    }

    /// Records a memory write as [`Self::record`] does, and says what memory then holds. Guardrails look at the value before; a durable or shared
    /// write under external influence is put to the policy, and recorded only under a PERMIT for exactly this value (MEM-3).
    ///
    /// # Errors
    /// Memory is as it was: a guardrail stopped it, the policy did not permit it, the machine refused it, or it was not recorded.
    pub fn remember(&self, write: Draft) -> Result<Remembered, Why> {
        self.check_planners(&write)?;
        if write.body.kind() != Kind::MemoryWritten {
            return Err(Why::NoWrite { kind: write.body.kind() });
        }
        self.inner.remember(write)
    }

    /// What only the gate may say it says itself.
    fn check_planners(&self, draft: &Draft) -> Result<(), Why> {
        let kind = draft.body.kind();
        if is_planners(kind) && !self.inner.is_own(&draft.actor) {
            return Ok(());
        }
        Err(Why::Reserved { kind, actor: draft.actor.clone() })
    }

    /// Makes everything recorded so far durable. The gate does so itself before it says that a call happened.
    ///
    /// # Errors
    /// The recorder.
    pub fn flush(&self) -> Result<(), Unrecorded> {
        self.inner.trail.flush(self.inner.trail.epoch())
    }

    /// Has guardrails compare a plan that was recorded at this place with the task. An agent that has a plan may not act before (GRD-4).
    ///
    /// # Errors
    /// Nobody could say: the agent may not act.
    pub fn check_plan(&self, plan: RecordRef, place: Place, content: Payload) -> Result<PlanVerdict, Why> {
        self.inner.check_plan(plan, place, content)
    }

    /// Releases an output to its recipients, once guardrails have looked at it. What they made of it is what may leave.
    ///
    /// # Errors
    /// A guardrail stopped it, or the machine refused it: nothing may leave.
    pub fn release(&self, output: Output) -> Result<Released, Why> {
        self.inner.release(output)
    }

    /// The commitment that these bytes have, or will get, in the run.
    ///
    /// # Errors
    /// The recorder is gone.
    pub fn commitment(&self, bytes: &[u8]) -> Result<Digest, Unrecorded> {
        self.inner.trail.commitment(self.inner.trail.epoch(), bytes)
    }

    /// What `read` finds in the run's machine between two records. Nothing is recorded meanwhile: read little.
    ///
    /// # Errors
    /// The recorder is gone.
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> Result<T, Unrecorded> {
        self.inner.trail.read(self.inner.trail.epoch(), read)
    }

    /// How many calls were turned away because nothing could be recorded; none where all is well.
    pub fn turned_away(&self) -> Option<u64> {
        self.inner.trail.is_out()
    }

    /// Lets a failed recorder go and takes the one that `recover` brings. Its first record states how many calls were turned away, and since when.
    ///
    /// # Errors
    /// There is none: the gate goes on turning calls away.
    pub fn replace_recorder<S>(
        &self,
        recover: impl FnOnce() -> Result<Recorder<S>, RecordError>,
    ) -> Result<(), Unrecorded>
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
    {
        self.inner.trail.replace(|| recover().map_err(Unrecorded::from))
    }

    /// Ends the run: held calls are withdrawn, and approvals that were sent back and not asked for again; credentials are revoked, the closing record
    /// and the seal made.
    ///
    /// # Errors
    /// The trace is as it is, and can be recovered.
    pub fn close(&self, end: RunEnd) -> Result<SealedRun, Why> {
        let held: Vec<_> = std::mem::take(&mut *self.inner.held()).into_values().collect();
        for held in held {
            let _ = self.inner.withdraw(held);
        }
        self.inner.withdraw_revised()?;
        self.inner.revoke_all(RevokeReason::RunEnd)?;
        let epoch = self.inner.trail.epoch();
        let mut draft =
            Draft::new(self.inner.cast.recorder.clone(), Origin::Code, RunClosed { end, reason: None });
        draft.causes = Causes::of([0]);
        applied(self.inner.trail.append(epoch, draft)?)?;
        Ok(self.inner.trail.close()?)
    }
}

/// What is checked before anything is recorded.
struct Parts {
    cast: Cast,
}

impl Parts {
    fn checked(opened: &RunOpened, setup: &Setup) -> Result<Self, OpenFault> {
        if opened.mode != Mode::Enforced {
            return Err(OpenFault::Mode(opened.mode));
        }
        let cast = Cast::of(opened).map_err(|actor_type| OpenFault::NoActor { actor_type })?;
        pinned::check(opened, setup)?;
        if setup.credentials.is_some() && cast.vault.is_none() {
            return Err(OpenFault::NoActor { actor_type: ActorType::CredentialBroker });
        }
        // GRD-3: under the guardrail's name stands, too, where commands tried to connect to.
        let has_finders = !setup.guardrails.is_empty() || setup.sandbox.is_some();
        if has_finders && cast.guardrail.is_none() {
            return Err(OpenFault::NoActor { actor_type: ActorType::Guardrail });
        }
        Ok(Self { cast })
    }

    fn trail<S>(&self, recorder: Recorder<S>, sayings: Sayings, clock: Arc<dyn Clock>) -> Trail
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
    {
        Trail::new(recorder, sayings, clock, self.cast.gate.clone(), self.cast.broker.clone())
    }
}

/// What the opening record says.
fn opening_said(opening: &Draft) -> Sayings {
    let mut sayings = Sayings::default();
    let saying = sayings.hear(&Heard::of(opening), &|content| {
        opening.contents.get(usize::from(content)).map(|content| beginning(content.media, &content.bytes))
    });
    if let Some(saying) = saying {
        sayings.keep(0, saying);
    }
    sayings
}

impl Inner {
    /// The fate of a call whose flow panicked.
    fn panicked(&self, place: Place) -> Fate {
        self.trail.left_open(&place);
        Fate::Unknown(Unknown { place, reason: UnknownReason::Lost, record: None })
    }

    /// Whether an actor is one that only the gate speaks for.
    fn is_own(&self, actor: &Id) -> bool {
        let own = [Some(&self.cast.gate), Some(&self.cast.broker), Some(&self.cast.recorder)];
        let own = own.into_iter().chain([self.cast.vault.as_ref(), self.cast.guardrail.as_ref()]);
        own.flatten().any(|own| own == actor)
    }
}

/// Runs a call for whoever waits at the slot. Where the flow itself panics nobody can say how far the call came.
fn settle(slot: &Slot<Fate>, inner: &Arc<Inner>, intent: Intent, cancelled: Arc<AtomicBool>) {
    let place = intent.place.clone();
    let run = AssertUnwindSafe(|| inner.run(intent, cancelled));
    slot.settle(catch_unwind(run).unwrap_or_else(|_| inner.panicked(place)));
}

fn no_thread() -> Why {
    Why::Component(PortFault::NoThread { component: Component::Tool })
}

fn registration(broker: &Id, tool: &Registered, inner: &Inner, credential: Option<bool>) -> Draft {
    let facts = &tool.facts;
    let mut draft = Draft::new(broker.clone(), Origin::Code, RunClosed { end: RunEnd::Failed, reason: None });
    let schema = bring(&mut draft, &tool.schema);
    let description = tool.description.as_ref().map(|description| bring(&mut draft, description));
    let body = ToolRegistered {
        tool: tool.tool.clone(),
        version: tool.version.clone().into(),
        schema: Some(schema).into(),
        surface: Some(facts.surface.clone()).into(),
        effects: Some(facts.effects).into(),
        reversible: Some(facts.reversible).into(),
        preview: facts.preview,
        result_label: Some(facts.result).into(),
        description,
        clearance: Some(facts.clearance),
        sandbox: inner.sandbox_needed(tool),
        credential,
    };
    draft.body = Box::new(body).into();
    draft.causes = Causes::of([0]);
    draft
}

/// Kinds that a planner, and the program around it, make of their own accord.
const fn is_planners(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::PlanProposed
            | Kind::PlanRevised
            | Kind::PromptGiven
            | Kind::PromptSent
            | Kind::PromptAnswered
            | Kind::ContextRetrieved
            | Kind::ContextSummarised
            | Kind::MemoryWritten
            | Kind::MemoryRead
            | Kind::MemoryDeleted
            | Kind::MemoryExpired
            | Kind::OutputProduced
            | Kind::DelegationGranted
            | Kind::HandedOff
            | Kind::DelegationEnded
            | Kind::PolicyChanged
            | Kind::ExceptionGranted
            | Kind::ExceptionEnded
            | Kind::RiskAccepted
            | Kind::ReviewHeld
            | Kind::EvaluationAttached
            | Kind::IncidentOpened
            | Kind::IncidentClosed
    )
}
