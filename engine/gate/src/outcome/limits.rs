//! The run's limits as a question asked before a call: the machine counts, this says whether one more fits (LIM-1).

use rederive_evidence::values::Limits;

/// What a run has used up, as the machine counted it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// Calls dispatched.
    pub calls: u64,
    /// Calls dispatched in the window that ends now.
    pub rate_calls: u64,
    /// Spend, millionths.
    pub spend_micros: u64,
    /// Tokens, both ways.
    pub tokens: u64,
    /// Distinct targets touched above `read`.
    pub targets: u64,
    /// Bytes sent out.
    pub bytes_out: u64,
}

/// A limit of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Limit {
    /// Calls.
    Calls,
    /// Calls in a window of time.
    Rate,
    /// Spend.
    Spend,
    /// Tokens.
    Tokens,
    /// Blast radius.
    Targets,
    /// Bytes out.
    BytesOut,
}

/// A call would take the run over a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit:?}: {used} used and {more} more are above the limit of {most}")]
pub struct OverLimit {
    /// Which.
    pub limit: Limit,
    /// Used so far.
    pub used: u64,
    /// What the call would add.
    pub more: u64,
    /// The most allowed.
    pub most: u64,
}

/// Whether what a call adds still fits. A sum that no number holds does not.
///
/// # Errors
/// The first limit, in the order of [`Limit`], that it would break.
pub fn within(limits: &Limits, used: &Use, more: &Use) -> Result<(), OverLimit> {
    let all = [
        (Limit::Calls, limits.calls, used.calls, more.calls),
        (Limit::Rate, limits.rate_calls, used.rate_calls, more.rate_calls),
        (Limit::Spend, limits.spend_micros, used.spend_micros, more.spend_micros),
        (Limit::Tokens, limits.tokens, used.tokens, more.tokens),
        (Limit::Targets, limits.targets, used.targets, more.targets),
        (Limit::BytesOut, limits.bytes_out, used.bytes_out, more.bytes_out),
    ];
    for (limit, most, used, more) in all {
        let Some(most) = most else { continue };
        // What adds nothing breaks nothing: a run at its limit may still read.
        if more > 0 && used.checked_add(more).is_none_or(|sum| sum > most) {
            return Err(OverLimit { limit, used, more, most });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_that_fits_is_allowed_and_one_more_is_not() {
        let limits =
            Limits { calls: Some(3), spend_micros: Some(100), bytes_out: Some(0), ..Limits::default() };
        let used = Use { calls: 2, spend_micros: 60, ..Use::default() };
        let with = |calls, spend_micros, bytes_out| {
            let more = Use { calls, spend_micros, bytes_out, tokens: 1_000, ..Use::default() };
            within(&limits, &used, &more).map_err(|over| over.limit)
        };
        assert_eq!(with(1, 40, 0), Ok(()));
        assert_eq!(with(2, 41, 1), Err(Limit::Calls));
        assert_eq!(with(1, 41, 1), Err(Limit::Spend));
        assert_eq!(with(1, u64::MAX, 0), Err(Limit::Spend));
        assert_eq!(with(1, 40, 1), Err(Limit::BytesOut));
        assert_eq!(within(&Limits::default(), &used, &Use { calls: u64::MAX, ..Use::default() }), Ok(()));
    }
}
