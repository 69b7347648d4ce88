//! The rules of policy and risk: decisions, and what they let through. SPEC.md 10.15 to 10.17, 10.21.

use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::rules::Reason::*;
use rederive_evidence::rules::Rule::*;
use serde_json::{Value, json};

use crate::breaches::Breaches;
use crate::case::*;
use crate::changes::registered;
use crate::influence::nothing;
use crate::state::*;

pub(crate) fn rules(b: &mut Breaches<'_>) {
    match b.case.kind {
        "decision.made" => {
            decision(b);
            risk(b);
        }
        "tool.dispatched" => dispatch(b),
        _ => policies(b),
    }
}

/// What the arguments of a proposed call carry. Spec: carriage.
pub(crate) fn carried(c: &Case<'_>, influence: &Value) -> Value {
    let (label, sources) = (&influence["label"], &c.extracted["arguments"]);
    if sources.is_null() {
        return json!({"label": label, "known": false, "unfounded": false});
    }
    let marks_of = |found: &Value| {
        c.earlier(&found["records"])
            .into_iter()
            .fold(nothing(), |label, (_, mark)| join(&label, &mark["label"]))
    };
    // A record that is not there yet has told nothing.
    let whole = |found: &Value| found["permille"] == 1_000 && !c.earlier(&found["records"]).is_empty();
    let (mut carried, mut unfounded) = (nothing(), false);
    for value in list(&sources["values"]).iter().filter(|value| value["shape"] != "common") {
        let (told, brought) = (&value["told"], &value["brought"]);
        let carries = if whole(told) {
            marks_of(told)
        } else if whole(brought) {
            marks_of(brought)
        } else {
            unfounded |= is_one(&value["shape"], "address url account");
            join(label, &join(&marks_of(told), &marks_of(brought)))
        };
        carried = join(&carried, &carries);
    }
    if number(&sources["left_out"]) > 0 {
        carried = join(&carried, label);
    }
    json!({"label": carried, "known": true, "unfounded": unfounded})
}

/// The digest of an entry's key. Spec: reliance.
fn key_digest(key: &[u8]) -> Value {
    text(&digest(Purpose::StateKey, key))
}

/// The first item of a reliance that does not hold. Spec: reliance.
fn broken(c: &Case<'_>, listed: &Value, call: &Value, actor: &Value) -> Option<u64> {
    if list(listed).is_empty() && !c.is_enforced() {
        return None;
    }
    let mut keys: Vec<Vec<u8>> =
        known(&call["tool"]).map(|tool| key_bytes(TOOLS, tool)).into_iter().collect();
    keys.push(key_bytes(ACTORS, actor));
    keys.extend(c.delegations_above(actor).into_iter().map(|name| key_bytes(DELEGATIONS, name)));
    keys.push(key_bytes(POLICIES, &Value::Null));
    for (item, key) in keys.iter().enumerate() {
        let (found, value) = (&listed[item], c.state.value_digest(key));
        let is_same = found["key"] == key_digest(key) && found["value"] == value && found["below"].is_null();
        if !is_same {
            return Some(item as u64);
        }
    }
    let is_broken = |(_, bound): &(u64, &Value)| !is_below_bound(c, bound);
    (0..).zip(list(listed)).skip(keys.len()).find(is_broken).map(|(item, _)| item)
}

fn is_below_bound(c: &Case<'_>, bound: &Value) -> bool {
    let counters = ["calls", "calls_in_window", "spend_micros", "tokens", "targets", "bytes_out"];
    let of = (0..).zip(counters).find(|(number, _)| bound["key"] == key_digest(&[0x82, COUNTERS.0, *number]));
    let counter = of.map(|(_, name)| number(&c.state.one(COUNTERS)[name]));
    bound["value"].is_null() && counter.zip(bound["below"].as_u64()).is_some_and(|(now, below)| now < below)
}

/// The effects planned for a call, with their names.
pub(crate) fn planned<'c>(c: &'c Case<'_>, call: &'c Value) -> Vec<(&'c Value, &'c Value)> {
    let names = list(&call["planned"]).iter();
    let all = names.map(|name| (name, c.state.get(TRACKED_EFFECTS, name)));
    all.filter(|(_, effect)| !effect.is_null()).collect()
}

/// The sum of the amounts of all effects planned for a call, where every one has an amount.
pub(crate) fn planned_sum(c: &Case<'_>, call: &Value) -> Option<u64> {
    let mut amounts = planned(c, call).into_iter().map(|(_, effect)| effect["amount_micros"].as_u64());
    amounts.try_fold(0_u64, |sum, amount| Some(sum.saturating_add(amount?)))
}

