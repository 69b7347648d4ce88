//! The rules of the tool broker, of memory, and of the guardrails before a call. SPEC.md 10.7, 10.9, 10.18.

use rederive_evidence::rules::Reason::*;
use rederive_evidence::rules::Rule::*;
use serde_json::{Value, json};

use crate::breaches::Breaches;
use crate::case::*;
use crate::state::*;

pub(crate) fn rules(b: &mut Breaches<'_>, influence: &Value) {
    match b.case.kind {
        "tool.proposed" => proposed(b),
        "tool.validated" => validated(b),
        "tool.dispatched" => dispatched(b),
        "memory.written" => written(b, influence),
        "memory.read" => read(b),
        _ => {}
    }
    steps(b);
    as_decided(b);
    if b.case.is_set_2() {
        guardrails(b);
    }
}

/// TOL-1, TOL-5.
fn proposed(b: &mut Breaches<'_>) {
    let c = b.case;
    let (tool, check) = (c.tool(&c.body), &c.extracted["schema"]);
    b.rule(Tol1, ToolUnregistered, tool.is_null());
    let is_invalid = is_one(check, "invalid not-json") || c.is_enforced() && check != "valid";
    b.rule(Tol1, InvalidArguments, !tool.is_null() && is_invalid);
    if !c.place.is_null() {
        let attempt = number(&c.place["attempt"]);
        let mut first = c.place.clone();
        first["attempt"] = json!(0);
        b.rule(Tol5, RetryUnlinked, c.body["retry_of"] != if attempt == 0 { Value::Null } else { first });
        b.rule(Tol5, RetryLimit, c.limit("retries").as_u64().is_some_and(|limit| attempt > limit));
    }
}

/// TOL-1.
fn validated(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, tool) = (&c.body, c.tool(&c.body));
    b.rule(Tol1, ToolUnregistered, tool.is_null());
    let is_other = ["version", "schema"].iter().any(|field| differs(&body[field], &tool[field]));
    b.rule(Tol1, OtherSchema, !tool.is_null() && is_other);
}

/// TOL-1, TOL-4, TOL-6.
fn dispatched(b: &mut Breaches<'_>) {
    let c = b.case;
    let (call, tool) = (c.call, c.tool(c.call));
    b.rule(Tol4, NotBroker, !c.actor_is("broker"));
    let is_other = ["schema", "effects"].iter().any(|field| tool[field] != call[field]);
    b.rule(Tol1, OtherSchema, !call.is_null() && is_other);
    b.rule(Tol6, NoPreview, tool["preview"] == true && call["previewed"] == false);
}

/// TOL-2.
fn steps(b: &mut Breaches<'_>) {
    let c = b.case;
    let Some((from, _)) = c.step_of("tool") else { return };
    let is_decision = c.kind == "decision.made";
    let (place, call) = if is_decision { (&c.named, c.named_call) } else { (&c.place, c.call) };
    if place.is_null() {
        return b.rule(Tol2, NoPlace, !is_decision);
    }
    let reason = match (c.kind == "tool.proposed", c.standing(place)) {
        (true, Standing::Free) => return,
        (true, Standing::Live | Standing::Used) => PlaceUsed,
        (false, Standing::Live) if is_one(&call["status"], from) => return,
        (false, Standing::Live | Standing::Used) | (true, Standing::OutOfTurn) => Step,
        (false, Standing::Free | Standing::OutOfTurn) => Unknown,
    };
    b.rule(Tol2, reason, true);
}

