//! What is recorded replays, and replays the same however it was cut into segments.

use rederive_replay::{Gap, Valid};

use crate::runs;
use crate::traces::{
    Trace, WITHOUT_BUNDLE, key, options, recorded, recorded_enforced, recorded_with, report,
};

/// The bytes of a sealed trace of these drafts, the same for the same drafts.
pub(crate) fn sealed(drafts: Vec<rederive_evidence::draft::Draft>) -> Vec<u8> {
    sealed_with_seed(drafts, b"test")
}

/// The same with another run number, secret and key for another seed.
pub(crate) fn sealed_with_seed(drafts: Vec<rederive_evidence::draft::Draft>, seed: &[u8]) -> Vec<u8> {
    let options = options(rederive_recorder::Durability::OnSeal, seed);
    recorded_with(drafts, rederive_recorder::Options { signer: None, ..options })
}

#[test]
fn what_is_recorded_reproduces_at_every_level() {
    let bytes = sealed(runs::observed(3));
    for level in &WITHOUT_BUNDLE {
        let report = report(&bytes, *level);
        assert_eq!(report.valid, Valid::Reproduced, "{level}: {report:#?}");
        assert_eq!(report.records, 2 + 3 * runs::RECORDS_A_TURN);
        assert_eq!(report.findings.total(), 0, "{:?}", report.findings);
        assert!(report.gaps.contains(&Gap::Unattested) && report.gaps.contains(&Gap::NoTrustRoot));
    }
}

#[test]
fn an_enforced_run_that_keeps_the_rules_reproduces_without_finding_or_failure() {
    let bytes = recorded_enforced(3);
    for level in &WITHOUT_BUNDLE {
        let report = report(&bytes, *level);
        assert_eq!(report.valid, Valid::Reproduced, "{level}: {report:#?}");
        assert_eq!(report.records, 3 + 3 * runs::RECORDS_AN_ENFORCED_TURN);
        assert_eq!((report.findings.total(), report.failures.total()), (0, 0), "{report:#?}");
        assert_eq!(report.gaps, [Gap::NoWitness, Gap::NoTrustRoot]);
    }
    let refused =
        Trace::read(&bytes).records().into_iter().find(|record| !record.derived.breaches.is_empty());
    assert_eq!(refused, None);
}

#[test]
fn the_same_drafts_and_seed_give_the_same_file() {
    assert_eq!(sealed(runs::observed(5)), sealed(runs::observed(5)));
}

#[test]
fn a_run_reproduces_however_it_is_cut_into_segments() {
    for bytes in [recorded(runs::observed(3)), recorded_enforced(2)] {
        let whole = Trace::read(&bytes);
        let records = whole.records();
        assert_eq!(
            whole.derived(records.clone(), &[], &key()).write(),
            bytes,
            "derived slowly, derived alike"
        );
        let each: Vec<usize> = (1..records.len()).collect();
        for cuts in [&[1][..], &[6, 12], &each] {
            let cut = whole.derived(records.clone(), cuts, &key()).write();
            for level in &WITHOUT_BUNDLE {
                let report = report(&cut, *level);
                assert_eq!(report.valid, Valid::Reproduced, "{cuts:?}, {level}: {report:#?}");
                assert_eq!(report.segments, cuts.len() as u64 + 1);
            }
        }
    }
}
