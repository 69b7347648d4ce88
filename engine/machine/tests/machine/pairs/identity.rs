//! IDN. Spec: rule-idn-1, rule-idn-2, rule-idn-3, rule-idn-4, limit-delegation.

use rederive_evidence::kinds::decision::Decision;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Actor, ActorType, EffectsClass, Layer, Mode, Origin};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

use super::Pair;
use crate::acts::*;

pub(crate) const PAIRS: &[Pair] = &[
    (Rule::Idn1, Reason::ActorUnknown, |twin| (Trial::new(), message(twin.pick("user", "nobody"), "hello"))),
    (Rule::Idn1, Reason::ActorType, |twin| (Trial::new(), message(twin.pick("user", "gate"), "hello"))),
    (Rule::Idn1, Reason::NameTaken, |twin| {
        let mut opened = opening();
        let again =
            Actor { id: id(twin.pick("second", "user")), actor_type: ActorType::Approver, ..actor("x") };
        opened.actors.push(again);
        (Trial::unopened(), opening_record(opened))
    }),
    (Rule::Idn2, Reason::OtherTenant, |twin| {
        (Trial::new(), message("user", "hello").identified(twin.pick(TENANT, "rival"), SESSION))
    }),
    (Rule::Idn2, Reason::OtherSession, |twin| {
        (Trial::new(), message("user", "hello").identified(TENANT, twin.pick(SESSION, "session-2")))
    }),
    (Rule::Idn2, Reason::ModelIdentity, |twin| {
        (Trial::new(), plan().from(twin.pick(Origin::Code, Origin::Model)).identified(TENANT, SESSION))
    }),
    (Rule::Idn3, Reason::FieldAbsent, |twin| {
        let granted = delegation("agent", "helper", searching());
        let ends = Given::Known(START.plus_ms(1_000_000));
        (Trial::new(), with_delegation(granted, |body| body.expires = twin.pick(ends, Given::Absent)))
    }),
    (Rule::Idn3, Reason::ActorType, |twin| {
        let granted = delegation("agent", "helper", searching());
        let of = twin.pick(ActorType::SubAgent, ActorType::Approver);
        (Trial::new(), with_delegation(granted, |body| body.delegate.actor_type = of))
    }),
    (Rule::Idn3, Reason::OtherTenant, |twin| {
        let granted = delegation("agent", "helper", searching());
        (Trial::new(), with_delegation(granted, |body| body.tenant = id(twin.pick(TENANT, "rival"))))
    }),
    (Rule::Idn3, Reason::ScopeWider, |twin| {
        let action = twin.pick(EffectsClass::Read, EffectsClass::Delete);
        (Trial::new(), delegation("agent", "helper", vec![scope_item("search", action)]))
    }),
    // The delegate's own scope is within what is handed on.
    (Rule::Idn3, Reason::ScopeWider, |twin| {
        let granted = delegation("agent", "helper", searching());
        let own = twin.pick(scope_item("search", EffectsClass::Read), scope_item("mail", EffectsClass::Send));
        (Trial::new(), with_delegation(granted, |body| body.delegate.scope = Some(vec![own])))
    }),
    // A resource of a scope narrows it; leaving it out widens it.
    (Rule::Idn3, Reason::ScopeWider, |twin| {
        let mut item = scope_item("search", EffectsClass::Read);
        item.resource = Some(id("archive"));
        let trial = Trial::opened(|opening| opening.scope = Given::Known(vec![item.clone()]));
        let granted = twin.pick(item, scope_item("search", EffectsClass::Read));
        (trial, delegation("agent", "helper", vec![granted]))
    }),
    // What the opening record gives an actor is within the run's scope.
    (Rule::Idn3, Reason::ScopeWider, |twin| {
        let mut opened = opening();
        let action = twin.pick(EffectsClass::Send, EffectsClass::Delete);
        opened.actors[1].scope = Some(vec![scope_item("mail", action)]);
        (Trial::unopened(), opening_record(opened))
    }),
    (Rule::Idn3, Reason::LifetimeLonger, |twin| {
        let granted = delegation("agent", "helper", searching());
        let ends = START.plus_ms(twin.pick(3_600_000, 3_600_001));
        (Trial::new(), with_delegation(granted, |body| body.expires = Given::Known(ends)))
    }),
    (Rule::Idn3, Reason::LifetimeLonger, |twin| {
        let mut trial = Trial::new();
        trial.give(delegation("agent", "helper", searching()));
        let ends = START.plus_ms(twin.pick(1_800_000, 1_800_001));
        let below = delegation("helper", "deeper", searching());
        (trial, with_delegation(below, |body| body.expires = Given::Known(ends)))
    }),
    (Rule::Idn3, Reason::TooDeep, |twin| {
        let mut trial = Trial::opened(|opening| opening.limits.delegation_depth = Some(twin.pick(2, 1)));
        trial.give(delegation("agent", "helper", searching()));
        (trial, delegation("helper", "deeper", searching()))
    }),
    // No run allows a chain of more than sixteen. Spec: limit-delegation.
    (Rule::Idn3, Reason::TooDeep, |twin| {
        let mut trial = Trial::new();
        let mut from = "agent".to_owned();
        for depth in 1..=twin.pick(15, 16) {
            let to = format!("helper-{depth}");
            trial.give(delegation(&from, &to, searching()));
            from = to;
        }
        (trial, delegation(&from, "last", searching()))
    }),
    (Rule::Idn3, Reason::NameTaken, |twin| {
        (Trial::new(), delegation("agent", twin.pick("helper", "user"), searching()))
    }),
    (Rule::Idn3, Reason::NameTaken, |twin| {
        let mut trial = Trial::new();
        trial.give(delegation("agent", "helper", searching()));
        let second = delegation("agent", "deeper", searching());
        let name = twin.pick("another", "agent-to-helper");
        (trial, with_delegation(second, |body| body.delegation = id(name)))
    }),
    (Rule::Idn3, Reason::Unknown, |twin| {
        let mut trial = Trial::new();
        trial.give(delegation("agent", "helper", searching()));
        (trial, ending(twin.pick("agent-to-helper", "agent-to-nobody")))
    }),
    (Rule::Idn4, Reason::OutOfScope, |twin| {
        let mut trial = Trial::opened(|opening| {
            opening.scope =
                Given::Known(vec![scope_item("mail", twin.pick(EffectsClass::Send, EffectsClass::Read))]);
        });
        trial.turn_open(1);
        (trial, proposal(&place(0, 0), "mail"))
    }),
    // What a delegate may do binds its calls.
    (Rule::Idn4, Reason::OutOfScope, |twin| {
        let mut trial = Trial::new();
        helper_turn(&mut trial);
        (trial, proposal(&place_of("helper", 0, 0), twin.pick("search", "mail")).by("helper"))
    }),
    // The item under which a decision is asked is one of the asker's.
    (Rule::Idn4, Reason::OutOfScope, |twin| {
        let mut trial = Trial::new();
        let answer = trial.turn_open(1);
        trial.call_to(CallStatus::Requested, &place(0, 0), "mail", answer);
        let mut item = scope_item("mail", EffectsClass::Send);
        item.tenant = id(twin.pick(TENANT, "rival"));
        let made = decision(&place(0, 0), "mail", Decision::Permit);
        (trial, with_decision(made, |body| body.request.scope = Given::Known(item)))
    }),
    (Rule::Idn4, Reason::OutOfPersona, |twin| {
        let mut trial =
            Trial::opened(|opening| opening.persona.capabilities = vec![id("search"), id("edit")]);
        trial.turn_open(1);
        (trial, proposal(&place(0, 0), twin.pick("search", "mail")))
    }),
    (Rule::Idn4, Reason::DelegationOver, |twin| {
        let mut trial = Trial::new();
        trial.give(delegation("agent", "helper", searching()));
        if twin.breaks() {
            trial.give(ending("agent-to-helper"));
        }
        (trial, helper_prompt())
    }),
    (Rule::Idn4, Reason::DelegationOver, |twin| delegate_at(twin.pick(1_799_999, 1_800_000))),
    // A delegation ends with the one above it.
    (Rule::Idn4, Reason::DelegationOver, |twin| {
        let mut trial = Trial::new();
        trial.give(delegation("agent", "above", searching()));
        trial.give(delegation("above", "helper", searching()));
        if twin.breaks() {
            trial.give(ending("agent-to-above"));
        }
        (trial, helper_prompt())
    }),
    // A dispatch is bound by the authority of the agent whose call it is.
    (Rule::Idn4, Reason::DelegationOver, |twin| {
        let mut trial = Trial::new();
        let answer = helper_turn(&mut trial);
        let at = place_of("helper", 0, 0);
        trial.give(proposal(&at, "search").by("helper").because([answer]));
        trial.give(validation(&at, "search"));
        trial.give(request(&at));
        trial.give(decision(&at, "search", Decision::Permit));
        if twin.breaks() {
            trial.give(ending("agent-to-helper"));
        }
        (trial, dispatch(&at, "search"))
    }),
    (Rule::Idn4, Reason::SessionOver, |twin| {
        let trial = Trial::new();
        let end = START.plus_ms(3_600_000);
        let mut before = end;
        before.0 -= 1;
        (trial, prompt(0, &[(0, "the goal")]).timed(Some(twin.pick(before, end))))
    }),
    // Reaching for memory is an act, though a fact.
    (Rule::Idn4, Reason::SessionOver, |twin| {
        let trial = Trial::new();
        let end = START.plus_ms(twin.pick(3_599_999, 3_600_000));
        (trial, reading(MemoryScope::Session, None).timed(Some(end)))
    }),
    (Rule::Idn4, Reason::TimeAbsent, |twin| {
        let trial = judged_by(&[Layer::Identity]);
        let now = trial.now;
        (trial, prompt(0, &[(0, "the goal")]).timed(twin.pick(Some(now), None)))
    }),
    (Rule::Idn4, Reason::OtherAgent, |twin| {
        (Trial::new(), plan().at(place_of(twin.pick("agent", "workflow"), 0, 0)))
    }),
];

