//! One record as the rules see it, in the JSON view, and the words in which they are told. SPEC.md 10.2, 10.3, 10.15.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::kinds::{Body, Nature};
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::schema::to_bytes;
use serde_json::{Value, json};

use crate::changes;
use crate::state::*;

/// The mark's flags. Spec: lineage-mark.
pub(crate) const GOAL: u64 = 1;
pub(crate) const BREACH: u64 = 2;
pub(crate) const REFUSED: u64 = 4;
pub(crate) const DATA: u64 = 8;

/// A record, and what was there before it. What is not there is null.
pub(crate) struct Case<'a> {
    pub(crate) state: &'a State,
    /// The marks of the records before it: kind, label, flags.
    pub(crate) marks: &'a [Value],
    pub(crate) kind: &'static str,
    /// Types of the actors that make records of its kind.
    pub(crate) makers: String,
    pub(crate) is_request: bool,
    pub(crate) record: Value,
    pub(crate) body: Value,
    pub(crate) extracted: Value,
    /// The highest record that the body refers to.
    pub(crate) refers_to: Option<u64>,
    /// The digest of a decision's request. Spec: request-digest.
    pub(crate) request: Value,
    pub(crate) place: Value,
    /// *Its agent*.
    pub(crate) agent: Value,
    /// *Its turn*, *its call*, *its decision*.
    pub(crate) turn: &'a Value,
    pub(crate) call: &'a Value,
    pub(crate) decision: &'a Value,
    /// The place that the body names, and *named call*.
    pub(crate) named: Value,
    pub(crate) named_call: &'a Value,
    /// Whether it opens the run.
    pub(crate) opens: bool,
    pub(crate) config: Value,
    /// *Its actor*.
    pub(crate) actor: Value,
}

/// How an end stands to a record's time. Spec: expiry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Live,
    Over,
    CannotTell,
}

/// How a place stands. Spec: places.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Live,
    Used,
    Free,
    OutOfTurn,
}

/// The steps of calls, approvals and effects: the standings from which each may come, and where it leads.
/// Spec: call-steps, approval-steps, effect-steps.
const STEPS: [(&str, &str, &str); 25] = [
    ("tool.proposed", "", "proposed"),
    ("tool.validated", "proposed", "validated"),
    ("tool.requested", "validated", "requested"),
    ("decision.made", "requested decided", "decided"),
    ("tool.dispatched", "decided", "dispatched"),
    ("tool.previewed", "proposed validated requested decided", ""),
    ("tool.blocked", "proposed validated requested decided", ""),
    ("tool.returned", "dispatched", ""),
    ("tool.failed", "dispatched", ""),
    ("tool.unknown", "dispatched", ""),
    ("approval.requested", "revised", "requested"),
    ("approval.evidence-assembled", "requested", "evidence-assembled"),
    ("approval.under-review", "evidence-assembled", "under-review"),
    ("approval.approved", "under-review", "approved"),
    ("approval.denied", "under-review", "denied"),
    ("approval.revised", "under-review", "revised"),
    ("approval.expired", "requested evidence-assembled under-review revised", "expired"),
    ("approval.withdrawn", "requested evidence-assembled under-review revised", "withdrawn"),
    ("approval.logged", "approved denied", ""),
    ("downstream.executed", "under-way", "executed"),
    ("downstream.verified", "under-way executed", "mismatched"),
    ("downstream.reverted", "under-way executed mismatched", ""),
    ("downstream.quarantined", "under-way executed mismatched", ""),
    ("downstream.compensated", "under-way executed mismatched", ""),
    ("downstream.notified", "under-way executed mismatched", ""),
];

