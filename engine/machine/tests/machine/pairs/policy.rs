//! POL. Spec: rule-pol-1, rule-pol-2, rule-pol-3, rule-pol-5, rule-pol-6, rule-pol-7.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::decision::{Decision, DecisionMade, Enforcement, ReasonCode};
use rederive_evidence::kinds::governance::ExceptionGranted;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{EffectsClass, Layer, Mode, ScopeItem, Sensitivity, Trust};
use rederive_machine::testing::*;
use rederive_machine::{CallStatus, Control, Decided, RuleSetNumber};

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Pol1, Reason::NotPermitted, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Requested, "search");
        let made = trial.judgement(&place(0, 0));
        trial.give(redecided(made.because([0]), |body| {
            if twin.breaks() {
                silence(body);
            }
        }));
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    // What is permitted and held back all the same is not dispatched.
    (Rule::Pol1, Reason::NotPermitted, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Requested, "search");
        let made = trial.judgement(&place(0, 0)).because([0]);
        let enforcement = twin.pick(Enforcement::Executed, Enforcement::Blocked);
        trial.give(redecided(made, |body| body.enforcement = enforcement));
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    (Rule::Pol1, Reason::FailOpen, |twin| {
        deciding(|body| {
            silence(body);
            body.enforcement = twin.pick(Enforcement::Blocked, Enforcement::Executed);
        })
    }),
    (Rule::Pol1, Reason::FailOpen, |twin| {
        deciding(|body| body.errors = twin.pick(vec![], vec![id("rule-2")]))
    }),
    (Rule::Pol1, Reason::FailOpen, |twin| {
        deciding(|body| body.reason = twin.pick(ReasonCode::PolicyPermits, ReasonCode::NoPolicy))
    }),
    (Rule::Pol2, Reason::FieldAbsent, |twin| {
        deciding(|body| body.engine = twin.pick(Given::Known(id("cedar")), Given::Absent))
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        deciding(|body| body.request.id = id(twin.pick("request-1", "request-2")))
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        deciding(|body| {
            body.request.goal = Given::Known(commitment(twin.pick("the goal", "another goal")));
        })
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        deciding(|body| body.request.surface = id(twin.pick("api", "console")))
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        deciding(|body| body.request.influence.trust = twin.pick(Trust::User, Trust::Control))
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        let stated = label(Trust::User, twin.pick(Sensitivity::Internal, Sensitivity::Public));
        deciding(|body| body.request.carriage = Given::Known(stated))
    }),
    (Rule::Pol2, Reason::OtherRequest, |twin| {
        deciding(|body| body.request.expected_effect = twin.pick(None, Some(commitment("an effect"))))
    }),
    (Rule::Pol2, Reason::OtherBundle, |twin| {
        deciding(|body| body.bundle = Given::Known(commitment(twin.pick("bundle", "old bundle"))))
    }),
    (Rule::Pol2, Reason::OtherBundle, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Requested, "search");
        trial.give(pinning("bundle", twin.pick("cedar", "rego")));
        let made = trial.judgement(&place(0, 0)).because([0]);
        (trial, made)
    }),
    (Rule::Pol2, Reason::RelianceBroken, |twin| {
        deciding(|body| {
            if twin.breaks() {
                body.reliance[0].value = Some(commitment("something else"));
            }
        })
    }),
    (Rule::Pol2, Reason::RelianceBroken, |twin| {
        deciding(|body| body.reliance.truncate(twin.pick(usize::MAX, 2)))
    }),
    (Rule::Pol2, Reason::RelianceBroken, |twin| {
        let (trial, mut made) = deciding_of(Trial::gated_with(|opening| opening.limits.calls = Some(1)));
        made = redecided(made, |body| {
            let bound = body.reliance.last_mut().unwrap();
            bound.below = bound.below.map(|below| twin.pick(below, 0));
        });
        (trial, made)
    }),
    // What it read is no longer so when the permit is used.
    (Rule::Pol2, Reason::RelianceBroken, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Decided, "search");
        let label = twin.pick(label(Trust::Internal, Sensitivity::Internal), OUTSIDE);
        trial.give(with_tool(registration("search", EffectsClass::Read), |body| {
            body.result_label = Given::Known(label);
        }));
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    (Rule::Pol2, Reason::RelianceBroken, |twin| {
        let mut trial = Trial::gated_at(CallStatus::Decided, "search");
        if twin.breaks() {
            trial.give(changing("new bundle"));
        }
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    (Rule::Pol2, Reason::Unexplained, |twin| {
        deciding(|body| body.explanation = twin.pick(Some(Content(0)), None))
    }),
    (Rule::Pol2, Reason::Unexplained, |twin| {
        deciding(|body| body.rules = twin.pick(vec![id("rule-1")], vec![]))
    }),
    (Rule::Pol3, Reason::NoExpiry, |twin| {
        deciding(|body| body.expires = body.expires.filter(|_| !twin.breaks()))
    }),
    (Rule::Pol3, Reason::NoExpiry, |twin| {
        let limit = twin.pick(PERMIT_MS, PERMIT_MS - 1);
        deciding_of(Trial::gated_with(|opening| opening.limits.permit_lifetime_ms = Some(limit)))
    }),
    (Rule::Pol3, Reason::PermitOver, |twin| {
        let (trial, made) = deciding(|_| {});
        let now = trial.now.plus_ms(twin.pick(PERMIT_MS - 1, PERMIT_MS));
        (trial, made.timed(Some(now)))
    }),
    (Rule::Pol3, Reason::PermitOver, |twin| {
        let trial = Trial::gated_at(CallStatus::Decided, "search");
        let now = trial.now.plus_ms(twin.pick(PERMIT_MS - 2, PERMIT_MS - 1));
        (trial, dispatch(&place(0, 0), "search").because([0]).timed(Some(now)))
    }),
    (Rule::Pol3, Reason::PermitUsed, |twin| {
        let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Policy]);
        let answer = trial.turn_open(1);
        let status = twin.pick(CallStatus::Decided, CallStatus::Dispatched);
        trial.gated_to(status, &place(0, 0), "search", answer);
        (trial, dispatch(&place(0, 0), "search"))
    }),
    (Rule::Pol3, Reason::TimeAbsent, |twin| {
        let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Policy]);
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Decided, &place(0, 0), "search", answer);
        let now = trial.now;
        (trial, dispatch(&place(0, 0), "search").timed(twin.pick(Some(now), None)))
    }),
    (Rule::Pol5, Reason::NoReceipt, |twin| deciding(|body| body.receipt = twin.pick(Some(Content(1)), None))),
    (Rule::Pol6, Reason::FieldAbsent, |twin| {
        let mut made = pinning("bundle", "cedar");
        if let (rederive_evidence::kinds::Body::PolicyPinned(body), true) =
            (&mut made.input.body, twin.breaks())
        {
            body.engine_version = Given::Absent;
        }
        (Trial::gated(), made)
    }),
    // A broker may register a tool, and not change what one is.
    (Rule::Pol6, Reason::NotEntitled, |twin| {
        let again = registration("mail", EffectsClass::Send).by("broker");
        (Trial::gated(), with_tool(again, |body| body.preview = twin.breaks()))
    }),
    (Rule::Pol6, Reason::NotEntitled, |twin| {
        let trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Policy]);
        (trial, changing("new bundle").by(twin.pick("operator", "agent")))
    }),
    (Rule::Pol6, Reason::OtherBundle, |twin| {
        (Trial::gated(), pinning(twin.pick("bundle", "new bundle"), "cedar"))
    }),
    (Rule::Pol7, Reason::FieldAbsent, |twin| {
        granting(|body| body.reason = twin.pick(Given::Known(Content(0)), Given::Absent))
    }),
    (Rule::Pol7, Reason::NotEntitled, |twin| {
        let name = twin.pick("approver", "operator");
        let trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Policy]);
        (trial, excepting(|body| body.approver = id(name)).by(name))
    }),
    (Rule::Pol7, Reason::OtherParty, |twin| {
        granting(|body| body.approver = id(twin.pick("approver", "administrator")))
    }),
    (Rule::Pol7, Reason::NameTaken, |twin| {
        let mut trial = Trial::gated();
        trial.give(excepting(|body| body.exception = id(twin.pick("exception-2", "exception-1"))));
        (trial, excepting(|_| {}))
    }),
    (Rule::Pol7, Reason::ScopeWider, |twin| {
        let action = twin.pick(EffectsClass::Send, EffectsClass::Delete);
        granting(|body| body.scope = vec![scope_item("mail", action)])
    }),
    (Rule::Pol7, Reason::Unknown, |twin| {
        let mut trial = Trial::gated();
        trial.give(excepting(|_| {}));
        let name = twin.pick("exception-1", "exception-2");
        (trial, unexcepting(name))
    }),
    (Rule::Pol7, Reason::Unknown, |twin| {
        excepted(twin.pick("exception-1", "exception-2"), |_| {}, |made, _| made)
    }),
    (Rule::Pol7, Reason::ExceptionOver, |twin| {
        granting(|body| body.expires = Given::Known(START.plus_ms(twin.pick(1_000, 4))))
    }),
    (Rule::Pol7, Reason::ExceptionOver, |twin| {
        excepted(
            "exception-1",
            |body| body.expires = Given::Known(START.plus_ms(1_000)),
            |made, _| made.timed(Some(START.plus_ms(twin.pick(999, 1_000)))),
        )
    }),
    (Rule::Pol7, Reason::Unknown, |twin| {
        let (mut trial, made) = excepted("exception-1", |_| {}, |made, _| made);
        trial.give(made);
        if twin.breaks() {
            trial.give(unexcepting("exception-1"));
        }
        (trial, dispatch(&place(0, 0), "search").because([0]))
    }),
    // One that ends between the decision and the dispatch.
    (Rule::Pol7, Reason::ExceptionOver, |twin| {
        let (mut trial, made) =
            excepted("exception-1", |body| body.expires = Given::Known(START.plus_ms(1_000)), |made, _| made);
        trial.give(made);
        let now = START.plus_ms(twin.pick(999, 1_000));
        (trial, dispatch(&place(0, 0), "search").because([0]).timed(Some(now)))
    }),
    (Rule::Pol7, Reason::OutOfScope, |twin| {
        let item =
            twin.pick(scope_item("search", EffectsClass::Read), scope_item("mail", EffectsClass::Send));
        excepted("exception-1", move |body| body.scope = vec![item.clone()], |made, _| made)
    }),
    (Rule::Pol7, Reason::TimeAbsent, |twin| {
        let trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Policy]);
        let now = trial.now;
        (trial, excepting(|_| {}).timed(twin.pick(Some(now), None)))
    }),
];

