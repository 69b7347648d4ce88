//! A storage in memory that fails and crashes as told, for tests of whoever writes through [`Storage`].
//!
//! What is not synced may be lost. Each call can be made to fail in each way a file system fails; after a crash the
//! files hold what a disk may hold: of the bytes since the last sync any sectors, of the names since the last sync of
//! the directory any first few changes. Bytes that were cut off do not come back beside bytes written later: file
//! systems order the two.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, ReadAt, Storage, StoredFile};

/// What a disk writes as a whole.
const SECTOR_BYTES: usize = 512;

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens but the error.
    Failed,
    /// All of it happens, and the error is returned all the same.
    FailedButDone,
    /// A write takes half of the bytes and says so; other calls are not touched.
    Short,
    /// A write takes half of the bytes; from then on the disk is full until [`FaultyStorage::free_space`].
    DiskFull,
    /// This call and all later ones fail, until the restart.
    Gone,
    /// The power fails while the call is under way: it and all later ones fail, until the restart.
    Crash,
}

impl Fault {
    /// Every fault, for tables over all of them.
    pub const ALL: [Self; 6] =
        [Self::Failed, Self::FailedButDone, Self::Short, Self::DiskFull, Self::Gone, Self::Crash];
}

/// What is left of the unsynced bytes and names after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Nothing.
    Nothing,
    /// All of it: the process was killed, the system went on.
    Everything,
    /// Any of it, sector by sector, as this seed says.
    Sectors(u64),
}

/// The storage. Clones are the same storage.
#[derive(Clone, Debug, Default)]
pub struct FaultyStorage(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Inode>,
    /// The directory after each change since it was last synced; the first is the synced one.
    names: Vec<BTreeMap<PathBuf, usize>>,
    calls: u64,
    injected: Option<(u64, Fault)>,
    full: bool,
    gone: bool,
    /// Counts restarts: handles of an earlier one are dead.
    restarts: u64,
}

#[derive(Debug, Default)]
struct Inode {
    /// The bytes as last synced, then after each change.
    versions: Vec<Version>,
    locked_by: Option<u64>,
}

#[derive(Clone, Debug, Default)]
struct Version {
    bytes: Vec<u8>,
    /// Made by cutting.
    cut: bool,
}

/// What becomes of one call.
enum Course {
    Goes,
    Half,
    Full,
    Fails,
    FailsDone,
}

impl Disk {
    /// Counts the call and says what becomes of it.
    fn course(&mut self) -> Course {
        let call = self.calls;
        self.calls += 1;
        if self.gone {
            return Course::Fails;
        }
        let fault = self.injected.filter(|(at, _)| *at == call).map(|(_, fault)| fault);
        match fault {
            Some(Fault::Failed) => Course::Fails,
            Some(Fault::FailedButDone) => Course::FailsDone,
            Some(Fault::Short) => Course::Half,
            Some(Fault::DiskFull) => {
                self.full = true;
                Course::Half
            }
            Some(Fault::Gone) => {
                self.gone = true;
                Course::Fails
            }
            Some(Fault::Crash) => {
                self.gone = true;
                Course::FailsDone
            }
            None if self.full => Course::Full,
            None => Course::Goes,
        }
    }

    /// Runs a call that is not a write.
    fn call<T>(&mut self, work: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        match self.course() {
            Course::Goes | Course::Half | Course::Full => work(self),
            Course::Fails => Err(injected()),
            Course::FailsDone => {
                work(self)?;
                Err(injected())
            }
        }
    }

    fn directory(&self) -> BTreeMap<PathBuf, usize> {
        self.names.last().cloned().unwrap_or_default()
    }

    fn change_names(&mut self, change: impl FnOnce(&mut BTreeMap<PathBuf, usize>)) {
        let mut names = self.directory();
        change(&mut names);
        if self.names.is_empty() {
            self.names.push(BTreeMap::new());
        }
        self.names.push(names);
    }

    fn make(&mut self, path: &Path, bytes: Vec<u8>) -> usize {
        let file = self.files.len();
        self.files.push(Inode { versions: vec![Version { bytes, cut: false }], locked_by: None });
        self.change_names(|names| {
            names.insert(path.to_owned(), file);
        });
        file
    }

