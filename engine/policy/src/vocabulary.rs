//! What Cedar policies may speak of, and the part of it that follows from a registry.

use std::collections::BTreeSet;
use std::fmt::Write;

use rederive_evidence::digest::{Digest, Purpose, digest, digest_pair};

use crate::registry::Registry;

/// The schema that every bundle of format 1 has.
pub const VOCABULARY: &str = include_str!("vocabulary.cedarschema");

/// A bundle's own part where it brings none: any surface, and no tool by name.
pub const ANY_SURFACE: &str = "entity Surface;\n";

/// Digest of the schema in force for a bundle that brings this part of its own: the `bundle file` digest of both parts' digests.
pub fn schema_digest(own: Option<&[u8]>) -> Digest {
    let of = |bytes: &[u8]| digest(Purpose::BundleFile, bytes);
    digest_pair(Purpose::BundleFile, &of(VOCABULARY.as_bytes()), &of(own.unwrap_or(ANY_SURFACE.as_bytes())))
}

/// The part of the schema that a registry gives: its surfaces, and each tool under the class of its effect. Under it a policy that names a
/// surface or tool which the registry does not have is refused.
pub fn schema_of(registry: &Registry) -> String {
    let surfaces: BTreeSet<&str> =
        registry.tools.values().map(|entry| entry.facts.surface.as_str()).collect();
    let surfaces: Vec<String> = surfaces.iter().map(|surface| format!("{surface:?}")).collect();
    let mut schema = String::new();
    // Writing to a string cannot fail.
    if surfaces.is_empty() {
        schema.push_str(ANY_SURFACE);
    } else {
        let _ = writeln!(schema, "entity Surface enum [{}];", surfaces.join(", "));
    }
    if !registry.tools.is_empty() {
        schema.push_str("\nnamespace Tool {\n");
        for (name, entry) in &registry.tools {
            let class = entry.facts.effects.name();
            let _ = writeln!(
                schema,
                "  action {:?} in [Effect::Action::{class:?}] appliesTo {{ principal: Principal, resource: Surface, context: Asked }};",
                name.as_str()
            );
        }
        schema.push_str("}\n");
    }
    schema
}
