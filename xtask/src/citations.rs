//! Requirements of SPEC.md and who cites them: code that meets one says `Spec:` and its id, and so does the test that proves it.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{self, Source};

/// Where a requirement is cited.
#[derive(Clone, Debug, Default)]
struct Cited {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
    /// The model cites what it follows; that the engine meets it, it does not show.
    model: BTreeSet<String>,
}

/// What is wrong with requirements and citations.
pub(crate) fn run() -> Vec<String> {
    let spec = tree::read("SPEC.md");
    let known = requirements(&spec);
    let mut cited: BTreeMap<String, Cited> = BTreeMap::new();
    for source in tree::sources(".rs") {
        cite_source(&source, &mut cited);
    }
    for vectors in tree::sources(".jsonl").iter().filter(|file| file.path.starts_with("fixtures/vectors/")) {
        for id in vectors.text.lines().filter_map(spec_member) {
            cited.entry(id).or_default().tests.insert(vectors.path.clone());
        }
    }

    let mut problems = words_outside_requirements(&spec);
    for id in &known {
        let cited = cited.get(id).cloned().unwrap_or_default();
        if cited.code.is_empty() {
            problems.push(format!("SPEC.md: [{id}] is cited by no code"));
        }
        if cited.tests.is_empty() {
            problems.push(format!("SPEC.md: [{id}] is cited by no test and no vector"));
        }
    }
    for (id, cited) in cited.iter().filter(|(id, _)| !known.contains(*id)) {
        for place in cited.code.iter().chain(&cited.tests).chain(&cited.model) {
            problems.push(format!("{place}: cites [{id}], which SPEC.md does not have"));
        }
    }
    problems
}

/// The ids in brackets in the text of a specification, code apart.
fn requirements(spec: &str) -> BTreeSet<String> {
    paragraphs(spec).iter().flat_map(|(_, text)| ids(text)).collect()
}

/// Lines in which MUST stands without an id in its paragraph.
fn words_outside_requirements(spec: &str) -> Vec<String> {
    // The introduction names the words.
    let body = paragraphs(spec).into_iter().filter(|(line, _)| *line > 8);
    body.filter(|(_, text)| text.contains("MUST") && ids(text).is_empty())
        .map(|(line, _)| format!("SPEC.md:{line}: MUST without a requirement's id"))
        .collect()
}

/// Paragraphs, list items and table rows, with the number of their first line; indented code is left out.
fn paragraphs(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        let is_code = line.starts_with("    ") && !is_open;
        let starts = ["- ", "|", "#", "<!--"].iter().any(|mark| line.starts_with(mark)) || numbered(line);
        if line.trim().is_empty() || is_code {
            is_open = false;
        } else if is_open && !starts {
            let (_, paragraph) = found.last_mut().unwrap();
            paragraph.push('\n');
            paragraph.push_str(line);
        } else {
            found.push((number + 1, line.to_owned()));
            is_open = true;
        }
    }
    found
}

fn numbered(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < line.len() && rest.starts_with(". ")
}

/// The ids in brackets of a paragraph, spans of code left out.
fn ids(paragraph: &str) -> Vec<String> {
    let words: String =
        paragraph.split('`').enumerate().filter(|(at, _)| at % 2 == 0).map(|(_, text)| text).collect();
    let candidates = words.split('[').skip(1).filter_map(|after| after.split_once(']'));
    candidates.map(|(id, _)| id).filter(|id| is_id(id)).map(str::to_owned).collect()
}

fn is_id(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Notes the citations of a source: as a test's where the file is one's or from its module of tests on, else as code's.
fn cite_source(source: &Source, cited: &mut BTreeMap<String, Cited>) {
    let mut in_tests = is_test_file(&source.path);
    for (number, line) in source.text.lines().enumerate() {
        in_tests |= line == "mod tests {" || line == "pub(crate) mod tests {";
        for id in citations(line) {
            let place = format!("{}:{}", source.path, number + 1);
            let entry = cited.entry(id).or_default();
            if source.path.starts_with("model/") {
                entry.model.insert(place)
            } else if in_tests {
                entry.tests.insert(place)
            } else {
                entry.code.insert(place)
            };
        }
    }
}

fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs"))
}

/// The ids that a comment's line cites.
fn citations(line: &str) -> Vec<String> {
    let Some((_, comment)) = line.split_once("//") else { return Vec::new() };
    let Some((_, cited)) = comment.split_once("Spec: ") else { return Vec::new() };
    let end = cited.find(|c: char| !(c.is_ascii_alphanumeric() || "-, ".contains(c))).unwrap_or(cited.len());
    cited[..end].split(", ").map(str::trim).filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

/// The requirement that a vector says it shows.
fn spec_member(line: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(value.get("spec")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_in_brackets_outside_code() {
        let text = "- [leaf-tag] A leaf MUST `[not-one]` be [0*4 it] or [also-one].";
        assert_eq!(ids(text), ["leaf-tag", "also-one"]);
    }

    #[test]
    fn must_without_an_id_is_found_and_with_one_is_not() {
        let before = "\n".repeat(10);
        let spec = format!("{before}- [a] It MUST\n  hold.\n- It MUST too.\n\nAnd it MUST\nhold [b].\n");
        assert_eq!(words_outside_requirements(&spec), ["SPEC.md:13: MUST without a requirement's id"]);
    }

    #[test]
    fn a_citation_ends_with_its_list() {
        assert_eq!(citations("/// Checks it. Spec: leaf-tag, tree-path."), ["leaf-tag", "tree-path"]);
        assert_eq!(citations("let spec = \"Spec: leaf-tag\";"), Vec::<String>::new());
    }

    #[test]
    fn citations_behind_the_module_of_tests_are_a_tests() {
        let cited = |id: &str| format!("// {}: {id}\n", "Spec");
        let text = format!("{}fn f() {{}}\nmod tests {{\n    {}}}\n", cited("a"), cited("b"));
        let mut cited = BTreeMap::new();
        cite_source(&Source { path: "x/src/f.rs".to_owned(), text }, &mut cited);
        assert!(cited["a"].tests.is_empty() && !cited["a"].code.is_empty());
        assert!(cited["b"].code.is_empty() && !cited["b"].tests.is_empty());
    }
}