fn actor(name: &str) -> Actor {
    Actor { id: id(name), actor_type: ActorType::Agent, key: None, owner: None, scope: None }
}

fn helper_prompt() -> Made {
    prompt(0, &[(0, "the goal")]).by("helper").at(place_of("helper", 0, 0))
}

/// A delegate with an open turn of one call; the answer's number.
fn helper_turn(trial: &mut Trial) -> u64 {
    trial.give(delegation("agent", "helper", searching()));
    let prompt = trial.give(helper_prompt());
    trial.give(answer(0, 1, prompt).by("helper").at(place_of("helper", 0, 0)))
}

/// A delegate's prompt so many milliseconds after the start.
fn delegate_at(ms: u64) -> (Trial, Made) {
    let mut trial = Trial::new();
    trial.give(delegation("agent", "helper", searching()));
    (trial, helper_prompt().timed(Some(START.plus_ms(ms))))
}

#[test]
fn an_absent_scope_allows_nothing_in_an_enforced_run_and_is_not_known_in_an_observed_one() {
    for (mode, expected) in
        [(Mode::Enforced, vec![(Rule::Idn4, Reason::OutOfScope)]), (Mode::Observed, vec![])]
    {
        let mut trial = Trial::opened(|opening| {
            (opening.mode, opening.scope) = (mode, Given::Absent);
            opening.layers = vec![Layer::Identity];
        });
        trial.turn_open(1);
        assert_eq!(trial.breaches(&proposal(&place(0, 0), "search")), expected, "{mode}");
    }
}

