//! `verify`: whether a receipt holds, with nothing but the keys that are trusted. It uses nothing of the gate, and a program built without the feature `gate` does
//! not hold one: who checks decisions need not run what made them. Spec: receipt-alone.

use std::path::{Path, PathBuf};

use clap::Args;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::PublicKey;
use rederive_evidence::limits::RECEIPT_BYTES_MAX;
use rederive_evidence::receipt::Receipt;
use rederive_evidence::signed::{Signed, SignedFault, TrustFault, UncheckedSigned};
use rederive_policy::{Bundle, BundleFault, Store};
use rederive_verify::KeyRole;
use serde::Serialize;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::wrapped;
use crate::time;
use crate::trace;
use crate::words::bundle::unusable;
use crate::words::faults::is_trace;
use crate::words::record::{flat, print_rows};

/// Check the receipt of a decision with nothing but the keys that are trusted.
#[derive(Args)]
#[command(after_help = "\
A receipt that holds shows what the gate answered to this request, under which bundle and on what it relied; not that the decision stands in a \
trace, nor that the bundle gives that answer: `rederive replay --level policy` finds both. Exit status 3 where it does not hold, 1 where it pins another bundle than the one given.

Examples:
  rederive show run.rdt --record 12 --receipt call.receipt
  rederive verify call.receipt --trust roots.json --bundle policies/default")]
pub(crate) struct Verify {
    /// The receipt; `-` for standard input.
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// Trust-root file: the keys trusted, and for what.
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,
    /// The bundle that the decision should pin: a folder, a tar file, or a folder of bundles named by their digests.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// A receipt that does not hold.
#[derive(Serialize)]
struct Refused {
    holds: bool,
    code: &'static str,
    reason: String,
}

/// A receipt that holds. The shape is stable: members are added, never changed.
#[derive(Serialize)]
struct Holds<'a> {
    holds: bool,
    key: PublicKey,
    receipt: &'a Receipt,
    /// Whether the decision pins the bundle given; left out where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    bundle: Option<Compared>,
}

/// The bundle pinned, and the one given.
#[derive(Clone, Copy, Serialize)]
struct Compared {
    matches: bool,
    pinned: Option<Digest>,
    given: Digest,
}

/// The digest of the bundle at a path: of the one that is pinned, where the path is a folder of bundles and has it.
fn given(path: &Path, pinned: Option<&Digest>) -> Result<Digest, Failed> {
    let is_archive = path.is_dir() && !path.join("manifest.json").exists();
    let archived = pinned.filter(|_| is_archive).map(|pinned| Store::new(path).get(pinned));
    let bundle = match archived {
        None | Some(Err(BundleFault::NotArchived(_))) => Bundle::read(path),
        Some(archived) => archived,
    };
    Ok(bundle.map_err(|fault| unusable(path, &fault))?.digest())
}

/// Why a receipt does not hold.
enum Fault {
    Form(SignedFault),
    Trust(TrustFault),
}

