//! What led to a record: the shortest chain of causes back to the goal, and everything that had a part in it.

use std::collections::VecDeque;

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, Record};
use rederive_evidence::values::Role;
use serde::Serialize;
use serde_json::Value;

use super::timeline::Timeline;
use super::{Shown, last_record};
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
struct Graph {
    causes: Vec<Causes>,
    goals: Vec<bool>,
    kinds: Vec<Kind>,
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
        let timeline = Timeline::new(terminal, last_record(self.trace), led);
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
        let mut graph = Graph { causes: Vec::new(), goals: Vec::new(), kinds: Vec::new() };
        for record in trace::records(self.trace, &self.show.file) {
            let record = record?;
            graph.goals.push(states_goal(&record));
            graph.kinds.push(record.input.body.kind());
            graph.causes.push(record.input.causes);
            if record.input.sequence >= last {
                break;
            }
        }
        Ok(graph)
    }
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

    /// The shortest chain from the record to one that states the goal; empty where there is none.
    fn chain(&self, from: u64) -> Vec<u64> {
        let mut led_to: Vec<Option<u64>> = vec![None; self.causes.len()];
        let mut waiting = VecDeque::from([from]);
        while let Some(record) = waiting.pop_front() {
            if self.is_goal(record) {
                let mut chain = vec![record];
                let next = |record: u64| {
                    usize::try_from(record).ok().and_then(|record| led_to.get(record).copied().flatten())
                };
                let mut here = record;
                while let Some(effect) = next(here).filter(|_| here != from) {
                    chain.push(effect);
                    here = effect;
                }
                chain.reverse();
                return chain;
            }
            for cause in self.causes_of(record) {
                let met = usize::try_from(cause).ok().and_then(|cause| led_to.get_mut(cause));
                if let Some(met @ None) = met {
                    *met = Some(record);
                    waiting.push_back(cause);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(causes: &[&[u64]], goals: &[usize]) -> Graph {
        Graph {
            causes: causes.iter().map(|causes| Causes::of(causes.iter().copied())).collect(),
            goals: (0..causes.len()).map(|record| goals.contains(&record)).collect(),
            kinds: vec![Kind::ToolProposed; causes.len()],
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

    #[test]
    fn causes_that_point_ahead_lead_nowhere() {
        let graph = graph(&[&[], &[7], &[1, 2]], &[0]);
        assert!(graph.chain(2).is_empty());
        assert_eq!(graph.influences(2), [false, true, true]);
    }
}
