//! Faults of bundles and registries in words.

use std::path::Path;

use rederive_policy::BundleFault;
use rederive_policy::registry::RegistryFault;
use rederive_policy::registry::infer::InferFault;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{exit_of, shown, words};
use crate::problem::Problem;
use crate::words::json;

/// The file that says what a bundle is.
const MANIFEST: &str = "manifest.json";

/// What the shortest manifest says.
const MANIFEST_HINT: &str = "a bundle's manifest.json says {\"name\": .., \"version\": .., \"engine\": \"cedar\"} at least; `rederive policy digest DIR --update` adds the rest";

/// What keeps a bundle from use.
pub(crate) fn unusable(path: &Path, fault: &BundleFault) -> Failed {
    let problem = Problem::error(format!("{} is no bundle that can be used", path.display()));
    Failed::new(exit(fault), explained(problem, path, fault))
}

/// What keeps a bundle out of an archive.
pub(crate) fn unarchived(archive: &Path, fault: &BundleFault) -> Failed {
    let problem = Problem::error(format!("the bundle is not archived in {}", archive.display()));
    Failed::new(exit(fault), explained(problem, archive, fault))
}

/// The rows and hints of a fault. A file without a name is the bundle itself, at `whole`.
fn explained(problem: Problem, whole: &Path, fault: &BundleFault) -> Problem {
    let problem = problem.row("code", fault.code());
    match fault {
        BundleFault::Tampered { path, expected, found } => problem
            .row("file", path)
            .row("listed", expected.to_hex())
            .row("found", found.to_hex())
            .hint("if the change is yours, `rederive policy digest DIR --update` lists the files anew, under a new digest"),
        BundleFault::OtherBundle { expected, found } => {
            problem.row("asked for", expected.to_hex()).row("found", found.to_hex())
        }
        BundleFault::OtherSchema { expected, found } => problem
            .row("file", "schema.cedarschema, or the common schema of this version")
            .row("pinned", expected.to_hex())
            .row("found", found.to_hex())
            .hint("if the change is yours, `rederive policy digest DIR --update` pins the schema anew"),
        BundleFault::Invalid { policy, message } => problem.row("policy", policy).row("fault", message),
        BundleFault::Annotation { policy, name, value, allowed } => problem
            .row("policy", policy.as_str())
            .row("annotation", format!("@{name}(\"{value}\")"))
            .row("may be", allowed),
        BundleFault::UnknownAnnotation { policy, name } => problem
            .row("policy", policy.as_str())
            .row("annotation", format!("@{name}"))
            .row("may be", "@id, @directive, @reason, @text"),
        BundleFault::Syntax { path, message }
        | BundleFault::Schema { path, message }
        | BundleFault::Data { path, message } => {
            problem.row("file", path).row("fault", json::placed(message))
        }
        BundleFault::Manifest(message) => {
            problem.row("file", MANIFEST).row("fault", json::placed(message)).hint(MANIFEST_HINT)
        }
        BundleFault::Missing { path } if path == MANIFEST => {
            problem.row("file", path).row("fault", "it is not there").hint(MANIFEST_HINT)
        }
        BundleFault::NoTar { path } => problem
            .row("file", path)
            .row("fault", "it is no tar, or one that is cut off or compressed")
            .hint("a bundle is a folder, or a plain tar of one as `rederive policy import` writes it"),
        BundleFault::Missing { path } => problem
            .row("file", path)
            .row("fault", "it is in the manifest and not in the bundle")
            .hint("`rederive policy digest DIR --update` lists the files anew, under a new digest"),
        BundleFault::Unlisted { path } => problem
            .row("file", path)
            .row("fault", "it is in the bundle and not in the manifest")
            .hint("`rederive policy digest DIR --update` lists the files anew, under a new digest"),
        BundleFault::Unreadable { path, kind } => {
            let whole = shown(whole);
            problem.row("file", if path.is_empty() { &whole } else { path }).row("fault", words(&(*kind).into()))
        }
        BundleFault::NotArchived(_)
        | BundleFault::Path { .. }
        | BundleFault::Special { .. }
        | BundleFault::Twice { .. }
        | BundleFault::Files { .. }
        | BundleFault::Large { .. }
        | BundleFault::Format(_)
        | BundleFault::Engine(_)
        | BundleFault::NoPolicies
        | BundleFault::Unnamed { .. }
        | BundleFault::SameName(_)
        | BundleFault::Template { .. }
        | _ => problem.row("fault", fault.to_string()),
    }
}

fn exit(fault: &BundleFault) -> Exit {
    let is_other = matches!(
        fault,
        BundleFault::Tampered { .. } | BundleFault::OtherBundle { .. } | BundleFault::OtherSchema { .. }
    );
    if is_other {
        Exit::Untrustworthy
    } else if let BundleFault::Unreadable { kind, .. } = fault {
        exit_of(&(*kind).into())
    } else {
        Exit::Usage
    }
}

/// What keeps a registry from use.
pub(crate) fn no_registry(path: &Path, fault: &RegistryFault) -> Failed {
    let problem = Problem::error(format!("{} is no registry that can be used", path.display()));
    Failed::usage(
        problem.row("fault", json::placed(&fault.to_string())).hint("`rederive registry infer` drafts one"),
    )
}

/// What keeps a draft from being made of a file.
pub(crate) fn no_tools(path: &Path, fault: &InferFault) -> Failed {
    let problem = Problem::error(format!("no registry can be drafted from {}", path.display()));
    let problem = problem.row("fault", json::placed(&fault.to_string()));
    Failed::usage(problem.hint(
        "a JSON list of tools is wanted, or an object with `tools`: an MCP manifest, or schemas with name and parameters; or a trace (.rdt)",
    ))
}
