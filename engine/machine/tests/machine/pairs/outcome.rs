//! OUT, and what RUN-3 and TOL-6 ask of effects. Spec: rule-out-1, rule-out-2, rule-out-3, rule-out-4, rule-run-3, rule-tol-6.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::downstream::{EffectExecuted, EffectMatch, EffectNotified, EffectPlanned};
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::output::{OutputBlocked, OutputReleased};
use rederive_evidence::kinds::tool::FailureClass;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Label, Layer, Mode, Sensitivity, StandingGrant, Trust};
use rederive_machine::testing::authority::*;
use rederive_machine::testing::*;
use rederive_machine::{ApprovalStatus, CallStatus, Control, EffectStatus};

use super::Pair;
use crate::acts::{block, failure, masking, preview, unknown_end, with_tool};

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Out1, Reason::FieldAbsent, |twin| {
        executed(|body| body.observed = twin.pick(body.observed, Given::Absent))
    }),
    (Rule::Out1, Reason::Unknown, |twin| {
        executed(|body| body.effect = id(twin.pick("effect-0-0", "another-effect")))
    }),
    (Rule::Out1, Reason::Unknown, |twin| {
        let trial = twin.pick(Trial::executed("mail"), Trial::gated());
        let [reverted, ..] = resolving(&place(0, 0));
        (trial, reverted)
    }),
    (Rule::Out1, Reason::NameTaken, |twin| {
        let trial = Trial::gated_at(CallStatus::Decided, "mail");
        planned_too(trial, |body| body.effect = id(twin.pick("another-effect", "effect-0-0")))
    }),
    // What is dispatched already is planned too late.
    (Rule::Out1, Reason::Step, |twin| {
        let status = twin.pick(CallStatus::Decided, CallStatus::Dispatched);
        planned_too(Trial::gated_at(status, "mail"), |body| body.effect = id("another-effect"))
    }),
    // What is not dispatched yet cannot be seen.
    (Rule::Out1, Reason::Step, |twin| {
        let status = twin.pick(CallStatus::Dispatched, CallStatus::Decided);
        (Trial::gated_at(status, "mail"), executing(&place(0, 0)))
    }),
    (Rule::Out1, Reason::OtherCall, |twin| executed(|body| body.call = place(0, twin.pick(0, 1)))),
    (Rule::Out1, Reason::NotAsDecided, |twin| {
        let action = twin.pick(EffectsClass::Send, EffectsClass::Delete);
        planned(|body| body.action = action)
    }),
    (Rule::Out1, Reason::NotAsDecided, |twin| {
        planned(|body| body.target = Some(twin.pick(Content(3), Content(0))))
    }),
    (Rule::Out1, Reason::OtherValue, |twin| {
        let observed = twin.pick("an effect", "another effect");
        (Trial::executed("mail"), verifying(&place(0, 0), EffectMatch::Match, observed))
    }),
    (Rule::Out2, Reason::MismatchOpen, |twin| {
        let mut trial = mismatched();
        if !twin.breaks() {
            let [reverted, ..] = resolving(&place(0, 0));
            trial.give(reverted);
        }
        (trial, closing())
    }),
    (Rule::Out2, Reason::OtherParty, |twin| {
        let [.., mut told] = resolving(&place(0, 0));
        let Body::EffectNotified(EffectNotified { owner, .. }) = &mut told.input.body else { panic!() };
        *owner = id(twin.pick("owner", "somebody-else"));
        (mismatched(), told)
    }),
    (Rule::Out3, Reason::FieldAbsent, |twin| {
        planned(|body| body.owner = twin.pick(body.owner.clone(), Given::Absent))
    }),
    (Rule::Out3, Reason::NoPlan, |twin| {
        dispatching_of(|trial| {
            if !twin.breaks() {
                trial.give(planning(&place(0, 0), EffectsClass::Send));
            }
        })
    }),
    (Rule::Out3, Reason::NoRollback, |twin| {
        dispatching_of(|trial| plan(trial, |body| body.rollback = body.rollback.filter(|_| !twin.breaks())))
    }),
    (Rule::Out3, Reason::NoContainment, |twin| {
        let mut trial = granted(|_| {});
        trial.give(irreversible(|body| body.containment = body.containment.filter(|_| !twin.breaks())));
        permitted(trial)
    }),
    (Rule::Out3, Reason::ApprovalNeeded, |twin| {
        let mut trial = granted(|grant| grant.count_max = twin.pick(1, 0));
        trial.give(irreversible(|_| {}));
        permitted(trial)
    }),
    (Rule::Out3, Reason::ApprovalNeeded, |twin| {
        let mut trial = granted(|grant| grant.destination = Some(Content(twin.pick(1, 0))));
        trial.give(irreversible(|_| {}));
        permitted(trial)
    }),
    (Rule::Out3, Reason::ApprovalNeeded, |twin| {
        let mut trial = granted(|grant| grant.amount_micros_max = Some(7));
        trial.give(irreversible(|body| body.amount_micros = Some(twin.pick(7, 8))));
        permitted(trial)
    }),
    (Rule::Out3, Reason::Unverified, |twin| {
        let mut trial = granted(|_| {});
        trial.give(irreversible(|_| {}));
        let (mut trial, dispatch) = permitted(trial);
        trial.give(dispatch);
        trial.give(executing(&place(0, 0)));
        if !twin.breaks() {
            trial.give(verifying(&place(0, 0), EffectMatch::Mismatch, "an effect"));
        }
        let [_, quarantined, ..] = resolving(&place(0, 0));
        (trial, quarantined)
    }),
    (Rule::Out3, Reason::AmountExceeded, |twin| {
        let (mut trial, dispatch) = dispatching_of(|trial| plan(trial, |body| body.amount_micros = Some(7)));
        trial.give(dispatch);
        let mut made = executing(&place(0, 0));
        let Body::EffectExecuted(body) = &mut made.input.body else { panic!("another body") };
        body.amount_micros = Some(twin.pick(7, 8));
        (trial, made)
    }),
    (Rule::Out4, Reason::FieldAbsent, |twin| {
        released(|body| body.recipients[0].clearance = twin.pick(body.recipients[0].clearance, Given::Absent))
    }),
    (Rule::Out4, Reason::Unknown, |twin| {
        released(|body| body.output = commitment(twin.pick("done", "something else")))
    }),
    (Rule::Out4, Reason::NotInspected, |twin| {
        let mut trial = Trial::gated();
        trial.give(producing("done"));
        if !twin.breaks() {
            trial.give(looking("done"));
        }
        (trial, releasing("done", Sensitivity::Restricted))
    }),
    (Rule::Out4, Reason::BlockedContent, |twin| {
        let mut trial = Trial::with_output(INTERNAL);
        let output = commitment(twin.pick("something else", "done"));
        trial.give(Made::new("guard", OutputBlocked { output, reason: BlockReason::Clearance }));
        (trial, releasing("done", Sensitivity::Restricted))
    }),
    (Rule::Out4, Reason::NoRecipient, |twin| released(|body| body.recipients.truncate(twin.pick(1, 0)))),
    (Rule::Out4, Reason::Clearance, |twin| {
        let clearance = twin.pick(Sensitivity::Internal, Sensitivity::Public);
        (Trial::with_output(INTERNAL), releasing("done", clearance))
    }),
    // What a guardrail masked may go further.
    (Rule::Out4, Reason::Clearance, |twin| {
        let mut trial = Trial::with_output(INTERNAL);
        let sensitivity = twin.pick(Sensitivity::Public, Sensitivity::Internal);
        let masked = label(Trust::Internal, sensitivity);
        trial.give(crate::acts::masking("done", "d***", Some(masked)).because([0]));
        (trial, releasing("d***", Sensitivity::Public))
    }),
    (Rule::Run3, Reason::ApprovalOpen, |twin| {
        let mut trial = Trial::held_at(twin.pick(ApprovalStatus::Withdrawn, ApprovalStatus::Revised));
        trial.give(block(&place(0, 0)).because([0]));
        (trial, closing())
    }),
    // An answer that is not linked to the trace is none.
    (Rule::Run3, Reason::ApprovalOpen, |twin| {
        let mut trial = Trial::held_at(ApprovalStatus::Denied);
        if !twin.breaks() {
            trial.give(logging(trial.machine.lineage().len() - 1));
        }
        trial.give(block(&place(0, 0)).because([0]));
        (trial, closing())
    }),
    (Rule::Run3, Reason::EffectOpen, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Dispatched, "mail");
        trial.give(result(&place(0, 0), "done").because([0]));
        if !twin.breaks() {
            trial.give(executing(&place(0, 0)));
            trial.give(verifying(&place(0, 0), EffectMatch::Match, "an effect"));
        }
        (trial, closing())
    }),
    (Rule::Run3, Reason::CredentialLive, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Decided, "mail");
        let made = trial.issuing(&place(0, 0), "mail");
        trial.give(made);
        if !twin.breaks() {
            trial.give(revoking());
        }
        trial.give(block(&place(0, 0)).because([0]));
        (trial, closing())
    }),
    (Rule::Tol6, Reason::PreviewNotShown, |twin| {
        let mut trial = previewing(twin.pick("an effect", "a diff"));
        trial.give(planning(&place(0, 0), EffectsClass::Send));
        let held = trial.give(trial.holding(&place(0, 0)));
        trial.approval_to(ApprovalStatus::Requested, &place(0, 0), held);
        (trial, assembling(held))
    }),
    (Rule::Tol6, Reason::NotAsPreviewed, |twin| {
        let mut trial = previewing(twin.pick("an effect", "a diff"));
        trial.give(planning(&place(0, 0), EffectsClass::Send));
        permitted(trial)
    }),
];

