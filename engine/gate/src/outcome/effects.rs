//! Effects by surface: how what happened is looked up and undone, given as functions.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;

use crate::ports::{CallFacts, Effects, Expectation, Failure, Observation, Payload, Remedy, ToolReply};

/// Looks up what a call did.
pub type Observe = dyn Fn(&CallFacts, &ToolReply) -> Result<Payload, Failure> + Send + Sync;
type Expect = dyn Fn(&CallFacts) -> Result<Option<Expectation>, Failure> + Send + Sync;
type Mend = dyn Fn(&CallFacts, &Expectation) -> Result<Option<Payload>, Failure> + Send + Sync;
type Notify = dyn Fn(&CallFacts, &Id, &Payload) -> Result<(), Failure> + Send + Sync;

/// What is known of effects on one surface.
pub struct Doings {
    expect: Box<Expect>,
    observe: Option<Box<Observe>>,
    roll_back: Option<Box<Mend>>,
    quarantine: Option<Box<Mend>>,
    compensate: Option<Box<Mend>>,
}

impl Doings {
    /// What is expected of calls; compared with the tool's reply, until something better is given.
    pub fn new(
        expect: impl Fn(&CallFacts) -> Result<Option<Expectation>, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { expect: Box::new(expect), observe: None, roll_back: None, quarantine: None, compensate: None }
    }

    /// How the effect is seen in the system itself.
    #[must_use]
    pub fn observing(
        mut self,
        observe: impl Fn(&CallFacts, &ToolReply) -> Result<Payload, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.observe = Some(Box::new(observe));
        self
    }

    /// How it is undone.
    #[must_use]
    pub fn rolling_back(
        mut self,
        mend: impl Fn(&CallFacts, &Expectation) -> Result<Option<Payload>, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.roll_back = Some(Box::new(mend));
        self
    }

    /// How it is contained.
    #[must_use]
    pub fn quarantining(
        mut self,
        mend: impl Fn(&CallFacts, &Expectation) -> Result<Option<Payload>, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.quarantine = Some(Box::new(mend));
        self
    }

    /// How it is made up for.
    #[must_use]
    pub fn compensating(
        mut self,
        mend: impl Fn(&CallFacts, &Expectation) -> Result<Option<Payload>, Failure> + Send + Sync + 'static,
    ) -> Self {
        self.compensate = Some(Box::new(mend));
        self
    }
}

/// Effects on the surfaces that it was told of; of others nothing is known.
pub struct KnownEffects {
    surfaces: BTreeMap<Id, Doings>,
    notify: Box<Notify>,
}

impl KnownEffects {
    /// Owners are told in this way.
    pub fn new(
        notify: impl Fn(&CallFacts, &Id, &Payload) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Self { surfaces: BTreeMap::new(), notify: Box::new(notify) }
    }

    /// Knows this surface too.
    #[must_use]
    pub fn with(mut self, surface: Id, doings: Doings) -> Self {
        let _ = self.surfaces.insert(surface, doings);
        self
    }

    fn mend(mend: Option<&Mend>, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure> {
        mend.map_or(Ok(Remedy::NotOffered), |mend| mend(call, expected).map(Remedy::Done))
    }

    fn of(&self, call: &CallFacts) -> Option<&Doings> {
        self.surfaces.get(&call.surface)
    }
}

impl Effects for KnownEffects {
    fn expect(&self, call: &CallFacts) -> Result<Option<Expectation>, Failure> {
        self.of(call).map_or(Ok(None), |doings| (doings.expect)(call))
    }

    fn observe(&self, call: &CallFacts, reply: &ToolReply) -> Result<Observation, Failure> {
        let observed = match self.of(call).and_then(|doings| doings.observe.as_ref()) {
            Some(observe) => observe(call, reply)?,
            None => reply.result.clone(),
        };
        Ok(Observation { observed, is_other: false, amount_micros: reply.spend_micros })
    }

    fn roll_back(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure> {
        Self::mend(self.of(call).and_then(|doings| doings.roll_back.as_deref()), call, expected)
    }

    fn quarantine(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure> {
        Self::mend(self.of(call).and_then(|doings| doings.quarantine.as_deref()), call, expected)
    }

    fn compensate(&self, call: &CallFacts, expected: &Expectation) -> Result<Remedy, Failure> {
        Self::mend(self.of(call).and_then(|doings| doings.compensate.as_deref()), call, expected)
    }

    fn notify(&self, call: &CallFacts, owner: &Id, notice: &Payload) -> Result<(), Failure> {
        (self.notify)(call, owner, notice)
    }
}

impl std::fmt::Debug for KnownEffects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KnownEffects")
            .field("surfaces", &self.surfaces.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}
