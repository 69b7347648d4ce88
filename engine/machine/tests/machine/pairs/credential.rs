//! CRD. Spec: rule-crd-1, rule-crd-2, rule-crd-3.

use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::credential::{CredentialIssued, CredentialUsed};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Layer};
use rederive_machine::testing::authority::*;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus};

use super::Pair;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Crd1, Reason::FieldAbsent, |twin| {
        issued(|body| body.handling = twin.pick(body.handling, Given::Absent))
    }),
    (Rule::Crd1, Reason::NameTaken, |twin| {
        let (mut trial, made) = issued(|_| {});
        trial.give(made.clone());
        if !twin.breaks() {
            trial.give(revoking());
        }
        (trial, made)
    }),
    (Rule::Crd1, Reason::Unbound, |twin| {
        issued(|body| body.call = body.call.take().filter(|_| !twin.breaks()))
    }),
    (Rule::Crd1, Reason::NotPermitted, |twin| {
        let trial = Trial::gated_at(twin.pick(CallStatus::Decided, CallStatus::Requested), "mail");
        let made = trial.issuing(&place(0, 0), "mail");
        (trial, made)
    }),
    // A permit that is over lets nobody in.
    (Rule::Crd1, Reason::NotPermitted, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Requested, "mail");
        let end = trial.now.plus_ms(1 + PERMIT_MS);
        trial.give(planning(&place(0, 0), EffectsClass::Send));
        let made = trial.judgement(&place(0, 0));
        trial.give(made);
        let mut before = end;
        before.0 -= 1;
        let made = trial.issuing(&place(0, 0), "mail");
        let made = with_issue(made, |body| body.expires = Given::Known(end.plus_ms(1_000)));
        (trial, made.timed(Some(twin.pick(before, end))))
    }),
    // Nor does an approval that nobody gave.
    (Rule::Crd1, Reason::NotPermitted, |twin| {
        let trial = Trial::held_at(twin.pick(ApprovalStatus::Approved, ApprovalStatus::Denied));
        let made = with_issue(trial.issuing(&place(0, 0), "mail"), |body| {
            body.call = None;
            body.approval = Some(approval());
        });
        (trial, made)
    }),
    (Rule::Crd1, Reason::ScopeWider, |twin| {
        let other = scope_item("edit", EffectsClass::Write);
        issued(|body| body.scope.extend(twin.breaks().then_some(other)))
    }),
    (Rule::Crd1, Reason::LifetimeLonger, |twin| {
        let mut trial =
            Trial::gated_with(|opening| opening.limits.credential_lifetime_ms = Some(CREDENTIAL_MS));
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        let made = trial.issuing(&place(0, 0), "mail");
        let later = Given::Known(trial.now.plus_ms(CREDENTIAL_MS + 1));
        (trial, with_issue(made, |body| body.expires = twin.pick(body.expires, later)))
    }),
    // Nor does it outlive the session.
    (Rule::Crd1, Reason::LifetimeLonger, |twin| {
        let end = START.plus_ms(3_600_000 + twin.pick(0, 1));
        issued(|body| body.expires = Given::Known(end))
    }),
    (Rule::Crd1, Reason::TimeAbsent, |twin| {
        let trial = decided_by(&[Layer::Credential], |_| {});
        let made = trial.issuing(&place(0, 0), "mail");
        let now = trial.now;
        (trial, made.timed(twin.pick(Some(now), None)))
    }),
    (Rule::Crd2, Reason::Unknown, |twin| {
        let (mut trial, made) = issued(|_| {});
        if !twin.breaks() {
            trial.give(made);
        }
        (trial, using(&place(0, 0)).because([0]))
    }),
    (Rule::Crd2, Reason::Unknown, |twin| {
        let (mut trial, made) = issued(|_| {});
        trial.give(made);
        if twin.breaks() {
            trial.give(revoking());
        }
        (trial, revoking())
    }),
    (Rule::Crd2, Reason::OtherCall, |twin| {
        let mut trial = Trial::gated();
        let answer = trial.turn_open(2);
        for index in 0..2 {
            trial.gated_to(CallStatus::Decided, &place(0, index), "mail", answer);
        }
        let made = trial.issuing(&place(0, 0), "mail");
        trial.give(made);
        (trial, using(&place(0, twin.pick(0, 1))).because([0]))
    }),
    (Rule::Crd2, Reason::Step, |twin| {
        let (mut trial, made) = issued(|_| {});
        trial.give(made);
        let sent = trial.give(dispatching(&place(0, 0), "mail"));
        if twin.breaks() {
            trial.give(result(&place(0, 0), "done").because([sent]));
        }
        (trial, using(&place(0, 0)).because([0]))
    }),
    // Nor does a call use one that the gate holds, whatever was approved.
    (Rule::Crd2, Reason::Step, |twin| {
        let mut trial = Trial::held_at(ApprovalStatus::Approved);
        let at = place(0, 0);
        let made = with_issue(trial.issuing(&at, "mail"), |body| {
            body.call = None;
            body.approval = Some(approval());
        });
        trial.give(made);
        if !twin.breaks() {
            trial.give(trial.approved_judgement(&at));
        }
        (trial, using(&at).because([0]))
    }),
    // At the very time of its end it is over.
    (Rule::Crd2, Reason::CredentialOver, |twin| {
        let (mut trial, made) = issued(|_| {});
        let end = trial.now.plus_ms(CREDENTIAL_MS);
        trial.give(made);
        let mut before = end;
        before.0 -= 1;
        (trial, using(&place(0, 0)).because([0]).timed(Some(twin.pick(before, end))))
    }),
    (Rule::Crd2, Reason::NotOver, |twin| {
        let (mut trial, made) = issued(|_| {});
        let end = trial.now.plus_ms(CREDENTIAL_MS);
        trial.give(made);
        let mut before = end;
        before.0 -= 1;
        (trial, lapsing().timed(Some(twin.pick(end, before))))
    }),
    (Rule::Crd2, Reason::TimeAbsent, |twin| {
        let mut trial = decided_by(&[Layer::Credential], |_| {});
        let made = trial.issuing(&place(0, 0), "mail");
        trial.give(made);
        let now = trial.now;
        (trial, using(&place(0, 0)).timed(twin.pick(Some(now), None)))
    }),
    (Rule::Crd3, Reason::FieldAbsent, |twin| {
        used(|body| body.surface = twin.pick(body.surface.clone(), Given::Absent))
    }),
    (Rule::Crd3, Reason::SurfaceWider, |twin| {
        issued(|body| body.surfaces.extend(twin.breaks().then(|| id("shell"))))
    }),
    (Rule::Crd3, Reason::SurfaceWider, |twin| {
        used(|body| body.surface = Given::Known(id(twin.pick("api", "shell"))))
    }),
];

