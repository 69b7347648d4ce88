//! Why a job was not started.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A step of building the sandbox from inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// Read what is to be run.
    Plan,
    /// Bring up the network namespace's own interface and listen there.
    Network,
    /// Make the new root and what is mounted in it.
    Root,
    /// Mount a folder that the job names.
    Mount,
    /// Forbid further user namespaces.
    Namespaces,
    /// Set resource limits.
    Limits,
    /// Give up all privileges.
    Privileges,
    /// Apply Landlock.
    Landlock,
    /// Put the filter of system calls in place.
    Calls,
    /// Start the program.
    Start,
}

/// Why a job was not started. Nothing of it ran.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxFault {
    /// No program to make namespaces with.
    #[error("`unshare` of util-linux is not installed: install it, or no command can run")]
    NoUnshare,
    /// The program that builds the sandbox from inside is not where it should be.
    #[error("{path} is not there: it is installed beside this program")]
    NoHelper {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The job names a folder that is none, or one that may not be handed out.
    #[error(
        "{path} cannot be given to a job: an absolute path of a folder or file, and neither `/` nor one of the system's own, is needed"
    )]
    Path {
        /// The path.
        path: PathBuf,
    },
    /// No command, or limits of zero.
    #[error("the job has no command, or no time, memory or process to run it with")]
    Empty,
    /// The kernel lets no user make namespaces, or `unshare` failed for another reason.
    #[error("the kernel made no namespaces: {said}")]
    Namespaces {
        /// What `unshare` said.
        said: String,
    },
    /// A step inside failed.
    #[error("the sandbox could not be built at step {step:?} ({detail})")]
    Build {
        /// Which.
        step: Step,
        /// What the system said.
        detail: String,
    },
    /// The system failed outside of the sandbox.
    #[error("the sandbox could not be prepared: {0}")]
    System(#[from] std::io::Error),
}
