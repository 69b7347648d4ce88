//! `keygen`: a signing key in a file that only its owner can read.

use std::path::PathBuf;

use clap::Args;
use rederive_evidence::ids::PublicKey;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_recorder::{Entropy as _, OsEntropy};

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::typed;
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
}

impl Keygen {
    pub(crate) fn run(&self, terminal: &mut Terminal) -> Result<Exit, Failed> {
        if self.trust.as_ref().is_some_and(|trust| trust.exists()) {
            return Err(trace::exists(self.trust.as_deref().unwrap_or(&self.out)));
        }
        let seed = OsEntropy.draw().map_err(|error| Failed::internal(error.to_string()))?;
        let key = SigningKey::from_seed(&seed);
        trace::create(&self.out, key.format().as_bytes(), true)?;
        if let Some(trust) = &self.trust {
            trace::create(trust, trust_roots(key.public_key()).as_bytes(), false)?;
        }
        terminal.line(&key.public_key().to_hex());
        terminal.remark(&format!(
            "secret key in {}: keep it where the recorder runs, and nowhere else",
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
