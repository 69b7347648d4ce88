//! A record together with everything that it is judged by.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::values::{Layer, Mode};

use crate::charge::Charge;
use crate::lineage::{Lineage, Summary};
use crate::place::{Standing, standing_among};
use crate::rule_set::RuleSetNumber;
use crate::state::{Call, Config, RegisteredActor, State, Turn, TurnKey};

/// A record, the state and lineage it meets, and what of them belongs to it.
pub(crate) struct Case<'a> {
    pub(crate) input: &'a Input,
    pub(crate) extracted: Option<&'a Extracted>,
    pub(crate) state: &'a State,
    pub(crate) lineage: &'a Lineage,
    pub(crate) config: &'a Config,
    pub(crate) kind: Kind,
    /// Fields of the body that its source did not know.
    pub(crate) absent: u32,
    /// The highest record that the body names.
    pub(crate) names: Option<u64>,
    /// The record's actor, where it is registered.
    pub(crate) actor: Option<&'a RegisteredActor>,
    /// The turn of its place, where it is in the tree.
    pub(crate) turn: Option<&'a Turn>,
    /// The call at its place, where one is live.
    pub(crate) call: Option<&'a Call>,
    /// Its causes summed up; none where it has none.
    pub(crate) causes: Option<Summary>,
    /// What it adds to the counters.
    pub(crate) charge: Charge,
}

/// Whether something has ended by the time of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It has no end, or that is still to come.
    Live,
    /// Its end has come.
    Over,
    /// It has an end, and the record has no time.
    Untold,
}

impl<'a> Case<'a> {
    /// The case of a record of an open run.
    pub(crate) fn new(
        input: &'a Input,
        extracted: Option<&'a Extracted>,
        (state, lineage): (&'a State, &'a Lineage),
        config: &'a Config,
    ) -> Self {
        let place = input.place.as_ref();
        let call = place.and_then(|place| state.call(place)).map(Box::as_ref);
        let tally = input.body.tally();
        Self {
            input,
            extracted,
            state,
            lineage,
            config,
            kind: input.body.kind(),
            absent: tally.absent,
            names: tally.records.checked_sub(1),
            actor: state.actor(&input.actor),
            turn: place.and_then(|place| state.turn(&TurnKey::of(place))),
            call,
            causes: lineage.sum(&input.causes),
            charge: Charge::of(&input.body, call, state),
        }
    }

    pub(crate) fn enforced(&self) -> bool {
        self.config.mode == Mode::Enforced
    }

    pub(crate) fn is_request(&self) -> bool {
        self.kind.nature() == Nature::Request
    }

    /// Whether the run is judged by this rule set or a later one.
    pub(crate) fn is_since(&self, set: RuleSetNumber) -> bool {
        self.config.set() >= set
    }

    pub(crate) fn judges(&self, layer: Layer) -> bool {
        self.config.judges(layer)
    }

    /// The commitment of one of the record's contents.
    pub(crate) fn commitment(&self, content: Content) -> Option<Digest> {
        self.input.contents.get(usize::from(content.0)).map(|entry| entry.commitment)
    }

    /// Whether something that ends at `end` has ended by the record's time. At the very time it has. Spec: expiry.
    pub(crate) fn expiry(&self, end: Option<RecordedTime>) -> Expiry {
        match (end, self.input.time) {
            (None, _) => Expiry::Live,
            (Some(_), None) => Expiry::Untold,
            (Some(end), Some(now)) if now >= end => Expiry::Over,
            (Some(_), Some(_)) => Expiry::Live,
        }
    }

    /// Where the record's place stands; none where it has no place.
    pub(crate) fn standing(&self) -> Option<Standing<'a>> {
        let place = self.input.place.as_ref();
        place.map(|place| standing_among(self.state, self.call, self.turn, place))
    }

    /// The agent whose acts the record belongs to: its place's, else its actor.
    pub(crate) fn agent(&self) -> &'a Id {
        self.input.place.as_ref().map_or(&self.input.actor, |place| &place.agent)
    }

    /// The call that the body names beside the record's own place, where it is live.
    pub(crate) fn named_call(&self) -> Option<&'a Call> {
        let place = if let Body::DecisionMade(body) = &self.input.body {
            body.request.call.as_ref()
        } else if let Body::CredentialIssued(body) = &self.input.body {
            body.call.as_ref()
        } else if let Body::CredentialUsed(body) = &self.input.body {
            Some(&body.call)
        } else if let Body::ApprovalRequested(body) = &self.input.body {
            body.call.as_ref()
        } else if let Body::EffectPlanned(body) = &self.input.body {
            Some(&body.call)
        } else if let Body::EffectExecuted(body) = &self.input.body {
            Some(&body.call)
        } else {
            None
        };
        place.and_then(|place| self.state.call(place)).map(Box::as_ref)
    }
}
