//! One module a command.

pub(crate) mod completions;
pub(crate) mod import;
pub(crate) mod keygen;
pub(crate) mod replay;
pub(crate) mod show;
