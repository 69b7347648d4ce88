//! What is registered of tools.

use rederive_evidence::kinds::tool::ToolRegistered;

use crate::case::Case;
use crate::rule_set::RuleSetNumber;
use crate::state::RegisteredTool;

/// What the state keeps of a registration.
pub(crate) fn registered(case: &Case<'_>, registered: &ToolRegistered) -> RegisteredTool {
    let whole = RegisteredTool {
        version: registered.version.known().cloned(),
        schema: registered.schema.known().and_then(|schema| case.commitment(*schema)),
        effects: registered.effects.known().copied(),
        preview: registered.preview,
        result_label: registered.result_label.known().copied(),
        surface: registered.surface.known().cloned(),
        reversible: registered.reversible.known().copied(),
        clearance: registered.clearance,
        sandbox: registered.sandbox.clone(),
        credential: registered.credential,
    };
    if case.is_since(RuleSetNumber::Two) {
        return whole;
    }
    RegisteredTool {
        surface: None,
        reversible: None,
        clearance: None,
        sandbox: None,
        credential: None,
        ..whole
    }
}
