//! The rules of approvals, credentials, effects and outputs. SPEC.md 10.20 to 10.22.

use rederive_evidence::rules::Reason::*;
use rederive_evidence::rules::Rule::*;
use serde_json::{Value, json};

use crate::breaches::Breaches;
use crate::case::*;
use crate::influence::nothing;
use crate::state::*;

pub(crate) fn rules(b: &mut Breaches<'_>) {
    approval(b);
    match b.case.kind {
        "credential.issued" => issued(b),
        "credential.used" => used(b),
        "credential.revoked" | "credential.expired" => ended(b),
        "downstream.planned" => planned(b),
        "output.released" => released(b),
        _ => effect(b),
    }
}

/// APR-1 to APR-4 at the steps of an approval, and TOL-6 at its evidence.
fn approval(b: &mut Breaches<'_>) {
    let c = b.case;
    let Some((from, _)) = c.step_of("approval") else { return };
    let (body, held) = (&c.body, c.state.get(TRACKED_APPROVALS, &c.body["approval"]));
    b.rule(Apr1, Unknown, held.is_null() && c.kind != "approval.requested");
    let is_done = c.kind == "approval.logged" && held["logged"] == true;
    let is_wrong = !held.is_null() && (!is_one(&held["status"], from) || is_done);
    b.rule(Apr1, Step, is_wrong);
    match c.kind {
        "approval.requested" => {
            let (place, call) = (&body["call"], c.named_call);
            let decided = c.state.get(DECISIONS, place);
            b.rule(Apr1, Unknown, !place.is_null() && call.is_null());
            b.rule(Apr1, PlaceUsed, !call.is_null() && held["call"] == *place);
            let (item, first) = (&decided["scope"], &held["scope"]);
            b.rule(Apr1, ScopeWider, !item.is_null() && !first.is_null() && !is_within(item, first));
            b.rule(Apr4, OtherRequest, !call.is_null() && decided["request"] != body["covers"]);
        }
        "approval.evidence-assembled" => {
            let (decision, mark) = (&body["decision"], c.mark(&body["decision"]));
            let is_decision = mark["kind"] == "decision.made";
            b.at(Apr2, Unlinked, !decision.is_null() && !is_decision, decision.as_u64(), None);
            let marks = list(&body["influences"]).iter().filter_map(|record| known(c.mark(record)));
            let shown = marks.fold(nothing(), |label, mark| join(&label, &mark["label"]));
            b.rule(Apr2, LabelRaised, is_decision && is_raised(&shown, &mark["label"]));
            let call = c.state.get(CALLS, &held["call"]);
            let is_other = call["diff"].is_null() || *c.commitment(&body["expected_effect"]) != call["diff"];
            b.rule(Tol6, PreviewNotShown, c.tool(call)["preview"] == true && is_other);
        }
        "approval.under-review" => may_answer(b, held, &body["reviewer"]),
        "approval.approved" | "approval.denied" | "approval.revised" => word(b, held),
        "approval.expired" => {
            let is_live = !held.is_null() && c.end(&held["expires"]) == End::Live;
            b.rule(Apr1, NotOver, is_live && !is_wrong);
        }
        "approval.logged" => {
            let is_answer = is_one(&c.mark(&body["answer"])["kind"], "approval.approved approval.denied");
            b.at(Apr1, Unlinked, !is_answer, body["answer"].as_u64(), None);
        }
        _ => {}
    }
}

/// APR-3 of who reviews or answers.
fn may_answer(b: &mut Breaches<'_>, held: &Value, person: &Value) {
    let actor = b.case.state.get(ACTORS, person);
    let is_own = held["requester"] == *person || held["call"]["agent"] == *person;
    b.rule(Apr3, SelfApproval, is_own);
    let is_fit = is_one(&actor["actor_type"], "approver principal");
    let (own, item) = (&actor["scope"], &held["scope"]);
    let is_beyond = !own.is_null() && !item.is_null() && !is_within_any(item, own);
    b.rule(Apr3, NotEntitled, !is_fit || is_beyond);
}

/// APR-3 of an answer.
fn word(b: &mut Breaches<'_>, held: &Value) {
    let c = b.case;
    let (word, is_gate) = (&c.body["word"], c.actor_is("gate"));
    let approver = &word["approver"];
    may_answer(b, held, approver);
    let is_signed = is_gate && !word["signature"].is_null();
    b.rule(Apr3, NotHuman, c.record["origin"] != "human" && !is_signed);
    let is_other = *approver != c.record["actor"] && !is_gate;
    b.rule(Apr3, OtherParty, is_other || differs(&held["reviewer"], approver));
    b.rule(Apr3, NotAsShown, conflicts(&word["shown"], &held["shown"]));
}

