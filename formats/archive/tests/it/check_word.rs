//! The check word beside a plain CRC, bit by bit. Spec: archive-check-word.

use proptest::collection::vec;
use proptest::prelude::*;
use rederive_archive::CheckWord;

use crate::raw;

#[test]
fn the_plain_crc_gives_the_check_value_of_the_specification() {
    assert_eq!(raw::crc(b"123456789"), 0xae8b_1486_0a79_9888);
}

/// The check word of framed bytes, the plain way.
fn plain(mut framed: Vec<u8>) -> CheckWord {
    framed[24..32].fill(0);
    CheckWord(raw::crc(&framed).to_le_bytes())
}

#[test]
fn payloads_of_every_length_around_the_steps_of_the_vector_units_have_the_plain_check_word() {
    let bytes: Vec<u8> = (0..4_200_u32).map(|at| (at ^ at >> 8).wrapping_mul(31) as u8).collect();
    for length in (32..1_200).chain(4_064..4_160) {
        // Wherever in memory they begin.
        let framed = &bytes[length % 17..][..length];
        assert_eq!(CheckWord::of(framed), plain(framed.to_vec()), "{length} bytes");
    }
}

proptest! {
    #[test]
    fn every_burst_within_eight_bytes_changes_the_check_word_but_in_its_own_place(
        framed in vec(any::<u8>(), 32..600), at: prop::sample::Index, burst in 1_u64..,
    ) {
        let at = at.index(framed.len() - 7);
        let mut bent = framed.clone();
        let mut covered = 0;
        for (place, byte) in (at..).zip(burst.to_le_bytes()) {
            bent[place] ^= byte;
            covered |= if (24..32).contains(&place) { 0 } else { byte };
        }
        prop_assert_eq!(CheckWord::of(&bent) == CheckWord::of(&framed), covered == 0);
    }
}
