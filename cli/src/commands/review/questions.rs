//! What a reviewer asks: the five questions of a defence architecture, the ten review questions, and what each control layer has to keep.
//!
//! Each is answered by records of some kinds and by rules; no answer is more than those.

use rederive_evidence::kinds::Kind;
use rederive_evidence::rules::Rule;

/// A question, and what in a trace answers it.
pub(super) struct Question {
    /// The question.
    pub(super) asks: &'static str,
    /// Why it matters, or what is to be kept.
    pub(super) about: &'static str,
    /// The records that answer it.
    pub(super) kinds: &'static [Kind],
    /// The rules that say whether the answer is as it should be.
    pub(super) rules: &'static [Rule],
}

/// The rules of policy and risk that records can breach.
const POLICY: &[Rule] =
    &[Rule::Pol1, Rule::Pol2, Rule::Pol3, Rule::Pol5, Rule::Pol6, Rule::Pol7, Rule::Rsk1, Rule::Rsk2];

/// What happens to credentials.
const CREDENTIALS: &[Kind] =
    &[Kind::CredentialIssued, Kind::CredentialUsed, Kind::CredentialRevoked, Kind::CredentialExpired];

/// The five questions.
pub(super) const FIVE: &[Question] = &[
    Question {
        asks: "What is influencing the agent?",
        about: "Prompts, retrieved context, tool results, memory, and other agents can all shape behaviour.",
        kinds: &[
            Kind::PromptGiven,
            Kind::PromptSent,
            Kind::ContextRetrieved,
            Kind::ContextSummarised,
            Kind::ToolReturned,
            Kind::MemoryRead,
            Kind::HandedOff,
        ],
        rules: &[Rule::Ctx1, Rule::Ctx2, Rule::Ctx3, Rule::Ctx4, Rule::Prm1, Rule::Mem2, Rule::Hnd1],
    },
    Question {
        asks: "What can the agent do?",
        about: "Tools, workflows, code execution, and downstream systems define the action surface.",
        kinds: &[Kind::ToolRegistered, Kind::RunOpened, Kind::DelegationGranted],
        rules: &[Rule::Tol1, Rule::Tol4, Rule::Idn4, Rule::Grd3],
    },
    Question {
        asks: "Under whose authority?",
        about: "User sessions, service accounts, delegated tokens, and approvals determine blast radius.",
        kinds: &[
            Kind::RunOpened,
            Kind::DelegationGranted,
            Kind::CredentialIssued,
            Kind::CredentialUsed,
            Kind::ApprovalApproved,
            Kind::ExceptionGranted,
        ],
        rules: &[
            Rule::Idn1,
            Rule::Idn2,
            Rule::Idn3,
            Rule::Idn4,
            Rule::Crd1,
            Rule::Crd2,
            Rule::Crd3,
            Rule::Apr3,
            Rule::Apr4,
        ],
    },
    Question {
        asks: "Which policy applies?",
        about: "Risk depends on intent, data sensitivity, tool capability, identity, and likely outcome together.",
        kinds: &[Kind::PolicyPinned, Kind::PolicyChanged, Kind::DecisionMade, Kind::ExceptionGranted],
        rules: POLICY,
    },
    Question {
        asks: "What evidence remains?",
        about: "Governance, incident response, assurance, and improvement require a reconstructable action path.",
        kinds: &[
            Kind::RunOpened,
            Kind::RunClosed,
            Kind::OutputProduced,
            Kind::EffectVerified,
            Kind::ReviewHeld,
        ],
        rules: &[Rule::Run1, Rule::Run2, Rule::Run3, Rule::Obs1],
    },
];

