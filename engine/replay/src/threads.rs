//! The threads that replay, and what they share. One module, so that a test can put threads in its place that try every order.

use rayon::prelude::*;

pub(crate) use std::sync::{Mutex, PoisonError};

/// How many work at once: those of the current rayon pool.
pub(crate) fn count() -> usize {
    rayon::current_num_threads()
}

/// Does this work with each item, the next one on whichever thread is free. What it gave, in the order of the items; one error, where there are errors.
pub(crate) fn each<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync + Send,
) -> Result<Vec<R>, E> {
    items.into_par_iter().with_max_len(1).map(work).collect()
}
