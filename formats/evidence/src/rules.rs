//! The registry of rules and of the reasons for which one is breached. Numbers and names never change meaning.

use crate::{codes, map};

codes! {
    /// A rule of SPEC.md, "Rules". Spec: rules.
    pub enum Rule {
        /// Opening and closing.
        Run1 = 0 "RUN-1",
        /// Order of numbers, time and causes.
        Run2 = 1 "RUN-2",
        /// Nothing left unresolved.
        Run3 = 2 "RUN-3",
        /// Registered actors.
        Idn1 = 8 "IDN-1",
        /// Session isolation.
        Idn2 = 9 "IDN-2",
        /// Delegation narrows.
        Idn3 = 10 "IDN-3",
        /// Inside scope, persona and lifetime.
        Idn4 = 11 "IDN-4",
        /// Labelled context.
        Ctx1 = 16 "CTX-1",
        /// Tenant filter and listed source.
        Ctx2 = 17 "CTX-2",
        /// Freshness.
        Ctx3 = 18 "CTX-3",
        /// Data does not instruct.
        Ctx4 = 19 "CTX-4",
        /// A prompt names what is in it.
        Prm1 = 24 "PRM-1",
        /// Clearance of models.
        Prm2 = 25 "PRM-2",
        /// Whole answers.
        Prm3 = 26 "PRM-3",
        /// Blocked and transformed content.
        Grd1 = 32 "GRD-1",
        /// Clearance of destinations.
        Grd2 = 33 "GRD-2",
        /// Sandboxed execution.
        Grd3 = 34 "GRD-3",
        /// The approved task.
        Grd4 = 35 "GRD-4",
        /// Registered tools and schemas.
        Tol1 = 40 "TOL-1",
        /// Steps of a call.
        Tol2 = 41 "TOL-2",
        /// What was decided is what is dispatched.
        Tol3 = 42 "TOL-3",
        /// Only the broker dispatches.
        Tol4 = 43 "TOL-4",
        /// Retries.
        Tol5 = 44 "TOL-5",
        /// Previews.
        Tol6 = 45 "TOL-6",
        /// A live PERMIT.
        Pol1 = 48 "POL-1",
        /// Whole requests.
        Pol2 = 49 "POL-2",
        /// One dispatch.
        Pol3 = 50 "POL-3",
        /// Decisions evaluate again.
        Pol4 = 51 "POL-4",
        /// Receipts.
        Pol5 = 52 "POL-5",
        /// Changes of policy.
        Pol6 = 53 "POL-6",
        /// Exceptions.
        Pol7 = 54 "POL-7",
        /// Risk signals.
        Rsk1 = 56 "RSK-1",
        /// Approval at risk.
        Rsk2 = 57 "RSK-2",
        /// Issue of credentials.
        Crd1 = 64 "CRD-1",
        /// Use of credentials.
        Crd2 = 65 "CRD-2",
        /// Surfaces of credentials.
        Crd3 = 66 "CRD-3",
        /// Steps of an approval.
        Apr1 = 72 "APR-1",
        /// Evidence of an approval.
        Apr2 = 73 "APR-2",
        /// The approver.
        Apr3 = 74 "APR-3",
        /// What an approval covers.
        Apr4 = 75 "APR-4",
        /// Memory writes.
        Mem1 = 80 "MEM-1",
        /// Memory reads.
        Mem2 = 81 "MEM-2",
        /// Memory under external influence.
        Mem3 = 82 "MEM-3",
        /// Effects and their calls.
        Out1 = 88 "OUT-1",
        /// Mismatches.
        Out2 = 89 "OUT-2",
        /// Irreversible effects.
        Out3 = 90 "OUT-3",
        /// Released outputs.
        Out4 = 91 "OUT-4",
        /// Limits.
        Lim1 = 96 "LIM-1",
        /// Messages between agents.
        Hnd1 = 104 "HND-1",
        /// The chain of causes.
        Obs1 = 112 "OBS-1",
    }

    /// In what way a rule is breached. Spec: registries.
    pub enum Reason {
        /// The first record does not open the run.
        NotOpened = 0 "not-opened",
        /// A second opening record.
        OpenedAgain = 1 "opened-again",
        /// A record after the closing one.
        AfterClose = 2 "after-close",
        /// A required field is absent.
        FieldAbsent = 3 "field-absent",
        /// A sequence number is not one more than the one before.
        SequenceGap = 4 "sequence-gap",
        /// Recorded time runs backwards.
        TimeBackwards = 5 "time-backwards",
        /// A cause is not an earlier record.
        CauseAhead = 6 "cause-ahead",
        /// A reference is not to an earlier record.
        ReferenceAhead = 7 "reference-ahead",
        /// A call has not ended.
        CallOpen = 8 "call-open",
        /// An approval has not ended.
        ApprovalOpen = 9 "approval-open",
        /// An effect is not resolved.
        EffectOpen = 10 "effect-open",
        /// A credential is neither revoked nor expired.
        CredentialLive = 11 "credential-live",
        /// The actor is not registered.
        ActorUnknown = 12 "actor-unknown",
        /// An actor of this type may not make this record.
        ActorType = 13 "actor-type",
        /// Another tenant than the run's.
        OtherTenant = 14 "other-tenant",
        /// Another session than the run's.
        OtherSession = 15 "other-session",
        /// A record of the model carries an identity.
        ModelIdentity = 16 "model-identity",
        /// A scope allows more than the one it comes from.
        ScopeWider = 17 "scope-wider",
        /// A lifetime is longer than the one it comes from.
        LifetimeLonger = 18 "lifetime-longer",
        /// Delegation goes deeper than allowed.
        TooDeep = 19 "too-deep",
        /// A name is in use already.
        NameTaken = 20 "name-taken",
        /// No scope item covers the act.
        OutOfScope = 21 "out-of-scope",
        /// The persona does not have the capability.
        OutOfPersona = 22 "out-of-persona",
        /// The delegation is over.
        DelegationOver = 23 "delegation-over",
        /// The session is over.
        SessionOver = 24 "session-over",
        /// The retrieval's tenant filter is not the run's tenant.
        TenantFilter = 25 "tenant-filter",
        /// The model put the filter there.
        FilterByModel = 26 "filter-by-model",
        /// The source is not on the run's list.
        SourceUnlisted = 27 "source-unlisted",
        /// A stale item influences the call.
        Stale = 28 "stale",
        /// Data stands in the place of an instruction.
        DataInstructs = 29 "data-instructs",
        /// A part's record is not a cause.
        PartNotCause = 30 "part-not-cause",
        /// The extended prompt, or a kept range of it, does not exist.
        NoSuchPrompt = 31 "no-such-prompt",
        /// The destination is not cleared for it.
        Clearance = 32 "clearance",
        /// What is proposed is not linked to the answer.
        Unlinked = 33 "unlinked",
        /// A blocked content is used.
        BlockedContent = 34 "blocked-content",
        /// A transformed content is used in its first form.
        UntransformedContent = 35 "untransformed-content",
        /// The tool is not registered.
        ToolUnregistered = 36 "tool-unregistered",
        /// The schema is not the registered one.
        OtherSchema = 37 "other-schema",
        /// The arguments do not satisfy the schema.
        InvalidArguments = 38 "invalid-arguments",
        /// The step is not one from where the thing stands.
        Step = 39 "step",
        /// The place was used before.
        PlaceUsed = 40 "place-used",
        /// A record that needs a place has none.
        NoPlace = 41 "no-place",
        /// There is no such call, approval, credential, effect or item.
        Unknown = 42 "unknown",
        /// It differs from what was decided.
        NotAsDecided = 43 "not-as-decided",
        /// Another than the broker dispatches.
        NotBroker = 44 "not-broker",
        /// A retry does not name the call it tries again.
        RetryUnlinked = 45 "retry-unlinked",
        /// More attempts than allowed.
        RetryLimit = 46 "retry-limit",
        /// No preview where the tool offers one.
        NoPreview = 47 "no-preview",
        /// The label claims more than the influence allows.
        LabelRaised = 48 "label-raised",
        /// The value read is not the value held.
        OtherValue = 49 "other-value",
        /// The item has expired or was deleted.
        Gone = 50 "gone",
        /// An item of an earlier run comes without its proof.
        NoProof = 51 "no-proof",
        /// A decision is needed and there is none.
        NoDecision = 52 "no-decision",
        /// More calls than allowed.
        CallLimit = 53 "call-limit",
        /// More calls in the window than allowed.
        RateLimit = 54 "rate-limit",
        /// More spend than allowed.
        SpendLimit = 55 "spend-limit",
        /// More tokens than allowed.
        TokenLimit = 56 "token-limit",
        /// More targets than allowed.
        TargetLimit = 57 "target-limit",
        /// More bytes sent out than allowed.
        BytesLimit = 58 "bytes-limit",
        /// A shared counter is past its limit.
        SharedLimit = 59 "shared-limit",
        /// Sender, recipient or scope does not fit the delegation.
        OtherParty = 60 "other-party",
        /// No chain of causes reaches the goal.
        NoGoal = 61 "no-goal",
        /// The time that the rule needs is absent.
        TimeAbsent = 62 "time-absent",
        /// It relies on a fact that breaches a rule.
        ReliesOnBreach = 63 "relies-on-breach",
        /// It happened although the request that it follows was refused.
        UnderRefusal = 64 "under-refusal",
        /// The place is another agent's.
        OtherAgent = 65 "other-agent",
        /// No live PERMIT lets it happen.
        NotPermitted = 66 "not-permitted",
        /// It would let happen what nothing permits.
        FailOpen = 67 "fail-open",
        /// The request that was decided is not the one that was asked.
        OtherRequest = 68 "other-request",
        /// The bundle, or its engine, is not the one in force.
        OtherBundle = 69 "other-bundle",
        /// What the decision read is not, or no longer, so.
        RelianceBroken = 70 "reliance-broken",
        /// What the decision rests on is not told.
        Unexplained = 71 "unexplained",
        /// A permit without end, or with too late a one.
        NoExpiry = 72 "no-expiry",
        /// The permit is over.
        PermitOver = 73 "permit-over",
        /// The permit has served its dispatch.
        PermitUsed = 74 "permit-used",
        /// The decision has no receipt.
        NoReceipt = 75 "no-receipt",
        /// The actor is not entitled to it.
        NotEntitled = 76 "not-entitled",
        /// The exception is over.
        ExceptionOver = 77 "exception-over",
        /// A risk signal is not among those that the decision lists.
        RiskUnlisted = 78 "risk-unlisted",
        /// The control is weaker than the risk asks for.
        WeakerControl = 79 "weaker-control",
        /// A record that the risk asks for is not there.
        RecordMissing = 80 "record-missing",
        /// A person has to approve, and nobody did.
        ApprovalNeeded = 81 "approval-needed",
        /// It does not run in the named sandbox.
        NoSandbox = 82 "no-sandbox",
        /// It departs from the approved task.
        Departure = 83 "departure",
        /// Nobody has compared the plan with the task.
        PlanUnchecked = 84 "plan-unchecked",
        /// No person answers.
        NotHuman = 96 "not-human",
        /// Who asks for the approval answers it.
        SelfApproval = 97 "self-approval",
        /// What is answered is not what was shown.
        NotAsShown = 98 "not-as-shown",
        /// The approval is over.
        ApprovalOver = 99 "approval-over",
        /// The approval has served its request.
        ApprovalUsed = 100 "approval-used",
        /// It is bound to no call and no approval.
        Unbound = 101 "unbound",
        /// The credential is over.
        CredentialOver = 102 "credential-over",
        /// It belongs to another call.
        OtherCall = 103 "other-call",
        /// A surface that the call does not act on.
        SurfaceWider = 104 "surface-wider",
        /// It is said to be over before its end.
        NotOver = 105 "not-over",
        /// No effect is planned for the call.
        NoPlan = 106 "no-plan",
        /// A reversible effect without a rollback path.
        NoRollback = 107 "no-rollback",
        /// An irreversible effect without a containment plan.
        NoContainment = 108 "no-containment",
        /// An irreversible effect ends without a verification.
        Unverified = 109 "unverified",
        /// Nothing was done about an effect that is not as expected.
        MismatchOpen = 110 "mismatch-open",
        /// More than the amount planned.
        AmountExceeded = 111 "amount-exceeded",
        /// No guardrail has looked at the output.
        NotInspected = 112 "not-inspected",
        /// The output goes to nobody that is named.
        NoRecipient = 113 "no-recipient",
        /// The approver was not shown the preview.
        PreviewNotShown = 114 "preview-not-shown",
        /// The effect expected is not the one previewed.
        NotAsPreviewed = 115 "not-as-previewed",
    }

    /// What the machine did with a record.
    pub enum Outcome {
        /// Its transition took effect.
        Applied = 0 "applied",
        /// It was a breaching request of an enforced run: only counted.
        Refused = 1 "refused",
    }
}

