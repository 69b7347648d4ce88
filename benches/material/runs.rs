//! Runs that benches record and replay: frames of about 430 bytes, as records of real agent runs have.

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, PublicKey, RecordRef, RecordedTime, RunId, SpanId, TraceId};
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{ToolProposed, ToolRegistered, ToolReturned};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::*;

/// Identifiers as real runs have them.
const AGENT: &str = "billing-assistant-eu";
const MODEL: &str = "provider/model-large-2026-01-15-preview";
const SESSION: &str = "018f3c2e-7b1a-7c3d-9e4f-5a6b7c8d9e0f";

const SCHEMA: &str = r#"{"type":"object","required":["query"],"properties":{"query":{"type":"string"},"limit":{"type":"integer"}}}"#;
const WORDS: &str = "The invoice of the third quarter was paid on the second of October; what is left open is the credit note";

/// Records of a turn: a user asks, the model calls a tool, the tool answers.
pub(crate) const RECORDS_A_TURN: u64 = 5;

/// Drafts of an observed run with this many turns, made as they are taken.
pub(crate) fn observed(turns: u32) -> impl Iterator<Item = Draft> {
    let head = [opening(), registration()];
    let first = |turn: u32| 2 + RECORDS_A_TURN * u64::from(turn);
    let last = first(turns) - 1;
    let closing = RunClosed { end: RunEnd::Completed, reason: None };
    let closing = draft("recorder", Origin::Code, closing, &[last]);
    head.into_iter().chain((0..turns).flat_map(move |turn| self::turn(turn, first(turn)))).chain([closing])
}

fn turn(turn: u32, first: u64) -> [Draft; 5] {
    let given = PromptGiven { role: Role::User, message: Content(0) };
    let sent = PromptSent {
        model: id(MODEL),
        extends: turn.checked_sub(1),
        kept: vec![],
        parts: vec![Part { role: Role::User, content: Content(0), from: Some(RecordRef(first)) }],
        tools: ["search", "read_file", "send_email", "create_event"].map(id).to_vec(),
        parameters: Some(Content(1)),
    };
    let answered = PromptAnswered {
        prompt: Some(RecordRef(first + 1)),
        raw: Given::Known(Content(0)),
        reasoning: Some(Content(1)),
        model: Given::Known(id(MODEL)),
        version: Given::Known(id("2026-01-15")),
        parameters: None,
        tokens_in: Given::Known(2_431),
        tokens_out: Given::Known(312),
        spend_micros: Some(18_211),
        stop: Given::Known(StopReason::Calls),
        calls: 1,
    };
    let proposed = ToolProposed {
        tool: id("search"),
        arguments: Given::Known(Content(0)),
        call_id: Some(Content(1)),
        expected_effect: None,
        retry_of: None,
    };
    let returned = ToolReturned {
        result: Content(0),
        duration_us: Some(48_211),
        spend_micros: None,
        label: Some(Label { trust: Trust::External, sensitivity: Sensitivity::Internal }),
        call_id: Some(Content(1)),
    };
    let call_id = format!("call_{turn:024}");
    let mut drafts = [
        draft("user", Origin::Human, given, &[0]),
        draft(AGENT, Origin::Code, sent, &[first]),
        draft(AGENT, Origin::Model, answered, &[first + 1]),
        draft(AGENT, Origin::Model, proposed, &[first + 2]),
        draft("broker", Origin::Tool, returned, &[first + 3]),
    ];
    let question = format!("Question {turn}. {WORDS}?");
    let contents: [&[(MediaType, String)]; 5] = [
        &[(MediaType::Text, question.clone())],
        &[(MediaType::Text, question), (MediaType::Json, "{\"temperature\":\"0\"}".to_owned())],
        &[
            (MediaType::Json, format!("{{\"tool\":\"search\",\"turn\":{turn},\"text\":\"{WORDS}\"}}")),
            (MediaType::Text, format!("I look for what is open in turn {turn}. {WORDS}")),
        ],
        &[
            (MediaType::Json, format!("{{\"query\":\"invoice {turn}\",\"limit\":10}}")),
            (MediaType::Text, call_id.clone()),
        ],
        &[(MediaType::Text, format!("Result {turn}: {WORDS} {WORDS}")), (MediaType::Text, call_id)],
    ];
    for (step, (draft, contents)) in drafts.iter_mut().zip(contents).enumerate() {
        draft.place = Some(Place { agent: id(AGENT), turn, index: 0, attempt: 0 });
        draft.time = Some(time(u64::from(turn) * 10 + step as u64));
        draft.trace = Some(TraceContext { trace: TraceId([7; 16]), span: Some(SpanId([step as u8 + 1; 8])) });
        draft.identity = (draft.origin != Origin::Model)
            .then(|| Identity { tenant: id("acme-finance-emea"), session: id(SESSION) });
        draft.graph = Some(GraphPlace {
            node: Some(id("graph/billing-planner/act-on-the-question")),
            route: Some(id("graph/billing-planner/observe-and-answer")),
        });
        for (media, text) in contents {
            draft.content(*media, text.as_str()).unwrap();
        }
    }
    drafts
}

