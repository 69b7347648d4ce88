//! Runs that tests record: small, readable, and each with a way to go wrong.

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Id, PublicKey, RecordRef, RecordedTime, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::decision::{
    Decision, DecisionMade, Directive, Enforcement, ReasonCode, Request,
};
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{
    ToolDispatched, ToolProposed, ToolRegistered, ToolRequested, ToolReturned, ToolValidated,
};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::*;

/// The identifier `text`.
pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// Records that a turn of [`observed`] makes, beside the opening and the closing one.
pub(crate) const RECORDS_A_TURN: u64 = 5;
/// Records that a turn of [`enforced`] makes, beside the opening, the registration and the closing one.
pub(crate) const RECORDS_AN_ENFORCED_TURN: u64 = 9;

/// Drafts of an observed run with this many turns: a user asks, the model calls a tool, the tool answers.
pub(crate) fn observed(turns: u32) -> Vec<Draft> {
    let last = u64::from(turns) * RECORDS_A_TURN;
    let mut drafts: Vec<Draft> = observed_on_and_on().take(last as usize + 1).collect();
    drafts.push(closing(last, u64::from(turns) * 10));
    drafts
}

/// Drafts of an observed run that has no end.
pub(crate) fn observed_on_and_on() -> impl Iterator<Item = Draft> {
    let turns = (0..).flat_map(|turn| observed_turn(turn, 1 + u64::from(turn) * RECORDS_A_TURN));
    std::iter::once(opening(Mode::Observed)).chain(turns)
}

/// The records of one turn of [`observed`], the first with number `first`.
fn observed_turn(turn: u32, first: u64) -> [Draft; RECORDS_A_TURN as usize] {
    let place = Place { agent: id("agent"), turn, index: 0, attempt: 0 };
    let at = |draft: &mut Draft, causes: &[u64], second: u64| {
        draft.place = Some(place.clone());
        draft.causes = Causes::of(causes.iter().copied());
        draft.time = Some(time(u64::from(turn) * 10 + second));
    };
    let mut given =
        Draft::new(id("user"), Origin::Human, PromptGiven { role: Role::User, message: content(0) });
    given.content(MediaType::Text, format!("question {turn}")).unwrap();
    at(&mut given, &[0], 0);
    let part = Part { role: Role::User, content: content(0), from: Some(RecordRef(first)) };
    let mut sent = Draft::new(
        id("agent"),
        Origin::Code,
        PromptSent {
            model: id("model"),
            extends: None,
            kept: vec![],
            parts: vec![part],
            tools: vec![id("search")],
            parameters: None,
        },
    );
    sent.content(MediaType::Text, format!("question {turn}")).unwrap();
    at(&mut sent, &[first], 1);
    let mut answered = Draft::new(
        id("agent"),
        Origin::Model,
        PromptAnswered { version: Given::Absent, stop: Given::Absent, ..answer(Some(RecordRef(first + 1))) },
    );
    answered.content(MediaType::Text, format!("calling search for {turn}")).unwrap();
    at(&mut answered, &[first + 1], 2);
    let mut proposed = Draft::new(id("agent"), Origin::Model, proposal());
    proposed.content(MediaType::Json, format!("{{\"query\":\"{turn}\"}}")).unwrap();
    at(&mut proposed, &[first + 2], 3);
    let mut returned = Draft::new(id("broker"), Origin::Tool, result());
    returned.content(MediaType::Text, format!("result {turn}")).unwrap();
    at(&mut returned, &[first + 3], 4);
    [given, sent, answered, proposed, returned]
}

/// The draft that closes a run after the record `last`.
pub(crate) fn closing(last: u64, second: u64) -> Draft {
    let mut closed =
        Draft::new(id("recorder"), Origin::Code, RunClosed { end: RunEnd::Completed, reason: None });
    closed.causes = Causes::of([last]);
    closed.time = Some(time(second));
    closed
}

const SCHEMA: &str = r#"{"type":"object","required":["query"],"properties":{"query":{"type":"string"}}}"#;

