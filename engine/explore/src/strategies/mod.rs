//! proptest strategies for whole runs: valid ones that reach deep, and ones that break rules at any depth.
//!
//! A run is drawn from a list of choices by a plain function, [`Walk::run`] or [`Walk::bent`], so that proptest shrinks it by taking choices away.
//! Scenes propose acts with everything that the rules ask of them (parallel calls, held and revised approvals, retries, delegation chains, memory
//! across turns, effects undone); what would break a rule all the same is not done, so that a valid run keeps every rule by construction. The
//! strategies of single values are those of `rederive_evidence::arbitrary`.

mod bend;
mod calls;
mod scenes;
mod walk;

use proptest::prelude::*;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::record::{Derived, Extracted, Input, Record};
use rederive_evidence::rules::Outcome;

pub use walk::Walk;

use crate::parts::{Parts, PartsFault};
use crate::story::Story;
use crate::telling::{Answers, tell};

/// What the machine is asked, record by record.
pub type Steps = Vec<(Input, Option<Extracted>)>;

/// Most choices of a drawn run.
const CHOICES_MAX: usize = 160;

/// Enforced runs under the latest rule set that keep every rule from the opening to the closing record.
pub fn valid_runs() -> impl Strategy<Value = Steps> {
    proptest::collection::vec(any::<u64>(), 4..CHOICES_MAX).prop_map(|choices| Walk::run(&choices))
}

/// The same with records bent here and there: another actor, time, cause, or value in one field.
pub fn bent_runs() -> impl Strategy<Value = Steps> {
    proptest::collection::vec(any::<u64>(), 4..CHOICES_MAX).prop_map(|choices| Walk::bent(&choices))
}

/// The sealed trace of these steps, under this key, which the opening record comes to name. It has no contents: what they said is redacted.
///
/// # Errors
/// The steps make no trace: there is none, or the first does not open a run.
pub fn trace_of(steps: &Steps, key: &SigningKey) -> Result<Vec<u8>, PartsFault> {
    use rederive_evidence::keys::Signer as _;
    let record = |(input, extracted): &(Input, Option<Extracted>)| Record {
        input: input.clone(),
        extracted: extracted.clone(),
        derived: Derived {
            outcome: Outcome::Applied,
            breaches: Vec::new(),
            delta: rederive_evidence::digest::Digest::ZERO,
            checksum: None,
        },
    };
    let mut story = Story::new(steps.iter().map(record).collect());
    let opening = story.get_mut(0).map(|record| &mut record.input.body);
    let Some(Body::RunOpened(opened)) = opening else { return Err(PartsFault::NotOpened) };
    opened.recorder_key = key.public_key();
    let opened: RunOpened = (**opened).clone();
    let blank = Parts::blank(&opened, key)?;
    tell(&blank, &story, Answers::Admitted, key)?.write()
}
