//! The rules of runs, identity, context, prompts and blocked contents, of limits, hand-off and audit. SPEC.md 10.5, 10.6, 10.8.

use rederive_evidence::rules::Reason::*;
use rederive_evidence::rules::Rule::{self, *};
use serde_json::{Value, json};

use crate::breaches::Breaches;
use crate::case::*;
use crate::state::*;

pub(crate) fn rules(b: &mut Breaches<'_>, influence: &Value) {
    b.rule(Run1, OpenedAgain, b.case.kind == "run.opened");
    if b.case.kind == "run.closed" {
        nothing_open(b);
    }
    delegations(b);
    acts_inside(b);
    context(b, influence);
    prompt(b, influence);
    blocked(b);
    limits(b);
    if b.case.kind == "delegation.handed-off" {
        hand_off(b, influence);
    }
    audit(b, influence);
}

/// RUN-2.
pub(crate) fn sequence_and_time(b: &mut Breaches<'_>) {
    let c = b.case;
    let (time, records) = (&c.record["time"], c.marks.len() as u64);
    let is_before = time.as_u64() < c.state.one(PROGRESS)["time"].as_u64();
    b.rule(Run2, SequenceGap, c.record["sequence"] != records);
    b.rule(Run2, TimeBackwards, !time.is_null() && is_before);
    b.rule(Run2, TimeAbsent, time.is_null() && c.is_enforced());
    let range = list(&c.record["causes"]).last();
    let highest = range.map(|range| number(&range[0]) + (number(&range[1]) - 1));
    b.at(Run2, CauseAhead, highest >= Some(records), highest, None);
    b.at(Run2, ReferenceAhead, c.refers_to >= Some(records), c.refers_to, None);
}

/// IDN-1, IDN-2.
pub(crate) fn actor(b: &mut Breaches<'_>) {
    let c = b.case;
    b.rule(Idn1, ActorUnknown, c.actor.is_null());
    b.rule(Idn1, ActorType, !c.actor.is_null() && !c.actor_is(&c.makers));
    let identity = &c.record["identity"];
    b.rule(Idn2, OtherTenant, differs(&identity["tenant"], &c.config["tenant"]));
    b.rule(Idn2, OtherSession, differs(&identity["session"], &c.config["session"]));
    b.rule(Idn2, ModelIdentity, !identity.is_null() && c.record["origin"] == "model");
}

/// IDN-1 and IDN-3 of the actors that the opening record lists.
pub(crate) fn listed(b: &mut Breaches<'_>) {
    let (actors, scope) = (&b.case.body["actors"], &b.case.body["scope"]);
    let has_name_of = |actor: &Value| first(actors, |one| one["id"] == actor["id"]);
    let taken = (0..).zip(list(actors)).find(|(item, actor)| has_name_of(actor) < Some(*item));
    b.item(Idn1, NameTaken, taken.map(|(item, _)| item));
    b.item(Idn3, ScopeWider, first(actors, |actor| outside(&actor["scope"], scope).is_some()));
}

/// RUN-3, and OUT-2 at the end of a run.
fn nothing_open(b: &mut Breaches<'_>) {
    let c = b.case;
    let is_resolved =
        |approval: &Value| approval["logged"] == true || is_one(&approval["status"], "expired withdrawn");
    let is_mismatched = |effect: &Value| effect["status"] == "mismatched";
    let is_live = |credential: &Value| match c.end(&credential["expires"]) {
        End::Live => true,
        End::Over => false,
        End::CannotTell => c.is_enforced(),
    };
    let any = |section, is_open: &dyn Fn(&Value) -> bool| {
        c.state.all(section).into_iter().any(|(_, entry)| is_open(entry))
    };
    b.rule(Run3, CallOpen, any(TURNS, &|turn| !all_ended(turn)));
    b.rule(Run3, ApprovalOpen, any(APPROVALS, &|_| true) || any(TRACKED_APPROVALS, &|one| !is_resolved(one)));
    b.rule(Run3, EffectOpen, any(EFFECTS, &|_| true) || any(TRACKED_EFFECTS, &|one| !is_mismatched(one)));
    b.rule(Run3, CredentialLive, any(CREDENTIALS, &is_live) || any(TRACKED_CREDENTIALS, &is_live));
    b.rule(Out2, MismatchOpen, any(TRACKED_EFFECTS, &is_mismatched));
}