const INTERNAL: Label = label(Trust::Internal, Sensitivity::Internal);

fn with_plan(mut made: Made, change: impl FnOnce(&mut EffectPlanned)) -> Made {
    let Body::EffectPlanned(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    made
}

/// A plan for the only call of a run, which the gate was asked about.
fn planned(change: impl FnOnce(&mut EffectPlanned)) -> (Trial, Made) {
    let trial = Trial::gated_at(CallStatus::Requested, "mail");
    (trial, with_plan(planning(&place(0, 0), EffectsClass::Send), change))
}

/// A second plan for the only call of a run.
fn planned_too(trial: Trial, change: impl FnOnce(&mut EffectPlanned)) -> (Trial, Made) {
    (trial, with_plan(planning(&place(0, 0), EffectsClass::Send), change))
}

fn plan(trial: &mut Trial, change: impl FnOnce(&mut EffectPlanned)) {
    trial.give(with_plan(planning(&place(0, 0), EffectsClass::Send), change));
}

/// A plan for what cannot be undone.
fn irreversible(change: impl FnOnce(&mut EffectPlanned)) -> Made {
    with_plan(planning(&place(0, 0), EffectsClass::Send), |body| {
        body.reversible = Given::Known(false);
        change(body);
    })
}

/// The effect of the first of two dispatched calls is seen.
fn executed(change: impl FnOnce(&mut EffectExecuted)) -> (Trial, Made) {
    let mut trial = Trial::gated();
    let answer = trial.turn_open(2);
    for index in 0..2 {
        trial.gated_to(CallStatus::Dispatched, &place(0, index), "mail", answer);
    }
    let mut made = executing(&place(0, 0));
    let Body::EffectExecuted(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    (trial, made)
}

/// A run whose only call has ended and had another effect than the expected one.
fn mismatched() -> Trial {
    let mut trial = Trial::executed("mail");
    trial.give(result(&place(0, 0), "done").because([0]));
    trial.give(verifying(&place(0, 0), EffectMatch::Mismatch, "an effect"));
    trial
}

/// The dispatch of a call that the gate was asked about, after what is done and a permit.
fn dispatching_of(done: impl FnOnce(&mut Trial)) -> (Trial, Made) {
    let mut trial = Trial::gated_at(CallStatus::Requested, "mail");
    done(&mut trial);
    permitted(trial)
}

fn permitted(mut trial: Trial) -> (Trial, Made) {
    let made = trial.judgement(&place(0, 0));
    trial.give(made);
    (trial, dispatching(&place(0, 0), "mail"))
}

/// A requested call in a run with a standing grant to send to the target, once.
fn granted(change: impl FnOnce(&mut StandingGrant)) -> Trial {
    granted_in(Mode::Enforced, change)
}

fn granted_in(mode: Mode, change: impl FnOnce(&mut StandingGrant)) -> Trial {
    let mut grant = StandingGrant {
        id: id("grant-1"),
        action: EffectsClass::Send,
        destination: Some(Content(1)),
        amount_micros_max: None,
        count_max: 1,
    };
    change(&mut grant);
    let mut opened = opening();
    opened.rule_set = rederive_machine::RuleSetNumber::Two.rule_set();
    opened.grants = vec![grant];
    opened.mode = mode;
    let mut trial = Trial::unopened();
    trial.give(opening_record(opened).with(["target"]));
    for (tool, effects) in TOOLS {
        trial.give(registration(tool, *effects));
    }
    let answer = trial.turn_open(1);
    trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
    trial
}

/// A requested call of a tool that offers a preview, which gave this diff.
fn previewing(diff: &str) -> Trial {
    let mut trial = Trial::gated();
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.preview = true));
    let answer = trial.turn_open(1);
    trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
    let mut made = preview(&place(0, 0));
    made.input.contents.clear();
    trial.give(made.with([diff]).because([0]));
    trial
}

