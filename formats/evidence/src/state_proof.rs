//! State proofs as files: that the last state of a sealed run holds an entry, or that it does not. Spec: state-proof-check.

use crate::chain::Seal;
use crate::digest::{Digest, Purpose, digest};
use crate::hex::Bytes;
use crate::ids::{PublicKey, RunId};
use crate::limits::SIGNED_BYTES_MAX;
use crate::map;
use crate::proof::{ProofFault, parse_version, trusted_seal};
use crate::signed::{Signed, Version};
use crate::sparse::{Entry, ProofEnd, StateProof};

/// Most bytes of an entry's key, or of its value, in a proof. Spec: limit-state-entry.
pub const STATE_ENTRY_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of a state proof: key, value, siblings and seal.
pub const STATE_PROOF_BYTES_MAX: usize = 2 * STATE_ENTRY_BYTES_MAX as usize + (64 << 10);

map! {
    /// The digests of the other entry at which an absent key's path ends.
    pub struct OtherEntry {
        /// Its key digest.
        0 req key: Digest,
        /// Its value digest.
        1 req value: Digest,
    }

    /// Proof of what a sealed run's last state holds under a key. Untrusted until [`Self::check`].
    pub struct SealedStateProof {
        /// Version of the formats.
        0 req version: Version,
        /// Canonical bytes of the entry's key.
        1 req key: Bytes<STATE_ENTRY_BYTES_MAX>,
        /// Canonical bytes of its value; left out where it is not there.
        2 opt value: Bytes<STATE_ENTRY_BYTES_MAX>,
        /// Where it is not there and its path ends at another entry: that one. Left out, the path ends at an empty subtree.
        3 opt other: OtherEntry,
        /// The siblings from the path's end up to the state root.
        4 req siblings: Vec<Digest>,
        /// The signed seal.
        5 req seal: Bytes<{ SIGNED_BYTES_MAX as u64 }>,
    }
}

/// What a state proof proves: under this seal, the key has this value or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenEntry<'a> {
    /// The seal, signed by a key that the verifier trusts.
    pub seal: Signed<Seal>,
    /// Canonical bytes of the key.
    pub key: &'a [u8],
    /// Canonical bytes of the value; none: the state does not hold the key.
    pub value: Option<&'a [u8]>,
}

