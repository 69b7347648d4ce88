//! From what an engine answered to a decision. Spec: policy-mapping.

use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};

#[cfg(any(feature = "cedar", feature = "rego"))]
use crate::bundle::BundleFault;
use crate::control::Control;
use crate::request::PolicyRequest;

/// An engine's answer as it gave it, before it is mapped to a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Whether a permit matched and no forbid did.
    pub allowed: bool,
    /// The policies that determined this: the matching forbids where there are any, else the matching permits. Ascending.
    pub reasons: Vec<String>,
    /// The policies that could not be evaluated, ascending.
    pub errors: Vec<PolicyError>,
}

/// A policy that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyError {
    /// The policy.
    pub policy: String,
    /// The engine's words. They enter no decision: an engine may change them.
    pub message: String,
}

/// What a policy says beside permitting or forbidding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name.
    pub id: Id,
    /// Whether it forbids.
    pub forbids: bool,
    /// What is to be done where it matches.
    pub directive: Directive,
    /// The reason it gives, where it gives one.
    pub reason: Option<ReasonCode>,
    /// What it says to who reads it, where it says anything.
    pub text: Option<String>,
}

/// Directives that a permit may give: it permits once they are followed.
#[cfg(any(feature = "cedar", feature = "rego"))]
const OF_PERMITS: &[Directive] =
    &[Directive::Revise, Directive::RequireApproval, Directive::NarrowScope, Directive::Route];

/// Directives that a forbid may give.
#[cfg(any(feature = "cedar", feature = "rego"))]
const OF_FORBIDS: &[Directive] = &[Directive::RollBack];

/// Reasons that a policy may give.
#[cfg(any(feature = "cedar", feature = "rego"))]
const REASONS: &[ReasonCode] = &[
    ReasonCode::PolicyPermits,
    ReasonCode::PolicyForbids,
    ReasonCode::ApprovalNeeded,
    ReasonCode::Approved,
    ReasonCode::StandingGrant,
    ReasonCode::Exception,
    ReasonCode::Risk,
    ReasonCode::Limit,
    ReasonCode::Scope,
];

/// The directive of this name, where such a policy may give it.
#[cfg(any(feature = "cedar", feature = "rego"))]
pub(crate) fn directive_of(policy: &Id, forbids: bool, value: &str) -> Result<Directive, BundleFault> {
    let allowed = if forbids { OF_FORBIDS } else { OF_PERMITS };
    let found = Directive::from_name(value).filter(|directive| allowed.contains(directive));
    found.ok_or_else(|| misplaced(policy, "directive", value, allowed))
}

/// The reason of this name, where a policy may give it.
#[cfg(any(feature = "cedar", feature = "rego"))]
pub(crate) fn reason_of(policy: &Id, value: &str) -> Result<ReasonCode, BundleFault> {
    let found = ReasonCode::from_name(value).filter(|reason| REASONS.contains(reason));
    found.ok_or_else(|| misplaced(policy, "reason", value, REASONS))
}

#[cfg(any(feature = "cedar", feature = "rego"))]
fn misplaced(policy: &Id, name: &'static str, value: &str, allowed: &[impl ToString]) -> BundleFault {
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    BundleFault::Annotation {
        policy: policy.clone(),
        name,
        value: value.to_owned(),
        allowed: allowed.join(", "),
    }
}

/// What the policies say to a request: what a decision records of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub decision: Decision,
    /// What is to be done about it.
    pub directive: Directive,
    /// Why.
    pub reason: ReasonCode,
    /// Policies that matched and determined the answer, ascending.
    pub rules: Vec<Id>,
    /// Policies that failed, ascending.
    pub errors: Vec<Id>,
}

/// How strict a directive is, beside others: of several, the strictest stands.
fn strictness(directive: Directive) -> u8 {
    match directive {
        Directive::None => 0,
        Directive::Revise => 1,
        Directive::NarrowScope => 2,
        Directive::Route => 3,
        Directive::RequireApproval => 4,
        Directive::RollBack => 5,
    }
}

impl Judgement {
    /// An answer that no policy determined.
    pub fn of(decision: Decision, directive: Directive, reason: ReasonCode) -> Self {
        Self { decision, directive, reason, rules: Vec::new(), errors: Vec::new() }
    }

    /// SILENCE: the tool is not registered.
    pub fn unknown_tool() -> Self {
        Self::of(Decision::Silence, Directive::None, ReasonCode::UnknownTool)
    }

    /// DENY: the engine failed.
    pub fn engine_fault() -> Self {
        Self::of(Decision::Deny, Directive::None, ReasonCode::EngineFault)
    }

    /// DENY: the bundle cannot be used.
    pub fn bundle_fault() -> Self {
        Self::of(Decision::Deny, Directive::None, ReasonCode::BundleFault)
    }

