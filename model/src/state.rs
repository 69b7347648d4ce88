//! What is remembered: one map a section, and what its entries hold. SPEC.md 10.12, 10.19, 10.23, `state.cddl`.

#![allow(
    unreachable_pub,
    reason = "`map!` and `codes!` make what they define public, and the model alone has a use for it"
)]

use std::collections::BTreeMap;

use rederive_evidence::digest::{Digest, Purpose, digest, digest_pair};
use rederive_evidence::ids::{Id, RecordedTime};
use rederive_evidence::kinds::decision::{Decision, Directive, Enforcement, Reliance};
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::memory::MemoryKey;
use rederive_evidence::kinds::plan::PlanVerdict;
use rederive_evidence::schema::{Field, to_bytes};
use rederive_evidence::values::{
    ActorType, EffectsClass, Label, Limits, Mode, Place, RuleSet, ScopeItem, Sensitivity,
};
use rederive_evidence::{codes, map};

/// Entries as the tree and the deltas have them: canonical bytes of the value, by canonical bytes of the key.
pub(crate) type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// The state of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub config: Option<Config>,
    pub progress: Option<Progress>,
    pub counters: Option<Counters>,
    pub policies: Option<Policies>,
    pub actors: BTreeMap<Id, RegisteredActor>,
    pub delegations: BTreeMap<Id, GrantedDelegation>,
    pub models: BTreeMap<Id, ListedModel>,
    pub sources: BTreeMap<Id, ListedSource>,
    pub tools: BTreeMap<Id, RegisteredTool>,
    pub watermarks: BTreeMap<Id, Watermark>,
    pub turns: BTreeMap<TurnKey, Turn>,
    pub retries: BTreeMap<IndexKey, Retried>,
    pub calls: BTreeMap<Place, Call>,
    pub prompts: BTreeMap<Id, Prompt>,
    pub parts: BTreeMap<PartKey, PromptPart>,
    pub contexts: BTreeMap<Digest, Context>,
    pub memory: BTreeMap<MemoryKey, MemoryItem>,
    pub permits: BTreeMap<Digest, Permit>,
    pub decisions: BTreeMap<Place, Decided>,
    pub exceptions: BTreeMap<Id, GrantedException>,
    pub plans: BTreeMap<Id, Plan>,
    pub approvals: BTreeMap<Id, Present>,
    pub credentials: BTreeMap<Id, Credential>,
    pub effects: BTreeMap<Id, Present>,
    pub tracked_approvals: BTreeMap<Id, TrackedApproval>,
    pub tracked_credentials: BTreeMap<Id, TrackedCredential>,
    pub tracked_effects: BTreeMap<Id, TrackedEffect>,
    pub grants: BTreeMap<Id, Grant>,
    pub outputs: BTreeMap<Digest, ProducedOutput>,
    pub targets: BTreeMap<Digest, Present>,
    pub call_times: BTreeMap<RecordedTime, CallsAt>,
    pub shared_counters: BTreeMap<Id, SharedCounter>,
}

impl State {
    /// Every entry, in canonical bytes.
    pub(crate) fn entries(&self) -> Entries {
        let mut all = Entries::new();
        one(&mut all, 0, &self.config);
        one(&mut all, 1, &self.progress);
        one(&mut all, 2, &self.counters);
        one(&mut all, 3, &self.policies);
        many(&mut all, 8, &self.actors);
        many(&mut all, 9, &self.delegations);
        many(&mut all, 10, &self.models);
        many(&mut all, 11, &self.sources);
        many(&mut all, 12, &self.tools);
        many(&mut all, 16, &self.watermarks);
        many(&mut all, 17, &self.turns);
        many(&mut all, 18, &self.retries);
        many(&mut all, 19, &self.calls);
        many(&mut all, 20, &self.prompts);
        many(&mut all, 21, &self.parts);
        many(&mut all, 22, &self.contexts);
        many(&mut all, 24, &self.memory);
        many(&mut all, 25, &self.permits);
        many(&mut all, 26, &self.decisions);
        many(&mut all, 27, &self.exceptions);
        many(&mut all, 28, &self.plans);
        many(&mut all, 32, &self.approvals);
        many(&mut all, 33, &self.credentials);
        many(&mut all, 34, &self.effects);
        many(&mut all, 35, &self.tracked_approvals);
        many(&mut all, 36, &self.tracked_credentials);
        many(&mut all, 37, &self.tracked_effects);
        many(&mut all, 38, &self.grants);
        many(&mut all, 39, &self.outputs);
        many(&mut all, 40, &self.targets);
        many(&mut all, 41, &self.call_times);
        many(&mut all, 42, &self.shared_counters);
        all
    }
}

fn one<V: Field>(all: &mut Entries, section: u8, entry: &Option<V>) {
    if let Some(value) = entry {
        all.insert([&[0x81], to_bytes(&section).as_slice()].concat(), to_bytes(value));
    }
}

