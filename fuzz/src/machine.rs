//! The machine over records that nobody would write.

use rederive_machine::{Machine, State};

use rederive_evidence::rules::Outcome;

use crate::collage::{base, bent, words};

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
