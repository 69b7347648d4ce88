//! The sections of the state: one table gives keys, values, changes and the state itself.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::RangeBounds;

use rederive_evidence::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::memory::MemoryKey;
use rederive_evidence::schema::{Cddl, Field};
use rederive_evidence::values::Place;

use super::entries::{
    Call, CallsAt, Config, Context, Counters, Credential, Decided, GrantedDelegation, GrantedException,
    ListedModel, ListedSource, MemoryItem, Permit, Plan, Policies, Present, Progress, Prompt, PromptPart,
    RegisteredActor, RegisteredTool, Retried, SharedCounter, Turn, Watermark,
};
use super::index::Index;
use super::keys::{ByteOrder as _, IndexKey, PartKey, TurnKey};
use super::tracked::{Grant, ProducedOutput, TrackedApproval, TrackedCredential, TrackedEffect};

/// A value and the canonical bytes that its entry takes, key included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held<V> {
    pub(crate) value: V,
    pub(crate) bytes: u64,
}

/// What stands above the grammar.
const GRAMMAR: &str = "\
; Entries of the state, version 1, in CDDL (RFC 8610). Generated from the code that encodes and decodes them.
; An entry is the array of its key and its value; in a delta the value is null where the entry is removed. Codes of sections, keys of maps and
; codes of registries are for ever; what stands behind a semicolon is the name in the code.
";

