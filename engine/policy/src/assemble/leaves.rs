//! Where the scalars of a JSON text stand, in the order of the text: what extracted parts number them by.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::links::is_link;
use crate::arguments::VALUES_MAX;

/// A scalar of a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    /// Its JSON pointer.
    pub(super) pointer: String,
    /// Whether it is a text that is a link, or begins with one.
    pub(super) is_link: bool,
}

/// The scalars of a text, in its order, at most [`VALUES_MAX`]; up to where it stops being JSON. Of what is no JSON at all: the empty pointer,
/// since it counts as one text.
pub(super) fn leaves(json: &[u8]) -> Vec<Leaf> {
    let mut found = Found::default();
    let mut reader = serde_json::Deserializer::from_slice(json);
    let is_json = Below(&mut found).deserialize(&mut reader).is_ok() && reader.end().is_ok();
    let whole = || Leaf { pointer: String::new(), is_link: is_link(&String::from_utf8_lossy(json)) };
    if is_json { found.leaves } else { vec![whole()] }
}

/// What was found on the way, and where the way is.
#[derive(Default)]
struct Found {
    leaves: Vec<Leaf>,
    at: String,
}

impl Found {
    fn scalar(&mut self, text: Option<&str>) {
        if self.leaves.len() < VALUES_MAX {
            self.leaves.push(Leaf { pointer: self.at.clone(), is_link: text.is_some_and(is_link) });
        }
    }
}

/// Walks the value at the pointer. The reader bounds its depth.
struct Below<'f>(&'f mut Found);

impl<'de> DeserializeSeed<'de> for Below<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.scalar(None);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.scalar(None);
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.scalar(None);
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.scalar(None);
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.scalar(Some(text));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.scalar(None);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(found) = self;
        let end = found.at.len();
        for index in 0_u64.. {
            found.at.push('/');
            found.at.push_str(&index.to_string());
            let item = items.next_element_seed(Below(&mut *found))?;
            found.at.truncate(end);
            if item.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(found) = self;
        let end = found.at.len();
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            if found.leaves.len() >= VALUES_MAX {
                let IgnoredAny = members.next_value()?;
                continue;
            }
            found.at.push('/');
            found.at.push_str(&name.replace('~', "~0").replace('/', "~1"));
            members.next_value_seed(Below(&mut *found))?;
            found.at.truncate(end);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(json: &[u8]) -> Vec<String> {
        leaves(json).into_iter().map(|leaf| leaf.pointer).collect()
    }

    #[test]
    fn scalars_are_numbered_in_the_order_of_the_text_and_not_of_their_names() {
        let text = br#"{"to": ["b", "a"], "body": {"z/y": 1, "a~": null}, "none": [], "flag": false}"#;
        assert_eq!(pointers(text), ["/to/0", "/to/1", "/body/z~1y", "/body/a~0", "/flag"]);
    }

    #[test]
    fn a_name_that_stands_twice_is_numbered_twice() {
        assert_eq!(pointers(br#"{"a": 1, "a": 2}"#), ["/a", "/a"]);
    }

    #[test]
    fn what_is_no_json_is_one_text() {
        for text in [&b"send it to bob"[..], b"{\"a\": 1", b"", b"{} {}", b"\xff"] {
            assert_eq!(pointers(text), [""]);
        }
        assert_eq!(pointers(b"{}"), Vec::<String>::new());
        assert_eq!(pointers(b"1.5"), [""]);
    }

    #[test]
    fn no_more_are_numbered_than_a_policy_sees() {
        let many = format!("[{}1]", "1,".repeat(VALUES_MAX));
        assert_eq!(pointers(many.as_bytes()).len(), VALUES_MAX);
    }
}