impl<'a> Case<'a> {
    pub(crate) fn new(
        input: &Input,
        extracted: Option<&Extracted>,
        state: &'a State,
        marks: &'a [Value],
    ) -> Self {
        let (kind, body) = (input.body.kind(), json!(input.body));
        let record = json!({
            "sequence": input.sequence, "time": input.time, "actor": input.actor, "origin": input.origin,
            "place": input.place, "causes": input.causes, "labels": input.labels, "identity": input.identity,
            "contents": input.contents,
        });
        let place = record["place"].clone();
        let named = match kind.name() {
            "decision.made" => body["request"]["call"].clone(),
            _ => body["call"].clone(),
        };
        let request =
            if let Body::DecisionMade(body) = &input.body { to_bytes(&body.request) } else { vec![] };
        let mut case = Self {
            kind: kind.name(),
            makers: kind.makers().iter().map(|maker| maker.name()).collect::<Vec<_>>().join(" "),
            is_request: kind.nature() == Nature::Request,
            extracted: json!(extracted),
            refers_to: input.body.tally().records.checked_sub(1),
            request: text(&digest(Purpose::Request, &request)),
            agent: known(&place["agent"]).unwrap_or(&record["actor"]).clone(),
            turn: state.get(TURNS, &place),
            call: state.get(CALLS, &place),
            decision: state.get(DECISIONS, &place),
            named_call: state.get(CALLS, &named),
            opens: marks.is_empty() && kind.name() == "run.opened",
            config: state.one(CONFIG).clone(),
            actor: state.get(ACTORS, &record["actor"]).clone(),
            state,
            marks,
            record,
            body,
            place,
            named,
        };
        if case.opens {
            let mut listed = list(&case.body["actors"]).iter();
            let own = listed.find(|actor| actor["id"] == case.record["actor"]);
            (case.actor, case.config) = (own.cloned().unwrap_or(Value::Null), changes::config(&case));
        }
        case
    }

    /// Whether its kind is one of these.
    pub(crate) fn is(&self, kinds: &str) -> bool {
        kinds.split_whitespace().any(|kind| kind == self.kind)
    }

    /// Where the step of a call, an approval or an effect may come from, and where it leads.
    pub(crate) fn step_of(&self, what: &str) -> Option<(&'static str, &'static str)> {
        let is_of =
            self.kind.split('.').next() == Some(what) || what == "tool" && self.kind == "decision.made";
        let (_, from, to) = STEPS.iter().find(|(kind, ..)| *kind == self.kind && is_of)?;
        Some((from, to))
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.config["mode"] == "enforced"
    }

    /// Nobody is asked to judge a run by a set that is not known; the machine answers by set 1.
    pub(crate) fn is_set_2(&self) -> bool {
        self.config["rule_set"]["number"] == 2
    }

    /// Whether the run lists a layer.
    pub(crate) fn has_layer(&self, layer: &str) -> bool {
        number(&self.config["layers"]) & bits("layer", &[json!(layer)]) != 0
    }

    /// A limit of the run.
    pub(crate) fn limit(&self, name: &str) -> &Value {
        &self.config["limits"][name]
    }

    /// The clearance of what has none on record.
    pub(crate) fn clearance_unknown(&self) -> Value {
        json!(if self.is_enforced() { "public" } else { "restricted" })
    }

    /// Whether its actor is registered as one of these types.
    pub(crate) fn actor_is(&self, types: &str) -> bool {
        is_one(&self.actor["actor_type"], types)
    }

