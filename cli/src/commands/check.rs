//! `check`: whether a proof holds, with nothing but a trust root.

mod json;
mod state;

use std::path::PathBuf;

use clap::Args;
use rederive_evidence::chain::Seal;
use rederive_evidence::ids::{Id, PublicKey, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::proof::{InclusionProof, PROOF_BYTES_MAX, ProofFault, ProvenRecord, ProvenRecords};
use rederive_evidence::record::ContentEntry;
use rederive_evidence::signed::Signed;
use rederive_verify::KeyRole;
use serde::Serialize;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::{counted, one_line};
use crate::trace::{self, Held};
use crate::words::faults::is_trace;
use crate::words::record::{print_contents, print_head, print_parts, print_rows};

/// A tenant's name that nobody has: keys that are trusted for one tenant alone do not count under it.
const NO_TENANT: &str = "-";

/// The code of a key that is not trusted for the tenant asked for: it is not, where the run is another tenant's.
const OTHER_TENANT: &str = "F-TRUST";

/// Against what the tenant that was asked for was held.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TenantCheck {
    /// The opening record, which the proof shows, names it.
    Opening,
    /// The key is trusted for runs of this tenant and, without a tenant, for none.
    Key,
    /// Nothing: neither says of which tenant the run is.
    NotChecked,
}

/// Check a proof with nothing but a trust root.
#[derive(Args)]
#[command(after_help = "\
A proof that holds shows that the records are in this run at these places, and that the run was sealed by the key named; not that its recorder told the \
truth about the world. Exit status 3 where it does not hold.

