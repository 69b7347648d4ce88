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

    /// How often something is in something else, each time that one comes to it. Where names are unsure, as often as it may be.
    ///
    /// # Errors
    /// More than this often.
    pub(super) fn pairs(&self, most: u64) -> Result<u64, Excess> {
        if self.is_unsure {
            let all = self.of.len() as u64;
            return Some(all.saturating_mul(all)).filter(|pairs| *pairs <= most).ok_or(Excess);
        }
        let mut pairs = 0_u64;
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
                        open.push(*above);
                    }
                }
            }
        }
        Ok(pairs)
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
        assert_eq!(chain(1).pairs(0), Ok(0));
        assert_eq!(chain(100).pairs(4_950), Ok(4_950));
        assert_eq!(chain(100).pairs(4_949), Err(Excess));
        let mut circle = chain(3);
        circle.lead("a0", "a2");
        circle.lead("a0", "nothing");
        assert_eq!(circle.pairs(100), Ok(9));
        let mut unsure = chain(3);
        unsure.doubt();
        assert_eq!((unsure.pairs(16), unsure.pairs(15)), (Ok(16), Err(Excess)));
    }
}