/// The depth of a delegation by the record's actor.
pub(crate) fn depth(c: &Case<'_>) -> u64 {
    (number(&c.state.get(DELEGATIONS, &c.actor["delegation"])["depth"]) + 1).min(255)
}

/// Whether the state has a delegation, or an actor, of the name that is to be granted.
pub(crate) fn is_name_taken(c: &Case<'_>) -> bool {
    c.state.has(DELEGATIONS, &c.body["delegation"]) || c.state.has(ACTORS, &c.body["delegate"]["id"])
}

/// IDN-3.
fn delegations(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, delegate) = (&c.body, &c.body["delegate"]);
    let is_unknown = !c.state.has(DELEGATIONS, &body["delegation"]);
    b.rule(Idn3, Unknown, c.kind == "delegation.ended" && is_unknown);
    if c.kind != "delegation.granted" {
        return;
    }
    b.rule(Idn3, ActorType, !is_one(&delegate["actor_type"], "agent sub-agent service workflow"));
    b.rule(Idn3, OtherTenant, body["tenant"] != c.config["tenant"]);
    let wider = c.scopes(&c.record["actor"]).iter().find_map(|scope| outside(&body["scope"], scope));
    b.item(Idn3, ScopeWider, wider.or(outside(&delegate["scope"], &body["scope"])));
    let above = c.state.get(DELEGATIONS, &c.actor["delegation"]);
    let ends = [&above["expires"], &c.config["session_expires"]];
    b.rule(Idn3, LifetimeLonger, ends.into_iter().any(|end| is_later(&body["expires"], end)));
    b.rule(Idn3, TooDeep, depth(c) > c.limit("delegation_depth").as_u64().unwrap_or(16).min(16));
    b.rule(Idn3, NameTaken, is_name_taken(c));
}

/// IDN-4.
fn acts_inside(b: &mut Breaches<'_>) {
    let c = b.case;
    let (actor, request) = (&c.record["actor"], &c.body["request"]);
    b.rule(Idn4, OtherAgent, c.agent != *actor && c.actor_is("agent sub-agent workflow"));
    if !c.is_request && !c.is("context.retrieved memory.read memory.deleted") {
        return;
    }
    b.over(Idn4, SessionOver, &c.config["session_expires"]);
    let other = match c.kind {
        "tool.dispatched" => &c.agent,
        "credential.issued" | "credential.used" if c.is_set_2() => &c.named["agent"],
        _ => &NULL,
    };
    let above = [actor, other].map(|actor| c.delegations_above(actor)).concat();
    for granted in above.into_iter().filter_map(|name| known(c.state.get(DELEGATIONS, name))) {
        delegation_over(b, Idn4, granted);
    }
    match c.kind {
        "tool.proposed" => tool_in_scope(b, actor),
        "tool.dispatched" => tool_in_scope(b, &c.agent),
        "decision.made" if !request["scope"].is_null() => {
            let mut scopes = c.scopes(&request["actor"]).into_iter();
            b.rule(Idn4, OutOfScope, scopes.any(|scope| !is_within_any(&request["scope"], &scope)));
        }
        _ => {}
    }
}

/// A delegation that is ended or over.
fn delegation_over(b: &mut Breaches<'_>, rule: Rule, granted: &Value) {
    b.rule(rule, DelegationOver, granted["live"] == false);
    b.over(rule, DelegationOver, &granted["expires"]);
}