    fn inode(&mut self, file: usize) -> io::Result<&mut Inode> {
        self.files.get_mut(file).ok_or_else(injected)
    }
}

impl Inode {
    fn bytes(&self) -> &[u8] {
        self.versions.last().map(|version| version.bytes.as_slice()).unwrap_or_default()
    }

    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let mut now = self.bytes().to_vec();
        let end = offset + bytes.len();
        if now.len() < end {
            now.resize(end, 0);
        }
        if let Some(place) = now.get_mut(offset..end) {
            place.copy_from_slice(bytes);
        }
        self.versions.push(Version { bytes: now, cut: false });
    }

    fn sync(&mut self) {
        let last = self.versions.len().saturating_sub(1);
        self.versions.drain(..last);
    }

    fn restart(&mut self, survival: Survival, dice: &mut Dice) {
        let bytes = match survival {
            Survival::Nothing => self.versions.first().map(|version| version.bytes.clone()),
            Survival::Everything => self.versions.last().map(|version| version.bytes.clone()),
            Survival::Sectors(_) => Some(self.torn(dice)),
        };
        self.versions = vec![Version { bytes: bytes.unwrap_or_default(), cut: false }];
        self.locked_by = None;
    }

    /// A mixture of the versions between two cuts: the length of one, each sector of any.
    fn torn(&self, dice: &mut Dice) -> Vec<u8> {
        let reached = dice.below(self.versions.len());
        let cut_at = |index: &usize| self.versions.get(*index).is_some_and(|version| version.cut);
        let first = (0..=reached).rev().find(cut_at).unwrap_or(0);
        let after = (reached + 1..self.versions.len()).find(cut_at).unwrap_or(self.versions.len());
        let choices = self.versions.get(first..after).unwrap_or_default();
        let length = choices.get(dice.below(choices.len())).map_or(0, |version| version.bytes.len());
        let mut bytes = vec![0; length];
        for (number, sector) in bytes.chunks_mut(SECTOR_BYTES).enumerate() {
            let from = choices.get(dice.below(choices.len())).map(|version| version.bytes.as_slice());
            let from = from.and_then(|bytes| bytes.get(number * SECTOR_BYTES..)).unwrap_or_default();
            for (to, from) in sector.iter_mut().zip(from) {
                *to = *from;
            }
        }
        bytes
    }
}

/// A small generator (SplitMix64): the same seed gives the same crash.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (bound.max(1) as u64)).unwrap_or(0)
    }
}

fn injected() -> io::Error {
    io::Error::other("injected fault")
}

impl FaultyStorage {
    /// An empty storage without faults.
    pub fn new() -> Self {
        Self::default()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the call with this number, counted from 0, fail. One fault at a time.
    pub fn inject(&self, call: u64, fault: Fault) {
        self.disk().injected = Some((call, fault));
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// Ends a full disk.
    pub fn free_space(&self) {
        self.disk().full = false;
    }

    /// Ends every handle and lock as a crash does, keeps what survives, and fails no more. Counts calls from 0 again.
    pub fn restart(&self, survival: Survival) {
        let mut dice = match survival {
            Survival::Nothing | Survival::Everything => Dice(0),
            Survival::Sectors(seed) => Dice(seed),
        };
        let mut disk = self.disk();
        let reached = match survival {
            Survival::Nothing => 0,
            Survival::Everything => disk.names.len().saturating_sub(1),
            Survival::Sectors(_) => dice.below(disk.names.len()),
        };
        let names = disk.names.get(reached).cloned().unwrap_or_default();
        disk.names = vec![names];
        for file in &mut disk.files {
            file.restart(survival, &mut dice);
        }
        disk.calls = 0;
        disk.injected = None;
        disk.full = false;
        disk.gone = false;
        disk.restarts += 1;
    }

    /// The bytes under a path now.
    pub fn bytes_of(&self, path: &Path) -> Option<Vec<u8>> {
        let disk = self.disk();
        let file = *disk.names.last()?.get(path)?;
        disk.files.get(file).map(|inode| inode.bytes().to_vec())
    }

    /// Puts a file there, synced, replacing one of that path.
    pub fn put(&self, path: &Path, bytes: Vec<u8>) {
        let mut disk = self.disk();
        disk.make(path, bytes);
        disk.names = vec![disk.directory()];
    }

    /// The paths there are now.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.disk().directory().into_keys().collect()
    }
}

impl Storage for FaultyStorage {
    type File = FaultyFile;

