//! Step 11: a live permit is used up. Authority is issued for this call alone, the dispatch is durable, then the tool is called.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::kinds::credential::{
    CredentialIssued, CredentialRevoked, CredentialUsed, RevokeReason,
};
use rederive_evidence::kinds::decision::Request;
use rederive_evidence::kinds::downstream::EffectPlanned;
use rederive_evidence::kinds::tool::{FailureClass, ToolDispatched};
use rederive_evidence::values::{EffectsClass, ScopeItem};
use rederive_machine::Machine;

use crate::cast::{named, once};
use crate::credentials::Echo;
use crate::dispatch::Dispatch;
use crate::fate::{Fate, Unrecorded, Why};
use crate::flow::decide::is_broken_reliance;
use crate::flow::prepare::ends;
use crate::inner::{Inner, applied};
use crate::live::{Live, bring};
use crate::permit::Permit;
use crate::ports::{
    Attempt, Command, Component, CredentialAsk, CredentialBroker, IssuedCredential, Payload, PortFault,
    Sandbox, Secret, ToolFailure, ToolReply,
};
use crate::registry::Acts;
use crate::reliance::reached;

/// A credential that was issued for a call, and is to be revoked whatever becomes of it.
pub(crate) struct Issued {
    pub(crate) name: Id,
    broker: Arc<dyn CredentialBroker>,
    vault: Id,
}

/// What the tool's call gave, and how long it took. No secret of the call is in it.
pub(crate) struct Acted {
    pub(crate) answer: Result<ToolReply, ToolFailure>,
    pub(crate) took: Duration,
    pub(crate) connections: Connections,
}

/// Connections that a command attempted in the sandbox.
#[derive(Default)]
pub(crate) struct Connections {
    pub(crate) listed: Vec<Attempt>,
    /// How many there were beside those.
    pub(crate) more: u64,
}

impl Inner {
    /// Calls the tool that was permitted.
    pub(crate) fn act(
        self: &Arc<Self>,
        mut live: Live,
        permit: Permit,
        request: &Request,
    ) -> Result<Fate, Why> {
        if permit.covers() != request.digest() {
            return Err(Why::Stale);
        }
        let mut issued = None;
        let dispatched = self.dispatch(&mut live, permit, request, &mut issued);
        let fate = match dispatched {
            Ok((dispatch, echo)) => {
                let acted = self.call_tool(&live, dispatch);
                let answer = echo.scrub_answer(acted.answer);
                self.settle(&mut live, Acted { answer, ..acted })
            }
            Err(why) => {
                let (epoch, place) = (live.epoch, live.place().clone());
                self.blocked(epoch, place, Some(live.last), why)
            }
        };
        if let Some(issued) = issued {
            self.revoke(&mut live, &issued);
        }
        // What is said to have happened survives a crash.
        Ok(self.lasting(&live, fate))
    }

    /// Everything before the tool is called. Nothing has happened where this fails.
    fn dispatch(
        &self,
        live: &mut Live,
        permit: Permit,
        request: &Request,
        issued: &mut Option<Issued>,
    ) -> Result<(Dispatch, Echo), Why> {
        let secret = self.issue(live, &permit, request, issued)?;
        self.plan(live)?;
        if let Some(issued) = issued {
            let body = CredentialUsed {
                credential: issued.name.clone(),
                call: live.place().clone(),
                surface: Some(live.facts.surface.clone()).into(),
            };
            let draft = live.draft(&self.cast.broker, body);
            self.step(live, draft)?;
        }
        let credential = issued.as_ref().map(|issued| &issued.name);
        self.record_dispatch(live, &permit, credential)?;
        // What a tool answers may hold what it was called with (CRD-2).
        let echo = Echo::of(secret.as_ref());
        let credential = issued.as_ref().map(|issued| issued.name.clone()).zip(secret);
        let idempotency = idempotency_of(live);
        let dispatch = Dispatch::new(
            permit.spend(),
            live.facts.as_ref().clone(),
            credential,
            idempotency,
            live.tool.time,
            Arc::clone(&live.cancelled),
        );
        Ok((dispatch, echo))
    }

