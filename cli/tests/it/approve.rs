//! Approvals through a folder: what a gate asked is read and answered, and nothing else is.

use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::ids::{Id, RecordedTime, RunId};
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::receipt::ApproverVerdict;
use rederive_evidence::signed::{Version, sign};
use rederive_evidence::values::Place;
use rederive_gate::approver::{AnswerFile, FolderQueue, Request, Signatory};

use crate::sandbox::Sandbox;

/// Noon of 1 January 2100.
const FAR: RecordedTime = RecordedTime(4_102_488_000_000_000);

const PAGE: &str = "Goal\n  pay the bill\n\nAction\n  pay (purchase, cannot be undone) on bank\n  {\"to\":\"eve\u{1b}[2J\"}\n";

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn request(approval: &str, covers: u8, expires: RecordedTime) -> Request {
    Request {
        version: Version::One,
        run: RunId([1; 16]),
        tenant: id("acme"),
        approval: id(approval),
        covers: Digest([covers; 32]),
        call: Place { agent: id("helper"), turn: 0, index: 0, attempt: 0 },
        expires,
        principal: id("ada"),
        tool: id("pay"),
        shown: Digest([0x8a; 32]),
        page: hex::Bytes(PAGE.as_bytes().to_vec()),
        approvers: vec![Signatory { name: id("bob"), key: SigningKey::from_seed(&[2; 32]).public_key() }],
    }
}

fn gate() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

/// A folder as a gate leaves it, with these requests, and the approver's key.
fn queue(requests: &[Request]) -> (Sandbox, String) {
    let mut sandbox = Sandbox::new();
    sandbox.key("bob.key", 2);
    for request in requests {
        let signed = sign(request.clone(), &gate()).unwrap();
        sandbox.write(&format!("queue/requests/{}", request.name()), signed.as_bytes());
    }
    (sandbox, gate().public_key().to_hex())
}

fn answer<'a>(verdict: &'a str, gate: &'a str, which: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["approve", verdict, "--queue", "queue", "--gate", gate, which, "--key", "bob.key"];
    words.extend(more);
    words
}

