//! Bundles and registries are checked, tested, named, archived and drafted.

use crate::sandbox::{Sandbox, block, drafts};

const MANIFEST: &str = r#"{"name": "mail-rules", "version": "1", "engine": "cedar"}"#;

const POLICIES: &str = r#"
@id("reads")
permit(principal, action in Effect::Action::"read", resource);

@id("sends-on-approval")
@directive("require-approval")
permit(principal, action in Effect::Action::"send", resource);
"#;

const TESTS: &str = r#"[
  {"name": "a read goes through", "expect": {"decision": "PERMIT", "rules": ["reads"]},
   "request": {"run": {"tenant": "acme", "session": "s", "principal": "alice", "actor": "agent", "actor_type": "agent", "persona": "agent"},
               "tool": "list_messages", "action": "read",
               "facts": {"surface": "mail", "effects": "read", "reversible": true, "preview": false,
                         "result": {"trust": "external", "sensitivity": "internal"}, "clearance": "public"}}},
  {"name": "an unlisted tool is silence", "expect": {"decision": "SILENCE", "reason": "unknown-tool"},
   "request": {"run": {"tenant": "acme", "session": "s", "principal": "alice", "actor": "agent", "actor_type": "agent", "persona": "agent"},
               "tool": "other", "action": "send"}}
]"#;

const MCP: &str = r#"{"tools": [
  {"name": "list_messages", "description": "List the messages.", "inputSchema": {"type": "object", "properties": {}},
   "annotations": {"readOnlyHint": true}},
  {"name": "send_message", "description": "Sends a message.",
   "inputSchema": {"type": "object", "properties": {"to": {"type": "string"}, "body": {"type": "string"}}}},
  {"name": "frobnicate"}
]}"#;

fn default_bundle() -> String {
    let tree = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    tree.join("policies/default").to_str().unwrap().to_owned()
}

fn with_bundle() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("rules/manifest.json", MANIFEST);
    sandbox.write("rules/policies/all.cedar", POLICIES);
    sandbox.write("rules/tests/all.json", TESTS);
    let updated = sandbox.quietly(&["policy", "digest", "rules", "--update"], b"");
    assert_eq!(updated.exit, 0, "{}", updated.stderr);
    sandbox
}

