//! The replayer's own sources over threads that are tried in many orders.
//!
//! Every module of `engine/replay/src` is compiled here as it stands, but for `threads`: rayon cannot be told which thread goes on, so that the ranges of a
//! trace are handed to threads of shuttle, the next one to whichever is free. What they share is theirs: what the run said, and the file.

macro_rules! replay_sources {
    ($($path:literal $module:ident)*) => {
        $(#[cfg(test)]
        #[path = $path]
        #[allow(dead_code, unreachable_pub, reason = "the replayer's sources are compiled whole")]
        mod $module;)*
    };
}

replay_sources! {
    "../../../engine/replay/src/calls.rs" calls
    "../../../engine/replay/src/checks.rs" checks
    "../../../engine/replay/src/codes.rs" codes
    "../../../engine/replay/src/contents.rs" contents
    "../../../engine/replay/src/derive.rs" derive
    "../../../engine/replay/src/diff.rs" diff
    "../../../engine/replay/src/ends.rs" ends
    "../../../engine/replay/src/equivocation.rs" equivocation
    "../../../engine/replay/src/extracted.rs" extracted
    "../../../engine/replay/src/found.rs" found
    "../../../engine/replay/src/headers.rs" headers
    "../../../engine/replay/src/inquiry.rs" inquiry
    "../../../engine/replay/src/judge.rs" judge
    "../../../engine/replay/src/observer.rs" observer
    "../../../engine/replay/src/plan.rs" plan
    "../../../engine/replay/src/policy.rs" policy
    "../../../engine/replay/src/questions.rs" questions
    "../../../engine/replay/src/ranges.rs" ranges
    "../../../engine/replay/src/records.rs" records
    "../../../engine/replay/src/report.rs" report
    "../../../engine/replay/src/sample.rs" sample
    "../../../engine/replay/src/stretch.rs" stretch
    "../../../engine/replay/src/trace.rs" trace
    "../../../engine/replay/src/unlisted.rs" unlisted
    "../../../engine/replay/src/verdict.rs" verdict
    "../../../engine/replay/src/whatif.rs" whatif
    "../../../engine/replay/src/writes.rs" writes
}

#[cfg(test)]
mod one_report;
#[cfg(test)]
#[path = "../threads/orders.rs"]
mod orders;
#[cfg(test)]
mod threads;
