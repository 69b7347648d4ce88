//! Canonical bytes line by line, each with the name that the grammar gives it.

use std::collections::BTreeMap;

use rederive_evidence::grammar;

/// Characters of digits on a line; what is longer goes on below.
const DIGITS: usize = 71;

/// The rules of the grammar, by name.
pub(super) struct Grammar(BTreeMap<String, String>);

/// An item of CBOR: its major type, the number in its head, the bytes of its head and all its bytes.
struct Item<'b> {
    major: u8,
    number: u64,
    head: &'b [u8],
    bytes: &'b [u8],
}

/// A field of a map, as the grammar has it.
#[derive(Clone, Copy)]
struct Field<'g> {
    of: &'g str,
    name: &'g str,
}

impl Grammar {
    /// The grammar of everything that is hashed or signed.
    pub(super) fn new() -> Self {
        let text = grammar::cddl();
        let rules = text.split("\n\n").filter_map(|rule| rule.trim().split_once(" ="));
        Self(rules.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
    }

    /// The rules' names and texts.
    pub(super) fn rules(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// The bytes of one item that this rule describes.
    pub(super) fn dump(&self, rule: &str, bytes: &[u8]) -> String {
        let mut text = String::new();
        self.write(rule, &item(bytes), &[], "", 0, &mut text);
        text
    }

    fn write(&self, of: &str, item: &Item<'_>, before: &[u8], name: &str, depth: usize, out: &mut String) {
        let of = of.trim_end_matches(" / null");
        match item.major {
            5 => {
                line(
                    depth,
                    before,
                    item.head,
                    &format!("{name}, {}", counted(item.number, "entry", "entries")),
                    out,
                );
                self.write_map(of, item, depth + 1, out);
            }
            4 if item.number > 0 => {
                line(
                    depth,
                    before,
                    item.head,
                    &format!("{name}, {}", counted(item.number, "item", "items")),
                    out,
                );
                let element = of.split_once(' ').map_or("", |(_, element)| element.trim_end_matches(']'));
                for inside in items(item) {
                    self.write(element, &inside, &[], "", depth + 1, out);
                }
            }
            _ => line(depth, before, item.bytes, &format!("{name}{}", self.value(of, item)), out),
        }
    }

    fn write_map(&self, of: &str, item: &Item<'_>, depth: usize, out: &mut String) {
        let inside = items(item);
        let mut body = None;
        for entry in inside.chunks(2) {
            let [key, value] = entry else { panic!("a key without a value") };
            let Field { of, name } = match (of, key.number, body) {
                ("record", 11, _) => {
                    body = self.body(value.number);
                    let kind = body.map_or("", |field: Field<'_>| field.name);
                    line(depth, key.bytes, value.bytes, &format!("kind: {kind}"), out);
                    continue;
                }
                ("record", 12, Some(field)) => Field { of: field.of, name: "body" },
                _ => self.field(of, key.number),
            };
            self.write(of, value, key.bytes, name, depth, out);
        }
    }

    /// The field with this key of the map that this rule describes.
    fn field(&self, of: &str, key: u64) -> Field<'_> {
        let text = self.0.get(of).unwrap_or_else(|| panic!("no rule {of}"));
        let mut entries =
            text.lines().filter_map(|line| line.trim().trim_start_matches("? ").split_once(" => "));
        let (_, entry) = entries.find(|(found, _)| *found == key.to_string()).unwrap();
        let (of, name) = entry.split_once(", ; ").unwrap();
        Field { of, name }
    }

    /// The body of the kind with this code, and the kind's name.
    fn body(&self, code: u64) -> Option<Field<'_>> {
        let start = format!("11 => {code}, 12 => ");
        let mut lines = self.0.get("kind-and-body")?.lines();
        lines
            .find_map(|line| line.split_once(&start)?.1.split_once(" ; "))
            .map(|(of, name)| Field { of, name })
    }

    /// What a scalar holds, where its digits do not show it.
    fn value(&self, of: &str, item: &Item<'_>) -> String {
        match item.major {
            0 => {
                let values = self.0.get(of).into_iter().flat_map(|text| text.lines());
                let found = values.filter_map(|line| line.trim().trim_start_matches("/ ").split_once(" ; "));
                let mut named =
                    found.filter(|(code, _)| *code == item.number.to_string()).map(|(_, name)| name);
                format!(": {}", named.next().map_or_else(|| item.number.to_string(), str::to_owned))
            }
            3 => format!(": {}", String::from_utf8_lossy(&item.bytes[item.head.len()..])),
            4 => ": none".to_owned(),
            7 if item.number == 22 => ": absent".to_owned(),
            7 => format!(": {}", item.number == 21),
            _ => String::new(),
        }
    }
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Writes bytes, set off from the key before them, and what they are.
pub(super) fn line(depth: usize, key: &[u8], bytes: &[u8], about: &str, out: &mut String) {
    let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digits = format!("{} {}", digits(key), digits(bytes));
    let chunks = digits.trim_start().as_bytes().chunks(if key.is_empty() { 64 } else { DIGITS });
    for (number, chunk) in chunks.enumerate() {
        let about = if number == 0 { about.trim_start_matches([',', ' ', ':']) } else { "" };
        let text = format!("    {:indent$}{}", "", str::from_utf8(chunk).unwrap(), indent = 2 * depth);
        out.push_str(format!("{text:<80} {about}").trim_end());
        out.push('\n');
    }
}

/// The first item of these bytes.
fn item(bytes: &[u8]) -> Item<'_> {
    let first = bytes[0];
    let extra = match first & 31 {
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => 0,
    };
    let (head, rest) = bytes.split_at(1 + extra);
    let number = match extra {
        0 => u64::from(first & 31),
        _ => head[1..].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
    };
    let major = first >> 5;
    let body = match major {
        2 | 3 => number as usize,
        4 | 5 => (0..number * u64::from(major - 3)).fold(0, |at, _| at + item(&rest[at..]).bytes.len()),
        _ => 0,
    };
    Item { major, number, head, bytes: &bytes[..1 + extra + body] }
}

/// The items inside an array, or the keys and values of a map.
fn items<'b>(of: &Item<'b>) -> Vec<Item<'b>> {
    let mut rest = &of.bytes[of.head.len()..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let next = item(rest);
        rest = &rest[next.bytes.len()..];
        found.push(next);
    }
    found
}

#[cfg(test)]
mod tests {
    use rederive_evidence::digest::Digest;
    use rederive_evidence::state_proof::OtherEntry;

    use super::*;

    #[test]
    fn the_digits_of_a_dump_are_the_bytes_in_order_and_each_has_its_name() {
        let entry = OtherEntry { key: Digest([0xab; 32]), value: Digest([0xcd; 32]) };
        let bytes = rederive_evidence::schema::to_bytes(&entry);
        let dump = Grammar::new().dump("other-entry", &bytes);
        let digits = |line: &str| line[..80].chars().filter(|c| *c != ' ').collect::<String>();
        let joined: String = dump.lines().map(digits).collect();
        assert_eq!(joined, bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let names: Vec<&str> = dump.lines().map(|line| line[80..].trim()).collect();
        assert_eq!(names, ["2 entries", "key", "value"]);
    }
}
