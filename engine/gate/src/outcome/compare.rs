//! Expected against observed: the same bytes, or the same listed fields of two JSON values (OUT-1).

use serde_json::Value;

/// What is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Every byte.
    Bytes,
    /// These fields, as JSON pointers (RFC 6901); what stands in others does not matter.
    Fields(Vec<String>),
}

/// What comparing gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// As expected.
    Match,
    /// Otherwise, and where.
    Differs(Vec<Difference>),
}

/// Where expected and observed part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The bytes are not the same.
    Bytes,
    /// One of the two is not JSON, so that no field can be read.
    NotJson,
    /// No fields are listed: nothing was compared, which is no match.
    NoFields,
    /// This field differs, or stands in one of the two alone.
    Field(String),
    /// This field stands in neither.
    Absent(String),
}

impl Expected {
    /// Compares what was expected with what was seen. What cannot be read does not match.
    pub fn compare(&self, expected: &[u8], observed: &[u8]) -> Comparison {
        let differences = match self {
            Self::Bytes if expected == observed => Vec::new(),
            Self::Bytes => vec![Difference::Bytes],
            Self::Fields(fields) if fields.is_empty() => vec![Difference::NoFields],
            Self::Fields(fields) => match (parse(expected), parse(observed)) {
                (Some(expected), Some(observed)) => differing(fields, &expected, &observed),
                (None, _) | (_, None) => vec![Difference::NotJson],
            },
        };
        if differences.is_empty() { Comparison::Match } else { Comparison::Differs(differences) }
    }
}

impl Comparison {
    /// Whether it is as expected.
    pub fn is_match(&self) -> bool {
        *self == Self::Match
    }
}

fn parse(json: &[u8]) -> Option<Value> {
    serde_json::from_slice(json).ok()
}

fn differing(fields: &[String], expected: &Value, observed: &Value) -> Vec<Difference> {
    let compare = |field: &String| match (expected.pointer(field), observed.pointer(field)) {
        (None, None) => Some(Difference::Absent(field.clone())),
        (left, right) if left == right => None,
        (_, _) => Some(Difference::Field(field.clone())),
    };
    fields.iter().filter_map(compare).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_fields_are_compared_and_what_cannot_be_read_is_no_match() {
        let fields = |list: &[&str]| Expected::Fields(list.iter().map(|field| (*field).to_owned()).collect());
        let expected = br#"{"to":"x","amount":5,"items":[{"id":1}]}"#;
        let table: &[(Expected, &[u8], Comparison)] = &[
            (Expected::Bytes, expected, Comparison::Match),
            (Expected::Bytes, br#"{"to": "x"}"#, Comparison::Differs(vec![Difference::Bytes])),
            (fields(&["/to", "/items/0/id"]), br#"{"items":[{"id":1,"at":9}],"to":"x"}"#, Comparison::Match),
            (
                fields(&["/to", "/amount"]),
                br#"{"to":"y"}"#,
                Comparison::Differs(vec![
                    Difference::Field("/to".into()),
                    Difference::Field("/amount".into()),
                ]),
            ),
            (
                fields(&["/nowhere"]),
                expected,
                Comparison::Differs(vec![Difference::Absent("/nowhere".into())]),
            ),
            (fields(&["/to"]), b"not json", Comparison::Differs(vec![Difference::NotJson])),
            (fields(&[]), expected, Comparison::Differs(vec![Difference::NoFields])),
        ];
        for (how, observed, result) in table {
            assert_eq!(how.compare(expected, observed), *result);
        }
    }
}
