//! What keeps the tree together: generated files, citations of SPEC.md, the graph of crates and the form of the sources.
//!
//! Every command writes what it generates, or with `--check` says what differs; it lists all problems, not the first alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a tool of this tree, run on this tree: a surprise stops it and says where"
)]

mod citations;
mod fixtures;
mod graph;
mod spec;
mod tidy;
mod tree;

use std::process::ExitCode;

use crate::tree::Mode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  spec [--check]     generated blocks of SPEC.md, from the registries of the code
  vectors [--check]  golden vectors and traces under fixtures/
  citations          every requirement of SPEC.md is cited by code and by a test, and every citation stands in SPEC.md
  graph              which crate may use which, and the form of the sources
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let problems = match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["spec"] => spec::run(Mode::Write),
        ["spec", "--check"] => spec::run(Mode::Check),
        ["vectors"] => fixtures::run(Mode::Write),
        ["vectors", "--check"] => fixtures::run(Mode::Check),
        ["citations"] => citations::run(),
        ["graph"] => [graph::run(), tidy::run()].concat(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_and_fixtures_are_what_the_code_makes() {
        assert_eq!(spec::run(Mode::Check), Vec::<String>::new());
        assert_eq!(fixtures::run(Mode::Check), Vec::<String>::new());
    }

    #[test]
    fn requirements_are_cited_and_sources_keep_their_form() {
        assert_eq!(citations::run(), Vec::<String>::new());
        assert_eq!(tidy::run(), Vec::<String>::new());
    }
}
