//! A record bent in one place: what somebody who breaks a rule would have done instead.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::tool::{FailureClass, ToolBlocked, ToolFailed, ToolUnknown, UnknownReason};
use rederive_evidence::record::SchemaCheck;
use rederive_evidence::values::{EffectsClass, Place, Sensitivity};
use rederive_machine::testing::authority::{
    approving, assembling, denying, executing, expiring, lapsing, logging, releasing, resolving, reviewing,
    revising, revoking, using, verifying, withdrawing,
};
use rederive_machine::testing::{
    Made, SESSION, TENANT, Trial, closing, commitment, dispatch, place, planning, proposal, request, result,
    validation,
};
use serde_json::Value;

const ACTORS: [&str; 8] = ["agent", "gate", "broker", "user", "guard", "approver", "nobody", "helper"];

/// The act with one thing otherwise: who does it, when, from what it follows, or one field of what it says.
pub(super) fn bent(trial: &Trial, made: Made, draw: &mut Choices) -> Made {
    let number = trial.machine.lineage().len();
    match draw.below(20) {
        0 => {
            let actor = usize::try_from(draw.below(ACTORS.len() as u64)).unwrap_or(0);
            made.by(ACTORS.get(actor).copied().unwrap_or("nobody"))
        }
        1 => {
            let times = [
                None,
                Some(RecordedTime(1)),
                Some(trial.now.plus_ms(3_700_000)),
                Some(trial.now.plus_ms(40_000)),
            ];
            let drawn = usize::try_from(draw.below(4)).unwrap_or(0);
            made.timed(times.get(drawn).copied().flatten())
        }
        2 => made.because([number + draw.below(2)]),
        3 => made.because([draw.below(number.max(1))]),
        4 => match draw.below(3) {
            0 => made.identified("other", SESSION),
            1 => made.identified(TENANT, "session-2"),
            _ => made.from(rederive_evidence::values::Origin::Model).identified(TENANT, SESSION),
        },
        5 => {
            let mut made = made;
            if let Some(place) = &mut made.input.place {
                match draw.below(3) {
                    0 => place.index = place.index.wrapping_add(1),
                    1 => place.turn = place.turn.wrapping_add(1),
                    _ => place.attempt = place.attempt.wrapping_add(1),
                }
            }
            made
        }
        6 => made.checked(Some(SchemaCheck::Invalid)),
        _ => field(trial, made, draw),
    }
}

/// An act that somebody tries at any time: one that was done before, or a step out of its turn.
pub(super) fn stray(trial: &Trial, draw: &mut Choices) -> Made {
    let calls: Vec<Place> = trial.machine.state().calls().iter().map(|(at, _)| at.clone()).collect();
    let drawn = usize::try_from(draw.below(calls.len() as u64)).unwrap_or(0);
    let at = calls.get(drawn).cloned().unwrap_or_else(|| place(0, 0));
    let tool = ["search", "mail", "edit"]
        .get(usize::try_from(draw.below(3)).unwrap_or(0))
        .copied()
        .unwrap_or("mail");
    let failed =
        ToolFailed { class: FailureClass::Tool, error: None, result: None, duration_us: None, call_id: None };
    let steps = [
        proposal(&at, tool),
        validation(&at, tool),
        request(&at),
        planning(&at, EffectsClass::Send),
        dispatch(&at, tool),
        result(&at, "a result"),
        Made::new("broker", failed).at(at.clone()),
        Made::new("broker", ToolBlocked { reason: BlockReason::Rule, notice: None }).at(at.clone()),
        Made::new("recorder", ToolUnknown { reason: UnknownReason::Lost }).at(at.clone()),
        trial.issuing(&at, tool),
        using(&at),
        revoking(),
        lapsing(),
        trial.asking_for(Some(at.clone()), commitment("another request")),
        assembling(0),
        reviewing("approver"),
        approving(),
        denying(),
        revising(),
        expiring(),
        withdrawing(),
        logging(0),
        executing(&at),
        verifying(&at, EffectMatch::Mismatch, "another effect"),
        verifying(&at, EffectMatch::Unobserved, "an effect"),
        releasing("done", Sensitivity::Public),
        closing(),
    ];
    let drawn = usize::try_from(draw.below(steps.len() as u64 + 12)).unwrap_or(0);
    if let Some(step) = steps.into_iter().nth(drawn) {
        return step.because([0]);
    }
    if draw.below(3) == 0
        && let Some(resolved) = resolving(&at).into_iter().nth(usize::try_from(draw.below(4)).unwrap_or(0))
    {
        return resolved.because([0]);
    }
    // Or once more what was done before.
    let told = usize::try_from(draw.below(trial.told.len() as u64)).unwrap_or(0);
    let mut again = Made::new("agent", withdrawing().input.body);
    if let Some((input, extracted)) = trial.told.get(told) {
        again = Made::new(input.actor.as_str(), input.body.clone());
        again.input = rederive_evidence::record::Input { sequence: 0, ..input.clone() };
        again.extracted.clone_from(extracted);
    }
    again
}

