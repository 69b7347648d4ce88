//! The model reads records and entries by name, and what has no such name is null: a name that nobody gave would go unnoticed.

use std::collections::BTreeSet;

const SOURCES: [&str; 9] = [
    include_str!("../src/approval.rs"),
    include_str!("../src/breaches.rs"),
    include_str!("../src/call.rs"),
    include_str!("../src/case.rs"),
    include_str!("../src/changes.rs"),
    include_str!("../src/decision.rs"),
    include_str!("../src/influence.rs"),
    include_str!("../src/run.rs"),
    include_str!("../src/state.rs"),
];

/// The names of fields, kinds and values of registries, and no prose.
const GRAMMARS: [&str; 2] =
    [include_str!("../../formats/evidence/evidence.cddl"), include_str!("../../engine/machine/state.cddl")];

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.".contains(c)
}

/// The words of a source's literals.
fn quoted(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.map(|line| line.split(" //").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let literals = code.split('"').skip(1).step_by(2);
    let words = literals.flat_map(|literal| literal.split(|c| !is_of_a_name(c)));
    words.filter(|word| word.contains(|c: char| c.is_ascii_alphanumeric())).map(str::to_owned).collect()
}

fn unknown(words: &[String]) -> BTreeSet<&str> {
    let known: BTreeSet<&str> = GRAMMARS.iter().flat_map(|text| text.split(|c| !is_of_a_name(c))).collect();
    words.iter().map(String::as_str).filter(|word| !known.contains(word)).collect()
}

#[test]
fn every_name_that_the_model_reads_by_is_one_of_the_grammars() {
    let words: Vec<String> = SOURCES.into_iter().flat_map(quoted).collect();
    assert!(words.len() > 1_000, "{} words", words.len());
    assert_eq!(unknown(&words), BTreeSet::new());
}

#[test]
fn a_name_that_nobody_gave_is_told() {
    let source =
        "c.is(\"tool.proposed tool.propose \\\n  tool.failed\"); // \"no literal\"\n    body[\"argument\"]";
    let words = quoted(source);
    assert_eq!(words, ["tool.proposed", "tool.propose", "tool.failed", "argument"]);
    assert_eq!(unknown(&words), BTreeSet::from(["tool.propose", "argument"]));
}
