//! Every field of every record kind reaches the leaf. The fields are those of the CDDL, so that none can be forgotten.

use std::collections::{BTreeMap, BTreeSet};

use ciborium::Value;
use rederive_evidence::arbitrary::{Choices, Sample};
use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::grammar;
use rederive_evidence::kinds::Kind;
use rederive_evidence::proof::InclusionProof;
use rederive_evidence::receipt::{ApproverStatement, Receipt};
use rederive_evidence::record::Record;
use rederive_evidence::schema::{Cddl, Field, from_bytes, to_bytes};
use rederive_evidence::state_proof::SealedStateProof;

use crate::bytes::{decoded, encoded, member, number, tree, written};

/// The grammar that `grammar::cddl` writes, read back: names and what stands for them.
struct Grammar(BTreeMap<String, String>);

/// One entry of a map.
struct Entry<'a> {
    optional: bool,
    key: u64,
    of: &'a str,
    name: &'a str,
}

/// A value that differs in one place, and the place's name.
struct Change {
    place: String,
    value: Value,
}

impl Grammar {
    fn of(cddl: &str) -> Self {
        let rules = cddl.split("\n\n").filter_map(|rule| rule.trim().split_once(" ="));
        Self(rules.map(|(name, rule)| (name.to_owned(), rule.trim().to_owned())).collect())
    }

    fn rule(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("no rule {name}"))
    }

    /// The rule of the body of a kind.
    fn body(&self, kind: Kind) -> &str {
        let choice = format!("11 => {}, 12 => ", kind.code());
        let after =
            self.rule("kind-and-body").split_once(&choice).unwrap_or_else(|| panic!("no choice {kind}")).1;
        after.split_once(" ; ").unwrap().0
    }
}

/// The entries of a map's rule; `None` where the rule is of something else. The group of kind and body is left out.
fn entries(rule: &str) -> Option<Vec<Entry<'_>>> {
    let lines = rule.strip_prefix('{')?.strip_suffix('}').unwrap().lines();
    let entry = |line| {
        let (field, name) = str::split_once(line, ", ; ").unwrap_or_else(|| panic!("line {line:?}"));
        let (key, of) = field.split_once(" => ")?;
        let (optional, key) = key.strip_prefix("? ").map_or((false, key), |key| (true, key));
        Some(Entry { optional, key: key.parse().unwrap(), of, name })
    };
    Some(lines.map(str::trim).filter(|line| !line.is_empty()).filter_map(entry).collect())
}

/// The numbers of a registry's rule; `None` where the rule is of something else.
fn codes(rule: &str) -> Option<Vec<u64>> {
    let code = |line: &str| line.trim_start_matches(['/', ' ']).split_once(" ; ")?.0.parse().ok();
    rule.lines().map(code).collect()
}

/// Changes a value in every place that the grammar names, one at a time.
struct Walk<'a> {
    grammar: &'a Grammar,
    used: &'a mut BTreeSet<String>,
}

