//! Lengths that lie cost neither memory nor time, and no bytes make a reader panic.

use proptest::prelude::*;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{BlockBuffer, Cause, Hint, Packing, ReadFault, TraceReader, log_path};
use rederive_evidence::digest::{Digest, commitment};

use crate::raw::{self, CONTENTS, FRAMES, HEADER, INDEX, LINEAGE, RECORD, SNAPSHOT, ZSTD, plain};
use crate::run::{RUN, Script, path};

#[track_caller]
fn code(bytes: Vec<u8>) -> &'static str {
    let read = TraceReader::of(bytes).and_then(|reader| reader.check());
    match read {
        Err(ReadFault::Damaged(damage)) => damage.code(),
        Err(fault) => panic!("{fault}"),
        Ok(coverage) => coverage.hints_ignored[0].code(),
    }
}

fn with_block(block: Vec<u8>) -> Vec<u8> {
    let blocks = match block[0] {
        FRAMES => vec![block, plain(HEADER, 0, b"header")],
        _ => vec![plain(FRAMES, 0, &[1; 64]), block, plain(HEADER, 0, b"header")],
    };
    raw::sealed(raw::trace(&blocks), 1)
}

/// Most bytes held at once while `work` runs.
fn bytes_held(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).bytes_max
}

/// Spec: archive-limits.
#[test]
fn an_unpacked_length_beyond_its_limit_is_refused_before_anything_is_allocated() {
    for kind in [FRAMES, CONTENTS, LINEAGE, SNAPSHOT] {
        for unpacked in [u64::MAX, u64::MAX - 63, 1 << 40, (256 << 20) + 73] {
            let bytes = with_block(raw::framed(kind, ZSTD, 0, unpacked, b"short"));
            assert!(bytes_held(|| assert_eq!(code(bytes), "A-LIMIT")) < 100_000);
        }
    }
}

#[test]
fn a_stored_length_beyond_the_file_is_refused_before_anything_is_allocated() {
    for stored in [u64::MAX, u64::MAX - 31, 1 << 40, 200 << 20] {
        let mut block = plain(CONTENTS, 0, &[0; 80]);
        block[8..16].copy_from_slice(&stored.to_le_bytes());
        block[16..24].copy_from_slice(&stored.to_le_bytes());
        let bytes = with_block(block);
        let held = bytes_held(|| {
            let expected = if stored <= 256 << 20 { "A-END" } else { "A-LIMIT" };
            assert_eq!(code(bytes), expected, "{stored}");
        });
        assert!(held < 200_000, "{held}");
    }
}

#[test]
fn packed_bytes_that_do_not_state_their_size_are_refused_before_anything_is_allocated() {
    let stated = 200 << 20;
    let small = zstd::bulk::compress(&[7; 1_000], 3).unwrap();
    let mut streamed = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    std::io::Write::write_all(&mut streamed, &[7; 1_000]).unwrap();
    let streamed = streamed.finish().unwrap();
    for packed in [small.clone(), streamed.clone(), b"no frame at all".to_vec()] {
        let bytes = with_block(raw::framed(CONTENTS, ZSTD, 0, stated, &packed));
        let held = bytes_held(|| assert_eq!(code(bytes), "A-UNPACK"));
        assert!(held < 200_000, "{held}");
    }
    assert_eq!(code(with_block(raw::framed(CONTENTS, ZSTD, 0, 1_000, &streamed))), "A-UNPACK");
}

#[test]
fn a_bomb_gives_no_more_bytes_than_were_stated() {
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    for unpacked in [128, (64 << 20) - 64, 1 << 20] {
        let kind = if unpacked <= 1 << 20 { FRAMES } else { CONTENTS };
        let bytes = with_block(raw::framed(
            kind,
            ZSTD,
            0,
            unpacked.max(bomb.len() as u64 + 1).next_multiple_of(64),
            &bomb,
        ));
        let held = bytes_held(|| assert_eq!(code(bytes), "A-UNPACK"));
        assert!(held < 1 << 20, "{held}");
    }
}

/// Zeros, packed: few bytes that stand for many.
fn zeros(kind: u8, unpacked: u64) -> Vec<u8> {
    let packed = zstd::bulk::compress(&vec![0; unpacked as usize], 3).unwrap();
    raw::framed(kind, ZSTD, 0, unpacked, &packed)
}

/// Spec: archive-limits.
#[test]
fn a_hint_that_unpacks_to_far_more_than_it_takes_is_ignored_before_anything_is_allocated() {
    let free = 1 << 20;
    for (unpacked, expected) in [(free, "A-HINT-ARCHIVE"), (free + 1, "A-LIMIT"), (64 << 20, "A-LIMIT")] {
        let bytes = with_block(zeros(SNAPSHOT, unpacked));
        let reader = TraceReader::of(bytes.as_slice()).unwrap();
        let mut found = Hint::Absent;
        let held = bytes_held(|| {
            found = reader.segment(0).unwrap().snapshot(&mut BlockBuffer::new()).unwrap();
        });
        let Hint::Ignored(damage) = found else { panic!("{unpacked}: {found:?}") };
        assert_eq!(damage.code(), expected, "{unpacked}");
        // What is unpacked, and the aligned copy.
        assert!(held < if expected == "A-LIMIT" { 100_000 } else { 3 << 20 }, "{unpacked}: {held}");
    }
}

