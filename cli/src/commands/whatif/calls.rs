//! A JSON line for each call. The members are what others build on: exactly these, in this order.

use rederive_evidence::ids::{Id, RunId};
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_replay::{Recorded, SourceView, WhatIfRun};
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    source: Option<&'a SourceView>,
    run: Option<RunId>,
    call: u64,
    tool: &'a Id,
    recorded: &'static str,
    outcome: Option<Decision>,
    directive: Option<Directive>,
    reason: Option<ReasonCode>,
    rules: &'a [Id],
}

/// The lines of a run's calls, in the order in which they were proposed. Of a call that was decided on several times, the last decision.
pub(super) fn lines(path: &str, run: &WhatIfRun) -> String {
    let mut lines = String::new();
    for (number, (call, judged)) in (0_u64..).zip(run.calls.iter().zip(run.by_call())) {
        let now = judged.and_then(|judged| judged.judged.as_ref().ok());
        let ended = Recorded::Ended(call.end);
        let recorded = judged.map_or(&ended, |judged| &judged.recorded);
        let line = Line {
            path,
            source: run.report.source.as_ref(),
            run: run.report.run,
            call: number,
            tool: &call.tool,
            recorded: recorded.name(),
            outcome: now.map(|now| now.decision),
            directive: now.map(|now| now.directive),
            reason: now.map(|now| now.reason),
            rules: now.map_or(&[], |now| &now.rules),
        };
        if let Ok(line) = serde_json::to_string(&line) {
            lines.push_str(&line);
            lines.push('\n');
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use rederive_replay::CallEnd;

    use super::*;

    /// Names that `recorded` can have beside those of decisions.
    const ENDS: [CallEnd; 5] =
        [CallEnd::Returned, CallEnd::Failed, CallEnd::Blocked, CallEnd::Unknown, CallEnd::Open];

    #[test]
    fn no_end_of_a_call_has_the_name_of_a_decision() {
        for end in ENDS {
            assert!(Decision::ALL.iter().all(|decision| decision.name() != end.name()));
        }
    }
}
