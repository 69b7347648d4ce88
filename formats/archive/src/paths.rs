//! The names of the files beside a trace.

use std::path::{Path, PathBuf};

/// The open log of the trace at `path`: its name and `-open`.
pub fn log_path(path: &Path) -> PathBuf {
    beside(path, "-open")
}

/// The name under which a new log is made whole before it takes the name of the old one.
pub(crate) fn new_log_path(path: &Path) -> PathBuf {
    beside(path, "-open-new")
}

/// The name of a trace that is made durable at its seal, until then.
pub(crate) fn unsealed_path(path: &Path) -> PathBuf {
    beside(path, "-new")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