    /// What is registered of a call's tool.
    pub(crate) fn tool(&self, call: &Value) -> &'a Value {
        self.state.get(TOOLS, &call["tool"])
    }

    /// *Commitment of a content*, which is named by its place among the contents; a commitment that is stated stands for itself.
    pub(crate) fn commitment<'v>(&'v self, content: &'v Value) -> &'v Value {
        let entry = content.as_u64().map(|place| &self.record["contents"][place as usize]);
        entry.map_or(content, |entry| &entry["commitment"])
    }

    /// The mark of an earlier record.
    pub(crate) fn mark(&self, record: &Value) -> &'a Value {
        record.as_u64().and_then(|record| self.marks.get(record as usize)).unwrap_or(&NULL)
    }

    /// Those of these records that are earlier, with their marks.
    pub(crate) fn earlier(&self, ranges: &Value) -> Vec<(u64, &'a Value)> {
        (0..).zip(self.marks).filter(|(record, _)| holds(ranges, *record)).collect()
    }

    /// Its causes that are earlier records.
    pub(crate) fn causes(&self) -> Vec<(u64, &'a Value)> {
        self.earlier(&self.record["causes"])
    }

    /// Its first cause with this flag.
    pub(crate) fn cause_with(&self, flag: u64) -> Option<u64> {
        self.causes().into_iter().find(|(_, mark)| has_flag(mark, flag)).map(|(record, _)| record)
    }

    /// Whether something with this end is over. Spec: expiry.
    pub(crate) fn end(&self, end: &Value) -> End {
        match (end.as_u64(), self.record["time"].as_u64()) {
            (None, _) => End::Live,
            (Some(_), None) => End::CannotTell,
            (Some(end), Some(time)) if time >= end => End::Over,
            (Some(_), Some(_)) => End::Live,
        }
    }

    /// The names of the delegations above an actor, nearest first.
    pub(crate) fn delegations_above(&self, actor: &Value) -> Vec<&'a Value> {
        let mut above = Vec::new();
        let mut next = &self.state.get(ACTORS, actor)["delegation"];
        while !next.is_null() && above.len() < 17 {
            above.push(next);
            let granted = self.state.get(DELEGATIONS, next);
            next = &self.state.get(ACTORS, &granted["from"])["delegation"];
        }
        above
    }

    /// *The scopes of an actor*; the empty list stands for the run's where that is not known, in an enforced run.
    pub(crate) fn scopes(&self, actor: &Value) -> Vec<Value> {
        let otherwise = if self.is_enforced() { json!([]) } else { Value::Null };
        let run_scope = known(&self.config["scope"]).unwrap_or(&otherwise);
        let own = &self.state.get(ACTORS, actor)["scope"];
        [own, run_scope].into_iter().filter_map(known).cloned().collect()
    }

    // quoted: places
    /// How a place stands. Spec: places.
    pub(crate) fn standing(&self, place: &Value) -> Standing {
        if self.state.has(CALLS, place) {
            return Standing::Live;
        }
        let (turn, entry) = (self.state.get(TURNS, place), self.state.get(RETRIES, place));
        let attempt = number(&place["attempt"]);
        if turn.is_null() {
            return match attempt {
                _ if self.is_turn_used(place) => Standing::Used,
                0 => Standing::Free,
                _ => Standing::OutOfTurn,
            };
        }
        let last = number(&entry["attempt"]);
        let has_ended = is_ended(turn, number(&place["index"]));
        let is_taken = has_ended || !entry.is_null();
        match attempt {
            0 if !is_taken => Standing::Free,
            attempt if attempt <= last && is_taken => Standing::Used,
            attempt if attempt == last + 1 && has_ended => Standing::Free,
            _ => Standing::OutOfTurn,
        }
    }
    // unquoted

    /// Whether a turn is not above the watermark of its agent.
    pub(crate) fn is_turn_used(&self, place: &Value) -> bool {
        let watermark = self.state.get(WATERMARKS, &place["agent"]);
        !watermark.is_null() && number(&place["turn"]) <= number(&watermark["turn"])
    }

    /// Whether the turn of its place was announced with more calls than its index.
    pub(crate) fn is_announced(&self) -> bool {
        number(&self.turn["calls"]) > number(&self.place["index"])
    }

    /// The commitments of the contents that the record uses, in order. Spec: content-uses.
    pub(crate) fn uses(&self) -> Vec<&Value> {
        let (body, parts) = (&self.body, list(&self.body["parts"]).iter());
        let contents: Vec<&Value> = match self.kind {
            "prompt.sent" => parts.map(|part| &part["content"]).collect(),
            "context.summarised" => list(&body["items"]).iter().chain([&body["summary"]]).collect(),
            "tool.proposed" | "tool.validated" => vec![&body["arguments"]],
            "tool.requested" | "tool.dispatched" => vec![&body["arguments"], &body["target"]],
            "memory.written" => vec![&body["value"]],
            "output.produced" | "output.released" => vec![&body["output"]],
            "delegation.handed-off" => vec![&body["message"]],
            "delegation.granted" => vec![&body["task"]],
            _ => Vec::new(),
        };
        contents.into_iter().map(|content| self.commitment(content)).collect()
    }

    /// The numbers of the parts that a prompt keeps, or the range that is wrong, where one is. Spec: rule-prm-1.
    pub(crate) fn kept_parts(&self) -> Result<Vec<u64>, Option<u64>> {
        let (latest, extends) = (self.state.get(PROMPTS, &self.agent), &self.body["extends"]);
        let ranges = list(&self.body["kept"]);
        if extends.is_null() && ranges.is_empty() {
            return Ok(Vec::new());
        }
        if extends.is_null() || latest["turn"] != *extends {
            return Err(None);
        }
        let numbers = |piece: &Value| {
            let first = number(&piece["first"]);
            first..first + number(&piece["count"])
        };
        let earlier: Vec<u64> = list(&latest["pieces"]).iter().flat_map(numbers).collect();
        let (mut kept, mut from) = (Vec::new(), 0);
        for (item, range) in (0..).zip(ranges) {
            let first = number(&range["first"]) as usize;
            let end = first.saturating_add(number(&range["count"]) as usize);
            let parts = earlier.get(first..end).filter(|parts| !parts.is_empty() && first >= from);
            kept.extend(parts.ok_or(Some(item))?);
            from = end;
            if pieces(&kept).len() > 4_095 {
                return Err(Some(item));
            }
        }
        Ok(kept)
    }

    /// The end of freshness of a content.
    pub(crate) fn fresh_until(&self, content: &Value) -> &'a Value {
        &self.state.get(CONTEXTS, content)["fresh_until"]
    }

    /// Whether a guardrail found this in the content.
    pub(crate) fn found(&self, content: &Value, class: &str) -> bool {
        number(&self.state.get(CONTEXTS, content)["detected"]) & bits("detected-class", &[json!(class)]) != 0
    }

    /// The carriage of a call with these arguments. Spec: carriage.
    pub(crate) fn carriage(&self, call: &Value, arguments: &Value) -> Value {
        let set = known(&self.state.get(CONTEXTS, arguments)["label"]);
        self.raised(set.unwrap_or(&call["carriage"]["label"]), arguments)
    }

    /// A label, raised to what guardrails found in the content.
    pub(crate) fn raised(&self, label: &Value, content: &Value) -> Value {
        let least = [
            ("secret", "restricted"),
            ("personal", "confidential"),
            ("health", "confidential"),
            ("financial", "confidential"),
        ];
        let found = least.into_iter().find(|(class, _)| self.found(content, class));
        join(label, &label_of("control", found.map_or("public", |(_, least)| least)))
    }
}

