//! The reviewer's page for one run.

use crate::sandbox::{Sandbox, drafts};

/// Text that would be markup, script, a way out of an attribute, or an order to a terminal.
const HOSTILE: &str = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\\\" onload='x' \\u001b[2J\\u001b]0;pwned\\u0007 \\u202e &lt;";

#[test]
fn a_run_is_reviewed_from_its_records_and_gaps_have_names() {
    let mut sandbox = Sandbox::with_run();
    assert_eq!(sandbox.run(&["review", "run.rdt", "--trust", "key.roots.json"]).exit, 0);
    insta::assert_snapshot!(sandbox.transcript());
}

#[test]
fn every_question_is_answered_by_records_that_are_there_or_named_as_a_gap() {
    let sandbox = Sandbox::with_run();
    let json = sandbox.quietly(&["review", "run.rdt", "--json"], b"").json();
    for (part, number) in [("questions", 5), ("review", 10), ("layers", 9)] {
        let answers = json[part].as_array().unwrap();
        assert_eq!(answers.len(), number, "{part}");
        for answer in answers {
            let evidence = answer["evidence"].as_array().unwrap();
            let has_gaps = !answer["gaps"].as_array().unwrap().is_empty();
            let status = answer["status"].as_str().unwrap();
            assert_eq!(
                evidence.is_empty(),
                status == "gap" || status == "breached" && evidence.is_empty(),
                "{answer}"
            );
            assert!(has_gaps || status == "on-record" || status == "breached", "{answer}");
            for kind in evidence {
                for record in kind["records"].as_array().unwrap() {
                    assert!(record.as_u64().unwrap() < 8, "{answer}");
                }
            }
        }
    }
    assert_eq!(json["calls"][0]["tool"], "search");
    assert_eq!(json["calls"][0]["end"]["kind"], "tool.returned");
    assert!(json["does_not_prove"].as_array().unwrap().len() >= 4);
}

