//! `keygen`: a signing key in a file that only its owner can read.

use std::path::{Path, PathBuf};

use clap::Args;
use rederive_evidence::ids::PublicKey;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_recorder::{Entropy as _, OsEntropy};
use serde::Serialize;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{shown, typed};
use crate::problem::Problem;
use crate::terminal::Terminal;
use crate::trace;

/// Make an Ed25519 signing key.
#[derive(Args)]
#[command(after_help = "\
The key file is secret: whoever has it can sign runs, back-dated ones too. The public key is printed, and with --trust a \
trust-root file that trusts it as a recorder in every run of every tenant is written; narrow it by hand.")]
pub(crate) struct Keygen {
    /// File to write the secret key to, readable by its owner alone. An existing file is never overwritten.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File to write a trust-root file for the public key to.
    #[arg(long, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Write one JSON object instead of words.
    #[arg(long)]
    json: bool,
}

/// The JSON form of a key that was made. Its shape is stable: members are added, never changed.
#[derive(Serialize)]
struct View {
    key: PublicKey,
    out: String,
    trust: Option<String>,
}

impl Keygen {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if let Some(trust) = &self.trust {
            if trust.exists() {
                return Err(trace::exists(trust));
            }
            if is_one_file(&self.out, trust) {
                let title = format!("--out and --trust are both {}", shown(trust));
                let hint = "the secret key and the trust-root file are two files: the one stays, the other is given away";
                return Err(Failed::usage(Problem::error(title).hint(hint)));
            }
        }
        let seed = OsEntropy.draw().map_err(|error| Failed::internal(error.to_string()))?;
        let key = SigningKey::from_seed(&seed);
        trace::create(&self.out, key.format().as_bytes(), true)?;
        // Told before anything else can fail: the secret key is there.
        if !self.json {
            terminal.line(&key.public_key().to_hex());
        }
        if let Some(trust) = &self.trust {
            trace::create(trust, trust_roots(key.public_key()).as_bytes(), false)?;
        }
        if self.json {
            let trust = self.trust.as_ref().map(|trust| trust.display().to_string());
            terminal.json(&View { key: key.public_key(), out: self.out.display().to_string(), trust });
        }
        terminal.remark(&format!(
            "secret key in {}: keep it where it is to sign, and nowhere else",
            self.out.display()
        ));
        if let Some(trust) = &self.trust {
            terminal.remark(&format!(
                "trust roots in {}: `rederive replay --trust {}` takes runs of this key alone",
                trust.display(),
                typed(trust)
            ));
        }
        Ok(Exit::AsAsked)
    }
}

/// Whether two names of files that are not there yet are of one file.
fn is_one_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    one == other || place(one).is_some_and(|one| Some(one) == place(other))
}

/// A trust-root file for one recorder's key.
fn trust_roots(key: PublicKey) -> String {
    format!(
        "{{\n  \"rederive_trust\": 1,\n  \"keys\": [\n    {{ \"key\": \"{key}\", \"role\": \"recorder\" }}\n  ]\n}}\n"
    )
}

#[cfg(test)]
mod tests {
    use rederive_verify::{KeyRole, TrustRoots};

    use super::*;

    #[test]
    fn the_trust_root_file_trusts_the_key_as_a_recorder() {
        let key = SigningKey::from_seed(&[7; 32]).public_key();
        let roots = TrustRoots::parse(trust_roots(key).as_bytes()).unwrap();
        assert_eq!(roots, TrustRoots::of(key, KeyRole::Recorder));
    }
}