/// The ten review questions.
pub(super) const REVIEW: &[Question] = &[
    Question {
        asks: "Can the system distinguish trusted control instructions from untrusted data?",
        about: "content that is data instructs nobody",
        kinds: &[Kind::PromptGiven, Kind::PromptSent, Kind::ContextRetrieved, Kind::ToolReturned],
        rules: &[Rule::Ctx4, Rule::Ctx1],
    },
    Question {
        asks: "Can reviewers see which context, memory, or tool result influenced the action?",
        about: "every prompt names what is in it, every record its causes",
        kinds: &[Kind::PromptSent, Kind::ContextRetrieved, Kind::MemoryRead, Kind::ToolReturned],
        rules: &[Rule::Prm1, Rule::Mem2, Rule::Obs1],
    },
    Question {
        asks: "Is every tool call bound to a user goal, identity, policy decision, and expected outcome?",
        about: "no dispatch without a live permit for exactly this request",
        kinds: &[Kind::ToolProposed, Kind::ToolRequested, Kind::DecisionMade, Kind::EffectPlanned],
        rules: &[Rule::Pol1, Rule::Pol2, Rule::Tol3, Rule::Idn4, Rule::Obs1],
    },
    Question {
        asks: "Are credentials scoped to the task, short-lived, and auditable?",
        about: "bound to one call, no broader than the approved outcome needs, revoked when it has ended",
        kinds: CREDENTIALS,
        rules: &[Rule::Crd1, Rule::Crd2, Rule::Crd3, Rule::Run3],
    },
    Question {
        asks: "Are memory writes treated as state changes with provenance, owner, reason, and expiry?",
        about: "a write keeps the labels of what influenced it",
        kinds: &[Kind::MemoryWritten, Kind::MemoryDeleted, Kind::MemoryExpired],
        rules: &[Rule::Mem1, Rule::Mem3],
    },
    Question {
        asks: "Do approval gates show source context, risk, parameters, identity, and expected effect?",
        about: "the evidence is assembled by the machine and not by the agent",
        kinds: &[Kind::ApprovalRequested, Kind::ApprovalEvidence, Kind::ApprovalUnderReview],
        rules: &[Rule::Apr1, Rule::Apr2, Rule::Apr3, Rule::Tol6],
    },
    Question {
        asks: "Can cross-agent messages preserve origin, trust level, delegated scope, and downstream action?",
        about: "a message of another agent is data, and carries its label along",
        kinds: &[Kind::HandedOff, Kind::DelegationGranted, Kind::DelegationEnded],
        rules: &[Rule::Hnd1, Rule::Idn3],
    },
    Question {
        asks: "Can the system deny or revise actions when intent, authority, policy, or outcome is unclear?",
        about: "whatever is no live permit blocks",
        kinds: &[
            Kind::DecisionMade,
            Kind::ToolBlocked,
            Kind::GuardrailBlocked,
            Kind::ApprovalDenied,
            Kind::ApprovalRevised,
        ],
        rules: &[Rule::Pol1, Rule::Rsk1, Rule::Rsk2, Rule::Grd4],
    },
    Question {
        asks: "Can the organisation reconstruct the path from influence to outcome after an incident?",
        about: "from every effect the chain of causes reaches the goal",
        kinds: &[Kind::EffectExecuted, Kind::EffectVerified, Kind::ToolReturned, Kind::OutputReleased],
        rules: &[Rule::Obs1, Rule::Out1, Rule::Out2, Rule::Run2],
    },
    Question {
        asks: "Do evaluations test multi-step behaviour across tools, memory, approvals, and downstream systems?",
        about: "no run tells by itself: an evaluation is attached to it, or it is not",
        kinds: &[Kind::EvaluationAttached],
        rules: &[],
    },
];

