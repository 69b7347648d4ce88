//! `policy test`: the tests that a bundle brings.

use std::path::PathBuf;

use clap::Args;
use rederive_evidence::ids::Id;
use rederive_policy::Judgement;
use rederive_policy::bundle::{Expectation, Outcome, run};
use serde::Serialize;

use super::ready;
use crate::args::Failed;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::counted;
use crate::words::bundle::unusable;

#[derive(Args)]
#[command(after_help = "\
Tests are the files tests/*.json of a bundle: lists of {\"name\", \"request\", \"expect\"}. Where one fails, the exit status is 1; a bundle without tests \
has none that passed, and the exit status is 2.

Example: rederive policy test policies/default")]
pub(crate) struct Test {
    /// The bundle: a folder or a tar.
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Write JSON instead of words.
    #[arg(long)]
    json: bool,
}

/// A test as it went.
#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    passed: bool,
    expected: &'a Expectation,
    decision: &'static str,
    directive: &'static str,
    reason: &'static str,
    rules: &'a [Id],
    errors: &'a [Id],
    failures: Vec<Failure<'a>>,
}

/// A policy that failed, and why.
#[derive(Serialize)]
struct Failure<'a> {
    policy: &'a str,
    message: String,
}

fn failures<'a>(outcome: &'a Outcome<'_>) -> Vec<Failure<'a>> {
    // Engines draw the place on lines of its own.
    let message = |words: &str| words.split_whitespace().collect::<Vec<_>>().join(" ");
    let told = outcome.failures.iter();
    told.map(|error| Failure { policy: &error.policy, message: message(&error.message) }).collect()
}

impl<'a> Told<'a> {
    fn of(outcome: &'a Outcome<'_>) -> Self {
        let Judgement { decision, directive, reason, rules, errors } = &outcome.judgement;
        Self {
            name: &outcome.case.name,
            passed: outcome.passed(),
            expected: &outcome.case.expect,
            decision: decision.name(),
            directive: directive.name(),
            reason: reason.name(),
            rules,
            errors,
            failures: failures(outcome),
        }
    }
}

impl Test {
    pub(super) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let (bundle, compiled) = ready(&self.bundle)?;
        let cases = bundle.cases().map_err(|fault| unusable(&self.bundle, &fault))?;
        if cases.is_empty() {
            let problem = Problem::error(format!("{} brings no tests", self.bundle.display()));
            return Err(Failed::usage(problem.hint("tests are the files tests/*.json")));
        }
        let outcomes = run(&cases, &compiled);
        let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
        if self.json {
            let told: Vec<Told<'_>> = outcomes.iter().map(Told::of).collect();
            terminal.json(&told);
        } else {
            outcomes.iter().filter(|outcome| !outcome.passed()).for_each(|outcome| report(outcome, terminal));
            let all = counted(outcomes.len() as u64, "test");
            terminal.tell(&if failed == 0 {
                format!("{all} passed")
            } else {
                format!("{failed} of {all} failed")
            });
        }
        Ok(if failed == 0 { Exit::AsAsked } else { Exit::Parted })
    }
}

fn report(outcome: &Outcome<'_>, terminal: &mut Terminal) {
    let Expectation { decision, directive, reason, rules } = &outcome.case.expect;
    let wanted = [
        Some(decision.name()),
        directive.map(rederive_evidence::kinds::decision::Directive::name),
        reason.map(rederive_evidence::kinds::decision::ReasonCode::name),
    ];
    let wanted: Vec<&str> = wanted.into_iter().flatten().collect();
    let found = &outcome.judgement;
    let mut problem = Problem::error(format!("test fails: {}", outcome.case.name))
        .row("expected", with_rules(&wanted, rules.as_deref()))
        .row(
            "found",
            with_rules(
                &[found.decision.name(), found.directive.name(), found.reason.name()],
                Some(found.rules.as_slice()),
            ),
        );
    for failure in failures(outcome) {
        problem = problem.row("failed", format!("{}: {}", failure.policy, failure.message));
    }
    terminal.report(&problem);
}

fn with_rules(words: &[&str], rules: Option<&[Id]>) -> String {
    let words = words.join(", ");
    match rules {
        Some(rules) if !rules.is_empty() => format!("{words}, by {}", names(rules)),
        Some(_) => format!("{words}, by no policy"),
        None => words,
    }
}

fn names(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}
