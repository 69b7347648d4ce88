//! What is in what, by others too: Cedar makes a list of all that are above one for each that is in another, which a long chain makes long. They are counted before it
//! does. Spec: bundle-limits.

use std::collections::{BTreeMap, BTreeSet};

/// Names and those that they are in.
#[derive(Default)]
pub(super) struct Above {
    numbers: BTreeMap<String, usize>,
    /// Beside the numbers: which are declared, and what they are in.
    of: Vec<(bool, Vec<usize>)>,
    /// Whether a name is there that may be another.
    is_unsure: bool,
}

/// How much of one is in another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Groups {
    /// How often something is in something else, each time that one comes to it.
    pub(super) pairs: u64,
    /// How many are in the one in which most are.
    pub(super) largest: u64,
}

/// More than there may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excess;

impl Above {
    /// A name that is declared.
    pub(super) fn add(&mut self, name: &str) {
        let number = self.number(name);
        if let Some((is_declared, _)) = self.of.get_mut(number) {
            *is_declared = true;
        }
    }

    /// The first is in the second.
    pub(super) fn lead(&mut self, name: &str, above: &str) {
        let (number, above) = (self.number(name), self.number(above));
        if let Some((_, leads)) = self.of.get_mut(number) {
            leads.push(above);
        }
    }

    /// A name is there that may be another, written otherwise.
    pub(super) fn doubt(&mut self) {
        self.is_unsure = true;
        self.of.push((true, Vec::new()));
    }

    fn number(&mut self, name: &str) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        self.numbers.insert(name.to_owned(), self.of.len());
        self.of.push((false, Vec::new()));
        self.of.len() - 1
    }

    /// How often something is in something else, and how much is in one. Where names are unsure, as often and as much as it may be.
    ///
    /// # Errors
    /// More pairs than this.
    pub(super) fn groups(&self, most: u64) -> Result<Groups, Excess> {
        if self.is_unsure {
            let all = self.of.len() as u64;
            let groups = Groups { pairs: all.saturating_mul(all), largest: all };
            return Some(groups).filter(|groups| groups.pairs <= most).ok_or(Excess);
        }
        let mut pairs = 0_u64;
        let mut members: BTreeMap<usize, u64> = BTreeMap::new();
        for first in 0..self.of.len() {
            let mut seen = BTreeSet::from([first]);
            let mut open = vec![first];
            while let Some(number) = open.pop() {
                let leads = self.of.get(number).map_or(&[][..], |(_, leads)| leads.as_slice());
                // A name that nothing declares is a second reading of one that something does.
                let declared = leads.iter().filter(|above| self.of.get(**above).is_some_and(|(is, _)| *is));
                for above in declared {
                    pairs += 1;
                    if pairs > most {
                        return Err(Excess);
                    }
                    if seen.insert(*above) {
                        *members.entry(*above).or_default() += 1;
                        open.push(*above);
                    }
                }
            }
        }
        Ok(Groups { pairs, largest: members.into_values().max().unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(names: usize) -> Above {
        let mut above = Above::default();
        (0..names).for_each(|n| above.add(&format!("a{n}")));
        (1..names).for_each(|n| above.lead(&format!("a{n}"), &format!("a{}", n - 1)));
        above
    }

    #[test]
    fn pairs_are_counted_through_others_and_no_further_than_they_may_be() {
        assert_eq!(chain(1).groups(0), Ok(Groups::default()));
        assert_eq!(chain(100).groups(4_950), Ok(Groups { pairs: 4_950, largest: 99 }));
        assert_eq!(chain(100).groups(4_949), Err(Excess));
        let mut circle = chain(3);
        circle.lead("a0", "a2");
        circle.lead("a0", "nothing");
        assert_eq!(circle.groups(100), Ok(Groups { pairs: 9, largest: 2 }));
        let mut unsure = chain(3);
        unsure.doubt();
        assert_eq!(unsure.groups(16), Ok(Groups { pairs: 16, largest: 4 }));
        assert_eq!(unsure.groups(15), Err(Excess));
    }
}
