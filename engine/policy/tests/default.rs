//! The bundle that is shipped: its manifest is of its files, and its own tests pass.

#![cfg(test)]

use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rederive_evidence::ids::Id;
use rederive_evidence::record::ArgumentShape;
use rederive_evidence::values::{EffectsClass, Label, Sensitivity, Trust};
use rederive_policy::arguments::Arguments;
use rederive_policy::bundle::{Bundle, run, update};
use rederive_policy::request::{ArgumentFact, ArgumentRole, RunFacts, Source, ToolFacts, ValueFact};
use rederive_policy::{Cedar, Compiled, Engine, PolicyRequest};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/default")
}

/// The committed bundle; `UPDATE=1` writes its manifest anew.
fn bundle() -> Bundle {
    if std::env::var_os("UPDATE").is_some() {
        return update(&folder()).unwrap();
    }
    Bundle::read(&folder()).unwrap_or_else(|fault| panic!("{fault}: run this test with UPDATE=1"))
}

#[test]
fn the_default_bundle_answers_as_its_tests_say() {
    let bundle = bundle();
    let compiled = Cedar.compile(&bundle).unwrap();
    let cases = bundle.cases().unwrap();
    assert!(cases.len() > 20);
    for outcome in run(&cases, &compiled) {
        assert!(outcome.passed(), "{}: {:?}", outcome.case.name, outcome.judgement);
    }
}

#[test]
fn each_policy_of_the_default_bundle_decides_some_test() {
    let bundle = bundle();
    let compiled = Cedar.compile(&bundle).unwrap();
    let cases = bundle.cases().unwrap();
    let decided: std::collections::BTreeSet<String> = run(&cases, &compiled)
        .iter()
        .flat_map(|outcome| outcome.judgement.rules.iter().map(ToString::to_string))
        .collect();
    let text: String =
        bundle.below("policies/").map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect();
    let ids = text.lines().filter_map(|line| line.strip_prefix("@id(\"")?.strip_suffix("\")"));
    let silent: Vec<&str> = ids.filter(|id| !decided.contains(*id)).collect();
    assert!(silent.is_empty(), "no test is decided by {silent:?}");
}

/// Spec: bundle-entitlements.
#[test]
fn what_the_default_bundle_holds_may_be_approved_by_whom_an_entitlement_names_and_by_nobody_without() {
    let mine = tempfile::tempdir().unwrap();
    for part in ["policies", "tests"] {
        std::fs::create_dir(mine.path().join(part)).unwrap();
        for file in std::fs::read_dir(folder().join(part)).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), mine.path().join(part).join(file.file_name())).unwrap();
        }
    }
    std::fs::copy(folder().join("manifest.json"), mine.path().join("manifest.json")).unwrap();
    let page = include_str!("../../../docs/default-bundle.md");
    let lines = page.lines().find_map(|line| line.trim().strip_prefix("echo '")?.split_once("' >"));
    std::fs::write(mine.path().join("entitlements.json"), lines.unwrap().0).unwrap();
    let mine = update(mine.path()).unwrap();

    let argument = (ArgumentRole::Destination, ArgumentShape::Address, Source::External);
    let mut held = request_of((EffectsClass::Send, vec![EffectsClass::Send], false, vec![argument]));
    held.carriage = Some(held.influence);
    let id = |text: &str| Id::new(text).unwrap();
    let compiled = Cedar.compile(&mine).unwrap();
    assert!(!compiled.judge(&held).permits());
    let allowed = |bundle: &Bundle, who: &str| bundle.entitlements().unwrap().allow(&id(who), &held);
    assert!(allowed(&mine, "bob") && !allowed(&mine, "ann") && !allowed(&mine, "eve"));
    assert!(!allowed(&bundle(), "bob"));
    let approval = rederive_policy::request::ApprovalFact { id: id("a"), approver: id("bob"), signed: true };
    held.approval = Some(approval);
    assert!(compiled.judge(&held).permits());
}

