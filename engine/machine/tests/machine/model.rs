//! The machine and the model, which was written from SPEC.md alone, say the same: outcome, breaches, delta, mark and root, after every record.

use proptest::prelude::*;
use rederive_evidence::arbitrary::{any as drawn, input_of};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Causes, Extracted, Input};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Mode};
use rederive_machine::testing::*;
use rederive_machine::{Machine, Mark, RuleSetNumber};
use rederive_model::{Difference, Fault, Field, Model, Roots, compare};

use crate::acts::{delegation, searching};
use crate::grafts::{breaking, grafted, pairs, runs};
use crate::told::told;
use crate::walk::{Step, choices, opened, terms, walk};

/// The first difference between the machine and this model.
fn difference(model: Model, steps: &[Step], roots: Roots) -> Option<Difference> {
    let mut machine = Machine::new();
    let records = steps.iter().map(|(input, extracted)| (input, extracted.as_ref()));
    compare(model, records, roots, |input, extracted, due| told(&mut machine, input, extracted, due))
}

#[track_caller]
fn assert_same(name: &str, steps: &[Step]) {
    if let Some(found) = difference(Model::new(), steps, Roots::Each) {
        let (input, extracted) = &steps[found.record as usize];
        panic!("{name}: {found}\n{input:#?}\n{extracted:#?}");
    }
}

#[test]
fn they_agree_on_every_pair_of_every_reason() {
    let mut wrong = Vec::new();
    for (name, steps) in pairs() {
        if let Some(found) = difference(Model::new(), &steps, Roots::Each) {
            wrong.push(format!("{name}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} runs differ\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

/// Spec: carriage. Found by grafted runs: the model took what a record to come tells for told.
#[test]
fn they_agree_on_values_that_only_records_to_come_tell() {
    let mut values = 0;
    for (run, records) in runs().iter().flat_map(|run| [(run, [9_999, 9_999]), (run, [0, 9_999])]) {
        let mut steps = run.clone();
        let extracted = steps.iter_mut().filter_map(|(_, extracted)| extracted.as_mut()?.arguments.as_mut());
        let found =
            extracted.flat_map(|arguments| &mut arguments.values).filter_map(|value| value.told.as_mut());
        let found = found.map(|found| found.records = Causes::of(records)).count();
        if found > 0 {
            assert_same("told by a record to come", &steps);
        }
        values += found;
    }
    assert!(values > 0);
}

/// TOL-6. Found by fuzzing: of a tool that is not registered, the machine did not ask whether its effect is the one previewed.
#[test]
fn they_agree_on_observed_calls_of_tools_that_nobody_registered() {
    for run in runs() {
        let mut steps = run.clone();
        for (input, _) in &mut steps {
            if let Body::ToolRegistered(body) = &mut input.body {
                body.tool = id(&format!("not-{}", body.tool));
            } else if let Body::RunOpened(body) = &mut input.body {
                body.mode = Mode::Observed;
            }
        }
        assert_same("tools that nobody registered", &steps);
    }
}

/// IDN-3. Found by grafted runs: the model asked for the delegator's own scope alone.
#[test]
fn they_agree_that_a_delegate_hands_on_nothing_that_the_run_lacks_whoever_gave_it() {
    let mut trial = Trial::opened(|opening| {
        opening.mode = Mode::Observed;
        opening.scope = Given::Known(vec![scope_item("mail", EffectsClass::Send)]);
    });
    trial.answer(delegation("agent", "helper", searching()));
    let onward = delegation("helper", "deeper", searching());
    assert_eq!(trial.breaches(&onward), [(Rule::Idn3, Reason::ScopeWider)]);
    trial.answer(onward);
    assert_same("handed on", &trial.told);
}

proptest! {
    #[test]
    fn they_agree_on_runs_drawn_from_choices(terms in terms(), choices in choices(40)) {
        let mut steps = opened(terms).told;
        steps.extend(walk(terms, &choices).1);
        assert_same("a walk", &steps);
    }

    /// Records that know nothing of each other, but for the set that an opening one names.
    #[test]
    fn they_agree_on_any_records_in_any_order(
        terms in terms(),
        opening in input_of(Kind::RunOpened),
        records in proptest::collection::vec(drawn::<Input>(), 0..12),
        extracted in drawn::<Option<Extracted>>(),
    ) {
        let steps = std::iter::once(opening).chain(records).map(|mut input| {
            if let Body::RunOpened(body) = &mut input.body {
                body.rule_set = terms.0.rule_set();
            }
            (input, extracted.clone())
        });
        assert_same("any records", &steps.collect::<Vec<_>>());
    }

    #[test]
    fn they_agree_on_grafted_runs(steps in grafted()) {
        assert_same("a grafted run", &steps);
    }
}

/// Whether one of these runs tells the machine from a model with this fault, and by what.
fn shows<'r>(fault: Fault, field: Field, runs: impl IntoIterator<Item = &'r Vec<Step>>) -> bool {
    let mut found =
        runs.into_iter().filter_map(|steps| difference(Model::with(fault), steps, Roots::Every(1_000)));
    found.any(|found| found.field == field)
}

#[test]
fn a_model_that_does_not_judge_a_rule_is_told_from_the_machine() {
    for (rule, reasons) in RuleSetNumber::Two.rules() {
        let runs: Vec<Vec<Step>> = breaking(rule).collect();
        assert!(
            reasons.is_empty() || shows(Fault::Rule(rule), Field::Breaches, &runs),
            "nothing shows {rule}"
        );
    }
}

#[test]
fn a_model_that_does_not_keep_a_section_is_told_from_the_machine() {
    // 32 to 34 are set 1's, and the pairs are of set 2.
    let sections = [0..=3, 8..=12, 16..=22, 24..=28, 35..=42].into_iter().flatten();
    for section in sections {
        assert!(shows(Fault::Section(section), Field::Delta, runs()), "nothing shows section {section}");
    }
}

#[test]
fn a_model_that_does_not_set_a_flag_is_told_from_the_machine() {
    for flag in [Mark::REACHES_GOAL, Mark::BREACHED, Mark::REFUSED, Mark::DATA] {
        assert!(shows(Fault::Flags(flag), Field::Mark, runs()), "nothing shows flag {flag}");
    }
}
