//! The state of a run: what the machine remembers, as entries of canonical bytes, their root and proofs of them.

mod answers;
mod authority;
mod delta;
mod ended;
mod entries;
mod index;
mod keys;
mod parts;
mod prompt;
mod read;
mod sections;
mod tracked;

use rederive_evidence::cbor::{DecodeError, Decoder, Encoder};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::sparse::{Entries, Entry, ProofEnd, StateProof};

pub(crate) use delta::{Delta, Settled};
pub use ended::Ended;
pub(crate) use entries::earlier;
pub use entries::{
    Call, CallStatus, CallsAt, Carried, Config, Context, Counters, Credential, Decided, GrantedDelegation,
    GrantedException, Influence, ListedModel, ListedSource, MemoryItem, Permit, Piece, Plan, Policies,
    Present, Progress, Prompt, PromptPart, RegisteredActor, RegisteredTool, Retried, SharedCounter, Turn,
    Watermark,
};
pub use keys::{IndexKey, PartKey, TurnKey};
pub(crate) use parts::Barred;
pub(crate) use prompt::{dropped, push};
pub(crate) use sections::Change;
pub use sections::{Key, Section, State, Value};
pub use tracked::{
    ApprovalStatus, EffectStatus, Grant, ProducedOutput, TrackedApproval, TrackedCredential, TrackedEffect,
};

/// Why bytes are no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateFault {
    /// The bytes of a key.
    #[error("key of state entry {entry}: {fault}")]
    Key {
        /// Index of the entry.
        entry: usize,
        /// What is wrong with it.
        fault: DecodeError,
    },
    /// The bytes of a value.
    #[error("value of state entry {entry}: {fault}")]
    Value {
        /// Index of the entry.
        entry: usize,
        /// What is wrong with it.
        fault: DecodeError,
    },
    /// A key that does not follow the one before it.
    #[error("the key of state entry {entry} does not follow the one before it")]
    Order {
        /// Index of the entry.
        entry: usize,
    },
}

impl Key {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        self.encode(&mut e);
        e.into_bytes()
    }

    /// The key that exactly these bytes hold.
    ///
    /// # Errors
    /// The first fault and its place.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut d = Decoder::new(bytes);
        let key = Self::decode(&mut d)?;
        d.finish()?;
        Ok(key)
    }

    /// `state key` digest.
    pub fn digest(&self) -> Digest {
        digest(Purpose::StateKey, &self.to_bytes())
    }
}

impl Value {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        self.encode(&mut e);
        e.into_bytes()
    }

    /// `state value` digest.
    pub fn digest(&self) -> Digest {
        digest(Purpose::StateValue, &self.to_bytes())
    }
}

impl State {
    /// The root of the state tree. Spec: state-tree, order-independence.
    pub fn root(&self) -> Digest {
        let entries = self.tree_entries();
        Entries::new(&entries).map_or(Digest::ZERO, |entries| entries.root())
    }

    /// Proves that an entry is there, with its value, or is not.
    pub fn prove(&self, key: &Key) -> StateProof {
        let entries = self.tree_entries();
        let nothing = StateProof { siblings: Vec::new(), end: ProofEnd::Empty };
        Entries::new(&entries).map_or(nothing, |entries| entries.prove(&key.digest()))
    }

    /// Key and value digests, ascending: [`Entries::new`] refuses them only where two keys have one digest.
    fn tree_entries(&self) -> Vec<Entry> {
        let entry = |(key, value): (Key, Value)| Entry { key: key.digest(), value: value.digest() };
        let mut entries: Vec<Entry> = self.all().map(entry).collect();
        entries.sort_unstable();
        entries
    }

    /// Every entry as canonical bytes of key and value, ascending by key bytes: what a snapshot holds.
    pub fn entries(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + use<> {
        let mut entries: Vec<(Vec<u8>, Vec<u8>)> =
            self.all().map(|(key, value)| (key.to_bytes(), value.to_bytes())).collect();
        entries.sort_unstable();
        entries.into_iter()
    }

    /// The state with these entries, which ascend by key bytes. They are untrusted: any well-formed entries make a state, and
    /// only its [`Self::root`] tells whether it is the one that was meant.
    ///
    /// # Errors
    /// The first entry that is none, and why.
    pub fn from_entries<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, StateFault> {
        let mut state = Self::default();
        let mut before: Option<K> = None;
        for (entry, (key_bytes, value)) in entries.into_iter().enumerate() {
            let bytes = key_bytes.as_ref();
            if before.is_some_and(|before| before.as_ref() >= bytes) {
                return Err(StateFault::Order { entry });
            }
            let key = Key::from_bytes(bytes).map_err(|fault| StateFault::Key { entry, fault })?;
            let loaded = state.load(key, bytes.len(), value.as_ref());
            loaded.map_err(|fault| StateFault::Value { entry, fault })?;
            before = Some(key_bytes);
        }
        Ok(state)
    }

    /// Whether the run was closed: nothing is taken after that.
    pub fn is_closed(&self) -> bool {
        self.progress().is_some_and(|progress| progress.closed)
    }

    /// Number of calls, over all turns in the tree, that have not ended: not proposed though their answer announced them, or live.
    pub fn open_calls(&self) -> u64 {
        self.turns().iter().fold(0, |open, (_, turn)| turn.open_calls().saturating_add(open))
    }
}
