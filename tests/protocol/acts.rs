//! The records that the gate makes of one call, as the machine's own tests make them, named after the call.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{Decision, Directive, Enforcement, ReasonCode};
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::policy::PolicyChanged;
use rederive_evidence::kinds::tool::{ToolBlocked, ToolUnknown, UnknownReason};
use rederive_evidence::values::{EffectsClass, Place};
use rederive_machine::testing::authority as paper;
use rederive_machine::testing::{Made, Trial, commitment, dispatch, id, planning, redecided, result};

/// The tool that is called: it sends, so that a wrong call cannot be taken back.
pub(crate) const TOOL: &str = "mail";

/// The name of the approval of the call at this place.
pub(crate) fn approval_of(place: &Place) -> Id {
    id(&format!("approval-{}-{}", place.turn, place.index))
}

/// The name of the credential of the call at this place.
pub(crate) fn credential_of(place: &Place) -> Id {
    id(&format!("credential-{}-{}", place.turn, place.index))
}

/// What the gate answers to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Permit,
    /// A person is to be asked.
    Hold,
    Deny,
}

/// A record of the protocol, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Says {
    Decision {
        answer: Answer,
        approved: bool,
    },
    Asked,
    Assembled {
        decision: u64,
    },
    UnderReview,
    Approved,
    Denied,
    Expired,
    Withdrawn,
    Logged {
        answer: u64,
    },
    Issued,
    Planned,
    Used,
    Dispatched,
    Returned,
    Unknown(UnknownReason),
    Blocked,
    /// By the gate.
    Revoked,
    /// By somebody else.
    RevokedFromOutside,
    PolicyChanged,
}

/// The record of the call at this place that says this, where the run stands so.
pub(crate) fn made(trial: &Trial, place: &Place, says: Says) -> Made {
    let made = match says {
        Says::Decision { answer, approved } => return decision(trial, place, answer, approved),
        Says::Asked => trial.asking(place),
        Says::Assembled { decision } => paper::assembling(decision).because([decision]),
        Says::UnderReview => paper::reviewing("approver").because([0]),
        Says::Approved => paper::approving().because([0]),
        Says::Denied => paper::denying().because([0]),
        Says::Expired => paper::expiring().because([0]),
        Says::Withdrawn => paper::withdrawing().because([0]),
        Says::Logged { answer } => paper::logging(answer).because([answer]),
        Says::Issued => trial.issuing(place, TOOL),
        Says::Planned => planning(place, EffectsClass::Send).because([0]),
        Says::Used => paper::using(place).because([0]),
        Says::Dispatched => dispatch(place, TOOL).because([0]),
        Says::Returned => result(place, "done").because([0]),
        Says::Unknown(reason) => Made::new("broker", ToolUnknown { reason }).at(place.clone()).because([0]),
        Says::Blocked => {
            let body = ToolBlocked { reason: BlockReason::Fault, notice: None };
            Made::new("broker", body).at(place.clone()).because([0])
        }
        Says::Revoked | Says::RevokedFromOutside => paper::revoking().because([0]),
        Says::PolicyChanged => {
            let bundle = Some(commitment("another bundle"));
            let body = PolicyChanged { bundle, registry: None, reason: None };
            Made::new("administrator", body).because([0])
        }
    };
    of_call(made, place)
}

/// `decision.made`, under the approval where there is one.
fn decision(trial: &Trial, place: &Place, answer: Answer, approved: bool) -> Made {
    let made = match answer {
        Answer::Permit => trial.judgement(place),
        Answer::Hold => trial.holding(place),
        Answer::Deny => redecided(trial.judgement(place), |body| {
            body.decision = Decision::Deny;
            body.directive = Directive::None;
            body.reason = ReasonCode::BundleFault;
            body.enforcement = Enforcement::Blocked;
            body.expires = None;
        }),
    };
    redecided(made, |body| {
        body.approval = approved.then(|| approval_of(place));
        if approved && answer == Answer::Permit {
            body.reason = ReasonCode::Approved;
        }
    })
    .because([0])
}

/// Gives approval and credential the names that they have with this call.
fn of_call(mut made: Made, place: &Place) -> Made {
    let (approval, credential) = (approval_of(place), credential_of(place));
    let body = &mut made.input.body;
    if let Body::ApprovalRequested(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalEvidence(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalUnderReview(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalApproved(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalDenied(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalExpired(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalWithdrawn(body) = body {
        body.approval = approval;
    } else if let Body::ApprovalLogged(body) = body {
        body.approval = approval;
    } else if let Body::CredentialIssued(body) = body {
        body.credential = credential;
    } else if let Body::CredentialUsed(body) = body {
        body.credential = credential;
    } else if let Body::CredentialRevoked(body) = body {
        body.credential = credential;
    }
    made
}
