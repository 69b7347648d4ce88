//! The bytes that a registry's digest covers.

use rederive_evidence::cbor::Encoder;
use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::schema::Field;
use serde_json::Value;

use super::{Entry, Registry};

/// Canonical bytes of a registry: deterministic CBOR (RFC 8949 section 4.2.1), as SPEC.md's table of the registry has it.
pub(super) fn bytes(registry: &Registry) -> Vec<u8> {
    let mut e = Encoder::new();
    e.map(2);
    e.unsigned(0);
    registry.format.encode(&mut e);
    e.unsigned(1);
    e.array(registry.tools.len());
    for (name, entry) in &registry.tools {
        tool(&mut e, name.as_str(), entry);
    }
    e.into_bytes()
}

fn tool(e: &mut Encoder, name: &str, entry: &Entry) {
    let facts = &entry.facts;
    let schema = entry.schema_bytes().map(|bytes| digest(Purpose::BundleFile, &bytes));
    let optional = usize::from(facts.version.is_some()) + usize::from(schema.is_some());
    e.map(8 + optional);
    e.unsigned(0);
    e.text(name);
    if let Some(version) = &facts.version {
        e.unsigned(1);
        version.encode(e);
    }
    if let Some(schema) = &schema {
        e.unsigned(2);
        schema.encode(e);
    }
    e.unsigned(3);
    facts.surface.encode(e);
    e.unsigned(4);
    facts.effects.encode(e);
    e.unsigned(5);
    facts.reversible.encode(e);
    e.unsigned(6);
    facts.preview.encode(e);
    e.unsigned(7);
    facts.result.encode(e);
    e.unsigned(8);
    facts.clearance.encode(e);
    e.unsigned(9);
    e.array(facts.roles.len());
    for (pointer, role) in &facts.roles {
        e.array(2);
        e.text(pointer);
        e.text(role.name());
    }
}

/// Compact JSON, members of objects in the order of their names' bytes, whatever order they were read in.
pub(super) fn json(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    write(value, &mut text);
    text.into_bytes()
}

/// As deep as the JSON reader let the value be.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
            fields.sort_by(|(left, _), (right, _)| left.as_bytes().cmp(right.as_bytes()));
            out.push('{');
            for (place, (name, field)) in fields.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                write(field, out);
            }
            out.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
    }
}
