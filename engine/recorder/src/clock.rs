//! Where recorded time comes from. The recorder is the only one that asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rederive_evidence::ids::RecordedTime;

/// A source of recorded time.
pub trait Clock: Send + Sync {
    /// The time now, or `None` where no time is to be recorded.
    fn now(&self) -> Option<RecordedTime>;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Option<RecordedTime> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        u64::try_from(since.as_micros()).ok().map(RecordedTime)
    }
}

/// No clock: only times that a draft brings are recorded, as in an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> Option<RecordedTime> {
        None
    }
}

/// A clock that stands where it was put.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock at `time`.
    pub fn new(time: RecordedTime) -> Self {
        Self(AtomicU64::new(time.0))
    }

    /// Puts the clock to `time`, forwards or back.
    pub fn set(&self, time: RecordedTime) {
        self.0.store(time.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Option<RecordedTime> {
        Some(RecordedTime(self.0.load(Ordering::SeqCst)))
    }
}
