//! Runs that tests record: small, readable, and each with a way to go wrong.

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{ToolProposed, ToolReturned};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::*;

/// The identifier `text`.
pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// The number of turns that make the records of [`observed`]: one opening, six a turn, one closing.
pub(crate) const RECORDS_A_TURN: u64 = 5;

/// Drafts of an observed run with this many turns: a user asks, the model calls a tool, the tool answers.
pub(crate) fn observed(turns: u32) -> Vec<Draft> {
    let mut drafts = vec![opening(Mode::Observed)];
    for turn in 0..turns {
        let first = drafts.len() as u64;
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
        let part = Part {
            role: Role::User,
            content: content(0),
            from: Some(rederive_evidence::ids::RecordRef(first)),
        };
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
            PromptAnswered {
                prompt: Some(rederive_evidence::ids::RecordRef(first + 1)),
                raw: Given::Known(content(0)),
                reasoning: None,
                model: Given::Known(id("model")),
                version: Given::Absent,
                parameters: None,
                tokens_in: Given::Known(10),
                tokens_out: Given::Known(5),
                spend_micros: None,
                stop: Given::Absent,
                calls: 1,
            },
        );
        answered.content(MediaType::Text, format!("calling search for {turn}")).unwrap();
        at(&mut answered, &[first + 1], 2);
        let mut proposed = Draft::new(
            id("agent"),
            Origin::Model,
            ToolProposed {
                tool: id("search"),
                arguments: Given::Known(content(0)),
                call_id: None,
                expected_effect: None,
                retry_of: None,
            },
        );
        proposed.content(MediaType::Json, format!("{{\"query\":\"{turn}\"}}")).unwrap();
        at(&mut proposed, &[first + 2], 3);
        let mut returned = Draft::new(
            id("broker"),
            Origin::Tool,
            ToolReturned {
                result: content(0),
                duration_us: Some(5),
                spend_micros: None,
                label: None,
                call_id: None,
            },
        );
        returned.content(MediaType::Text, format!("result {turn}")).unwrap();
        at(&mut returned, &[first + 3], 4);
        drafts.extend([given, sent, answered, proposed, returned]);
    }
    let last = drafts.len() as u64 - 1;
    let mut closed =
        Draft::new(id("recorder"), Origin::Code, RunClosed { end: RunEnd::Completed, reason: None });
    closed.causes = Causes::of([last]);
    closed.time = Some(time(u64::from(turns) * 10));
    drafts.push(closed);
    drafts
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
            actor("recorder", ActorType::Recorder),
        ],
        models: vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Restricted) }],
        sources: vec![],
        grants: vec![],
        layers: vec![Layer::Run, Layer::Identity, Layer::Prompt, Layer::Context, Layer::Audit],
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
