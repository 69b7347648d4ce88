//! What SPEC.md quotes of the model, the machine that is written from it alone.

use crate::tree;

/// How a record is answered.
pub(super) fn answer() -> String {
    let parts = ["answer", "concluded"].map(|name| quoted("model/src/lib.rs", name));
    parts.join("\n")
}

/// How a place stands.
pub(super) fn places() -> String {
    quoted("model/src/case.rs", "places")
}

/// The influence of a record.
pub(super) fn influence() -> String {
    quoted("model/src/influence.rs", "influence")
}

/// The lines of a source between its marks, as a block of code.
fn quoted(path: &str, name: &str) -> String {
    let source = tree::read(path);
    let lines = between(&source, name);
    assert!(!lines.is_empty(), "{path} quotes nothing as {name}");
    let spaces = |line: &str| line.len() - line.trim_start().len();
    let indent = lines.iter().filter(|line| !line.is_empty()).map(|line| spaces(line)).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or("")).collect();
    format!("```rust\n{}\n```\n", lines.join("\n"))
}

/// The lines after `// quoted: name` and before the next `// unquoted`.
fn between<'s>(source: &'s str, name: &str) -> Vec<&'s str> {
    let start = format!("// quoted: {name}");
    let after = source.lines().skip_while(|line| line.trim() != start).skip(1);
    after.take_while(|line| line.trim() != "// unquoted").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_marks_is_quoted_and_nothing_else() {
        let source = "a\n    // quoted: x\n    b {\n        c\n    }\n    // unquoted\nd\n// quoted: y\ne\n";
        assert_eq!(between(source, "x"), ["    b {", "        c", "    }"]);
        assert_eq!(between(source, "z"), [""; 0]);
    }
}