/// Drafts of an enforced run that keeps every rule, with this many turns: a user asks, the model proposes a call, and it goes through broker
/// and gate to its result. `commitment` gives the commitments of the run that the drafts are for.
pub(crate) fn enforced(turns: u32, commitment: impl Fn(&[u8]) -> Digest) -> Vec<Draft> {
    let mut drafts = vec![opening(Mode::Enforced), registration()];
    for turn in 0..turns {
        let first = drafts.len() as u64;
        drafts.extend(enforced_turn(turn, first, &commitment));
    }
    drafts.push(closing(drafts.len() as u64 - 1, u64::from(turns) * 10));
    drafts
}

/// The draft that registers the tool `search` with a schema.
pub(crate) fn registration() -> Draft {
    let body = ToolRegistered {
        tool: id("search"),
        version: Given::Known(id("1")),
        schema: Given::Known(content(0)),
        surface: Given::Known(id("web")),
        effects: Given::Known(EffectsClass::Read),
        reversible: Given::Known(true),
        preview: false,
        result_label: Given::Known(Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal }),
        description: None,
        clearance: None,
        sandbox: None,
        credential: None,
    };
    let mut draft = Draft::new(id("operator"), Origin::Code, Box::new(body));
    draft.content(MediaType::Json, SCHEMA).unwrap();
    draft.causes = Causes::of([0]);
    draft.time = Some(time(0));
    draft
}

/// Actor, origin, body and contents of a record.
type Step<'a> = (&'a str, Origin, Body, Vec<(MediaType, String)>);

/// The records of one turn of [`enforced`], the first with number `first`.
pub(crate) fn enforced_turn(turn: u32, first: u64, commitment: impl Fn(&[u8]) -> Digest) -> Vec<Draft> {
    let place = Place { agent: id("agent"), turn, index: 0, attempt: 0 };
    let arguments = format!("{{\"query\":\"{turn}\"}}");
    let committed = commitment(arguments.as_bytes());
    let question = format!("question {turn}");
    let request = id(&format!("request-{turn}"));
    let part = Part { role: Role::User, content: content(0), from: Some(RecordRef(first)) };
    let steps: Vec<Step<'_>> = vec![
        (
            "user",
            Origin::Human,
            PromptGiven { role: Role::User, message: content(0) }.into(),
            vec![(MediaType::Text, question.clone())],
        ),
        (
            "agent",
            Origin::Code,
            PromptSent {
                model: id("model"),
                extends: None,
                kept: vec![],
                parts: vec![part],
                tools: vec![id("search")],
                parameters: None,
            }
            .into(),
            vec![(MediaType::Text, question)],
        ),
        (
            "agent",
            Origin::Model,
            answer(Some(RecordRef(first + 1))).into(),
            vec![(MediaType::Text, format!("calling search for {turn}"))],
        ),
        ("agent", Origin::Model, proposal().into(), vec![(MediaType::Json, arguments)]),
        (
            "broker",
            Origin::Code,
            ToolValidated {
                tool: id("search"),
                version: Given::Known(id("1")),
                schema: Given::Known(commitment(SCHEMA.as_bytes())),
                arguments: committed,
            }
            .into(),
            vec![],
        ),
        (
            "broker",
            Origin::Code,
            ToolRequested { request: request.clone(), arguments: committed, target: None }.into(),
            vec![],
        ),
        ("gate", Origin::Code, Box::new(permit(&place, request, committed)).into(), vec![]),
        (
            "broker",
            Origin::Code,
            ToolDispatched {
                tool: id("search"),
                arguments: committed,
                target: None,
                idempotency: None,
                sandbox: None,
                bytes_out: None,
            }
            .into(),
            vec![],
        ),
        ("broker", Origin::Tool, result().into(), vec![(MediaType::Text, format!("result {turn}"))]),
    ];
    let made = steps.into_iter().zip(0..).map(|((actor, origin, body, contents), step)| {
        let mut draft = Draft::new(id(actor), origin, body);
        for (media, text) in contents {
            draft.content(media, text).unwrap();
        }
        draft.place = Some(place.clone());
        draft.causes = Causes::of([if step == 0 { 0 } else { first + step - 1 }]);
        draft.time = Some(time(u64::from(turn) * 10 + step));
        draft
    });
    made.collect()
}

fn answer(prompt: Option<RecordRef>) -> PromptAnswered {
    PromptAnswered {
        prompt,
        raw: Given::Known(content(0)),
        reasoning: None,
        model: Given::Known(id("model")),
        version: Given::Known(id("1")),
        parameters: None,
        tokens_in: Given::Known(10),
        tokens_out: Given::Known(5),
        spend_micros: None,
        stop: Given::Known(StopReason::Calls),
        calls: 1,
    }
}

