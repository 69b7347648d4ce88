//! A record bent in one place: what somebody who breaks a rule would have done instead.

use rederive_evidence::arbitrary::Choices;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::SchemaCheck;
use rederive_evidence::values::Origin;
use rederive_machine::testing::{Made, SESSION, TENANT, Trial};
use serde_json::Value;

use super::one_of;

const ACTORS: &[&str] = &["agent", "gate", "broker", "user", "guard", "approver", "nobody", "helper"];
/// So many of the latest records are looked at for the value of a field.
const NEAR: usize = 10;
/// Numbers from which a body is drawn whose values stand in for a field's.
const BODY_CHOICES: usize = 120;

/// So many changes of a field are tried for one that makes another body.
const TRIES: u64 = 4;

/// The act with one thing otherwise: who does it, when, from what it follows, or one field of what it says.
pub(super) fn bent(trial: &Trial, made: Made, draw: &mut Choices) -> Made {
    let number = trial.machine.lineage().len();
    match draw.below(24) {
        0 | 1 => made.by(one_of(ACTORS, draw).unwrap_or("nobody")),
        // Beyond the end of the session nothing is allowed any more: few go so far.
        2 => {
            let later =
                [10, 2_000, 20_000, 40_000, 40_000, 61_000, 3_700_000].map(|ms| trial.now.plus_ms(ms));
            made.timed(if draw.below(3) == 0 { Some(RecordedTime(1)) } else { one_of(&later, draw) })
        }
        3 | 4 => made.timed(None),
        5 => made.because([number + draw.below(2)]),
        6 => made.because([draw.below(number.max(1))]),
        7 => match draw.below(3) {
            0 => made.identified("other", SESSION),
            1 => made.identified(TENANT, "session-2"),
            _ => made.from(Origin::Model).identified(TENANT, SESSION),
        },
        8 | 9 => elsewhere(made, draw),
        10 => made.checked(Some(SchemaCheck::Invalid)),
        11 => {
            let mut made = made;
            made.input.sequence = 1 + draw.below(3);
            made
        }
        _ => field(trial, made, draw),
    }
}

/// At another place, or at none.
fn elsewhere(mut made: Made, draw: &mut Choices) -> Made {
    let Some(place) = &mut made.input.place else { return made };
    match draw.below(4) {
        0 => place.index = place.index.wrapping_add(1),
        1 => place.turn = place.turn.wrapping_add(1),
        2 => place.attempt = place.attempt.wrapping_add(1),
        _ => made.input.place = None,
    }
    made
}

/// One field of the body as somewhere else in the run, as in any body of its kind, emptied, or not there.
fn field(trial: &Trial, mut made: Made, draw: &mut Choices) -> Made {
    let kind = made.input.body.kind();
    let Ok(view) = serde_json::to_value(&made.input.body) else { return made };
    let words = (0..BODY_CHOICES).map(|_| draw.word()).collect();
    let any = Body::draw_of(kind, &mut Choices::new(words));
    let any = serde_json::to_value(any).unwrap_or_default();
    let mut paths = Vec::new();
    walk(&view, "", &mut paths);
    walk(&any, "", &mut paths);
    // In one order, whatever the order of members in this build.
    paths.sort_unstable();
    paths.dedup();
    for _ in 0..TRIES {
        let Some(path) = one_of(&paths, draw) else { continue };
        let mut other = view.clone();
        change(&mut other, &path, &any, trial, draw);
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

/// The JSON pointers of all values in a value.
fn walk(value: &Value, at: &str, paths: &mut Vec<String>) {
    if !at.is_empty() {
        paths.push(at.to_owned());
    }
    if let Value::Object(members) = value {
        members.iter().for_each(|(name, member)| walk(member, &format!("{at}/{name}"), paths));
    } else if let Value::Array(items) = value {
        (0..).zip(items).for_each(|(item, member): (usize, _)| walk(member, &format!("{at}/{item}"), paths));
    }
}

fn change(view: &mut Value, path: &str, any: &Value, trial: &Trial, draw: &mut Choices) {
    let Some((above, last)) = path.rsplit_once('/') else { return };
    let new = match draw.below(8) {
        0 => None,
        1 => Some(Value::Null),
        2 => view.pointer(path).map(|value| emptied(value, draw)),
        3..=5 => any.pointer(path).cloned(),
        _ => near(trial, last, draw),
    };
    match view.pointer_mut(above) {
        Some(Value::Object(members)) => match new {
            Some(new) => drop(members.insert(last.to_owned(), new)),
            None => drop(members.remove(last)),
        },
        Some(Value::Array(items)) => {
            let at = last.parse().unwrap_or(usize::MAX).min(items.len());
            let rest = items.split_off(at);
            items.extend(new.into_iter().chain(rest.into_iter().skip(1)));
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => {}
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
            one_of(&others, draw).unwrap_or(0).into()
        }
        Value::String(text) if text.len() == 64 => Value::String("00".repeat(32)),
        Value::String(_) => Value::String("nobody".to_owned()),
        Value::Array(_) => Value::Array(Vec::new()),
    }
}

/// What stands under this name in an earlier record.
fn near(trial: &Trial, name: &str, draw: &mut Choices) -> Option<Value> {
    let mut found = Vec::new();
    for (input, _) in trial.told.iter().rev().take(NEAR) {
        let view = serde_json::to_value(&input.body).unwrap_or_default();
        collect(&view, name, &mut found);
    }
    one_of(&found, draw)
}

fn collect(value: &Value, name: &str, found: &mut Vec<Value>) {
    let Value::Object(members) = value else { return };
    // By name: a build that keeps members in the order of their insertion draws the same.
    let mut members: Vec<(&String, &Value)> = members.iter().collect();
    members.sort_unstable_by_key(|(of, _)| *of);
    for (of, member) in members {
        if of == name && !found.contains(member) {
            found.push(member.clone());
        }
        collect(member, name, found);
    }
}