/// Spec: messages-grant.
#[test]
fn what_follows_the_messages_is_what_they_ask_for_and_name() {
    let of = |action: &str, asked: &str, shape: &str, source: &str, trust: &str| {
        let text = format!(
            r#"{{"run": {{"tenant": "t", "session": "s", "principal": "ann", "actor": "a", "actor_type": "agent", "persona": "p"}},
                "tool": "tool", "action": "{action}", "asked": ["{asked}"], "values_known": true,
                "facts": {{"surface": "x", "effects": "{action}", "reversible": false, "preview": false,
                    "result": {{"trust": "external", "sensitivity": "internal"}}, "clearance": "internal"}},
                "values": [{{"pointer": "/0", "shape": "{shape}", "source": "{source}"}}],
                "influence": {{"trust": "{trust}", "sensitivity": "internal"}}}}"#
        );
        serde_json::from_str::<rederive_policy::PolicyRequest>(&text).unwrap().follows_messages()
    };
    for (action, asked, shape, source, trust, follows) in [
        ("send", "send", "address", "user", "external", true),
        ("send", "send", "address", "spelled", "external", true),
        ("send", "send", "address", "external", "external", false),
        ("send", "send", "address", "nowhere", "external", false),
        ("send", "send", "address", "external", "user", true),
        ("send", "write", "address", "user", "external", false),
        ("write", "send", "name", "user", "external", true),
        ("send", "write", "address", "user", "user", false),
        ("send", "send", "name", "nowhere", "external", true),
        ("send", "send", "name", "external", "external", false),
        ("send", "send", "text", "external", "external", false),
        ("write", "write", "text", "external", "external", true),
        ("read", "send", "name", "external", "external", true),
        ("read", "send", "url", "external", "external", false),
    ] {
        assert_eq!(of(action, asked, shape, source, trust), follows, "{action} {shape} {source} {trust}");
    }
}

/// A request under outside influence: its class, what is asked, whether it can be undone, and its arguments, each with role, looks and source.
fn request() -> impl Strategy<Value = PolicyRequest> {
    let classes = || {
        select(vec![
            EffectsClass::Read,
            EffectsClass::Write,
            EffectsClass::Send,
            EffectsClass::Delete,
            EffectsClass::Purchase,
        ])
    };
    let argument = (select(ArgumentRole::ALL), select(ArgumentShape::ALL), select(Source::ALL));
    (classes(), vec(classes(), 0..3), any::<bool>(), vec(argument, 0..4)).prop_map(request_of)
}

/// What an argument is for, what its value looks like, and from where it came.
type Argument = (ArgumentRole, ArgumentShape, Source);

fn request_of(
    (action, asked, reversible, arguments): (EffectsClass, Vec<EffectsClass>, bool, Vec<Argument>),
) -> PolicyRequest {
    let id = |text: &str| Id::new(text).unwrap();
    let mut facts = ToolFacts::of(id("office"), action);
    facts.reversible = reversible;
    let places = || (0..).map(|place| format!("/{place}")).zip(&arguments);
    facts.roles = places().map(|(pointer, (role, ..))| (pointer, *role)).collect();
    let run = RunFacts::of_agent(id("t"), id("ann"), id("agent"));
    let mut request = PolicyRequest::new(run, id("tool"), Some(facts));
    request.arguments = Arguments::new(vec!["x"; arguments.len()].into()).unwrap();
    // That its words spell a value is told of its looks alone.
    let whole = |source| if source == Source::Spelled { Source::Nowhere } else { source };
    let fact = |(pointer, (role, _, source)): (String, &Argument)| ArgumentFact {
        pointer,
        role: *role,
        source: whole(*source),
        records: Vec::new(),
    };
    request.provenance = places().map(fact).collect();
    let saying = places().filter(|(_, (_, shape, _))| *shape != ArgumentShape::Common);
    let value = |(pointer, (_, shape, source)): (String, &Argument)| ValueFact {
        pointer,
        shape: *shape,
        source: *source,
    };
    request.values = saying.map(value).collect();
    request.values_known = true;
    request.asked = asked.into_iter().filter(|class| *class != EffectsClass::Read).collect();
    request.influence = Label { trust: Trust::External, sensitivity: Sensitivity::Internal };
    request
}

proptest! {
    /// Spec: messages-grant.
    #[test]
    fn the_grant_covers_what_the_default_bundle_permits_and_nothing_else(request in request()) {
        static BUNDLE: LazyLock<Compiled> = LazyLock::new(|| Cedar.compile(&bundle()).unwrap());
        prop_assert_eq!(request.follows_messages(), BUNDLE.judge(&request).permits(), "{:?}", request);
    }
}
