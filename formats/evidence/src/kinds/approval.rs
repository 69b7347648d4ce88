//! `approval`: a person decides with the evidence before them.

use crate::digest::Digest;
use crate::ids::{Content, Id, RecordRef, RecordedTime, Signature};
use crate::map;
use crate::schema::Given;
use crate::values::Place;

map! {
    /// `approval requested` (APR-1).
    pub struct ApprovalRequested {
        /// Its name; the same when it is requested again after a revision.
        0 req approval: Id,
        /// The request it is for.
        1 req request: Id,
        /// The call it is for.
        2 opt call: Place,
        /// Digest of the request that the approval covers (APR-4).
        3 req covers: Digest,
        /// When it ends.
        4 req expires: Given<RecordedTime>,
    }

    /// `approval evidence assembled` (APR-2).
    pub struct ApprovalEvidence {
        /// Its name.
        0 req approval: Id,
        /// The goal.
        1 req goal: Given<Content>,
        /// Records that influenced the request.
        2 req influences: Vec<RecordRef>,
        /// Action, parameters and downstream system.
        3 req action: Given<Content>,
        /// Effective identity.
        4 req identity: Given<Id>,
        /// Credential scope.
        5 req credential: Given<Content>,
        /// Matched policy, risk and uncertainty: the decision's record.
        6 req decision: Given<RecordRef>,
        /// Expected effect.
        7 req expected_effect: Given<Content>,
        /// Rollback path.
        8 req rollback: Given<Content>,
        /// Who answers for the outcome.
        9 req owner: Given<Id>,
    }

    /// `approval under review`: shown to a person.
    pub struct ApprovalUnderReview {
        /// Its name.
        0 req approval: Id,
        /// Who reviews.
        1 req reviewer: Id,
        /// Digest of what was shown.
        2 req shown: Digest,
    }

    /// The approver's word, signed.
    pub struct ApproverWord {
        /// Who.
        0 req approver: Id,
        /// Digest of what was shown.
        1 req shown: Given<Digest>,
        /// Signature over request digest, place and expiry (APR-3).
        2 opt signature: Signature,
    }

    /// `approval approved` (APR-3).
    pub struct ApprovalApproved {
        /// Its name.
        0 req approval: Id,
        /// Who said so.
        1 req word: ApproverWord,
    }

    /// `approval denied`.
    pub struct ApprovalDenied {
        /// Its name.
        0 req approval: Id,
        /// Who said so.
        1 req word: ApproverWord,
        /// Why.
        2 req reason: Given<Content>,
    }

    /// `approval revised`: changes are asked for.
    pub struct ApprovalRevised {
        /// Its name.
        0 req approval: Id,
        /// Who said so.
        1 req word: ApproverWord,
        /// What is to change.
        2 req changes: Given<Content>,
    }

    /// `approval expired`.
    pub struct ApprovalExpired {
        /// Its name.
        0 req approval: Id,
    }

    /// `approval withdrawn`.
    pub struct ApprovalWithdrawn {
        /// Its name.
        0 req approval: Id,
        /// Why.
        1 opt reason: Content,
    }

    /// `approval logged`: linked to the trace; the end of an answered one.
    pub struct ApprovalLogged {
        /// Its name.
        0 req approval: Id,
        /// The record that answered it.
        1 req answer: RecordRef,
    }
}
