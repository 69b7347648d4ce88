//! Approvals: a request that needs a person waits for one, with the evidence before them, and goes on when they have spoken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{
    ApprovalApproved, ApprovalDenied, ApprovalEvidence, ApprovalExpired, ApprovalLogged, ApprovalRequested,
    ApprovalRevised, ApprovalUnderReview, ApprovalWithdrawn, ApproverWord,
};
use rederive_evidence::record::Causes;
use rederive_evidence::schema::Given;
use rederive_evidence::signed::verify_detached;
use rederive_evidence::values::Origin;
use rederive_machine::ApprovalStatus;
use rederive_policy::PolicyRequest;
use rederive_policy::request::{ApprovalFact, ArgumentFact};

use crate::cast::{is_approver, key_of, named};
use crate::fate::{Fate, Held, Unrecorded, Why};
use crate::flow::decide::Decided;
use crate::flow::prepare::ends;
use crate::inner::Inner;
use crate::live::{Live, bring};
use crate::page;
use crate::ports::{
    ArgumentOrigin, Component, Evidence, Influencer, PolicySays, Review, Revision, Verdict, Word,
};
use crate::trail::Epoch;

/// Records that are shown as influences, at most: those in which an argument stands, then the latest.
const INFLUENCES_MAX: usize = 64;
/// Characters of an argument's value that are shown beside its source; the whole of it stands under the action.
const VALUE_CHARS_MAX: usize = 120;

/// A call that waits for an approval.
#[derive(Clone)]
pub(crate) struct HeldCall {
    pub(crate) live: Live,
    pub(crate) approval: Id,
    pub(crate) expires: RecordedTime,
    /// What was asked of the policy; asked again from the run where another process goes on.
    pub(crate) question: Option<PolicyRequest>,
    pub(crate) evidence: Arc<Evidence>,
    /// Whom it was shown to, where that is on record.
    pub(crate) reviewer: Option<Id>,
}

/// Why an approver's word was not taken. The call stays held.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerFault {
    /// No call waits for such an approval here.
    #[error("no call waits for the approval {approval}")]
    NotHeld {
        /// The approval.
        approval: Id,
    },
    /// The one who answers asked, or is the agent (APR-3).
    #[error("{approver} cannot approve what they asked for themselves")]
    SelfApproval {
        /// Who answers.
        approver: Id,
    },
    /// The one who answers may not (APR-3).
    #[error("{approver} is not entitled to approve this")]
    NotEntitled {
        /// Who answers.
        approver: Id,
    },
    /// It was shown to somebody else.
    #[error("the approval is before {reviewer}")]
    OtherReviewer {
        /// Whom it was shown to.
        reviewer: Id,
    },
    /// What they were shown is not what the gate shows.
    #[error("the answer is to something else than what was to be shown")]
    NotAsShown,
    /// The signature does not hold.
    #[error("the signature of {approver} does not hold: {fault}")]
    Signature {
        /// Who answers.
        approver: Id,
        /// Why.
        fault: rederive_evidence::keys::SignatureFault,
    },
    /// There is no signature, and the policy asks for one.
    #[error("the answer of {approver} is not signed, and has to be")]
    Unsigned {
        /// Who answers.
        approver: Id,
    },
    /// The machine or the recorder did not take it.
    #[error(transparent)]
    Refused(#[from] Why),
}

impl Inner {
    /// Asks for an approval of what was decided on. Nothing more happens until a person has answered.
    pub(crate) fn hold(self: &Arc<Self>, mut live: Live, decided: Decided) -> Result<Fate, Why> {
        let Some(approver) = self.approver.clone() else { return Err(decided.not_permitted()) };
        let approval = live.revises.clone().unwrap_or_else(|| named("approval", live.place()));
        let session = self.opened.session.expires.known().copied();
        let expires = ends(self.now(live.epoch)?, self.times.approval_ms, session);
        let covers = decided.request.digest();
        let body = ApprovalRequested {
            approval: approval.clone(),
            request: decided.request.id.clone(),
            call: Some(live.place().clone()),
            covers,
            expires: Given::Known(expires),
        };
        let draft = live.draft(&self.cast.gate, body);
        self.step(&mut live, draft)?;
        let evidence = Arc::new(self.assemble(&mut live, &decided, &approval, expires)?);
        // What a person is asked about survives the process that asks.
        self.trail.flush(live.epoch)?;
        let held = HeldCall { live, approval, expires, question: decided.question, evidence, reviewer: None };
        self.review(held, approver)
    }

