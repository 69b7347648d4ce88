//! A bundle's manifest: what it is, and the digest of each of its files. Its canonical bytes are what a bundle's digest covers.

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::Id;
use rederive_evidence::map;
use rederive_evidence::schema::to_bytes;

use super::fault::BundleFault;

/// Name of the manifest in a bundle. It lists every other file and not itself.
pub const MANIFEST: &str = "manifest.json";

/// The format that this version writes and reads: the files' places, and the policy schema's common part.
pub const FORMAT: u16 = 1;

/// Most files beside the manifest.
pub const FILES_MAX: usize = 1_024;

/// Most bytes of a file.
pub const FILE_BYTES_MAX: u64 = 4 << 20;

/// Most bytes of all files.
pub const BUNDLE_BYTES_MAX: u64 = 32 << 20;

map! {
    /// A bundle's manifest. Spec: bundle-manifest.
    pub struct Manifest {
        /// The format: 1.
        0 req format: u16,
        /// The bundle's name.
        1 req name: Id,
        /// Its version, by its authors.
        2 req version: Id,
        /// The engine that its policies are for: `cedar` or `rego`.
        3 req engine: Id,
        /// The engine's version that it was tested with.
        4 opt engine_version: Id,
        /// Digest of the schema in force, for engines that have one.
        5 opt schema: Digest,
        /// Digest of the registry that the schema speaks of, where it speaks of one.
        6 opt registry: Digest,
        /// Every file but the manifest, ascending by path.
        7 req files: Vec<BundleFile>,
    }

    /// A file of a bundle.
    pub struct BundleFile {
        /// Its path, parts separated by `/`.
        0 req path: Id,
        /// How many bytes it has.
        1 req bytes: u64,
        /// `bundle file` digest of them.
        2 req digest: Digest,
    }
}

impl BundleFile {
    /// The entry of a file with these bytes.
    pub(crate) fn of(path: Id, bytes: &[u8]) -> Self {
        Self { path, bytes: bytes.len() as u64, digest: digest(Purpose::BundleFile, bytes) }
    }
}

impl Manifest {
    /// The manifest that this JSON is, its list in order and within the limits.
    ///
    /// # Errors
    /// What it lacks, or has too much of.
    pub fn parse(json: &[u8]) -> Result<Self, BundleFault> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| BundleFault::Manifest(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(BundleFault::Format(manifest.format));
        }
        if manifest.files.len() > FILES_MAX {
            return Err(BundleFault::Files { most: FILES_MAX });
        }
        let mut bytes = 0_u64;
        for file in &manifest.files {
            check_path(file.path.as_str())?;
            bytes = bytes.saturating_add(file.bytes);
            let path = file.path.to_string();
            if file.bytes > FILE_BYTES_MAX {
                return Err(BundleFault::Large { path, most: FILE_BYTES_MAX });
            }
            if bytes > BUNDLE_BYTES_MAX {
                return Err(BundleFault::Large { path, most: BUNDLE_BYTES_MAX });
            }
        }
        for (left, right) in manifest.files.iter().zip(manifest.files.iter().skip(1)) {
            if left.path == right.path {
                return Err(BundleFault::Twice { path: left.path.to_string() });
            }
            if left.path > right.path {
                let place = format!("{} stands before {}: files ascend", left.path, right.path);
                return Err(BundleFault::Manifest(place));
            }
        }
        Ok(manifest)
    }

    /// The JSON that people read and edit: an object, two spaces an indent, a line feed at the end.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// The bundle's digest: over the canonical bytes, so that how the JSON is laid out does not matter.
    pub fn digest(&self) -> Digest {
        digest(Purpose::Bundle, &to_bytes(self))
    }
}

/// Whether this may be the path of a file in a bundle: an identifier whose parts are neither empty nor made of dots, no colon, no tilde, and
/// not the manifest's own name.
///
/// # Errors
/// It may not.
pub(crate) fn check_path(path: &str) -> Result<Id, BundleFault> {
    let outside = || BundleFault::Path { path: path.to_owned() };
    let id = Id::new(path).map_err(|_| outside())?;
    let strange = |part: &str| part.is_empty() || part.bytes().all(|byte| byte == b'.');
    if path.split('/').any(strange) || path.contains([':', '~']) || path == MANIFEST {
        return Err(outside());
    }
    Ok(id)
}
