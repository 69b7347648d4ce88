//! Scenes: what a run is made of, a few records to a few dozen each.

use rederive_evidence::ids::{Content, RecordRef, RecordedTime};
use rederive_evidence::kinds::context::ContextBlocked;
use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::kinds::delegation::{DelegationEnded, DelegationGranted};
use rederive_evidence::kinds::governance::{ExceptionEnded, ExceptionGranted};
use rederive_evidence::kinds::guardrail::{
    BlockReason, DetectedClass, GuardrailBlocked, GuardrailTransformed,
};
use rederive_evidence::kinds::memory::{MemoryDeleted, MemoryRead, MemoryScope};
use rederive_evidence::kinds::output::OutputBlocked;
use rederive_evidence::kinds::plan::{PlanChecked, PlanProposed, PlanVerdict};
use rederive_evidence::kinds::policy::{PolicyChanged, PolicyPinned};
use rederive_evidence::kinds::tool::{ToolBlocked, ToolPreviewed, ToolUnknown, UnknownReason};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Actor, ActorType, EffectsClass, Label, Place, Sensitivity, Trust};
use rederive_machine::testing::authority::{
    logging, looking, producing, releasing, resolving, revoking, withdrawing,
};
use rederive_machine::testing::{
    Made, START, TENANT, answer, commitment, extension, handing_off, id, inspection, memory_decision,
    memory_key, message, place, prompt, redecided, retrieval, scope_item, writing,
};

use super::calls::{Course, Flow, again, side_by_side};
use super::one_of;
use super::walk::Walk;

const TOOLS: [&str; 3] = ["search", "mail", "edit"];
/// Most calls side by side.
const CALLS_MAX: u64 = 3;

/// Plays one scene.
pub(super) fn play(walk: &mut Walk) {
    // What leads to few ways of breaking a rule in a run that keeps them all is only played in others.
    if walk.is_bent() && walk.below(4) == 0 {
        return match walk.below(3) {
            0 => learned(walk),
            1 => withheld(walk),
            _ => extended(walk),
        };
    }
    match walk.below(12) {
        0..=2 => turn(walk),
        3 => delegated(walk),
        4 => remembered(walk),
        5 => released(walk),
        6 => blocked(walk),
        7 => planned(walk),
        8 => governed(walk),
        9 => looked_into(walk),
        _ => read_turn(walk),
    }
}

/// Ends what is left open: calls, approvals, effects, credentials, delegations.
pub(super) fn settle(walk: &mut Walk) {
    let open: Vec<Place> = walk.trial.machine.state().calls().iter().map(|(at, _)| at.clone()).collect();
    for at in open {
        let blocked = ToolBlocked { reason: BlockReason::RunEnd, notice: None };
        let _ = walk.take(Made::new("broker", blocked).at(at.clone()).because([0]));
        let lost = ToolUnknown { reason: UnknownReason::Abort };
        let _ = walk.take(Made::new("recorder", lost).at(at.clone()).because([0]));
        for resolved in resolving(&at) {
            let _ = walk.take(resolved.because([0]));
        }
    }
    let ended: Vec<Place> = walk.trial.told.iter().filter_map(|(input, _)| planned_at(&input.body)).collect();
    for at in ended {
        if let Some(resolved) = resolving(&at).into_iter().next() {
            let _ = walk.take(resolved.because([0]));
        }
    }
    let answers = [Kind::ApprovalApproved, Kind::ApprovalDenied];
    let answered = walk.trial.told.iter().rev().find(|(input, _)| answers.contains(&input.body.kind()));
    if let Some(number) = answered.map(|(input, _)| input.sequence) {
        let _ = walk.take(logging(number).because([number]));
    }
    let _ = walk.take(withdrawing().because([0]));
    let _ = walk.take(revoking().because([0]));
    for delegation in ["helper-to-deeper", "agent-to-helper"] {
        let by = delegation.split("-to-").next().unwrap_or("agent");
        let _ = walk.take(Made::new(by, DelegationEnded { delegation: id(delegation) }).because([0]));
    }
}

fn planned_at(body: &Body) -> Option<Place> {
    let Body::EffectPlanned(body) = body else { return None };
    Some(body.call.clone())
}