impl SealedStateProof {
    /// Parses the canonical bytes of a state proof. Nothing is proven by that.
    ///
    /// # Errors
    /// The bytes are too many, not canonical or of an unknown version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        parse_version(bytes, STATE_PROOF_BYTES_MAX)
    }

    /// Checks the proof with nothing but the keys that the caller trusts for a run. Spec: state-proof-check.
    ///
    /// 1. The seal is well-formed, its key is trusted for its run, and its signature holds.
    /// 2. The proof does not name both a value and another entry.
    /// 3. The path's end, at the depth that the number of siblings gives, leads to the seal's state root ([`StateProof::verify`]).
    ///
    /// # Errors
    /// The first step that fails. Then nothing is proven.
    pub fn check(
        &self,
        trusts: impl FnOnce(&PublicKey, &RunId) -> bool,
    ) -> Result<ProvenEntry<'_>, ProofFault> {
        let seal = trusted_seal(&self.seal.0, trusts)?;
        let value = self.value.as_ref().map(|value| value.0.as_slice());
        let end = match (value, &self.other) {
            (Some(_), Some(_)) => return Err(ProofFault::StateEnd),
            (Some(value), None) => ProofEnd::Present { value: digest(Purpose::StateValue, value) },
            (None, Some(other)) => ProofEnd::Other(Entry { key: other.key, value: other.value }),
            (None, None) => ProofEnd::Empty,
        };
        let path = StateProof { siblings: self.siblings.clone(), end };
        path.verify(&seal.payload().state_root, &digest(Purpose::StateKey, &self.key.0))?;
        Ok(ProvenEntry { seal, key: &self.key.0, value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::chain::tests::seal;
    use crate::keys::{Signer as _, SigningKey};
    use crate::schema::{from_bytes, to_bytes};
    use crate::signed::{TrustFault, sign};
    use crate::sparse::{Entries, StateProofFault};

    const KEYS: u8 = 20;

    fn signer() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    fn trusted(key: &PublicKey, run: &RunId) -> bool {
        *key == signer().public_key() && *run == seal().run
    }

    fn value(key: u8) -> Vec<u8> {
        vec![key, key, 7]
    }

    /// A state of the keys 0 to 19, each one byte.
    fn proof(key: u8) -> SealedStateProof {
        let entry = |key: u8| Entry {
            key: digest(Purpose::StateKey, &[key]),
            value: digest(Purpose::StateValue, &value(key)),
        };
        let mut entries: Vec<Entry> = (0..KEYS).map(entry).collect();
        entries.sort();
        let entries = Entries::new(&entries).unwrap();
        let signed = sign(Seal { state_root: entries.root(), ..seal() }, &signer()).unwrap();
        let StateProof { siblings, end } = entries.prove(&digest(Purpose::StateKey, &[key]));
        let (value, other) = match end {
            ProofEnd::Present { .. } => (Some(Bytes(value(key))), None),
            ProofEnd::Empty => (None, None),
            ProofEnd::Other(Entry { key, value }) => (None, Some(OtherEntry { key, value })),
        };
        let seal = Bytes(signed.as_bytes().to_vec());
        SealedStateProof { version: Version::One, key: Bytes(vec![key]), value, other, siblings, seal }
    }

    #[test]
    fn every_key_is_proven_there_or_absent() {
        let proofs: Vec<SealedStateProof> = (0..100).map(proof).collect();
        for (key, proof) in (0..).zip(&proofs) {
            let parsed = SealedStateProof::parse(&to_bytes(proof)).unwrap();
            let expected = (key < KEYS).then(|| value(key));
            assert_eq!(parsed.check(trusted).unwrap().value, expected.as_deref(), "key {key}");
        }
        assert!(proofs.iter().any(|proof| proof.other.is_some()));
        assert!(proofs.iter().any(|proof| proof.other.is_none() && proof.value.is_none()));
    }

    #[test]
    fn a_proof_of_something_else_is_refused_by_name() {
        let [there, absent] = [3, 50].map(proof);
        let key = signer().public_key();
        assert_eq!(there.check(|_, _| false).unwrap_err(), ProofFault::Seal(TrustFault::Key { key }));
        let refused = |proof: SealedStateProof| proof.check(trusted).unwrap_err();
        let both = SealedStateProof { value: there.value.clone(), ..proof_with_other() };
        assert_eq!(refused(both), ProofFault::StateEnd);
        let other_root = |fault| matches!(fault, ProofFault::State(StateProofFault::Root { .. }));
        assert!(other_root(refused(SealedStateProof { value: Some(Bytes(value(4))), ..there.clone() })));
        assert!(other_root(refused(SealedStateProof { value: None, ..there.clone() })));
        assert!(other_root(refused(SealedStateProof { key: Bytes(vec![4]), ..there })));
        assert!(other_root(refused(SealedStateProof {
            value: Some(Bytes(value(50))),
            other: None,
            ..absent
        })));
    }

    fn proof_with_other() -> SealedStateProof {
        (KEYS..).map(proof).find(|proof| proof.other.is_some()).unwrap()
    }

    /// Spec: limit-state-entry.
    #[test]
    fn more_bytes_than_the_limit_are_not_read() {
        let found = STATE_PROOF_BYTES_MAX + 1;
        let limit = STATE_PROOF_BYTES_MAX;
        assert_eq!(SealedStateProof::parse(&vec![0; found]), Err(ProofFault::Size { limit, found }));
    }

    proptest! {
        #[test]
        fn a_bent_proof_is_refused_or_says_the_same(key in 0_u8..60, at: prop::sample::Index, flip in 1_u8..) {
            let proof = proof(key);
            let mut bytes = to_bytes(&proof);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            let said = from_bytes::<SealedStateProof>(&bytes).ok();
            let said = said.as_ref().and_then(|bent| bent.check(trusted).ok()).map(|proven| (proven.key, proven.value));
            if let Some((key, value)) = said {
                let expected = key.first().filter(|first| key.len() == 1 && **first < KEYS).map(|first| self::value(*first));
                prop_assert_eq!(value, expected.as_deref());
            }
        }
    }
}
