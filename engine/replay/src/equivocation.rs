//! Equivocation: two signed headers with one run and number, or a head that tells a segment otherwise. Spec: equivocation.

use std::convert::identity;

use rederive_archive::{BlockBuffer, OpenSegment, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::{Head, Header};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::lanes;
use rederive_evidence::record::split_frames;
use rederive_evidence::signed::{Payload, UncheckedSigned};

use crate::codes;
use crate::headers;

/// One run told in two ways, both signed: somebody who holds the key signed a segment twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The run that both name.
    pub run: RunId,
    /// The lowest segment that they tell differently.
    pub segment: u32,
    /// Digests of the two signed headers, or heads of the open segment.
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
/// Only the headers of the lowest segment where they differ are verified. Where one trace ends with an open segment, its head stands in for the
/// header, and the records that both cover are compared.
///
/// # Errors
/// Bytes that cannot be read.
pub fn equivocation<F: ReadAt, G: ReadAt>(
    a: &TraceReader<F>,
    b: &TraceReader<G>,
) -> Result<Option<Equivocation>, ReadFault> {
    let segment = headers::same((a, identity), (b, identity))?;
    let (Some(in_a), Some(in_b)) = (Telling::of(a, segment)?, Telling::of(b, segment)?) else {
        return Ok(None);
    };
    let contradict = match (in_a.is_closed, in_b.is_closed) {
        (true, true) => in_a.digest != in_b.digest,
        (true, false) | (false, true) | (false, false) => {
            let (records_a, records_b) = (in_a.leaves(a, segment)?, in_b.leaves(b, segment)?);
            let is_longer = (in_a.is_closed && records_b.len() > records_a.len())
                || (in_b.is_closed && records_a.len() > records_b.len());
            is_longer || records_a.iter().zip(&records_b).any(|(a, b)| a != b)
        }
    };
    Ok((in_a.run == in_b.run && contradict).then_some(Equivocation {
        run: in_a.run,
        segment,
        headers: [in_a.digest, in_b.digest],
        keys: [in_a.key, in_b.key],
    }))
}

/// What a signature that holds says of a segment.
struct Telling {
    run: RunId,
    digest: Digest,
    key: PublicKey,
    /// No record comes after those that it covers.
    is_closed: bool,
    /// How many these are.
    records: usize,
}

impl Telling {
    /// What a trace says of a segment, closed or open; none where it says nothing.
    fn of<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Option<Self>, ReadFault> {
        if let Some(segment) = reader.segment(number) {
            let told = |(header, digest, key): (Header, _, _)| {
                let records = header.records as usize;
                Self { run: header.run, digest, key, is_closed: true, records }
            };
            return Ok(signed(&segment.header()?).map(told));
        }
        let head = reader.open_segment().filter(|open| open.segment() == number).and_then(OpenSegment::head);
        let told = |(head, digest, key): (Head, _, _)| {
            let records = head.records as usize;
            Self { run: head.run, digest, key, is_closed: false, records }
        };
        Ok(head.and_then(signed).map(told))
    }

    /// Leaves of the records that it covers, as far as they can be told apart.
    fn leaves<F: ReadAt>(&self, reader: &TraceReader<F>, number: u32) -> Result<Vec<Digest>, ReadFault> {
        let (mut leaves, mut buffer) = (Vec::new(), BlockBuffer::new());
        if let Some(segment) = reader.segment(number) {
            let frames = split_frames(segment.frames(&mut buffer)?).map_while(Result::ok);
            lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
        } else if let Some(open) = reader.open_segment() {
            let frames = (0..self.records).map_while(|record| open.frame(record));
            lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
        }
        Ok(leaves)
    }
}

fn signed<T: Payload + Clone>(bytes: &[u8]) -> Option<(T, Digest, PublicKey)> {
    let unchecked = UncheckedSigned::<T>::parse(bytes).ok()?;
    let key = unchecked.named_key();
    let signed = unchecked.verify(&key).ok()?;
    Some((signed.payload().clone(), signed.digest(), key))
}