/// The release of an output that was produced and looked at.
fn released(change: impl FnOnce(&mut OutputReleased)) -> (Trial, Made) {
    let mut made = releasing("done", Sensitivity::Restricted);
    let Body::OutputReleased(body) = &mut made.input.body else { panic!("another body") };
    change(body);
    (Trial::with_output(INTERNAL), made)
}

/// OUT-3: a grant serves as often as it says, and an approval stands instead of one. Spec: standing-grant.
#[test]
fn a_standing_grant_is_drawn_from_once_a_call_and_by_the_amount_spent() {
    let mut trial = granted(|grant| {
        grant.count_max = 2;
        grant.amount_micros_max = Some(100);
    });
    trial.give(irreversible(|body| body.amount_micros = Some(30)));
    let (mut trial, made) = permitted(trial);
    trial.give(made);
    let left = |trial: &Trial| {
        let grant = trial.machine.state().grant(&id("grant-1")).unwrap();
        (grant.count_left, grant.amount_micros_left)
    };
    assert_eq!(left(&trial), (1, Some(70)));
    let mut made = executing(&place(0, 0));
    if let Body::EffectExecuted(body) = &mut made.input.body {
        body.amount_micros = Some(45);
    }
    trial.answer(made);
    assert_eq!(left(&trial), (1, Some(55)));
}

