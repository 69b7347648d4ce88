//! The kinds of record: what each says, and what a reader looks at next.

use rederive_evidence::kinds::Kind;

/// What a record of this kind says, and what to look at next.
pub(super) const fn words(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::RunOpened => (
            "a run begins: who acts for whom, for what goal, under which policy bundle, limits and scope",
            "every later record is judged against it; `rederive show FILE --record 0` has all of it",
        ),
        Kind::RunClosed => (
            "the run ends: completed, aborted or failed",
            "nothing may follow it; the seal signs all up to it",
        ),
        Kind::PlanProposed => (
            "the agent states what it means to do",
            "the plan.checked behind it says whether the task covers it",
        ),
        Kind::PlanChecked => (
            "a plan was compared with the approved task",
            "a plan that departs is not to be acted on (GRD-4)",
        ),
        Kind::PlanRevised => {
            ("a new plan takes the place of an earlier one", "it is checked again before anything follows it")
        }
        Kind::PromptGiven => (
            "an instruction or message reached the run, in the role that it names",
            "a user's messages are what the standing grant of a what-if goes by",
        ),
        Kind::PromptSent => (
            "the model was sent a prompt: what was kept of an earlier one, and what is new",
            "its parts name the records that they came from, and those have to be among its causes (PRM-1)",
        ),
        Kind::PromptAnswered => (
            "the model answered, and asked for so many calls",
            "a tool.proposed for each of those calls follows, numbered from 0 in this turn",
        ),
        Kind::ContextRetrieved => {
            ("a document, row or page was fetched for the model", "its label says how far it may be believed")
        }
        Kind::ContextSummarised => {
            ("one text was made of several items", "it is no more to be believed than the least of them")
        }
        Kind::ContextBlocked => {
            ("an item was kept from the model", "nothing later may rest on it; its reason says why")
        }
        Kind::DecisionMade => (
            "the gate answered a request: PERMIT, DENY or SILENCE, under which rules, and on what it relied",
            "`rederive verify` checks its receipt, `rederive replay --level policy` makes it again",
        ),
        Kind::GuardrailDetected => {
            ("a guardrail found something in a content", "policies see the class as `context.detected`")
        }
        Kind::GuardrailTransformed => (
            "a guardrail put another form in the place of a content",
            "from here on only the new form may be used (GRD-1)",
        ),
        Kind::GuardrailBlocked => ("a guardrail stopped a content", "it may enter nothing later (GRD-1)"),
        Kind::ToolRegistered => (
            "a tool may be called: its schema, surface, class of effect and label of its results",
            "a call of anything else is a breach of TOL-1",
        ),
        Kind::ToolProposed => (
            "the model, or a workflow, asks for a call: nothing has happened yet",
            "`--causes N` shows what led to it; the call's later records have its place, turn.index",
        ),
        Kind::ToolValidated => (
            "the broker found the tool registered and the arguments as its schema has them",
            "tool.requested is the next step",
        ),
        Kind::ToolRequested => ("the broker asked the gate for this call", "decision.made answers it"),
        Kind::ToolPreviewed => {
            ("the tool said what the call would change", "an approver has to be shown it (TOL-6)")
        }
        Kind::ToolDispatched => (
            "the tool is called: the record is durable before it is, and needs a live PERMIT for exactly this request",
            "tool.returned, tool.failed or tool.unknown ends it",
        ),
        Kind::ToolReturned => (
            "the call ended, and this came back",
            "what it says is data from outside, with the label that the registry or the broker gives it",
        ),
        Kind::ToolFailed => (
            "the call ended in an error",
            "whether something happened all the same, only the system called can say",
        ),
        Kind::ToolBlocked => (
            "the call ended without being made",
            "its reason says who stopped it; the notice is what the planner was told",
        ),
        Kind::ToolUnknown => (
            "the call was dispatched, and nobody can say how it ended",
            "look into the system that it was for; it is never dispatched again but as a new call with a new decision",
        ),
        Kind::CredentialIssued => (
            "a credential was made, for a scope, an approval or one call, until a time",
            "the secret itself is in no trace",
        ),
        Kind::CredentialUsed => (
            "a call used a credential",
            "only the call that it is bound to may use it, and only while it is in force (CRD-2)",
        ),
        Kind::CredentialRevoked => {
            ("a credential ended early", "a dispatch that relies on it is blocked from here on")
        }
        Kind::CredentialExpired => {
            ("a credential's time is over", "a dispatch that relies on it is blocked from here on")
        }
        Kind::ApprovalRequested => (
            "a person is asked about a request",
            "approval.evidence-assembled has the page that they are shown",
        ),
        Kind::ApprovalEvidence => (
            "what the approver is shown, put together from the records and not by the agent",
            "its last content is the page; its commitment is what the approver signs",
        ),
        Kind::ApprovalUnderReview => {
            ("somebody is looking at a request", "their word is the next record of this approval")
        }
        Kind::ApprovalApproved => (
            "an approver said yes, to this request as it was shown",
            "the request is decided again; only that PERMIT lets it go ahead, once",
        ),
        Kind::ApprovalDenied => {
            ("an approver said no", "the call is blocked, and the planner is told the reason")
        }
        Kind::ApprovalRevised => {
            ("an approver wants another request", "what is asked for then is a new call of the same approval")
        }
        Kind::ApprovalExpired => ("nobody answered in time", "the call is blocked"),
        Kind::ApprovalWithdrawn => ("nobody wants the answer any more", "the call is blocked"),
        Kind::ApprovalLogged => {
            ("a life of an approval is at its end, and on record", "its reference is the word that ended it")
        }
        Kind::MemoryWritten => (
            "something was kept for later: scope, owner, expiry",
            "the item keeps the label of all that influenced it",
        ),
        Kind::MemoryRead => ("something kept earlier came back", "what rests on it has its label"),
        Kind::MemoryDeleted => (
            "an item of memory was deleted",
            "`rederive prove --memory` shows that it is not there at the end",
        ),
        Kind::MemoryExpired => ("an item of memory is past its time", "nothing may read it from here on"),
        Kind::OutputProduced => {
            ("the agent has an answer or document ready", "it leaves only with output.released")
        }
        Kind::OutputReleased => (
            "an output went to its recipients",
            "what it carries must be inspected, and cleared for them (OUT-4)",
        ),
        Kind::OutputBlocked => ("an output was kept back", "its reason says why"),
        Kind::EffectPlanned => (
            "what a call should change in a system, and how it is undone or contained",
            "downstream.executed and downstream.verified tell what came of it",
        ),
        Kind::EffectExecuted => {
            ("what the system says was changed", "downstream.verified compares it with what was planned")
        }
        Kind::EffectVerified => (
            "the effect was compared with the one expected",
            "an effect that does not match is open until it is undone, contained or told (OUT-2)",
        ),
        Kind::EffectReverted => ("an effect was undone", "its call stays on record"),
        Kind::EffectQuarantined => (
            "an effect was contained, so that it goes no further",
            "somebody still has to decide what becomes of it",
        ),
        Kind::EffectCompensated => {
            ("an effect that cannot be undone was made up for", "its call stays on record")
        }
        Kind::EffectNotified => {
            ("whoever answers for an outcome was told of it", "what they do is outside of the trace")
        }
        Kind::DelegationGranted => (
            "another agent may act: for a task, within a scope, until a time",
            "its scope may be no wider than the giver's (IDN-3)",
        ),
        Kind::HandedOff => (
            "one agent gave another a message",
            "the message is data with its label, no instruction of the user's (HND-1)",
        ),
        Kind::DelegationEnded => {
            ("a delegation is over", "the delegate may make nothing more under it (IDN-4)")
        }
        Kind::PolicyPinned => (
            "the gate loaded a policy bundle",
            "decisions pin it by this digest; `rederive replay --bundles DIR` needs it",
        ),
        Kind::PolicyChanged => (
            "another bundle or registry is in force from here on",
            "permits under the former one are not live any more",
        ),
        Kind::ExceptionGranted => (
            "somebody allowed, for a time, what a rule or policy would not",
            "its approver and reason are in the record",
        ),
        Kind::ExceptionEnded => ("an exception is over", "what relied on it is blocked from here on"),
        Kind::RiskAccepted => {
            ("somebody answers for a risk that stays", "its owner and reason are in the record")
        }
        Kind::ReviewHeld => ("a person looked at the run", "their findings are its content"),
        Kind::EvaluationAttached => ("a measurement of the run or its model", "its result is its content"),
        Kind::IncidentOpened => (
            "something went wrong, and somebody has to look at it; by the gate: calls were turned away while nothing could be recorded",
            "its description says what; governance.incident-closed ends it",
        ),
        Kind::IncidentClosed => ("an incident is over", "its resolution is its content"),
        Kind::LimitRead => (
            "a counter outside of the run was read: spend, rate or the like",
            "the rules LIM hold the run to the limit beside it",
        ),
    }
}
