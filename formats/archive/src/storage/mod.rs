//! Where the bytes of a trace lie: a small interface over files, and the error that says what a failed write left behind.

mod bytes;
#[cfg(feature = "testing")]
pub mod faulty;
mod os;

use std::io;
use std::path::{Path, PathBuf};

pub use os::{OsFile, OsStorage};

/// Bytes that can be read at any offset, by several threads at once.
///
/// Implemented for byte slices and vectors too, so that a trace in memory reads like one in a file.
pub trait ReadAt {
    /// How many bytes there are.
    ///
    /// # Errors
    /// What the system reports.
    fn length(&self) -> io::Result<u64>;

    /// Reads some bytes from `offset` on into the front of `buffer`; 0 only at the end or for an empty buffer.
    ///
    /// # Errors
    /// What the system reports.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// The `length` bytes from `offset` on where they lie in memory already: nobody need copy them. None where they do not, or end sooner.
    fn in_memory(&self, _offset: u64, _length: usize) -> Option<&[u8]> {
        None
    }
}

/// An open file that can be written.
pub trait StoredFile: ReadAt {
    /// Writes some bytes at `offset`, extending the file where they reach beyond its end. Returns how many.
    ///
    /// # Errors
    /// What the system reports; bytes may have been written all the same.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// What the system reports.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Returns once the bytes and the length of the file survive a crash.
    ///
    /// # Errors
    /// What the system reports; how much survives is then unknown.
    fn sync_data(&self) -> io::Result<()>;

    /// Takes the exclusive lock of the file, held until it is dropped. False where another holds it.
    ///
    /// # Errors
    /// What the system reports.
    fn try_lock(&self) -> io::Result<bool>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read; it must exist.
    Read,
    /// To read and write; it must exist.
    Write,
    /// To read and write; it must not exist yet.
    CreateNew,
    /// To read and write; made empty where it is absent, left as it is otherwise. Never through a link, nor of what has another name too: whoever put
    /// that there would have us write into another file.
    OpenOrCreate,
}

