//! A bundle as a folder.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use super::fault::BundleFault;
use super::manifest::{
    BUNDLE_BYTES_MAX, BundleFile, FILE_BYTES_MAX, FILES_MAX, FORMAT, MANIFEST, Manifest, check_path,
};
use super::{Bundle, SCHEMA};
use crate::engine::CEDAR;
use crate::vocabulary::schema_digest;

/// Deepest folder in a bundle.
const DEPTH_MAX: usize = 16;

/// The bundle in a folder. Links are never followed.
pub(super) fn read(folder: &Path) -> Result<Bundle, BundleFault> {
    let (manifest, files) = contents(folder)?;
    let manifest = manifest.ok_or_else(|| BundleFault::Missing { path: MANIFEST.to_owned() })?;
    Bundle::new(&manifest, files)
}

/// Writes the manifest anew for the files that lie in a folder: sizes, digests and, for Cedar, the schema's digest. What it says otherwise
/// stays. Returns the bundle.
///
/// # Errors
/// There is no manifest to begin with, or what lies there cannot be a bundle.
pub fn update(folder: &Path) -> Result<Bundle, BundleFault> {
    let (manifest, files) = contents(folder)?;
    let manifest = manifest.ok_or_else(|| BundleFault::Missing { path: MANIFEST.to_owned() })?;
    let mut draft: serde_json::Value =
        serde_json::from_slice(&manifest).map_err(|error| BundleFault::Manifest(error.to_string()))?;
    if let Some(draft) = draft.as_object_mut() {
        draft.remove("files");
        draft.insert("format".to_owned(), FORMAT.into());
    }
    let mut manifest: Manifest =
        serde_json::from_value(draft).map_err(|error| BundleFault::Manifest(error.to_string()))?;
    manifest.files = listed(&files)?;
    let own = files.get(SCHEMA).map(Vec::as_slice);
    manifest.schema = (manifest.engine.as_str() == CEDAR).then(|| schema_digest(own));
    let bundle = Bundle::new(manifest.to_json().as_bytes(), files)?;
    let path = folder.join(MANIFEST);
    std::fs::write(&path, bundle.manifest.to_json()).map_err(|error| BundleFault::io(MANIFEST, &error))?;
    Ok(bundle)
}

/// The list of these files.
pub(super) fn listed(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<BundleFile>, BundleFault> {
    files.iter().map(|(path, bytes)| Ok(BundleFile::of(check_path(path)?, bytes))).collect()
}

/// The manifest, where there is one, and every other file.
type Contents = (Option<Vec<u8>>, BTreeMap<String, Vec<u8>>);

fn contents(folder: &Path) -> Result<Contents, BundleFault> {
    let mut taken = Taken::default();
    let mut open = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((folder, name, depth)) = open.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| BundleFault::io(name.clone(), &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| BundleFault::io(name.clone(), &error))?;
            let part = entry.file_name();
            let Some(part) = part.to_str() else {
                return Err(BundleFault::Path { path: part.to_string_lossy().into_owned() });
            };
            let path = if name.is_empty() { part.to_owned() } else { format!("{name}/{part}") };
            // Of the link itself, never of what it leads to.
            let about = entry.metadata().map_err(|error| BundleFault::io(path.clone(), &error))?;
            if about.is_dir() && depth < DEPTH_MAX {
                open.push((entry.path(), path, depth + 1));
            } else if about.is_file() {
                taken.take(&path, &entry.path(), &about)?;
            } else {
                return Err(BundleFault::Special { path });
            }
        }
    }
    Ok((taken.manifest, taken.files))
}

/// What was read so far, within the limits.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) manifest: Option<Vec<u8>>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Taken {
    fn take(&mut self, path: &str, at: &Path, about: &Metadata) -> Result<(), BundleFault> {
        self.admit(path, about.len())?;
        let file = File::open(at).map_err(|error| BundleFault::io(path, &error))?;
        self.keep(path, file)
    }

    /// Counts a file before anything of it is read.
    pub(super) fn admit(&mut self, path: &str, bytes: u64) -> Result<(), BundleFault> {
        let large = |most| BundleFault::Large { path: path.to_owned(), most };
        if path != MANIFEST {
            check_path(path)?;
        }
        if self.files.len() >= FILES_MAX {
            return Err(BundleFault::Files { most: FILES_MAX });
        }
        if bytes > FILE_BYTES_MAX {
            return Err(large(FILE_BYTES_MAX));
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > BUNDLE_BYTES_MAX { Err(large(BUNDLE_BYTES_MAX)) } else { Ok(()) }
    }

    /// Reads an admitted file, even if it grew since.
    pub(super) fn keep(&mut self, path: &str, file: impl Read) -> Result<(), BundleFault> {
        let mut bytes = Vec::new();
        let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|error| BundleFault::io(path, &error))?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(BundleFault::Large { path: path.to_owned(), most: FILE_BYTES_MAX });
        }
        let twice = if path == MANIFEST {
            self.manifest.replace(bytes).is_some()
        } else {
            self.files.insert(path.to_owned(), bytes).is_some()
        };
        if twice { Err(BundleFault::Twice { path: path.to_owned() }) } else { Ok(()) }
    }
}
