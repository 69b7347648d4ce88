//! A run taken up from its trace: what calls stood open, and what becomes of each. Spec: call-after-restart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rederive_archive::storage::{ReadAt, Storage};
use rederive_archive::{BlockBuffer, ReadFault, TraceReader};
use rederive_evidence::cbor::DecodeError;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::credential::{CredentialRevoked, RevokeReason};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::ToolProposed;
use rederive_evidence::record::{Causes, Extracted, MediaType, Record, split_frames};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{EffectsClass, Origin, Place};

use crate::fate::{Held, Why};
use crate::flow::{HeldCall, expect_what_was_previewed, origins};
use crate::inner::Inner;
use crate::intent::Intent;
use crate::live::Live;
use crate::pinned::OnRecord;
use crate::ports::{Component, Evidence, Judgement, Payload, Revision};
use crate::sayings::{Heard, SAYINGS_MAX, Sayings, beginning};

/// Stands for a content that is not in the trace any more.
const GONE: &str = "not there any more";

/// Why a run cannot be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastFault {
    /// The trace cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// A record cannot be read.
    #[error("a record cannot be read: {0}")]
    Record(#[from] DecodeError),
    /// The trace does not begin with an opening record.
    #[error("the trace holds no opening record")]
    NoOpening,
}

/// What became of the calls that stood open when a gate was stopped.
#[derive(Debug, Default)]
pub struct Recovered {
    /// They wait for an approval, and go on when it is given.
    pub held: Vec<Held>,
    /// They were never dispatched, and never will be.
    pub blocked: Vec<Place>,
    /// They were dispatched, and nobody can say how they ended.
    pub unknown: Vec<Place>,
}

/// What the trace says of the run.
pub(crate) struct Past {
    pub(crate) opened: RunOpened,
    pub(crate) goal: Option<Payload>,
    /// What the user's messages asked for.
    pub(crate) asks: Vec<EffectsClass>,
    pub(crate) sayings: Sayings,
    /// What was sent back with changes.
    pub(crate) revised: BTreeMap<Id, Revision>,
    /// The tools that the run registered.
    pub(crate) registered: BTreeMap<Id, OnRecord>,
    calls: BTreeMap<Place, PastCall>,
    contents: BTreeMap<Digest, Payload>,
}

/// A call that stands open.
#[derive(Clone)]
struct PastCall {
    tool: Id,
    arguments: Digest,
    proposed_arguments: Digest,
    call_id: Option<Digest>,
    expected: Option<Digest>,
    causes: Causes,
    origin: Origin,
    proposed: u64,
    last: u64,
    extracted: Option<Extracted>,
    detected: Vec<DetectedClass>,
    diff: Option<Digest>,
    target: Option<Digest>,
    requested: Option<RecordedTime>,
    decision: Option<(u64, DecisionMade)>,
    approval: Option<PastApproval>,
    is_dispatched: bool,
}

/// What was sent back with changes: commitments of these and of the arguments.
struct PastRevision {
    by: Id,
    changes: Digest,
    before: Digest,
}

#[derive(Clone)]
struct PastApproval {
    approval: Id,
    expires: RecordedTime,
    page: Option<Digest>,
    influences: Vec<RecordRef>,
    reviewer: Option<Id>,
    is_answered: bool,
}

impl Past {
    /// Reads a trace from end to end. Nothing is verified here: the recorder that goes on with it verifies all of it first.
    pub(crate) fn read<S: Storage>(storage: &S, path: &Path) -> Result<Self, PastFault> {
        let reader = TraceReader::open(storage, path)?;
        let mut reading = Reading::default();
        let mut buffer = BlockBuffer::new();
        for number in 0..reader.segments() {
            let Some(segment) = reader.segment(number) else { break };
            reading.frames(segment.frames(&mut buffer)?)?;
        }
        if let Some(open) = reader.open_segment() {
            reading.frames(open.frames())?;
        }
        reading.finish(&reader)
    }

    fn content(&self, commitment: Digest) -> Option<Payload> {
        self.contents.get(&commitment).cloned()
    }
}

#[derive(Default)]
struct Reading {
    opened: Option<(RunOpened, Option<Digest>)>,
    asks: Vec<EffectsClass>,
    calls: BTreeMap<Place, PastCall>,
    sayings: Sayings,
    /// What the records that say something say: its commitment.
    said: BTreeMap<u64, Digest>,
    revised: BTreeMap<Id, PastRevision>,
    registered: BTreeMap<Id, OnRecord>,
    media: BTreeMap<Digest, MediaType>,
}

