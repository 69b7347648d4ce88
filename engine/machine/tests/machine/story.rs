//! One whole enforced run, act by act: nothing in it breaches a rule.

use rederive_evidence::ids::Content;
use rederive_evidence::kinds::memory::MemoryScope;
use rederive_evidence::kinds::output::{OutputProduced, OutputReleased};
use rederive_machine::CallStatus;
use rederive_machine::testing::*;

#[test]
fn a_run_that_keeps_every_rule_is_applied_to_its_end() {
    let mut trial = Trial::new();
    let told = trial.told("find it and mail it");
    let item = trial.give(retrieval("a page"));
    let prompt = trial.prompted(0, &[(told, "find it and mail it"), (item, "a page")]);
    let answer = trial.answered(0, 2, prompt);
    let at = place(0, 0);
    let sent = trial.call_to(CallStatus::Dispatched, &at, "mail", answer);
    let other = trial.call_to(CallStatus::Dispatched, &place(0, 1), "search", answer);
    let found = trial.give(result(&place(0, 1), "found").because([other]));
    let mailed = trial.give(result(&at, "mailed").because([sent]));
    let kept = extension(1, 0, &[(0, 2)], &[(answer, "an answer"), (found, "found"), (mailed, "mailed")]);
    let prompt = trial.give(kept);
    let answer = trial.answered(1, 0, prompt);
    trial.give(writing(MemoryScope::Durable, "a fact").at(place(1, 0)).because([answer]));
    let produced = OutputProduced { output: Content(0) };
    let produced = trial.give(Made::new("agent", produced).with(["done"]).at(place(1, 0)).because([answer]));
    let released = OutputReleased { output: commitment("done"), recipients: vec![], bytes_out: Some(4) };
    trial.give(Made::new("agent", released).at(place(1, 0)).because([produced]));
    trial.give(closing());
    assert_eq!(trial.machine.state().open_calls(), 0);
}
