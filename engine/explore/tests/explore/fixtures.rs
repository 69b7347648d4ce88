//! Everything that can be changed in the good fixtures is noticed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rederive_evidence::kinds::Body;
use rederive_explore::{
    Answers, Case, Divergence, ExploreFault, Explorer, Found, Parts, Progress, Subject, Watch, witnessed,
};
use rederive_machine::testing::id;
use rederive_policy::Archive;
use rederive_replay::{LISTED_MAX, Level, Valid};
use rederive_verify::{KeyRole, TrustRoots};

use crate::generated::{assert_agreed, deep};

/// The bytes of a good trace.
pub(crate) fn good(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/traces/good");
    std::fs::read(folder.join(name)).unwrap()
}

/// What the gated run pins.
pub(crate) fn bundles() -> Archive {
    Archive::open(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/bundles")).unwrap()
}

/// Traces that differ from each other in what they hold: gated, of two agents, of every kind under both rule sets, in segments, packed, redacted, under two keys.
pub(crate) const GOOD: &[&str] = &[
    "gated.rdt",
    "handed-on.rdt",
    "every-kind-2.rdt",
    "every-kind.rdt",
    "segments.rdt",
    "packed.rdt",
    "redacted.rdt",
    "key-change.rdt",
];

/// Spec: policy-compare. With the bundle and the registry at hand nobody can tell a decision otherwise, the gate's key in hand or not; without them nobody tries.
#[test]
fn a_decision_told_otherwise_is_noticed_by_asking_the_bundle_again() {
    let bundles = bundles();
    let explorer = |watch| Explorer::new(Subject::of(good("gated.rdt")).unwrap(), watch).unwrap();
    let with = explorer(Watch { pinned: Some(&bundles), ..Watch::default() });
    let without = explorer(Watch::default());
    let mut told = std::collections::BTreeSet::new();
    for number in 0..8 {
        let divergences = vec![Divergence::DecisionOtherwise];
        let case = Case { seed: 3, number, divergences, answers: Answers::Admitted };
        let Found::Noticed(level, signs) = with.look(&case).unwrap() else { panic!("{case:?}") };
        let decides = |sign: &rederive_explore::Sign| sign.to_string() == "D-DECISION";
        assert!(level == Level::Policy && signs.iter().any(decides), "{level}: {signs:?}");
        let report = with.watch().report(&with.change(&case).unwrap().unwrap().bytes, Level::Policy).unwrap();
        told.insert(report.wrong.unwrap().place.record.unwrap());
        let nothing = Found::NotApplicable(Divergence::DecisionOtherwise);
        assert_eq!(without.look(&case).unwrap(), nothing);
    }
    assert!(told.len() > 3, "every decision on a call: {told:?}");
    assert_eq!(with.explore(120, 5, &()).unwrap().failures, []);
}

fn alone(divergence: Divergence, number: u64) -> Case {
    Case { seed: 6, number, divergences: vec![divergence], answers: Answers::Admitted }
}

/// Every swap that the explorer makes: what does not depend on each other comes to the same state root and nobody finds fault with it, and what does is noticed. The model
/// says of each what the machine says, roots too.
#[test]
fn independent_records_may_stand_in_any_order_and_dependent_ones_may_not() {
    let root = |bytes: &[u8]| Parts::of(bytes).unwrap().sealed().unwrap().state_root;
    let mut fixtures: Vec<Explorer<'_>> = GOOD.iter().map(|name| watched(name, Watch::default())).collect();
    fixtures.extend((0..3).map(deep));
    let (mut moved, mut parted) = (0, 0);
    for explorer in &fixtures {
        let before = root(explorer.told_bytes());
        for (divergence, number) in ORDERS.iter().flat_map(|order| (0..12).map(|number| (*order, number))) {
            let case = alone(divergence, number);
            let Ok(changed) = explorer.change(&case).unwrap() else { continue };
            let found = explorer.look(&case).unwrap();
            let is_same = root(&changed.bytes) == before;
            if divergence == Divergence::IndependentSwapped {
                assert_eq!((found, is_same), (Found::Unchanged, true), "{case:?}");
                moved += 1;
            } else {
                assert!(matches!(found, Found::Noticed(Level::Integrity | Level::State, _)), "{found:?}");
                parted += usize::from(!is_same);
            }
            if number < MODELLED {
                let steps = changed.records.unwrap().into_iter();
                assert_agreed(
                    number as usize,
                    &steps.map(|record| (record.input, record.extracted)).collect(),
                );
            }
        }
    }
    // In the short ones every record follows from the one before it.
    assert!(moved >= 12 * 7 && parted > 100, "{moved} moved, {parted} with another root");
}

/// So many swaps of each kind in each run are told to the model too, which takes its time.
const MODELLED: u64 = 2;
const ORDERS: [Divergence; 3] =
    [Divergence::IndependentSwapped, Divergence::DependentSwapped, Divergence::StepsSwapped];

fn explorer(name: &str) -> Explorer<'static> {
    watched(name, Watch::default())
}

