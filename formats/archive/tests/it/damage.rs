//! Every byte of a trace file is covered by something, and damage names its place and its cause.

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{
    BlockBuffer, BlockKind, Cause, Damage, End, Expected, Packing, Part, Place, ReadFault, TraceReader,
    log_path,
};

use crate::raw::{self, CONTENTS, FRAMES, HEADER, INDEX, LINEAGE, SEAL, SNAPSHOT, TRAILER, ZSTD, plain};
use crate::run::{Script, assert_prefix};

/// Opens a file and reads all of it.
fn checked(bytes: &[u8]) -> Result<Vec<Damage>, ReadFault> {
    TraceReader::of(bytes)?.check().map(|coverage| coverage.hints_ignored)
}

#[track_caller]
fn damage(bytes: &[u8]) -> Damage {
    match checked(bytes) {
        Err(ReadFault::Damaged(damage)) => damage,
        Err(fault) => panic!("{fault}"),
        Ok(hints) => panic!("no damage, hints ignored: {hints:?}"),
    }
}

/// Where each block of a good file begins and ends, and its kind.
fn blocks(bytes: &[u8]) -> Vec<(usize, usize, u8)> {
    let mut blocks = Vec::new();
    let mut at = 64;
    while at < bytes.len() {
        let stored = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize;
        let end = at + (32 + stored).next_multiple_of(64);
        blocks.push((at, end, bytes[at]));
        at = end;
    }
    blocks
}

#[test]
fn each_flipped_byte_is_noticed_at_its_block() {
    for packing in [Packing::Hot, Packing::Cold] {
        let whole = Script::small().sealed(packing);
        assert_eq!(checked(&whole).unwrap(), []);
        let blocks = blocks(&whole);
        for at in 0..whole.len() {
            for bit in [0x01, 0x80] {
                let mut flipped = whole.clone();
                flipped[at] ^= bit;
                let noticed = match checked(&flipped) {
                    Err(ReadFault::Damaged(damage)) => damage,
                    Err(ReadFault::NotATrace { .. }) if at < 8 => continue,
                    Err(ReadFault::UnknownVersion { .. }) if (8..10).contains(&at) => continue,
                    Err(fault) => panic!("{at}: {fault}"),
                    Ok(hints) => {
                        *hints.first().unwrap_or_else(|| panic!("{packing:?}: byte {at} not noticed"))
                    }
                };
                let block = blocks.iter().find(|(start, end, _)| (*start..*end).contains(&at));
                let start = block.map_or(0, |(start, _, _)| *start);
                assert_eq!(noticed.place.offset as usize, start, "{packing:?}, {at}: {noticed}");
            }
        }
    }
}

#[test]
fn a_file_cut_at_any_byte_is_not_sealed_and_keeps_its_whole_segments() {
    for packing in [Packing::Hot, Packing::Cold] {
        let whole = Script::small().sealed(packing);
        let ends: Vec<usize> =
            blocks(&whole).iter().filter(|(.., kind)| *kind == HEADER).map(|(_, end, _)| *end).collect();
        for length in 64..whole.len() {
            let reader = TraceReader::of(&whole[..length]).unwrap();
            let closed = ends.iter().filter(|end| **end <= length).count();
            assert_eq!(reader.segments() as usize, closed, "{length}");
            assert_prefix(&reader, &Script::small());
            reader.check().unwrap();
            let segments_end = ends[..closed].last().copied().unwrap_or(64);
            match reader.end() {
                End::Unsealed => assert_eq!(length, segments_end),
                End::Cut(tail) => {
                    assert_eq!(tail.place.offset as usize, segments_end);
                    assert_eq!(tail.bytes as usize, length - segments_end);
                    assert_eq!(tail.cause.code(), "A-END");
                }
                End::Sealed | End::Torn(_) => panic!("{length}: {:?}", reader.end()),
            }
        }
    }
}

#[test]
fn a_cut_header_of_the_file_is_a_trace_never_begun() {
    let whole = Script::small().sealed(Packing::Hot);
    for length in 0..64 {
        assert!(matches!(TraceReader::of(&whole[..length]), Err(ReadFault::NeverBegun)), "{length}");
    }
    assert_eq!(*TraceReader::of(&whole[..64]).unwrap().end(), End::Unsealed);
}

