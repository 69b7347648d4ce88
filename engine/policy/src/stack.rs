//! The stack that engines work on: one size, wherever they are called from. Spec: bundle-limits.
//!
//! Engines recurse as deep as a policy text nests. Cedar's measures what is left of the stack, and where that is little a policy fails when asked, and is
//! not checked at all when loaded. On stacks of the callers' the answer would be theirs.

use crate::engine::EngineFault;
use crate::judgement::Response;

/// Bytes of the stack that a bundle is loaded on, and asked on where the caller's may not do: twice what the deepest text of a bundle takes, and more.
const STACK_BYTES: usize = 32 << 20;

/// Bytes that have to be left of the caller's stack for an engine to begin there: for all of the work but the recursion along a policy, of which Cedar sees
/// the end coming.
const LEFT_BYTES_MIN: usize = 512 << 10;

/// Does it on a stack of the fixed size.
pub(crate) fn fixed<R>(work: impl FnOnce() -> R) -> R {
    stacker::grow(STACK_BYTES, work)
}

/// Does it on the caller's stack where enough is left of it, else on one of the fixed size.
fn near<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(LEFT_BYTES_MIN, STACK_BYTES, work)
}

/// What an engine answers on a stack of the fixed size. A policy that comes to the end of a stack fails and says nothing else: so where none fails, the
/// caller's stack was as good, and nearly always it is.
pub(crate) fn asked(ask: impl Fn() -> Result<Response, EngineFault>) -> Result<Response, EngineFault> {
    match near(&ask) {
        Ok(response) if response.errors.is_empty() => Ok(response),
        Ok(_) | Err(_) => fixed(ask),
    }
}

/// What is as deep as a policy, dropped where there is stack for it.
pub(crate) struct Deep<T>(Option<T>);

impl<T> Deep<T> {
    #[cfg(any(feature = "cedar", feature = "rego"))]
    pub(crate) fn new(deep: T) -> Self {
        Self(Some(deep))
    }
}

impl<T: ?Sized> Deep<Box<T>> {
    /// What is inside; none only while it is dropped.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }
}

impl<T> Drop for Deep<T> {
    fn drop(&mut self) {
        let deep = self.0.take();
        fixed(|| drop(deep));
    }
}
