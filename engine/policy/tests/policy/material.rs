//! Bundles and requests for tests.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;
use rederive_policy::request::{RunFacts, ToolFacts};
use rederive_policy::{Bundle, BundleFault, Compiled, PolicyRequest, compile};

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A Cedar bundle of these files.
pub(crate) fn bundle(files: &[(&str, &str)]) -> Bundle {
    bundle_for("cedar", files)
}

pub(crate) fn bundle_for(engine: &str, files: &[(&str, &str)]) -> Bundle {
    let files: BTreeMap<String, Vec<u8>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    Bundle::of_files(id("test"), id("1"), id(engine), files).unwrap()
}

/// Compiled policies of one file.
pub(crate) fn cedar(policies: &str) -> Result<Compiled, BundleFault> {
    compile(&bundle(&[("policies/all.cedar", policies)]))
}

/// A request of alice's agent for a tool `post` on `mail`.
pub(crate) fn request(effects: EffectsClass) -> PolicyRequest {
    let run = RunFacts::of_agent(id("acme"), id("alice"), id("agent"));
    PolicyRequest::new(run, id("post"), Some(ToolFacts::of(id("mail"), effects)))
}
