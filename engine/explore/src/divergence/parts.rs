//! Changes of a trace's parts: frames, contents, headers and seal. With the key they are signed again afterwards.

use rederive_evidence::digest::Digest;
use rederive_evidence::kinds::Kind;
use rederive_evidence::record::Record;
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};

use crate::draw::Draw;
use crate::parts::{Part, Parts, PartsFault, Stored};
use crate::subject::{Subject, stranger};
use crate::telling::{Answers, tell};

/// Changes the parts; false where they have nothing that could be changed so.
pub(super) type Change = fn(&mut Parts, &Subject, &mut Draw) -> Result<bool, PartsFault>;

/// A segment that has at least so many records.
fn segment<'a>(parts: &'a mut Parts, records: usize, draw: &mut Draw) -> Option<&'a mut Part> {
    let of_length = |(at, part): (usize, &Part)| (part.frames.len() >= records).then_some(at);
    let fitting: Vec<usize> = parts.segments.iter().enumerate().filter_map(of_length).collect();
    let at = *draw.pick(&fitting)?;
    parts.segments.get_mut(at)
}

pub(super) fn record_dropped(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(part) = segment(parts, 2, draw) else { return Ok(false) };
    // The last record of a run is nowhere answered: that it is dropped is told by the seal's checksum.
    let at = draw.below(part.frames.len());
    drop(part.frames.remove(at));
    Ok(true)
}

pub(super) fn records_swapped(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(part) = segment(parts, 2, draw) else { return Ok(false) };
    let at = draw.below(part.frames.len() - 1);
    part.frames.swap(at, at + 1);
    Ok(true)
}

pub(super) fn record_duplicated(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(part) = segment(parts, 1, draw) else { return Ok(false) };
    let at = draw.below(part.frames.len());
    let Some(frame) = part.frames.get(at).cloned() else { return Ok(false) };
    part.frames.insert(at, frame);
    Ok(true)
}

/// Changes one of the records of which `change` says that it can be changed.
fn edit(
    parts: &mut Parts,
    draw: &mut Draw,
    change: impl Fn(&mut Record) -> bool,
) -> Result<bool, PartsFault> {
    let mut changed = Vec::new();
    for (at, mut record) in parts.records()?.into_iter().enumerate() {
        if change(&mut record) {
            changed.push((at, record));
        }
    }
    let Some((at, record)) = draw.pick(&changed) else { return Ok(false) };
    let frame = record.append_frame(Vec::new())?;
    let Some(place) = parts.frame_mut(*at) else { return Ok(false) };
    *place = frame;
    Ok(true)
}

pub(super) fn record_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        record.input.actor = stranger();
        true
    })
}

pub(super) fn segment_dropped(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let before_last = parts.segments.len().saturating_sub(1);
    if before_last == 0 {
        return Ok(false);
    }
    drop(parts.segments.remove(draw.below(before_last)));
    Ok(true)
}

pub(super) fn last_segment_dropped(parts: &mut Parts, _: &Subject, _: &mut Draw) -> Result<bool, PartsFault> {
    let has_more = parts.segments.len() > 1;
    if has_more {
        let _ = parts.segments.pop();
    }
    Ok(has_more)
}

pub(super) fn segments_swapped(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let pairs = parts.segments.len().saturating_sub(1);
    if pairs == 0 {
        return Ok(false);
    }
    let at = draw.below(pairs);
    parts.segments.swap(at, at + 1);
    Ok(true)
}

pub(super) fn segment_of_other_key(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    // The told run has the records of this one but for the key that its opening record names, and headers of its own.
    let mut other = subject.told().clone();
    let at = draw.below(parts.segments.len().min(other.segments.len()));
    if other.segments.get(at).map(|part| &part.header) == parts.segments.get(at).map(|part| &part.header) {
        return Ok(false);
    }
    let (Some(place), true) = (parts.segments.get_mut(at), at < other.segments.len()) else {
        return Ok(false);
    };
    *place = other.segments.swap_remove(at);
    Ok(true)
}

/// Flips a bit of these bytes.
fn flip_byte(bytes: &mut [u8], at: usize, draw: &mut Draw) -> bool {
    let bit = draw.below(8);
    bytes.get_mut(at).is_some_and(|byte| {
        *byte ^= 1 << bit;
        true
    })
}

fn flip(digest: &mut Digest) {
    digest.0.iter_mut().take(1).for_each(|byte| *byte ^= 1);
}

pub(super) fn header_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(part) = segment(parts, 1, draw) else { return Ok(false) };
    let at = draw.below(part.header.len());
    Ok(flip_byte(&mut part.header, at, draw))
}

pub(super) fn seal_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let at = draw.below(parts.seal.len());
    Ok(flip_byte(&mut parts.seal, at, draw))
}

/// The signature is the last that stands in a signed form.
pub(super) fn signature_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let of_seal = draw.below(parts.segments.len() + 1) == 0;
    let signed =
        if of_seal { Some(&mut parts.seal) } else { segment(parts, 1, draw).map(|part| &mut part.header) };
    let Some(signed) = signed else { return Ok(false) };
    let at = signed.len().saturating_sub(1 + draw.below(64));
    Ok(flip_byte(signed, at, draw))
}