fn with_issue(mut made: Made, change: impl FnOnce(&mut CredentialIssued)) -> Made {
    let Body::CredentialIssued(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    made
}

/// A credential for the only call of a run, which is permitted.
fn issued(change: impl FnOnce(&mut CredentialIssued)) -> (Trial, Made) {
    let trial = Trial::gated_at(CallStatus::Decided, "mail");
    let made = trial.issuing(&place(0, 0), "mail");
    (trial, with_issue(made, change))
}

/// The use of a credential by its call.
fn used(change: impl FnOnce(&mut CredentialUsed)) -> (Trial, Made) {
    let (mut trial, made) = issued(|_| {});
    trial.give(made);
    let mut made = using(&place(0, 0)).because([0]);
    let Body::CredentialUsed(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    (trial, made)
}

/// A permitted call in a run that is judged by the rules of these layers alone, and in which credentials live for as long as these do.
fn decided_by(layers: &[Layer], change: impl FnOnce(&mut rederive_evidence::kinds::run::RunOpened)) -> Trial {
    let mut trial = Trial::gated_with(|opening| {
        opening.layers = layers.to_vec();
        opening.limits.credential_lifetime_ms = Some(CREDENTIAL_MS);
        change(opening);
    });
    let answer = trial.turn_open(1);
    trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    trial
}

#[test]
fn a_credential_of_an_approval_is_its_calls() {
    let mut trial = Trial::held_at(ApprovalStatus::Approved);
    let at = place(0, 0);
    let made = with_issue(trial.issuing(&at, "mail"), |body| {
        body.call = None;
        body.approval = Some(approval());
    });
    trial.give(made);
    let held = trial.machine.state().tracked_credential(&credential()).unwrap();
    assert_eq!(held.call, Some(at));
}

/// IDN-4: nobody acts through a call whose agent may no longer act.
#[test]
fn no_credential_serves_a_delegate_whose_delegation_is_over() {
    use crate::acts::{delegation, ending, place_of, searching};
    let mut trial = Trial::gated();
    trial.give(delegation("agent", "helper", searching()));
    let at = place_of("helper", 0, 0);
    let asked = trial.give(prompt(0, &[(0, "the goal")]).by("helper").at(at.clone()));
    let answered = trial.give(answer(0, 1, asked).by("helper").at(at.clone()));
    trial.give(proposal(&at, "search").by("helper").because([answered]));
    let mut last = answered;
    for made in [validation(&at, "search"), request(&at)] {
        last = trial.give(made.because([last]));
    }
    trial.give(trial.judgement(&at).because([last]));
    let made = trial.issuing(&at, "search");
    assert_eq!(trial.breaches(&made), []);
    trial.give(ending("agent-to-helper"));
    assert_eq!(trial.breaches(&made), [(Rule::Idn4, Reason::DelegationOver)]);
}
