//! Records to try the machine with: a run of known actors, tools and sources, and the acts of one agent in it.
//!
//! Contents are named by their text; a commitment is the `content` digest of the text, without a salt. Times count up by a millisecond a
//! record from [`START`].

pub mod authority;
mod gated;

use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::{Content, Id, PublicKey, RecordRef, RecordedTime, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::context::ContextRetrieved;
use rederive_evidence::kinds::decision::{
    Decision, DecisionMade, Directive, Enforcement, ReasonCode, Request,
};
use rederive_evidence::kinds::delegation::HandedOff;
use rederive_evidence::kinds::memory::{DeletionPath, MemoryKey, MemoryScope, MemoryWritten};
use rederive_evidence::kinds::prompt::{
    KeptParts, Part, PromptAnswered, PromptGiven, PromptSent, StopReason,
};
use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
use rederive_evidence::kinds::tool::{
    ToolDispatched, ToolProposed, ToolRegistered, ToolRequested, ToolReturned, ToolValidated,
};
use rederive_evidence::record::{
    Causes, ContentEntry, ContentLength, Extracted, Input, MediaType, SchemaCheck,
};
use rederive_evidence::rules::{Outcome, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, AgentBuild, ApprovalPolicy, Authentication, EffectsClass, Environment, Identity, Label,
    Layer, Limits, Mode, ModelEntry, Origin, Persona, Place, Principal, Role, ScopeItem, Sensitivity,
    Session, SourceEntry, SourceLabel, Trust,
};

pub use gated::{PERMIT_MS, inspection, planning, redecided};

use crate::{Answer, CallStatus, Machine, RuleSetNumber};

/// Time of the first record of a [`Trial`].
pub const START: RecordedTime = RecordedTime(1_700_000_000_000_000);
/// The tenant of a [`Trial`].
pub const TENANT: &str = "acme";
/// The session of a [`Trial`].
pub const SESSION: &str = "session-1";

/// The actors of a [`Trial`]: a name for each type but the sub-agent, which a delegation registers.
pub const ACTORS: &[(&str, ActorType)] = &[
    ("user", ActorType::Principal),
    ("agent", ActorType::Agent),
    ("service", ActorType::Service),
    ("workflow", ActorType::Workflow),
    ("gate", ActorType::Gate),
    ("broker", ActorType::Broker),
    ("vault", ActorType::CredentialBroker),
    ("guard", ActorType::Guardrail),
    ("recorder", ActorType::Recorder),
    ("approver", ActorType::Approver),
    ("administrator", ActorType::PolicyAdministrator),
    ("operator", ActorType::Operator),
    ("mailer", ActorType::Downstream),
];

/// The tools of a [`Trial`]: name and class.
pub const TOOLS: &[(&str, EffectsClass)] =
    &[("search", EffectsClass::Read), ("mail", EffectsClass::Send), ("edit", EffectsClass::Write)];

/// An identifier that is known to be one.
///
/// # Panics
/// The text is none.
#[allow(clippy::expect_used, reason = "only ever called with texts that stand in a test")]
pub fn id(text: &str) -> Id {
    Id::new(text).expect("a test's identifier keeps to the alphabet")
}

/// The commitment of a content, by its text.
pub fn commitment(text: &str) -> Digest {
    digest(Purpose::Content, text.as_bytes())
}

/// A place of the agent of a [`Trial`], first attempt.
pub fn place(turn: u32, index: u16) -> Place {
    Place { agent: id("agent"), turn, index, attempt: 0 }
}

/// A label.
pub const fn label(trust: Trust, sensitivity: Sensitivity) -> Label {
    Label { trust, sensitivity }
}

/// Something a [`Trial`]'s tenant may do with a tool.
pub fn scope_item(tool: &str, action: EffectsClass) -> ScopeItem {
    ScopeItem { tool: id(tool), action, resource: None, tenant: id(TENANT), approval: ApprovalPolicy::None }
}

/// A record's input but for what the [`Trial`] that it is given to adds: its number and, where none is set, its time.
#[derive(Clone, Debug)]
pub struct Made {
    /// What is made so far.
    pub input: Input,
    /// The extracted part.
    pub extracted: Option<Extracted>,
    timed: bool,
}

impl Made {
    /// A record by `actor`, with code as its origin and nothing else stated.
    pub fn new(actor: &str, body: impl Into<Body>) -> Self {
        let input = Input {
            sequence: 0,
            time: None,
            actor: id(actor),
            origin: Origin::Code,
            place: None,
            causes: Causes::NONE,
            labels: Vec::new(),
            identity: None,
            trace: None,
            graph: None,
            clock_stepped: false,
            body: body.into(),
            contents: Vec::new(),
        };
        Self { input, extracted: None, timed: false }
    }

    /// With the contents that have these texts: body fields index them in this order.
    pub fn with<'t>(mut self, texts: impl IntoIterator<Item = &'t str>) -> Self {
        self.input.contents.extend(texts.into_iter().map(|text| ContentEntry {
            commitment: commitment(text),
            bytes: ContentLength(text.len() as u64),
            media: MediaType::Text,
        }));
        self
    }

    /// By this actor instead.
    pub fn by(mut self, actor: &str) -> Self {
        self.input.actor = id(actor);
        self
    }

    /// At this place.
    pub fn at(mut self, place: Place) -> Self {
        self.input.place = Some(place);
        self
    }

    /// With these records as causes.
    pub fn because(mut self, records: impl IntoIterator<Item = u64>) -> Self {
        self.input.causes = Causes::of(records);
        self
    }

    /// With this origin.
    pub fn from(mut self, origin: Origin) -> Self {
        self.input.origin = origin;
        self
    }

    /// At this time.
    pub fn timed(mut self, time: Option<RecordedTime>) -> Self {
        (self.input.time, self.timed) = (time, true);
        self
    }

    /// With a label over all that it brings.
    pub fn labelled(mut self, label: Label) -> Self {
        self.input.labels.push(SourceLabel { content: None, from: None, to: None, label });
        self
    }

    /// Stating tenant and session.
    pub fn identified(mut self, tenant: &str, session: &str) -> Self {
        self.input.identity = Some(Identity { tenant: id(tenant), session: id(session) });
        self
    }

    /// With this outcome of the schema check.
    pub fn checked(mut self, schema: Option<SchemaCheck>) -> Self {
        self.extracted = schema.map(|schema| Extracted { schema: Some(schema), ..Extracted::by(1) });
        self
    }
}

