//! A copy without some contents holds no run of their bytes, packed or not, and everything else as it was.

use std::collections::BTreeSet;

use rederive_archive::storage::faulty::{Fault, FaultyStorage};
use rederive_archive::{
    BlockBuffer, Copying, Durability, End, Hint, Misuse, Options, Packing, Recovery, SegmentEnd, TraceReader,
    TraceWriter, TransferFault, WriteFault, copy,
};
use rederive_evidence::digest::Digest;

use crate::raw;
use crate::run::{Held, Part, RUN, Record, Script, assert_prefix, frame_bytes, header, path, seal};

const PLANTED: &str = "Ms Example, 12 Main Street, account 4929-1187-3326-0081, called about her overdraft";

/// A run with the planted text among others, near text that packs well with it.
fn planted() -> (Script, Held) {
    let secret = Held::new(7, PLANTED);
    let near =
        Held::new(8, "Mr Other, 13 Side Road, number 0000-0000-0000-0000, rang because of a card".repeat(20));
    let mut script = Script::small();
    script.parts[1].records[2].contents = vec![near, secret.clone(), Held::new(9, "the end")];
    (script, secret)
}

/// Whether any 6 bytes of the text in a row, or of the salt, are in the file, packed blocks unpacked too.
fn traces_of(secret: &Held, file: &[u8]) -> bool {
    let mut plain = file.to_vec();
    let reader = TraceReader::of(file).unwrap();
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        for block in reader.segment(number).unwrap().content_blocks() {
            for content in block.contents(&mut buffer).unwrap() {
                let content = content.unwrap();
                plain.extend_from_slice(content.bytes);
                plain.extend_from_slice(&content.salt);
            }
        }
    }
    let windows: BTreeSet<&[u8]> = plain.windows(12).collect();
    secret.bytes.windows(12).chain(secret.salt.windows(12)).any(|part| windows.contains(part))
}

fn redacted(
    source: &[u8],
    leave_out: &BTreeSet<Digest>,
    packing: Packing,
) -> (Vec<u8>, rederive_archive::Copied) {
    let storage = FaultyStorage::new();
    let source = TraceReader::of(source).unwrap();
    let copied = copy(&source, storage.clone(), path(), Copying { leave_out, packing }, frame_bytes).unwrap();
    assert_eq!(storage.paths(), [path()]);
    (storage.bytes_of(path()).unwrap(), copied)
}

/// Spec: redaction, archive-redaction.
#[test]
fn nothing_of_a_redacted_content_is_left() {
    let (script, secret) = planted();
    let leave_out = BTreeSet::from([secret.commitment(), Digest([1; 32])]);
    for from in [Packing::Hot, Packing::Cold] {
        for to in [Packing::Hot, Packing::Cold] {
            let source = script.sealed(from);
            assert!(traces_of(&secret, &source));
            let (copy, copied) = redacted(&source, &leave_out, to);
            assert!(!traces_of(&secret, &copy));
            assert_eq!(copied.left_out, BTreeSet::from([secret.commitment()]), "the other one was not there");
            assert_eq!((copied.bytes, copied.hints_dropped.len()), (copy.len() as u64, 0));
        }
    }
}

#[test]
fn everything_else_is_as_it_was() {
    let (mut script, secret) = planted();
    let (copy, _) =
        redacted(&script.sealed(Packing::Hot), &BTreeSet::from([secret.commitment()]), Packing::Hot);
    script.parts[1].records[2].contents.remove(1);
    let reader = TraceReader::of(copy.as_slice()).unwrap();
    assert_eq!(*reader.end(), End::Sealed);
    assert_eq!(reader.seal().unwrap().unwrap(), seal());
    assert_eq!(reader.index_hint().unwrap(), Hint::Usable(()));
    assert_prefix(&reader, &script);
    assert_eq!(reader.check().unwrap().hints_ignored, []);
    assert_eq!(reader.content_reader().read(&secret.commitment()).unwrap(), None);
    for held in script.contents() {
        let mut contents = reader.content_reader();
        assert_eq!(contents.read(&held.commitment()).unwrap().unwrap(), held.content());
    }
    assert_eq!(copy, script.sealed(Packing::Hot), "as if the content had never been given");
}

#[test]
fn packing_and_unpacking_come_back_to_the_same_bytes() {
    let script = Script::small();
    let (hot, cold) = (script.sealed(Packing::Hot), script.sealed(Packing::Cold));
    let nothing = BTreeSet::new();
    assert_eq!(redacted(&hot, &nothing, Packing::Cold).0, cold);
    assert_eq!(redacted(&cold, &nothing, Packing::Hot).0, hot);
}

#[test]
fn all_contents_can_be_left_out() {
    let script = Script::small();
    let all: BTreeSet<_> = script.contents().iter().map(Held::commitment).collect();
    let (copy, copied) = redacted(&script.sealed(Packing::Hot), &all, Packing::Hot);
    assert_eq!(copied.left_out, all);
    let reader = TraceReader::of(copy).unwrap();
    assert_eq!(
        (0..3).map(|number| reader.segment(number).unwrap().content_blocks().count()).sum::<usize>(),
        0
    );
}

