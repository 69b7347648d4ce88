//! Equivocation: two signed headers with one run and number, or a head that tells a segment otherwise. Spec: equivocation.

use rederive_archive::{BlockBuffer, ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::{Head, Header};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::lanes;
use rederive_evidence::record::split_frames;
use rederive_evidence::signed::{Payload, UncheckedSigned};

use crate::codes;

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
/// Every header holds the digest of the one before, so that two chains that agree at a segment agree before it: the segment is found by
/// bisection, and two headers are verified. Where one trace ends with an open segment, its head stands in for the header.
///
/// # Errors
/// Bytes that cannot be read.
pub fn equivocation<F: ReadAt, G: ReadAt>(
    a: &TraceReader<F>,
    b: &TraceReader<G>,
) -> Result<Option<Equivocation>, ReadFault> {
    let (mut agree, mut differ) = (0, a.segments().min(b.segments()));
    let both = differ;
    while agree < differ {
        let middle = agree + (differ - agree) / 2;
        if header(a, middle)? == header(b, middle)? {
            agree = middle + 1;
        } else {
            differ = middle;
        }
    }
    let (Some(in_a), Some(in_b)) = (Telling::of(a, differ)?, Telling::of(b, differ)?) else {
        return Ok(None);
    };
    let are_headers = differ < both;
    let contradict = if are_headers { in_a.digest != in_b.digest } else { in_a.contradicts(&in_b) };
    Ok((in_a.run == in_b.run && contradict).then_some(Equivocation {
        run: in_a.run,
        segment: differ,
        headers: [in_a.digest, in_b.digest],
        keys: [in_a.key, in_b.key],
    }))
}

fn header<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<u8>, ReadFault> {
    reader.segment(number).map_or(Ok(Vec::new()), |segment| segment.header())
}

/// What a signature that holds says of a segment.
struct Telling {
    run: RunId,
    digest: Digest,
    key: PublicKey,
    /// No record comes after these.
    is_closed: bool,
    /// Leaves of the records that it covers.
    leaves: Vec<Digest>,
}

impl Telling {
    /// What a trace says of a segment, closed or open; none where it says nothing.
    fn of<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Option<Self>, ReadFault> {
        if let Some(segment) = reader.segment(number) {
            let Some((header, digest, key)) = signed::<Header>(&segment.header()?) else { return Ok(None) };
            let mut buffer = BlockBuffer::new();
            let frames = split_frames(segment.frames(&mut buffer)?).map_while(Result::ok);
            return Ok(Some(Self { run: header.run, digest, key, is_closed: true, leaves: leaves(frames) }));
        }
        let Some(open) = reader.open_segment().filter(|open| open.segment() == number) else {
            return Ok(None);
        };
        let Some((head, digest, key)) = open.head().and_then(signed::<Head>) else { return Ok(None) };
        let frames = (0..head.records as usize).map_while(|record| open.frame(record));
        Ok(Some(Self { run: head.run, digest, key, is_closed: false, leaves: leaves(frames) }))
    }

    /// Whether no segment can be what both say: a record that both cover is another, or one covers more than the other closed with.
    fn contradicts(&self, other: &Self) -> bool {
        let is_longer_than =
            |closed: &Self, by: &Self| closed.is_closed && by.leaves.len() > closed.leaves.len();
        self.leaves.iter().zip(&other.leaves).any(|(a, b)| a != b)
            || is_longer_than(self, other)
            || is_longer_than(other, self)
    }
}

fn signed<T: Payload + Clone>(bytes: &[u8]) -> Option<(T, Digest, PublicKey)> {
    let unchecked = UncheckedSigned::<T>::parse(bytes).ok()?;
    let key = unchecked.named_key();
    let signed = unchecked.verify(&key).ok()?;
    Some((signed.payload().clone(), signed.digest(), key))
}

fn leaves<'a>(frames: impl Iterator<Item = &'a [u8]>) -> Vec<Digest> {
    let mut leaves = Vec::new();
    lanes::digest_many(Purpose::Leaf, frames, &mut leaves);
    leaves
}
