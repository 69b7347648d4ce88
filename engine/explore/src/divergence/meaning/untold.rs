//! What is not told, or told as another input: nothing inside the file can show it.

use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{ContentLength, Record};
use rederive_machine::Machine;

use super::places;
use crate::divergence::splices::breaches;
use crate::draw::Draw;
use crate::parts::Stored;
use crate::story::Story;
use crate::subject::Subject;

/// Places that are tried, each with a run of the machine.
const TRIES_MAX: usize = 24;

/// Whether calls have no end in a story.
fn open_calls(story: &Story) -> usize {
    let count = |kind| story.records().iter().filter(|record| record.input.body.kind() == kind).count();
    count(Kind::ToolProposed).saturating_sub(
        [Kind::ToolReturned, Kind::ToolFailed, Kind::ToolBlocked, Kind::ToolUnknown].map(count).iter().sum(),
    )
}

pub(crate) fn tail_cut(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let mut machine = Machine::new();
    let open_after = (0..).zip(story.records()).map(|(number, record)| {
        let mut input = record.input.clone();
        input.sequence = number;
        machine.commit(machine.decide(&input, record.extracted.as_ref()).transition);
        machine.state().open_calls()
    });
    let open_after: Vec<u64> = open_after.collect();
    let Some(at_end) = open_after.last().copied() else { return false };
    let lengths = (1..).zip(&open_after).filter(|(_, open)| **open > at_end).map(|(length, _)| length);
    let lengths: Vec<usize> = lengths.collect();
    draw.pick(&lengths).is_some_and(|length| {
        story.truncate(*length);
        true
    })
}

/// Something that was told and that, left out, breaks no rule: the liar has the machine, and looks for it.
pub(crate) fn action_unrecorded(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let (before, open) = (breaches(story), open_calls(story));
    // What a decision rests on shows in its receipt.
    let decided = story.records().iter().rposition(|record| record.input.body.kind() == Kind::DecisionMade);
    let told =
        places(story, |at, record| at > decided.unwrap_or(0) && record.input.body.kind() != Kind::RunClosed);
    let first = draw.below(told.len());
    let order = told.iter().cycle().skip(first).take(told.len().min(TRIES_MAX));
    for at in order {
        let mut shorter = story.clone();
        shorter.remove(*at);
        if breaches(&shorter) <= before && open_calls(&shorter) <= open {
            *story = shorter;
            return true;
        }
    }
    false
}

pub(crate) fn told_again_shorter(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let Some(closing) =
        story.records().iter().rfind(|record| record.input.body.kind() == Kind::RunClosed).cloned()
    else {
        return false;
    };
    let (before, open) = (breaches(story), open_calls(story));
    let first = draw.below(story.len());
    let lengths = (1..story.len().saturating_sub(1)).cycle().skip(first).take(story.len().min(TRIES_MAX));
    for length in lengths {
        let mut shorter = story.clone();
        shorter.truncate(length);
        let mut closed: Record = closing.clone();
        closed.input.causes = rederive_evidence::record::Causes::of([length as u64 - 1]);
        shorter.insert(length, closed);
        if breaches(&shorter) <= before && open_calls(&shorter) <= open {
            *story = shorter;
            return true;
        }
    }
    false
}

/// The result of a call that no later record brings again: what it was is told by the tool alone.
pub(crate) fn result_told_otherwise(story: &mut Story, _: &Subject, draw: &mut Draw) -> bool {
    let is_told_once = |at: usize, record: &Record| {
        let Body::ToolReturned(body) = &record.input.body else { return false };
        let entry = record.input.contents.get(usize::from(body.result.0));
        let others = story.records().iter().enumerate().filter(|(other, _)| *other != at);
        let is_quoted = |commitment| {
            others
                .clone()
                .any(|(_, other)| other.input.contents.iter().any(|entry| entry.commitment == commitment))
        };
        entry.is_some_and(|entry| !is_quoted(entry.commitment))
    };
    let results = places(story, is_told_once);
    let Some(at) = draw.pick(&results).copied() else { return false };
    let told = Stored::salted(b"what the tool never said".to_vec(), [5; 32]);
    let Some(record) = story.get_mut(at) else { return false };
    let Body::ToolReturned(body) = &record.input.body else { return false };
    let Some(entry) = record.input.contents.get_mut(usize::from(body.result.0)) else { return false };
    entry.commitment = told.commitment;
    entry.bytes = ContentLength(told.bytes.len() as u64);
    story.bring(told);
    true
}

/// The story is the one that the explorer tells under its own key.
pub(crate) fn taken_over(_: &mut Story, subject: &Subject, _: &mut Draw) -> bool {
    subject.opened().is_some()
}