/// The first standing grant by name that covers a call. Spec: standing-grant.
pub(crate) fn grant_for<'c>(c: &'c Case<'_>, call: &Value) -> Option<(&'c Value, &'c Value)> {
    c.state.all(GRANTS).into_iter().find(|(_, grant)| {
        let left = grant["amount_micros_left"].as_u64();
        grant["action"] == call["effects"]
            && !differs(&grant["destination"], &call["target"])
            && number(&grant["count_left"]) > 0
            && left.is_none_or(|left| planned_sum(c, call).is_some_and(|sum| sum <= left))
    })
}

/// Whether an approval that is approved covers what was decided.
pub(crate) fn is_approved(c: &Case<'_>, decided: &Value) -> bool {
    let approval = c.state.get(TRACKED_APPROVALS, &decided["approval"]);
    approval["status"] == "approved" && approval["covers"] == decided["request"]
}

/// The control of a decision. Spec: controls.
pub(crate) fn control(c: &Case<'_>) -> &'static str {
    let is_narrow = !c.body["request"]["scope"]["resource"].is_null();
    match (goes_ahead(&c.body), is_answered_for(c)) {
        (false, _) => "deny",
        (true, true) => "approve",
        (true, false) if is_narrow => "narrow",
        (true, false) => "log",
    }
}

/// Whether somebody answers for a decision. Spec: controls.
fn is_answered_for(c: &Case<'_>) -> bool {
    let call = c.named_call;
    let is_granted = !call.is_null() && grant_for(c, call).is_some();
    !c.body["approval"].is_null()
        || !c.body["exception"].is_null()
        || c.body["reason"] == "standing-grant" && is_granted
}

/// The signals that show, each with its least control. Spec: risk-table.
fn signals(c: &Case<'_>, call: &Value, asks: &Value) -> Vec<(&'static str, &'static str)> {
    let is_live = !call.is_null();
    let limit = |name, otherwise: &str| known(c.limit(name)).cloned().unwrap_or(json!(otherwise));
    let trust = limit("risk_trust", "internal");
    let is_untrusted = code("trust", &call["influence"]["label"]["trust"]) < code("trust", &trust);
    let carriage = c.carriage(call, &call["arguments"]);
    let is_sensitive = !is_below(&carriage["sensitivity"], &limit("risk_sensitivity", "confidential"));
    let is_above = is_live && is_above_read(&call["effects"]);
    let opens = |credential: &Value| {
        credential["call"].is_null()
            && first(&credential["scope"], |item| item["tool"] == call["tool"]).is_some()
    };
    let is_broad = c.state.all(TRACKED_CREDENTIALS).into_iter().any(|(_, credential)| opens(credential));
    let is_delegate = !c.state.get(ACTORS, asks)["delegation"].is_null();
    let weighs = is_one(&call["effects"], "deploy approve purchase");
    let is_irreversible = c.tool(call)["reversible"] != true || weighs;
    let table = [
        ("untrusted-instruction", is_live && is_untrusted, "log"),
        ("sensitive-context", is_live && is_sensitive, "log"),
        ("effect-capability", is_above, "log"),
        ("broad-authority", is_above && is_broad, "narrow"),
        ("durable-write", !is_live, "log"),
        ("hand-off", is_delegate, "log"),
        ("irreversible", is_above && is_irreversible, "approve"),
    ];
    table.into_iter().filter(|(_, shows, _)| *shows).map(|(signal, _, control)| (signal, control)).collect()
}

/// Whether a control is below the strongest that the signals ask for.
fn is_weaker(control: &str, signals: &[(&str, &str)]) -> bool {
    let rank = |control: &str| code("control", &json!(control));
    signals.iter().any(|(_, least)| rank(control) < rank(least))
}

/// POL-1 to POL-3, POL-5, POL-7, APR-4 at a decision.
fn decision(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, request) = (&c.body, &c.body["request"]);
    let is_permit = body["decision"] == "PERMIT";
    let permitting = "policy-permits approved standing-grant exception";
    let is_doubtful = !list(&body["errors"]).is_empty() || !is_one(&body["reason"], permitting);
    b.rule(Pol1, FailOpen, !is_permit && body["enforcement"] == "EXECUTED" || is_permit && is_doubtful);

    b.item(Pol2, OtherRequest, other_request(c));
    let policies = c.state.one(POLICIES);
    let is_other_engine =
        ["engine", "engine_version"].iter().any(|field| conflicts(&body[field], &policies[field]));
    b.rule(Pol2, OtherBundle, differs(&body["bundle"], &policies["bundle"]) || is_other_engine);
    b.item(Pol2, RelianceBroken, broken(c, &body["reliance"], c.named_call, &request["actor"]));
    let basis = match body["reason"].as_str().unwrap_or("") {
        "policy-permits" | "policy-forbids" => "rules",
        "policy-error" => "errors",
        "approved" => "approval",
        "exception" => "exception",
        "risk" => "risks",
        // Another reason stands for itself.
        _ => "reason",
    };
    let is_baseless = body[basis].is_null() || body[basis] == json!([]);
    b.rule(Pol2, Unexplained, is_baseless || c.is_enforced() && body["explanation"].is_null());
    b.rule(Pol5, NoReceipt, c.is_enforced() && body["receipt"].is_null());
    let exception = under_exception(b, &body["exception"]);
    let is_covered = is_within_any(&request["scope"], &exception["scope"]);
    b.rule(Pol7, OutOfScope, !exception.is_null() && !is_covered);
    if !goes_ahead(body) {
        return;
    }

    let last = plus_ms(&c.record["time"], c.limit("permit_lifetime_ms"));
    b.rule(Pol3, NoExpiry, body["expires"].is_null() || is_later(&body["expires"], &last));
    b.over(Pol3, PermitOver, &body["expires"]);

    let is_asked = request["scope"]["approval"] == "approve";
    b.rule(Apr4, ApprovalNeeded, body["approval"].is_null() && is_asked);
    let approval = under_approval(b, &body["approval"]);
    b.rule(Apr4, OtherRequest, differs(&approval["covers"], &c.request));
    b.rule(Apr4, ApprovalUsed, approval["used"] == true);
}