/// Spec: archive-limits.
#[test]
fn contents_that_unpack_to_far_more_than_they_take_are_hashed_in_little_memory() {
    let long = 64 << 20;
    let genuine = raw::content(commitment(&[2; 32], &vec![0; long]).0, [2; 32], long as u64, &vec![0; long]);
    // Contents without bytes, as many as there is room for; and a genuine one with one after it.
    let nothing = vec![0; 72 << 20];
    let two = [genuine.clone(), raw::content([0; 32], [0; 32], 0, &[])].concat();
    for (payload, is_alone) in [(genuine, true), (nothing, false), (two, false)] {
        let unpacked = payload.len() as u64;
        let packed = zstd::bulk::compress(&payload, 3).unwrap();
        assert!(packed.len() < 20_000, "{}", packed.len());
        let bytes = with_block(raw::framed(CONTENTS, ZSTD, 0, unpacked, &packed));
        let reader = TraceReader::of(bytes.as_slice()).unwrap();
        let (mut seen, mut found) = (0, Ok(()));
        let held = bytes_held(|| {
            let block = reader.segment(0).unwrap().content_blocks().next().unwrap();
            found = block.hash_each(&mut BlockBuffer::new(), |content| {
                seen += usize::from(content.is_genuine());
                Ok::<_, ReadFault>(())
            });
            assert_eq!(reader.check().is_ok(), is_alone);
            let _ = block.each_commitment(&mut BlockBuffer::new(), |_| Ok::<_, ReadFault>(()));
            let _ = reader.content_reader().read(&Digest([1; 32]));
        });
        assert!(held < 1 << 20, "{held}");
        assert_eq!((seen, found.is_ok()), (usize::from(is_alone), is_alone), "{found:?}");
    }
}

/// Spec: archive-contents.
#[test]
fn a_long_block_has_one_content_packed_or_not() {
    let salt = [2; 32];
    let content =
        |bytes: Vec<u8>| raw::content(commitment(&salt, &bytes).0, salt, bytes.len() as u64, &bytes);
    let long = content(vec![3; 8 << 20]);
    let two = [long.clone(), content(b"short".to_vec())].concat();
    for (payload, expected) in [(long, None), (two, Some("A-CONTENT-LENGTH"))] {
        let packed = zstd::bulk::compress(&payload, 3).unwrap();
        let unpacked = payload.len() as u64;
        for block in [raw::framed(CONTENTS, ZSTD, 0, unpacked, &packed), raw::plain(CONTENTS, 0, &payload)] {
            match expected {
                Some(expected) => assert_eq!(code(with_block(block)), expected),
                None => drop(TraceReader::of(with_block(block)).unwrap().check().unwrap()),
            }
        }
    }
}

/// Spec: archive-limits.
#[test]
fn the_content_of_a_long_packed_block_is_found_and_held_alone() {
    let salt = [2; 32];
    let text = vec![3; 11 << 20];
    let commitment = commitment(&salt, &text);
    let payload = raw::content(commitment.0, salt, text.len() as u64, &text);
    let packed = zstd::bulk::compress(&payload, 3).unwrap();
    let bytes = with_block(raw::framed(CONTENTS, ZSTD, 0, payload.len() as u64, &packed));
    let reader = TraceReader::of(bytes.as_slice()).unwrap();
    let mut read = reader.content_reader();
    for _ in 0..2 {
        let content = read.read(&commitment).unwrap().unwrap();
        assert!(content.bytes == text.as_slice() && content.is_genuine());
        assert_eq!(read.read(&Digest([1; 32])).unwrap(), None);
    }
    reader.check().unwrap();
}

#[test]
fn nothing_hides_after_a_packed_frame() {
    let payload = vec![5; 6_400];
    let packed = zstd::bulk::compress(&payload, 3).unwrap();
    let mut skippable = packed.clone();
    skippable.extend([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]);
    skippable.extend(b"hide");
    assert_eq!(code(with_block(raw::framed(FRAMES, ZSTD, 0, 6_400, &skippable))), "A-UNPACK");
    let twice = [packed.clone(), packed.clone()].concat();
    assert_eq!(code(with_block(raw::framed(FRAMES, ZSTD, 0, 12_800, &twice))), "A-UNPACK");
    let good = with_block(raw::framed(FRAMES, ZSTD, 0, 6_400, &packed));
    TraceReader::of(good).unwrap().check().unwrap();
}

#[test]
fn a_content_longer_than_its_block_is_refused() {
    for length in [4, u64::MAX, 1 << 63, (1 << 32) + 3] {
        let payload = raw::content([1; 32], [2; 32], length, b"abc");
        assert_eq!(code(with_block(plain(CONTENTS, 0, &payload))), "A-CONTENT-LENGTH");
    }
}