fn proposal() -> ToolProposed {
    ToolProposed {
        tool: id("search"),
        arguments: Given::Known(content(0)),
        call_id: None,
        expected_effect: None,
        retry_of: None,
    }
}

fn result() -> ToolReturned {
    ToolReturned { result: content(0), duration_us: Some(5), spend_micros: None, label: None, call_id: None }
}

fn permit(place: &Place, request: Id, arguments: Digest) -> DecisionMade {
    DecisionMade {
        decision: Decision::Permit,
        directive: Directive::None,
        reason: ReasonCode::PolicyPermits,
        enforcement: Enforcement::Executed,
        request: Request {
            id: request,
            call: Some(place.clone()),
            goal: Given::Absent,
            actor: id("agent"),
            scope: Given::Absent,
            surface: id("web"),
            action: EffectsClass::Read,
            target: None,
            arguments: Given::Known(arguments),
            influence: Label { trust: Trust::User, sensitivity: Sensitivity::Internal },
            carriage: Given::Absent,
            expected_effect: None,
        },
        bundle: Given::Known(Digest::ZERO),
        engine: Given::Known(id("cedar")),
        engine_version: Given::Known(id("4")),
        rules: vec![],
        errors: vec![],
        risks: vec![],
        uncertainty_permille: Given::Known(0),
        exception: None,
        approval: None,
        explanation: None,
        expires: None,
        reliance: vec![],
        receipt: None,
    }
}

fn content(index: u16) -> rederive_evidence::ids::Content {
    rederive_evidence::ids::Content(index)
}

/// A second of a day in 2026.
pub(crate) fn time(second: u64) -> RecordedTime {
    RecordedTime(1_790_000_000_000_000 + second * 1_000_000)
}

/// The draft that opens a run.
pub(crate) fn opening(mode: Mode) -> Draft {
    let actor =
        |name: &str, actor_type| Actor { id: id(name), actor_type, key: None, owner: None, scope: None };
    let scope = ScopeItem {
        tool: id("search"),
        action: EffectsClass::Read,
        resource: None,
        tenant: id("acme"),
        approval: ApprovalPolicy::None,
    };
    let body = RunOpened {
        run: RunId([0; 16]),
        rule_set: RuleSet { number: 0, digest: Digest::ZERO },
        mode,
        environment: Given::Known(Environment::Test),
        tenant: id("acme"),
        session: Session { id: id("session-1"), expires: Given::Known(time(1_000_000)) },
        principal: Principal {
            id: id("user"),
            authentication: Given::Known(Authentication::SingleSignOn),
            evidence: None,
        },
        persona: Persona {
            id: id("helper"),
            version: Given::Known(id("1")),
            digest: Given::Known(Digest::ZERO),
            role: None,
            constraints: None,
            capabilities: vec![],
        },
        build: AgentBuild {
            id: id("agent"),
            version: Given::Known(id("1")),
            digest: Given::Known(Digest::ZERO),
        },
        owner: Given::Known(id("team")),
        goal: Given::Known(content(0)),
        scope: Given::Known(vec![scope]),
        bundle: Given::Known(Digest::ZERO),
        registry: Given::Known(Digest::ZERO),
        limits: Limits::default(),
        actors: vec![
            actor("user", ActorType::Principal),
            actor("agent", ActorType::Agent),
            actor("broker", ActorType::Broker),
            actor("gate", ActorType::Gate),
            actor("operator", ActorType::Operator),
            actor("recorder", ActorType::Recorder),
        ],
        models: vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Restricted) }],
        sources: vec![],
        grants: vec![],
        layers: match mode {
            Mode::Enforced => Layer::ALL.to_vec(),
            Mode::Observed => {
                vec![Layer::Run, Layer::Identity, Layer::Prompt, Layer::Context, Layer::Audit]
            }
        },
        recorder_key: PublicKey([0; 32]),
        recorder: id("recorder"),
        memory: None,
        parent: None,
        source: None,
    };
    let mut draft = Draft::new(id("recorder"), Origin::Code, Box::new(body));
    draft.content(MediaType::Text, "answer the user's questions").unwrap();
    draft.time = Some(time(0));
    draft
}
