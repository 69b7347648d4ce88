//! `limit`: readings of counters that runs share (LIM-1).

use crate::ids::Id;
use crate::{codes, map};

codes! {
    /// What a shared counter counts.
    pub enum LimitKind {
        /// Calls.
        Calls = 0 "calls",
        /// Spend, millionths.
        SpendMicros = 1 "spend-micros",
        /// Tokens.
        Tokens = 2 "tokens",
        /// Distinct targets.
        Targets = 3 "targets",
        /// Bytes sent out.
        BytesOut = 4 "bytes-out",
    }
}

map! {
    /// `limit read`: what a counter outside the run stood at.
    pub struct LimitRead {
        /// The counter.
        0 req counter: Id,
        /// What it counts.
        1 req kind: LimitKind,
        /// What it stood at.
        2 req value: u64,
        /// Where it ends.
        3 req limit: u64,
    }
}
