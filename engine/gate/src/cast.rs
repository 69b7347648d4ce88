//! Under whose names the gate records, as the opening record registers them; and the names it gives.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::schema::to_bytes;
use rederive_evidence::values::{ActorType, Place};

/// The actors that the gate speaks for.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    pub(crate) gate: Id,
    pub(crate) broker: Id,
    pub(crate) recorder: Id,
    pub(crate) vault: Option<Id>,
    pub(crate) guardrail: Option<Id>,
}

impl Cast {
    /// The first actor of each type. None where gate, broker or recorder are missing.
    pub(crate) fn of(opened: &RunOpened) -> Result<Self, ActorType> {
        let first = |of: ActorType| {
            opened.actors.iter().find(|actor| actor.actor_type == of).map(|actor| actor.id.clone())
        };
        let needed = |of: ActorType| first(of).ok_or(of);
        Ok(Self {
            gate: needed(ActorType::Gate)?,
            broker: needed(ActorType::Broker)?,
            recorder: needed(ActorType::Recorder)?,
            vault: first(ActorType::CredentialBroker),
            guardrail: first(ActorType::Guardrail),
        })
    }
}

/// The key under which the opening record registers an actor.
pub(crate) fn key_of(opened: &RunOpened, actor: &Id) -> Option<PublicKey> {
    opened.actors.iter().find(|known| known.id == *actor).and_then(|known| known.key)
}

/// Whether the opening record registers an approver of this name.
pub(crate) fn is_approver(opened: &RunOpened, actor: &Id) -> bool {
    opened.actors.iter().any(|known| known.id == *actor && known.actor_type == ActorType::Approver)
}

/// What makes a repetition of a call harmless, where its tool knows such keys: one for every attempt at these arguments at this place, and of this run
/// alone, since a service that knows such keys may serve other runs and tenants.
pub(crate) fn once(run: RunId, place: &Place, arguments: Digest) -> Option<Id> {
    let first = Place { attempt: 0, ..place.clone() };
    let call = [run.0.as_slice(), &to_bytes(&first), &arguments.0].concat();
    Id::new(&format!("once/{}", digest(Purpose::Request, &call).to_hex())).ok()
}

/// A name that follows from a call's place, so that two runs of the same acts use the same ones.
pub(crate) fn named(what: &str, place: &Place) -> Id {
    let Place { agent, turn, index, attempt } = place;
    let plain = Id::new(&format!("{what}/{agent}/{turn}/{index}/{attempt}"));
    // An agent's name may be as long as a name may be.
    let short = || Id::new(&format!("{what}/{}", digest(Purpose::Request, &to_bytes(place)).to_hex()));
    plain.or_else(|_| short()).unwrap_or_else(|_| agent.clone())
}