/// TOL-3.
fn as_decided(b: &mut Breaches<'_>) {
    let c = b.case;
    let is_decision = c.kind == "decision.made";
    let (stated, call) = if is_decision { (&c.body["request"], c.named_call) } else { (&c.body, c.call) };
    let is_other_arguments = differs(&call["arguments"], &stated["arguments"]);
    let is_other_target = is_requested(call) && call["target"] != stated["target"];
    let is_other = match c.kind {
        "tool.validated" => {
            let form_of = |form: &&Value| known(&c.state.get(CONTEXTS, form)["transformed"]);
            let mut forms = std::iter::successors(Some(&call["arguments"]), form_of).take(16);
            differs(&call["tool"], &stated["tool"])
                || is_other_arguments && !forms.any(|form| *form == stated["arguments"])
        }
        "tool.requested" => is_other_arguments,
        "decision.made" => {
            differs(&stated["scope"]["tool"], &call["tool"])
                || differs(&call["effects"], &stated["action"])
                || conflicts(&call["arguments"], &stated["arguments"])
                || is_other_target
        }
        "tool.dispatched" => {
            let is_left_to_pol_1 = c.is_set_2() && c.has_layer("policy");
            differs(&call["tool"], &stated["tool"])
                || call["permitted"] == false && !is_left_to_pol_1
                || is_other_arguments
                || is_other_target
        }
        _ => false,
    };
    b.rule(Tol3, NotAsDecided, !call.is_null() && is_other);
}

/// Whether MEM-3 asks for a permit. Spec: rule-mem-3.
pub(crate) fn needs_permit(c: &Case<'_>, influence: &Value) -> bool {
    is_one(&c.body["item"]["scope"], "durable shared") && influence["label"]["trust"] == "external"
}

/// MEM-1, MEM-3.
fn written(b: &mut Breaches<'_>, influence: &Value) {
    let c = b.case;
    let label = &influence["label"];
    b.rule(Mem1, LabelRaised, is_raised(&c.body["label"], label));
    if needs_permit(c, influence) {
        let permit = c.state.get(PERMITS, c.commitment(&c.body["value"]));
        b.rule(Mem3, NoDecision, permit.is_null());
        b.over(Mem3, NoDecision, &permit["expires"]);
        let is_other = permit["actor"] != c.agent || is_raised(&permit["influence"], label);
        b.rule(Mem3, NotAsDecided, c.is_set_2() && !permit.is_null() && is_other);
    }
}

/// MEM-2.
fn read(b: &mut Breaches<'_>) {
    let c = b.case;
    let (value, item) = (c.commitment(&c.body["value"]), c.state.get(MEMORY, &c.body["item"]));
    let was_read = !value.is_null();
    b.rule(Mem2, NoProof, was_read && item.is_null() && c.body["earlier"]["proof"].is_null());
    if !item["commitment"].is_null() {
        let is_excused = !was_read && c.end(&item["expires"]) != End::Live;
        b.rule(Mem2, OtherValue, *value != item["commitment"] && !is_excused);
        b.over(Mem2, Gone, if was_read { &item["expires"] } else { &NULL });
    } else {
        b.rule(Mem2, Gone, was_read && !item.is_null());
    }
}

/// GRD-2 to GRD-4.
fn guardrails(b: &mut Breaches<'_>) {
    let c = b.case;
    let (arguments, target) = (&c.body["arguments"], &c.body["target"]);
    let (call, tool) = (c.call, c.tool(c.call));
    if c.is("tool.validated tool.requested tool.dispatched") && !tool.is_null() {
        let otherwise = c.clearance_unknown();
        let clearance = known(&tool["clearance"]).unwrap_or(&otherwise);
        let is_above = is_below(clearance, &c.carriage(call, arguments)["sensitivity"]);
        let is_found = c.found(arguments, "destination") || c.found(target, "destination");
        b.rule(Grd2, Clearance, is_above || is_found);
    }
    if c.kind == "tool.dispatched" && !call.is_null() {
        let runs_code = call["effects"] == "execute" || c.found(arguments, "command");
        let (sandbox, registered) = (&c.body["sandbox"], &tool["sandbox"]);
        let is_unlike = if registered.is_null() { c.is_enforced() } else { sandbox != registered };
        b.rule(Grd3, NoSandbox, runs_code && (sandbox.is_null() || is_unlike));
    }
    let mut uses = (0..).zip(c.uses()).filter(|_| !c.is("prompt.sent context.summarised"));
    b.item(Grd4, Departure, uses.find(|(_, content)| c.found(content, "departure")).map(|(item, _)| item));
    let plan = c.state.get(PLANS, &c.agent);
    if c.kind == "tool.proposed" && !plan.is_null() {
        b.rule(Grd4, Departure, is_one(&plan["verdict"], "revise refused"));
        b.rule(Grd4, PlanUnchecked, plan["verdict"].is_null());
    }
}
