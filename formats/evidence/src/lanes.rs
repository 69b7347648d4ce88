//! Many digests at once: inputs of equal length share the lanes of one vector unit.
//!
//! A loop of [`digest`] compresses one block at a time. BLAKE3's `hash_many` compresses the same block of up to 16 inputs
//! together, which is four to five times faster on short inputs. It is meant for the chunks inside one long message, but
//! told to start and end a message in each input (flags below) it computes exactly the keyed hash of each, as long as an
//! input is one chunk at most (1,024 bytes) and whole blocks (64 bytes): the reason why frames and deltas are padded.
//! The interface is public but unstable, so the version of `blake3` is pinned and [`digest_each`] is the oracle.
//! Spec: frame-padding, leaf-tag, delta-digest.

use blake3::IncrementCounter;
use blake3::platform::{MAX_SIMD_DEGREE, Platform, words_from_le_bytes_32};

use crate::digest::{Digest, Purpose, digest};

/// Domain flags of the BLAKE3 paper, section 2.2, table 3.
const CHUNK_START: u8 = 1;
const CHUNK_END: u8 = 1 << 1;
const ROOT: u8 = 1 << 3;
const KEYED_HASH: u8 = 1 << 4;

/// Inputs hashed by one call: as many as the widest vector unit that this build can use has lanes.
const LANES: usize = MAX_SIMD_DEGREE;

/// Appends the digest of each input to `out`, in order: through the lanes where an input has 64, 128, .. or 1,024 bytes,
/// one by one where it has another length. Allocates nothing where `out` has the room.
pub fn digest_many<'a>(purpose: Purpose, inputs: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<Digest>) {
    let mut queues = Queues::new(Keyed::new(purpose));
    for input in inputs {
        let place = out.len();
        out.push(Digest::ZERO);
        let queued = queues.push(input, place, out);
        if let (false, Some(slot)) = (queued, out.last_mut()) {
            *slot = digest(purpose, input);
        }
    }
    queues.flush(out);
}

/// The plain path, and the oracle of [`digest_many`]: appends the digest of each input to `out`, in order.
pub fn digest_each<'a>(purpose: Purpose, inputs: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<Digest>) {
    out.extend(inputs.into_iter().map(|input| digest(purpose, input)));
}

/// Writes the digest of each 64-byte block to the slot of the same index, for as many as there are of both.
pub(crate) fn digest_blocks(purpose: Purpose, blocks: &[[u8; 64]], out: &mut [[u8; 32]]) {
    let keyed = Keyed::new(purpose);
    for (blocks, out) in blocks.chunks(LANES).zip(out.chunks_mut(LANES)) {
        let mut inputs = [const { &[0; 64] }; LANES];
        inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
        keyed.hash(inputs.get(..blocks.len()).unwrap_or_default(), out);
    }
}

/// A purpose's key in the form that `hash_many` takes, and the vector unit found on this machine.
struct Keyed {
    platform: Platform,
    key: [u32; 8],
}

impl Keyed {
    fn new(purpose: Purpose) -> Self {
        Self { platform: Platform::detect(), key: words_from_le_bytes_32(purpose.key()) }
    }

    /// Hashes each input into the slot of the same index, for as many as there are of both.
    fn hash<const N: usize>(&self, inputs: &[&[u8; N]], out: &mut [[u8; 32]]) {
        const { assert!(N >= 64 && N <= 1024 && N.is_multiple_of(64), "whole blocks of one chunk") };
        // `hash_many` writes one hash an input and, in release builds, does not look whether there is room.
        let Some(inputs) = inputs.get(..inputs.len().min(out.len())) else { return };
        let (flags, start, end) = (KEYED_HASH, CHUNK_START, CHUNK_END | ROOT);
        let out = out.as_flattened_mut();
        self.platform.hash_many(inputs, &self.key, 0, IncrementCounter::No, flags, start, end, out);
    }
}

/// Inputs of `N` bytes that wait until there is one for each lane, with the place that each one's digest goes to.
struct Queue<'a, const N: usize> {
    inputs: [&'a [u8; N]; LANES],
    places: [usize; LANES],
    len: usize,
}

impl<'a, const N: usize> Queue<'a, N> {
    const fn new() -> Self {
        Self { inputs: [const { &[0; N] }; LANES], places: [0; LANES], len: 0 }
    }

    fn push(&mut self, input: &'a [u8; N], place: usize, keyed: &Keyed, out: &mut [Digest]) {
        if let (Some(i), Some(p)) = (self.inputs.get_mut(self.len), self.places.get_mut(self.len)) {
            (*i, *p) = (input, place);
            self.len += 1;
        }
        if self.len == LANES {
            self.flush(keyed, out);
        }
    }

    fn flush(&mut self, keyed: &Keyed, out: &mut [Digest]) {
        let mut hashes = [[0; 32]; LANES];
        keyed.hash(self.inputs.get(..self.len).unwrap_or_default(), &mut hashes);
        for (place, hash) in self.places.iter().zip(hashes).take(self.len) {
            if let Some(slot) = out.get_mut(*place) {
                *slot = Digest(hash);
            }
        }
        self.len = 0;
    }
}