/// A machine, and the time of its next record.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The machine.
    pub machine: Machine,
    /// Time of the next record that sets none.
    pub now: RecordedTime,
    /// What the machine was told, in order.
    pub told: Vec<(Input, Option<Extracted>)>,
}

impl Trial {
    /// An enforced run in which everything required is known, [`TOOLS`] are registered and every layer is judged.
    pub fn new() -> Self {
        Self::opened(|_| {})
    }

    /// The same run, observed.
    pub fn observed() -> Self {
        Self::opened(|opening| opening.mode = Mode::Observed)
    }

    /// The run of [`Self::new`] with another opening record.
    pub fn opened(change: impl FnOnce(&mut RunOpened)) -> Self {
        let mut opened = opening();
        change(&mut opened);
        let mut trial = Self::unopened();
        trial.answer(opening_record(opened));
        for (tool, effects) in TOOLS {
            trial.answer(registration(tool, *effects));
        }
        trial
    }

    /// A run that nothing has opened.
    pub fn unopened() -> Self {
        Self { machine: Machine::new(), now: START, told: Vec::new() }
    }

    /// What the machine says to the record; it takes effect.
    pub fn answer(&mut self, made: Made) -> Answer {
        let (answer, _) = self.taken(made);
        answer
    }

    /// The number of the record, which breaches nothing.
    ///
    /// # Panics
    /// It breaches a rule.
    pub fn give(&mut self, made: Made) -> u64 {
        let (answer, number) = self.taken(made);
        assert_eq!(
            (answer.outcome, answer.breaches.as_slice()),
            (Outcome::Applied, [].as_slice()),
            "record {number}"
        );
        number
    }

    fn taken(&mut self, made: Made) -> (Answer, u64) {
        let input = self.input(&made);
        let answer = self.machine.decide(&input, made.extracted.as_ref());
        self.machine.commit(answer.transition.clone());
        self.now = self.now.plus_ms(1);
        let number = input.sequence;
        self.told.push((input, made.extracted));
        (answer, number)
    }

    /// What the machine says to the record; nothing takes effect.
    pub fn ask(&self, made: &Made) -> Answer {
        self.machine.decide(&self.input(made), made.extracted.as_ref())
    }

    /// Rules and reasons that the record breaches; nothing takes effect.
    pub fn breaches(&self, made: &Made) -> Vec<(Rule, Reason)> {
        self.ask(made).breaches.into_iter().map(|breach| (breach.rule, breach.reason)).collect()
    }

