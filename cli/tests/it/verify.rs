//! Receipts, checked alone: the golden ones, and what became of them.

use crate::sandbox::Sandbox;

/// The golden receipt with this name, and the key that it names.
fn golden(name: &str) -> (Vec<u8>, String) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let lines = std::fs::read_to_string(path.join("fixtures/vectors/06-signed.jsonl")).unwrap();
    let vectors = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let vector = vectors.into_iter().find(|vector| vector["name"] == name).unwrap();
    let bytes = vector["hex"].as_str().unwrap().as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    (bytes.map(byte).collect(), vector["key"].as_str().unwrap().to_owned())
}

fn sandbox(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let (bytes, key) = golden(name);
    sandbox.write("a.receipt", bytes);
    let roots = |role: &str, more: &str| {
        format!("{{\"rederive_trust\":1,\"keys\":[{{\"key\":\"{key}\",\"role\":\"{role}\"{more}}}]}}")
    };
    sandbox.write("roots.json", roots("gate", ""));
    sandbox.write("recorder.json", roots("recorder", ""));
    sandbox.write("globex.json", roots("gate", ",\"tenant\":\"globex\""));
    sandbox
}

/// Spec: receipt-alone.
#[test]
fn a_receipt_is_checked_with_nothing_but_the_trust_root() {
    let mut sandbox = sandbox("the receipt of a permit");
    assert_eq!(sandbox.run(&["verify", "a.receipt", "--trust", "roots.json"]).exit, 0);
    let json = sandbox.quietly(&["verify", "a.receipt", "--trust", "roots.json", "--json"], b"").json();
    assert_eq!((&json["holds"], &json["receipt"]["decision"]["decision"]), (&true.into(), &"PERMIT".into()));
    assert_eq!(json.get("bundle"), None);
    let documented = crate::docs::members("verify");
    assert!(json.as_object().unwrap().keys().all(|member| documented.contains(member)), "{documented:?}");
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_receipt_under_another_role_tenant_or_key_is_refused() {
    let mut sandbox = sandbox("the receipt of a denial");
    for roots in ["recorder.json", "globex.json"] {
        assert_eq!(sandbox.run(&["verify", "a.receipt", "--trust", roots]).exit, 3);
    }
    assert_eq!(sandbox.run(&["verify", "a.receipt"]).exit, 2);
    sandbox.write("a.receipt", golden("an approver's yes").0);
    assert_eq!(sandbox.run(&["verify", "a.receipt", "--trust", "roots.json"]).exit, 3);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_trace_is_told_from_a_receipt_and_from_a_proof() {
    let sandbox = Sandbox::with_run();
    for command in ["verify", "check"] {
        let ended = sandbox.quietly(&[command, "run.rdt", "--trust", "key.roots.json"], b"");
        assert_eq!(ended.exit, 2, "{command}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: run.rdt is a trace, and no "), "{}", ended.stderr);
    }
}

#[test]
fn no_changed_byte_of_a_receipt_passes() {
    let sandbox = sandbox("the receipt of a permit");
    let receipt = sandbox.read("a.receipt");
    for at in (0..receipt.len()).step_by(receipt.len() / 40) {
        sandbox.write("bent.receipt", &receipt);
        sandbox.change("bent.receipt", |bytes| bytes[at] ^= 1);
        let ended = sandbox.quietly(&["verify", "bent.receipt", "--trust", "roots.json", "--json"], b"");
        assert!(matches!(ended.exit, 3 | 4), "byte {at}: {}", ended.stdout);
        assert_eq!(ended.json()["holds"], false, "byte {at}");
    }
}

#[test]
fn the_bundle_given_is_the_one_that_is_pinned_or_that_is_said() {
    let mut sandbox = sandbox("the receipt of a permit");
    let default = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("policies/default");
    let default = default.to_str().unwrap();
    let ended = sandbox
        .quietly(&["verify", "a.receipt", "--trust", "roots.json", "--bundle", default, "--json"], b"");
    assert_eq!((ended.exit, &ended.json()["bundle"]["matches"]), (1, &false.into()));
    assert_eq!(sandbox.run(&["verify", "a.receipt", "--trust", "roots.json", "--bundle", "none"]).exit, 2);
}

#[test]
fn a_folder_of_bundles_has_the_one_that_is_pinned() {
    let sandbox = Sandbox::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = |of: &str| root.join(of).to_str().unwrap().to_owned();
    let (trace, trust) = (path("fixtures/traces/good/gated.rdt"), path("fixtures/keys/gated-trust.json"));
    let taken = sandbox.quietly(&["show", &trace, "--record", "12", "--receipt", "a.receipt"], b"");
    assert_eq!(taken.exit, 0, "{}", taken.stderr);
    let verify = |bundle: &str| {
        let bundle = path(bundle);
        sandbox.quietly(&["verify", "a.receipt", "--trust", &trust, "--bundle", &bundle, "--json"], b"")
    };
    for bundle in ["fixtures/bundles", "fixtures/bundles/payments"] {
        let ended = verify(bundle);
        assert_eq!((ended.exit, &ended.json()["bundle"]["matches"]), (0, &true.into()), "{bundle}");
    }
    assert_eq!(verify("fixtures/keys").exit, 2, "it holds no bundle");
}
