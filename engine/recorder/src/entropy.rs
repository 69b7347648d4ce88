//! Where chance comes from: run ids, run secrets and keys drawn for one run. The recorder is the only one that asks.

use rederive_evidence::digest::{Digester, Purpose};

/// A source of bytes that nobody can guess, or, under a seed, that are the same again.
pub trait Entropy: Send {
    /// The next 32 bytes.
    ///
    /// # Errors
    /// The system has none to give; nothing may be recorded then.
    fn draw(&mut self) -> Result<[u8; 32], NoEntropy>;
}

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random bytes; nothing was recorded")]
pub struct NoEntropy;

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn draw(&mut self) -> Result<[u8; 32], NoEntropy> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| NoEntropy)?;
        Ok(bytes)
    }
}

/// Bytes that follow from a seed and a label: for `--reproducible` runs, whose salts and keys anybody with the seed can draw again.
#[derive(Clone, Debug)]
pub struct SeededEntropy {
    base: Digester,
    drawn: u64,
}

impl SeededEntropy {
    /// The bytes of `seed` for what `label` names (a file and an entry, say): another label, other bytes.
    pub fn new(seed: &[u8], label: &[u8]) -> Self {
        let mut base = Digester::new(Purpose::Seed);
        for part in [seed, label] {
            base.update(&(part.len() as u64).to_le_bytes());
            base.update(part);
        }
        Self { base, drawn: 0 }
    }
}

impl Entropy for SeededEntropy {
    fn draw(&mut self) -> Result<[u8; 32], NoEntropy> {
        let mut digester = self.base.clone();
        digester.update(&self.drawn.to_le_bytes());
        self.drawn += 1;
        Ok(digester.digest().0)
    }
}
