//! Steps 5 to 10: the pinned bundle judges the request, and the answer is on record with its receipt, durable before anybody acts on it.

use std::sync::Arc;

use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Content, Id, RecordRef, RecordedTime};
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::decision::{
    Decision, DecisionMade, Directive, Enforcement, ReasonCode, Reliance, Request, RiskSignal,
};
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::receipt::Receipt;
use rederive_evidence::record::MediaType;
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::signed::sign;
use rederive_machine::Machine;
use rederive_policy::assemble::Asked;
use rederive_policy::request::ApprovalFact;
use rederive_policy::{Judgement, PolicyRequest};
use rederive_recorder::Appended;

use crate::fate::{Fate, Unrecorded, Why};
use crate::flow::prepare::ends;
use crate::inner::{Inner, applied};
use crate::live::{Live, bring};
use crate::permit::Permit;
use crate::ports::{self, Component, Payload};
use crate::registry::{Acts, Registered};
use crate::reliance::{Relied, reached};
use crate::trail::Epoch;
use crate::workers::ask_here;

/// How often a request is judged again because what it relied on changed in between. Then it is blocked: somebody changes the run faster than
/// it can be judged.
pub(crate) const JUDGED_MAX: u32 = 16;

/// A decision as it was recorded.
pub(crate) struct Decided {
    /// What was asked; none where it could not be put to a policy.
    pub(crate) question: Option<PolicyRequest>,
    pub(crate) request: Request,
    pub(crate) seen: ports::Judgement,
    pub(crate) permit: Option<Permit>,
    /// The limit that kept it from being permitted.
    pub(crate) limit: Option<LimitKind>,
}

/// What one look at the run gave: the question, and what it rests on.
pub(crate) struct Looked {
    /// The first record that it does not know of.
    pub(crate) upto: u64,
    pub(crate) question: Result<PolicyRequest, Judgement>,
    pub(crate) relied: Relied,
    pub(crate) request: Request,
    pub(crate) risks: Vec<RiskSignal>,
    pub(crate) now: RecordedTime,
    pub(crate) pinned: bool,
    /// A limit of the run that is reached.
    pub(crate) limit: Option<LimitKind>,
}

impl Looked {
    /// What a decision on it states that it read.
    fn stated(&self) -> Vec<Reliance> {
        if self.limit.is_some() { self.relied.without_bounds() } else { self.relied.stated() }
    }
}

impl Inner {
    /// Steps 5 to 13 of a call that was requested.
    pub(crate) fn judge(self: &Arc<Self>, mut live: Live) -> Result<Fate, Why> {
        let (epoch, place) = (live.epoch, live.place().clone());
        let judged = match self.decide(&mut live, None) {
            Ok(decided) => self.follow(live.clone(), decided),
            Err(why) => Err(why),
        };
        Ok(judged.unwrap_or_else(|why| self.blocked(epoch, place, Some(live.last), why)))
    }

    /// What a decision leads to: the act, an approval, or nothing.
    pub(crate) fn follow(self: &Arc<Self>, live: Live, decided: Decided) -> Result<Fate, Why> {
        let Decided { seen, .. } = &decided;
        match decided.permit {
            Some(permit) => self.act(live, permit, &decided.request),
            None => {
                self.trail.keep(live.epoch, seen.record.0)?;
                let asks = seen.decision == Decision::Silence && seen.directive == Directive::RequireApproval;
                if asks { self.hold(live, decided) } else { Err(decided.not_permitted()) }
            }
        }
    }

    /// One decision on record. Judged again as often as what it rests on has changed when it was to be recorded.
    pub(crate) fn decide(&self, live: &mut Live, approved: Option<&ApprovalFact>) -> Result<Decided, Why> {
        for _ in 0..JUDGED_MAX {
            if live.is_cancelled() {
                return Err(Why::Cancelled);
            }
            let looked = self.look(live, approved)?;
            let mut judgement = self.evaluate(&looked);
            let draft = |body| live.draft(&self.cast.gate, body);
            let mut recorded = self.record_decision(live.epoch, draft, &looked, &judgement, approved);
            if let Err(Why::Rule { breaches }) = &recorded
                && asks_for_a_person(breaches)
            {
                // The machine asks for more than the policy did: what it asks for is the answer.
                let (silence, approval) = (Decision::Silence, Directive::RequireApproval);
                judgement = Judgement {
                    decision: silence,
                    directive: approval,
                    reason: ReasonCode::Risk,
                    ..judgement
                };
                recorded = self.record_decision(live.epoch, draft, &looked, &judgement, approved);
            }
            match recorded {
                Ok((appended, body)) => {
                    live.last = appended.sequence;
                    return Ok(decided(appended.sequence, looked, body));
                }
                Err(Why::Unrecorded(Unrecorded::Stale)) => {}
                // A limit was reached in between: it is looked at again.
                Err(Why::Rule { breaches }) if is_broken_reliance(&breaches) => {}
                Err(why) => return Err(why),
            }
        }
        Err(Why::Stale)
    }

