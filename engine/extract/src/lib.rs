//! Extracted parts of a record: pure functions of its content, with the version of the extractor.
//!
//! The recorder computes them once, when it has the bytes; a replay at content level computes them again and
//! compares. What is extracted are enums, numbers of records and shares, never text. Spec: extracted.

mod asks;
mod index;
mod leaves;
mod schema;
mod shape;
mod sources;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Extracted, SchemaCheck};
use rederive_evidence::values::Role;

pub use schema::{ArgumentSchema, SchemaFault};
pub use shape::groups;
pub use sources::{BROUGHT_WORDS_MAX, Side, Sources, TOLD_WORDS_MAX, VALUES_MAX, WHOLE, said};

/// Version of everything in this crate that a value depends on, the JSON Schema library's behaviour and the tables of Unicode included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExtractorVersion {
    /// The schema check alone.
    One,
    /// And from where argument values came, and what messages ask for.
    Two,
}

impl ExtractorVersion {
    /// The latest.
    pub const LATEST: Self = Self::Two;

    /// The version with this number; none: a later one, of which nothing is known here.
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    /// Its number.
    pub const fn number(self) -> u16 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The version with which a run of this rule set begins.
    pub const fn of_rule_set(number: u16) -> Self {
        if number >= 2 { Self::Two } else { Self::One }
    }
}

/// Largest schema or arguments that are looked into; larger ones are `bad-schema` and `not-json`.
pub const LOOKED_INTO_BYTES_MAX: usize = 1 << 20;

/// Most compiled schemas kept; the lowest commitment leaves first, so that memory is bounded and results are not changed.
const COMPILED_MAX: usize = 1_024;

/// What an extraction reads besides the record: contents by their commitment, and the schema registered for a tool.
pub trait Contents {
    /// The bytes of a content of this record, by its index; `None` where they are redacted.
    fn content(&self, index: u16) -> Option<&[u8]>;

    /// Commitment and bytes of the schema registered for `tool`; `None` where the run has none on record.
    fn schema(&self, tool: &str) -> Option<(Digest, SchemaBytes<'_>)>;
}

/// A registered schema's bytes, or that they are redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaBytes<'a> {
    /// The bytes.
    Present(&'a [u8]),
    /// Nobody can look into it any more.
    Redacted,
}

/// What extraction gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extraction {
    /// This kind of record has no extracted part.
    Nothing,
    /// The extracted part.
    Values(Extracted),
    /// The extracted part without the sources of the arguments: an earlier content that they depend on is redacted.
    WithoutSources(Extracted),
    /// A content it depends on is redacted: the recorded part can only be taken as it stands.
    Redacted,
}

/// Computes extracted parts; keeps schemas compiled between records.
#[derive(Default)]
pub struct Extractor {
    compiled: BTreeMap<Digest, Arc<Schema>>,
}

enum Schema {
    Usable(ArgumentSchema),
    Bad,
}

impl std::fmt::Debug for Extractor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Extractor({} schemas)", self.compiled.len())
    }
}

impl Extractor {
    /// An extractor that has compiled nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The extracted part of the record with this number and body. Depends on the version, body and contents, and on what the records before it
    /// said: `sources` may hold later ones too.
    pub fn extract(
        &mut self,
        version: ExtractorVersion,
        record: u64,
        body: &Body,
        contents: &dyn Contents,
        sources: &Sources,
    ) -> Extraction {
        if let Body::ToolProposed(proposed) = body {
            let Some(arguments) = proposed.arguments.known() else { return Extraction::Nothing };
            let Some(arguments) = contents.content(arguments.0) else { return Extraction::Redacted };
            let schema = match contents.schema(proposed.tool.as_str()) {
                None => None,
                Some((_, SchemaBytes::Redacted)) => return Extraction::Redacted,
                Some((commitment, SchemaBytes::Present(bytes))) => Some(self.compile(commitment, bytes)),
            };
            let schema = Some(check(arguments, schema.as_deref()));
            let extracted = Extracted { schema, ..Extracted::by(version.number()) };
            return match version {
                ExtractorVersion::One => Extraction::Values(extracted),
                ExtractorVersion::Two if !sources.is_whole_before(record) => {
                    Extraction::WithoutSources(extracted)
                }
                ExtractorVersion::Two => {
                    let arguments = Some(Box::new(sources.of_arguments(arguments, record)));
                    Extraction::Values(Extracted { arguments, ..extracted })
                }
            };
        }
        if let (Body::PromptGiven(given), ExtractorVersion::Two) = (body, version)
            && given.role == Role::User
        {
            let Some(message) = contents.content(given.message.0) else { return Extraction::Redacted };
            let asks = Some(asks::asked(&sources::text_of(message)));
            return Extraction::Values(Extracted { asks, ..Extracted::by(version.number()) });
        }
        Extraction::Nothing
    }

    fn compile(&mut self, commitment: Digest, bytes: &[u8]) -> Arc<Schema> {
        if let Some(known) = self.compiled.get(&commitment) {
            return Arc::clone(known);
        }
        if self.compiled.len() >= COMPILED_MAX {
            let _ = self.compiled.pop_first();
        }
        let schema = Arc::new(Schema::parse(bytes));
        let _ = self.compiled.insert(commitment, Arc::clone(&schema));
        schema
    }
}

