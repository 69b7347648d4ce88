//! Records and segments of a second run, put into this one: as they stand, signed again, or told anew.

use std::collections::BTreeSet;
use std::ops::Range;

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Record;
use rederive_machine::Machine;

use crate::draw::Draw;
use crate::parts::{Parts, PartsFault, Stored};
use crate::story::{Story, renumber};
use crate::subject::Subject;
use crate::telling::{Answers, tell};

/// Places that are tried, each with a telling or a run of the machine.
const TRIES_MAX: usize = 16;

/// The second run; none where it is this very one.
fn second(subject: &Subject) -> Result<Option<&Parts>, PartsFault> {
    let (second, told) = (subject.second(), subject.told());
    let is_other = second.header(0)?.run != told.header(0)?.run;
    Ok(is_other.then_some(second))
}

pub(super) fn record_spliced(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    let Some(second) = second(subject)? else { return Ok(false) };
    let frames: Vec<&Vec<u8>> = second.segments.iter().flat_map(|part| &part.frames).collect();
    let at = draw.below(parts.record_count());
    let (Some(frame), Some(place)) = (draw.pick(&frames), parts.frame_mut(at)) else { return Ok(false) };
    let is_other = **frame != *place;
    place.clone_from(frame);
    Ok(is_other)
}

pub(super) fn segment_spliced(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    let Some(second) = second(subject)? else { return Ok(false) };
    let at = draw.below(parts.segments.len());
    let (Some(segment), Some(place)) = (draw.pick(&second.segments), parts.segments.get_mut(at)) else {
        return Ok(false);
    };
    place.clone_from(segment);
    Ok(true)
}

