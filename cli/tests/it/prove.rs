//! Proofs: made from a sealed trace, checked with a trust root alone.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn a_proof_is_checked_with_nothing_but_the_trust_root_and_discloses_what_it_should() {
    let mut sandbox = Sandbox::with_run();
    assert_eq!(sandbox.run(&["prove", "run.rdt", "--record", "4,6", "--out", "bare.proof"]).exit, 0);
    assert_eq!(
        sandbox.run(&["prove", "run.rdt", "--record", "6", "--content", "--out", "full.proof"]).exit,
        0
    );
    std::fs::remove_file(sandbox.path("run.rdt")).unwrap();
    assert_eq!(sandbox.run(&["check", "bare.proof", "--trust", "key.roots.json"]).exit, 0);
    assert_eq!(sandbox.run(&["check", "full.proof", "--trust", "key.roots.json"]).exit, 0);
    let bare = sandbox.read("bare.proof");
    assert!(!bare.windows(7).any(|window| window == b"shelf 4"), "nothing is disclosed unasked");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn no_changed_byte_of_a_proof_passes() {
    let sandbox = Sandbox::with_run();
    sandbox.quietly(&["prove", "run.rdt", "--record", "6", "--content", "--out", "a.proof"], b"");
    let proof = sandbox.read("a.proof");
    // Some bytes, so that the test stays short; the library's own tests change each.
    for at in (0..proof.len()).step_by(proof.len() / 40) {
        sandbox.write("bent.proof", &proof);
        sandbox.change("bent.proof", |bytes| bytes[at] ^= 1);
        let ended = sandbox.quietly(&["check", "bent.proof", "--trust", "key.roots.json", "--json"], b"");
        assert!(matches!(ended.exit, 3 | 4), "byte {at}: {}", ended.stdout);
        assert_eq!(ended.json()["holds"], false, "byte {at}");
    }
}

#[test]
fn proofs_under_other_keys_other_tenants_and_no_keys_are_refused() {
    let mut sandbox = Sandbox::with_run();
    sandbox.key("other", 8);
    sandbox.quietly(&["prove", "run.rdt", "--record", "0", "--out", "a.proof"], b"");
    assert_eq!(sandbox.run(&["check", "a.proof", "--trust", "other.roots.json"]).exit, 3);
    let bound = sandbox.read_text("key.roots.json").replace("\"role\"", "\"tenant\":\"acme\",\"role\"");
    sandbox.write("bound.json", bound);
    assert_eq!(sandbox.run(&["check", "a.proof", "--trust", "bound.json"]).exit, 3);
    let of_acme = ["check", "a.proof", "--trust", "bound.json", "--tenant", "acme", "--json"];
    assert_eq!(sandbox.quietly(&of_acme, b"").json()["holds"], true);
    assert_eq!(sandbox.run(&["check", "a.proof", "--trust", "key.roots.json", "--tenant", "globex"]).exit, 3);
    assert_eq!(sandbox.run(&["check", "a.proof"]).exit, 2);
    assert_eq!(sandbox.run(&["check", "a.proof", "--trust", "a.proof"]).exit, 2);
    sandbox.write("no.proof", "no proof");
    assert_eq!(sandbox.run(&["check", "no.proof", "--trust", "key.roots.json"]).exit, 3);
    insta::assert_snapshot!(sandbox.transcript());
}

