//! The scalars of a JSON text in the order in which they stand. Spec: argument-leaves.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A scalar of a JSON text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Leaf<'a> {
    /// `null`, `true` or `false`.
    Word,
    /// A number, in its shortest decimal form.
    Number(String),
    /// A string.
    Text(Cow<'a, str>),
}

/// Hands each scalar of a JSON text to `take`, in the order of the text, and whether members' names come along as texts too.
///
/// # Errors
/// The text is no JSON; what was handed out until then does not count.
pub(crate) fn each_leaf<'a>(
    json: &'a [u8],
    names: Names,
    take: &mut dyn FnMut(Leaf<'a>),
) -> Result<(), NotJson> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    Below { take, names }.deserialize(&mut reader).map_err(|_| NotJson)?;
    reader.end().map_err(|_| NotJson)
}

/// Whether the names of members are texts of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// They are: of data that is read.
    Read,
    /// They are not: of arguments, where the tool's schema gives them.
    Skipped,
}

/// The text is no JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotJson;

/// Walks one value. The reader bounds its depth.
struct Below<'w, 'a> {
    take: &'w mut dyn FnMut(Leaf<'a>),
    names: Names,
}

impl<'de> DeserializeSeed<'de> for Below<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        (self.take)(Leaf::Word);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        (self.take)(Leaf::Word);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        (self.take)(Leaf::Number(value.to_string()));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        (self.take)(Leaf::Number(value.to_string()));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        (self.take)(Leaf::Number(value.to_string()));
        Ok(())
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        (self.take)(Leaf::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        (self.take)(Leaf::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Below { take: &mut *self.take, names: self.names })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { take, names } = self;
        loop {
            let is_member = match names {
                Names::Read => members.next_key_seed(Below { take: &mut *take, names })?.is_some(),
                Names::Skipped => members.next_key::<IgnoredAny>()?.is_some(),
            };
            if !is_member {
                return Ok(());
            }
            members.next_value_seed(Below { take: &mut *take, names })?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(json: &str, names: Names) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut take = |leaf: Leaf<'_>| {
            found.push(match leaf {
                Leaf::Word => "-".to_owned(),
                Leaf::Number(number) => number,
                Leaf::Text(text) => format!("{text:?}"),
            });
        };
        each_leaf(json.as_bytes(), names, &mut take).ok()?;
        Some(found)
    }

    #[test]
    fn scalars_come_in_the_order_of_the_text() {
        let json = r#"{"to": ["b", "a"], "n": {"z": 1, "a": 98.70}, "none": [], "x": null, "to": true}"#;
        let expected = ["\"b\"", "\"a\"", "1", "98.7", "-", "-"];
        assert_eq!(leaves(json, Names::Skipped).unwrap(), expected);
        let named = leaves(json, Names::Read).unwrap();
        assert_eq!(named.len(), expected.len() + 7);
        assert_eq!(named[..3], ["\"to\"", "\"b\"", "\"a\""]);
    }

    #[test]
    fn what_is_no_json_has_no_scalars() {
        for text in ["", "{", "{} {}", "send it", "\"open", "{\"a\": 1,}"] {
            assert_eq!(leaves(text, Names::Read), None, "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(leaves(&deep, Names::Skipped), None);
    }
}
