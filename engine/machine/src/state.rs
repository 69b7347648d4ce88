//! The state of a run: what the machine remembers.

use rederive_evidence::cbor::DecodeError;
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::sparse::{ProofEnd, StateProof};

/// Names an entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Key {
    /// What the opening record fixes.
    Config,
}

impl Key {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        vec![0x82, 0, 0]
    }

    /// `state key` digest.
    pub fn digest(&self) -> Digest {
        digest(Purpose::StateKey, &self.to_bytes())
    }
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {}

impl Value {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match *self {}
    }
}

/// Why bytes are no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// A key.
    #[error("key of state entry {entry}: {fault}")]
    Key {
        /// Index of the entry.
        entry: usize,
        /// What is wrong.
        fault: DecodeError,
    },
    /// A value.
    #[error("value of state entry {entry}: {fault}")]
    Value {
        /// Index of the entry.
        entry: usize,
        /// What is wrong.
        fault: DecodeError,
    },
    /// Keys that do not ascend.
    #[error("the key of state entry {entry} does not follow the one before it")]
    Order {
        /// Index of the entry.
        entry: usize,
    },
}

/// The state after some record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    bytes: u64,
}

impl State {
    /// Canonical key and value bytes of all entries.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The root of the state tree.
    pub fn root(&self) -> Digest {
        Digest::ZERO
    }

    /// Every entry as canonical bytes of key and value, ascending.
    pub fn entries(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        std::iter::empty()
    }

    /// The state with these entries, ascending by key bytes. Untrusted.
    ///
    /// # Errors
    /// The first entry that is none, and why.
    pub fn from_entries<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StateFault> {
        entries.into_iter().next().map_or(Ok(Self::default()), |_| Err(StateFault::Order { entry: 0 }))
    }

    /// Proves that an entry is there, with its value, or is not.
    pub fn prove(&self, _key: &Key) -> StateProof {
        StateProof { siblings: Vec::new(), end: ProofEnd::Empty }
    }

    /// The value of an entry.
    pub fn get(&self, _key: &Key) -> Option<Value> {
        None
    }
}