    fn open(&self, path: &Path, access: Access) -> io::Result<FaultyFile> {
        let mut disk = self.disk();
        let file = disk.call(|disk| match (disk.directory().get(path), access) {
            (Some(_), Access::CreateNew) => Err(io::ErrorKind::AlreadyExists.into()),
            (Some(file), Access::Read | Access::Write | Access::OpenOrCreate) => Ok(*file),
            (None, Access::CreateNew | Access::OpenOrCreate) => Ok(disk.make(path, Vec::new())),
            (None, Access::Read | Access::Write) => Err(io::ErrorKind::NotFound.into()),
        })?;
        let owner = disk.calls;
        let restarts = disk.restarts;
        Ok(FaultyFile { storage: self.clone(), file, owner, restarts })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk().call(|disk| {
            let file = *disk.directory().get(from).ok_or(io::ErrorKind::NotFound)?;
            disk.change_names(|names| {
                names.remove(from);
                names.insert(to.to_owned(), file);
            });
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk().call(|disk| {
            disk.directory().get(path).ok_or(io::ErrorKind::NotFound)?;
            disk.change_names(|names| {
                names.remove(path);
            });
            Ok(())
        })
    }

    fn sync_directory_of(&self, _path: &Path) -> io::Result<()> {
        self.disk().call(|disk| {
            disk.names = vec![disk.directory()];
            Ok(())
        })
    }
}

/// An open file of a [`FaultyStorage`].
#[derive(Debug)]
pub struct FaultyFile {
    storage: FaultyStorage,
    file: usize,
    /// Tells handles apart, for the lock: the number of the call that opened it.
    owner: u64,
    restarts: u64,
}

impl FaultyFile {
    fn call<T>(&self, work: impl FnOnce(&mut Inode, u64) -> T) -> io::Result<T> {
        let mut disk = self.storage.disk();
        if disk.restarts != self.restarts {
            return Err(injected());
        }
        disk.call(|disk| disk.inode(self.file).map(|inode| work(inode, self.owner)))
    }
}

impl ReadAt for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.call(|inode, _| inode.bytes().len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.call(|inode, _| inode.bytes().read_at(buffer, offset))?
    }
}

impl StoredFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut disk = self.storage.disk();
        if disk.restarts != self.restarts {
            return Err(injected());
        }
        let course = disk.course();
        let inode = disk.inode(self.file)?;
        let offset = usize::try_from(offset).map_err(|_| injected())?;
        let half = bytes.get(..bytes.len().div_ceil(2)).unwrap_or_default();
        match course {
            Course::Goes => {
                inode.write(offset, bytes);
                Ok(bytes.len())
            }
            Course::Half => {
                inode.write(offset, half);
                Ok(half.len())
            }
            Course::Full => Err(io::ErrorKind::StorageFull.into()),
            Course::Fails => Err(injected()),
            Course::FailsDone => {
                inode.write(offset, bytes);
                Err(injected())
            }
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.call(|inode, _| {
            let mut bytes = inode.bytes().to_vec();
            bytes.resize(usize::try_from(length).unwrap_or(bytes.len()), 0);
            inode.versions.push(Version { bytes, cut: true });
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(|inode, _| inode.sync())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.call(|inode, owner| *inode.locked_by.get_or_insert(owner) == owner)
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        let mut disk = self.storage.disk();
        let live = disk.restarts == self.restarts;
        if let Ok(inode) = disk.inode(self.file)
            && live
            && inode.locked_by == Some(self.owner)
        {
            inode.locked_by = None;
        }
    }
}