/// A place where files are kept under paths.
pub trait Storage {
    /// An open file of this storage. A closed segment may be written by another thread than the one that closed it.
    type File: StoredFile + Send + Sync + 'static;

    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound` or `AlreadyExists` where `access` says so, and what the system reports.
    fn open(&self, path: &Path, access: Access) -> io::Result<Self::File>;

    /// The name under which the file at `path` lies, links followed: the other files of its trace lie beside that. Of what is no link, or is not there, `path`
    /// itself.
    ///
    /// # Errors
    /// A link that leads to no file; what the system reports.
    fn real_name(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    /// Gives a file another name, replacing what had that name.
    ///
    /// # Errors
    /// What the system reports.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// What the system reports.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns once the names in the directory that holds `path` survive a crash.
    ///
    /// # Errors
    /// What the system reports.
    fn sync_directory_of(&self, path: &Path) -> io::Result<()>;
}

/// What was asked of the storage when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Opening or making a file.
    Open,
    /// Locking a file.
    Lock,
    /// Reading.
    Read,
    /// Writing at the end.
    Append,
    /// Cutting.
    Truncate,
    /// Making bytes durable.
    Sync,
    /// Renaming.
    Rename,
    /// Removing.
    Remove,
    /// Making names durable.
    SyncDirectory,
}

impl std::fmt::Display for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Lock => "lock",
            Self::Read => "read",
            Self::Append => "append to",
            Self::Truncate => "cut",
            Self::Sync => "sync",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::SyncDirectory => "sync the directory of",
        })
    }
}

/// What a failed operation left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The files are as before. The operation may be tried again.
    NothingWritten,
    /// Nobody knows. Whoever writes must stop, and recover from what is found.
    Unknown,
}

/// The storage failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct StoreError {
    /// What was asked.
    pub operation: Operation,
    /// Of which file.
    pub path: PathBuf,
    /// What it left behind.
    pub effect: Effect,
    /// The system's reason.
    pub source: io::Error,
}

/// An open file and its path, the error of every failure typed.
#[derive(Debug)]
pub(crate) struct Stored<F> {
    pub(crate) file: F,
    pub(crate) path: PathBuf,
}

impl<F: ReadAt> Stored<F> {
    pub(crate) fn length(&self) -> Result<u64, StoreError> {
        self.file.length().map_err(|source| self.failed(Operation::Read, Effect::NothingWritten, source))
    }

    /// Fills the buffer from `offset` on.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), StoreError> {
        let mut rest = buffer;
        let mut at = offset;
        while !rest.is_empty() {
            match self.file.read_at(rest, at) {
                Ok(0) => {
                    let ended = io::ErrorKind::UnexpectedEof.into();
                    return Err(self.failed(Operation::Read, Effect::NothingWritten, ended));
                }
                Ok(read) => {
                    rest = rest.get_mut(read..).unwrap_or_default();
                    at += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(Operation::Read, Effect::NothingWritten, error)),
            }
        }
        Ok(())
    }

    fn failed(&self, operation: Operation, effect: Effect, source: io::Error) -> StoreError {
        StoreError { operation, path: self.path.clone(), effect, source }
    }
}

impl<F: StoredFile> Stored<F> {
    /// Writes all of `bytes` at `end`, where the file ends.
    ///
    /// A failed write is cut off again, so that the error can say *nothing was written*; where the cut itself fails
    /// or is not durable, nobody knows.
    pub(crate) fn append(&self, end: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let mut rest = bytes;
        let mut at = end;
        while !rest.is_empty() {
            match self.file.write_at(rest, at) {
                Ok(0) => return Err(self.cut_back(end, io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    at += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.cut_back(end, error)),
            }
        }
        Ok(())
    }

    fn cut_back(&self, end: u64, source: io::Error) -> StoreError {
        let effect = match self.file.truncate(end).and_then(|()| self.file.sync_data()) {
            Ok(()) => Effect::NothingWritten,
            Err(_) => Effect::Unknown,
        };
        self.failed(Operation::Append, effect, source)
    }

    pub(crate) fn truncate(&self, length: u64) -> Result<(), StoreError> {
        self.file.truncate(length).map_err(|source| self.failed(Operation::Truncate, Effect::Unknown, source))
    }

    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| self.failed(Operation::Sync, Effect::Unknown, source))
    }

    pub(crate) fn try_lock(&self) -> Result<bool, StoreError> {
        self.file.try_lock().map_err(|source| self.failed(Operation::Lock, Effect::NothingWritten, source))
    }
}

/// Opens a file; `None` where it is absent.
pub(crate) fn open<S: Storage>(
    storage: &S,
    path: &Path,
    access: Access,
) -> Result<Option<Stored<S::File>>, StoreError> {
    match storage.open(path, access) {
        Ok(file) => Ok(Some(Stored { file, path: path.to_owned() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(Operation::Open, Effect::NothingWritten, path, source)),
    }
}

/// Opens a file that must be there, or is made.
pub(crate) fn open_present<S: Storage>(
    storage: &S,
    path: &Path,
    access: Access,
) -> Result<Stored<S::File>, StoreError> {
    match open(storage, path, access)? {
        Some(file) => Ok(file),
        None => Err(failed(Operation::Open, Effect::NothingWritten, path, io::ErrorKind::NotFound.into())),
    }
}

/// Makes a new file under a name that nobody else uses. What a stopped writer left there is removed, and never written into: it may be a link.
pub(crate) fn make_new<S: Storage>(storage: &S, path: &Path) -> Result<Stored<S::File>, StoreError> {
    match open_present(storage, path, Access::CreateNew) {
        Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {
            remove(storage, path)?;
            open_present(storage, path, Access::CreateNew)
        }
        made => made,
    }
}

pub(crate) fn real_name<S: Storage>(storage: &S, path: &Path) -> Result<PathBuf, StoreError> {
    storage.real_name(path).map_err(|source| failed(Operation::Open, Effect::NothingWritten, path, source))
}

pub(crate) fn rename<S: Storage>(storage: &S, from: &Path, to: &Path) -> Result<(), StoreError> {
    storage.rename(from, to).map_err(|source| failed(Operation::Rename, Effect::Unknown, to, source))
}

/// Removes a file; one that is absent already is no failure.
pub(crate) fn remove<S: Storage>(storage: &S, path: &Path) -> Result<(), StoreError> {
    match storage.remove(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(failed(Operation::Remove, Effect::Unknown, path, source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

pub(crate) fn sync_directory_of<S: Storage>(storage: &S, path: &Path) -> Result<(), StoreError> {
    storage
        .sync_directory_of(path)
        .map_err(|source| failed(Operation::SyncDirectory, Effect::Unknown, path, source))
}

fn failed(operation: Operation, effect: Effect, path: &Path, source: io::Error) -> StoreError {
    StoreError { operation, path: path.to_owned(), effect, source }
}