impl Reading {
    fn frames(&mut self, frames: &[u8]) -> Result<(), PastFault> {
        for frame in split_frames(frames) {
            let (record, _) = Record::decode_frame(frame?)?;
            self.record(&record);
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) {
        let input = &record.input;
        let of = |content: Content| input.contents.get(usize::from(content.0)).map(|entry| entry.commitment);
        if record.derived.outcome == Outcome::Refused {
            return;
        }
        self.hear(record);
        let asks = record.extracted.as_ref().and_then(|extracted| extracted.asks.as_ref());
        self.asks.extend(asks.into_iter().flatten());
        if let Body::RunOpened(opened) = &input.body {
            let goal = opened.goal.known().and_then(|goal| of(*goal));
            self.media.extend(input.contents.iter().map(|entry| (entry.commitment, entry.media)));
            self.opened = Some(((**opened).clone(), goal));
            return;
        }
        if let Body::ToolRegistered(registered) = &input.body {
            let contents = input.contents.iter().map(|entry| entry.commitment).collect();
            let on_record = OnRecord { body: input.body.clone(), contents };
            let _ = self.registered.insert(registered.tool.clone(), on_record);
        }
        let Some(place) = &input.place else { return };
        if let Body::ToolProposed(proposed) = &input.body {
            let _ = self.calls.insert(place.clone(), PastCall::of(record, proposed));
        }
        self.media.extend(input.contents.iter().map(|entry| (entry.commitment, entry.media)));
        if let (Body::ApprovalRevised(revised), Some(call)) = (&input.body, self.calls.get(place)) {
            let changes = revised.changes.known().and_then(|changes| of(*changes)).unwrap_or(Digest::ZERO);
            let past = PastRevision { by: revised.word.approver.clone(), changes, before: call.arguments };
            let _ = self.revised.insert(revised.approval.clone(), past);
        }
        let ends = matches!(
            input.body,
            Body::ToolReturned(_) | Body::ToolFailed(_) | Body::ToolBlocked(_) | Body::ToolUnknown(_)
        );
        if ends {
            let _ = self.calls.remove(place);
        } else if let Some(call) = self.calls.get_mut(place) {
            call.last = input.sequence;
            call.step(input.sequence, &input.body, input.time, &input.contents);
        }
    }

    /// Keeps from where a record came, as the gate did that made it.
    fn hear(&mut self, record: &Record) {
        let input = &record.input;
        let heard = Heard {
            actor: &input.actor,
            origin: input.origin,
            place: input.place.as_ref(),
            causes: &input.causes,
            body: &input.body,
        };
        let Some(saying) = self.sayings.hear(&heard, &|_| None) else { return };
        self.sayings.keep(input.sequence, saying);
        let said = heard.says().and_then(|content| input.contents.get(usize::from(content)));
        if let Some(said) = said {
            let _ = self.said.insert(input.sequence, said.commitment);
        }
        while self.said.len() > SAYINGS_MAX {
            let _ = self.said.pop_first();
        }
    }

    fn finish<F: ReadAt>(mut self, reader: &TraceReader<F>) -> Result<Past, PastFault> {
        let (opened, goal) = self.opened.ok_or(PastFault::NoOpening)?;
        let revisions = self.revised.values().flat_map(|revised| [revised.changes, revised.before]);
        let wanted = self.calls.values().flat_map(PastCall::contents).chain(goal).chain(revisions);
        let mut contents = BTreeMap::new();
        let mut stored = reader.content_reader();
        for commitment in wanted {
            let media = self.media.get(&commitment).copied().unwrap_or(MediaType::Octets);
            if let Some(found) = stored.read(&commitment)? {
                let _ = contents.insert(commitment, Payload::new(media, found.bytes));
            }
        }
        let goal = goal.and_then(|goal| contents.get(&goal).cloned());
        for (record, commitment) in &self.said {
            let media = self.media.get(commitment).copied().unwrap_or(MediaType::Octets);
            if let Some(found) = stored.read(commitment)? {
                self.sayings.tell(*record, beginning(media, found.bytes));
            }
        }
        let payload = |commitment| contents.get(&commitment).cloned().unwrap_or_else(|| Payload::text(GONE));
        let revision = |(approval, past): (Id, PastRevision)| {
            let PastRevision { by, changes, before } = past;
            (approval, Revision { by, changes: payload(changes), before: payload(before) })
        };
        let revised = self.revised.into_iter().map(revision).collect();
        Ok(Past {
            opened,
            goal,
            asks: self.asks,
            sayings: self.sayings,
            revised,
            registered: self.registered,
            calls: self.calls,
            contents,
        })
    }
}

impl PastCall {
    /// The call as it was proposed.
    fn of(record: &Record, proposed: &ToolProposed) -> Self {
        let input = &record.input;
        let of = |content: Content| input.contents.get(usize::from(content.0)).map(|entry| entry.commitment);
        let arguments = proposed.arguments.known().and_then(|arguments| of(*arguments));
        Self {
            tool: proposed.tool.clone(),
            arguments: arguments.unwrap_or(Digest::ZERO),
            proposed_arguments: arguments.unwrap_or(Digest::ZERO),
            call_id: proposed.call_id.and_then(of),
            expected: proposed.expected_effect.and_then(of),
            causes: input.causes.clone(),
            origin: input.origin,
            proposed: input.sequence,
            last: input.sequence,
            extracted: record.extracted.clone(),
            detected: Vec::new(),
            diff: None,
            target: None,
            requested: None,
            decision: None,
            approval: None,
            is_dispatched: false,
        }
    }

