//! `governance`: exceptions, accepted risks, reviews, evaluations and incidents.

use crate::digest::Digest;
use crate::ids::{Content, Id, RecordedTime};
use crate::map;
use crate::schema::Given;
use crate::values::ScopeItem;

map! {
    /// `exception granted` (POL-7).
    pub struct ExceptionGranted {
        /// Its name.
        0 req exception: Id,
        /// Who granted it.
        1 req approver: Id,
        /// Why.
        2 req reason: Given<Content>,
        /// What it covers.
        3 req scope: Vec<ScopeItem>,
        /// When it ends.
        4 req expires: Given<RecordedTime>,
    }

    /// `exception ended`.
    pub struct ExceptionEnded {
        /// Its name.
        0 req exception: Id,
    }

    /// `risk accepted`.
    pub struct RiskAccepted {
        /// Its name.
        0 req risk: Id,
        /// Who accepts it.
        1 req owner: Id,
        /// Why.
        2 req reason: Given<Content>,
        /// Until when.
        3 opt expires: RecordedTime,
    }

    /// `review held`.
    pub struct ReviewHeld {
        /// Its name.
        0 req review: Id,
        /// Who held it.
        1 req reviewer: Id,
        /// What it found.
        2 opt findings: Content,
    }

    /// `evaluation attached`.
    pub struct EvaluationAttached {
        /// Its name.
        0 req evaluation: Id,
        /// Digest of the evaluated version.
        1 req subject: Given<Digest>,
        /// The result.
        2 req result: Content,
    }

    /// `incident opened`.
    pub struct IncidentOpened {
        /// Its name.
        0 req incident: Id,
        /// What happened.
        1 req description: Content,
        /// Who answers for it.
        2 req owner: Given<Id>,
    }

    /// `incident closed`.
    pub struct IncidentClosed {
        /// Its name.
        0 req incident: Id,
        /// How.
        1 opt resolution: Content,
    }
}