    /// CRD-1: authority for this call, on record before it exists.
    fn issue(
        &self,
        live: &mut Live,
        permit: &Permit,
        request: &Request,
        issued: &mut Option<Issued>,
    ) -> Result<Option<Secret>, Why> {
        let Some(broker) = self.credentials.clone() else { return Ok(None) };
        let (asked, facts) = (Arc::clone(&broker), Arc::clone(&live.facts));
        let limit = self.times.credentials;
        let kind = self.ask(Component::CredentialBroker, limit, move || {
            Ok(asked.needs(&facts).then(|| asked.kind(&facts)))
        })?;
        let Some((credential_type, handling)) = kind else { return Ok(None) };
        let vault = self.cast.vault.clone();
        let vault = vault.ok_or(PortFault::Missing { component: Component::CredentialBroker })?;
        // Nobody is given authority by a decision that a crash could take back.
        self.trail.keep(live.epoch, permit.decision())?;
        let ask = self.credential_ask(live, request)?;
        let body = CredentialIssued {
            credential: ask.credential.clone(),
            credential_type,
            scope: ask.scope.clone(),
            surfaces: ask.surfaces.clone(),
            expires: Some(ask.expires).into(),
            call: Some(live.place().clone()),
            approval: ask.approval.clone(),
            handling: Some(handling).into(),
        };
        let draft = live.draft(&vault, body);
        self.step(live, draft)?;
        *issued = Some(Issued { name: ask.credential.clone(), broker: Arc::clone(&broker), vault });
        let (asked, expires) = (broker, ask.expires);
        let credential: IssuedCredential =
            self.ask(Component::CredentialBroker, limit, move || asked.issue(&ask))?;
        if credential.expires > expires {
            return Err(Why::Stale);
        }
        Ok(Some(credential.secret))
    }

    fn credential_ask(&self, live: &Live, request: &Request) -> Result<CredentialAsk, Why> {
        let now = self.now(live.epoch)?;
        let limit = self.opened.limits.credential_lifetime_ms.unwrap_or(u64::MAX);
        let lasts = self.times.credential_ms.min(limit);
        let session = self.opened.session.expires.known().copied();
        let scope: Vec<ScopeItem> = request.scope.known().cloned().into_iter().collect();
        Ok(CredentialAsk {
            credential: named("credential", live.place()),
            call: live.facts.as_ref().clone(),
            scope,
            surfaces: vec![live.facts.surface.clone()],
            now,
            expires: ends(now, lasts, session),
            approval: live.approved.clone(),
        })
    }

    /// OUT-3: what is expected, and what is ready should it go wrong.
    fn plan(&self, live: &mut Live) -> Result<(), Why> {
        let Some(expectation) = live.expectation.clone() else { return Ok(()) };
        let body = EffectPlanned {
            effect: named("effect", live.place()),
            call: live.place().clone(),
            system: Some(expectation.system.clone()).into(),
            action: live.facts.effects,
            reversible: Some(live.facts.reversible).into(),
            expected: Some(Content(0)).into(),
            rollback: None,
            containment: None,
            owner: Some(expectation.owner.clone()).into(),
            target: None,
            amount_micros: expectation.amount_micros,
        };
        let mut draft = live.draft(&self.cast.broker, body.clone());
        let _ = bring(&mut draft, &expectation.expected);
        let rollback = expectation.rollback.as_ref().map(|rollback| bring(&mut draft, rollback));
        let containment = expectation.containment.as_ref().map(|contained| bring(&mut draft, contained));
        let target = live.facts.target.as_ref().map(|target| bring(&mut draft, target));
        draft.body = EffectPlanned { rollback, containment, target, ..body }.into();
        self.step(live, draft).map(|_| ())
    }

    /// The dispatch, if all that the permit relies on still holds: durable before the tool is called.
    /// A credential that was revoked, or has ended, since it was used is none any more.
    fn record_dispatch(&self, live: &mut Live, permit: &Permit, credential: Option<&Id>) -> Result<(), Why> {
        if live.is_cancelled() {
            return Err(Why::Cancelled);
        }
        let sends = live.facts.effects == EffectsClass::Send;
        let body = ToolDispatched {
            tool: live.facts.tool.clone(),
            arguments: live.facts.arguments_commitment,
            target: live.target,
            idempotency: idempotency_of(live),
            sandbox: self.sandbox_of(live).cloned(),
            bytes_out: sends.then_some(live.facts.arguments.bytes().len() as u64),
        };
        let draft = live.draft(&self.cast.broker, body);
        let (now, bundle) = (self.now(live.epoch)?, self.policy.bundle());
        let is_over = permit.expires().is_some_and(|end| now >= end);
        let appended = self.trail.append_if(
            live.epoch,
            draft,
            &mut |machine| {
                let pinned = machine.state().policies().and_then(|policies| policies.bundle) == Some(bundle);
                let is_authorized = credential.is_none_or(|name| is_live(machine, name, now));
                if pinned && !is_over && is_authorized && permit.reliance().holds(machine) {
                    Ok(())
                } else {
                    Err(Unrecorded::Stale)
                }
            },
            &mut |_, _| Ok(None),
        );
        let appended = match appended {
            Err(Unrecorded::Stale) => return Err(Why::Stale),
            appended => applied(appended?).map_err(|why| self.limit_or(live, why))?,
        };
        live.last = appended.sequence;
        if appended.is_durable { Ok(()) } else { Err(Unrecorded::NotDurable.into()) }
    }

