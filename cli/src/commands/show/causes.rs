//! What led to a record: a chain of causes back to the goal, through its call, the answer that asked for it and the prompt where it can, and everything that
//! had a part in it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, Record};
use rederive_evidence::values::{Place, Role};
use serde::Serialize;
use serde_json::Value;

use super::Shown;
use super::timeline::Timeline;
use crate::args::Failed;
use crate::style::Tone;
use crate::terminal::Terminal;
use crate::text::counted;
use crate::trace;

#[derive(Serialize)]
struct View {
    record: u64,
    reaches_goal: bool,
    /// From the record back to the goal, where one is reached.
    chain: Vec<u64>,
    /// Every record that had a part in it, ascending, itself included.
    records: Vec<Value>,
}

/// The causes of the first records of a run.
#[derive(Debug, Default)]
struct Graph {
    causes: Vec<Causes>,
    goals: Vec<bool>,
    kinds: Vec<Kind>,
    places: Vec<Option<Place>>,
}

/// How a record was met on the way back from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    /// Steps that are no way of a call.
    strays: u64,
    length: u64,
    /// The record that it led to.
    effect: u64,
}

/// Records that were not met yet. Of an imported run each prompt has all before it as causes: each record is met once, not once for each of its effects.
struct Unmet(BTreeSet<u64>);

impl Unmet {
    /// Those among the causes of a record, which are not among them any more.
    fn take(&mut self, causes: &Causes, effect: u64) -> Vec<u64> {
        let mut taken = Vec::new();
        for range in causes.ranges().iter().take_while(|range| range.first < effect) {
            let behind = range.first.saturating_add(range.count).min(effect);
            while let Some(cause) = self.0.range(range.first..behind).next().copied() {
                let _: bool = self.0.remove(&cause);
                taken.push(cause);
            }
        }
        taken
    }
}

impl<'t> Shown<'t> {
    pub(super) fn causes(&mut self, number: u64, terminal: &mut Terminal) -> Result<(), Failed> {
        let graph = self.graph(number)?;
        if graph.causes.len() as u64 <= number {
            return Err(self.missing(number));
        }
        let (chain, influences) = (graph.chain(number), graph.influences(number));
        if self.show.json {
            let mut records = Vec::new();
            for record in self.chosen(&influences) {
                let record = record?;
                records.push(self.view(&record)?);
            }
            let reaches_goal = !chain.is_empty();
            terminal.json(&View { record: number, reaches_goal, chain, records });
            return Ok(());
        }
        let paint = terminal.paint();
        let led = graph.kinds.iter().zip(&influences).filter(|(_, led)| **led).map(|(kind, _)| *kind);
        let timeline = Timeline::new(terminal, trace::last_record(self.trace), led);
        if chain.is_empty() {
            terminal.line(
                &paint.paint(Tone::Bad, &format!("no chain of causes leads from record {number} to a goal")),
            );
        } else {
            terminal.line(&paint.paint(Tone::Strong, &format!("from record {number} back to the goal")));
            for link in &chain {
                if let Some((_, record)) = trace::record(self.trace, &self.show.file, *link)? {
                    timeline.row(&record, self, terminal)?;
                }
            }
        }
        let heading = format!(
            "all that led to it: {}",
            counted(influences.iter().filter(|led| **led).count() as u64 - 1, "record")
        );
        terminal.line("");
        terminal.line(&paint.paint(Tone::Strong, &heading));
        for record in self.chosen(&influences) {
            timeline.row(&record?, self, terminal)?;
            if !terminal.is_read() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The records that are marked.
    fn chosen<'s>(&self, marked: &'s [bool]) -> impl Iterator<Item = Result<Record, Failed>> + use<'t, 's> {
        let (trace, show) = (self.trace, self.show);
        let records = trace::records(trace, &show.file).take(marked.len());
        records.zip(marked).filter_map(|(record, marked)| (*marked || record.is_err()).then_some(record))
    }

    fn graph(&self, last: u64) -> Result<Graph, Failed> {
        let mut graph = Graph::default();
        for record in trace::records(self.trace, &self.show.file) {
            let record = record?;
            graph.goals.push(states_goal(&record));
            graph.kinds.push(record.input.body.kind());
            graph.places.push(call_of(&record));
            graph.causes.push(record.input.causes);
            if record.input.sequence >= last {
                break;
            }
        }
        Ok(graph)
    }
}

/// The call that a record is of: at its place, or a decision's, which has none of its own.
fn call_of(record: &Record) -> Option<Place> {
    let decided =
        || if let Body::DecisionMade(body) = &record.input.body { body.request.call.clone() } else { None };
    record.input.place.clone().or_else(decided)
}

/// Whether a record states what is to be achieved: the opening, where it has a goal, or a message of the user.
fn states_goal(record: &Record) -> bool {
    if let Body::RunOpened(opening) = &record.input.body {
        return opening.goal.known().is_some();
    }
    matches!(&record.input.body, Body::PromptGiven(given) if given.role == Role::User)
}

impl Graph {
    fn causes_of(&self, record: u64) -> &Causes {
        const NONE: &Causes = &Causes::NONE;
        usize::try_from(record).ok().and_then(|record| self.causes.get(record)).unwrap_or(NONE)
    }

