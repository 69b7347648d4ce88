//! Properties of whole traces, over drawn runs, cuts, threads, redactions, proofs and orders of arrival.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{BlockBuffer, Copying, Packing, TraceReader, copy};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::draft::Draft;
use rederive_evidence::hex::Bytes;
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::Body;
use rederive_evidence::proof::{Disclosure, InclusionProof, ProofFault, Salt, ShownRecord};
use rederive_evidence::record::{Causes, MediaType, frame_length};
use rederive_evidence::signed::Version;
use rederive_evidence::tree::{Selection, Tree};
use rederive_evidence::values::{Mode, Place};
use rederive_recorder::{Durability, ManualClock, Options, Recorder};
use rederive_replay::{Gap, Level, Report, Valid};

use crate::runs;
use crate::traces::{Trace, key, options, path, recorded, recorded_enforced, recorded_with, report};

/// This many cases, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let all = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { all.cases } else { few };
    ProptestConfig { cases, ..all }
}

/// A whole trace of up to three enforced turns, cut anywhere.
fn cut_trace() -> impl Strategy<Value = Trace> {
    (0..=3_u32, prop::collection::vec(any::<Index>(), 0..5)).prop_map(|(turns, cuts)| {
        let trace = Trace::read(&recorded_enforced(turns));
        let records = trace.records();
        let cuts: BTreeSet<usize> = cuts.into_iter().map(|cut| cut.index(records.len() - 1) + 1).collect();
        let cuts: Vec<usize> = cuts.into_iter().collect();
        trace.derived(records, &cuts, &key())
    })
}

fn on_threads(threads: usize, bytes: &[u8], level: Level) -> Report {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| report(bytes, level))
}

/// What somebody does to a trace.
#[derive(Clone, Debug)]
enum Harm {
    None,
    /// A byte of the file is another one.
    Byte(Index, u8),
    /// A derived value is another one, and all digests and signatures are made again.
    Lie(Index),
    /// The contents of a segment are gone.
    Redacted(Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        Just(Harm::None),
        (any::<Index>(), 1..=u8::MAX).prop_map(|(at, flip)| Harm::Byte(at, flip)),
        any::<Index>().prop_map(Harm::Lie),
        any::<Index>().prop_map(Harm::Redacted),
    ]
}