    /// The question as the run stands now.
    fn look(&self, live: &mut Live, approved: Option<&ApprovalFact>) -> Result<Looked, Why> {
        let now = self.now(live.epoch)?;
        let bundle = self.policy.bundle();
        // Held while the run is looked at: no message of the user's is on record that is not in it.
        let asks = self.asks();
        let found = self.trail.read(live.epoch, |machine| {
            let asked = Asked {
                opened: &self.opened,
                machine,
                place: &live.facts.place,
                tool: &live.facts.tool,
                facts: Some(&live.tool.facts),
                arguments: live.facts.arguments.bytes(),
                extracted: live.extracted.as_ref(),
                detected: &live.detected,
                sandbox: self.sandbox_of(live),
                time: live.requested,
            };
            let known = machine.request(&live.facts.place)?;
            let question = asked.request_of(Some(&known));
            let pinned = known.policies.bundle == Some(bundle);
            let relied = Relied::on(machine, &live.facts.place);
            let upto = machine.lineage().len();
            let limit = reached(machine);
            Some((question, known.to_request()?, pinned, relied, known.signals, upto, limit))
        })?;
        // Somebody else ended the call.
        let (question, request, pinned, relied, signals, upto, limit) = found.ok_or(Why::Stale)?;
        let facts = Arc::make_mut(&mut live.facts);
        facts.standing =
            ports::Standing { influence: request.influence, carriage: request.carriage.known().copied() };
        let question = question.map(|mut question| {
            question.approval = approved.cloned();
            question.asked.clone_from(&asks);
            question
        });
        drop(asks);
        let mut risks = question.as_ref().map(|question| question.risks.clone()).unwrap_or_default();
        risks.extend(signals);
        risks.sort_unstable();
        risks.dedup();
        // Arguments larger than a policy is asked about: as a policy that could not be evaluated.
        let question =
            question.map_err(|_| Judgement::of(Decision::Deny, Directive::None, ReasonCode::PolicyError));
        Ok(Looked { upto, question, relied, request, risks, now, pinned, limit })
    }

    /// The question and the request of a call as the run stands now; none where no policy can be asked.
    pub(crate) fn question(&self, live: &mut Live) -> Result<Option<(PolicyRequest, Request)>, Why> {
        let looked = self.look(live, None)?;
        Ok(looked.question.ok().map(|question| (question, looked.request)))
    }

    pub(crate) fn sandbox_needed(&self, tool: &Registered) -> Option<Id> {
        match tool.acts {
            Acts::Direct(_) => None,
            Acts::Sandboxed(_) => self.sandbox.as_ref().map(|sandbox| sandbox.name().clone()),
        }
    }

    pub(crate) fn sandbox_of(&self, live: &Live) -> Option<&Id> {
        match live.tool.acts {
            Acts::Direct(_) => None,
            Acts::Sandboxed(_) => self.sandbox.as_ref().map(|sandbox| sandbox.name()),
        }
    }

    /// What the bundle says. An engine that fails, panics or takes too long has said no; so has a bundle that is not the run's.
    pub(crate) fn evaluate(&self, looked: &Looked) -> Judgement {
        if !looked.pinned {
            return Judgement::bundle_fault();
        }
        if looked.limit.is_some() {
            return Judgement::of(Decision::Deny, Directive::None, ReasonCode::Rule);
        }
        match &looked.question {
            Err(judgement) => judgement.clone(),
            Ok(question) => {
                let limit = self.times.policy;
                let judged = if self.policy.only_computes() {
                    ask_here(Component::Policy, limit, || self.policy.judge(question))
                } else {
                    let (policy, question) = (Arc::clone(&self.policy), question.clone());
                    self.ask(Component::Policy, limit, move || policy.judge(&question))
                };
                judged.unwrap_or_else(|_| Judgement::engine_fault())
            }
        }
    }

    /// The decision's record, with its receipt, under the very state that it was made in. It waits for the disk together with what follows it: the
    /// dispatch of a permit is durable, and with it all before it, before the tool is called; any other answer is before it is given. Spec: receipt-durable.
    pub(crate) fn record_decision(
        &self,
        epoch: Epoch,
        draft: impl Fn(Box<DecisionMade>) -> Draft,
        looked: &Looked,
        judgement: &Judgement,
        approved: Option<&ApprovalFact>,
    ) -> Result<(Appended, DecisionMade), Why> {
        let mut body = self.body(looked, judgement, approved);
        let mut draft = draft(Box::new(body.clone()));
        body.explanation = Some(bring(&mut draft, &explanation(&body)));
        body.receipt = Some(Content(draft.contents.len() as u16));
        draft.body = Box::new(body.clone()).into();
        let (run, tenant) = (self.trail.run()?, &self.opened.tenant);
        let appended = self.trail.append_early(
            epoch,
            draft,
            &mut |machine| {
                let holds = looked.relied.holds(machine);
                if holds && !has_heard(machine, looked.upto) { Ok(()) } else { Err(Unrecorded::Stale) }
            },
            &mut |input, checksum| {
                let receipt = checksum.and_then(|before| Receipt::of(run, tenant.clone(), before, input));
                let Some(receipt) = receipt else { return Ok(None) };
                let signed = sign(receipt, self.signer.as_ref())?;
                Ok(Some(DraftContent { media: MediaType::Cose, bytes: signed.as_bytes().to_vec() }))
            },
        )?;
        Ok((applied(appended)?, body))
    }

