//! What led to a record: a chain of causes back to the goal, through its call, the answer that asked for it and the prompt where it can, and everything that
//! had a part in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

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
#[derive(Default)]
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
    fn causes_of(&self, record: u64) -> impl Iterator<Item = u64> + '_ {
        let causes = usize::try_from(record).ok().and_then(|record| self.causes.get(record));
        causes.into_iter().flat_map(Causes::records).take_while(move |cause| *cause < record)
    }

    fn is_goal(&self, record: u64) -> bool {
        usize::try_from(record).ok().and_then(|record| self.goals.get(record)).copied().unwrap_or(false)
    }

    /// Whether a cause is the way that a call came: a record of the same call, a model's answer, or what it was asked with. A policy or a tool's
    /// registration leads to the goal as well, and says nothing of it.
    fn is_way(&self, effect: u64, cause: u64) -> bool {
        let at = |record: u64| usize::try_from(record).ok();
        let place = |record| at(record).and_then(|at| self.places.get(at)).and_then(Option::as_ref);
        let kind = at(cause).and_then(|cause| self.kinds.get(cause));
        place(effect).is_some_and(|of_effect| place(cause) == Some(of_effect))
            || matches!(kind, Some(Kind::PromptAnswered | Kind::PromptSent | Kind::PromptGiven))
    }

    /// The chain from the record to one that states the goal with the fewest steps that are no way of a call, of several the shortest; empty where there is none.
    fn chain(&self, from: u64) -> Vec<u64> {
        let mut met: Vec<Option<Step>> = vec![None; self.causes.len()];
        let first = Step { strays: 0, length: 0, effect: from };
        let mut waiting = BinaryHeap::from([Reverse((first, Reverse(from)))]);
        while let Some(Reverse((step, Reverse(record)))) = waiting.pop() {
            if self.is_goal(record) {
                return back(&met, record, from);
            }
            for cause in self.causes_of(record) {
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
        for record in (0..=of).rev() {
            let is_led =
                usize::try_from(record).ok().and_then(|record| led.get(record)).copied().unwrap_or(false);
            if !is_led {
                continue;
            }
            for cause in self.causes_of(record) {
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
        let agent = rederive_evidence::ids::Id::new("agent").unwrap();
        let place = Place { agent, turn: 0, index: 0, attempt: 0 };
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
}
