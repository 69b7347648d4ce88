//! Keys are made once and kept from others.

use crate::sandbox::Sandbox;

#[test]
fn a_key_is_its_owners_alone_and_never_overwritten() {
    let mut sandbox = Sandbox::new();
    let made = sandbox.run(&["keygen", "--out", "key", "--trust", "roots.json"]);
    assert_eq!(made.exit, 0);
    let first = sandbox.read("key");
    assert_eq!(sandbox.run(&["keygen", "--out", "key"]).exit, 2);
    assert_eq!(sandbox.run(&["keygen", "--out", "other", "--trust", "roots.json"]).exit, 2);
    assert_eq!(sandbox.run(&["keygen", "--out", "nowhere/key"]).exit, 2);
    assert_eq!(sandbox.read("key"), first);
    assert!(!sandbox.path("other").exists(), "no key is made whose trust roots cannot be");
    assert!(sandbox.read_text("roots.json").contains(made.stdout.trim()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(sandbox.path("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn one_file_for_key_and_trust_roots_is_refused_before_any_key_is_made() {
    let sandbox = Sandbox::new();
    for trust in ["k", "./k"] {
        let ended = sandbox.quietly(&["keygen", "--out", "k", "--trust", trust], b"");
        assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains("--out and --trust are both"), "{}", ended.stderr);
        assert!(!sandbox.path("k").exists(), "no secret key is left behind");
    }
    // Where the trust roots cannot be written, the key is there, and its public part is told.
    let ended = sandbox.quietly(&["keygen", "--out", "k", "--trust", "nowhere/roots.json"], b"");
    assert_eq!((ended.exit, ended.stdout.trim().len()), (2, 64), "{}", ended.stderr);
    assert!(sandbox.path("k").exists());
}

#[test]
fn json_has_the_public_key_and_where_the_files_are() {
    let sandbox = Sandbox::new();
    let made = sandbox.quietly(&["keygen", "--out", "k", "--trust", "roots.json", "--json"], b"").json();
    assert!(sandbox.read_text("roots.json").contains(made["key"].as_str().unwrap()));
    assert_eq!((made["out"].as_str(), made["trust"].as_str()), (Some("k"), Some("roots.json")));
    for member in made.as_object().unwrap().keys() {
        assert!(crate::docs::members("keygen").contains(member), "{member}");
    }
}

#[test]
fn a_run_under_a_new_key_holds_under_its_trust_roots_and_no_others() {
    let mut sandbox = Sandbox::new();
    for name in ["a", "b"] {
        let made = sandbox.quietly(&["keygen", "--out", name, "--trust", &format!("{name}.json")], b"");
        assert_eq!(made.exit, 0);
    }
    sandbox.record("run.rdt", &["--key", "a"], &crate::sandbox::drafts());
    assert_eq!(sandbox.quietly(&["replay", "run.rdt", "--trust", "a.json"], b"").exit, 0);
    let forged = sandbox.quietly(&["replay", "run.rdt", "--trust", "b.json", "--json"], b"");
    assert_eq!((forged.exit, &forged.json()["results"][0]["valid"]), (3, &"forged".into()));
}
