//! The records of a run as somebody tells them: put in, left out and moved, with every reference kept.

use rederive_evidence::ids::RecordRef;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Causes, Record};
use rederive_evidence::schema::Given;

use crate::parts::Stored;

/// Records in the order in which they are told. Their numbers are their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    records: Vec<Record>,
    /// Contents that whoever tells it made up.
    contents: Vec<Stored>,
}

impl Story {
    /// The story of these records.
    pub fn new(records: Vec<Record>) -> Self {
        Self { records, contents: Vec::new() }
    }

    /// The records.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Contents that are not those of the run.
    pub fn contents(&self) -> &[Stored] {
        &self.contents
    }

    /// Brings a content along that is not the run's.
    pub fn bring(&mut self, content: Stored) {
        self.contents.push(content);
    }

    /// The record at this place.
    pub fn get(&self, at: usize) -> Option<&Record> {
        self.records.get(at)
    }

    /// The record at this place.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut Record> {
        self.records.get_mut(at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Puts a record in at this place. Its own references are to places before it.
    pub fn insert(&mut self, at: usize, record: Record) {
        let at = at.min(self.records.len());
        self.renumber(|number| if number >= at as u64 { number.saturating_add(1) } else { number });
        self.records.insert(at, record);
    }

    /// Leaves the record at this place out. What followed from it follows from the record before it.
    pub fn remove(&mut self, at: usize) {
        if at >= self.records.len() {
            return;
        }
        let _ = self.records.remove(at);
        self.renumber(|number| if number > 0 && number >= at as u64 { number - 1 } else { number });
    }

    /// Leaves out every record from this place on.
    pub fn truncate(&mut self, length: usize) {
        self.records.truncate(length);
    }

    /// Keeps the records whose places are listed, in their order. What followed from one that is left out follows from the last one kept before it.
    pub fn keep(&mut self, keeps: impl Fn(usize) -> bool) {
        let length = self.records.len() as u64;
        let mut kept = 0_u64;
        let place = |at| {
            kept += u64::from(keeps(at));
            kept.saturating_sub(1)
        };
        let places: Vec<u64> = (0..self.records.len()).map(place).collect();
        let mut at = 0;
        self.records.retain(|_| {
            at += 1;
            keeps(at - 1)
        });
        let left_out = length - self.records.len() as u64;
        let place = |number: u64| usize::try_from(number).ok().and_then(|number| places.get(number).copied());
        self.renumber(|number| place(number).unwrap_or_else(|| number - left_out.min(number)));
    }

    /// Moves the record at `from` to stand at `to`; what names it names it there.
    pub fn shift(&mut self, from: usize, to: usize) {
        if from.max(to) >= self.records.len() {
            return;
        }
        let record = self.records.remove(from);
        self.records.insert(to, record);
        let (from, to) = (from as u64, to as u64);
        self.renumber(|number| {
            if number == from {
                to
            } else if from < number && number <= to {
                number - 1
            } else if to <= number && number < from {
                number.saturating_add(1)
            } else {
                number
            }
        });
        self.retime();
    }

    /// Moves a record to an earlier place, as somebody does who means it to have happened then: of what it follows from, what now stands behind it
    /// gives way to the record before it.
    pub fn antedate(&mut self, from: usize, to: usize) {
        self.shift(from, to);
        let Some(record) = self.records.get_mut(to) else { return };
        let behind = |cause: u64| if cause >= to as u64 { (to as u64).saturating_sub(1) } else { cause };
        renumber(record, &behind);
    }

    /// Gives the times that are there to the records in their order, so that time does not run backwards.
    fn retime(&mut self) {
        let mut times: Vec<_> = self.records.iter().filter_map(|record| record.input.time).collect();
        times.sort_unstable();
        let timed = self.records.iter_mut().filter(|record| record.input.time.is_some());
        timed.zip(times).for_each(|(record, time)| record.input.time = Some(time));
    }

    fn renumber(&mut self, new: impl Fn(u64) -> u64) {
        self.records.iter_mut().for_each(|record| renumber(record, &new));
    }
}

/// Gives every reference of a record another number.
pub(crate) fn renumber(record: &mut Record, new: &impl Fn(u64) -> u64) {
    let input = &mut record.input;
    if !input.causes.ranges().is_empty() {
        let mut causes: Vec<u64> = input.causes.records().map(new).collect();
        causes.sort_unstable();
        causes.dedup();
        input.causes = Causes::of(causes);
    }
    references(&mut input.body, &mut |reference: &mut RecordRef| reference.0 = new(reference.0));
    for breach in &mut record.derived.breaches {
        breach.record = breach.record.map(new);
    }
}

/// Whether a body refers to the record with this number.
pub(crate) fn names(body: &Body, number: u64) -> bool {
    let mut is_named = false;
    references(&mut body.clone(), &mut |reference| is_named |= reference.0 == number);
    is_named
}

/// Shows every reference of a body to an earlier record.
fn references(body: &mut Body, show: &mut impl FnMut(&mut RecordRef)) {
    if let Body::PromptSent(body) = body {
        body.parts.iter_mut().filter_map(|part| part.from.as_mut()).for_each(show);
    } else if let Body::PromptAnswered(body) = body {
        body.prompt.iter_mut().for_each(show);
    } else if let Body::ContextBlocked(body) = body {
        body.record.iter_mut().for_each(show);
    } else if let Body::PlanChecked(body) = body {
        show(&mut body.plan);
    } else if let Body::PlanRevised(body) = body {
        show(&mut body.plan);
    } else if let Body::GuardrailDetected(body) = body {
        body.record.iter_mut().for_each(show);
    } else if let Body::GuardrailTransformed(body) = body {
        body.record.iter_mut().for_each(show);
    } else if let Body::GuardrailBlocked(body) = body {
        body.record.iter_mut().for_each(show);
    } else if let Body::ApprovalEvidence(body) = body {
        body.influences.iter_mut().for_each(&mut *show);
        if let Given::Known(decision) = &mut body.decision {
            show(decision);
        }
    } else if let Body::ApprovalLogged(body) = body {
        show(&mut body.answer);
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::arbitrary::{Choices, Sample as _};
    use rederive_evidence::kinds::Kind;

    use super::*;

    /// A kind that comes to hold a reference has to be listed in [`references`].
    #[test]
    fn every_reference_that_a_body_encodes_is_shown() {
        for kind in Kind::ALL {
            let mut body = Body::draw_of(*kind, &mut Choices::full(7));
            let before = body.tally().records;
            let (mut shown, mut last) = (0, 0);
            references(&mut body, &mut |reference| {
                shown += 1;
                last = last.max(reference.0.saturating_add(1));
            });
            assert_eq!(last, before, "{kind}: {shown} shown");
        }
    }

    fn story(count: usize) -> Story {
        let mut choices = Choices::full(3);
        let record = |number: usize| {
            let mut record = Record::draw(&mut choices);
            record.input.body = Body::draw_of(Kind::DelegationEnded, &mut Choices::full(1));
            record.input.sequence = number as u64;
            record.input.causes = Causes::of(number.checked_sub(1).map(|before| before as u64));
            record.derived.breaches.clear();
            record
        };
        Story::new((0..count).map(record).collect())
    }

    fn causes(story: &Story) -> Vec<Option<u64>> {
        story.records().iter().map(|record| record.input.causes.last()).collect()
    }

    #[test]
    fn references_follow_what_is_put_in_left_out_and_moved() {
        let mut put_in = story(4);
        put_in.insert(2, story(1).records()[0].clone());
        assert_eq!(causes(&put_in), [None, Some(0), None, Some(1), Some(3)]);
        let mut left_out = story(4);
        left_out.remove(1);
        assert_eq!(causes(&left_out), [None, Some(0), Some(1)]);
        let mut kept = story(6);
        kept.keep(|at| at == 0 || at == 4);
        assert_eq!(causes(&kept), [None, Some(0)], "what is left is the one record before it");
        let mut kept = story(6);
        kept.keep(|at| at != 2 && at != 3);
        let mut left_out = story(6);
        [3, 2].into_iter().for_each(|at| left_out.remove(at));
        assert_eq!((causes(&kept), kept.len()), (causes(&left_out), 4));
        let mut moved = story(4);
        moved.shift(3, 1);
        assert_eq!(causes(&moved), [None, Some(3), Some(0), Some(2)]);
        moved.shift(1, 3);
        assert_eq!(causes(&moved), causes(&story(4)));
    }
}
