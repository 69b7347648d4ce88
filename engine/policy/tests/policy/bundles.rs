//! A bundle is the files that its manifest lists, byte for byte, or nothing. Spec: bundle, bundle-manifest, bundle-faults, bundle-cedar.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use rederive_evidence::digest::Digest;
use rederive_evidence::values::EffectsClass;
use rederive_policy::bundle::{FILES_MAX, Store, run, update};
use rederive_policy::registry::Registry;
use rederive_policy::{Bundle, BundleFault, compile, schema_of};
use serde_json::json;
use tempfile::TempDir;

use crate::material::{bundle, id, request};

const PERMIT: &str = r#"@id("p") permit(principal, action, resource);"#;

/// A folder with a manifest and one policy.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("policies/all.cedar"), PERMIT).unwrap();
    fs::write(folder.path().join("manifest.json"), r#"{"name": "test", "version": "1", "engine": "cedar"}"#)
        .unwrap();
    update(folder.path()).unwrap();
    folder
}

#[test]
fn a_folder_and_its_tar_are_one_bundle() {
    let folder = folder();
    let read = Bundle::read(folder.path()).unwrap();
    let tar = folder.path().with_extension("tar");
    read.write_tar(fs::File::create(&tar).unwrap()).unwrap();
    assert_eq!(Bundle::read(&tar).unwrap(), read);
    let mut again = Vec::new();
    read.write_tar(&mut again).unwrap();
    assert_eq!(fs::read(&tar).unwrap(), again);
    fs::remove_file(tar).unwrap();
}

#[test]
fn how_a_manifest_is_laid_out_does_not_change_the_digest_and_what_it_says_does() {
    let folder = folder();
    let read = Bundle::read(folder.path()).unwrap();
    let path = folder.path().join("manifest.json");
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    fs::write(&path, json.to_string()).unwrap();
    assert_eq!(Bundle::read(folder.path()).unwrap().digest(), read.digest());
    let mut other = json;
    other["version"] = "2".into();
    fs::write(&path, other.to_string()).unwrap();
    assert_ne!(Bundle::read(folder.path()).unwrap().digest(), read.digest());
}

#[test]
fn a_bundle_that_is_not_what_its_manifest_lists_is_refused_and_the_fault_names_the_file() {
    let broken = |change: &dyn Fn(&Path)| {
        let folder = folder();
        change(folder.path());
        Bundle::read(folder.path()).unwrap_err()
    };
    let policy = "policies/all.cedar";
    let fault = broken(&|at| fs::write(at.join(policy), "forbid(principal, action, resource);").unwrap());
    assert!(matches!(fault, BundleFault::Tampered { path, .. } if path == policy));
    let fault = broken(&|at| fs::remove_file(at.join(policy)).unwrap());
    assert_eq!(fault, BundleFault::Missing { path: policy.to_owned() });
    let fault = broken(&|at| fs::write(at.join("policies/more.cedar"), PERMIT).unwrap());
    assert_eq!(fault, BundleFault::Unlisted { path: "policies/more.cedar".to_owned() });
    let fault = broken(&|at| fs::remove_file(at.join("manifest.json")).unwrap());
    assert_eq!(fault, BundleFault::Missing { path: "manifest.json".to_owned() });
    let fault = broken(&|at| fs::write(at.join("manifest.json"), "{}").unwrap());
    assert!(matches!(fault, BundleFault::Manifest(_)));
    let fault = broken(&|at| fs::write(at.join("a b"), "x").unwrap());
    assert_eq!(fault, BundleFault::Path { path: "a b".to_owned() });
    #[cfg(unix)]
    {
        let fault = broken(&|at| {
            fs::remove_file(at.join(policy)).unwrap();
            std::os::unix::fs::symlink("/etc/hostname", at.join(policy)).unwrap();
        });
        assert_eq!(fault, BundleFault::Special { path: policy.to_owned() });
        let fault = broken(&|at| std::os::unix::fs::symlink("/", at.join("more")).unwrap());
        assert_eq!(fault, BundleFault::Special { path: "more".to_owned() });
    }
    let fault = broken(&|at| {
        fs::File::create(at.join("big"))
            .unwrap()
            .set_len(rederive_policy::bundle::FILE_BYTES_MAX + 1)
            .unwrap();
    });
    assert!(matches!(fault, BundleFault::Large { path, .. } if path == "big"));
    let fault = broken(&|at| {
        for n in 0..FILES_MAX {
            fs::write(at.join(format!("f{n}")), "").unwrap();
        }
    });
    assert_eq!(fault, BundleFault::Files { most: FILES_MAX });
}

