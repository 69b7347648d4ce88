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
