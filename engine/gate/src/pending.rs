//! A call under way, for callers that block and for those that do not.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::fate::Fate;

/// A call under way on a thread of the gate's. Wait for it, or poll it as a future of any runtime; dropped, the call goes on by itself.
#[derive(Debug)]
#[must_use = "what became of the call is known by waiting for it"]
pub struct Pending<T = Fate> {
    slot: Arc<Slot<T>>,
}

/// Where the fate of a call is put.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    inside: Mutex<Inside<T>>,
    settled: Condvar,
    cancelled: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Inside<T> {
    fate: Option<T>,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn new() -> Self {
        let inside = Mutex::new(Inside { fate: None, waker: None });
        Self { inside, settled: Condvar::new(), cancelled: Arc::default() }
    }

    fn inside(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settle(&self, fate: T) {
        let mut inside = self.inside();
        inside.fate = Some(fate);
        let waker = inside.waker.take();
        drop(inside);
        self.settled.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Set where nobody waits for the call any more.
    pub(crate) fn cancelled(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }
}

impl<T> Pending<T> {
    pub(crate) fn new() -> (Self, Arc<Slot<T>>) {
        let slot = Arc::new(Slot::new());
        (Self { slot: Arc::clone(&slot) }, slot)
    }

    /// Waits until the call has ended or is held for approval.
    pub fn wait(self) -> T {
        let mut inside = self.slot.inside();
        loop {
            if let Some(fate) = inside.fate.take() {
                return fate;
            }
            inside = self.slot.settled.wait(inside).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits this long at most.
    ///
    /// # Errors
    /// The call is still under way; this can be waited for again.
    pub fn wait_for(self, limit: Duration) -> Result<T, Self> {
        let inside = self.slot.inside();
        let waited = self.slot.settled.wait_timeout_while(inside, limit, |inside| inside.fate.is_none());
        let fate = waited.unwrap_or_else(PoisonError::into_inner).0.fate.take();
        fate.ok_or(self)
    }
}

impl Pending {
    /// Says that nobody waits for the call any more. Before the dispatch it is blocked; after it the tool is told, and what happened is recorded. One that is
    /// held for an approval is withdrawn with the next word on it, or by [`Gate::expire`](crate::Gate::expire) or [`Gate::withdraw`](crate::Gate::withdraw).
    pub fn cancel(&self) {
        self.slot.cancelled.store(true, Ordering::Release);
    }
}

impl<T> Future for Pending<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut inside = self.slot.inside();
        match inside.fate.take() {
            Some(fate) => Poll::Ready(fate),
            None => {
                inside.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
