//! Policy bundles: files under a manifest, named by the digest of it, checked before anything is made of them. Spec: bundle.

mod cases;
mod entitlements;
mod fault;
mod folder;
mod manifest;
mod store;
mod tarball;

use std::collections::BTreeMap;
use std::path::Path;

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;

pub use cases::{Case, Expectation, Outcome, run};
pub use entitlements::{Entitlement, Entitlements};
pub use fault::BundleFault;
pub use folder::update;
pub use manifest::{BUNDLE_BYTES_MAX, BundleFile, FILE_BYTES_MAX, FILES_MAX, FORMAT, MANIFEST, Manifest};
pub use store::Store;

/// Where the policies lie.
pub const POLICIES: &str = "policies/";

/// The part of the Cedar schema that is the bundle's own: surfaces, tools, roles' types.
pub const SCHEMA: &str = "schema.cedarschema";

/// Roles and who has them, as Cedar's entities.
pub const ENTITIES: &str = "entities.json";

/// Data that Rego policies may read.
pub const DATA: &str = "data.json";

/// The rules of Rego policies: name, effect, path and scope of each.
pub const RULES: &str = "rules.json";

/// Who may approve what.
pub const ENTITLEMENTS: &str = "entitlements.json";

/// Where tests lie.
pub const TESTS: &str = "tests/";

/// A bundle whose files are those that its manifest lists, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
}

impl Bundle {
    /// The bundle that a folder or a tar holds.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn read(path: &Path) -> Result<Self, BundleFault> {
        if path.is_dir() { folder::read(path) } else { tarball::read(path) }
    }

    /// The bundle in the bytes of a tar, which faults call `name`.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn read_tar(tar: impl std::io::Read, name: &str) -> Result<Self, BundleFault> {
        tarball::read_from(tar, name)
    }

    /// The bundle of these files, each listed in the manifest and each listed one there.
    ///
    /// # Errors
    /// The first, by path, that is not.
    pub fn new(manifest: &[u8], files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleFault> {
        let manifest = Manifest::parse(manifest)?;
        for listed in &manifest.files {
            let path = listed.path.as_str();
            let missing = || BundleFault::Missing { path: path.to_owned() };
            let found = BundleFile::of(listed.path.clone(), files.get(path).ok_or_else(missing)?);
            if found != *listed {
                let path = path.to_owned();
                return Err(BundleFault::Tampered { path, expected: listed.digest, found: found.digest });
            }
        }
        let listed =
            |path: &str| manifest.files.binary_search_by(|file| file.path.as_str().cmp(path)).is_ok();
        match files.keys().find(|path| !listed(path)) {
            Some(path) => Err(BundleFault::Unlisted { path: path.clone() }),
            None => Ok(Self { manifest, files }),
        }
    }

    /// A bundle of these files, its manifest made for it.
    ///
    /// # Errors
    /// A path or size that a bundle cannot have.
    pub fn of_files(
        name: Id,
        version: Id,
        engine: Id,
        files: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, BundleFault> {
        let manifest = Manifest {
            format: FORMAT,
            name,
            version,
            engine,
            engine_version: None,
            schema: None,
            registry: None,
            files: folder::listed(&files)?,
        };
        Self::new(manifest.to_json().as_bytes(), files)
    }

    /// Its digest: what runs and decisions pin.
    pub fn digest(&self) -> Digest {
        self.manifest.digest()
    }

    /// Its manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes of a file.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Paths and bytes of the files below a folder, ascending.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let from = self.files.range(folder.to_owned()..);
        let inside = from.take_while(move |(path, _)| path.starts_with(folder));
        inside.map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// Writes it as a tar: the manifest, then the files in order, with nothing in their headers but name and size.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_tar(&self, out: impl std::io::Write) -> std::io::Result<()> {
        tarball::write(self, out)
    }

    /// Who may approve what.
    ///
    /// # Errors
    /// The file is not what SPEC.md says.
    pub fn entitlements(&self) -> Result<Entitlements, BundleFault> {
        self.file(ENTITLEMENTS).map_or_else(|| Ok(Entitlements::default()), |json| parsed(ENTITLEMENTS, json))
    }

    /// The tests, in the order of files and in them.
    ///
    /// # Errors
    /// A file is not what SPEC.md says.
    pub fn cases(&self) -> Result<Vec<Case>, BundleFault> {
        let mut cases = Vec::new();
        for (path, json) in self.below(TESTS).filter(|(path, _)| path.ends_with(".json")) {
            cases.extend(parsed::<Vec<Case>>(path, json)?);
        }
        Ok(cases)
    }
}

/// The value of a JSON file.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(path: &str, json: &[u8]) -> Result<T, BundleFault> {
    serde_json::from_slice(json)
        .map_err(|error| BundleFault::Data { path: path.to_owned(), message: error.to_string() })
}

/// The text of a file.
#[cfg(any(feature = "cedar", feature = "rego"))]
pub(crate) fn text<'a>(path: &str, bytes: &'a [u8]) -> Result<&'a str, BundleFault> {
    std::str::from_utf8(bytes)
        .map_err(|error| BundleFault::Syntax { path: path.to_owned(), message: error.to_string() })
}
