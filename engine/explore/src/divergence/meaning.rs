//! Other stories: told by somebody who has the keys and the machine, so that every number, digest and signature in them is right.
//!
//! Each function changes a story at one of the places where it can be changed so, and says whether there was one. Requests that the machine had
//! refused are left alone: what they say took no effect.

mod approvals;
mod calls;
mod contents;
mod people;
mod untold;

use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Record;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::{ActorType, Place};

use crate::draw::Draw;
use crate::story::Story;
use crate::subject::Subject;

pub(super) use approvals::*;
pub(super) use calls::*;
pub(super) use contents::*;
pub(super) use people::*;
pub(super) use untold::*;

fn is_applied(record: &Record) -> bool {
    record.derived.outcome == Outcome::Applied && record.derived.breaches.is_empty()
}

/// The places of applied records that fit.
fn places(story: &Story, fits: impl Fn(usize, &Record) -> bool) -> Vec<usize> {
    let records = story.records().iter().enumerate().filter(|(_, record)| is_applied(record));
    records.filter_map(|(at, record)| fits(at, record).then_some(at)).collect()
}

/// Changes one of the applied records of which `change` says that it can be changed; the place of it.
fn change(story: &mut Story, draw: &mut Draw, change: impl Fn(usize, &mut Record) -> bool) -> Option<usize> {
    let changed = story.records().iter().enumerate().filter(|(_, record)| is_applied(record));
    let changed = changed.filter_map(|(at, record)| {
        let mut record = record.clone();
        change(at, &mut record).then_some((at, record))
    });
    let changed: Vec<(usize, Record)> = changed.collect();
    let (at, record) = draw.pick(&changed)?.clone();
    story.get_mut(at).map(|place| *place = record)?;
    Some(at)
}

/// Changes the body of one of the applied records of a kind.
macro_rules! change_body {
    ($story:expr, $draw:expr, $kind:ident, |$at:pat_param, $body:ident| $change:expr) => {
        change($story, $draw, |$at, record| {
            let Body::$kind($body) = &mut record.input.body else { return false };
            $change
        })
        .is_some()
    };
}
use change_body;

/// Leaves out one of the applied records that fit.
fn leave_out(story: &mut Story, draw: &mut Draw, fits: impl Fn(usize, &Record) -> bool) -> bool {
    let fitting = places(story, fits);
    draw.pick(&fitting).is_some_and(|at| {
        story.remove(*at);
        true
    })
}

/// The next applied record after this place that fits.
fn next(story: &Story, after: usize, fits: impl Fn(&Record) -> bool) -> Option<usize> {
    let later = story.records().iter().enumerate().skip(after + 1);
    later.filter(|(_, record)| is_applied(record)).find(|(_, record)| fits(record)).map(|(at, _)| at)
}

fn is(record: &Record, kind: Kind, place: &Place) -> bool {
    record.input.body.kind() == kind && record.input.place.as_ref() == Some(place)
}

/// An actor of this type.
fn actor_of(subject: &Subject, actor_type: ActorType) -> Option<rederive_evidence::ids::Id> {
    let actors = &subject.opened()?.actors;
    actors.iter().find(|actor| actor.actor_type == actor_type).map(|actor| actor.id.clone())
}

fn flip(digest: &mut rederive_evidence::digest::Digest) {
    digest.0.iter_mut().take(1).for_each(|byte| *byte ^= 1);
}