/// The explorer of a good trace. Those of every kind have words where receipts would be: they hold up to content level.
pub(crate) fn watched<'a>(name: &str, watch: Watch<'a>) -> Explorer<'a> {
    let subject = Subject::of(good(name)).unwrap();
    if name.starts_with("every-kind") {
        assert!(matches!(
            Explorer::new(subject.clone(), watch),
            Err(ExploreFault::Unsound { level: Level::Policy, code: "V-RECEIPT", .. })
        ));
        return Explorer::holding_up_to(Level::Content, subject, watch).unwrap();
    }
    Explorer::new(subject, watch).unwrap()
}

#[test]
fn everything_that_can_be_changed_in_a_good_trace_is_noticed() {
    let mut together = 0;
    for name in GOOD {
        let exploration = explorer(name).explore(150, 7, &()).unwrap();
        assert_eq!(exploration.failures, [], "{name}");
        assert_eq!((exploration.cases, exploration.all().made()), (150, 150), "{name}");
        together += exploration.together.made();
    }
    assert!(together > 100, "{together} of several together");
}

/// Spec: no-trust-in-trace. Whose run it is the opening record says: where it no longer comes first, trust roots allow no key, and that is noticed before anything else.
#[test]
fn with_trust_roots_an_opening_record_that_was_moved_is_noticed() {
    let subject = Subject::of(good("three-records.rdt")).unwrap();
    let Found::Noticed(..) =
        Explorer::new(subject.clone(), Watch::default()).unwrap().look(&moved(0)).unwrap()
    else {
        panic!("without trust roots too")
    };
    let first = subject.parts().records().unwrap().swap_remove(0);
    let Body::RunOpened(opened) = first.input.body else { panic!("it opens the run") };
    let trust = TrustRoots::of(opened.recorder_key, KeyRole::Recorder);
    let explorer = Explorer::new(subject, Watch { trust: Some(&trust), ..Watch::default() }).unwrap();
    let found: Vec<Found> = (0..24).map(|number| explorer.look(&moved(number)).unwrap()).collect();
    assert!(found.iter().all(|found| matches!(found, Found::Noticed(..))), "{found:?}");
    assert!(
        found.iter().any(|found| matches!(found, Found::Noticed(Level::Integrity, _))),
        "the opening record too"
    );
    assert_eq!(explorer.explore(120, 7, &()).unwrap().failures, []);
}

/// A story that leaves a redacted content out has a gap less, and the content that is then left out of the file makes up for it: what has to show is what the story
/// alone would not.
#[test]
fn a_content_left_out_shows_although_a_shorter_story_has_as_many_gaps() {
    use Divergence::{ContentDropped, ToldAgainShorter};
    let explorer = explorer("redacted.rdt");
    let case = |number, divergences: &[Divergence]| Case {
        seed: 5,
        number,
        divergences: divergences.to_vec(),
        answers: Answers::Admitted,
    };
    let both = (0..400).map(|number| case(number, &[ToldAgainShorter, ContentDropped]));
    let both: Vec<Found> = both.map(|case| explorer.look(&case).unwrap()).collect();
    assert!(both.iter().any(|found| matches!(found, Found::Noticed(Level::Integrity, _))));
    assert!(both.iter().all(|found| !found.is_failure()), "{both:?}");
    for seed in [4, 5, 7, 8] {
        assert_eq!(explorer.explore(300, seed, &()).unwrap().failures, [], "seed {seed}");
    }
}