fn many<K: Field, V: Field>(all: &mut Entries, section: u8, entries: &BTreeMap<K, V>) {
    for (key, value) in entries {
        let key = [&[0x82], to_bytes(&section).as_slice(), &to_bytes(key)].concat();
        all.insert(key, to_bytes(value));
    }
}

/// The delta that leads from one set of entries to another: canonical bytes, and zeros to a multiple of 64. Spec: delta-form, delta-digest.
pub(crate) fn delta(before: &Entries, after: &Entries) -> Vec<u8> {
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key, None));
    let set = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let changes: BTreeMap<_, _> = gone.chain(set.map(|(key, value)| (key, Some(value)))).collect();
    let mut bytes = rederive_evidence::cbor::Encoder::new();
    bytes.array(changes.len());
    let mut bytes = bytes.into_bytes();
    for (key, value) in changes {
        bytes.push(0x82);
        bytes.extend(key);
        bytes.extend(value.map_or([0xf6].as_slice(), Vec::as_slice));
    }
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes
}

/// The root over these entries. Spec: state-tree.
pub(crate) fn root(entries: &Entries) -> Digest {
    let digests = |(key, value): (&Vec<u8>, &Vec<u8>)| {
        (digest(Purpose::StateKey, key), digest(Purpose::StateValue, value))
    };
    subtree(&entries.iter().map(digests).collect::<Vec<_>>(), 0)
}

fn subtree(entries: &[(Digest, Digest)], depth: usize) -> Digest {
    match entries {
        [] => Digest::ZERO,
        [(key, value)] => digest_pair(Purpose::StateLeaf, key, value),
        more => {
            let is_right = |(key, _): &(Digest, Digest)| {
                key.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
            };
            let (right, left): (Vec<_>, Vec<_>) = more.iter().partition(|entry| is_right(entry));
            digest_pair(Purpose::StateNode, &subtree(&left, depth + 1), &subtree(&right, depth + 1))
        }
    }
}

codes! {
    pub enum CallStatus {
        Proposed = 0 "proposed",
        Validated = 1 "validated",
        Requested = 2 "requested",
        Decided = 3 "decided",
        Dispatched = 4 "dispatched",
    }
    pub enum ApprovalStatus {
        Requested = 0 "requested",
        EvidenceAssembled = 1 "evidence-assembled",
        UnderReview = 2 "under-review",
        Approved = 3 "approved",
        Denied = 4 "denied",
        Revised = 5 "revised",
        Expired = 6 "expired",
        Withdrawn = 7 "withdrawn",
    }
    pub enum EffectStatus {
        Planned = 0 "planned",
        UnderWay = 1 "under-way",
        Executed = 2 "executed",
        Mismatched = 3 "mismatched",
    }
    pub enum Control {
        None = 0 "none",
        Log = 1 "log",
        Revise = 2 "revise",
        Narrow = 3 "narrow",
        Approve = 4 "approve",
        Deny = 5 "deny",
    }
}