impl Verify {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        let roots = trace::trust_roots(&self.trust)?;
        let bytes = trace::file(&self.receipt, RECEIPT_BYTES_MAX as u64)?;
        if is_trace(&bytes) {
            let problem = Problem::error(format!("{} is a trace, and no receipt", shown(&self.receipt)));
            let hint = format!(
                "`rederive show {} --record N --receipt FILE` takes the receipt of a decision out of it; `rederive replay --level policy` checks them all",
                typed(&self.receipt)
            );
            return Err(Failed::usage(problem.hint(hint)));
        }
        let parsed = UncheckedSigned::<Receipt>::parse(&bytes);
        let pinned = parsed.as_ref().ok().and_then(|parsed| parsed.claims().decision.bundle.known().copied());
        let given = self.bundle.as_ref().map(|path| given(path, pinned.as_ref())).transpose()?;
        let checked = parsed.map_err(Fault::Form).and_then(|unchecked| {
            let Receipt { tenant, run, .. } = unchecked.claims().clone();
            let trusts = |key: &PublicKey| roots.allows(key, KeyRole::Gate, &tenant, &run);
            unchecked.verify_trusted(trusts).map_err(Fault::Trust)
        });
        Ok(match checked {
            Ok(signed) => self.holds(&signed, given, terminal),
            Err(fault) => self.refuse(&fault, terminal),
        })
    }

    fn holds(&self, signed: &Signed<Receipt>, given: Option<Digest>, terminal: &mut Terminal) -> Exit {
        let receipt = signed.payload();
        let pinned = receipt.decision.bundle.known().copied();
        let bundle = given.map(|given| Compared { matches: pinned == Some(given), pinned, given });
        let exit = if bundle.is_some_and(|bundle| !bundle.matches) { Exit::Parted } else { Exit::AsAsked };
        if self.json {
            terminal.json(&Holds { holds: true, key: signed.key(), receipt, bundle });
            return exit;
        }
        print(signed, terminal);
        if let Some(Compared { matches: false, given, .. }) = bundle {
            let named = |digest: Option<Digest>| digest.map_or_else(|| "none".to_owned(), |of| of.to_hex());
            let problem = Problem::error("the decision pins another bundle than the one given")
                .row("pinned", named(pinned))
                .row("given", given.to_hex())
                .hint("an archive has bundles by their digest: give the one that is pinned");
            terminal.report(&problem);
        }
        exit
    }

    fn refuse(&self, fault: &Fault, terminal: &mut Terminal) -> Exit {
        let (code, reason) = match fault {
            Fault::Form(fault) => (fault.code(), fault.to_string()),
            Fault::Trust(fault) => (fault.code(), fault.to_string()),
        };
        if self.json {
            terminal.json(&Refused { holds: false, code, reason });
        } else {
            let title = format!("{} is no receipt to rely on: {reason}", self.receipt.display());
            let problem = Problem::error(title).row("code", code);
            let explained = format!("`rederive explain {code}` says what that means and what to do");
            terminal.report(&problem.hint(explained));
        }
        match fault {
            Fault::Form(SignedFault::Version { .. }) => Exit::Unfinished,
            Fault::Form(_) | Fault::Trust(_) => Exit::Untrustworthy,
        }
    }
}

fn print(signed: &Signed<Receipt>, terminal: &mut Terminal) {
    if terminal.is_quiet() {
        return;
    }
    let (receipt, paint) = (signed.payload(), terminal.paint());
    let decision = &receipt.decision;
    let heading = format!(
        "{} {} of record {} of run {}",
        paint.paint(Tone::Good, "holds:"),
        decision.decision,
        receipt.sequence,
        receipt.run
    );
    terminal.line(&heading);
    let rows = [
        ("signed by", format!("{}, trusted as gate", signed.key())),
        ("tenant", receipt.tenant.to_string()),
        ("time", receipt.time.map_or_else(|| "absent".to_owned(), |time| time::utc(time.0))),
        ("state", receipt.checksum.to_hex()),
    ];
    print_rows(&rows.map(|(name, value)| (name.to_owned(), value)), terminal);
    terminal.line(&paint.paint(Tone::Strong, "decision"));
    let mut rows = flat(&serde_json::to_value(decision).unwrap_or_default());
    for (_, value) in rows.iter_mut().filter(|(name, _)| name == "expires") {
        *value = decision.expires.map_or_else(|| value.clone(), |end| time::utc(end.0));
    }
    print_rows(&rows, terminal);
    if !decision.reliance.is_empty() {
        let about = "reliance: entries of the run's state that were read (a digest for each name, and for what stood there), and the counts that must stay below a bound: the permit lapses where that no longer holds";
        wrapped(about, terminal.width().saturating_sub(2))
            .iter()
            .for_each(|line| terminal.line(&format!("  {line}")));
    }
}
