//! What a bundle is, and what it answers, does not depend on whose stack it is loaded and asked on, and nothing in it takes that stack away. Spec: bundle-limits.

use std::time::{Duration, Instant};

use rederive_evidence::kinds::decision::{Decision, ReasonCode};
use rederive_evidence::values::EffectsClass;
use rederive_policy::{
    BundleFault, CHAIN_MAX, CHECKS_MAX, DIGITS_MAX, DOUBLINGS_MAX, EXPANDED_MAX, NESTING_MAX, ROLE_PAIRS_MAX,
    TEXT_BYTES_MAX, compile,
};

use crate::material::{bundle, bundle_for, request};

/// What a bundle answers where it can be used; else its fault.
type Told = Result<(Decision, ReasonCode), BundleFault>;

/// What a bundle of these files tells threads with little stack and with much: all the same, or the test fails.
fn told(engine: &'static str, files: &[(&str, &str)]) -> Told {
    let bundle = bundle_for(engine, files);
    let on = |bytes: usize| {
        let bundle = bundle.clone();
        let ask = move || {
            let compiled = compile(&bundle)?;
            let judgement = compiled.judge(&request(EffectsClass::Read));
            assert_eq!(compiled.judge_plainly(&request(EffectsClass::Read)), judgement);
            Ok((judgement.decision, judgement.reason))
        };
        std::thread::Builder::new().stack_size(bytes).spawn(ask).unwrap().join().unwrap()
    };
    let told = on(200_000);
    assert_eq!(on(64 << 20), told, "with much");
    told
}

fn cedar(condition: &str) -> Told {
    let policies = format!(
        "@id(\"all\") permit(principal, action, resource);\n@id(\"x\") forbid(principal, action, resource) when {{ {condition} }};"
    );
    told("cedar", &[("policies/all.cedar", &policies)])
}

fn terms(attribute: &str, number: usize) -> String {
    let terms: Vec<String> = (0..number).map(|n| format!("context.run.{attribute} == \"e{n}\"")).collect();
    terms.join(" || ")
}

const PERMITTED: Told = Ok((Decision::Permit, ReasonCode::PolicyPermits));

#[test]
fn as_many_terms_as_a_policy_may_have_are_evaluated_on_every_stack() {
    assert_eq!(cedar(&terms("tenant", 500)), PERMITTED);
    // The braces are one, and what a term is made of a few.
    assert_eq!(cedar(&terms("tenant", CHAIN_MAX - 8)), PERMITTED);
    assert_eq!(cedar(&format!("1{} == 0", "+1".repeat(CHAIN_MAX - 16))), PERMITTED);
    assert_eq!(cedar(&format!("{}false", "true && ".repeat(CHAIN_MAX - 8))), PERMITTED);
    let deepest =
        format!("{}{}{}", "(".repeat(NESTING_MAX - 1), terms("tenant", 900), ")".repeat(NESTING_MAX - 1));
    assert_eq!(cedar(&deepest), PERMITTED);
}

#[test]
fn as_many_terms_as_a_policy_may_have_are_checked_against_the_schema() {
    for number in [1, CHAIN_MAX - 8] {
        let fault = cedar(&terms("nothing", number));
        assert!(matches!(fault, Err(BundleFault::Invalid { .. })), "{number} terms: {fault:?}");
    }
}

#[test]
fn more_than_a_policy_may_have_is_refused_with_its_place_and_brings_nothing_down() {
    let chained = |condition: &str| {
        let fault = cedar(condition);
        assert!(
            matches!(fault, Err(BundleFault::Chained { line: 2, column: 51, most: CHAIN_MAX, .. })),
            "{fault:?}"
        );
    };
    chained(&terms("tenant", CHAIN_MAX + 2));
    chained(&terms("nothing", 3_600));
    chained(&format!("{}true", "true && ".repeat(10_000)));
    chained(&format!("1{} == 0", "+1".repeat(10_000)));
    chained(&format!("{{a: 1}}{}", "[\"a\"]".repeat(10_000)));
    chained(&format!("context{}", ".run".repeat(10_000)));
    let half = terms("tenant", CHAIN_MAX / 2 + 8);
    chained(&format!("({half}) || {half}"));

    let nested = |condition: &str| {
        let fault = cedar(condition);
        assert!(matches!(fault, Err(BundleFault::Nested { line: 2, most: NESTING_MAX, .. })), "{fault:?}");
    };
    nested(&format!("{}true{}", "(".repeat(1_000), ")".repeat(1_000)));
    nested(&format!("{}true{}", "(".repeat(NESTING_MAX), ")".repeat(NESTING_MAX)));
    nested(&format!("{}1{} == 1", "[".repeat(1_000), "]".repeat(1_000)));
    nested(&format!("{}1{} == 1", "{a: ".repeat(1_000), "}".repeat(1_000)));
    nested(&"if true then true else ".repeat(10_000));
    nested(&"if ".repeat(10_000));

    let conditions =
        format!("@id(\"x\") permit(principal, action, resource){};", " when { true }".repeat(10_000));
    assert!(matches!(
        told("cedar", &[("policies/all.cedar", &conditions)]),
        Err(BundleFault::Chained { line: 1, .. })
    ));
}