macro_rules! queues {
    ($($queue:ident: $len:literal,)+) => {
        /// A queue for each length that the lanes take.
        struct Queues<'a> {
            keyed: Keyed,
            $($queue: Queue<'a, $len>,)+
        }

        impl<'a> Queues<'a> {
            fn new(keyed: Keyed) -> Self {
                Self { keyed, $($queue: Queue::new(),)+ }
            }

            /// Takes an input and says so, or leaves it where its length is none of the lanes'.
            fn push(&mut self, input: &'a [u8], place: usize, out: &mut [Digest]) -> bool {
                match input.len() {
                    $($len => {
                        let input = <&[u8; $len]>::try_from(input);
                        input.map(|input| self.$queue.push(input, place, &self.keyed, out)).is_ok()
                    })+
                    _ => false,
                }
            }

            /// Digests the inputs that still wait.
            fn flush(&mut self, out: &mut [Digest]) {
                $(self.$queue.flush(&self.keyed, out);)+
            }
        }
    };
}

queues! {
    blocks_1: 64, blocks_2: 128, blocks_3: 192, blocks_4: 256,
    blocks_5: 320, blocks_6: 384, blocks_7: 448, blocks_8: 512,
    blocks_9: 576, blocks_10: 640, blocks_11: 704, blocks_12: 768,
    blocks_13: 832, blocks_14: 896, blocks_15: 960, blocks_16: 1024,
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn check(purpose: Purpose, inputs: &[Vec<u8>]) {
        let inputs = || inputs.iter().map(Vec::as_slice);
        let (mut many, mut each) = (vec![Digest([9; 32])], vec![Digest([9; 32])]);
        digest_many(purpose, inputs(), &mut many);
        digest_each(purpose, inputs(), &mut each);
        assert_eq!(many, each);
    }

    /// `len` bytes that differ from those of every other seed and offset nearby.
    fn bytes(seed: usize, len: usize) -> Vec<u8> {
        (0..len).map(|i| (i ^ i >> 8 ^ seed.wrapping_mul(31)) as u8).collect()
    }

    #[test]
    fn every_length_around_the_lanes_digests_as_the_plain_path() {
        for len in (0..=1088).chain([65_535, 65_536]) {
            check(Purpose::Leaf, &[bytes(len, len)]);
        }
    }

    #[test]
    fn every_number_of_inputs_of_every_lane_length_digests_as_the_plain_path() {
        for len in (64..=1088).step_by(64) {
            for count in [0, 1, 2, 3, LANES - 1, LANES, LANES + 1, 3 * LANES - 1, 3 * LANES] {
                check(Purpose::Delta, &(0..count).map(|i| bytes(i, len)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn blocks_digest_as_the_plain_path_and_no_further_than_there_is_room() {
        for count in 0..3 * LANES {
            let blocks: Vec<[u8; 64]> = (0..count).map(|i| bytes(i, 64).try_into().unwrap()).collect();
            let expected = |i: usize| digest(Purpose::Node, &bytes(i, 64)).0;
            for room in [count.saturating_sub(1), count, count + 1] {
                let mut out = vec![[7; 32]; room];
                digest_blocks(Purpose::Node, &blocks, &mut out);
                for (i, hash) in out.iter().enumerate() {
                    assert_eq!(*hash, if i < count { expected(i) } else { [7; 32] });
                }
            }
        }
    }

    /// Hashed earlier, they would not share the lanes.
    #[test]
    fn inputs_wait_until_there_is_one_for_each_lane() {
        let (keyed, mut queue, mut out) =
            (Keyed::new(Purpose::Leaf), Queue::<64>::new(), vec![Digest::ZERO; LANES]);
        let blocks: Vec<[u8; 64]> = (0..LANES).map(|i| bytes(i, 64).try_into().unwrap()).collect();
        for (place, block) in blocks.iter().enumerate() {
            assert!(out.iter().all(|digest| *digest == Digest::ZERO), "{place} inputs wait");
            queue.push(block, place, &keyed, &mut out);
        }
        let expected: Vec<Digest> = blocks.iter().map(|block| digest(Purpose::Leaf, block)).collect();
        assert_eq!(out, expected);
    }

    proptest! {
        #[test]
        fn mixed_batches_digest_as_the_plain_path(
            lengths in vec(prop_oneof![(1_usize..=17).prop_map(|blocks| 64 * blocks), 0_usize..=1088], 0..200),
        ) {
            let inputs: Vec<_> = lengths.iter().enumerate().map(|(i, len)| bytes(i, *len)).collect();
            check(Purpose::Leaf, &inputs);
        }

        #[test]
        fn the_purpose_reaches_the_lanes(count in 1_usize..40, purpose in prop::sample::select(Purpose::ALL)) {
            check(purpose, &(0..count).map(|i| bytes(i, 448)).collect::<Vec<_>>());
        }
    }
}
