//! Equivocation: two signed headers with one run and number, a head that tells a segment otherwise, or a seal before the end. Spec: equivocation.

use std::convert::identity;

use rederive_archive::{BlockBuffer, OpenSegment, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::lanes;
use rederive_evidence::record::split_frames;
use rederive_evidence::signed::{Payload, UncheckedSigned};
use rederive_evidence::tree;

use crate::codes;
use crate::headers;

/// One run told in two ways, both signed: somebody who holds the key signed a segment twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The run that both name.
    pub run: RunId,
    /// The lowest segment that they tell differently.
    pub segment: u32,
    /// Digests of the two signed headers, heads of the open segment, or seals.
    pub headers: [Digest; 2],
    /// The keys that signed them.
    pub keys: [PublicKey; 2],
}

impl Equivocation {
    /// The stable code. Spec: codes.
    pub const fn code(&self) -> &'static str {
        codes::EQUIVOCATION
    }
}

/// The lowest segment that two traces of one run tell differently, under signatures that hold; none where the traces agree as far as both go, are
/// of different runs, or one of the two signatures does not hold.
///
/// Only what is signed of the lowest segment where they differ is verified, and the seals. Where one trace ends with an open segment, its head stands
/// in for the header, and the records that both cover are compared: only once they are those that were signed, since anybody can write others into a
/// file. A seal ends the run: whatever is signed of a segment behind it contradicts it, and so does another seal.
///
/// # Errors
/// Bytes that cannot be read.
pub fn equivocation<F: ReadAt, G: ReadAt>(
    a: &TraceReader<F>,
    b: &TraceReader<G>,
) -> Result<Option<Equivocation>, ReadFault> {
    let segment = headers::same((a, identity), (b, identity))?;
    if let (Some(in_a), Some(in_b)) = (Telling::of(a, segment)?, Telling::of(b, segment)?)
        && in_a.signed.run == in_b.signed.run
    {
        let contradict = match (in_a.is_closed, in_b.is_closed) {
            (true, true) => in_a.signed.digest != in_b.signed.digest,
            (true, false) | (false, true) | (false, false) => in_a.contradicts(&in_b, a, b, segment)?,
        };
        if contradict {
            return Ok(Some(Equivocation::of(segment, in_a.signed, in_b.signed)));
        }
    }
    ended_otherwise(a, b)
}

/// Where the seal of one of two traces and what the other has signed contradict each other.
fn ended_otherwise<F: ReadAt, G: ReadAt>(
    a: &TraceReader<F>,
    b: &TraceReader<G>,
) -> Result<Option<Equivocation>, ReadFault> {
    let (end_a, end_b) = (SignedEnd::of(a)?, SignedEnd::of(b)?);
    if let (Some(end_a), Some(end_b)) = (&end_a, &end_b)
        && end_a.segments == end_b.segments
    {
        let contradict = end_a.seal.contradicts(&end_b.seal);
        return Ok(contradict.then(|| Equivocation::of(end_a.last(), end_a.seal, end_b.seal)));
    }
    if let Some(end) = end_a
        && let Some((segment, behind)) = end.behind(b)?
    {
        return Ok(Some(Equivocation::of(segment, end.seal, behind)));
    }
    if let Some(end) = end_b
        && let Some((segment, behind)) = end.behind(a)?
    {
        return Ok(Some(Equivocation::of(segment, behind, end.seal)));
    }
    Ok(None)
}

impl Equivocation {
    const fn of(segment: u32, a: Signed, b: Signed) -> Self {
        Self { run: a.run, segment, headers: [a.digest, b.digest], keys: [a.key, b.key] }
    }
}

/// A header, head or seal whose signature holds.
#[derive(Clone, Copy)]
struct Signed {
    run: RunId,
    digest: Digest,
    key: PublicKey,
}

impl Signed {
    /// Whether two that cannot both be true are of one run.
    fn contradicts(&self, other: &Self) -> bool {
        self.run == other.run && self.digest != other.digest
    }
}

/// What a signature that holds says of a segment.
struct Telling {
    signed: Signed,
    /// No record comes after those that it covers.
    is_closed: bool,
    /// How many these are.
    records: usize,
    /// Root of the tree over them.
    root: Digest,
}