/// A value that is there.
pub(crate) fn known(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| !value.is_null())
}

/// Whether a value is stated, and is another than the one held.
pub(crate) fn differs(stated: &Value, held: &Value) -> bool {
    !stated.is_null() && stated != held
}

/// Whether both are known, and are two values.
pub(crate) fn conflicts(a: &Value, b: &Value) -> bool {
    differs(a, b) && !b.is_null()
}

/// A number; 0 where there is none.
pub(crate) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// A list; the empty one where there is none.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether a value is one of these names.
pub(crate) fn is_one(value: &Value, names: &str) -> bool {
    names.split_whitespace().any(|name| value == name)
}

/// The first item for which this holds.
pub(crate) fn first(items: &Value, mut holds: impl FnMut(&Value) -> bool) -> Option<u64> {
    (0..).zip(list(items)).find(|(_, item)| holds(item)).map(|(at, _)| at)
}

/// Whether ranges hold a record.
pub(crate) fn holds(ranges: &Value, record: u64) -> bool {
    let is_in = |range: &Value| {
        record.checked_sub(number(&range[0])).is_some_and(|distance| distance < number(&range[1]))
    };
    list(ranges).iter().any(is_in)
}

/// Numbers as pieces: a first number and a count; those that follow each other are one.
pub(crate) fn pieces(numbers: &[u64]) -> Vec<(u64, u64)> {
    let mut pieces: Vec<(u64, u64)> = Vec::new();
    for number in numbers {
        match pieces.last_mut() {
            Some((first, count)) if *first + *count == *number => *count += 1,
            _ => pieces.push((*number, 1)),
        }
    }
    pieces
}

