//! Faults of reading and writing traces: what they mean for the user, and the exit status.

use std::path::Path;

use rederive_archive::storage::{Operation, StoreError};
use rederive_archive::{Misuse, ReadFault, TransferFault, WriteFault};
use rederive_recorder::RecordError;

use crate::args::Failed;
use crate::exit::Exit;
use crate::paths::{exit_of, typed, words};
use crate::problem::Problem;

/// Why a file tells nothing, and the exit status of that.
pub(crate) fn unread(fault: &ReadFault) -> (Exit, String) {
    match fault {
        ReadFault::Store(error) => (exit_of(&error.source), words(&error.source)),
        ReadFault::Damaged(_) | ReadFault::NotATrace { .. } => (Exit::Untrustworthy, fault.to_string()),
        ReadFault::UnknownVersion { .. } | ReadFault::NeverBegun => (Exit::Unfinished, fault.to_string()),
        other => (Exit::Internal, other.to_string()),
    }
}

/// A trace that a command needs cannot be read.
pub(crate) fn reading(path: &Path, fault: &ReadFault) -> Failed {
    let (exit, reason) = unread(fault);
    let problem = Problem::error(format!("cannot read {}: {reason}", path.display()));
    let problem = match fault {
        ReadFault::Damaged(damage) => problem.row("code", damage.code()).hint(replay_hint(path)),
        ReadFault::NotATrace { .. } => problem.hint(no_trace_hint(path)),
        ReadFault::UnknownVersion { .. } => problem.hint("it was made by a newer version: update rederive"),
        ReadFault::NeverBegun => {
            problem.hint("its recorder was stopped before the first record; nothing was acknowledged")
        }
        ReadFault::Store(_) => problem,
        _ => problem,
    };
    Failed::new(exit, problem)
}

/// What may have been meant by a file that does not begin as a trace does.
pub(crate) fn no_trace_hint(path: &Path) -> String {
    match path.to_str().and_then(|path| path.strip_suffix("-open")) {
        Some(trace) => format!(
            "this is the log of a run that is still open: name its trace, {trace}, beside which it lies"
        ),
        None => "a trace is a file that `rederive import` or `rederive record` made (.rdt)".to_owned(),
    }
}

/// What to say of a file that should be something else and is a trace.
pub(crate) fn is_trace(bytes: &[u8]) -> bool {
    bytes.starts_with(b"REDERIVE")
}

fn replay_hint(path: &Path) -> String {
    format!("`rederive replay {}` says what of it holds", typed(path))
}

/// How a run that is still open is closed and sealed.
pub(crate) fn closing_hint(path: &Path) -> String {
    format!(
        "`rederive record --recover --key FILE --close aborted --out {}` closes and seals it",
        typed(path)
    )
}

/// A trace cannot be written.
pub(crate) fn writing(path: &Path, fault: &WriteFault) -> Failed {
    let (exit, reason) = unwritten(fault);
    let problem = Problem::error(format!("cannot write {}: {reason}", path.display()));
    let problem = match fault {
        WriteFault::Misuse(Misuse::Exists) => {
            problem.hint("a trace is never written over: choose another name")
        }
        WriteFault::Misuse(Misuse::Locked) => {
            problem.hint("wait for the other recorder, or find out who holds the file")
        }
        WriteFault::Misuse(_) | WriteFault::Store(_) | WriteFault::Poisoned | WriteFault::Limit { .. } => {
            problem
        }
        _ => problem,
    };
    Failed::new(exit, problem)
}

/// Why a trace cannot be written, and the exit status of that.
pub(crate) fn unwritten(fault: &WriteFault) -> (Exit, String) {
    match fault {
        WriteFault::Store(error) => (exit_of(&error.source), store(error)),
        WriteFault::Misuse(Misuse::Exists) => (Exit::Usage, "it exists already".to_owned()),
        WriteFault::Misuse(misuse) => (Exit::Usage, misuse.to_string()),
        WriteFault::Limit { .. } => (Exit::Usage, fault.to_string()),
        WriteFault::Poisoned => (Exit::Internal, fault.to_string()),
        other => (Exit::Internal, other.to_string()),
    }
}

fn store(error: &StoreError) -> String {
    if error.operation == Operation::Open {
        return words(&error.source);
    }
    format!("cannot {} it: {}", error.operation, words(&error.source))
}

/// A trace cannot be recovered or copied.
pub(crate) fn transferring(path: &Path, fault: &TransferFault) -> Failed {
    match fault {
        TransferFault::Read(fault) => reading(path, fault),
        TransferFault::Write(fault) => writing(path, fault),
        other => Failed::internal(format!("{}: {other}", path.display())),
    }
}

