//! The generated blocks of SPEC.md: tables of what the code registers, and a trace in hexadecimal digits.

mod codes;
mod dump;
mod example;
mod kinds;
mod limits;
mod model;
mod registries;

use crate::tree::{self, Generated, Mode};

/// What a block holds.
type Writes = fn() -> String;

/// The blocks of SPEC.md by name.
const BLOCKS: &[(&str, Writes)] = &[
    ("example", example::text),
    ("kinds", kinds::table),
    ("codes", codes::tables),
    ("limits", limits::table),
    ("registries", registries::tables),
    ("model answer", model::answer),
    ("model places", model::places),
    ("model influence", model::influence),
];

/// Blocks that the machine's tests write and compare, from what is private to it.
const OF_THE_MACHINE: &[&str] =
    &["approvals", "credentials", "delegations", "effects", "grid", "risk", "rules", "rules 2"];

/// Fills the blocks, or says that they differ.
pub(crate) fn run(mode: Mode) -> Vec<String> {
    let mut text = tree::read("SPEC.md");
    let mut problems = unknown_blocks(&text);
    for (name, write) in BLOCKS {
        match with_block(&text, name, &write()) {
            Some(filled) => text = filled,
            None => {
                problems.push(format!("SPEC.md: no block `<!-- generated: {name} -->` .. `<!-- end -->`"))
            }
        }
    }
    let file = Generated { path: "SPEC.md".to_owned(), bytes: text.into_bytes() };
    problems.extend(tree::settle(mode, "spec", &[file]));
    problems
}

/// Blocks that nobody writes.
fn unknown_blocks(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.strip_prefix("<!-- generated: ")?.strip_suffix(" -->"));
    let unknown =
        names.filter(|name| !OF_THE_MACHINE.contains(name) && BLOCKS.iter().all(|(known, _)| known != name));
    unknown.map(|name| format!("SPEC.md: nobody writes the block `{name}`")).collect()
}

/// The text with this in the named block.
fn with_block(text: &str, name: &str, inside: &str) -> Option<String> {
    let start = format!("<!-- generated: {name} -->\n");
    let (before, after) = text.split_once(&start)?;
    let (_, after) = after.split_once("<!-- end -->")?;
    Some(format!("{before}{start}\n{inside}\n<!-- end -->{after}"))
}

/// A table of these rows below these titles.
fn table<const N: usize>(titles: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&titles.map(str::to_owned));
    text.push_str(&line(&titles.map(|_| "---".to_owned())));
    for row in rows {
        text.push_str(&line(&row.map(|cell| cell.replace('|', "\\|"))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_filled_between_its_marks_alone() {
        let text = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n<!-- generated: y -->\n<!-- end -->\n";
        let filled = with_block(text, "x", "new\n").unwrap();
        assert_eq!(filled, text.replace("old\n", "\nnew\n\n"));
        assert_eq!(with_block(&filled, "x", "new\n"), Some(filled.clone()));
        assert_eq!(with_block(text, "z", "new"), None);
    }

    #[test]
    fn a_block_that_nobody_writes_is_named() {
        let text = "<!-- generated: rules -->\n<!-- generated: kinds -->\n<!-- generated: x -->\n";
        assert_eq!(unknown_blocks(text), ["SPEC.md: nobody writes the block `x`"]);
    }
}
