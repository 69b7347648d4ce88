//! Scopes: lists of what an actor may do, held ascending, so that the items of a tool stand together.

use rederive_evidence::ids::Id;
use rederive_evidence::values::{EffectsClass, ScopeItem};

/// Whether some item allows this tool for the tenant, in the class of effect where that is known. Resources are compared where a
/// decision's request names them.
pub(crate) fn allows(scope: &[ScopeItem], tool: &Id, effects: Option<EffectsClass>, tenant: &Id) -> bool {
    let allows =
        |item: &ScopeItem| item.tenant == *tenant && effects.is_none_or(|effects| item.action == effects);
    of_tool(scope, tool).any(allows)
}

/// The first item, by index, that allows more than the `wider` scope does.
pub(crate) fn first_wider(items: &[ScopeItem], wider: &[ScopeItem]) -> Option<usize> {
    items.iter().position(|item| !of_tool(wider, &item.tool).any(|wider| item.is_within(wider)))
}

fn of_tool<'s>(scope: &'s [ScopeItem], tool: &Id) -> impl Iterator<Item = &'s ScopeItem> {
    let first = scope.partition_point(|item| item.tool < *tool);
    let rest = scope.get(first..).unwrap_or_default();
    rest.iter().take_while(move |item| item.tool == *tool)
}
