//! The protocol by which a call is permitted, approved, given a credential and dispatched, in every interleaving of small sizes.
//!
//! Each record that a caller, the approver or anybody else makes is answered by the real machine, and each waits for its commit as the recorder
//! makes them; the order of a call's steps is that of the gate. Whether a dispatch was right is judged by an account that is kept from the records
//! alone. What the model leaves out: contents, signatures, and guardrails, which only ever stop a call earlier.

#[cfg(test)]
mod account;
#[cfg(test)]
mod acts;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod model;
#[cfg(test)]
mod recorder;
#[cfg(test)]
#[path = "../../engine/gate/tests/gate/steps.rs"]
mod steps;

use std::time::Instant;

use rederive_evidence::kinds::Kind;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::acts::Answer::{Hold, Permit};
use crate::model::{Mutation, Protocol};
use crate::steps::{APPROVAL, CALL};

/// Two calls, each of which a policy permits or somebody has to approve, and nothing that comes between but each other.
const TWO_CALLS: Protocol = Protocol {
    same_call: false,
    credentials: true,
    answers: &[Permit, Hold],
    crashes: 0,
    ticks: 0,
    revocations: 0,
    policy_changes: 0,
    mutation: None,
};

/// Every property of every state that can be reached, and for each thing that should be possible a way there. The document has the size by this name; `UPDATE=1` says what
/// it should have.
#[cfg(test)]
#[track_caller]
fn holds(name: &str, protocol: Protocol) {
    let started = Instant::now();
    let checked = protocol.checker().threads(2).spawn_dfs().join();
    assert!(checked.is_done());
    for (property, path) in checked.discoveries() {
        let expectation = checked.model().property(property).expectation;
        assert!(
            expectation == Expectation::Sometimes,
            "{property}: {:?}: {:?}",
            path.last_state().clone(),
            path.into_actions()
        );
    }
    checked.assert_properties();
    let row = format!("| {name} | {} | {} |", checked.unique_state_count(), checked.state_count());
    println!("{row} {:.1} s", started.elapsed().as_secs_f64());
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/interleavings.md");
    let document = std::fs::read_to_string(document).unwrap();
    let is_told = std::env::var_os("UPDATE").is_some();
    assert!(is_told || document.contains(&row), "docs/interleavings.md has not this row:\n{row}");
}

/// A way to something that must never be.
#[cfg(test)]
#[track_caller]
fn misses(protocol: Protocol, property: &'static str) {
    let checked = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let path = checked.discovery(property).expect("the mutation is found");
    println!("{property}: {:?}", path.into_actions());
}

/// What a call leaves that the model leaves out: what comes before the decision and needs no answer but the guardrails', and what comes of an effect.
#[cfg(test)]
const LEFT_OUT: [Kind; 6] = [
    Kind::ToolProposed,
    Kind::GuardrailDetected,
    Kind::ToolValidated,
    Kind::ToolRequested,
    Kind::EffectExecuted,
    Kind::EffectVerified,
];

/// The gate's own tests compare its traces with the same steps.
#[test]
fn an_undisturbed_call_takes_the_steps_that_the_gate_takes() {
    let acts: Vec<Kind> = CALL.into_iter().filter(|kind| !LEFT_OUT.contains(kind)).collect();
    assert_eq!(TWO_CALLS.path(Permit), acts);
    assert_eq!(TWO_CALLS.path(Hold), [&APPROVAL[..], &acts[..]].concat());
}

#[test]
fn two_calls_are_permitted_and_approved_whatever_comes_between_them_and_whenever_the_process_stops() {
    holds("a crash", Protocol { crashes: 1, ..TWO_CALLS });
    holds("a crash, no credentials", Protocol { crashes: 1, credentials: false, ..TWO_CALLS });
}

#[test]
fn what_is_over_opens_no_call() {
    holds("time passes", Protocol { ticks: 1, ..TWO_CALLS });
}

#[test]
fn a_revoked_credential_opens_no_call_whenever_the_process_stops() {
    holds("a revocation and a crash", Protocol { crashes: 1, revocations: 1, ..TWO_CALLS });
}

#[test]
fn a_permit_under_another_bundle_opens_no_call_whenever_the_process_stops() {
    holds("another bundle and a crash", Protocol { crashes: 1, policy_changes: 1, ..TWO_CALLS });
}

#[test]
fn one_call_that_two_callers_go_on_with_acts_once() {
    holds("one call, time passes, a crash", Protocol { same_call: true, crashes: 1, ticks: 1, ..TWO_CALLS });
}

/// All of it at once, where `REDERIVE_FULL` is set.
#[test]
fn all_of_it_at_once() {
    if std::env::var_os("REDERIVE_FULL").is_none() {
        return eprintln!("LEFT OUT: all of it at once, since REDERIVE_FULL is not set");
    }
    let all = Protocol { crashes: 1, ticks: 1, revocations: 1, policy_changes: 1, ..TWO_CALLS };
    holds("all of it", all.clone());
    holds("all of it, no credentials", Protocol { credentials: false, revocations: 0, ..all.clone() });
    holds("one call, all of it", Protocol { same_call: true, ..all.clone() });
    holds("two crashes, time passes", Protocol { crashes: 2, ticks: 1, ..TWO_CALLS });
}

const UNPERMITTED: &str = "nothing acts without a live permit";
const TWICE: &str = "no call acts twice";
const UNRECEIPTED: &str = "authority is issued under a durable permit alone";

#[test]
fn a_gate_that_acts_on_what_was_refused_is_found() {
    let mutation = Some(Mutation::RefusalsIgnored);
    misses(Protocol { policy_changes: 1, mutation, ..TWO_CALLS }, UNPERMITTED);
    misses(Protocol { ticks: 1, mutation, ..TWO_CALLS }, UNPERMITTED);
}

#[test]
fn a_gate_that_does_not_look_again_before_the_dispatch_is_found() {
    misses(Protocol { revocations: 1, mutation: Some(Mutation::NoSecondLook), ..TWO_CALLS }, UNPERMITTED);
}

#[test]
fn a_tool_that_is_called_before_its_dispatch_is_durable_is_found() {
    let mutation = Some(Mutation::DispatchNotAwaited);
    misses(Protocol { crashes: 1, mutation, ..TWO_CALLS }, UNPERMITTED);
}

#[test]
fn authority_under_a_permit_whose_receipt_is_not_durable_is_found() {
    misses(Protocol { crashes: 1, mutation: Some(Mutation::ReceiptNotAwaited), ..TWO_CALLS }, UNRECEIPTED);
}

#[test]
fn a_restart_that_goes_on_with_what_was_dispatched_is_found() {
    misses(Protocol { crashes: 1, mutation: Some(Mutation::DispatchedGoOn), ..TWO_CALLS }, TWICE);
}
