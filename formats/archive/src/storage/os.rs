//! The files of the operating system.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::{Access, ReadAt, Storage, StoredFile};

/// The file system of the operating system.
///
/// The lock is advisory on Unix and mandatory on Windows: a trace that is being written cannot be read there.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsStorage;

/// An open file of the operating system.
#[derive(Debug)]
pub struct OsFile {
    #[cfg(unix)]
    file: File,
    /// Elsewhere reading at an offset moves the file's position, so that two threads have to take turns.
    #[cfg(not(unix))]
    file: std::sync::Mutex<File>,
}

impl Storage for OsStorage {
    type File = OsFile;

    fn open(&self, path: &Path, access: Access) -> io::Result<OsFile> {
        let mut options = OpenOptions::new();
        // To open a pipe is to wait for whoever writes into it.
        if path.metadata().is_ok_and(|found| !found.is_file()) {
            let message = format!("{} is no regular file", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::CreateNew => options.read(true).write(true).create_new(true),
            Access::OpenOrCreate => return open_own(path).map(OsFile::new),
        };
        options.open(path).map(OsFile::new)
    }

    fn real_name(&self, path: &Path) -> io::Result<PathBuf> {
        if !path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
            return Ok(path.to_owned());
        }
        match path.canonicalize() {
            // A name that the system makes up for an open file, such as `/dev/stdin`, can lead to one that has no other.
            Err(_) if path.exists() => Ok(path.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a link that leads to no file"))
            }
            found => found,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        };
        File::open(directory)?.sync_all()
    }

    /// Elsewhere a directory cannot be opened to be synced; the system keeps names by itself.
    #[cfg(not(unix))]
    fn sync_directory_of(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// How often a file is looked for that others make and rename at the same time.
const TRIES: usize = 8;

/// Opens the file at `path`, or makes it: see [`Access::OpenOrCreate`].
fn open_own(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let _ = options.read(true).write(true);
    let mut tried = Err(io::ErrorKind::NotFound.into());
    for _ in 0..TRIES {
        tried = match options.clone().create_new(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_there(path, &options),
            made => made,
        };
        if !matches!(&tried, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            break;
        }
    }
    tried
}

fn open_there(path: &Path, options: &OpenOptions) -> io::Result<File> {
    let not_own = || {
        let reason = format!(
            "{} is a link, has another name or is no regular file, and is not written into",
            path.display()
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
    };
    // Before it is opened: to open a pipe or a device can do something already.
    let there = path.symlink_metadata()?;
    if !is_own(&there) {
        return not_own();
    }
    let file = options.open(path)?;
    // Another may have been put there since.
    let opened = file.metadata()?;
    if is_own(&opened) && is_same(&there, &opened) { Ok(file) } else { not_own() }
}

/// Whether it is a file under one name alone.
#[cfg(unix)]
fn is_own(found: &Metadata) -> bool {
    found.is_file() && std::os::unix::fs::MetadataExt::nlink(found) == 1
}

#[cfg(not(unix))]
fn is_own(found: &Metadata) -> bool {
    found.is_file()
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(unix)]
impl OsFile {
    fn new(file: File) -> Self {
        Self { file }
    }
}

#[cfg(unix)]
impl ReadAt for OsFile {
    fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, offset)
    }
}

#[cfg(unix)]
impl StoredFile for OsFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(&self.file, bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        lock(&self.file)
    }
}

#[cfg(not(unix))]
mod by_position {
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use super::{File, OsFile, ReadAt, StoredFile, io, lock};

    impl OsFile {
        pub(super) fn new(file: File) -> Self {
            Self { file: Mutex::new(file) }
        }

        // The position is set before each use, so that a thread that panicked leaves nothing wrong behind.
        fn at(&self, offset: u64) -> io::Result<MutexGuard<'_, File>> {
            let mut file = self.held();
            file.seek(SeekFrom::Start(offset))?;
            Ok(file)
        }

        fn held(&self) -> MutexGuard<'_, File> {
            self.file.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    impl ReadAt for OsFile {
        fn length(&self) -> io::Result<u64> {
            self.held().metadata().map(|metadata| metadata.len())
        }

        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            self.at(offset)?.read(buffer)
        }
    }

    impl StoredFile for OsFile {
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            self.at(offset)?.write(bytes)
        }

        fn truncate(&self, length: u64) -> io::Result<()> {
            self.held().set_len(length)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.held().sync_data()
        }

        fn try_lock(&self) -> io::Result<bool> {
            lock(&self.held())
        }
    }
}
