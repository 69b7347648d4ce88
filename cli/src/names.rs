//! Names of trace files: made of source file, entry number and the entry's own id; safe on every system, unique and stable.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::Place;

/// Most bytes of a file's part of the name, and of the id's.
const PART_BYTES_MAX: usize = 80;

/// A stem for each file, no two the same where case does not count.
pub(crate) struct Names;

impl Names {
    /// The stems of the traces that come from these places, in their order.
    pub(crate) fn of(places: &[Place]) -> Vec<String> {
        let mut taken = BTreeSet::new();
        places.iter().map(|place| free(&safe(without_ending(place.name())), &mut taken)).collect()
    }
}

/// The file that a run from each of these places is said to come from: its name, and where another has the same name, its path as it was given.
pub(crate) fn sources(places: &[Place]) -> Vec<String> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    places.iter().for_each(|place| *known.entry(place.name()).or_default() += 1);
    let is_alone = |place: &&Place| known.get(place.name()).is_some_and(|times| *times == 1);
    let source = |place: &Place| match Some(place).filter(is_alone) {
        Some(place) => place.name().to_owned(),
        None => place.shown(),
    };
    places.iter().map(source).collect()
}

/// The name of the trace of one entry.
pub(crate) fn file(stem: &str, entry: u64, id: Option<&str>) -> String {
    match id.map(safe).filter(|id| !id.is_empty()) {
        Some(id) => format!("{stem}.{entry:06}.{id}.rdt"),
        None => format!("{stem}.{entry:06}.rdt"),
    }
}

fn without_ending(name: &str) -> &str {
    let file_at = name.rfind('/').map_or(0, |slash| slash + 1);
    match name.rfind('.') {
        Some(dot) if dot > file_at => name.get(..dot).unwrap_or(name),
        Some(_) | None => name,
    }
}

/// The stem, with a number behind it where another file has it.
fn free(stem: &str, taken: &mut BTreeSet<String>) -> String {
    let stem = if stem.is_empty() { "run" } else { stem };
    let mut name = stem.to_owned();
    let mut number = 2;
    while !taken.insert(name.to_ascii_lowercase()) {
        name = format!("{stem}~{number}");
        number += 1;
    }
    name
}

/// Letters, digits and `._-` as they are, runs of anything else as one `-`; no dot or dash at either end.
fn safe(text: &str) -> String {
    let mut safe = String::new();
    for char in text.chars() {
        if safe.len() >= PART_BYTES_MAX {
            break;
        }
        if char.is_ascii_alphanumeric() || matches!(char, '.' | '_') {
            safe.push(char);
        } else if !safe.ends_with('-') {
            safe.push('-');
        }
    }
    safe.trim_matches(['-', '.']).to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn place(name: &str) -> Place {
        Place::File { path: PathBuf::from(name), name: name.to_owned() }
    }

    #[test]
    fn files_of_one_name_are_told_apart_by_their_paths_and_others_are_not() {
        let place = |path: &str, name: &str| Place::File { path: PathBuf::from(path), name: name.to_owned() };
        let places = [
            place("a/x.json", "x.json"),
            place("b/x.json", "x.json"),
            place("b/y.json", "y.json"),
            Place::Stdin,
        ];
        assert_eq!(sources(&places), ["a/x.json", "b/x.json", "y.json", "stdin"]);
    }

    #[test]
    fn names_are_safe_and_no_two_files_share_one() {
        let places = ["a/b.jsonl", "a-b.json", "A-B.json", "..json", "trace", "x.tar.json", "-"].map(place);
        let stems = Names::of(&places);
        assert_eq!(stems, ["a-b", "a-b~2", "A-B~3", "run", "trace", "x.tar", "run~2"]);
        assert_eq!(file("a", 3, None), "a.000003.rdt");
        assert_eq!(file("a", 3, Some("../../etc/pass wd\n")), "a.000003.etc-pass-wd.rdt");
        assert_eq!(file("a", 3, Some("日本")), "a.000003.rdt");
        assert!(file("a", u64::MAX, Some(&"x".repeat(500))).len() < 255);
    }
}
