//! The calls of a run: what they were, and how they ended.

use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Kind;
use rederive_policy::Registry;

/// How a call ended, as far as the records tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallEnd {
    /// The tool gave a result.
    Returned,
    /// The tool was called, and it failed.
    Failed,
    /// The tool was not called.
    Blocked,
    /// The tool was called, and nobody knows how that ended.
    Unknown,
    /// No record tells.
    Open,
}

impl CallEnd {
    /// The end that a record of this kind is.
    pub(crate) fn of(kind: Kind) -> Option<Self> {
        let ends = [
            (Kind::ToolReturned, Self::Returned),
            (Kind::ToolFailed, Self::Failed),
            (Kind::ToolBlocked, Self::Blocked),
            (Kind::ToolUnknown, Self::Unknown),
        ];
        ends.into_iter().find(|(of, _)| *of == kind).map(|(_, end)| end)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Returned => "returned",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Open => "open",
        }
    }
}

/// A call of a run.
#[derive(Clone, Debug)]
pub struct RunCall {
    /// Record of the proposal.
    pub record: u64,
    /// The tool.
    pub tool: Id,
    /// How it ended.
    pub end: CallEnd,
}

/// Where registries are found.
pub trait Registries: Sync {
    /// The registry for runs that pin this one; none: it is not at hand.
    fn registry(&self, pinned: Option<&Digest>) -> Option<Arc<Registry>>;
}

impl Registries for Arc<Registry> {
    /// This one for every run.
    fn registry(&self, _: Option<&Digest>) -> Option<Arc<Registry>> {
        Some(Self::clone(self))
    }
}