#[test]
fn wrong_hints_are_dropped_and_named() {
    let script = Script::small();
    let mut bytes = raw::trace(&[
        raw::plain(raw::FRAMES, 0, &script.parts[0].frames()),
        raw::plain(raw::LINEAGE, 0, b"12345"),
        raw::plain(raw::SNAPSHOT, 0, b"no archive"),
        raw::plain(raw::HEADER, 0, &header(0)),
    ]);
    bytes = raw::sealed(bytes, 1);
    let (copy, copied) = redacted(&bytes, &BTreeSet::new(), Packing::Hot);
    let codes: Vec<_> = copied.hints_dropped.iter().map(|damage| damage.code()).collect();
    assert_eq!(codes, ["A-HINT-FIT", "A-HINT-ARCHIVE"]);
    let reader = TraceReader::of(copy).unwrap();
    assert_eq!(reader.check().unwrap().hints_ignored, []);
    assert_eq!(reader.index_hint().unwrap(), Hint::Usable(()), "it is made anew");
}

#[test]
fn a_copy_has_no_index_where_frames_cannot_be_told_apart() {
    let storage = FaultyStorage::new();
    let source = TraceReader::of(Script::small().sealed(Packing::Hot)).unwrap();
    let copying = Copying { leave_out: &BTreeSet::new(), packing: Packing::Hot };
    copy(&source, storage.clone(), path(), copying, |_| None).unwrap();
    let reader = TraceReader::open(&storage, path()).unwrap();
    assert_eq!(reader.index_hint().unwrap(), Hint::Absent);
    assert_prefix(&reader, &Script::small());
}

#[test]
fn an_open_segment_or_a_cut_tail_is_not_copied_away() {
    let storage = FaultyStorage::new();
    let options = Options { durability: Durability::EachCommit, packing: Packing::Hot };
    let mut writer = TraceWriter::create(storage.clone(), path(), RUN, options).unwrap();
    writer.append_record(&Record::new(0, 1, vec![]).frame, &[]).unwrap();
    writer.commit(b"head").unwrap();
    let copying = Copying { leave_out: &BTreeSet::new(), packing: Packing::Hot };
    let refusal = |source: &TraceReader<_>| {
        copy(source, FaultyStorage::new(), path(), copying, frame_bytes).unwrap_err()
    };
    let open = refusal(&TraceReader::open(&storage, path()).unwrap());
    assert!(matches!(open, TransferFault::Write(WriteFault::Misuse(Misuse::SegmentOpen))), "{open}");
    writer.close_segment(SegmentEnd { header: b"header", lineage: &[0; 4], snapshot: None }).unwrap();
    drop(writer);
    let unsealed = TraceReader::open(&storage, path()).unwrap();
    let target = FaultyStorage::new();
    copy(&unsealed, target.clone(), path(), copying, frame_bytes).unwrap();
    assert_eq!(
        target.bytes_of(path()),
        storage.bytes_of(path()),
        "a run without its seal is copied as it is"
    );
    let whole = Script::small().sealed(Packing::Hot);
    let source = FaultyStorage::new();
    source.put(path(), whole[..whole.len() - 1].to_vec());
    let cut = refusal(&TraceReader::open(&source, path()).unwrap());
    assert!(matches!(cut, TransferFault::Write(WriteFault::Misuse(Misuse::Cut))), "{cut}");
    assert!(Recovery::open(source.clone(), path()).unwrap().resume(RUN, Packing::Hot, frame_bytes).is_err());
    assert_eq!(source.bytes_of(path()).unwrap().len(), whole.len() - 1, "nor is it recovered");
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let source = TraceReader::of(Script::small().sealed(Packing::Hot)).unwrap();
    let copying = Copying { leave_out: &BTreeSet::new(), packing: Packing::Hot };
    let storage = FaultyStorage::new();
    copy(&source, storage.clone(), path(), copying, frame_bytes).unwrap();
    for call in 0..storage.calls() {
        let storage = FaultyStorage::new();
        storage.inject(call, Fault::Failed);
        let copied = copy(&source, storage.clone(), path(), copying, frame_bytes);
        assert!(copied.is_err(), "{call}");
        let half = storage.paths().into_iter().filter(|left| left != path());
        let half_bytes = half.map(|left| storage.bytes_of(&left).unwrap().len()).sum::<usize>();
        assert_eq!(half_bytes, 0, "{call}: a file that could not be locked is empty");
    }
}

#[test]
fn a_content_stored_twice_is_left_out_twice() {
    let secret = Held::new(7, PLANTED);
    let part = || Part { records: vec![Record::new(1, 1, vec![secret.clone()])], ..Part::default() };
    let source = Script { parts: vec![part(), part()] }.sealed(Packing::Cold);
    let (copy, _) = redacted(&source, &BTreeSet::from([secret.commitment()]), Packing::Cold);
    assert!(!traces_of(&secret, &copy));
}