    fn place_of(&self, record: u64) -> Option<&Place> {
        usize::try_from(record).ok().and_then(|record| self.places.get(record)).and_then(Option::as_ref)
    }

    fn unmet(&self) -> Unmet {
        Unmet((0..self.causes.len() as u64).collect())
    }

    /// The records of each call.
    fn unmet_at_places(&self) -> BTreeMap<&Place, Unmet> {
        let mut at_places: BTreeMap<&Place, Unmet> = BTreeMap::new();
        for (record, place) in (0..).zip(&self.places) {
            if let Some(place) = place {
                let _: bool =
                    at_places.entry(place).or_insert_with(|| Unmet(BTreeSet::new())).0.insert(record);
            }
        }
        at_places
    }

    fn is_goal(&self, record: u64) -> bool {
        usize::try_from(record).ok().and_then(|record| self.goals.get(record)).copied().unwrap_or(false)
    }

    /// Whether a cause is the way that a call came: a record of the same call, a model's answer, or what it was asked with. A policy or a tool's
    /// registration leads to the goal as well, and says nothing of it.
    fn is_way(&self, effect: u64, cause: u64) -> bool {
        let kind = usize::try_from(cause).ok().and_then(|cause| self.kinds.get(cause));
        self.place_of(effect).is_some_and(|of_effect| self.place_of(cause) == Some(of_effect))
            || matches!(kind, Some(Kind::PromptAnswered | Kind::PromptSent | Kind::PromptGiven))
    }

    /// The chain from the record to one that states the goal with the fewest steps that are no way of a call, of several the shortest; empty where there is none.
    fn chain(&self, from: u64) -> Vec<u64> {
        let mut met: Vec<Option<Step>> = vec![None; self.causes.len()];
        // Steps come out of the heap best first. The first way to a record is then the best, but that the first from its own call may be better still:
        // those are met once more.
        let (mut unmet, mut unmet_at_places) = (self.unmet(), self.unmet_at_places());
        let first = Step { strays: 0, length: 0, effect: from };
        let mut waiting = BinaryHeap::from([Reverse((first, Reverse(from)))]);
        while let Some(Reverse((step, Reverse(record)))) = waiting.pop() {
            if self.is_goal(record) {
                return back(&met, record, from);
            }
            let causes = self.causes_of(record);
            let of_call = self.place_of(record).and_then(|place| unmet_at_places.get_mut(place));
            let of_call = of_call.map(|unmet| unmet.take(causes, record)).unwrap_or_default();
            for cause in unmet.take(causes, record).into_iter().chain(of_call) {
                let strays = step.strays + u64::from(!self.is_way(record, cause));
                let next = Step { strays, length: step.length + 1, effect: record };
                let known = usize::try_from(cause).ok().and_then(|cause| met.get_mut(cause));
                // No record waits twice but for a better way to it: what waits grows with the records, not with their causes.
                if let Some(known) = known
                    && known.is_none_or(|known| (next.strays, next.length) < (known.strays, known.length))
                {
                    *known = Some(next);
                    waiting.push(Reverse((next, Reverse(cause))));
                }
            }
        }
        Vec::new()
    }

