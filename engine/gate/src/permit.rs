//! A live PERMIT: the only thing that a dispatch can be made of.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RecordedTime;

use crate::reliance::Relied;

/// A PERMIT that is on record with its receipt. Made by the gate alone, for one request; used up by the dispatch, whose record follows it in the log
/// and is durable, and the permit with it, before the tool is called.
#[derive(Debug)]
pub(crate) struct Permit {
    decision: u64,
    covers: Digest,
    expires: Option<RecordedTime>,
    reliance: Relied,
}

/// A permit that was used up.
#[derive(Debug)]
pub(crate) struct Spent {
    decision: u64,
}

impl Permit {
    /// The permit of a decision that was recorded, durably, as PERMIT and EXECUTED.
    pub(crate) fn new(
        decision: u64,
        covers: Digest,
        expires: Option<RecordedTime>,
        reliance: Relied,
    ) -> Self {
        Self { decision, covers, expires, reliance }
    }

    /// Number of the decision's record.
    pub(crate) fn decision(&self) -> u64 {
        self.decision
    }

    /// `request` digest of what it covers.
    pub(crate) fn covers(&self) -> Digest {
        self.covers
    }

    /// When it ends.
    pub(crate) fn expires(&self) -> Option<RecordedTime> {
        self.expires
    }

    /// What it relies on.
    pub(crate) fn reliance(&self) -> &Relied {
        &self.reliance
    }

    /// Uses the permit up. Called when the record of the dispatch is durable, and nowhere else.
    pub(crate) fn spend(self) -> Spent {
        Spent { decision: self.decision }
    }
}

impl Spent {
    pub(crate) fn decision(&self) -> u64 {
        self.decision
    }
}