/// A recorder stopped, or never began.
pub(crate) fn recording(path: &Path, error: &RecordError) -> Failed {
    let shown = path.display();
    match error {
        RecordError::Write(fault @ (WriteFault::Store(_) | WriteFault::Poisoned)) => {
            let failed = writing(path, fault);
            let hint = format!(
                "every answer that said `durable` stands; with room for it, `rederive record --recover --key FILE --out {}` goes on",
                typed(path)
            );
            Failed::new(failed.exit, failed.problem.hint(hint))
        }
        RecordError::Write(fault) => writing(path, fault),
        RecordError::Transfer(fault) => transferring(path, fault),
        RecordError::Read(fault) => reading(path, fault),
        RecordError::Diverged { record } => {
            let title = format!("{shown}: record {record} does not reproduce; nothing was changed");
            Failed::new(Exit::Parted, Problem::error(title).hint(replay_hint(path)))
        }
        RecordError::Integrity(fault) => {
            let title = format!("{shown}: {fault}; nothing was changed");
            let problem = Problem::error(title).row("code", fault.code()).hint(replay_hint(path));
            Failed::new(Exit::Untrustworthy, problem)
        }
        RecordError::BadRecord { .. } | RecordError::BadContent { .. } | RecordError::Unlisted { .. } => {
            let problem = Problem::error(format!("{shown}: {error}")).hint(replay_hint(path));
            Failed::new(Exit::Untrustworthy, problem)
        }
        RecordError::OtherKey { expected, given } => {
            let problem = Problem::error(format!("{shown} can be continued with its own key alone"))
                .row("run's key", expected.to_hex())
                .row("key given", given.map_or_else(|| "none".to_owned(), |given| given.to_hex()))
                .hint("give it with --key; a run that drew its own key cannot be continued after a crash, only read");
            Failed::usage(problem)
        }
        RecordError::NoKey => {
            let problem = Problem::error(format!("{shown} can be continued with its own key alone"));
            Failed::usage(problem.hint("give it with --key"))
        }
        RecordError::NotClosed => unclosed(path, true),
        RecordError::Append(_) | RecordError::NotAnOpening | RecordError::NothingRecorded => {
            Failed::usage(Problem::error(format!("{shown}: {error}")))
        }
        RecordError::UnknownRuleSet { .. } => {
            Failed::new(Exit::Unfinished, Problem::error(format!("{shown}: {error}")))
        }
        RecordError::Entropy(_) | RecordError::Stopped | _ => Failed::internal(format!("{shown}: {error}")),
    }
}

/// As [`recording`], of a run that is durable at its seal: nothing of it is kept.
pub(crate) fn recording_unkept(path: &Path, error: &RecordError) -> Failed {
    let RecordError::Write(fault @ (WriteFault::Store(_) | WriteFault::Poisoned)) = error else {
        return recording(path, error);
    };
    let failed = writing(path, fault);
    let hint = "nothing of the run was kept: with room for it, record it again; \
                --durability every or group:N keeps records before the seal";
    Failed::new(failed.exit, failed.problem.hint(hint))
}

/// As [`recording`], of a run whose first record was not written: nothing was acknowledged, and there is nothing to go on with.
pub(crate) fn recording_unbegun(path: &Path, error: &RecordError) -> Failed {
    if let RecordError::Write(fault) = error { writing(path, fault) } else { recording(path, error) }
}

/// The drafts ended before the run did; what came is kept, or not, as the durability has it.
pub(crate) fn unclosed(path: &Path, is_kept: bool) -> Failed {
    let shown = path.display();
    let problem = if is_kept {
        let hint = format!(
            "`rederive record --recover --key FILE --out {}` goes on with it, under the run's own key",
            typed(path)
        );
        Problem::error(format!("the run in {shown} is not closed: the input ended without `run.closed`"))
            .hint(hint)
    } else {
        let title = "the run is not closed: the input ended without `run.closed`, and nothing of it was kept";
        Problem::error(title).hint("--durability every or group:N keeps records before the seal")
    };
    Failed::new(
        Exit::Unfinished,
        problem.hint("with --close aborted the end of the input closes and seals a run"),
    )
}

/// Why an imported entry was not recorded, and the exit status of that.
pub(crate) fn unrecorded(error: &RecordError) -> (Exit, String) {
    if let RecordError::Write(fault) = error {
        return unwritten(fault);
    }
    let is_of_entry = matches!(error, RecordError::Append(_) | RecordError::NotAnOpening);
    (if is_of_entry { Exit::Usage } else { Exit::Internal }, error.to_string())
}