fn draft(
    actor: &str,
    origin: Origin,
    body: impl Into<rederive_evidence::kinds::Body>,
    causes: &[u64],
) -> Draft {
    let mut draft = Draft::new(id(actor), origin, body);
    draft.causes = Causes::of(causes.iter().copied());
    draft
}

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn time(second: u64) -> RecordedTime {
    RecordedTime(1_790_000_000_000_000 + second * 1_000_000)
}

fn registration() -> Draft {
    let body = ToolRegistered {
        tool: id("search"),
        version: Given::Known(id("1")),
        schema: Given::Known(Content(0)),
        surface: Given::Known(id("mail")),
        effects: Given::Known(EffectsClass::Read),
        reversible: Given::Known(true),
        preview: false,
        result_label: Given::Known(Label { trust: Trust::External, sensitivity: Sensitivity::Internal }),
        description: None,
        clearance: None,
        sandbox: None,
        credential: None,
    };
    let mut draft = draft("broker", Origin::Code, Box::new(body), &[0]);
    draft.content(MediaType::Json, SCHEMA).unwrap();
    draft.time = Some(time(0));
    draft
}

fn opening() -> Draft {
    let actor =
        |name: &str, actor_type| Actor { id: id(name), actor_type, key: None, owner: None, scope: None };
    let body = RunOpened {
        run: RunId([0; 16]),
        rule_set: RuleSet { number: 0, digest: Digest::ZERO },
        mode: Mode::Observed,
        environment: Given::Known(Environment::Test),
        tenant: id("acme-finance-emea"),
        session: Session { id: id(SESSION), expires: Given::Absent },
        principal: Principal {
            id: id("user"),
            authentication: Given::Known(Authentication::SingleSignOn),
            evidence: None,
        },
        persona: Persona {
            id: id(AGENT),
            version: Given::Known(id("1")),
            digest: Given::Absent,
            role: None,
            constraints: None,
            capabilities: vec![],
        },
        build: AgentBuild { id: id(AGENT), version: Given::Known(id("1")), digest: Given::Absent },
        owner: Given::Known(id("team")),
        goal: Given::Known(Content(0)),
        scope: Given::Absent,
        bundle: Given::Absent,
        registry: Given::Absent,
        limits: Limits::default(),
        actors: vec![
            actor("user", ActorType::Principal),
            actor(AGENT, ActorType::Agent),
            actor("broker", ActorType::Broker),
            actor("recorder", ActorType::Recorder),
        ],
        models: vec![ModelEntry { id: id(MODEL), clearance: Given::Known(Sensitivity::Restricted) }],
        sources: vec![],
        grants: vec![],
        layers: Layer::ALL.to_vec(),
        recorder_key: PublicKey([0; 32]),
        recorder: id("recorder"),
        memory: None,
        parent: None,
        source: None,
    };
    let mut draft = draft("recorder", Origin::Code, Box::new(body), &[]);
    draft.content(MediaType::Text, "answer the user's questions about invoices").unwrap();
    draft.time = Some(time(0));
    draft
}
