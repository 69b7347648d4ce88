//! Rego rules decide as Cedar policies do, and nothing outside of the request decides with them. Spec: bundle-rego.

use proptest::prelude::*;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::values::EffectsClass;
use rederive_policy::{BundleFault, Compiled, compile};
use serde_json::{Value, json};

use crate::material::{bundle_for, id, request};

fn rego(module: &str, rules: &Value) -> Result<Compiled, BundleFault> {
    let module = format!("package p\nimport rego.v1\n{module}");
    compile(&bundle_for("rego", &[("policies/p.rego", &module), ("rules.json", &rules.to_string())]))
}

fn permit(rule: &str) -> Value {
    json!({"id": "r", "effect": "permit", "rule": rule})
}

#[test]
fn rules_that_are_true_permit_or_forbid_and_directives_and_reasons_are_those_declared() {
    use Decision::{Deny, Permit, Silence};
    let module = "reads if input.action == \"read\"\nbusy if input.counters.calls > 3\nalways := true\n";
    let answer = |rules: Value, calls: u64| {
        let mut at = request(EffectsClass::Read);
        at.counters.calls = calls;
        let judgement = rego(module, &rules).unwrap().judge(&at);
        (judgement.decision, judgement.directive, judgement.reason)
    };
    let reads = json!({"id": "reads", "effect": "permit", "rule": "data.p.reads"});
    let busy = json!({"id": "busy", "effect": "forbid", "rule": "data.p.busy", "reason": "limit", "directive": "roll-back"});
    let held =
        json!({"id": "held", "effect": "permit", "rule": "data.p.always", "directive": "require-approval"});
    assert_eq!(answer(json!([reads]), 0), (Permit, Directive::None, ReasonCode::PolicyPermits));
    assert_eq!(answer(json!([busy]), 0), (Silence, Directive::None, ReasonCode::NoPolicy));
    assert_eq!(answer(json!([reads, busy]), 4), (Deny, Directive::RollBack, ReasonCode::Limit));
    assert_eq!(
        answer(json!([reads, held]), 0),
        (Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded)
    );
}

#[test]
fn a_rule_that_fails_or_says_neither_yes_nor_no_denies() {
    for module in [
        "r if 1 / (input.counters.calls - input.counters.calls) == 1",
        "r if abs(\"x\") == 1",
        "r := \"yes\"",
        "r := [1]",
    ] {
        let judgement =
            rego(module, &json!([permit("data.p.r")])).unwrap().judge(&request(EffectsClass::Read));
        assert_eq!(
            (judgement.decision, judgement.reason),
            (Decision::Deny, ReasonCode::PolicyError),
            "{module}"
        );
        assert_eq!(judgement.errors, [id("r")], "{module}");
    }
}

#[test]
fn a_rule_that_takes_too_many_steps_denies_wherever_it_runs() {
    let module = "n := [x | some a in input.detected; some b in input.detected; some c in input.detected; some d in input.detected; x := [a, b, c, d]]
r if count(n) >= 0";
    let compiled = rego(module, &json!([permit("data.p.r")])).unwrap();
    let mut at = request(EffectsClass::Read);
    assert!(compiled.judge(&at).permits());
    at.detected = vec![rederive_evidence::kinds::guardrail::DetectedClass::Secret; 64];
    assert_eq!(compiled.judge(&at).reason, ReasonCode::PolicyError);
}

#[test]
fn what_reads_a_clock_chance_the_network_or_the_process_and_what_has_no_bound_does_not_compile() {
    for call in [
        "time.now_ns() > 0",
        "rand.intn(\"x\", 9) > 3",
        "uuid.rfc4122(\"x\") != \"\"",
        "http.send({\"method\": \"get\", \"url\": \"http://x\"}).status_code == 200",
        "opa.runtime().env != {}",
        "net.lookup_ip_addr(\"x\") != set()",
        "count(numbers.range(1, 1000000000)) > 0",
        "sprintf(\"%1000000000d\", [1]) != \"\"",
        "concat(\"\", [input.tool, input.tool]) != \"\"",
        "array.concat([1], [1]) != []",
        "replace(input.tool, \"a\", \"aa\") != \"\"",
        "strings.replace_n({\"a\": \"aa\"}, input.tool) != \"\"",
        "regex.replace(input.tool, \"a\", \"aa\") != \"\"",
        "json.marshal(input.tool) != \"\"",
        "base64.encode(input.tool) != \"\"",
        "hex.encode(input.tool) != \"\"",
        "glob.quote_meta(input.tool) != \"\"",
        "bits.lsh(1, 1000000000) > 0",
        "walk([[1], 2], [_, 1])",
        "to_number(input.tool) > 0",
        "units.parse(input.tool) > 0",
        "units.parse_bytes(input.tool) > 0",
        "json.unmarshal(input.tool) > 0",
        "json.is_valid(input.tool)",
    ] {
        let fault = rego(&format!("r if {call}"), &json!([permit("data.p.r")])).map(|_| ());
        assert!(matches!(fault, Err(BundleFault::Invalid { .. })), "{call}: {fault:?}");
    }
}

