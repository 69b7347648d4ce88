//! What of an effect is compared: every byte, or listed fields of JSON. That alone is on record, so that commitments are equal just where what is
//! compared is (OUT-1).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::ports::Payload;

/// Why something is no expectation.
pub(crate) const LACKS_FIELDS: &str = "what is expected has not the fields that are to be compared";

/// What is compared of the effect expected and of the one observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Every byte.
    Bytes,
    /// These fields of JSON, as JSON pointers (RFC 6901); what stands in others does not matter, and is not recorded of the effect.
    Fields(Vec<String>),
}

impl Compared {
    /// What is recorded as expected. None where nothing observed could be as that: no field is listed, or one of them is not there.
    pub fn of_expected(&self, stated: &Payload) -> Option<Payload> {
        match self {
            Self::Bytes => Some(stated.clone()),
            Self::Fields(fields) => {
                let value = parse(stated)?;
                let is_whole =
                    !fields.is_empty() && fields.iter().all(|field| value.pointer(field).is_some());
                is_whole.then(|| only(fields, &value))
            }
        }
    }

    /// What is recorded as observed. What is no JSON stands as it is, which no listed fields are.
    pub fn of_observed(&self, seen: &Payload) -> Payload {
        match self {
            Self::Bytes => seen.clone(),
            Self::Fields(fields) => parse(seen).map_or_else(|| seen.clone(), |value| only(fields, &value)),
        }
    }
}

fn parse(json: &Payload) -> Option<Value> {
    serde_json::from_slice(json.bytes()).ok()
}

/// Those of the fields that are there: one object, in the order of their pointers' bytes.
fn only(fields: &[String], value: &Value) -> Payload {
    let kept: BTreeMap<&String, &Value> =
        fields.iter().filter_map(|field| Some((field, value.pointer(field)?))).collect();
    let kept = kept.into_iter().map(|(field, value)| (field.clone(), sorted(value)));
    Payload::json(Value::Object(kept.collect()).to_string())
}

/// The same value, with the members of each object in the order of their names' bytes.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, &Value> = members.iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(list: &[&str]) -> Compared {
        Compared::Fields(list.iter().map(|field| (*field).to_owned()).collect())
    }

    #[test]
    fn what_is_recorded_of_two_effects_is_the_same_just_where_what_is_compared_is() {
        let expected = Payload::json(r#"{"to":"x","amount":5,"items":[{"id":1,"of":{"b":1,"a":2}}]}"#);
        let table: &[(Compared, &str, bool)] = &[
            (Compared::Bytes, r#"{"to":"x","amount":5,"items":[{"id":1,"of":{"b":1,"a":2}}]}"#, true),
            (Compared::Bytes, r#"{"to": "x"}"#, false),
            (fields(&["/to", "/items/0/id"]), r#"{"items":[{"id":1,"at":9}],"to":"x"}"#, true),
            (fields(&["/items/0/of"]), r#"{"items":[{"of":{"a":2, "b":1}}]}"#, true),
            (fields(&["/to", "/amount"]), r#"{"to":"y","amount":5}"#, false),
            (fields(&["/to", "/amount"]), r#"{"to":"x"}"#, false),
            (fields(&["/to"]), "{}", false),
            (fields(&["/to"]), "not json", false),
            (fields(&["/to"]), r#"["x"]"#, false),
        ];
        for (compared, observed, is_same) in table {
            let recorded = compared.of_expected(&expected).unwrap();
            let observed = compared.of_observed(&Payload::json(observed));
            assert_eq!(recorded.bytes() == observed.bytes(), *is_same, "{compared:?}");
        }
    }

    #[test]
    fn nothing_is_expected_by_fields_that_what_is_stated_does_not_have() {
        for (compared, stated) in [
            (fields(&[]), r#"{"to":"x"}"#),
            (fields(&["/to", "/amount"]), r#"{"to":"x"}"#),
            (fields(&["/to"]), "not json"),
        ] {
            assert_eq!(compared.of_expected(&Payload::json(stated)), None);
        }
    }
}
