//! RSK. Spec: rule-rsk-1, rule-rsk-2, risk-table, controls, carriage.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::credential::{CredentialIssued, CredentialType, SecretHandling};
use rederive_evidence::kinds::decision::{ReasonCode, RiskSignal};
use rederive_evidence::kinds::governance::ExceptionGranted;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::{ArgumentShape, ArgumentSource, ArgumentSources, Causes, FoundIn};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    ApprovalPolicy, EffectsClass, Label, Layer, ScopeItem, Sensitivity, SourceLabel, Trust,
};
use rederive_machine::testing::*;
use rederive_machine::{ApprovalGround, CallStatus, Control, RequestFacts};

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Rsk1, Reason::RiskUnlisted, |twin| {
        let (trial, made) = deciding("mail", |_| {});
        (trial, redecided(made, |body| body.risks.retain(|_| !twin.breaks())))
    }),
    // What cannot be undone is answered for by somebody.
    (Rule::Rsk1, Reason::WeakerControl, |twin| {
        let (trial, made) = deciding("mail", |trial| {
            trial.give(with_tool(registration("mail", EffectsClass::Send), |body| {
                body.reversible = Given::Known(false);
            }));
            trial.give(exception());
        });
        (trial, if twin.breaks() { made } else { under_exception(made) })
    }),
    (Rule::Rsk1, Reason::RecordMissing, |twin| {
        let mut trial = influenced(OUTSIDE, CallStatus::Requested, "search", None);
        if !twin.breaks() {
            trial.give(inspection(&place(0, 0), "arguments", &[]).because([0]));
        }
        let made = trial.judgement(&place(0, 0)).because([0]);
        trial.give(made);
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    (Rule::Rsk1, Reason::RecordMissing, |twin| {
        let label = label(Trust::Internal, Sensitivity::Confidential);
        let sources = twin.pick(Some(vec![value(ArgumentShape::Text, None, Some(INFLUENCE))]), None);
        let mut trial = influenced(label, CallStatus::Requested, "search", sources);
        let made = trial.judgement(&place(0, 0)).because([0]);
        trial.give(made);
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    // Where a credential is about that any call could use, authority for one resource is asked for.
    (Rule::Rsk1, Reason::WeakerControl, |twin| {
        let mut trial = escalating();
        trial.give(issuing());
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        let resource = twin.pick(Some(id("inbox")), None);
        let item = ScopeItem { resource, ..scope_item("mail", EffectsClass::Send) };
        let made = redecided(trial.judgement(&place(0, 0)), |body| body.request.scope = Given::Known(item));
        (trial, made)
    }),
    // A signal that shows only once it is decided.
    (Rule::Rsk1, Reason::WeakerControl, |twin| {
        let mut trial = escalating();
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        if twin.breaks() {
            trial.give(issuing());
        }
        (trial, dispatch(&place(0, 0), "mail"))
    }),
    // A tool that acts under a credential acts under one of its call's own.
    (Rule::Rsk1, Reason::RecordMissing, |twin| {
        let mut trial = Trial::gated();
        let acts = twin.pick(None, Some(true));
        trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.credential = acts));
        let answer = trial.turn_open(1);
        let decided = trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
        (trial, dispatch(&place(0, 0), "mail").because([decided]))
    }),
    (Rule::Rsk2, Reason::ApprovalNeeded, |twin| {
        let (trial, made) = deciding("search", |_| {});
        let uncertainty = Given::Known(twin.pick(500, 501));
        (trial, redecided(made, |body| body.uncertainty_permille = uncertainty))
    }),
    (Rule::Rsk2, Reason::ApprovalNeeded, |twin| {
        let (trial, made) = deciding("search", |trial| {
            trial.give(exception());
        });
        let made = redecided(made, |body| body.uncertainty_permille = Given::Known(900));
        (trial, if twin.breaks() { made } else { under_exception(made) })
    }),
    // Weak evidence: an address that nobody gave, under external influence.
    (Rule::Rsk2, Reason::ApprovalNeeded, |twin| {
        let told = twin.pick(Some(1), None);
        let trial = influenced(
            OUTSIDE,
            CallStatus::Requested,
            "mail",
            Some(vec![value(ArgumentShape::Address, told, None)]),
        );
        let made = trial.judgement(&place(0, 0)).because([0]);
        (trial, made)
    }),
    (Rule::Rsk2, Reason::ApprovalNeeded, |twin| {
        let sources = twin.pick(Some(vec![]), None);
        let trial = influenced(OUTSIDE, CallStatus::Requested, "mail", sources);
        let made = trial.judgement(&place(0, 0)).because([0]);
        (trial, made)
    }),
    // What is sensitive enough goes nowhere by itself.
    (Rule::Rsk2, Reason::ApprovalNeeded, |twin| {
        let mut trial = Trial::gated_with(|opening| {
            opening.limits.approval_sensitivity =
                Some(twin.pick(Sensitivity::Confidential, Sensitivity::Internal));
        });
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        let made = trial.judgement(&place(0, 0)).because([0]);
        (trial, made)
    }),
];

/// The record that influences the call of [`influenced`].
const INFLUENCE: u64 = 5;

/// A run that is judged by its risks alone, in which credentials may be issued that any call could use.
fn escalating() -> Trial {
    Trial::gated_with(|opening| opening.layers = vec![Layer::Escalation])
}

/// A credential for mails that is bound to nothing.
fn issuing() -> Made {
    let body = CredentialIssued {
        credential: id("key-1"),
        credential_type: CredentialType::Token,
        scope: vec![scope_item("mail", EffectsClass::Send)],
        surfaces: vec![id("api")],
        expires: Given::Known(START.plus_ms(3_600_000)),
        call: None,
        approval: None,
        handling: Given::Known(SecretHandling::BrokerHeld),
    };
    Made::new("vault", body)
}

/// The decision on a requested call of this tool, after something else.
fn deciding(tool: &str, before: impl FnOnce(&mut Trial)) -> (Trial, Made) {
    let mut trial = Trial::gated();
    before(&mut trial);
    let answer = trial.turn_open(1);
    let asked = trial.gated_to(CallStatus::Requested, &place(0, 0), tool, answer);
    let made = trial.judgement(&place(0, 0)).because([asked]);
    (trial, made)
}

/// An exception for all that the run may do.
fn exception() -> Made {
    let body = ExceptionGranted {
        exception: id("exception-1"),
        approver: id("approver"),
        reason: Given::Known(Content(0)),
        scope: TOOLS.iter().map(|(tool, action)| scope_item(tool, *action)).collect(),
        expires: Given::Known(START.plus_ms(3_600_000)),
    };
    Made::new("approver", body).with(["why not"]).because([0])
}

fn under_exception(made: Made) -> Made {
    redecided(made, |body| {
        (body.exception, body.reason) = (Some(id("exception-1")), ReasonCode::Exception);
    })
}

/// An argument value that stands as a whole in these records.
fn value(shape: ArgumentShape, told: Option<u64>, brought: Option<u64>) -> ArgumentSource {
    let found =
        |record: Option<u64>| record.map(|record| FoundIn { permille: 1_000, records: Causes::of([record]) });
    ArgumentSource { leaf: 0, part: 0, shape, told: found(told), brought: found(brought) }
}

/// A run whose only call, of `tool`, is influenced by a page with this label, and whose arguments come from there.
fn influenced(label: Label, status: CallStatus, tool: &str, values: Option<Vec<ArgumentSource>>) -> Trial {
    let mut trial = Trial::gated();
    let told = trial.told("do it");
    let item = trial.give(retrieval_labelled("a page", label));
    assert_eq!(item, INFLUENCE);
    let prompt = trial.prompted(0, &[(told, "do it"), (item, "a page")]);
    let answer = trial.answered(0, 1, prompt);
    let mut made = proposal(&place(0, 0), tool).because([answer]);
    if let (Some(extracted), Some(values)) = (&mut made.extracted, values) {
        let told = |value: ArgumentSource| ArgumentSource {
            told: value.told.map(|found| FoundIn { records: Causes::of([told]), ..found }),
            ..value
        };
        let values = values.into_iter().map(told).collect();
        extracted.arguments = Some(Box::new(ArgumentSources { values, left_out: None }));
    }
    trial.give(made);
    for made in [validation(&place(0, 0), tool), request(&place(0, 0))] {
        trial.give(made.because([answer]));
    }
    assert_eq!(status, CallStatus::Requested);
    trial
}

fn facts_of(label: Label, values: Option<Vec<ArgumentSource>>) -> RequestFacts {
    influenced(label, CallStatus::Requested, "search", values).facts(&place(0, 0))
}

/// Spec: carriage.
#[test]
fn a_call_carries_what_its_values_come_from_and_not_all_that_influenced_it() {
    let secret = label(Trust::External, Sensitivity::Confidential);
    let user = label(Trust::User, Sensitivity::Internal);
    let carriage = |values| facts_of(secret, values).carriage;
    use ArgumentShape::{Common, Name, Text};
    assert_eq!(facts_of(secret, None).influence, secret);
    assert_eq!(carriage(None), secret);
    assert_eq!(carriage(Some(vec![value(Name, Some(1), None)])), user);
    // What the user said too is the user's, whoever else says it.
    assert_eq!(carriage(Some(vec![value(Name, Some(1), Some(INFLUENCE))])), user);
    assert_eq!(carriage(Some(vec![value(Name, None, Some(INFLUENCE))])), secret);
    // What stands nowhere is what influenced the call; a common word says nothing.
    assert_eq!(carriage(Some(vec![value(Text, None, None)])), secret);
    let nothing = label(Trust::Control, Sensitivity::Public);
    assert_eq!(carriage(Some(vec![value(Common, None, None)])), nothing);
    assert_eq!(carriage(Some(vec![value(Name, Some(1), None), value(Text, None, None)])), secret);
}

/// Spec: carriage.
#[test]
fn a_value_that_only_partly_stands_somewhere_carries_the_influence_too() {
    let secret = label(Trust::External, Sensitivity::Confidential);
    let mut partly = value(ArgumentShape::Text, Some(1), None);
    partly.told.as_mut().unwrap().permille = 999;
    assert_eq!(facts_of(secret, Some(vec![partly])).carriage, secret);
}

/// A mail that the user pasted makes what stands in their message no better than it. Spec: carriage.
#[test]
fn a_labelled_range_of_a_message_counts_for_what_stands_in_the_message() {
    let carriage = |pasted: bool| {
        let mut trial = Trial::gated();
        let mut said = message("user", "reply to: <a mail>").because([0]);
        if pasted {
            let label = label(Trust::External, Sensitivity::Internal);
            said.input.labels.push(SourceLabel {
                content: Some(Content(0)),
                from: Some(10),
                to: None,
                label,
            });
        }
        let said = trial.give(said);
        let prompt = trial.prompted(0, &[(said, "reply to: <a mail>")]);
        let answer = trial.answered(0, 1, prompt);
        let mut made = proposal(&place(0, 0), "search").because([answer]);
        let values = vec![value(ArgumentShape::Name, Some(said), None)];
        let sources = ArgumentSources { values, left_out: None };
        made.extracted.as_mut().unwrap().arguments = Some(Box::new(sources));
        trial.give(made);
        trial.facts(&place(0, 0)).carriage.trust
    };
    assert_eq!((carriage(false), carriage(true)), (Trust::User, Trust::External));
}

#[test]
fn each_signal_shows_by_itself() {
    let signals = |trial: &Trial| trial.facts(&place(0, 0)).signals;
    let plain = Trial::gated_at(CallStatus::Requested, "search");
    assert_eq!(signals(&plain), []);
    let sending = Trial::gated_at(CallStatus::Requested, "mail");
    assert_eq!(signals(&sending), [RiskSignal::EffectCapability]);
    let untrusted = influenced(OUTSIDE, CallStatus::Requested, "search", None);
    assert_eq!(signals(&untrusted), [RiskSignal::UntrustedInstruction]);
    let sensitive = label(Trust::Internal, Sensitivity::Confidential);
    let sensitive = influenced(sensitive, CallStatus::Requested, "search", None);
    assert_eq!(signals(&sensitive), [RiskSignal::SensitiveContext]);
    let (lasting, _) = deciding("mail", |trial| {
        trial.give(with_tool(registration("mail", EffectsClass::Send), |body| {
            body.reversible = Given::Known(false);
        }));
    });
    assert_eq!(signals(&lasting), [RiskSignal::EffectCapability, RiskSignal::Irreversible]);
    assert_eq!(lasting.facts(&place(0, 0)).least, Control::Approve);
}

/// The thresholds of signals are the run's.
#[test]
fn the_limits_of_the_run_move_the_thresholds() {
    let trial = |trust, sensitivity| {
        let mut trial = Trial::gated_with(|opening| {
            opening.limits.risk_trust = Some(trust);
            opening.limits.risk_sensitivity = Some(sensitivity);
        });
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "search", answer);
        trial.facts(&place(0, 0)).signals
    };
    assert_eq!(trial(Trust::User, Sensitivity::Confidential), []);
    assert_eq!(trial(Trust::Control, Sensitivity::Confidential), [RiskSignal::UntrustedInstruction]);
    assert_eq!(trial(Trust::User, Sensitivity::Internal), [RiskSignal::SensitiveContext]);
}

