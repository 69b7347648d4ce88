//! What is remembered: entries by section and key, and how they are written. SPEC.md 8, 10.12, 10.19, 10.23, `state.cddl`.

use std::collections::{BTreeMap, BTreeSet};

use rederive_evidence::cbor::Encoder;
use rederive_evidence::digest::{Digest, Purpose, digest, digest_pair};
use serde_json::Value;

/// A section of the state: its code; what its keys are, where it has many entries; the fields of an entry in the order of their keys. A
/// field is a name and, behind a colon, what JSON does not tell of its bytes: that it is a digest, of a registry, a map or a list that ascends.
/// What follows a bar a run of set 1 does not keep.
pub(crate) type Section = (u8, &'static str, &'static str);

macro_rules! sections {
    ($($name:ident = $code:literal $key:literal $fields:literal;)*) => {
        $(pub(crate) const $name: Section = ($code, $key, $fields);)*
    };
}

sections! {
    CONFIG = 0 "" "mode:mode rule_set:rule-set layers tenant session session_expires goal:digest scope:scope-item capabilities:id \
        limits:limits bundle:digest registry:digest";
    PROGRESS = 1 "" "time closed";
    COUNTERS = 2 "" "calls calls_in_window spend_micros tokens targets bytes_out refused";
    POLICIES = 3 "" "| bundle:digest registry:digest engine engine_version";
    ACTORS = 8 "id" "actor_type:actor-type scope:scope-item delegation";
    DELEGATIONS = 9 "id" "from to depth expires live";
    MODELS = 10 "id" "clearance:sensitivity";
    SOURCES = 11 "id" "label:label";
    TOOLS = 12 "id" "version schema:digest effects:effects-class preview result_label:label | surface reversible \
        clearance:sensitivity sandbox credential";
    WATERMARKS = 16 "id" "turn";
    TURNS = 17 "turn-key" "calls ended influence:influence";
    RETRIES = 18 "index-key" "attempt";
    CALLS = 19 "place" "status:call-status tool arguments:digest target:digest effects:effects-class schema:digest previewed permitted \
        influence:influence | carriage:carried request expected_effect:digest inspected:digest diff:digest planned:id";
    PROMPTS = 20 "id" "turn next pieces:piece influence:influence";
    PARTS = 21 "part-key" "content:digest";
    CONTEXTS = 22 "digest" "fresh_until withheld blocked transformed:digest | detected label:label";
    MEMORY = 24 "memory-key" "commitment:digest label:label expires";
    PERMITS = 25 "digest" "expires | actor influence:label";
    DECISIONS = 26 "place" "| request:digest decision:decision directive:directive enforcement:enforcement expires scope:scope-item \
        exception approval reliance:reliance control:control";
    EXCEPTIONS = 27 "id" "| approver scope:scope-item expires";
    PLANS = 28 "id" "| verdict:plan-verdict";
    APPROVALS = 32 "id" "";
    CREDENTIALS = 33 "id" "expires";
    EFFECTS = 34 "id" "";
    TRACKED_APPROVALS = 35 "id" "| status:approval-status logged used breached requester covers:digest call:place expires \
        scope:scope-item reviewer shown:digest";
    TRACKED_CREDENTIALS = 36 "id" "| expires call:place scope:scope-item surfaces:id";
    TRACKED_EFFECTS = 37 "id" "| status:effect-status call:place reversible rollback containment verified owner expected:digest \
        observed:digest amount_micros grant";
    GRANTS = 38 "id" "| action:effects-class destination:digest amount_micros_left count_left";
    OUTPUTS = 39 "digest" "| label:label inspected blocked";
    TARGETS = 40 "digest" "";
    CALL_TIMES = 41 "time" "calls";
    SHARED_COUNTERS = 42 "id" "kind:limit-kind value limit";
}

