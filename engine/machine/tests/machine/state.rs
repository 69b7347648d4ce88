//! The state as entries: bytes, root, proofs, deltas and snapshots.

use std::path::PathBuf;
use std::sync::LazyLock;

use cddl_cat::cbor::validate_cbor;
use cddl_cat::context::BasicContext;
use cddl_cat::flatten::flatten_from_str;
use proptest::prelude::*;
use rederive_evidence::cbor::{DecodeFault, Decoder};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::sparse::{Entries, Entry, Proven};
use rederive_evidence::values::Mode;
use rederive_machine::testing::*;
use rederive_machine::{CallStatus, Key, Machine, RuleSetNumber, State, StateFault};

use crate::walk::{choices, item, opened, step, terms, walk};

/// An entry as bytes.
type Bytes = (Vec<u8>, Vec<u8>);

fn entries(state: &State) -> Vec<Bytes> {
    state.entries().collect()
}

/// The root of entries, by the definition: no use is made of the state.
fn root_of(entries: &[Bytes]) -> Digest {
    let mut digests: Vec<Entry> = entries
        .iter()
        .map(|(key, value)| Entry {
            key: digest(Purpose::StateKey, key),
            value: digest(Purpose::StateValue, value),
        })
        .collect();
    digests.sort();
    Entries::new(&digests).unwrap().root()
}

/// Applies a delta to entries, by the definition of its bytes. Spec: delta-form.
fn apply(entries: &mut std::collections::BTreeMap<Vec<u8>, Vec<u8>>, padded: &[u8]) {
    assert!(padded.len().is_multiple_of(64) && !padded.is_empty());
    let mut d = Decoder::new(padded);
    let mut last: Option<Vec<u8>> = None;
    for _ in 0..d.array(u64::MAX).unwrap() {
        assert_eq!(d.array(2).unwrap(), 2);
        let at = d.position();
        d.skip().unwrap();
        let key = padded[at..d.position()].to_vec();
        assert!(last.as_ref() < Some(&key), "keys ascend");
        let at = d.position();
        if d.null_here() {
            assert!(entries.remove(&key).is_some(), "what is removed was there");
        } else {
            d.skip().unwrap();
            let value = padded[at..d.position()].to_vec();
            assert_ne!(entries.insert(key.clone(), value.clone()), Some(value), "what is set was another");
        }
        d.close();
        last = Some(key);
    }
    let rest = &padded[d.position()..];
    assert!(rest.len() < 64 && rest.iter().all(|byte| *byte == 0), "the fewest zeros");
}

static RULES: LazyLock<BasicContext> = LazyLock::new(|| {
    let anchored = State::cddl().replace(".regexp \"", ".regexp \"^").replace("}\"", "}$\"");
    BasicContext::new(flatten_from_str(&anchored).expect("the CDDL is well-formed"))
});

/// Whether the grammar takes an entry.
fn takes((key, value): &Bytes) -> Result<(), String> {
    let entry = [&[0x82], key.as_slice(), value].concat();
    let tree: ciborium::Value = ciborium::from_reader(entry.as_slice()).expect("well-formed CBOR");
    validate_cbor(&RULES.rules["state-entry"], &tree, &*RULES).map_err(|error| error.to_string())
}

#[test]
fn the_committed_grammar_is_the_generated_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("state.cddl");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, State::cddl()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == State::cddl(), "state.cddl is not what the code gives: run this test with UPDATE=1");
}

