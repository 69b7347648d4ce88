//! `review`: the reviewer's page for one run, from evidence alone.

mod ask;
mod gather;
mod json;
mod page;
mod print;
mod questions;
mod unchecked;

use std::path::PathBuf;

use clap::Args;
use rederive_archive::storage::OsStorage;
use rederive_replay::{Level, Options, Pinned, Report, Valid, replay};

use crate::args::{Failed, LevelArgument};
use crate::exit::Exit;
use crate::paths::shown;
use crate::policies;
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::trace;
use crate::words::{faults, verdict};

use self::gather::Gathered;
use self::unchecked::Unchecked;

/// Show what a reviewer asks of one run: what the model saw, what was decided, what executed, and what each control layer kept. Everything is from the
/// trace; what is not there, and what was not checked, is named and never filled in.
#[derive(Args)]
#[command(after_help = "\
The trace is verified first, at level policy where it has decisions: receipts and approvers' signatures are checked, and each decision is made again under the \
bundle that it pins. Nothing is shown of a trace that is damaged or forged, and of one that diverges only what stands before. Where decisions alone cannot be made \
again, all is shown, and the gap is named.

Exit status: that of `replay` over the same trace at the same level. What the questions find, rules not kept among it, does not change it.

Examples:
  rederive review run.rdt --trust trust.json --bundles archive/
  rederive review run.rdt --html review.html
  rederive review run.rdt --json | jq '.review[] | select(.status != \"on-record\")'")]
pub(crate) struct Review {
    /// The trace; `-` for one on standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How far to verify it, `state` or more [default: policy where the run has decisions, else state].
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<LevelArgument>,
    /// Trust-root file: the keys trusted, and for what.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Folder of the bundles (each under its digest) and registries that the run pins. What is not there is a gap, and `undecided`.
    #[arg(long, value_name = "DIR")]
    bundles: Option<PathBuf>,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
    /// Write a page to FILE instead of words.
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// A run as a reviewer sees it.
struct Reviewed {
    path: String,
    report: Report,
    unchecked: Unchecked,
    gathered: Gathered,
}

impl Review {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let level = self.level.map(Level::from);
        if level == Some(Level::Integrity) {
            let problem =
                Problem::error("a review shows what was derived, and --level integrity derives nothing");
            return Err(Failed::usage(
                problem.hint("leave --level out, or ask for state, content or policy"),
            ));
        }
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let archive = self.bundles.as_deref().map(policies::archive).transpose()?;
        let pinned = archive.as_ref().map(|archive| archive as &dyn Pinned);
        let options = Options { trust: trust.as_ref(), pinned, ..Options::default() };
        let on_disk = trace::OnDisk::of(&self.file)?;
        let replayed = |level| {
            replay(&OsStorage, on_disk.path(), &Options { level, ..options })
                .map_err(|fault| faults::reading(&self.file, &fault))
        };
        let (report, end) = verified(level, replayed)?;
        let path = shown(&self.file);
        if let Some(wrong) = &report.wrong {
            terminal.complain(&verdict::problem(&path, &report, wrong));
        }
        let exit = verdict::exit(&report);
        let Some(end) = end else { return Ok(exit) };
        let opened = trace::open(on_disk.path())?;
        let gathered = gather::of(&opened, &self.file, end)?;
        let reviewed = Reviewed { path, unchecked: Unchecked::of(&report), report, gathered };
        if let Some(path) = &self.html {
            trace::create(path, page::of(&reviewed).as_bytes(), false)?;
        } else if self.json {
            terminal.json(&json::View::of(&reviewed));
        } else {
            print::print(&reviewed, terminal);
        }
        Ok(exit)
    }
}

/// What a replay says of the trace, and the record from which on nothing counts; no such record where nothing counts at all.
fn verified(
    asked: Option<Level>,
    replayed: impl Fn(Level) -> Result<Report, Failed>,
) -> Result<(Report, Option<u64>), Failed> {
    let mut report = replayed(asked.unwrap_or(Level::Policy))?;
    let is_told = matches!(report.valid, Valid::Damaged | Valid::Forged);
    // Nobody decided in it: that level would ask for what the run never had.
    if asked.is_none() && report.decisions == Some(0) && !is_told {
        report = replayed(Level::State)?;
    }
    let end = match report.valid {
        // A decision that cannot be made again says nothing against the records: they are shown as far as they follow.
        Valid::Undecided if report.level > Level::State => extent(&replayed(Level::State)?),
        Valid::Damaged
        | Valid::Forged
        | Valid::Reproduced
        | Valid::Sampled
        | Valid::Diverged
        | Valid::Undecided => extent(&report),
    };
    Ok((report, end))
}

/// The record from which on nothing counts.
fn extent(report: &Report) -> Option<u64> {
    match report.valid {
        Valid::Damaged | Valid::Forged => None,
        Valid::Reproduced | Valid::Sampled => Some(u64::MAX),
        Valid::Diverged | Valid::Undecided => {
            Some(report.wrong.as_ref().and_then(|wrong| wrong.place.record).unwrap_or(0))
        }
    }
}