    fn body(&self, looked: &Looked, judgement: &Judgement, approved: Option<&ApprovalFact>) -> DecisionMade {
        let is_permit = judgement.permits();
        let (engine, engine_version) = self.policy.engine();
        let question = looked.question.as_ref().ok();
        let session = self.opened.session.expires.known().copied();
        let expires = ends(looked.now, self.times.permit_ms, session);
        DecisionMade {
            decision: judgement.decision,
            directive: judgement.directive,
            reason: judgement.reason,
            enforcement: if is_permit { Enforcement::Executed } else { Enforcement::Blocked },
            request: looked.request.clone(),
            bundle: Some(self.policy.bundle()).into(),
            engine: Some(engine).into(),
            engine_version: Some(engine_version).into(),
            rules: judgement.rules.clone(),
            errors: judgement.errors.clone(),
            risks: looked.risks.clone(),
            uncertainty_permille: question.map(uncertainty).or(Some(1_000)).into(),
            exception: question.and_then(|question| question.exception.clone()),
            approval: approved.map(|approval| approval.id.clone()),
            explanation: None,
            expires: is_permit.then_some(expires),
            reliance: looked.stated(),
            receipt: None,
        }
    }
}

/// What a recorded decision is to the gate. A permit is made here and nowhere else.
fn decided(record: u64, looked: Looked, body: DecisionMade) -> Decided {
    let is_live = body.decision == Decision::Permit && body.enforcement == Enforcement::Executed;
    let permit = is_live.then(|| Permit::new(record, looked.request.digest(), body.expires, looked.relied));
    let seen = ports::Judgement {
        record: RecordRef(record),
        decision: body.decision,
        directive: body.directive,
        reason: body.reason,
        rules: body.rules,
        risks: body.risks,
        uncertainty_permille: body.uncertainty_permille.known().copied(),
    };
    Decided { question: looked.question.ok(), request: looked.request, seen, permit, limit: looked.limit }
}

/// Whether all that is wrong is that something relied on no longer holds.
pub(crate) fn is_broken_reliance(breaches: &[Breach]) -> bool {
    let is_reliance = |breach: &Breach| (breach.rule, breach.reason) == (Rule::Pol2, Reason::RelianceBroken);
    !breaches.is_empty() && breaches.iter().all(is_reliance)
}

/// Whether the user has spoken since: what they ask for is part of the question (policy-asked).
fn has_heard(machine: &Machine, upto: u64) -> bool {
    let lineage = machine.lineage();
    let kind = |record| lineage.get(record).map(|mark| mark.kind);
    (upto..lineage.len()).any(|record| kind(record) == Some(Kind::PromptGiven))
}

/// Whether all that a refused PERMIT lacks is somebody who answers for it.
fn asks_for_a_person(breaches: &[Breach]) -> bool {
    let lacks = |breach: &Breach| {
        matches!(
            (breach.rule, breach.reason),
            (Rule::Rsk1, Reason::WeakerControl) | (Rule::Rsk2 | Rule::Apr4, Reason::ApprovalNeeded)
        )
    };
    !breaches.is_empty() && breaches.iter().all(lacks)
}

impl Decided {
    /// Why what was decided on does not happen.
    pub(crate) fn not_permitted(&self) -> Why {
        let ports::Judgement { decision, directive, reason, rules, .. } = &self.seen;
        match self.limit {
            Some(limit) => Why::Limit { limit },
            None => Why::Decision {
                decision: *decision,
                directive: *directive,
                reason: *reason,
                rules: rules.clone(),
            },
        }
    }
}

/// How unsure a judgement is: thousandths of the argument values of which the extractor says nothing; at most as unsure as not knowing either way.
fn uncertainty(question: &PolicyRequest) -> u16 {
    let values = question.arguments.leaves().len();
    let unknown = values.saturating_sub(question.provenance.len()).saturating_mul(1_000);
    let permille = unknown.checked_div(values).and_then(|permille| u16::try_from(permille).ok());
    permille.unwrap_or(0).min(UNCERTAIN_PERMILLE)
}

/// Not knowing either way.
const UNCERTAIN_PERMILLE: u16 = 500;

/// What a reviewer is told: the answer and what it rests on, from the decision alone.
fn explanation(body: &DecisionMade) -> Payload {
    let list = |ids: &[Id]| ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ");
    let mut text = format!("{}: {}", body.decision, body.reason);
    if body.directive != Directive::None {
        text.push_str(&format!("; {}", body.directive));
    }
    if !body.rules.is_empty() {
        text.push_str(&format!("; by {}", list(&body.rules)));
    }
    if !body.errors.is_empty() {
        text.push_str(&format!("; could not be evaluated: {}", list(&body.errors)));
    }
    if let Some(approval) = &body.approval {
        text.push_str(&format!("; approved in {approval}"));
    }
    Payload::text(text)
}
