//! JSON as it stands in the source: a value keeps its exact text and is looked into one level at a time.
//!
//! `serde_json` checks the syntax of an entry once, without recursion; after that every value is a piece of checked text, so
//! that what is kept is kept byte for byte, and what nobody asks for is never decoded.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{Deserializer as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "a list",
            Self::Object => "an object",
        })
    }
}

/// One JSON value: checked text without white space around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    pub(crate) const NULL: Self = Self("null");

    /// The one value that this text holds.
    ///
    /// # Errors
    /// The first place at which the text is no JSON.
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&'a RawValue>(text).map(Self::from)
    }

    /// The value's exact text.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    pub(crate) fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            _ => Kind::Number,
        }
    }

    pub(crate) fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    pub(crate) fn is_true(self) -> bool {
        self.0 == "true"
    }

    /// The members, where it is an object.
    pub(crate) fn object(self) -> Option<Object<'a>> {
        (self.kind() == Kind::Object).then_some(())?;
        let members = serde_json::Deserializer::from_str(self.0).deserialize_map(Members).ok()?;
        Some(Object { members })
    }

    /// The items, where it is a list.
    pub(crate) fn array(self) -> Option<Vec<Self>> {
        (self.kind() == Kind::Array).then_some(())?;
        serde_json::Deserializer::from_str(self.0).deserialize_seq(Items).ok()
    }

    /// The characters, where it is a string: UTF-8, and WTF-8 where the source has half of a surrogate pair.
    pub(crate) fn string(self) -> Option<Cow<'a, [u8]>> {
        (self.kind() == Kind::String).then(|| match unescaped(self.0) {
            Some(text) => Cow::Borrowed(text.as_bytes()),
            None => Cow::Owned(decoded(self.0)),
        })
    }

    /// The characters, where it is a string of UTF-8.
    pub(crate) fn str(self) -> Option<Cow<'a, str>> {
        (self.kind() == Kind::String).then_some(())?;
        match unescaped(self.0) {
            Some(text) => Some(Cow::Borrowed(text)),
            None => String::from_utf8(decoded(self.0)).ok().map(Cow::Owned),
        }
    }

    /// The number, where it is a whole one from 0 to 2^64 - 1, as a number or as a string of digits.
    pub(crate) fn unsigned(self) -> Option<u64> {
        match self.kind() {
            Kind::Number => self.0.parse().ok(),
            Kind::String => self.str()?.parse().ok(),
            Kind::Null | Kind::Bool | Kind::Array | Kind::Object => None,
        }
    }

    /// The value at a JSON pointer (RFC 6901); the empty pointer is the value itself.
    pub(crate) fn at(self, pointer: &str) -> Option<Self> {
        let Some(tokens) = pointer.strip_prefix('/') else {
            return pointer.is_empty().then_some(self);
        };
        tokens.split('/').try_fold(self, |value, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            match value.kind() {
                Kind::Object => value.object()?.get(&token),
                Kind::Array => value.array()?.get(item_number(&token)?).copied(),
                Kind::Null | Kind::Bool | Kind::Number | Kind::String => None,
            }
        })
    }
}

/// The item that a token of a JSON pointer names in a list: a number as JSON writes one.
pub(crate) fn item_number(token: &str) -> Option<usize> {
    let is_plain =
        token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    token.parse().ok().filter(|_| is_plain)
}

impl<'a> From<&'a RawValue> for Json<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

/// Most members that are compared one by one in search of repeated names.
const SEARCHED_MAX: usize = 32;

/// The members of an object, in the order of the source.
#[derive(Clone, Debug)]
pub(crate) struct Object<'a> {
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// The members, in the order of the source.
    pub(crate) fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The value of the last member of this name: the one that most readers see.
    pub(crate) fn get(&self, name: &str) -> Option<Json<'a>> {
        self.members.iter().rev().find(|member| member.is(name)).map(|member| member.value)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of the first of these names that stands with something else than `null`.
    pub(crate) fn first(&self, names: &[&str]) -> Option<Json<'a>> {
        names.iter().find_map(|name| self.get(name).filter(|value| !value.is_null()))
    }

    /// Members whose name stands again later.
    pub(crate) fn repeated(&self) -> impl Iterator<Item = &Member<'a>> {
        // Of many members the names are sorted, so that nobody can make this slow.
        let sorted = self.members.len() > SEARCHED_MAX;
        let last: BTreeMap<Cow<'a, str>, usize> = if sorted {
            self.members.iter().enumerate().map(|(i, member)| (member.name(), i)).collect()
        } else {
            BTreeMap::new()
        };
        self.members.iter().enumerate().filter_map(move |(i, member)| {
            let is_repeated = if sorted {
                last.get(member.name().as_ref()) > Some(&i)
            } else {
                let later = self.members.get(i.saturating_add(1)..).unwrap_or_default();
                later.iter().any(|other| other.is_named_as(member))
            };
            is_repeated.then_some(member)
        })
    }
}