/// Whoever stole the key tells under the same one: what such a story shows by to somebody who has the run is that it was told twice, and only where it was.
#[test]
fn what_is_noticed_outside_is_what_was_changed_and_not_that_the_explorer_has_a_key_of_its_own() {
    use Divergence::{ActionUnrecorded, ResultToldOtherwise, TakenOver, ToldAgainShorter};
    for (name, divergence, shown) in [
        ("gated.rdt", ActionUnrecorded, "V-EQUIVOCATION"),
        ("segments.rdt", ResultToldOtherwise, "V-EQUIVOCATION"),
        ("gated.rdt", ToldAgainShorter, "V-EQUIVOCATION"),
        ("gated.rdt", TakenOver, "V-UNTRUSTED"),
    ] {
        let explorer = explorer(name);
        let told = explorer.told_bytes();
        assert_eq!(witnessed(told, told).unwrap(), []);
        let case =
            |number| Case { seed: 1, number, divergences: vec![divergence], answers: Answers::Admitted };
        // A story that is shorter by what a rule asks for shows in the file already.
        let outside = |case: Case| {
            let found = explorer.look(&case).unwrap();
            if let Found::Outside(signs) = found { Some((case, signs)) } else { None }
        };
        let (case, signs) = (0..16).map(case).find_map(outside).unwrap_or_else(|| panic!("{divergence}"));
        let signs: Vec<String> = signs.iter().map(ToString::to_string).collect();
        assert!(signs.iter().any(|sign| sign == shown), "{divergence}: {signs:?}");
        assert_eq!(signs.iter().any(|sign| sign == "V-UNTRUSTED"), divergence == TakenOver, "{signs:?}");
        let bytes = explorer.change(&case).unwrap().unwrap().bytes;
        assert_eq!(witnessed(told, &bytes).unwrap().is_empty(), divergence == TakenOver, "{divergence}");
    }
}

fn moved(number: u64) -> Case {
    Case { seed: 1, number, divergences: vec![Divergence::RecordsSwappedSigned], answers: Answers::Admitted }
}

/// A seal that one divergence broke cannot be read for another: there is no room for it, and the exploration goes on.
#[test]
fn what_one_divergence_broke_leaves_no_room_for_another() {
    use Divergence::{OtherKeySigned, PaddingLonger, RecordEdited, SealEdited};
    let explorer = explorer("three-records.rdt");
    let found = |divergences: [Divergence; 2]| -> Vec<Found> {
        let case = |number| {
            let divergences = divergences.to_vec();
            Case { seed: 1, number, divergences, answers: Answers::Admitted }
        };
        (0..300).map(|number| explorer.look(&case(number)).unwrap()).collect()
    };
    let broken = found([SealEdited, OtherKeySigned]);
    assert!(broken.contains(&Found::NotApplicable(OtherKeySigned)));
    assert!(broken.iter().any(|found| matches!(found, Found::Noticed(..))), "a bit of the signature alone");
    let padded = found([PaddingLonger, RecordEdited]);
    assert!(padded.iter().all(|found| !found.is_failure()), "{padded:?}");
}

/// What the second divergence puts back was not changed: nothing is there to be noticed, and nobody is blamed for not noticing it.
#[test]
fn divergences_that_undo_each_other_leave_no_room_for_a_case() {
    use Divergence::{ContentDropped, ContentForeign, RecordSpliced, SegmentOfOtherKey, SegmentSpliced};
    let explorer = explorer("three-records.rdt");
    for (divergences, is_always) in [
        (vec![SegmentSpliced, SegmentOfOtherKey], true),
        (vec![RecordSpliced, SegmentSpliced, SegmentOfOtherKey], true),
        (vec![ContentForeign, ContentDropped], false),
    ] {
        let case = |number| together(number, &divergences);
        let found: Vec<Found> = (0..40).map(|number| explorer.look(&case(number)).unwrap()).collect();
        let undone = Found::NotApplicable(*divergences.last().unwrap());
        let undone = found.iter().filter(|found| **found == undone).count();
        assert!(found.iter().all(|found| !found.is_failure()), "{divergences:?}: {found:?}");
        assert!(undone > 0 && (undone == found.len()) == is_always, "{divergences:?}: {undone} undone");
    }
}