#[test]
fn bytes_after_the_trailer_are_damage() {
    let whole = Script::small().sealed(Packing::Hot);
    for more in [1, 64, 100] {
        let longer = [whole.as_slice(), &vec![0; more]].concat();
        let found = damage(&longer);
        assert_eq!(found.cause, Cause::Trailing { bytes: more as u64 });
        assert_eq!(found.place.offset as usize, whole.len());
    }
}

#[test]
fn a_block_that_is_taken_out_doubled_or_swapped_is_noticed() {
    let whole = Script::small().sealed(Packing::Hot);
    let blocks = blocks(&whole);
    for (number, (start, end, kind)) in blocks.iter().enumerate() {
        let taken = [&whole[..*start], &whole[*end..]].concat();
        let doubled = [&whole[..*end], &whole[*start..]].concat();
        let read = TraceReader::of(taken);
        match *kind {
            // Without its contents a trace is one that was redacted; hints may be absent. The trailer tells.
            CONTENTS | LINEAGE | SNAPSHOT | INDEX => {
                assert!(
                    matches!(read, Err(ReadFault::Damaged(Damage { cause: Cause::Trailer, .. }))),
                    "{number}"
                );
            }
            TRAILER => assert!(matches!(read.unwrap().end(), End::Cut(_))),
            _ => assert!(matches!(read, Err(ReadFault::Damaged(_))), "{number}"),
        }
        assert!(matches!(TraceReader::of(doubled), Err(ReadFault::Damaged(_))), "{number}");
        let Some((_, next_end, _)) = blocks.get(number + 1) else { continue };
        let swapped =
            [&whole[..*start], &whole[*end..*next_end], &whole[*start..*end], &whole[*next_end..]].concat();
        assert!(matches!(TraceReader::of(swapped), Err(ReadFault::Damaged(_))), "{number}");
    }
}

