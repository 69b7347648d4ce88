//! Mutations of an input, the same for the same seed: what libFuzzer does, blind.

use crate::chance::Chance;

/// Numbers at which decoders change their mind.
const EDGES: [u8; 10] = [0, 1, 0x17, 0x18, 0x3f, 0x40, 0x7f, 0x80, 0xd2, 0xff];
/// Most changes of one input.
const CHANGES_MAX: u64 = 6;
/// Longest stretch that a change cuts out, puts in or repeats.
const STRETCH_MAX: u64 = 96;

/// One of the seeds, changed in up to [`CHANGES_MAX`] ways.
pub(crate) fn mutated(seeds: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seeds[chance.below(seeds.len())].clone();
    for _ in 0..=chance.word() % CHANGES_MAX {
        let other = &seeds[chance.below(seeds.len())];
        change(&mut bytes, other, chance);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], chance: &mut Chance) {
    let at = chance.below(bytes.len());
    match (chance.word() % 8, bytes.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << (chance.word() % 8),
        (1, Some(byte)) => *byte = EDGES[chance.below(EDGES.len())],
        (2, Some(byte)) => *byte = byte.wrapping_add(if chance.word().is_multiple_of(2) { 1 } else { 255 }),
        (3, Some(_)) => drop(bytes.drain(stretch(bytes, chance))),
        (4, _) => {
            let taken = other[stretch(other, chance)].to_vec();
            bytes.splice(at..at, taken);
        }
        (5, _) => {
            let taken = bytes[stretch(bytes, chance)].to_vec();
            bytes.splice(at..at, taken);
        }
        (6, Some(_)) => bytes.truncate(at),
        // Eight bytes at once: a whole word of what is drawn from words.
        _ => {
            let word = if chance.word().is_multiple_of(2) { chance.word() % 64 } else { chance.word() };
            let end = bytes.len().min(at + 8);
            bytes.splice(at..end, word.to_le_bytes());
        }
    }
}

/// Part of some bytes.
fn stretch(of: &[u8], chance: &mut Chance) -> std::ops::Range<usize> {
    let start = chance.below(of.len() + 1);
    let length = usize::try_from(1 + chance.word() % STRETCH_MAX).unwrap();
    start..of.len().min(start + length)
}
