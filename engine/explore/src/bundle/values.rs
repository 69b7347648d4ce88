//! Values that an argument could have had: those that the run has in its place elsewhere, what its schema lists, and bounds and parts of its number.

use std::collections::BTreeMap;

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use serde_json::{Number, Value};

use super::change::{Change, Given};
use super::rehearsal::Rehearsal;
use super::{Question, arguments};

/// Values met elsewhere in the run that one argument is given at most, its smallest and largest number among them.
const MET_MAX: usize = 4;

/// Values of one list in a schema that an argument is given at most.
const LISTED_MAX: usize = 8;

/// Parts of a pointer that are followed into a schema at most.
const DEPTH_MAX: usize = 16;

/// What the run's calls have as arguments, and the schemas of their tools.
pub(super) struct Asked {
    /// By tool and JSON pointer, each value once, in the order of the calls.
    met: BTreeMap<(Id, String), Vec<Value>>,
    schemas: BTreeMap<Id, Value>,
}

impl Asked {
    /// Of these calls.
    pub(super) fn of(rehearsal: &Rehearsal<'_>, calls: &[Question]) -> Self {
        let mut met: BTreeMap<(Id, String), Vec<Value>> = BTreeMap::new();
        for question in calls {
            for (pointer, value) in arguments(rehearsal, question.record) {
                let known = met.entry((question.tool.clone(), pointer)).or_default();
                if !known.contains(&value) {
                    known.push(value);
                }
            }
        }
        Self { met, schemas: schemas(rehearsal, calls) }
    }

    /// This argument of the call with each of the other values, those first that the run itself has.
    pub(super) fn changes(&self, question: &Question, pointer: &str, value: &Value) -> Vec<Change> {
        let met = self.met.get(&(question.tool.clone(), pointer.to_owned()));
        let met = met.map(|met| some_of(met, value)).unwrap_or_default();
        let schema = self.schemas.get(&question.tool).and_then(|schema| below(schema, pointer));
        let listed = schema.map(listed).unwrap_or_default();
        let mut values: Vec<Value> = Vec::new();
        for other in met.into_iter().chain(listed).chain(parts(value)) {
            if other != *value && !values.contains(&other) {
                values.push(other);
            }
        }
        let set = |value| Change::Set { record: question.record, pointer: pointer.to_owned(), value };
        values.into_iter().map(Given).map(set).collect()
    }
}

/// The schemas of tools: as the registry has them, else as the run has registered them last.
fn schemas(rehearsal: &Rehearsal<'_>, calls: &[Question]) -> BTreeMap<Id, Value> {
    let mut schemas = BTreeMap::new();
    for record in rehearsal.records() {
        if let Body::ToolRegistered(body) = &record.input.body
            && let Some(content) = body.schema.known()
            && let Some(entry) = record.input.contents.get(usize::from(content.0))
            && let Some(bytes) = rehearsal.content(&entry.commitment)
            && let Ok(schema) = serde_json::from_slice(bytes)
        {
            let _ = schemas.insert(body.tool.clone(), schema);
        }
    }
    if let Some(registry) = rehearsal.registry() {
        let tools = calls.iter().map(|question| &question.tool);
        let known = tools.filter_map(|tool| Some((tool.clone(), registry.tools.get(tool)?.schema.clone()?)));
        schemas.extend(known);
    }
    schemas
}

/// The smallest and the largest number of these, and the first others, as far as they are of the same type as the value.
fn some_of(met: &[Value], value: &Value) -> Vec<Value> {
    let others = || met.iter().filter(|other| *other != value && other.is_number() == value.is_number());
    let by_size = |one: &&Value, other: &&Value| size(one).total_cmp(&size(other));
    let ends = others().min_by(by_size).into_iter().chain(others().max_by(by_size));
    let ends: Vec<&Value> = ends.filter(|end| end.is_number()).collect();
    let mut some: Vec<Value> = Vec::new();
    for other in ends.into_iter().chain(others()) {
        if some.len() < MET_MAX && !some.contains(other) {
            some.push(other.clone());
        }
    }
    some
}

fn size(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

/// What a schema says of the value at this pointer, as far as it says so with `properties` and `items`.
fn below<'s>(schema: &'s Value, pointer: &str) -> Option<&'s Value> {
    let step = |schema: &'s Value, part: &str| {
        let name = part.replace("~1", "/").replace("~0", "~");
        schema.get("properties").and_then(|properties| properties.get(&name)).or_else(|| schema.get("items"))
    };
    pointer.split('/').skip(1).take(DEPTH_MAX).try_fold(schema, step)
}

