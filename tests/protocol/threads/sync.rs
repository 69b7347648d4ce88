//! What the recorder's threads wait on here.

use std::cell::Cell;
use std::sync::{Arc, LockResult, PoisonError as Poison};

use shuttle::sync::atomic::{AtomicBool, Ordering};

pub(crate) use shuttle::sync::{Mutex, MutexGuard};
pub(crate) use std::sync::PoisonError;

thread_local! {
    /// All threads of a case run on one thread of the system, and each test has its own.
    static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    /// Whether the last that should be woken was, where every other is.
    static WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// Who tries a lock and who waits for it are the same in every order of threads.
pub(crate) fn lock_soon<T>(mutex: &Mutex<T>) -> LockResult<MutexGuard<'_, T>> {
    mutex.lock()
}

/// A fault that a test plants, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Who waits is not woken.
    NobodyWoken,
    /// Of two who should be woken one is, by turns.
    EveryOtherWoken,
    /// The disk says that it has what it does not have.
    DiskLies,
}

impl Planted {
    /// Plants a fault for the rest of this test.
    pub(crate) fn plant(self) {
        PLANTED.set(Some(self));
    }

    pub(crate) fn is_planted(self) -> bool {
        PLANTED.get() == Some(self)
    }
}

/// Shuttle's, unless a fault is planted.
pub(crate) struct Condvar(shuttle::sync::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(shuttle::sync::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.0.wait(guard).map_err(|poison| Poison::new(poison.into_inner()))
    }

    pub(crate) fn notify_all(&self) {
        match PLANTED.get() {
            Some(Planted::NobodyWoken) => {}
            Some(Planted::EveryOtherWoken) if WOKEN.replace(!WOKEN.get()) => {}
            Some(Planted::EveryOtherWoken) => self.0.notify_all(),
            Some(Planted::DiskLies) | None => self.0.notify_all(),
        }
    }
}

/// Work that another thread does.
pub(crate) struct Beside {
    thread: Option<shuttle::thread::JoinHandle<()>>,
    is_done: Arc<AtomicBool>,
}

pub(crate) fn beside(work: impl FnOnce() + Send + 'static) -> Beside {
    let is_done = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&is_done);
    let thread = shuttle::thread::spawn(move || {
        work();
        done.store(true, Ordering::SeqCst);
    });
    Beside { thread: Some(thread), is_done }
}

impl Beside {
    pub(crate) fn is_done(&self) -> bool {
        self.thread.is_none() || self.is_done.load(Ordering::SeqCst)
    }

    pub(crate) fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
