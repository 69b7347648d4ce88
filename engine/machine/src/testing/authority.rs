//! Approvals, credentials, effects and outputs under rule set 2: acts that keep every rule, each of one name.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, Id, RecordRef, Signature};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{
    ApprovalApproved, ApprovalDenied, ApprovalEvidence, ApprovalExpired, ApprovalLogged, ApprovalRequested,
    ApprovalRevised, ApprovalUnderReview, ApprovalWithdrawn, ApproverWord,
};
use rederive_evidence::kinds::credential::{
    CredentialExpired, CredentialIssued, CredentialRevoked, CredentialType, CredentialUsed, RevokeReason,
    SecretHandling,
};
use rederive_evidence::kinds::decision::{Decision, Directive, Enforcement, ReasonCode};
use rederive_evidence::kinds::downstream::{
    EffectCompensated, EffectExecuted, EffectMatch, EffectNotified, EffectQuarantined, EffectReverted,
    EffectVerified,
};
use rederive_evidence::kinds::output::{OutputProduced, OutputReleased, Recipient};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Origin, Place, Sensitivity};

use super::{Made, Trial, commitment, dispatch, id, place, redecided, scope_item};
use crate::{ApprovalStatus, CallStatus};

/// How long an approval of [`Trial::asking`] lives.
pub const APPROVAL_MS: u64 = 30_000;
/// How long a credential of [`Trial::issuing`] lives.
pub const CREDENTIAL_MS: u64 = 20_000;

/// The name of the approvals that these acts are about.
pub fn approval() -> Id {
    id("approval-1")
}

/// The name of the credentials that these acts are about.
pub fn credential() -> Id {
    id("key-1")
}

/// The name that [`super::planning`] gives the effect of the call at this place.
pub fn effect_of(place: &Place) -> Id {
    id(&format!("effect-{}-{}", place.turn, place.index))
}

impl Trial {
    /// The gate's answer that a person has to approve the requested call at this place.
    pub fn holding(&self, place: &Place) -> Made {
        redecided(self.judgement(place), |body| {
            body.decision = Decision::Silence;
            body.directive = Directive::RequireApproval;
            body.reason = ReasonCode::ApprovalNeeded;
            body.enforcement = Enforcement::Blocked;
            body.expires = None;
        })
    }

    /// The gate's permit of the call at this place under the approval.
    pub fn approved_judgement(&self, place: &Place) -> Made {
        redecided(self.judgement(place), |body| {
            body.reason = ReasonCode::Approved;
            body.approval = Some(approval());
        })
    }

    /// `approval.requested` of the request that stands decided with the call at this place.
    ///
    /// # Panics
    /// None does.
    #[allow(clippy::expect_used, reason = "a test asks for calls that it made")]
    pub fn asking(&self, place: &Place) -> Made {
        let decided = self.machine.state().decision(place).expect("a decision on the call");
        self.asking_for(Some(place.clone()), decided.request)
    }

    /// `approval.requested` of the request with this digest.
    pub fn asking_for(&self, call: Option<Place>, covers: Digest) -> Made {
        let body = ApprovalRequested {
            approval: approval(),
            request: id("request-1"),
            call,
            covers,
            expires: Given::Known(self.now.plus_ms(APPROVAL_MS)),
        };
        Made::new("gate", body).because([0])
    }

    /// The steps that bring an approval of the held call at this place to `status`, by the approver; `decision` is the record that holds it. The
    /// number of the last.
    pub fn approval_to(&mut self, status: ApprovalStatus, place: &Place, decision: u64) -> u64 {
        let mut last = self.give(self.asking(place));
        if status >= ApprovalStatus::Assembled {
            last = self.give(assembling(decision).because([last, decision]));
        }
        if status >= ApprovalStatus::UnderReview {
            last = self.give(reviewing("approver").because([last]));
        }
        let answer = match status {
            ApprovalStatus::Requested | ApprovalStatus::Assembled | ApprovalStatus::UnderReview => {
                return last;
            }
            ApprovalStatus::Approved => approving(),
            ApprovalStatus::Denied => denying(),
            ApprovalStatus::Revised => revising(),
            ApprovalStatus::Expired => {
                self.now = self.now.plus_ms(APPROVAL_MS);
                expiring()
            }
            ApprovalStatus::Withdrawn => withdrawing(),
        };
        self.give(answer.because([last]))
    }

