//! Group commit: of the threads that wait for their records to be durable one leads, and commits what all have queued. Those whose records that
//! made durable go on together, and of the others one leads next: nobody waits for a timer, and nobody is woken for nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::sync::{Condvar, Mutex, PoisonError};

/// How far the trace survives a crash, and who makes more of it do so.
pub(crate) struct Commits {
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    /// Records that survive a crash.
    durable: u64,
    is_led: bool,
    /// Threads that wait: by the record that each waits for, and in the order in which they came.
    waiting: BTreeMap<(u64, u64), Arc<Condvar>>,
    /// Threads that have waited.
    came: u64,
}

/// The thread that commits for all that wait. However it ends, another can lead after it.
struct Lead<'a> {
    commits: &'a Commits,
    /// Records that survive a crash by what it did.
    durable: u64,
}

/// A thread that waited with others was stopped while it held what they all need.
pub(crate) struct Poisoned;

impl Commits {
    /// Commits of a trace of which this many records survive a crash.
    pub(crate) fn after(durable: u64) -> Self {
        Self { standing: Mutex::new(Standing { durable, ..Standing::default() }) }
    }

    /// Returns once the record with this number is durable, by this thread's commit or by another's. `commit` makes what is queued by then durable,
    /// this record among it, and says how many records the trace has then.
    pub(crate) fn keep<E: From<Poisoned>>(
        &self,
        sequence: u64,
        commit: impl FnOnce() -> Result<u64, E>,
    ) -> Result<(), E> {
        let Some(mut lead) = self.wait_or_lead(sequence)? else { return Ok(()) };
        lead.durable = commit()?;
        Ok(())
    }

    /// Waits while another leads. None once the record is durable.
    fn wait_or_lead(&self, sequence: u64) -> Result<Option<Lead<'_>>, Poisoned> {
        let mut standing = self.standing.lock().map_err(|_| Poisoned)?;
        while standing.durable <= sequence {
            if !standing.is_led {
                standing.is_led = true;
                return Ok(Some(Lead { commits: self, durable: 0 }));
            }
            let (place, woken) = ((sequence, standing.came), Arc::new(Condvar::new()));
            standing.came += 1;
            let _ = standing.waiting.insert(place, Arc::clone(&woken));
            standing = woken.wait(standing).map_err(|_| Poisoned)?;
            let _ = standing.waiting.remove(&place);
        }
        Ok(None)
    }
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        // Each of its values is set whole: nothing is half done under the lock.
        let mut standing = self.commits.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.is_led = false;
        standing.durable = standing.durable.max(self.durable);
        let first_open = (standing.durable, 0);
        let waits_on = standing.waiting.split_off(&first_open);
        let next = waits_on.values().next().cloned();
        let served = std::mem::replace(&mut standing.waiting, waits_on);
        drop(standing);
        served.into_values().chain(next).for_each(|woken| woken.notify_all());
    }
}
