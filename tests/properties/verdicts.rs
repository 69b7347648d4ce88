//! Each verdict, gap, finding and failure of SPEC.md, section 12.3, by a trace that gives it.

use rederive_archive::log_path;
use rederive_archive::storage::faulty::{FaultyStorage, Survival};
use rederive_evidence::draft::Draft;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Causes;
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_evidence::values::{Layer, Mode};
use rederive_recorder::{Durability, Options, Recorder};
use rederive_replay::{Failure, Finding, Gap, Level, Report, Sample, Valid, replay, replay_bytes};

use crate::runs;
use crate::traces::{
    Trace, WITHOUT_BUNDLE, entries, key, options, path, recorded, recorded_enforced, recorded_with,
    replace_entry, report,
};

/// What a report says beside the gaps that every trace of today has.
fn gaps(report: &Report) -> Vec<String> {
    let always = [Gap::NoWitness, Gap::NoTrustRoot];
    let told = report.gaps.iter().filter(|gap| !always.contains(gap));
    told.map(ToString::to_string).collect()
}

fn outcome(report: &Report) -> (Valid, &'static str, Vec<String>) {
    (report.valid, report.wrong.as_ref().map_or("", |wrong| wrong.code), gaps(report))
}

fn told(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// What a report says of an enforced run of one turn that was changed, at each level that needs no bundle.
fn at_each_level(bytes: &[u8]) -> Vec<(Valid, &'static str, Vec<String>)> {
    WITHOUT_BUNDLE.iter().map(|level| outcome(&report(bytes, *level))).collect()
}

/// The enforced run of one turn after this change of its records, derived anew.
fn changed(change: impl FnOnce(&mut Trace, &mut Vec<rederive_evidence::record::Record>)) -> Vec<u8> {
    let mut trace = Trace::read(&recorded_enforced(1));
    let mut records = trace.records();
    change(&mut trace, &mut records);
    trace.derived(records, &[], &key()).write()
}

fn undecided(code: &'static str, gaps: &[&str]) -> (Valid, &'static str, Vec<String>) {
    (Valid::Undecided, code, told(gaps))
}

fn reproduced(gaps: &[&str]) -> (Valid, &'static str, Vec<String>) {
    (Valid::Reproduced, "", told(gaps))
}

#[test]
fn what_is_no_trace_or_holds_no_record_is_undecided_or_damaged() {
    let whole = recorded_enforced(1);
    let table: [(&[u8], Valid, &str); 6] = [
        (b"", Valid::Undecided, "U-NEVER-BEGUN"),
        (&whole[..40], Valid::Undecided, "U-NEVER-BEGUN"),
        (&[0; 64], Valid::Undecided, "U-NEVER-BEGUN"),
        (&whole[..64], Valid::Undecided, "U-EMPTY"),
        (b"{\"messages\": []}", Valid::Damaged, "A-MAGIC"),
        (&[b"REDERIVE\x02\x00".as_slice(), &[0; 54]].concat(), Valid::Undecided, "U-VERSION"),
    ];
    for (bytes, valid, code) in table {
        for level in Level::ALL {
            let report = report(bytes, *level);
            assert_eq!((report.valid, report.wrong.unwrap().code), (valid, code), "{bytes:?}");
        }
    }
}

/// Spec: verdict-valid.
#[test]
fn an_unknown_rule_set_is_undecided_from_the_state_level_on() {
    let bytes = changed(|_, records| {
        let Body::RunOpened(opening) = &mut records[0].input.body else { panic!() };
        opening.rule_set.number = 9;
    });
    let unknown = undecided("U-RULE-SET", &["unknown-rule-set 9"]);
    assert_eq!(at_each_level(&bytes), [reproduced(&[]), unknown.clone(), unknown]);

    let other_digest = changed(|_, records| {
        let Body::RunOpened(opening) = &mut records[0].input.body else { panic!() };
        opening.rule_set.digest.0[0] ^= 1;
    });
    let unknown = undecided("U-RULE-SET", &["unknown-rule-set 1"]);
    assert_eq!(at_each_level(&other_digest)[1], unknown);
}

/// Puts a kind that no registry has in the place of the kind of a frame's record.
pub(crate) fn of_unknown_kind(frame: &[u8]) -> Vec<u8> {
    let kind = [0x0b, Kind::ToolReturned.code(), 0x0c];
    let at = frame.windows(3).position(|bytes| bytes == kind).unwrap();
    let mut bytes = [&frame[..at], &[0x0b, 0x19, 0x7f, 0xff, 0x0c], &frame[at + 3..]].concat();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes
}

/// Spec: kind-unknown.
#[test]
fn an_unknown_kind_and_what_follows_it_are_undecided_from_the_state_level_on() {
    let mut trace = Trace::read(&recorded_enforced(1));
    let at =
        trace.records().iter().position(|record| record.input.body.kind() == Kind::ToolReturned).unwrap();
    let frame = &mut trace.parts[0].frames[at];
    *frame = of_unknown_kind(frame);
    let bytes = trace.resigned(&key()).write();
    let gap = format!("unknown-kind {at}");
    let unknown = undecided("C-UNKNOWN-KIND", &[&gap]);
    let found = at_each_level(&bytes);
    assert_eq!(found[0], reproduced(&[&gap]));
    assert_eq!(found[1].0, Valid::Undecided, "{found:?}");
    assert_eq!((found[1].1, &found[1].0), (unknown.1, &unknown.0));
    assert!(found[1].2.contains(&gap), "{found:?}");

    // A divergence before it is told; one after it cannot be.
    let lie = |number: usize| {
        let mut trace = Trace::read(&bytes);
        let (mut record, _) =
            rederive_evidence::record::Record::decode_frame(&trace.parts[0].frames[number]).unwrap();
        record.derived.delta.0[0] ^= 1;
        trace.parts[0].frames[number] = record.append_frame(Vec::new()).unwrap();
        report(&trace.resigned(&key()).write(), Level::State).valid
    };
    assert_eq!((lie(at - 1), lie(at + 1)), (Valid::Diverged, Valid::Undecided));
}

/// A recorder that was stopped, after as many records of an observed run.
pub(crate) fn stopped(durability: Durability, records: usize) -> FaultyStorage {
    let storage = FaultyStorage::new();
    let mut drafts = runs::observed(2).into_iter().take(records);
    let recorder =
        Recorder::create(storage.clone(), path(), drafts.next().unwrap(), options(durability, b"stop"))
            .unwrap();
    drafts.for_each(|draft| drop(recorder.append(draft).unwrap()));
    drop(recorder);
    storage.restart(Survival::Nothing);
    storage
}

fn replayed(storage: &FaultyStorage) -> Report {
    replay(storage, path(), &rederive_replay::Options::default()).unwrap()
}

const OBSERVED: &[&str] = &[
    "missing-layer guardrail",
    "missing-layer tool-broker",
    "missing-layer memory",
    "missing-layer outcome",
    "missing-layer hand-off",
];

#[test]
fn a_run_without_its_seal_is_unsealed_and_reproduces_as_far_as_it_goes() {
    let report = replayed(&stopped(Durability::EveryRecord, 6));
    assert_eq!((report.valid, report.records), (Valid::Reproduced, 6), "{report:#?}");
    assert!(report.gaps.contains(&Gap::Unsealed), "{:?}", report.gaps);
}

#[test]
fn an_open_log_that_names_another_run_or_holds_more_than_its_frames_is_damaged() {
    let storage = stopped(Durability::EveryRecord, 5);
    replace_entry(&storage, 17, |opening| opening[0] ^= 1);
    let report = replayed(&storage);
    assert_eq!(outcome(&report).1, "V-OTHER-RUN", "{report:#?}");
    assert_ne!(report.valid, Valid::Reproduced);

    // No head is over these records: only their entries say where one ends.
    let storage = stopped(Durability::Group(100), 5);
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let last_head = entries(&log).iter().rposition(|(_, kind)| *kind == 20).unwrap();
    storage.put(&log_path(path()), log[..entries(&log)[last_head].0].to_vec());
    replace_entry(&storage, 19, |frame| frame.extend([0; 64]));
    let report = replayed(&storage);
    assert_eq!((report.valid, outcome(&report).1), (Valid::Damaged, "C-TRAILING"), "{report:#?}");
}

/// Spec: gaps, archive-log.
#[test]
fn a_log_of_another_run_beside_a_sealed_trace_is_a_gap_at_every_level() {
    let storage = stopped(Durability::EveryRecord, 5);
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let left_by = replayed(&storage).run.unwrap();
    let sealed = |seed| recorded_with(runs::observed(2), options(Durability::OnSeal, seed));
    for (trace, expected) in [(sealed(b"stop"), None), (sealed(b"another run"), Some(Gap::OtherLog(left_by)))]
    {
        storage.put(path(), trace);
        storage.put(&log_path(path()), log.clone());
        for level in WITHOUT_BUNDLE {
            let options = rederive_replay::Options { level, ..Default::default() };
            let report = replay(&storage, path(), &options).unwrap();
            assert_eq!(report.valid, Valid::Reproduced, "{level} {report:#?}");
            let told = report.gaps.iter().find(|gap| gap.name() == "other-log");
            assert_eq!(told, expected.as_ref(), "{level}");
            assert!(told.is_none_or(|gap| gap.is_torn(level)), "{level}");
        }
    }
}

/// Spec: gaps.
#[test]
fn a_seal_over_a_run_that_nothing_closes_is_a_gap_from_the_state_level_on() {
    let unclosed = changed(|_, records| drop(records.pop()));
    for (level, is_told) in [(Level::Integrity, false), (Level::State, true), (Level::Content, true)] {
        let found = report(&unclosed, level);
        assert_eq!(found.valid, Valid::Reproduced, "{level} {found:#?}");
        assert_eq!(found.gaps.contains(&Gap::Unclosed), is_told, "{level} {found:#?}");
    }
    assert!(!Gap::Unclosed.is_torn(Level::State), "a gap that changes no exit status");
    for whole in [recorded_enforced(1), recorded(runs::observed(1))] {
        assert!(!report(&whole, Level::State).gaps.contains(&Gap::Unclosed));
    }
    // What is not sealed may go on.
    assert!(!replayed(&stopped(Durability::EveryRecord, 5)).gaps.contains(&Gap::Unclosed));
}

/// Spec: verdict-valid.
#[test]
fn a_signed_frame_that_is_canonical_and_no_record_diverges_at_every_level_the_first_too() {
    for record in [0, 1] {
        let mut trace = Trace::read(&recorded(runs::observed(1)));
        // An array of nothing, and padding.
        trace.parts[0].frames[record] = [&[0x80][..], &[0; 63]].concat();
        let bytes = trace.resigned(&key()).write();
        for level in Level::ALL {
            let report = report(&bytes, *level);
            let at = report.wrong.as_ref().and_then(|wrong| wrong.place.record);
            assert_eq!((report.valid, at), (Valid::Diverged, Some(record as u64)), "{level} {report:#?}");
        }
    }
}

#[test]
fn an_open_log_without_a_record_is_undecided_at_every_level() {
    let storage = stopped(Durability::EveryRecord, 1);
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let (second, _) = entries(&log)[1];
    storage.put(&log_path(path()), log[..second].to_vec());
    for level in Level::ALL {
        let report =
            replay(&storage, path(), &rederive_replay::Options { level: *level, ..Default::default() })
                .unwrap();
        assert_eq!((report.valid, outcome(&report).1), (Valid::Undecided, "U-EMPTY"), "{level} {report:#?}");
    }
}

/// Spec: archive-log-recovery.
#[test]
fn records_without_a_signed_head_are_kept_and_counted_and_a_torn_entry_is_cut() {
    let storage = stopped(Durability::Group(3), 7);
    let log = storage.bytes_of(&log_path(path())).unwrap();
    let entries = entries(&log);
    let (head, 20) = *entries.last().unwrap() else { panic!("{entries:?}") };

    // The last commit's head is gone: its three records stand without a signature over them.
    storage.put(&log_path(path()), log[..head].to_vec());
    let report = replayed(&storage);
    assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
    assert!(report.gaps.contains(&Gap::RecoveredTail(3)), "{:?}", report.gaps);

    // The head is torn: what is left of it is no record's.
    storage.put(&log_path(path()), log[..head + 40].to_vec());
    let torn = replayed(&storage);
    assert!(
        torn.gaps.contains(&Gap::CutTail(40)) && torn.gaps.contains(&Gap::RecoveredTail(3)),
        "{:?}",
        torn.gaps
    );

    // Recovered, and stopped once more: that three of its records were attested by nobody when it stopped first stays in its header.
    let recover =
        |seed| Recorder::recover(storage.clone(), path(), options(Durability::EveryRecord, seed)).unwrap();
    let (recorder, recovered) = recover(b"again");
    assert_eq!((recovered.attested, recovered.unattested), (4, 3));
    drop(recorder);
    storage.restart(Survival::Nothing);
    let (recorder, recovered) = recover(b"and again");
    assert_eq!((recovered.segments, recovered.unattested), (1, 0));
    runs::observed(2).into_iter().skip(7).for_each(|draft| drop(recorder.append(draft).unwrap()));
    recorder.seal().unwrap();
    let sealed = replayed(&storage);
    assert_eq!(sealed.valid, Valid::Reproduced, "{sealed:#?}");
    assert!(sealed.gaps.contains(&Gap::RecoveredTail(3)) && !sealed.gaps.contains(&Gap::Unsealed));
}

#[test]
fn a_file_that_ends_inside_a_block_is_cut() {
    let bytes = recorded_enforced(1);
    let report = report(&bytes[..bytes.len() - 10], Level::State);
    let cut = report.gaps.iter().find(|gap| matches!(gap, Gap::CutTail(_)));
    assert!(cut.is_some() && report.gaps.contains(&Gap::Unsealed), "{report:#?}");
}

/// Spec: gaps, taken-as-recorded.
#[test]
fn redacted_contents_are_counted_and_what_depends_on_them_is_taken_as_recorded() {
    let mut trace = Trace::read(&recorded_enforced(2));
    let arguments = |content: &crate::traces::StoredContent| content.bytes.starts_with(b"{\"query\"");
    trace.parts[0].contents.retain(|content| !arguments(content));
    let redacted = "redacted 2";
    let expected =
        [reproduced(&[redacted]), reproduced(&[redacted]), reproduced(&[redacted, "taken-as-recorded 2"])];
    assert_eq!(at_each_level(&trace.write()), expected);
}

#[test]
fn a_layer_that_the_source_cannot_give_is_a_gap_and_none_of_its_rules_is_judged() {
    let found = outcome(&report(&recorded(runs::observed(1)), Level::State));
    assert_eq!(found, reproduced(OBSERVED));
}

#[test]
fn a_call_without_an_end_is_counted() {
    let mut drafts = runs::observed(2);
    assert_eq!(drafts.remove(5).body.kind(), Kind::ToolReturned);
    let report = report(&recorded(drafts), Level::State);
    assert_eq!(report.valid, Valid::Reproduced);
    assert!(report.gaps.contains(&Gap::UnpairedCalls(1)), "{:?}", report.gaps);
    let last = report.records - 1;
    let unresolved = Finding { record: last, rule: Rule::Run3, reason: Reason::CallOpen, by: None };
    assert!(report.findings.items().contains(&unresolved), "{:?}", report.findings);
}

#[test]
fn records_without_a_time_are_counted() {
    let mut drafts = runs::observed(1);
    drafts[2].time = None;
    drafts[4].time = None;
    let report = report(&recorded(drafts), Level::State);
    assert_eq!((report.valid, report.findings.total()), (Valid::Reproduced, 0), "{report:#?}");
    assert!(report.gaps.contains(&Gap::NoTimes(2)), "{:?}", report.gaps);
}

#[test]
fn a_key_drawn_for_one_run_attests_nothing() {
    let with = Options { signer: None, ..options(Durability::OnSeal, b"drawn") };
    assert_eq!(
        outcome(&report(&recorded_with(runs::observed(1), with), Level::Integrity)),
        reproduced(&["unattested"])
    );
}

/// Spec: sample.
#[test]
fn a_sample_says_sampled_and_never_reproduced() {
    let trace = Trace::read(&recorded_enforced(1));
    let bytes = trace.derived(trace.records(), &[3, 6, 9], &key()).write();
    let sample = Some(Sample { segments: 2, seed: 7 });
    let report = replay_bytes(&bytes, &rederive_replay::Options { sample, ..Default::default() }).unwrap();
    assert_eq!((report.valid, report.sampled), (Valid::Sampled, Some((2, 4))));
}

/// A run enforced by a recorder, of these drafts.
fn enforced_of(drafts: impl Fn(&mut Vec<Draft>)) -> (Vec<Outcome>, Report) {
    enforced_under(runs::opening(Mode::Enforced), drafts)
}

fn enforced_under(opening: Draft, drafts: impl Fn(&mut Vec<Draft>)) -> (Vec<Outcome>, Report) {
    let storage = FaultyStorage::new();
    let recorder =
        Recorder::create(storage.clone(), path(), opening, options(Durability::OnSeal, b"enforced")).unwrap();
    let mut made = runs::enforced(1, |bytes| recorder.commitment(bytes).unwrap());
    drafts(&mut made);
    let outcomes = made.into_iter().skip(1).map(|draft| recorder.append(draft).unwrap().outcome).collect();
    recorder.seal().unwrap();
    (outcomes, report(&storage.bytes_of(path()).unwrap(), Level::Content))
}

fn without(kind: Kind) -> impl Fn(&mut Vec<Draft>) {
    move |drafts| {
        drafts.retain(|draft| draft.body.kind() != kind);
        let last = drafts.len() as u64;
        drafts.iter_mut().zip(0..last).skip(1).for_each(|(draft, at)| draft.causes = Causes::of([at - 1]));
    }
}

/// Spec: failures.
#[test]
fn an_effect_under_a_refused_request_is_a_failure_and_leaves_the_run_valid() {
    let (outcomes, report) = enforced_of(without(Kind::DecisionMade));
    // Registration, question, prompt, answer, proposal, validation, request; then the dispatch that nobody permitted, and its result.
    assert_eq!(outcomes[7], Outcome::Refused, "{outcomes:?}");
    assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
    let failure = Failure { record: 9, rule: Rule::Tol2, reason: Reason::Step };
    assert_eq!(report.failures.items(), [failure], "{report:#?}");
}

/// Spec: failures, rule-obs-1.
#[test]
fn an_effect_under_a_refused_request_is_a_failure_where_the_broker_is_no_layer_of_the_source() {
    let mut opening = runs::opening(Mode::Enforced);
    let Body::RunOpened(body) = &mut opening.body else { panic!() };
    body.layers.retain(|layer| *layer != Layer::ToolBroker);
    let (outcomes, report) = enforced_under(opening, |drafts| {
        let dispatch = |draft: &&mut Draft| draft.body.kind() == Kind::ToolDispatched;
        drafts.iter_mut().find(dispatch).unwrap().actor = runs::id("stranger");
    });
    assert_eq!(outcomes[8], Outcome::Refused, "{outcomes:?}");
    assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
    let failure = Failure { record: 10, rule: Rule::Obs1, reason: Reason::UnderRefusal };
    assert_eq!(report.failures.items(), [failure], "{report:#?}");
}

#[test]
fn a_refusal_that_reproduces_is_neither_finding_nor_failure() {
    let (outcomes, report) = enforced_of(|drafts| {
        without(Kind::DecisionMade)(drafts);
        let blocked = rederive_evidence::kinds::tool::ToolBlocked {
            reason: rederive_evidence::kinds::guardrail::BlockReason::RunEnd,
            notice: None,
        };
        let returned = drafts.iter_mut().find(|draft| draft.body.kind() == Kind::ToolReturned).unwrap();
        returned.body = blocked.into();
        returned.origin = rederive_evidence::values::Origin::Code;
        returned.contents.clear();
    });
    assert_eq!(outcomes[7], Outcome::Refused);
    assert_eq!(
        (report.valid, report.findings.total(), report.failures.total()),
        (Valid::Reproduced, 0, 0),
        "{report:#?}"
    );
}

#[test]
fn a_breaching_fact_is_recorded_and_is_a_finding() {
    let (outcomes, report) = enforced_of(|drafts| drafts[2].actor = runs::id("stranger"));
    assert_eq!(outcomes[1], Outcome::Applied, "a fact is never refused");
    assert_eq!(report.valid, Valid::Reproduced, "{report:#?}");
    let found =
        report.findings.items().iter().any(|finding| (finding.record, finding.rule) == (2, Rule::Idn1));
    assert!(found, "{report:#?}");
}

/// Spec: findings.
#[test]
fn a_breach_in_an_observed_run_is_a_finding_and_nothing_is_refused() {
    let mut drafts = runs::observed(1);
    drafts[4].actor = runs::id("stranger");
    let bytes = recorded(drafts);
    let report = report(&bytes, Level::State);
    assert_eq!((report.valid, report.failures.total()), (Valid::Reproduced, 0));
    assert!(report.findings.items().iter().any(|finding| (finding.record, finding.rule) == (4, Rule::Idn1)));
    let refused =
        Trace::read(&bytes).records().iter().any(|record| record.derived.outcome == Outcome::Refused);
    assert!(!refused);
}