#[test]
fn what_stands_beside_each_other_or_in_strings_and_comments_is_not_deep() {
    assert_eq!(cedar(&format!("[{}2] == [1]", "1, ".repeat(10_000))), PERMITTED);
    assert_eq!(cedar(&format!("\"{}\" == \"\\\"\"", "( || ".repeat(2_000))), PERMITTED);
    assert_eq!(cedar(&format!("false // {}\n", "( || \" ".repeat(2_000))), PERMITTED);
    let many: String = (0..400)
        .map(|n| format!("@id(\"p{n}\") permit(principal, action, resource) when {{ (1 + 1) == 2 }};\n"))
        .collect();
    assert_eq!(told("cedar", &[("policies/all.cedar", &many)]), PERMITTED);
}

/// What hid behind them was checked by nobody, or was not there. Spec: bundle-limits.
#[test]
fn characters_that_end_a_line_a_text_or_a_word_to_some_readers_alone_are_refused_with_their_place() {
    let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
    let modules = [
        (format!("# x\r\"\nr if {deep} == 1 #\""), 3, 4),
        ("r if true\n# x\0\nno if true".to_owned(), 4, 4),
        ("r := `a\rb`".to_owned(), 3, 8),
        ("r := \"a\u{7f}b\"".to_owned(), 3, 8),
        ("r if true # x\u{c}".to_owned(), 3, 14),
        ("r if\u{2028}true".to_owned(), 3, 5),
        ("r if\u{a0}true".to_owned(), 3, 5),
    ];
    let place = |line: usize, column: usize| format!("line {line}, column {column}: ");
    for (module, line, column) in modules {
        let fault = rego(&module);
        let Err(BundleFault::Syntax { message, .. }) = &fault else { panic!("{module:?}: {fault:?}") };
        assert!(message.starts_with(&place(line, column)), "{module:?}: {message}");
    }
    for condition in ["true\r", "true // x\r\"\n", "\"\0\" == \"\"", "true\u{85}", "true\u{3000}&& true"] {
        let fault = cedar(condition);
        assert!(
            matches!(&fault, Err(BundleFault::Syntax { message, .. }) if message.starts_with("line 2, "))
        );
    }
    let fault = schema("// x\rentity Other;");
    let Err(BundleFault::Schema { message, .. }) = &fault else { panic!("{fault:?}") };
    assert_eq!(message, "line 2, column 5: a carriage return without a newline behind it");
    // Lines that end as on Windows, and any other character in strings and comments.
    assert_eq!(rego("# x \"\r\n\tr if `\u{a0}` != \"\u{2028}\" # \u{3000}\r\n"), PERMITTED);
    assert_eq!(cedar("\"\u{a0}\" == \"\" // \u{2028}\r\n"), PERMITTED);
    assert_eq!(schema("entity Other;\r\n// \u{a0}\r\n"), PERMITTED);
}

#[test]
fn a_schema_nests_no_deeper_than_a_policy() {
    let with = |levels: usize| {
        let kind = format!("{}Long{}", "Set<".repeat(levels), ">".repeat(levels));
        let schema = format!("entity Surface;\nentity Other {{ a: {kind} }};");
        let policy = "@id(\"all\") permit(principal, action, resource);";
        told("cedar", &[("policies/all.cedar", policy), ("schema.cedarschema", &schema)])
    };
    assert_eq!(with(NESTING_MAX - 1), PERMITTED);
    for levels in [NESTING_MAX, 10_000] {
        assert!(matches!(with(levels), Err(BundleFault::Nested { line: 2, .. })));
    }
}

#[test]
fn policies_and_schema_together_are_no_more_than_a_bundle_may_have() {
    let half = format!(
        "@id(\"all\") permit(principal, action, resource);//{}",
        "x".repeat(TEXT_BYTES_MAX as usize / 2)
    );
    let files = [("policies/a.cedar", half.as_str()), ("policies/b.cedar", half.as_str())];
    let large = BundleFault::Large { path: "policies/b.cedar".to_owned(), most: TEXT_BYTES_MAX };
    assert_eq!(compile(&bundle(&files)).map(|_| ()), Err(large));
}

#[test]
fn conditions_that_are_joined_before_they_are_evaluated_answer_as_each_alone() {
    let deep =
        |n: usize| format!("{}context.counters.calls > {}", "!context.previewed && ".repeat(120), 100 + n);
    let policies: String = (0..5)
        .map(|n| format!("@id(\"f{n}\") forbid(principal, action, resource) when {{ {} }};\n", deep(n)))
        .chain(["@id(\"all\") permit(principal, action, resource);".to_owned()])
        .collect();
    assert_eq!(told("cedar", &[("policies/all.cedar", &policies)]), PERMITTED);
}

