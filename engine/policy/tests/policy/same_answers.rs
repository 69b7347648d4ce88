//! The policies that a request's scope leads to give the answer that all of them give. Spec: policy-index.

use proptest::prelude::*;
use rederive_evidence::values::EffectsClass;
use rederive_policy::{PolicyRequest, compile};
use serde_json::json;

use crate::material::{bundle, id, request};

const ENTITIES: &str = r#"[
    {"uid": {"type": "Principal", "id": "alice"}, "attrs": {}, "parents": [{"type": "Role", "id": "clerk"}]},
    {"uid": {"type": "Principal", "id": "bob"}, "attrs": {}, "parents": [{"type": "Role", "id": "staff"}]},
    {"uid": {"type": "Role", "id": "clerk"}, "attrs": {}, "parents": [{"type": "Role", "id": "staff"}]}
]"#;

/// The surfaces and tools of a registry.
const SCHEMA: &str = r#"
entity Surface enum ["mail", "files", "bank"];
namespace Tool {
  action "dangerous";
  action "post" in [Effect::Action::"send"] appliesTo { principal: Principal, resource: Surface, context: Asked };
  action "wipe" in [Effect::Action::"delete", "dangerous"] appliesTo { principal: Principal, resource: Surface, context: Asked };
}
"#;

fn arb_policy() -> impl Strategy<Value = String> {
    let principal = prop::sample::select(vec![
        "principal",
        r#"principal == Principal::"alice""#,
        r#"principal in Role::"clerk""#,
        r#"principal in Role::"staff""#,
        "principal is Principal",
        r#"principal is Principal in Role::"staff""#,
    ]);
    let action = prop::sample::select(vec![
        "action",
        r#"action == Tool::Action::"post""#,
        r#"action in Tool::Action::"dangerous""#,
        r#"action in Effect::Action::"send""#,
        r#"action in Effect::Action::"change""#,
        r#"action in [Effect::Action::"send", Effect::Action::"delete"]"#,
        r#"action in [Effect::Action::"change", Effect::Action::"read"]"#,
    ]);
    let surface = prop::sample::select(vec![
        "resource",
        r#"resource == Surface::"mail""#,
        r#"resource in Surface::"bank""#,
        "resource is Surface",
    ]);
    let condition = prop::sample::select(vec![
        "",
        "when { context.counters.calls > 3 }",
        "unless { context.previewed }",
        // Fails where the counter is above 3.
        "when { context.counters.calls + 9223372036854775804 > 0 }",
        r#"when { principal in Role::"clerk" || resource == Surface::"files" }"#,
    ]);
    let effect = prop::sample::select(vec!["permit", "forbid", "permit @directive"]);
    (effect, principal, action, surface, condition).prop_map(
        |(effect, principal, action, surface, condition)| {
            let (annotation, effect) = match effect {
                "permit @directive" => (r#"@directive("revise") "#, "permit"),
                plain => ("", plain),
            };
            format!("{annotation}{effect}({principal}, {action}, {surface}) {condition};")
        },
    )
}

fn arb_request() -> impl Strategy<Value = PolicyRequest> {
    let principals = prop::sample::select(vec!["alice", "bob", "carol"]);
    let tools = prop::sample::select(vec!["post", "wipe", "other"]);
    let surfaces = prop::sample::select(vec!["mail", "files", "bank", "new"]);
    let effects = prop::sample::select(EffectsClass::ALL);
    (principals, tools, surfaces, effects, 0_u64..8, any::<bool>()).prop_map(
        |(principal, tool, surface, effects, calls, previewed)| {
            let mut request = request(effects);
            request.run.principal = id(principal);
            request.tool = id(tool);
            request.facts.as_mut().unwrap().surface = id(surface);
            request.counters.calls = calls;
            request.previewed = previewed;
            request
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn evaluating_the_policies_of_the_scope_is_evaluating_all(
        policies in prop::collection::vec(arb_policy(), 1..12),
        requests in prop::collection::vec(arb_request(), 1..12),
    ) {
        let text: String =
            policies.iter().enumerate().map(|(n, policy)| format!("@id(\"p{n}\") {policy}\n")).collect();
        let files = [("policies/a.cedar", text.as_str()), ("entities.json", ENTITIES), ("schema.cedarschema", SCHEMA)];
        let compiled = compile(&bundle(&files)).unwrap();
        for request in &requests {
            prop_assert_eq!(compiled.judge(request), compiled.judge_plainly(request), "{}", json!(request));
        }
    }
}