/// APR-4 of the approval that a decision names, where it names one. What is not approved is null.
fn under_approval<'c>(b: &mut Breaches<'c>, name: &Value) -> &'c Value {
    let named = b.case.state.get(TRACKED_APPROVALS, name);
    let approval = if named["status"] == "approved" { named } else { &NULL };
    b.rule(Apr4, ApprovalNeeded, !name.is_null() && approval.is_null());
    b.rule(Apr4, ReliesOnBreach, approval["breached"] == true);
    b.over(Apr4, ApprovalOver, &approval["expires"]);
    approval
}

/// POL-2: the lowest key of a request that is not as the state has it.
fn other_request(c: &Case<'_>) -> Option<u64> {
    let (request, call, item) = (&c.body["request"], c.named_call, &c.body["request"]["scope"]);
    let is_live = !call.is_null();
    let is_other_item = item["action"] != request["action"] || item["tenant"] != c.config["tenant"];
    let surface = &c.tool(call)["surface"];
    let carriage = c.carriage(call, &call["arguments"]);
    let others = [
        (0, is_live && differs(&call["request"], &request["id"])),
        (2, differs(&request["goal"], &c.config["goal"])),
        (3, is_live && request["actor"] != request["call"]["agent"]),
        (4, !item.is_null() && is_other_item),
        (5, is_live && differs(surface, &request["surface"])),
        (9, is_live && request["influence"] != call["influence"]["label"]),
        (10, is_live && differs(&request["carriage"], &carriage)),
        (11, is_live && request["expected_effect"] != call["expected_effect"]),
    ];
    others.into_iter().find(|(_, is_other)| *is_other).map(|(key, _)| key)
}

/// POL-7 of the exception that a decision names, where it names one.
fn under_exception<'c>(b: &mut Breaches<'c>, name: &Value) -> &'c Value {
    let exception = b.case.state.get(EXCEPTIONS, name);
    b.rule(Pol7, Unknown, !name.is_null() && exception.is_null());
    b.over(Pol7, ExceptionOver, &exception["expires"]);
    exception
}

/// RSK-1, RSK-2 at a decision.
fn risk(b: &mut Breaches<'_>) {
    let c = b.case;
    let (place, call) = (&c.named, c.named_call);
    if !place.is_null() && call.is_null() {
        return;
    }
    let signals = signals(c, call, known(&place["agent"]).unwrap_or(&c.body["request"]["actor"]));
    let is_listed = |signal: &str| list(&c.body["risks"]).iter().any(|risk| risk == signal);
    let unlisted = signals.iter().find(|(signal, _)| !is_listed(signal));
    b.item(Rsk1, RiskUnlisted, unlisted.and_then(|(signal, _)| code("risk-signal", &json!(signal))));
    b.rule(Rsk1, WeakerControl, goes_ahead(&c.body) && is_weaker(control(c), &signals));
    if !call.is_null() && goes_ahead(&c.body) && !is_answered_for(c) {
        b.item(Rsk2, ApprovalNeeded, needs_approval(c, call));
    }
}

