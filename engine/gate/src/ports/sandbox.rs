//! The sandbox in which generated code and command tools run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use rederive_evidence::ids::Id;

use super::Failure;

/// Runs commands where they can reach nothing but what the job names.
pub trait Sandbox: Send + Sync {
    /// Its name, as `tool.dispatched` holds it.
    fn name(&self) -> &Id;

    /// Whether it can be relied on here and now: a sandbox that is not at hand means that command tools are refused.
    ///
    /// # Errors
    /// Why it cannot.
    fn ready(&self) -> Result<(), Failure>;

    /// Runs a job to its end, or to its limit.
    ///
    /// # Errors
    /// The job was not started. What was started has an [`Exit`], whatever it is.
    fn run(&self, job: &Job) -> Result<Finished, Failure>;
}

/// A command and all that it may reach.
#[derive(Clone, Debug)]
pub struct Job {
    /// The program and its arguments. No shell stands between.
    pub command: Vec<OsString>,
    /// What it reads.
    pub input: Vec<u8>,
    /// Its whole environment.
    pub environment: BTreeMap<OsString, OsString>,
    /// The one folder that it may write, and starts in; none: nothing can be written.
    pub writable: Option<PathBuf>,
    /// Folders and files it may read, beside the system's own.
    pub readable: Vec<PathBuf>,
    /// Hosts and ports it may connect to; empty: no network.
    pub network: Vec<(String, u16)>,
    /// How long it may run.
    pub time: Duration,
    /// Memory it may use, bytes.
    pub memory_bytes_max: u64,
    /// Bytes of each output that are kept; what goes beyond is cut and said so.
    pub output_bytes_max: u64,
    /// Processes it may have at once.
    pub processes_max: u32,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
    /// It took longer than it may.
    TimeLimit,
    /// It wanted more memory than it may have.
    MemoryLimit,
}

/// A connection that a job attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Where to: host or address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether the allow-list has it.
    pub allowed: bool,
}

/// What a job that was started gave.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// What it wrote to its standard error.
    pub stderr: Vec<u8>,
    /// Whether output was cut at its limit.
    pub is_cut: bool,
    /// Connections that it attempted, in order: as many as the sandbox lists.
    pub connections: Vec<Attempt>,
    /// How many more it attempted.
    pub connections_more: u64,
    /// How long it took.
    pub took: Duration,
}
