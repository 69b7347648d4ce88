//! Effects: what a call is expected to change, what it did change, and what is done where the two differ (OUT).

use rederive_evidence::ids::Id;

use super::{CallFacts, Failure, Payload, ToolReply};
use crate::outcome::{Compared, LACKS_FIELDS};

/// Knows the system in which calls take effect. Asked for calls above `read` alone.
pub trait Effects: Send + Sync {
    /// What is expected of a call, and what is ready should it go wrong. None: nothing is known of such calls.
    ///
    /// # Errors
    /// It could not tell: the call is blocked.
    fn expect(&self, call: &CallFacts) -> Result<Option<Expectation>, Failure>;

    /// Whether what it expects follows from the call by computing alone, in bounded steps: then it is asked that on the call's own thread.
    fn expects_by_computing(&self) -> bool {
        false
    }

    /// Whether observing ends within [`Times::effects`](crate::Times::effects) by its own doing: then it is asked that on the call's own thread.
    fn observes_in_time(&self) -> bool {
        false
    }

    /// What can be seen of the effect after the call, looked up in the system itself and not taken from the reply where that can be helped.
    ///
    /// # Errors
    /// It could not be observed, which is recorded as that.
    fn observe(&self, call: &CallFacts, reply: &ToolReply) -> Result<Observation, Failure>;

    /// Undoes the effect.
    ///
    /// # Errors
    /// It stands as it is.
    fn roll_back(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure>;

    /// Keeps the effect from spreading.
    ///
    /// # Errors
    /// It stands as it is.
    fn quarantine(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure>;

    /// Makes up for the effect.
    ///
    /// # Errors
    /// It stands as it is.
    fn compensate(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure>;

    /// Tells the owner. The last resort, tried where nothing else was done.
    ///
    /// # Errors
    /// They were not told.
    fn notify(&self, call: &CallFacts, owner: &Id, notice: &Payload) -> Result<(), Failure>;
}

/// What is expected of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// The system it happens in.
    pub system: Id,
    /// What is expected. Of a tool with a preview the gate expects what was previewed, in place of this.
    pub expected: Payload,
    /// What of it the gate records and compares with what is observed. Listed fields that are not all there are no expectation: the call is blocked.
    pub compared: Compared,
    /// How it is undone.
    pub rollback: Option<Payload>,
    /// How it is contained.
    pub containment: Option<Payload>,
    /// Who answers for it.
    pub owner: Id,
    /// Amount at most, millionths.
    pub amount_micros: Option<u64>,
}

impl Expectation {
    /// The same, in the form in which it is recorded.
    pub(crate) fn recorded(self) -> Result<Self, Failure> {
        let expected = self.compared.of_expected(&self.expected).ok_or(LACKS_FIELDS)?;
        Ok(Self { expected, ..self })
    }
}

/// What was observed of an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What was seen. The gate records of it what [`Expectation::compared`] says, and takes it as expected where that has the very bytes of what is
    /// recorded as expected. Nobody can say that it is as expected where those bytes differ.
    pub observed: Payload,
    /// Whether it is another effect all the same, where those bytes are equal.
    pub is_other: bool,
    /// Amount, millionths.
    pub amount_micros: Option<u64>,
}

/// Something done about an effect that is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// This was done.
    Done(Option<Payload>),
    /// There is no such way for this call: the next one is tried.
    NotOffered,
}
