//! Steps that the interpreter takes. It asks a clock at each, every statement, expression and turn of a loop, whether its time is over: the clock that it is given
//! counts how often it was asked, and tells no time. Spec: bundle-rego.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::time::Duration;

use regorus::utils::limits::{ExecutionTimerConfig, TimeSource, set_time_source};
use regorus::{Engine, Value};

use crate::bundle::BundleFault;
use crate::caught;

/// Most steps that the evaluation of one rule takes.
pub(super) const STEPS_MAX: u64 = 100_000;

thread_local! {
    /// Steps of the evaluation that this thread is at.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// The clock: it stands still as long as steps are left, and is a second later from then on.
struct Counter;

impl TimeSource for Counter {
    fn now(&self) -> Option<Duration> {
        let taken = TAKEN.get().saturating_add(1);
        TAKEN.set(taken);
        Some(Duration::from_secs(u64::from(taken > STEPS_MAX)))
    }
}

/// Whether the counter is the interpreter's clock. There is one for all of the process, and it cannot be another later.
static COUNTS: LazyLock<bool> = LazyLock::new(|| set_time_source(&Counter).is_ok());

/// Has an engine count its steps.
///
/// # Errors
/// Something else in this process gave the interpreter a clock of its own.
pub(super) fn count(engine: &mut Engine) -> Result<(), BundleFault> {
    if !*COUNTS {
        let message = "steps of rules cannot be counted in this process".to_owned();
        return Err(BundleFault::Invalid { policy: String::new(), message });
    }
    // Asked at every step: a function that fails lets its next definition begin, and must fail there at once.
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: Duration::ZERO,
        check_interval: NonZeroU32::MIN,
    });
    Ok(())
}

/// Most characters of what the interpreter says of a rule that failed: it writes out the values that it could not use, whatever their size.
const MESSAGE_CHARACTERS_MAX: usize = 1_000;

/// What an evaluation gives within the steps that it may take. A function that is built in may panic over a value that it did not expect: then the rule that
/// called it failed, and no other.
///
/// # Errors
/// It took more, or failed.
pub(super) fn within<E: ToString>(evaluate: impl FnOnce() -> Result<Value, E>) -> Result<Value, String> {
    TAKEN.set(0);
    let answer = caught::caught(evaluate);
    if TAKEN.get() > STEPS_MAX {
        return Err(format!("takes more than {STEPS_MAX} steps"));
    }
    let answer = answer.map_err(|_| "a function that is built in panicked".to_owned())?;
    answer.map_err(|error| clipped(error.to_string()))
}

fn clipped(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(MESSAGE_CHARACTERS_MAX) {
        message.truncate(end);
        message.push('…');
        message.shrink_to_fit();
    }
    message
}
