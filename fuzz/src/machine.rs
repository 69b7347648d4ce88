//! The machine over records that nobody would write.

use rederive_evidence::kinds::Body;
use rederive_evidence::record::{Extracted, Input};
use rederive_evidence::rules::Outcome;
use rederive_machine::{Machine, State, supports};
use rederive_model::{Model, Roots, compare};

use crate::collage::{base, bent, words};
use crate::told::told;

/// Every record has an answer in every state, the same twice; the state is made again from its entries, and the tree's root with it.
pub(crate) fn apply(bytes: &[u8]) {
    let mut choices = words(bytes);
    let records = bent(base(&mut choices), &mut choices, true);
    let mut machine = Machine::new();
    for record in &records {
        let before = machine.state().root();
        let answer = machine.decide(&record.input, record.extracted.as_ref());
        assert_eq!(machine.decide(&record.input, record.extracted.as_ref()), answer);
        assert_eq!(machine.state().root(), before, "to decide is not to write");
        assert!(
            answer.breaches.is_sorted_by(|one, next| one < next),
            "ascending, each once: {:?}",
            answer.breaches
        );
        assert!(answer.outcome == Outcome::Applied || !answer.breaches.is_empty(), "refused for a reason");
        let mut delta = Vec::new();
        answer.transition.delta(&mut delta);
        assert_eq!(delta.len() % 64, 0);
        machine.commit(answer.transition);
    }
    assert_eq!(machine.lineage().len(), records.len() as u64);
    let again = State::from_entries(machine.state().entries()).expect("the state's own entries");
    assert_eq!(again.root(), machine.state().root());
    let resumed = Machine::resume(again, machine.lineage().clone());
    if let Some(record) = records.last() {
        let ask = |machine: &Machine| machine.decide(&record.input, record.extracted.as_ref());
        assert_eq!(ask(&resumed), ask(&machine), "from a snapshot as from the start");
    }
}

/// The machine says of every record what the model says, which was written from SPEC.md alone, and has the same state after it.
pub(crate) fn model(bytes: &[u8]) {
    let mut choices = words(bytes);
    let records = bent(base(&mut choices), &mut choices, true);
    let is_unknown = |body: &Body| matches!(body, Body::RunOpened(opened) if !supports(&opened.rule_set));
    if records.first().is_some_and(|record| is_unknown(&record.input.body)) {
        // Nobody judges a run under rules that they do not have.
        return;
    }
    agree(records.iter().map(|record| (&record.input, record.extracted.as_ref())));
}

/// The machine and the model say the same of each of these.
pub(crate) fn agree<'r>(records: impl IntoIterator<Item = (&'r Input, Option<&'r Extracted>)>) {
    let mut machine = Machine::new();
    let difference = compare(Model::new(), records, Roots::Every(8), |input, extracted, due| {
        told(&mut machine, input, extracted, due)
    });
    assert!(difference.is_none(), "{}", difference.map(|found| found.to_string()).unwrap_or_default());
}
