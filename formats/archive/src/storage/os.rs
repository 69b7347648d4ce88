//! The files of the operating system.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

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
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::CreateNew => options.read(true).write(true).create_new(true),
            Access::OpenOrCreate => options.read(true).write(true).create(true).truncate(false),
        };
        options.open(path).map(OsFile::new)
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