/// A call that is dispatched twice, which only an observed run lets happen, has effects drawn from the grant that the first dispatch drew from.
#[test]
fn a_second_dispatch_takes_no_grant_from_the_effects() {
    let mut trial = granted_in(Mode::Observed, |_| {});
    trial.give(irreversible(|_| {}));
    let (mut trial, made) = permitted(trial);
    let drawn_from = |trial: &Trial| {
        let effect = trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).unwrap();
        effect.grant.clone()
    };
    for _ in 0..2 {
        trial.answer(made.clone());
        assert_eq!(drawn_from(&trial), Some(id("grant-1")));
    }
}

/// What was planned for a call that never reached its tool leaves with it; what may have happened stays to be resolved.
#[test]
fn the_effects_of_a_call_that_never_reached_its_tool_leave_with_it() {
    let at = place(0, 0);
    let effect =
        |trial: &Trial| trial.machine.state().tracked_effect(&effect_of(&at)).map(|effect| effect.status);
    let mut blocked = Trial::gated_at(CallStatus::Decided, "mail");
    assert_eq!(effect(&blocked), Some(EffectStatus::Planned));
    blocked.give(block(&at).because([0]));
    assert_eq!(effect(&blocked), None);
    let failed = |class| {
        let mut made = failure(&at).because([0]);
        if let Body::ToolFailed(body) = &mut made.input.body {
            body.class = class;
        }
        made
    };
    let ends = [
        (failed(FailureClass::Refused), None),
        (failed(FailureClass::Unreachable), None),
        (failed(FailureClass::Arguments), None),
        (failed(FailureClass::Tool), Some(EffectStatus::UnderWay)),
        (failed(FailureClass::TimeOut), Some(EffectStatus::UnderWay)),
        (unknown_end(&at).because([0]), Some(EffectStatus::UnderWay)),
        (result(&at, "done").because([0]), Some(EffectStatus::UnderWay)),
    ];
    for (end, stands) in ends {
        let mut trial = Trial::gated_at(CallStatus::Dispatched, "mail");
        trial.give(end);
        assert_eq!(effect(&trial), stands);
    }
}

/// What breaches a rule in an enforced run stands for nothing: not for a plan, nor for the end of an effect or of a credential. Spec: counts.
#[test]
fn a_breaching_fact_does_not_stand_for_what_a_rule_asks_for() {
    let (mut trial, dispatch) = dispatching_of(|trial| {
        trial
            .answer(with_plan(planning(&place(0, 0), EffectsClass::Send), |body| body.owner = Given::Absent));
    });
    assert_eq!(trial.breaches(&dispatch), [(Rule::Out3, Reason::NoPlan)]);
    trial.give(planning(&place(0, 0), EffectsClass::Send));
    assert_eq!(trial.breaches(&dispatch), []);
    trial.give(dispatch);
    trial.give(executing(&place(0, 0)));
    let [reverted, ..] = resolving(&place(0, 0));
    let open = |trial: &Trial| !trial.machine.state().tracked_effects().is_empty();
    trial.answer(reverted.clone().by("nobody"));
    assert!(open(&trial), "nobody undid it");
    trial.give(reverted);
    assert!(!open(&trial));
    let mut trial = Trial::gated_at(CallStatus::Decided, "mail");
    trial.give(trial.issuing(&place(0, 0), "mail"));
    for made in [lapsing(), revoking().by("nobody")] {
        trial.answer(made);
        assert_eq!(trial.machine.state().tracked_credentials().len(), 1);
    }
    trial.give(revoking());
    assert!(trial.machine.state().tracked_credentials().is_empty());
}

