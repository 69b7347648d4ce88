//! Proofs of the state that a run ended with.

use rederive_evidence::chain::Seal;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::proof::ProofFault;
use rederive_evidence::signed::Signed;
use rederive_evidence::state_proof::{ProvenEntry, SealedStateProof};
use rederive_machine::{Key, State};
use serde_json::{Value, json};

use super::{Check, TenantCheck, json, print_seal};
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::words::record::{flat, print_rows};

/// Whether the bytes are meant as a proof of the state: its second member is bytes, where an inclusion proof has a list.
pub(super) fn is_state_proof(bytes: &[u8]) -> bool {
    // A map's head, key 0, a version below 24, key 1, and the head of the member: CBOR major type 2 is a byte string.
    bytes.get(4).is_some_and(|head| head >> 5 == 2)
}

impl Check {
    pub(super) fn state(
        &self,
        bytes: &[u8],
        trusts: impl FnOnce(&PublicKey, &RunId) -> bool,
        by_key: impl FnOnce(&Signed<Seal>) -> Option<TenantCheck>,
        terminal: &mut Terminal,
    ) -> Result<(), ProofFault> {
        let proof = SealedStateProof::parse(bytes)?;
        let proven = proof.check(trusts)?;
        let entry = Shown::of(&proven);
        let tenant = by_key(&proven.seal);
        self.unchecked(tenant, terminal);
        if self.json {
            terminal.json(&json::StateHolds::of(&proven, tenant, entry.name, entry.value));
        } else if !terminal.is_quiet() {
            let is_there = if proven.value.is_some() { "is" } else { "is not" };
            print_seal(&format!("{} {is_there} in the last state", entry.words), &proven.seal, terminal);
            if !entry.value.is_null() {
                terminal.line(&terminal.paint().paint(Tone::Strong, "value"));
                print_rows(&flat(&entry.value), terminal);
            }
        }
        Ok(())
    }
}

/// An entry, as far as this version can read it.
struct Shown {
    words: String,
    /// What names it: `{"tool": NAME}`, `{"memory": {"scope", "namespace", "name"}}`, or its bytes.
    name: Value,
    /// What it holds; `null` where it is not there.
    value: Value,
}

impl Shown {
    fn of(proven: &ProvenEntry<'_>) -> Self {
        let value = proven.value.map_or(Value::Null, hex);
        let held = proven.value.and_then(|value| State::from_entries([(proven.key, value)]).ok());
        let (words, name, read) = match Key::from_bytes(proven.key).ok() {
            Some(Key::Tool(tool)) => {
                let read = held.as_ref().and_then(|state| serde_json::to_value(state.tool(&tool)?).ok());
                (format!("tool {tool}"), json!({ "tool": tool }), read)
            }
            Some(Key::Memory(item)) => {
                let read =
                    held.as_ref().and_then(|state| serde_json::to_value(state.memory_item(&item)?).ok());
                let words = format!("memory {}/{}/{}", item.scope, item.namespace, item.name);
                (words, json!({ "memory": item }), read)
            }
            _ => ("an entry".to_owned(), json!({ "key": hex(proven.key) }), None),
        };
        Self { words, name, value: read.unwrap_or(value) }
    }
}

fn hex(bytes: &[u8]) -> Value {
    Value::String(rederive_evidence::hex::format(bytes))
}
