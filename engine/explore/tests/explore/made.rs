//! A divergence that is said to be made is made: alone, and beside others.

use rederive_evidence::ids::Id;
use rederive_evidence::record::Record;
use rederive_explore::{Answers, Case, Divergence, Explorer, Parts, Stage, Watch};
use rederive_machine::testing::id;

use crate::fixtures::{bundles, watched};
use crate::generated::deep;

/// Places at which each is made in each run.
const PLACES: u64 = 3;

fn case(number: u64, divergences: &[Divergence]) -> Case {
    Case { seed: 8, number, divergences: divergences.to_vec(), answers: Answers::Admitted }
}

/// The file of a case; none where the run has no room for it.
fn changed(explorer: &Explorer<'_>, number: u64, divergences: &[Divergence]) -> Option<Vec<u8>> {
    explorer.change(&case(number, divergences)).unwrap().ok().map(|changed| changed.bytes)
}

fn records(bytes: &[u8]) -> Vec<Record> {
    Parts::of(bytes).unwrap().records().unwrap()
}

/// Every divergence is made somewhere, and wherever it is made the file is another; a story is told in other records, and a hint is no record.
#[test]
fn what_is_said_to_be_made_is_in_the_file() {
    let bundles = bundles();
    let watch = Watch { pinned: Some(&bundles), ..Watch::default() };
    let names = ["gated.rdt", "handed-on.rdt", "every-kind-2.rdt", "segments.rdt"];
    let mut runs: Vec<Explorer<'_>> = names.iter().map(|name| watched(name, watch)).collect();
    runs.extend([0, 4].map(deep));
    for divergence in Divergence::ALL {
        let mut made = 0;
        for (explorer, number) in runs.iter().flat_map(|run| (0..PLACES).map(move |number| (run, number))) {
            let Some(bytes) = changed(explorer, number, &[*divergence]) else { continue };
            made += 1;
            let (found, told) = (explorer.subject().bytes(), explorer.told_bytes());
            let of_parts = explorer.subject().parts().write().unwrap();
            assert_ne!(bytes, found, "{divergence} {number}");
            assert_ne!(bytes, of_parts, "{divergence} {number}");
            if *divergence == Divergence::HintChanged {
                assert_eq!(records(&bytes), records(found), "{divergence} {number}");
            }
            if *divergence != Divergence::TakenOver {
                assert_ne!(bytes, told, "{divergence} {number}");
            }
            if divergence.stage() == Stage::Story && *divergence != Divergence::TakenOver {
                assert_ne!(records(&bytes), records(told), "{divergence} {number}");
            }
        }
        assert!(made > 0, "{divergence}");
    }
}

/// What a swap moves and nothing else: two neighbours, each told as it was.
#[test]
fn independent_records_that_are_swapped_have_changed_places() {
    let swap = [Divergence::IndependentSwapped];
    let mut swapped = 0;
    for (explorer, number) in
        [0, 1, 4].map(deep).iter().flat_map(|run| (0..8).map(move |number| (run, number)))
    {
        let Some(bytes) = changed(explorer, number, &swap) else { continue };
        let (before, after) = (records(explorer.told_bytes()), records(&bytes));
        let said = |record: &Record| {
            (record.input.actor.clone(), record.input.place.clone(), record.input.body.clone())
        };
        let is_moved = |at: &usize| said(&before[*at]) != said(&after[*at]);
        let at = (0..before.len()).find(is_moved).unwrap();
        assert_eq!((said(&after[at]), said(&after[at + 1])), (said(&before[at + 1]), said(&before[at])));
        assert_eq!(after.len(), before.len());
        swapped += 1;
    }
    assert!(swapped > 12, "{swapped}");
}

/// Each of several stories leaves its mark in the one that is told.
#[test]
fn every_story_of_several_is_told() {
    use Divergence::{ActorUnknown, TenantCrossed, TimeBackwards, ToldAgainShorter};
    let explorer = watched("gated.rdt", Watch::default());
    let stranger = id("somebody-else");
    let told = records(explorer.told_bytes());
    let mut all = 0;
    for number in 0..12 {
        let stories = [ToldAgainShorter, TenantCrossed, ActorUnknown];
        let Some(bytes) = changed(&explorer, number, &stories) else { continue };
        let after = records(&bytes);
        let is_tenant = |record: &Record| tenant(record) == Some(&stranger);
        assert!(after.iter().any(|record| record.input.actor == stranger), "{number}");
        assert!(after.iter().any(is_tenant), "{number}");
        assert!(after.len() < told.len(), "{number}");
        let bytes = changed(&explorer, number, &[ActorUnknown, TimeBackwards]).unwrap();
        let after = records(&bytes);
        assert!(after.iter().any(|record| record.input.actor == stranger), "{number}");
        let times: Vec<_> = after.iter().filter_map(|record| record.input.time).collect();
        assert!(!times.is_sorted(), "{number}");
        all += 1;
    }
    assert!(all > 4, "{all}");
}

fn tenant(record: &Record) -> Option<&Id> {
    record.input.identity.as_ref().map(|identity| &identity.tenant)
}

/// The file of several divergences is none that fewer of them leave: what comes first is made where it is made alone, so that the last one is what parts them.
#[test]
fn the_last_of_several_divergences_is_made_too() {
    use Divergence::{
        ArgumentsChanged, BytesAppended, CredentialLonger, DeltaForged, HeaderEdited, OutcomeForged,
        RecordEdited, SealEdited, SourceUnlisted, TenantCrossed,
    };
    let explorer = watched("gated.rdt", Watch::default());
    let together: [&[Divergence]; 7] = [
        &[ArgumentsChanged, TenantCrossed],
        &[ArgumentsChanged, CredentialLonger, TenantCrossed],
        &[ArgumentsChanged, OutcomeForged],
        &[OutcomeForged, DeltaForged],
        &[SourceUnlisted, DeltaForged, HeaderEdited],
        &[RecordEdited, HeaderEdited, SealEdited],
        &[HeaderEdited, BytesAppended],
    ];
    for (divergences, number) in together.iter().flat_map(|these| (0..4).map(move |number| (these, number))) {
        let Some(bytes) = changed(&explorer, number, divergences) else { continue };
        for fewer in 1..divergences.len() {
            let fewer = changed(&explorer, number, &divergences[..fewer]).unwrap();
            assert_ne!(fewer, bytes, "{divergences:?} {number}");
        }
    }
}
