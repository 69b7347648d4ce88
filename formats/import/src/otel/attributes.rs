//! Attributes of spans and events: what each is called, its value, and whether a record holds it already.

use std::borrow::Cow;
use std::collections::BTreeMap;

use typed_arena::Arena;

use crate::json::{Json, Kind, Member, Object};

/// Texts that are made while a trace is read: strings inside strings, lists put together from single attributes.
pub(crate) type Texts = Arena<String>;

/// Deepest nesting of an attribute's own lists and maps.
const DEPTH_MAX: usize = 32;

/// One attribute.
#[derive(Clone, Debug)]
pub(super) struct Attribute<'a> {
    pub(super) key: Cow<'a, str>,
    /// The value as plain JSON.
    pub(super) value: Json<'a>,
    /// The attribute as it stands: an item of a list, or a value of an object.
    raw: Json<'a>,
    is_taken: bool,
    /// The source says more of it than key and value.
    says_more: bool,
}

/// The attributes of a span or an event, in the order of the source.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes<'a> {
    list: Vec<Attribute<'a>>,
    /// The source has a list of keys and values, not an object.
    is_list: bool,
}

impl<'a> Attributes<'a> {
    /// Reads OTLP's list of `{"key", "value": {"stringValue"}}`, Jaeger's of `{"key", "type", "value"}`, or an object.
    pub(super) fn read(value: Json<'a>, texts: &'a Texts) -> Self {
        if let Some(object) = value.object() {
            let plain = |member: &crate::json::Member<'a>| Attribute {
                key: member.name(),
                value: member.value,
                raw: member.value,
                is_taken: false,
                says_more: false,
            };
            return Self { list: object.members().iter().map(plain).collect(), is_list: false };
        }
        let items = value.array().unwrap_or_default();
        let read = |raw: Json<'a>| {
            let object = raw.object()?;
            let (key, value) = (object.get("key")?.str()?, object.get("value")?);
            Some((key, plain(value, texts)?, says_more(&object, value)))
        };
        let list = items.into_iter().map(|raw| {
            // What is no attribute has no name to ask for, and is kept.
            let (key, value, says_more) = read(raw).unwrap_or((Cow::Borrowed(""), raw, false));
            Attribute { key, value, raw, is_taken: false, says_more }
        });
        Self { list: list.collect(), is_list: true }
    }

    /// Adds an attribute that the source has as a member of the span.
    pub(super) fn add(&mut self, key: &'static str, value: Option<Json<'a>>) {
        let value = value.filter(|value| !value.is_null());
        self.list.extend(value.map(|value| Attribute {
            key: Cow::Borrowed(key),
            value,
            raw: value,
            // It is kept where it stands.
            is_taken: true,
            says_more: false,
        }));
    }

    pub(super) fn get(&self, key: &str) -> Option<Json<'a>> {
        self.list.iter().rev().find(|attribute| attribute.key == key).map(|attribute| attribute.value)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, Json<'a>)> {
        self.list.iter().map(|attribute| (attribute.key.as_ref(), attribute.value))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.list.iter().any(|attribute| attribute.key.starts_with(prefix))
    }

    /// The first of these that is a text with something in it.
    pub(super) fn text(&self, keys: &[&str]) -> Option<Cow<'a, [u8]>> {
        keys.iter().find_map(|key| self.get(key)?.string().filter(|text| !text.is_empty()))
    }

    /// The first of these that is a whole number.
    pub(super) fn number(&self, keys: &[&str]) -> Option<u64> {
        keys.iter().find_map(|key| self.get(key)?.unsigned())
    }

    /// Marks an attribute as held by a record: of several of this name the last, which is the one that is read.
    pub(super) fn take(&mut self, key: &str) {
        let last = self.list.iter_mut().rev().find(|attribute| attribute.key == key);
        last.into_iter().for_each(|attribute| attribute.is_taken = true);
    }

    /// Marks all attributes below a prefix as held by a record.
    pub(super) fn take_prefix(&mut self, prefix: &str) {
        let below = self.list.iter_mut().filter(|attribute| attribute.key.starts_with(prefix));
        below.for_each(|attribute| attribute.is_taken = true);
    }

    /// The attributes with this prefix, as an object of their whole names.
    pub(super) fn object_of(&self, prefix: &str) -> Option<Vec<u8>> {
        let with_prefix: Vec<&Attribute<'a>> =
            self.list.iter().filter(|attribute| attribute.key.starts_with(prefix)).collect();
        let member =
            |attribute: &&Attribute<'a>| format!("{}:{}", quoted(&attribute.key), attribute.value.text());
        let members: Vec<String> = with_prefix.iter().map(member).collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")).into_bytes())
    }

    /// Whether the source says more of one of them than key and value.
    pub(super) fn says_more(&self) -> bool {
        self.with_more().next().is_some()
    }

    /// The keys of attributes of which the source says more than that and the value.
    pub(super) fn with_more(&self) -> impl Iterator<Item = &str> {
        self.list.iter().filter(|attribute| attribute.says_more).map(|attribute| attribute.key.as_ref())
    }

    /// The attributes that no record holds whole, in the source's form.
    pub(super) fn rest(&self) -> Option<String> {
        let is_left = |attribute: &&Attribute<'a>| !attribute.is_taken || attribute.says_more;
        let left: Vec<&Attribute<'a>> = self.list.iter().filter(is_left).collect();
        if left.is_empty() {
            return None;
        }
        if !self.is_list {
            return Some(members(&left));
        }
        let items: Vec<&str> = left.iter().map(|attribute| attribute.raw.text()).collect();
        Some(format!("[{}]", items.join(",")))
    }

    /// The tree that the attributes `prefix.0.role`, `prefix.0.tool_calls.1.id`, .. spell out, as JSON.
    pub(super) fn tree(&self, prefix: &str, texts: &'a Texts) -> Option<Json<'a>> {
        let mut tree = Tree::default();
        for attribute in &self.list {
            let Some(path) = attribute.key.strip_prefix(prefix) else { continue };
            let path: Vec<&str> = path.split('.').collect();
            // What does not fit into one tree is not spelled out, and stays as it is.
            (path.len() <= DEPTH_MAX && tree.put(&path, attribute.value.text())).then_some(())?;
        }
        if tree.branches.is_empty() {
            return None;
        }
        let mut text = String::new();
        tree.write(&mut text);
        Json::parse(texts.alloc(text)).ok()
    }
}