#[test]
fn a_state_of_nothing_has_no_bytes_and_the_root_of_nothing() {
    let state = State::default();
    assert_eq!((state.bytes(), state.root(), state.entries().count()), (0, Digest::ZERO, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Entries are the state: what they make is it again, with its root and its count of bytes; deltas alone lead there.
    /// Spec: state-sections, state-tree, changes.
    #[test]
    fn entries_deltas_and_state_say_the_same(terms in terms(), choices in choices(50)) {
        let mut trial = opened(terms);
        let mut by_deltas: std::collections::BTreeMap<_, _> = entries(trial.machine.state()).into_iter().collect();
        for words in &choices {
            let (input, extracted) = step(&mut trial, words);
            let answer = trial.machine.decide(&input, extracted.as_ref());
            let mut delta = b"before".to_vec();
            answer.transition.delta(&mut delta);
            prop_assert!(delta.starts_with(b"before"));
            apply(&mut by_deltas, &delta[6..]);
            trial.machine.commit(answer.transition);
        }
        let state = trial.machine.state();
        let whole = entries(state);
        prop_assert!(whole.is_sorted_by(|a, b| a.0 < b.0));
        prop_assert_eq!(&by_deltas.into_iter().collect::<Vec<_>>(), &whole);
        let bytes: usize = whole.iter().map(|(key, value)| key.len() + value.len()).sum();
        prop_assert_eq!(state.bytes(), bytes as u64);
        prop_assert_eq!(state.root(), root_of(&whole));
        let again = State::from_entries(whole.iter().map(|(key, value)| (key, value))).unwrap();
        prop_assert_eq!(&again, state);
        for entry in &whole {
            prop_assert_eq!(takes(entry), Ok(()));
        }
    }

    /// A run that goes on from a snapshot answers as the one that never stopped. Spec: verdict-deterministic.
    #[test]
    fn a_resumed_run_answers_as_the_one_that_went_on(terms in terms(), choices in choices(50), cut: prop::sample::Index) {
        let cut = cut.index(choices.len());
        let (before, _) = walk(terms, &choices[..cut]);
        let (whole, steps) = walk(terms, &choices);
        let marks = rederive_machine::Lineage::parse_page(&whole.lineage().page(0)).unwrap();
        let lineage = rederive_machine::Lineage::resume(marks.into(), before.lineage().len());
        let state = State::from_entries(before.state().entries()).unwrap();
        let mut resumed = Machine::resume(state, lineage);
        let mut went_on = before;
        for (input, extracted) in &steps[cut..] {
            let answer = resumed.decide(input, extracted.as_ref());
            prop_assert_eq!(&answer, &went_on.decide(input, extracted.as_ref()));
            went_on.commit(answer.transition.clone());
            resumed.commit(answer.transition);
        }
        prop_assert_eq!(resumed.state(), whole.state());
        prop_assert_eq!(resumed.lineage().page(0), whole.lineage().page(0));
    }

    /// Bytes that are no state are refused, and never taken for another one.
    #[test]
    fn bent_entries_are_refused_or_are_what_they_say(choices in choices(20), entry: prop::sample::Index, at: prop::sample::Index, flip in 1_u8..) {
        let (machine, _) = walk((RuleSetNumber::Two, Mode::Observed), &choices);
        let mut bent = entries(machine.state());
        let entry = entry.index(bent.len());
        let (key, value) = &mut bent[entry];
        let at = at.index(key.len() + value.len());
        let byte = if at < key.len() { &mut key[at] } else { &mut value[at - key.len()] };
        *byte ^= flip;
        if let Ok(state) = State::from_entries(bent.iter().map(|(key, value)| (key, value))) {
            prop_assert_eq!(entries(&state), bent);
        }
    }
}

fn whole_run() -> Trial {
    let mut trial = Trial::new();
    let answer = trial.turn_open(2);
    trial.call_to(CallStatus::Dispatched, &place(0, 0), "mail", answer);
    trial.give(writing(MemoryScope::Session, "a fact"));
    trial
}

/// Spec: state-proof.
#[test]
fn an_entry_is_proven_there_or_not_there() {
    let trial = whole_run();
    let state = trial.machine.state();
    let there = [Key::Config, Key::Counters, Key::Call(place(0, 0)), Key::Memory(item(MemoryScope::Session))];
    let absent = [Key::Call(place(0, 1)), Key::Memory(item(MemoryScope::Durable)), Key::Tool(id("ghost"))];
    for (key, is_there) in there.iter().map(|key| (key, true)).chain(absent.iter().map(|key| (key, false))) {
        let expected = state.get(key).map_or(Proven::Absent, |value| Proven::Present(value.digest()));
        assert_eq!(expected != Proven::Absent, is_there, "{key:?}");
        let proof = state.prove(key);
        assert_eq!(proof.verify(&state.root(), &key.digest()), Ok(expected), "{key:?}");
        let other = Key::Tool(id("mail"));
        let said = proof.verify(&state.root(), &other.digest());
        let holds_of_other = state.get(&other).map(|value| Proven::Present(value.digest()));
        assert!(said.is_err() || said.ok() == holds_of_other, "{key:?} proves nothing of another key");
    }
}

#[test]
fn entries_out_of_order_twice_or_of_no_section_are_refused_with_their_place() {
    let whole = entries(whole_run().machine.state());
    let load = |entries: &[Bytes]| State::from_entries(entries.iter().map(|(key, value)| (key, value)));
    let mut swapped = whole.clone();
    swapped.swap(2, 3);
    assert_eq!(load(&swapped), Err(StateFault::Order { entry: 3 }));
    let twice = [&whole[..1], &whole[..1]].concat();
    assert_eq!(load(&twice), Err(StateFault::Order { entry: 1 }));
    let unknown = vec![(vec![0x81, 0x05], vec![0xa0])];
    let fault = load(&unknown);
    let is_registry = |fault: &Result<State, StateFault>| matches!(fault, Err(StateFault::Key { entry: 0, fault }) if matches!(fault.fault, DecodeFault::Registry { found: 5, .. }));
    assert!(is_registry(&fault), "{fault:?}");
    let mut trailing = whole.clone();
    trailing[1].1.push(0);
    assert!(matches!(load(&trailing), Err(StateFault::Value { entry: 1, .. })));
}

#[test]
fn a_record_that_changes_nothing_has_the_delta_of_nothing() {
    let mut trial = Trial::new();
    trial.give(closing());
    let mut delta = Vec::new();
    trial.ask(&message("user", "late")).transition.delta(&mut delta);
    assert_eq!(delta, [&[0x80], [0; 63].as_slice()].concat());
}

/// What is removed leaves its bytes behind in no count. A prompt's parts go when it drops them.
#[test]
fn parts_that_a_prompt_drops_leave_the_state() {
    let mut trial = Trial::new();
    trial.prompted(0, &[(0, "a"), (0, "b"), (0, "c"), (0, "d")]);
    trial.answered(0, 0, 4);
    let numbers = |trial: &Trial| -> Vec<u64> {
        trial.machine.state().parts().iter().map(|(key, _)| key.number).collect()
    };
    assert_eq!(numbers(&trial), [0, 1, 2, 3]);
    trial.give(extension(1, 0, &[(0, 1), (2, 1)], &[(0, "e")]));
    assert_eq!(numbers(&trial), [0, 2, 4]);
    trial.answer(prompt(2, &[(0, "f")]));
    assert_eq!(numbers(&trial), [0]);
    let whole = entries(trial.machine.state());
    let bytes: usize = whole.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert_eq!(trial.machine.state().bytes(), bytes as u64);
}
