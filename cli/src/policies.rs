//! Bundles and registries from the disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rederive_evidence::digest::Digest;
use rederive_policy::bundle::Store;
use rederive_policy::registry::REGISTRY_BYTES_MAX;
use rederive_policy::{Bundle, Compiled, Registry, compile};
use rederive_replay::{Judge, Pinned, Registries};

use crate::args::Failed;
use crate::problem::Problem;
use crate::trace;
use crate::words::bundle::{no_registry, unusable};

/// Reads a bundle and makes it ready.
///
/// # Errors
/// It cannot be used.
pub(crate) fn bundle(path: &Path) -> Result<Compiled, Failed> {
    let read = Bundle::read(path).and_then(|bundle| compile(&bundle));
    read.map_err(|fault| unusable(path, &fault))
}

/// Reads a registry.
///
/// # Errors
/// It cannot be used.
pub(crate) fn registry(path: &Path) -> Result<Registry, Failed> {
    let text = trace::file(path, REGISTRY_BYTES_MAX as u64)?;
    Registry::parse(&text).map_err(|fault| no_registry(path, &fault))
}

/// A folder in which bundles lie under their digests, and registries (*.json) under any name. What lies there is known by its own digest
/// alone. Nothing that cannot be read stops a replay: what it would have been is then not at hand.
pub(crate) struct Archive {
    store: Store,
    registries: BTreeMap<Digest, Arc<Registry>>,
    bundles: Mutex<BTreeMap<Digest, Option<Arc<dyn Judge>>>>,
}

impl Archive {
    /// The archive in this folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failed> {
        let entries = std::fs::read_dir(folder).map_err(|error| {
            let title = format!("cannot read {}: {}", folder.display(), crate::paths::words(&error));
            Failed::new(crate::paths::exit_of(&error), Problem::error(title))
        })?;
        let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        let is_json = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let read = |path: &PathBuf| {
            let text = crate::paths::read_file(path, REGISTRY_BYTES_MAX as u64).ok()?;
            let registry = Registry::parse(&text).ok()?;
            Some((registry.digest(), Arc::new(registry)))
        };
        let registries = files.iter().filter(is_json).filter_map(read).collect();
        Ok(Self { store: Store::new(folder), registries, bundles: Mutex::default() })
    }
}

impl Registries for Archive {
    fn registry(&self, pinned: Option<&Digest>) -> Option<Arc<Registry>> {
        self.registries.get(pinned?).cloned()
    }
}

impl Pinned for Archive {
    fn bundle(&self, digest: &Digest) -> Option<Arc<dyn Judge>> {
        let mut bundles = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = bundles.entry(*digest).or_insert_with(|| {
            let compiled = self.store.get(digest).and_then(|bundle| compile(&bundle)).ok()?;
            Some(Arc::new(compiled) as Arc<dyn Judge>)
        });
        ready.clone()
    }
}

/// What is at hand where no folder was given: nothing.
pub(crate) struct Nothing;

impl Registries for Nothing {
    fn registry(&self, _: Option<&Digest>) -> Option<Arc<Registry>> {
        None
    }
}