#[test]
fn rules_that_lead_nowhere_or_are_declared_wrongly_are_refused() {
    let fault = |rules: Value| rego("r := true", &rules).map(|_| ()).unwrap_err();
    assert!(matches!(fault(json!([permit("data.p.nothing")])), BundleFault::Invalid { .. }));
    assert!(matches!(fault(json!([permit("data.p.r"), permit("data.p.r")])), BundleFault::SameName(_)));
    assert!(matches!(fault(json!([])), BundleFault::NoPolicies));
    assert!(matches!(fault(json!([{"id": "r"}])), BundleFault::Data { .. }));
    let wrong = json!([{"id": "r", "effect": "permit", "rule": "data.p.r", "directive": "roll-back"}]);
    assert!(matches!(fault(wrong), BundleFault::Annotation { .. }));
    let missing = compile(&bundle_for("rego", &[("policies/p.rego", "package p\nr := true")])).map(|_| ());
    assert_eq!(missing, Err(BundleFault::Missing { path: "rules.json".to_owned() }));
    let syntax = rego("r if {", &json!([permit("data.p.r")])).map(|_| ());
    assert!(matches!(syntax, Err(BundleFault::Syntax { .. })));
}

#[test]
fn data_of_the_bundle_is_read_and_nothing_else_is() {
    let module = "package p\nimport rego.v1\nr if input.run.principal in data.trusted";
    let rules = json!([permit("data.p.r")]).to_string();
    let with = |data: &str| {
        let files = [("policies/p.rego", module), ("rules.json", rules.as_str()), ("data.json", data)];
        compile(&bundle_for("rego", &files))
    };
    assert!(with(r#"{"trusted": ["alice"]}"#).unwrap().judge(&request(EffectsClass::Read)).permits());
    assert!(!with(r#"{"trusted": ["bob"]}"#).unwrap().judge(&request(EffectsClass::Read)).permits());
    assert!(matches!(with("[]"), Err(BundleFault::Data { .. })));
}

fn arb_rule() -> impl Strategy<Value = Value> {
    let scope = (
        proptest::option::of(prop::sample::select(vec!["alice", "bob"])),
        prop::collection::vec(prop::sample::select(vec!["send", "read"]), 0..2),
        prop::collection::vec(prop::sample::select(vec!["post", "wipe"]), 0..2),
        proptest::option::of(prop::sample::select(vec!["mail", "bank"])),
    );
    let rule = prop::sample::select(vec!["data.p.always", "data.p.busy", "data.p.broken"]);
    (any::<bool>(), rule, scope).prop_map(|(forbids, rule, (principal, effects, tools, surface))| {
        json!({"effect": if forbids { "forbid" } else { "permit" }, "rule": rule,
               "scope": {"principal": principal, "effects": effects, "tools": tools, "surface": surface}})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn evaluating_the_rules_of_the_scope_is_evaluating_all(
        mut rules in prop::collection::vec(arb_rule(), 1..8),
        asked in prop::collection::vec((0_usize..3, 0_usize..3, 0_usize..3, any::<bool>(), 0_u64..6), 1..8),
    ) {
        for (n, rule) in rules.iter_mut().enumerate() {
            rule["id"] = format!("r{n}").into();
        }
        let module = "always := true\nbusy if input.counters.calls > 3\nbroken if 1 / (input.counters.calls - input.counters.calls) == 1";
        let compiled = rego(module, &Value::from(rules)).unwrap();
        for (principal, tool, surface, sends, calls) in asked {
            let mut at = request(if sends { EffectsClass::Send } else { EffectsClass::Write });
            at.run.principal = id(["alice", "bob", "carol"][principal]);
            at.tool = id(["post", "wipe", "other"][tool]);
            at.facts.as_mut().unwrap().surface = id(["mail", "bank", "files"][surface]);
            at.counters.calls = calls;
            prop_assert_eq!(compiled.judge(&at), compiled.judge_plainly(&at));
        }
    }
}

#[test]
fn a_bundle_may_have_more_rules_than_a_machine_has_registers() {
    let module: String = (0..300).map(|n| format!("r{n} if input.counters.calls == {n}\n")).collect();
    let rules: Vec<Value> = (0..300)
        .map(|n| json!({"id": format!("r{n}"), "effect": "permit", "rule": format!("data.p.r{n}")}))
        .collect();
    let compiled = rego(&module, &Value::from(rules)).unwrap();
    let mut at = request(EffectsClass::Read);
    at.counters.calls = 299;
    assert_eq!(compiled.judge(&at).rules, [id("r299")]);
}
