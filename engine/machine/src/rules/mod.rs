//! The rules, a module a control layer, checked in one fixed order. Each names the reasons it can give.
//!
//! A rule is judged where the run's rule set has it and the opening record lists its layer; of the breaches of one rule for one reason in
//! one record, the first stands. The state is tracked whatever is judged. Spec: rules.

mod approval;
mod audit;
mod broker;
mod context;
mod credential;
mod guardrail;
mod hand_off;
mod identity;
mod limit;
mod memory;
mod outcome;
mod policy;
mod prompt;
mod risk;
mod run;

use rederive_evidence::ids::RecordedTime;
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::rules::{Breach, Reason, Rule};

use crate::case::{Case, Expiry};
use crate::rule_set::RuleSetNumber;
use crate::state::Influence;

pub(crate) use approval::step_of as approval_step;
pub(crate) use identity::{depth as delegation_depth, is_taken};
pub(crate) use memory::needs_permit;
pub(crate) use outcome::{is_as_expected, needs_grant};

/// A rule and the reasons for which it can be breached.
pub(crate) type Reasons = (Rule, &'static [Reason]);

/// Every rule of rule set 1 with its reasons. Released: its text is what traces name.
pub(crate) const SET_1: &[&[Reasons]] = &[
    run::REASONS,
    identity::REASONS,
    context::REASONS,
    prompt::REASONS,
    guardrail::REASONS,
    broker::REASONS,
    broker::PREVIEWS,
    memory::REASONS,
    memory::PERMITS,
    limit::REASONS,
    hand_off::REASONS,
    audit::REASONS,
];

/// Every rule of rule set 2 with its reasons.
pub(crate) const SET_2: &[&[Reasons]] = &[
    run::REASONS,
    identity::REASONS,
    context::REASONS,
    prompt::REASONS,
    guardrail::REASONS,
    guardrail::SINCE_2,
    broker::REASONS,
    broker::PREVIEWS_SINCE_2,
    policy::REASONS,
    risk::REASONS,
    credential::REASONS,
    approval::REASONS,
    memory::REASONS,
    memory::PERMITS_SINCE_2,
    outcome::REASONS,
    limit::REASONS,
    hand_off::REASONS,
    audit::REASONS,
];

/// The breaches of one record.
#[derive(Debug, Default)]
pub(crate) struct Breaches(Vec<Breach>);

impl Breaches {
    pub(crate) fn add(&mut self, rule: Rule, reason: Reason) {
        self.add_at(rule, reason, None, None);
    }

    pub(crate) fn add_at(&mut self, rule: Rule, reason: Reason, record: Option<u64>, item: Option<usize>) {
        if !self.0.iter().any(|breach| (breach.rule, breach.reason) == (rule, reason)) {
            self.0.push(Breach { rule, reason, record, item: item.map(|item| item as u64) });
        }
    }

    /// Adds `reason` where something that `rule` needs has ended, and in an enforced run where nobody can tell whether it has.
    pub(crate) fn add_expiry(
        &mut self,
        case: &Case<'_>,
        rule: Rule,
        reason: Reason,
        end: Option<RecordedTime>,
    ) {
        match case.expiry(end) {
            Expiry::Live => {}
            Expiry::Over => self.add(rule, reason),
            Expiry::Untold => self.add_time_absent(case, rule),
        }
    }

    /// A rule that needs the record's time is, without one, a breach in an enforced run and not judged in an observed one.
    pub(crate) fn add_time_absent(&mut self, case: &Case<'_>, rule: Rule) {
        if case.enforced() {
            self.add(rule, Reason::TimeAbsent);
        }
    }

    /// The breaches, ascending.
    pub(crate) fn into_sorted(mut self) -> Vec<Breach> {
        self.0.sort_unstable();
        self.0
    }
}

/// Checks every rule. `influence` is the record's own.
pub(crate) fn check(case: &Case<'_>, influence: &Influence) -> Breaches {
    let mut found = Breaches::default();
    check_fields(case, &mut found);
    run::check(case, &mut found);
    identity::check(case, &mut found);
    context::check(case, influence, &mut found);
    prompt::check(case, influence, &mut found);
    guardrail::check(case, &mut found);
    broker::check(case, &mut found);
    memory::check(case, influence, &mut found);
    limit::check(case, &mut found);
    hand_off::check(case, influence, &mut found);
    audit::check(case, influence, &mut found);
    if case.is_since(RuleSetNumber::Two) {
        check_since_2(case, &mut found);
    }
    found
}

/// Checks the rules that rule set 1 does not have.
fn check_since_2(case: &Case<'_>, found: &mut Breaches) {
    guardrail::check_since_2(case, found);
    policy::check(case, found);
    risk::check(case, found);
    credential::check(case, found);
    approval::check(case, found);
    outcome::check(case, found);
}

/// Checks the record that opens the run: only rules that do not ask what came before.
pub(crate) fn check_opening(case: &Case<'_>, opened: &RunOpened) -> Breaches {
    let mut found = Breaches::default();
    check_fields(case, &mut found);
    run::check_order(case, &mut found);
    identity::check_opening(case, &opened.actors, &mut found);
    found
}

/// In an enforced run a required field that the source does not know is a breach of the rule that asks for the field.
fn check_fields(case: &Case<'_>, found: &mut Breaches) {
    if case.absent > 0
        && case.enforced()
        && let Some(rule) = rule_of_fields(case.kind)
        && case.config.set().has(rule)
        && (rule == Rule::Run1 || case.judges(rule.layer()))
    {
        found.add(rule, Reason::FieldAbsent);
    }
}

/// The rule that asks for a kind's required fields. A set that does not have the rule does not ask for them.
fn rule_of_fields(kind: Kind) -> Option<Rule> {
    match kind {
        Kind::RunOpened => Some(Rule::Run1),
        Kind::ContextRetrieved => Some(Rule::Ctx1),
        Kind::PromptAnswered => Some(Rule::Prm3),
        Kind::ToolRegistered | Kind::ToolProposed | Kind::ToolValidated => Some(Rule::Tol1),
        Kind::MemoryWritten => Some(Rule::Mem1),
        Kind::DelegationGranted => Some(Rule::Idn3),
        Kind::HandedOff => Some(Rule::Hnd1),
        Kind::DecisionMade => Some(Rule::Pol2),
        Kind::PolicyPinned => Some(Rule::Pol6),
        Kind::ExceptionGranted => Some(Rule::Pol7),
        Kind::CredentialIssued => Some(Rule::Crd1),
        Kind::CredentialUsed => Some(Rule::Crd3),
        Kind::ApprovalRequested => Some(Rule::Apr4),
        Kind::ApprovalEvidence => Some(Rule::Apr2),
        Kind::ApprovalApproved | Kind::ApprovalDenied | Kind::ApprovalRevised => Some(Rule::Apr3),
        Kind::EffectExecuted | Kind::EffectVerified => Some(Rule::Out1),
        Kind::EffectPlanned => Some(Rule::Out3),
        Kind::OutputReleased => Some(Rule::Out4),
        Kind::RunClosed
        | Kind::PlanProposed
        | Kind::PlanChecked
        | Kind::PlanRevised
        | Kind::PromptGiven
        | Kind::PromptSent
        | Kind::ContextSummarised
        | Kind::ContextBlocked
        | Kind::GuardrailDetected
        | Kind::GuardrailTransformed
        | Kind::GuardrailBlocked
        | Kind::ToolRequested
        | Kind::ToolPreviewed
        | Kind::ToolDispatched
        | Kind::ToolReturned
        | Kind::ToolFailed
        | Kind::ToolBlocked
        | Kind::ToolUnknown
        | Kind::CredentialRevoked
        | Kind::CredentialExpired
        | Kind::ApprovalUnderReview
        | Kind::ApprovalExpired
        | Kind::ApprovalWithdrawn
        | Kind::ApprovalLogged
        | Kind::MemoryRead
        | Kind::MemoryDeleted
        | Kind::MemoryExpired
        | Kind::OutputProduced
        | Kind::OutputBlocked
        | Kind::EffectReverted
        | Kind::EffectQuarantined
        | Kind::EffectCompensated
        | Kind::EffectNotified
        | Kind::DelegationEnded
        | Kind::PolicyChanged
        | Kind::ExceptionEnded
        | Kind::RiskAccepted
        | Kind::ReviewHeld
        | Kind::EvaluationAttached
        | Kind::IncidentOpened
        | Kind::IncidentClosed
        | Kind::LimitRead => None,
    }
}