#[test]
fn an_index_that_claims_more_than_it_has_is_ignored() {
    let mut index = vec![0; 16];
    index[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    index[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut bytes = raw::trace(&[plain(FRAMES, 0, &[1; 64]), plain(HEADER, 0, b"header")]);
    let index_at = bytes.len() as u64;
    bytes.extend(plain(INDEX, 1, &index));
    let seal_at = bytes.len() as u64;
    bytes.extend(plain(raw::SEAL, 1, b"seal"));
    bytes.extend(plain(raw::TRAILER, 1, &raw::trailer(index_at, seal_at)));
    assert!(bytes_held(|| assert_eq!(code(bytes), "A-HINT-ARCHIVE")) < 100_000);
}

#[test]
fn a_tail_full_of_long_candidates_ends_as_damage() {
    let mut log = raw::file_header(b"RDT-OPEN");
    log.extend(raw::framed(raw::OPENING, 0, 0, 0, &[RUN.0.as_slice(), &[0; 32]].concat()));
    log.extend([0xff; 64]);
    // 64 bytes each that look like the header of a content of 32 MiB: to check them all would take 64 GiB of hashing.
    let mut fake = raw::framed(raw::CONTENT, 0, 0, 1, &[0; 32]);
    fake[8..16].copy_from_slice(&(32u64 << 20).to_le_bytes());
    for _ in 0..2_048 {
        log.extend(&fake);
    }
    log.resize(log.len() + (33 << 20), 0);
    let storage = FaultyStorage::new();
    storage.put(path(), raw::file_header(b"REDERIVE"));
    storage.put(&log_path(path()), log);
    let Err(ReadFault::Damaged(damage)) = TraceReader::open(&storage, path()) else { panic!() };
    assert_eq!((damage.cause, damage.place.offset), (Cause::Reserved, 192));
}

#[test]
fn a_length_that_no_file_has_is_no_candidate_after_bad_bytes() {
    for stored in [u64::MAX, u64::MAX - 31, u64::MAX - 32, u64::MAX - 95] {
        let mut claim = plain(RECORD, 0, &[0; 32]);
        claim[8..16].copy_from_slice(&stored.to_le_bytes());
        claim[16..24].copy_from_slice(&3_u64.to_le_bytes());
        let storage = FaultyStorage::new();
        storage.put(path(), raw::file_header(b"REDERIVE"));
        let mut log = raw::file_header(b"RDT-OPEN");
        log.extend(raw::framed(raw::OPENING, 0, 0, 0, &[0; 48]));
        log.extend([[1; 64].as_slice(), &claim].concat());
        storage.put(&log_path(path()), log);
        let reader = TraceReader::open(&storage, path()).unwrap();
        assert_eq!(reader.open_segment().unwrap().torn().unwrap().bytes, 128, "{stored}");

        // The same after the whole segments of a trace file, where a block ends with it.
        let mut bytes = raw::trace(&[plain(FRAMES, 0, &[1; 64]), plain(HEADER, 0, b"header")]);
        let mut block = plain(FRAMES, 1, &[0; 32]);
        block[8..16].copy_from_slice(&(1_u64 << 20).to_le_bytes());
        block[16..24].copy_from_slice(&(1_u64 << 20).to_le_bytes());
        let mut claim = plain(CONTENTS, 1, &[0; 32]);
        claim[8..16].copy_from_slice(&stored.to_le_bytes());
        claim[16..24].copy_from_slice(&stored.to_le_bytes());
        bytes.extend([block, claim].concat());
        read_all(bytes);
    }
}

fn read_all(bytes: Vec<u8>) {
    let Ok(reader) = TraceReader::of(bytes) else { return };
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        let segment = reader.segment(number).unwrap();
        let _ = segment.frames(&mut buffer);
        let _ = segment.snapshot(&mut buffer);
        let _ = segment.frame_offsets();
    }
    let _ = reader.check();
    let _ = reader.content_reader().read(&rederive_evidence::digest::Digest([0; 32]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_all(bytes.clone());
        let mut begun = raw::file_header(b"REDERIVE");
        begun.extend(&bytes);
        read_all(begun);
        let storage = FaultyStorage::new();
        storage.put(path(), raw::file_header(b"REDERIVE"));
        let mut log = raw::file_header(b"RDT-OPEN");
        log.extend(raw::framed(raw::OPENING, 0, 0, 0, &[0; 48]));
        log.extend(raw::framed(RECORD, 0, 0, 1, &[1; 64]));
        log.extend(&bytes);
        storage.put(&log_path(path()), log);
        let _ = TraceReader::open(&storage, path());
    }

    #[test]
    fn no_changed_trace_makes_a_reader_panic(
        packing in prop::sample::select(vec![Packing::Hot, Packing::Cold]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut: Option<prop::sample::Index>,
    ) {
        let mut bytes = Script::small().sealed(packing);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(bytes);
    }
}
