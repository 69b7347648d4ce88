//! LIM-1: what the machine counts stays within the run's limits.

use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::charge::Charge;

pub(super) const REASONS: &[Reasons] = &[(
    Rule::Lim1,
    &[
        Reason::CallLimit,
        Reason::RateLimit,
        Reason::SpendLimit,
        Reason::TokenLimit,
        Reason::TargetLimit,
        Reason::BytesLimit,
        Reason::SharedLimit,
        Reason::TimeAbsent,
    ],
)];

/// LIM-1: no counter that this record adds to passes its limit with it; nothing that spends or uses tokens is asked for once those are past
/// theirs; no shared counter that it would add to is used up.
pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Outcome) {
        return;
    }
    let charge = Charge::of(case);
    let limits = &case.config.limits;
    let after = charge.added_to(case);
    let spends = matches!(case.kind, Kind::PromptSent | Kind::ToolDispatched);
    let counted = [
        (charge.calls > 0, after.calls, limits.calls, Reason::CallLimit),
        (charge.is_rated(case), after.calls_in_window, limits.rate_calls, Reason::RateLimit),
        (spends || charge.spend_micros > 0, after.spend_micros, limits.spend_micros, Reason::SpendLimit),
        (spends || charge.tokens > 0, after.tokens, limits.tokens, Reason::TokenLimit),
        (charge.target.is_some(), after.targets, limits.targets, Reason::TargetLimit),
        (charge.bytes_out > 0, after.bytes_out, limits.bytes_out, Reason::BytesLimit),
    ];
    for (_, counter, limit, reason) in counted.into_iter().filter(|(adds, ..)| *adds) {
        if limit.is_some_and(|limit| counter > limit) {
            found.add(Rule::Lim1, reason);
        }
    }
    if charge.calls > 0
        && limits.rate_calls.is_some()
        && limits.rate_window_ms.is_some()
        && case.input.time.is_none()
    {
        found.add_time_absent(case, Rule::Lim1);
    }
    check_shared(case, &charge, found);
}

/// A shared counter is a reading: this run's own additions since are in the next one.
fn check_shared(case: &Case<'_>, charge: &Charge, found: &mut Breaches) {
    if let Body::LimitRead(read) = &case.input.body
        && read.value > read.limit
    {
        found.add(Rule::Lim1, Reason::SharedLimit);
    }
    let asks = matches!(case.kind, Kind::PromptSent | Kind::ToolDispatched | Kind::OutputReleased);
    if !asks {
        return;
    }
    let is_prompt = case.kind == Kind::PromptSent;
    let is_used_up = case.state.shared_counters().iter().any(|(_, counter)| {
        let added = match counter.kind {
            LimitKind::Calls => charge.calls,
            LimitKind::SpendMicros => u64::from(is_prompt || charge.calls > 0),
            LimitKind::Tokens => u64::from(is_prompt),
            LimitKind::Targets => u64::from(charge.target.is_some()),
            LimitKind::BytesOut => charge.bytes_out,
        };
        added > 0 && counter.value.saturating_add(added) > counter.limit
    });
    if is_used_up {
        found.add(Rule::Lim1, Reason::SharedLimit);
    }
}
