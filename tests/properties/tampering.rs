//! Tampering, exhaustively on a small trace: whatever is changed, by whoever can write the file or by whoever has the key too, is named, and
//! nothing that matters still reproduces.

use rayon::prelude::*;
use rederive_archive::TraceReader;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Causes, Record, SchemaCheck};
use rederive_evidence::rules::{Breach, Outcome, Reason, Rule};
use rederive_recorder::{Durability, Recorder};
use rederive_replay::{Gap, Level, Place, Report, Valid, Wrong, replay_bytes};
use rederive_verify::{KeyRole, TrustRoots};

use crate::processes::project;
use crate::runs;
use crate::traces::{
    Block, StoredContent, Trace, key, options, path, recorded, recorded_enforced, recorded_with, report,
};

/// Where the trace of [`base`] is cut into segments.
const CUTS: [usize; 2] = [4, 9];

/// Twelve records of an enforced run in three segments.
fn base() -> Trace {
    let trace = Trace::read(&recorded_enforced(1));
    trace.derived(trace.records(), &CUTS, &key())
}

fn content_level(bytes: &[u8]) -> Report {
    report(bytes, Level::Content)
}

/// Verdict and code.
fn verdict(report: &Report) -> (Valid, &'static str) {
    (report.valid, report.wrong.as_ref().map_or("", |wrong| wrong.code))
}

fn wrong(report: &Report) -> &Wrong {
    report.wrong.as_ref().unwrap_or_else(|| panic!("{report:#?}"))
}

/// The bit that is flipped in the byte at this offset: all eight are met.
fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}

/// A run of four records in two segments, so that each of its bytes can be tried.
fn tiny() -> Vec<u8> {
    let mut drafts = runs::observed(1);
    drafts.drain(3..6);
    let trace = Trace::read(&recorded(drafts));
    trace.derived(trace.records(), &[2], &key()).write()
}

/// A hint's payload, check word and padding change no answer. All other bytes, and those of a hint's block header that say what and how
/// long it is, are evidence or tell where evidence lies.
fn may_change(bytes: &[u8], at: usize) -> bool {
    let blocks = Block::of(bytes);
    let block = blocks.iter().find(|block| (block.offset..block.end()).contains(&at));
    block.is_some_and(|block| block.is_hint() && at >= block.offset + 24)
}

#[test]
fn no_flipped_byte_is_passed_over() {
    let bytes = tiny();
    let sound = content_level(&bytes);
    assert_eq!(sound.valid, Valid::Reproduced, "{sound:#?}");
    let flips = |at: usize| match std::env::var_os("REDERIVE_FULL") {
        Some(_) => (0..8).map(|bit| 1 << bit).collect::<Vec<u8>>(),
        None => vec![1 << (at % 8)],
    };
    let ignored: usize = (0..bytes.len())
        .into_par_iter()
        .flat_map_iter(|at| flips(at).into_iter().map(move |flip| (at, flip)))
        .map(|(at, flip)| {
            let mut bent = bytes.clone();
            bent[at] ^= flip;
            let found = content_level(&bent);
            if may_change(&bytes, at) {
                assert_eq!(found, sound, "byte {at} of a hint");
                return usize::from(
                    !TraceReader::of(bent).unwrap().check().unwrap().hints_ignored.is_empty(),
                );
            }
            match at {
                // Only the version's field can make a file that another version may well read.
                8..10 => assert_eq!(verdict(&found), (Valid::Undecided, "U-VERSION"), "byte {at}"),
                0..8 => assert_eq!(verdict(&found), (Valid::Damaged, "A-MAGIC"), "byte {at}"),
                _ => {
                    assert_eq!(found.valid, Valid::Damaged, "byte {at}: {found:#?}");
                    assert!(wrong(&found).code.starts_with("A-"), "byte {at}: {found:#?}");
                }
            }
            0
        })
        .sum();
    let hints = (0..bytes.len()).filter(|at| may_change(&bytes, *at)).count();
    assert!(hints > 100 && ignored >= hints, "each changed hint is reported: {ignored} of {hints}");
}