/// Of three divergences of which one undoes another, what the third leaves is what somebody has to notice, and nobody has to notice more.
#[test]
fn what_is_left_of_divergences_that_undo_each_other_is_noticed_as_it_is_alone() {
    use Divergence::{BytesAppended, ContentDropped, ContentForeign, OutcomeForged};
    use Divergence::{HintChanged, RecordDropped, SegmentOfOtherKey, SegmentSpliced, TakenOver};
    let explorer = explorer("three-records.rdt");
    let look = |divergences: &[Divergence]| -> Vec<Found> {
        (0..12).map(|number| explorer.look(&together(number, divergences)).unwrap()).collect()
    };
    let unchanged = look(&[SegmentSpliced, SegmentOfOtherKey, HintChanged]);
    assert!(unchanged.iter().all(|found| *found == Found::Unchanged), "{unchanged:?}");
    let outside = look(&[TakenOver, ContentForeign, ContentDropped]);
    assert!(outside.iter().any(|found| matches!(found, Found::Outside(_))), "{outside:?}");
    assert!(outside.iter().all(|found| !found.is_failure()), "{outside:?}");
    for (kept, level) in [
        (vec![SegmentSpliced, SegmentOfOtherKey, BytesAppended], Level::Integrity),
        (vec![RecordDropped, SegmentOfOtherKey, BytesAppended], Level::Integrity),
    ] {
        let noticed = look(&kept);
        let is_noticed = |found: &Found| matches!(found, Found::Noticed(at, _) if *at == level);
        assert!(noticed.iter().all(is_noticed), "{kept:?}: {noticed:?}");
    }
    let forged = look(&[OutcomeForged, ContentForeign, ContentDropped]);
    assert!(forged.iter().any(|found| matches!(found, Found::Noticed(Level::State, _))), "{forged:?}");
    assert!(forged.iter().all(|found| matches!(found, Found::Noticed(..))), "{forged:?}");
}

/// The seeds at which one of many cases of a small run was undone by another.
#[test]
fn many_cases_of_small_runs_are_all_noticed() {
    for (name, seeds) in [("three-records.rdt", 0..6), ("handed-on.rdt", 0..1)] {
        for seed in seeds {
            let exploration = explorer(name).explore(700, seed, &()).unwrap();
            assert_eq!(exploration.failures, [], "{name}, seed {seed}");
            assert_eq!(exploration.cases, 700, "{name}, seed {seed}");
        }
    }
}

fn together(number: u64, divergences: &[Divergence]) -> Case {
    Case { seed: 2, number, divergences: divergences.to_vec(), answers: Answers::Admitted }
}

/// Spec: verdict-valid. What is found depends on run, seed and number of cases alone.
#[test]
fn threads_change_nothing_that_is_found() {
    let explorer = explorer("gated.rdt");
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| explorer.explore(60, 3, &()).unwrap())
    };
    let one = on(1);
    assert_eq!(one, on(3));
    assert_ne!(one.alone, explorer.explore(60, 4, &()).unwrap().alone, "another seed makes other cases");
}

/// Counts what it hears.
#[derive(Default)]
struct Heard {
    more: AtomicU64,
    done: AtomicU64,
}

impl Progress for Heard {
    fn more(&self, tries: u64) {
        self.more.fetch_add(tries, Ordering::Relaxed);
    }

    fn done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_waits_hears_of_each_case_of_one_run() {
    let heard = Heard::default();
    explorer("three-records.rdt").explore(130, 3, &heard).unwrap();
    assert_eq!((heard.more.into_inner(), heard.done.into_inner()), (130, 130));
}

/// However little a run has that could diverge, as many changes are made in it as were asked for; what it has nothing for is tried once.
#[test]
fn as_many_changes_are_made_as_are_asked_for_and_what_does_not_fit_is_not_drawn_again() {
    let exploration = explorer("three-records.rdt").explore(150, 11, &()).unwrap();
    assert_eq!((exploration.cases, exploration.all().made()), (150, 150));
    assert!(exploration.not_applicable > 50, "{}", exploration.not_applicable);
    assert_eq!(exploration.together.not_applicable, 0);
    for tally in exploration.alone.values() {
        assert!(tally.not_applicable <= 2, "alone in each way to tell it: {tally:?}");
    }
}

/// What only somebody outside can notice stands for what goes unnoticed: the smallest run that shows it is found.
#[test]
fn what_goes_unnoticed_is_shrunk_to_a_run_from_which_nothing_can_be_left_out() {
    let case = Case {
        seed: 1,
        number: 1,
        divergences: vec![Divergence::ActionUnrecorded, Divergence::ToldAgainShorter],
        answers: Answers::Admitted,
    };
    let fails = |explorer: &Explorer<'_>, case: &Case| Ok(matches!(explorer.look(case)?, Found::Outside(_)));
    let gated = explorer("gated.rdt");
    let records = gated.subject().story().len();
    let smallest = gated.shrink(case, fails).unwrap();
    assert_eq!(smallest.case.divergences.len(), 1);
    let left = smallest.explorer.subject().story().len();
    assert!(left <= 4 && left < records, "{left} of {records}");
    let report = Watch::default().report(&smallest.changed, Level::Content).unwrap();
    assert_eq!(report.valid, Valid::Reproduced, "nothing in the file shows it");
}

/// An observed run of more findings than a report lists: a record of somebody who is not registered, over and over.
fn with_findings(number: usize) -> Explorer<'static> {
    let subject = Subject::of(good("three-records.rdt")).unwrap();
    let mut story = subject.story().clone();
    let mut record = story.get(1).unwrap().clone();
    record.input.actor = id("somebody-else");
    (0..number).for_each(|_| story.insert(1, record.clone()));
    Explorer::holding_up_to(Level::Content, subject.telling(story, false).unwrap(), Watch::default()).unwrap()
}

