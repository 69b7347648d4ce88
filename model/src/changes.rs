//! What records change. SPEC.md 10.13, 10.19, 10.23.

use rederive_evidence::rules::Outcome;
use serde_json::{Value, json};

use crate::approval::{RESOLVING, is_match};
use crate::call::needs_permit;
use crate::case::*;
use crate::decision::{carried, control, grant_for, is_approved, planned, planned_sum};
use crate::influence::default_label;
use crate::run::{COUNTED, adds, depth, is_in_window, is_name_taken, now};
use crate::state::*;

/// What the opening record fixes.
pub(crate) fn config(c: &Case<'_>) -> Value {
    let (body, session) = (&c.body, &c.body["session"]);
    json!({
        "mode": body["mode"], "rule_set": body["rule_set"], "layers": bits("layer", list(&body["layers"])),
        "tenant": body["tenant"], "session": session["id"], "session_expires": session["expires"],
        "goal": c.commitment(&body["goal"]), "scope": body["scope"], "capabilities": body["persona"]["capabilities"],
        "limits": body["limits"], "bundle": body["bundle"], "registry": body["registry"],
    })
}

/// These fields of a body.
fn fields(body: &Value, names: &str) -> Value {
    names.split_whitespace().map(|name| (name, body[name].clone())).collect()
}

/// The state after the record that opens the run. 3 of 10.13, 1 of 10.19, 1 of 10.23.
fn open(c: &Case<'_>) -> State {
    let mut state = State::default();
    let zeros = json!({
        "calls": 0, "calls_in_window": 0, "spend_micros": 0, "tokens": 0, "targets": 0, "bytes_out": 0, "refused": 0,
    });
    state.set(CONFIG, &NULL, c.config.clone());
    state.set(PROGRESS, &NULL, json!({"time": c.record["time"], "closed": false}));
    state.set(COUNTERS, &NULL, zeros);
    let mut enter = |section, listed: &str, kept: &dyn Fn(&Value) -> Value| {
        // Of two of one name the first is entered last.
        for entry in list(&c.body[listed]).iter().rev() {
            state.set(section, &entry["id"], kept(entry));
        }
    };
    enter(ACTORS, "actors", &Value::clone);
    enter(MODELS, "models", &Value::clone);
    enter(SOURCES, "sources", &Value::clone);
    enter(GRANTS, "grants", &|grant| {
        let (amount, count) = (&grant["amount_micros_max"], &grant["count_max"]);
        let left = json!({"amount_micros_left": amount, "count_left": count});
        let destination = c.commitment(&grant["destination"]);
        with(left, json!({"action": grant["action"], "destination": destination}))
    });
    state.set(POLICIES, &NULL, fields(&c.body, "bundle registry"));
    state
}

/// The state after a record; `influence` is what the state keeps of the record's.
pub(crate) fn of(case: &Case<'_>, influence: Value, outcome: Outcome, is_breached: bool) -> State {
    if case.opens {
        return open(case);
    }
    let counts = !(case.is_enforced() && is_breached);
    let mut change = Change { case, state: case.state.clone(), influence, is_breached, counts };
    let latest = case.record["time"].as_u64().max(case.state.one(PROGRESS)["time"].as_u64());
    let is_applied = outcome == Outcome::Applied;
    let is_closed = is_applied && case.kind == "run.closed";
    change.state.set(PROGRESS, &NULL, json!({"time": latest, "closed": is_closed}));
    if is_applied {
        change.applied()
    } else {
        change.refused()
    }
    change.leave_turns();
    change.state
}

struct Change<'c> {
    case: &'c Case<'c>,
    state: State,
    influence: Value,
    is_breached: bool,
    /// Whether the record counts. Spec: counts.
    counts: bool,
}

