//! The risk table: what each signal asks for. Spec: risk-table, controls.

use rederive_evidence::codes;
use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::rules::Rule;

codes! {
    /// How strong an answer is, weakest first. Spec: controls.
    pub enum Control {
        /// Nothing is asked.
        None = 0 "none",
        /// It is decided on record.
        Log = 1 "log",
        /// It is changed first.
        Revise = 2 "revise",
        /// It is asked for less.
        Narrow = 3 "narrow",
        /// A person answers for it.
        Approve = 4 "approve",
        /// It does not happen.
        Deny = 5 "deny",
    }
}

/// A row of the risk table.
#[derive(Clone, Copy, Debug)]
pub struct RiskRow {
    /// The signal.
    pub signal: RiskSignal,
    /// When it shows, in the words of SPEC.md.
    pub shows: &'static str,
    /// The least control that a decision must be.
    pub least: Control,
    /// What must be on record before the dispatch.
    pub required: &'static [Required],
}

/// The risk table: a row a signal, in the order of the codes. Spec: risk-table.
pub const RISK_TABLE: &[RiskRow] = &[
    RiskRow {
        signal: RiskSignal::UntrustedInstruction,
        shows: "the trust of the call's *influence* is below `risk_trust`",
        least: Control::Log,
        required: &[Required::Inspection],
    },
    RiskRow {
        signal: RiskSignal::SensitiveContext,
        shows: "the sensitivity of the call's *carriage* is not below `risk_sensitivity`",
        least: Control::Log,
        required: &[Required::Provenance],
    },
    RiskRow {
        signal: RiskSignal::EffectCapability,
        shows: "the call is above read",
        least: Control::Log,
        required: &[Required::Validation, Required::Permit, Required::ScopedCredential],
    },
    RiskRow {
        signal: RiskSignal::BroadAuthority,
        shows: "the call is above read, and a *reusable* credential opens its tool",
        least: Control::Narrow,
        required: &[Required::BoundCredential],
    },
    RiskRow {
        signal: RiskSignal::DurableWrite,
        shows: "the request names no call: it is for a memory write",
        least: Control::Log,
        required: &[Required::MemoryTerms],
    },
    RiskRow {
        signal: RiskSignal::HandOff,
        shows: "a delegation registered the one who asks",
        least: Control::Log,
        required: &[Required::Delegation],
    },
    RiskRow {
        signal: RiskSignal::Irreversible,
        shows: "the call is above read, and its tool is not known to be reversible, or deploys, approves or purchases",
        least: Control::Approve,
        required: &[Required::PlannedEffect],
    },
];

/// What must be on record before a dispatch at risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Required {
    /// A guardrail has looked into the arguments as they are dispatched.
    Inspection,
    /// The provenance of the arguments' values.
    Provenance,
    /// The broker's validation.
    Validation,
    /// A live permit with its receipt.
    Permit,
    /// Where the tool acts under a credential: a live one that is bound to the call.
    ScopedCredential,
    /// A live credential that is bound to the call.
    BoundCredential,
    /// Owner, reason, provenance, expiry and deletion path of what is written.
    MemoryTerms,
    /// The live delegation that the message goes under.
    Delegation,
    /// The effect expected, with its containment and owner.
    PlannedEffect,
}

impl Required {
    /// The rule that is breached where it is not there.
    pub const fn asked_by(self) -> Rule {
        match self {
            Self::Inspection | Self::Provenance | Self::ScopedCredential | Self::BoundCredential => {
                Rule::Rsk1
            }
            Self::Validation => Rule::Tol2,
            Self::Permit => Rule::Pol1,
            Self::MemoryTerms => Rule::Mem1,
            Self::Delegation => Rule::Idn4,
            Self::PlannedEffect => Rule::Out3,
        }
    }

    /// What it is, in the words of SPEC.md.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Inspection => "a guardrail's look into the arguments as they are dispatched",
            Self::Provenance => "the provenance of the arguments' values",
            Self::Validation => "`tool.validated`",
            Self::Permit => "a live permit with its receipt",
            Self::ScopedCredential => "where the tool acts under a credential, a live one bound to the call",
            Self::BoundCredential => "a live credential bound to the call",
            Self::MemoryTerms => "owner, reason, provenance, expiry and deletion path",
            Self::Delegation => "the live delegation",
            Self::PlannedEffect => "`downstream.planned` with containment and owner",
        }
    }
}