    /// A run whose only call, of `tool`, is held for approval; the number of the decision that holds it.
    pub fn held(tool: &str) -> (Self, u64) {
        let mut trial = Self::gated_at(CallStatus::Requested, tool);
        let place = place(0, 0);
        if tool != "search" {
            trial.give(super::planning(&place, trial.class_of(tool)));
        }
        let held = trial.give(trial.holding(&place));
        (trial, held)
    }

    /// A run whose only call, of the tool `mail`, is held for an approval that has come so far.
    pub fn held_at(status: ApprovalStatus) -> Self {
        let (mut trial, held) = Self::held("mail");
        trial.approval_to(status, &place(0, 0), held);
        trial
    }

    /// The registered class of a tool; `read` where none is.
    pub fn class_of(&self, tool: &str) -> EffectsClass {
        let effects = self.machine.state().tool(&id(tool)).and_then(|tool| tool.effects);
        effects.unwrap_or(EffectsClass::Read)
    }

    /// `credential.issued` for the call at this place, for what was decided on it.
    pub fn issuing(&self, place: &Place, tool: &str) -> Made {
        let body = CredentialIssued {
            credential: credential(),
            credential_type: CredentialType::Token,
            scope: vec![scope_item(tool, self.class_of(tool))],
            surfaces: vec![id("api")],
            expires: Given::Known(self.now.plus_ms(CREDENTIAL_MS)),
            call: Some(place.clone()),
            approval: None,
            handling: Given::Known(SecretHandling::BrokerHeld),
        };
        Made::new("vault", body).because([0])
    }

    /// A run whose only call, of `tool`, was dispatched, and whose planned effect was seen.
    pub fn executed(tool: &str) -> Self {
        let mut trial = Self::gated_at(CallStatus::Dispatched, tool);
        trial.give(executing(&place(0, 0)));
        trial
    }

    /// A run in which an output with the text "done" was produced under this label, and looked at.
    pub fn with_output(label: rederive_evidence::values::Label) -> Self {
        let mut trial = Self::gated();
        trial.give(producing("done").labelled(label));
        trial.give(looking("done"));
        trial
    }
}

/// `approval.evidence-assembled`, which shows the held call and the decision on it.
pub fn assembling(decision: u64) -> Made {
    let body = ApprovalEvidence {
        approval: approval(),
        goal: Given::Known(Content(0)),
        influences: vec![RecordRef(decision)],
        action: Given::Known(Content(1)),
        identity: Given::Known(id("agent")),
        credential: Given::Known(Content(2)),
        decision: Given::Known(RecordRef(decision)),
        expected_effect: Given::Known(Content(3)),
        rollback: Given::Known(Content(4)),
        owner: Given::Known(id("owner")),
    };
    Made::new("gate", Box::new(body)).with(["the goal", "arguments", "a scope", "an effect", "the way back"])
}

/// `approval.under-review`: it was shown to this actor.
pub fn reviewing(reviewer: &str) -> Made {
    let shown = commitment("what was shown");
    Made::new("gate", ApprovalUnderReview { approval: approval(), reviewer: id(reviewer), shown })
}

/// The approver's word, signed, on what was shown.
pub fn word(approver: &str) -> ApproverWord {
    ApproverWord {
        approver: id(approver),
        shown: Given::Known(commitment("what was shown")),
        signature: Some(Signature([3; 64])),
    }
}

/// `approval.approved` by the approver.
pub fn approving() -> Made {
    let body = ApprovalApproved { approval: approval(), word: word("approver") };
    Made::new("approver", body).from(Origin::Human)
}

