//! What a run puts to its policy, and who hears it.

use rederive_archive::ReadFault;
use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::record::Record;
use rederive_policy::PolicyRequest;
use rederive_policy::arguments::ArgumentsFault;

/// What can be asked about a call.
pub(crate) enum Question {
    /// The whole request.
    Whole(Box<PolicyRequest>),
    /// The arguments are larger than a policy is asked about: the answer is that of one that could not be evaluated.
    TooLarge(ArgumentsFault),
    /// The arguments are redacted: nobody can ask again.
    Redacted,
    /// What is asked about stands in a registry alone, and none is at hand.
    NoRegistry,
}

impl Question {
    pub(crate) fn of(request: Result<PolicyRequest, ArgumentsFault>) -> Self {
        match request {
            Ok(request) => Self::Whole(Box::new(request)),
            Err(fault) => Self::TooLarge(fault),
        }
    }
}

/// A question that a run puts to its policy.
pub(crate) struct Inquiry<'r> {
    /// The decision's record, or the proposal's.
    pub(crate) record: &'r Record,
    /// The call's number in the run; none where it was never proposed.
    pub(crate) call: Option<usize>,
    pub(crate) decision: Option<&'r DecisionMade>,
    /// The registry in force, by its digest.
    pub(crate) registry: Option<Digest>,
    pub(crate) question: Question,
}

/// Who hears what a run asks.
pub(crate) trait Visitor {
    /// A question, before its decision takes effect; one about a memory write when that comes.
    fn asked(&mut self, inquiry: Inquiry<'_>) -> Result<(), ReadFault>;

    /// A decision that is for no call, and of which nothing tells what it was asked for.
    fn asks_of_no_call(&mut self, _record: &Record) -> Result<(), ReadFault> {
        Ok(())
    }

    /// Every record, before it takes effect.
    fn passes(&mut self, _record: &Record) -> Result<(), ReadFault> {
        Ok(())
    }

    /// All that was heard so far stands in records that are verified: it may be answered.
    fn verified(&mut self) -> Result<(), ReadFault>;
}