/// No policy speaks of it, and it does not happen.
fn silence(body: &mut DecisionMade) {
    (body.decision, body.reason) = (Decision::Silence, ReasonCode::NoPolicy);
    body.enforcement = Enforcement::Blocked;
}

/// The decision on a requested search.
fn deciding(change: impl FnOnce(&mut DecisionMade)) -> (Trial, Made) {
    let (trial, made) = deciding_of(Trial::gated());
    (trial, redecided(made, change))
}

fn deciding_of(mut trial: Trial) -> (Trial, Made) {
    let answer = trial.turn_open(1);
    let asked = trial.gated_to(CallStatus::Requested, &place(0, 0), "search", answer);
    let made = trial.judgement(&place(0, 0)).because([asked]);
    (trial, made)
}

fn granting(change: impl FnOnce(&mut ExceptionGranted)) -> (Trial, Made) {
    (Trial::gated(), excepting(change))
}

/// The decision on a requested search, under an exception, of two that are there.
fn excepted(
    name: &str,
    granted: impl FnOnce(&mut ExceptionGranted),
    change: impl FnOnce(Made, &Trial) -> Made,
) -> (Trial, Made) {
    let mut trial = Trial::gated();
    trial.give(excepting(granted));
    let (trial, made) = deciding_of(trial);
    let made = redecided(made, |body| {
        (body.exception, body.reason) = (Some(id(name)), ReasonCode::Exception);
    });
    let made = change(made, &trial);
    (trial, made)
}

