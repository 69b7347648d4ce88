//! The engine and the model over whole generated runs, those of the explorer's public strategies. That enough of them reach every rule in every way and
//! every cell of every grid, and that the two agree on those, is a test of `engine/explore`.

use proptest::prelude::*;
use rederive_explore::strategies::{Steps, bent_runs, headless_runs, valid_runs};
use rederive_machine::Machine;
use rederive_model::{Difference, Model, Roots, compare};

use crate::properties::cases;
use crate::told::told;

/// The first record of which the two say otherwise: outcome, breaches, delta, mark, or state root after it.
fn difference(steps: &Steps) -> Option<Difference> {
    let mut machine = Machine::new();
    let steps = steps.iter().map(|(input, extracted)| (input, extracted.as_ref()));
    compare(Model::new(), steps, Roots::Each, |input, extracted, due| {
        told(&mut machine, input, extracted, due)
    })
}

proptest! {
    #![proptest_config(cases(6))]

    #[test]
    fn they_agree_on_runs_that_keep_every_rule(steps in valid_runs()) {
        prop_assert_eq!(difference(&steps), None);
    }

    #[test]
    fn they_agree_on_runs_that_break_rules(steps in bent_runs()) {
        prop_assert_eq!(difference(&steps), None);
    }

    #[test]
    fn they_agree_on_runs_that_nothing_opens(steps in headless_runs()) {
        prop_assert_eq!(difference(&steps), None);
    }
}