macro_rules! sections {
    (
        one { $( $(#[$one_doc:meta])* $One:ident = $one_code:literal $one:ident: $one_value:ty; )* }
        many { $( $(#[$doc:meta])* $Many:ident = $code:literal $many:ident, $map:ident: $key:ty => $value:ty; )* }
    ) => {
        /// Names an entry. Bytes: an array of the section's code and, in a section of many entries, what names the entry there.
        /// Spec: state-sections.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Key {
            $( $(#[$one_doc])* $One, )*
            $( $(#[$doc])* $Many($key), )*
        }

        /// What an entry holds.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Value {
            $( $(#[$one_doc])* $One($one_value), )*
            $( $(#[$doc])* $Many($value), )*
        }

        /// One entry set, or removed where there is no value.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Change {
            $( $One(Option<Held<$one_value>>), )*
            $( $Many($key, Option<Held<$value>>), )*
        }

        /// The state of a run after some record: what the machine remembers of all records so far.
        ///
        /// Equal acts give equal states, in whatever order they arrived.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct State {
            $( $one: Option<Held<$one_value>>, )*
            $( $map: BTreeMap<$key, Held<$value>>, )*
            bytes: u64,
            /// Follows from the entries.
            pub(super) index: Index,
        }

        impl Key {
            pub(super) fn encode(&self, e: &mut Encoder) {
                match self {
                    $( Self::$One => encode_one(e, $one_code), )*
                    $( Self::$Many(key) => encode_many(e, $code, key), )*
                }
            }

            pub(super) fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let at = d.position();
                let len = d.array(2)?;
                let code = d.unsigned(u64::MAX)?;
                let key = match (code, len) {
                    $( ($one_code, 1) => Self::$One, )*
                    $( ($code, 2) => Self::$Many(<$key as Field>::decode(d)?), )*
                    (found, _) => return d.fault_at(at, DecodeFault::Registry { registry: "Section", found }),
                };
                d.close();
                Ok(key)
            }
        }

        impl Value {
            pub(super) fn encode(&self, e: &mut Encoder) {
                match self {
                    $( Self::$One(value) => value.encode(e), )*
                    $( Self::$Many(value) => value.encode(e), )*
                }
            }
        }

        impl Change {
            /// Where the state would be another one after it, writes the pair of key and value, or of key and `null` where the entry is removed,
            /// notes the bytes that the entry takes, and says so.
            pub(crate) fn encode_where_new(&mut self, state: &State, e: &mut Encoder) -> bool {
                match self {
                    $( Self::$One(new) => {
                        let is_new = differs(new.as_ref(), state.$one.as_ref());
                        if is_new {
                            encode_held(e, new.as_mut(), |e| encode_one(e, $one_code));
                        }
                        is_new
                    } )*
                    $( Self::$Many(key, new) => {
                        let is_new = differs(new.as_ref(), state.$map.get(key));
                        if is_new {
                            encode_held(e, new.as_mut(), |e| encode_many(e, $code, key));
                        }
                        is_new
                    } )*
                }
            }

            /// Code of the entry's section.
            fn section(&self) -> u64 {
                match self {
                    $( Self::$One(_) => $one_code, )*
                    $( Self::$Many(..) => $code, )*
                }
            }

            /// The order of the keys' canonical bytes, which section codes lead.
            pub(crate) fn by_key(&self, other: &Self) -> Ordering {
                match (self, other) {
                    $( (Self::$Many(key, _), Self::$Many(other, _)) => key.by_bytes(other), )*
                    (change, other) => change.section().cmp(&other.section()),
                }
            }

            /// Notes the bytes that the entry takes.
            pub(crate) fn set_bytes(&mut self, bytes: u64) {
                match self {
                    $( Self::$One(value) => value.iter_mut().for_each(|held| held.bytes = bytes), )*
                    $( Self::$Many(_, value) => value.iter_mut().for_each(|held| held.bytes = bytes), )*
                }
            }

            fn of(key: Key, d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                Ok(match key {
                    $( Key::$One => Self::$One(Some(decode_held(d)?)), )*
                    $( Key::$Many(key) => Self::$Many(key, Some(decode_held(d)?)), )*
                })
            }
        }

        impl State {
            /// Canonical bytes of the keys and values of all entries.
            pub fn bytes(&self) -> u64 {
                self.bytes
            }

            $(
                #[doc = concat!("The entry of section ", stringify!($one_code), ".")]
                pub fn $one(&self) -> Option<&$one_value> {
                    self.$one.as_ref().map(|held| &held.value)
                }
            )*

            $(
                #[doc = concat!("An entry of section ", stringify!($code), ".")]
                pub fn $many(&self, key: &$key) -> Option<&$value> {
                    self.$map.get(key).map(|held| &held.value)
                }

                #[doc = concat!("The entries of section ", stringify!($code), ", by key.")]
                pub fn $map(&self) -> Section<'_, $key, $value> {
                    Section(&self.$map)
                }
            )*

            /// The value of an entry.
            pub fn get(&self, key: &Key) -> Option<Value> {
                match key {
                    $( Key::$One => self.$one().cloned().map(Value::$One), )*
                    $( Key::$Many(key) => self.$many(key).cloned().map(Value::$Many), )*
                }
            }

            /// Every entry, section after section.
            pub(super) fn all(&self) -> impl Iterator<Item = (Key, Value)> + '_ {
                std::iter::empty()
                    $( .chain(self.$one().map(|value| (Key::$One, Value::$One(value.clone())))) )*
                    $( .chain(self.$map().iter().map(|(key, value)| {
                        (Key::$Many(key.clone()), Value::$Many(value.clone()))
                    })) )*
            }

            /// Sets or removes one entry.
            #[inline]
            pub(crate) fn put(&mut self, change: Change) {
                self.reindex(&change);
                let bytes = &mut self.bytes;
                match change {
                    $( Change::$One(new) => put_one(&mut self.$one, new, bytes), )*
                    $( Change::$Many(key, new) => put_many(&mut self.$map, key, new, bytes), )*
                }
            }

            /// CDDL (RFC 8610) of the state's entries: an array of key and value.
            pub fn cddl() -> String {
                let mut book = Cddl::new();
                book.rule("state-entry", |book| {
                    let mut choices = Vec::new();
                    $(
                        let value = <$one_value as Field>::cddl(book);
                        choices.push(format!("[[{}], {value}] ; {}", $one_code, stringify!($one)));
                    )*
                    $(
                        let key = <$key as Field>::cddl(book);
                        let value = <$value as Field>::cddl(book);
                        choices.push(format!("[[{}, {key}], {value}] ; {}", $code, stringify!($map)));
                    )*
                    choices.join("\n  / ")
                });
                format!("{GRAMMAR}{}", book.text())
            }
        }

        impl super::Delta<'_> {
            $(
                #[inline]
                pub(crate) fn $one(&mut self, value: $one_value) {
                    self.push(|| Change::$One(Some(Held { value, bytes: 0 })));
                }
            )*

            $(
                /// Sets an entry, or removes it where there is no value.
                #[inline]
                pub(crate) fn $many(&mut self, key: $key, value: Option<$value>) {
                    self.push(|| Change::$Many(key, value.map(|value| Held { value, bytes: 0 })));
                }
            )*
        }
    };
}

sections! {
    one {
        /// What the opening record fixes.
        Config = 0 config: Box<Config>;
        /// How far the run has come.
        Progress = 1 progress: Progress;
        /// What is counted.
        Counters = 2 counters: Counters;
        /// The bundle, engine and registry in force; since rule set 2.
        Policies = 3 policies: Box<Policies>;
    }
    many {
        /// An actor, by its name.
        Actor = 8 actor, actors: Id => RegisteredActor;
        /// A delegation, by its name.
        Delegation = 9 delegation, delegations: Id => GrantedDelegation;
        /// A model on the run's list.
        Model = 10 model, models: Id => ListedModel;
        /// A source on the run's list.
        Source = 11 source, sources: Id => ListedSource;
        /// A tool, by its name.
        Tool = 12 tool, tools: Id => Box<RegisteredTool>;
        /// An agent's last turn.
        Watermark = 16 watermark, watermarks: Id => Watermark;
        /// An open turn, or its agent's last.
        Turn = 17 turn, turns: TurnKey => Turn;
        /// A call of an open turn that was tried again.
        Retried = 18 retried, retries: IndexKey => Retried;
        /// A live call, by its place.
        Call = 19 call, calls: Place => Box<Call>;
        /// An agent's latest prompt.
        Prompt = 20 prompt, prompts: Id => Prompt;
        /// A part of an agent's latest prompt.
        Part = 21 part, parts: PartKey => PromptPart;
        /// A content of which something must be remembered, by its commitment.
        Context = 22 context, contexts: Digest => Context;
        /// A memory item.
        Memory = 24 memory_item, memory: MemoryKey => MemoryItem;
        /// A permit for one memory write, by the commitment of the value.
        Permit = 25 permit, permits: Digest => Permit;
        /// The latest decision on a live call, by its place; since rule set 2.
        Decision = 26 decision, decisions: Place => Box<Decided>;
        /// An exception in force, by its name; since rule set 2.
        Exception = 27 exception, exceptions: Id => GrantedException;
        /// An agent's latest plan; since rule set 2.
        Plan = 28 plan, plans: Id => Plan;
        /// An approval that nobody has answered.
        Approval = 32 approval, approvals: Id => Present;
        /// A credential that is neither revoked nor expired on record.
        Credential = 33 credential, credentials: Id => Credential;
        /// An effect that is not resolved.
        Effect = 34 effect, effects: Id => Present;
        /// An approval, by its name; since rule set 2.
        TrackedApproval = 35 tracked_approval, tracked_approvals: Id => Box<TrackedApproval>;
        /// A credential that is neither revoked nor expired on record; since rule set 2.
        TrackedCredential = 36 tracked_credential, tracked_credentials: Id => Box<TrackedCredential>;
        /// An effect that is planned, or not resolved; since rule set 2.
        TrackedEffect = 37 tracked_effect, tracked_effects: Id => Box<TrackedEffect>;
        /// What is left of a standing grant, by its name; since rule set 2.
        Grant = 38 grant, grants: Id => Grant;
        /// An output, by its commitment; since rule set 2.
        Output = 39 output, outputs: Digest => ProducedOutput;
        /// A distinct target that was touched above `read`, by its commitment.
        Target = 40 target, targets: Digest => Present;
        /// Calls dispatched in the rate window, by their time.
        CallsAt = 41 calls_at, call_times: RecordedTime => CallsAt;
        /// A counter that runs share.
        Shared = 42 shared_counter, shared_counters: Id => SharedCounter;
    }
}

/// The entries of one section, by key.
#[derive(Debug)]
pub struct Section<'a, K, V>(&'a BTreeMap<K, Held<V>>);

impl<'a, K: Ord, V> Section<'a, K, V> {
    /// All entries, keys ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V> {
        self.0.iter().map(|(key, held)| (key, &held.value))
    }

    /// The entries with keys in `range`.
    pub fn range<R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl Iterator<Item = (&'a K, &'a V)> + use<'a, K, V, R> {
        self.0.range(range).map(|(key, held)| (key, &held.value))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl State {
    /// Adds the entry that these bytes hold; the key stands already decoded.
    pub(super) fn load(&mut self, key: Key, key_bytes: usize, value: &[u8]) -> Result<(), DecodeError> {
        let mut d = Decoder::new(value);
        let mut change = Change::of(key, &mut d)?;
        d.finish()?;
        change.set_bytes((key_bytes as u64).saturating_add(value.len() as u64));
        self.put(change);
        Ok(())
    }
}

fn encode_one(e: &mut Encoder, code: u64) {
    e.array(1);
    e.unsigned(code);
}

fn encode_many<K: Field>(e: &mut Encoder, code: u64, key: &K) {
    e.array(2);
    e.unsigned(code);
    key.encode(e);
}

fn encode_held<V: Field>(e: &mut Encoder, held: Option<&mut Held<V>>, key: impl FnOnce(&mut Encoder)) {
    e.array(2);
    let start = e.as_bytes().len();
    key(e);
    match held {
        Some(held) => {
            held.value.encode(e);
            held.bytes = e.as_bytes().len().saturating_sub(start) as u64;
        }
        None => e.null(),
    }
}

fn decode_held<V: Field>(d: &mut Decoder<'_>) -> Result<Held<V>, DecodeError> {
    V::decode(d).map(|value| Held { value, bytes: 0 })
}

fn differs<V: PartialEq>(new: Option<&Held<V>>, old: Option<&Held<V>>) -> bool {
    new.map(|held| &held.value) != old.map(|held| &held.value)
}

/// Sets or removes the entry of a section that has one, and counts the bytes of all entries anew.
fn put_one<V>(entry: &mut Option<Held<V>>, new: Option<Held<V>>, bytes: &mut u64) {
    let (before, after) = (taken(entry.as_ref()), taken(new.as_ref()));
    *entry = new;
    *bytes = bytes.saturating_sub(before).saturating_add(after);
}

/// Sets or removes an entry of a section of many, as [`put_one`] does.
fn put_many<K: Ord, V>(entries: &mut BTreeMap<K, Held<V>>, key: K, new: Option<Held<V>>, bytes: &mut u64) {
    let after = taken(new.as_ref());
    let before = match new {
        Some(new) => entries.insert(key, new),
        None => entries.remove(&key),
    };
    *bytes = bytes.saturating_sub(taken(before.as_ref())).saturating_add(after);
}

fn taken<V>(held: Option<&Held<V>>) -> u64 {
    held.map_or(0, |held| held.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_small_enough_to_be_moved_without_a_call() {
        // Most records move three or four of them, and above this size the compiler calls `memcpy` for each. What is rare and large is boxed.
        assert!(size_of::<Change>() <= 128, "{}", size_of::<Change>());
    }
}
