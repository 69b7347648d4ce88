//! Approvers: people who decide with the evidence before them (APR).

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordRef, RecordedTime, RunId, Signature};
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode, RiskSignal};
use rederive_evidence::receipt::{ApproverStatement, ApproverVerdict};
use rederive_evidence::signed::Version;
use rederive_evidence::values::{Label, Place, ScopeItem};
use rederive_policy::request::Source;

use super::{CallFacts, Failure, Payload};

/// The way to a person. It shows what it is given and brings back their word; it decides nothing.
pub trait Approver: Send + Sync {
    /// Brings the evidence before a person. Asked again for the same approval when the run goes on, here or in another process: what was asked
    /// before is then not asked twice, and a word that has come in the meantime is returned.
    ///
    /// # Errors
    /// Nobody could be asked; the call stays held until the approval expires.
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure>;

    /// The approval that this evidence is for is over (a word was taken and is on record, it expired, it was withdrawn): nobody needs to be asked any
    /// more. Approvals of different runs may have one name.
    fn withdraw(&self, _evidence: &Evidence) {}
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// They have spoken.
    Answered(Word),
    /// They have it before them: this person, by name, where it is known already. The call is held.
    Later(Option<Id>),
}

/// An approver's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Who.
    pub approver: Id,
    /// What they said.
    pub verdict: Verdict,
    /// The digest of what was shown to them: [`Evidence::shown`].
    pub shown: Digest,
    /// Their signature over [`Evidence::statement`] of what they say; none: unattested, and the policy says whether that suffices.
    pub signature: Option<Signature>,
}

/// What an approver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go ahead.
    Approve,
    /// Do not.
    Deny {
        /// Why.
        reason: Payload,
    },
    /// Ask again, changed.
    Revise {
        /// What is to change.
        changes: Payload,
    },
}

/// Everything an approver has before them, assembled by the gate from the records and never by the agent (APR-2).
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The approval's name.
    pub approval: Id,
    /// The call: action, parameters, surface and destinations, effective identity, tenant, goal, expected effect and owner.
    pub call: CallFacts,
    /// Digest of the request that the approval would cover.
    pub covers: Digest,
    /// When the approval would end.
    pub expires: RecordedTime,
    /// What influenced the call, with source, trust and, where it is still there, the beginning of the text. The call itself is not among them.
    pub influences: Vec<Influencer>,
    /// From where each argument came, least trusted first; none where that is not known, as of arguments that a guardrail changed.
    pub arguments: Vec<ArgumentOrigin>,
    /// The scope of the credential that would be issued.
    pub credential: Vec<ScopeItem>,
    /// What the policy said.
    pub judgement: Judgement,
    /// What would change, where the tool has a preview.
    pub diff: Option<Payload>,
    /// How the effect is undone.
    pub rollback: Option<Payload>,
    /// What was asked for before, where this is a revised request.
    pub revision: Option<Revision>,
    /// The whole of it as one page of text, exactly as it is to be shown; [`Self::shown`] commits to these bytes.
    pub page: Payload,
    /// Commitment of the page in the run.
    pub shown: Digest,
}

/// A record that influenced a call.
#[derive(Clone, Debug)]
pub struct Influencer {
    /// The record.
    pub record: RecordRef,
    /// What it is.
    pub kind: Kind,
    /// How far it may be believed and travel.
    pub label: Label,
    /// From where it came, in words: the tool and its call, what it was retrieved from, who said it. None where the gate does not know it any more.
    pub source: Option<String>,
    /// The beginning of what it says; none where it says nothing, or the gate does not know it any more.
    pub text: Option<String>,
}

/// From where an argument of a call came.
#[derive(Clone, Debug)]
pub struct ArgumentOrigin {
    /// JSON pointer of the value in the arguments.
    pub pointer: String,
    /// The value, as JSON.
    pub value: String,
    /// The most trusted place in which it stands.
    pub source: Source,
    /// The records in which it stands.
    pub records: Vec<RecordRef>,
}

/// What was sent back with changes, and is asked for again.
#[derive(Clone, Debug)]
pub struct Revision {
    /// Who asked for changes.
    pub by: Id,
    /// What they asked for.
    pub changes: Payload,
    /// The arguments that they had before them.
    pub before: Payload,
}

/// What the policy said of a request.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The decision's record.
    pub record: RecordRef,
    /// The answer.
    pub decision: Decision,
    /// What is to be done about it.
    pub directive: Directive,
    /// Why.
    pub reason: ReasonCode,
    /// Policies that matched.
    pub rules: Vec<Id>,
    /// Risk factors.
    pub risks: Vec<RiskSignal>,
    /// How unsure, thousandths.
    pub uncertainty_permille: Option<u16>,
}

impl Evidence {
    /// The run.
    pub fn run(&self) -> RunId {
        self.call.run
    }

    /// The call's place.
    pub fn place(&self) -> &Place {
        &self.call.place
    }

    /// What an approver signs who says this: with [`sign_detached`](rederive_evidence::signed::sign_detached). Spec: approval-statement.
    pub fn statement(&self, approver: &Id, verdict: ApproverVerdict) -> ApproverStatement {
        ApproverStatement {
            version: Version::One,
            run: self.call.run,
            tenant: self.call.tenant.clone(),
            approval: self.approval.clone(),
            covers: self.covers,
            call: Some(self.call.place.clone()),
            expires: Some(self.expires),
            approver: approver.clone(),
            verdict,
            shown: Some(self.shown),
        }
    }
}

impl Verdict {
    /// Its code in a statement.
    pub fn code(&self) -> ApproverVerdict {
        match self {
            Self::Approve => ApproverVerdict::Approved,
            Self::Deny { .. } => ApproverVerdict::Denied,
            Self::Revise { .. } => ApproverVerdict::Revised,
        }
    }
}
