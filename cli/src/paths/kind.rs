//! What a path leads to. The system opens devices, sockets and windows into itself as it opens files; none of them holds an input.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use super::too_long;

/// What a path leads to, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    /// It is read once, from its beginning to its end.
    Pipe,
    /// Whatever this process has as its standard input, such as `/dev/stdin`, where that is no file.
    Stdin,
    /// It may give bytes, and may never stop.
    Other,
}

impl Kind {
    /// Looks what is at `path`.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let found = path.metadata()?;
        if found.is_dir() {
            return Ok(Self::Folder);
        }
        if found.is_file() {
            return Ok(if found.len() == 0 && gives_more_than_it_has(path) {
                Self::Other
            } else {
                Self::File
            });
        }
        Ok(system::stream(&found))
    }
}

/// Whether a file of no bytes gives some, or cannot be read for another reason than that it must not be: such files are made up by the system while they are
/// read. One whose first bytes are written at this moment has them in its length too.
fn gives_more_than_it_has(path: &Path) -> bool {
    let Ok(mut file) = File::open(path) else { return false };
    let is_empty = matches!(file.read(&mut [0]), Ok(0));
    !is_empty && file.metadata().is_ok_and(|now| now.len() == 0)
}

/// Checks that what stands on standard input, where it is a file, is not longer than `most` bytes, so that nothing of it is read for nothing.
///
/// # Errors
/// It is longer.
pub(super) fn check_stdin_length(most: u64) -> io::Result<()> {
    let Some(rest) = system::stdin_rest() else { return Ok(()) };
    if rest > most { Err(too_long(most)) } else { Ok(()) }
}

#[cfg(unix)]
mod system {
    use std::io::Seek as _;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

    use super::{File, Kind, Metadata, io};

    /// Another handle of standard input, which shares its position.
    fn stdin() -> Option<File> {
        io::stdin().as_fd().try_clone_to_owned().ok().map(File::from)
    }

    pub(super) fn stream(found: &Metadata) -> Kind {
        let is_same = |stdin: &Metadata| (stdin.dev(), stdin.ino()) == (found.dev(), found.ino());
        if stdin().and_then(|stdin| stdin.metadata().ok()).is_some_and(|stdin| is_same(&stdin)) {
            return Kind::Stdin;
        }
        if found.file_type().is_fifo() { Kind::Pipe } else { Kind::Other }
    }

    /// Bytes that standard input has left, where it is a file.
    pub(super) fn stdin_rest() -> Option<u64> {
        let mut stdin = stdin()?;
        let found = stdin.metadata().ok().filter(Metadata::is_file)?;
        Some(found.len().saturating_sub(stdin.stream_position().ok()?))
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Kind, Metadata};

    pub(super) fn stream(_found: &Metadata) -> Kind {
        Kind::Other
    }

    pub(super) fn stdin_rest() -> Option<u64> {
        None
    }
}