    fn step(
        &mut self,
        record: u64,
        body: &Body,
        time: Option<RecordedTime>,
        contents: &[rederive_evidence::record::ContentEntry],
    ) {
        let of = |content: Content| contents.get(usize::from(content.0)).map(|entry| entry.commitment);
        if let Body::ToolValidated(validated) = body {
            self.arguments = validated.arguments;
        } else if let Body::ToolRequested(requested) = body {
            (self.requested, self.target) = (time, requested.target);
        } else if let Body::ToolPreviewed(previewed) = body {
            self.diff = of(previewed.diff);
        } else if let Body::ToolDispatched(_) = body {
            self.is_dispatched = true;
        } else if let Body::DecisionMade(decision) = body {
            self.decision = Some((record, (**decision).clone()));
        } else if let Body::GuardrailDetected(detected) = body {
            self.detected.extend(&detected.classes);
        } else if let Body::ApprovalRequested(requested) = body {
            self.approval = requested.expires.known().map(|expires| PastApproval {
                approval: requested.approval.clone(),
                expires: *expires,
                page: None,
                influences: Vec::new(),
                reviewer: None,
                is_answered: false,
            });
        } else if let Some(approval) = &mut self.approval {
            approval.step(body, contents.last().map(|entry| entry.commitment));
        }
    }

    fn contents(&self) -> impl Iterator<Item = Digest> + use<> {
        let page = self.approval.as_ref().and_then(|approval| approval.page);
        let known = [Some(self.arguments), self.call_id, self.expected, self.diff, self.target, page];
        known.into_iter().flatten()
    }
}

impl PastApproval {
    fn step(&mut self, body: &Body, last_content: Option<Digest>) {
        if let Body::ApprovalEvidence(evidence) = body {
            // The page is the last content of the evidence.
            self.page = last_content;
            self.influences.clone_from(&evidence.influences);
        } else if let Body::ApprovalUnderReview(review) = body {
            self.reviewer = Some(review.reviewer.clone());
        } else if let Body::ApprovalApproved(_)
        | Body::ApprovalDenied(_)
        | Body::ApprovalRevised(_)
        | Body::ApprovalExpired(_)
        | Body::ApprovalWithdrawn(_) = body
        {
            self.is_answered = true;
        }
    }
}

impl Inner {
    /// Takes up what the trace left open: held calls wait on, others end, and credentials that are still live are revoked.
    pub(crate) fn take_up(self: &Arc<Self>, past: Past) -> Result<Recovered, crate::fate::Unrecorded> {
        let epoch = self.trail.epoch();
        let mut recovered = Recovered::default();
        for (place, call) in &past.calls {
            if call.is_dispatched {
                recovered.unknown.push(place.clone());
                continue;
            }
            match self.hold_again(&past, place, call) {
                Ok(Some(held)) => {
                    recovered.held.push(Held {
                        place: place.clone(),
                        approval: held.approval.clone(),
                        expires: held.expires,
                    });
                    let _ = self.held().insert(held.approval.clone(), held);
                }
                Ok(None) | Err(_) => {
                    let _ = self.blocked(epoch, place.clone(), Some(call.last), Why::Restart);
                    recovered.blocked.push(place.clone());
                }
            }
        }
        self.revoke_all(RevokeReason::Incident)?;
        self.trail.flush(epoch)?;
        Ok(recovered)
    }