    /// The record's input, as the next of this run. One that was numbered otherwise stays so.
    pub fn input(&self, made: &Made) -> Input {
        let mut input = made.input.clone();
        input.sequence = input.sequence.saturating_add(self.machine.lineage().len());
        if !made.timed {
            input.time = Some(self.now);
        }
        input
    }

    /// The user's message with this text; its number.
    pub fn told(&mut self, text: &str) -> u64 {
        self.give(message("user", text).because([0]))
    }

    /// The agent's prompt of `turn`, of the contents of these records; its number.
    pub fn prompted(&mut self, turn: u32, from: &[(u64, &str)]) -> u64 {
        self.give(prompt(turn, from))
    }

    /// The answer that opens `turn`; its number.
    pub fn answered(&mut self, turn: u32, calls: u16, prompt: u64) -> u64 {
        self.give(answer(turn, calls, prompt))
    }

    /// A user's message, the agent's prompt and an answer with this many calls: turn 0 is open. The answer's number.
    pub fn turn_open(&mut self, calls: u16) -> u64 {
        let told = self.told("do it");
        let prompt = self.prompted(0, &[(told, "do it")]);
        self.answered(0, calls, prompt)
    }

    /// The steps that bring a call of `tool` at `place` to `status`. The number of the last.
    pub fn call_to(&mut self, status: CallStatus, place: &Place, tool: &str, cause: u64) -> u64 {
        let steps = [
            (CallStatus::Proposed, proposal(place, tool)),
            (CallStatus::Validated, validation(place, tool)),
            (CallStatus::Requested, request(place)),
            (CallStatus::Decided, decision(place, tool, Decision::Permit)),
            (CallStatus::Dispatched, dispatch(place, tool)),
        ];
        let due = steps.into_iter().filter(|(of, _)| *of <= status);
        due.fold(cause, |cause, (_, step)| self.give(step.because([cause])))
    }
}

impl Default for Trial {
    fn default() -> Self {
        Self::new()
    }
}

/// The opening record's body of [`Trial::new`].
pub fn opening() -> RunOpened {
    let actor = |(name, actor_type): &(&str, ActorType)| Actor {
        id: id(name),
        actor_type: *actor_type,
        key: None,
        owner: None,
        scope: None,
    };
    RunOpened {
        run: RunId([1; 16]),
        rule_set: RuleSetNumber::One.rule_set(),
        mode: Mode::Enforced,
        environment: Given::Known(Environment::Test),
        tenant: id(TENANT),
        session: Session { id: id(SESSION), expires: Given::Known(START.plus_ms(3_600_000)) },
        principal: Principal {
            id: id("user"),
            authentication: Given::Known(Authentication::MultiFactor),
            evidence: None,
        },
        persona: Persona {
            id: id("clerk"),
            version: Given::Known(id("1")),
            digest: Given::Known(commitment("persona")),
            role: None,
            constraints: None,
            capabilities: Vec::new(),
        },
        build: AgentBuild {
            id: id("clerk-build"),
            version: Given::Known(id("1")),
            digest: Given::Known(commitment("build")),
        },
        owner: Given::Known(id("owner")),
        goal: Given::Known(Content(0)),
        scope: Given::Known(TOOLS.iter().map(|(tool, action)| scope_item(tool, *action)).collect()),
        bundle: Given::Known(commitment("bundle")),
        registry: Given::Known(commitment("registry")),
        limits: Limits::default(),
        actors: ACTORS.iter().map(actor).collect(),
        models: vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Confidential) }],
        sources: vec![SourceEntry { id: id("wiki"), label: label(Trust::Internal, Sensitivity::Internal) }],
        grants: Vec::new(),
        layers: Layer::ALL.to_vec(),
        recorder_key: PublicKey([2; 32]),
        recorder: id("rederive"),
        memory: None,
        parent: None,
        source: None,
    }
}

/// The record that opens a run; its goal is "the goal".
pub fn opening_record(opened: RunOpened) -> Made {
    Made::new("recorder", Box::new(opened)).with(["the goal"])
}

/// `run.closed`.
pub fn closing() -> Made {
    Made::new("recorder", RunClosed { end: RunEnd::Completed, reason: None })
}

