//! The form of the sources that no lint of the compiler knows.

use crate::tree::{self, Source};

/// Most lines in a source file.
const LINES_MAX: usize = 1_000;

/// Marks of work that is not done. Written in halves, since this file is read too.
const UNDONE: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];

/// Beginnings of paths that only one machine has.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Where such paths are what a guardrail looks for in commands, or what a sandbox is to hide.
const SPEAK_OF_PATHS: &[&str] = &["engine/gate/src/guardrails/commands.rs", "engine/gate/tests/sandbox.rs"];

/// Folders of crates without floats.
const PURE: &[&str] =
    &["formats/evidence/src", "formats/verify/src", "formats/import/src", "engine/machine/src", "model/src"];

/// A word, and the only places in which it may stand in code.
struct Reserved {
    word: &'static str,
    within: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        word: concat!("blake3", "::"),
        within: &["formats/evidence/src/digest.rs", "formats/evidence/src/lanes.rs", "benches/", "tests/"],
        why: "bytes are hashed in one place",
    },
    Reserved {
        word: concat!("println", "!("),
        within: &["cli/", "xtask/", "fuzz/", "benches/", "examples/", "tests/", "build.rs"],
        why: "only the command-line tool prints",
    },
    Reserved {
        word: concat!("process", "::exit"),
        within: &["cli/", "tests/"],
        why: "only the command-line tool exits",
    },
    Reserved {
        word: concat!("env", "::var"),
        within: &["cli/", "xtask/", "fuzz/", "benches/", "examples/", "tests/", "build.rs"],
        why: "only the command-line tool reads its environment",
    },
];

/// What is wrong with the sources.
pub(crate) fn run() -> Vec<String> {
    let sources = tree::sources(".rs");
    let rust =
        sources.iter().flat_map(|source| [too_long(source), reserved(source), floats(source)].concat());
    let texts = [".rs", ".md", ".toml", ".yml", ".py", ".sh"].into_iter().flat_map(tree::sources);
    rust.chain(texts.flat_map(|source| [undone(&source), machine_paths(&source)].concat())).collect()
}

fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let problem =
        (lines > LINES_MAX).then(|| format!("{}: {lines} lines, {LINES_MAX} are enough", source.path));
    problem.into_iter().collect()
}

/// The lines in which one of the words stands.
fn lines_with<'s>(source: &'s Source, words: &'s [&str]) -> impl Iterator<Item = (usize, &'s str)> {
    let hit = move |(number, line): (usize, &'s str)| {
        words.iter().find(|word| line.contains(**word)).map(|word| (number + 1, *word))
    };
    source.text.lines().enumerate().filter_map(hit)
}

fn undone(source: &Source) -> Vec<String> {
    lines_with(source, UNDONE).map(|(line, word)| format!("{}:{line}: {word}", source.path)).collect()
}

fn machine_paths(source: &Source) -> Vec<String> {
    if SPEAK_OF_PATHS.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let hits = lines_with(source, MACHINE_PATHS);
    hits.map(|(line, word)| format!("{}:{line}: a path of one machine, {word}", source.path)).collect()
}

fn reserved(source: &Source) -> Vec<String> {
    let outside = |rule: &&Reserved| !rule.within.iter().any(|place| source.path.contains(place));
    let problems = RESERVED.iter().filter(outside).flat_map(|rule| {
        let hits = code_lines(source).filter(|(_, line)| line.contains(rule.word));
        hits.map(|(line, _)| format!("{}:{line}: {} {}", source.path, rule.word, rule.why))
    });
    problems.collect()
}

fn floats(source: &Source) -> Vec<String> {
    if !PURE.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let is_float = |line: &str| {
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| matches!(word, "f32" | "f64"))
    };
    let hits = code_lines(source).filter(|(_, line)| is_float(line));
    hits.map(|(line, _)| format!("{}:{line}: a float in a pure crate", source.path)).collect()
}

/// The lines of code, with their numbers: comments and the module of tests left out.
fn code_lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let lines = source.text.lines().enumerate().take_while(|(_, line)| !line.ends_with("mod tests {"));
    lines.map(|(number, line)| (number + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_file_of_more_lines_than_enough_is_named() {
        let lines = |count| "x\n".repeat(count);
        assert_eq!(too_long(&source("a.rs", &lines(LINES_MAX))), Vec::<String>::new());
        assert_eq!(too_long(&source("a.rs", &lines(LINES_MAX + 1))).len(), 1);
    }

    #[test]
    fn floats_are_found_in_the_code_of_pure_crates_alone() {
        let text = "/// No f64 here.\nlet x: f64 = 1.0;\nmod tests {\nlet y: f32 = 1.0;\n";
        assert_eq!(floats(&source("engine/machine/src/x.rs", text)).len(), 1);
        assert_eq!(floats(&source("engine/replay/src/x.rs", text)), Vec::<String>::new());
    }

    #[test]
    fn a_reserved_word_stands_in_its_places_alone() {
        let text = format!("let digest = {}hash(b);\n", RESERVED[0].word);
        assert_eq!(reserved(&source("formats/evidence/src/digest.rs", &text)), Vec::<String>::new());
        assert_eq!(reserved(&source("engine/replay/src/x.rs", &text)).len(), 1);
    }

    #[test]
    fn marks_of_undone_work_and_paths_of_one_machine_are_found() {
        let text = format!("fn f() {{}} // {} later, see {}me\n", UNDONE[0], MACHINE_PATHS[1]);
        assert_eq!(undone(&source("a.rs", &text)).len(), 1);
        assert_eq!(machine_paths(&source("a.rs", &text)).len(), 1);
    }
}