#[test]
fn a_hostile_trace_never_becomes_markup_script_or_a_terminal_sequence() {
    let mut sandbox = Sandbox::new();
    let hostile = drafts()
        .replace("Where is the manual?", HOSTILE)
        .replace("answer Ada's questions", HOSTILE)
        .replace("shelf 4", HOSTILE)
        .replace("{\\\"query\\\":\\\"manual\\\"}", HOSTILE);
    sandbox.record("run.rdt", &["--reproducible", "seed"], &hostile);
    assert_eq!(sandbox.quietly(&["review", "run.rdt", "--html", "page.html"], b"").exit, 0);
    let page = sandbox.read_text("page.html");
    for foreign in ["<script", "<img", "onload='", "\u{1b}", "\u{7}", "\u{202e}", "http:", "https:", "url("] {
        assert!(!page.contains(foreign), "{foreign:?}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    // Every opening tag is one of ours, and every row of a table has its cells.
    assert_eq!(page.matches("<td").count(), page.matches("</td>").count());
    let words = sandbox.quietly(&["review", "run.rdt", "--color", "never"], b"").stdout;
    assert!(!words.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{words}");
    let json = sandbox.quietly(&["review", "run.rdt", "--json"], b"").stdout;
    assert!(!json.contains(['\u{1b}', '\u{7}', '\u{202e}']));
}

#[test]
fn every_record_that_the_page_links_to_is_on_it() {
    let sandbox = Sandbox::with_run();
    assert_eq!(sandbox.quietly(&["review", "run.rdt", "--html", "page.html"], b"").exit, 0);
    let page = sandbox.read_text("page.html");
    let mut links = 0;
    for link in page.split("href=\"#").skip(1) {
        let (target, _) = link.split_once('"').unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
        links += 1;
    }
    assert!(links > 20, "{links}");
}

#[test]
fn nothing_is_shown_of_a_damaged_trace() {
    let mut sandbox = Sandbox::with_run();
    sandbox.change("run.rdt", |bytes| bytes[900] ^= 1);
    let ended = sandbox.run(&["review", "run.rdt"]);
    assert_eq!((ended.exit, ended.stdout.as_str()), (3, ""));
    assert_eq!(sandbox.run(&["review", "missing.rdt"]).exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}

/// The golden trace of this name, and where the bundle that it pins lies.
fn golden(name: &str) -> [String; 3] {
    let tree = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    ["traces", "keys", "bundles"].map(|folder| match folder {
        "keys" => format!("{tree}/fixtures/keys/gated-trust.json"),
        "bundles" => format!("{tree}/fixtures/bundles"),
        _ => format!("{tree}/fixtures/traces/{name}.rdt"),
    })
}

#[test]
fn no_run_of_a_gate_that_lies_is_reviewed_as_one_that_is_as_it_should_be() {
    let sandbox = Sandbox::new();
    // The trace, and how it ends without the bundle and with it.
    for (name, alone, judged) in [
        ("bad/word-key", 3, 3),
        ("bad/receipt-key", 3, 3),
        ("bad/receipt-of-another", 1, 1),
        ("bad/permitted-after-all", 4, 1),
        ("bad/wrong-directive", 4, 1),
        ("bad/other-engine", 4, 4),
        ("good/gated", 4, 0),
    ] {
        let [trace, trust, bundles] = golden(name);
        let without = sandbox.quietly(&["review", &trace, "--trust", &trust, "--json"], b"");
        let with =
            sandbox.quietly(&["review", &trace, "--trust", &trust, "--bundles", &bundles, "--json"], b"");
        assert_eq!((without.exit, with.exit), (alone, judged), "{name}: {}{}", without.stderr, with.stderr);
        for ended in [&without, &with].into_iter().filter(|ended| !ended.stdout.is_empty()) {
            assert_eq!(ended.json()["level"], "policy", "{name}");
        }
        let page = format!("{}.html", name.replace('/', "-"));
        let drawn = sandbox.quietly(&["review", &trace, "--trust", &trust, "--html", &page], b"");
        assert_eq!((drawn.exit, sandbox.path(&page).exists()), (alone, alone != 3), "{name}");
    }
}

/// Status and gaps of the control layer of this name.
fn layer(json: &serde_json::Value, name: &str) -> (String, String) {
    let layers = json["layers"].as_array().unwrap();
    let layer = layers.iter().find(|layer| layer["question"] == name).unwrap();
    (layer["status"].as_str().unwrap().to_owned(), layer["gaps"].to_string())
}

#[test]
fn decisions_and_approvals_are_on_record_only_where_they_were_checked() {
    let sandbox = Sandbox::new();
    let [trace, trust, bundles] = golden("good/gated");
    let review = |options: &[&str]| {
        let ended = sandbox.quietly(&[&["review", &trace, "--json"], options].concat(), b"");
        let json = ended.json();
        (ended.exit, layer(&json, "Policy decision"), layer(&json, "Human approval"))
    };
    let (exit, (policy, missing), (approval, none)) = review(&["--trust", &trust, "--bundles", &bundles]);
    assert_eq!((exit, policy.as_str(), approval.as_str()), (0, "on-record", "on-record"), "{missing}{none}");
    for (options, exit, decision, word) in [
        (&["--trust", &trust][..], 4, Some("POL-4 not judged: bundle"), None),
        (
            &["--bundles", &bundles],
            0,
            Some("receipts checked under the keys"),
            Some("checked under the keys that the run names itself: no trust roots"),
        ),
        (
            &["--trust", &trust, "--level", "state"],
            0,
            Some("POL-4 not judged, and no receipt checked: level state"),
            Some("signatures of approvers not checked: level state"),
        ),
    ] {
        let (ended, policy, approval) = review(options);
        assert_eq!(ended, exit, "{options:?}");
        for ((status, gaps), gap) in [(policy, decision), (approval, word)] {
            assert_eq!(status, if gap.is_some() { "partly" } else { "on-record" }, "{options:?}: {gaps}");
            assert!(gaps.contains(gap.unwrap_or_default()), "{options:?}: {gaps}");
        }
    }
    // In words and on the page too.
    let words = sandbox.quietly(&["review", &trace, "--level", "state"], b"").stdout;
    assert!(words.contains("reproduced at level state"), "{words}");
    assert!(words.contains("gap: signatures of approvers not checked: level state"), "{words}");
    sandbox.quietly(&["review", &trace, "--level", "state", "--html", "page.html"], b"");
    let page = sandbox.read_text("page.html");
    assert!(page.contains("verdict at level state") && page.contains("signatures of approvers not checked"));
    assert_eq!(sandbox.quietly(&["review", &trace, "--level", "integrity"], b"").exit, 2);
}

#[test]
fn what_was_blocked_previewed_or_planned_is_not_among_what_executed() {
    let sandbox = Sandbox::new();
    let mut seen = Vec::new();
    for name in ["good/gated", "good/every-kind-2"] {
        let [trace, ..] = golden(name);
        let json = sandbox.quietly(&["review", &trace, "--level", "state", "--json"], b"").json();
        for (side, executed) in [("executed", true), ("decided", false)] {
            for entry in json[side].as_array().unwrap() {
                let kind = entry["kind"].as_str().unwrap().to_owned();
                let is_before = ["blocked", "previewed", "planned"].iter().any(|word| kind.ends_with(word));
                assert!(!(executed && is_before), "{name}: {kind}");
                seen.push(kind);
            }
        }
    }
    for kind in ["tool.blocked", "tool.previewed", "output.blocked", "downstream.planned"] {
        assert!(seen.iter().any(|seen| seen == kind), "{kind}");
    }
}
