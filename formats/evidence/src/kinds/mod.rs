//! The record kinds: one table of codes, names, natures and makers, and a body for each.

pub mod approval;
pub mod context;
pub mod credential;
pub mod decision;
pub mod delegation;
pub mod downstream;
pub mod governance;
pub mod guardrail;
pub mod limit;
pub mod memory;
pub mod output;
pub mod plan;
pub mod policy;
pub mod prompt;
pub mod run;
pub mod tool;

use crate::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use crate::codes;
use crate::schema::{Cddl, Field, Tally};
use crate::values::ActorType::{
    self, Agent, Approver, Broker, CredentialBroker, Downstream, Gate, Guardrail, Operator,
    PolicyAdministrator, Principal, Recorder, Service, SubAgent, Workflow,
};
use crate::values::Layer;

/// Whether a record can still be withheld when the machine is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It can: in an enforced run a breaching one is refused.
    Request,
    /// It has happened: a breaching one is applied and marked.
    Fact,
}

macro_rules! kinds {
    ($( $variant:ident = $code:literal $name:literal $nature:ident $layer:ident [$($maker:ident)*] $body:ty; )*) => {
        codes! {
            /// What a record is about: `group.event`. Codes and names are for ever. Spec: kinds.
            pub enum Kind {
                $(
                    #[doc = concat!("`", $name, "`")]
                    $variant = $code $name,
                )*
            }
        }

        impl Kind {
            /// Whether it is a request or a fact.
            pub const fn nature(self) -> Nature {
                match self {
                    $( Self::$variant => Nature::$nature, )*
                }
            }

            /// The control layer whose evidence it is.
            pub const fn layer(self) -> Layer {
                match self {
                    $( Self::$variant => Layer::$layer, )*
                }
            }

            /// The types of actor that may make it (IDN-1).
            pub const fn makers(self) -> &'static [ActorType] {
                match self {
                    $( Self::$variant => &[$($maker),*], )*
                }
            }

            /// Whether an actor of this type may make it (IDN-1).
            #[inline]
            pub const fn is_made_by(self, actor: ActorType) -> bool {
                // A bit for each type: one look into a table, and no list to go through.
                let makers: u32 = match self {
                    $( Self::$variant => 0 $( | 1 << $maker as u32 )*, )*
                };
                makers & 1 << actor as u32 != 0
            }
        }

        /// A record's body: what its kind holds.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant($body),
            )*
        }

        impl Body {
            /// The kind of record it makes.
            pub const fn kind(&self) -> Kind {
                match self {
                    $( Self::$variant(_) => Kind::$variant, )*
                }
            }

            /// Writes the body's map.
            pub fn encode(&self, e: &mut Encoder) {
                match self {
                    $( Self::$variant(body) => body.encode(e), )*
                }
            }

            /// Reads the body of a record of this kind.
            ///
            /// # Errors
            /// The fault and its place.
            pub fn decode(kind: Kind, d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                match kind {
                    $( Kind::$variant => <$body as Field>::decode(d).map(Self::$variant), )*
                }
            }

            /// Reads a body of this kind in the place of this one. Where it fails, what stands here is of no use.
            pub(crate) fn decode_onto(&mut self, kind: Kind, d: &mut Decoder<'_>) -> Result<(), DecodeError> {
                match (kind, self) {
                    $( (Kind::$variant, Self::$variant(body)) => body.decode_onto(d), )*
                    (kind, body) => {
                        *body = Self::decode(kind, d)?;
                        Ok(())
                    }
                }
            }

            /// What the body counts: absent fields, contents and records referred to.
            #[inline]
            pub fn tally(&self) -> Tally {
                let mut tally = Tally::default();
                self.count(&mut tally);
                tally
            }

            /// Adds what the body counts.
            pub(crate) fn count(&self, tally: &mut Tally) {
                match self {
                    $( Self::$variant(body) => body.tally(tally), )*
                }
            }

            /// The body that a JSON text holds.
            ///
            /// # Errors
            /// As serde_json reports them: member and what was expected, line and column in this text.
            pub fn from_json(kind: Kind, text: &str) -> Result<Self, serde_json::Error> {
                match kind {
                    $( Kind::$variant => serde_json::from_str::<$body>(text).map(Self::$variant), )*
                }
            }

            /// The CDDL choice of kind code and body, and the rules of all bodies.
            pub fn cddl(book: &mut Cddl) -> Vec<(Kind, String)> {
                vec![$( (Kind::$variant, <$body as Field>::cddl(book)), )*]
            }
        }

        #[cfg(any(test, feature = "proptest"))]
        impl Body {
            /// A body of this kind.
            pub fn draw_of(kind: Kind, choices: &mut crate::arbitrary::Choices) -> Self {
                match kind {
                    $( Kind::$variant => Self::$variant(crate::arbitrary::Sample::draw(choices)), )*
                }
            }
        }

        $(
            impl From<$body> for Body {
                fn from(body: $body) -> Self {
                    Self::$variant(body)
                }
            }
        )*

        impl serde::Serialize for Body {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$variant(body) => body.serialize(s), )*
                }
            }
        }
    };
}