/// The agent plans, and a guardrail compares the plan with the task.
fn planned(walk: &mut Walk) {
    let turn = walk.turn.saturating_sub(1);
    let body = PlanProposed { plan: Content(0), steps: Some(2) };
    let Some(plan) = walk.take(Made::new("agent", body).with(["a plan"]).at(place(turn, 0)).because([0]))
    else {
        return;
    };
    let verdict = PlanVerdict::ALL.get(walk.below(3) as usize).copied().unwrap_or(PlanVerdict::Aligned);
    let body = PlanChecked { plan: RecordRef(plan), verdict, rule: None, reason: None };
    let _ = walk.take(Made::new("guard", body).at(place(turn, 0)).because([plan]));
    calls_of(walk, 1, &[]);
    // Whatever was found at first: nobody acts on a plan that is not within the task.
    let body = PlanChecked { plan: RecordRef(plan), verdict: PlanVerdict::Aligned, rule: None, reason: None };
    let _ = walk.take(Made::new("guard", body).at(place(turn, 0)).because([plan]));
}

/// The bundle is pinned or changed, an exception is granted and ended.
fn governed(walk: &mut Walk) {
    let pinned = PolicyPinned {
        bundle: commitment("bundle"),
        name: None,
        version: None,
        engine: Given::Known(id("cedar")),
        engine_version: Given::Known(id("4")),
    };
    let _ = walk.take(Made::new("gate", pinned).because([0]));
    // It may end while the turn's calls are decided on.
    let lasting = if walk.is_bent() { one_of(&[3_600_000, 4, 6, 8], &mut walk.draw) } else { None };
    let expires = walk.latest().plus_ms(lasting.unwrap_or(3_600_000));
    let granted = ExceptionGranted {
        exception: id("exception-1"),
        approver: id("approver"),
        reason: Given::Known(Content(0)),
        scope: vec![scope_item("search", EffectsClass::Read)],
        expires: Given::Known(expires),
    };
    let _ = walk.take(Made::new("approver", granted).with(["why not"]).because([0]));
    let changing = |bundle| {
        let body = PolicyChanged { bundle: Some(commitment(bundle)), registry: None, reason: None };
        Made::new("administrator", body).because([0])
    };
    let is_changed = walk.below(4) == 3;
    if is_changed {
        let _ = walk.take(changing("new bundle"));
    }
    turn(walk);
    // What the gate goes on to decide under is the first bundle.
    if is_changed {
        let _ = walk.take(changing("bundle"));
    }
    if walk.below(2) == 0 {
        let _ =
            walk.take(Made::new("approver", ExceptionEnded { exception: id("exception-1") }).because([0]));
    }
}

/// A page is looked into, masked, and put before the model in its masked form.
fn looked_into(walk: &mut Walk) {
    let Some(item) = walk.take(retrieval("a page with names")) else { return };
    let class = DetectedClass::ALL.get(walk.below(8) as usize).copied().unwrap_or(DetectedClass::Personal);
    let looked = inspection(&place(0, 0), "a page with names", &[class]);
    let _ = walk.take(looked.because([item]));
    let body = GuardrailTransformed {
        rule: id("mask"),
        version: None,
        inspected: commitment("a page with names"),
        record: None,
        transformed: Content(0),
        label: None,
    };
    let Some(masked) = walk.take(Made::new("guard", body).with(["a masked page"]).because([item])) else {
        return;
    };
    if walk.is_bent() && walk.below(2) == 0 {
        let _ = asked(walk, 0, &[(item, "a page with names")]);
    }
    calls_of(walk, 1, &[(masked, "a masked page")]);
}

/// The user speaks, the agent asks the model, and the answer has so many calls; its number.
fn asked(walk: &mut Walk, calls: u16, more: &[(u64, &str)]) -> Option<(u32, u64)> {
    let turn = walk.next_turn();
    let text = if turn.is_multiple_of(2) { "do it" } else { "do that" };
    let told = walk.take(message("user", text).because([0]))?;
    let parts: Vec<(u64, &str)> = std::iter::once((told, text)).chain(more.iter().copied()).collect();
    let prompt = walk.take(prompt(turn, &parts))?;
    let answered = walk.take(answer(turn, calls, prompt))?;
    walk.turn += 1;
    Some((turn, answered))
}