/// Whether a mark, or an influence, has a flag.
pub(crate) fn has_flag(mark: &Value, flag: u64) -> bool {
    number(&mark["flags"]) & flag != 0
}

/// Whether the call at this index has ended.
pub(crate) fn is_ended(turn: &Value, index: u64) -> bool {
    let word = number(&turn["ended"][(index / 64) as usize]);
    word >> (index % 64) & 1 == 1
}

pub(crate) fn all_ended(turn: &Value) -> bool {
    (0..number(&turn["calls"])).all(|index| is_ended(turn, index))
}

/// *Above read*.
pub(crate) fn is_above_read(class: &Value) -> bool {
    class != "read"
}

/// *Requested or later*.
pub(crate) fn is_requested(call: &Value) -> bool {
    code("call-status", &call["status"]) >= Some(2)
}

/// *Goes ahead*, of a decision.
pub(crate) fn goes_ahead(decision: &Value) -> bool {
    decision["decision"] == "PERMIT" && decision["enforcement"] == "EXECUTED"
}

pub(crate) fn label_of(trust: &str, sensitivity: &str) -> Value {
    json!({"trust": trust, "sensitivity": sensitivity})
}

/// External, restricted.
pub(crate) fn unknown() -> Value {
    label_of("external", "restricted")
}

/// Two labels together: the lower trust, the higher sensitivity.
pub(crate) fn join(a: &Value, b: &Value) -> Value {
    let trust = [&a["trust"], &b["trust"]].into_iter().min_by_key(|trust| code("trust", trust));
    let is_less = is_below(&a["sensitivity"], &b["sensitivity"]);
    json!({"trust": trust, "sensitivity": if is_less { &b["sensitivity"] } else { &a["sensitivity"] }})
}

/// Whether a label is known, and has more trust or less sensitivity than another.
pub(crate) fn is_raised(label: &Value, above: &Value) -> bool {
    code("trust", &label["trust"]) > code("trust", &above["trust"])
        || is_below(&label["sensitivity"], &above["sensitivity"])
}

/// Known, and less sensitive.
pub(crate) fn is_below(a: &Value, b: &Value) -> bool {
    !a.is_null() && code("sensitivity", a) < code("sensitivity", b)
}

/// A time and a limit after it, where both are there.
pub(crate) fn plus_ms(time: &Value, limit: &Value) -> Value {
    let end = time.as_u64().zip(limit.as_u64());
    json!(end.map(|(time, limit)| time.saturating_add(limit.saturating_mul(1_000))))
}

/// Whether both ends are there, and the first is later.
pub(crate) fn is_later(end: &Value, other: &Value) -> bool {
    !other.is_null() && end.as_u64() > other.as_u64()
}

/// The earlier of two ends, as far as there are any.
pub(crate) fn earlier(a: &Value, b: &Value) -> Value {
    json!([a, b].into_iter().filter_map(Value::as_u64).min())
}

/// A scope item *is within* another.
pub(crate) fn is_within(item: &Value, wider: &Value) -> bool {
    ["tool", "action", "tenant"].iter().all(|field| item[field] == wider[field])
        && code("approval-policy", &item["approval"]) >= code("approval-policy", &wider["approval"])
        && !differs(&wider["resource"], &item["resource"])
}

pub(crate) fn is_within_any(item: &Value, scope: &Value) -> bool {
    list(scope).iter().any(|wider| is_within(item, wider))
}

/// The first item that is within none of a scope, where that is known.
pub(crate) fn outside(items: &Value, scope: &Value) -> Option<u64> {
    first(items, |item| !scope.is_null() && !is_within_any(item, scope))
}
