//! RUN. Spec: rule-run-1, rule-run-2, rule-run-3.

use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Layer, Mode};
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Run1, Reason::NotOpened, |twin| {
        let trial = Trial::unopened();
        (trial, twin.pick(opening_record(opening()), message("user", "hello")))
    }),
    (Rule::Run1, Reason::OpenedAgain, |twin| {
        (Trial::new(), twin.pick(message("user", "hello"), opening_record(opening())))
    }),
    // RUN-1 does not depend on the layers that the source can give.
    (Rule::Run1, Reason::OpenedAgain, |twin| {
        (judged_by(&[]), twin.pick(message("user", "hello"), opening_record(opening())))
    }),
    (Rule::Run1, Reason::AfterClose, |twin| {
        let mut trial = Trial::new();
        if twin.breaks() {
            trial.give(closing());
        }
        (trial, message("user", "hello"))
    }),
    (Rule::Run1, Reason::FieldAbsent, |twin| {
        let trial = Trial::unopened();
        let mut opened = opening();
        if twin.breaks() {
            opened.owner = Given::Absent;
        }
        (trial, opening_record(opened))
    }),
    (Rule::Run2, Reason::SequenceGap, |twin| {
        let mut made = message("user", "hello");
        made.input.sequence = twin.pick(0, 1);
        (Trial::new(), made)
    }),
    (Rule::Run2, Reason::TimeBackwards, |twin| {
        let trial = Trial::new();
        let latest = trial.machine.state().progress().unwrap().time.unwrap();
        let mut earlier = latest;
        earlier.0 -= 1;
        (trial, message("user", "hello").timed(Some(twin.pick(latest, earlier))))
    }),
    (Rule::Run2, Reason::CauseAhead, |twin| {
        let trial = Trial::new();
        let number = trial.machine.lineage().len();
        (trial, message("user", "hello").because(twin.pick(0..number, 0..number + 1)))
    }),
    (Rule::Run2, Reason::ReferenceAhead, |twin| {
        let trial = Trial::new();
        let number = trial.machine.lineage().len();
        (trial, detection(Some(twin.pick(number - 1, number))))
    }),
    (Rule::Run2, Reason::TimeAbsent, |twin| {
        let trial = Trial::new();
        let now = trial.now;
        (trial, message("user", "hello").timed(twin.pick(Some(now), None)))
    }),
    (Rule::Run3, Reason::CallOpen, |twin| {
        let mut trial = Trial::new();
        trial.turn_open(twin.pick(0, 1));
        (trial, closing())
    }),
    (Rule::Run3, Reason::CallOpen, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(1);
        let sent = trial.call_to(rederive_machine::CallStatus::Dispatched, &place(0, 0), "mail", answer);
        if !twin.breaks() {
            trial.give(unknown_end(&place(0, 0)).because([sent]));
        }
        (trial, closing())
    }),
    (Rule::Run3, Reason::ApprovalOpen, |twin| {
        let mut trial = Trial::new();
        trial.give(approval_request());
        if !twin.breaks() {
            trial.give(approving());
        }
        (trial, closing())
    }),
    (Rule::Run3, Reason::EffectOpen, |twin| {
        let mut trial = Trial::new();
        trial.give(effect(&place(0, 0)).because([0]));
        if !twin.breaks() {
            trial.give(reverting());
        }
        (trial, closing())
    }),
    (Rule::Run3, Reason::CredentialLive, |twin| {
        let mut trial = Trial::new();
        trial.give(issuing());
        if !twin.breaks() {
            trial.give(revoking());
        }
        (trial, closing())
    }),
    // At the very time of its end a credential is over.
    (Rule::Run3, Reason::CredentialLive, |twin| {
        let mut trial = Trial::new();
        trial.give(issuing());
        let end = START.plus_ms(3_600_000);
        let mut before = end;
        before.0 -= 1;
        (trial, closing().timed(Some(twin.pick(end, before))))
    }),
];

#[test]
fn whether_a_credential_is_over_cannot_be_told_without_a_time() {
    for (mode, is_live) in [(Mode::Enforced, true), (Mode::Observed, false)] {
        let mut trial = Trial::opened(|opening| opening.mode = mode);
        trial.give(issuing());
        let found = trial.breaches(&closing().timed(None));
        assert_eq!(found.contains(&(Rule::Run3, Reason::CredentialLive)), is_live, "{mode}");
    }
}

#[test]
fn a_run_of_no_layer_still_begins_and_ends_once() {
    let mut trial = judged_by(&[Layer::Memory]);
    trial.give(closing());
    assert_eq!(trial.breaches(&closing()), [(Rule::Run1, Reason::AfterClose)]);
}