    /// The judgement that follows from the policies that determined an answer and those that failed. Spec: policy-mapping.
    ///
    /// A failed policy denies, for it may have been the one that forbids. A forbid that matches denies. Permits that match permit where none
    /// of them gives a directive; else the strictest directive goes with SILENCE, but an approval of exactly this request answers
    /// `require-approval`. Where nothing matches, SILENCE.
    pub fn from_rules(matched: &[&Rule], mut errors: Vec<Id>, request: &PolicyRequest) -> Self {
        errors.sort();
        let forbids = matched.iter().any(|rule| rule.forbids);
        let mut determining: Vec<&Rule> =
            matched.iter().copied().filter(|rule| rule.forbids == forbids).collect();
        determining.sort_by(|left, right| left.id.cmp(&right.id));
        let strictest = determining.iter().map(|rule| rule.directive).max_by_key(|d| strictness(*d));
        let strictest = strictest.unwrap_or(Directive::None);
        let stated =
            determining.iter().filter(|rule| rule.directive == strictest).find_map(|rule| rule.reason);
        let approved = strictest == Directive::RequireApproval && request.approval.is_some();
        let (decision, directive, reason) = if !errors.is_empty() {
            let directive = if forbids { strictest } else { Directive::None };
            (Decision::Deny, directive, ReasonCode::PolicyError)
        } else if forbids {
            (Decision::Deny, strictest, stated.unwrap_or(ReasonCode::PolicyForbids))
        } else if determining.is_empty() {
            (Decision::Silence, Directive::None, ReasonCode::NoPolicy)
        } else if approved {
            (Decision::Permit, Directive::None, ReasonCode::Approved)
        } else if strictest == Directive::None {
            (Decision::Permit, Directive::None, stated.unwrap_or(ReasonCode::PolicyPermits))
        } else if strictest == Directive::RequireApproval {
            (Decision::Silence, strictest, stated.unwrap_or(ReasonCode::ApprovalNeeded))
        } else if strictest == Directive::NarrowScope {
            (Decision::Silence, strictest, stated.unwrap_or(ReasonCode::Scope))
        } else {
            (Decision::Silence, strictest, stated.unwrap_or(ReasonCode::PolicyPermits))
        };
        let rules = determining.iter().map(|rule| rule.id.clone()).collect();
        Self { decision, directive, reason, rules, errors }
    }

    /// This judgement, no weaker than the risk table asks (RSK-1).
    ///
    /// Only a PERMIT or a SILENCE that shows a way on is raised. An approval of exactly this request, a standing grant or an exception that
    /// covers it answers every control but `deny`.
    #[must_use]
    pub fn raised(self, request: &PolicyRequest) -> Self {
        let answered = request.approval.is_some() || request.grant.is_some() || request.exception.is_some();
        let directive = match request.least {
            Control::None | Control::Log => return self,
            Control::Deny if self.decision == Decision::Deny => return self,
            Control::Deny => {
                return Self {
                    decision: Decision::Deny,
                    directive: Directive::None,
                    reason: ReasonCode::Risk,
                    ..self
                };
            }
            Control::Revise | Control::Narrow | Control::Approve if answered => return self,
            Control::Revise => Directive::Revise,
            Control::Narrow => Directive::NarrowScope,
            Control::Approve => Directive::RequireApproval,
        };
        let shows_a_way = match self.decision {
            Decision::Permit => true,
            Decision::Silence => self.directive != Directive::None,
            Decision::Deny => false,
        };
        if !shows_a_way || strictness(self.directive) >= strictness(directive) {
            return self;
        }
        Self { decision: Decision::Silence, directive, reason: ReasonCode::Risk, ..self }
    }

    /// Whether the policies authorize the action.
    pub fn permits(&self) -> bool {
        self.decision == Decision::Permit
    }
}

#[cfg(test)]
mod tests {
    use rederive_evidence::values::EffectsClass;

    use super::*;
    use crate::request::{ApprovalFact, RunFacts, ToolFacts};

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn request() -> PolicyRequest {
        let run = RunFacts::of_agent(id("t"), id("alice"), id("agent"));
        PolicyRequest::new(run, id("post"), Some(ToolFacts::of(id("mail"), EffectsClass::Send)))
    }

    fn approved() -> PolicyRequest {
        let approval = ApprovalFact { id: id("a"), approver: id("bob"), signed: true };
        PolicyRequest { approval: Some(approval), ..request() }
    }

    fn permit(name: &str, directive: Directive) -> Rule {
        Rule { id: id(name), forbids: false, directive, reason: None, text: None }
    }

    fn forbid(name: &str, directive: Directive) -> Rule {
        Rule { forbids: true, ..permit(name, directive) }
    }

    fn judge(
        matched: &[Rule],
        errors: &[&str],
        request: &PolicyRequest,
    ) -> (Decision, Directive, ReasonCode) {
        let matched: Vec<&Rule> = matched.iter().collect();
        let errors = errors.iter().map(|error| id(error)).collect();
        let judgement = Judgement::from_rules(&matched, errors, request);
        (judgement.decision, judgement.directive, judgement.reason)
    }