fn held(trial: &Trial) -> Option<&Decided> {
    trial.machine.state().decision(&place(0, 0)).map(Box::as_ref)
}

#[test]
fn a_gated_call_keeps_every_rule() {
    for tool in ["search", "mail"] {
        Trial::gated_at(CallStatus::Dispatched, tool);
    }
}

/// Spec: rule-pol-3, request-digest.
#[test]
fn a_decision_stands_with_its_call_and_leaves_with_it() {
    let mut trial = Trial::gated_at(CallStatus::Decided, "search");
    let decided = held(&trial).unwrap();
    let request = trial.facts(&place(0, 0)).to_request().unwrap();
    assert_eq!(decided.request, rederive_machine::request_digest(&request));
    assert_eq!((decided.decision, decided.control), (Decision::Permit, Control::Log));
    let sent = trial.give(dispatch(&place(0, 0), "search").because([0]));
    assert!(held(&trial).is_some());
    trial.give(result(&place(0, 0), "found").because([sent]));
    assert_eq!(held(&trial), None);
}

#[test]
fn the_latest_decision_stands() {
    let (mut trial, made) = deciding(silence);
    trial.give(made);
    assert_eq!(held(&trial).unwrap().control, Control::Deny);
    let again = trial.judgement(&place(0, 0)).because([0]);
    trial.give(again);
    trial.give(dispatch(&place(0, 0), "search").because([0]));
}