/// A value in the body's JSON view, by the names that lead to it.
type Path = Vec<String>;

/// One field of the body as somewhere else in the run, or not there, or emptied.
fn field(trial: &Trial, mut made: Made, draw: &mut Choices) -> Made {
    let kind = made.input.body.kind();
    let Ok(view) = serde_json::to_value(&made.input.body) else { return made };
    let mut paths = Vec::new();
    walk(&view, &mut Vec::new(), &mut paths);
    let drawn = usize::try_from(draw.below(paths.len() as u64)).unwrap_or(0);
    let Some(path) = paths.get(drawn) else { return made };
    for _ in 0..4 {
        let mut other = view.clone();
        change(&mut other, path, trial, draw);
        let body = Body::from_json(kind, &other.to_string()).ok().filter(|body| fits(body, &made));
        if let Some(body) = body.filter(|body| *body != made.input.body) {
            made.input.body = body;
            break;
        }
    }
    made
}

/// Whether the contents that a body names are those that its record lists.
fn fits(body: &Body, made: &Made) -> bool {
    let tally = body.tally();
    tally.fault.is_none() && tally.contents <= made.input.contents.len() as u64
}

fn walk(value: &Value, at: &mut Path, paths: &mut Vec<Path>) {
    if !at.is_empty() {
        paths.push(at.clone());
    }
    if let Value::Object(members) = value {
        for (name, member) in members {
            at.push(name.clone());
            walk(member, at, paths);
            let _ = at.pop();
        }
    }
}

fn change(view: &mut Value, path: &[String], trial: &Trial, draw: &mut Choices) {
    let Some((last, above)) = path.split_last() else { return };
    let above = above.iter().try_fold(view, |value, name| value.get_mut(name));
    let Some(Value::Object(members)) = above else { return };
    match draw.below(4) {
        0 => {
            let _ = members.remove(last);
        }
        1 => {
            if let Some(value) = members.get_mut(last) {
                *value = emptied(value, draw);
            }
        }
        _ => {
            let found = elsewhere(trial, last, draw);
            if let (Some(value), Some(found)) = (members.get_mut(last), found) {
                *value = found;
            }
        }
    }
}

/// Another value of the same form, as plain as can be.
fn emptied(value: &Value, draw: &mut Choices) -> Value {
    match value {
        Value::Null | Value::Object(_) => Value::Null,
        Value::Bool(value) => Value::Bool(!value),
        Value::Number(number) => {
            let number = number.as_u64().unwrap_or(0);
            let others = [0, number.saturating_add(1), number / 2, 1 << 52];
            others.get(usize::try_from(draw.below(4)).unwrap_or(0)).copied().unwrap_or(0).into()
        }
        Value::String(text) if text.len() == 64 => Value::String("00".repeat(32)),
        Value::String(_) => Value::String("nobody".to_owned()),
        Value::Array(_) => Value::Array(Vec::new()),
    }
}

/// What stands under this name in an earlier record.
fn elsewhere(trial: &Trial, name: &str, draw: &mut Choices) -> Option<Value> {
    let mut found = Vec::new();
    for (input, _) in trial.told.iter().rev().take(24) {
        let view = serde_json::to_value(&input.body).unwrap_or_default();
        collect(&view, name, &mut found);
    }
    let drawn = usize::try_from(draw.below(found.len() as u64)).unwrap_or(0);
    found.get(drawn).cloned()
}

fn collect(value: &Value, name: &str, found: &mut Vec<Value>) {
    let Value::Object(members) = value else { return };
    for (of, member) in members {
        if of == name && !found.contains(member) {
            found.push(member.clone());
        }
        collect(member, name, found);
    }
}