map! {
    /// One rule that a record does not keep, and the evidence.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    pub struct Breach {
        /// The rule.
        0 req rule: Rule,
        /// In what way.
        1 req reason: Reason,
        /// The earlier record concerned, where there is one.
        2 opt record: u64,
        /// The item of the body's list concerned, from 0, where there is one.
        3 opt item: u64,
    }
}

impl Rule {
    /// The control layer the rule belongs to.
    pub const fn layer(self) -> crate::values::Layer {
        use crate::values::Layer;
        match self {
            Self::Run1 | Self::Run2 | Self::Run3 => Layer::Run,
            Self::Idn1 | Self::Idn2 | Self::Idn3 | Self::Idn4 => Layer::Identity,
            Self::Ctx1 | Self::Ctx2 | Self::Ctx3 | Self::Ctx4 => Layer::Context,
            Self::Prm1 | Self::Prm2 | Self::Prm3 => Layer::Prompt,
            Self::Grd1 | Self::Grd2 | Self::Grd3 | Self::Grd4 => Layer::Guardrail,
            Self::Tol1 | Self::Tol2 | Self::Tol3 | Self::Tol4 | Self::Tol5 | Self::Tol6 => Layer::ToolBroker,
            Self::Pol1 | Self::Pol2 | Self::Pol3 | Self::Pol4 | Self::Pol5 | Self::Pol6 | Self::Pol7 => {
                Layer::Policy
            }
            Self::Rsk1 | Self::Rsk2 => Layer::Escalation,
            Self::Crd1 | Self::Crd2 | Self::Crd3 => Layer::Credential,
            Self::Apr1 | Self::Apr2 | Self::Apr3 | Self::Apr4 => Layer::Approval,
            Self::Mem1 | Self::Mem2 | Self::Mem3 => Layer::Memory,
            Self::Out1 | Self::Out2 | Self::Out3 | Self::Out4 | Self::Lim1 => Layer::Outcome,
            Self::Hnd1 => Layer::HandOff,
            Self::Obs1 => Layer::Audit,
        }
    }
}