/// The same with the check words made again: what then notices are digests and signatures.
#[test]
fn no_byte_flipped_under_a_new_check_word_is_passed_over() {
    let bytes = tiny();
    let sound = content_level(&bytes);
    let cases: Vec<(Block, usize)> =
        Block::of(&bytes).into_iter().flat_map(|block| block.payload().map(move |at| (block, at))).collect();
    cases.into_par_iter().for_each(|(block, at)| {
        let mut bent = flipped(&bytes, at);
        block.check_again(&mut bent);
        let found = content_level(&bent);
        if block.is_hint() {
            assert_eq!(found, sound, "byte {at} of a hint of kind {}", block.kind);
            return;
        }
        let (valid, code) = verdict(&found);
        assert!(
            matches!(valid, Valid::Damaged | Valid::Forged)
                || (valid, code) == (Valid::Undecided, "S-VERSION"),
            "byte {at} in a block of kind {}: {found:#?}",
            block.kind
        );
        assert_eq!(report(&bent, Level::Integrity).wrong, found.wrong, "byte {at}: no level sees less");
    });
}

#[test]
fn a_lineage_page_or_index_made_to_mislead_changes_no_answer_and_is_reported() {
    let mut trace = base();
    let sound = content_level(&trace.write());
    // A page of the right length with other marks: the archive has nothing to say against it, its digest has.
    trace.parts[0].lineage.reverse();
    assert_eq!(content_level(&trace.write()), sound);

    let bytes = base().write();
    let index = Block::of(&bytes).into_iter().find(|block| block.kind == Block::INDEX).unwrap();
    let stored: Vec<StoredContent> = base().parts.into_iter().flat_map(|part| part.contents).collect();
    let mut reported = 0;
    for at in index.payload() {
        let mut bent = flipped(&bytes, at);
        index.check_again(&mut bent);
        assert_eq!(content_level(&bent), sound, "byte {at} of the index");
        let reader = TraceReader::of(bent).unwrap();
        let mut contents = reader.content_reader();
        for content in &stored {
            let found = contents.read(&content.commitment).unwrap().unwrap();
            assert_eq!(found.bytes, content.bytes, "byte {at} of the index");
        }
        reported += reader.check().unwrap().hints_ignored.len();
    }
    assert!(
        reported > 0,
        "what does not fit the trace is reported; where it points wrong shows when it is used"
    );
}

#[test]
fn a_snapshot_where_none_belongs_changes_no_answer() {
    let mut trace = base();
    let sound = content_level(&trace.write());
    trace.parts[1].snapshot = Some(vec![(b"key".to_vec(), b"value".to_vec())]);
    let found = content_level(&trace.write());
    assert_eq!(Report { bytes: sound.bytes, ..found }, sound);
}

/// What is left after a cut is what was signed before it, and the gaps say that it was cut; or it is damage.
#[test]
fn each_truncation_is_told() {
    let bytes = base().write();
    let sound = content_level(&bytes);
    let headers: Vec<usize> =
        Block::of(&bytes).iter().filter(|block| block.kind == 5).map(|block| block.end()).collect();
    (0..bytes.len()).into_par_iter().for_each(|length| {
        let found = content_level(&bytes[..length]);
        let is_cut = found.gaps.iter().any(|gap| matches!(gap, Gap::CutTail(_)));
        let whole = headers.iter().filter(|end| **end <= length).count();
        match length {
            0..64 => assert_eq!(verdict(&found), (Valid::Undecided, "U-NEVER-BEGUN"), "{length}"),
            64 => assert_eq!(verdict(&found), (Valid::Undecided, "U-EMPTY")),
            _ if whole == 0 => {
                assert_eq!(verdict(&found), (Valid::Undecided, "U-EMPTY"), "{length}: {found:#?}");
                assert!(is_cut, "{length}: {found:#?}");
            }
            _ => {
                assert_eq!(found.valid, Valid::Reproduced, "{length}: {found:#?}");
                assert_eq!(found.segments, whole as u64, "{length}");
                assert!(found.records < sound.records || whole == headers.len());
                assert_eq!(is_cut, !headers.contains(&length), "{length}: {:?}", found.gaps);
            }
        }
        assert!(length < 64 || found.gaps.contains(&Gap::Unsealed), "{length}: {:?}", found.gaps);
    });
    let mut longer = bytes;
    longer.push(0);
    assert_eq!(verdict(&content_level(&longer)), (Valid::Damaged, "A-TRAILING"));
}