/// The values that a schema lists, and the ends of the numbers that it takes.
fn listed(schema: &Value) -> Vec<Value> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().take(LISTED_MAX);
    let ends = ["minimum", "maximum", "const"].into_iter().filter_map(|name| schema.get(name));
    let is_scalar = |value: &&Value| !value.is_array() && !value.is_object();
    listed.chain(ends).filter(is_scalar).cloned().collect()
}

/// Of a number nothing, one, half of it and twice as much.
fn parts(value: &Value) -> Vec<Value> {
    let Value::Number(number) = value else { return Vec::new() };
    let [half, double] = if let Some(whole) = number.as_u64() {
        [Some(Number::from(whole / 2)), whole.checked_mul(2).map(Number::from)]
    } else if let Some(whole) = number.as_i64() {
        [Some(Number::from(whole / 2)), whole.checked_mul(2).map(Number::from)]
    } else {
        [decimal(number, 5, 1), decimal(number, 2, 0)]
    };
    let all = [Some(Number::from(0_u64)), Some(Number::from(1_u64)), half, double];
    all.into_iter().flatten().map(Value::Number).collect()
}

/// A number with a fraction so many times, with so many more digits behind its point; none where it has an exponent, or too many digits.
fn decimal(number: &Number, times: i128, digits: usize) -> Option<Number> {
    let text = number.to_string();
    let (whole, fraction) = text.split_once('.')?;
    let all: i128 = format!("{whole}{fraction}").parse().ok()?;
    let all = all.checked_mul(times)?;
    let sign = if all < 0 { "-" } else { "" };
    let digits = fraction.len() + digits;
    let padded = format!("{:0>width$}", all.unsigned_abs(), width = digits + 1);
    let (whole, fraction) = padded.split_at_checked(padded.len().checked_sub(digits)?)?;
    serde_json::from_str(&format!("{sign}{whole}.{fraction}")).ok()
}

/// What these arguments hold, by the strings and numbers in them: of each argument its first other value, then of each the second, and so on.
pub(super) fn in_turn(by_argument: Vec<Vec<Change>>) -> Vec<Change> {
    let most = by_argument.iter().map(Vec::len).max().unwrap_or(0);
    let at = |at: usize| by_argument.iter().filter_map(move |changes| changes.get(at).cloned());
    (0..most).flat_map(at).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_is_halved_and_doubled_as_what_it_is_and_none_is_made_that_does_not_fit() {
        assert_eq!(parts(&json!(481)), [json!(0), json!(1), json!(240), json!(962)]);
        assert_eq!(parts(&json!(-7)), [json!(0), json!(1), json!(-3), json!(-14)]);
        assert_eq!(parts(&json!(0.5)), [json!(0), json!(1), json!(0.25), json!(1.0)]);
        assert_eq!(parts(&json!(-12.75)), [json!(0), json!(1), json!(-6.375), json!(-25.5)]);
        assert_eq!(parts(&json!(1e300)), [json!(0), json!(1)], "no fraction to be told in digits");
        assert_eq!(parts(&json!(u64::MAX)), [json!(0), json!(1), json!(u64::MAX / 2)]);
        assert_eq!(parts(&json!("481")), Vec::<Value>::new());
    }

    #[test]
    fn of_numbers_met_the_smallest_and_the_largest_come_first_and_few_are_taken() {
        let met: Vec<Value> = [50, 3, 70, 9, 20, 90, 1].map(Value::from).to_vec();
        assert_eq!(some_of(&met, &json!(90)), [json!(1), json!(70), json!(50), json!(3)]);
        assert_eq!(some_of(&[json!("a"), json!("b"), json!(1)], &json!("a")), [json!("b")]);
        assert_eq!(some_of(&[json!(7)], &json!(7)), Vec::<Value>::new());
    }

    #[test]
    fn a_schema_gives_what_it_lists_for_the_place_of_the_argument_alone() {
        let schema = json!({"properties": {
            "unit": {"enum": ["C", "F", ["no scalar"]]},
            "pay/ments": {"items": {"properties": {"cents": {"minimum": 5, "maximum": 900}}}},
        }});
        let of = |pointer| below(&schema, pointer).map(listed).unwrap_or_default();
        assert_eq!(of("/unit"), [json!("C"), json!("F")]);
        assert_eq!(of("/pay~1ments/3/cents"), [json!(5), json!(900)]);
        assert_eq!(of("/cents"), Vec::<Value>::new());
    }
}
