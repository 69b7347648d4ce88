//! What the machine says to a record, in the form in which the model says it. Shared by all who compare the two: neither may know the other.

use rederive_evidence::digest::Digest;
use rederive_evidence::record::{Extracted, Input};
use rederive_machine::Machine;
use rederive_model::{Answer, Mark};

/// What the machine says to a record that it takes in, and its root where that is asked for.
pub(crate) fn told(
    machine: &mut Machine,
    input: &Input,
    extracted: Option<&Extracted>,
    with_root: bool,
) -> (Answer, Option<Digest>) {
    let answer = machine.decide(input, extracted);
    let mut delta = Vec::new();
    answer.transition.delta(&mut delta);
    let mark = answer.transition.mark();
    machine.commit(answer.transition);
    let mark = Mark { kind: mark.kind, label: mark.label, flags: mark.flags };
    let answer = Answer { outcome: answer.outcome, breaches: answer.breaches, delta, mark };
    (answer, with_root.then(|| machine.state().root()))
}
