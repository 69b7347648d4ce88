//! What goes unnoticed, in the smallest run that shows it.

use std::ops::Range;

use rederive_replay::Level;

use crate::case::{Case, ExploreFault, Explorer};

/// Smaller runs that are tried at most: each is told, and replayed at every level.
const TRIES_MAX: usize = 600;
/// Records of the smaller runs that are tried at most, all together: those of a long run take as much time as many short ones.
const RECORDS_MAX: usize = 40_000;

/// A case that failed, on a run from which nothing can be left out without its being noticed.
pub struct Smallest<'a> {
    /// The run, told under the explorer's key.
    pub explorer: Explorer<'a>,
    /// What is done to it.
    pub case: Case,
    /// The file in which nobody notices it.
    pub changed: Vec<u8>,
}

impl<'a> Explorer<'a> {
    /// Leaves divergences out of a case, and then records out of the run, as long as `fails` still says that the engine fails.
    ///
    /// # Errors
    /// A smaller run makes no file, or cannot be read.
    pub fn shrink(
        self,
        case: Case,
        fails: impl Fn(&Explorer<'_>, &Case) -> Result<bool, ExploreFault>,
    ) -> Result<Smallest<'a>, ExploreFault> {
        let mut search = Search { explorer: self, case, tries: 0, records: 0 };
        search.fewer_divergences(&fails)?;
        search.fewer_records(&fails)?;
        let Search { explorer, case, .. } = search;
        let changed = match explorer.change(&case)? {
            Ok(changed) => changed.bytes,
            Err(_) => explorer.told_bytes().to_vec(),
        };
        Ok(Smallest { explorer, case, changed })
    }
}

struct Search<'a> {
    explorer: Explorer<'a>,
    case: Case,
    tries: usize,
    /// Records of the runs that were tried.
    records: usize,
}

impl<'a> Search<'a> {
    fn fewer_divergences(
        &mut self,
        fails: &impl Fn(&Explorer<'_>, &Case) -> Result<bool, ExploreFault>,
    ) -> Result<(), ExploreFault> {
        let mut at = 0;
        while at < self.case.divergences.len() && self.case.divergences.len() > 1 {
            let mut fewer = self.case.clone();
            let _ = fewer.divergences.remove(at);
            if fails(&self.explorer, &fewer)? {
                self.case = fewer;
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Leaves out as many records at once as there are, then half as many, and so on to single ones, from the end: what is last is needed least,
    /// but for the very last, which closes the run. Single ones are tried until each of them is needed.
    fn fewer_records(
        &mut self,
        fails: &impl Fn(&Explorer<'_>, &Case) -> Result<bool, ExploreFault>,
    ) -> Result<(), ExploreFault> {
        let mut chunk = self.length();
        while chunk > 0 && self.goes_on() {
            let before = self.length();
            self.without_any_of(chunk, self.length().saturating_sub(1), fails)?;
            self.without_any_of(chunk, self.length(), fails)?;
            if chunk > 1 || self.length() == before {
                chunk /= 2;
            }
        }
        Ok(())
    }

    /// Tries to leave out each `chunk` of records before `end`, the last ones first. The opening record stays.
    fn without_any_of(
        &mut self,
        chunk: usize,
        mut end: usize,
        fails: &impl Fn(&Explorer<'_>, &Case) -> Result<bool, ExploreFault>,
    ) -> Result<(), ExploreFault> {
        while end > 1 && self.goes_on() {
            let first = end.saturating_sub(chunk).max(1);
            self.tries += 1;
            self.records += self.length() - (end - first);
            match self.without(first..end)? {
                Some(smaller) if fails(&smaller, &self.case)? => self.explorer = smaller,
                _ => {}
            }
            end = first;
        }
        Ok(())
    }

    fn goes_on(&self) -> bool {
        self.tries < TRIES_MAX && self.records < RECORDS_MAX
    }

    fn length(&self) -> usize {
        self.explorer.subject().story().len()
    }

    /// The run without these records; none where it then no longer holds. What it then breaks it breaks before and after the change alike.
    fn without(&self, left_out: Range<usize>) -> Result<Option<Explorer<'a>>, ExploreFault> {
        let subject = self.explorer.subject();
        let mut story = subject.story().clone();
        story.keep(|at| !left_out.contains(&at));
        // What was extracted may follow from a content that is left out: where it cannot be checked it is taken as recorded.
        for with_contents in [true, false] {
            let smaller = subject.telling(story.clone(), with_contents)?;
            match Explorer::holding_up_to(Level::Content, smaller, self.explorer.told_watch()) {
                Ok(smaller) => return Ok(Some(smaller)),
                Err(ExploreFault::Unsound { .. } | ExploreFault::Retelling { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }
}