fn tool_in_scope(b: &mut Breaches<'_>, actor: &Value) {
    let c = b.case;
    let (name, tool) = (&c.body["tool"], c.tool(&c.body));
    let class = &tool["effects"];
    let allows = |item: &Value| {
        item["tool"] == *name && item["tenant"] == c.config["tenant"] && !differs(class, &item["action"])
    };
    let is_outside = c.scopes(actor).iter().any(|scope| first(scope, allows).is_none());
    let is_classless = c.is_enforced() && !tool.is_null() && class.is_null();
    b.rule(Idn4, OutOfScope, is_outside || is_classless);
    let capabilities = list(&c.config["capabilities"]);
    let is_agent = c.state.get(ACTORS, actor)["actor_type"] == "agent";
    b.rule(Idn4, OutOfPersona, is_agent && !capabilities.is_empty() && !capabilities.contains(name));
}

/// CTX-2 to CTX-4.
fn context(b: &mut Breaches<'_>, influence: &Value) {
    let c = b.case;
    let (body, source) = (&c.body, &c.body["source"]);
    if c.kind == "context.retrieved" {
        b.rule(Ctx2, TenantFilter, differs(&body["tenant_filter"], &c.config["tenant"]));
        b.rule(Ctx2, FilterByModel, body["filter_origin"] == "model");
        b.rule(Ctx2, SourceUnlisted, !source.is_null() && !c.state.has(SOURCES, source));
    }
    let class = if c.kind == "tool.dispatched" { &c.call["effects"] } else { &c.tool(body)["effects"] };
    if c.is("tool.proposed tool.dispatched") && is_above_read(class) {
        b.over(Ctx3, Stale, &influence["fresh_until"]);
    }
    for (item, part) in (0..).zip(list(&body["parts"])) {
        let is_data = has_flag(c.mark(&part["from"]), DATA);
        let instructs = is_data && is_one(&part["role"], "system user");
        b.at(Ctx4, DataInstructs, instructs, part["from"].as_u64(), Some(item));
    }
    let instructs = c
        .is("policy.changed tool.registered governance.exception-granted governance.risk-accepted")
        || c.is("approval.approved approval.denied approval.revised");
    let (origin, data) = (&c.record["origin"], c.cause_with(DATA));
    let is_wrong = is_one(origin, "model tool outside") || origin == "code" && data.is_some();
    b.at(Ctx4, DataInstructs, instructs && is_wrong, data, None);
}

/// The contents of the parts that a prompt keeps.
fn kept_contents(c: &Case<'_>) -> Vec<Value> {
    let kept = if c.kind == "prompt.sent" { c.kept_parts().unwrap_or_default() } else { Vec::new() };
    let part = |number| c.state.get(PARTS, &json!({"agent": c.agent, "number": number}));
    kept.into_iter().map(|number| part(number)["content"].clone()).collect()
}

/// PRM-1 to PRM-3.
fn prompt(b: &mut Breaches<'_>, influence: &Value) {
    let c = b.case;
    let (body, place) = (&c.body, &c.place);
    let is_withheld = |content: &Value| c.state.get(CONTEXTS, c.commitment(content))["withheld"] == true;
    let takes_turn = match c.kind {
        "prompt.sent" => Some(Prm1),
        "prompt.answered" => Some(Prm3),
        _ => None,
    };
    if let Some(rule) = takes_turn {
        b.rule(rule, NoPlace, place.is_null());
        b.rule(rule, PlaceUsed, c.is_turn_used(place));
    }
    match c.kind {
        "prompt.sent" => {
            for (item, part) in (0..).zip(list(&body["parts"])) {
                let from = part["from"].as_u64();
                let is_nameless = c.is_enforced() && part["role"] == "tool";
                let is_missing = from.map_or(is_nameless, |from| !holds(&c.record["causes"], from));
                b.at(Prm1, PartNotCause, is_missing, from, Some(item));
            }
            b.item(Prm1, BlockedContent, first(&body["parts"], |part| is_withheld(&part["content"])));
            b.rule(Prm1, BlockedContent, kept_contents(c).iter().any(is_withheld));
            let kept = c.kept_parts();
            b.at(Prm1, NoSuchPrompt, kept.is_err(), None, kept.err().flatten());
            let (model, otherwise) = (c.state.get(MODELS, &body["model"]), c.clearance_unknown());
            let clearance = known(&model["clearance"]).unwrap_or(&otherwise);
            let is_above = is_below(clearance, &influence["label"]["sensitivity"]);
            let is_unlisted = c.is_enforced() || !c.state.all(MODELS).is_empty();
            b.rule(Prm2, Clearance, if model.is_null() { is_unlisted } else { is_above });
        }
        "context.summarised" => b.item(Prm1, BlockedContent, first(&body["items"], is_withheld)),
        "prompt.answered" => {
            let prompt = &body["prompt"];
            let is_other = c.mark(prompt)["kind"] != "prompt.sent";
            let is_unlinked = if prompt.is_null() { c.is_enforced() } else { is_other };
            b.at(Prm3, Unlinked, is_unlinked, prompt.as_u64(), None);
        }
        "tool.proposed" if !place.is_null() => {
            let is_new = matches!(c.standing(place), Standing::Free | Standing::OutOfTurn);
            b.rule(Prm3, Unlinked, is_new && !c.is_announced() && !c.actor_is("workflow"));
        }
        _ => {}
    }
}

