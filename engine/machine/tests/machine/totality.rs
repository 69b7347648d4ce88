//! The machine answers every well-formed record in every state. Spec: machine-total.

use proptest::prelude::*;
use rederive_evidence::arbitrary::any as drawn;
use rederive_evidence::kinds::Nature;
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::Mode;
use rederive_machine::testing::*;
use rederive_machine::{Machine, Mark};

use crate::walk::{choices, opened, step, terms, walk};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever comes, and whatever came before: breaches ascend, each of a rule for one of its reasons, and each reason once; what breaches is
    /// refused where it is a request of an enforced run, and applied otherwise; one mark a record.
    #[test]
    fn every_record_has_an_answer_in_every_state(terms in terms(), choices in choices(60)) {
        let (set, mode) = terms;
        let mut trial = opened(terms);
        for words in &choices {
            let (input, extracted) = step(&mut trial, words);
            let answer = trial.machine.decide(&input, extracted.as_ref());
            prop_assert!(answer.breaches.is_sorted_by(|a, b| (a.rule, a.reason) < (b.rule, b.reason)));
            for breach in &answer.breaches {
                prop_assert!(set.rules().any(|(rule, reasons)| rule == breach.rule && reasons.contains(&breach.reason)));
            }
            let refused = mode == Mode::Enforced
                && input.body.kind().nature() == Nature::Request
                && !answer.breaches.is_empty();
            prop_assert_eq!(answer.outcome, if refused { Outcome::Refused } else { Outcome::Applied });
            prop_assert_eq!(answer.transition.mark().flags & Mark::REFUSED != 0, refused);
            let before = trial.machine.lineage().len();
            trial.machine.commit(answer.transition);
            prop_assert_eq!(trial.machine.lineage().len(), before + 1);
        }
    }

    /// Records that know nothing of each other: before the run is opened, and by any opening record.
    #[test]
    fn any_records_in_any_order_have_answers(records in proptest::collection::vec(drawn::<Input>(), 0..12), extracted in drawn::<Option<Extracted>>()) {
        let mut machine = Machine::new();
        for input in &records {
            let answer = machine.decide(input, extracted.as_ref());
            machine.commit(answer.transition);
        }
        prop_assert_eq!(machine.lineage().len(), records.len() as u64);
    }

    /// An answer depends on the machine and the record alone, and asking changes nothing.
    #[test]
    fn asking_twice_gives_one_answer(terms in terms(), choices in choices(30)) {
        let (machine, steps) = walk(terms, &choices);
        let before = machine.state().clone();
        for (input, extracted) in &steps {
            prop_assert_eq!(machine.decide(input, extracted.as_ref()), machine.decide(input, extracted.as_ref()));
        }
        prop_assert_eq!(machine.state(), &before);
    }
}

/// The numbers at the ends of their ranges, which sums and shifts must bear.
#[test]
fn the_largest_numbers_are_borne() {
    use crate::acts::*;
    let mut trial = Trial::opened(|opening| {
        opening.mode = Mode::Observed;
        opening.limits.rate_calls = Some(u64::MAX);
        opening.limits.rate_window_ms = Some(u64::MAX);
        opening.limits.freshness_ms = Some(u64::MAX);
    });
    let end = rederive_evidence::ids::RecordedTime(u64::MAX);
    for index in [0, u16::MAX - 1, u16::MAX] {
        let at = place_of("workflow", u32::MAX, index);
        trial.answer(proposal(&at, "mail").by("workflow").timed(Some(end)));
        trial.answer(with_dispatch(dispatch(&at, "mail"), |body| body.bytes_out = Some(u64::MAX)));
        trial.answer(result(&at, "done"));
    }
    let state = trial.machine.state();
    assert_eq!(state.counters().unwrap().bytes_out, u64::MAX);
    assert_eq!(state.open_calls(), 65_536 - 3);
    trial.answer(extension(1, 0, &[(u32::MAX, u32::MAX)], &[]));
    trial.answer(reading_limit(rederive_evidence::kinds::limit::LimitKind::Calls, u64::MAX, u64::MAX));
    trial.answer(dispatch(&place(0, 0), "mail"));
}
