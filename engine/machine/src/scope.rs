//! Scopes: lists of what an actor may do, held ascending, so that the items of a tool stand together.

use rederive_evidence::ids::Id;
use rederive_evidence::values::{ApprovalPolicy, EffectsClass, ScopeItem};

/// Whether some item allows this tool for the tenant, in the class of effect where that is known. Resources are compared where a
/// decision's request names them.
pub(crate) fn allows(scope: &[ScopeItem], tool: &Id, effects: Option<EffectsClass>, tenant: &Id) -> bool {
    let allows =
        |item: &ScopeItem| item.tenant == *tenant && effects.is_none_or(|effects| item.action == effects);
    of_tool(scope, tool).any(allows)
}

/// The item that covers this class of effect of a tool for the tenant and asks least; of several, the first.
pub(crate) fn least<'s>(
    scope: &'s [ScopeItem],
    tool: &Id,
    action: EffectsClass,
    tenant: &Id,
) -> Option<&'s ScopeItem> {
    let covers = |item: &&ScopeItem| item.action == action && item.tenant == *tenant;
    of_tool(scope, tool).filter(covers).min_by_key(|item| item.approval)
}

/// The first item, by index, that allows more than the `wider` scope does.
pub(crate) fn first_wider(items: &[ScopeItem], wider: &[ScopeItem]) -> Option<usize> {
    items.iter().position(|item| !covers(wider, item))
}

/// Whether some item of the scope allows all that this one does: of those for any resource, or for its own, the one that asks least.
fn covers(scope: &[ScopeItem], item: &ScopeItem) -> bool {
    let covers = |resource: Option<Id>| {
        let least = ScopeItem { resource, approval: ApprovalPolicy::None, ..item.clone() };
        let at = scope.partition_point(|held| *held < least);
        scope.get(at).is_some_and(|held| item.is_within(held))
    };
    covers(None) || covers(item.resource.clone())
}

fn of_tool<'s>(scope: &'s [ScopeItem], tool: &Id) -> impl Iterator<Item = &'s ScopeItem> {
    let first = scope.partition_point(|item| item.tool < *tool);
    let rest = scope.get(first..).unwrap_or_default();
    rest.iter().take_while(move |item| item.tool == *tool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TENANT, id, scope_item};

    fn asking(approval: ApprovalPolicy) -> ScopeItem {
        ScopeItem { approval, ..scope_item("mail", EffectsClass::Send) }
    }

    #[test]
    fn the_item_that_asks_least_is_of_the_tool_the_class_and_the_tenant() {
        let foreign = ScopeItem { tenant: id("another"), ..asking(ApprovalPolicy::None) };
        let other_class = scope_item("mail", EffectsClass::Write);
        let other_tool = scope_item("edit", EffectsClass::Send);
        let mut scope = vec![asking(ApprovalPolicy::Approve), foreign, other_class, other_tool];
        scope.sort();
        let least = |scope: &[ScopeItem]| {
            least(scope, &id("mail"), EffectsClass::Send, &id(TENANT)).map(|item| item.approval)
        };
        assert_eq!(least(&scope), Some(ApprovalPolicy::Approve));
        scope.push(asking(ApprovalPolicy::None));
        scope.sort();
        assert_eq!(least(&scope), Some(ApprovalPolicy::None));
        scope.retain(|item| {
            item.tenant != id(TENANT) || item.action != EffectsClass::Send || item.tool != id("mail")
        });
        assert_eq!(least(&scope), None);
    }

    #[test]
    fn what_asks_for_less_is_wider() {
        let (free, asked) = ([asking(ApprovalPolicy::None)], [asking(ApprovalPolicy::Approve)]);
        assert_eq!(first_wider(&asked, &free), None);
        assert_eq!(first_wider(&free, &asked), Some(0));
        assert_eq!((first_wider(&free, &free), first_wider(&asked, &asked)), (None, None));
        let narrow = [ScopeItem { resource: Some(id("inbox")), ..asking(ApprovalPolicy::None) }];
        assert_eq!((first_wider(&narrow, &free), first_wider(&free, &narrow)), (None, Some(0)));
    }
}