#[test]
fn a_manifest_that_lists_what_no_bundle_can_have_is_refused() {
    let listed = |path: &str, bytes: u64| json!({"path": path, "bytes": bytes, "digest": Digest::ZERO});
    let with = |files: serde_json::Value| {
        let manifest = json!({"format": 1, "name": "x", "version": "1", "engine": "cedar", "files": files});
        Bundle::new(manifest.to_string().as_bytes(), BTreeMap::new()).unwrap_err()
    };
    for path in ["/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "...", "C:x", "~/x", "manifest.json"] {
        assert_eq!(with(json!([listed(path, 1)])), BundleFault::Path { path: path.to_owned() }, "{path}");
    }
    assert!(matches!(with(json!([listed("a b", 1)])), BundleFault::Manifest(_)));
    assert!(matches!(with(json!([listed("b", 1), listed("a", 1)])), BundleFault::Manifest(_)));
    assert!(matches!(with(json!([listed("a", 1), listed("a", 1)])), BundleFault::Twice { .. }));
    assert!(matches!(with(json!([listed("a", u64::MAX)])), BundleFault::Large { .. }));
    let four = 4 << 20;
    let nine: Vec<_> = (0..9).map(|n| listed(&format!("f{n}"), four)).collect();
    assert!(matches!(with(json!(nine)), BundleFault::Large { most, .. } if most > four));
    let newer = json!({"format": 2, "name": "x", "version": "1", "engine": "cedar", "files": []});
    assert_eq!(Bundle::new(newer.to_string().as_bytes(), BTreeMap::new()), Err(BundleFault::Format(2)));
}

#[test]
fn what_is_no_tar_or_only_the_beginning_of_one_is_named_so() {
    let mut whole = Vec::new();
    Bundle::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/default"))
        .unwrap()
        .write_tar(&mut whole)
        .unwrap();
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0][..], &whole].concat();
    let file = tempfile::NamedTempFile::new().unwrap();
    for bytes in
        [&gzip[..], &whole[..700], &whole[..whole.len() - 5_000], "{\"text\": 1}".repeat(99).as_bytes()]
    {
        fs::write(file.path(), bytes).unwrap();
        let fault = Bundle::read(file.path()).unwrap_err();
        assert!(matches!(fault, BundleFault::NoTar { .. }), "{} bytes: {fault}", bytes.len());
    }
}

#[test]
fn a_tar_with_links_escapes_or_one_name_twice_is_refused() {
    let tar = |entries: &[(&str, tar::EntryType)]| {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(0);
            // As an attacker writes it: the library refuses to.
            header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
            if *kind == tar::EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, std::io::empty()).unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), builder.into_inner().unwrap()).unwrap();
        Bundle::read(file.path()).unwrap_err()
    };
    use tar::EntryType::{Link, Regular, Symlink};
    for kind in [Symlink, Link] {
        assert_eq!(
            tar(&[("policies/a.cedar", kind)]),
            BundleFault::Special { path: "policies/a.cedar".to_owned() }
        );
    }
    for path in ["../a", "/a", "policies/../../a"] {
        assert_eq!(tar(&[(path, Regular)]), BundleFault::Path { path: path.to_owned() });
    }
    assert_eq!(tar(&[("a", Regular), ("a", Regular)]), BundleFault::Twice { path: "a".to_owned() });
    assert!(matches!(
        tar(&[("manifest.json", Regular), ("manifest.json", Regular)]),
        BundleFault::Twice { .. }
    ));
}

#[test]
fn an_archived_bundle_is_found_by_its_digest_and_never_taken_at_its_name() {
    let folder = TempDir::new().unwrap();
    let store = Store::new(folder.path().join("bundles"));
    let (one, two) = (bundle(&[("policies/a.cedar", PERMIT)]), bundle(&[("policies/b.cedar", PERMIT)]));
    assert_eq!(store.get(&one.digest()), Err(BundleFault::NotArchived(one.digest())));
    let path = store.put(&one).unwrap();
    assert_eq!(store.put(&one).unwrap(), path);
    assert_eq!(store.get(&one.digest()).unwrap(), one);
    let other = store.put(&two).unwrap();
    fs::rename(&other, &path).unwrap();
    let fault = BundleFault::OtherBundle { expected: one.digest(), found: two.digest() };
    assert_eq!(store.get(&one.digest()), Err(fault.clone()));
    assert_eq!(store.put(&one), Err(fault));
}