#[test]
fn a_bundle_is_checked_tested_named_and_archived() {
    let mut sandbox = with_bundle();
    assert_eq!(sandbox.run(&["policy", "check", "rules"]).exit, 0);
    assert_eq!(sandbox.run(&["policy", "test", "rules"]).exit, 0);
    let digest = sandbox.run(&["policy", "digest", "rules"]);
    let archived = sandbox.run(&["policy", "import", "rules", "--bundles", "bundles"]);
    assert_eq!((archived.exit, &archived.stdout), (0, &digest.stdout));
    let tar = format!("bundles/{}.tar", digest.stdout.trim());
    assert_eq!(sandbox.quietly(&["policy", "digest", &tar], b"").stdout, digest.stdout);
    let told = sandbox.quietly(&["policy", "check", &tar, "--json"], b"").json();
    assert_eq!(told["policies"], serde_json::json!(["reads", "sends-on-approval"]));
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_forbid_that_waits_for_a_misspelt_word_is_warned_of_and_a_fault_where_that_is_asked() {
    let sandbox = with_bundle();
    assert_eq!(sandbox.quietly(&["policy", "check", "rules", "--strict"], b"").exit, 0);
    let forbid = r#"@id("keeps-secrets") forbid(principal, action, resource) when { context.detected.contains("secrte") };"#;
    sandbox.write("rules/policies/more.cedar", forbid);
    assert_eq!(sandbox.quietly(&["policy", "digest", "rules", "--update"], b"").exit, 0);
    let ended = sandbox.quietly(&["policy", "check", "rules"], b"");
    assert_eq!(ended.exit, 0);
    assert!(
        ended.stdout.contains("for policy `keeps-secrets`, no request has \"secrte\" as `detected`"),
        "{}",
        ended.stdout
    );
    assert_eq!(sandbox.quietly(&["policy", "check", "rules", "--strict"], b"").exit, 1);
}

#[test]
fn what_keeps_a_bundle_from_use_is_named_with_its_file_or_policy() {
    let mut sandbox = with_bundle();
    sandbox.write("rules/policies/all.cedar", format!("{POLICIES}\n"));
    assert_eq!(sandbox.run(&["policy", "check", "rules"]).exit, 3);
    let broken = [
        (r#"@id("x") permit(principal, action, resource) when { context.nothing };"#, 2),
        (r#"@id("x") @directive("roll-back") permit(principal, action, resource);"#, 2),
        (r#"@id("x") @directiv("route") permit(principal, action, resource);"#, 2),
        ("permit(principal, action, resource);", 2),
        ("permit(", 2),
    ];
    for (policies, exit) in broken {
        sandbox.write("rules/policies/all.cedar", policies);
        assert_eq!(sandbox.quietly(&["policy", "digest", "rules", "--update"], b"").exit, 0);
        assert_eq!(sandbox.run(&["policy", "check", "rules"]).exit, exit, "{policies}");
    }
    std::fs::create_dir(sandbox.path("empty")).unwrap();
    assert_eq!(sandbox.run(&["policy", "check", "empty"]).exit, 2);
    sandbox.write("bent/manifest.json", "{\"name\":\"x\",\"vers\":1}");
    assert_eq!(sandbox.run(&["policy", "check", "bent"]).exit, 2);
    // No tar, a compressed one, and one that is cut off: the user's to mend, not the tool's.
    let tar = sandbox.quietly(&["policy", "import", &default_bundle(), "--bundles", "bundles"], b"").stdout;
    let whole = sandbox.read(&format!("bundles/{}.tar", tar.trim()));
    sandbox.write("text.tar", "{}".repeat(600));
    sandbox.write("cut.tar", &whole[..whole.len() - 5_000]);
    sandbox.write("packed.tar", [&[0x1f, 0x8b, 8, 0][..], &whole].concat());
    for name in ["text.tar", "cut.tar", "packed.tar"] {
        assert_eq!(sandbox.run(&["policy", "check", name]).exit, 2, "{name}");
    }
    sandbox.write("rules/more", "");
    sandbox.run(&["policy", "check", "rules"]);
    sandbox.run(&["policy", "check", "nowhere"]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_test_that_fails_says_what_was_expected_and_found() {
    let mut sandbox = with_bundle();
    let wrong = TESTS.replace(r#""decision": "PERMIT""#, r#""decision": "DENY""#);
    sandbox.write("rules/tests/all.json", wrong);
    sandbox.quietly(&["policy", "digest", "rules", "--update"], b"");
    assert_eq!(sandbox.run(&["policy", "test", "rules"]).exit, 1);
    let told = sandbox.quietly(&["policy", "test", "rules", "--json"], b"").json();
    assert_eq!((&told[0]["passed"], &told[1]["passed"]), (&false.into(), &true.into()));
    std::fs::remove_file(sandbox.path("rules/tests/all.json")).unwrap();
    sandbox.quietly(&["policy", "digest", "rules", "--update"], b"");
    assert_eq!(sandbox.run(&["policy", "test", "rules"]).exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_test_whose_policy_fails_says_why() {
    let sandbox = with_bundle();
    std::fs::remove_file(sandbox.path("rules/policies/all.cedar")).unwrap();
    let module = "package p\nimport rego.v1\nr if 1 / count(input.detected) == 1\n";
    sandbox.write("rules/policies/p.rego", module);
    sandbox.write("rules/rules.json", r#"[{"id": "r", "effect": "permit", "rule": "data.p.r"}]"#);
    sandbox.write("rules/manifest.json", r#"{"name": "mine", "version": "1", "engine": "rego"}"#);
    sandbox.quietly(&["policy", "digest", "rules", "--update"], b"");
    let told = sandbox.quietly(&["policy", "test", "rules"], b"");
    assert_eq!(told.exit, 1);
    assert!(told.stdout.contains("failed    r: "), "{}", told.stdout);
    assert!(told.stdout.contains("p.rego:3"), "{}", told.stdout);
    let told = sandbox.quietly(&["policy", "test", "rules", "--json"], b"").json();
    assert_eq!(told[0]["failures"][0]["policy"], "r");
    assert!(told[0]["failures"][0]["message"].as_str().unwrap().contains("divide by zero"), "{told}");
}

#[test]
fn a_function_of_regos_that_panics_fails_its_rule_and_prints_nothing_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write("rules/manifest.json", MANIFEST.replace("cedar", "rego"));
    sandbox.write("rules/policies/all.rego", "package p\nr if strings.count(input.tool, \"\") == 0\n");
    sandbox.write("rules/rules.json", r#"[{"id": "r", "effect": "permit", "rule": "data.p.r"}]"#);
    sandbox.write("rules/tests/all.json", TESTS);
    let updated = sandbox.quietly(&["policy", "digest", "rules", "--update"], b"");
    assert_eq!(updated.exit, 0, "{}", updated.stderr);
    let tested = sandbox.quietly(&["policy", "test", "rules"], b"");
    let told = format!("{}{}", tested.stdout, tested.stderr);
    assert_eq!(tested.exit, 1, "{told}");
    assert!(told.contains("a function that is built in panicked"), "{told}");
    assert!(!told.contains("panicked at") && !told.contains("thread"), "{told}");
}

#[test]
fn a_registry_is_drafted_for_review_checked_and_gives_a_schema() {
    let mut sandbox = Sandbox::new();
    sandbox.write("mcp.json", MCP);
    assert_eq!(sandbox.run(&["registry", "infer", "mcp.json", "--out", "registry.json"]).exit, 0);
    assert_eq!(sandbox.run(&["registry", "infer", "mcp.json", "--out", "registry.json"]).exit, 2);
    sandbox.run(&["registry", "check", "registry.json"]);
    sandbox.run(&["registry", "schema", "registry.json"]);
    let text = sandbox.read_text("registry.json");
    assert_eq!(sandbox.quietly(&["registry", "infer", "-"], MCP.as_bytes()).stdout, text);
    let draft: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(format!("{}{draft:#}\n", sandbox.transcript()));
}

#[test]
fn a_draft_of_a_trace_lists_every_tool_that_was_registered_or_called() {
    let mut sandbox = Sandbox::new();
    sandbox.record("run.rdt", &[], &drafts());
    let drafted = sandbox.quietly(&["registry", "infer", "run.rdt"], b"");
    assert_eq!(drafted.exit, 0, "{}", drafted.stderr);
    assert!(!drafted.json()["tools"].as_object().unwrap().is_empty());
    // The same of the folder that it lies in.
    let inside = sandbox.quietly(&["registry", "infer", "."], b"");
    assert_eq!((inside.exit, inside.stdout), (0, drafted.stdout));
    let nothing = sandbox.quietly(&["registry", "infer", "nothing"], b"");
    assert_eq!(nothing.exit, 2, "{}", nothing.stderr);
}

#[test]
fn what_is_no_registry_and_tells_of_no_tools_is_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.write("a.json", "{}");
    sandbox.write("b.json", r#"{"format": 9, "tools": {}}"#);
    for arguments in
        [["registry", "infer", "a.json"], ["registry", "check", "a.json"], ["registry", "check", "b.json"]]
    {
        assert_eq!(sandbox.run(&arguments).exit, 2);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// A registry of these tools, each a name and a schema.
fn registry(tools: &[(&str, &str)]) -> String {
    const FACTS: &str = r#""surface":"mail","effects":"send","reversible":false,"preview":false,
        "result":{"trust":"external","sensitivity":"internal"},"clearance":"public""#;
    let tools: Vec<String> =
        tools.iter().map(|(name, schema)| format!("\"{name}\": {{{FACTS}, \"schema\": {schema}}}")).collect();
    format!("{{\"format\": 1, \"tools\": {{\n{}\n}}}}", tools.join(",\n"))
}

#[test]
fn a_registry_whose_schemas_check_nothing_or_that_names_a_tool_twice_is_refused_with_the_place() {
    let mut sandbox = Sandbox::new();
    let sound = r#"{"type": "object", "properties": {"to": {"type": "string"}}}"#;
    let tables: [(&str, &[(&str, &str)]); 4] = [
        ("sound.json", &[("send", sound), ("reply", sound)]),
        (
            "unsound.json",
            &[
                ("send", r#"{"properties": {"to": {"type": 7}}}"#),
                ("reply", r#"{"properties": {"to": {"pattern": "(?=a)"}}}"#),
                ("forward", sound),
            ],
        ),
        ("outside.json", &[("send", r#"{"$ref": "https://example.com/schema.json"}"#)]),
        ("twice.json", &[("send", sound), ("reply", sound), ("send", "{}")]),
    ];
    for (name, tools) in tables {
        sandbox.write(name, registry(tools));
        let expected = if name == "sound.json" { 0 } else { 2 };
        assert_eq!(sandbox.run(&["registry", "check", name]).exit, expected, "{name}");
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn tools_of_one_name_that_differ_are_told_with_their_sources_and_drafted_with_care() {
    let mut sandbox = Sandbox::new();
    let one = r#"[{"name": "lookup", "description": "Returns the weather.", "parameters": {"properties": {"city": {"type": "string"}}}}]"#;
    let other = r#"[{"name": "lookup", "description": "Deletes a file.", "parameters": {"properties": {"path": {"type": "string"}}}},
                    {"name": "lookup", "description": "Sends a letter.", "parameters": {"properties": {"to": {"type": "string"}}}}]"#;
    sandbox.write("one.json", one);
    sandbox.write("other.json", other);
    sandbox.write("again.json", one);
    assert_eq!(
        sandbox.run(&["registry", "infer", "one.json", "again.json", "other.json", "--out", "r.json"]).exit,
        0
    );
    let entry = &sandbox.read_text("r.json").parse::<serde_json::Value>().unwrap()["tools"]["lookup"];
    assert_eq!(entry["effects"], "delete", "{entry:#}");
    assert_eq!(entry["schema"]["anyOf"].as_array().unwrap().len(), 3, "{entry:#}");
    assert_eq!(sandbox.run(&["registry", "check", "r.json"]).exit, 0);
    assert!(
        sandbox
            .quietly(&["registry", "infer", "one.json", "again.json"], b"")
            .stderr
            .lines()
            .all(|line| !line.contains("warning"))
    );
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_bundle_that_asks_for_what_nobody_may_give_is_warned_of() {
    let sandbox = Sandbox::new();
    let text = |name| block("docs/policies.md", name);
    sandbox.write("rules/manifest.json", text("manifest"));
    sandbox.write("rules/policies/mail.cedar", text("policies"));
    let told = "no entitlement names anybody";
    for (entitlements, warns) in [
        (None, true),
        (Some(r#"{"entitlements": []}"#.to_owned()), true),
        (Some(text("entitlements")), false),
    ] {
        if let Some(entitlements) = entitlements {
            sandbox.write("rules/entitlements.json", entitlements);
        }
        assert_eq!(sandbox.quietly(&["policy", "digest", "rules", "--update"], b"").exit, 0);
        let ended = sandbox.quietly(&["policy", "check", "rules", "--strict"], b"");
        assert_eq!((ended.exit, ended.stdout.contains(told)), (0, warns), "{}", ended.stdout);
    }
}

#[test]
fn the_guide_for_authors_can_be_followed() {
    let sandbox = Sandbox::new();
    let text = |name| block("docs/policies.md", name);
    sandbox.write("rules/manifest.json", text("manifest"));
    sandbox.write("rules/policies/mail.cedar", text("policies"));
    sandbox.write("rules/tests/mail.json", text("tests"));
    sandbox.write("rules/entitlements.json", text("entitlements"));
    for command in text("commands").lines() {
        let arguments: Vec<&str> = command.split(' ').skip(1).collect();
        let ended = sandbox.quietly(&arguments, b"");
        assert_eq!(ended.exit, 0, "{command}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn the_rego_bundle_of_the_guide_can_be_used() {
    let sandbox = Sandbox::new();
    let text = |name| block("docs/policies.md", name);
    // A list of files in the guide would go stale unseen: what follows makes it anew.
    assert!(!text("rego-manifest").contains("files"), "{}", text("rego-manifest"));
    sandbox.write("rego-rules/manifest.json", text("rego-manifest"));
    sandbox.write("rego-rules/rules.json", text("rego-rules"));
    sandbox.write("rego-rules/policies/mail.rego", text("rego-policies"));
    sandbox.write("rego-rules/tests/mail.json", text("rego-tests"));
    for command in
        [&["digest", "rego-rules", "--update"][..], &["check", "rego-rules"], &["test", "rego-rules"]]
    {
        let ended = sandbox.quietly(&[&["policy"], command].concat(), b"");
        assert_eq!(ended.exit, 0, "{command:?}: {}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_tar_is_not_listed_anew_and_a_fault_of_the_whole_bundle_names_it() {
    let sandbox = Sandbox::new();
    sandbox.write("rules.tar", "no tar");
    let update = sandbox.quietly(&["policy", "digest", "rules.tar", "--update"], b"");
    assert_eq!(update.exit, 2, "{}", update.stderr);
    assert!(
        update.stderr.contains("rules.tar") && !update.stderr.contains("B-UNREADABLE"),
        "{}",
        update.stderr
    );
    let missing = sandbox.quietly(&["policy", "digest", "missing"], b"").stderr;
    assert!(
        missing.lines().any(|line| line.trim_start().starts_with("file") && line.ends_with("missing")),
        "{missing}"
    );
}