/// A match that is claimed of two different things is none. Spec: effect-match.
#[test]
fn a_false_match_leaves_the_effect_to_be_resolved() {
    let mut trial = Trial::executed("mail");
    trial.answer(verifying(&place(0, 0), EffectMatch::Match, "another effect"));
    let effect = trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).unwrap();
    assert_eq!((effect.status, effect.verified), (EffectStatus::Mismatched, true));
    trial.answer(verifying(&place(0, 0), EffectMatch::Match, "an effect"));
    assert!(trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).is_some());
}

/// An effect that nobody planned has to be resolved as one that cannot be undone.
#[test]
fn an_effect_that_nobody_planned_is_tracked_from_where_it_is_seen() {
    let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Outcome]);
    assert_eq!(trial.answer(executing(&place(0, 0))).breaches[0].reason, Reason::Unknown);
    let effect = trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).unwrap();
    assert_eq!((effect.status, effect.reversible), (EffectStatus::Executed, false));
    let [reverted, ..] = resolving(&place(0, 0));
    assert_eq!(trial.breaches(&reverted), [(Rule::Out3, Reason::Unverified)]);
}

/// OUT-4: who masks an output has looked at it, at what it was as at what it is now.
#[test]
fn an_output_that_a_guardrail_masked_was_looked_at_in_both_its_forms() {
    let mut trial = Trial::gated();
    trial.give(producing("done").labelled(INTERNAL));
    let not_inspected = |trial: &Trial, text| {
        trial
            .breaches(&releasing(text, Sensitivity::Restricted))
            .contains(&(Rule::Out4, Reason::NotInspected))
    };
    assert!(not_inspected(&trial, "done"));
    trial.give(masking("done", "d***", None));
    assert!(!not_inspected(&trial, "done") && !not_inspected(&trial, "d***"));
}

fn effect(trial: &Trial) -> Option<rederive_machine::TrackedEffect> {
    trial.machine.state().tracked_effect(&effect_of(&place(0, 0))).map(|effect| (**effect).clone())
}

#[test]
fn an_effect_that_is_planned_again_stays_what_it_is() {
    let mut trial = Trial::gated_at(CallStatus::Decided, "mail");
    let before = effect(&trial).unwrap();
    trial.answer(irreversible(|body| body.owner = Given::Known(id("another"))));
    assert_eq!(effect(&trial), Some(before));
    let mut seen = Trial::executed("mail");
    seen.answer(planning(&place(0, 0), EffectsClass::Send));
    assert_eq!(effect(&seen).unwrap().status, EffectStatus::Executed);
}

#[test]
fn rule_set_1_plans_no_effects_and_ends_one_that_is_verified_to_match() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Dispatched, &place(0, 0), "mail", answer);
    trial.answer(planning(&place(0, 0), EffectsClass::Send));
    assert_eq!(effect(&trial), None);
    trial.answer(executing(&place(0, 0)));
    let open = |trial: &Trial| trial.machine.state().effects().len();
    assert_eq!(open(&trial), 1);
    trial.answer(verifying(&place(0, 0), EffectMatch::Mismatch, "an effect"));
    assert_eq!(open(&trial), 1);
    trial.answer(verifying(&place(0, 0), EffectMatch::Match, "an effect"));
    assert_eq!(open(&trial), 0);
}

/// An observed run may tell of a plan after the call has gone out.
#[test]
fn an_effect_that_is_planned_for_a_dispatched_call_is_under_way() {
    let status = |is_dispatched: bool| {
        let mut trial = Trial::gated_with(|opening| opening.mode = Mode::Observed);
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        if is_dispatched {
            trial.answer(dispatch(&place(0, 0), "mail"));
        }
        trial.answer(planning(&place(0, 0), EffectsClass::Send));
        effect(&trial).unwrap().status
    };
    assert_eq!(status(false), EffectStatus::Planned);
    assert_eq!(status(true), EffectStatus::UnderWay);
}

