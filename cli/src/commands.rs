//! One module a command.

pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod keygen;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod show;
