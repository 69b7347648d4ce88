//! The capability to act: made of a live permit, once, when the record of the dispatch is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rederive_evidence::ids::Id;

use crate::permit::Spent;
use crate::ports::{CallFacts, Secret};

/// One permitted call, on its way to the tool. It cannot be made but from a live PERMIT whose dispatch is on record, and not be copied: what
/// holds a tool and no `Dispatch` cannot call it.
#[derive(Debug)]
pub struct Dispatch {
    call: CallFacts,
    credential: Option<(Id, Secret)>,
    idempotency: Option<Id>,
    time: Duration,
    cancelled: Arc<AtomicBool>,
    /// What it was made of.
    permit: Spent,
}

impl Dispatch {
    pub(crate) fn new(
        permit: Spent,
        call: CallFacts,
        credential: Option<(Id, Secret)>,
        idempotency: Option<Id>,
        time: Duration,
        cancelled: Arc<AtomicBool>,
    ) -> Self {
        Self { call, credential, idempotency, time, cancelled, permit }
    }

    /// What to do, for whom: the arguments are byte for byte those that were decided on (TOL-3).
    pub fn call(&self) -> &CallFacts {
        &self.call
    }

    /// The credential to do it under, by name, and its secret.
    pub fn credential(&self) -> Option<(&Id, &Secret)> {
        self.credential.as_ref().map(|(credential, secret)| (credential, secret))
    }

    /// What makes a repetition harmless, where the tool knows such keys.
    pub fn idempotency(&self) -> Option<&Id> {
        self.idempotency.as_ref()
    }

    /// How long it may take. An answer after that is not waited for: whether the call took effect is then unknown.
    pub fn time(&self) -> Duration {
        self.time
    }

    /// Whether nobody waits for it any more. A tool that can still stop may do so; one that has acted answers as ever.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Number of the decision's record.
    pub fn decision(&self) -> u64 {
        self.permit.decision()
    }
}
