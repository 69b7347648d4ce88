//! The JSON Schema of a tool's arguments, compiled in the one way in which it is compiled live, on replay and before either.

use jsonschema::{ReferencingError, ValidationError, error::ValidationErrorKind};
use serde_json::Value;

use crate::LOOKED_INTO_BYTES_MAX;

/// A compiled schema. Its patterns run in linear time, since a hostile schema must not make a verifier slow, and no reference leaves it.
#[derive(Debug)]
pub struct ArgumentSchema(Box<jsonschema::Validator>);

/// Why bytes are no schema that arguments can be checked against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaFault {
    /// Larger than what is looked into.
    #[error("it has more than {LOOKED_INTO_BYTES_MAX} bytes")]
    Large,
    /// It is no JSON.
    #[error("{0}")]
    Json(String),
    /// A part of it is nothing that JSON Schema has.
    #[error("{}JSON Schema has no {found} there", place_of(at))]
    Part {
        /// JSON pointer to the part; empty: the whole.
        at: String,
        /// What stands there, cut where it is long.
        found: String,
    },
    /// A pattern that cannot be matched in linear time: look-around, back-references; or that is none.
    #[error("{}{found} is no pattern that can be matched in linear time", place_of(at))]
    Pattern {
        /// JSON pointer to the pattern.
        at: String,
        /// The pattern, cut where it is long.
        found: String,
    },
    /// A reference to what is not in the schema: nothing is fetched.
    #[error("it refers to {to}, which is not in it")]
    Outside {
        /// To what.
        to: String,
    },
}

/// Most characters of a part that are shown.
const SHOWN_MAX: usize = 80;

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn place_of(at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("at {at}: ") }
}

impl ArgumentSchema {
    /// The schema that these bytes are.
    ///
    /// # Errors
    /// Why they are none.
    pub fn compile(bytes: &[u8]) -> Result<Self, SchemaFault> {
        if bytes.len() > LOOKED_INTO_BYTES_MAX {
            return Err(SchemaFault::Large);
        }
        let schema: Value =
            serde_json::from_slice(bytes).map_err(|error| SchemaFault::Json(error.to_string()))?;
        let patterns = jsonschema::PatternOptions::regex();
        let built = jsonschema::options().with_pattern_options(patterns).build(&schema);
        built.map(|validator| Self(Box::new(validator))).map_err(|error| fault(&error))
    }

    /// Whether these arguments satisfy it.
    pub fn accepts(&self, arguments: &Value) -> bool {
        self.0.is_valid(arguments)
    }
}

fn fault(error: &ValidationError<'_>) -> SchemaFault {
    let (at, found) = (error.instance_path().to_string(), shown(error.instance()));
    if let ValidationErrorKind::Referencing(reference) = error.kind() {
        let to = match reference {
            ReferencingError::Unretrievable { uri, .. } => uri.clone(),
            ReferencingError::PointerToNowhere { pointer } => pointer.clone(),
            ReferencingError::NoSuchAnchor { anchor } => anchor.clone(),
            other @ (ReferencingError::InvalidPercentEncoding { .. }
            | ReferencingError::InvalidArrayIndex { .. }
            | ReferencingError::InvalidAnchor { .. }
            | ReferencingError::InvalidUri(_)
            | ReferencingError::UnknownSpecification { .. }
            | ReferencingError::CircularMetaschema { .. }) => other.to_string(),
        };
        return SchemaFault::Outside { to };
    }
    if matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex") {
        return SchemaFault::Pattern { at, found };
    }
    SchemaFault::Part { at, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_where_in_the_schema_it_is() {
        let fault = |schema: &str| ArgumentSchema::compile(schema.as_bytes()).err();
        let part = |at: &str, found: &str| Some(SchemaFault::Part { at: at.into(), found: found.into() });
        let pattern =
            |at: &str, found: &str| Some(SchemaFault::Pattern { at: at.into(), found: found.into() });
        let outside = |to: &str| Some(SchemaFault::Outside { to: to.into() });
        assert_eq!(fault(r#"{"type":"object"}"#), None);
        assert_eq!(fault("7"), part("", "7"));
        assert_eq!(fault(r#"{"properties":{"n":{"type":7}}}"#), part("/properties/n/type", "7"));
        assert_eq!(
            fault(r#"{"properties":{"n":{"pattern":"("}}}"#),
            pattern("/properties/n/pattern", r#""(""#)
        );
        // What a linear-time engine does not have.
        assert_eq!(
            fault(r#"{"properties":{"n":{"pattern":"(?=a)"}}}"#),
            pattern("/properties/n/pattern", r#""(?=a)""#)
        );
        // What would have to be fetched, and what is nowhere.
        assert_eq!(fault(r#"{"$ref":"https://example.com/schema"}"#), outside("https://example.com/schema"));
        assert_eq!(fault(r#"{"$ref":"file:///etc/passwd"}"#), outside("file:///etc/passwd"));
        assert_eq!(fault(r##"{"$ref":"#/$defs/x"}"##), outside("/$defs/x"));
    }

    #[test]
    fn what_is_too_large_or_no_json_is_no_schema() {
        let long = format!("{{\"title\":\"{}\"}}", "x".repeat(LOOKED_INTO_BYTES_MAX));
        assert_eq!(ArgumentSchema::compile(long.as_bytes()).err(), Some(SchemaFault::Large));
        assert!(matches!(ArgumentSchema::compile(b"{"), Err(SchemaFault::Json(_))));
    }
}
