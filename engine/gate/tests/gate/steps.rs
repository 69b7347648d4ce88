//! The records that a call leaves, in order: what the gate's traces are compared with, and the model of `tests/protocol`.

use rederive_evidence::kinds::Kind;

/// A permitted call with an effect, under a credential.
pub(crate) const CALL: [Kind; 13] = [
    Kind::ToolProposed,
    Kind::GuardrailDetected,
    Kind::ToolValidated,
    Kind::ToolRequested,
    Kind::DecisionMade,
    Kind::CredentialIssued,
    Kind::EffectPlanned,
    Kind::CredentialUsed,
    Kind::ToolDispatched,
    Kind::ToolReturned,
    Kind::EffectExecuted,
    Kind::EffectVerified,
    Kind::CredentialRevoked,
];

/// What comes before the decision under which a held call goes on: the decision that holds it, and its approval.
pub(crate) const APPROVAL: [Kind; 6] = [
    Kind::DecisionMade,
    Kind::ApprovalRequested,
    Kind::ApprovalEvidence,
    Kind::ApprovalUnderReview,
    Kind::ApprovalApproved,
    Kind::ApprovalLogged,
];