/// The nine control layers.
pub(super) const LAYERS: &[Question] = &[
    Question {
        asks: "Identity and access",
        about: "Effective identity, role, scope, owner, delegated authority, and session or token lifetime.",
        kinds: &[Kind::RunOpened, Kind::DelegationGranted, Kind::DelegationEnded],
        rules: &[Rule::Idn1, Rule::Idn2, Rule::Idn3, Rule::Idn4],
    },
    Question {
        asks: "Policy decision",
        about: "Matched rule, risk factors, decision, reason, exception, and reviewer-facing explanation.",
        kinds: &[
            Kind::PolicyPinned,
            Kind::PolicyChanged,
            Kind::DecisionMade,
            Kind::ExceptionGranted,
            Kind::ExceptionEnded,
        ],
        rules: POLICY,
    },
    Question {
        asks: "Runtime guardrail",
        about: "Detection, transformation, blocked content, revised plan, and trace link.",
        kinds: &[
            Kind::GuardrailDetected,
            Kind::GuardrailTransformed,
            Kind::GuardrailBlocked,
            Kind::PlanProposed,
            Kind::PlanChecked,
            Kind::PlanRevised,
        ],
        rules: &[Rule::Grd1, Rule::Grd2, Rule::Grd3, Rule::Grd4],
    },
    Question {
        asks: "Tool broker",
        about: "Tool schema, parameters, caller, policy result, result, side effect, and retry or rollback path.",
        kinds: &[
            Kind::ToolRegistered,
            Kind::ToolProposed,
            Kind::ToolValidated,
            Kind::ToolRequested,
            Kind::ToolPreviewed,
            Kind::ToolDispatched,
            Kind::ToolReturned,
            Kind::ToolFailed,
            Kind::ToolBlocked,
            Kind::ToolUnknown,
        ],
        rules: &[Rule::Tol1, Rule::Tol2, Rule::Tol3, Rule::Tol4, Rule::Tol5, Rule::Tol6],
    },
    Question {
        asks: "Credential broker",
        about: "Credential type, scope, lifetime, binding, secret-handling decision, and revocation record.",
        kinds: CREDENTIALS,
        rules: &[Rule::Crd1, Rule::Crd2, Rule::Crd3],
    },
    Question {
        asks: "Memory and context",
        about: "Source, provenance, freshness, sensitivity, trust level, owner, expiry, and write reason.",
        kinds: &[
            Kind::ContextRetrieved,
            Kind::ContextSummarised,
            Kind::ContextBlocked,
            Kind::MemoryWritten,
            Kind::MemoryRead,
            Kind::MemoryDeleted,
            Kind::MemoryExpired,
        ],
        rules: &[Rule::Ctx1, Rule::Ctx2, Rule::Ctx3, Rule::Ctx4, Rule::Mem1, Rule::Mem2, Rule::Mem3],
    },
    Question {
        asks: "Observability and audit",
        about: "End-to-end trace, decision log, approval record, state change, outcome, and incident evidence.",
        kinds: &[
            Kind::RunOpened,
            Kind::RunClosed,
            Kind::PromptSent,
            Kind::PromptAnswered,
            Kind::IncidentOpened,
            Kind::IncidentClosed,
            Kind::ReviewHeld,
            Kind::RiskAccepted,
            Kind::EvaluationAttached,
        ],
        rules: &[
            Rule::Run1,
            Rule::Run2,
            Rule::Run3,
            Rule::Prm1,
            Rule::Prm2,
            Rule::Prm3,
            Rule::Hnd1,
            Rule::Obs1,
        ],
    },
    Question {
        asks: "Human approval",
        about: "Source context, risk summary, parameters, identity, expected effect, approver, timestamp, and decision.",
        kinds: &[
            Kind::ApprovalRequested,
            Kind::ApprovalEvidence,
            Kind::ApprovalUnderReview,
            Kind::ApprovalApproved,
            Kind::ApprovalDenied,
            Kind::ApprovalRevised,
            Kind::ApprovalExpired,
            Kind::ApprovalWithdrawn,
            Kind::ApprovalLogged,
        ],
        rules: &[Rule::Apr1, Rule::Apr2, Rule::Apr3, Rule::Apr4],
    },
    Question {
        asks: "Outcome control",
        about: "Final state, validation result, notification, rollback, containment, and business owner record.",
        kinds: &[
            Kind::EffectPlanned,
            Kind::EffectExecuted,
            Kind::EffectVerified,
            Kind::EffectReverted,
            Kind::EffectQuarantined,
            Kind::EffectCompensated,
            Kind::EffectNotified,
            Kind::OutputProduced,
            Kind::OutputReleased,
            Kind::OutputBlocked,
            Kind::LimitRead,
        ],
        rules: &[Rule::Out1, Rule::Out2, Rule::Out3, Rule::Out4, Rule::Lim1],
    },
];

/// What no trace proves, whatever this page says: SPEC.md, section 16.
pub(super) const NOT_PROVEN: &[&str] = &[
    "That the recorder told the truth about the outside world: a trace proves what was recorded, by whose key, and that it was not changed since.",
    "That nothing happened which was not recorded: a tool reached by another way than the broker leaves no record here.",
    "When it was sealed, beyond the word of whoever holds the key: without a witness a stolen key can back-date.",
    "That the person whose key approved was the one who held it.",
    "That a bundle decides as its authors meant it to: `rederive whatif` shows what another would have decided.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_five_questions_ten_of_review_and_nine_layers_and_none_is_asked_twice() {
        assert_eq!((FIVE.len(), REVIEW.len(), LAYERS.len()), (5, 10, 9));
        let mut asks: Vec<&str> =
            FIVE.iter().chain(REVIEW).chain(LAYERS).map(|question| question.asks).collect();
        asks.sort_unstable();
        asks.dedup();
        assert_eq!(asks.len(), 24);
    }

    #[test]
    fn every_rule_that_a_replay_judges_is_some_layers() {
        let of_layers: Vec<Rule> = LAYERS.iter().flat_map(|layer| layer.rules).copied().collect();
        // POL-4 is what replay at policy level is: no record breaches it.
        let left: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !of_layers.contains(rule)).collect();
        assert_eq!(left, [&Rule::Pol4]);
    }
}
