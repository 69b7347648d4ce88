//! Everything that can be changed in the good fixtures is noticed.

use std::path::PathBuf;

use rederive_explore::{Divergence, Explorer, Subject, Watch};

/// The bytes of a good trace.
pub(crate) fn good(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/traces/good");
    std::fs::read(folder.join(name)).unwrap()
}

/// Traces that differ from each other in what they hold.
pub(crate) const GOOD: &[&str] = &[
    "gated.rdt",
    "every-kind-2.rdt",
    "every-kind.rdt",
    "enforced.rdt",
    "observed.rdt",
    "segments.rdt",
    "refusals.rdt",
    "findings.rdt",
    "redacted.rdt",
    "packed.rdt",
    "key-change.rdt",
];

#[test]
fn everything_that_can_be_changed_in_a_good_trace_is_noticed() {
    let mut unnoticed = Vec::new();
    for name in GOOD {
        let explorer = Explorer::new(Subject::of(good(name)).unwrap(), Watch::default()).unwrap();
        let exploration = explorer.explore(260, 7).unwrap();
        for (case, found) in &exploration.failures {
            unnoticed
                .push(format!("{name} {}: {:?} {:?} {found:?}", case.number, case.divergences, case.answers));
        }
        let made = exploration.alone.values().filter(|tally| tally.not_applicable < 1).count();
        eprintln!("{name}: {made} of {} na {}", Divergence::ALL.len(), exploration.not_applicable);
        if *name == "gated.rdt" {
            for (d, t) in &exploration.alone {
                eprintln!(
                    "  {d:28} {:?} {:?} out {} na {} un {}",
                    t.noticed,
                    t.signs.keys().take(4).collect::<Vec<_>>(),
                    t.outside,
                    t.not_applicable,
                    t.unchanged
                );
            }
        }
    }
    assert_eq!(unnoticed, Vec::<String>::new());
}
