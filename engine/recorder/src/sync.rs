//! What threads wait on. One module, so that a test can put primitives in its place that try every order of threads.

use std::sync::{LockResult, TryLockError};

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
