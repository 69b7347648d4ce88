//! What is said between the two sides of the sandbox: a plan goes in, sockets and a report come out.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::fault::Step;

/// What is to be run, and inside what. Handed over a socket: neither arguments nor a file show the environment, which may hold a credential.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) command: Vec<OsString>,
    pub(super) environment: Vec<(OsString, OsString)>,
    /// An empty folder on which the new root is mounted.
    pub(super) root: PathBuf,
    pub(super) writable: Option<PathBuf>,
    pub(super) readable: Vec<PathBuf>,
    pub(super) seconds_max: u64,
    pub(super) memory_bytes_max: u64,
    pub(super) file_bytes_max: u64,
    pub(super) processes_max: u32,
}

/// What became of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// Nothing was started.
    Refused { step: Step, detail: String },
    /// The program ended with this status.
    Status(i32),
    /// It was ended by this signal.
    Signal(i32),
    /// All its processes together had more memory than the plan allows, and were killed.
    Memory,
}

/// Where the proxy listens, inside.
pub(super) const PROXY_PORT: u16 = 3128;

/// The name server that resolvers inside are told of: an address for documentation (RFC 5737), so that what they ask is seen and goes nowhere.
pub(super) const NAME_SERVER: &str = "192.0.2.53";