#[test]
fn what_a_gate_asked_is_listed_shown_and_answered_under_a_key() {
    let requests =
        [request("approval-0", 7, FAR), request("approval-1", 8, FAR), request("approval-2", 9, FAR)];
    let (mut sandbox, gate) = queue(&requests);
    let common = ["--queue", "queue", "--gate", &gate];
    let words = |before: &[&'static str], after: &[&'static str]| [before, &common, after].concat();
    assert_eq!(sandbox.run(&words(&["approve", "list"], &[])).exit, 0);
    assert_eq!(sandbox.run(&words(&["approve", "show"], &["approval-0"])).exit, 0);
    let bob = ["--as", "bob", "--shown", "8a8a8a8a"];
    assert_eq!(sandbox.run(&answer("approve", &gate, "approval-0", &bob)).exit, 0);
    let denied = [&bob[..], &["--reason", "not ours to pay"]].concat();
    assert_eq!(sandbox.run(&answer("deny", &gate, "approval-1", &denied)).exit, 0);
    let revised = [&bob[..], &["--changes", "pay half"]].concat();
    assert_eq!(sandbox.run(&answer("revise", &gate, "approval-2", &revised)).exit, 0);
    assert_eq!(sandbox.run(&words(&["approve", "list"], &["--json"])).exit, 0);
    let verdicts = [
        (ApproverVerdict::Approved, ""),
        (ApproverVerdict::Denied, "not ours to pay"),
        (ApproverVerdict::Revised, "pay half"),
    ];
    let key = SigningKey::from_seed(&[2; 32]).public_key();
    for (request, (verdict, text)) in requests.iter().zip(verdicts) {
        assert!(FolderQueue::is_answered(&sandbox.path("queue"), request));
        let bytes = sandbox.read(&format!("queue/answers/{}", request.name()));
        let file = AnswerFile::read(&bytes, request, |_| Some(key), RecordedTime(1)).unwrap();
        assert_eq!((file.answer.verdict, file.text.as_str()), (verdict, text));
    }
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_answer_under_a_key_that_the_gate_does_not_know_is_not_written() {
    let unnamed = Request { approvers: Vec::new(), ..request("unnamed", 8, FAR) };
    let (mut sandbox, gate) = queue(&[request("approval-0", 7, FAR), unnamed.clone()]);
    let shown = ["--shown", "8a8a8a8a"];
    sandbox.key("other.key", 3);
    let with = |who, key, which| {
        let common = ["approve", "approve", "--queue", "queue", "--gate", &gate, which];
        [&common[..], &["--as", who, "--key", key], &shown].concat().join(" ")
    };
    let mut said = |who, key, which| {
        let words = with(who, key, which);
        sandbox.run(&words.split(' ').collect::<Vec<_>>()).exit
    };
    assert_eq!(said("bob", "other.key", "approval-0"), 2);
    assert_eq!(said("carol", "other.key", "approval-0"), 2);
    // A gate that names nobody checks for itself, later.
    assert_eq!(said("carol", "other.key", "unnamed"), 0);
    assert_eq!(sandbox.files("queue/answers"), [unnamed.name()]);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn what_would_not_count_is_not_signed_and_says_why() {
    let requests =
        [request("approval-0", 7, FAR), request("late", 8, RecordedTime(1)), request("twice", 9, FAR)];
    let (mut sandbox, gate) = queue(&requests);
    let bob = ["--as", "bob", "--shown", "8a8a8a8a"];
    for (which, more) in [
        ("approval-0", &["--as", "ada", "--shown", "8a8a8a8a"][..]),
        ("approval-0", &["--as", "helper", "--shown", "8a8a8a8a"]),
        ("approval-0", &["--as", "bob", "--shown", "00000000"]),
        ("approval-0", &["--as", "bob", "--shown", "8a"]),
        ("late", &bob),
        ("nowhere", &bob),
        ("0101", &bob),
    ] {
        assert_eq!(sandbox.run(&answer("approve", &gate, which, more)).exit, 2, "{which} {more:?}");
    }
    let empty = [&bob[..], &["--reason", " "]].concat();
    assert_eq!(sandbox.run(&answer("deny", &gate, "approval-0", &empty)).exit, 2);
    assert_eq!(sandbox.run(&answer("approve", &gate, "twice", &bob)).exit, 0);
    assert_eq!(sandbox.run(&answer("approve", &gate, "twice", &bob)).exit, 2);
    assert_eq!(sandbox.files("queue/answers"), [requests[2].name()]);
    // Of another gate, or changed: neither is shown.
    let stranger = SigningKey::from_seed(&[9; 32]).public_key().to_hex();
    assert_eq!(sandbox.run(&["approve", "show", "--queue", "queue", "--gate", &stranger, "late"]).exit, 2);
    let name = format!("queue/requests/{}", requests[0].name());
    sandbox.change(&name, |bytes| {
        let at = bytes.windows(3).position(|window| window == b"eve").unwrap();
        bytes[at] = b'E';
    });
    assert_eq!(sandbox.run(&["approve", "show", "--queue", "queue", "--gate", &gate, "approval-0"]).exit, 2);
    assert_eq!(sandbox.run(&["approve", "list", "--queue", "elsewhere", "--gate", &gate]).exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn an_answer_that_the_gate_did_not_take_is_told_and_so_is_a_request_whose_time_is_over() {
    let (mut sandbox, gate) = queue(&[request("approval-0", 7, FAR), request("late", 8, RecordedTime(1))]);
    let name = request("approval-0", 7, FAR).name();
    sandbox.write(&format!("queue/refused/{name}.0"), "an answer");
    sandbox.write(&format!("queue/refused/{name}.0.reason"), "the signature of bob does not hold");
    sandbox.write(&format!("queue/refused/{name}.1.reason"), "none of the approvers\u{1b}[2J");
    assert_eq!(sandbox.run(&["approve", "list", "--queue", "queue", "--gate", &gate]).exit, 0);
    let listed = sandbox.quietly(&["approve", "list", "--queue", "queue", "--gate", &gate, "--json"], b"");
    let lines: Vec<serde_json::Value> =
        listed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let asked = lines.iter().find(|line| line["approval"] == "approval-0").unwrap();
    assert_eq!(asked["refused"][0], "the signature of bob does not hold");
    let documented = crate::docs::members("approve list");
    assert!(asked.as_object().unwrap().keys().all(|member| documented.contains(member)), "{documented:?}");
    assert_eq!((&asked["ended"], &asked["refused"].as_array().unwrap().len()), (&false.into(), &2));
    let late = lines.iter().find(|line| line["approval"] == "late").unwrap();
    assert_eq!((&late["ended"], late.get("refused")), (&true.into(), None));
    // Answered again, it waits for the gate and not for anybody else.
    let bob = ["--as", "bob", "--shown", "8a8a8a8a"];
    assert_eq!(sandbox.quietly(&answer("approve", &gate, "approval-0", &bob), b"").exit, 0);
    let listed = sandbox.quietly(&["approve", "list", "--queue", "queue", "--gate", &gate], b"");
    assert!(!listed.stderr.contains("not taken"), "{}", listed.stderr);
    insta::assert_snapshot!(sandbox.transcript());
}