impl Harm {
    fn done_to(&self, mut trace: Trace) -> Vec<u8> {
        match self {
            Self::None => trace.write(),
            Self::Byte(at, flip) => {
                let mut bytes = trace.write();
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
                bytes
            }
            Self::Lie(at) => {
                let mut records = trace.records();
                let at = at.index(records.len());
                records[at].derived.delta.0[0] ^= 1;
                let frame = records[at].append_frame(Vec::new()).unwrap();
                let ends = trace.parts.iter().scan(0, |end, part| {
                    *end += part.frames.len();
                    Some(*end)
                });
                let segment = ends.take_while(|end| *end <= at).count();
                let first = trace.header(segment).first as usize;
                trace.parts[segment].frames[at - first] = frame;
                trace.resigned(&key()).write()
            }
            Self::Redacted(segment) => {
                let segment = segment.index(trace.parts.len());
                trace.parts[segment].contents.clear();
                trace.write()
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Spec: verdict-deterministic.
    #[test]
    fn any_number_of_threads_gives_the_same_report(trace in cut_trace(), harm in harm()) {
        let bytes = harm.done_to(trace);
        for level in Level::ALL {
            let one = on_threads(1, &bytes, *level);
            for threads in [2, 3, 8] {
                prop_assert_eq!(&on_threads(threads, &bytes, *level), &one);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_file_and_another_seed_another(turns in 0..4_u32, seed: [u8; 4], other: [u8; 4]) {
        let of = |seed: &[u8]| recorded_with(runs::observed(turns), options(Durability::OnSeal, seed));
        prop_assert_eq!(of(&seed), of(&seed));
        prop_assert_eq!(of(&seed) == of(&other), seed == other);
    }

    /// A run recorded durably record by record is the file that one recorded in memory is.
    #[test]
    fn durability_changes_no_byte_of_a_sealed_trace(turns in 0..4_u32, group in 1..10_u32) {
        let of = |durability| recorded_with(runs::observed(turns), options(durability, b"same"));
        let on_seal = of(Durability::OnSeal);
        for durability in [Durability::EveryRecord, Durability::Group(group), Durability::LeftToSystem] {
            prop_assert_eq!(&of(durability), &on_seal);
        }
    }
}

/// An observed run whose contents are these bytes.
fn run_of(contents: &[Vec<u8>]) -> Vec<Draft> {
    let mut drafts = runs::observed(contents.len() as u32);
    let given = drafts.iter_mut().filter(|draft| matches!(draft.body, Body::PromptGiven(_)));
    for (draft, bytes) in given.zip(contents) {
        draft.contents[0].bytes.clone_from(bytes);
        draft.contents[0].media = MediaType::Octets;
    }
    drafts
}

/// Bytes of which no run stands in the file by chance.
fn planted() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 12..120)
}

/// Every place where a file holds bytes: as they lie, and unpacked.
fn held(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut held = vec![bytes.to_vec()];
    let reader = TraceReader::of(bytes).unwrap();
    for number in 0..reader.segments() {
        let segment = reader.segment(number).unwrap();
        let mut buffer = BlockBuffer::new();
        held.push(segment.frames(&mut buffer).unwrap().to_vec());
        held.push(segment.header().unwrap());
        held.extend(segment.lineage(&mut buffer).unwrap().usable());
        for block in segment.content_blocks() {
            let contents = block.contents(&mut buffer).unwrap().map(Result::unwrap);
            held.extend(contents.flat_map(|content| {
                [content.bytes.to_vec(), content.salt.to_vec(), content.commitment.0.to_vec()]
            }));
        }
    }
    held
}

fn contains(held: &[Vec<u8>], run: &[u8]) -> bool {
    held.iter().any(|bytes| bytes.windows(run.len()).any(|window| window == run))
}

fn redacted(bytes: &[u8], leave_out: &BTreeSet<Digest>, packing: Packing) -> Vec<u8> {
    let storage = FaultyStorage::new();
    let to = Path::new("redacted.rdt");
    let reader = TraceReader::of(bytes).unwrap();
    let copied = copy(&reader, storage.clone(), to, Copying { leave_out, packing }, |frames| {
        frame_length(frames).ok()
    });
    assert_eq!(copied.unwrap().left_out, *leave_out);
    storage.bytes_of(to).unwrap()
}

proptest! {
    #![proptest_config(cases(16))]

    /// Spec: redaction.
    #[test]
    fn redaction_keeps_every_hash_and_leaves_no_run_of_the_bytes(
        (contents, gone) in prop::collection::vec(planted(), 1..5)
            .prop_flat_map(|contents| (Just(contents.clone()), subsequence(contents.clone(), 1..=contents.len()))),
        source in prop_oneof![Just(Packing::Hot), Just(Packing::Cold)],
        target in prop_oneof![Just(Packing::Hot), Just(Packing::Cold)],
    ) {
        let with = Options { packing: source, ..options(Durability::OnSeal, b"redaction") };
        let bytes = recorded_with(run_of(&contents), with);
        let before = Trace::read(&bytes);
        let leave_out: BTreeSet<Digest> = before.parts.iter().flat_map(|part| &part.contents)
            .filter(|content| gone.contains(&content.bytes)).map(|content| content.commitment).collect();
        let salts: Vec<[u8; 32]> = before.parts.iter().flat_map(|part| &part.contents)
            .filter(|content| gone.contains(&content.bytes)).map(|content| content.salt).collect();
        let bytes = redacted(&bytes, &leave_out, target);
        let after = Trace::read(&bytes);
        for (before, after) in before.parts.iter().zip(&after.parts) {
            prop_assert_eq!((&before.frames, &before.header, &before.lineage), (&after.frames, &after.header, &after.lineage));
        }
        prop_assert_eq!((&before.seal, before.parts.len()), (&after.seal, after.parts.len()));
        let held = held(&bytes);
        for content in &gone {
            prop_assert!(!content.windows(8).any(|run| contains(&held, run)));
        }
        prop_assert!(!salts.iter().flat_map(|salt| salt.windows(8)).any(|run| contains(&held, run)));
        for kept in contents.iter().filter(|content| !gone.contains(content)) {
            prop_assert!(contains(&held, kept), "what was not asked for stays");
        }
        let report = report(&bytes, Level::Content);
        prop_assert_eq!(report.valid, Valid::Reproduced);
        prop_assert!(report.gaps.contains(&Gap::Redacted(leave_out.len() as u64)), "{:?}", report.gaps);
    }
}

/// A proof of the records with these indices in a segment, their contents disclosed.
fn proof_of(trace: &Trace, segment: usize, indices: &[u32]) -> InclusionProof {
    let part = &trace.parts[segment];
    let leaves: Vec<Digest> = part.frames.iter().map(|frame| digest(Purpose::Leaf, frame)).collect();
    let headers: Vec<Digest> = trace.parts.iter().map(|part| digest(Purpose::Header, &part.header)).collect();
    let records = trace.records();
    let first = trace.header(segment).first as usize;
    let listed: BTreeSet<Digest> = indices
        .iter()
        .flat_map(|index| &records[first + *index as usize].input.contents)
        .map(|entry| entry.commitment)
        .collect();
    let stored = trace.parts.iter().flat_map(|part| &part.contents);
    let disclosed = stored.filter(|content| listed.contains(&content.commitment)).map(|content| Disclosure {
        commitment: content.commitment,
        salt: Salt(content.salt),
        bytes: Bytes(content.bytes.clone()),
    });
    let shown =
        |index: &u32| ShownRecord { index: *index, frame: Bytes(part.frames[*index as usize].clone()) };
    InclusionProof {
        version: Version::One,
        records: indices.iter().map(shown).collect(),
        lemmas: Selection::new(&leaves, indices).unwrap().lemmas,
        header: Bytes(part.header.clone()),
        header_siblings: Tree::new(&headers).unwrap().path(segment).unwrap().siblings,
        seal: Bytes(trace.seal.clone()),
        disclosed: disclosed.collect(),
    }
}

fn check(proof: &InclusionProof) -> Result<Vec<u64>, ProofFault> {
    let trusted = key().public_key();
    let proven = proof.check(|key, _| *key == trusted)?;
    Ok(proven.records.iter().map(|record| record.sequence).collect())
}

/// The proof with one thing in it changed, in each way there is.
fn bent(proof: &InclusionProof, trace: &Trace, segment: usize) -> Vec<(String, InclusionProof)> {
    let mut all = Vec::new();
    let mut bend = |name: String, change: &dyn Fn(&mut InclusionProof)| {
        let mut bent = proof.clone();
        change(&mut bent);
        if bent != *proof {
            all.push((name, bent));
        }
    };
    for (number, other) in trace.parts.iter().enumerate() {
        for (index, frame) in other.frames.iter().enumerate() {
            bend(format!("frame {index} of segment {number}"), &|p| p.records[0].frame.0.clone_from(frame));
        }
        if number != segment {
            bend(format!("header {number}"), &|p| p.header.0.clone_from(&other.header));
        }
    }
    for at in 0..proof.records[0].frame.0.len() {
        bend(format!("byte {at} of the frame"), &|p| p.records[0].frame.0[at] ^= 1);
    }
    for at in 0..proof.lemmas.len() {
        bend(format!("lemma {at}"), &|p| p.lemmas[at].0[0] ^= 1);
        bend(format!("no lemma {at}"), &|p| {
            let _ = p.lemmas.remove(at);
        });
    }
    for at in 0..proof.header_siblings.len() {
        bend(format!("sibling {at}"), &|p| p.header_siblings[at].0[31] ^= 1);
        bend(format!("no sibling {at}"), &|p| {
            let _ = p.header_siblings.remove(at);
        });
    }
    bend("one lemma more".to_owned(), &|p| p.lemmas.push(Digest::ZERO));
    bend("one sibling more".to_owned(), &|p| p.header_siblings.push(Digest::ZERO));
    for index in 0..=proof.records[0].index + 1 {
        bend(format!("index {index}"), &|p| p.records[0].index = index);
    }
    bend("no record".to_owned(), &|p| p.records.clear());
    for at in 0..proof.disclosed.len() {
        bend(format!("salt {at}"), &|p| p.disclosed[at].salt.0[0] ^= 1);
        bend(format!("content {at}"), &|p| p.disclosed[at].bytes.0.push(0));
        bend(format!("commitment {at}"), &|p| p.disclosed[at].commitment.0[0] ^= 1);
    }
    let (seal, header) = (proof.seal.0.len() - 1, proof.header.0.len() - 1);
    bend("the seal's signature".to_owned(), &|p| p.seal.0[seal] ^= 1);
    bend("the header's signature".to_owned(), &|p| p.header.0[header] ^= 1);
    let other = Trace::read(&recorded(runs::observed(1)));
    bend("another run's seal".to_owned(), &|p| p.seal.0.clone_from(&other.seal));
    all
}

proptest! {
    #![proptest_config(cases(16))]

    /// Spec: proof, proof-check.
    #[test]
    fn a_proof_verifies_its_own_records_and_no_other(trace in cut_trace(), segment: Index, picks: [Index; 3]) {
        let segment = segment.index(trace.parts.len());
        let count = trace.parts[segment].frames.len();
        let indices: BTreeSet<u32> = picks.iter().map(|pick| pick.index(count) as u32).collect();
        let indices: Vec<u32> = indices.into_iter().collect();
        let proof = proof_of(&trace, segment, &indices);
        let first = trace.header(segment).first;
        let expected: Vec<u64> = indices.iter().map(|index| first + u64::from(*index)).collect();
        prop_assert_eq!(check(&proof), Ok(expected));
        for (name, bent) in bent(&proof, &trace, segment) {
            prop_assert!(check(&bent).is_err(), "{}", name);
        }
        let stranger = SigningKey::from_seed(&[99; 32]).public_key();
        prop_assert!(proof.check(|key, _| *key == stranger).is_err());
    }
}

#[test]
fn the_only_record_of_a_run_has_a_proof_without_a_sibling() {
    let trace = Trace::read(&recorded_enforced(0));
    let mut records = trace.records();
    records.truncate(1);
    let one = trace.derived(records, &[], &key());
    let proof = proof_of(&one, 0, &[0]);
    assert!(proof.lemmas.is_empty() && proof.header_siblings.is_empty());
    assert_eq!(check(&proof), Ok(vec![0]));
}

/// A turn of `calls` parallel calls whose proposals and results arrive in this order: each at its own place, at its own time.
fn parallel(order: &[(u16, bool)]) -> Trace {
    let storage = FaultyStorage::new();
    let with = Options {
        clock: Arc::new(ManualClock::new(runs::time(50))),
        ..options(Durability::OnSeal, b"parallel")
    };
    let recorder = Recorder::create(storage.clone(), path(), runs::opening(Mode::Observed), with).unwrap();
    let template = runs::observed(1);
    for draft in &template[1..4] {
        let mut draft = draft.clone();
        if let Body::PromptAnswered(answered) = &mut draft.body {
            answered.calls = (order.len() / 2) as u16;
        }
        recorder.append(draft).unwrap();
    }
    let mut proposals = std::collections::BTreeMap::new();
    for (index, is_result) in order {
        let mut draft = template[if *is_result { 5 } else { 4 }].clone();
        draft.place = Some(Place { agent: runs::id("agent"), turn: 0, index: *index, attempt: 0 });
        draft.contents[0].bytes = format!("{{\"query\":\"{index}, {is_result}\"}}").into_bytes();
        draft.time = None;
        draft.causes = Causes::of([proposals.get(index).copied().unwrap_or(3)]);
        let sequence = recorder.append(draft).unwrap().sequence;
        if !is_result {
            proposals.insert(*index, sequence);
        }
    }
    let last = recorder.records().unwrap() - 1;
    recorder.append(runs::closing(last, 100)).unwrap();
    recorder.seal().unwrap();
    let bytes = storage.bytes_of(path()).unwrap();
    assert_eq!(report(&bytes, Level::Content).valid, Valid::Reproduced);
    Trace::read(&bytes)
}

/// Calls in any order, each result after its proposal.
fn arrivals() -> impl Strategy<Value = Vec<(u16, bool)>> {
    (1..6_u16)
        .prop_flat_map(|calls| {
            let twice: Vec<u16> = (0..calls).flat_map(|index| [index, index]).collect();
            Just(twice).prop_shuffle()
        })
        .prop_map(|order| {
            let mut seen = BTreeSet::new();
            order.into_iter().map(|index| (index, !seen.insert(index))).collect()
        })
}

proptest! {
    #![proptest_config(cases(24))]

    /// Spec: order-independence.
    #[test]
    fn the_order_in_which_parallel_calls_arrive_does_not_change_the_state_root(order in arrivals()) {
        let mut in_order: Vec<(u16, bool)> = order.clone();
        in_order.sort_unstable();
        let (arrived, sorted) = (parallel(&order), parallel(&in_order));
        prop_assert_eq!(arrived.sealed().state_root, sorted.sealed().state_root);
        let same = order == in_order;
        prop_assert_eq!(arrived.sealed().checksum == sorted.sealed().checksum, same, "checksums follow the order");
    }
}