    /// APR-2: everything an approver needs, from the records and the registry, and nothing from the agent but what the records say it wrote.
    fn assemble(
        &self,
        live: &mut Live,
        decided: &Decided,
        approval: &Id,
        expires: RecordedTime,
    ) -> Result<Evidence, Why> {
        let arguments = origins(decided.question.as_ref());
        let behind = self.behind(live, &arguments);
        let influences = self.influencers(live.epoch, behind.iter().copied())?;
        let revision = live.revises.as_ref().and_then(|approval| self.revised().get(approval).cloned());
        let credential: Vec<_> = decided.request.scope.known().cloned().into_iter().collect();
        let sheet = page::Sheet {
            approval,
            call: &live.facts,
            influences: &influences,
            influence: live.facts.standing.influence,
            arguments: &arguments,
            revision: revision.as_ref(),
            credential: &credential,
            judgement: &decided.seen,
            policies: &self.policies_say(&decided.seen.rules),
            diff: live.diff.as_ref(),
            rollback: live.expectation.as_ref().and_then(|expected| expected.rollback.as_ref()),
            expires,
        };
        let page = sheet.write();
        let owner = live.facts.owner.clone().unwrap_or_else(|| self.opened.principal.id.clone());
        let body = ApprovalEvidence {
            approval: approval.clone(),
            goal: Given::Absent,
            // The call's own proposal carries the labels of all that led to it, shown or not.
            influences: behind.iter().copied().chain([live.proposed]).map(RecordRef).collect(),
            action: Given::Absent,
            identity: Given::Known(live.place().agent.clone()),
            credential: Given::Absent,
            decision: Given::Known(decided.seen.record),
            expected_effect: Given::Absent,
            rollback: Given::Absent,
            owner: Given::Known(owner),
        };
        let mut draft = live.draft(&self.cast.gate, Box::new(body.clone()));
        let mut known = |payload| Given::Known(bring(&mut draft, &payload));
        let body = ApprovalEvidence {
            goal: known(sheet.goal()),
            action: known(sheet.action()),
            credential: known(sheet.credential()),
            expected_effect: known(sheet.expected_effect()),
            rollback: known(sheet.rollback()),
            ..body
        };
        let _ = bring(&mut draft, &page);
        draft.body = Box::new(body).into();
        draft.causes =
            rederive_evidence::record::Causes::of(behind.iter().copied().chain([live.proposed, live.last]));
        self.step(live, draft)?;
        let shown = self.trail.commitment(live.epoch, page.bytes())?;
        Ok(Evidence {
            approval: approval.clone(),
            call: live.facts.as_ref().clone(),
            covers: decided.request.digest(),
            expires,
            influences,
            arguments,
            credential,
            judgement: decided.seen.clone(),
            diff: live.diff.clone(),
            rollback: live.expectation.as_ref().and_then(|expected| expected.rollback.clone()),
            revision,
            page,
            shown,
        })
    }

    /// What each policy that matched says, where the bundle tells. A page without that is no less of a question.
    fn policies_say(&self, rules: &[Id]) -> Vec<(Id, Option<PolicySays>)> {
        let (policy, asked) = (Arc::clone(&self.policy), rules.to_vec());
        let say = move || Ok(asked.iter().map(|rule| policy.says(rule)).collect::<Vec<_>>());
        let limit = self.times.policy;
        let said = self.ask_where(self.policy.only_computes(), Component::Policy, limit, say);
        let said = said.unwrap_or_else(|_| vec![None; rules.len()]);
        rules.iter().cloned().zip(said).collect()
    }

    /// The records that influenced the call, ascending: those in which an argument stands, and what the model had before it when it asked.
    fn behind(&self, live: &Live, arguments: &[ArgumentOrigin]) -> BTreeSet<u64> {
        let standing = arguments.iter().flat_map(|argument| &argument.records).map(|record| record.0);
        let mut shown: BTreeSet<u64> = standing.take(INFLUENCES_MAX).collect();
        let behind = self.trail.sayings().behind(&live.causes, live.place());
        for record in behind.into_iter().rev() {
            if shown.len() >= INFLUENCES_MAX {
                break;
            }
            let _ = shown.insert(record);
        }
        shown
    }

