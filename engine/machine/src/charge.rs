//! What a record adds to the counters of LIM-1. Spec: rule-lim-1.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Body;

use crate::case::Case;
use crate::state::{Call, CallStatus, CallsAt, Counters, State};

/// What a record adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Charge {
    /// Calls dispatched: 0 or 1.
    pub(crate) calls: u64,
    /// Spend, millionths.
    pub(crate) spend_micros: u64,
    /// Tokens, both ways.
    pub(crate) tokens: u64,
    /// Bytes sent out.
    pub(crate) bytes_out: u64,
    /// A target above `read` that no call touched before.
    pub(crate) target: Option<Digest>,
}

impl Charge {
    /// What a record with this body and the live call at its place adds. A call counts when it is dispatched; where its dispatch is not on record,
    /// when it ends by itself.
    pub(crate) fn of(body: &Body, call: Option<&Call>, state: &State) -> Self {
        if let Body::ToolDispatched(dispatched) = body {
            let above_read = call.is_none_or(|call| call.is_above_read());
            let target = dispatched.target.filter(|target| above_read && state.target(target).is_none());
            let bytes_out = dispatched.bytes_out.unwrap_or(0);
            Self { calls: 1, target, bytes_out, ..Self::default() }
        } else if let Body::PromptAnswered(answer) = body {
            let tokens =
                [&answer.tokens_in, &answer.tokens_out].map(|tokens| tokens.known().copied().unwrap_or(0));
            let tokens = tokens.into_iter().fold(0, u64::saturating_add);
            Self { tokens, spend_micros: answer.spend_micros.unwrap_or(0), ..Self::default() }
        } else if let Body::ToolReturned(returned) = body {
            let spend_micros = returned.spend_micros.unwrap_or(0);
            Self { calls: undispatched(call), spend_micros, ..Self::default() }
        } else if let Body::ToolFailed(_) = body {
            Self { calls: undispatched(call), ..Self::default() }
        } else if let Body::OutputReleased(released) = body {
            Self { bytes_out: released.bytes_out.unwrap_or(0), ..Self::default() }
        } else {
            Self::default()
        }
    }

    /// Whether nothing is added.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it adds to the calls of a rate window.
    pub(crate) fn is_rated(&self, case: &Case<'_>) -> bool {
        self.calls > 0 && window(case).is_some()
    }

    /// The counters after the record.
    pub(crate) fn added_to(&self, case: &Case<'_>) -> Counters {
        let before = case.state.counters().copied().unwrap_or_default();
        let in_window = match window(case).filter(|_| self.calls > 0) {
            None => before.calls_in_window,
            Some(window) => window.calls_left(case.state).saturating_add(self.calls),
        };
        Counters {
            calls: before.calls.saturating_add(self.calls),
            calls_in_window: in_window,
            spend_micros: before.spend_micros.saturating_add(self.spend_micros),
            tokens: before.tokens.saturating_add(self.tokens),
            targets: before.targets.saturating_add(u64::from(self.target.is_some())),
            bytes_out: before.bytes_out.saturating_add(self.bytes_out),
            refused: before.refused,
        }
    }
}

/// The rate window that ends with a record: the calls of the last `rate_window_ms`, the one at its very start not among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The latest time: the record's, or a later one recorded before.
    pub(crate) now: RecordedTime,
    /// The last time before the window; none where time is younger than the window is long.
    left: Option<RecordedTime>,
}

impl Window {
    /// Calls counted in the window so far.
    pub(crate) fn calls_left(self, state: &State) -> u64 {
        let before = state.counters().map_or(0, |counters| counters.calls_in_window);
        let gone = self.left_behind(state).fold(0_u64, |gone, (_, at)| gone.saturating_add(at.calls));
        before.saturating_sub(gone)
    }

    /// The times that stand in the state and are before the window.
    pub(crate) fn left_behind(self, state: &State) -> impl Iterator<Item = (&RecordedTime, &CallsAt)> {
        self.left.into_iter().flat_map(|left| state.call_times().range(..=left))
    }
}

/// The window, where a rate is limited and the record has a time.
pub(crate) fn window(case: &Case<'_>) -> Option<Window> {
    let limits = &case.config.limits;
    let length_ms = limits.rate_calls.and(limits.rate_window_ms)?;
    let time = case.input.time?;
    let now =
        case.state.progress().and_then(|progress| progress.time).map_or(time, |latest| latest.max(time));
    Some(Window { now, left: now.0.checked_sub(length_ms.saturating_mul(1_000)).map(RecordedTime) })
}

/// 1 where the call that ends was never dispatched on record.
fn undispatched(call: Option<&Call>) -> u64 {
    u64::from(call.is_some_and(|call| call.status != CallStatus::Dispatched))
}
