//! One line that says what a record is about.

use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{DecisionMade, Directive};
use rederive_evidence::kinds::memory::MemoryKey;
use rederive_evidence::schema::Given;

/// What a record says: words from its body, and the content that says the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gist {
    /// Words from the body.
    pub(crate) words: String,
    /// The content to quote after them.
    pub(crate) quoted: Option<Content>,
}

fn of(words: impl Into<String>, quoted: Option<Content>) -> Gist {
    Gist { words: words.into(), quoted }
}

fn given<T: std::fmt::Display>(value: &Given<T>) -> String {
    value.known().map(ToString::to_string).unwrap_or_default()
}

fn item(key: &MemoryKey) -> String {
    format!("{}/{}/{}", key.scope, key.namespace, key.name)
}

fn names(ids: &[Id]) -> String {
    ids.iter().map(Id::as_str).collect::<Vec<_>>().join(", ")
}

/// What was answered, why, and by which rules. The request is named where there is no call, whose place would stand beside it.
fn decided(body: &DecisionMade) -> String {
    let mut words = body.decision.to_string();
    if body.directive != Directive::None {
        words.push_str(&format!(" {}", body.directive));
    }
    words.push_str(&format!(": {}", body.reason));
    if !body.rules.is_empty() {
        words.push_str(&format!(" by {}", names(&body.rules)));
    }
    if body.request.call.is_none() {
        words.push_str(&format!(", of {}", body.request.id));
    }
    format!("{words}; {}", body.enforcement)
}

