//! Recorded calls under another bundle, and decisions again under the pinned one.

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use rederive_archive::TraceReader;
use rederive_archive::storage::OsStorage;
use rederive_evidence::ids::{Content, Id, RunId};
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::kinds::Body;
use rederive_evidence::receipt::{ApproverStatement, ApproverVerdict, Receipt};
use rederive_evidence::record::{Input, Record};
use rederive_evidence::signed::{Version, sign, sign_detached};
use rederive_policy::{Bundle, compile};
use rederive_replay::Records;

use crate::sandbox::{Ended, Sandbox, drafts};

/// Reading is permitted; paying needs a person unless it is granted; nothing else is spoken of.
const CAREFUL: &str = "\
@id(\"read\") permit (principal, action in Effect::Action::\"read\", resource);
@id(\"pay-granted\") permit (principal, action in Effect::Action::\"purchase\", resource) when { context has grant };
@id(\"pay-asks\") @directive(\"require-approval\") permit (principal, action in Effect::Action::\"purchase\", resource) unless { context has grant };
";
/// Nobody pays.
const STRICT: &str = "\
@id(\"read\") permit (principal, action in Effect::Action::\"read\", resource);
@id(\"no-payments\") forbid (principal, action in Effect::Action::\"purchase\", resource);
";

/// A tool of a registry.
fn tool(surface: &str, effects: &str, roles: &str) -> String {
    format!(
        "{{\"surface\":\"{surface}\",\"effects\":\"{effects}\",\"reversible\":false,\"preview\":false,\
\"result\":{{\"trust\":\"external\",\"sensitivity\":\"internal\"}},\"clearance\":\"public\",\"roles\":{{{roles}}}}}"
    )
}

impl Sandbox {
    /// Writes a bundle as a folder. Returns it.
    fn bundle(&self, name: &str, policies: &str) -> Bundle {
        self.write(&format!("{name}/policies/all.cedar"), policies);
        let manifest = format!("{{\"format\":1,\"name\":\"{name}\",\"version\":\"1\",\"engine\":\"cedar\"}}");
        self.write(&format!("{name}/manifest.json"), manifest);
        rederive_policy::bundle::update(&self.path(name)).unwrap()
    }

    /// A sandbox with the bundles `careful` and `strict`, the registry `tools.json`, and `traces` with the recorded run of the tour.
    pub(crate) fn with_policies() -> Self {
        let sandbox = Self::new();
        sandbox.bundle("careful", CAREFUL);
        sandbox.bundle("strict", STRICT);
        let search = tool("mail", "read", "");
        let pay = tool("bank", "purchase", "\"/to\":\"destination\",\"/amount\":\"amount\"");
        let shelf = tool("shelf", "read", "");
        sandbox.write(
            "tools.json",
            format!("{{\"format\":1,\"tools\":{{\"search_mail\":{search},\"send_money\":{pay},\"search\":{shelf}}}}}"),
        );
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/invoice.json");
        sandbox.write("runs/invoice.json", std::fs::read(example).unwrap());
        let import = ["import", "chat", "runs", "--out", "traces", "--reproducible", "seed"];
        assert_eq!(sandbox.quietly(&import, b"").exit, 0);
        sandbox
    }

    /// Records a run whose gate decided under `bundle`, by this answer.
    fn decided(&mut self, out: &str, bundle: &Bundle, answer: &str, version: Option<&str>) {
        let lines = self.decided_lines(bundle, answer, version);
        std::fs::create_dir_all(self.path(out).parent().unwrap()).unwrap();
        self.record(out, &["--reproducible", "seed"], &lines.join("\n"));
    }

    /// The drafts of such a run; the decision is record 5.
    fn decided_lines(&self, bundle: &Bundle, answer: &str, version: Option<&str>) -> Vec<String> {
        let compiled = compile(bundle).unwrap();
        let registry = rederive_policy::Registry::parse(&self.read("tools.json")).unwrap();
        let version = version.unwrap_or(compiled.engine_version().as_str()).to_owned();
        let enforcement = if answer.contains("PERMIT") { "EXECUTED" } else { "BLOCKED" };
        let place = "{\"agent\":\"helper\",\"turn\":0,\"index\":0,\"attempt\":0}";
        let request = format!(
            "{{\"id\":\"r1\",\"call\":{place},\"goal\":\"@0.0\",\"actor\":\"helper\",\"scope\":null,\"surface\":\"shelf\",\"action\":\"read\",\
\"arguments\":\"@4.0\",\"influence\":{{\"trust\":\"external\",\"sensitivity\":\"restricted\"}},\"carriage\":null}}"
        );
        let decision = format!(
            "{{\"kind\":\"decision.made\",\"time\":1790000004500000,\"actor\":\"gate\",\"origin\":\"code\",\"place\":{place},\"causes\":[4],\"body\":{{\
{answer},\"enforcement\":\"{enforcement}\",\"request\":{request},\"bundle\":\"{}\",\"engine\":\"cedar\",\"engine_version\":\"{version}\",\"errors\":[],\
\"risks\":[],\"uncertainty_permille\":0,\"reliance\":[]}}}}",
            bundle.digest()
        );
        let mut lines: Vec<String> = drafts().lines().map(str::to_owned).collect();
        let opening = lines[0]
            .replace(
                "\"layers\":[\"run\",\"prompt\",\"audit\"]",
                "\"layers\":[\"run\",\"prompt\",\"policy\"]",
            )
            .replace("{\"id\":\"broker\"", "{\"id\":\"gate\",\"actor_type\":\"gate\"},{\"id\":\"broker\"")
            .replace(
                "\"limits\":",
                &format!(
                    "\"registry\":\"{}\",\"bundle\":\"{}\",\"limits\":",
                    registry.digest(),
                    bundle.digest()
                ),
            );
        assert_ne!(opening, lines[0]);
        lines[0] = opening;
        lines.insert(5, decision);
        lines
    }

    /// Archives a bundle and the registry where replay looks for them.
    fn archive(&self, bundle: &Bundle) {
        rederive_policy::bundle::Store::new(self.path("archive")).put(bundle).unwrap();
        self.write("archive/tools.json", self.read("tools.json"));
    }
}

const PERMITTED: &str =
    "\"decision\":\"PERMIT\",\"directive\":\"none\",\"reason\":\"policy-permits\",\"rules\":[\"read\"]";
/// The gate's own no.
const WITHHELD: &str =
    "\"decision\":\"DENY\",\"directive\":\"none\",\"reason\":\"engine-fault\",\"rules\":[]";
const DENIED: &str =
    "\"decision\":\"DENY\",\"directive\":\"none\",\"reason\":\"policy-forbids\",\"rules\":[\"no-search\"]";

fn what(policy: &str, more: &[&str]) -> Vec<String> {
    let fixed = ["whatif", "--policy", policy, "--registry", "tools.json", "traces"];
    fixed.iter().chain(more).map(|word| (*word).to_owned()).collect()
}

fn asked(sandbox: &Sandbox, policy: &str, more: &[&str]) -> Ended {
    let words = what(policy, more);
    sandbox.quietly(&words.iter().map(String::as_str).collect::<Vec<_>>(), b"")
}

/// Spec: whatif.
#[test]
fn an_imported_run_is_judged_call_by_call_under_the_grant_and_without_it() {
    let mut sandbox = Sandbox::with_policies();
    for (policy, more) in [("careful", &[][..]), ("careful", &["--no-grant"]), ("strict", &[])] {
        let words = what(policy, more);
        assert_eq!(sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).exit, 0);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn a_call_has_a_line_of_exactly_the_members_that_the_document_names() {
    let sandbox = Sandbox::with_policies();
    let ended = asked(&sandbox, "strict", &["--calls"]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}{}", ended.stdout, ended.stderr);
    let members =
        ["path", "source", "run", "call", "tool", "recorded", "outcome", "directive", "reason", "rules"];
    for (number, line) in lines.iter().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let mut at = 0;
        for member in members {
            let found =
                line[at..].find(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member}: {line}"));
            at += found;
        }
        assert_eq!(value.as_object().unwrap().len(), members.len());
        assert_eq!(value["call"], number);
        assert_eq!(value["recorded"], "returned");
        assert_eq!(value["source"]["id"], "invoice-run-7");
    }
    let pay: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!((&pay["tool"], &pay["outcome"]), (&"send_money".into(), &"DENY".into()));
    assert_eq!(pay["rules"], serde_json::json!(["no-payments"]));
}

/// Spec: whatif, whatif-sound.
#[test]
fn the_bundle_that_decided_changes_nothing_and_another_one_does() {
    let mut sandbox = Sandbox::with_policies();
    let careful = sandbox.bundle("careful", CAREFUL);
    sandbox.decided("decided/permitted.rdt", &careful, PERMITTED, None);
    let whatif = |sandbox: &Sandbox, policy: &str| {
        let ended = sandbox
            .quietly(&["whatif", "--policy", policy, "--registry", "tools.json", "decided", "--json"], b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        ended.json()
    };
    let same = whatif(&sandbox, "careful");
    assert_eq!((&same["asked"], &same["changed"], &same["grounds"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(same["results"][0]["sound"], "exact");
    sandbox.bundle(
        "silent",
        "@id(\"pay\") permit (principal, action in Effect::Action::\"purchase\", resource);",
    );
    let other = whatif(&sandbox, "silent");
    assert_eq!(other["changes"], serde_json::json!([{"from": "PERMIT", "to": "SILENCE", "count": 1}]));
    assert_eq!(other["results"][0]["sound"], "bounded@0");
    // Denials are asked again too: loosened.
    sandbox.decided("denied/denied.rdt", &careful, DENIED, None);
    let loosened = sandbox
        .quietly(&["whatif", "--policy", "careful", "--registry", "tools.json", "denied", "--json"], b"")
        .json();
    assert_eq!(loosened["changes"], serde_json::json!([{"from": "DENY", "to": "PERMIT", "count": 1}]));
}

#[test]
fn neither_threads_nor_the_order_of_paths_change_what_is_told() {
    let sandbox = Sandbox::with_policies();
    for number in 0..5 {
        let seed = format!("seed {number}");
        let import = ["import", "chat", "runs", "--out", &format!("more{number}"), "--reproducible", &seed];
        assert_eq!(sandbox.quietly(&import, b"").exit, 0);
    }
    let told = |paths: &[&str], more: &[&str]| {
        let mut words = vec!["whatif", "--policy", "careful", "--registry", "tools.json"];
        words.extend(paths);
        words.extend(more);
        let ended = sandbox.quietly(&words, b"");
        assert_eq!(ended.exit, 0, "{}", ended.stderr);
        ended.stdout
    };
    let (forth, back) =
        (["more0", "more1", "more2", "more3", "more4"], ["more3", "more4", "more0", "more2", "more1"]);
    let lines = told(&forth, &["--calls", "-j", "1"]);
    assert_eq!(lines, told(&forth, &["--calls", "-j", "7"]));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&lines), sorted(&told(&back, &["--calls"])));
    let object = |paths: &[&str], jobs: &str| {
        let mut json: serde_json::Value =
            serde_json::from_str(&told(paths, &["--json", "-j", jobs])).unwrap();
        json["seconds"] = 0.into();
        let runs = json["results"].as_array_mut().unwrap();
        runs.sort_by_key(|run| run["path"].to_string());
        json
    };
    assert_eq!(object(&forth, "1"), object(&back, "3"));
}

#[test]
fn what_is_damaged_or_no_trace_is_told_never_judged_and_stops_no_other() {
    let mut sandbox = Sandbox::with_policies();
    let name = sandbox.files("traces").remove(0);
    sandbox.write("traces/bent.rdt", sandbox.read(&format!("traces/{name}")));
    sandbox.change("traces/bent.rdt", |bytes| bytes[1_200] ^= 4);
    let words = what("careful", &["missing.rdt"]);
    assert_eq!(sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).exit, 2);
    let ended = asked(&sandbox, "careful", &["--json"]);
    assert_eq!(ended.exit, 3);
    let json = ended.json();
    assert_eq!((&json["runs"], &json["judged"]), (&2.into(), &1.into()));
    let documented = crate::docs::members("whatif");
    for member in json.as_object().unwrap().keys() {
        assert!(documented.contains(member), "{member}: {documented:?}");
    }
    let bent =
        json["results"].as_array().unwrap().iter().find(|run| run["path"] == "traces/bent.rdt").unwrap();
    assert_eq!(
        (&bent["valid"], &bent["sound"], &bent["asked"]),
        (&"damaged".into(), &serde_json::Value::Null, &0.into())
    );
    let lines = asked(&sandbox, "careful", &["--calls"]);
    assert!(!lines.stdout.contains("bent") && lines.stdout.lines().count() == 2, "{}", lines.stdout);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn the_page_stands_alone_and_no_name_becomes_markup() {
    let sandbox = Sandbox::with_policies();
    let name = sandbox.files("traces").remove(0);
    let hostile = "traces/<img src=x onerror=alert(1)>\"'&.rdt";
    sandbox.write(hostile, sandbox.read(&format!("traces/{name}")));
    assert_eq!(asked(&sandbox, "strict", &["--html", "page.html", "--quiet"]).exit, 0);
    let page = sandbox.read_text("page.html");
    for foreign in ["<script", "<img", "http:", "https:", "javascript:", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
    assert!(page.contains("<svg") && page.contains("no-payments"));
    // A page that is there is never written over.
    assert_eq!(asked(&sandbox, "strict", &["--html", "page.html"]).exit, 2);
}

#[test]
fn a_bundle_or_registry_that_cannot_be_used_is_refused_with_its_reason() {
    let mut sandbox = Sandbox::with_policies();
    sandbox.write("no.json", "{}");
    for words in [
        ["whatif", "--policy", "missing", "--registry", "tools.json", "traces"],
        ["whatif", "--policy", "careful", "--registry", "no.json", "traces"],
    ] {
        assert_eq!(sandbox.run(&words).exit, 2);
    }
    insta::assert_snapshot!(sandbox.transcript());
}

/// Spec: levels, policy-level, policy-compare, withheld, rule-pol-4.
#[test]
fn decisions_are_made_again_under_the_bundle_that_they_pin() {
    let mut sandbox = Sandbox::with_policies();
    let careful = sandbox.bundle("careful", CAREFUL);
    sandbox.archive(&careful);
    sandbox.decided("permitted.rdt", &careful, PERMITTED, None);
    sandbox.decided("denied.rdt", &careful, DENIED, None);
    sandbox.decided("older.rdt", &careful, PERMITTED, Some("0.0.1"));
    sandbox.decided("older-denied.rdt", &careful, DENIED, Some("0.0.1"));
    sandbox.decided("withheld.rdt", &careful, WITHHELD, None);
    sandbox.record("undecided.rdt", &["--reproducible", "seed"], &drafts());
    let replay = |sandbox: &mut Sandbox, name: &str| {
        sandbox.run(&["replay", name, "--level", "policy", "--bundles", "archive"]).exit
    };
    assert_eq!(replay(&mut sandbox, "permitted.rdt"), 0);
    assert_eq!(replay(&mut sandbox, "denied.rdt"), 1);
    assert_eq!(replay(&mut sandbox, "older.rdt"), 0);
    assert_eq!(replay(&mut sandbox, "older-denied.rdt"), 4);
    assert_eq!(replay(&mut sandbox, "withheld.rdt"), 0);
    assert_eq!(replay(&mut sandbox, "undecided.rdt"), 4);
    assert_eq!(sandbox.run(&["replay", "permitted.rdt", "--level", "policy"]).exit, 4);
    insta::assert_snapshot!(sandbox.transcript());
}

/// The record with this number, and the run.
fn record(sandbox: &Sandbox, path: &str, number: u64) -> (RunId, Record) {
    let trace = TraceReader::open(&OsStorage, &sandbox.path(path)).unwrap();
    let mut records = Records::from_segment(&trace, 0).map(|frame| frame.unwrap().record().unwrap());
    let opening = records.next().unwrap();
    let Body::RunOpened(opened) = opening.input.body else { panic!("no opening") };
    (opened.run, records.find(|record| record.input.sequence == number).unwrap())
}

fn key(seed: u8) -> SigningKey {
    SigningKey::parse(&format!("rederive signing key 1\n{}\n", format!("{seed:02x}").repeat(32))).unwrap()
}

impl Sandbox {
    /// Trust roots of the recorder's key and of these, by role.
    fn roots(&self, name: &str, keys: &[(&str, &SigningKey)]) {
        let key = |(role, key): &(&str, &SigningKey)| {
            format!("{{\"key\":\"{}\",\"role\":\"{role}\"}}", key.public_key().to_hex())
        };
        let keys: Vec<String> = keys.iter().map(key).collect();
        self.write(name, format!("{{\"rederive_trust\":1,\"keys\":[{}]}}", keys.join(",")));
    }

    fn policy_level(&self, path: &str, roots: &str) -> serde_json::Value {
        let words = ["replay", path, "--level", "policy", "--bundles", "archive", "--trust", roots, "--json"];
        self.quietly(&words, b"").json()["results"][0].clone()
    }
}

/// Spec: policy-level, receipt, rule-pol-5.
#[test]
fn a_receipt_is_of_its_decision_and_signed_by_the_gate() {
    let mut sandbox = Sandbox::with_policies();
    let careful = sandbox.bundle("careful", CAREFUL);
    sandbox.archive(&careful);
    sandbox.key("key", 7);
    let (recorder, gate, other) = (key(7), key(8), key(9));
    sandbox.roots("roots.json", &[("recorder", &recorder), ("gate", &gate)]);
    let options = ["--key", "key", "--reproducible", "seed"];
    let lines = sandbox.decided_lines(&careful, PERMITTED, None);
    sandbox.record("run.rdt", &options, &lines.join("\n"));
    let without = sandbox.policy_level("run.rdt", "roots.json");
    assert!(without["gaps"].as_array().unwrap().contains(&"no-receipts 1".into()), "{without}");
    let (run, decision) = record(&sandbox, "run.rdt", 5);
    let with = |sandbox: &mut Sandbox, receipt: &[u8]| {
        let mut lines = lines.clone();
        let content = format!(
            ",\"receipt\":0}},\"contents\":[{{\"media\":\"application/cose\",\"base64\":\"{}\"}}]}}",
            base64(receipt)
        );
        lines[5] = format!("{}{content}", lines[5].strip_suffix("}}").unwrap());
        std::fs::remove_file(sandbox.path("run.rdt")).unwrap();
        sandbox.record("run.rdt", &options, &lines.join("\n"));
        sandbox.policy_level("run.rdt", "roots.json")
    };
    let mut input = decision.input.clone();
    let Body::DecisionMade(body) = &mut input.body else { panic!("no decision") };
    body.receipt = Some(Content(0));
    let checksum = decision.derived.checksum.unwrap();
    let receipt = |input: &Input| Receipt::of(run, "acme".parse_id(), checksum, input).unwrap();
    let genuine = sign(receipt(&input), &gate).unwrap();
    let held = with(&mut sandbox, genuine.as_bytes());
    assert_eq!((&held["valid"], &held["decisions"]), (&"reproduced".into(), &1.into()), "{held}");
    assert!(!held["gaps"].to_string().contains("no-receipts"), "{held}");
    let forged = with(&mut sandbox, sign(receipt(&input), &other).unwrap().as_bytes());
    assert_eq!((&forged["valid"], &forged["code"]), (&"forged".into(), &"V-RECEIPT".into()), "{forged}");
    let nothing = with(&mut sandbox, b"no receipt at all");
    assert_eq!((&nothing["valid"], &nothing["code"]), (&"forged".into(), &"V-RECEIPT".into()), "{nothing}");
    let mut elsewhere = input.clone();
    elsewhere.sequence = 6;
    let moved = with(&mut sandbox, sign(receipt(&elsewhere), &gate).unwrap().as_bytes());
    assert_eq!((&moved["valid"], &moved["code"]), (&"diverged".into(), &"D-RECEIPT".into()), "{moved}");
}

/// Spec: policy-level, approval-statement.
#[test]
fn an_approvers_signature_is_over_what_they_were_asked() {
    let mut sandbox = Sandbox::with_policies();
    let careful = sandbox.bundle("careful", CAREFUL);
    sandbox.archive(&careful);
    sandbox.key("key", 7);
    let (recorder, approver, other) = (key(7), key(8), key(9));
    sandbox.roots("roots.json", &[("recorder", &recorder), ("approver", &approver)]);
    sandbox.roots("others.json", &[("recorder", &recorder), ("approver", &other)]);
    let covers = "11".repeat(32);
    let mut lines = sandbox.decided_lines(&careful, PERMITTED, None);
    let actor = format!(
        "{{\"id\":\"bob\",\"actor_type\":\"approver\",\"key\":\"{}\"}},{{\"id\":\"broker\"",
        approver.public_key().to_hex()
    );
    lines[0] = lines[0].replace("{\"id\":\"broker\"", &actor);
    lines.insert(5, format!("{{\"kind\":\"approval.requested\",\"time\":1790000004100000,\"actor\":\"gate\",\"origin\":\"code\",\"causes\":[4],\"body\":{{\"approval\":\"a1\",\"request\":\"r1\",\"covers\":\"{covers}\",\"expires\":1790000009000000}}}}"));
    let word = |signature: &str| {
        format!(
            "{{\"kind\":\"approval.approved\",\"time\":1790000004200000,\"actor\":\"bob\",\"origin\":\"human\",\"causes\":[5],\"body\":{{\"approval\":\"a1\",\"word\":{{\"approver\":\"bob\",\"shown\":\"{covers}\"{signature}}}}}}}"
        )
    };
    lines.insert(6, word(""));
    let options = ["--key", "key", "--reproducible", "seed"];
    sandbox.record("run.rdt", &options, &lines.join("\n"));
    let unsigned = sandbox.policy_level("run.rdt", "roots.json");
    assert_eq!(unsigned["valid"], "reproduced", "{unsigned}");
    assert!(unsigned["gaps"].as_array().unwrap().contains(&"unsigned-words 1".into()), "{unsigned}");
    let (run, requested) = record(&sandbox, "run.rdt", 5);
    let Body::ApprovalRequested(requested) = &requested.input.body else { panic!("no approval") };
    let statement = |verdict| ApproverStatement {
        version: Version::One,
        run,
        tenant: "acme".parse_id(),
        approval: requested.approval.clone(),
        covers: requested.covers,
        call: None,
        expires: requested.expires.known().copied(),
        approver: "bob".parse_id(),
        verdict,
        shown: Some(requested.covers),
    };
    let mut signed = |verdict, roots: &str| {
        let signature = sign_detached(&statement(verdict), &approver).unwrap();
        lines[6] = word(&format!(",\"signature\":\"{}\"", rederive_evidence::hex::format(&signature.0)));
        std::fs::remove_file(sandbox.path("run.rdt")).unwrap();
        sandbox.record("run.rdt", &options, &lines.join("\n"));
        sandbox.policy_level("run.rdt", roots)
    };
    let held = signed(ApproverVerdict::Approved, "roots.json");
    assert_eq!(held["valid"], "reproduced", "{held}");
    assert!(!held["gaps"].to_string().contains("unsigned-words"), "{held}");
    let bent = signed(ApproverVerdict::Denied, "roots.json");
    assert_eq!((&bent["valid"], &bent["code"]), (&"forged".into(), &"V-APPROVAL".into()), "{bent}");
    let untrusted = signed(ApproverVerdict::Approved, "others.json");
    assert_eq!(
        (&untrusted["valid"], &untrusted["code"]),
        (&"forged".into(), &"V-APPROVAL".into()),
        "{untrusted}"
    );
}

/// Names in tests.
trait ParseId {
    fn parse_id(&self) -> Id;
}

impl ParseId for str {
    fn parse_id(&self) -> Id {
        Id::new(self).unwrap()
    }
}

/// Base64 (RFC 4648) of bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// What is said of several runs: the lines of their calls, the object but for its time, and the lines of the table.
struct Told {
    calls: String,
    object: serde_json::Value,
    table: Vec<String>,
}

fn told(sandbox: &Sandbox, paths: &[String], jobs: usize) -> Told {
    let jobs = jobs.to_string();
    let ask = |more: &[&str]| {
        let mut words = vec!["whatif", "--policy", "careful", "--registry", "tools.json", "--jobs", &jobs];
        words.extend(paths.iter().map(String::as_str));
        words.extend(more);
        sandbox.quietly(&words, b"")
    };
    let mut object = ask(&["--json"]).json();
    object["seconds"] = 0.into();
    // How long it took is another thing each time; what was not judged is told where it comes.
    let is_time = |part: &&str| part.ends_with(" ms") || part.ends_with(" s");
    let untimed = |line: &str| line.split(", ").filter(|part| !is_time(part)).collect::<Vec<_>>().join(", ");
    let mut table: Vec<String> = ask(&[]).stdout.lines().map(untimed).collect();
    table.sort();
    Told { calls: ask(&["--calls"]).stdout, object, table }
}

/// Spec: whatif.
#[test]
fn what_is_told_of_runs_does_not_turn_on_their_order_or_the_number_of_threads() {
    let sandbox = Sandbox::with_policies();
    let gated = crate::explore::gated();
    sandbox.write("gated.rdt", gated.read("run.rdt"));
    sandbox.write("bent.rdt", gated.read("run.rdt"));
    sandbox.change("bent.rdt", |bytes| bytes[1_200] ^= 4);
    let mut paths = vec!["gated.rdt".to_owned(), "bent.rdt".to_owned()];
    for number in 0..3 {
        let (seed, folder) = (format!("seed {number}"), format!("more{number}"));
        let import = ["import", "chat", "runs", "--out", &folder, "--reproducible", &seed];
        assert_eq!(sandbox.quietly(&import, b"").exit, 0);
        paths.extend(sandbox.files(&folder).into_iter().map(|file| format!("{folder}/{file}")));
    }
    let alone: BTreeMap<String, Told> =
        paths.iter().map(|path| (path.clone(), told(&sandbox, std::slice::from_ref(path), 1))).collect();
    let all = told(&sandbox, &paths, 1);
    let orders = Just(paths.clone()).prop_shuffle();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(6) };
    proptest!(config, |(order in orders, jobs in 1_usize..9)| {
        let Told { calls, object, table } = told(&sandbox, &order, jobs);
        prop_assert_eq!(&calls, &all.calls);
        prop_assert_eq!(&object, &all.object);
        prop_assert_eq!(&table, &all.table);
    });
    assert_eq!(all.object["runs"], 5);
    // Nor on what else is asked about: paths are told in their own order, each as if alone.
    assert_eq!(all.calls, alone.values().map(|told| told.calls.as_str()).collect::<String>());
    for result in all.object["results"].as_array().unwrap() {
        assert_eq!(*result, alone[result["path"].as_str().unwrap()].object["results"][0]);
    }
    assert!(all.calls.contains("gated.rdt") && !all.calls.contains("bent.rdt"), "{}", all.calls);
}

/// Spec: memory-target, whatif.
#[test]
fn a_memory_write_is_asked_about_permitted_or_not_and_counted_as_the_tool_that_memory_is() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let at = |path: &str| fixtures.join(path).to_str().unwrap().to_owned();
    let (bundle, tools) = (at("bundles/payments"), at("bundles/tools.json"));
    for (trace, answer) in [("gated", "PERMIT"), ("gated-not-remembered", "SILENCE")] {
        let trace = at(&format!("traces/good/{trace}.rdt"));
        let ask = ["whatif", "--policy", &bundle, "--registry", &tools, &trace, "--json"];
        let told = Sandbox::new().quietly(&ask, b"").json();
        let by_tool = told["tools"].as_array().unwrap();
        let asked = by_tool.iter().map(|tool| tool["asked"].as_u64().unwrap()).sum::<u64>();
        assert_eq!((&told["asked"], asked), (&7.into(), 7));
        let memory = by_tool.iter().find(|tool| tool["name"] == "memory.write").unwrap();
        assert_eq!((&memory["asked"], &memory["changed"]), (&1.into(), &0.into()));
        assert_eq!(memory["outcomes"], serde_json::json!({answer: 1}));
        assert_eq!(told["unasked"], serde_json::json!({}));
    }
}

#[test]
fn that_runs_pin_a_registry_and_none_was_given_is_told() {
    let sandbox = Sandbox::new();
    let fixture = |name: &str| format!("{}/../fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let (bundle, trace) = (fixture("bundles/payments"), fixture("traces/good/gated.rdt"));
    let registry = fixture("bundles/tools.json");
    let told = "runs here pin a registry and none was given";
    let without = sandbox.quietly(&["whatif", "--policy", &bundle, &trace], b"");
    assert!(without.stderr.contains(told), "{}", without.stderr);
    let with = sandbox.quietly(&["whatif", "--policy", &bundle, "--registry", &registry, &trace], b"");
    assert!(!with.stderr.contains(told), "{}", with.stderr);
}

#[test]
fn what_is_told_names_the_bundle_and_the_registry_or_that_there_was_none() {
    let sandbox = Sandbox::new();
    let fixture = |name: &str| format!("{}/../fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    let (bundle, trace) = (fixture("bundles/payments"), fixture("traces/good/gated.rdt"));
    let registry = fixture("bundles/tools.json");
    let opening = sandbox.quietly(&["show", &trace, "--record", "0", "--json"], b"").json();
    let pinned = |name: &str| opening["body"][name].as_str().unwrap().to_owned();
    let ask = |more: &[&str]| {
        let words = [&["whatif", "--policy", &bundle, &trace], more].concat();
        let json = sandbox.quietly(&[&words[..], &["--json"]].concat(), b"").json();
        let page = format!("page{}.html", more.len());
        let table = sandbox.quietly(&[&words[..], &["--html", &page]].concat(), b"").stdout;
        (json, table, sandbox.read_text(&page))
    };
    let (json, table, page) = ask(&["--registry", &registry]);
    assert_eq!(
        (&json["registry"], &json["policy"]["bundle"]),
        (&pinned("registry").into(), &pinned("bundle").into())
    );
    for told in [&table, &page] {
        assert!(told.contains(&pinned("registry")) && told.contains(&pinned("bundle")), "{told}");
    }
    let (json, table, page) = ask(&[]);
    assert_eq!(json["registry"], serde_json::Value::Null);
    assert!(json.as_object().unwrap().contains_key("registry"));
    assert!(table.contains("registry  none: ") && page.contains("registry none: "), "{table}");
}