/// RSK-2: the first ground that holds.
fn needs_approval(c: &Case<'_>, call: &Value) -> Option<u64> {
    let is_above = is_above_read(&call["effects"]);
    let restricted = json!("restricted");
    let limit = known(c.limit("approval_sensitivity")).unwrap_or(&restricted);
    let is_sensitive = !is_below(&c.carriage(call, &call["arguments"])["sensitivity"], limit);
    let limit = c.limit("uncertainty_permille").as_u64().unwrap_or(500);
    let is_unsure = number(&c.body["uncertainty_permille"]) > limit;
    let is_weak = call["carriage"]["known"] != true || call["carriage"]["unfounded"] == true;
    let is_external = call["influence"]["label"]["trust"] == "external";
    let grounds = [is_above && is_sensitive, is_unsure, is_above && is_external && is_weak];
    (0..).zip(grounds).find(|(_, holds)| *holds).map(|(ground, _)| ground)
}

/// POL-1 to POL-3, POL-7, RSK-1, TOL-6, APR-4, OUT-3 at a dispatch.
fn dispatch(b: &mut Breaches<'_>) {
    let c = b.case;
    let (call, decided, agent) = (c.call, c.decision, &c.agent);
    b.rule(Pol1, NotPermitted, !goes_ahead(decided));
    if call.is_null() {
        return;
    }
    let signals = signals(c, call, agent);
    if goes_ahead(decided) {
        b.item(Pol2, RelianceBroken, broken(c, &decided["reliance"], call, agent));
        b.over(Pol3, PermitOver, &decided["expires"]);
        b.rule(Pol3, PermitUsed, call["status"] == "dispatched");
        under_exception(b, &decided["exception"]);
        b.rule(Rsk1, WeakerControl, is_weaker(decided["control"].as_str().unwrap_or(""), &signals));
    }
    let missing = signals.iter().find(|(signal, _)| is_record_missing(c, signal));
    b.item(Rsk1, RecordMissing, missing.and_then(|(signal, _)| code("risk-signal", &json!(signal))));
    under_approval(b, &decided["approval"]);

    let planned = planned(c, call);
    let any = |is_so: &dyn Fn(&Value) -> bool| planned.iter().any(|(_, effect)| is_so(effect));
    b.rule(Tol6, NotAsPreviewed, any(&|effect| differs(&call["diff"], &effect["expected"])));
    if is_above_read(&call["effects"]) {
        let reversible = |effect: &Value| effect["reversible"] == true;
        b.rule(Out3, NoPlan, planned.is_empty());
        b.rule(Out3, NoRollback, any(&|effect| reversible(effect) && effect["rollback"] == false));
        b.rule(Out3, NoContainment, any(&|effect| !reversible(effect) && effect["containment"] == false));
        let is_allowed = is_approved(c, decided) || grant_for(c, call).is_some();
        b.rule(Out3, ApprovalNeeded, any(&|effect| !reversible(effect)) && !is_allowed);
    }
}

/// What the table asks RSK-1 for at a dispatch. Spec: risk-table.
fn is_record_missing(c: &Case<'_>, signal: &str) -> bool {
    let call = c.call;
    let credentials = c.state.all(TRACKED_CREDENTIALS).into_iter();
    let mut bound = credentials.filter(|(_, credential)| credential["call"] == c.place).take(64);
    let lacks_credential =
        c.has_layer("credential") && !bound.any(|(_, credential)| c.end(&credential["expires"]) != End::Over);
    match signal {
        "untrusted-instruction" => c.has_layer("guardrail") && call["inspected"] != c.body["arguments"],
        "sensitive-context" => c.has_layer("tool-broker") && call["carriage"]["known"] != true,
        "effect-capability" => c.tool(call)["credential"] == true && lacks_credential,
        "broad-authority" => lacks_credential,
        _ => false,
    }
}

/// POL-6, POL-7 outside of decisions.
fn policies(b: &mut Breaches<'_>) {
    let c = b.case;
    let body = &c.body;
    let is_entitled = c.actor_is("policy-administrator operator");
    match c.kind {
        "policy.changed" => b.rule(Pol6, NotEntitled, !is_entitled),
        "tool.registered" => {
            let changes = differs(c.state.get(TOOLS, &body["tool"]), &registered(c));
            b.rule(Pol6, NotEntitled, changes && !is_entitled);
        }
        "policy.pinned" => b.rule(Pol6, OtherBundle, c.state.one(POLICIES)["bundle"] != body["bundle"]),
        "governance.exception-granted" => {
            let approver = &c.state.get(ACTORS, &body["approver"])["actor_type"];
            b.rule(Pol7, NotEntitled, !is_one(approver, "approver policy-administrator"));
            b.rule(Pol7, OtherParty, body["approver"] != c.record["actor"]);
            b.rule(Pol7, NameTaken, c.state.has(EXCEPTIONS, &body["exception"]));
            b.item(Pol7, ScopeWider, outside(&body["scope"], &c.config["scope"]));
            b.over(Pol7, ExceptionOver, &body["expires"]);
        }
        "governance.exception-ended" => {
            b.rule(Pol7, Unknown, !c.state.has(EXCEPTIONS, &body["exception"]));
        }
        _ => {}
    }
}