/// RSK-2 and the scope's own word are in what the gate is told to ask for at least.
#[test]
fn the_least_control_is_told_with_all_that_asks_for_it() {
    let least = |trial: &Trial| (trial.facts(&place(0, 0)).least, trial.facts(&place(0, 0)).approval_ground);
    let weak = influenced(OUTSIDE, CallStatus::Requested, "mail", None);
    assert_eq!(least(&weak), (Control::Approve, Some(ApprovalGround::WeakEvidence)));
    let told = influenced(OUTSIDE, CallStatus::Requested, "mail", Some(vec![]));
    assert_eq!(least(&told), (Control::Log, None));
    let mut asking = Trial::gated_with(|opening| {
        let item = ScopeItem { approval: ApprovalPolicy::Approve, ..scope_item("mail", EffectsClass::Send) };
        opening.scope = Given::Known(vec![item]);
    });
    let answer = asking.turn_open(1);
    asking.gated_to(CallStatus::Requested, &place(0, 0), "mail", answer);
    assert_eq!(least(&asking), (Control::Approve, None));
}

/// Spec: rule-rsk-1, reliance.
#[test]
fn a_memory_write_is_decided_with_what_the_machine_knows_of_it() {
    let mut trial = Trial::gated();
    let known = trial.machine.write_request(&id("agent")).unwrap();
    assert_eq!(
        (known.signals.as_slice(), known.least),
        ([RiskSignal::DurableWrite].as_slice(), Control::Log)
    );
    let decide = |risks: Vec<RiskSignal>, reliance| {
        redecided(permit("a fact", None), |body| {
            (body.risks, body.reliance) = (risks, reliance);
            (body.rules, body.expires) = (vec![id("rule-1")], Some(START.plus_ms(1_000)));
            (body.explanation, body.receipt) = (Some(Content(0)), Some(Content(1)));
            body.request.scope = Given::Known(scope_item("edit", EffectsClass::Write));
            body.request.carriage = Given::Known(OUTSIDE);
        })
        .with(["why", "a receipt"])
    };
    assert_eq!(trial.breaches(&decide(vec![], known.reliance.clone())), [(Rule::Rsk1, Reason::RiskUnlisted)]);
    assert_eq!(
        trial.breaches(&decide(known.signals.clone(), vec![])),
        [(Rule::Pol2, Reason::RelianceBroken)]
    );
    trial.give(decide(known.signals, known.reliance));
}

