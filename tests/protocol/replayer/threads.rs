//! The threads that replay here.

use std::cell::Cell;

use shuttle::thread;

pub(crate) use shuttle::sync::Mutex;
pub(crate) use std::sync::PoisonError;

thread_local! {
    /// All threads of a case run on one thread of the system, and each test has its own.
    static PLANTED: Cell<bool> = const { Cell::new(false) };
}

/// From now on what the ranges gave is put together as they came to their ends.
pub(crate) fn plant() {
    PLANTED.set(true);
}

pub(crate) fn count() -> usize {
    2
}

/// Does this work with each item, the next one on whichever thread is free.
pub(crate) fn each<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let (left, ended) = (Mutex::new(items.into_iter().enumerate()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..count() {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((at, item)) = next else { return };
                    let gave = work(item);
                    ended.lock().unwrap().push((at, gave));
                }
            });
        }
    });
    let mut ended = ended.into_inner().unwrap();
    if !PLANTED.get() {
        ended.sort_by_key(|(at, _)| *at);
    }
    ended.into_iter().map(|(_, gave)| gave).collect()
}