/// `tool.registered`: results are internal, and what is sent to it may be confidential.
pub fn registration(tool: &str, effects: EffectsClass) -> Made {
    let body = ToolRegistered {
        tool: id(tool),
        version: Given::Known(id("1")),
        schema: Given::Known(Content(0)),
        surface: Given::Known(id("api")),
        effects: Given::Known(effects),
        reversible: Given::Known(true),
        preview: false,
        result_label: Given::Known(label(Trust::Internal, Sensitivity::Internal)),
        description: None,
        clearance: Some(Sensitivity::Confidential),
        sandbox: None,
        credential: None,
    };
    Made::new("operator", Box::new(body)).with(["a schema"]).because([0])
}

/// `prompt.given` with the role `user`.
pub fn message(actor: &str, text: &str) -> Made {
    Made::new(actor, PromptGiven { role: Role::User, message: Content(0) }).with([text]).from(Origin::Human)
}

/// `prompt.sent` by the agent: a part a record, with the text it brought.
pub fn prompt(turn: u32, from: &[(u64, &str)]) -> Made {
    let part = |(index, (record, _)): (u16, &(u64, &str))| Part {
        role: Role::Tool,
        content: Content(index),
        from: Some(RecordRef(*record)),
    };
    let body = PromptSent {
        model: id("model"),
        extends: None,
        kept: Vec::new(),
        parts: (0..).zip(from).map(part).collect(),
        tools: Vec::new(),
        parameters: None,
    };
    let texts = from.iter().map(|(_, text)| *text);
    Made::new("agent", body).with(texts).because(from.iter().map(|(record, _)| *record)).at(place(turn, 0))
}

/// A prompt that keeps parts of the agent's prompt of `extends`.
pub fn extension(turn: u32, extends: u32, kept: &[(u32, u32)], from: &[(u64, &str)]) -> Made {
    let mut made = prompt(turn, from);
    if let Body::PromptSent(body) = &mut made.input.body {
        body.extends = Some(extends);
        body.kept = kept.iter().map(|(first, count)| KeptParts { first: *first, count: *count }).collect();
    }
    made
}

/// `prompt.answered`.
pub fn answer(turn: u32, calls: u16, prompt: u64) -> Made {
    let body = PromptAnswered {
        prompt: Some(RecordRef(prompt)),
        raw: Given::Known(Content(0)),
        reasoning: None,
        model: Given::Known(id("model")),
        version: Given::Known(id("1")),
        parameters: None,
        tokens_in: Given::Known(100),
        tokens_out: Given::Known(10),
        spend_micros: Some(5),
        stop: Given::Known(StopReason::Calls),
        calls,
    };
    Made::new("agent", body).with(["an answer"]).from(Origin::Model).because([prompt]).at(place(turn, 0))
}

/// `tool.proposed`, with the arguments "arguments", found valid.
pub fn proposal(place: &Place, tool: &str) -> Made {
    let body = ToolProposed {
        tool: id(tool),
        arguments: Given::Known(Content(0)),
        call_id: None,
        expected_effect: None,
        retry_of: (place.attempt > 0).then(|| Place { attempt: 0, ..place.clone() }),
    };
    let made = Made::new("agent", body).with(["arguments"]).from(Origin::Model).at(place.clone());
    made.checked(Some(SchemaCheck::Valid))
}

/// `tool.validated`.
pub fn validation(place: &Place, tool: &str) -> Made {
    let body = ToolValidated {
        tool: id(tool),
        version: Given::Known(id("1")),
        schema: Given::Known(commitment("a schema")),
        arguments: commitment("arguments"),
    };
    Made::new("broker", body).at(place.clone())
}

/// `tool.requested`, with the target "target".
pub fn request(place: &Place) -> Made {
    let body = ToolRequested {
        request: id("request-1"),
        arguments: commitment("arguments"),
        target: Some(commitment("target")),
    };
    Made::new("broker", body).at(place.clone())
}

/// `decision.made` on the call of `tool`, one of [`TOOLS`], at `place`.
///
/// # Panics
/// The tool is none of them.
#[allow(clippy::expect_used, reason = "only ever called with names that stand in a test")]
pub fn decision(place: &Place, tool: &str, decision: Decision) -> Made {
    let (_, action) = TOOLS.iter().find(|(name, _)| *name == tool).expect("a tool of a trial");
    let request = Request {
        call: Some(place.clone()),
        target: Some(commitment("target")),
        ..whole_request("arguments", *action)
    };
    Made::new("gate", Box::new(made(decision, request)))
}