#[test]
fn causes_name_what_was_expected_and_found() {
    let frames = || plain(FRAMES, 0, &[1; 64]);
    let header = || plain(HEADER, 0, b"header");
    let block = |kind, offset| Place { part: Part::Block(kind), segment: 0, offset };
    let sealed = |blocks: &[Vec<u8>]| raw::sealed(raw::trace(blocks), 1);
    let cases = [
        ("A-KIND", sealed(&[plain(9, 0, b"x"), header()]), block(None, 64)),
        ("A-KIND", sealed(&[frames(), plain(19, 0, &[1; 64]), header()]), block(None, 192)),
        (
            "A-CODEC",
            sealed(&[raw::framed(FRAMES, 2, 0, 64, &[1; 64]), header()]),
            block(Some(BlockKind::Frames), 64),
        ),
        (
            "A-CODEC",
            sealed(&[frames(), raw::framed(HEADER, ZSTD, 0, 9, b"header")]),
            block(Some(BlockKind::Header), 192),
        ),
        ("A-ORDER", sealed(&[header()]), block(Some(BlockKind::Header), 64)),
        ("A-ORDER", sealed(&[frames(), frames(), header()]), block(Some(BlockKind::Frames), 192)),
        (
            "A-ORDER",
            sealed(&[frames(), plain(LINEAGE, 0, b"1234"), plain(LINEAGE, 0, b"1234"), header()]),
            block(Some(BlockKind::Lineage), 256),
        ),
        ("A-ORDER", raw::sealed(raw::trace(&[]), 0), block(Some(BlockKind::Seal), 64)),
        ("A-SEGMENT", sealed(&[plain(FRAMES, 1, &[1; 64]), header()]), block(Some(BlockKind::Frames), 64)),
        ("A-LENGTH", sealed(&[plain(FRAMES, 0, &[1; 65]), header()]), block(Some(BlockKind::Frames), 64)),
        ("A-LENGTH", sealed(&[plain(FRAMES, 0, b""), header()]), block(Some(BlockKind::Frames), 64)),
        (
            "A-LENGTH",
            sealed(&[raw::framed(FRAMES, 0, 0, 128, &[1; 64]), header()]),
            block(Some(BlockKind::Frames), 64),
        ),
        (
            "A-LENGTH",
            sealed(&[raw::framed(FRAMES, ZSTD, 0, 64, &[1; 64]), header()]),
            block(Some(BlockKind::Frames), 64),
        ),
        (
            "A-LIMIT",
            sealed(&[plain(FRAMES, 0, &vec![1; (1 << 20) + 64]), header()]),
            block(Some(BlockKind::Frames), 64),
        ),
        ("A-LIMIT", sealed(&[frames(), plain(HEADER, 0, &[1; 4_097])]), block(Some(BlockKind::Header), 192)),
        (
            "A-UNPACK",
            sealed(&[raw::framed(FRAMES, ZSTD, 0, 128, &[1; 64]), header()]),
            block(Some(BlockKind::Frames), 64),
        ),
        (
            "A-CONTENT-LENGTH",
            sealed(&[frames(), plain(CONTENTS, 0, &raw::content([1; 32], [2; 32], 9, b"abc")), header()]),
            block(Some(BlockKind::Contents), 192),
        ),
        (
            "A-CONTENT-LENGTH",
            sealed(&[
                frames(),
                plain(CONTENTS, 0, &[raw::content([1; 32], [2; 32], 3, b"abc"), vec![0; 71]].concat()),
                header(),
            ]),
            block(Some(BlockKind::Contents), 192),
        ),
    ];
    for (code, bytes, place) in cases {
        let found = damage(&bytes);
        assert_eq!((found.code(), found.place), (code, place), "{found}");
    }
    let found = damage(&sealed(&[frames(), plain(SNAPSHOT, 0, b"?"), plain(LINEAGE, 0, b"1234"), header()]));
    assert_eq!(found.cause, Cause::Order { expected: Expected::RestOfSegment });
    let mut one = raw::trace(&[frames(), header()]);
    one.extend(plain(SEAL, 1, b"seal"));
    let good = [one.as_slice(), &plain(TRAILER, 1, &raw::trailer(0, 256))].concat();
    assert_eq!(checked(&good).unwrap(), []);
    for trailer in [raw::trailer(256, 256), raw::trailer(0, 320), vec![0; 32]] {
        let found = damage(&[one.as_slice(), &plain(TRAILER, 1, &trailer)].concat());
        assert_eq!((found.cause, found.place.offset), (Cause::Trailer, 320));
    }
}

/// Spec: archive-codes.
#[test]
fn every_code_is_stable_and_stands_for_one_cause() {
    let mut codes = Cause::CODES.to_vec();
    codes.sort_unstable();
    codes.dedup_by_key(|(code, _)| *code);
    assert_eq!(codes.len(), Cause::CODES.len());
    assert!(codes.iter().all(|(code, _)| code.starts_with("A-")));
}

/// Spec: archive-file-header, archive-block, archive-kinds, archive-trailer.
#[test]
fn the_file_has_the_layout_of_the_specification() {
    let script = Script::small();
    let whole = script.sealed(Packing::Hot);
    let reader = TraceReader::of(whole.as_slice()).unwrap();
    let mut expected = raw::file_header(b"REDERIVE");
    let mut kinds = Vec::new();
    for (number, part) in script.parts.iter().enumerate() {
        let number = number as u32;
        expected.extend(plain(FRAMES, number, &part.frames()));
        assert!(whole.starts_with(&expected), "frames of {number}");
        kinds.push(FRAMES);
        let contents: Vec<u8> = part
            .contents()
            .iter()
            .flat_map(|held| {
                raw::content(held.commitment().0, held.salt, held.bytes.len() as u64, &held.bytes)
            })
            .collect();
        if !contents.is_empty() {
            let packed = zstd::bulk::compress(&contents, 3).unwrap();
            let packed = if packed.len() < contents.len() { Some(packed) } else { None };
            expected.extend(match packed {
                Some(packed) => raw::framed(CONTENTS, ZSTD, number, contents.len() as u64, &packed),
                None => plain(CONTENTS, number, &contents),
            });
            kinds.push(CONTENTS);
        }
        expected.extend(plain(LINEAGE, number, &part.lineage()));
        kinds.push(LINEAGE);
        assert!(whole.starts_with(&expected), "contents and lineage of {number}");
        if part.has_snapshot {
            let (start, end, _) = blocks(&whole)[kinds.len()];
            expected.extend(&whole[start..end]);
            kinds.push(SNAPSHOT);
        }
        expected.extend(plain(HEADER, number, &crate::run::header(number)));
        kinds.push(HEADER);
        assert!(whole.starts_with(&expected), "header of {number}");
    }
    kinds.extend([INDEX, SEAL, TRAILER]);
    let found = blocks(&whole);
    assert_eq!(found.iter().map(|(.., kind)| *kind).collect::<Vec<_>>(), kinds);
    let [index, seal, trailer] = found[found.len() - 3..] else { panic!() };
    assert_eq!(whole[seal.0..seal.1], plain(SEAL, 3, b"signed seal"));
    assert_eq!(whole[trailer.0..], plain(TRAILER, 3, &raw::trailer(index.0 as u64, seal.0 as u64)));
    assert_eq!(reader.check().unwrap().blocks as usize, kinds.len());
}

