//! Who answers requests again: policies that are handed in. This crate knows no engine.

use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_policy::assemble::unanswerable;
use rederive_policy::{Archive, Compiled, Judgement, PolicyRequest, Registry};

use crate::calls::Registries;
use crate::inquiry::Question;

/// A policy bundle, ready to judge. The same request has the same answer.
pub trait Judge: Send + Sync {
    /// What its policies say, before the risk table is asked.
    fn judge(&self, request: &PolicyRequest) -> Judgement;

    /// The engine, and its version.
    fn engine(&self) -> (&Id, &Id);
}

impl Judge for Compiled {
    fn judge(&self, request: &PolicyRequest) -> Judgement {
        Self::judge(self, request)
    }

    fn engine(&self) -> (&Id, &Id) {
        (Self::engine(self), self.engine_version())
    }
}

/// Where the bundles and registries that runs pin are found, by digest.
pub trait Pinned: Registries {
    /// The bundle with this digest; none: it is not at hand.
    fn bundle(&self, digest: &Digest) -> Option<Arc<dyn Judge>>;
}

impl Registries for Archive {
    fn registry(&self, pinned: Option<&Digest>) -> Option<Arc<Registry>> {
        Self::registry(self, pinned?)
    }
}

impl Pinned for Archive {
    fn bundle(&self, digest: &Digest) -> Option<Arc<dyn Judge>> {
        Self::bundle(self, digest).map(|ready| ready as Arc<dyn Judge>)
    }
}

/// The answer to a question, no weaker than its risk asks; none where nobody can ask again.
pub(crate) fn answer(judge: &dyn Judge, question: &Question) -> Option<Judgement> {
    match question {
        Question::Whole(request) => Some(judge.judge(request).raised(request)),
        Question::TooLarge(fault) => Some(unanswerable(*fault)),
        Question::Redacted | Question::NoRegistry => None,
    }
}
