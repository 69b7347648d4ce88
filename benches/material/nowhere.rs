//! A storage that takes everything and keeps nothing: what recording costs without the disk.

use std::io;
use std::path::Path;

use rederive_archive::storage::{Access, ReadAt, Storage, StoredFile};

/// The storage, and each file in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nowhere;

impl Storage for Nowhere {
    type File = Self;

    fn open(&self, _path: &Path, access: Access) -> io::Result<Self> {
        match access {
            Access::Read | Access::Write => Err(io::ErrorKind::NotFound.into()),
            Access::CreateNew | Access::OpenOrCreate => Ok(*self),
        }
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory_of(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Nowhere {
    fn length(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }
}

impl StoredFile for Nowhere {
    fn write_at(&self, bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn truncate(&self, _length: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
}
