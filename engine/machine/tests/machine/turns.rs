//! Turns: what is remembered of them, and for how long. Spec: places.

use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::{Place, Sensitivity, Trust};
use rederive_machine::testing::*;
use rederive_machine::{CallStatus, TurnKey};

use crate::acts::*;

fn turns(trial: &Trial) -> Vec<u32> {
    trial.machine.state().turns().iter().map(|(key, _)| key.turn).collect()
}

/// An answer with so many calls, all of which are blocked.
fn whole_turn(trial: &mut Trial, turn: u32, calls: u16) {
    let prompt = trial.prompted(turn, &[(0, "the goal")]);
    let answer = trial.answered(turn, calls, prompt);
    for index in 0..calls {
        trial.give(proposal(&place(turn, index), "mail").because([answer]));
        trial.give(block(&place(turn, index)));
    }
}

#[test]
fn a_turn_whose_calls_have_ended_leaves_when_it_is_no_longer_the_last() {
    let mut trial = Trial::new();
    whole_turn(&mut trial, 0, 2);
    assert_eq!(turns(&trial), [0], "a retry may follow");
    whole_turn(&mut trial, 1, 0);
    assert_eq!(turns(&trial), [1]);
    assert_eq!(trial.machine.state().watermark(&id("agent")).unwrap().turn, 1);
}

#[test]
fn a_turn_with_an_open_call_stays_until_that_has_ended() {
    let mut trial = Trial::new();
    let prompt = trial.prompted(0, &[(0, "the goal")]);
    let answer = trial.answered(0, 2, prompt);
    trial.give(proposal(&place(0, 0), "mail").because([answer]));
    trial.give(proposal(&place(0, 1), "mail").because([answer]));
    trial.give(block(&place(0, 0)));
    whole_turn(&mut trial, 1, 1);
    assert_eq!(turns(&trial), [0, 1]);
    assert_eq!(trial.machine.state().open_calls(), 1);
    trial.give(block(&place(0, 1)));
    assert_eq!(turns(&trial), [1]);
    assert_eq!(trial.machine.state().open_calls(), 0);
}

#[test]
fn a_place_of_a_turn_that_has_left_is_used_for_ever() {
    let mut trial = Trial::new();
    whole_turn(&mut trial, 0, 1);
    whole_turn(&mut trial, 1, 0);
    assert_eq!(trial.breaches(&proposal(&place(0, 0), "mail")), [(Rule::Tol2, Reason::PlaceUsed)]);
    let again = trial.breaches(&proposal(&Place { attempt: 1, ..place(0, 0) }, "mail"));
    assert_eq!(again, [(Rule::Tol2, Reason::PlaceUsed)]);
    assert_eq!(trial.breaches(&prompt(0, &[(0, "the goal")])), [(Rule::Prm1, Reason::PlaceUsed)]);
}

#[test]
fn the_state_of_a_long_run_does_not_grow() {
    let mut trial = Trial::new();
    whole_turn(&mut trial, 0, 3);
    let count = trial.machine.state().entries().count();
    for turn in 1..20 {
        whole_turn(&mut trial, turn, 3);
    }
    assert_eq!(trial.machine.state().entries().count(), count);
}

#[test]
fn what_is_remembered_of_a_retry_leaves_with_its_turn() {
    let mut trial = Trial::new();
    whole_turn(&mut trial, 0, 1);
    trial.give(proposal(&retry(&place(0, 0)), "mail"));
    assert_eq!(trial.machine.state().retries().len(), 1);
    trial.give(block(&retry(&place(0, 0))));
    whole_turn(&mut trial, 1, 0);
    assert!(trial.machine.state().retries().is_empty());
}

#[test]
fn a_refused_proposal_ends_its_place() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    let refused = proposal(&place(0, 0), "ghost").because([answer]);
    trial.answer(refused);
    assert_eq!(trial.machine.state().open_calls(), 0);
    assert_eq!(trial.machine.state().call(&place(0, 0)), None);
    trial.give(proposal(&retry(&place(0, 0)), "mail").because([answer]));
}

#[test]
fn a_refused_proposal_that_no_answer_announced_ends_nothing() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.answer(proposal(&place(0, 1), "mail").because([answer]));
    let turn = trial.machine.state().turn(&TurnKey::of(&place(0, 1))).unwrap();
    assert_eq!((turn.ended.has(1), turn.open_calls()), (false, 1));
}

#[test]
fn a_refused_retry_ends_its_attempt_and_the_next_one_is_free() {
    let mut trial = Trial::new();
    whole_turn(&mut trial, 0, 1);
    trial.answer(proposal(&retry(&place(0, 0)), "ghost"));
    let third = proposal(&Place { attempt: 2, ..place(0, 0) }, "mail");
    assert_eq!(trial.breaches(&third), []);
    assert_eq!(trial.breaches(&proposal(&retry(&place(0, 0)), "mail")), [(Rule::Tol2, Reason::PlaceUsed)]);
}

/// Spec: places.
#[test]
fn a_proposal_that_no_answer_announced_opens_its_turn_or_makes_it_longer() {
    let mut trial = Trial::new();
    let at = |index| place_of("workflow", 4, index);
    for index in [2, 0] {
        trial.give(proposal(&at(index), "mail").by("workflow").because([0]));
    }
    let turn = trial.machine.state().turn(&TurnKey::of(&at(0))).unwrap().clone();
    assert_eq!((turn.calls, turn.open_calls()), (3, 3));
    trial.give(block(&at(2)));
    assert_eq!(trial.machine.state().open_calls(), 2);
}

#[test]
fn a_late_step_does_not_bring_a_call_back() {
    let mut trial = Trial::observed();
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Dispatched, &place(0, 0), "mail", answer);
    let decided = decision(&place(0, 0), "mail", rederive_evidence::kinds::decision::Decision::Permit);
    for late in [validation(&place(0, 0), "mail"), request(&place(0, 0)), decided] {
        assert_eq!(trial.breaches(&late), [(Rule::Tol2, Reason::Step)]);
        trial.answer(late);
        let call = trial.machine.state().call(&place(0, 0)).unwrap();
        assert_eq!(call.status, CallStatus::Dispatched);
    }
}

#[test]
fn a_turn_that_a_proposal_opens_has_the_label_of_the_one_who_opened_it() {
    let mut trial = Trial::new();
    let at = place_of("workflow", 4, 0);
    trial.give(proposal(&at, "mail").by("workflow").because([0]));
    let turn = trial.machine.state().turn(&TurnKey::of(&at)).unwrap();
    assert_eq!(
        (turn.influence.label.trust, turn.influence.label.sensitivity),
        (Trust::Internal, Sensitivity::Internal)
    );
}

#[test]
fn a_refused_first_proposal_is_no_retry() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.answer(proposal(&place(0, 0), "ghost").because([answer]));
    assert!(trial.machine.state().retries().is_empty());
}

#[test]
fn what_has_ended_stays_so_whichever_call_ends_or_is_tried_again_after_it() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(200);
    let ended = |trial: &Trial| -> Vec<u16> {
        let turn = trial.machine.state().turn(&TurnKey::of(&place(0, 0))).unwrap();
        (0..200).filter(|index| turn.ended.has(*index)).collect()
    };
    for index in [190, 70, 0] {
        trial.give(proposal(&place(0, index), "mail").because([answer]));
        trial.give(block(&place(0, index)));
    }
    assert_eq!(ended(&trial), [0, 70, 190]);
    trial.give(proposal(&retry(&place(0, 0)), "mail").because([answer]));
    assert_eq!(ended(&trial), [70, 190]);
}