/// One member of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'a> {
    /// The name's text, quotes included.
    key: &'a str,
    pub(crate) value: Json<'a>,
}

impl<'a> Member<'a> {
    /// The name; half of a surrogate pair in it reads as U+FFFD.
    pub(crate) fn name(&self) -> Cow<'a, str> {
        match unescaped(self.key) {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(String::from_utf8_lossy(&decoded(self.key)).into_owned()),
        }
    }

    /// Whether this is its name.
    pub(crate) fn is(&self, name: &str) -> bool {
        unescaped(self.key).map_or_else(|| self.name() == name, |own| own == name)
    }

    /// Whether it is this very member: the same piece of the source.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.key, other.key)
    }

    fn is_named_as(&self, other: &Self) -> bool {
        match (unescaped(self.key), unescaped(other.key)) {
            (Some(own), Some(other)) => own == other,
            (Some(_) | None, Some(_) | None) => self.name() == other.name(),
        }
    }
}

/// The text of an object of these members, each as it stands in the source; none where there are none.
pub(crate) fn object_of(members: &[Member<'_>]) -> Option<Vec<u8>> {
    let (first, others) = members.split_first()?;
    let mut text =
        Vec::with_capacity(members.iter().map(|m| m.key.len() + m.value.0.len() + 2).sum::<usize>() + 2);
    let mut put = |lead: u8, member: &Member<'_>| {
        text.push(lead);
        text.extend_from_slice(member.key.as_bytes());
        text.push(b':');
        text.extend_from_slice(member.value.0.as_bytes());
    };
    put(b'{', first);
    others.iter().for_each(|member| put(b',', member));
    text.push(b'}');
    Some(text)
}

/// JSON lists of pieces of JSON: as few as hold them all, none longer than `bytes_max`. A piece for which the brackets are too
/// much stands without them.
pub(crate) fn lists_of(pieces: &[Vec<u8>], bytes_max: u64) -> Vec<Vec<u8>> {
    let mut lists = Vec::new();
    let mut rest = pieces;
    while !rest.is_empty() {
        let mut bytes = 1_u64;
        let fits = |piece: &&Vec<u8>| {
            // The piece and the comma or bracket after it.
            bytes = bytes.saturating_add(piece.len() as u64).saturating_add(SEPARATOR.len() as u64);
            bytes <= bytes_max
        };
        let count = rest.iter().take_while(fits).count().max(1);
        let (list, later) = rest.split_at(count);
        let is_bare = list.iter().map(Vec::len).sum::<usize>() as u64 > bytes_max.saturating_sub(2);
        lists.push(if is_bare { list.concat() } else { [b"[", &*list.join(SEPARATOR), b"]"].concat() });
        rest = later;
    }
    lists
}

/// Between the pieces of a list, so that each is a line.
const SEPARATOR: &[u8] = b",\n";

/// The characters of a checked string with its quotes, where they stand in it as they are.
fn unescaped(text: &str) -> Option<&str> {
    let inner = text.get(1..text.len().checked_sub(1)?)?;
    (!inner.as_bytes().contains(&b'\\')).then_some(inner)
}

/// The characters of a checked string with its quotes.
fn decoded(text: &str) -> Vec<u8> {
    // Checked text decodes; if it ever did not, it would be kept with its escapes rather than lost.
    serde_json::Deserializer::from_str(text).deserialize_bytes(Characters).unwrap_or_else(|_| text.into())
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            members.push(Member { key: key.get(), value: value.into() });
        }
        Ok(members)
    }
}

struct Items;

