//! Which calls of a turn have ended.

use rederive_evidence::cbor::{DecodeError, DecodeFault, Decoder, Encoder};
use rederive_evidence::schema::{Cddl, Field};

/// Calls that one word tells of.
const WORD_CALLS: u16 = 64;

/// Calls of a turn that have ended, by their index. Bytes: an array of words, where bit n of word m is the call with index 64 m + n; no zero word
/// at the end.
#[derive(Clone, Debug, Default, Eq, serde::Serialize, serde::Deserialize)]
#[serde(into = "Vec<u64>", try_from = "Vec<u64>")]
pub struct Ended {
    /// Most turns have no more calls than this tells of: they ask for no memory.
    first: u64,
    /// The words after it.
    more: Vec<u64>,
}

impl Ended {
    /// Whether the call with this index has ended.
    pub fn has(&self, index: u16) -> bool {
        let at = usize::from(index / WORD_CALLS);
        let word = at.checked_sub(1).map_or(Some(&self.first), |at| self.more.get(at));
        word.is_some_and(|word| word >> (index % WORD_CALLS) & 1 == 1)
    }

    /// Notes whether the call with this index has ended.
    pub(crate) fn set(&mut self, index: u16, ended: bool) {
        let at = usize::from(index / WORD_CALLS);
        if ended && self.more.len() < at {
            self.more.resize(at, 0);
        }
        let word = match at.checked_sub(1) {
            None => Some(&mut self.first),
            Some(at) => self.more.get_mut(at),
        };
        if let Some(word) = word {
            let bit = 1_u64 << (index % WORD_CALLS);
            *word = if ended { *word | bit } else { *word & !bit };
        }
        while self.more.last() == Some(&0) {
            self.more.pop();
        }
    }

    /// Number of calls that have ended.
    pub fn count(&self) -> u64 {
        let ones = |word: &u64| u64::from(word.count_ones());
        ones(&self.first) + self.more.iter().map(ones).sum::<u64>()
    }

    fn words(&self) -> usize {
        if self.more.is_empty() { usize::from(self.first != 0) } else { 1 + self.more.len() }
    }
}

impl PartialEq for Ended {
    /// Compared word by word: most have one, for which no slices are compared.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.first == other.first && self.more.len() == other.more.len() && self.more.iter().eq(&other.more)
    }
}

/// The words of ended calls end with a zero, which the shortest form leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the last word of a turn's ended calls is zero: leave it out")]
pub struct ZeroAtEnd;

impl From<Ended> for Vec<u64> {
    fn from(ended: Ended) -> Self {
        std::iter::once(ended.first).chain(ended.more.iter().copied()).take(ended.words()).collect()
    }
}

impl TryFrom<Vec<u64>> for Ended {
    type Error = ZeroAtEnd;

    fn try_from(words: Vec<u64>) -> Result<Self, ZeroAtEnd> {
        if words.last() == Some(&0) {
            return Err(ZeroAtEnd);
        }
        let mut words = words.into_iter();
        Ok(Self { first: words.next().unwrap_or_default(), more: words.collect() })
    }
}

impl Field for Ended {
    fn encode(&self, e: &mut Encoder) {
        e.array(self.words());
        let words = std::iter::once(&self.first).chain(&self.more);
        words.take(self.words()).for_each(|word| e.unsigned(*word));
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let at = d.position();
        Self::try_from(Vec::<u64>::decode(d)?).or_else(|ZeroAtEnd| {
            d.fault_at(at, DecodeFault::Registry { registry: "last words of ended calls", found: 0 })
        })
    }

    fn cddl(book: &mut Cddl) -> String {
        Vec::<u64>::cddl(book)
    }

    fn when_missing() -> Option<Self> {
        Some(Self::default())
    }
}

rederive_evidence::sample_of!(Ended, Vec<u16>, |indexes: Vec<u16>| {
    indexes.into_iter().fold(Self::default(), |mut ended, index| {
        ended.set(index % (2 * WORD_CALLS), true);
        ended
    })
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn bytes(ended: &Ended) -> Vec<u8> {
        let mut e = Encoder::new();
        ended.encode(&mut e);
        e.into_bytes()
    }

    /// A set of indexes and nothing clever, as the oracle.
    #[test]
    fn whatever_ends_and_is_tried_again_it_tells_the_calls_of_a_set_in_words_without_a_zero_at_the_end() {
        let (mut ended, mut oracle, mut drawn) = (Ended::default(), BTreeSet::new(), 1_u64);
        for step in 0..2_000_u64 {
            drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (index, is_end) = ((drawn >> 33) as u16 % 200, drawn >> 60 < 8 - step / 400);
            ended.set(index, is_end);
            let _ = if is_end { oracle.insert(index) } else { oracle.remove(&index) };
            assert!((0..200).all(|index| ended.has(index) == oracle.contains(&index)));
            assert_eq!(ended.count(), oracle.len() as u64);
            let mut words = vec![0_u64; oracle.last().map_or(0, |last| usize::from(last / 64) + 1)];
            oracle.iter().for_each(|index| words[usize::from(index / 64)] |= 1 << (index % 64));
            let mut plain = Encoder::new();
            words.encode(&mut plain);
            assert_eq!(bytes(&ended), plain.into_bytes());
            assert_eq!(Ended::decode(&mut Decoder::new(&bytes(&ended))), Ok(ended.clone()));
        }
    }

    #[test]
    fn words_with_a_zero_at_the_end_are_no_canonical_form_of_any() {
        for words in [vec![0_u64], vec![0, 0], vec![7, 0]] {
            let mut e = Encoder::new();
            words.encode(&mut e);
            assert!(Ended::decode(&mut Decoder::new(e.as_bytes())).is_err(), "{words:?}");
        }
    }
}
