//! Where two traces part.

use crate::sandbox::{Sandbox, drafts};

#[test]
fn traces_part_at_a_record_and_a_field_and_say_so() {
    let mut sandbox = Sandbox::with_run();
    let changed = drafts().replace("shelf 4", "shelf 5");
    sandbox.record("other.rdt", &["--key", "key", "--reproducible", "another"], &changed);
    let shorter = drafts().replace("\"causes\":[6],", "");
    sandbox.record("third.rdt", &["--key", "key", "--reproducible", "another"], &shorter);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "run.rdt"]).exit, 0);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--at", "6"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--at", "5"]).exit, 0);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "third.rdt"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "other.rdt", "--json"]).exit, 1);
    assert_eq!(sandbox.run(&["diff", "run.rdt", "missing.rdt"]).exit, 2);
    insta::assert_snapshot!(sandbox.transcript());
}