#[test]
fn a_bundle_for_a_registry_names_its_surfaces_and_tools_and_no_others() {
    let registry = Registry::parse(
        json!({"format": 1, "tools": {"post": {
            "surface": "mail", "effects": "send", "reversible": false, "preview": false,
            "result": {"trust": "internal", "sensitivity": "internal"}, "clearance": "public",
        }}})
        .to_string()
        .as_bytes(),
    )
    .unwrap();
    let schema = schema_of(&registry);
    let with = |scope: &str| {
        let policy = format!(r#"@id("p") permit(principal, {scope});"#);
        compile(&bundle(&[("policies/a.cedar", &policy), ("schema.cedarschema", &schema)]))
    };
    let named = with(r#"action == Tool::Action::"post", resource == Surface::"mail""#).unwrap();
    assert!(named.judge(&request(EffectsClass::Send)).permits());
    assert!(
        with(r#"action in Effect::Action::"send", resource"#)
            .unwrap()
            .judge(&request(EffectsClass::Send))
            .permits()
    );
    for scope in [r#"action == Tool::Action::"pots", resource"#, r#"action, resource == Surface::"mial""#] {
        assert!(matches!(with(scope), Err(BundleFault::Invalid { .. })), "{scope}");
    }
}

#[test]
fn roles_are_the_bundles_and_who_belongs_to_one_belongs_to_what_it_belongs_to() {
    let entities = json!([
        {"uid": {"type": "Principal", "id": "alice"}, "attrs": {}, "parents": [{"type": "Role", "id": "clerk"}]},
        {"uid": {"type": "Role", "id": "clerk"}, "attrs": {}, "parents": [{"type": "Role", "id": "staff"}]},
        {"uid": {"type": "Role", "id": "staff"}, "attrs": {}, "parents": []},
    ]);
    let with = |role: &str| {
        let policy = format!(r#"@id("p") permit(principal in Role::"{role}", action, resource);"#);
        let files = [("policies/a.cedar", policy.as_str()), ("entities.json", &entities.to_string())];
        let compiled = compile(&bundle(&files)).unwrap();
        compiled.judge(&request(EffectsClass::Send)).permits()
    };
    assert_eq!((with("clerk"), with("staff"), with("boss")), (true, true, false));
    let wrong = json!([{"uid": {"type": "Nobody", "id": "x"}, "attrs": {}, "parents": []}]);
    let files = [("policies/a.cedar", PERMIT), ("entities.json", &wrong.to_string())];
    assert!(matches!(compile(&bundle(&files)), Err(BundleFault::Data { .. })));
}

#[test]
fn a_schema_that_is_not_the_pinned_one_and_an_engine_that_is_not_here_are_refused() {
    let folder = folder();
    let path = folder.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema = json["schema"].as_str().unwrap();
    compile(&Bundle::read(folder.path()).unwrap()).unwrap();
    fs::write(&path, text.replace(schema, &Digest::ZERO.to_hex())).unwrap();
    let fault = compile(&Bundle::read(folder.path()).unwrap()).unwrap_err();
    assert!(matches!(fault, BundleFault::OtherSchema { .. }));
    fs::write(&path, text.replace("\"cedar\"", "\"prolog\"")).unwrap();
    let fault = compile(&Bundle::read(folder.path()).unwrap()).unwrap_err();
    assert_eq!(fault, BundleFault::Engine(id("prolog")));
}

#[test]
fn tests_of_a_bundle_pass_where_each_expectation_holds_and_only_there() {
    let request = serde_json::to_value(request(EffectsClass::Send)).unwrap();
    let case =
        |expect: serde_json::Value| json!({"name": "a permit permits", "request": request, "expect": expect});
    let cases = json!([
        case(json!({"decision": "PERMIT", "directive": "none", "reason": "policy-permits", "rules": ["p"]})),
        case(json!({"decision": "DENY"})),
        case(json!({"decision": "PERMIT", "rules": []})),
        case(json!({"decision": "PERMIT", "reason": "risk"})),
    ]);
    let bundle = bundle(&[("policies/a.cedar", PERMIT), ("tests/all.json", &cases.to_string())]);
    let cases = bundle.cases().unwrap();
    let compiled = compile(&bundle).unwrap();
    let passed: Vec<bool> =
        run(&cases, &compiled).iter().map(rederive_policy::bundle::Outcome::passed).collect();
    assert_eq!(passed, [true, false, false, false]);
}

proptest! {
    #[test]
    fn no_bytes_break_the_reader_of_tars(bytes in prop::collection::vec(any::<u8>(), 0..2_048)) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        prop_assert!(Bundle::read(file.path()).is_err());
    }

    #[test]
    fn no_byte_of_an_archived_bundle_can_change_unnoticed(at: prop::sample::Index, flip in 1_u8..) {
        let bundle = bundle(&[("policies/a.cedar", PERMIT)]);
        let mut bytes = Vec::new();
        bundle.write_tar(&mut bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        // What is between files and behind them may change: it is nothing of the bundle's.
        if let Ok(read) = Bundle::read(file.path()) {
            prop_assert!(read == bundle || read.digest() != bundle.digest());
        }
    }
}