#[test]
fn blocks_and_entries_are_the_examples_of_the_specification() {
    // Made with Python from the text alone.
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let header = "05000000010000000d000000000000000d000000000000005ece7762e9d9349f7369676e65642068656164657200000000000000000000000000000000000000";
    let trailer = "08000000010000002000000000000000200000000000000093d87fc26d7bc3875244542d5345414c000000000000000000010000000000000000000000000000";
    let opening =
        "1100000000000000300000000000000000000000000000004f9d254bf0ed251207070707070707070707070707070707";
    assert_eq!(hex(plain(HEADER, 1, b"signed header")), header);
    assert_eq!(hex(plain(TRAILER, 1, &raw::trailer(0, 256))), trailer);
    let entry = raw::framed(raw::OPENING, 0, 0, 0, &[[7; 16].as_slice(), &[0; 32]].concat());
    assert_eq!(hex(entry), format!("{opening}{}", "0".repeat(160)));
}

#[test]
fn damage_before_the_open_segment_is_no_torn_tail() {
    let script = Script::small();
    let whole = script.sealed(Packing::Hot);
    let first_end = blocks(&whole).iter().find(|(.., kind)| *kind == HEADER).unwrap().1;
    let mut log = raw::file_header(b"RDT-OPEN");
    let previous =
        rederive_evidence::digest::digest(rederive_evidence::digest::Purpose::Header, &crate::run::header(0));
    let opening = [crate::run::RUN.0.as_slice(), &previous.0].concat();
    log.extend(raw::framed(raw::OPENING, 0, 1, 0, &opening));
    let storage = FaultyStorage::new();
    storage.put(&log_path(crate::run::path()), log);
    for at in 64..first_end {
        let mut flipped = whole[..first_end].to_vec();
        flipped[at] ^= 1;
        storage.put(crate::run::path(), flipped);
        match TraceReader::open(&storage, crate::run::path()) {
            Err(ReadFault::Damaged(_)) => {}
            Err(fault) => panic!("{at}: {fault}"),
            // The header of the block is whole: its payload is read when it is asked for.
            Ok(reader) => {
                let segment = reader.segment(0).unwrap();
                let ignored = segment.check(&mut BlockBuffer::new());
                assert!(!matches!(ignored, Ok(hints) if hints.is_empty()), "{at}");
            }
        }
    }
    // After the closed segment anything may stand: the log has what was acknowledged.
    for length in first_end..whole.len() {
        storage.put(crate::run::path(), whole[..length].to_vec());
        let reader = TraceReader::open(&storage, crate::run::path());
        match reader {
            Ok(reader) if reader.segments() == 1 => {
                assert_eq!(matches!(reader.end(), End::Torn(_)), length > first_end, "{length}");
            }
            // Whole segments that the log knows nothing of: it was left behind.
            Ok(reader) => assert_eq!(reader.leftover_log_records(), Some(0), "{length}"),
            Err(fault) => panic!("{length}: {fault}"),
        }
    }
}