/// Puts something of the second run in, which is then signed, in the first of a few ways in which it does not say just what the machine says there: that would
/// be the run told anew, and nothing in the file could show it.
fn signed(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
    splice: impl Fn(&mut Parts, &Parts, &mut Draw) -> Result<bool, PartsFault>,
) -> Result<bool, PartsFault> {
    let Some(second) = second(subject)? else { return Ok(false) };
    for _ in 0..TRIES_MAX {
        let mut spliced = parts.clone();
        if !splice(&mut spliced, second, draw)? {
            continue;
        }
        number(&mut spliced)?;
        unlist(&mut spliced)?;
        let told = tell(&spliced, &Story::new(spliced.records()?), Answers::Admitted, subject.key())?;
        let signed = spliced.clone().resigned(subject.key())?;
        let headers =
            |parts: &Parts| parts.segments.iter().map(|part| part.header.clone()).collect::<Vec<_>>();
        if headers(&told) != headers(&signed) {
            *parts = spliced;
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn record_spliced_signed(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    signed(parts, subject, draw, |parts, second, draw| {
        let from = draw.below(second.record_count());
        let at = draw.below(parts.record_count());
        let (Some((segment, index)), Some((place, _))) = (second.place_of(from), parts.place_of(at)) else {
            return Ok(false);
        };
        let Some(part) = second.segments.get(segment) else { return Ok(false) };
        let Some(frame) = part.frames.get(index) else { return Ok(false) };
        let record = Record::decode_frame(frame)?.0;
        if let Some(into) = parts.segments.get_mut(place) {
            into.contents.extend(listed(&record, second).cloned());
        }
        let Some(place) = parts.frame_mut(at) else { return Ok(false) };
        place.clone_from(frame);
        Ok(true)
    })
}

pub(super) fn segment_spliced_signed(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    signed(parts, subject, draw, |parts, second, draw| {
        let at = draw.below(parts.segments.len());
        let (Some(from), Some(into)) = (draw.pick(&second.segments), parts.segments.get_mut(at)) else {
            return Ok(false);
        };
        into.frames.clone_from(&from.frames);
        into.contents.clone_from(&from.contents);
        into.lineage.clone_from(&from.lineage);
        Ok(true)
    })
}

/// Gives every record the number of its place.
fn number(parts: &mut Parts) -> Result<(), PartsFault> {
    let frames = parts.segments.iter_mut().flat_map(|part| &mut part.frames);
    for (number, frame) in (0..).zip(frames) {
        let mut record = Record::decode_frame(frame)?.0;
        if record.input.sequence != number {
            record.input.sequence = number;
            *frame = record.append_frame(Vec::new())?;
        }
    }
    Ok(())
}

/// Takes out the contents that no record lists any more, and those that are stored twice.
fn unlist(parts: &mut Parts) -> Result<(), PartsFault> {
    let mut listed: BTreeSet<Digest> = BTreeSet::new();
    for record in parts.records()? {
        listed.extend(record.input.contents.iter().map(|entry| entry.commitment));
    }
    let contents = parts.segments.iter_mut().map(|part| &mut part.contents);
    contents.for_each(|contents| contents.retain(|stored| listed.remove(&stored.commitment)));
    Ok(())
}

/// The contents that a record lists, where a run holds them.
fn listed<'a>(record: &'a Record, of: &'a Parts) -> impl Iterator<Item = &'a Stored> + use<'a> {
    let contents = of.segments.iter().flat_map(|part| &part.contents);
    contents.filter(|stored| record.input.contents.iter().any(|entry| entry.commitment == stored.commitment))
}

/// Tells these records of a second run in this one, before the record `at`: at the time of the one before, and following from that one where they follow from what is
/// left behind.
fn insert(story: &mut Story, at: usize, second: &Parts, records: &[Record], from: Range<usize>) {
    let time = at.checked_sub(1).and_then(|before| story.get(before)).and_then(|record| record.input.time);
    let (first, place, length) = (from.start as u64, at as u64, from.len() as u64);
    let new = |number: u64| match number.checked_sub(first) {
        Some(within) if within < length => place + within,
        _ => number.min(place.saturating_sub(1)),
    };
    for (place, record) in (at..).zip(records.get(from).unwrap_or_default()) {
        let mut record = record.clone();
        record.input.time = record.input.time.and(time);
        renumber(&mut record, &new);
        listed(&record, second).for_each(|stored| story.bring(stored.clone()));
        story.insert(place, record);
    }
}

/// Neither opens nor closes a run.
fn is_within(record: &Record) -> bool {
    !matches!(record.input.body.kind(), Kind::RunOpened | Kind::RunClosed)
}

pub(super) fn record_spliced_told(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let Ok(Some(second)) = second(subject) else { return false };
    let Ok(records) = second.records() else { return false };
    // A content that is missing would show.
    let is_whole = |record: &Record| listed(record, second).count() >= record.input.contents.len();
    let fitting: Vec<usize> = (0..)
        .zip(&records)
        .filter(|(_, record)| is_within(record) && is_whole(record))
        .map(|(at, _)| at)
        .collect();
    let before = breaches(story);
    // Whoever tells it has the machine, and looks for a record and a place that break no rule.
    for tries_left in (0..TRIES_MAX).rev() {
        let Some(from) = draw.pick(&fitting).copied() else { return false };
        let mut told = story.clone();
        insert(&mut told, 1 + draw.below(story.len() - 1), second, &records, from..from + 1);
        if tries_left == 0 || breaches(&told) <= before {
            *story = told;
            return true;
        }
    }
    false
}

pub(super) fn segment_spliced_told(story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
    let Ok(Some(second)) = second(subject) else { return false };
    let Ok(records) = second.records() else { return false };
    let mut first = 0;
    let spans = second.segments.iter().map(|part| {
        first += part.frames.len();
        first - part.frames.len()..first
    });
    let spans: Vec<Range<usize>> = spans.collect();
    let Some(span) = draw.pick(&spans) else { return false };
    let is_at = |at: &usize| records.get(*at).is_some_and(is_within);
    let (Some(start), Some(last)) = (span.clone().find(is_at), span.clone().rfind(is_at)) else {
        return false;
    };
    insert(story, 1 + draw.below(story.len() - 1), second, &records, start..last + 1);
    true
}

/// Breaches that the machine finds in a story.
pub(super) fn breaches(story: &Story) -> usize {
    let mut machine = Machine::new();
    let answers = (0..).zip(story.records()).map(|(number, record)| {
        let mut input = record.input.clone();
        input.sequence = number;
        let answer = machine.decide(&input, record.extracted.as_ref());
        machine.commit(answer.transition);
        answer.breaches.len()
    });
    answers.sum()
}
