//! Policy bundles and tool registries as somebody hands them in.

use rederive_policy::{Bundle, Registry};

/// A bundle that is read is the one that its manifest lists, and is read alike from the tar that is written of it.
pub(crate) fn bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::read_tar(bytes, "bundle") else { return };
    let mut written = Vec::new();
    bundle.write_tar(&mut written).expect("memory takes it");
    let again = Bundle::read_tar(written.as_slice(), "again").expect("a bundle is written as one");
    assert_eq!((&again, again.digest()), (&bundle, bundle.digest()));
    let mut twice = Vec::new();
    again.write_tar(&mut twice).expect("memory takes it");
    assert_eq!(twice, written, "one bundle, one tar");
    let _ = (bundle.entitlements(), bundle.cases());
}

/// A registry that parses is written and parsed alike, under one digest.
pub(crate) fn registry(bytes: &[u8]) {
    let Ok(registry) = Registry::parse(bytes) else { return };
    let again = Registry::parse(registry.to_json().as_bytes()).expect("a registry is written as one");
    assert_eq!(again.digest(), registry.digest());
    assert_eq!(again.to_json(), registry.to_json());
}