/// The gist of a body.
pub(crate) fn gist(body: &Body) -> Gist {
    match body {
        Body::RunOpened(body) => {
            let words = format!("{}, agent {} for {}", body.mode, body.persona.id, body.principal.id);
            of(words, body.goal.known().copied())
        }
        Body::RunClosed(body) => of(body.end.name(), body.reason),
        Body::PlanProposed(body) => of("", Some(body.plan)),
        Body::PlanChecked(body) => of(format!("plan {}: {}", body.plan.0, body.verdict), body.reason),
        Body::PlanRevised(body) => of(format!("instead of plan {}", body.plan.0), Some(body.revised)),
        Body::PromptGiven(body) => of(body.role.name(), Some(body.message)),
        Body::PromptSent(body) => {
            let kept: u64 = body.kept.iter().map(|kept| u64::from(kept.count)).sum();
            let new = body.parts.len();
            of(
                format!("to {}: {kept} kept, {new} new", body.model),
                body.parts.last().map(|part| part.content),
            )
        }
        Body::PromptAnswered(body) => {
            let calls = match body.calls {
                0 => String::new(),
                1 => "1 call".to_owned(),
                calls => format!("{calls} calls"),
            };
            of(calls, body.raw.known().copied())
        }
        Body::ContextRetrieved(body) => of(given(&body.source), Some(body.item)),
        Body::ContextSummarised(body) => of(format!("{} items", body.items.len()), Some(body.summary)),
        Body::ContextBlocked(body) => of(body.reason.name(), None),
        Body::DecisionMade(body) => of(decided(body), None),
        Body::GuardrailDetected(body) => {
            let classes: Vec<_> = body.classes.iter().map(|class| class.name()).collect();
            let found = if classes.is_empty() { "nothing".to_owned() } else { classes.join(", ") };
            of(format!("{}: {found}", body.rule), body.detail)
        }
        Body::GuardrailTransformed(body) => of(body.rule.as_str(), Some(body.transformed)),
        Body::GuardrailBlocked(body) => of(format!("{}: {}", body.rule, body.reason), body.notice),
        Body::ToolRegistered(body) => of(format!("{} {}", body.tool, given(&body.effects)), body.description),
        Body::ToolProposed(body) => of(body.tool.as_str(), body.arguments.known().copied()),
        Body::ToolValidated(body) => of(body.tool.as_str(), None),
        Body::ToolRequested(body) => of(body.request.as_str(), None),
        Body::ToolPreviewed(body) => of("", Some(body.diff)),
        Body::ToolDispatched(body) => of(body.tool.as_str(), None),
        Body::ToolReturned(body) => of("", Some(body.result)),
        Body::ToolFailed(body) => of(body.class.name(), body.error.or(body.result)),
        Body::ToolBlocked(body) => of(body.reason.name(), body.notice),
        Body::ToolUnknown(body) => of(body.reason.name(), None),
        Body::CredentialIssued(body) => {
            of(format!("{} for {}", body.credential, names(&body.surfaces)), None)
        }
        Body::CredentialUsed(body) => of(format!("{} on {}", body.credential, given(&body.surface)), None),
        Body::CredentialRevoked(body) => of(format!("{}: {}", body.credential, body.reason), body.detail),
        Body::CredentialExpired(body) => of(body.credential.as_str(), None),
        Body::ApprovalRequested(body) => of(format!("{} for {}", body.approval, body.request), None),
        Body::ApprovalEvidence(body) => of(body.approval.as_str(), body.action.known().copied()),
        Body::ApprovalUnderReview(body) => of(format!("{} by {}", body.approval, body.reviewer), None),
        Body::ApprovalApproved(body) => of(format!("{} by {}", body.approval, body.word.approver), None),
        Body::ApprovalDenied(body) => {
            of(format!("{} by {}", body.approval, body.word.approver), body.reason.known().copied())
        }
        Body::ApprovalRevised(body) => {
            of(format!("{} by {}", body.approval, body.word.approver), body.changes.known().copied())
        }
        Body::ApprovalExpired(body) => of(body.approval.as_str(), None),
        Body::ApprovalWithdrawn(body) => of(body.approval.as_str(), body.reason),
        Body::ApprovalLogged(body) => of(format!("{}: record {}", body.approval, body.answer.0), None),
        Body::MemoryWritten(body) => of(item(&body.item), Some(body.value)),
        Body::MemoryRead(body) => of(item(&body.item), body.value),
        Body::MemoryDeleted(body) => of(item(&body.item), body.reason),
        Body::MemoryExpired(body) => of(item(&body.item), None),
        Body::OutputProduced(body) => of("", Some(body.output)),
        Body::OutputReleased(body) => {
            let recipients: Vec<_> = body.recipients.iter().map(|recipient| recipient.id.as_str()).collect();
            of(format!("to {}", recipients.join(", ")), None)
        }
        Body::OutputBlocked(body) => of(body.reason.name(), None),
        Body::EffectPlanned(body) => {
            of(format!("{} {}", body.effect, body.action), body.expected.known().copied())
        }
        Body::EffectExecuted(body) => of(body.effect.as_str(), body.observed.known().copied()),
        Body::EffectVerified(body) => of(format!("{}: {}", body.effect, body.result), None),
        Body::EffectReverted(body) => of(body.effect.as_str(), body.detail),
        Body::EffectQuarantined(body) => of(body.effect.as_str(), body.detail),
        Body::EffectCompensated(body) => of(body.effect.as_str(), body.detail),
        Body::EffectNotified(body) => of(format!("{} to {}", body.effect, body.owner), body.notice),
        Body::DelegationGranted(body) => {
            of(format!("{} to {}", body.delegation, body.delegate.id), body.task)
        }
        Body::HandedOff(body) => {
            of(format!("{} to {}", given(&body.from), given(&body.to)), Some(body.message))
        }
        Body::DelegationEnded(body) => of(body.delegation.as_str(), None),
        Body::PolicyPinned(body) => {
            let name = body.name.as_ref().map_or_else(|| short(&body.bundle.to_hex()), ToString::to_string);
            of(format!("{name} under {}", given(&body.engine)), None)
        }
        Body::PolicyChanged(body) => {
            let changed = [("bundle", &body.bundle), ("registry", &body.registry)];
            let words: Vec<_> = changed
                .into_iter()
                .filter_map(|(name, digest)| {
                    digest.as_ref().map(|digest| format!("{name} {}", short(&digest.to_hex())))
                })
                .collect();
            of(words.join(", "), body.reason)
        }
        Body::ExceptionGranted(body) => {
            of(format!("{} by {}", body.exception, body.approver), body.reason.known().copied())
        }
        Body::ExceptionEnded(body) => of(body.exception.as_str(), None),
        Body::RiskAccepted(body) => {
            of(format!("{} by {}", body.risk, body.owner), body.reason.known().copied())
        }
        Body::ReviewHeld(body) => of(format!("{} by {}", body.review, body.reviewer), body.findings),
        Body::EvaluationAttached(body) => of(body.evaluation.as_str(), Some(body.result)),
        Body::IncidentOpened(body) => of(body.incident.as_str(), Some(body.description)),
        Body::IncidentClosed(body) => of(body.incident.as_str(), body.resolution),
        Body::LimitRead(body) => {
            of(format!("{} {}: {} of {}", body.counter, body.kind, body.value, body.limit), None)
        }
    }
}

/// The first eight digits of a digest.
fn short(hex: &str) -> String {
    hex.get(..8).unwrap_or(hex).to_owned()
}