    /// The held call of the trace, if it is one that a person has been asked about and not answered, and everything that it needs is there.
    fn hold_again(
        self: &Arc<Self>,
        past: &Past,
        place: &Place,
        call: &PastCall,
    ) -> Result<Option<HeldCall>, Why> {
        let (Some(approval), Some((decided, decision))) = (&call.approval, &call.decision) else {
            return Ok(None);
        };
        let found = (past.content(call.arguments), approval.page.and_then(|page| past.content(page)));
        let (Some(arguments), Some(page)) = found else { return Ok(None) };
        if approval.is_answered {
            return Ok(None);
        }
        let mut live = self.live_again(past, place, call, arguments)?;
        let looked = self.question(&mut live)?;
        let Some((question, request)) = looked else { return Ok(None) };
        if request.digest() != decision.request.digest() {
            return Ok(None);
        }
        let shown = approval.page.unwrap_or(Digest::ZERO);
        // The call itself is on record among what influenced it, and no influence of itself.
        let shown_records = approval.influences.iter().map(|record| record.0);
        let behind = shown_records.filter(|record| *record != live.proposed);
        let influences = self.influencers(live.epoch, behind)?;
        let evidence = Evidence {
            approval: approval.approval.clone(),
            call: live.facts.as_ref().clone(),
            covers: request.digest(),
            expires: approval.expires,
            influences,
            arguments: origins(Some(&question)),
            credential: request.scope.known().cloned().into_iter().collect(),
            judgement: seen(*decided, decision),
            diff: live.diff.clone(),
            rollback: live.expectation.as_ref().and_then(|expected| expected.rollback.clone()),
            revision: self.revised().get(&approval.approval).cloned(),
            page,
            shown,
        };
        Ok(Some(HeldCall {
            live,
            approval: approval.approval.clone(),
            expires: approval.expires,
            question: Some(question),
            evidence: Arc::new(evidence),
            reviewer: approval.reviewer.clone(),
        }))
    }

    fn live_again(
        &self,
        past: &Past,
        place: &Place,
        call: &PastCall,
        arguments: Payload,
    ) -> Result<Live, Why> {
        let tool = self.registry.get(&call.tool);
        let tool = tool.ok_or(crate::ports::PortFault::Missing { component: Component::Tool })?;
        let intent = Intent {
            tool: call.tool.clone(),
            arguments,
            place: place.clone(),
            causes: call.causes.clone(),
            origin: call.origin,
            expected_effect: call.expected.and_then(|expected| past.content(expected)),
            call_id: None,
            revises: None,
            trace: None,
        };
        let epoch = self.trail.epoch();
        let influence = rederive_evidence::values::Label::UNKNOWN;
        let facts = self.facts(intent, &tool, call.arguments, influence)?;
        let unchanged = call.arguments == call.proposed_arguments;
        let mut live = Live {
            epoch,
            tool,
            facts: Arc::new(facts),
            extracted: call.extracted.clone().filter(|_| unchanged),
            detected: call.detected.clone(),
            proposed: call.proposed,
            causes: call.causes.clone(),
            last: call.last,
            requested: call.requested,
            target: call.target,
            expected: call.expected,
            diff: call.diff.and_then(|diff| past.content(diff)),
            expectation: None,
            revises: None,
            approved: None,
            cancelled: Arc::new(AtomicBool::new(false)),
        };
        self.expect(&mut live)?;
        expect_what_was_previewed(&mut live);
        Ok(live)
    }

    /// Revokes every credential that is live.
    pub(crate) fn revoke_all(&self, reason: RevokeReason) -> Result<(), crate::fate::Unrecorded> {
        let Some(vault) = self.cast.vault.clone() else { return Ok(()) };
        let epoch = self.trail.epoch();
        let left: Vec<Id> = self.trail.read(epoch, |machine| {
            machine.state().tracked_credentials().iter().map(|(name, _)| name.clone()).collect()
        })?;
        for name in left {
            if let Some(broker) = self.credentials.clone() {
                let (asked, run) = (name.clone(), self.trail.run()?);
                let revoke = move || broker.revoke(run, &asked);
                let _ = self.ask(Component::CredentialBroker, self.times.credentials, revoke);
            }
            let body = CredentialRevoked { credential: name, reason, detail: None };
            let mut draft = Draft::new(vault.clone(), Origin::Code, body);
            draft.causes = Causes::of([0]);
            let _ = self.trail.append(epoch, draft)?;
        }
        Ok(())
    }
}

fn seen(record: u64, decision: &DecisionMade) -> Judgement {
    Judgement {
        record: RecordRef(record),
        decision: decision.decision,
        directive: decision.directive,
        reason: decision.reason,
        rules: decision.rules.clone(),
        risks: decision.risks.clone(),
        uncertainty_permille: decision.uncertainty_permille.known().copied(),
    }
}
