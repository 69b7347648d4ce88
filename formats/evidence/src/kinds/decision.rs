//! `decision`: what the gate answered to one whole request, and on what it relied.

use crate::digest::Digest;
use crate::ids::{Content, Id, RecordedTime};
use crate::schema::Given;
use crate::values::{EffectsClass, Label, Place, ScopeItem};
use crate::{codes, map};

codes! {
    /// The answer to a request. Only a live PERMIT lets anything happen.
    pub enum Decision {
        /// Authorized.
        Permit = 0 "PERMIT",
        /// Forbidden.
        Deny = 1 "DENY",
        /// No authorization issued.
        Silence = 2 "SILENCE",
    }

    /// What is to be done about the answer.
    pub enum Directive {
        /// Nothing.
        None = 0 "none",
        /// Change the request.
        Revise = 1 "revise",
        /// Have a person approve it.
        RequireApproval = 2 "require-approval",
        /// Ask for less.
        NarrowScope = 3 "narrow-scope",
        /// Undo what was done.
        RollBack = 4 "roll-back",
        /// Send it elsewhere.
        Route = 5 "route",
    }

    /// Whether the action went ahead.
    pub enum Enforcement {
        /// It did.
        Executed = 0 "EXECUTED",
        /// It did not.
        Blocked = 1 "BLOCKED",
    }

    /// Why the answer is what it is.
    pub enum ReasonCode {
        /// A policy permits it.
        PolicyPermits = 0 "policy-permits",
        /// A policy forbids it.
        PolicyForbids = 1 "policy-forbids",
        /// No policy speaks of it.
        NoPolicy = 2 "no-policy",
        /// A policy could not be evaluated.
        PolicyError = 3 "policy-error",
        /// The tool is not registered.
        UnknownTool = 4 "unknown-tool",
        /// A person has to approve.
        ApprovalNeeded = 5 "approval-needed",
        /// A person approved.
        Approved = 6 "approved",
        /// A standing grant covers it.
        StandingGrant = 7 "standing-grant",
        /// An exception covers it.
        Exception = 8 "exception",
        /// The risk asks for more.
        Risk = 9 "risk",
        /// A limit is reached.
        Limit = 10 "limit",
        /// Out of scope.
        Scope = 11 "scope",
        /// A rule of the machine is breached.
        Rule = 12 "rule",
        /// The engine failed or took too long.
        EngineFault = 13 "engine-fault",
        /// The bundle cannot be read.
        BundleFault = 14 "bundle-fault",
        /// The answer could not be recorded.
        RecordFault = 15 "record-fault",
    }

    /// The seven risk signals of the escalation table.
    pub enum RiskSignal {
        /// Untrusted or mixed-trust instruction source.
        UntrustedInstruction = 0 "untrusted-instruction",
        /// Sensitive retrieved context.
        SensitiveContext = 1 "sensitive-context",
        /// Write, delete, send, deploy, approve or purchase capability.
        EffectCapability = 2 "effect-capability",
        /// Broad or reusable authority.
        BroadAuthority = 3 "broad-authority",
        /// Durable memory or shared state write.
        DurableWrite = 4 "durable-write",
        /// Cross-agent hand-off.
        HandOff = 5 "hand-off",
        /// Irreversible or high-impact outcome.
        Irreversible = 6 "irreversible",
    }
}

map! {
    /// The whole request a decision covers (POL-2).
    pub struct Request {
        /// Its name, unique in the run.
        0 req id: Id,
        /// The call, where it is for one.
        1 opt call: Place,
        /// Commitment of the goal.
        2 req goal: Given<Digest>,
        /// On whose behalf, as whom.
        3 req actor: Id,
        /// The scope item under which it is asked.
        4 req scope: Given<ScopeItem>,
        /// The surface acted on.
        5 req surface: Id,
        /// The class of effect.
        6 req action: EffectsClass,
        /// Commitment of the target, where the call names one.
        7 opt target: Digest,
        /// Commitment of the arguments.
        8 req arguments: Given<Digest>,
        /// Label of what influenced it.
        9 req influence: Label,
        /// Label of the data it carries.
        10 req carriage: Given<Label>,
        /// Commitment of the expected effect.
        11 opt expected_effect: Digest,
    }

    /// A state entry that the decision read: what must still hold when the permit is used.
    pub struct Reliance {
        /// Key digest of the entry.
        0 req key: Digest,
        /// Value digest it had; absent: there was no such entry.
        1 opt value: Digest,
        /// For a counter: the bound it must stay under, instead of the value.
        2 opt below: u64,
    }

    /// `decision made`.
    pub struct DecisionMade {
        /// The answer.
        0 req decision: Decision,
        /// What is to be done about it.
        1 req directive: Directive,
        /// Why.
        2 req reason: ReasonCode,
        /// Whether the action may go ahead.
        3 req enforcement: Enforcement,
        /// The whole request.
        4 req request: Request,
        /// Digest of the policy bundle.
        5 req bundle: Given<Digest>,
        /// The policy engine.
        6 req engine: Given<Id>,
        /// Its version.
        7 req engine_version: Given<Id>,
        /// Policies that matched.
        8 req rules: Vec<Id>,
        /// Policies that failed.
        9 req errors: Vec<Id>,
        /// Risk factors found.
        10 req risks: Vec<RiskSignal>,
        /// How unsure, thousandths.
        11 req uncertainty_permille: Given<u16>,
        /// The exception used.
        12 opt exception: Id,
        /// The approval used.
        13 opt approval: Id,
        /// What a reviewer is told.
        14 opt explanation: Content,
        /// When a permit ends.
        15 opt expires: RecordedTime,
        /// What it read.
        16 req reliance: Vec<Reliance>,
        /// The receipt: COSE_Sign1 over this body.
        17 opt receipt: Content,
    }
}
