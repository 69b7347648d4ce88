//! Verdicts in words: what is wrong with a trace, where, and what to do next.

use std::path::Path;

use rederive_replay::{Equivocation, Report, Valid, Wrong};

use crate::exit::Exit;
use crate::paths::typed_text;
use crate::problem::Problem;
use crate::style::Tone;
use crate::words::faults::no_trace_hint;

/// The code of a file that does not begin as a trace does.
const NO_TRACE: &str = "A-MAGIC";

/// How a verdict is shown.
pub(crate) const fn tone(valid: Valid) -> Tone {
    match valid {
        Valid::Reproduced | Valid::Sampled => Tone::Good,
        Valid::Diverged | Valid::Damaged | Valid::Forged => Tone::Bad,
        Valid::Undecided => Tone::Notice,
    }
}

/// What a script learns of one run's verification, whatever was asked of the run besides.
pub(crate) fn exit(report: &Report) -> Exit {
    let valid = match report.valid {
        Valid::Reproduced | Valid::Sampled => Exit::AsAsked,
        Valid::Diverged => Exit::Parted,
        Valid::Damaged | Valid::Forged => Exit::Untrustworthy,
        Valid::Undecided => Exit::Unfinished,
    };
    let kept = if report.failures.total() > 0 { Exit::Parted } else { Exit::AsAsked };
    let is_torn = report.gaps.iter().any(|gap| gap.is_torn(report.level));
    let whole = if is_torn { Exit::Unfinished } else { Exit::AsAsked };
    valid.and(kept).and(whole)
}

/// The verdict's name; under another version of the engine than the pinned one it says which.
pub(crate) fn name(report: &Report) -> String {
    match &report.under {
        Some(engine) if report.valid == Valid::Reproduced => format!("reproduced under {engine}"),
        Some(_) | None => report.valid.to_string(),
    }
}

/// What is wrong with the trace at `path`.
pub(crate) fn problem(path: &str, report: &Report, wrong: &Wrong) -> Problem {
    let record = wrong.place.record;
    let title = match (report.valid, record) {
        (Valid::Diverged, Some(record)) => format!("record {record} does not reproduce"),
        (Valid::Diverged, None) => "the trace does not reproduce".to_owned(),
        (Valid::Damaged, _) if wrong.code == NO_TRACE => {
            "the file is no trace, or its beginning was written over".to_owned()
        }
        (Valid::Damaged, _) => "the trace is damaged".to_owned(),
        (Valid::Forged, _) => "the trace is signed by nobody who counts".to_owned(),
        (Valid::Undecided, Some(record)) => format!("from record {record} on nothing can be said"),
        (Valid::Undecided | Valid::Reproduced | Valid::Sampled, _) => {
            "nothing can be said of the trace".to_owned()
        }
    };
    let (recorded, derived) = match report.valid {
        Valid::Diverged => ("recorded", "derived"),
        Valid::Damaged | Valid::Forged | Valid::Undecided | Valid::Reproduced | Valid::Sampled => {
            ("found", "expected")
        }
    };
    let mut problem =
        Problem::error(title).row("trace", place(path, wrong)).row("field", wrong.field.clone());
    if wrong.code == NO_TRACE {
        problem = problem.hint(no_trace_hint(Path::new(path)));
    }
    if !wrong.recorded.is_empty() {
        problem = problem.row(recorded, wrong.recorded.clone());
    }
    if !wrong.derived.is_empty() {
        problem = problem.row(derived, wrong.derived.clone());
    }
    problem.row("code", wrong.code).hint(next_step(path, report.valid, wrong))
}

fn place(path: &str, wrong: &Wrong) -> String {
    let place = wrong.place;
    let mut text = path.to_owned();
    if let Some(segment) = place.segment {
        text.push_str(&format!(" segment {segment}"));
    }
    if let Some(record) = place.record {
        text.push_str(&format!(", record {record}"));
    }
    if let Some(byte) = place.byte {
        text.push_str(&format!(", byte {byte}"));
    }
    text
}

fn next_step(path: &str, valid: Valid, wrong: &Wrong) -> String {
    match (valid, wrong.place.record) {
        (Valid::Diverged, Some(record)) => {
            format!(
                "`rederive show {} --record {record}` shows the record, `rederive explain {}` what the code means",
                typed_text(path),
                wrong.code
            )
        }
        (_, _) => format!("`rederive explain {}` says what that means and what to do", wrong.code),
    }
}

/// Two traces that tell one run differently.
pub(crate) fn equivocation(first: &str, other: &str, found: &Equivocation) -> Problem {
    let [header, other_header] = found.headers;
    let [key, other_key] = found.keys;
    let signed_by = if key == other_key { key.to_hex() } else { format!("{key} and {other_key}") };
    Problem::error(format!("one run is told in two ways, from segment {} on", found.segment))
        .row("run", found.run.to_hex())
        .row("first", format!("{first}, signed {header}"))
        .row("second", format!("{other}, signed {other_header}"))
        .row("key", signed_by)
        .row("code", found.code())
        .hint("whoever holds the key signed both; at most one of them is what happened")
        .hint(format!("`rederive diff {} {}` shows where they part", typed_text(first), typed_text(other)))
}