/// An object of these attributes.
fn members(attributes: &[&Attribute<'_>]) -> String {
    let member = |attribute: &&Attribute<'_>| format!("{}:{}", quoted(&attribute.key), attribute.raw.text());
    format!("{{{}}}", attributes.iter().map(member).collect::<Vec<_>>().join(","))
}

/// Text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The object or list that a value is, or that a string holds.
pub(super) fn json_in<'a>(value: Json<'a>, texts: &'a Texts) -> Option<Json<'a>> {
    let is_inside = |json: &Json<'_>| matches!(json.kind(), Kind::Object | Kind::Array);
    match value.kind() {
        Kind::String => {
            let text = value.str().filter(|text| text.trim_ascii_start().starts_with(['{', '[']))?;
            Json::parse(texts.alloc(text.into_owned())).ok().filter(is_inside)
        }
        Kind::Object | Kind::Array => Some(value),
        Kind::Null | Kind::Bool | Kind::Number => None,
    }
}

/// What Jaeger says of the type of a value: it is seen in the value.
const TYPES: &[&str] = &["string", "bool", "int64", "float64", "binary"];

/// Whether an item of a list of attributes has more in it than a key and what [`plain`] makes of its value.
fn says_more(item: &Object<'_>, value: Json<'_>) -> bool {
    let is_known = |member: &Member<'_>| match member.name().as_ref() {
        "key" | "value" => true,
        "type" => member.value.str().is_some_and(|name| TYPES.contains(&name.as_ref())),
        _ => member.value.is_null(),
    };
    let is_one_form = |value: Json<'_>| value.object().is_some_and(|form| form.members().len() == 1);
    !item.members().iter().all(is_known)
        || item.repeated().next().is_some()
        || (is_one_form(value) && !is_spelled_out(value, DEPTH_MAX))
}