    /// Whether each record had a part in this one, which is the last.
    fn influences(&self, of: u64) -> Vec<bool> {
        let mut led = vec![false; self.causes.len()];
        if let Some(last) = led.last_mut() {
            *last = true;
        }
        let mut unmet = self.unmet();
        for record in (0..=of).rev() {
            let is_led =
                usize::try_from(record).ok().and_then(|record| led.get(record)).copied().unwrap_or(false);
            if !is_led {
                continue;
            }
            for cause in unmet.take(self.causes_of(record), record) {
                if let Some(met) = usize::try_from(cause).ok().and_then(|cause| led.get_mut(cause)) {
                    *met = true;
                }
            }
        }
        led
    }
}

/// From one record to another, by what each led to; the last first.
fn back(met: &[Option<Step>], goal: u64, from: u64) -> Vec<u64> {
    let step =
        |record: u64| usize::try_from(record).ok().and_then(|record| met.get(record).copied().flatten());
    let next = |record: &u64| step(*record).filter(|_| *record != from).map(|step| step.effect);
    let mut chain: Vec<u64> = std::iter::successors(Some(goal), next).collect();
    chain.reverse();
    chain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rederive_evidence::ids::Id;

    use super::*;

    fn graph(causes: &[&[u64]], goals: &[usize]) -> Graph {
        Graph {
            causes: causes.iter().map(|causes| Causes::of(causes.iter().copied())).collect(),
            goals: (0..causes.len()).map(|record| goals.contains(&record)).collect(),
            kinds: vec![Kind::ToolProposed; causes.len()],
            places: vec![None; causes.len()],
        }
    }

    #[test]
    fn the_chain_is_the_shortest_and_begins_at_the_record() {
        let graph = graph(&[&[], &[0], &[1], &[2], &[1, 3], &[4]], &[1]);
        assert_eq!(graph.chain(5), [5, 4, 1]);
        assert_eq!(graph.chain(1), [1]);
        assert!(graph.chain(0).is_empty());
        assert_eq!(graph.influences(5), [true; 6]);
    }

    /// A decision follows from the policy in force and from the call: the call tells why it was made.
    #[test]
    fn the_chain_goes_through_the_call_its_answer_and_the_prompt_however_much_shorter_another_is() {
        let mut graph = graph(&[&[], &[0], &[0], &[2], &[3], &[4], &[1, 5]], &[0]);
        assert_eq!(graph.chain(6), [6, 1, 0]);
        let place = place(0);
        graph.kinds = vec![
            Kind::RunOpened,
            Kind::PolicyPinned,
            Kind::PromptGiven,
            Kind::PromptSent,
            Kind::PromptAnswered,
            Kind::ToolProposed,
            Kind::DecisionMade,
        ];
        graph.places[5] = Some(place.clone());
        graph.places[6] = Some(place);
        assert_eq!(graph.chain(6), [6, 5, 4, 3, 2, 0]);
        graph.goals[2] = true;
        assert_eq!(graph.chain(6), [6, 5, 4, 3, 2]);
    }

    #[test]
    fn causes_that_point_ahead_lead_nowhere() {
        let graph = graph(&[&[], &[7], &[1, 2]], &[0]);
        assert!(graph.chain(2).is_empty());
        assert_eq!(graph.influences(2), [false, true, true]);
    }

    fn place(index: u16) -> Place {
        Place { agent: Id::new("agent").unwrap(), turn: 0, index, attempt: 0 }
    }

    /// The same, from each record to every cause of it, however often it was met.
    fn plainly(graph: &Graph, from: u64) -> (Vec<u64>, Vec<bool>) {
        let causes_of =
            |record: u64| graph.causes_of(record).records().take_while(move |cause| *cause < record);
        let mut led = vec![false; graph.causes.len()];
        led[from as usize] = true;
        for record in (0..=from).rev() {
            if led[record as usize] {
                causes_of(record).for_each(|cause| led[cause as usize] = true);
            }
        }
        let mut met: Vec<Option<Step>> = vec![None; graph.causes.len()];
        let mut waiting =
            BinaryHeap::from([Reverse((Step { strays: 0, length: 0, effect: from }, Reverse(from)))]);
        while let Some(Reverse((step, Reverse(record)))) = waiting.pop() {
            if graph.is_goal(record) {
                return (back(&met, record, from), led);
            }
            for cause in causes_of(record) {
                let strays = step.strays + u64::from(!graph.is_way(record, cause));
                let next = Step { strays, length: step.length + 1, effect: record };
                let known = &mut met[cause as usize];
                if known.is_none_or(|known| (next.strays, next.length) < (known.strays, known.length)) {
                    *known = Some(next);
                    waiting.push(Reverse((next, Reverse(cause))));
                }
            }
        }
        (Vec::new(), led)
    }

    fn any_graph() -> impl Strategy<Value = Graph> {
        let kind = prop::sample::select(vec![Kind::ToolProposed, Kind::PromptGiven, Kind::PolicyPinned]);
        let ranges = prop::collection::vec((0..40_u64, 1..30_u64), 0..3);
        let record = (ranges, prop::bool::weighted(0.05), kind, prop::option::of(0..4_u16));
        prop::collection::vec(record, 1..40).prop_map(|records| {
            let mut graph = Graph::default();
            for (ranges, is_goal, kind, index) in records {
                graph.causes.push(Causes::of(ranges.iter().flat_map(|(first, count)| *first..first + count)));
                graph.goals.push(is_goal);
                graph.kinds.push(kind);
                graph.places.push(index.map(place));
            }
            graph
        })
    }

    proptest! {
        #[test]
        fn each_record_is_met_once_and_nothing_is_lost_by_it(graph in any_graph()) {
            let last = graph.causes.len() as u64 - 1;
            prop_assert_eq!((graph.chain(last), graph.influences(last)), plainly(&graph, last));
        }
    }

    /// Where each record has all before it as causes, walks of each would take hours here.
    #[test]
    fn a_long_run_whose_records_have_all_before_them_as_causes_is_walked_once() {
        let records = 400_000;
        let graph = Graph {
            causes: (0..records)
                .map(|record: u64| {
                    record.checked_sub(1).map_or(Causes::NONE, |last| Causes::between(0, last))
                })
                .collect(),
            goals: (0..records).map(|record| record == 0).collect(),
            kinds: vec![Kind::ToolProposed; records as usize],
            places: vec![Some(place(0)); records as usize],
        };
        assert_eq!(graph.chain(records - 1), [records - 1, 0]);
        assert!(graph.influences(records - 1).iter().all(|led| *led));
    }
}