    /// These records, as far as the gate knows them.
    pub(crate) fn influencers(
        &self,
        epoch: Epoch,
        records: impl Iterator<Item = u64>,
    ) -> Result<Vec<Influencer>, Why> {
        let sayings = self.trail.sayings();
        let found = self.trail.read(epoch, |machine| {
            let known = |record: u64| {
                let mark = machine.lineage().get(record)?;
                let saying = sayings.get(record);
                let (source, text) =
                    saying.map(|it| (it.source.clone(), it.text.clone())).unwrap_or_default();
                Some(Influencer {
                    record: RecordRef(record),
                    kind: mark.kind,
                    label: mark.label,
                    source,
                    text,
                })
            };
            records.filter_map(known).collect::<Vec<_>>()
        });
        Ok(found?)
    }

    /// Brings the evidence before a person, and goes on where they answer at once.
    fn review(
        self: &Arc<Self>,
        mut held: HeldCall,
        approver: Arc<dyn crate::ports::Approver>,
    ) -> Result<Fate, Why> {
        let now = self.now(held.live.epoch)?;
        if now >= held.expires {
            return self.expire(held);
        }
        let evidence = Arc::clone(&held.evidence);
        let left = Duration::from_micros(held.expires.0.saturating_sub(now.0));
        let reviewed = self.ask(Component::Approver, left, move || approver.review(&evidence));
        // Whoever asked for the call may have gone while a person looked at it.
        if held.live.is_cancelled() {
            return Ok(self.withdraw(held));
        }
        match reviewed {
            Ok(Review::Answered(word)) => match self.take_word(&mut held, &word) {
                Ok(()) => self.answered(held, word),
                // A word that does not count is none: somebody else may still answer.
                Err(AnswerFault::Refused(why)) => Err(why),
                Err(_) => Ok(self.wait(held)),
            },
            Ok(Review::Later(reviewer)) => {
                if let Some(reviewer) = reviewer.filter(|_| held.reviewer.is_none()) {
                    self.under_review(&mut held, &reviewer)?;
                    self.trail.flush(held.live.epoch)?;
                }
                Ok(self.wait(held))
            }
            Err(_) => Ok(self.wait(held)),
        }
    }

    fn wait(&self, held: HeldCall) -> Fate {
        let fate =
            Held { place: held.live.place().clone(), approval: held.approval.clone(), expires: held.expires };
        let _ = self.held().insert(held.approval.clone(), held);
        Fate::Held(fate)
    }

    /// Goes on with a held call: the approver is asked again. A call that nobody holds has an end already.
    pub(crate) fn resume(self: &Arc<Self>, approval: &Id) -> Option<Fate> {
        let held = self.held().remove(approval)?;
        let (epoch, place, last) = (held.live.epoch, held.live.place().clone(), held.live.last);
        let Some(approver) = self.approver.clone() else { return Some(self.wait(held)) };
        if held.live.is_cancelled() {
            return Some(self.withdraw(held));
        }
        let gone_on = self.review(held, approver);
        Some(gone_on.unwrap_or_else(|why| self.blocked(epoch, place, Some(last), why)))
    }

    /// Takes an approver's word for a held call, and goes on.
    pub(crate) fn answer(self: &Arc<Self>, approval: &Id, word: Word) -> Result<Fate, AnswerFault> {
        let held = self.held().remove(approval);
        let mut held = held.ok_or_else(|| AnswerFault::NotHeld { approval: approval.clone() })?;
        let (epoch, place, last) = (held.live.epoch, held.live.place().clone(), held.live.last);
        if held.live.is_cancelled() {
            return Ok(self.withdraw(held));
        }
        if self.now(epoch).is_ok_and(|now| now >= held.expires) {
            return Ok(self.expire(held).unwrap_or_else(|why| self.blocked(epoch, place, Some(last), why)));
        }
        if let Err(fault) = self.take_word(&mut held, &word) {
            let _ = self.wait(held);
            return Err(fault);
        }
        let fate = self.answered(held, word);
        Ok(fate.unwrap_or_else(|why| self.blocked(epoch, place, Some(last), why)))
    }

    /// APR-3: whether a word counts; then it is shown to have been reviewed.
    fn take_word(&self, held: &mut HeldCall, word: &Word) -> Result<(), AnswerFault> {
        let approver = &word.approver;
        let asks = *approver == self.opened.principal.id || *approver == held.live.place().agent;
        if asks {
            return Err(AnswerFault::SelfApproval { approver: approver.clone() });
        }
        let question = held.question.as_ref();
        let entitled = question.is_some_and(|question| self.policy.entitles(approver, question));
        if !is_approver(&self.opened, approver) || !entitled {
            return Err(AnswerFault::NotEntitled { approver: approver.clone() });
        }
        if let Some(reviewer) = held.reviewer.as_ref().filter(|reviewer| *reviewer != approver) {
            return Err(AnswerFault::OtherReviewer { reviewer: reviewer.clone() });
        }
        if word.shown != held.evidence.shown {
            return Err(AnswerFault::NotAsShown);
        }
        self.check_signature(held, word)?;
        if held.reviewer.is_none() {
            self.under_review(held, approver)?;
        }
        Ok(())
    }

