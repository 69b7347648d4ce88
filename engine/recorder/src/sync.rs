//! What threads wait on. One module, so that a test can put primitives in its place that try every order of threads.

use std::sync::{LockResult, TryLockError};
use std::thread::{Builder, JoinHandle};

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How often a lock that is soon free is tried before the thread is put to sleep: for some ten microseconds, more than most records take.
const TRIES: u32 = 64;
/// Pauses of the processor between two tries, which would else take the lock's memory from who holds it.
const PAUSES: u32 = 8;

/// Locks what others hold for microseconds at a time. To be put to sleep and woken takes both threads longer than that, and whoever calls a tool comes by
/// here twenty times.
pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> LockResult<MutexGuard<'_, T>> {
    for _ in 0..TRIES {
        match mutex.try_lock() {
            Ok(held) => return Ok(held),
            Err(TryLockError::Poisoned(poisoned)) => return Err(poisoned),
            Err(TryLockError::WouldBlock) => (0..PAUSES).for_each(|_| std::hint::spin_loop()),
        }
    }
    mutex.lock()
}

/// Work that another thread does.
pub(crate) struct Beside(Option<JoinHandle<()>>);

/// Has this work done by another thread. Where the system has none left, it is not done.
pub(crate) fn beside(work: impl FnOnce() + Send + 'static) -> Beside {
    Beside(Builder::new().name("rederive-closing".to_owned()).spawn(work).ok())
}

impl Beside {
    /// Whether there is nothing to wait for.
    pub(crate) fn is_done(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Returns once the thread has ended, in whatever way.
    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}