/// `approval.denied` by the approver.
pub fn denying() -> Made {
    let reason = Given::Known(Content(0));
    let body = ApprovalDenied { approval: approval(), word: word("approver"), reason };
    Made::new("approver", body).with(["not this"]).from(Origin::Human)
}

/// `approval.revised` by the approver.
pub fn revising() -> Made {
    let changes = Given::Known(Content(0));
    let body = ApprovalRevised { approval: approval(), word: word("approver"), changes };
    Made::new("approver", body).with(["less of it"]).from(Origin::Human)
}

/// `approval.expired`.
pub fn expiring() -> Made {
    Made::new("gate", ApprovalExpired { approval: approval() })
}

/// `approval.withdrawn`.
pub fn withdrawing() -> Made {
    Made::new("gate", ApprovalWithdrawn { approval: approval(), reason: None })
}

/// `approval.logged`: this record answers it.
pub fn logging(answer: u64) -> Made {
    Made::new("gate", ApprovalLogged { approval: approval(), answer: RecordRef(answer) })
}

/// `credential.used` by the call at this place.
pub fn using(place: &Place) -> Made {
    let surface = Given::Known(id("api"));
    Made::new("broker", CredentialUsed { credential: credential(), call: place.clone(), surface })
}

/// `credential.revoked`.
pub fn revoking() -> Made {
    let body = CredentialRevoked { credential: credential(), reason: RevokeReason::Done, detail: None };
    Made::new("vault", body)
}

/// `credential.expired`.
pub fn lapsing() -> Made {
    Made::new("vault", CredentialExpired { credential: credential() })
}

/// `downstream.executed`: the planned effect of the call at this place was seen.
pub fn executing(place: &Place) -> Made {
    let body = EffectExecuted {
        effect: effect_of(place),
        call: place.clone(),
        observed: Given::Known(Content(0)),
        amount_micros: None,
    };
    Made::new("mailer", body).with(["an effect"]).because([0])
}

/// `downstream.verified` of the planned effect of the call at this place, with what was expected beside what was observed.
pub fn verifying(place: &Place, result: EffectMatch, observed: &str) -> Made {
    let body = EffectVerified {
        effect: effect_of(place),
        result,
        expected: Given::Known(commitment("an effect")),
        observed: Given::Known(commitment(observed)),
    };
    Made::new("operator", body)
}

/// The records that something was done about the effect of the call at this place: undone, contained, made good, told.
pub fn resolving(place: &Place) -> [Made; 4] {
    let (effect, detail) = (effect_of(place), None);
    let bodies: [Body; 4] = [
        EffectReverted { effect: effect.clone(), detail }.into(),
        EffectQuarantined { effect: effect.clone(), detail }.into(),
        EffectCompensated { effect: effect.clone(), detail }.into(),
        EffectNotified { effect, owner: id("owner"), notice: None }.into(),
    ];
    bodies.map(|body| Made::new("operator", body))
}

/// `output.produced` with this text.
pub fn producing(text: &str) -> Made {
    Made::new("agent", OutputProduced { output: Content(0) }).with([text]).because([0])
}

/// A guardrail's look at a content that is no call's.
pub fn looking(text: &str) -> Made {
    let mut made = super::inspection(&place(0, 0), text, &[]);
    made.input.place = None;
    made
}

/// `output.released` of the output with this text, to a recipient who is cleared so far.
pub fn releasing(text: &str, clearance: Sensitivity) -> Made {
    let recipient = Recipient { id: id("reader"), clearance: Given::Known(clearance) };
    let body = OutputReleased { output: commitment(text), recipients: vec![recipient], bytes_out: Some(4) };
    Made::new("agent", body).because([0])
}

/// The dispatch of a call of `tool` at this place, in its turn.
pub fn dispatching(place: &Place, tool: &str) -> Made {
    dispatch(place, tool).because([0])
}