/// What a breach names is what is to be looked at.
#[test]
fn a_breach_names_the_field_and_the_item_that_differ() {
    let item =
        |(trial, made): (Trial, Made)| trial.ask(&made).breaches.first().and_then(|breach| breach.item);
    assert_eq!(item(deciding(|body| body.request.surface = id("console"))), Some(5));
    assert_eq!(item(deciding(|body| body.request.influence.trust = Trust::Control)), Some(9));
    assert_eq!(item(deciding(|body| body.reliance[1].value = None)), Some(1));
    assert_eq!(item(deciding(|body| body.reliance.clear())), Some(0));
}

/// Delegations above the one who asks are read too: one that ends breaks what rests on it.
#[test]
fn a_decision_relies_on_every_delegation_above() {
    let mut trial = Trial::gated();
    trial.give(delegation("agent", "helper", searching()));
    let told = trial.told("do it");
    let at = place_of("helper", 0, 0);
    let prompt = trial.give(prompt(0, &[(told, "do it")]).by("helper").at(at.clone()));
    let answer = trial.give(answer(0, 1, prompt).by("helper").at(at.clone()));
    let mut propose = proposal(&at, "search").because([answer]);
    propose.input.actor = id("helper");
    trial.give(propose);
    trial.give(validation(&at, "search").because([answer]));
    trial.give(request(&at).because([answer]));
    let made = trial.judgement(&at).because([answer]);
    // Tool, actor, delegation, policies.
    assert_eq!(trial.machine.reliance(&at).len(), 4);
    trial.give(made);
    trial.give(ending("agent-to-helper").because([0]));
    let breaches = trial.breaches(&dispatch(&at, "search").because([0]));
    assert_eq!(breaches, [(Rule::Idn4, Reason::DelegationOver), (Rule::Pol2, Reason::RelianceBroken)]);
}

#[test]
fn a_change_of_policy_takes_back_what_the_old_one_permitted() {
    let mut trial = Trial::gated_with(|opening| opening.layers = vec![Layer::Memory]);
    trial.give(permit("a fact", None));
    assert!(trial.machine.state().permit(&commitment("a fact")).is_some());
    trial.give(changing("new bundle"));
    assert_eq!(trial.machine.state().permit(&commitment("a fact")), None);
    let policies = trial.machine.state().policies().unwrap();
    assert_eq!(policies.bundle, Some(commitment("new bundle")));
    assert_eq!(policies.registry, Some(commitment("registry")));
}

/// Set 1 knows none of it: its state is what it was.
#[test]
fn rule_set_1_keeps_no_decisions_policies_exceptions_or_plans() {
    let mut trial = Trial::new();
    let answer = trial.turn_open(1);
    trial.call_to(CallStatus::Decided, &place(0, 0), "mail", answer);
    for made in [pinning("bundle", "cedar"), changing("new bundle"), excepting(|_| {}), plan()] {
        trial.give(made);
    }
    trial.give(inspection(&place(0, 0), "arguments", &[]));
    let state = trial.machine.state();
    assert!(state.decisions().is_empty() && state.exceptions().is_empty() && state.plans().is_empty());
    assert_eq!(state.policies(), None);
    let call = state.call(&place(0, 0)).unwrap();
    assert_eq!((call.carriage, call.request.clone(), call.inspected), (None, None, None));
    let tool = state.tool(&id("mail")).unwrap();
    assert_eq!((tool.surface.clone(), tool.clearance), (None, None));
    assert_eq!(state.config().unwrap().rule_set, RuleSetNumber::One.rule_set());
}

