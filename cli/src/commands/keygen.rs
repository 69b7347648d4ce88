//! `keygen`: a signing key in a file that only its owner can read.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use rederive_evidence::ids::PublicKey;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_recorder::{Entropy as _, OsEntropy};

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{exit_of, words};
use crate::problem::Problem;
use crate::terminal::Terminal;

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
}

impl Keygen {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if self.trust.as_ref().is_some_and(|trust| trust.exists()) {
            return Err(exists(self.trust.as_deref().unwrap_or(&self.out)));
        }
        let seed = OsEntropy.draw().map_err(|error| Failed::internal(error.to_string()))?;
        let key = SigningKey::from_seed(&seed);
        create(&self.out, key.format().as_bytes(), true)?;
        if let Some(trust) = &self.trust {
            create(trust, trust_roots(key.public_key()).as_bytes(), false)?;
        }
        terminal.line(&key.public_key().to_hex());
        terminal.remark(&format!(
            "secret key in {}: keep it where the recorder runs, and nowhere else",
            self.out.display()
        ));
        if let Some(trust) = &self.trust {
            terminal.remark(&format!(
                "trust roots in {}: `rederive replay --trust {0}` takes runs of this key alone",
                trust.display()
            ));
        }
        Ok(Exit::AsAsked)
    }
}

/// A trust-root file for one recorder's key.
fn trust_roots(key: PublicKey) -> String {
    format!(
        "{{\n  \"rederive_trust\": 1,\n  \"keys\": [\n    {{ \"key\": \"{key}\", \"role\": \"recorder\" }}\n  ]\n}}\n"
    )
}

fn create(path: &Path, bytes: &[u8], is_secret: bool) -> Result<(), Failed> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(if is_secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = is_secret;
    let written = options.open(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            return exists(path);
        }
        let title = format!("cannot write {}: {}", path.display(), words(&error));
        Failed::new(exit_of(&error), Problem::error(title))
    })
}

fn exists(path: &Path) -> Failed {
    let problem = Problem::error(format!("{} exists already and is never overwritten", path.display()));
    Failed::usage(problem.hint("choose another name; a key that is lost cannot be made again"))
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