pub(super) fn other_key_signed(
    parts: &mut Parts,
    subject: &Subject,
    _: &mut Draw,
) -> Result<bool, PartsFault> {
    *parts = parts.clone().resigned(&subject.other_key())?;
    Ok(true)
}

fn content<'a>(parts: &'a mut Parts, draw: &mut Draw) -> Option<&'a mut Stored> {
    let stored: usize = parts.segments.iter().map(|part| part.contents.len()).sum();
    let at = draw.below(stored);
    parts.segments.iter_mut().flat_map(|part| &mut part.contents).nth(at)
}

pub(super) fn content_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(content) = content(parts, draw).filter(|content| !content.bytes.is_empty()) else {
        return Ok(false);
    };
    let at = draw.below(content.bytes.len());
    Ok(flip_byte(&mut content.bytes, at, draw))
}

pub(super) fn salt_edited(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let at = draw.below(32);
    let Some(content) = content(parts, draw) else { return Ok(false) };
    Ok(flip_byte(&mut content.salt, at, draw))
}

pub(super) fn content_foreign(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(part) = segment(parts, 1, draw) else { return Ok(false) };
    part.contents.push(Stored::salted(b"a content of another run".to_vec(), [9; 32]));
    Ok(true)
}

pub(super) fn content_dropped(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let Some(commitment) = content(parts, draw).map(|content| content.commitment) else { return Ok(false) };
    parts.segments.iter_mut().for_each(|part| part.contents.retain(|stored| stored.commitment != commitment));
    Ok(true)
}

pub(super) fn outcome_forged(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        record.derived.outcome = match record.derived.outcome {
            Outcome::Applied => Outcome::Refused,
            Outcome::Refused => Outcome::Applied,
        };
        true
    })
}

pub(super) fn breach_hidden(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        let had = !record.derived.breaches.is_empty();
        record.derived.breaches.clear();
        record.derived.outcome = Outcome::Applied;
        had
    })
}

pub(super) fn breach_invented(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        let breach = Breach { rule: Rule::Run1, reason: Reason::NotOpened, record: None, item: None };
        let is_free = record.derived.breaches.first().is_none_or(|first| first.rule > Rule::Run1);
        record.derived.breaches.insert(0, breach);
        is_free
    })
}

pub(super) fn delta_forged(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        flip(&mut record.derived.delta);
        true
    })
}

pub(super) fn checksum_forged(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    edit(parts, draw, |record| {
        record.derived.checksum.iter_mut().for_each(flip);
        record.input.body.kind() == Kind::DecisionMade && record.derived.checksum.is_some()
    })
}

/// Changes what a header says; the key signs all of it again afterwards.
fn lie_in_header(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
    lie: impl FnOnce(&mut rederive_evidence::chain::Header),
) -> Result<bool, PartsFault> {
    let at = draw.below(parts.segments.len());
    parts.change_header(at, subject.key(), lie)?;
    Ok(true)
}

pub(super) fn header_checksum_forged(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    lie_in_header(parts, subject, draw, |header| flip(&mut header.checksum))
}

pub(super) fn lineage_forged(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    lie_in_header(parts, subject, draw, |header| flip(&mut header.lineage))
}

pub(super) fn span_root_forged(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    lie_in_header(parts, subject, draw, |header| header.state_root = Some(Digest([7; 32])))
}

pub(super) fn rule_set_forged(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    lie_in_header(parts, subject, draw, |header| header.rule_set ^= 0x80)
}

pub(super) fn sealed_root_forged(
    parts: &mut Parts,
    subject: &Subject,
    _: &mut Draw,
) -> Result<bool, PartsFault> {
    parts.change_seal(subject.key(), |seal| flip(&mut seal.state_root))?;
    Ok(true)
}

/// A length is input: the state is told anew for it, so that it alone is wrong.
pub(super) fn length_forged(
    parts: &mut Parts,
    subject: &Subject,
    draw: &mut Draw,
) -> Result<bool, PartsFault> {
    let stored: std::collections::BTreeSet<Digest> =
        parts.segments.iter().flat_map(|part| &part.contents).map(|stored| stored.commitment).collect();
    let is_forged = edit(parts, draw, |record| {
        let entry = record.input.contents.iter_mut().find(|entry| stored.contains(&entry.commitment));
        entry.is_some_and(|entry| {
            entry.bytes.0 += 1;
            true
        })
    })?;
    if is_forged {
        let story = crate::story::Story::new(parts.records()?);
        *parts = tell(parts, &story, Answers::Admitted, subject.key())?;
    }
    Ok(is_forged)
}

pub(super) fn padding_longer(parts: &mut Parts, _: &Subject, draw: &mut Draw) -> Result<bool, PartsFault> {
    let at = draw.below(parts.record_count());
    let Some(frame) = parts.frame_mut(at) else { return Ok(false) };
    frame.extend([0; 64]);
    Ok(true)
}
