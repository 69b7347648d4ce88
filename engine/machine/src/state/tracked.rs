//! What the state tracks of approvals, credentials, effects and outputs, each from its first record to its end. Since rule set 2.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::values::{EffectsClass, Label, Place, ScopeItem, StandingGrant};
use rederive_evidence::{codes, map};

codes! {
    /// Where an approval stands (APR-1). Spec: approval-steps.
    pub enum ApprovalStatus {
        /// Somebody has asked for it.
        Requested = 0 "requested",
        /// What a person needs to decide is together.
        Assembled = 1 "evidence-assembled",
        /// It was shown to a person.
        UnderReview = 2 "under-review",
        /// That person said yes.
        Approved = 3 "approved",
        /// That person said no.
        Denied = 4 "denied",
        /// That person asked for changes.
        Revised = 5 "revised",
        /// Its end came first.
        Expired = 6 "expired",
        /// Nobody needs it any more.
        Withdrawn = 7 "withdrawn",
    }

    /// Where an effect stands (OUT-1, OUT-2). Spec: effect-steps.
    pub enum EffectStatus {
        /// It is expected of a call that was not dispatched.
        Planned = 0 "planned",
        /// Its call was dispatched.
        UnderWay = 1 "under-way",
        /// It was seen.
        Executed = 2 "executed",
        /// It was found to be otherwise than expected, or could not be observed.
        Mismatched = 3 "mismatched",
    }
}

map! {
    /// An approval. It stays for good, so that its name never stands for another one.
    pub struct TrackedApproval {
        /// Where it stands.
        0 req status: ApprovalStatus,
        /// Its answer is linked to the trace.
        1 req logged: bool,
        /// It has served its request.
        2 req used: bool,
        /// Some record of it breaches a rule.
        3 req breached: bool,
        /// Who asked for it.
        4 req requester: Id,
        /// `request` digest of what it covers.
        5 req covers: Digest,
        /// The call it is for.
        6 opt call: Place,
        /// When it ends.
        7 opt expires: RecordedTime,
        /// The scope item that it was first asked for.
        8 opt scope: ScopeItem,
        /// Whom it was shown to.
        9 opt reviewer: Id,
        /// Digest of what was shown.
        10 opt shown: Digest,
    }

    /// A credential that is neither revoked nor expired on record.
    pub struct TrackedCredential {
        /// When it ends.
        0 opt expires: RecordedTime,
        /// The call it is bound to: its own, else that of its approval. Without one it is reusable.
        1 opt call: Place,
        /// What it allows, ascending.
        2 req scope: Vec<ScopeItem>,
        /// Surfaces it opens, ascending.
        3 req surfaces: Vec<Id>,
    }

    /// An effect that is not resolved.
    pub struct TrackedEffect {
        /// Where it stands.
        0 req status: EffectStatus,
        /// Its call.
        1 req call: Place,
        /// Plan and registry both say that it can be undone.
        2 req reversible: bool,
        /// How it is undone is on record.
        3 req rollback: bool,
        /// How it is contained is on record.
        4 req containment: bool,
        /// Observed and expected state were compared.
        5 req verified: bool,
        /// Who answers for it.
        6 opt owner: Id,
        /// Commitment of what is expected.
        7 opt expected: Digest,
        /// Commitment of what was observed.
        8 opt observed: Digest,
        /// Amount at most, as planned, millionths.
        9 opt amount_micros: u64,
        /// The standing grant that it is drawn from.
        10 opt grant: Id,
    }

    /// What the principal allowed beforehand, less what was drawn from it (OUT-3).
    #[derive(Copy)]
    pub struct Grant {
        /// The class of effect.
        0 req action: EffectsClass,
        /// Commitment of the destination that the user named.
        1 opt destination: Digest,
        /// Amount that is left, millionths; absent: no amount is limited.
        2 opt amount_micros_left: u64,
        /// Uses that are left.
        3 req count_left: u32,
    }

    /// An output that was produced, or is the form that a guardrail put in the place of one.
    #[derive(Copy)]
    pub struct ProducedOutput {
        /// Its label.
        0 req label: Label,
        /// A guardrail has looked at it.
        1 req inspected: bool,
        /// It was blocked.
        2 req blocked: bool,
    }
}

impl TrackedApproval {
    /// Whether it still has to be answered, or its answer to be logged. Spec: approval-steps.
    pub fn is_open(&self) -> bool {
        match self.status {
            ApprovalStatus::Expired | ApprovalStatus::Withdrawn => false,
            ApprovalStatus::Approved
            | ApprovalStatus::Denied
            | ApprovalStatus::Requested
            | ApprovalStatus::Assembled
            | ApprovalStatus::UnderReview
            | ApprovalStatus::Revised => !self.logged,
        }
    }
}

impl Grant {
    /// What an opening record grants. `destination` is the commitment of the destination that it names.
    pub(crate) fn of(grant: &StandingGrant, destination: Option<Digest>) -> Self {
        Self {
            action: grant.action,
            destination,
            amount_micros_left: grant.amount_micros_max,
            count_left: grant.count_max,
        }
    }
}
