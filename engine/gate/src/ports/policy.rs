//! The policy engine under its pinned bundle: a computation over what it is handed, and nothing else.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Directive;
use rederive_policy::{Judgement, PolicyRequest};

use super::Failure;

/// A bundle, ready to judge.
pub trait Policy: Send + Sync {
    /// Digest of the bundle. Where it is not the run's, every request is denied.
    fn bundle(&self) -> Digest;

    /// Digest of the registry that the bundle was written for, where it was written for one: a run that pins another is not opened.
    fn registry(&self) -> Option<Digest> {
        None
    }

    /// The engine, and its version.
    fn engine(&self) -> (Id, Id);

    /// Whether it answers by computing alone, and in steps that are bounded by policies and request: then it is asked on the call's own thread.
    /// Whatever waits, or may run on, is asked on another, and not longer than it may take. One that took too long has denied either way.
    fn only_computes(&self) -> bool {
        false
    }

    /// What it says to a request, no weaker than the request's risk asks.
    ///
    /// # Errors
    /// It could not say: the request is denied.
    fn judge(&self, request: &PolicyRequest) -> Result<Judgement, Failure>;

    /// What a policy of the bundle says to a person who reads it; none where that is not known.
    fn says(&self, _rule: &Id) -> Option<PolicySays> {
        None
    }

    /// Whether this person may approve such a request for its tenant (APR-3).
    fn entitles(&self, approver: &Id, request: &PolicyRequest) -> bool;

    /// Whether an approval without a signature suffices for such a request.
    fn takes_unsigned(&self, _request: &PolicyRequest) -> bool {
        false
    }
}

/// What a policy says to a person who has to answer for what it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySays {
    /// Whether it forbids.
    pub forbids: bool,
    /// What is to be done where it matches.
    pub directive: Directive,
    /// Its own words, where it has any.
    pub text: Option<String>,
}
