//! Records that only some tests need, beside those of `testing`.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, RecordRef};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{ApprovalApproved, ApprovalRequested, ApproverWord};
use rederive_evidence::kinds::context::{ContextBlocked, ContextRetrieved, ContextSummarised};
use rederive_evidence::kinds::credential::{
    CredentialIssued, CredentialRevoked, CredentialType, RevokeReason, SecretHandling,
};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::delegation::{DelegationEnded, DelegationGranted, HandedOff};
use rederive_evidence::kinds::downstream::{EffectExecuted, EffectReverted};
use rederive_evidence::kinds::governance::{ExceptionEnded, ExceptionGranted};
use rederive_evidence::kinds::guardrail::{
    BlockReason, DetectedClass, GuardrailBlocked, GuardrailDetected, GuardrailTransformed,
};
use rederive_evidence::kinds::limit::{LimitKind, LimitRead};
use rederive_evidence::kinds::memory::{EarlierItem, MemoryRead, MemoryScope, MemoryWritten};
use rederive_evidence::kinds::output::{OutputProduced, OutputReleased};
use rederive_evidence::kinds::plan::{PlanChecked, PlanProposed, PlanVerdict};
use rederive_evidence::kinds::policy::{PolicyChanged, PolicyPinned};
use rederive_evidence::kinds::prompt::{PromptAnswered, PromptSent};
use rederive_evidence::kinds::tool::{
    FailureClass, ToolBlocked, ToolDispatched, ToolFailed, ToolPreviewed, ToolProposed, ToolRegistered,
    ToolUnknown, ToolValidated, UnknownReason,
};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, EffectsClass, Label, Layer, Place, ScopeItem, Sensitivity, Trust,
};
use rederive_machine::testing::*;

/// Changes the body where it is of this type.
macro_rules! body_of {
    ($name:ident, $variant:ident: $body:ty) => {
        pub(crate) fn $name(mut made: Made, change: impl FnOnce(&mut $body)) -> Made {
            let Body::$variant(body) = &mut made.input.body else { panic!("another body") };
            change(body);
            made
        }
    };
}

body_of!(with_retrieval, ContextRetrieved: ContextRetrieved);
body_of!(with_prompt, PromptSent: PromptSent);
body_of!(with_answer, PromptAnswered: PromptAnswered);
body_of!(with_tool, ToolRegistered: ToolRegistered);
body_of!(with_proposal, ToolProposed: ToolProposed);
body_of!(with_validation, ToolValidated: ToolValidated);
body_of!(with_dispatch, ToolDispatched: ToolDispatched);
body_of!(with_decision, DecisionMade: DecisionMade);
body_of!(with_writing, MemoryWritten: MemoryWritten);
body_of!(with_delegation, DelegationGranted: DelegationGranted);
body_of!(with_message, HandedOff: HandedOff);

/// A trial that is judged by the rules of these layers alone.
pub(crate) fn judged_by(layers: &[Layer]) -> Trial {
    Trial::opened(|opening| opening.layers = layers.to_vec())
}

/// The place of another agent.
pub(crate) fn place_of(agent: &str, turn: u32, index: u16) -> Place {
    Place { agent: id(agent), ..place(turn, index) }
}

/// The next attempt of a place.
pub(crate) fn retry(place: &Place) -> Place {
    Place { attempt: place.attempt + 1, ..place.clone() }
}

pub(crate) const SECRET: Label = label(Trust::Internal, Sensitivity::Restricted);
pub(crate) const OUTSIDE: Label = label(Trust::External, Sensitivity::Internal);

pub(crate) fn plan() -> Made {
    Made::new("agent", PlanProposed { plan: Content(0), steps: Some(2) }).with(["a plan"]).because([0])
}

/// `context.retrieved`, with this label.
pub(crate) fn retrieval_labelled(text: &str, label: Label) -> Made {
    with_retrieval(retrieval(text), |body| body.label = Given::Known(label))
}

pub(crate) fn summary(text: &str, of: &[&str]) -> Made {
    let items = of.iter().map(|text| commitment(text)).collect();
    Made::new("service", ContextSummarised { summary: Content(0), items, model: None }).with([text])
}

pub(crate) fn withholding(text: &str) -> Made {
    let reason = BlockReason::Tenant;
    Made::new("guard", ContextBlocked { item: commitment(text), record: None, reason })
}

pub(crate) fn blocking(text: &str) -> Made {
    let body = GuardrailBlocked {
        rule: id("no-secrets"),
        version: None,
        inspected: commitment(text),
        record: None,
        reason: BlockReason::Guardrail,
        notice: None,
    };
    Made::new("guard", body)
}

pub(crate) fn masking(text: &str, masked: &str, label: Option<Label>) -> Made {
    let body = GuardrailTransformed {
        rule: id("mask"),
        version: None,
        inspected: commitment(text),
        record: None,
        transformed: Content(0),
        label,
    };
    Made::new("guard", body).with([masked])
}

pub(crate) fn detection(record: Option<u64>) -> Made {
    let body = GuardrailDetected {
        rule: id("mask"),
        version: None,
        inspected: commitment("anything"),
        record: record.map(RecordRef),
        classes: vec![DetectedClass::Personal],
        detail: None,
    };
    Made::new("guard", body)
}

pub(crate) fn preview(place: &Place) -> Made {
    Made::new("broker", ToolPreviewed { diff: Content(0) }).with(["a diff"]).at(place.clone())
}

pub(crate) fn failure(place: &Place) -> Made {
    let class = FailureClass::Tool;
    let body = ToolFailed { class, error: None, result: None, duration_us: None, call_id: None };
    Made::new("broker", body).at(place.clone())
}

