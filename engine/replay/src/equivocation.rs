//! Equivocation: two signed headers with one run and number. Spec: equivocation.

use rederive_archive::{ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::chain::Header;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::signed::UncheckedSigned;

use crate::codes;

/// One run told in two ways, both signed: somebody who holds the key signed a segment twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Equivocation {
    /// The run that both headers name.
    pub run: RunId,
    /// The lowest segment whose headers differ.
    pub segment: u32,
    /// `header` digests of the two.
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

/// The lowest segment for which two traces of one run have different headers whose signatures hold; none where the traces
/// agree as far as both go, are of different runs, or one of the two signatures does not hold.
///
/// Every header holds the digest of the one before, so that two chains that agree at a segment agree before it: the segment is found by
/// bisection, and two headers are verified.
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
    if differ == both {
        return Ok(None);
    }
    Ok(signed_twice(&header(a, differ)?, &header(b, differ)?))
}

fn header<F: ReadAt>(reader: &TraceReader<F>, number: u32) -> Result<Vec<u8>, ReadFault> {
    reader.segment(number).map_or(Ok(Vec::new()), |segment| segment.header())
}

/// What two different headers are, if both are signed and name one run and number.
fn signed_twice(a: &[u8], b: &[u8]) -> Option<Equivocation> {
    let verified = |bytes: &[u8]| {
        let unchecked = UncheckedSigned::<Header>::parse(bytes).ok()?;
        let key = unchecked.named_key();
        unchecked.verify(&key).ok()
    };
    let (a, b) = (verified(a)?, verified(b)?);
    let (first, second) = (a.payload(), b.payload());
    let is_same = first.run == second.run && first.segment == second.segment && a.digest() != b.digest();
    is_same.then(|| Equivocation {
        run: first.run,
        segment: first.segment,
        headers: [a.digest(), b.digest()],
        keys: [a.key(), b.key()],
    })
}
