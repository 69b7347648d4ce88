//! Bundles kept by their digest, so that replay finds the one that a run pinned.

use std::path::{Path, PathBuf};

use rederive_evidence::digest::Digest;

use super::Bundle;
use super::fault::BundleFault;

/// A folder of bundles: each a tar named by its digest in hex, `.tar` behind it, or a folder named by the digest alone.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The store in this folder, which may not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The bundle with this digest. What lies under the name is never taken at its word.
    ///
    /// # Errors
    /// It is not archived, not a bundle, or another one.
    pub fn get(&self, digest: &Digest) -> Result<Bundle, BundleFault> {
        let names = [self.tar(digest), self.folder.join(digest.to_hex())];
        let Some(path) = names.iter().find(|path| path.exists()) else {
            return Err(BundleFault::NotArchived(*digest));
        };
        let bundle = Bundle::read(path)?;
        let found = bundle.digest();
        if found == *digest { Ok(bundle) } else { Err(BundleFault::OtherBundle { expected: *digest, found }) }
    }

    /// Archives a bundle, whole or not at all. Returns where; one that is there already stays as it is.
    ///
    /// # Errors
    /// What the system says, or that something else lies under its name.
    pub fn put(&self, bundle: &Bundle) -> Result<PathBuf, BundleFault> {
        let digest = bundle.digest();
        let path = self.tar(&digest);
        match self.get(&digest) {
            Ok(_) => return Ok(path),
            Err(BundleFault::NotArchived(_)) => {}
            Err(fault) => return Err(fault),
        }
        let io = |error: std::io::Error| BundleFault::io(path.display().to_string(), &error);
        std::fs::create_dir_all(&self.folder).map_err(io)?;
        let mut bytes = Vec::new();
        bundle.write_tar(&mut bytes).map_err(io)?;
        let beside = self.folder.join(format!("{}.{}.new", digest.to_hex(), std::process::id()));
        let written = write_through(&beside, &bytes).and_then(|()| std::fs::rename(&beside, &path));
        written.map_err(|error| {
            // What was written so far is of no use to anybody.
            let _ = std::fs::remove_file(&beside);
            io(error)
        })?;
        Ok(path)
    }

    fn tar(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}.tar", digest.to_hex()))
    }
}

/// Writes a file that must not be there, down to the disk.
fn write_through(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.sync_all()
}