map! {
    pub struct Config {
        0 req mode: Mode,
        1 req rule_set: RuleSet,
        2 req layers: u16,
        3 req tenant: Id,
        4 req session: Id,
        5 opt session_expires: RecordedTime,
        6 opt goal: Digest,
        7 opt scope: Vec<ScopeItem>,
        8 req capabilities: Vec<Id>,
        9 req limits: Limits,
        10 opt bundle: Digest,
        11 opt registry: Digest,
    }
    #[derive(Default)]
    pub struct Progress {
        0 opt time: RecordedTime,
        1 req closed: bool,
    }
    #[derive(Default)]
    pub struct Counters {
        0 req calls: u64,
        1 req calls_in_window: u64,
        2 req spend_micros: u64,
        3 req tokens: u64,
        4 req targets: u64,
        5 req bytes_out: u64,
        6 req refused: u64,
    }
    #[derive(Default)]
    pub struct Policies {
        0 opt bundle: Digest,
        1 opt registry: Digest,
        2 opt engine: Id,
        3 opt engine_version: Id,
    }
    pub struct RegisteredActor {
        0 req actor_type: ActorType,
        1 opt scope: Vec<ScopeItem>,
        2 opt delegation: Id,
    }
    pub struct GrantedDelegation {
        0 req from: Id,
        1 req to: Id,
        2 req depth: u8,
        3 opt expires: RecordedTime,
        4 req live: bool,
    }
    pub struct ListedModel {
        0 opt clearance: Sensitivity,
    }
    pub struct ListedSource {
        0 req label: Label,
    }
    pub struct RegisteredTool {
        0 opt version: Id,
        1 opt schema: Digest,
        2 opt effects: EffectsClass,
        3 req preview: bool,
        4 opt result_label: Label,
        5 opt surface: Id,
        6 opt reversible: bool,
        7 opt clearance: Sensitivity,
        8 opt sandbox: Id,
        9 opt credential: bool,
    }
    pub struct Watermark {
        0 req turn: u32,
    }
    #[derive(PartialOrd, Ord)]
    pub struct TurnKey {
        0 req agent: Id,
        1 req turn: u32,
    }
    pub struct Turn {
        0 req calls: u32,
        1 req ended: Vec<u64>,
        2 req influence: Influence,
    }
    #[derive(Copy)]
    pub struct Influence {
        0 req label: Label,
        1 req flags: u8,
        2 opt fresh_until: RecordedTime,
    }
    #[derive(PartialOrd, Ord)]
    pub struct IndexKey {
        0 req agent: Id,
        1 req turn: u32,
        2 req index: u16,
    }
    pub struct Retried {
        0 req attempt: u16,
    }
    pub struct Call {
        0 req status: CallStatus,
        1 req tool: Id,
        2 opt arguments: Digest,
        3 opt target: Digest,
        4 opt effects: EffectsClass,
        5 opt schema: Digest,
        6 req previewed: bool,
        7 opt permitted: bool,
        8 req influence: Influence,
        9 opt carriage: Carried,
        10 opt request: Id,
        11 opt expected_effect: Digest,
        12 opt inspected: Digest,
        13 opt diff: Digest,
        14 opt planned: Vec<Id>,
    }
    #[derive(Copy)]
    pub struct Carried {
        0 req label: Label,
        1 req known: bool,
        2 req unfounded: bool,
    }
    pub struct Prompt {
        0 req turn: u32,
        1 req next: u64,
        2 req pieces: Vec<Piece>,
        3 req influence: Influence,
    }
    pub struct Piece {
        0 req first: u64,
        1 req count: u64,
    }
    #[derive(PartialOrd, Ord)]
    pub struct PartKey {
        0 req agent: Id,
        1 req number: u64,
    }
    pub struct PromptPart {
        0 req content: Digest,
    }
    #[derive(Default)]
    pub struct Context {
        0 opt fresh_until: RecordedTime,
        1 req withheld: bool,
        2 req blocked: bool,
        3 opt transformed: Digest,
        4 opt detected: u16,
        5 opt label: Label,
    }
    pub struct MemoryItem {
        0 opt commitment: Digest,
        1 req label: Label,
        2 opt expires: RecordedTime,
    }
    pub struct Permit {
        0 opt expires: RecordedTime,
        1 opt actor: Id,
        2 opt influence: Label,
    }
    pub struct Decided {
        0 req request: Digest,
        1 req decision: Decision,
        2 req directive: Directive,
        3 req enforcement: Enforcement,
        4 opt expires: RecordedTime,
        5 opt scope: ScopeItem,
        6 opt exception: Id,
        7 opt approval: Id,
        8 req reliance: Vec<Reliance>,
        9 req control: Control,
    }
    pub struct GrantedException {
        0 req approver: Id,
        1 req scope: Vec<ScopeItem>,
        2 opt expires: RecordedTime,
    }
    pub struct Plan {
        0 opt verdict: PlanVerdict,
    }
    pub struct Present {}
    pub struct Credential {
        0 opt expires: RecordedTime,
    }
    pub struct TrackedApproval {
        0 req status: ApprovalStatus,
        1 req logged: bool,
        2 req used: bool,
        3 req breached: bool,
        4 req requester: Id,
        5 req covers: Digest,
        6 opt call: Place,
        7 opt expires: RecordedTime,
        8 opt scope: ScopeItem,
        9 opt reviewer: Id,
        10 opt shown: Digest,
    }
    pub struct TrackedCredential {
        0 opt expires: RecordedTime,
        1 opt call: Place,
        2 req scope: Vec<ScopeItem>,
        3 req surfaces: Vec<Id>,
    }
    pub struct TrackedEffect {
        0 req status: EffectStatus,
        1 req call: Place,
        2 req reversible: bool,
        3 req rollback: bool,
        4 req containment: bool,
        5 req verified: bool,
        6 opt owner: Id,
        7 opt expected: Digest,
        8 opt observed: Digest,
        9 opt amount_micros: u64,
        10 opt grant: Id,
    }
    pub struct Grant {
        0 req action: EffectsClass,
        1 opt destination: Digest,
        2 opt amount_micros_left: u64,
        3 req count_left: u32,
    }
    pub struct ProducedOutput {
        0 req label: Label,
        1 req inspected: bool,
        2 req blocked: bool,
    }
    pub struct CallsAt {
        0 req calls: u64,
    }
    pub struct SharedCounter {
        0 req kind: LimitKind,
        1 req value: u64,
        2 req limit: u64,
    }
}

impl Influence {
    /// Both together: the lower trust, the higher sensitivity, all flags, the earlier end of freshness. Spec: influence.
    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            label: self.label.join(other.label),
            flags: self.flags | other.flags,
            fresh_until: earlier(self.fresh_until, other.fresh_until),
        }
    }
}

/// The earlier of two ends, as far as there are any.
pub(crate) fn earlier(a: Option<RecordedTime>, b: Option<RecordedTime>) -> Option<RecordedTime> {
    a.into_iter().chain(b).min()
}

/// The section of an entry, by its key.
pub(crate) fn section(key: &[u8]) -> Option<u8> {
    match key {
        [_, 0x18, section, ..] | [_, section, ..] => Some(*section),
        [] | [_] => None,
    }
}