/// Whether [`write_plain`] writes all that there is of an `AnyValue`.
fn is_spelled_out(value: Json<'_>, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    let Some(object) = value.object() else { return true };
    let [only] = object.members() else { return object.members().is_empty() };
    let is_list = match only.name().as_ref() {
        "arrayValue" => true,
        "kvlistValue" => false,
        _ => return true,
    };
    let Some(list) = only.value.object() else { return false };
    let Some(items) = list.get("values").and_then(Json::array) else { return list.members().is_empty() };
    let is_pair = |item: Json<'_>| {
        let Some(pair) = item.object().filter(|pair| pair.members().len() == 2) else { return false };
        pair.has("key") && pair.get("value").is_some_and(|value| is_spelled_out(value, depth))
    };
    list.members().len() == 1
        && items.into_iter().all(|item| if is_list { is_spelled_out(item, depth) } else { is_pair(item) })
}

/// An OTLP `AnyValue` as plain JSON; any other value as it is. None where it is nested too deep.
pub(super) fn plain<'a>(value: Json<'a>, texts: &'a Texts) -> Option<Json<'a>> {
    let Some(object) = value.object() else { return Some(value) };
    const SCALARS: &[&str] = &["stringValue", "intValue", "doubleValue", "boolValue", "bytesValue"];
    match object.members() {
        [only] if SCALARS.contains(&only.name().as_ref()) => Some(only.value),
        [only] if matches!(only.name().as_ref(), "arrayValue" | "kvlistValue") => {
            let mut text = String::new();
            write_plain(value, DEPTH_MAX, &mut text)?;
            Json::parse(texts.alloc(text)).ok()
        }
        [] => Some(Json::NULL),
        _ => Some(value),
    }
}

/// Writes an `AnyValue` as plain JSON, `depth` levels at most.
fn write_plain(value: Json<'_>, depth: usize, text: &mut String) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let object = value.object();
    let only = object.as_ref().and_then(|object| object.members().first());
    let Some(only) = only else {
        text.push_str(value.text());
        return Some(());
    };
    let list = || only.value.object()?.get("values")?.array();
    match only.name().as_ref() {
        "arrayValue" => {
            text.push('[');
            for (i, item) in list().unwrap_or_default().into_iter().enumerate() {
                text.push_str(if i > 0 { "," } else { "" });
                write_plain(item, depth, text)?;
            }
            text.push(']');
        }
        "kvlistValue" => {
            text.push('{');
            for (i, item) in list().unwrap_or_default().into_iter().enumerate() {
                let item = item.object()?;
                text.push_str(if i > 0 { "," } else { "" });
                text.push_str(item.get("key")?.text());
                text.push(':');
                write_plain(item.get("value")?, depth, text)?;
            }
            text.push('}');
        }
        _ => text.push_str(only.value.text()),
    }
    Some(())
}

/// What single attributes spell out together.
#[derive(Debug, Default)]
struct Tree<'t> {
    leaf: Option<&'t str>,
    branches: BTreeMap<Branch<'t>, Tree<'t>>,
}

/// An index before any name; indices by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Branch<'t> {
    Index(u32),
    Name(&'t str),
}

/// Names that only wrap what stands below them.
const WRAPPERS: &[&str] = &["message", "tool_call", "message_content"];