/// A trace whose records were put another way, and the first record that is not where it was.
fn rearranged() -> Vec<(String, Trace, usize)> {
    let (base, other) = (base(), Trace::read(&recorded_with_seed(b"another run")));
    let mut cases = Vec::new();
    let mut add = |name: String, at: usize, change: &dyn Fn(&mut Vec<Vec<u8>>, usize)| {
        let mut trace = base.clone();
        let (segment, index) = place_of(at);
        change(&mut trace.parts[segment].frames, index);
        cases.push((format!("{name} {at}"), trace, at));
    };
    let foreign = &other.parts[0].frames;
    for (at, of_other) in foreign.iter().enumerate() {
        let (segment, index) = place_of(at);
        if base.parts[segment].frames.len() > 1 {
            add("dropped".to_owned(), at, &|frames, index| drop(frames.remove(index)));
        }
        if index + 1 < base.parts[segment].frames.len() {
            add("swapped".to_owned(), at, &|frames, index| frames.swap(index, index + 1));
        }
        add("duplicated".to_owned(), at, &|frames, index| frames.insert(index, frames[index].clone()));
        // A record without contents may be the same in both.
        if *of_other != base.parts[segment].frames[index] {
            add("spliced".to_owned(), at, &|frames, index| frames[index].clone_from(of_other));
        }
    }
    cases
}

/// Segment and index in it of a record of [`base`].
fn place_of(record: usize) -> (usize, usize) {
    let segment = CUTS.iter().filter(|cut| record >= **cut).count();
    (segment, record - segment.checked_sub(1).map_or(0, |before| CUTS[before]))
}

/// The records of [`base`] in another run: other number, other commitments.
fn recorded_with_seed(seed: &[u8]) -> Vec<u8> {
    let storage = rederive_archive::storage::faulty::FaultyStorage::new();
    let opening = runs::opening(rederive_evidence::values::Mode::Enforced);
    let path = crate::traces::path();
    let options = options(Durability::OnSeal, seed);
    let recorder = rederive_recorder::Recorder::create(storage.clone(), path, opening, options).unwrap();
    for draft in runs::enforced(1, |bytes| recorder.commitment(bytes).unwrap()).into_iter().skip(1) {
        recorder.append(draft).unwrap();
    }
    recorder.seal().unwrap();
    storage.bytes_of(path).unwrap()
}

#[test]
fn records_dropped_swapped_duplicated_or_spliced_without_the_key_are_damage() {
    let cases = rearranged();
    assert!(cases.len() > 12 + 9 + 12 + 6, "{}", cases.len());
    for (name, trace, at) in cases {
        let found = content_level(&trace.write());
        let (segment, _) = place_of(at);
        let is_counted = name.starts_with("dropped") || name.starts_with("duplicated");
        let expected = (Valid::Damaged, if is_counted { "V-FRAMES" } else { "V-DIGEST" });
        assert_eq!(verdict(&found), expected, "{name}: {found:#?}");
        assert_eq!(wrong(&found).place.segment, Some(segment as u32), "{name}: {found:#?}");
    }
}

/// With the key all digests and signatures are made again. What gives the liar away is what the machine answers.
#[test]
fn records_dropped_swapped_duplicated_or_spliced_with_the_key_diverge() {
    for (name, trace, at) in rearranged() {
        let frames: usize = trace.parts.iter().map(|part| part.frames.len()).sum();
        let found = content_level(&trace.resigned(&key()).write());
        let (valid, code) = verdict(&found);
        if valid == Valid::Reproduced {
            // The machine answers this input as it answered the one before it: with the key anybody can tell another input. The other run's
            // content cannot be brought along, since its commitment is salted for that run.
            let is_missing = found.gaps.iter().any(|gap| matches!(gap, Gap::Redacted(_)));
            assert!(name.starts_with("spliced") && is_missing, "{name}: {found:#?}");
            continue;
        }
        assert!(matches!(valid, Valid::Diverged | Valid::Damaged | Valid::Undecided), "{name}: {found:#?}");
        let known = ["D-BREACHES", "D-DELTA", "D-CHECKSUM", "D-OUTCOME", "D-LINEAGE", "D-EXTRACTED"];
        match name.as_str() {
            // Without its opening record a run has no rule set.
            "swapped 0" => assert_eq!((valid, code), (Valid::Undecided, "U-RULE-SET"), "{name}"),
            _ if code == "V-UNLISTED" => {
                assert!(name.starts_with("dropped") || name.starts_with("spliced"), "{name}: {found:#?}");
            }
            _ => {
                assert!(known.contains(&code), "{name}: {found:#?}");
                let record = wrong(&found).place.record.unwrap() as usize;
                // Where the last record of a segment was dropped, the one before it is the last.
                let lowest = at - usize::from(name.starts_with("dropped"));
                assert!(record >= lowest && record < frames, "{name}: {found:#?}");
            }
        }
    }
}

