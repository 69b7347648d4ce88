//! `prove`: what a sealed run holds, as a small file that needs nothing but a trust root to be checked.

mod records;
mod state;

use std::path::{Path, PathBuf};

use clap::Args;
use rederive_archive::ReadFault;
use rederive_evidence::chain::Seal;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::proof::ProofFault;
use rederive_evidence::schema::to_bytes;
use rederive_evidence::signed::{Signed, SignedFault};
use rederive_machine::Key;
use serde::Serialize;

use self::state::MemoryArgument;
use crate::args::{Failed, record_number};
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::text::bytes;
use crate::trace::{self, Trace};
use crate::words::faults;

/// Prove that records are in a sealed run, or what its last state holds.
#[derive(Args)]
#[command(after_help = "\
A proof of records shows those named, and of all else in the run digests alone. With --content it discloses what they list too: whoever has the proof \
then has those contents. A proof of the state shows one entry of it, or that there is none. Either is checked with nothing but a trust-root file.

Examples:
  rederive prove run.rdt --record 12 --out call.proof
  rederive check call.proof --trust roots.json
  rederive prove run.rdt --memory durable/notes/address --out memory.proof")]
pub(crate) struct Prove {
    /// The trace, which must be sealed; `-` for one on standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    what: What,
    /// Disclose the contents that the records list.
    #[arg(long, requires = "records")]
    content: bool,
    /// File to write the proof to. An existing file is never overwritten.
    #[arg(long, value_name = "PROOF")]
    out: PathBuf,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// What is to be proven.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct What {
    /// These records, all of one segment.
    #[arg(long = "record", value_name = "N", value_delimiter = ',', value_parser = record_number)]
    records: Vec<u64>,
    /// How this tool is registered when the run ends, or that it is not.
    #[arg(long, value_name = "NAME")]
    tool: Option<Id>,
    /// What this memory item holds when the run ends, or that there is none.
    #[arg(long, value_name = "SCOPE/NAMESPACE/NAME")]
    memory: Option<MemoryArgument>,
}

/// A proof that was made and holds.
struct Made {
    /// What is proven.
    what: String,
    /// What else is to be said of it.
    note: String,
    encoded: Vec<u8>,
    seal: Signed<Seal>,
    proven: Proven,
}

/// What a proof proves.
#[derive(Serialize)]
#[serde(untagged)]
enum Proven {
    Records {
        records: Vec<u64>,
        /// Contents that the records list.
        contents: u64,
        disclosed: u64,
        /// Contents that were to be disclosed and are redacted in the trace.
        redacted: u64,
    },
    Entry {
        /// Whether the last state has the entry.
        present: bool,
    },
}

/// The JSON form of a proof that was made. Its shape is stable: members are added, never changed.
#[derive(Serialize)]
struct View<'a> {
    out: String,
    bytes: usize,
    run: RunId,
    key: PublicKey,
    /// Whether the key was drawn for this run alone.
    ephemeral: bool,
    seal: Digest,
    #[serde(flatten)]
    proven: &'a Proven,
}

impl<'a> View<'a> {
    fn of(made: &'a Made, out: &Path) -> Self {
        let seal = made.seal.payload();
        Self {
            out: out.display().to_string(),
            bytes: made.encoded.len(),
            run: seal.run,
            key: made.seal.key(),
            ephemeral: seal.ephemeral,
            seal: made.seal.digest(),
            proven: &made.proven,
        }
    }
}

impl Prove {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        trace::is_file_name(&self.out)?;
        let trace = trace::open(&self.file)?;
        let seal = self.seal(&trace)?;
        let made = match self.what.entry() {
            Some(key) => self.state(&trace, &key, seal)?,
            None => self.records(&trace, seal)?,
        };
        trace::create(&self.out, &made.encoded, false)?;
        let (seal, length) = (made.seal.payload(), bytes(made.encoded.len() as u64));
        if self.json {
            terminal.json(&View::of(&made, &self.out));
        } else {
            terminal.tell(&format!(
                "{} of run {} proven in {}, {length}",
                made.what,
                seal.run,
                shown(&self.out)
            ));
            terminal.tell(&format!("  signed by {}", made.seal.key()));
            terminal.tell(&format!("  {}", made.note));
        }
        if seal.ephemeral {
            let title = "the run was signed by a key of its own: the proof vouches for no recorder";
            let hint = "record or import with --key, so that a trust-root file can name the key";
            terminal.caution(&Problem::warning(title).hint(hint));
        }
        terminal.remark(&format!("next: rederive check {} --trust FILE", typed(&self.out)));
        Ok(Exit::AsAsked)
    }

    fn seal(&self, trace: &Trace) -> Result<Vec<u8>, Failed> {
        trace.seal().map_err(|fault| self.reading(&fault))?.ok_or_else(|| {
            let title = format!("{} is not sealed: a proof stands under the seal", self.file.display());
            Failed::new(Exit::Unfinished, Problem::error(title).hint(faults::closing_hint(&self.file)))
        })
    }

    /// Makes the proof of an entry of the last state.
    fn state(&self, trace: &Trace, key: &Key, seal: Vec<u8>) -> Result<Made, Failed> {
        let proof = self.state_proof(trace, key, seal)?;
        let proven = proof.check(|_, _| true).map_err(|fault| self.does_not_hold(&fault))?;
        let present = proven.value.is_some();
        let is_there = if present { "is" } else { "is not" };
        let note = format!("the entry {is_there} in the state that the run ended with");
        let (seal, encoded) = (proven.seal, to_bytes(&proof));
        let what = "the last state".to_owned();
        Ok(Made { what, note, encoded, seal, proven: Proven::Entry { present } })
    }

    /// A proof that does not hold is never handed out. Whose key signed it, the one who checks it decides.
    fn does_not_hold(&self, fault: &ProofFault) -> Failed {
        let title = format!("{}: no proof can be made: {fault}", self.file.display());
        let problem = Problem::error(title).row("code", fault.code()).hint(self.replay_hint());
        Failed::new(Exit::Untrustworthy, problem)
    }

    fn replay_hint(&self) -> String {
        format!("`rederive replay {}` says what of the trace holds", typed(&self.file))
    }

    fn reading(&self, fault: &ReadFault) -> Failed {
        faults::reading(&self.file, fault)
    }

    fn malformed(&self, what: &str, fault: SignedFault) -> Failed {
        let title = format!("{}: {what} cannot be read: {fault}", self.file.display());
        Failed::new(
            Exit::Untrustworthy,
            Problem::error(title).row("code", fault.code()).hint(self.replay_hint()),
        )
    }
}