    #[test]
    fn each_answer_follows_from_what_matched_and_what_failed() {
        use Decision::{Deny, Permit, Silence};
        use Directive::{None, RequireApproval, RollBack};
        let (plain, held) = (permit("p", None), permit("q", RequireApproval));
        let (no, undo) = (forbid("f", None), forbid("g", RollBack));
        let at = &request();
        assert_eq!(judge(&[], &[], at), (Silence, None, ReasonCode::NoPolicy));
        assert_eq!(judge(std::slice::from_ref(&plain), &[], at), (Permit, None, ReasonCode::PolicyPermits));
        assert_eq!(
            judge(std::slice::from_ref(&held), &[], at),
            (Silence, RequireApproval, ReasonCode::ApprovalNeeded)
        );
        assert_eq!(
            judge(&[plain.clone(), held.clone()], &[], at),
            (Silence, RequireApproval, ReasonCode::ApprovalNeeded)
        );
        assert_eq!(judge(&[plain.clone(), no.clone()], &[], at), (Deny, None, ReasonCode::PolicyForbids));
        assert_eq!(judge(&[no.clone(), undo.clone()], &[], at), (Deny, RollBack, ReasonCode::PolicyForbids));
        assert_eq!(judge(std::slice::from_ref(&plain), &["e"], at), (Deny, None, ReasonCode::PolicyError));
        assert_eq!(judge(std::slice::from_ref(&undo), &["e"], at), (Deny, RollBack, ReasonCode::PolicyError));
        assert_eq!(judge(&[], &["e"], at), (Deny, None, ReasonCode::PolicyError));
    }

    #[test]
    fn an_approval_answers_that_directive_and_no_other_and_no_forbid() {
        let (held, revise) = (permit("q", Directive::RequireApproval), permit("r", Directive::Revise));
        let at = &approved();
        assert_eq!(judge(&[held.clone(), revise.clone()], &[], at).2, ReasonCode::Approved);
        assert_eq!(judge(&[revise], &[], at).0, Decision::Silence);
        assert_eq!(judge(&[held.clone(), forbid("f", Directive::None)], &[], at).0, Decision::Deny);
        assert_eq!(judge(&[held], &["e"], at).0, Decision::Deny);
        assert_eq!(judge(&[], &[], at).0, Decision::Silence);
    }

    #[test]
    fn rules_are_those_that_determined_the_answer_in_order() {
        let rules =
            [permit("p", Directive::None), forbid("g", Directive::None), forbid("f", Directive::None)];
        let matched: Vec<&Rule> = rules.iter().collect();
        let judgement = Judgement::from_rules(&matched, vec![id("y"), id("x")], &request());
        assert_eq!(judgement.rules, [id("f"), id("g")]);
        assert_eq!(judgement.errors, [id("x"), id("y")]);
    }

    #[test]
    fn the_reason_is_that_of_the_first_rule_with_the_directive_that_stands() {
        let with = |rule: Rule, reason| Rule { reason: Some(reason), ..rule };
        let rules = [
            with(permit("a", Directive::None), ReasonCode::StandingGrant),
            with(permit("c", Directive::RequireApproval), ReasonCode::Limit),
            with(permit("b", Directive::RequireApproval), ReasonCode::Risk),
        ];
        assert_eq!(judge(&rules, &[], &request()).2, ReasonCode::Risk);
        assert_eq!(judge(&rules[..1], &[], &request()).2, ReasonCode::StandingGrant);
    }

    #[test]
    fn the_risk_table_raises_permits_and_weaker_directives_and_nothing_else() {
        use Decision::{Deny, Permit, Silence};
        let raised = |decision, directive, least, request: PolicyRequest| {
            let from = Judgement::of(decision, directive, ReasonCode::PolicyPermits);
            let to = from.raised(&PolicyRequest { least, ..request });
            (to.decision, to.directive)
        };
        let (none, approval) = (Directive::None, Directive::RequireApproval);
        for least in [Control::None, Control::Log] {
            assert_eq!(raised(Permit, none, least, request()), (Permit, none));
        }
        assert_eq!(raised(Permit, none, Control::Revise, request()), (Silence, Directive::Revise));
        assert_eq!(raised(Permit, none, Control::Narrow, request()), (Silence, Directive::NarrowScope));
        assert_eq!(raised(Permit, none, Control::Approve, request()), (Silence, approval));
        assert_eq!(raised(Permit, none, Control::Deny, request()), (Deny, none));
        assert_eq!(raised(Silence, Directive::Revise, Control::Approve, request()), (Silence, approval));
        assert_eq!(raised(Silence, approval, Control::Revise, request()), (Silence, approval));
        assert_eq!(raised(Silence, none, Control::Approve, request()), (Silence, none));
        assert_eq!(raised(Deny, Directive::RollBack, Control::Deny, request()), (Deny, Directive::RollBack));
        assert_eq!(raised(Permit, none, Control::Approve, approved()), (Permit, none));
        assert_eq!(raised(Permit, none, Control::Deny, approved()), (Deny, none));
        let granted = PolicyRequest { grant: Some(id("g")), ..request() };
        assert_eq!(raised(Permit, none, Control::Approve, granted), (Permit, none));
    }
}