#[test]
fn a_guardrail_that_looked_into_other_arguments_has_not_looked_into_these() {
    let mut trial = Trial::gated_at(CallStatus::Proposed, "search");
    trial.give(inspection(&place(0, 0), "something else", &[]).because([0]));
    assert!(!trial.facts(&place(0, 0)).inspected);
    trial.give(inspection(&place(0, 0), "arguments", &[]).because([0]));
    assert!(trial.facts(&place(0, 0)).inspected);
    let masked = masking("arguments", "masked arguments", None).at(place(0, 0)).because([0]);
    trial.give(masked);
    assert!(!trial.facts(&place(0, 0)).inspected);
    let validated = with_validation(validation(&place(0, 0), "search"), |body| {
        body.arguments = commitment("masked arguments")
    });
    trial.give(validated.because([0]));
    assert!(trial.facts(&place(0, 0)).inspected);
}

#[test]
fn what_a_guardrail_found_in_arguments_and_target_alike_is_known_of_the_request() {
    let mut trial = Trial::gated_at(CallStatus::Requested, "search");
    let looked_into = [
        ("arguments", [DetectedClass::Personal, DetectedClass::Health]),
        ("target", [DetectedClass::Personal, DetectedClass::Command]),
    ];
    for (text, classes) in looked_into {
        trial.give(inspection(&place(0, 0), text, &classes).because([0]));
    }
    let found = trial.facts(&place(0, 0)).detected;
    let mut expected = vec![DetectedClass::Personal, DetectedClass::Health, DetectedClass::Command];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// Spec: rule-rsk-2.
#[test]
fn a_value_that_stands_nowhere_is_weak_evidence_where_it_names_somebody_outside() {
    use ArgumentShape::{Account, Address, Url};
    for shape in ArgumentShape::ALL {
        let trial = influenced(OUTSIDE, CallStatus::Requested, "mail", Some(vec![value(*shape, None, None)]));
        let expected = matches!(shape, Address | Url | Account).then_some(ApprovalGround::WeakEvidence);
        assert_eq!(trial.facts(&place(0, 0)).approval_ground, expected, "{shape}");
    }
}

#[test]
fn a_breach_of_the_risk_table_names_the_signal() {
    let (trial, made) = deciding("mail", |_| {});
    let unlisted = redecided(made, |body| body.risks.clear());
    let item = |trial: &Trial, made: &Made| trial.ask(made).breaches.first().and_then(|breach| breach.item);
    assert_eq!(item(&trial, &unlisted), Some(u64::from(RiskSignal::EffectCapability.code())));
    let mut trial = Trial::gated();
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.credential = Some(true)));
    let answer = trial.turn_open(1);
    let decided = trial.gated_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    let sent = dispatch(&place(0, 0), "mail").because([decided]);
    assert_eq!(item(&trial, &sent), Some(u64::from(RiskSignal::EffectCapability.code())));
}
