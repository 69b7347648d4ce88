//! proptest strategies for whole runs: valid ones that reach deep, ones that break rules at any depth, and ones that nothing has opened.
//!
//! A run is drawn from a list of choices by a plain function, [`Walk::run`], [`Walk::bent`] or [`Walk::headless`], so that proptest shrinks it by taking choices away.
//! Scenes propose acts with everything that the rules ask of them (parallel calls, held and revised approvals, retries, delegation chains, memory
//! across turns, effects undone); what would break a rule all the same is not done, so that a valid run keeps every rule by construction. The
//! strategies of single values are those of `rederive_evidence::arbitrary`.

mod bend;
mod calls;
mod scenes;
mod setting;
mod stray;
mod walk;

use proptest::prelude::*;
use rederive_evidence::arbitrary::Choices;
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

/// The same under openings and tools that lack or ask for something, with records bent here and there (another actor, time, cause, place or number,
/// another value in one field), and with acts that have no place where they stand. Of the forms that these can take one is looked for that breaks a rule
/// in a way, or falls into a cell of a grid, that the run has not had: see [`crate::coverage`].
pub fn bent_runs() -> impl Strategy<Value = Steps> {
    proptest::collection::vec(any::<u64>(), 4..CHOICES_MAX).prop_map(|choices| Walk::bent(&choices))
}

/// Bent runs whose opening record does not come first. Nothing opens them, and no trace holds such a run: see [`trace_of`].
pub fn headless_runs() -> impl Strategy<Value = Steps> {
    proptest::collection::vec(any::<u64>(), 4..CHOICES_MAX).prop_map(|choices| Walk::headless(&choices))
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

/// One of these, drawn; none where there is none.
fn one_of<T: Clone>(of: &[T], draw: &mut Choices) -> Option<T> {
    of.get(usize::try_from(draw.below(of.len() as u64)).unwrap_or(0)).cloned()
}