/// With the key and the machine a run can be told anew: what was dropped is then gone, and only the seal known elsewhere, or a witness, shows
/// it. Section 16 of SPEC.md says so; here it is, so that nobody believes otherwise.
#[test]
fn who_has_key_and_machine_can_tell_another_run() {
    let base = base();
    let mut records = base.records();
    let dropped = records.remove(2);
    assert!(matches!(dropped.input.body, Body::PromptGiven(_)));
    let mut told = base.derived(records, &CUTS, &key());
    told.parts.iter_mut().for_each(|part| part.contents.retain(|content| content.bytes != b"never"));
    let found = report(&told.write(), Level::State);
    assert_eq!(found.valid, Valid::Reproduced, "{found:#?}");
    assert_eq!(found.gaps.first(), Some(&Gap::NoWitness));
}

fn other_key() -> SigningKey {
    SigningKey::from_seed(&[12; 32])
}

fn trusting(key: &SigningKey, tenant: &str) -> TrustRoots {
    use rederive_evidence::keys::Signer as _;
    let key = key.public_key();
    let text =
        format!(r#"{{"rederive_trust":1,"keys":[{{"key":"{key}","role":"recorder","tenant":"{tenant}"}}]}}"#);
    TrustRoots::parse(text.as_bytes()).unwrap()
}

fn under(trust: &TrustRoots, bytes: &[u8]) -> (Valid, &'static str) {
    let options = rederive_replay::Options { trust: Some(trust), ..Default::default() };
    verdict(&replay_bytes(bytes, &options).unwrap())
}

/// Spec: trust-roots, no-trust-in-trace.
#[test]
fn a_trace_signed_again_with_another_key_is_forged() {
    use rederive_evidence::keys::Signer as _;
    let base = base();
    // The opening record still names the run's key.
    let resigned = base.clone().resigned(&other_key()).write();
    assert_eq!(verdict(&content_level(&resigned)), (Valid::Forged, "V-OTHER-KEY"));
    assert_eq!(wrong(&content_level(&resigned)).place.segment, Some(0));

    // It names the other key: then the trace is one of its own, and only who was given the right key can tell.
    let mut records = base.records();
    let Body::RunOpened(opening) = &mut records[0].input.body else { panic!() };
    opening.recorder_key = other_key().public_key();
    let taken_over = base.derived(records, &CUTS, &other_key()).write();
    let found = content_level(&taken_over);
    assert_eq!(found.valid, Valid::Reproduced, "{found:#?}");
    assert!(found.gaps.contains(&Gap::NoTrustRoot));
    assert_eq!(under(&trusting(&key(), "acme"), &taken_over), (Valid::Forged, "V-UNTRUSTED"));
    assert_eq!(under(&trusting(&other_key(), "acme"), &taken_over).0, Valid::Reproduced);

    let honest = base.write();
    assert_eq!(under(&trusting(&key(), "acme"), &honest).0, Valid::Reproduced);
    assert_eq!(under(&trusting(&key(), "umbrella"), &honest), (Valid::Forged, "V-UNTRUSTED"));
    assert_eq!(
        under(&TrustRoots::of(key().public_key(), KeyRole::Gate), &honest),
        (Valid::Forged, "V-UNTRUSTED")
    );
}

/// Spec: header-key, seal-covers.
#[test]
fn a_header_or_seal_signed_with_another_key_is_forged() {
    for segment in 0..3 {
        let mut trace = base();
        trace.change_header(segment, &other_key(), |_| {});
        assert_eq!(verdict(&content_level(&trace.write())), (Valid::Forged, "V-OTHER-KEY"), "{segment}");
    }
    let mut trace = base();
    trace.change_seal(&other_key(), |_| {});
    assert_eq!(verdict(&content_level(&trace.write())), (Valid::Forged, "V-OTHER-KEY"));
}

/// A signature that does not hold, over a seal whose digests agree.
#[test]
fn a_signature_that_does_not_hold_is_forged() {
    let mut trace = base();
    let last = trace.seal.len() - 1;
    trace.seal[last] ^= 1;
    assert_eq!(verdict(&content_level(&trace.write())), (Valid::Forged, "F-SIGNATURE"));
    // A header's signature is covered by the header after it, and the last one's by the seal.
    for (segment, code) in [(0, "V-DIGEST"), (1, "V-DIGEST"), (2, "V-DIGEST")] {
        let mut trace = base();
        let last = trace.parts[segment].header.len() - 1;
        trace.parts[segment].header[last] ^= 1;
        assert_eq!(verdict(&content_level(&trace.write())), (Valid::Damaged, code), "{segment}");
    }
}

/// Spec: frame-padding.
#[test]
fn padding_that_is_longer_or_not_zero_is_refused_though_signed() {
    for record in 0..12 {
        let (segment, index) = place_of(record);
        let mut longer = base();
        longer.parts[segment].frames[index].extend([0; 64]);
        let found = content_level(&longer.resigned(&key()).write());
        assert_eq!(found.valid, Valid::Damaged, "record {record}: {found:#?}");

        let mut dirty = base();
        let frame = &mut dirty.parts[segment].frames[index];
        if let Some(0) = frame.last() {
            *frame.last_mut().unwrap() = 1;
            let found = content_level(&dirty.resigned(&key()).write());
            assert_eq!(verdict(&found), (Valid::Damaged, "C-PADDING"), "record {record}: {found:#?}");
        }
    }
}

/// Spec: content-verify.
#[test]
fn contents_that_are_not_those_committed_to_are_named() {
    let change = |change: &dyn Fn(&mut Trace)| {
        let mut trace = base();
        change(&mut trace);
        let found = content_level(&trace.write());
        let integrity = report(&trace.write(), Level::Integrity);
        assert_eq!(verdict(&integrity), verdict(&found));
        verdict(&found)
    };
    let damaged = |code| (Valid::Damaged, code);
    assert_eq!(change(&|trace| trace.parts[0].contents[1].bytes[0] ^= 1), damaged("V-COMMITMENT"));
    assert_eq!(change(&|trace| trace.parts[0].contents[1].salt[0] ^= 1), damaged("V-COMMITMENT"));
    assert_eq!(change(&|trace| trace.parts[0].contents[1].commitment.0[0] ^= 1), damaged("V-COMMITMENT"));
    let foreign = Trace::read(&recorded(runs::observed(1))).parts[0].contents[1].clone();
    assert_eq!(change(&|trace| trace.parts[1].contents.push(foreign.clone())), damaged("V-UNLISTED"));
    assert_eq!(change(&|trace| trace.parts[0].contents.clear()).0, Valid::Reproduced, "redaction is a gap");
}

/// Spec: verdict-order.
#[test]
fn a_content_stands_in_the_segment_of_the_record_that_lists_it_first_and_there_alone() {
    let (base, from, at, to) = listed_again();
    let content = base.parts[from].contents[at].clone();
    let unlisted = (Valid::Damaged, "V-UNLISTED");
    let found = |trace: &Trace| {
        let found = content_level(&trace.write());
        let integrity = report(&trace.write(), Level::Integrity);
        assert_eq!((verdict(&integrity), wrong(&integrity)), (verdict(&found), wrong(&found)));
        assert_eq!(wrong(&found).place.segment, Some(to as u32));
        verdict(&found)
    };
    let mut twice = base.clone();
    twice.parts[to].contents.push(content.clone());
    assert_eq!(found(&twice), unlisted, "once more in a later segment");
    let mut moved = twice;
    moved.parts[from].contents.remove(at);
    assert_eq!(found(&moved), unlisted, "in a later segment alone");
    let mut early = base;
    let part = early.parts.iter().position(|part| !part.contents.is_empty()).unwrap();
    let last = early.parts.len() - 1;
    let content = early.parts[last].contents.pop().unwrap();
    early.parts[part].contents.push(content);
    let found = content_level(&early.write());
    assert_eq!(
        (verdict(&found), wrong(&found).place.segment),
        (unlisted, Some(part as u32)),
        "before it is listed"
    );
}

/// A golden run in segments, and a content that a later segment lists again: the segment that stores it, its place there, and the later segment.
pub(crate) fn listed_again() -> (Trace, usize, usize, usize) {
    let trace = Trace::read(&std::fs::read(project("fixtures/traces/good/segments.rdt")).unwrap());
    let lists = |part: usize, commitment| {
        let frames = trace.parts[part].frames.iter().map(|frame| Record::decode_frame(frame).unwrap().0);
        frames.flat_map(|record| record.input.contents).any(|entry| entry.commitment == commitment)
    };
    let stored = trace.parts.iter().enumerate().flat_map(|(part, of)| {
        of.contents.iter().enumerate().map(move |(at, content)| (part, at, content.commitment))
    });
    let again = stored.map(|(part, at, commitment)| {
        let later = (part + 1..trace.parts.len()).find(|later| lists(*later, commitment));
        later.map(|later| (part, at, later))
    });
    let (from, at, to) = again.flatten().next().expect("a content that is listed again");
    (trace, from, at, to)
}

/// Every derived value of every record, forged by who has the key. Spec: verdict-valid, delta-digest, decision-checksum.
#[test]
fn a_lie_about_what_the_machine_answered_diverges_at_its_record_and_field() {
    type Lie = (&'static str, &'static str, fn(&mut Record) -> bool);
    let lies: [Lie; 6] = [
        ("D-OUTCOME", "derived.outcome", |record| {
            record.derived.outcome = Outcome::Refused;
            true
        }),
        ("D-BREACHES", "derived.breaches", |record| {
            let breach = Breach { rule: Rule::Run2, reason: Reason::Step, record: None, item: None };
            record.derived.breaches = vec![breach];
            true
        }),
        ("D-DELTA", "derived.delta", |record| {
            record.derived.delta.0[31] ^= 1;
            true
        }),
        ("D-CHECKSUM", "derived.checksum", |record| match &mut record.derived.checksum {
            Some(checksum) => {
                checksum.0[0] ^= 1;
                true
            }
            None => false,
        }),
        ("D-CHECKSUM", "derived.checksum", |record| record.derived.checksum.take().is_some()),
        ("D-CHECKSUM", "derived.checksum", |record| {
            record.derived.checksum.replace(Digest([1; 32])).is_none()
        }),
    ];
    let mut told = 0;
    for (number, record) in base().records().into_iter().enumerate() {
        for (code, field, lie) in lies {
            let mut record = record.clone();
            if !lie(&mut record) {
                continue;
            }
            let (segment, index) = place_of(number);
            let mut trace = base();
            trace.parts[segment].frames[index] = record.append_frame(Vec::new()).unwrap();
            let bytes = trace.resigned(&key()).write();
            assert_eq!(report(&bytes, Level::Integrity).valid, Valid::Reproduced, "it has integrity");
            for level in [Level::State, Level::Content] {
                let found = report(&bytes, level);
                assert_eq!(verdict(&found), (Valid::Diverged, code), "record {number}: {found:#?}");
                let wrong = wrong(&found);
                assert_eq!(
                    (wrong.place.record, wrong.field.as_str()),
                    (Some(number as u64), field),
                    "{found:#?}"
                );
                assert_eq!(wrong.place.segment, Some(segment as u32));
            }
            told += 1;
        }
    }
    assert_eq!(told, 12 * 3 + 1 + 1 + 11);
}

/// Code, field and the lie.
type Told<T> = (&'static str, &'static str, fn(&mut T));

#[test]
fn a_lie_about_headers_and_seal_diverges_at_the_segments_end() {
    let headers: [Told<Header>; 4] = [
        ("D-CHECKSUM", "header.checksum", |header| header.checksum.0[0] ^= 1),
        ("D-LINEAGE", "header.lineage", |header| header.lineage.0[0] ^= 1),
        ("D-STATE-ROOT", "header.state_root", |header| header.state_root = Some(Digest([1; 32]))),
        ("D-RULE-SET", "header.rule_set", |header| header.rule_set += 1),
    ];
    for segment in 0..3 {
        for (code, field, lie) in headers {
            let mut trace = base();
            trace.change_header(segment, &key(), lie);
            let found = content_level(&trace.resigned(&key()).write());
            assert_eq!(verdict(&found), (Valid::Diverged, code), "{segment}: {found:#?}");
            let last = [3, 8, 11][segment];
            let place = Place { segment: Some(segment as u32), record: Some(last), byte: None };
            assert_eq!((wrong(&found).field.as_str(), wrong(&found).place), (field, place));
        }
    }
    let seals: [Told<Seal>; 2] = [
        ("D-CHECKSUM", "seal.checksum", |seal| seal.checksum.0[0] ^= 1),
        ("D-STATE-ROOT", "seal.state_root", |seal| seal.state_root.0[0] ^= 1),
    ];
    for (code, field, lie) in seals {
        let mut trace = base();
        trace.change_seal(&key(), lie);
        let found = content_level(&trace.write());
        assert_eq!(verdict(&found), (Valid::Diverged, code), "{found:#?}");
        assert_eq!((wrong(&found).field.as_str(), wrong(&found).place.record), (field, Some(11)));
    }
}

/// Code, and what no longer holds.
type Broken<T> = (&'static str, fn(&mut T));

/// A chain that does not hold is damage even with the key: no machine is needed to see it. Spec: header-chain, seal-covers.
#[test]
fn a_chain_that_does_not_hold_is_damage() {
    let headers: [Broken<Header>; 7] = [
        ("V-NUMBER", |header| header.first += 1),
        ("V-NUMBER", |header| header.segment += 1),
        ("V-DIGEST", |header| header.previous.0[0] ^= 1),
        ("V-DIGEST", |header| header.root.0[0] ^= 1),
        ("V-FRAMES", |header| header.frame_bytes += 64),
        ("V-OTHER-RUN", |header| header.run.0[0] ^= 1),
        ("V-FRAMES", |header| header.records += 1),
    ];
    for (code, lie) in headers {
        let mut trace = base();
        trace.change_header(1, &key(), lie);
        // The headers after it are those of the trace before: what holds their chain together is only made again for the seal.
        let next = digest(Purpose::Header, &trace.parts[1].header);
        trace.change_header(2, &key(), |header| header.previous = next);
        let digests: Vec<Digest> =
            trace.parts.iter().map(|part| digest(Purpose::Header, &part.header)).collect();
        trace.change_seal(&key(), |seal| {
            seal.last = digests[2];
            seal.header_root = rederive_evidence::tree::root(&digests).unwrap();
        });
        let found = content_level(&trace.write());
        assert_eq!(verdict(&found), (Valid::Damaged, code), "{:?}", wrong(&found));
    }
    let seals: [Broken<Seal>; 5] = [
        ("V-NUMBER", |seal| seal.segments += 1),
        ("V-NUMBER", |seal| seal.records -= 1),
        ("V-DIGEST", |seal| seal.last.0[0] ^= 1),
        ("V-DIGEST", |seal| seal.header_root.0[0] ^= 1),
        ("V-OTHER-RUN", |seal| seal.run.0[0] ^= 1),
    ];
    for (code, lie) in seals {
        let mut trace = base();
        trace.change_seal(&key(), lie);
        assert_eq!(verdict(&content_level(&trace.write())), (Valid::Damaged, code));
    }
}

/// An extracted value is input to the machine: a lie about it, told consistently, is seen where the content is looked at, and only there.
#[test]
fn a_lie_about_what_a_content_says_diverges_at_content_level_alone() {
    let base = base();
    let mut records = base.records();
    let proposed = records.iter().position(|record| record.extracted.is_some()).unwrap();
    let lie = records[proposed].extracted.as_mut().unwrap();
    assert_eq!(lie.schema, Some(SchemaCheck::Valid));
    lie.schema = Some(SchemaCheck::Invalid);
    let lied = base.derived(records, &CUTS, &key());
    assert_eq!(report(&lied.write(), Level::State).valid, Valid::Reproduced);
    let found = content_level(&lied.write());
    assert_eq!(verdict(&found), (Valid::Diverged, "D-EXTRACTED"), "{found:#?}");
    assert_eq!(wrong(&found).place.record, Some(proposed as u64));

    // Without the content nobody can tell, and the report says so.
    let mut redacted = lied;
    redacted.parts.iter_mut().for_each(|part| part.contents.clear());
    let found = content_level(&redacted.write());
    assert_eq!(found.valid, Valid::Reproduced, "{found:#?}");
    assert!(found.gaps.iter().any(|gap| matches!(gap, Gap::TakenAsRecorded(_))), "{:?}", found.gaps);
}

/// A record that states another length than its content has is signed nonsense.
#[test]
fn a_length_that_its_content_does_not_have_diverges() {
    let base = base();
    let mut records = base.records();
    records[3].input.contents[0].bytes.0 += 1;
    let found = report(&base.derived(records, &CUTS, &key()).write(), Level::State);
    assert_eq!(verdict(&found), (Valid::Diverged, "D-CONTENT-LENGTH"), "{found:#?}");
    assert_eq!(wrong(&found).place.record, Some(3));
}

/// Spec: verdict-order.
#[test]
fn of_several_lies_the_lowest_stands_and_damage_outranks_all() {
    let lie = |trace: &mut Trace, number: usize| {
        let (segment, index) = place_of(number);
        let mut record = trace.records()[number].clone();
        record.derived.delta.0[0] ^= 1;
        trace.parts[segment].frames[index] = record.append_frame(Vec::new()).unwrap();
    };
    let mut trace = base();
    lie(&mut trace, 10);
    lie(&mut trace, 5);
    lie(&mut trace, 6);
    let mut trace = trace.resigned(&key());
    assert_eq!(wrong(&content_level(&trace.write())).place.record, Some(5));

    trace.parts[2].frames.swap(0, 1);
    let found = content_level(&trace.write());
    assert_eq!((verdict(&found), wrong(&found).place.segment), ((Valid::Damaged, "V-DIGEST"), Some(2)));

    // A seal that does not hold is the end of the chain: what is broken in a segment stands before it.
    let last = trace.seal.len() - 1;
    trace.seal[last] ^= 1;
    let found = content_level(&trace.write());
    assert_eq!((verdict(&found), wrong(&found).place.segment), ((Valid::Damaged, "V-DIGEST"), Some(2)));
}

/// A cause that does not point backwards can be signed; the machine marks it.
#[test]
fn a_record_that_follows_from_a_later_one_is_a_breach_and_no_cycle() {
    let base = base();
    let mut records = base.records();
    records[2].input.causes = Causes::of([7]);
    let found = report(&base.derived(records, &CUTS, &key()).write(), Level::State);
    assert_eq!(found.valid, Valid::Reproduced, "{found:#?}");
    assert!(found.findings.items().iter().any(|finding| finding.record == 2 && finding.rule == Rule::Run2));
}

/// Spec: equivocation.
#[test]
fn one_run_told_twice_is_equivocation() {
    let (one, other) = (base(), Trace::read(&recorded_enforced(1)));
    let found = rederive_replay::equivocation(
        &TraceReader::of(one.write()).unwrap(),
        &TraceReader::of(other.write()).unwrap(),
    );
    let found = found.unwrap().unwrap();
    assert_eq!((found.segment, found.code()), (0, "V-EQUIVOCATION"));
    let stranger = recorded_with(runs::observed(1), options(Durability::OnSeal, b"other"));
    let readers = (TraceReader::of(one.write()).unwrap(), TraceReader::of(stranger).unwrap());
    assert_eq!(rederive_replay::equivocation(&readers.0, &readers.1).unwrap(), None);
    let same = TraceReader::of(one.write()).unwrap();
    assert_eq!(rederive_replay::equivocation(&readers.0, &same).unwrap(), None);
}

/// Spec: equivocation.
#[test]
fn a_seal_before_the_end_and_another_seal_are_equivocation() {
    let sealed_after = |segments: usize| {
        let mut trace = base();
        trace.parts.truncate(segments);
        trace.resigned(&key())
    };
    let mut other = sealed_after(3);
    other.change_seal(&key(), |seal| seal.ephemeral = true);
    let [one, two, three, other] =
        [sealed_after(1), sealed_after(2), sealed_after(3), other].map(|trace| trace.write());
    let told = |a: &[u8], b: &[u8]| {
        let found = rederive_replay::equivocation(&TraceReader::of(a).unwrap(), &TraceReader::of(b).unwrap());
        found.unwrap().map(|found| found.segment)
    };
    for (a, b, segment) in [
        (&one, &two, Some(1)),
        (&one, &three, Some(1)),
        (&two, &three, Some(2)),
        (&three, &other, Some(2)),
        (&one, &one, None),
        (&three, &three, None),
    ] {
        assert_eq!((told(a, b), told(b, a)), (segment, segment));
    }
}

/// Anybody can write other frames into a file: they accuse nobody who did not sign them.
#[test]
fn frames_that_are_not_those_signed_are_no_equivocation() {
    let storage = FaultyStorage::new();
    let mut drafts = runs::observed(1).into_iter();
    let options = options(Durability::EveryRecord, b"test");
    let recorder = Recorder::create(storage.clone(), path(), drafts.next().unwrap(), options).unwrap();
    drafts.take(3).for_each(|draft| drop(recorder.append(draft).unwrap()));
    let open = TraceReader::open(&storage, path()).unwrap();
    assert!(open.open_segment().is_some_and(|open| open.head().is_some()));
    let mut closed = Trace::read(&recorded(runs::observed(1)));
    let told = |closed: &Trace| {
        rederive_replay::equivocation(&open, &TraceReader::of(closed.write().as_slice()).unwrap()).unwrap()
    };
    assert_eq!(told(&closed), None);
    let mut record = closed.records()[0].clone();
    record.derived.delta.0[0] ^= 1;
    closed.parts[0].frames[0] = record.append_frame(Vec::new()).unwrap();
    assert_eq!(told(&closed), None);
    assert_ne!(told(&closed.resigned(&key())), None);
}