impl<'t> Tree<'t> {
    /// Adds a value; false where one stands there, above it or below it.
    fn put(&mut self, path: &[&'t str], value: &'t str) -> bool {
        if self.leaf.is_some() {
            return false;
        }
        match path.split_first() {
            None => {
                self.leaf = Some(value);
                self.branches.is_empty()
            }
            Some((first, rest)) => {
                let branch = first.parse().map_or(Branch::Name(first), Branch::Index);
                self.branches.entry(branch).or_default().put(rest, value)
            }
        }
    }

    /// Writes the tree as JSON: a list where every branch is an index, which says nothing but the order.
    fn write(&self, text: &mut String) {
        if let Some((Branch::Name(name), inner)) = self.branches.first_key_value() {
            if self.branches.len() == 1 && WRAPPERS.contains(name) {
                return inner.write(text);
            }
        } else if self.branches.is_empty() {
            return text.push_str(self.leaf.unwrap_or("null"));
        }
        let is_list = self.branches.keys().all(|branch| matches!(branch, Branch::Index(_)));
        text.push(if is_list { '[' } else { '{' });
        for (i, (branch, inner)) in self.branches.iter().enumerate() {
            text.push_str(if i > 0 { "," } else { "" });
            match branch {
                Branch::Index(_) if is_list => {}
                Branch::Index(index) => text.push_str(&format!("\"{index}\":")),
                // OpenInference's plural for the parts of a message.
                Branch::Name("contents") => text.push_str("\"content\":"),
                Branch::Name(name) => {
                    text.push_str(&quoted(name));
                    text.push(':');
                }
            }
            inner.write(text);
        }
        text.push(if is_list { ']' } else { '}' });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes<'a>(text: &'a str, texts: &'a Texts) -> Attributes<'a> {
        Attributes::read(Json::parse(text).unwrap(), texts)
    }

    #[test]
    fn values_of_every_encoding_read_as_plain_json() {
        let texts = Texts::new();
        let otlp = r#"[{"key":"s","value":{"stringValue":"x"}},{"key":"i","value":{"intValue":"14"}},
            {"key":"a","value":{"arrayValue":{"values":[{"stringValue":"p"},{"kvlistValue":{"values":[
            {"key":"k","value":{"boolValue":true}}]}}]}}},{"key":"e","value":{}}]"#;
        let jaeger = r#"[{"key":"s","type":"string","value":"x"},{"key":"i","type":"int64","value":14}]"#;
        let object = r#"{"s":"x","i":14}"#;
        for text in [otlp, jaeger, object] {
            let attributes = attributes(text, &texts);
            assert_eq!(attributes.text(&["s"]).unwrap().as_ref(), b"x");
            assert_eq!(attributes.number(&["none", "i"]), Some(14));
        }
        let attributes = attributes(otlp, &texts);
        assert_eq!(attributes.get("a").unwrap().text(), r#"["p",{"k":true}]"#);
        assert!(attributes.get("e").unwrap().is_null());
    }

    #[test]
    fn attributes_with_indices_spell_out_messages() {
        let texts = Texts::new();
        let attributes = attributes(
            r#"{"llm.input_messages.1.message.content":"b","llm.input_messages.0.message.role":"user",
            "llm.input_messages.0.message.contents.0.message_content.text":"a",
            "llm.input_messages.1.message.tool_calls.0.tool_call.function.name":"f","other":1}"#,
            &texts,
        );
        assert_eq!(
            attributes.tree("llm.input_messages.", &texts).unwrap().text(),
            r#"[{"content":[{"text":"a"}],"role":"user"},{"content":"b","tool_calls":[{"function":{"name":"f"}}]}]"#
        );
        assert!(attributes.tree("llm.output_messages.", &texts).is_none());
    }

    #[test]
    fn what_no_record_holds_is_kept_in_the_form_of_the_source() {
        let texts = Texts::new();
        let mut list =
            attributes(r#"[{"key":"a","value":{"intValue":"1"}},{"key":"b.c","value":{}}]"#, &texts);
        list.take("a");
        assert_eq!(list.rest().unwrap(), r#"[{"key":"b.c","value":{}}]"#);
        list.take_prefix("b.");
        assert_eq!(list.rest(), None);
        assert_eq!(attributes(r#"{"a":1, "b":[2]}"#, &texts).rest().unwrap(), r#"{"a":1,"b":[2]}"#);
    }

    #[test]
    fn nesting_without_end_is_not_followed() {
        let texts = Texts::new();
        let deep = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(50_000), "]}}".repeat(50_000));
        let text = format!(r#"[{{"key":"deep","value":{deep}}},{{"key":"a","value":{{"intValue":1}}}}]"#);
        let attributes = attributes(&text, &texts);
        assert!(!attributes.has("deep"));
        assert_eq!(attributes.number(&["a"]), Some(1));
    }
}