impl Kind {
    /// Reads a kind's code; one that this version does not know is a fault of its own, since the record may be sound.
    /// Spec: kind-unknown.
    ///
    /// # Errors
    /// [`DecodeFault::UnknownKind`], or the fault of an item that is no code.
    pub fn decode_known(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let at = d.position();
        let code = d.unsigned(u64::MAX)?;
        Self::from_code(code).map_or_else(|| d.fault_at(at, DecodeFault::UnknownKind { code }), Ok)
    }
}

kinds! {
    RunOpened = 0 "run.opened" Fact Run [Recorder] Box<run::RunOpened>;
    RunClosed = 1 "run.closed" Fact Run [Recorder Operator] run::RunClosed;
    PlanProposed = 2 "plan.proposed" Fact Guardrail [Agent SubAgent Workflow] plan::PlanProposed;
    PlanChecked = 3 "plan.checked" Fact Guardrail [Guardrail Gate] plan::PlanChecked;
    PlanRevised = 4 "plan.revised" Fact Guardrail [Agent SubAgent Workflow] plan::PlanRevised;
    PromptGiven = 5 "prompt.given" Fact Prompt [Principal Operator Service Agent SubAgent Workflow] prompt::PromptGiven;
    PromptSent = 6 "prompt.sent" Request Prompt [Agent SubAgent Workflow] prompt::PromptSent;
    PromptAnswered = 7 "prompt.answered" Fact Prompt [Agent SubAgent Workflow Service] prompt::PromptAnswered;
    ContextRetrieved = 8 "context.retrieved" Fact Context [Service Agent SubAgent Workflow Broker] context::ContextRetrieved;
    ContextSummarised = 9 "context.summarised" Fact Context [Service Agent SubAgent Workflow] context::ContextSummarised;
    ContextBlocked = 10 "context.blocked" Fact Context [Guardrail Gate Service] context::ContextBlocked;
    DecisionMade = 11 "decision.made" Request Policy [Gate] Box<decision::DecisionMade>;
    GuardrailDetected = 12 "guardrail.detected" Fact Guardrail [Guardrail] guardrail::GuardrailDetected;
    GuardrailTransformed = 13 "guardrail.transformed" Fact Guardrail [Guardrail] guardrail::GuardrailTransformed;
    GuardrailBlocked = 14 "guardrail.blocked" Fact Guardrail [Guardrail] guardrail::GuardrailBlocked;
    ToolRegistered = 16 "tool.registered" Fact ToolBroker [Broker PolicyAdministrator Operator] Box<tool::ToolRegistered>;
    ToolProposed = 17 "tool.proposed" Request ToolBroker [Agent SubAgent Workflow] tool::ToolProposed;
    ToolValidated = 18 "tool.validated" Request ToolBroker [Broker] tool::ToolValidated;
    ToolRequested = 19 "tool.requested" Request ToolBroker [Broker] tool::ToolRequested;
    ToolPreviewed = 20 "tool.previewed" Request ToolBroker [Broker] tool::ToolPreviewed;
    ToolDispatched = 21 "tool.dispatched" Request ToolBroker [Broker Agent SubAgent Workflow] tool::ToolDispatched;
    ToolReturned = 22 "tool.returned" Fact ToolBroker [Broker Downstream] tool::ToolReturned;
    ToolFailed = 23 "tool.failed" Fact ToolBroker [Broker Downstream] tool::ToolFailed;
    ToolBlocked = 24 "tool.blocked" Fact ToolBroker [Broker Gate Guardrail Recorder] tool::ToolBlocked;
    ToolUnknown = 25 "tool.unknown" Fact ToolBroker [Broker Recorder] tool::ToolUnknown;
    CredentialIssued = 32 "credential.issued" Request Credential [CredentialBroker] credential::CredentialIssued;
    CredentialUsed = 33 "credential.used" Request Credential [Broker CredentialBroker] credential::CredentialUsed;
    CredentialRevoked = 34 "credential.revoked" Fact Credential [CredentialBroker Operator Recorder] credential::CredentialRevoked;
    CredentialExpired = 35 "credential.expired" Fact Credential [CredentialBroker Recorder] credential::CredentialExpired;
    ApprovalRequested = 40 "approval.requested" Request Approval [Gate Agent SubAgent Workflow] approval::ApprovalRequested;
    ApprovalEvidence = 41 "approval.evidence-assembled" Fact Approval [Gate] Box<approval::ApprovalEvidence>;
    ApprovalUnderReview = 42 "approval.under-review" Fact Approval [Gate Approver] approval::ApprovalUnderReview;
    ApprovalApproved = 43 "approval.approved" Fact Approval [Approver Principal Gate] approval::ApprovalApproved;
    ApprovalDenied = 44 "approval.denied" Fact Approval [Approver Principal Gate] approval::ApprovalDenied;
    ApprovalRevised = 45 "approval.revised" Fact Approval [Approver Principal Gate] approval::ApprovalRevised;
    ApprovalExpired = 46 "approval.expired" Fact Approval [Gate Recorder] approval::ApprovalExpired;
    ApprovalWithdrawn = 47 "approval.withdrawn" Fact Approval [Gate Agent SubAgent Workflow Principal] approval::ApprovalWithdrawn;
    ApprovalLogged = 48 "approval.logged" Fact Approval [Gate Recorder] approval::ApprovalLogged;
    MemoryWritten = 56 "memory.written" Request Memory [Agent SubAgent Workflow Service] memory::MemoryWritten;
    MemoryRead = 57 "memory.read" Fact Memory [Agent SubAgent Workflow Service] memory::MemoryRead;
    MemoryDeleted = 58 "memory.deleted" Fact Memory [Agent SubAgent Workflow Service Principal Operator] memory::MemoryDeleted;
    MemoryExpired = 59 "memory.expired" Fact Memory [Service Recorder] memory::MemoryExpired;
    OutputProduced = 64 "output.produced" Fact Outcome [Agent SubAgent Workflow] output::OutputProduced;
    OutputReleased = 65 "output.released" Request Outcome [Agent SubAgent Workflow Gate Broker] output::OutputReleased;
    OutputBlocked = 66 "output.blocked" Fact Outcome [Guardrail Gate] output::OutputBlocked;
    EffectPlanned = 72 "downstream.planned" Fact Outcome [Broker Gate Agent SubAgent Workflow] downstream::EffectPlanned;
    EffectExecuted = 73 "downstream.executed" Fact Outcome [Broker Downstream] downstream::EffectExecuted;
    EffectVerified = 74 "downstream.verified" Fact Outcome [Broker Downstream Guardrail Operator] downstream::EffectVerified;
    EffectReverted = 75 "downstream.reverted" Fact Outcome [Broker Downstream Operator] downstream::EffectReverted;
    EffectQuarantined = 76 "downstream.quarantined" Fact Outcome [Broker Downstream Operator] downstream::EffectQuarantined;
    EffectCompensated = 77 "downstream.compensated" Fact Outcome [Broker Downstream Operator] downstream::EffectCompensated;
    EffectNotified = 78 "downstream.notified" Fact Outcome [Broker Gate Operator] downstream::EffectNotified;
    DelegationGranted = 80 "delegation.granted" Request Identity [Principal Agent SubAgent Workflow] Box<delegation::DelegationGranted>;
    HandedOff = 81 "delegation.handed-off" Request HandOff [Agent SubAgent Workflow] Box<delegation::HandedOff>;
    DelegationEnded = 82 "delegation.ended" Fact Identity [Principal Agent SubAgent Workflow Operator Recorder] delegation::DelegationEnded;
    PolicyPinned = 88 "policy.pinned" Fact Policy [Gate Recorder] policy::PolicyPinned;
    PolicyChanged = 89 "policy.changed" Request Policy [PolicyAdministrator Operator] policy::PolicyChanged;
    ExceptionGranted = 96 "governance.exception-granted" Request Policy [Approver PolicyAdministrator] governance::ExceptionGranted;
    ExceptionEnded = 97 "governance.exception-ended" Fact Policy [Approver PolicyAdministrator Recorder] governance::ExceptionEnded;
    RiskAccepted = 98 "governance.risk-accepted" Fact Audit [Operator PolicyAdministrator Approver Principal] governance::RiskAccepted;
    ReviewHeld = 99 "governance.review-held" Fact Audit [Operator PolicyAdministrator Approver] governance::ReviewHeld;
    EvaluationAttached = 100 "governance.evaluation-attached" Fact Audit [Operator PolicyAdministrator Approver] governance::EvaluationAttached;
    IncidentOpened = 101 "governance.incident-opened" Fact Audit [Operator PolicyAdministrator Approver Gate Guardrail] governance::IncidentOpened;
    IncidentClosed = 102 "governance.incident-closed" Fact Audit [Operator PolicyAdministrator Approver] governance::IncidentClosed;
    LimitRead = 104 "limit.read" Fact Outcome [Gate Broker Recorder] limit::LimitRead;
}
