//! What knows an outbox: what is expected of a mail, how it is recalled, and who answers for it. Shared by example and bench.

use rederive_evidence::ids::Id;
use rederive_gate::outcome::Compared;
use rederive_gate::ports::{
    CallFacts, Effects, Expectation, Failure, Observation, Payload, Remedy, ToolReply,
};

/// An outbox in which every mail arrives.
pub(crate) struct Outbox;

impl Effects for Outbox {
    fn expect(&self, call: &CallFacts) -> Result<Option<Expectation>, Failure> {
        Ok(Some(Expectation {
            system: call.surface.clone(),
            expected: Payload::text("one mail more in the outbox"),
            compared: Compared::Bytes,
            rollback: Some(Payload::text("recall the mail")),
            containment: Some(Payload::text("hold the outbox")),
            owner: Id::new("olga")?,
            amount_micros: None,
        }))
    }

    fn expects_by_computing(&self) -> bool {
        true
    }

    fn observes_in_time(&self) -> bool {
        true
    }

    fn observe(&self, _: &CallFacts, _: &ToolReply) -> Result<Observation, Failure> {
        let observed = Payload::text("one mail more in the outbox");
        Ok(Observation { observed, is_other: false, amount_micros: None })
    }

    fn roll_back(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::Done(None))
    }

    fn quarantine(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn compensate(&self, _: &CallFacts, _: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn notify(&self, _: &CallFacts, _: &Id, _: &Payload) -> Result<(), Failure> {
        Ok(())
    }
}