impl Change<'_> {
    /// 2 to 12 of 10.13, 10.19, 10.23: what a record of each kind changes.
    fn applied(&mut self) {
        self.count();
        let (c, body, place) = (self.case, &self.case.body, &self.case.place);
        let (content, inspected) = (|name: &str| c.commitment(&body[name]), &body["inspected"]);
        let (approval, credential, effect) = (&body["approval"], &body["credential"], &body["effect"]);
        let (delegation, exception) = (&body["delegation"], &body["exception"]);
        match c.kind {
            "prompt.sent" if !place.is_null() => self.prompt(),
            "prompt.answered" if !place.is_null() && !c.is_turn_used(place) => {
                self.open_turn(number(&body["calls"]), self.influence.clone());
            }
            "context.retrieved" => self.retrieved(),
            "context.summarised" => {
                let ends = list(&body["items"]).iter().map(|item| c.fresh_until(item));
                let end = ends.fold(Value::Null, |a, b| earlier(&a, b));
                self.fresh_no_longer_than(content("summary"), &end);
            }
            "context.blocked" => self.context(&body["item"], json!({"withheld": true})),
            "guardrail.blocked" => self.context(inspected, json!({"blocked": true})),
            "guardrail.detected" => self.inspected(inspected),
            "guardrail.transformed" => self.transformed(content("transformed")),
            "plan.proposed" | "plan.revised" => self.state.set(PLANS, &c.agent, json!({})),
            "plan.checked" => self.state.update(PLANS, &c.agent, fields(body, "verdict")),

            "tool.registered" => self.state.set(TOOLS, &body["tool"], registered(c)),
            "tool.proposed" if !place.is_null() && c.standing(place) == Standing::Free => self.proposed(),
            "tool.validated" => self.step(place, fields(body, "arguments")),
            "tool.requested" => self.step(place, fields(body, "arguments target request")),
            "tool.previewed" => {
                self.state.update(CALLS, place, json!({"previewed": true, "diff": content("diff")}));
            }
            "tool.dispatched" => {
                self.step(place, fields(body, "arguments target"));
                self.has_served(c.decision);
                self.dispatched();
            }
            "tool.returned" | "tool.failed" | "tool.blocked" | "tool.unknown" if !c.call.is_null() => {
                self.call_ends();
            }
            "decision.made" if c.named.is_null() => self.permit(),
            "decision.made" if !c.named_call.is_null() => self.decided(),

            "memory.written" => self.written(),
            "memory.deleted" | "memory.expired" => {
                self.state.set(MEMORY, &body["item"], json!({"label": self.influence["label"]}));
            }
            "delegation.granted" if !is_name_taken(c) => self.granted(),
            "delegation.ended" => self.state.update(DELEGATIONS, delegation, json!({"live": false})),
            "limit.read" => {
                self.state.set(SHARED_COUNTERS, &body["counter"], fields(body, "kind value limit"));
            }
            "policy.pinned" => self.state.update(POLICIES, &NULL, fields(body, "engine engine_version")),
            "policy.changed" if c.is_set_2() => self.policy_changed(),
            "governance.exception-granted" if !c.state.has(EXCEPTIONS, exception) => {
                self.state.set(EXCEPTIONS, exception, fields(body, "approver scope expires"));
            }
            "governance.exception-ended" => self.state.remove(EXCEPTIONS, exception),

            _ if !c.is_set_2() => self.names(),
            "credential.issued" => self.issued(),
            "credential.revoked" | "credential.expired" if self.counts => {
                self.state.remove(TRACKED_CREDENTIALS, credential);
            }
            "downstream.planned" if self.counts => self.planned(),
            "downstream.executed" => self.executed(),
            "downstream.verified" => self.verified(),
            _ if c.is(RESOLVING) && self.counts => self.state.remove(TRACKED_EFFECTS, effect),
            "output.produced" => self.produced(),
            "output.blocked" => self.state.update(OUTPUTS, &body["output"], json!({"blocked": true})),
            _ if !approval.is_null() => self.approval(approval),
            _ => {}
        }
    }

    fn add(&mut self, counter: &str, more: u64) {
        let counted = number(&self.state.one(COUNTERS)[counter]);
        self.state.update(COUNTERS, &NULL, json!({(counter): counted.saturating_add(more)}));
    }

    /// 1 of 10.13.
    fn refused(&mut self) {
        let c = self.case;
        self.add("refused", 1);
        if adds(c, "calls") > 0 {
            self.move_window(0);
        }
        let is_free = !c.place.is_null() && c.standing(&c.place) == Standing::Free;
        if c.kind == "tool.proposed" && is_free && c.is_announced() {
            self.enter_retry();
            self.set_ended(true);
        }
    }

    /// 2 of 10.13.
    fn count(&mut self) {
        for (counter, _) in COUNTED {
            self.add(counter, adds(self.case, counter));
        }
        if adds(self.case, "targets") > 0 {
            self.state.set(TARGETS, &self.case.body["target"], json!({}));
        }
        if adds(self.case, "calls") > 0 {
            self.move_window(1);
        }
    }

    fn move_window(&mut self, made: u64) {
        let Some(now) = now(self.case) else { return };
        self.state.keep(CALL_TIMES, |time| is_in_window(self.case, time, now));
        if made > 0 {
            let at = number(&self.state.get(CALL_TIMES, &json!(now))["calls"]);
            self.state.set(CALL_TIMES, &json!(now), json!({"calls": at.saturating_add(made)}));
        }
        let times = self.state.all(CALL_TIMES).into_iter();
        let left = times.fold(0_u64, |sum, (_, at)| sum.saturating_add(number(&at["calls"])));
        self.state.update(COUNTERS, &NULL, json!({"calls_in_window": left}));
    }

    /// 4 of 10.13.
    fn prompt(&mut self) {
        let (c, agent) = (self.case, &self.case.agent);
        let is_extended = !c.body["extends"].is_null() && c.kept_parts().is_ok();
        let mut next = if is_extended { number(&c.state.get(PROMPTS, agent)["next"]) } else { 0 };
        let mut numbers = c.kept_parts().unwrap_or_default();
        let is_kept = |key: &Value| numbers.contains(&number(&key["number"]));
        self.state.keep(PARTS, |key| key["agent"] != *agent || is_kept(key));
        for part in list(&c.body["parts"]) {
            let content = c.commitment(&part["content"]);
            self.state.set(PARTS, &json!({"agent": agent, "number": next}), json!({"content": content}));
            numbers.push(next);
            next += 1;
        }
        let pieces =
            pieces(&numbers).into_iter().map(|(first, count)| json!({"first": first, "count": count}));
        let (turn, pieces) = (&c.place["turn"], pieces.collect::<Value>());
        let prompt = json!({"turn": turn, "next": next, "pieces": pieces, "influence": self.influence});
        self.state.set(PROMPTS, agent, prompt);
    }

    fn open_turn(&mut self, calls: u64, influence: Value) {
        let place = &self.case.place;
        self.state.set(TURNS, place, json!({"calls": calls, "ended": [], "influence": influence}));
        self.state.set(WATERMARKS, &place["agent"], fields(place, "turn"));
    }

    /// A turn leaves when all its calls have ended and it is not the watermark. Spec: places.
    fn leave_turns(&mut self) {
        let is_last = |key: &Value| self.state.get(WATERMARKS, &key["agent"])["turn"] == key["turn"];
        let turns = self.state.all(TURNS).into_iter();
        let leave = turns.filter(|(key, turn)| all_ended(turn) && !is_last(key)).map(|(key, _)| key.clone());
        for turn in leave.collect::<Vec<_>>() {
            self.state.remove(TURNS, &turn);
            self.state.keep(RETRIES, |key| key["agent"] != turn["agent"] || key["turn"] != turn["turn"]);
        }
    }

    /// Sets or clears the bit of the record's place.
    fn set_ended(&mut self, has_ended: bool) {
        let place = &self.case.place;
        let index = number(&place["index"]);
        let ended = &self.state.get(TURNS, place)["ended"];
        let mut words: Vec<u64> = list(ended).iter().map(number).collect();
        words.resize(words.len().max(index as usize / 64 + 1), 0);
        if let Some(word) = words.get_mut(index as usize / 64) {
            *word = *word & !(1 << (index % 64)) | u64::from(has_ended) << (index % 64);
        }
        while words.last() == Some(&0) {
            words.pop();
        }
        self.state.update(TURNS, place, json!({"ended": words}));
    }

    fn enter_retry(&mut self) {
        let place = &self.case.place;
        if number(&place["attempt"]) > 0 {
            self.state.set(RETRIES, place, fields(place, "attempt"));
        }
    }

    /// Sets fields of what is kept of a content.
    fn context(&mut self, content: &Value, fields: Value) {
        if !self.state.has(CONTEXTS, content) {
            self.state.set(CONTEXTS, content, json!({"withheld": false, "blocked": false}));
        }
        self.state.update(CONTEXTS, content, fields);
    }

    /// The end of freshness of a content becomes the earlier of the one held and this one.
    fn fresh_no_longer_than(&mut self, content: &Value, end: &Value) {
        if !content.is_null() && !end.is_null() {
            let held = &self.state.get(CONTEXTS, content)["fresh_until"];
            self.context(content, json!({"fresh_until": earlier(held, end)}));
        }
    }

    /// 6 of 10.13.
    fn retrieved(&mut self) {
        let (c, body) = (self.case, &self.case.body);
        let item = c.commitment(&body["item"]);
        let by_limit = plus_ms(&body["retrieved"], c.limit("freshness_ms"));
        let end = known(&body["fresh_until"]).unwrap_or(&by_limit);
        if !end.is_null() {
            let latest = c.fresh_until(item).as_u64().max(end.as_u64());
            self.context(item, json!({"fresh_until": latest}));
        }
    }

    /// 6 of 10.13, 5 of 10.19, 6 of 10.23.
    fn transformed(&mut self, form: &Value) {
        let (c, label, inspected) = (self.case, &self.case.body["label"], &self.case.body["inspected"]);
        if form != inspected {
            self.context(inspected, json!({"transformed": form}));
            self.fresh_no_longer_than(form, c.fresh_until(inspected));
        }
        self.inspected(form);
        if !c.is_set_2() || !c.actor_is("guardrail") {
            return;
        }
        if form != inspected && !label.is_null() {
            let held = known(&c.state.get(CONTEXTS, form)["label"]).unwrap_or(label);
            self.context(form, json!({"label": join(label, held)}));
        }
        if let Some(first) = known(c.state.get(OUTPUTS, inspected)) {
            let joined = join(&self.influence["label"], &first["label"]);
            let is_blocked = c.state.get(OUTPUTS, form)["blocked"] == true;
            let label = known(label).unwrap_or(&joined);
            let entry = json!({"label": label, "inspected": true, "blocked": is_blocked});
            self.state.set(OUTPUTS, form, entry);
        }
    }

    /// 5 of 10.19, 6 of 10.23: a content is looked at, and stands in this form.
    fn inspected(&mut self, form: &Value) {
        let (c, inspected) = (self.case, &self.case.body["inspected"]);
        let found = bits("detected-class", list(&c.body["classes"]));
        if c.is_set_2() && found > 0 {
            let held = number(&c.state.get(CONTEXTS, inspected)["detected"]);
            self.context(inspected, json!({"detected": found | held}));
        }
        if c.actor_is("guardrail") {
            self.state.update(OUTPUTS, inspected, json!({"inspected": true}));
            if [&c.call["arguments"], &c.call["inspected"]].contains(&inspected) {
                self.state.update(CALLS, &c.place, json!({"inspected": form}));
            }
        }
    }

    /// 7 of 10.13, 4 of 10.19.
    fn proposed(&mut self) {
        let (c, body, place) = (self.case, &self.case.body, &self.case.place);
        let calls = number(&place["index"]) + 1;
        if c.turn.is_null() {
            self.open_turn(calls, json!({"label": default_label(c), "flags": 0}));
        } else {
            self.state.update(TURNS, place, json!({"calls": calls.max(number(&c.turn["calls"]))}));
            self.set_ended(false);
        }
        self.enter_retry();
        let (tool, arguments) = (c.tool(body), c.commitment(&body["arguments"]));
        let call = json!({
            "status": "proposed", "tool": body["tool"], "arguments": arguments, "effects": tool["effects"],
            "schema": tool["schema"], "previewed": false, "influence": self.influence,
            "carriage": carried(c, &self.influence), "expected_effect": c.commitment(&body["expected_effect"]),
        });
        self.state.set(CALLS, place, call);
    }

    /// A step of a live call: its status, which never falls, and fields as stated.
    fn step(&mut self, place: &Value, stated: Value) {
        let held = &self.state.get(CALLS, place)["status"];
        let to = json!(self.case.step_of("tool").map(|(_, to)| to));
        let falls = code("call-status", &to) < code("call-status", held);
        let status = if falls { held.clone() } else { to };
        self.state.update(CALLS, place, with(stated, json!({"status": status})));
    }

    /// 9 of 10.13, 4 of 10.23.
    fn call_ends(&mut self) {
        let c = self.case;
        self.state.remove(CALLS, &c.place);
        self.state.remove(DECISIONS, &c.place);
        self.set_ended(true);
        let was_not_made = is_one(&c.body["class"], "unreachable refused arguments");
        for (name, effect) in planned(c, c.call) {
            let leaves = effect["call"] == c.place && is_open(effect);
            if leaves && (c.kind == "tool.blocked" || c.kind == "tool.failed" && was_not_made) {
                self.state.remove(TRACKED_EFFECTS, name);
            }
        }
    }

    /// 8 of 10.13, 4 of 10.19.
    fn decided(&mut self) {
        let (c, body, request) = (self.case, &self.case.body, &self.case.body["request"]);
        let arguments = known(&request["arguments"]).unwrap_or(&c.named_call["arguments"]);
        let (target, permitted) = (&request["target"], goes_ahead(body));
        let stated = json!({"arguments": arguments, "target": target, "permitted": permitted});
        self.step(&c.named, stated);
        let (scope, control) = (&request["scope"], control(c));
        let decided = json!({"request": c.request, "scope": scope, "control": control});
        self.state.set(DECISIONS, &c.named, with(body.clone(), decided));
    }

    /// 10 of 10.13, 4 of 10.19, 2 of 10.23.
    fn permit(&mut self) {
        let (body, request) = (&self.case.body, &self.case.body["request"]);
        let value = &request["arguments"];
        self.state.remove(PERMITS, value);
        if goes_ahead(body) && !value.is_null() {
            let permit = with(fields(request, "actor influence"), fields(body, "expires"));
            self.state.set(PERMITS, value, permit);
        }
        self.has_served(body);
    }

    /// 10 of 10.13.
    fn written(&mut self) {
        let (c, body, label) = (self.case, &self.case.body, &self.influence["label"]);
        let value = c.commitment(&body["value"]);
        let label = join(label, known(&body["label"]).unwrap_or(label));
        let entry = json!({"commitment": value, "label": label, "expires": body["expires"]});
        self.state.set(MEMORY, &body["item"], entry);
        if needs_permit(c, &self.influence) {
            self.state.remove(PERMITS, value);
        }
    }

    /// 12 of 10.13.
    fn granted(&mut self) {
        let (c, body, delegate) = (self.case, &self.case.body, &self.case.body["delegate"]);
        let (name, to) = (&body["delegation"], &delegate["id"]);
        let granted = json!({"from": c.record["actor"], "to": to, "depth": depth(c), "live": true});
        self.state.set(DELEGATIONS, name, with(granted, fields(body, "expires")));
        let scope = known(&delegate["scope"]).unwrap_or(&body["scope"]);
        let actor = with(fields(delegate, "actor_type"), json!({"scope": scope, "delegation": name}));
        self.state.set(ACTORS, to, actor);
    }

    /// 11 of 10.13, which set 2 has otherwise.
    fn names(&mut self) {
        let (c, body) = (self.case, &self.case.body);
        let (approval, credential, effect) = (&body["approval"], &body["credential"], &body["effect"]);
        match c.kind {
            "approval.requested" => self.state.set(APPROVALS, approval, json!({})),
            "credential.issued" => self.state.set(CREDENTIALS, credential, fields(body, "expires")),
            "downstream.executed" => self.state.set(EFFECTS, effect, json!({})),
            _ if c.is("approval.approved approval.denied approval.expired approval.withdrawn") => {
                self.state.remove(APPROVALS, approval);
            }
            _ if c.is("credential.revoked credential.expired") => self.state.remove(CREDENTIALS, credential),
            _ if c.is(RESOLVING) || body["result"] == "match" => self.state.remove(EFFECTS, effect),
            _ => {}
        }
    }

    /// 1 of 10.19.
    fn policy_changed(&mut self) {
        let body = &self.case.body;
        if !body["bundle"].is_null() {
            let named = json!({"bundle": body["bundle"], "engine": null, "engine_version": null});
            self.state.update(POLICIES, &NULL, named);
        }
        if !body["registry"].is_null() {
            self.state.update(POLICIES, &NULL, fields(body, "registry"));
        }
        self.state.keep(PERMITS, |_| false);
    }

    /// 2 of 10.23, at a step of an approval.
    fn approval(&mut self, name: &Value) {
        let (c, body, held) = (self.case, &self.case.body, self.case.state.get(TRACKED_APPROVALS, name));
        let Some((_, status)) = c.step_of("approval") else { return };
        if c.kind == "approval.requested" {
            let first = known(&held["scope"]).unwrap_or(&c.state.get(DECISIONS, &body["call"])["scope"]);
            let approval = json!({
                "logged": false, "used": false, "breached": held["breached"] == true, "requester": c.record["actor"],
                "scope": first,
            });
            let approval = with(fields(body, "covers call expires"), approval);
            self.state.set(TRACKED_APPROVALS, name, approval);
        }
        let step = match c.kind {
            "approval.logged" => json!({"logged": true}),
            "approval.under-review" => with(fields(body, "reviewer shown"), json!({"status": status})),
            _ => json!({"status": status}),
        };
        self.state.update(TRACKED_APPROVALS, name, step);
        if self.is_breached {
            self.state.update(TRACKED_APPROVALS, name, json!({"breached": true}));
        }
    }

    /// 2 of 10.23: the approval that a decision names has served, where the decision goes ahead.
    fn has_served(&mut self, decision: &Value) {
        if goes_ahead(decision) {
            self.state.update(TRACKED_APPROVALS, &decision["approval"], json!({"used": true}));
        }
    }

    /// 3 of 10.23.
    fn issued(&mut self) {
        let (c, body) = (self.case, &self.case.body);
        let approval = c.state.get(TRACKED_APPROVALS, &body["approval"]);
        let call = known(&body["call"]).unwrap_or(&approval["call"]);
        let credential = with(fields(body, "expires scope surfaces"), json!({"call": call}));
        self.state.set(TRACKED_CREDENTIALS, &body["credential"], credential);
    }

    /// 4 of 10.23.
    fn planned(&mut self) {
        let (c, body, name) = (self.case, &self.case.body, &self.case.body["effect"]);
        let call = c.named_call;
        if call.is_null() || c.state.has(TRACKED_EFFECTS, name) {
            return;
        }
        let is_reversible = body["reversible"] == true && c.tool(call)["reversible"] == true;
        let status = if call["status"] == "dispatched" { "under-way" } else { "planned" };
        let effect = json!({
            "status": status, "reversible": is_reversible, "rollback": !body["rollback"].is_null(),
            "containment": !body["containment"].is_null(), "verified": false, "expected": c.commitment(&body["expected"]),
        });
        let effect = with(fields(body, "call owner amount_micros"), effect);
        self.state.set(TRACKED_EFFECTS, name, effect);
        let mut names = list(&call["planned"]).to_vec();
        names.extend(Some(name.clone()).filter(|name| !names.contains(name)));
        self.state.update(CALLS, &c.named, json!({"planned": names}));
    }

    /// 5 of 10.23.
    fn executed(&mut self) {
        let (c, body, name) = (self.case, &self.case.body, &self.case.body["effect"]);
        let held = c.state.get(TRACKED_EFFECTS, name);
        let no_plan =
            json!({"reversible": false, "rollback": false, "containment": false, "verified": false});
        if held.is_null() {
            self.state.set(TRACKED_EFFECTS, name, with(no_plan, fields(body, "call")));
        }
        if held.is_null() || is_open(held) {
            let executed = json!({"status": "executed", "observed": c.commitment(&body["observed"])});
            self.state.update(TRACKED_EFFECTS, name, executed);
            let above = number(&body["amount_micros"]).saturating_sub(number(&held["amount_micros"]));
            self.draw(&held["grant"], 0, above);
        }
    }

    /// 5 of 10.23.
    fn verified(&mut self) {
        let (c, name) = (self.case, &self.case.body["effect"]);
        let held = c.state.get(TRACKED_EFFECTS, name);
        let is_true_match = c.body["result"] == "match" && is_match(c, held);
        if is_true_match && held["status"] != "mismatched" && self.counts {
            self.state.remove(TRACKED_EFFECTS, name);
        }
        self.state.update(TRACKED_EFFECTS, name, json!({"status": "mismatched", "verified": true}));
    }

    /// Uses, and an amount where there is one, go from a grant.
    fn draw(&mut self, name: &Value, uses: u64, amount: u64) {
        let grant = self.state.get(GRANTS, name);
        let count = number(&grant["count_left"]).saturating_sub(uses);
        let left = grant["amount_micros_left"].as_u64().map(|left| left.saturating_sub(amount));
        self.state.update(GRANTS, name, json!({"count_left": count, "amount_micros_left": left}));
    }

    /// 4 of 10.23.
    fn dispatched(&mut self) {
        let (c, call) = (self.case, self.case.call);
        let effects = planned(c, call);
        let is_final = effects.iter().any(|(_, effect)| effect["reversible"] == false);
        let draws = is_final && !is_approved(c, c.decision);
        let grant = grant_for(c, call).filter(|_| draws).map_or(&NULL, |(name, _)| name);
        for (name, effect) in effects {
            let grant = known(grant).unwrap_or(&effect["grant"]);
            self.state.update(TRACKED_EFFECTS, name, json!({"status": "under-way", "grant": grant}));
        }
        self.draw(grant, 1, planned_sum(c, call).unwrap_or(0));
    }

    /// 6 of 10.23.
    fn produced(&mut self) {
        let (c, label) = (self.case, &self.influence["label"]);
        let output = c.commitment(&c.body["output"]);
        let new = json!({"label": label, "inspected": false, "blocked": false});
        let held = known(c.state.get(OUTPUTS, output)).unwrap_or(&new);
        let joined = join(label, &held["label"]);
        self.state.set(OUTPUTS, output, with(held.clone(), json!({"label": joined})));
    }
}

/// Whether an effect is planned or under way.
fn is_open(effect: &Value) -> bool {
    is_one(&effect["status"], "planned under-way")
}

/// What the state keeps of a tool as registered.
pub(crate) fn registered(c: &Case<'_>) -> Value {
    let schema = c.commitment(&c.body["schema"]);
    with(c.body.clone(), json!({"schema": schema, "description": null}))
}
