//! The closed registries: what bytes and JSON hold, and what it means.

use rederive_evidence::grammar;
use rederive_evidence::schema::{Cddl, Field as _, Registry};
use rederive_machine::{ApprovalStatus, CallStatus, Control, EffectStatus};
use rederive_replay::{Level, Valid};
use rederive_verify::KeyRole;

/// A table a registry, in the order in which a record first needs it.
pub(crate) fn tables() -> String {
    let mut book = Cddl::new();
    CallStatus::cddl(&mut book);
    ApprovalStatus::cddl(&mut book);
    EffectStatus::cddl(&mut book);
    Control::cddl(&mut book);
    KeyRole::cddl(&mut book);
    Level::cddl(&mut book);
    Valid::cddl(&mut book);
    let evidence = grammar::book();
    // The kinds have a table of their own, and the version is one value.
    let listed =
        evidence.registries().iter().filter(|registry| !matches!(registry.name.as_str(), "kind" | "version"));
    let tables: Vec<String> = listed.chain(book.registries()).map(table).collect();
    format!("{}\n", tables.join("\n").trim_end())
}

fn table(registry: &Registry) -> String {
    let rows = registry.values.iter().map(|value| {
        [value.code.to_string(), format!("`{}`", value.name), value.about.trim_end_matches('.').to_owned()]
    });
    format!("**{}**\n\n{}", registry.name, super::table(["code", "name", ""], rows))
}
