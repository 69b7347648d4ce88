//! What the libraries return, in words.

pub(crate) mod bundle;
pub(crate) mod faults;
pub(crate) mod gaps;
pub(crate) mod gist;
pub(crate) mod json;
pub(crate) mod record;
pub(crate) mod verdict;