#[test]
fn brackets_in_rego_are_refused_before_reading_them_takes_long() {
    let rules = r#"[{"id": "r", "effect": "permit", "rule": "data.p.r"}]"#;
    let begun = Instant::now();
    for (open, close) in [("[", "]"), ("{", "}"), ("(", ")"), ("{\"a\": ", "}")] {
        for levels in [24, 1_000] {
            let module = format!(
                "package p\nimport rego.v1\nr if {{ x := {}1{}\n x == x }}",
                open.repeat(levels),
                close.repeat(levels)
            );
            let fault = told("rego", &[("policies/p.rego", &module), ("rules.json", rules)]);
            assert!(
                matches!(fault, Err(BundleFault::Nested { .. } | BundleFault::Readings { .. })),
                "{fault:?}"
            );
        }
    }
    let module =
        |n: usize| format!("package p{n}\nr if {{ x := {}1{}; x == x }}", "{".repeat(12), "}".repeat(12));
    let modules: Vec<(String, String)> =
        (0..1_000).map(|n| (format!("policies/{n}.rego"), module(n))).collect();
    let files =
        modules.iter().map(|(path, text)| (path.as_str(), text.as_str())).chain([("rules.json", rules)]);
    let fault = told("rego", &files.collect::<Vec<_>>());
    assert!(matches!(fault, Err(BundleFault::Readings { .. })), "{fault:?}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

/// What a Rego bundle tells whose one declared rule is `r`.
fn rego(module: &str) -> Told {
    let rules = r#"[{"id": "r", "effect": "permit", "rule": "data.p.r"}]"#;
    let module = format!("package p\nimport rego.v1\n{module}\n");
    told("rego", &[("policies/p.rego", &module), ("rules.json", rules)])
}

#[test]
fn rules_and_functions_that_lead_back_to_themselves_are_refused_however_they_are_named() {
    for module in [
        "f(x) := f(x)\nr if f(1)",
        "r if not b\nb if not r",
        "r if data.p.r",
        "r if data.p[\"r\"]",
        "r if data[\"p\"].r",
        "r if { some x; data.p[x] }",
        "r if { x := data; x.p.r }",
        "import data.p as q\nr if q.r",
        "import data.p.r as q\nr if q",
        "f(x) := g(x)\ng(x) := h(x)\nh(x) := [y | y := f(x)]\nr if f(1)",
        "f(x) if { every y in [1] { g(y) } }\ng(x) if { z := {f(x): 1}; z }\nr if f(1)",
        "f(x) := y if { y := input[f(x)] }\nr if f(1)",
        "f(x) := 1 if x == 0 else := f(x)\nr if f(1)",
        "default f(_) := 1\nf(x) := f(x - 1) + 1 if x > 0\nr if f(1)",
    ] {
        let fault = rego(module);
        let leads_back = |message: &str| message.contains("leads back to itself: data.p");
        assert!(
            matches!(&fault, Err(BundleFault::Invalid { message, .. }) if leads_back(message)),
            "{module}: {fault:?}"
        );
    }
}

#[test]
fn rules_that_lead_to_one_another_and_not_back_are_evaluated() {
    for module in [
        "f(r) := g(r)\ng(x) := x + 1\nr if f(1) == 2",
        "r if { a; b }\na if c\nb if c\nc if input.action == \"read\"",
        "r if not b\nb if input.action == \"r\"",
        "s contains x if { some x in [1, 2] }\nr if count(s) == 2",
    ] {
        assert_eq!(rego(module), PERMITTED, "{module}");
    }
    let chain = |rules: usize| {
        let links: String = (1..rules).map(|n| format!("a{} if a{n}\n", n - 1)).collect();
        format!("r if a0\n{links}a{} := true", rules - 1)
    };
    assert_eq!(rego(&chain(100)), PERMITTED);
    let fault = rego(&chain(3_000));
    assert!(
        matches!(&fault, Err(BundleFault::Invalid { message, .. }) if message.contains("levels of rules")),
        "{fault:?}"
    );
}

#[test]
fn the_longest_expression_that_rego_may_have_is_evaluated_on_every_stack() {
    assert_eq!(rego(&format!("r if 1{} > 0", "+1\n".repeat(100))), PERMITTED);
    let links: String = (0..17).map(|n| format!("a{n} := a{}{}\n", n + 1, "+1\n".repeat(100))).collect();
    assert_eq!(rego(&format!("r if a0 > 0\n{links}a17 := 1")), PERMITTED);
}

/// What a bundle tells whose schema declares these types.
fn schema(types: &str) -> Told {
    let schema = format!("entity Surface;\n{types}");
    let policy = "@id(\"all\") permit(principal, action, resource);";
    told("cedar", &[("policies/all.cedar", policy), ("schema.cedarschema", &schema)])
}

/// A line for each number, in their order.
fn lines(numbers: impl Iterator<Item = usize>, line: impl Fn(usize) -> String) -> String {
    numbers.map(|number| line(number) + "\n").collect()
}

/// Each took minutes, or all memory, before. Spec: bundle-limits.
#[test]
fn types_that_are_made_of_each_other_are_refused_before_they_are_written_out() {
    let begun = Instant::now();
    let twice = |n: usize| format!("type A{n} = {{ a: A{}, \"b\"?: Set<A{}> }};", n - 1, n - 1);
    let first = "type A0 = { x: Long };\n";
    assert_eq!(schema(&format!("{first}{}", lines(1..=12, twice))), PERMITTED);
    let fault = schema(&format!("{first}{}", lines(1..=60, twice)));
    assert!(matches!(fault, Err(BundleFault::Expanded { line: 19, most: EXPANDED_MAX, .. })), "{fault:?}");
    let spaced =
        |n: usize| format!("namespace N{n} {{ type A = {{ a: N{}::A, b: N{}::A }}; }}", n - 1, n - 1);
    let inside = |n: usize| format!("namespace N {{ {} }}", lines(1..=n, twice) + first);
    for types in [
        // In the other order, one in each namespace, all in one, of the vocabulary's own, and one type of many.
        format!("{}{first}", lines((1..=60).rev(), twice)),
        format!("namespace N0 {{ type A = Long; }}\n{}", lines(1..=60, spaced)),
        inside(60),
        format!("type A0 = Asked;\n{}", lines(1..=20, twice)),
        format!(
            "type A0 = {{ {} }};\ntype A1 = {{ {} }};",
            lines(0..2_000, |n| format!("a{n}: Long,")),
            lines(0..2_000, |n| format!("a{n}: A0,"))
        ),
        format!("type A0 = Long;\n{}", lines(1..=2_000, |n| format!("type A{n} = {{ a: A{} }};", n - 1))),
        format!("type A0 = Asked;\nentity E {{ {} }};", lines(0..20_000, |n| format!("a{n}: A0,"))),
    ] {
        let fault = schema(&types);
        assert!(matches!(fault, Err(BundleFault::Expanded { .. })), "{}: {fault:?}", &types[..60]);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn types_that_are_named_as_attributes_or_by_many_are_no_larger_for_it() {
    for types in [
        // An attribute that is named as its type, or as another.
        "type Place = { Place: String, City: Long };\ntype City = { Place?: Place, \"City\": String };"
            .to_owned(),
        // A long way from name to name, and deep, both within the limit.
        format!("type A0 = Long;\n{}", lines(1..=600, |n| format!("type A{n} = A{};", n - 1))),
        format!("type A0 = Long;\n{}", lines(1..=600, |n| format!("type A{n} = {{ a: A{} }};", n - 1))),
        // As many tools as a registry has may have the vocabulary's context.
        lines(0..4_000, |n| format!("entity E{n} {{ a: Label }};")),
    ] {
        assert_eq!(schema(&types), PERMITTED, "{}", &types[..60]);
    }
    let circle = schema("type A = { a: A };");
    assert!(matches!(circle, Err(BundleFault::Schema { .. })), "{circle:?}");
}

fn joined(numbers: std::ops::Range<usize>, name: impl Fn(usize) -> String) -> String {
    numbers.map(name).collect::<Vec<String>>().join(", ")
}

/// Each took gigabytes before. Spec: bundle-limits.
#[test]
fn what_is_declared_of_many_names_at_once_or_in_each_other_counts_as_often_as_it_is_written_out() {
    let begun = Instant::now();
    let entities = joined(0..300, |n| format!("P{n}"));
    let actions = joined(0..300, |n| format!("a{n}"));
    let attributes = joined(0..1_100, |n| format!("b{n}: Long"));
    let chain = |kind: &str, name: &dyn Fn(usize) -> String| {
        let first = format!("{kind} {};\n", name(0));
        first + &lines(1..3_000, |n| format!("{kind} {} in [{}];", name(n), name(n - 1)))
    };
    for types in [
        format!(
            "entity {entities};\naction {actions} appliesTo {{ principal: [{entities}], resource: [{entities}], context: {{}} }};"
        ),
        format!("entity {} = {{ {attributes} }};", joined(0..1_000, |n| format!("E{n}"))),
        format!(
            "action {} appliesTo {{ principal: Surface, resource: Surface, context: {{ {attributes} }} }};",
            joined(0..1_000, |n| format!("a{n}"))
        ),
        chain("entity", &|n| format!("E{n}")),
        chain("action", &|n| format!("a{n}")),
        chain("action", &|n| format!("\"a{n}\"")),
        chain("action", &|n| format!("\"\\u{{61}}{n}\"")),
        format!("namespace N {{ {} }}", chain("entity", &|n| format!("E{n}"))),
        format!("entity {0} in [{0}];", joined(0..1_500, |n| format!("E{n}"))),
    ] {
        let fault = schema(&types);
        assert!(matches!(fault, Err(BundleFault::Expanded { .. })), "{}: {fault:?}", &types[..80]);
    }
    let some = joined(0..20, |n| format!("P{n}"));
    for types in [
        format!("entity {some} = {{ a: Long }};\naction b, c appliesTo {{ principal: [{some}], resource: [{some}], context: {{}} }};"),
        format!("entity E0;\n{}", lines(1..500, |n| format!("entity E{n} in [E{}];", n - 1))),
        "entity entity in Surface { entity: Long, action: Long } tags entity;\naction action, \"in\" in [Effect::Action::\"read\"] appliesTo { principal: entity, resource: Surface, context: { principal: Long } };".to_owned(),
    ] {
        assert_eq!(schema(&types), PERMITTED, "{}", &types[..60]);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// Sixty thousand attributes took ten seconds, four times as many two minutes; a few hundred policies under a schema of a million kinds of request, ten. Spec: bundle-limits.
#[test]
fn what_is_held_against_each_other_is_no_more_than_can_be_checked() {
    let begun = Instant::now();
    let attributes = |number| joined(0..number, |n| format!("a{n}: Long"));
    for types in [
        format!("entity E {{ {} }};", attributes(17_000)),
        format!("type A = {{ {} }};\nentity E, F {{ a: A, b: A }};", attributes(9_000)),
        format!("entity E enum [{}];", joined(0..17_000, |n| format!("\"a{n}\""))),
    ] {
        let fault = schema(&types);
        assert!(matches!(fault, Err(BundleFault::Expanded { .. })), "{}: {fault:?}", &types[..40]);
    }
    let many = format!("entity E enum [{}];", joined(0..4_096, |n| format!("\"a{n}\"")));
    for types in [format!("entity E {{ {} }};", attributes(4_096)), many] {
        assert_eq!(schema(&types), PERMITTED, "{}", &types[..40]);
    }
    let compiled = |types: &str, policies: usize| {
        let policies = lines(0..policies, |n| {
            format!("@id(\"p{n}\") permit(principal, action, resource) when {{ 1 < 2 }};")
        });
        let files = [("policies/all.cedar", policies.as_str()), ("schema.cedarschema", types)];
        compile(&bundle_for("cedar", &files)).map(|_| ())
    };
    let of_tools = |tools: usize| {
        let applies = "appliesTo { principal: Principal, resource: Surface, context: Asked }";
        let tool = |n: usize| format!("action \"t{n}\" in [Effect::Action::\"send\"] {applies};");
        format!("entity Surface enum [\"mail\"];\nnamespace Tool {{ {} }}", lines(0..tools, tool))
    };
    assert_eq!(compiled(&of_tools(1_000), 200), Ok(()));
    let kinds = joined(0..300, |n| format!("P{n}"));
    let squared = format!(
        "entity Surface;\nentity {kinds};\naction a appliesTo {{ principal: [{kinds}], resource: [{kinds}], context: {{}} }};"
    );
    let fault = compiled(&squared, 200);
    assert!(matches!(fault, Err(BundleFault::Checks { most: CHECKS_MAX, .. })), "{fault:?}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// A list that names a record of a thousand attributes tens of thousands of times, and chains of hundreds of `has`, took minutes. Spec: bundle-limits.
#[test]
fn wide_types_and_long_chains_of_has_are_no_more_than_can_be_checked() {
    let begun = Instant::now();
    let compiled = |types: &str, condition: &str, policies: usize| {
        let policies = lines(0..policies, |n| {
            format!("@id(\"p{n}\") permit(principal, action, resource) when {{ {condition} }};")
        });
        let files = [("policies/all.cedar", policies.as_str()), ("schema.cedarschema", types)];
        compile(&bundle_for("cedar", &files)).map(|_| ())
    };
    let wide = format!("entity Surface {{ r: {{ {} }} }};", joined(0..1_000, |n| format!("a{n}: Long")));
    let applies = "appliesTo { principal: Principal, resource: Surface, context: Asked }";
    let tools = lines(0..100, |n| format!("action \"t{n}\" {applies};"));
    let tools = format!("entity Surface;\nnamespace Tool {{ {tools} }}");
    let listed =
        |number| format!("[{}].contains(resource.r)", joined(0..number, |_| "resource.r".to_owned()));
    let tagged = |number: usize| {
        let tags: Vec<String> = (0..number).map(|n| format!("context.text.hasTag(\"t{n}\")")).collect();
        tags.join(" && ")
    };
    assert_eq!(compiled(&wide, &listed(200), 1), Ok(()));
    assert_eq!(compiled("entity Surface;", &listed_of_context(200), 1), Ok(()));
    assert_eq!(compiled("entity Surface;", &tagged(300), 1), Ok(()));
    for (types, condition, policies) in [
        (wide.as_str(), listed(160_000), 1),
        (tools.as_str(), listed_of_context(200_000), 1),
        (tools.as_str(), tagged(500), 20),
    ] {
        let fault = compiled(types, &condition, policies);
        let is_refused = matches!(fault, Err(BundleFault::Checks { most: CHECKS_MAX, .. }));
        assert!(is_refused, "{policies} of {}..: {fault:?}", &condition[..40]);
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// A list of two thousand groups of twenty thousand actions each took half a gigabyte, one of a hundred thousand all memory. Spec: bundle-limits.
#[test]
fn what_is_gathered_of_groups_is_no_more_than_can_be_held() {
    let begun = Instant::now();
    let compiled = |members: usize, named: usize| {
        let actions = joined(0..members, |n| format!("a{n}"));
        let types = format!("entity Surface enum [\"s\"]; action g; action {actions} in [g];");
        let listed = joined(0..named, |_| "Action::\"g\"".to_owned());
        let policy =
            format!("@id(\"p\") permit(principal, action, resource) when {{ action in [{listed}] }};");
        let files = [("policies/all.cedar", policy.as_str()), ("schema.cedarschema", types.as_str())];
        compile(&bundle_for("cedar", &files)).map(|_| ())
    };
    assert_eq!(compiled(2_000, 100), Ok(()));
    for (members, named) in [(20_000, 2_000), (60_000, 60_000)] {
        let fault = compiled(members, named);
        let is_refused = matches!(fault, Err(BundleFault::Checks { most: CHECKS_MAX, .. }));
        assert!(is_refused, "{named} of {members}: {fault:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

fn listed_of_context(number: usize) -> String {
    format!("[{}].contains(context)", joined(0..number, |_| "context".to_owned()))
}

/// A thousand roles took seconds, three thousand a minute. Spec: bundle-limits.
#[test]
fn entities_are_no_more_often_in_each_other_than_they_may_be() {
    let begun = Instant::now();
    let tell = |entities: &str| {
        let files = [
            ("policies/all.cedar", "@id(\"all\") permit(principal, action, resource);"),
            ("schema.cedarschema", "entity Surface;"),
            ("entities.json", entities),
        ];
        told("cedar", &files)
    };
    let chain = |roles: usize, uid: &dyn Fn(usize) -> serde_json::Value| {
        let role = |n: usize| {
            let parents: Vec<serde_json::Value> = (n > 0).then(|| uid(n - 1)).into_iter().collect();
            serde_json::json!({"uid": uid(n), "attrs": {}, "parents": parents})
        };
        serde_json::Value::from((0..roles).map(role).collect::<Vec<_>>()).to_string()
    };
    let plain = |n: usize| serde_json::json!({"type": "Role", "id": format!("r{n}")});
    assert_eq!(tell(&chain(100, &plain)), PERMITTED);
    for uid in [
        &plain as &dyn Fn(usize) -> serde_json::Value,
        &|n| serde_json::json!({"__entity": plain(n)}),
        &|n| serde_json::json!({"type": " Role", "id": format!("r{n}")}),
    ] {
        let fault = tell(&chain(3_000, uid));
        let Err(BundleFault::Data { path, message }) = &fault else { panic!("{fault:?}") };
        assert_eq!(path, "entities.json");
        assert!(message.contains(&ROLE_PAIRS_MAX.to_string()), "{message}");
    }
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

/// Each took minutes, or all memory, before: none of them takes many steps. Spec: bundle-rego.
#[test]
fn rules_whose_values_double_again_and_again_are_refused_before_they_are_evaluated() {
    let begun = Instant::now();
    let levels = 40;
    let chain = |first: &str, next: &dyn Fn(usize, usize) -> String| {
        let lines = lines(1..=levels, |n| next(n, n - 1));
        format!("{first}\n{lines}")
    };
    let body = |next: &dyn Fn(usize, usize) -> String| {
        format!("r if {{\n{}x{levels} == x{levels}\n}}", chain("x0 := 7", next))
    };
    let rules = |next: &dyn Fn(usize, usize) -> String| {
        format!("{}r if a{levels} == a{levels}", chain("a0 := 7", next))
    };
    for module in [
        body(&|n, m| format!("x{n} := x{m} * x{m}")),
        body(&|n, m| format!("x{n} := (x{m} + 1) * (x{m} - 1)")),
        body(&|n, m| format!("x{n} := product([x{m}, x{m}])")),
        body(&|n, m| format!("x{n} := [x{m}, x{m}]")),
        body(&|n, m| format!("[x{n}, 1] = [[x{m}, [x{m}]], 1]")),
        body(&|n, m| format!("x{n} := {{\"a\": x{m}, \"b\": x{m}}}")),
        body(&|n, m| format!("x{n} := {{[0, x{m}], [1, x{m}]}}")),
        body(&|n, m| format!("x{n} := {{[0, x{m}]}} | {{[1, x{m}]}}")),
        body(&|n, m| format!("x{n} := object.union({{\"a\": x{m}}}, {{\"b\": x{m}}})")),
        body(&|n, m| format!("x{n} := [x{m} | some i in [1, 2]]")),
        body(&|n, m| format!("x{n} := [y | some i in [1, 2]; y := x{m}]")),
        body(&|n, m| format!("x{n} := [x{m} | [1, 2][_]]")),
        format!(
            "pairs := {{[1, 2], [3, 4]}}\n{}",
            body(&|n, m| format!("x{n} := {{[i, j, x{m}] | pairs[[i, j]]}}"))
        ),
        body(&|n, m| format!("x{n} := {{[i, x{m}] | some i in [1, 2]}}")),
        body(&|n, m| format!("x{n} := {{i: x{m} | some i in [\"a\", \"b\"]}}")),
        rules(&|n, m| format!("a{n} := a{m} * a{m}")),
        rules(&|n, m| format!("a{n} := [a{m}, data.p[\"a{m}\"]]")),
        rules(&|n, m| format!("a{n} contains [i, a{m}] if some i in [1, 2]")),
        rules(&|n, m| format!("a{n} contains [0, a{m}]\na{n} contains [1, a{m}]")),
        rules(&|n, m| format!("a{n}[i] := a{m} if some i in [\"a\", \"b\"]")),
        rules(&|n, m| format!("a{n}.b := a{m}\na{n}.c := a{m}")),
        format!("{}r if f6(7) > 0", chain("f0(x) := x * x", &|n, m| format!("f{n}(x) := f{m}(f{m}(x))"))),
        format!("{}r if f6(7) == 0", chain("f0(x) := [x, x]", &|n, m| format!("f{n}(x) := f{m}(f{m}(x))"))),
    ] {
        let fault = rego(&module);
        assert!(matches!(fault, Err(BundleFault::Grown { most: DOUBLINGS_MAX, .. })), "{module}: {fault:?}");
    }
    let fault = rego(&rules(&|n, m| format!("a{n} := [a{m}, a{m}]")));
    let Err(BundleFault::Grown { path, line, rule, .. }) = fault else { panic!("{fault:?}") };
    assert_eq!((path.as_str(), line, rule.as_str()), ("policies/p.rego", 3 + 29, "data.p.a29"));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn rules_that_select_join_and_reckon_are_evaluated() {
    for module in [
        "a := [x | some x in [1, 2, 3]]\nb := [x | some x in a; x > 1]\nc := {x | some x in b}\nd := {x: x | some x in c}\nr if count(d) == 2",
        "a := {x.name | some x in [{\"name\": \"a\"}]; some y in [\"a\", \"b\"]; x.name == y}\nb := {x | some x in a; some y in a}\nr if count(b) == 1",
        "pairs := [[a, b] | some a in [1, 2]; some b in [3, 4]]\nr if count(pairs) == 4",
        "deny contains msg if { some t in [\"a\"]; msg := {\"tool\": t, \"why\": \"x\"} }\nbad := {m.tool | some m in deny}\nr if count(bad) == 1",
        "calls := input.counters.calls\nr if calls * 3 + 2 * calls * 5 >= 0",
        "price := [p | p := [{\"n\": 2}][_].n]\nr if sum([q | some p in price; q := p * p]) == 4",
        "items := {\"a\": 1, \"b\": 2}\nnames := [k | some k; items[k]]\nr if count(names) == 2",
        "f(x) := x * x\nr if { f(1) == 1; f(2) == 4; f(3) == 9 }",
        "x := 2\nr if { x * x == 4; x * x * x == 8; x * x == x + x; (x * x) * (x * x) == 16 }",
    ] {
        assert_eq!(rego(module), PERMITTED, "{module}");
    }
    let squares = |times: usize| {
        let squares = lines(1..=times, |n| format!("x{n} := x{m} * x{m}", m = n - 1));
        rego(&format!("r if {{\nx0 := 7\n{squares}x{times} > 0\n}}"))
    };
    assert_eq!(squares(14), PERMITTED, "as many as there may be");
    assert!(matches!(squares(15), Err(BundleFault::Grown { .. })));
    let lists = |times: usize| {
        let lists = lines(1..=times, |n| format!("x{n} := [x{m}, x{m}]", m = n - 1));
        rego(&format!("r if {{\nx0 := 7\n{lists}x{times} != 7\n}}"))
    };
    assert_eq!(lists(DOUBLINGS_MAX as usize), PERMITTED, "as many as there may be");
    assert!(matches!(lists(DOUBLINGS_MAX as usize + 1), Err(BundleFault::Grown { .. })));
}

#[test]
fn policies_as_people_write_them_double_seldom_enough() {
    let deny = |what: &str| {
        let loops = "some a in data.accounts; some p in a.payments";
        lines(0..9, |n| format!("deny contains {what} if {{ {loops}; p.amount > {n} }}"))
    };
    let context = "ctx := {\"user\": input.run.principal, \"actor\": input.run.actor, \"tool\": input.tool, \"surface\": input.facts.surface, \"tenant\": input.run.tenant, \"action\": input.action, \"args\": input.arguments, \"session\": input.run.session, \"roles\": data.roles[input.run.principal]}";
    for module in [
        deny("{\"rule\": \"x\", \"account\": a, \"payment\": p}"),
        deny("msg").replace(" }", "; msg := {\"rule\": \"x\", \"account\": a.name} }"),
        "holds := [{\"user\": u.name, \"perm\": p} | some u in data.users; some p in u.perms]
conflicts := [[a.user, a.perm, b.perm] | some a in holds; some b in holds; a.user == b.user; [a.perm, b.perm] in data.toxic]
toxic if count(conflicts) > 0".to_owned(),
        "holds contains {\"user\": u.name, \"perm\": p} if { some u in data.users; some p in u.perms }
conflicts contains {\"user\": a.user, \"a\": a.perm, \"b\": b.perm} if { some a in holds; some b in holds; a.user == b.user; a.perm != b.perm }".to_owned(),
        "by_role := {role: users | some role in data.roles; users := {u.name | some u in data.users; role in u.roles}}
admins := {name | some role in data.admin_roles; some name in by_role[role]}
audited := {name: roles | some name in admins; roles := [role | some role; name in by_role[role]]}".to_owned(),
        "everyone := {a | some k in [\"to\", \"cc\"]; some a in input.arguments[k]}
by_domain := {d: addrs | some a in everyone; d := domain(a); addrs := {b | some b in everyone; domain(b) == d}}
domain(addr) := d if { parts := split(addr, \"@\"); d := lower(parts[1]) }
report := [{\"domain\": d, \"count\": count(a), \"external\": external(d)} | some d, a in by_domain]
external(d) if not d in data.internal".to_owned(),
        format!("{context}\nm := {{\"ctx\": ctx, \"limits\": data.limits, \"flags\": data.flags}}
hits := [{{\"policy\": p.name, \"on\": m}} | some p in data.policies; p.tool == m.ctx.tool]"),
        format!("{context}\nhits := [{{\"policy\": p.name, \"cond\": c.name, \"ctx\": ctx}} | some p in data.policies; some c in p.conditions; c.tool == ctx.tool]
denials := {{h.policy | some h in hits}}"),
    ] {
        assert_eq!(rego(&format!("{module}\nr := true")), PERMITTED, "{module}");
    }
}

#[test]
fn what_doubles_too_often_is_told_with_what_counted() {
    let module = "x1 := [[a, b] | some a in data.a; some b in data.b]
x2 contains [c, x] if { some c in data.c; x := [[d, x1] | some d in data.d] }
y := {\"a\": x2, \"b\": data.b, \"c\": x1}
r if count(y) == 3";
    let fault = rego(module);
    let Err(BundleFault::Grown { line, rule, counted, .. }) = fault else { panic!("{fault:?}") };
    assert_eq!((line, rule.as_str()), (4, "data.p.x2"));
    let turns = "12 for each turn of what is gone through in line 4";
    let around = "13 in its definitions and the rules that it leads to";
    let held = "1 for what is put together in line 4";
    assert_eq!(counted, format!("{turns}, {turns}, {held}, {held}, {around}"));
}

/// They pass when loaded, and deny when asked: docs/policies.md says what to write instead.
#[test]
fn a_regular_expression_that_is_large_once_compiled_fails_and_a_plain_one_does_not() {
    let pattern =
        |pattern: &str| rego(&format!("r if regex.match(`^{pattern}$`, \"abcdefghijabcdefghijabcdefghij\")"));
    assert_eq!(pattern("\\w{30}"), Ok((Decision::Deny, ReasonCode::PolicyError)));
    assert_eq!(pattern("[a-z0-9_]{30}"), PERMITTED);
    assert_eq!(pattern("(?-u:\\w{30})"), PERMITTED);
}

#[test]
fn a_product_with_a_number_that_is_long_grows_like_any_other() {
    let product = |number: &str| {
        let lines = lines(1..=40, |n| format!("x{n} := x{} * {number}", n - 1));
        rego(&format!("r if {{\nx0 := 7\n{lines}x40 > 0\n}}"))
    };
    assert_eq!(product(&"9".repeat(18)), PERMITTED);
    for number in ["9".repeat(19), "1e300".to_owned(), "2.5e18".to_owned()] {
        assert!(matches!(product(&number), Err(BundleFault::Grown { .. })), "{number}");
    }
}

#[test]
fn numbers_that_are_longer_than_they_are_written_are_refused() {
    let begun = Instant::now();
    for module in [
        "r if 1e1000000000 > 0",
        "r if { x := [-1.5E+0999999999]; x }",
        "r if input.counters.calls < 1_0e600",
    ] {
        let fault = rego(module);
        assert!(
            matches!(fault, Err(BundleFault::Digits { line: 3, most: DIGITS_MAX, .. })),
            "{module}: {fault:?}"
        );
    }
    for digits in [DIGITS_MAX, DIGITS_MAX + 1] {
        let number = "9".repeat(digits as usize);
        let told = rego(&format!("r if {{ {number} > 0; 1e{} > 0 }}", digits - 1));
        assert_eq!(told == PERMITTED, digits == DIGITS_MAX, "{told:?}");
        assert!(matches!(told, Ok(_) | Err(BundleFault::Digits { .. })), "{told:?}");
    }
    assert_eq!(rego("# 1e1000000000\nr if \"1e1000000000\" != \"1e-1000000000\""), PERMITTED);
    let rules = r#"[{"id": "r", "effect": "permit", "rule": "data.p.r"}]"#;
    let module = "package p\nimport rego.v1\nr if data.most > 0";
    let with =
        |data: &str| told("rego", &[("policies/p.rego", module), ("rules.json", rules), ("data.json", data)]);
    assert_eq!(with("{\"most\": 1e300}"), PERMITTED);
    let fault = with("{\"most\":\n 1e1000000000}");
    let digits = BundleFault::Digits { path: "data.json".to_owned(), line: 2, column: 2, most: DIGITS_MAX };
    assert_eq!(fault, Err(digits));
    assert!(begun.elapsed() < Duration::from_secs(30));
}
