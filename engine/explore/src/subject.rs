//! The run under exploration: as it was found, and as somebody tells it who has its keys.

use std::sync::Arc;

use rederive_evidence::ids::{Id, PublicKey};
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{ActorType, Mode};
use rederive_machine::RuleSetNumber;
use rederive_machine::testing::id;

use crate::divergence::{By, Divergence};
use crate::parts::{Parts, PartsFault, Stored};
use crate::second;
use crate::story::Story;
use crate::telling::retell;

/// A sealed run, ready to be changed.
#[derive(Clone, Debug)]
pub struct Subject {
    bytes: Vec<u8>,
    parts: Parts,
    story: Story,
    told: Parts,
    key: SigningKey,
    recorder_key: PublicKey,
    second: Arc<Parts>,
}

/// Nobody of the run.
pub(crate) fn stranger() -> Id {
    id("somebody-else")
}

/// The explorer's own key, which stands for stolen ones.
pub(crate) fn explorers_key() -> SigningKey {
    SigningKey::from_seed(&[0xe1; 32])
}

impl Subject {
    /// Takes a sealed run apart, and tells it as it was under a key of the explorer's own, which stands for stolen ones: the opening record then
    /// names that key as the recorder's and, where it names one, as the gate's, which signs its receipts anew; nothing else is another.
    ///
    /// # Errors
    /// It cannot be read, is not sealed, or does not begin with an opening record.
    pub fn of(bytes: Vec<u8>) -> Result<Self, PartsFault> {
        let parts = Parts::of(&bytes)?;
        let key = explorers_key();
        let mut story = Story::new(parts.records()?);
        let opening = story.get_mut(0).map(|record| &mut record.input.body);
        let Some(Body::RunOpened(opened)) = opening else { return Err(PartsFault::NotOpened) };
        let recorder_key = std::mem::replace(&mut opened.recorder_key, key.public_key());
        let gates = opened.actors.iter_mut().filter(|actor| actor.actor_type == ActorType::Gate);
        gates.filter_map(|gate| gate.key.as_mut()).for_each(|named| *named = key.public_key());
        let (told, story) = retell(&parts, &story, &key)?;
        let second = second::drawn()?;
        Ok(Self { bytes, parts, story, told, key, recorder_key, second })
    }

    /// The run of this story, told under the explorer's key, with the contents of this one or with none: what they said is then redacted.
    ///
    /// # Errors
    /// The story makes no trace.
    pub fn telling(&self, story: Story, with_contents: bool) -> Result<Self, PartsFault> {
        let mut like = self.parts.clone();
        if !with_contents {
            like.segments.iter_mut().for_each(|part| part.contents.clear());
        }
        let (told, story) = retell(&like, &story, &self.key)?;
        let bytes = told.write()?;
        let (key, recorder_key) = (self.key.clone(), self.recorder_key);
        let second = self.second.clone();
        Ok(Self { bytes, parts: told.clone(), story, told, key, recorder_key, second })
    }

    /// The same run, beside this other one, told under the explorer's key too: its records and segments are what is spliced in. Without it they are those of a drawn run.
    #[must_use]
    pub fn beside(self, other: &Self) -> Self {
        Self { second: Arc::new(other.told.clone()), ..self }
    }

    /// The run whose records and segments are spliced in.
    pub(crate) fn second(&self) -> &Parts {
        &self.second
    }

    /// The file as it was found.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its parts as they were found.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Its records, the first of which names the explorer's key, and the receipts that it signed.
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// The contents that its records may list: those that were found, and the receipts that the explorer's key signed.
    pub fn contents(&self) -> impl Iterator<Item = &Stored> {
        let found = self.parts.segments.iter().flat_map(|part| &part.contents);
        found.chain(self.story.contents())
    }

    /// The run as it was, told under the explorer's key.
    pub fn told(&self) -> &Parts {
        &self.told
    }

    /// The explorer's key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The explorer's key, as others see it.
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// The key that the opening record names as the recorder's in the run as it was found.
    pub(crate) fn recorder_key(&self) -> PublicKey {
        self.recorder_key
    }

    /// A key that nothing in the run names.
    pub(crate) fn other_key(&self) -> SigningKey {
        SigningKey::from_seed(&[0xe2; 32])
    }

    /// The opening record.
    pub fn opened(&self) -> Option<&RunOpened> {
        let Body::RunOpened(opened) = &self.story.get(0)?.input.body else { return None };
        Some(opened)
    }

    /// Whether refusals are enforced.
    pub fn is_enforced(&self) -> bool {
        self.opened().is_some_and(|opened| opened.mode == Mode::Enforced)
    }

    /// Whether the run has the layers, and its rule set the rules and reasons, by which a divergence has to show. One that is noticed by other
    /// means can.
    pub(crate) fn can_show(&self, divergence: Divergence) -> bool {
        let mut rules = divergence.shows().iter().filter_map(|shows| rule_of(shows)).peekable();
        if divergence.by() != By::State || rules.peek().is_none() {
            return true;
        }
        rules.any(|(rule, reason)| self.judges(rule, reason))
    }

    /// Whether the run is judged by this rule and, where one is named, for this reason.
    pub(crate) fn judges(&self, rule: Rule, reason: Option<Reason>) -> bool {
        let Some(opened) = self.opened() else { return false };
        let set = RuleSetNumber::ALL.iter().find(|set| set.rule_set() == opened.rule_set);
        let mut reasons = set.into_iter().flat_map(|set| set.rules()).filter(|(of, _)| *of == rule);
        opened.layers.contains(&rule.layer())
            && reasons.any(|(_, reasons)| reason.is_none_or(|reason| reasons.contains(&reason)))
    }
}

/// The rule that a sign names, and the reason where it names one.
fn rule_of(shows: &str) -> Option<(Rule, Option<Reason>)> {
    let mut words = shows.split(' ');
    Some((Rule::from_name(words.next()?)?, words.next().and_then(Reason::from_name)))
}