/// What a proof does not show cannot be held against the tenant that was asked for, and is not taken for checked.
#[test]
fn a_tenant_that_the_proof_does_not_show_is_told_as_not_checked() {
    let sandbox = Sandbox::with_run();
    for (records, out) in [("4", "later.proof"), ("0,4", "opening.proof")] {
        assert_eq!(sandbox.quietly(&["prove", "run.rdt", "--record", records, "--out", out], b"").exit, 0);
    }
    let state = ["prove", "run.rdt", "--tool", "search", "--out", "state.proof"];
    assert_eq!(sandbox.quietly(&state, b"").exit, 0);
    let bound = sandbox.read_text("key.roots.json").replace("\"role\"", "\"tenant\":\"acme\",\"role\"");
    sandbox.write("bound.json", bound);
    let check = |proof: &str, trust: &str, more: &[&str]| {
        sandbox.quietly(&[&["check", proof, "--trust", trust][..], more].concat(), b"")
    };
    for (proof, trust, tenant, exit, checked) in [
        ("later.proof", "key.roots.json", "globex", 0, "not-checked"),
        ("state.proof", "key.roots.json", "globex", 0, "not-checked"),
        ("later.proof", "bound.json", "acme", 0, "key"),
        ("state.proof", "bound.json", "acme", 0, "key"),
        ("opening.proof", "key.roots.json", "acme", 0, "opening"),
        ("opening.proof", "bound.json", "acme", 0, "opening"),
        ("opening.proof", "key.roots.json", "globex", 3, ""),
        ("later.proof", "bound.json", "globex", 3, ""),
    ] {
        let words = check(proof, trust, &["--tenant", tenant]);
        let json = check(proof, trust, &["--tenant", tenant, "--json"]);
        assert_eq!((words.exit, json.exit), (exit, exit), "{proof} {trust} {tenant}");
        assert_eq!(words.stderr.contains("tenant not checked"), checked == "not-checked", "{}", words.stderr);
        assert_eq!(json.json()["tenant_checked"].as_str().unwrap_or(""), checked, "{proof} {trust} {tenant}");
    }
    let unasked = check("later.proof", "key.roots.json", &["--json"]);
    assert_eq!((unasked.stderr.as_str(), unasked.json().get("tenant_checked")), ("", None));
}

#[test]
fn only_records_that_are_there_and_runs_that_are_sealed_are_proven() {
    let mut sandbox = Sandbox::with_run();
    assert_eq!(sandbox.run(&["prove", "run.rdt", "--record", "8", "--out", "a.proof"]).exit, 2);
    let open: String = drafts().split_inclusive('\n').take(3).collect();
    sandbox.quietly(&["record", "--out", "open.rdt", "--key", "key", "-q"], open.as_bytes());
    assert_eq!(sandbox.run(&["prove", "open.rdt", "--record", "1", "--out", "a.proof"]).exit, 4);
    assert!(!sandbox.path("a.proof").exists());
    sandbox.write("a.proof", "mine");
    assert_eq!(sandbox.run(&["prove", "run.rdt", "--record", "1", "--out", "a.proof"]).exit, 2);
    assert_eq!(sandbox.read("a.proof"), b"mine");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_entry_of_the_last_state_is_proven_to_be_there_or_not() {
    let mut sandbox = Sandbox::new();
    sandbox.key("key", 7);
    let registered = r#"{"kind":"tool.registered","actor":"broker","origin":"code","causes":[0],"body":{"tool":"search","version":"2","effects":"read","preview":false}}"#;
    let mut drafts: Vec<String> = drafts().lines().map(str::to_owned).collect();
    drafts.insert(7, registered.to_owned());
    sandbox.record("run.rdt", &["--key", "key", "--reproducible", "seed"], &drafts.join("\n"));
    assert_eq!(sandbox.run(&["prove", "run.rdt", "--tool", "search", "--out", "tool.proof"]).exit, 0);
    let memory = ["prove", "run.rdt", "--memory", "durable/notes/address", "--out", "memory.proof"];
    assert_eq!(sandbox.run(&memory).exit, 0);
    std::fs::remove_file(sandbox.path("run.rdt")).unwrap();
    assert_eq!(sandbox.run(&["check", "tool.proof", "--trust", "key.roots.json"]).exit, 0);
    assert_eq!(sandbox.run(&["check", "memory.proof", "--trust", "key.roots.json"]).exit, 0);
    let json = sandbox.quietly(&["check", "tool.proof", "--trust", "key.roots.json", "--json"], b"").json();
    assert_eq!((&json["entry"]["tool"], &json["present"]), (&"search".into(), &true.into()));
    assert_eq!(json["value"]["version"], "2");
    let json = sandbox.quietly(&["check", "memory.proof", "--trust", "key.roots.json", "--json"], b"").json();
    assert_eq!((&json["present"], &json["value"]), (&false.into(), &serde_json::Value::Null));
    for name in ["tool.proof", "memory.proof"] {
        let proof = sandbox.read(name);
        for at in (0..proof.len()).step_by(proof.len() / 25) {
            sandbox.write("bent.proof", &proof);
            sandbox.change("bent.proof", |bytes| bytes[at] ^= 1);
            let ended = sandbox.quietly(&["check", "bent.proof", "--trust", "key.roots.json"], b"");
            assert!(matches!(ended.exit, 3 | 4), "{name}, byte {at}: {}", ended.stdout);
        }
    }
    insta::assert_snapshot!(sandbox.transcript());
}