/// A turn with calls side by side; one that failed is tried again, one that a person revised is asked for once more, changed.
fn turn(walk: &mut Walk) {
    let calls = 1 + walk.below(CALLS_MAX);
    calls_of(walk, calls, &[]);
}

fn calls_of(walk: &mut Walk, calls: u64, more: &[(u64, &str)]) {
    // One more than are made at first: a revised request is a new call of the same turn.
    let Some((turn, answered)) = asked(walk, calls as u16 + 1, more) else { return };
    let mut flows = Vec::new();
    for index in 0..calls as u16 {
        let tool = TOOLS.get(walk.below(3) as usize).copied().unwrap_or("search");
        flows.push(Flow::new(walk, place(turn, index), tool, answered));
    }
    let flows = side_by_side(walk, flows);
    let failed = |flow: &&Flow| matches!(flow.course(), Course::Permitted) && flow.tool() == "search";
    let retried = flows.iter().find(failed).map(|flow| (again(flow.place()), flow.tool(), flow.last()));
    let revised =
        flows.iter().find(|flow| flow.course() == Course::Revised).map(|flow| (flow.tool(), flow.last()));
    if let Some((at, tool, last)) = retried {
        let flow = Flow::new(walk, at, tool, last);
        let _ = side_by_side(walk, vec![flow]);
    }
    let spare = place(turn, calls as u16);
    let (tool, last) = revised.unwrap_or(("search", answered));
    let flow = Flow::new(walk, spare.clone(), tool, last);
    let _ = side_by_side(walk, vec![flow]);
    let body = ToolPreviewed { diff: Content(0) };
    let _ = walk.take(Made::new("broker", body).with(["a diff"]).at(spare).because([last]));
}

/// A page is retrieved and put before the model; calls follow from it.
fn read_turn(walk: &mut Walk) {
    let Some(item) = walk.take(retrieval("a page")) else { return };
    calls_of(walk, 1, &[(item, "a page")]);
}

/// A page is retrieved and blocked; the model is never shown it.
fn blocked(walk: &mut Walk) {
    let Some(item) = walk.take(retrieval("a poisoned page")) else { return };
    let body = GuardrailBlocked {
        rule: id("no-instructions"),
        version: None,
        inspected: commitment("a poisoned page"),
        record: None,
        reason: BlockReason::Guardrail,
        notice: None,
    };
    let _ = walk.take(Made::new("guard", body).because([item]));
    // In a bent run the model is shown it all the same.
    let shown = walk.is_bent() && walk.below(2) == 0;
    let parts = [(item, "a poisoned page")];
    let _ = asked(walk, 0, if shown { &parts } else { &[] });
}

/// The agent hands a search on to a helper, which hands it on, and the one at the end of the chain makes it.
fn delegated(walk: &mut Walk) {
    // In a bent run the delegation may soon be over.
    let is_short = walk.is_bent() && walk.below(3) == 0;
    let expires = if is_short { walk.latest().plus_ms(20) } else { START.plus_ms(1_800_000) };
    for (from, to) in [("agent", "helper"), ("helper", "deeper")] {
        let _ = walk.take(granting(from, to, expires));
        let _ = walk.take(handing_off(from, to));
    }
    let turn = walk.next_turn();
    let at = Place { agent: id("deeper"), ..place(turn, 0) };
    let Some(sent) = walk.take(prompt(turn, &[(0, "the goal")]).by("deeper").at(at.clone())) else { return };
    let Some(answered) = walk.take(answer(turn, 1, sent).by("deeper").at(at.clone())) else { return };
    walk.turn += 1;
    let flow = Flow::new(walk, at, "search", answered);
    let _ = side_by_side(walk, vec![flow]);
}