/// A report lists the first thousand of them and counts all: one more is one more, wherever it stands.
#[test]
fn a_finding_behind_the_last_that_is_listed_is_noticed() {
    let explorer = with_findings(LISTED_MAX + 20);
    let before = Watch::default().report(explorer.told_bytes(), Level::State).unwrap();
    assert_eq!(
        (before.findings.items().len(), before.findings.total()),
        (LISTED_MAX, LISTED_MAX as u64 + 20)
    );
    let exploration = explorer.explore(60, 1, &()).unwrap();
    assert_eq!(exploration.failures, []);
}

/// However long a run is, what goes unnoticed in it is made smaller in bounded work.
#[test]
fn a_long_run_is_shrunk_in_bounded_work() {
    let (tries, records) = (AtomicU64::new(0), AtomicU64::new(0));
    let fails = |explorer: &Explorer<'_>, _: &Case| {
        tries.fetch_add(1, Ordering::Relaxed);
        records.fetch_add(explorer.subject().story().len() as u64, Ordering::Relaxed);
        Ok(false)
    };
    let long = with_findings(600);
    let length = long.subject().story().len();
    let smallest = long.shrink(alone(Divergence::HintChanged, 1), fails).unwrap();
    assert_eq!(smallest.explorer.subject().story().len(), length, "nothing smaller shows it");
    let (tries, records) = (tries.into_inner(), records.into_inner());
    assert!(tries > 30 && records < 40_000 + length as u64, "{tries} tries of {records} records");
}

/// A run that does not hold as it is has nothing that a change could be compared with.
#[test]
fn a_run_that_does_not_hold_is_not_explored() {
    let mut bytes = good("gated.rdt");
    bytes[1_000] ^= 1;
    assert!(Subject::of(bytes).is_err());
    let mut told = Subject::of(good("gated.rdt")).unwrap().told().clone();
    told.segments[0].contents[0].bytes[0] ^= 1;
    let fault = Explorer::new(Subject::of(told.write().unwrap()).unwrap(), Watch::default()).err().unwrap();
    assert!(
        matches!(fault, ExploreFault::Unsound { valid: Valid::Damaged, code: "V-COMMITMENT", .. }),
        "{fault}"
    );
}

/// What a replay at policy level already says of the run is no fault of the engine's that a change brings to light.
#[test]
fn a_run_that_does_not_hold_under_the_trust_that_it_is_to_be_explored_with_is_refused() {
    let gated = || Subject::of(good("gated.rdt")).unwrap();
    let keys = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/keys");
    let roots = |name: &str| TrustRoots::parse(&std::fs::read(keys.join(name)).unwrap()).unwrap();
    let without_gate = roots("trust.json");
    let watch = Watch { trust: Some(&without_gate), ..Watch::default() };
    let fault = Explorer::new(gated(), watch).err().unwrap();
    let ExploreFault::Unsound { level, valid, code } = fault else { panic!("{fault}") };
    assert_eq!((level, valid, code), (Level::Policy, Valid::Forged, "V-RECEIPT"));
    assert!(
        Explorer::new(gated(), Watch { level: Level::Content, ..watch }).is_ok(),
        "no receipt is checked there"
    );
    let with_gate = roots("gated-trust.json");
    assert!(Explorer::new(gated(), Watch { trust: Some(&with_gate), ..Watch::default() }).is_ok());
}