/// GRD-1.
fn blocked(b: &mut Breaches<'_>) {
    let c = b.case;
    let kept = kept_contents(c);
    let uses = (0..).map(Some).zip(c.uses()).chain(kept.iter().map(|content| (None, content)));
    for (item, content) in uses {
        let context = c.state.get(CONTEXTS, content);
        b.at(Grd1, BlockedContent, context["blocked"] == true, None, item);
        b.at(Grd1, UntransformedContent, !context["transformed"].is_null(), None, item);
    }
}

/// The counters that have a limit, and what is breached where one is above it.
pub(crate) const COUNTED: [(&str, rederive_evidence::rules::Reason); 5] = [
    ("calls", CallLimit),
    ("spend_micros", SpendLimit),
    ("tokens", TokenLimit),
    ("targets", TargetLimit),
    ("bytes_out", BytesLimit),
];

/// What a record adds to a counter. Spec: rule-lim-1.
pub(crate) fn adds(c: &Case<'_>, counter: &str) -> u64 {
    let body = &c.body;
    let was_not_dispatched = !c.call.is_null() && c.call["status"] != "dispatched";
    let touches = is_above_read(&c.call["effects"]) && !body["target"].is_null();
    match (c.kind, counter) {
        ("tool.dispatched", "calls") => 1,
        ("tool.dispatched", "targets") => (touches && !c.state.has(TARGETS, &body["target"])).into(),
        ("tool.dispatched" | "output.released", "bytes_out") => number(&body["bytes_out"]),
        ("prompt.answered", "tokens") => {
            number(&body["tokens_in"]).saturating_add(number(&body["tokens_out"]))
        }
        ("prompt.answered" | "tool.returned", "spend_micros") => number(&body["spend_micros"]),
        ("tool.returned" | "tool.failed", "calls") => was_not_dispatched.into(),
        _ => 0,
    }
}

/// The time that calls are counted at, where the rate is limited and the record has a time.
pub(crate) fn now(c: &Case<'_>) -> Option<u64> {
    c.limit("rate_calls").as_u64().and(c.limit("rate_window_ms").as_u64())?;
    let time = c.record["time"].as_u64()?;
    Some(time.max(number(&c.state.one(PROGRESS)["time"])))
}

/// Whether a call made at this time is in the rate window.
pub(crate) fn is_in_window(c: &Case<'_>, time: &Value, now: u64) -> bool {
    let window = number(c.limit("rate_window_ms")).saturating_mul(1_000);
    now.checked_sub(window).is_none_or(|start| number(time) > start)
}

