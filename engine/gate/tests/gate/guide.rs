//! docs/gate.md shows programs: each block of Rust in it stands in an example, and the examples run.

use std::path::Path;

use rederive_archive::TraceReader;
use rederive_archive::storage::OsStorage;
use rederive_policy::Archive;
use rederive_replay::{Gap, Level, Options, Valid, replay};

/// Lines of a document between fences of this language.
fn blocks(document: &str, language: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = document.lines();
    while lines.by_ref().any(|line| line.trim_end() == format!("```{language}")) {
        let inside = lines.by_ref().take_while(|line| line.trim_end() != "```");
        blocks.push(inside.map(str::to_owned).collect());
    }
    blocks
}

/// The regions of a source that a guide may show, without the indentation that all lines have.
fn regions(source: &str) -> Vec<Vec<String>> {
    let mut regions = Vec::new();
    let mut lines = source.lines();
    while let Some(mark) = lines.by_ref().find(|line| line.trim_start().starts_with("// guide: ")) {
        let indent = mark.len() - mark.trim_start().len();
        let inside = lines.by_ref().take_while(|line| line.trim() != "// end");
        regions.push(inside.map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect());
    }
    regions
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_guide_shows_all_of_the_smallest_program_and_each_setting_as_they_are_compiled() {
    let shown = blocks(&read("../../docs/gate.md"), "rust");
    for source in ["examples/smallest.rs", "examples/settings.rs"] {
        for region in regions(&read(source)) {
            assert!(
                shown.contains(&region),
                "docs/gate.md does not show, of {source}:\n{}",
                region.join("\n")
            );
        }
    }
    let compiled = ["examples/smallest.rs", "examples/settings.rs"].map(|source| regions(&read(source)));
    for block in shown {
        assert!(
            compiled.iter().flatten().any(|region| *region == block),
            "no example has:\n{}",
            block.join("\n")
        );
    }
}

/// What is between the marks is the whole program, but for its first comment.
#[test]
fn the_smallest_program_is_whole_in_its_parts() {
    let source = read("examples/smallest.rs");
    let parts: usize = regions(&source).iter().map(Vec::len).sum();
    let lines = source.lines().filter(|line| !line.starts_with("//!") && !line.starts_with("// ")).count();
    let blank_between = source.matches("// end\n\n// guide: ").count() + 1;
    assert_eq!(parts + blank_between, lines);
}

/// What the guide says of dependencies is what the workspace has.
#[test]
fn the_crates_that_the_guide_names_are_there() {
    let [block] = &blocks(&read("../../docs/gate.md"), "toml")[..] else { panic!("one block") };
    for line in block.iter().filter(|line| line.starts_with("rederive-")) {
        let name = line.split([' ', '=']).next().unwrap();
        let folder = line.split('"').nth(1).unwrap().strip_prefix("../rederive/").unwrap();
        let manifest = read(&format!("../../{folder}/Cargo.toml"));
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{line}");
    }
}

/// The run of an example replays without a finding, so many decisions made again by what it keeps of bundle and registry.
fn assert_replayed(folder: &Path, decisions: u64) {
    let at_hand = Archive::open(&folder.join("archive")).unwrap();
    let options = Options { level: Level::Policy, pinned: Some(&at_hand), ..Options::default() };
    let report = replay(&OsStorage, &folder.join("run.rdt"), &options).unwrap();
    assert_eq!((report.valid, report.findings.total()), (Valid::Reproduced, 0), "{report:?}");
    assert_eq!(report.decisions, Some(decisions));
    assert!(!report.gaps.iter().any(|gap| matches!(gap, Gap::DecisionsTaken(_))), "{:?}", report.gaps);
    assert!(folder.join("roots.json").is_file());
}

#[test]
fn the_smallest_program_runs_to_a_sealed_trace() {
    let folder = tempfile::tempdir().unwrap();
    crate::smallest::run(folder.path()).unwrap();
    let reader = TraceReader::open(&OsStorage, &folder.path().join("run.rdt")).unwrap();
    assert!(matches!(reader.end(), rederive_archive::End::Sealed));
    assert_replayed(folder.path(), 1);
}

#[test]
fn a_gate_with_every_setting_holds_a_mail_and_another_process_sends_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = crate::settings::run(folder.path()).unwrap();
    let told: Vec<&str> = told.lines().collect();
    assert!(told[..2].iter().all(|told| told.starts_with("held as ")), "{told:?}");
    assert!(told[2..].len() == 2 && told[2..].iter().all(|told| told.starts_with("done, ")), "{told:?}");
    assert_replayed(folder.path(), 4);
}
