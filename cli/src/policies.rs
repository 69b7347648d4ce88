//! Bundles and registries from the disk.

use std::path::Path;
use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_policy::registry::REGISTRY_BYTES_MAX;
use rederive_policy::{Archive, Bundle, Compiled, Registry, compile};
use rederive_replay::Registries;

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
    Registry::parse(crate::text::without_mark(&text)).map_err(|fault| no_registry(path, &fault))
}

/// The folder of bundles and registries that runs pin.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn archive(folder: &Path) -> Result<Archive, Failed> {
    Archive::open(folder).map_err(|error| {
        let title = format!("cannot read {}: {}", folder.display(), crate::paths::words(&error));
        Failed::new(crate::paths::exit_of(&error), Problem::error(title))
    })
}

/// What is at hand where no folder was given: nothing.
pub(crate) struct Nothing;

impl Registries for Nothing {
    fn registry(&self, _: Option<&Digest>) -> Option<Arc<Registry>> {
        None
    }
}