pub(crate) fn block(place: &Place) -> Made {
    let body = ToolBlocked { reason: BlockReason::Decision, notice: None };
    Made::new("broker", body).at(place.clone())
}

pub(crate) fn unknown_end(place: &Place) -> Made {
    Made::new("recorder", ToolUnknown { reason: UnknownReason::Crash }).at(place.clone())
}

pub(crate) fn approval_request() -> Made {
    let body = ApprovalRequested {
        approval: id("approval-1"),
        request: id("request-1"),
        call: None,
        covers: Digest::ZERO,
        expires: Given::Absent,
    };
    Made::new("gate", body).because([0])
}

pub(crate) fn approving() -> Made {
    let word = ApproverWord { approver: id("approver"), shown: Given::Absent, signature: None };
    Made::new("approver", ApprovalApproved { approval: id("approval-1"), word })
        .from(rederive_evidence::values::Origin::Human)
}

/// `credential.issued`, for an hour.
pub(crate) fn issuing() -> Made {
    let body = CredentialIssued {
        credential: id("key-1"),
        credential_type: CredentialType::Token,
        scope: vec![],
        surfaces: vec![],
        expires: Given::Known(START.plus_ms(3_600_000)),
        call: None,
        approval: None,
        handling: Given::Known(SecretHandling::BrokerHeld),
    };
    Made::new("vault", body).because([0])
}

pub(crate) fn revoking() -> Made {
    let body = CredentialRevoked { credential: id("key-1"), reason: RevokeReason::Done, detail: None };
    Made::new("vault", body)
}

pub(crate) fn effect(call: &Place) -> Made {
    let body = EffectExecuted {
        effect: id("effect-1"),
        call: call.clone(),
        observed: Given::Absent,
        amount_micros: None,
    };
    Made::new("mailer", body)
}

pub(crate) fn reverting() -> Made {
    Made::new("mailer", EffectReverted { effect: id("effect-1"), detail: None })
}

pub(crate) fn producing(text: &str) -> Made {
    Made::new("agent", OutputProduced { output: Content(0) }).with([text])
}

pub(crate) fn releasing(text: &str, bytes: u64) -> Made {
    let body = OutputReleased { output: commitment(text), recipients: vec![], bytes_out: Some(bytes) };
    Made::new("agent", body)
}

pub(crate) fn reading_limit(kind: LimitKind, value: u64, limit: u64) -> Made {
    Made::new("gate", LimitRead { counter: id("fleet"), kind, value, limit })
}

/// `memory.read` of the item "fact".
pub(crate) fn reading(scope: MemoryScope, value: Option<&str>) -> Made {
    let item = memory_key(scope, "fact");
    let body = MemoryRead { item, value: value.map(|_| Content(0)), earlier: None };
    Made::new("agent", body).with(value)
}

/// `memory.read` of an item that an earlier run wrote.
pub(crate) fn reading_earlier(scope: MemoryScope, value: &str, is_proven: bool) -> Made {
    let earlier = EarlierItem {
        run: rederive_evidence::ids::RunId([9; 16]),
        record: 4,
        commitment: commitment(value),
        proof: is_proven.then_some(Content(1)),
    };
    let body =
        MemoryRead { item: memory_key(scope, "fact"), value: Some(Content(0)), earlier: Some(earlier) };
    Made::new("agent", body).with([value, "a proof"])
}

/// `delegation.granted` by `from` to the sub-agent `to`, which may search, for half an hour.
pub(crate) fn delegation(from: &str, to: &str, scope: Vec<ScopeItem>) -> Made {
    let delegate = Actor { id: id(to), actor_type: ActorType::SubAgent, key: None, owner: None, scope: None };
    let body = DelegationGranted {
        delegation: id(&format!("{from}-to-{to}")),
        delegate,
        scope,
        expires: Given::Known(START.plus_ms(1_800_000)),
        tenant: id(TENANT),
        task: None,
    };
    Made::new(from, Box::new(body)).because([0])
}

pub(crate) fn searching() -> Vec<ScopeItem> {
    vec![scope_item("search", EffectsClass::Read)]
}

pub(crate) fn ending(delegation: &str) -> Made {
    Made::new("agent", DelegationEnded { delegation: id(delegation) })
}

pub(crate) fn pinning(bundle: &str, engine: &str) -> Made {
    let body = PolicyPinned {
        bundle: commitment(bundle),
        name: None,
        version: None,
        engine: Given::Known(id(engine)),
        engine_version: Given::Known(id("4")),
    };
    Made::new("gate", body)
}

pub(crate) fn changing(bundle: &str) -> Made {
    let body = PolicyChanged { bundle: Some(commitment(bundle)), registry: None, reason: None };
    Made::new("administrator", body).because([0])
}

/// An exception for searches, for an hour.
pub(crate) fn excepting(change: impl FnOnce(&mut ExceptionGranted)) -> Made {
    let mut body = ExceptionGranted {
        exception: id("exception-1"),
        approver: id("approver"),
        reason: Given::Known(Content(0)),
        scope: searching(),
        expires: Given::Known(START.plus_ms(3_600_000)),
    };
    change(&mut body);
    Made::new("approver", body).with(["why not"]).because([0])
}

pub(crate) fn unexcepting(name: &str) -> Made {
    Made::new("approver", ExceptionEnded { exception: id(name) })
}

pub(crate) fn plan_checked(plan: u64, verdict: PlanVerdict) -> Made {
    Made::new("guard", PlanChecked { plan: RecordRef(plan), verdict, rule: None, reason: None })
}
