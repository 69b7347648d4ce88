//! One module a command.

#[cfg(feature = "gate")]
pub(crate) mod approve;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod explore;
pub(crate) mod import;
pub(crate) mod keygen;
pub(crate) mod measure;
pub(crate) mod policy;
pub(crate) mod prove;
pub(crate) mod record;
pub(crate) mod redact;
pub(crate) mod registry;
pub(crate) mod replay;
pub(crate) mod review;
pub(crate) mod show;
pub(crate) mod verify;
pub(crate) mod whatif;