#[test]
fn of_two_actors_of_one_name_the_first_stands() {
    let trial = Trial::opened(|opening| {
        opening.actors.push(Actor { actor_type: ActorType::Approver, ..actor("user") });
    });
    assert_eq!(trial.machine.state().actor(&id("user")).unwrap().actor_type, ActorType::Principal);
}

#[test]
fn a_name_that_is_in_use_keeps_what_it_stands_for() {
    let mut trial = Trial::observed();
    let before = trial.machine.state().clone();
    let again = delegation("agent", "user", searching());
    assert_eq!(trial.breaches(&again), [(Rule::Idn3, Reason::NameTaken)]);
    trial.answer(again);
    assert_eq!(trial.machine.state().actor(&id("user")), before.actor(&id("user")));
    assert!(trial.machine.state().delegations().is_empty());
}

#[test]
fn a_delegate_has_its_own_scope_where_it_states_one() {
    let both = vec![scope_item("mail", EffectsClass::Send), scope_item("search", EffectsClass::Read)];
    let mut trial = Trial::new();
    trial.give(delegation("agent", "wide", both.clone()));
    let narrow = delegation("agent", "narrow", both.clone());
    trial.give(with_delegation(narrow, |body| body.delegate.scope = Some(searching())));
    let scope_of = |name| trial.machine.state().actor(&id(name)).unwrap().scope.clone();
    assert_eq!(scope_of("wide"), Some(both));
    assert_eq!(scope_of("narrow"), Some(searching()));
}

/// The item that covers another is found whatever else the scope lists, of those for one resource the one that asks least.
#[test]
fn a_scope_covers_what_any_of_its_items_covers() {
    use rederive_evidence::values::ApprovalPolicy::{Approve, None as Nothing, Notify};
    let item = |resource: Option<&str>, tenant: &str, approval| {
        let item = scope_item("search", EffectsClass::Read);
        rederive_evidence::values::ScopeItem {
            resource: resource.map(id),
            tenant: id(tenant),
            approval,
            ..item
        }
    };
    let scope = vec![
        item(Some("b"), TENANT, Approve),
        item(Some("b"), TENANT, Notify),
        item(None, "another", Nothing),
        item(Some("a"), "another", Nothing),
        item(None, TENANT, Approve),
    ];
    let covered = [
        (item(Some("b"), TENANT, Notify), true),
        (item(Some("b"), TENANT, Nothing), false),
        (item(Some("b"), TENANT, Approve), true),
        (item(Some("c"), TENANT, Approve), true),
        (item(Some("c"), TENANT, Notify), false),
        (item(None, TENANT, Approve), true),
        (item(None, TENANT, Notify), false),
        (item(Some("a"), "another", Nothing), true),
        (item(None, "third", Approve), false),
    ];
    let trial = Trial::opened(|opening| opening.scope = Given::Known(scope));
    for (granted, is_covered) in covered {
        let breaches = trial.breaches(&delegation("agent", "helper", vec![granted.clone()]));
        assert_eq!(breaches.is_empty(), is_covered, "{granted:?}");
    }
}

#[test]
fn a_tool_of_no_class_is_in_nobodys_scope_in_an_enforced_run() {
    let mut trial = judged_by(&[Layer::Identity]);
    trial.give(with_tool(registration("mail", EffectsClass::Send), |body| body.effects = Given::Absent));
    trial.turn_open(1);
    assert_eq!(trial.breaches(&proposal(&place(0, 0), "mail")), [(Rule::Idn4, Reason::OutOfScope)]);
}