    fn check_signature(&self, held: &HeldCall, word: &Word) -> Result<(), AnswerFault> {
        let approver = &word.approver;
        let unsigned = || AnswerFault::Unsigned { approver: approver.clone() };
        match (&word.signature, key_of(&self.opened, approver)) {
            (Some(signature), Some(key)) => {
                let statement = held.evidence.statement(approver, word.verdict.code());
                verify_detached(&statement, &key, signature)
                    .map_err(|fault| AnswerFault::Signature { approver: approver.clone(), fault })
            }
            (Some(_), None) => Err(unsigned()),
            (None, _) => {
                let question = held.question.as_ref();
                let suffices = question.is_some_and(|question| self.policy.takes_unsigned(question));
                if suffices { Ok(()) } else { Err(unsigned()) }
            }
        }
    }

    fn under_review(&self, held: &mut HeldCall, reviewer: &Id) -> Result<(), Why> {
        let body = ApprovalUnderReview {
            approval: held.approval.clone(),
            reviewer: reviewer.clone(),
            shown: held.evidence.shown,
        };
        let draft = held.live.draft(&self.cast.gate, body);
        self.step(&mut held.live, draft)?;
        held.reviewer = Some(reviewer.clone());
        Ok(())
    }

    /// The word is on record; an approval is judged again with it, since nothing but a PERMIT lets the call go on.
    fn answered(self: &Arc<Self>, mut held: HeldCall, word: Word) -> Result<Fate, Why> {
        let approval = held.approval.clone();
        let answer = self.record_word(&mut held, &word)?;
        // Only what is sure to be remembered needs not be asked again.
        self.trail.keep(held.live.epoch, answer)?;
        self.tell_approver(&held);
        if let Verdict::Revise { changes } = word.verdict {
            let before = held.live.facts.arguments.clone();
            let revision = Revision { by: word.approver, changes: changes.clone(), before };
            let _ = self.revised().insert(approval.clone(), revision);
            return Err(Why::Revise { approval, changes });
        }
        let logged = ApprovalLogged { approval: approval.clone(), answer: RecordRef(answer) };
        let draft = held.live.draft(&self.cast.gate, logged);
        self.step(&mut held.live, draft)?;
        if let Verdict::Deny { reason } = word.verdict {
            return Err(Why::Denied { approval, reason });
        }
        let fact = ApprovalFact {
            id: approval.clone(),
            approver: word.approver.clone(),
            signed: word.signature.is_some(),
        };
        let mut live = held.live;
        live.approved = Some(approval);
        let (epoch, place) = (live.epoch, live.place().clone());
        let decided = match self.decide(&mut live, Some(&fact)) {
            Ok(decided) => decided,
            Err(why) => return Ok(self.blocked(epoch, place, Some(live.last), why)),
        };
        let last = live.last;
        let refusal = decided.not_permitted();
        let gone_on = match decided.permit {
            Some(permit) => self.act(live, permit, &decided.request),
            // Approved or not, what is not permitted does not happen; and nobody is asked twice.
            None => Err(match self.trail.keep(epoch, last) {
                Ok(()) => refusal,
                Err(unrecorded) => unrecorded.into(),
            }),
        };
        Ok(gone_on.unwrap_or_else(|why| self.blocked(epoch, place, Some(last), why)))
    }

    fn record_word(&self, held: &mut HeldCall, word: &Word) -> Result<u64, Why> {
        let said = ApproverWord {
            approver: word.approver.clone(),
            shown: Given::Known(word.shown),
            signature: word.signature,
        };
        let approval = held.approval.clone();
        let (body, content) = match &word.verdict {
            Verdict::Approve => (Body::from(ApprovalApproved { approval, word: said }), None),
            Verdict::Deny { reason } => {
                let given = Given::Known(Content(0));
                (Body::from(ApprovalDenied { approval, word: said, reason: given }), Some(reason))
            }
            Verdict::Revise { changes } => {
                let given = Given::Known(Content(0));
                (Body::from(ApprovalRevised { approval, word: said, changes: given }), Some(changes))
            }
        };
        // A signed word can be handed on by anybody; one without a signature is the person's own act.
        let mut draft: Draft = match word.signature {
            Some(_) => held.live.draft(&self.cast.gate, body),
            None => {
                let mut draft = held.live.draft(&word.approver, body);
                draft.origin = Origin::Human;
                draft
            }
        };
        if let Some(content) = content {
            let _ = bring(&mut draft, content);
        }
        let appended = self.step(&mut held.live, draft)?;
        // A word that keeps no rule is a fact all the same; nothing goes on with it.
        if appended.breaches.is_empty() {
            Ok(appended.sequence)
        } else {
            Err(Why::Rule { breaches: appended.breaches })
        }
    }