/// `decision.made` on a memory write of the value with this text.
pub fn permit(value: &str, expires: Option<RecordedTime>) -> Made {
    memory_decision(value, Decision::Permit, expires)
}

/// `decision.made` on a memory write of the value with this text: a permit until `expires`, or another answer.
pub fn memory_decision(value: &str, decision: Decision, expires: Option<RecordedTime>) -> Made {
    let decided = DecisionMade { expires, ..made(decision, whole_request(value, EffectsClass::Write)) };
    Made::new("gate", Box::new(decided)).because([0])
}

fn whole_request(arguments: &str, action: EffectsClass) -> Request {
    Request {
        id: id("request-1"),
        call: None,
        goal: Given::Known(commitment("the goal")),
        actor: id("agent"),
        scope: Given::Absent,
        surface: id("api"),
        action,
        target: None,
        arguments: Given::Known(commitment(arguments)),
        influence: label(Trust::User, Sensitivity::Internal),
        carriage: Given::Absent,
        expected_effect: None,
    }
}

fn made(decision: Decision, request: Request) -> DecisionMade {
    DecisionMade {
        decision,
        directive: Directive::None,
        reason: ReasonCode::PolicyPermits,
        enforcement: if decision == Decision::Permit { Enforcement::Executed } else { Enforcement::Blocked },
        request,
        bundle: Given::Known(commitment("bundle")),
        engine: Given::Known(id("cedar")),
        engine_version: Given::Known(id("4")),
        rules: Vec::new(),
        errors: Vec::new(),
        risks: Vec::new(),
        uncertainty_permille: Given::Known(0),
        exception: None,
        approval: None,
        explanation: None,
        expires: None,
        reliance: Vec::new(),
        receipt: None,
    }
}

/// `tool.dispatched` by the broker, as requested.
pub fn dispatch(place: &Place, tool: &str) -> Made {
    let body = ToolDispatched {
        tool: id(tool),
        arguments: commitment("arguments"),
        target: Some(commitment("target")),
        idempotency: None,
        sandbox: None,
        bytes_out: None,
    };
    Made::new("broker", body).at(place.clone())
}

/// `tool.returned`.
pub fn result(place: &Place, text: &str) -> Made {
    let body = ToolReturned {
        result: Content(0),
        duration_us: None,
        spend_micros: None,
        label: None,
        call_id: None,
    };
    Made::new("broker", body).with([text]).from(Origin::Tool).at(place.clone())
}

/// `delegation.handed-off` under the delegation that `from` granted to `to`, with the lowest label.
pub fn handing_off(from: &str, to: &str) -> Made {
    let body = HandedOff {
        from: Given::Known(id(from)),
        to: Given::Known(id(to)),
        message: Content(0),
        delegation: Given::Known(id(&format!("{from}-to-{to}"))),
        label: Given::Known(Label::UNKNOWN),
        run: None,
    };
    Made::new(from, Box::new(body)).with(["please"]).because([0])
}

/// `context.retrieved` from the wiki, fresh for an hour, internal.
pub fn retrieval(text: &str) -> Made {
    let body = ContextRetrieved {
        item: Content(0),
        source: Given::Known(id("wiki")),
        provenance: Given::Known(Content(1)),
        owner: Given::Known(id("librarian")),
        retrieved: Given::Known(START),
        fresh_until: Given::Known(START.plus_ms(3_600_000)),
        label: Given::Known(label(Trust::Internal, Sensitivity::Internal)),
        tenant_filter: Given::Known(id(TENANT)),
        filter_origin: Given::Known(Origin::Code),
        query: None,
    };
    Made::new("service", body).with([text, "page 1"]).from(Origin::Outside).because([0])
}

/// A memory item of the namespace "notes".
pub fn memory_key(scope: MemoryScope, name: &str) -> MemoryKey {
    MemoryKey { scope, namespace: id("notes"), name: id(name) }
}

/// `memory.written` of the item "fact" by the agent, for an hour, with the lowest label.
pub fn writing(scope: MemoryScope, text: &str) -> Made {
    let body = MemoryWritten {
        item: memory_key(scope, "fact"),
        value: Content(0),
        owner: Given::Known(id("owner")),
        reason: Given::Known(Content(1)),
        label: Given::Known(Label::UNKNOWN),
        expires: Given::Known(START.plus_ms(3_600_000)),
        deletion: Given::Known(DeletionPath::Delete),
        provenance: Given::Known(Content(2)),
    };
    Made::new("agent", body).with([text, "why", "whence"]).because([0])
}
