//! Lineage: pages, and what they hold. Spec: lineage-page, lineage-mark.

use std::sync::Arc;

use proptest::prelude::*;
use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::kinds::Kind;
use rederive_evidence::values::Mode;
use rederive_machine::testing::*;
use rederive_machine::{Lineage, MARK_BYTES, Mark, PageFault, RuleSetNumber};

use crate::acts::*;
use crate::walk::{choices, walk};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_page_holds_the_marks_that_made_it(choices in choices(40), first in 0_u64..50) {
        let (machine, _) = walk((RuleSetNumber::One, Mode::Enforced), &choices);
        let lineage = machine.lineage();
        let page = lineage.page(first);
        let marks = Lineage::parse_page(&page).unwrap();
        prop_assert_eq!(marks.len() as u64, lineage.len().saturating_sub(first));
        for (mark, sequence) in marks.iter().zip(first..) {
            prop_assert_eq!(Some(*mark), lineage.get(sequence));
        }
        prop_assert_eq!(lineage.get(lineage.len()), None);
        prop_assert_eq!(Lineage::page_digest(&page), digest(Purpose::Lineage, &page));
    }

    #[test]
    fn any_bytes_are_a_page_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(marks) = Lineage::parse_page(&bytes) {
            let len = marks.len() as u64;
            prop_assert_eq!(Lineage::resume(marks.into(), len).page(0), bytes);
        }
    }
}

#[test]
fn a_mark_is_kind_trust_sensitivity_and_flags() {
    let mut trial = Trial::new();
    trial.give(retrieval("a page"));
    let page = trial.machine.lineage().page(0);
    assert_eq!(page[..MARK_BYTES], [Kind::RunOpened.code(), 3, 0, Mark::REACHES_GOAL]);
    let last = page.last_chunk::<MARK_BYTES>().unwrap();
    assert_eq!(*last, [Kind::ContextRetrieved.code(), 1, 1, Mark::REACHES_GOAL | Mark::DATA]);
}

#[test]
fn a_page_that_is_none_is_refused_by_name() {
    assert_eq!(Lineage::parse_page(&[0; 7]), Err(PageFault::Length { bytes: 7 }));
    for (at, code) in [(4, 255), (5, 4), (6, 4), (7, 16)] {
        let mut page = [0, 3, 0, 1, 0, 3, 0, 1];
        page[at] = code;
        assert_eq!(Lineage::parse_page(&page), Err(PageFault::Registry { mark: 1 }), "byte {at}");
    }
}

/// A range of causes is summed up over blocks: the answer is that of the records one by one, wherever in the range the one lies
/// that tells.
#[test]
fn causes_over_many_records_join_all_of_them() {
    let count = 300;
    for odd in [0, 63, 64, 127, 200, count - 1] {
        let mut trial = Trial::opened(|opening| opening.mode = Mode::Observed);
        let first = trial.machine.lineage().len();
        for n in 0..count {
            let label = if n == odd {
                SECRET
            } else {
                label(SECRET.trust, rederive_evidence::values::Sensitivity::Public)
            };
            trial.give(message("user", "hello").labelled(label));
        }
        let joined = |range: std::ops::Range<u64>| {
            let made = plan().because(range);
            trial.ask(&made).transition.mark().label.sensitivity
        };
        let at = first + odd;
        assert_eq!(joined(first..first + count), SECRET.sensitivity);
        assert_eq!(joined(at..at + 1), SECRET.sensitivity);
        if odd + 1 < count {
            assert_ne!(joined(at + 1..first + count), SECRET.sensitivity);
        }
        if odd > 0 {
            assert_ne!(joined(first..at), SECRET.sensitivity);
        }
    }
}

#[test]
fn what_stands_before_a_resumption_is_summed_up_alike() {
    let mut trial = Trial::observed();
    for n in 0..500 {
        trial.give(message("user", "hello").labelled(if n == 333 { SECRET } else { OUTSIDE }));
    }
    let marks: Arc<[Mark]> = Lineage::parse_page(&trial.machine.lineage().page(0)).unwrap().into();
    for len in [1, 64, 100, 320, 400, 503] {
        let mut resumed = trial.clone();
        let lineage = Lineage::resume(marks.clone(), len);
        resumed.machine = rederive_machine::Machine::resume(trial.machine.state().clone(), lineage);
        for sequence in len..marks.len() as u64 {
            let (mark, again) = (trial.machine.lineage().get(sequence).unwrap(), message("user", "hello"));
            let again = again.labelled(mark.label);
            resumed.answer(if mark.kind == Kind::PromptGiven { again } else { plan() });
        }
        let made = plan().because(4..500);
        assert_eq!(
            resumed.ask(&made).transition.mark().label,
            trial.ask(&made).transition.mark().label,
            "from {len}"
        );
    }
}
