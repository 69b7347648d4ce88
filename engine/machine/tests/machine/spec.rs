//! What SPEC.md says of the rules is what the machine has. Spec: rule-set, delta-form.

use std::fmt::Write as _;
use std::path::PathBuf;

use rederive_evidence::kinds::decision::RiskSignal;
use rederive_evidence::rules::Rule;
use rederive_evidence::values::Layer;
use rederive_machine::testing::*;
use rederive_machine::{RISK_TABLE, RuleSetNumber, supports};

use crate::{grid, grids};

/// The rules with their layers and reasons, as SPEC.md prints them.
fn table(set: RuleSetNumber) -> String {
    let mut text = "| rule | layer | reasons |\n| --- | --- | --- |\n".to_owned();
    for (rule, reasons) in set.rules() {
        let names: Vec<String> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
        writeln!(text, "| {rule} | {} | {} |", rule.layer(), names.join(", ")).unwrap();
    }
    text
}

/// The same with the levels at which each is checked.
fn table_by_level(set: RuleSetNumber) -> String {
    let mut text = "| rule | layer | level | reasons |\n| --- | --- | --- | --- |\n".to_owned();
    for (rule, reasons) in set.rules() {
        let names: Vec<String> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
        writeln!(text, "| {rule} | {} | {} | {} |", rule.layer(), levels(rule), names.join(", ")).unwrap();
    }
    text
}

/// Where a rule is checked: receipts and words of approvers are signed, and a bundle is evaluated, at policy level.
fn levels(rule: Rule) -> &'static str {
    if rule == Rule::Pol4 {
        "policy"
    } else if matches!(rule, Rule::Pol5 | Rule::Apr3) {
        "state, policy"
    } else {
        "state"
    }
}

fn risk_table() -> String {
    let mut text = "| signal | shows where | least control | on record before the dispatch |\n| --- | --- | --- | --- |\n".to_owned();
    for row in RISK_TABLE {
        let required =
            row.required.iter().map(|required| format!("{} ({})", required.words(), required.asked_by()));
        let required: Vec<String> = required.collect();
        writeln!(text, "| `{}` | {} | {} | {} |", row.signal, row.shows, row.least, required.join("; "))
            .unwrap();
    }
    text
}

/// Spec: risk-table.
#[test]
fn the_risk_table_has_a_row_for_every_signal_in_the_order_of_the_codes() {
    let signals: Vec<RiskSignal> = RISK_TABLE.iter().map(|row| row.signal).collect();
    assert_eq!(signals, RiskSignal::ALL);
}

/// Fills the block, or says that it differs. With `UPDATE` set it is written.
fn check_block(name: &str, inside: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let start = format!("<!-- generated: {name} -->\n");
    let (before, rest) = text.split_once(&start).unwrap_or_else(|| panic!("SPEC.md has no block {name}"));
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let filled = format!("{before}{start}\n{inside}\n<!-- end -->{after}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, filled).unwrap();
    } else {
        assert!(
            filled == text,
            "block {name} of SPEC.md is not what the machine has: run this test with UPDATE=1"
        );
    }
}

// One test, since both write one file.
#[test]
fn the_tables_of_rules_and_of_calls_are_those_of_the_machine() {
    check_block("rules", &table(RuleSetNumber::One));
    check_block("grid", &grid::table());
    check_block("rules 2", &table_by_level(RuleSetNumber::Two));
    check_block("risk", &risk_table());
    for (name, grid) in grids::tables() {
        check_block(name, &grid);
    }
}

/// What a set adds it adds to the one before: no rule goes, and none gives fewer reasons.
#[test]
fn a_later_rule_set_has_every_rule_and_reason_of_the_one_before() {
    for (rule, reasons) in RuleSetNumber::One.rules() {
        let later = RuleSetNumber::Two.rules().find(|(of, _)| *of == rule).unwrap().1;
        assert!(reasons.iter().all(|reason| later.contains(reason)), "{rule}");
    }
    for rule in Rule::ALL.iter().filter(|rule| **rule != Rule::Pol4) {
        assert!(RuleSetNumber::Two.has(*rule), "{rule}");
    }
    assert!(Layer::ALL.iter().all(|layer| RuleSetNumber::Two.judges(*layer)));
}

/// The digest changes with every rule and reason, and with nothing else: a change here is a new rule set once one is released.
#[test]
fn the_rule_set_is_the_one_that_traces_name() {
    let set = RuleSetNumber::One.rule_set();
    assert_eq!(set.number, 1);
    assert_eq!(set.digest.to_hex(), "2dce56fa757d00826a3cdee995613e4a4bacf4097339a5652901b4d877e37576");
    let second = RuleSetNumber::Two.rule_set();
    assert_eq!(second.number, 2);
    assert_eq!(second.digest.to_hex(), "a0e804fb30c9a62ce5e9f876eac953823410ac59c375c7c22afbb0740ac2efab");
    assert!(supports(&set) && supports(&second));
    assert!(!supports(&rederive_evidence::values::RuleSet { number: 2, ..set }));
    assert!(!supports(&rederive_evidence::values::RuleSet {
        digest: rederive_evidence::digest::Digest::ZERO,
        ..set
    }));
}

/// Spec: rule-set-2.
#[test]
fn rule_set_2_has_all_that_set_1_has_and_a_digest_of_its_own() {
    let of = |wanted: Rule| {
        RuleSetNumber::Two.rules().find(|(rule, _)| *rule == wanted).map(|(_, reasons)| reasons)
    };
    for (rule, reasons) in RuleSetNumber::One.rules() {
        let later = of(rule).unwrap_or_default();
        assert!(reasons.iter().all(|reason| later.contains(reason)), "{rule}");
    }
    assert!(Layer::ALL.iter().all(|layer| RuleSetNumber::Two.judges(*layer)));
    assert_ne!(RuleSetNumber::One.rule_set().digest, RuleSetNumber::Two.rule_set().digest);
    assert!(supports(&RuleSetNumber::Two.rule_set()));
}

#[test]
fn layers_that_ask_for_an_engine_or_a_gate_are_left_to_a_later_set() {
    let later: Vec<Layer> =
        Layer::ALL.iter().copied().filter(|layer| !RuleSetNumber::One.judges(*layer)).collect();
    assert_eq!(later, [Layer::Policy, Layer::Escalation, Layer::Credential, Layer::Approval]);
}

/// The bytes of an indented block: what stands in hexadecimal digits before each line's words.
fn printed(after: &str) -> String {
    let text =
        std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../SPEC.md")).unwrap();
    let (_, block) = text.split_once(after).unwrap();
    let lines = block.lines().skip_while(|line| !line.starts_with("    "));
    let lines = lines.take_while(|line| line.starts_with("    "));
    lines.map(|line| line.trim().split("   ").next().unwrap().replace(' ', "")).collect()
}

#[test]
fn the_delta_that_is_printed_is_the_machines() {
    let trial = Trial::new();
    let mut delta = Vec::new();
    trial.ask(&dispatch(&place(0, 0), "mail")).transition.delta(&mut delta);
    let hex: String = delta.iter().map(|byte| format!("{byte:02x}")).collect();
    let printed = printed("The delta of a `tool.dispatched` that is refused");
    assert_eq!(hex, format!("{printed:0<128}"));
}
