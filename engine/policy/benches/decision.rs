//! A decision among few and among many policies: those of its scope evaluated, and all of them beside it.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion};
use rederive_evidence::ids::Id;
use rederive_evidence::values::EffectsClass;
use rederive_policy::arguments::Arguments;
use rederive_policy::request::{ArgumentFact, ArgumentRole, RunFacts, Source, ToolFacts};
use rederive_policy::{Bundle, Compiled, PolicyRequest, compile};
use serde_json::{Value, json};

/// Policies that speak of everything, however many there are in all.
const GENERAL: usize = 4;

/// Numbers of policies in all.
const SIZES: [usize; 3] = [10, 100, 1_000];

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn bundle(engine: &str, files: Vec<(&str, String)>) -> Compiled {
    let files: BTreeMap<String, Vec<u8>> =
        files.into_iter().map(|(path, text)| (path.to_owned(), text.into_bytes())).collect();
    let bundle = Bundle::of_files(id("bench"), id("1"), id(engine), files);
    compile(&bundle.unwrap()).unwrap()
}

/// The class and surface of a policy that is confined to one.
fn scope(number: usize) -> (EffectsClass, String) {
    let class = EffectsClass::ALL.iter().cycle().nth(number).copied().unwrap_or(EffectsClass::Read);
    (class, format!("surface{}", number / EffectsClass::ALL.len()))
}

fn cedar(policies: usize) -> Compiled {
    let policy = |number: usize| {
        let effect = if number.is_multiple_of(3) { "forbid" } else { "permit" };
        let condition = r#"context.influence.trust_rank < 1 && !context.destination.sources.contains("user")
            && context.amount_micros > 100000000 && context.run.tenant != "other""#;
        if number < GENERAL {
            format!("@id(\"p{number}\") {effect}(principal, action, resource) when {{ {condition} }};\n")
        } else {
            let (class, surface) = scope(number);
            format!(
                "@id(\"p{number}\") {effect}(principal, action in Effect::Action::\"{class}\", resource == Surface::\"{surface}\") when {{ {condition} }};\n"
            )
        }
    };
    bundle("cedar", vec![("policies/all.cedar", (0..policies).map(policy).collect())])
}

fn rego(policies: usize) -> Compiled {
    let module = "package p\nimport rego.v1\nrule if {\n  input.influence.trust == \"external\"\n  input.run.tenant != \"other\"\n  \
        not by_user\n}\nby_user if {\n  some fact in input.provenance\n  fact.role == \"destination\"\n  fact.source == \"user\"\n}\n";
    let rule = |number: usize| {
        let (class, surface) = scope(number);
        let effect = if number.is_multiple_of(3) { "forbid" } else { "permit" };
        let scope =
            if number < GENERAL { json!({}) } else { json!({"effects": [class], "surface": surface}) };
        json!({"id": format!("p{number}"), "effect": effect, "rule": "data.p.rule", "scope": scope})
    };
    let rules: Vec<Value> = (0..policies).map(rule).collect();
    bundle(
        "rego",
        vec![("policies/p.rego", module.to_owned()), ("rules.json", Value::from(rules).to_string())],
    )
}

/// A message to two people, as a gate would ask about it.
fn request() -> PolicyRequest {
    let mut facts = ToolFacts::of(id("surface0"), EffectsClass::Purchase);
    facts.roles.insert("/to".to_owned(), ArgumentRole::Destination);
    facts.roles.insert("/body".to_owned(), ArgumentRole::Content);
    let run = RunFacts::of_agent(id("acme"), id("alice"), id("agent"));
    let mut request = PolicyRequest::new(run, id("post"), Some(facts));
    let arguments = json!({"to": ["ann@example.org", "bob@example.org"], "subject": "minutes", "body": "Hello both, attached."});
    request.arguments = Arguments::new(arguments).unwrap();
    let fact = |pointer: &str, role| ArgumentFact {
        pointer: pointer.to_owned(),
        role,
        source: Source::User,
        records: vec![1],
    };
    request.provenance =
        vec![fact("/to/0", ArgumentRole::Destination), fact("/to/1", ArgumentRole::Destination)];
    request
}

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    let request = request();
    for (engine, compile) in [("cedar", cedar as fn(usize) -> Compiled), ("rego", rego)] {
        let mut group = criterion.benchmark_group(engine);
        for size in SIZES {
            let compiled = compile(size);
            assert_eq!(compiled.judge(&request), compiled.judge_plainly(&request));
            group.bench_function(BenchmarkId::new("of its scope", size), |bench| {
                bench.iter(|| compiled.judge(black_box(&request)));
            });
            group.bench_function(BenchmarkId::new("all", size), |bench| {
                bench.iter(|| compiled.judge_plainly(black_box(&request)));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