/// LIM-1.
fn limits(b: &mut Breaches<'_>) {
    let c = b.case;
    let counters = c.state.one(COUNTERS);
    let is_at_limit = |counter: &str, adds: u64| {
        let counted = number(&counters[counter]).saturating_add(adds);
        c.limit(counter).as_u64().map(|limit| counted.cmp(&limit))
    };
    for (counter, reason) in COUNTED {
        let adds = adds(c, counter);
        b.rule(Lim1, reason, adds > 0 && is_at_limit(counter, adds).is_some_and(|at| at.is_gt()));
    }
    let is_prompt = c.kind == "prompt.sent";
    let spends = is_prompt || c.kind == "tool.dispatched";
    b.rule(Lim1, SpendLimit, spends && is_at_limit("spend_micros", 0).is_some_and(|at| at.is_ge()));
    b.rule(Lim1, TokenLimit, is_prompt && is_at_limit("tokens", 0).is_some_and(|at| at.is_ge()));

    let is_limited = !c.limit("rate_calls").is_null() && !c.limit("rate_window_ms").is_null();
    if is_limited && adds(c, "calls") > 0 {
        let times = c.state.all(CALL_TIMES);
        let made = |now| {
            let times = times.iter().filter(|(time, _)| is_in_window(c, time, now));
            times.fold(1_u64, |made, (_, at)| made.saturating_add(number(&at["calls"])))
        };
        b.rule(Lim1, RateLimit, now(c).is_some_and(|now| made(now) > number(c.limit("rate_calls"))));
        b.rule(Lim1, TimeAbsent, now(c).is_none() && c.is_enforced());
    }

    b.rule(Lim1, SharedLimit, c.kind == "limit.read" && number(&c.body["value"]) > number(&c.body["limit"]));
    let asks = |counter: &Value| match counter["kind"].as_str() {
        Some("spend-micros") => spends.into(),
        Some("tokens") => is_prompt.into(),
        kind => adds(c, &kind.unwrap_or("").replace('-', "_")),
    };
    let left = |counter: &Value| number(&counter["limit"]).saturating_sub(number(&counter["value"]));
    let mut counters = c.state.all(SHARED_COUNTERS).into_iter();
    let asks_for_more = counters.any(|(_, counter)| asks(counter) > left(counter));
    b.rule(Lim1, SharedLimit, (spends || c.kind == "output.released") && asks_for_more);
}

/// HND-1.
fn hand_off(b: &mut Breaches<'_>, influence: &Value) {
    let c = b.case;
    let (body, granted) = (&c.body, c.state.get(DELEGATIONS, &c.body["delegation"]));
    b.rule(Hnd1, OtherParty, differs(&body["from"], &c.record["actor"]));
    b.rule(Hnd1, LabelRaised, is_raised(&body["label"], &influence["label"]));
    if granted.is_null() {
        return b.rule(Hnd1, Unknown, !body["delegation"].is_null());
    }
    let fits = |from, to| !differs(&body["from"], from) && !differs(&body["to"], to);
    let (one, other) = (&granted["from"], &granted["to"]);
    b.rule(Hnd1, OtherParty, !fits(one, other) && !fits(other, one));
    delegation_over(b, Hnd1, granted);
}

/// OBS-1.
fn audit(b: &mut Breaches<'_>, influence: &Value) {
    let c = b.case;
    let lasts = c.kind == "memory.written" && is_one(&c.body["item"]["scope"], "durable shared");
    let has_effect = lasts || c.is("tool.dispatched downstream.executed output.released");
    b.rule(Obs1, NoGoal, has_effect && !has_flag(influence, GOAL));
    let relies = c.is_enforced() && c.is_request && has_flag(influence, BREACH);
    b.at(Obs1, ReliesOnBreach, relies, c.cause_with(BREACH), None);
    let prompt = &c.body["prompt"];
    let answered = prompt.as_u64().filter(|_| has_flag(c.mark(prompt), REFUSED));
    let under = answered.or(c.cause_with(REFUSED));
    let answers = c.is("prompt.answered tool.returned tool.failed tool.unknown downstream.executed");
    b.at(Obs1, UnderRefusal, c.is_enforced() && answers && under.is_some(), under, None);
}