impl Walk<'_> {
    /// Every value that differs from `value`, which is `of` the grammar, in one place.
    fn changed(&mut self, of: &str, value: &Value, place: &str) -> Vec<Change> {
        if let Some(of) = of.strip_suffix(" / null") {
            assert!(!value.is_null(), "{place} is absent in a full record");
            let mut changes = self.changed(of, value, place);
            changes.push(Change { place: format!("{place} absent"), value: Value::Null });
            changes
        } else if let Some(item) = of.strip_prefix("[0*4096 ").and_then(|of| of.strip_suffix(']')) {
            self.changed_list(item, value.as_array().unwrap(), place)
        } else {
            let of = of.split(" ; ").next().unwrap();
            match changed_scalar(of, value) {
                Some(value) => vec![Change { place: place.to_owned(), value }],
                None => self.changed_rule(of, value, place),
            }
        }
    }

    fn changed_list(&mut self, item: &str, items: &[Value], place: &str) -> Vec<Change> {
        let first = items.first().unwrap_or_else(|| panic!("{place} is empty in a full record"));
        let with = |changed: Value| Value::Array([&[changed], &items[1..]].concat());
        let inside = self.changed(item, first, &format!("{place}[0]")).into_iter();
        let mut changes: Vec<Change> =
            inside.map(|change| Change { value: with(change.value), ..change }).collect();
        let longer = Value::Array([items, std::slice::from_ref(first)].concat());
        changes.push(Change { place: format!("{place} longer"), value: longer });
        changes
    }

    fn changed_rule(&mut self, name: &str, value: &Value, place: &str) -> Vec<Change> {
        self.used.insert(name.to_owned());
        let grammar = self.grammar;
        let rule = grammar.rule(name);
        if let Some(entries) = entries(rule) {
            return self.changed_map(&entries, value, place);
        }
        let one = |value| vec![Change { place: place.to_owned(), value }];
        match name {
            // An index must stay one of a listed content; a full record lists two at least.
            "content" => one(number(value).checked_sub(1).unwrap_or(1).into()),
            "causes" => changed_causes(value, place),
            _ => match codes(rule) {
                // A registry of one value, the version, leaves nothing to change.
                Some(codes) => {
                    let other = codes.iter().find(|code| **code != number(value));
                    other.map_or_else(Vec::new, |code| one((*code).into()))
                }
                None => self.changed(rule, value, place),
            },
        }
    }

    fn changed_map(&mut self, entries: &[Entry<'_>], value: &Value, place: &str) -> Vec<Change> {
        let known: Vec<u64> = entries.iter().map(|entry| entry.key).collect();
        let keys: Vec<u64> = value.as_map().unwrap().iter().map(|(key, _)| number(key)).collect();
        if place.is_empty() {
            assert_eq!(keys, (0..=15).collect::<Vec<_>>(), "the keys of a full record");
        } else {
            assert_eq!(keys, known, "the keys of {place} are those of the grammar");
        }
        let mut changes = Vec::new();
        for entry in entries {
            let name = format!("{place}.{}", entry.name);
            let inside = self.changed(entry.of, member(&mut value.clone(), entry.key), &name);
            for change in inside {
                let mut whole = value.clone();
                *member(&mut whole, entry.key) = change.value;
                changes.push(Change { place: change.place, value: whole });
            }
            if entry.optional {
                let kept = value.as_map().unwrap().iter().filter(|(key, _)| number(key) != entry.key);
                changes.push(Change {
                    place: format!("{name} left out"),
                    value: Value::Map(kept.cloned().collect()),
                });
            }
        }
        changes
    }
}

/// Another value of a type that needs no rule; `None` where `of` is a rule's name.
fn changed_scalar(of: &str, value: &Value) -> Option<Value> {
    if of == "bool" {
        Some((!value.as_bool().unwrap()).into())
    } else if of == "uint" || of.starts_with("0..") {
        Some(number(value).checked_sub(1).unwrap_or(1).into())
    } else if of.starts_with("tstr .regexp ") {
        let mut text = value.as_text().unwrap().to_owned();
        let last = text.pop().unwrap();
        text.push(if last == 'a' { 'b' } else { 'a' });
        Some(text.into())
    } else if of.starts_with("bstr .size ") {
        let mut bytes = value.as_bytes().unwrap().clone();
        match bytes.last_mut() {
            Some(last) => *last ^= 1,
            None => bytes.push(0),
        }
        Some(Value::Bytes(bytes))
    } else {
        None
    }
}

/// Changes of the last range, and a list longer and shorter.
fn changed_causes(value: &Value, place: &str) -> Vec<Change> {
    let numbers: Vec<u64> = value.as_array().unwrap().iter().map(number).collect();
    let [before @ .., first, count] = numbers.as_slice() else { panic!("{place} is empty in a full record") };
    let change = |part: &str, numbers: &[u64]| Change {
        place: format!("{place}{part}"),
        value: Value::Array(numbers.iter().map(|number| (*number).into()).collect()),
    };
    vec![
        change(".first", &[before, &[first + 1, *count]].concat()),
        change(".count", &[before, &[*first, count + 1]].concat()),
        change(" longer", &[&numbers, [first + count + 2, 1].as_slice()].concat()),
        change(" empty", &[]),
    ]
}

/// A record of this kind with a value in every place, two contents at least and causes 4 and 5.
fn full(kind: Kind) -> Value {
    let mut record = tree(&encoded(&Record::full(kind, 11)));
    *member(&mut record, 0) = 10.into();
    *member(&mut record, 5) = Value::Array(vec![4.into(), 2.into()]);
    let contents = member(&mut record, 13).as_array_mut().unwrap();
    contents.push(contents[0].clone());
    record
}

fn leaf(record: &Record) -> Digest {
    digest(Purpose::Leaf, &record.append_frame(Vec::new()).unwrap())
}

