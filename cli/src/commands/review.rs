//! `review`: the reviewer's page for one run, from evidence alone.

mod ask;
mod gather;
mod json;
mod page;
mod print;
mod questions;

use std::path::PathBuf;

use clap::Args;
use rederive_archive::storage::OsStorage;
use rederive_replay::{Level, Options, Report, Valid, replay};

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::shown;
use crate::terminal::Terminal;
use crate::trace;
use crate::words::{faults, verdict};

use self::gather::Gathered;

/// Show what a reviewer asks of one run: what the model saw, what was decided, what executed, and what each control layer kept. Everything is from the
/// trace; what is not there is named and never filled in.
#[derive(Args)]
#[command(after_help = "\
The trace is verified first (level state). Nothing is shown of one that is damaged or forged, and of one that diverges only what stands before.

Exit status: that of `replay` over the same trace. What the questions find, rules not kept among it, does not change it.

Examples:
  rederive review run.rdt --trust trust.json
  rederive review run.rdt --html review.html
  rederive review run.rdt --json | jq '.review[] | select(.status != \"on-record\")'")]
pub(crate) struct Review {
    /// The trace; `-` for one on standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Trust-root file: the keys trusted, and for what.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
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
    gathered: Gathered,
}

impl Review {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let trust = self.trust.as_deref().map(trace::trust_roots).transpose()?;
        let options = Options { level: Level::State, trust: trust.as_ref(), ..Options::default() };
        let on_disk = trace::OnDisk::of(&self.file)?;
        let report = replay(&OsStorage, on_disk.path(), &options)
            .map_err(|fault| faults::reading(&self.file, &fault))?;
        let path = shown(&self.file);
        if let Some(wrong) = &report.wrong {
            terminal.complain(&verdict::problem(&path, &report, wrong));
        }
        let exit = verdict::exit(&report);
        let end = match report.valid {
            Valid::Damaged | Valid::Forged => return Ok(exit),
            Valid::Reproduced | Valid::Sampled => u64::MAX,
            Valid::Diverged | Valid::Undecided => parted(&report),
        };
        let opened = trace::open(on_disk.path())?;
        let gathered = gather::of(&opened, &self.file, end)?;
        let reviewed = Reviewed { path, report, gathered };
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

/// The record from which on nothing counts.
fn parted(report: &Report) -> u64 {
    report.wrong.as_ref().and_then(|wrong| wrong.place.record).unwrap_or(0)
}