    /// A permit that no longer holds because a limit is reached by now.
    fn limit_or(&self, live: &Live, why: Why) -> Why {
        let Why::Rule { breaches } = &why else { return why };
        if !is_broken_reliance(breaches) {
            return why;
        }
        let limit = self.trail.read(live.epoch, reached).ok().flatten();
        limit.map_or(why, |limit| Why::Limit { limit })
    }

    /// Calls the tool, for as long as it may take.
    fn call_tool(&self, live: &Live, dispatch: Dispatch) -> Acted {
        let begun = Instant::now();
        let limit = dispatch.time();
        let answer = match &live.tool.acts {
            Acts::Direct(tool) => {
                let (tool, keeps_time) = (Arc::clone(tool), tool.keeps_time());
                let call = move || Ok((tool.call(dispatch), Connections::default()));
                self.ask_where(keeps_time, Component::Tool, limit, call)
            }
            Acts::Sandboxed(command) => {
                let (command, sandbox) = (Arc::clone(command), self.sandbox.clone());
                self.ask(Component::Sandbox, limit, move || Ok(run(command.as_ref(), sandbox, &dispatch)))
            }
        };
        let (answer, connections) = match answer {
            Ok((answer, connections)) => (answer, connections),
            // Nothing was called.
            Err(PortFault::NoThread { .. } | PortFault::Missing { .. }) => without_network(unreached()),
            Err(fault) if live.facts.effects == EffectsClass::Read => without_network(read_fault(&fault)),
            Err(_) => without_network(ToolFailure::Lost),
        };
        Acted { answer, took: begun.elapsed(), connections }
    }

    /// Ends a call's credential, whatever became of the call. One that its broker cannot end ends at its time; the record says it is to be taken
    /// for revoked by everybody who reads it.
    fn revoke(&self, live: &mut Live, issued: &Issued) {
        let (broker, name, run) = (Arc::clone(&issued.broker), issued.name.clone(), live.facts.run);
        let revoked =
            self.ask(Component::CredentialBroker, self.times.credentials, move || broker.revoke(run, &name));
        let body = CredentialRevoked {
            credential: issued.name.clone(),
            reason: if revoked.is_ok() { RevokeReason::Done } else { RevokeReason::Incident },
            detail: None,
        };
        let mut draft = live.draft(&issued.vault, body.clone());
        if let Err(fault) = &revoked {
            let detail = bring(&mut draft, &Payload::text(fault.to_string()));
            draft.body = CredentialRevoked { detail: Some(detail), ..body }.into();
        }
        let _ = self.note(live, draft);
    }
}

/// The key under which a repetition of the call is harmless, where its tool knows such keys.
fn idempotency_of(live: &Live) -> Option<Id> {
    let facts = &live.facts;
    let once = || once(facts.run, &facts.place, facts.arguments_commitment);
    live.tool.is_idempotent.then(once).flatten()
}

/// Whether a credential still holds.
fn is_live(machine: &Machine, credential: &Id, now: RecordedTime) -> bool {
    let mut held = machine.state().tracked_credentials().iter();
    let held = held.find(|(name, _)| *name == credential).map(|(_, held)| held.expires);
    held.is_some_and(|expires| expires.is_none_or(|end| now < end))
}

/// Runs a command in the sandbox.
fn run(command: &dyn Command, sandbox: Option<Arc<dyn Sandbox>>, dispatch: &Dispatch) -> Answered {
    let Some(sandbox) = sandbox else { return without_network(unreached()) };
    let Ok(job) = command.job(dispatch) else { return without_network(refused_arguments()) };
    match sandbox.run(&job) {
        Ok(finished) => {
            let connections =
                Connections { listed: finished.connections.clone(), more: finished.connections_more };
            (command.reply(finished), connections)
        }
        Err(_) => without_network(unreached()),
    }
}

/// What a tool answered, and where it tried to connect to.
type Answered = (Result<ToolReply, ToolFailure>, Connections);

fn without_network(failure: ToolFailure) -> Answered {
    (Err(failure), Connections::default())
}

fn unreached() -> ToolFailure {
    ToolFailure::Failed { class: FailureClass::Unreachable, error: None, result: None }
}

fn refused_arguments() -> ToolFailure {
    ToolFailure::Failed { class: FailureClass::Arguments, error: None, result: None }
}

/// A tool that only reads has changed nothing, however its call ended.
fn read_fault(fault: &PortFault) -> ToolFailure {
    let class = match fault {
        PortFault::TimedOut { .. } => FailureClass::TimeOut,
        PortFault::Failed { .. }
        | PortFault::Panicked { .. }
        | PortFault::NoThread { .. }
        | PortFault::Missing { .. } => FailureClass::Tool,
    };
    ToolFailure::Failed { class, error: None, result: None }
}