Example: rederive check call.proof --trust roots.json")]
pub(crate) struct Check {
    /// The proof; `-` for standard input.
    #[arg(value_name = "PROOF")]
    proof: PathBuf,
    /// Trust-root file: the keys trusted, and for what.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The tenant whose run it should be. It is held against the run's opening record where the proof shows it, and against the tenant that the
    /// trust-root file binds the key to; where there is neither, that is said.
    #[arg(long, value_name = "TENANT")]
    tenant: Option<Id>,
    /// Show contents whole.
    #[arg(long)]
    content: bool,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let roots = trace::trust_roots(&self.trust)?;
        let bytes = trace::file(&self.proof, PROOF_BYTES_MAX as u64)?;
        if is_trace(&bytes) {
            let problem = Problem::error(format!("{} is a trace, and no proof", shown(&self.proof)));
            let hint =
                format!("`rederive prove {} --record N --out PROOF` makes one of it", typed(&self.proof));
            return Err(Failed::usage(problem.hint(hint)));
        }
        let nobodys = Id::new(NO_TENANT).map_err(|fault| Failed::internal(fault.to_string()))?;
        let tenant = self.tenant.as_ref().unwrap_or(&nobodys);
        let trusts = |key: &PublicKey, run: &RunId| roots.allows(key, KeyRole::Recorder, tenant, run);
        let by_key = |seal: &Signed<Seal>| {
            let is_bound = !roots.allows(&seal.key(), KeyRole::Recorder, &nobodys, &seal.payload().run);
            self.tenant.as_ref().map(|_| if is_bound { TenantCheck::Key } else { TenantCheck::NotChecked })
        };
        let checked = if state::is_state_proof(&bytes) {
            self.state(&bytes, trusts, by_key, terminal)
        } else {
            match InclusionProof::parse(&bytes).and_then(|proof| Ok((proof.check(trusts)?, proof))) {
                Ok((proven, proof)) => {
                    return self.records(&proof, &proven, by_key(&proven.seal), terminal);
                }
                Err(fault) => Err(fault),
            }
        };
        Ok(checked.map_or_else(|fault| self.refuse(&fault, terminal), |()| Exit::AsAsked))
    }

    fn records(
        &self,
        proof: &InclusionProof,
        proven: &ProvenRecords,
        by_key: Option<TenantCheck>,
        terminal: &mut Terminal,
    ) -> Result<Exit, Failed> {
        let opening = opening_tenant(proven);
        if let (Some(asked), Some(tenant)) = (&self.tenant, opening)
            && tenant != asked
        {
            self.refuse_for(OTHER_TENANT, format!("its run is of tenant {tenant}"), None, terminal);
            return Ok(Exit::Untrustworthy);
        }
        let tenant = if opening.is_some() { by_key.map(|_| TenantCheck::Opening) } else { by_key };
        self.print(proof, proven, tenant, terminal)?;
        Ok(Exit::AsAsked)
    }

    /// Says that nothing was found that the tenant could be held against.
    fn unchecked(&self, tenant: Option<TenantCheck>, terminal: &mut Terminal) {
        if let (Some(asked), Some(TenantCheck::NotChecked)) = (&self.tenant, tenant) {
            let title = format!(
                "tenant not checked: nothing here says whether the run is of tenant {asked} or of another"
            );
            let hint = "a proof that shows record 0 names the tenant; so does a trust-root file that binds the key to one";
            terminal.complain(&Problem::warning(title).hint(hint));
        }
    }

    fn refuse(&self, fault: &ProofFault, terminal: &mut Terminal) -> Exit {
        let names_tenant = matches!(fault, ProofFault::Seal(_)) && self.tenant.is_none();
        let hint = names_tenant
            .then_some("where the trust-root file binds the key to a tenant, name it with --tenant");
        self.refuse_for(fault.code(), fault.to_string(), hint, terminal);
        if matches!(fault, ProofFault::Version { .. }) { Exit::Unfinished } else { Exit::Untrustworthy }
    }

    fn refuse_for(&self, code: &'static str, reason: String, hint: Option<&str>, terminal: &mut Terminal) {
        if self.json {
            return terminal.json(&json::Refused { holds: false, code, reason });
        }
        let title = format!("{} proves nothing: {reason}", self.proof.display());
        let mut problem = Problem::error(title).row("code", code);
        if let Some(hint) = hint {
            problem = problem.hint(hint);
        }
        terminal
            .report(&problem.hint(format!("`rederive explain {code}` says what that means and what to do")));
    }

    fn print(
        &self,
        proof: &InclusionProof,
        proven: &ProvenRecords,
        tenant: Option<TenantCheck>,
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        self.unchecked(tenant, terminal);
        if self.json {
            terminal.json(&json::Holds::of(proof, proven, tenant));
            return Ok(());
        }
        if terminal.is_quiet() {
            return Ok(());
        }
        print_seal(&counted(proven.records.len() as u64, "record"), &proven.seal, terminal);
        for record in &proven.records {
            terminal.line("");
            self.print_record(proof, record, terminal)?;
        }
        Ok(())
    }

    fn print_record(
        &self,
        proof: &InclusionProof,
        proven: &ProvenRecord,
        terminal: &mut Terminal,
    ) -> Result<(), Failed> {
        let mut rows = vec![("leaf".to_owned(), proven.leaf.to_hex())];
        if proven.recovered {
            let words =
                "no signature covered it before a crash: its recorder vouches for it since the recovery";
            rows.push(("recovered".to_owned(), words.to_owned()));
        }
        let Some(record) = &proven.record else {
            let heading = format!("record {}, of a kind that this version does not know", proven.sequence);
            terminal.line(&terminal.paint().paint(Tone::Strong, &one_line(&heading)));
            print_rows(&rows, terminal);
            return Ok(());
        };
        print_head(record, rows, terminal);
        print_parts(record, terminal);
        if !record.input.contents.is_empty() {
            terminal.line(&terminal.paint().paint(Tone::Strong, "contents"));
        }
        print_contents(record, |entry| Ok(disclosed(proof, entry)), self.content, terminal)
    }
}

/// The tenant of the run, where the proof shows the record that opens it.
fn opening_tenant(proven: &ProvenRecords) -> Option<&Id> {
    proven.records.iter().find_map(|proven| {
        let Body::RunOpened(opening) = &proven.record.as_ref()?.input.body else { return None };
        Some(&opening.tenant)
    })
}

/// Prints what holds, and the seal it stands under.
fn print_seal(what: &str, signed: &Signed<Seal>, terminal: &mut Terminal) {
    let (seal, paint) = (signed.payload(), terminal.paint());
    terminal.line(&format!("{} {what} of run {}", paint.paint(Tone::Good, "holds:"), seal.run));
    let own = if seal.ephemeral { ", drawn for this run alone" } else { "" };
    let length = format!("{} in {}", counted(seal.records, "record"), counted(seal.segments, "segment"));
    let rows = [
        ("signed by", format!("{}, trusted as recorder{own}", signed.key())),
        ("run has", length),
        ("seal", signed.digest().to_hex()),
    ];
    print_rows(&rows.map(|(name, value)| (name.to_owned(), value)), terminal);
}

/// What a proof that holds discloses of a content.
fn disclosed(proof: &InclusionProof, entry: &ContentEntry) -> Held {
    let found = proof.disclosed.iter().find(|disclosure| disclosure.commitment == entry.commitment);
    found.map_or(Held::Absent("not disclosed"), |disclosure| Held::Bytes(disclosure.bytes.0.clone()))
}