#[test]
fn an_effect_that_was_seen_stays_although_its_call_is_said_not_to_have_reached_its_tool() {
    let mut trial = Trial::executed("mail");
    let mut refused = failure(&place(0, 0)).because([0]);
    if let Body::ToolFailed(body) = &mut refused.input.body {
        body.class = FailureClass::Refused;
    }
    trial.give(refused);
    assert_eq!(effect(&trial).unwrap().status, EffectStatus::Executed);
}

/// What was expected and what was observed are each held against what is on record, whatever the result is said to be.
#[test]
fn a_verification_of_another_expectation_or_observation_is_told() {
    let stated = |expected: &str, observed: &str, result| {
        let mut made = verifying(&place(0, 0), result, observed);
        if let Body::EffectVerified(body) = &mut made.input.body {
            body.expected = Given::Known(commitment(expected));
        }
        Trial::executed("mail").breaches(&made)
    };
    let other = [(Rule::Out1, Reason::OtherValue)];
    for result in [EffectMatch::Match, EffectMatch::Mismatch] {
        assert_eq!(stated("an effect", "an effect", result), []);
        assert_eq!(stated("another", "an effect", result), other);
        assert_eq!(stated("an effect", "another", result), other);
        assert_eq!(stated("another", "another", result), other);
    }
}

/// Spec: controls.
#[test]
fn a_standing_grant_answers_for_a_call_that_is_decided_by_it() {
    let control = |trial: Trial, reason| {
        let mut trial = trial;
        let made = redecided(trial.judgement(&place(0, 0)), |body| body.reason = reason);
        trial.answer(made);
        trial.machine.state().decision(&place(0, 0)).unwrap().control
    };
    use rederive_evidence::kinds::decision::ReasonCode::{PolicyPermits, StandingGrant};
    let observed = || granted_in(Mode::Observed, |_| {});
    let elsewhere = || granted_in(Mode::Observed, |grant| grant.action = EffectsClass::Deploy);
    assert_eq!(control(observed(), StandingGrant), Control::Approve);
    assert_eq!(control(observed(), PolicyPermits), Control::Log);
    assert_eq!(control(elsewhere(), StandingGrant), Control::Log);
}

/// Of two forms of an output, or one that is produced twice, the lower label stands.
#[test]
fn an_output_that_is_produced_again_has_the_lower_of_its_labels() {
    let mut trial = Trial::gated();
    let outside = rederive_machine::testing::label(Trust::External, Sensitivity::Confidential);
    let held = |trial: &Trial| trial.machine.state().output(&commitment("done")).copied().unwrap();
    trial.give(producing("done").labelled(INTERNAL));
    let first = held(&trial).label;
    trial.give(looking("done"));
    trial.give(producing("done").labelled(outside));
    assert_eq!((held(&trial).label, held(&trial).inspected), (first.join(outside), true));
    assert_ne!(held(&trial).label, first);
}

#[test]
fn who_is_no_guardrail_has_not_looked_at_an_output() {
    let mut trial = Trial::gated();
    trial.give(producing("done").labelled(INTERNAL));
    trial.answer(looking("done").by("agent"));
    trial.answer(masking("done", "d***", None).by("agent"));
    let output = |text| trial.machine.state().output(&commitment(text)).map(|output| output.inspected);
    assert_eq!((output("done"), output("d***")), (Some(false), None));
}

/// OUT-3: an approval of something else approves nothing, nor does one that nobody has given.
#[test]
fn what_cannot_be_undone_is_approved_by_an_answer_to_just_this_request() {
    let is_needed = |covers_another: bool, is_answered: bool| {
        let mut trial = Trial::gated_with(|opening| opening.mode = Mode::Observed);
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        trial.answer(irreversible(|_| {}));
        let request = trial.facts(&place(0, 0)).to_request().unwrap();
        let another = commitment("another request");
        let covers = if covers_another { another } else { rederive_machine::request_digest(&request) };
        trial.answer(trial.asking_for(Some(place(0, 0)), covers));
        if is_answered {
            trial.answer(approving());
        }
        trial.answer(trial.approved_judgement(&place(0, 0)));
        trial.breaches(&dispatching(&place(0, 0), "mail")).contains(&(Rule::Out3, Reason::ApprovalNeeded))
    };
    assert!(!is_needed(false, true));
    assert!(is_needed(false, false) && is_needed(true, true) && is_needed(true, false));
}