impl<'de> Visitor<'de> for Items {
    type Value = Vec<Json<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<&'de RawValue>()? {
            items.push(item.into());
        }
        Ok(items)
    }
}

struct Characters;

impl Visitor<'_> for Characters {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text).unwrap()
    }

    #[test]
    fn a_value_keeps_its_exact_text() {
        let object = json(" {\"a\" : [1.50, 2e3 ],\"b\":{ } } ").object().unwrap();
        assert_eq!(object.get("a").unwrap().text(), "[1.50, 2e3 ]");
        assert_eq!(object_of(object.members()).unwrap(), br#"{"a":[1.50, 2e3 ],"b":{ }}"#);
    }

    #[test]
    fn strings_decode_and_half_a_surrogate_pair_is_kept_as_wtf8() {
        for (text, bytes) in [
            (r#""""#, &b""[..]),
            (r#""a/b""#, b"a/b"),
            (r#""\u00e9\n\ud83d\ude00""#, "\u{e9}\n\u{1f600}".as_bytes()),
            (r#""\ud83d!""#, b"\xed\xa0\xbd!"),
            (r#""\udc00""#, b"\xed\xb0\x80"),
        ] {
            assert_eq!(json(text).string().unwrap().as_ref(), bytes, "{text}");
        }
        assert!(json(r#""\ud83d""#).str().is_none());
    }

    #[test]
    fn names_are_compared_as_characters_and_the_last_of_a_name_is_seen() {
        let object = json(r#"{"\u0061":1,"b":2,"a":3}"#).object().unwrap();
        assert_eq!(object.get("a").unwrap().text(), "3");
        assert_eq!(object.repeated().map(|m| m.value.text()).collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let value = json(r#"{"a/b":{"~":[10,{"":"x"}]}}"#);
        for (pointer, text) in [
            ("", Some(value.text())),
            ("/a~1b/~0/0", Some("10")),
            ("/a~1b/~0/1/", Some("\"x\"")),
            ("/a~1b/~0/2", None),
            ("/a", None),
            ("a", None),
        ] {
            assert_eq!(value.at(pointer).map(Json::text), text, "{pointer}");
        }
    }

    #[test]
    fn pieces_stand_in_as_few_lists_as_hold_them() {
        for (pieces, bytes_max, expected) in [
            (&[][..], 10, &[][..]),
            (&["1"], 10, &["[1]"]),
            (&["12", "34"], 9, &["[12,\n34]"]),
            (&["12", "34"], 8, &["[12]", "[34]"]),
            (&["12", "34", "5"], 9, &["[12,\n34]", "[5]"]),
            (&["\"123456\"", "7"], 8, &["\"123456\"", "[7]"]),
        ] {
            let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect();
            let lists = lists_of(&pieces, bytes_max);
            let lists: Vec<&str> = lists.iter().map(|list| std::str::from_utf8(list).unwrap()).collect();
            assert_eq!(lists, expected);
        }
    }

    #[test]
    fn nesting_deeper_than_any_stack_is_text_like_any_other() {
        let deep = format!("{}{}", "[".repeat(400_000), "]".repeat(400_000));
        let text = format!(r#"{{"a":{deep}}}"#);
        assert_eq!(json(&text).object().unwrap().get("a").unwrap().text(), deep);
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::btree_map(".{0,3}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_level_reads_as_serde_json_reads_it(value in any_json()) {
            fn same(json: Json<'_>, value: &serde_json::Value) {
                match value {
                    serde_json::Value::Object(map) => {
                        let object = json.object().unwrap();
                        assert_eq!(object.members().len(), map.len());
                        map.iter().for_each(|(name, value)| same(object.get(name).unwrap(), value));
                    }
                    serde_json::Value::Array(list) => {
                        let items = json.array().unwrap();
                        assert_eq!(items.len(), list.len());
                        items.into_iter().zip(list).for_each(|(item, value)| same(item, value));
                    }
                    serde_json::Value::String(text) => assert_eq!(json.str().unwrap(), text.as_str()),
                    serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                        assert_eq!(&serde_json::from_str::<serde_json::Value>(json.text()).unwrap(), value);
                    }
                }
            }
            let text = serde_json::to_string_pretty(&value).unwrap();
            same(Json::parse(&text).unwrap(), &value);
        }
    }
}
