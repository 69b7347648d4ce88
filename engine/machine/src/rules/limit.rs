//! LIM-1: what the machine counts stays within the run's limits. Spec: rule-lim-1.

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

/// LIM-1: no counter that this record adds to passes its limit with it; what will spend or use tokens is asked for only while some are left; no
/// shared counter that it would add to is used up.
pub(super) fn check(case: &Case<'_>, found: &mut Breaches) {
    if !case.judges(Layer::Outcome) {
        return;
    }
    let charge = &case.charge;
    let needs = Needs::of(case.kind);
    if charge.is_nothing() && needs == Needs::default() && case.kind != Kind::LimitRead {
        return;
    }
    let limits = &case.config.limits;
    let after = charge.added_to(case);
    let mut check = |added: u64, counter: u64, limit: Option<u64>, reason| {
        if added > 0 && limit.is_some_and(|limit| counter > limit) {
            found.add(Rule::Lim1, reason);
        }
    };
    check(charge.calls, after.calls, limits.calls, Reason::CallLimit);
    check(u64::from(charge.is_rated(case)), after.calls_in_window, limits.rate_calls, Reason::RateLimit);
    check(charge.spend_micros, after.spend_micros, limits.spend_micros, Reason::SpendLimit);
    let spend = after.spend_micros.saturating_add(needs.spend);
    check(needs.spend, spend, limits.spend_micros, Reason::SpendLimit);
    check(charge.tokens, after.tokens, limits.tokens, Reason::TokenLimit);
    check(needs.tokens, after.tokens.saturating_add(needs.tokens), limits.tokens, Reason::TokenLimit);
    check(u64::from(charge.target.is_some()), after.targets, limits.targets, Reason::TargetLimit);
    check(charge.bytes_out, after.bytes_out, limits.bytes_out, Reason::BytesLimit);
    if charge.calls > 0
        && limits.rate_calls.is_some()
        && limits.rate_window_ms.is_some()
        && case.input.time.is_none()
    {
        found.add_time_absent(case, Rule::Lim1);
    }
    check_shared(case, charge, found);
}

/// The least that what a request asks for will cost: how much nobody knows before the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Needs {
    spend: u64,
    tokens: u64,
}

impl Needs {
    fn of(kind: Kind) -> Self {
        let is_prompt = kind == Kind::PromptSent;
        Self { spend: u64::from(is_prompt || kind == Kind::ToolDispatched), tokens: u64::from(is_prompt) }
    }
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
    let needs = Needs::of(case.kind);
    let added = |kind| match kind {
        LimitKind::Calls => charge.calls,
        LimitKind::SpendMicros => needs.spend,
        LimitKind::Tokens => needs.tokens,
        LimitKind::Targets => u64::from(charge.target.is_some()),
        LimitKind::BytesOut => charge.bytes_out,
    };
    let is_beyond = |kind: &LimitKind| case.state.least_left(*kind).is_some_and(|left| added(*kind) > left);
    if LimitKind::ALL.iter().any(is_beyond) {
        found.add(Rule::Lim1, Reason::SharedLimit);
    }
}