impl Telling {
    /// What a trace says of a segment, closed or open; none where it says nothing.
    fn of<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Option<Self>, ReadFault> {
        if let Some(segment) = reader.segment(number) {
            let told = |(header, digest, key): (Header, _, _)| {
                let signed = Signed { run: header.run, digest, key };
                Self { signed, is_closed: true, records: header.records as usize, root: header.root }
            };
            return Ok(signed(&segment.header()?).map(told));
        }
        let head = reader.open_segment().filter(|open| open.segment() == number).and_then(OpenSegment::head);
        let told = |(head, digest, key): (Head, _, _)| {
            let signed = Signed { run: head.run, digest, key };
            Self { signed, is_closed: false, records: head.records as usize, root: head.root }
        };
        Ok(head.and_then(signed).map(told))
    }

    /// Whether this and what another trace says of the segment cannot both be true: other records as far as both cover, or one more than a closed
    /// segment has. The records are those of the trace that covers more; what the other covers it signed by their root.
    fn contradicts<F: ReadAt, G: ReadAt>(
        &self,
        other: &Self,
        reader: &TraceReader<F>,
        of_other: &TraceReader<G>,
        number: u32,
    ) -> Result<bool, ReadFault> {
        let (shorter, longer) = if self.records > other.records { (other, self) } else { (self, other) };
        if shorter.records == longer.records {
            return Ok(shorter.root != longer.root);
        }
        if shorter.is_closed {
            return Ok(true);
        }
        let leaves = if self.records > other.records {
            self.leaves(reader, number)?
        } else {
            other.leaves(of_other, number)?
        };
        let Some(leaves) = leaves else { return Ok(false) };
        Ok(leaves.get(..shorter.records).and_then(tree::root) != Some(shorter.root))
    }

    /// Leaves of the records that it covers; none where the trace has not those that were signed.
    fn leaves<F: ReadAt>(
        &self,
        reader: &TraceReader<F>,
        number: u32,
    ) -> Result<Option<Vec<Digest>>, ReadFault> {
        let (mut leaves, mut buffer) = (Vec::new(), BlockBuffer::new());
        if let Some(segment) = reader.segment(number) {
            let frames = split_frames(segment.frames(&mut buffer)?).map_while(Result::ok);
            lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
        } else if let Some(open) = reader.open_segment() {
            let frames = (0..self.records).map_while(|record| open.frame(record));
            lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
        }
        let are_signed = leaves.len() == self.records && tree::root(&leaves) == Some(self.root);
        Ok(are_signed.then_some(leaves))
    }
}

/// A run's end, as a seal whose signature holds says it.
struct SignedEnd {
    seal: Signed,
    /// How many segments the run has.
    segments: u64,
}

impl SignedEnd {
    fn of<F: ReadAt>(reader: &TraceReader<F>) -> Result<Option<Self>, ReadFault> {
        let told = |(seal, digest, key): (Seal, _, _)| {
            let signed = Signed { run: seal.run, digest, key };
            Self { seal: signed, segments: seal.segments }
        };
        Ok(reader.seal()?.as_deref().and_then(signed).map(told))
    }

    /// Number of the run's last segment: a seal has one.
    fn last(&self) -> u32 {
        u32::try_from(self.segments.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// The first segment behind this end of which a trace has something signed, and what.
    fn behind<F: ReadAt>(&self, reader: &TraceReader<F>) -> Result<Option<(u32, Signed)>, ReadFault> {
        let Ok(first) = u32::try_from(self.segments) else { return Ok(None) };
        let number = match reader.open_segment() {
            Some(open) if first >= reader.segments() => open.segment().max(first),
            Some(_) | None => first,
        };
        let told = Telling::of(reader, number)?.map(|told| (number, told.signed));
        Ok(told.filter(|(_, behind)| self.seal.contradicts(behind)))
    }
}

fn signed<T: Payload + Clone>(bytes: &[u8]) -> Option<(T, Digest, PublicKey)> {
    let unchecked = UncheckedSigned::<T>::parse(bytes).ok()?;
    let key = unchecked.named_key();
    let signed = unchecked.verify(&key).ok()?;
    Some((signed.payload().clone(), signed.digest(), key))
}
