//! What influenced a record, and its mark. SPEC.md 10.4.

use rederive_evidence::rules::Outcome;
use serde_json::{Value, json};

use crate::case::*;
use crate::state::*;

/// An influence of a label alone.
fn plain(label: &Value) -> Value {
    json!({"label": label, "flags": 0})
}

/// What a mark hands on: its label, and flags 1 and 2.
fn marked(mark: &Value) -> Value {
    json!({"label": mark["label"], "flags": number(&mark["flags"]) & (GOAL | BREACH)})
}

/// Both together: labels, all flags, the earlier end of freshness.
fn joined(a: &Value, b: &Value) -> Value {
    json!({
        "label": join(&a["label"], &b["label"]),
        "flags": number(&a["flags"]) | number(&b["flags"]),
        "fresh_until": earlier(&a["fresh_until"], &b["fresh_until"]),
    })
}

// quoted: influence
/// The influence of a record. Spec: influence.
pub(crate) fn of(case: &Case<'_>) -> Value {
    let (body, state) = (&case.body, case.state);
    let mut of: Vec<Value> = case.causes().into_iter().map(|(_, mark)| marked(mark)).collect();
    let live = [case.turn, case.call, case.named_call];
    of.extend(live.into_iter().filter_map(|entry| known(&entry["influence"])).cloned());
    let latest = known(&state.get(PROMPTS, &case.agent)["influence"]).cloned();
    let mut fresh_until = Value::Null;
    if case.kind == "prompt.sent" {
        of.extend(latest.filter(|_| !body["extends"].is_null()));
        for part in list(&body["parts"]) {
            of.extend(known(case.mark(&part["from"])).map(marked));
            fresh_until = earlier(&fresh_until, case.fresh_until(case.commitment(&part["content"])));
        }
    } else if case.turn.is_null() && case.call.is_null() {
        of.extend(latest);
    }
    match known(&brought(case)) {
        Some(label) => of.push(plain(label)),
        None if of.is_empty() => of.push(plain(&default_label(case))),
        None => {}
    }
    of.extend(list(&case.record["labels"]).iter().map(|stated| plain(&stated["label"])));
    if case.kind == "delegation.handed-off" {
        of.extend(known(&body["label"]).map(plain));
    }
    let flags = if reaches_goal(case) { GOAL } else { 0 };
    let nothing = json!({"label": nothing(), "flags": flags, "fresh_until": fresh_until});
    let mut influence = of.iter().fold(nothing, |a, b| joined(&a, b));
    if case.kind == "guardrail.transformed" && case.actor_is("guardrail") && !body["label"].is_null() {
        influence["label"] = body["label"].clone();
    }
    influence
}
// unquoted

/// Control and public: what joins to any label without changing it.
pub(crate) fn nothing() -> Value {
    label_of("control", "public")
}

fn reaches_goal(case: &Case<'_>) -> bool {
    let message = case.commitment(&case.body["message"]);
    case.kind == "run.opened"
        || case.kind == "prompt.given" && !message.is_null() && *message == case.config["goal"]
}

/// The label of what a record brings from outside, where it brings something. Spec: default-labels.
fn brought(case: &Case<'_>) -> Value {
    let (body, labels) = (&case.body, list(&case.record["labels"]));
    let covers_all = |stated: &&Value| ["content", "from", "to"].iter().all(|part| stated[part].is_null());
    let stated = labels.iter().filter(covers_all).map(|stated| stated["label"].clone());
    let stated = stated.reduce(|a, b| join(&a, &b)).unwrap_or(Value::Null);
    let call = known(case.call).unwrap_or(case.named_call);
    let registered = &case.tool(call)["result_label"];
    let or_unknown =
        |labels: &[&Value]| labels.iter().find_map(|label| known(label)).cloned().unwrap_or(unknown());
    match case.kind {
        "run.opened" => known(&stated).cloned().unwrap_or(nothing()),
        "prompt.given" if body["role"] == "tool" => or_unknown(&[&stated]),
        "prompt.given" => known(&stated).cloned().unwrap_or(default_label(case)),
        "context.retrieved" => {
            let is_told =
                ["source", "provenance", "owner", "retrieved"].iter().all(|part| !body[part].is_null());
            let source = case.state.get(SOURCES, &body["source"]);
            if is_told { or_unknown(&[&stated, &body["label"], &source["label"]]) } else { unknown() }
        }
        "context.summarised" if case.causes().is_empty() => or_unknown(&[&stated]),
        "tool.returned" => or_unknown(&[&stated, &body["label"], registered]),
        "tool.failed" | "downstream.executed" => or_unknown(&[&stated, registered]),
        "memory.read" => {
            let (value, item) = (case.commitment(&body["value"]), case.state.get(MEMORY, &body["item"]));
            match (value, &body["earlier"]["proof"]) {
                (Value::Null, _) => nothing(),
                (value, _) if *value == item["commitment"] => item["label"].clone(),
                (_, proof) if item.is_null() && !proof.is_null() => or_unknown(&[&stated]),
                _ => unknown(),
            }
        }
        _ => Value::Null,
    }
}

/// The trust of what actors of these types say, by default.
const DEFAULTS: [(&str, &str); 3] = [
    ("operator policy-administrator gate credential-broker guardrail recorder", "control"),
    ("principal approver", "user"),
    ("service workflow broker", "internal"),
];

/// The default of its actor. Spec: default-labels.
pub(crate) fn default_label(case: &Case<'_>) -> Value {
    let found = DEFAULTS.iter().find(|(types, _)| case.actor_is(types));
    found.map_or(unknown(), |(_, trust)| label_of(trust, "internal"))
}

/// The kinds that are data whoever makes them, and those that besides hand on what their causes brought.
const DATA_KINDS: &str =
    "context.retrieved context.summarised tool.returned tool.failed memory.read delegation.handed-off";
const HANDING_ON: &str = "prompt.given prompt.answered plan.proposed plan.revised guardrail.transformed output.produced \
    downstream.executed";

/// Whether a record is data. Spec: data-mark.
fn is_data(case: &Case<'_>) -> bool {
    let brings_data = case.cause_with(DATA).is_some();
    match case.kind {
        "prompt.given" => {
            case.body["role"] == "tool"
                || case.actor_is("agent sub-agent")
                || !case.actor_is("principal operator") && brings_data
        }
        "guardrail.transformed" => brings_data || has_flag(case.mark(&case.body["record"]), DATA),
        _ => case.is(DATA_KINDS),
    }
}

/// The mark of a record: kind, label, flags. Spec: data-mark.
pub(crate) fn mark(case: &Case<'_>, influence: &Value, outcome: Outcome, is_breached: bool) -> Value {
    let hands_on = case.is(DATA_KINDS) || case.is(HANDING_ON);
    let is_tainted = case.is_enforced() && has_flag(influence, BREACH) && hands_on;
    let is_refused = outcome == Outcome::Refused;
    let flags = [
        (GOAL, has_flag(influence, GOAL)),
        (BREACH, !is_refused && (is_breached || is_tainted)),
        (REFUSED, is_refused),
        (DATA, is_data(case)),
    ];
    let flags: u64 = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag).sum();
    json!({"kind": case.kind, "label": influence["label"], "flags": flags})
}
