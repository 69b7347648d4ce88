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

/// A definition that holds ends nothing: every one is evaluated, and they share the steps of the rule. Each took hours, or for ever. Spec: bundle-rego.
#[test]
fn definitions_behind_one_that_holds_take_steps_as_well() {
    let begun = std::time::Instant::now();
    let long = "some a in xs; some b in xs; some c in xs; some d in xs; some e in xs; a + b + c + d + e < 0";
    let twice = |n: usize| format!("f{n}(x) if f{m}(x)\nf{n}(x) if f{m}(x)\n", m = n + 1);
    let doubling: String = (0..40).map(twice).collect();
    for module in [
        format!("r if input.action == \"read\"\nr if {{ {long} }}"),
        format!("r if f(1)\nf(x) if x == 1\nf(x) if {{ {long}; x == 2 }}"),
        format!("r if {{ s[\"a\"]; t }}\ns contains \"a\"\ns contains \"b\" if {{ {long} }}\nt := true"),
        format!("r if every y in xs {{ count([y | {long}]) == 0 }}"),
        format!("r if not f0(1)\n{doubling}f40(x) if {{ {long}; x == 1 }}"),
    ] {
        let module = format!("xs := {:?}\n{module}", (0..90).collect::<Vec<u32>>());
        let compiled = rego(&module, &json!([permit("data.p.r")])).unwrap();
        let at = request(EffectsClass::Read);
        assert_eq!(compiled.judge(&at).reason, ReasonCode::PolicyError, "{module}");
        let response = compiled.respond(&at).unwrap();
        assert_eq!(response.errors[0].message, "takes more than 100000 steps", "{module}");
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn a_rule_whose_function_panics_fails_by_itself() {
    for call in ["strings.count(input.tool, \"\") == 0", "object.subset([input.tool], [])"] {
        let compiled = rego(&format!("r if {call}\ns := true"), &json!([permit("data.p.r")])).unwrap();
        let judgement = compiled.judge(&request(EffectsClass::Read));
        assert_eq!((judgement.reason, judgement.errors), (ReasonCode::PolicyError, vec![id("r")]), "{call}");
        let response = compiled.respond(&request(EffectsClass::Read)).unwrap();
        assert_eq!(response.errors[0].message, "a function that is built in panicked");
    }
}

#[test]
fn what_is_told_of_a_rule_that_failed_is_short_however_large_its_values_are() {
    let doubled: String = (1..=16).map(|n| format!("x{n} := [x{m}, x{m}]\n", m = n - 1)).collect();
    let module = format!("r if {{\nx0 := 7\n{doubled}abs(x16) == 1\n}}");
    let response = rego(&module, &json!([permit("data.p.r")])).unwrap();
    let response = response.respond(&request(EffectsClass::Read)).unwrap();
    let message = &response.errors[0].message;
    assert!(message.contains("expects numeric argument") && message.ends_with('…'), "{message}");
    assert_eq!(message.chars().count(), 1_001);
}

/// Three thousand delimiters took a minute over a text of three thousand letters, five hundred groups gigabytes, and ten thousand statements half a minute.
#[test]
fn what_takes_the_longer_the_more_it_is_given_at_once_is_bounded() {
    let many = |body: usize, bodies: usize| {
        let statements = "input.counters.calls >= 0\n".repeat(body);
        format!("r if {{\n{statements}}}\n").repeat(bodies)
    };
    for module in [
        "r if glob.match(\"*\", data.delimiters, input.tool)".to_owned(),
        "r if glob.match(\"*\", [input.tool], input.tool)".to_owned(),
        format!("r if glob.match(\"*\", {:?}, input.tool)", ["."; 9]),
        "r if count(regex.find_all_string_submatch_n(\"a()\", input.tool, -1)) > 0".to_owned(),
        "r if count(regex.find_all_string_submatch_n(\"a()\", input.tool, 1001)) > 0".to_owned(),
        many(4_100, 1),
        many(1_000, 17),
    ] {
        let fault = rego(&module, &json!([permit("data.p.r")])).map(|_| ());
        assert!(matches!(fault, Err(BundleFault::Invalid { .. })), "{}: {fault:?}", &module[..40]);
    }
    for module in [
        "r if glob.match(\"*.example.org\", [\".\"], \"mail.example.org\")".to_owned(),
        "r if glob.match(\"*\", null, input.tool)".to_owned(),
        "r if glob.match(\"*\", [], input.tool)".to_owned(),
        "r if count(regex.find_all_string_submatch_n(\"o(s)\", \"post\", 1)) == 1".to_owned(),
        many(1_000, 4),
    ] {
        let compiled = rego(&module, &json!([permit("data.p.r")])).unwrap();
        assert!(compiled.judge(&request(EffectsClass::Read)).permits(), "{}", &module[..40]);
    }
}

#[test]
fn what_a_rule_took_before_counts_for_no_other() {
    let module = "xs := [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\nr if count([1 | some a in xs; some b in xs; some c in xs; some d in xs]) == 10000";
    let rules: Vec<Value> =
        (0..8).map(|n| json!({"id": format!("r{n}"), "effect": "permit", "rule": "data.p.r"})).collect();
    let compiled = rego(module, &Value::from(rules)).unwrap();
    assert_eq!(compiled.judge(&request(EffectsClass::Read)).rules.len(), 8);
}

#[test]
fn what_is_not_there_is_refused_with_its_place_whether_or_not_a_declared_rule_leads_to_it() {
    for (line, place, words) in [
        ("other := sprintf(\"%d\", [1])", "line 4, column 10", "sprintf is not there"),
        ("other if true with input.tool as \"x\"", "line 4, column 15", "`with` is not there"),
        ("other := nothing(1)", "line 4, column 10", "there is no function nothing"),
        ("other if print(1)", "line 4, column 10", "there is no function print"),
        ("other := data.p.concat(\"\", [1])", "line 4, column 10", "there is no function data.p.concat"),
    ] {
        let fault = rego(&format!("r := true\n{line}"), &json!([permit("data.p.r")])).map(|_| ());
        let Err(BundleFault::Invalid { policy, message }) = fault else { panic!("{line}: {fault:?}") };
        assert_eq!(policy, "data.p.other");
        let expected = format!("policies/p.rego: {place}: {words}");
        assert!(message.starts_with(&expected), "{line}: {message}");
    }
    let own = "concat(x, y) := x + y\nr if concat(1, 2) == 3\ndefault g(_) := true\nr if g(1)";
    let compiled = rego(own, &json!([permit("data.p.r")])).unwrap();
    assert!(compiled.judge(&request(EffectsClass::Read)).permits(), "a function of the bundle's own");
}

#[test]
fn data_in_the_place_of_a_rule_is_refused() {
    let rules = json!([permit("data.p.r")]).to_string();
    let with = |data: &str| {
        let files = [
            ("policies/p.rego", "package p\nr := true\na.b := 1"),
            ("rules.json", rules.as_str()),
            ("data.json", data),
        ];
        compile(&bundle_for("rego", &files)).map(|_| ())
    };
    for data in
        ["{\"p\": {\"r\": 1}}", "{\"p\": 1}", "{\"p\": {\"a\": {\"b\": null}}}", "{\"p\": {\"a\": []}}"]
    {
        assert!(matches!(with(data), Err(BundleFault::Invalid { .. })), "{data}");
    }
    assert_eq!(with("{\"p\": {\"a\": {\"c\": 1}, \"s\": 2}, \"r\": 3}"), Ok(()));
}

#[test]
fn rules_are_no_longer_to_load_the_more_there_are_of_them_and_names_have_few_parts() {
    let begun = std::time::Instant::now();
    let module: String = (0..2_400).map(|n| format!("r{n} if input.counters.calls == {n}\n")).collect();
    let rules: Vec<Value> = (0..2_400)
        .map(|n| json!({"id": format!("r{n}"), "effect": "permit", "rule": format!("data.p.r{n}")}))
        .collect();
    rego(&module, &Value::from(rules)).unwrap();
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    let named = |parts: usize| {
        let name = format!("a{}", ".b".repeat(parts - 1));
        rego(&format!("{name} := true"), &json!([permit(&format!("data.p.{name}"))]))
    };
    assert!(named(30).unwrap().judge(&request(EffectsClass::Read)).permits());
    let fault = named(31).map(|_| ());
    let Err(BundleFault::Invalid { message, .. }) = fault else { panic!("{fault:?}") };
    assert_eq!(message, "policies/p.rego: line 3, column 1: a name of more than 32 parts");
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
        "json.filter(input.arguments, [\"a\"]) == {}",
        "json.remove(input.arguments, [\"a\"]) == {}",
        "regex.template_match(\"urn:foo:{[a-z]+}\", input.tool, \"{\", \"}\")",
        "data.numbers.range(1, 1000000000)",
    ] {
        let fault = rego(&format!("r if {call}"), &json!([permit("data.p.r")])).map(|_| ());
        assert!(matches!(fault, Err(BundleFault::Invalid { .. })), "{call}: {fault:?}");
    }
}

#[test]
fn rules_that_lead_nowhere_or_are_declared_wrongly_are_refused() {
    let fault = |rules: Value| rego("r := true", &rules).map(|_| ()).unwrap_err();
    assert!(matches!(fault(json!([permit("data.p.nothing")])), BundleFault::Invalid { .. }));
    let told = fault(json!([permit("p.r")])).to_string();
    assert!(told.contains("rules.json leads to `p.r`") && told.contains("begins with `data.`"), "{told}");
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
    let rule = ["always", "busy", "broken", "panics", "found", "every_one", "squares"]
        .map(|rule| format!("data.p.{rule}"));
    let rule = prop::sample::select(rule.to_vec());
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
        let module = "always := true\nbusy if input.counters.calls > 3\nbroken if 1 / (input.counters.calls - input.counters.calls) == 1
panics if strings.count(input.tool, \"\") == 0\nsquare(x) := x * x\nsquares if square(input.counters.calls) in {0, 1, 16}\nfound if { some x in counts; x > 2 }
counts contains y if { some x in [1, 2]; y := x + input.counters.calls }\nevery_one if { every x in counts { x < 5 }; not busy }";
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
fn a_rule_may_be_one_of_several_hundred_and_have_hundreds_of_conditions() {
    let module: String = (0..300).map(|n| format!("r{n} if input.counters.calls == {n}\n")).collect();
    let rules: Vec<Value> = (0..300)
        .map(|n| json!({"id": format!("r{n}"), "effect": "permit", "rule": format!("data.p.r{n}")}))
        .collect();
    let compiled = rego(&module, &Value::from(rules)).unwrap();
    let mut at = request(EffectsClass::Read);
    at.counters.calls = 299;
    assert_eq!(compiled.judge(&at).rules, [id("r299")]);
    let conditions: String = (0..500).map(|n| format!("  input.counters.calls != {n}\n")).collect();
    let compiled = rego(&format!("r if {{\n{conditions}}}"), &json!([permit("data.p.r")])).unwrap();
    at.counters.calls = 500;
    assert!(compiled.judge(&at).permits());
}