#[test]
fn an_exception_covers_a_resource_of_what_it_names_and_nothing_wider() {
    let narrow = ScopeItem { resource: Some(id("wiki")), ..scope_item("search", EffectsClass::Read) };
    let (trial, made) = excepted("exception-1", |body| body.scope = vec![narrow.clone()], |made, _| made);
    assert_eq!(trial.breaches(&made), [(Rule::Pol7, Reason::OutOfScope)]);
}

/// Spec: rule-pol-2.
#[test]
fn a_reason_names_what_it_speaks_of() {
    use rederive_evidence::kinds::decision::{Directive, RiskSignal};
    let unexplained = |change: &dyn Fn(&mut DecisionMade)| {
        let (trial, made) = deciding(|body| {
            (body.decision, body.enforcement) = (Decision::Deny, Enforcement::Blocked);
            (body.directive, body.expires) = (Directive::None, None);
            body.rules.clear();
            change(body);
        });
        trial.breaches(&made).contains(&(Rule::Pol2, Reason::Unexplained))
    };
    type Change = fn(&mut DecisionMade);
    let table: [(ReasonCode, Change); 4] = [
        (ReasonCode::PolicyForbids, |body| body.rules = vec![id("rule-1")]),
        (ReasonCode::PolicyError, |body| body.errors = vec![id("rule-1")]),
        (ReasonCode::Risk, |body| body.risks = vec![RiskSignal::EffectCapability]),
        (ReasonCode::Exception, |body| body.exception = Some(id("exception-1"))),
    ];
    for (reason, names) in table {
        assert!(unexplained(&|body| body.reason = reason), "{reason}");
        let named = |body: &mut DecisionMade| {
            body.reason = reason;
            names(body);
        };
        assert!(!unexplained(&named), "{reason}");
    }
    assert!(!unexplained(&|body| body.reason = ReasonCode::NoPolicy));
}

#[test]
fn the_scope_item_of_a_decision_is_of_the_class_and_of_the_tenant() {
    let of = |item: ScopeItem| {
        let (trial, made) = deciding(|body| body.request.scope = Given::Known(item));
        let breaches = trial.ask(&made).breaches;
        breaches
            .iter()
            .filter(|breach| breach.reason == Reason::OtherRequest)
            .map(|breach| breach.item)
            .collect::<Vec<_>>()
    };
    let item = scope_item("search", EffectsClass::Read);
    assert_eq!(of(item.clone()), []);
    assert_eq!(of(ScopeItem { tenant: id("another"), ..item.clone() }), [Some(4)]);
    assert_eq!(of(ScopeItem { action: EffectsClass::Send, ..item }), [Some(4)]);
}

/// In an observed run a decision may leave out what it read; what it says that it read is held against the state.
#[test]
fn an_observed_decision_relies_on_what_it_says_and_on_nothing_else() {
    let broken = |says_so: bool, changes: bool| {
        let mut trial = Trial::gated_with(|opening| opening.mode = Mode::Observed);
        let answer = trial.turn_open(1);
        trial.gated_to(CallStatus::Requested, &place(0, 0), "search", answer);
        let made = redecided(trial.judgement(&place(0, 0)), |body| {
            if !says_so {
                body.reliance.clear();
            }
        });
        trial.give(made.because([0]));
        if changes {
            trial.give(with_tool(registration("search", EffectsClass::Read), |body| body.preview = true));
        }
        let breaches = trial.breaches(&dispatch(&place(0, 0), "search").because([0]));
        breaches.contains(&(Rule::Pol2, Reason::RelianceBroken))
    };
    assert_eq!([broken(true, false), broken(false, false), broken(false, true)], [false; 3]);
    assert!(broken(true, true));
}
