//! The signed headers of two traces, held against each other.

use rederive_archive::{ReadFault, TraceReader, storage::ReadAt};
use rederive_evidence::digest::{Digest, Purpose, digest};

/// How many segments from the first have the same signed headers. Each header holds the digest of the one before it, so that where two
/// are the same all before them are: a bisection finds the last such.
///
/// # Errors
/// Bytes of either that cannot be read, as the caller calls it.
pub(crate) fn same<A: ReadAt, B: ReadAt, E>(
    (a, fault_of_a): (&TraceReader<A>, impl Fn(ReadFault) -> E),
    (b, fault_of_b): (&TraceReader<B>, impl Fn(ReadFault) -> E),
) -> Result<u32, E> {
    let (mut same, mut parted) = (0, a.segments().min(b.segments()));
    while same < parted {
        let middle = same + (parted - same) / 2;
        if header_digest(a, middle).map_err(&fault_of_a)? == header_digest(b, middle).map_err(&fault_of_b)? {
            same = middle + 1;
        } else {
            parted = middle;
        }
    }
    Ok(same)
}

/// Digest of a signed header, or none where there is no such segment.
fn header_digest<F: ReadAt>(reader: &TraceReader<F>, segment: u32) -> Result<Option<Digest>, ReadFault> {
    match reader.segment(segment) {
        Some(segment) => Ok(Some(digest(Purpose::Header, &segment.header()?))),
        None => Ok(None),
    }
}
