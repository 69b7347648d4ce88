//! Where two traces part.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn runs_under_different_bundles_or_registries_did_not_happen_alike() {
    let mut sandbox = Sandbox::with_run();
    let digits = |digit: &str| digit.repeat(64);
    let under = |bundle: &str, registry: &str| {
        let (from, to) =
            ("\"body\":{", format!("\"body\":{{\"bundle\":\"{bundle}\",\"registry\":\"{registry}\","));
        drafts().replacen(from, &to, 1)
    };
    for (name, bundle, registry) in [("a", "1", "2"), ("b", "1", "2"), ("c", "3", "2"), ("d", "1", "4")] {
        let drafts = under(&digits(bundle), &digits(registry));
        sandbox.record(&format!("{name}.rdt"), &["--key", "key", "--reproducible", name], &drafts);
    }
    assert_eq!(sandbox.quietly(&["diff", "a.rdt", "b.rdt"], b"").exit, 0);
    for (other, field) in [("c.rdt", "body.bundle"), ("d.rdt", "body.registry")] {
        let ended = sandbox.quietly(&["diff", "a.rdt", other, "--json"], b"");
        assert_eq!((ended.exit, &ended.json()["field"]), (1, &field.into()), "{}", ended.stdout);
    }
}

#[test]
fn traces_part_at_a_record_and_a_field_and_say_so() {
    let mut sandbox = Sandbox::with_run();
    let changed = drafts().replace("shelf 4", "shelf 5");
    sandbox.record("other.rdt", &["--key", "key", "--reproducible", "another"], &changed);
    let shorter = drafts().replace("\"causes\":[6],", "");
    sandbox.record("third.rdt", &["--key", "key", "--reproducible", "another"], &shorter);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "run.rdt"]).exit, 0);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--at", "6"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--at", "5"]).exit, 0);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "third.rdt"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--json"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "missing.rdt"]).exit, 2);
    let beyond = sandbox.quietly(&["diff", "run.rdt", "other.rdt", "--at", "8"], b"");
    assert_eq!(
        (beyond.exit, beyond.stderr.contains("its records are 0 to 7")),
        (2, true),
        "{}",
        beyond.stderr
    );
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn traces_that_end_otherwise_are_not_the_same() {
    let sandbox = Sandbox::with_run();
    let drafts: String = drafts().split_inclusive('\n').take(5).collect();
    let options = ["record", "--out", "open.rdt", "-q", "--key", "key", "--reproducible", "seed"];
    sandbox.quietly(&options, drafts.as_bytes());
    let log = sandbox.read("open.rdt-open");
    let content_type = b"application/vnd.rederive.head+cbor";
    let head = log.windows(content_type.len()).rposition(|bytes| bytes == content_type).unwrap() / 64 * 64;
    for (name, log) in
        [("same", log.as_slice()), ("headless", &log[..head]), ("torn", &log[..log.len() - 64])]
    {
        sandbox.write(&format!("{name}.rdt"), sandbox.read("open.rdt"));
        sandbox.write(&format!("{name}.rdt-open"), log);
    }
    let field = |other: &str| {
        let ended = sandbox.quietly(&["diff", "open.rdt", other, "--json"], b"");
        let json = ended.json();
        assert_eq!(ended.exit, i32::from(json["difference"] != "none"), "{}", ended.stdout);
        json["field"].as_str().map(str::to_owned)
    };
    assert_eq!(field("same.rdt"), None);
    assert_eq!(field("headless.rdt").as_deref(), Some("log.attested"));
    assert_eq!(field("torn.rdt").as_deref(), Some("log.attested"));

    let ended = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/traces/open/end-dropped.rdt");
    sandbox.write("ended.rdt", std::fs::read(ended).unwrap());
    sandbox.write("cut.rdt", [sandbox.read("ended.rdt").as_slice(), &[1, 0, 0, 0]].concat());
    let json = sandbox.quietly(&["diff", "ended.rdt", "cut.rdt", "--json"], b"").json();
    assert_eq!((&json["difference"], &json["field"], &json["b"]), (&"end".into(), &"cut".into(), &4.into()));
}

#[test]
fn what_runs_were_imported_from_is_no_act_and_is_told() {
    let sandbox = Sandbox::with_run();
    let run = |id: &str, said: &str| {
        format!(
            r#"{{"id":"{id}","messages":[{{"role":"user","content":"hello"}},{{"role":"assistant","content":"{said}"}}]}}"#
        )
    };
    for (name, id, said) in [("one", "1", "done"), ("second", "id-2", "done"), ("third", "3", "other")] {
        sandbox.write(&format!("{name}.json"), run(id, said));
        assert_eq!(sandbox.quietly(&["import", "chat", &format!("{name}.json"), "--out", "."], b"").exit, 0);
    }
    let [one, second, third] = ["one.000000.1.rdt", "second.000000.id-2.rdt", "third.000000.3.rdt"];
    let ended = sandbox.quietly(&["diff", one, second], b"");
    assert_eq!(ended.exit, 0, "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("imported from different recordings"), "{}", ended.stdout);
    let json = sandbox.quietly(&["diff", one, second, "--json"], b"").json();
    assert_eq!((&json["difference"], &json["other_source"]), (&"none".into(), &true.into()));
    let json = sandbox.quietly(&["diff", one, third, "--json"], b"").json();
    assert_eq!((&json["difference"], &json["b"]), (&"field".into(), &"other".into()), "{json}");
    assert!(json["record"].as_u64() > Some(0), "{json}");
}

#[test]
fn a_value_that_stands_in_one_record_alone_is_shown_as_it_stands() {
    let sandbox = Sandbox::with_run();
    let golden = |name: &str| {
        let path = format!("{}/../fixtures/traces/good/{name}", env!("CARGO_MANIFEST_DIR"));
        sandbox.write(name, std::fs::read(path).unwrap());
    };
    golden("gated.rdt");
    golden("observed.rdt");
    let json = sandbox.quietly(&["diff", "gated.rdt", "observed.rdt", "--json"], b"").json();
    assert!(json["a"] != "" && json["b"] != "", "{json}");
}

#[test]
fn contents_that_one_of_two_traces_does_not_have_are_counted() {
    let sandbox = Sandbox::with_run();
    sandbox.quietly(&["redact", "run.rdt", "--all", "--out", "bare.rdt"], b"");
    let ended = sandbox.quietly(&["diff", "run.rdt", "bare.rdt"], b"");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("5 contents stand in run.rdt alone"), "{}", ended.stdout);
    let json = sandbox.quietly(&["diff", "bare.rdt", "run.rdt", "--json"], b"").json();
    assert_eq!(json["alone"], serde_json::json!({"in_first": 0, "in_second": 5}));
    let json = sandbox.quietly(&["diff", "run.rdt", "run.rdt", "--json"], b"").json();
    assert_eq!(json["alone"], serde_json::json!({"in_first": 0, "in_second": 0}));
}