/// The rules that a full record of each kind holds, after checking what changing any part of it changes.
fn check_kinds(grammar: &Grammar, used: &mut BTreeSet<String>) -> usize {
    let mut places = 0;
    for kind in Kind::ALL {
        let tree = full(*kind);
        let record = decoded(&written(&tree)).unwrap_or_else(|error| panic!("full {kind}: {error}"));
        let json = serde_json::to_string(&record).unwrap();

        let mut walk = Walk { grammar, used };
        let mut changes = walk.changed("record", &tree, "");
        let body = walk.changed(grammar.body(*kind), member(&mut tree.clone(), 12), ".body");
        changes.extend(body.into_iter().map(|change| {
            let mut whole = tree.clone();
            *member(&mut whole, 12) = change.value;
            Change { value: whole, ..change }
        }));

        let mut leaves = BTreeMap::from([(leaf(&record), String::new())]);
        for Change { place, value } in changes {
            let bytes = written(&value);
            let changed = decoded(&bytes).unwrap_or_else(|error| panic!("{kind}{place}: {error}"));
            assert_ne!(changed, record, "{kind}{place} is not decoded");
            assert_eq!(encoded(&changed), bytes, "{kind}{place} is not encoded");
            let text = serde_json::to_string(&changed).unwrap();
            assert_ne!(text, json, "{kind}{place} is not in the JSON view");
            assert_eq!(
                serde_json::from_str::<Record>(&text).unwrap(),
                changed,
                "{kind}{place} is not read from JSON"
            );
            if let Some(other) = leaves.insert(leaf(&changed), place.clone()) {
                panic!("{kind}{place} and {kind}{other} have one leaf");
            }
            places += 1;
        }
    }
    places
}

/// The same for what is not a record; `causes` is the key that holds ranges, where one does.
fn check_map<T>(grammar: &Grammar, used: &mut BTreeSet<String>, causes: Option<u64>)
where
    T: Field + Sample + PartialEq + std::fmt::Debug,
{
    let mut tree = tree(&to_bytes(&T::draw(&mut Choices::full(12))));
    if let Some(key) = causes {
        *member(&mut tree, key) = Value::Array(vec![4.into(), 2.into()]);
    }
    let rule = T::cddl(&mut Cddl::new());
    let full: T = from_bytes(&written(&tree)).unwrap_or_else(|error| panic!("full {rule}: {error}"));
    for Change { place, value } in (Walk { grammar, used }).changed(&rule, &tree, &rule) {
        let bytes = written(&value);
        let changed: T = from_bytes(&bytes).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_ne!(changed, full, "{place} is not decoded");
        assert_eq!(to_bytes(&changed), bytes, "{place} is not encoded");
    }
}

#[test]
fn every_field_of_every_kind_changes_the_record_its_bytes_its_json_and_its_leaf() {
    let grammar = Grammar::of(&grammar::cddl());
    let mut used = BTreeSet::new();
    let places = check_kinds(&grammar, &mut used);
    check_map::<Header>(&grammar, &mut used, Some(12));
    check_map::<Head>(&grammar, &mut used, None);
    check_map::<Seal>(&grammar, &mut used, None);
    check_map::<Receipt>(&grammar, &mut used, Some(9));
    check_map::<ApproverStatement>(&grammar, &mut used, None);
    check_map::<InclusionProof>(&grammar, &mut used, None);
    check_map::<SealedStateProof>(&grammar, &mut used, None);
    // The group of kind and body is walked kind by kind; what signs a payload is checked where signatures are.
    let walked = |rule: &str| used.contains(rule) || rule == "kind-and-body";
    let signing = |rule: &str| rule.starts_with("signed-") || rule.ends_with("-protected");
    let left: Vec<&String> = grammar.0.keys().filter(|rule| !walked(rule) && !signing(rule)).collect();
    assert!(left.is_empty(), "nothing walked holds a {left:?}");
    assert!(places > 4_000, "{places} places");
}

#[test]
fn the_kind_changes_the_leaf_of_records_with_equal_bodies() {
    let like = [Kind::EffectReverted, Kind::EffectQuarantined, Kind::EffectCompensated];
    let leaves = like.map(|kind| {
        let mut of_kind = full(Kind::EffectReverted);
        *member(&mut of_kind, 11) = kind.code().into();
        let record = decoded(&written(&of_kind)).unwrap();
        assert_eq!(record.input.body.kind(), kind);
        leaf(&record)
    });
    assert_eq!(BTreeSet::from(leaves).len(), like.len());
}