impl Schema {
    fn parse(bytes: &[u8]) -> Self {
        ArgumentSchema::compile(bytes).map_or(Self::Bad, Self::Usable)
    }
}

fn parse(bytes: &[u8]) -> Option<serde_json::Value> {
    if bytes.len() > LOOKED_INTO_BYTES_MAX { None } else { serde_json::from_slice(bytes).ok() }
}

fn check(arguments: &[u8], schema: Option<&Schema>) -> SchemaCheck {
    let Some(arguments) = parse(arguments) else { return SchemaCheck::NotJson };
    match schema {
        None => SchemaCheck::NoSchema,
        Some(Schema::Bad) => SchemaCheck::BadSchema,
        Some(Schema::Usable(schema)) if schema.accepts(&arguments) => SchemaCheck::Valid,
        Some(Schema::Usable(_)) => SchemaCheck::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::ids::{Content, Id};
    use rederive_evidence::kinds::tool::ToolProposed;
    use rederive_evidence::schema::Given;

    use super::*;

    struct One {
        arguments: Option<&'static [u8]>,
        schema: Option<Option<&'static [u8]>>,
    }

    impl Contents for One {
        fn content(&self, index: u16) -> Option<&[u8]> {
            if index == 0 { self.arguments } else { None }
        }

        fn schema(&self, tool: &str) -> Option<(Digest, SchemaBytes<'_>)> {
            assert_eq!(tool, "send_money");
            let commitment = |bytes: &[u8]| {
                rederive_evidence::digest::digest(rederive_evidence::digest::Purpose::ContentPlain, bytes)
            };
            self.schema.map(|bytes| match bytes {
                Some(bytes) => (commitment(bytes), SchemaBytes::Present(bytes)),
                None => (Digest::ZERO, SchemaBytes::Redacted),
            })
        }
    }

    fn extracted(arguments: Option<&'static [u8]>, schema: Option<Option<&'static [u8]>>) -> Extraction {
        let body = Body::from(ToolProposed {
            tool: Id::new("send_money").unwrap(),
            arguments: Given::Known(Content(0)),
            call_id: None,
            expected_effect: None,
            retry_of: None,
        });
        Extractor::new().extract(ExtractorVersion::One, 1, &body, &One { arguments, schema }, &Sources::new())
    }

    fn checked(arguments: &'static [u8], schema: &'static [u8]) -> SchemaCheck {
        let found = extracted(Some(arguments), Some(Some(schema)));
        let Extraction::Values(Extracted { extractor: 1, schema: Some(check), .. }) = found else {
            panic!("{found:?}")
        };
        check
    }

    const MONEY: &[u8] = br#"{"type":"object","required":["amount"],"properties":{"amount":{"type":"number","maximum":100}},"additionalProperties":false}"#;

    /// Spec: extracted.
    #[test]
    fn arguments_are_compared_with_the_registered_schema() {
        assert_eq!(checked(br#"{"amount": 100}"#, MONEY), SchemaCheck::Valid);
        assert_eq!(checked(br#"{"amount": 101}"#, MONEY), SchemaCheck::Invalid);
        assert_eq!(checked(br#"{"amount": 1, "to": "x"}"#, MONEY), SchemaCheck::Invalid);
        assert_eq!(checked(br#"{"amount": 1"#, MONEY), SchemaCheck::NotJson);
        assert_eq!(checked(b"\xff", MONEY), SchemaCheck::NotJson);
        assert_eq!(checked(b"{}", b"{\"type\": 7}"), SchemaCheck::BadSchema);
        assert_eq!(checked(b"{}", b"no json"), SchemaCheck::BadSchema);
    }

    #[test]
    fn what_is_not_there_is_never_called_valid() {
        let none = |check| Extraction::Values(Extracted { schema: Some(check), ..Extracted::by(1) });
        assert_eq!(extracted(Some(b"{}"), None), none(SchemaCheck::NoSchema));
        assert_eq!(extracted(None, Some(Some(MONEY))), Extraction::Redacted);
        assert_eq!(extracted(Some(b"{}"), Some(None)), Extraction::Redacted);
    }

    #[test]
    fn a_schema_cannot_reach_outside_itself_or_run_for_ever() {
        assert_eq!(checked(b"{}", br#"{"$ref":"https://example.com/schema.json"}"#), SchemaCheck::BadSchema);
        assert_eq!(checked(b"{}", br#"{"$ref":"file:///etc/passwd"}"#), SchemaCheck::BadSchema);
        // A reference to itself adds no condition; what matters is that the check ends, whatever it says.
        let cyclic: [&[u8]; 5] = [
            br##"{"$ref":"#"}"##,
            br##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##,
            br##"{"allOf":[{"$ref":"#"}]}"##,
            br##"{"not":{"$ref":"#"}}"##,
            br##"{"anyOf":[{"type":"string"},{"allOf":[{"$ref":"#"},{"$ref":"#"}]}],"if":{"$ref":"#"}}"##,
        ];
        for schema in cyclic {
            assert_ne!(checked(b"{}", schema), SchemaCheck::NotJson);
        }
    }
}