macro_rules! table {
    ($(#[$about:meta])* $table:ident: $($name:literal = $text:literal;)*) => {
        $(#[$about])*
        const $table: &[(&str, &str)] = &[$(($name, $text)),*];
    };
}

table! {
    /// The maps inside of keys and entries: name and fields.
    MAPS:
    "label" = "trust:trust sensitivity:sensitivity";
    "influence" = "label:label flags fresh_until";
    "carried" = "label:label known unfounded";
    "scope-item" = "tool action:effects-class resource tenant approval:approval-policy";
    "place" = "agent turn index attempt";
    "turn-key" = "agent turn";
    "index-key" = "agent turn index";
    "part-key" = "agent number";
    "memory-key" = "scope:memory-scope namespace name";
    "piece" = "first count";
    "reliance" = "key:digest value:digest below";
    "rule-set" = "number digest:digest";
    "limits" = "calls rate_calls rate_window_ms spend_micros tokens targets bytes_out retries credential_lifetime_ms delegation_depth \
        freshness_ms permit_lifetime_ms risk_trust:trust risk_sensitivity:sensitivity approval_sensitivity:sensitivity \
        uncertainty_permille";
}

table! {
    /// The registries: name, and values in the order of their codes from 0; where they are ordered, the lowest first.
    REGISTRIES:
    "mode" = "enforced observed";
    "trust" = "external internal user control";
    "sensitivity" = "public internal confidential restricted";
    "effects-class" = "read write send delete deploy approve purchase execute";
    "approval-policy" = "none notify approve";
    "actor-type" = "principal agent sub-agent service workflow gate broker credential-broker guardrail recorder approver \
        policy-administrator operator downstream";
    "layer" = "run identity context prompt guardrail tool-broker policy escalation credential approval memory outcome hand-off audit";
    "call-status" = "proposed validated requested decided dispatched";
    "memory-scope" = "turn session durable shared";
    "decision" = "PERMIT DENY SILENCE";
    "directive" = "none revise require-approval narrow-scope roll-back route";
    "enforcement" = "EXECUTED BLOCKED";
    "control" = "none log revise narrow approve deny";
    "plan-verdict" = "aligned revise refused";
    "approval-status" = "requested evidence-assembled under-review approved denied revised expired withdrawn";
    "effect-status" = "planned under-way executed mismatched";
    "limit-kind" = "calls spend-micros tokens targets bytes-out";
    "detected-class" = "personal health secret financial instruction command destination departure";
    "risk-signal" = "untrusted-instruction sensitive-context effect-capability broad-authority durable-write hand-off irreversible";
}

/// What is not there.
pub(crate) static NULL: Value = Value::Null;

/// The code of a registry's value; in an ordered one, its rank.
pub(crate) fn code(registry: &str, value: &Value) -> Option<u64> {
    let (_, values) = REGISTRIES.iter().find(|(name, _)| *name == registry)?;
    (0..).zip(values.split_whitespace()).find(|(_, name)| value == name).map(|(code, _)| code)
}

/// Values of a registry as bits by their codes.
pub(crate) fn bits(registry: &str, values: &[Value]) -> u64 {
    values.iter().filter_map(|value| code(registry, value)).fold(0, |bits, code| bits | 1 << code)
}

/// The canonical bytes of the array of a section's code and a key.
pub(crate) fn key_bytes((code, form, _): Section, key: &Value) -> Vec<u8> {
    let mut e = Encoder::new();
    e.array(if form.is_empty() { 1 } else { 2 });
    e.unsigned(code.into());
    if !form.is_empty() {
        encode(&mut e, form, key);
    }
    e.into_bytes()
}

fn encode(e: &mut Encoder, form: &str, value: &Value) {
    match value {
        Value::Null => e.null(),
        Value::Bool(value) => e.bool(*value),
        Value::Number(number) => e.unsigned(number.as_u64().unwrap_or(0)),
        Value::String(text) => match (Digest::from_hex(text), code(form, value)) {
            (Ok(digest), _) if form == "digest" => e.bytes(&digest.0),
            (_, Some(code)) => e.unsigned(code),
            _ => e.text(text),
        },
        Value::Array(items) => {
            let mut items: Vec<&Value> = items.iter().collect();
            items.sort_by_key(|item| order(form, item));
            e.array(items.len());
            items.into_iter().for_each(|item| encode(e, form, item));
        }
        Value::Object(_) => {
            let fields = MAPS.iter().find(|(name, _)| *name == form).map_or("", |(_, fields)| fields);
            encode_map(e, fields, value);
        }
    }
}

/// What the items of a list ascend by, where they do: identifiers by their bytes, scope items by their fields, of which two are of a registry.
fn order<'v>(form: &str, item: &'v Value) -> Vec<(Option<u64>, Option<&'v str>)> {
    let by = |registry: &str, value: &'v Value| match code(registry, value) {
        Some(code) => (Some(code), None),
        None => (None, value.as_str()),
    };
    match form {
        "id" => vec![by("", item)],
        "scope-item" => {
            let (action, approval) =
                (by("effects-class", &item["action"]), by("approval-policy", &item["approval"]));
            vec![by("", &item["tool"]), action, by("", &item["resource"]), by("", &item["tenant"]), approval]
        }
        _ => Vec::new(),
    }
}

