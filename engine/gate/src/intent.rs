//! What a planner asks for.

use rederive_evidence::ids::Id;
use rederive_evidence::record::Causes;
use rederive_evidence::values::{Origin, Place, TraceContext};

use crate::ports::Payload;

/// A call that a planner asks for, and nothing of what the gate finds out itself: identity, surface, class and scope come from the run and the
/// registry, whatever the model says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The tool.
    pub tool: Id,
    /// The arguments, exactly as the model wrote them: JSON.
    pub arguments: Payload,
    /// Where the call stands: its agent, that agent's turn and the index in the model's list of calls.
    pub place: Place,
    /// The records that led to it: the answer that asks for it, at least.
    pub causes: Causes,
    /// Who wrote it: the model, or a program.
    pub origin: Origin,
    /// The effect expected.
    pub expected_effect: Option<Payload>,
    /// The id that the model gave the call.
    pub call_id: Option<Payload>,
    /// The approval that was revised, where this is the request as it was asked to be changed.
    pub revises: Option<Id>,
    /// W3C trace context.
    pub trace: Option<TraceContext>,
}

impl Intent {
    /// A call of `tool` that the model asked for in these records.
    pub fn new(tool: Id, arguments: Payload, place: Place, causes: Causes) -> Self {
        Self {
            tool,
            arguments,
            place,
            causes,
            origin: Origin::Model,
            expected_effect: None,
            call_id: None,
            revises: None,
            trace: None,
        }
    }

    /// The first call of the place, where this tries it again (TOL-5).
    pub(crate) fn retry_of(&self) -> Option<Place> {
        (self.place.attempt > 0).then(|| Place { attempt: 0, ..self.place.clone() })
    }
}
