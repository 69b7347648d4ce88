//! Panics that are caught here and become a fault: of an engine, of a function that is built into one.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is caught by this crate and told as what it means: a program's panic hook need not print it.
pub fn is_panic_caught() -> bool {
    IS_CAUGHT.get()
}

/// What the work gives; its panic is an error. What it was working on is not used any more.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> thread::Result<R> {
    let before = IS_CAUGHT.replace(true);
    let given = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(before);
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_while_work_is_done_and_no_longer() {
        assert!(!is_panic_caught());
        assert!(caught(|| caught(|| ()).is_ok() && is_panic_caught()).unwrap());
        assert!(caught(|| panic!("inside")).is_err());
        assert!(!is_panic_caught());
    }
}
