//! Where something was found in a text, by which rule, and as what.

use std::ops::Range;

use rederive_evidence::kinds::guardrail::DetectedClass;

/// A run of bytes that a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Its bytes.
    pub range: Range<usize>,
    /// What it is.
    pub class: DetectedClass,
    /// Name of the rule that found it, lower case with hyphens; stands in masks and details.
    pub rule: &'static str,
}

/// The spots in order of their starts, those that overlap joined into one under the rule of the longest.
pub(super) fn joined(mut spots: Vec<Spot>) -> Vec<Spot> {
    spots.sort_by_key(|spot| (spot.range.start, std::cmp::Reverse(spot.range.end)));
    let mut joined: Vec<Spot> = Vec::with_capacity(spots.len());
    for spot in spots {
        match joined.last_mut() {
            Some(last) if spot.range.start < last.range.end => {
                if spot.range.len() > last.range.len() {
                    (last.class, last.rule) = (spot.class, spot.rule);
                }
                last.range.end = last.range.end.max(spot.range.end);
            }
            Some(_) | None => joined.push(spot),
        }
    }
    joined
}

/// The classes among these spots, ascending, each once.
pub(super) fn classes(spots: &[Spot]) -> Vec<DetectedClass> {
    DetectedClass::ALL.iter().copied().filter(|class| spots.iter().any(|spot| spot.class == *class)).collect()
}

/// What was found and how often, by rule, in words that repeat none of it: `2 card, 1 iban`.
pub(super) fn tally(spots: &[Spot]) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for spot in spots {
        *counts.entry(spot.rule).or_default() += 1;
    }
    counts.iter().map(|(rule, count)| format!("{count} {rule}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(super) mod testing {
    use super::{Spot, joined};

    /// Rule and text of each spot that `find` adds.
    pub(crate) fn rules_in(find: fn(&[u8], &mut Vec<Spot>), text: &str) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        find(text.as_bytes(), &mut found);
        joined(found).into_iter().map(|spot| (spot.rule, text[spot.range].to_owned())).collect()
    }

    /// Texts, and what `find` finds in each: no more and no less.
    pub(crate) fn assert_found(find: fn(&[u8], &mut Vec<Spot>), table: &[(&str, &[(&str, &str)])]) {
        for (text, expected) in table {
            let expected: Vec<_> = expected.iter().map(|(rule, it)| (*rule, (*it).to_owned())).collect();
            assert_eq!(rules_in(find, text), expected, "{text}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(range: Range<usize>, rule: &'static str) -> Spot {
        Spot { range, class: DetectedClass::Personal, rule }
    }

    #[test]
    fn overlapping_spots_become_one_under_the_longest_and_neighbours_stay_apart() {
        let found = joined(vec![
            spot(4..9, "b"),
            spot(0..5, "a"),
            spot(9..12, "c"),
            spot(10..11, "d"),
            spot(3..9, "e"),
        ]);
        assert_eq!(found, [spot(0..9, "e"), spot(9..12, "c")]);
        assert_eq!(tally(&found), "1 c, 1 e");
        assert_eq!(joined(Vec::new()), []);
    }
}
