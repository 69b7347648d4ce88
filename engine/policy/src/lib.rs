//! Policy bundles, tool registries and decisions.
//!
//! Everything a policy may speak of is in a [`PolicyRequest`]; what the policies say to it is a [`Judgement`]. A [`Bundle`] is made ready by its
//! [`Engine`]; the [`Compiled`] policies then judge, whatever goes wrong inside of them. Spec: policy-request, policy-mapping, bundle.

mod archive;
pub mod arguments;
pub mod assemble;
pub mod bundle;
mod caught;
#[cfg(feature = "cedar")]
mod cedar;
pub mod control;
mod decimal;
mod engine;
#[cfg(any(feature = "cedar", feature = "rego"))]
mod index;
pub mod judgement;
pub mod registry;
#[cfg(feature = "rego")]
mod rego;
pub mod request;
mod stack;
#[cfg(any(feature = "cedar", feature = "rego"))]
#[cfg_attr(
    not(all(feature = "cedar", feature = "rego")),
    allow(dead_code, reason = "what is said of the language of an engine that is not built in")
)]
mod text;
mod vocabulary;

pub use archive::Archive;
pub use bundle::{Bundle, BundleFault, Store};
pub use caught::is_panic_caught;
#[cfg(feature = "cedar")]
pub use cedar::{CHECKS_MAX, Cedar, EXPANDED_MAX, ROLE_PAIRS_MAX};
pub use engine::{CEDAR, Compiled, Engine, EngineFault, REGO};
pub use judgement::Judgement;
pub use registry::Registry;
#[cfg(feature = "rego")]
pub use rego::{DIGITS_MAX, DOUBLINGS_MAX, Rego};
pub use request::PolicyRequest;
#[cfg(any(feature = "cedar", feature = "rego"))]
pub use text::{CHAIN_MAX, NESTING_MAX, READINGS_MAX, TEXT_BYTES_MAX};
pub use vocabulary::{ANY_SURFACE, VOCABULARY, schema_digest, schema_of};

/// Compiles a bundle with the engine that its manifest names.
///
/// # Errors
/// This build has no such engine, or the bundle cannot be used.
pub fn compile(bundle: &Bundle) -> Result<Compiled, BundleFault> {
    let engines: &[&dyn Engine] = &[
        #[cfg(feature = "cedar")]
        &Cedar,
        #[cfg(feature = "rego")]
        &Rego,
    ];
    let name = &bundle.manifest().engine;
    let engine = engines.iter().find(|engine| engine.name() == name.as_str());
    engine.ok_or_else(|| BundleFault::Engine(name.clone()))?.compile(bundle)
}