/// A map with the fields that are there.
fn encode_map(e: &mut Encoder, fields: &str, value: &Value) {
    let fields = fields
        .split_whitespace()
        .filter(|field| *field != "|")
        .map(|field| field.split_once(':').unwrap_or((field, "")));
    let there: Vec<_> = (0..).zip(fields).filter(|(_, (name, _))| !value[*name].is_null()).collect();
    e.map(there.len());
    for (key, (name, form)) in there {
        e.unsigned(key);
        encode(e, form, &value[name]);
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) section: Section,
    /// Those of the section's fields that the run keeps.
    fields: &'static str,
    key: Value,
    value: Value,
}

impl Entry {
    fn bytes(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        encode_map(&mut e, self.fields, &self.value);
        e.into_bytes()
    }
}

/// The state of a run: entries by the canonical bytes of their keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct State(pub(crate) BTreeMap<Vec<u8>, Entry>);

impl State {
    /// The entry of a section that has one.
    pub(crate) fn one(&self, section: Section) -> &Value {
        self.get(section, &NULL)
    }

    /// The entry at a key, or null.
    pub(crate) fn get(&self, section: Section, key: &Value) -> &Value {
        self.0.get(&key_bytes(section, key)).map_or(&NULL, |entry| &entry.value)
    }

    pub(crate) fn has(&self, section: Section, key: &Value) -> bool {
        !self.get(section, key).is_null()
    }

    /// The keys and entries of a section, those with names in the order of the names.
    pub(crate) fn all(&self, section: Section) -> Vec<(&Value, &Value)> {
        let entries = self.0.values().filter(|entry| entry.section == section);
        let mut all: Vec<_> = entries.map(|entry| (&entry.key, &entry.value)).collect();
        all.sort_by_key(|(key, _)| key.as_str());
        all
    }

    /// Enters what is there at a key, where the run keeps it. Spec: rule-set-2.
    pub(crate) fn set(&mut self, section: Section, key: &Value, value: Value) {
        let of_set_1 = section.2.split('|').next().unwrap_or("");
        let is_set_2 = self.one(CONFIG)["rule_set"]["number"] == 2;
        let fields = if is_set_2 { section.2 } else { of_set_1 };
        if is_set_2 || !section.2.starts_with('|') {
            self.0.insert(key_bytes(section, key), Entry { section, fields, key: key.clone(), value });
        }
    }

    /// Sets these fields of an entry, where the entry is there.
    pub(crate) fn update(&mut self, section: Section, key: &Value, fields: Value) {
        if let Some(entry) = self.0.get_mut(&key_bytes(section, key)) {
            entry.value = with(entry.value.clone(), fields);
        }
    }

    pub(crate) fn remove(&mut self, section: Section, key: &Value) {
        self.0.remove(&key_bytes(section, key));
    }

    /// Removes the entries of a section that do not stay.
    pub(crate) fn keep(&mut self, section: Section, stays: impl Fn(&Value) -> bool) {
        self.0.retain(|_, entry| entry.section != section || stays(&entry.key));
    }

    /// The digest of an entry's value, in JSON. Spec: reliance.
    pub(crate) fn value_digest(&self, key: &[u8]) -> Value {
        self.0.get(key).map_or(Value::Null, |entry| text(&digest(Purpose::StateValue, &entry.bytes())))
    }

    /// The root over all entries. Spec: state-tree.
    pub(crate) fn root(&self) -> Digest {
        let digests = self.0.iter().map(|(key, entry)| {
            (digest(Purpose::StateKey, key), digest(Purpose::StateValue, &entry.bytes()))
        });
        subtree(&digests.collect::<Vec<_>>(), 0)
    }
}

/// A map with these fields set.
pub(crate) fn with(mut map: Value, fields: Value) -> Value {
    if let (Value::Object(map), Value::Object(fields)) = (&mut map, fields) {
        map.extend(fields);
    }
    map
}

/// A digest in JSON.
pub(crate) fn text(digest: &Digest) -> Value {
    Value::String(digest.to_hex())
}

/// The delta that leads from one state to another: canonical bytes, and zeros to a multiple of 64. Spec: delta-form, delta-digest.
pub(crate) fn delta(before: &State, after: &State) -> Vec<u8> {
    let mut changes = Vec::new();
    for key in before.0.keys().chain(after.0.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.0.get(key), after.0.get(key));
        let is_same = old.map(|entry| &entry.value) == new.map(|entry| &entry.value);
        if !is_same && old.map(Entry::bytes) != new.map(Entry::bytes) {
            changes.push((key, new.map_or(vec![0xf6], Entry::bytes)));
        }
    }
    let mut e = Encoder::new();
    e.array(changes.len());
    for (key, value) in changes {
        e.array(2);
        e.item(key);
        e.item(&value);
    }
    let mut bytes = e.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes
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
