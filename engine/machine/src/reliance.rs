//! Reliance: what a decision reads beside the call itself, as digests of entries and bounds of counters. It holds where all of it is still so.
//! Spec: reliance.

use std::sync::LazyLock;

use rederive_evidence::cbor::Encoder;
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::Reliance;
use rederive_evidence::limits::DELEGATION_DEPTH_MAX;
use rederive_evidence::values::Limits;

use crate::state::{Counters, State};

/// What a decision is about, as far as it says what is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// The tool of the call, where it is about one.
    pub(crate) tool: Option<&'a Id>,
    /// Who asks.
    pub(crate) actor: &'a Id,
}

/// A counter of the run that a decision may rely on to stay under a bound.
struct Bounded {
    /// Its key in the entry of counters.
    key: u64,
    value: fn(&Counters) -> u64,
    /// The limit that a dispatch asks to be above it.
    limit: fn(&Limits) -> Option<u64>,
}

const BOUNDED: [Bounded; 6] = [
    Bounded { key: 0, value: |counters| counters.calls, limit: |limits| limits.calls },
    Bounded { key: 1, value: |counters| counters.calls_in_window, limit: |_| None },
    Bounded { key: 2, value: |counters| counters.spend_micros, limit: |limits| limits.spend_micros },
    Bounded { key: 3, value: |counters| counters.tokens, limit: |_| None },
    Bounded { key: 4, value: |counters| counters.targets, limit: |_| None },
    Bounded { key: 5, value: |counters| counters.bytes_out, limit: |_| None },
];

/// Section of the entry of counters.
const COUNTERS: u64 = 2;

/// The key digests of the counters, as if each were an entry: of the array of the section and the counter's own key.
static BOUNDED_KEYS: LazyLock<[Digest; 6]> = LazyLock::new(|| {
    BOUNDED.map(|bounded| {
        let mut e = Encoder::new();
        e.array(2);
        e.unsigned(COUNTERS);
        e.unsigned(bounded.key);
        digest(Purpose::StateKey, e.as_bytes())
    })
});

/// The entries that a decision reads, in their order: the tool's, that of the one who asks, the delegations above them from the nearest, and the
/// policies in force.
pub(crate) fn entries(state: &State, subject: Subject<'_>) -> Vec<Reliance> {
    let mut read = Vec::with_capacity(4);
    read.extend(subject.tool.map(|tool| state.read_tool(tool)));
    read.push(state.read_actor(subject.actor));
    let mut actor = state.actor(subject.actor);
    for _ in 0..=DELEGATION_DEPTH_MAX {
        let Some(name) = actor.and_then(|actor| actor.delegation.as_ref()) else { break };
        read.push(state.read_delegation(name));
        actor = state.delegation(name).and_then(|delegation| state.actor(&delegation.from));
    }
    read.push(state.read_policies());
    read
}

/// The bounds that the run's limits put on what a dispatch adds to.
pub(crate) fn bounds(limits: &Limits) -> Vec<Reliance> {
    let bound = |(bounded, key): (&Bounded, &Digest)| {
        (bounded.limit)(limits).map(|limit| Reliance { key: *key, value: None, below: Some(limit) })
    };
    BOUNDED.iter().zip(BOUNDED_KEYS.iter()).filter_map(bound).collect()
}

/// The first item, by index, for which a recorded reliance does not hold: it has the entries that are read, each with the value that it has
/// now, then bounds of counters that are still under them.
pub(crate) fn first_broken(state: &State, subject: Subject<'_>, recorded: &[Reliance]) -> Option<usize> {
    let now = entries(state, subject);
    let differs = now.iter().enumerate().find(|(item, now)| recorded.get(*item) != Some(now));
    if let Some((item, _)) = differs {
        return Some(item);
    }
    let bounds = recorded.iter().enumerate().skip(now.len());
    let counters = state.counters().copied().unwrap_or_default();
    bounds.filter(|(_, bound)| !holds(&counters, bound)).map(|(item, _)| item).next()
}

fn holds(counters: &Counters, bound: &Reliance) -> bool {
    let at = BOUNDED_KEYS.iter().position(|key| *key == bound.key);
    let counter = at.and_then(|at| BOUNDED.get(at)).map(|bounded| (bounded.value)(counters));
    match (counter, bound.value, bound.below) {
        (Some(counter), None, Some(below)) => counter < below,
        (None, _, _) | (Some(_), Some(_), _) | (Some(_), None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_that_of_its_own_counter_and_holds_below_it() {
        let counters = Counters {
            calls: 10,
            calls_in_window: 20,
            spend_micros: 30,
            tokens: 40,
            targets: 50,
            bytes_out: 60,
            refused: 0,
        };
        for (key, counter) in BOUNDED_KEYS.iter().zip([10, 20, 30, 40, 50, 60]) {
            let bound = |below| Reliance { key: *key, value: None, below };
            assert!(holds(&counters, &bound(Some(counter + 1))));
            assert!(!holds(&counters, &bound(Some(counter))) && !holds(&counters, &bound(None)));
            assert!(!holds(&counters, &Reliance { value: Some(Digest::ZERO), ..bound(Some(100)) }));
        }
        assert!(!holds(&counters, &Reliance { key: Digest::ZERO, value: None, below: Some(100) }));
    }
}
