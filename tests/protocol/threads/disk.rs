//! A disk in memory before whose every call other threads may go first, a power failure among them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rederive_archive::storage::faulty::{FaultyFile, FaultyStorage, Survival};
use rederive_archive::storage::{Access, ReadAt, Storage, StoredFile};
use shuttle::thread;

use crate::sync::Planted;

/// The disk. Clones are the same disk, as the same start of the machine has it.
#[derive(Clone, Default)]
pub(crate) struct Disk(pub(crate) FaultyStorage, Start);

/// A start of the machine: after the next one whoever still has the disk of this one gets nothing from it.
#[derive(Clone, Default)]
struct Start {
    number: u64,
    last: Arc<AtomicU64>,
}

impl Disk {
    /// The power fails, and this is left.
    pub(crate) fn restart(&self, survival: Survival) {
        self.1.last.fetch_add(1, Ordering::SeqCst);
        self.0.restart(survival);
    }

    /// The disk, as the machine has it that was started last.
    pub(crate) fn started_again(&self) -> Self {
        let number = self.1.last.load(Ordering::SeqCst);
        Self(self.0.clone(), Start { number, last: Arc::clone(&self.1.last) })
    }

    /// Others may go first; after a power failure nobody goes on.
    fn turn(&self) -> io::Result<()> {
        thread::yield_now();
        let is_on = self.1.last.load(Ordering::SeqCst) == self.1.number;
        if is_on { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
    }
}

/// An open file of it.
pub(crate) struct DiskFile(FaultyFile);

impl Storage for Disk {
    type File = DiskFile;

    fn open(&self, path: &Path, access: Access) -> io::Result<DiskFile> {
        self.turn()?;
        self.0.open(path, access).map(DiskFile)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.turn()?;
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.turn()?;
        self.0.remove(path)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        self.turn()?;
        self.0.sync_directory_of(path)
    }
}

impl ReadAt for DiskFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

impl StoredFile for DiskFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        thread::yield_now();
        self.0.write_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        thread::yield_now();
        self.0.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        thread::yield_now();
        if Planted::DiskLies.is_planted() {
            return Ok(());
        }
        self.0.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.0.try_lock()
    }
}