/// CRD-1 and CRD-3 at an issue.
fn issued(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, place) = (&c.body, &c.body["call"]);
    b.rule(Crd1, NameTaken, c.state.has(TRACKED_CREDENTIALS, &body["credential"]));
    if place.is_null() && body["approval"].is_null() {
        return b.rule(Crd1, Unbound, true);
    }
    let (approval, decided) =
        (c.state.get(TRACKED_APPROVALS, &body["approval"]), c.state.get(DECISIONS, place));
    let is_approved = approval["status"] == "approved" && approval["breached"] == false;
    let is_permitted = goes_ahead(decided) && c.end(&decided["expires"]) != End::Over;
    if !body["approval"].is_null() && !is_approved || !place.is_null() && !is_permitted {
        return b.rule(Crd1, NotPermitted, true);
    }
    let item = if place.is_null() { &approval["scope"] } else { &decided["scope"] };
    b.item(Crd1, ScopeWider, outside(&body["scope"], &json!(known(item).into_iter().collect::<Vec<_>>())));

    b.untold(Crd1, &decided["expires"]);
    let (expires, time) = (&body["expires"], &c.record["time"]);
    let limit = c.limit("credential_lifetime_ms");
    if !limit.is_null() && !expires.is_null() && time.is_null() {
        b.rule(Crd1, TimeAbsent, c.is_enforced());
    } else {
        let ends = [&plus_ms(time, limit), &c.config["session_expires"], &approval["expires"]];
        b.rule(Crd1, LifetimeLonger, ends.iter().any(|end| is_later(expires, end)));
    }

    let call = c.state.get(CALLS, known(place).unwrap_or(&approval["call"]));
    let surface = &c.tool(call)["surface"];
    b.item(Crd3, SurfaceWider, first(&body["surfaces"], |one| one != surface));
}

/// CRD-2 at an end.
fn ended(b: &mut Breaches<'_>) {
    let c = b.case;
    let held = c.state.get(TRACKED_CREDENTIALS, &c.body["credential"]);
    b.rule(Crd2, Unknown, held.is_null());
    let is_live = !held.is_null() && c.end(&held["expires"]) == End::Live;
    b.rule(Crd2, NotOver, c.kind == "credential.expired" && is_live);
}

/// CRD-2 and CRD-3 at a use.
fn used(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, held) = (&c.body, c.state.get(TRACKED_CREDENTIALS, &c.body["credential"]));
    if held.is_null() {
        return b.rule(Crd2, Unknown, true);
    }
    let status = &c.named_call["status"];
    let is_decided = status == "decided" && goes_ahead(c.state.get(DECISIONS, &body["call"]));
    b.rule(Crd2, Step, status != "dispatched" && !is_decided);
    b.rule(Crd2, OtherCall, differs(&held["call"], &body["call"]));
    b.over(Crd2, CredentialOver, &held["expires"]);
    let surface = &body["surface"];
    b.rule(Crd3, SurfaceWider, !surface.is_null() && !list(&held["surfaces"]).contains(surface));
}

/// OUT-1 at a plan.
fn planned(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, call) = (&c.body, c.named_call);
    b.rule(Out1, NameTaken, c.state.has(TRACKED_EFFECTS, &body["effect"]));
    if call.is_null() {
        return b.rule(Out1, Unknown, true);
    }
    b.rule(Out1, Step, call["status"] == "dispatched");
    let is_other_target = is_requested(call) && *c.commitment(&body["target"]) != call["target"];
    let is_other_action = differs(&call["effects"], &body["action"]);
    b.rule(Out1, NotAsDecided, is_other_action || !body["target"].is_null() && is_other_target);
}

/// The kinds of records that resolve an effect.
pub(crate) const RESOLVING: &str =
    "downstream.reverted downstream.quarantined downstream.compensated downstream.notified";

/// OUT-1 to OUT-3 at the steps of an effect. Spec: effect-steps.
fn effect(b: &mut Breaches<'_>) {
    let c = b.case;
    let (body, held) = (&c.body, c.state.get(TRACKED_EFFECTS, &c.body["effect"]));
    let Some((from, _)) = c.step_of("downstream") else { return };
    if held.is_null() {
        return b.rule(Out1, Unknown, true);
    }
    b.rule(Out1, Step, !is_one(&held["status"], from));
    match c.kind {
        "downstream.executed" => {
            b.rule(Out1, OtherCall, held["call"] != body["call"]);
            b.rule(Out3, AmountExceeded, number(&body["amount_micros"]) > number(&held["amount_micros"]));
        }
        "downstream.verified" => {
            let is_false_match = body["result"] == "match" && !is_match(c, held);
            b.rule(Out1, OtherValue, is_other_value(c, held) || is_false_match);
        }
        _ => {
            b.rule(Out2, OtherParty, conflicts(&held["owner"], &body["owner"]));
            let is_irreversible = held["reversible"] == false && held["status"] != "planned";
            b.rule(Out3, Unverified, is_irreversible && held["verified"] == false);
        }
    }
}

fn is_other_value(c: &Case<'_>, effect: &Value) -> bool {
    ["expected", "observed"].iter().any(|field| conflicts(&c.body[field], &effect[field]))
}

/// Spec: effect-match.
pub(crate) fn is_match(c: &Case<'_>, effect: &Value) -> bool {
    let [expected, observed] =
        ["expected", "observed"].map(|field| known(&c.body[field]).or(known(&effect[field])));
    expected.is_some() && expected == observed && !is_other_value(c, effect)
}

/// OUT-4.
fn released(b: &mut Breaches<'_>) {
    let c = b.case;
    let body = &c.body;
    b.rule(Out4, NoRecipient, list(&body["recipients"]).is_empty());
    let output = c.state.get(OUTPUTS, &body["output"]);
    if output.is_null() {
        return b.rule(Out4, Unknown, true);
    }
    b.rule(Out4, NotInspected, output["inspected"] == false);
    b.rule(Out4, BlockedContent, output["blocked"] == true);
    let set = known(&c.state.get(CONTEXTS, &body["output"])["label"]);
    let sensitivity = &c.raised(set.unwrap_or(&output["label"]), &body["output"])["sensitivity"];
    let lacks = |recipient: &Value| is_below(&recipient["clearance"], sensitivity);
    b.item(Out4, Clearance, first(&body["recipients"], lacks));
}
