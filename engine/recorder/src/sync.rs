//! What threads wait on. One module, so that a test can put primitives in its place that try every order of threads.

pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
