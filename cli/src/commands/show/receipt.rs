//! The receipt of a decision, as a file that can be given away. Spec: receipt-alone.

use std::path::Path;

use rederive_evidence::kinds::Body;
use rederive_evidence::record::{ContentEntry, Record};

use super::Shown;
use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::bytes;
use crate::trace::{self, Held};

/// Records with a receipt that are named where another was asked for, at most.
const NAMED_MAX: usize = 16;

impl Shown<'_> {
    pub(super) fn receipt(&mut self, number: u64, out: &Path, terminal: &mut Terminal) -> Result<(), Failed> {
        if out == Path::new("-") {
            let problem = Problem::error("--receipt takes the name of a file, and `-` is none");
            return Err(Failed::usage(problem.hint("`--receipt ./-` names a file of that name")));
        }
        let Some((_, record)) = trace::record(self.trace, &self.show.file, number)? else {
            return Err(self.missing(number));
        };
        let Some(entry) = receipt_of(&record) else { return Err(self.no_receipt(number)?) };
        let receipt = match self.content(entry)? {
            Held::Bytes(receipt) => receipt,
            Held::Absent(why) => {
                let title = format!("the receipt of record {number} is not there: {why}");
                return Err(Failed::new(Exit::Unfinished, Problem::error(title)));
            }
            Held::Wrong => {
                let title =
                    format!("the bytes of the receipt of record {number} do not match their commitment");
                let hint = format!("`rederive replay {}` says what else is damaged", typed(&self.show.file));
                return Err(Failed::new(Exit::Untrustworthy, Problem::error(title).hint(hint)));
            }
        };
        trace::create(out, &receipt, false)?;
        terminal.tell(&format!(
            "{}: the receipt of record {number}, {}",
            shown(out),
            bytes(receipt.len() as u64)
        ));
        terminal.tell(&format!(
            "nothing was verified here: `rederive verify {} --trust ROOTS` does that",
            typed(out)
        ));
        Ok(())
    }

    /// Which records have a receipt, told where one that has none was named.
    fn no_receipt(&self, number: u64) -> Result<Failed, Failed> {
        let mut with = Vec::new();
        for record in trace::records(self.trace, &self.show.file) {
            let record = record?;
            if receipt_of(&record).is_some() {
                with.push(record.input.sequence.to_string());
            }
        }
        let more = with.len().saturating_sub(NAMED_MAX);
        with.truncate(NAMED_MAX);
        let problem = Problem::error(format!("record {number} of {} has no receipt", shown(&self.show.file)));
        let hint = match (with.is_empty(), more) {
            (true, _) => "no record of it has one: the decisions of a gate have".to_owned(),
            (false, 0) => format!("records with one: {}", with.join(", ")),
            (false, more) => format!("records with one: {}, and {more} more", with.join(", ")),
        };
        Ok(Failed::usage(problem.hint(hint)))
    }
}

/// The receipt among a record's contents.
fn receipt_of(record: &Record) -> Option<&ContentEntry> {
    let Body::DecisionMade(made) = &record.input.body else { return None };
    record.input.contents.get(usize::from(made.receipt?.0))
}
