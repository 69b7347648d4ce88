//! What runs pin: bundles and registries, ready to judge again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rederive_evidence::digest::Digest;

use crate::bundle::Store;
use crate::registry::REGISTRY_BYTES_MAX;
use crate::{Compiled, Registry, compile};

/// What is at hand of what runs pin, most often in a folder in which bundles lie under their digests, and registries
/// (*.json) under any name. What lies there is known by its own digest alone. What cannot be read, or is none, is not at
/// hand: nothing of it stops whoever asks for something else.
#[derive(Debug)]
pub struct Archive {
    store: Option<Store>,
    registries: BTreeMap<Digest, Arc<Registry>>,
    /// Made ready when first asked for; none: it cannot be.
    bundles: Mutex<BTreeMap<Digest, Option<Arc<Compiled>>>>,
}

impl Archive {
    /// The archive in this folder.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
        let is_json = |path: &&PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let registries = files.iter().filter(is_json).filter_map(|path| registry(path));
        let registries = registries.map(|registry| (registry.digest(), Arc::new(registry))).collect();
        Ok(Self { store: Some(Store::new(folder)), registries, bundles: Mutex::default() })
    }

    /// An archive of one bundle and one registry that are at hand already.
    pub fn holding(bundle: Arc<Compiled>, registry: Arc<Registry>) -> Self {
        let bundles = Mutex::new(BTreeMap::from([(bundle.bundle(), Some(bundle))]));
        Self { store: None, registries: BTreeMap::from([(registry.digest(), registry)]), bundles }
    }

    /// The registry with this digest; none: it is not at hand.
    pub fn registry(&self, digest: &Digest) -> Option<Arc<Registry>> {
        self.registries.get(digest).cloned()
    }

    /// The bundle with this digest, ready to judge; none: it is not at hand.
    pub fn bundle(&self, digest: &Digest) -> Option<Arc<Compiled>> {
        let mut bundles = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        let ready = bundles.entry(*digest).or_insert_with(|| {
            let compiled = self.store.as_ref()?.get(digest).and_then(|bundle| compile(&bundle));
            compiled.ok().map(Arc::new)
        });
        ready.clone()
    }
}

/// The registry in a file, where there is one.
fn registry(path: &Path) -> Option<Registry> {
    let mut text = Vec::new();
    // One byte more than a registry may have: then it is refused as too large.
    File::open(path).ok()?.take(REGISTRY_BYTES_MAX as u64 + 1).read_to_end(&mut text).ok()?;
    Registry::parse(&text).ok()
}

#[cfg(all(test, feature = "cedar"))]
mod tests {
    use rederive_evidence::ids::Id;

    use super::*;
    use crate::Bundle;

    /// Spec: policy-level.
    #[test]
    fn what_lies_in_the_folder_is_known_by_its_own_digest_and_what_is_none_is_not_at_hand() {
        let folder = tempfile::tempdir().unwrap();
        let files = BTreeMap::from([(
            "policies/a.cedar".to_owned(),
            b"@id(\"a\") permit (principal, action, resource);".to_vec(),
        )]);
        let id = |text| Id::new(text).unwrap();
        let bundle = Bundle::of_files(id("b"), id("1"), id("cedar"), files).unwrap();
        let _ = Store::new(folder.path()).put(&bundle).unwrap();
        let broken = Digest([3; 32]);
        std::fs::write(folder.path().join(format!("{}.tar", broken.to_hex())), "no tar").unwrap();
        let registry = Registry::default();
        for (name, text) in
            [("any name.json", registry.to_json().as_str()), ("none.json", "[]"), ("tools.txt", "{}")]
        {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let archive = Archive::open(folder.path()).unwrap();
        assert_eq!(archive.bundle(&bundle.digest()).map(|ready| ready.bundle()), Some(bundle.digest()));
        assert!(archive.bundle(&broken).is_none() && archive.bundle(&Digest([4; 32])).is_none());
        assert_eq!(archive.registry(&registry.digest()).as_deref(), Some(&registry));
        assert!(archive.registry(&broken).is_none());
        assert!(Archive::open(&folder.path().join("missing")).is_err());
    }
}
