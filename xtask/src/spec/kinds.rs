//! The kinds of records.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::kinds::{Body, Kind, Nature};
use rederive_evidence::schema::Cddl;

use super::dump::Grammar;

/// Code, name, nature, layer, makers, and whether a body can name contents.
pub(crate) fn table() -> String {
    let grammar = Grammar::new();
    let bodies = Body::cddl(&mut Cddl::new());
    let rows = bodies.iter().map(|(kind, body)| row(*kind, &reached(grammar.rules(), body)));
    super::table(["code", "kind", "", "layer", "made by", "contents"], rows)
}

fn row(kind: Kind, reached: &BTreeSet<&str>) -> [String; 6] {
    let nature = match kind.nature() {
        Nature::Request => "request",
        Nature::Fact => "fact",
    };
    let makers: Vec<&str> = kind.makers().iter().map(|maker| maker.name()).collect();
    let contents = if reached.contains("content") { "yes" } else { "" };
    [
        kind.code().to_string(),
        format!("`{kind}`"),
        nature.to_owned(),
        kind.layer().name().to_owned(),
        makers.join(", "),
        contents.to_owned(),
    ]
}

/// The rules that a rule needs, itself included.
fn reached<'r>(rules: &'r BTreeMap<String, String>, from: &'r str) -> BTreeSet<&'r str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if !reached.insert(name) {
            continue;
        }
        let code = rules.get(name).into_iter().flat_map(|text| text.lines());
        let code = code.filter_map(|line| line.split(';').next());
        let words = code.flat_map(|line| line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')));
        open.extend(words.filter_map(|word| rules.get_key_value(word)).map(|(name, _)| name.as_str()));
    }
    reached
}
