//! A call's arguments as policies see them: JSON of bounded size.

use serde_json::Value;

/// Deepest nesting: a scalar is at depth 0.
pub const DEPTH_MAX: usize = 16;

/// Most values in all, objects and lists counted too.
pub const VALUES_MAX: usize = 4_096;

/// Most bytes of keys and strings in all.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The arguments of one call, within [`DEPTH_MAX`], [`VALUES_MAX`] and [`TEXT_BYTES_MAX`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(Value);

/// Arguments are larger than a policy is asked about. No engine sees them: the request is answered as a policy error would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentsFault {
    /// Objects and lists in one another.
    #[error("arguments are nested deeper than {DEPTH_MAX}")]
    Depth,
    /// Values in all.
    #[error("arguments have more than {VALUES_MAX} values")]
    Values,
    /// Bytes of text in all.
    #[error("arguments have more than {TEXT_BYTES_MAX} bytes of text")]
    Text,
}

impl Arguments {
    /// These arguments.
    ///
    /// # Errors
    /// The limit that they exceed.
    pub fn new(value: Value) -> Result<Self, ArgumentsFault> {
        let (mut values, mut text) = (0, 0);
        // A stack of our own: the depth is what is checked.
        let mut open = vec![(&value, 0)];
        while let Some((value, depth)) = open.pop() {
            values += 1;
            text += text_bytes(value);
            if depth > DEPTH_MAX {
                return Err(ArgumentsFault::Depth);
            }
            if values + open.len() > VALUES_MAX {
                return Err(ArgumentsFault::Values);
            }
            if text > TEXT_BYTES_MAX {
                return Err(ArgumentsFault::Text);
            }
            match value {
                Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Object(fields) => open.extend(fields.values().map(|field| (field, depth + 1))),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        Ok(Self(value))
    }

    /// The JSON value.
    pub fn as_value(&self) -> &Value {
        &self.0
    }

    /// Each scalar with its JSON pointer (RFC 6901), in the order of the pointers.
    pub fn leaves(&self) -> Vec<(String, &Value)> {
        let mut leaves = Vec::new();
        collect(&self.0, &mut String::new(), &mut leaves);
        leaves.sort_by(|(left, _), (right, _)| left.cmp(right));
        leaves
    }
}

/// Bytes of text that a value brings of its own.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Object(fields) => fields.keys().map(String::len).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => 0,
    }
}

/// Adds the scalars of `value`, which stands at `pointer`. As deep as arguments may be nested.
fn collect<'a>(value: &'a Value, pointer: &mut String, leaves: &mut Vec<(String, &'a Value)>) {
    let end = pointer.len();
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                collect(item, pointer, leaves);
                pointer.truncate(end);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                collect(field, pointer, leaves);
                pointer.truncate(end);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            leaves.push((pointer.clone(), value));
        }
    }
}

impl serde::Serialize for Arguments {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> serde::Deserialize<'de> for Arguments {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(Value::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn arguments_at_each_limit_are_taken_and_one_more_is_refused() {
        assert!(Arguments::new(nested(DEPTH_MAX)).is_ok());
        assert_eq!(Arguments::new(nested(DEPTH_MAX + 1)), Err(ArgumentsFault::Depth));
        assert!(Arguments::new(Value::from(vec![1; VALUES_MAX - 1])).is_ok());
        assert_eq!(Arguments::new(Value::from(vec![1; VALUES_MAX])), Err(ArgumentsFault::Values));
        assert!(Arguments::new(Value::from("a".repeat(TEXT_BYTES_MAX))).is_ok());
        assert_eq!(Arguments::new(Value::from("a".repeat(TEXT_BYTES_MAX + 1))), Err(ArgumentsFault::Text));
        assert_eq!(Arguments::new(json!({ "a".repeat(TEXT_BYTES_MAX + 1): 1 })), Err(ArgumentsFault::Text));
    }

    #[test]
    fn every_scalar_has_the_pointer_that_finds_it() {
        let value =
            json!({"to": ["a", "b"], "odd/name~": {"": null}, "n": 1.5, "none": [], "deep": [[true]]});
        let arguments = Arguments::new(value.clone()).unwrap();
        let leaves = arguments.leaves();
        let pointers: Vec<&str> = leaves.iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(pointers, ["/deep/0/0", "/n", "/odd~1name~0/", "/to/0", "/to/1"]);
        for (pointer, leaf) in &leaves {
            assert_eq!(value.pointer(pointer), Some(*leaf), "{pointer}");
        }
    }

    #[test]
    fn a_scalar_alone_has_the_empty_pointer() {
        assert_eq!(Arguments::new(json!("x")).unwrap().leaves(), [(String::new(), &json!("x"))]);
    }
}
