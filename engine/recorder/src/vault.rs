//! The run's secret and what was committed to under it.

use std::collections::HashMap;

use rederive_evidence::digest::{Digest, Purpose, commitment, digest, salt_of};
use zeroize::Zeroizing;

/// Commits to contents: one commitment for equal content in one run, stored once. The secret dies with the vault.
/// Spec: content-once.
pub(crate) struct Vault {
    secret: Zeroizing<[u8; 32]>,
    /// Commitment of each content of the run, by the digest of its bytes. Nothing depends on its order.
    known: HashMap<Digest, Digest>,
}

/// The commitment of a content, and what storing it takes where the run does not have it yet.
#[derive(Clone, Copy)]
pub(crate) struct Commitment {
    pub(crate) commitment: Digest,
    plain: Digest,
    /// The salt, where the run does not have the content yet.
    new_salt: Option<[u8; 32]>,
}

impl Vault {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret: Zeroizing::new(secret), known: HashMap::new() }
    }

    /// Commits to `bytes`, without keeping that it did: the record that uses it may still be refused as too large.
    pub(crate) fn commit(&self, bytes: &[u8]) -> Commitment {
        let plain = digest(Purpose::ContentPlain, bytes);
        match self.known.get(&plain) {
            Some(known) => Commitment { commitment: *known, plain, new_salt: None },
            None => {
                let salt = salt_of(&self.secret, &plain);
                Commitment { commitment: commitment(&salt, bytes), plain, new_salt: Some(salt) }
            }
        }
    }

    /// Keeps that the run has the content now. Returns the salt to store with it where it had it not.
    pub(crate) fn keep(&mut self, made: &Commitment) -> Option<[u8; 32]> {
        let salt = made.new_salt?;
        let before = self.known.insert(made.plain, made.commitment);
        before.is_none().then_some(salt)
    }

    /// Takes over a content that an earlier part of the run stored, with the commitment it got there.
    pub(crate) fn remember(&mut self, bytes: &[u8], commitment: Digest) {
        let _ = self.known.insert(digest(Purpose::ContentPlain, bytes), commitment);
    }
}