pub(super) fn granting(from: &str, to: &str, expires: RecordedTime) -> Made {
    let delegate = Actor { id: id(to), actor_type: ActorType::SubAgent, key: None, owner: None, scope: None };
    let body = DelegationGranted {
        delegation: id(&format!("{from}-to-{to}")),
        delegate,
        scope: vec![scope_item("search", EffectsClass::Read)],
        expires: Given::Known(expires),
        tenant: id(TENANT),
        task: None,
    };
    Made::new(from, Box::new(body)).because([0])
}

/// Something is written to memory in one turn, and read in a later one.
fn remembered(walk: &mut Walk) {
    let scope = MemoryScope::ALL.get(walk.below(4) as usize).copied().unwrap_or(MemoryScope::Session);
    let item = memory_key(scope, "fact");
    let answered = walk.trial.told.iter().rev().find(|(input, _)| input.body.kind() == Kind::PromptAnswered);
    let cause = answered.map_or(0, |(input, _)| input.sequence);
    let _ = walk.take(writing(scope, "a fact").at(place(walk.turn.saturating_sub(1), 0)).because([cause]));
    turn(walk);
    let body = MemoryRead { item: item.clone(), value: Some(Content(0)), earlier: None };
    let read = walk.take(
        Made::new("agent", body).with(["a fact"]).at(place(walk.turn.saturating_sub(1), 0)).because([0]),
    );
    if let Some(read) = read {
        let _ = asked(walk, 0, &[(read, "a fact")]);
    }
    if walk.below(2) == 0 {
        let _ = walk.take(Made::new("agent", MemoryDeleted { item, reason: None }).because([0]));
    }
}

/// Something external leads to a memory write that is decided on.
fn learned(walk: &mut Walk) {
    let external = Label { trust: Trust::External, sensitivity: Sensitivity::Internal };
    let mut page = retrieval("a page from outside");
    if let Body::ContextRetrieved(body) = &mut page.input.body {
        body.label = Given::Known(external);
    }
    let Some(item) = walk.take(page) else { return };
    let Some(known) = walk.trial.machine.write_request(&id("agent")) else { return };
    let expires = Some(walk.latest().plus_ms(1_000));
    // Decided on as if nothing external had led to it, in some.
    let influence = if walk.below(3) == 0 { None } else { Some(external) };
    let decided = redecided(memory_decision("a lesson", Decision::Permit, expires), |body| {
        (body.risks, body.reliance) = (known.signals, known.reliance);
        (body.rules, body.explanation, body.receipt) =
            (vec![id("rule-1")], Some(Content(0)), Some(Content(1)));
        body.request.scope = Given::Known(scope_item("edit", EffectsClass::Write));
        body.request.carriage = Given::Known(external);
        body.request.influence = influence.unwrap_or(body.request.influence);
    });
    let _ = walk.take(decided.with(["why", "a receipt"]).because([item]));
    let _ = walk.take(writing(MemoryScope::Durable, "a lesson").because([0, item]));
}

/// A page is kept from the model, and yet put before it, or summed up.
fn withheld(walk: &mut Walk) {
    let Some(item) = walk.take(retrieval("a page of others")) else { return };
    let body =
        ContextBlocked { item: commitment("a page of others"), record: None, reason: BlockReason::Tenant };
    let _ = walk.take(Made::new("guard", body).because([item]));
    let _ = asked(walk, 0, &[(item, "a page of others")]);
}

/// A prompt that keeps parts of the last one.
fn extended(walk: &mut Walk) {
    let Some((turn, answered)) = asked(walk, 0, &[]) else { return };
    let (kept, next) = (walk.below(4) as u32, walk.next_turn());
    let made = extension(next, turn, &[(0, kept)], &[(answered, "an answer")]);
    let Some(sent) = walk.take(made) else { return };
    let _ = walk.take(answer(next, 0, sent));
    walk.turn += 1;
}

/// An output is made, looked at and released.
fn released(walk: &mut Walk) {
    let Some(produced) = walk.take(producing("done")) else { return };
    let _ = walk.take(looking("done").because([produced]));
    if walk.is_bent() && walk.below(3) == 0 {
        let body = OutputBlocked { output: commitment("done"), reason: BlockReason::Clearance };
        let _ = walk.take(Made::new("guard", body).because([produced]));
    }
    let _ = walk.take(releasing("done", Sensitivity::Restricted).because([produced]));
}