    /// Nobody needs to be asked any more. An approver that is not told, or cannot be, asks in vain: the approval is over.
    fn tell_approver(&self, held: &HeldCall) {
        let Some(approver) = self.approver.clone() else { return };
        let (evidence, limit) = (Arc::clone(&held.evidence), self.times.approver);
        let tell = move || {
            approver.withdraw(&evidence);
            Ok(())
        };
        let _ = self.ask(Component::Approver, limit, tell);
    }

    /// Nobody answered in time.
    fn expire(&self, mut held: HeldCall) -> Result<Fate, Why> {
        self.tell_approver(&held);
        let draft = held.live.draft(&self.cast.gate, ApprovalExpired { approval: held.approval.clone() });
        self.note(&mut held.live, draft)?;
        let why = Why::Expired { approval: held.approval };
        Ok(self.blocked(held.live.epoch, held.live.place().clone(), Some(held.live.last), why))
    }

    /// Whoever asked does not want it any more.
    pub(crate) fn withdraw(&self, mut held: HeldCall) -> Fate {
        self.tell_approver(&held);
        let body = ApprovalWithdrawn { approval: held.approval.clone(), reason: None };
        let draft = held.live.draft(&self.cast.gate, body);
        let withdrawn = self.note(&mut held.live, draft);
        let why = withdrawn.err().unwrap_or(Why::Cancelled);
        self.blocked(held.live.epoch, held.live.place().clone(), Some(held.live.last), why)
    }

    /// Withdraws the approvals that were sent back with changes and not asked for again: no call waits for them, and the run is over.
    pub(crate) fn withdraw_revised(&self) -> Result<(), Unrecorded> {
        let epoch = self.trail.epoch();
        let left: Vec<Id> = self.trail.read(epoch, |machine| {
            let approvals = machine.state().tracked_approvals().iter();
            let revised = approvals.filter(|(_, held)| held.status == ApprovalStatus::Revised);
            revised.map(|(name, _)| name.clone()).collect()
        })?;
        for approval in left {
            let body = ApprovalWithdrawn { approval, reason: None };
            let mut draft = Draft::new(self.cast.gate.clone(), Origin::Code, body);
            draft.causes = Causes::of([0]);
            let _ = self.trail.append(epoch, draft)?;
        }
        Ok(())
    }

    /// Ends every held call whose approval is over by now, or that its caller cancelled.
    pub(crate) fn expire_due(self: &Arc<Self>) -> Result<Vec<Fate>, Why> {
        let now = self.now(self.trail.epoch())?;
        let due: Vec<Id> = {
            let held = self.held();
            held.iter()
                .filter(|(_, held)| now >= held.expires || held.live.is_cancelled())
                .map(|(approval, _)| approval.clone())
                .collect()
        };
        let mut fates = Vec::with_capacity(due.len());
        for approval in due {
            let Some(held) = self.held().remove(&approval) else { continue };
            let is_cancelled = held.live.is_cancelled();
            fates.push(if is_cancelled { self.withdraw(held) } else { self.expire(held)? });
        }
        Ok(fates)
    }
}

/// From where each argument came, least trusted first.
pub(crate) fn origins(question: Option<&PolicyRequest>) -> Vec<ArgumentOrigin> {
    let Some(question) = question else { return Vec::new() };
    let leaves: BTreeMap<String, String> = question
        .arguments
        .leaves()
        .into_iter()
        .map(|(pointer, value)| (pointer, cut(&value.to_string())))
        .collect();
    let origin = |fact: &ArgumentFact| ArgumentOrigin {
        pointer: fact.pointer.clone(),
        value: leaves.get(&fact.pointer).cloned().unwrap_or_default(),
        source: fact.source,
        records: fact.records.iter().copied().map(RecordRef).collect(),
    };
    let mut origins: Vec<ArgumentOrigin> = question.provenance.iter().map(origin).collect();
    origins.sort_by_key(|origin| origin.source);
    origins
}

fn cut(value: &str) -> String {
    let mut begun: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if begun.len() < value.len() {
        begun.push_str(" ..");
    }
    begun
}
