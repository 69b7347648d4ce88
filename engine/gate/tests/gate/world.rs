//! A run with a gate, on a disk that fails as told: one agent, three tools that count how often they acted, and components that do as they are told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rederive_archive::TraceReader;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::storage::{Access, ReadAt as _, Storage as _};
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordedTime, RunId};
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::Kind;
use rederive_evidence::kinds::credential::{CredentialType, SecretHandling};
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::prompt::PromptGiven;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::FailureClass;
use rederive_evidence::record::{Causes, MediaType, Record, split_frames};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Label, Layer, Limits, Mode,
    ModelEntry, Origin, Place, Role, ScopeItem, Sensitivity, SourceEntry, Trust,
};
use rederive_gate::outcome::Compared;
use rederive_gate::ports::*;
use rederive_gate::{Dispatch, Gate, Intent, OpenFault, Recovered, Registration, Setup, Times};
use rederive_policy::request::{ArgumentRole, ToolFacts};
use rederive_policy::{Judgement, PolicyRequest};
use rederive_recorder::{Durability, ManualClock, Options, SeededEntropy, opening};

pub(crate) const START: RecordedTime = RecordedTime(1_790_000_000_000_000);
pub(crate) const BUNDLE: Digest = Digest([0x1b; 32]);

pub(crate) fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub(crate) fn run_key() -> SigningKey {
    SigningKey::from_seed(&[1; 32])
}

pub(crate) fn receipt_key() -> SigningKey {
    SigningKey::from_seed(&[2; 32])
}

pub(crate) fn approver_key() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

/// What a component does when it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    Fails,
    Panics,
    Hangs,
}

/// How long a component may take that is about to hang. All others have as long as a busy machine may need.
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(60);

impl Mood {
    pub(crate) const BAD: [Self; 3] = [Self::Fails, Self::Panics, Self::Hangs];

    /// Does as it is told; what is fine goes on.
    pub(crate) fn act(self) -> Result<(), Failure> {
        match self {
            Self::Fine => Ok(()),
            Self::Fails => Err("told to fail".into()),
            Self::Panics => panic!("told to panic"),
            Self::Hangs => {
                std::thread::sleep(4 * SHORT);
                Err("told to hang".into())
            }
        }
    }
}

/// Something that happens inside of a tool's call.
pub(crate) type Inside = dyn Fn(&Dispatch) + Send + Sync;

/// Something that happens while a request is judged.
pub(crate) type Judging = dyn Fn(&PolicyRequest) + Send + Sync;

/// What the components of a world do, changed while it runs.
pub(crate) struct Wires {
    pub(crate) moods: Mutex<BTreeMap<&'static str, Mood>>,
    /// Which component will hang: it gets a short time.
    pub(crate) hangs: Mutex<Option<&'static str>>,
    /// How often each tool acted.
    pub(crate) acts: Mutex<BTreeMap<String, u64>>,
    pub(crate) judged: AtomicU64,
    /// What the policy says, by tool; what is not listed is permitted.
    pub(crate) answers: Mutex<BTreeMap<String, (Decision, Directive, ReasonCode)>>,
    /// The bundle that is loaded.
    pub(crate) bundle: Mutex<Digest>,
    pub(crate) word: Mutex<Option<Verdict>>,
    pub(crate) withdrawn: Mutex<Vec<Id>>,
    pub(crate) issued: Mutex<Vec<Id>>,
    pub(crate) revoked: Mutex<Vec<Id>>,
    pub(crate) finding: Mutex<Option<(Stage, Finding)>>,
    pub(crate) observed: Mutex<Option<Payload>>,
    /// What the effects component says of the effect that it expects, where it is another than usual, and what of it is compared.
    pub(crate) expected: Mutex<Option<(Payload, Compared)>>,
    /// What the tool `edit` says that it would change, where it is another than it does change.
    pub(crate) previewed: Mutex<Option<Payload>>,
    /// Whether the effects component says of what it observed that it is another effect.
    pub(crate) is_other: AtomicBool,
    pub(crate) takes_unsigned: AtomicBool,
    pub(crate) key_is_gone: AtomicBool,
    /// Tools and effects say that they keep time by themselves.
    pub(crate) keeps_time: AtomicBool,
    /// What the credential broker says of every surface before any call.
    pub(crate) opens: Mutex<Option<bool>>,
    /// How many connections a command attempted beside those that are listed.
    pub(crate) connections_more: AtomicU64,
    /// The secret of each credential.
    pub(crate) secret: Mutex<Vec<u8>>,
    /// What a tool says before and after the secret that it was called with.
    pub(crate) says: Mutex<Option<(String, String)>>,
    /// Runs while the policy judges.
    pub(crate) judging: Mutex<Option<Arc<Judging>>>,
    /// Runs while a credential is issued.
    pub(crate) issuing: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
    /// Runs inside of a tool's call, before it acts.
    pub(crate) inside: Mutex<Option<Arc<Inside>>>,
}

impl Default for Wires {
    fn default() -> Self {
        Self {
            moods: Mutex::default(),
            hangs: Mutex::default(),
            acts: Mutex::default(),
            judged: AtomicU64::new(0),
            answers: Mutex::default(),
            bundle: Mutex::new(BUNDLE),
            word: Mutex::default(),
            withdrawn: Mutex::default(),
            issued: Mutex::default(),
            revoked: Mutex::default(),
            finding: Mutex::default(),
            observed: Mutex::default(),
            expected: Mutex::default(),
            previewed: Mutex::default(),
            is_other: AtomicBool::new(false),
            takes_unsigned: AtomicBool::new(false),
            key_is_gone: AtomicBool::new(false),
            keeps_time: AtomicBool::new(false),
            opens: Mutex::default(),
            connections_more: AtomicU64::new(0),
            secret: Mutex::new(b"s3cret-of-the-call".to_vec()),
            says: Mutex::default(),
            judging: Mutex::default(),
            issuing: Mutex::default(),
            inside: Mutex::default(),
        }
    }
}

impl Wires {
    pub(crate) fn mood(&self, of: &'static str) -> Mood {
        self.moods.lock().unwrap().get(of).copied().unwrap_or(Mood::Fine)
    }

    pub(crate) fn set(&self, of: &'static str, mood: Mood) {
        let _ = self.moods.lock().unwrap().insert(of, mood);
    }

    /// How long a component has for an answer; `of` begins the names of its moods.
    pub(crate) fn time(&self, of: &str) -> Duration {
        if self.hangs.lock().unwrap().is_some_and(|hangs| hangs.starts_with(of)) { SHORT } else { LONG }
    }

    pub(crate) fn acted(&self) -> u64 {
        self.acts.lock().unwrap().values().sum()
    }

    pub(crate) fn say(&self, tool: &str, decision: Decision, directive: Directive, reason: ReasonCode) {
        let _ = self.answers.lock().unwrap().insert(tool.to_owned(), (decision, directive, reason));
    }

    /// The policy asks for an approval of this tool's calls.
    pub(crate) fn needs_approval(&self, tool: &str) {
        self.say(tool, Decision::Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded);
    }
}

pub(crate) struct Plug(pub(crate) Arc<Wires>);

impl Policy for Plug {
    fn bundle(&self) -> Digest {
        *self.0.bundle.lock().unwrap()
    }

    fn engine(&self) -> (Id, Id) {
        (id("told"), id("1"))
    }

    fn judge(&self, request: &PolicyRequest) -> Result<Judgement, Failure> {
        self.0.judged.fetch_add(1, Ordering::SeqCst);
        let judging = self.0.judging.lock().unwrap().clone();
        if let Some(judging) = judging {
            judging(request);
        }
        self.0.mood("policy").act()?;
        if request.approval.is_some() {
            return Ok(Judgement::of(Decision::Permit, Directive::None, ReasonCode::Approved));
        }
        let answers = self.0.answers.lock().unwrap();
        let (decision, directive, reason) = answers.get(request.tool.as_str()).copied().unwrap_or((
            Decision::Permit,
            Directive::None,
            ReasonCode::PolicyPermits,
        ));
        let judgement = Judgement { rules: vec![id("told")], ..Judgement::of(decision, directive, reason) };
        Ok(judgement.raised(request))
    }

    fn entitles(&self, approver: &Id, _request: &PolicyRequest) -> bool {
        *approver == id("bob")
    }

    fn takes_unsigned(&self, _request: &PolicyRequest) -> bool {
        self.0.takes_unsigned.load(Ordering::SeqCst)
    }
}

impl Signer for Plug {
    fn public_key(&self) -> rederive_evidence::ids::PublicKey {
        receipt_key().public_key()
    }

    fn sign(
        &self,
        message: &[u8],
    ) -> Result<rederive_evidence::ids::Signature, rederive_evidence::keys::SignError> {
        if self.0.key_is_gone.load(Ordering::SeqCst) {
            return Err(rederive_evidence::keys::SignError::Unavailable);
        }
        receipt_key().sign(message)
    }
}

impl Guardrail for Plug {
    fn rule(&self) -> &Id {
        static RULE: std::sync::LazyLock<Id> = std::sync::LazyLock::new(|| id("told"));
        &RULE
    }

    fn inspects(&self, stage: Stage) -> bool {
        matches!(stage, Stage::Arguments | Stage::Result)
            || self.0.finding.lock().unwrap().as_ref().is_some_and(|(at, _)| *at == stage)
    }

    fn inspect(&self, subject: &Subject<'_>) -> Result<Finding, Failure> {
        let of = if subject.stage == Stage::Result { "guardrail on the result" } else { "guardrail" };
        self.0.mood(of).act()?;
        let finding = self.0.finding.lock().unwrap().clone();
        Ok(match finding {
            Some((stage, finding)) if stage == subject.stage => finding,
            Some(_) | None => Finding::Clean,
        })
    }
}

impl CredentialBroker for Plug {
    fn opens(&self, _surface: &Id) -> Option<bool> {
        *self.0.opens.lock().unwrap()
    }

    fn needs(&self, call: &CallFacts) -> bool {
        call.effects != EffectsClass::Read
    }

    fn kind(&self, _call: &CallFacts) -> (CredentialType, SecretHandling) {
        (CredentialType::Token, SecretHandling::BrokerHeld)
    }

    fn issue(&self, ask: &CredentialAsk) -> Result<IssuedCredential, Failure> {
        let issuing = self.0.issuing.lock().unwrap().clone();
        if let Some(issuing) = issuing {
            issuing();
        }
        self.0.mood("credential broker").act()?;
        self.0.issued.lock().unwrap().push(ask.credential.clone());
        Ok(IssuedCredential {
            expires: ask.expires.plus_ms(u64::from(self.0.mood("credential broker, lasting") != Mood::Fine)),
            secret: Secret::new(self.0.secret.lock().unwrap().clone()),
        })
    }

    fn revoke(&self, _run: RunId, credential: &Id) -> Result<(), Failure> {
        self.0.revoked.lock().unwrap().push(credential.clone());
        self.0.mood("credential broker, revoking").act()
    }
}

impl Effects for Plug {
    fn expect(&self, call: &CallFacts) -> Result<Option<Expectation>, Failure> {
        self.0.mood("effects").act()?;
        let expected = self.0.expected.lock().unwrap().clone();
        let (expected, compared) = expected.unwrap_or_else(|| (Payload::text("it is sent"), Compared::Bytes));
        Ok(Some(Expectation {
            system: call.surface.clone(),
            expected,
            compared,
            rollback: Some(Payload::text("recall it")),
            containment: Some(Payload::text("hold the outbox")),
            owner: id("olga"),
            amount_micros: None,
        }))
    }

    fn observes_in_time(&self) -> bool {
        self.0.keeps_time.load(Ordering::SeqCst)
    }

    fn observe(&self, _call: &CallFacts, _reply: &ToolReply) -> Result<Observation, Failure> {
        self.0.mood("effects, observing").act()?;
        let lies = self.0.mood("effects, lying") != Mood::Fine;
        let seen = self.0.observed.lock().unwrap().clone().filter(|_| !lies);
        let observed = seen.unwrap_or_else(|| Payload::text("it is sent"));
        Ok(Observation { observed, is_other: self.0.is_other.load(Ordering::SeqCst), amount_micros: None })
    }

    fn roll_back(&self, _call: &CallFacts, _expected: &Expectation) -> Result<Remedy, Failure> {
        self.0.mood("effects, rolling back").act()?;
        Ok(Remedy::Done(Some(Payload::text("recalled"))))
    }

    fn quarantine(&self, _call: &CallFacts, _expected: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn compensate(&self, _call: &CallFacts, _expected: &Expectation) -> Result<Remedy, Failure> {
        Ok(Remedy::NotOffered)
    }

    fn notify(&self, _call: &CallFacts, _owner: &Id, _notice: &Payload) -> Result<(), Failure> {
        self.0.mood("effects, notifying").act()
    }
}

impl Approver for Plug {
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure> {
        self.0.mood("approver").act()?;
        Ok(match self.0.word.lock().unwrap().clone() {
            Some(verdict) => Review::Answered(word(evidence, "bob", verdict)),
            None => Review::Later(Some(id("bob"))),
        })
    }

    fn withdraw(&self, evidence: &Evidence) {
        self.0.withdrawn.lock().unwrap().push(evidence.approval.clone());
    }
}

/// A signed word of this approver.
pub(crate) fn word(evidence: &Evidence, approver: &str, verdict: Verdict) -> Word {
    let statement = evidence.statement(&id(approver), verdict.code());
    let signature = rederive_evidence::signed::sign_detached(&statement, &approver_key()).unwrap();
    Word { approver: id(approver), verdict, shown: evidence.shown, signature: Some(signature) }
}

/// A tool that counts how often it acted.
pub(crate) struct Counting {
    pub(crate) wires: Arc<Wires>,
    pub(crate) mood: &'static str,
}

impl Tool for Counting {
    fn keeps_time(&self) -> bool {
        self.wires.keeps_time.load(Ordering::SeqCst)
    }

    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let inside = self.wires.inside.lock().unwrap().clone();
        if let Some(inside) = inside {
            inside(&dispatch);
        }
        let name = dispatch.call().tool.to_string();
        *self.wires.acts.lock().unwrap().entry(name).or_default() += 1;
        if self.wires.mood(self.mood).act().is_err() {
            return Err(ToolFailure::Lost);
        }
        if self.wires.mood("tool, by its word").act().is_err() {
            let error = Some(Payload::text("no such mailbox"));
            return Err(ToolFailure::Failed { class: FailureClass::Tool, error, result: None });
        }
        if let (Some((before, after)), Some((_, secret))) =
            (self.wires.says.lock().unwrap().clone(), dispatch.credential())
        {
            let secret = String::from_utf8_lossy(secret.expose()).into_owned();
            return Ok(ToolReply::new(Payload::text(format!("{before}{secret}{after}"))));
        }
        let said = format!("{{\"done\":{}}}", String::from_utf8_lossy(dispatch.call().arguments.bytes()));
        Ok(ToolReply::new(Payload::json(said)))
    }
}

pub(crate) struct Diff(pub(crate) Arc<Wires>);

impl Preview for Diff {
    fn diff(&self, _call: &CallFacts) -> Result<Payload, Failure> {
        self.0.mood("preview").act()?;
        let previewed = self.0.previewed.lock().unwrap().clone();
        Ok(previewed.unwrap_or_else(|| Payload::text("it is sent")))
    }
}

pub(crate) const TOOLS: [(&str, EffectsClass, bool); 3] = [
    ("look", EffectsClass::Read, true),
    ("send", EffectsClass::Send, true),
    ("edit", EffectsClass::Write, true),
];

fn registration(wires: &Arc<Wires>, tool: &str, effects: EffectsClass, reversible: bool) -> Registration {
    let roles = [("/to".to_owned(), ArgumentRole::Destination)].into();
    let facts = ToolFacts {
        version: Some(id("1")),
        reversible,
        preview: tool == "edit",
        result: Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal },
        clearance: Sensitivity::Restricted,
        roles,
        ..ToolFacts::of(id("office"), effects)
    };
    let schema = Payload::json(r#"{"type":"object","properties":{"to":{"type":"string"}}}"#);
    let acts = Runner::Direct(Box::new(Counting { wires: Arc::clone(wires), mood: "tool" }));
    let mut registration = Registration::new(id(tool), facts, schema, acts);
    registration.time = wires.time("tool");
    registration.preview = (tool == "edit").then(|| Box::new(Diff(Arc::clone(wires))) as Box<dyn Preview>);
    registration
}

/// A gate, its disk, its clock and the wires of its components.
pub(crate) struct World {
    pub(crate) gate: Gate,
    pub(crate) disk: FaultyStorage,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) wires: Arc<Wires>,
    pub(crate) name: String,
}

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new("/").join(format!("{name}.rdt"))
}

pub(crate) fn setup(wires: &Arc<Wires>) -> Setup {
    let part = || Arc::new(Plug(Arc::clone(wires)));
    let mut setup = Setup::new(part(), part());
    setup.guardrails = vec![part()];
    setup.approver = Some(part());
    setup.credentials = Some(part());
    setup.effects = Some(part());
    setup.memory = Some(ToolFacts {
        reversible: true,
        clearance: Sensitivity::Restricted,
        ..ToolFacts::of(id("notes"), EffectsClass::Write)
    });
    setup.times = Times {
        policy: wires.time("policy"),
        guardrails: wires.time("guardrail"),
        credentials: wires.time("credential broker"),
        effects: wires.time("effects").min(wires.time("preview")),
        ..Times::default()
    };
    for (tool, effects, reversible) in TOOLS {
        setup = setup.tool(registration(wires, tool, effects, reversible));
    }
    setup
}

pub(crate) fn options(clock: &Arc<ManualClock>, name: &str, part: &str) -> Options {
    Options {
        durability: Durability::Group(1_000),
        signer: Some(Arc::new(run_key())),
        clock: Arc::clone(clock) as Arc<dyn rederive_recorder::Clock>,
        entropy: Box::new(SeededEntropy::new(name.as_bytes(), part.as_bytes())),
        ..Options::default()
    }
}

/// The opening record of a run of this tenant.
pub(crate) fn opened(tenant: &str) -> Draft {
    let names = [id("ada"), id("agent"), id("recorder")];
    let mut body = opening(Mode::Enforced, id(tenant), id("session-1"), names);
    let actor =
        |name: &str, actor_type, key| Actor { id: id(name), actor_type, key, owner: None, scope: None };
    body.actors.extend([
        actor("gate", ActorType::Gate, Some(receipt_key().public_key())),
        actor("broker", ActorType::Broker, None),
        actor("vault", ActorType::CredentialBroker, None),
        actor("guard", ActorType::Guardrail, None),
        actor("operator", ActorType::Operator, None),
        actor("administrator", ActorType::PolicyAdministrator, None),
        actor("bob", ActorType::Approver, Some(approver_key().public_key())),
        actor("carol", ActorType::Approver, Some(approver_key().public_key())),
    ]);
    let scope = |(tool, action, _): &(&str, EffectsClass, bool)| ScopeItem {
        tool: id(tool),
        action: *action,
        resource: None,
        tenant: id(tenant),
        approval: ApprovalPolicy::None,
    };
    body.environment = Given::Known(Environment::Test);
    body.session.expires = Given::Known(START.plus_ms(86_400_000));
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1"));
    body.persona.digest = Given::Known(Digest([4; 32]));
    body.build.version = Given::Known(id("1"));
    body.build.digest = Given::Known(Digest([5; 32]));
    body.owner = Given::Known(id("ada"));
    body.goal = Given::Known(Content(0));
    let memory = ("memory.write", EffectsClass::Write, true);
    body.scope = Given::Known(TOOLS.iter().chain([&memory]).map(scope).collect());
    body.bundle = Given::Known(BUNDLE);
    body.registry = Given::Known(Digest([6; 32]));
    body.limits = Limits { retries: Some(3), ..Limits::default() };
    body.sources = vec![SourceEntry { id: id("mailbox"), label: Label::UNKNOWN }];
    body.layers = Layer::ALL.to_vec();
    body.models = vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Restricted) }];
    let body: Box<RunOpened> = Box::new(body);
    let mut draft = Draft::new(id("recorder"), Origin::Code, body);
    draft.content(MediaType::Text, format!("answer Ada of {tenant}")).unwrap();
    draft
}

impl World {
    pub(crate) fn new(name: &str) -> Self {
        Self::try_new(name, FaultyStorage::new(), &Arc::default()).unwrap()
    }

    /// A world where a component is in this mood from when the run is open.
    pub(crate) fn in_mood(name: &str, component: &'static str, mood: Mood) -> Self {
        let wires = Arc::<Wires>::default();
        *wires.hangs.lock().unwrap() = (mood == Mood::Hangs).then_some(component);
        let world = Self::try_new(name, FaultyStorage::new(), &wires).unwrap();
        world.wires.set(component, mood);
        world
    }

    pub(crate) fn try_new(name: &str, disk: FaultyStorage, wires: &Arc<Wires>) -> Result<Self, OpenFault> {
        let clock = Arc::new(ManualClock::new(START));
        let options = options(&clock, name, "first");
        let gate = Gate::open(disk.clone(), &path(name), opened("acme"), options, setup(wires))?;
        Ok(Self { gate, disk, clock, wires: Arc::clone(wires), name: name.to_owned() })
    }

    /// The gate of another process that goes on with the run.
    pub(crate) fn recovered(self) -> (Self, Recovered) {
        let Self { gate, disk, clock, wires, name } = self;
        drop(gate);
        let (gate, recovered) =
            Gate::recover(disk.clone(), &path(&name), options(&clock, &name, "again"), setup(&wires))
                .unwrap();
        (Self { gate, disk, clock, wires, name }, recovered)
    }

    /// A turn of the agent with this many calls; the number of the answer's record.
    pub(crate) fn turn(&self, turn: u32, calls: u16) -> u64 {
        crate::turn::turn(&self.gate, turn, &format!("please do it, {turn}"), calls).unwrap()
    }

    /// The records of the trace on the disk, as a reader finds them.
    pub(crate) fn records(&self) -> Vec<Record> {
        let _ = self.gate.flush();
        let reader = TraceReader::open(&self.disk, &path(&self.name)).unwrap();
        let mut records = Vec::new();
        let mut buffer = rederive_archive::BlockBuffer::new();
        for number in 0..reader.segments() {
            let segment = reader.segment(number).unwrap();
            records.extend(decoded(segment.frames(&mut buffer).unwrap()));
        }
        if let Some(open) = reader.open_segment() {
            records.extend(decoded(open.frames()));
        }
        records
    }

    /// The bytes of the trace file, and of its open log.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        all(&self.disk, &path(&self.name))
    }

    pub(crate) fn log_bytes(&self) -> Vec<u8> {
        let mut log = path(&self.name).into_os_string();
        log.push("-open");
        all(&self.disk, Path::new(&log))
    }

    /// A message of the user that the machine refuses or takes: what counts is its time.
    pub(crate) fn turn_refused(&self, turn: u32) -> bool {
        let given = PromptGiven { role: Role::User, message: Content(0) };
        let mut given = Draft::new(id("ada"), Origin::Human, given);
        given.content(MediaType::Text, format!("later, {turn}")).unwrap();
        given.causes = Causes::of([0]);
        self.gate.record(given).is_err()
    }

    /// The kinds of the records at a place, in order.
    pub(crate) fn kinds(&self, place: &Place) -> Vec<Kind> {
        let at = |record: &Record| record.input.place.as_ref() == Some(place) && !is_prompt(record);
        self.records().iter().filter(|record| at(record)).map(|record| record.input.body.kind()).collect()
    }

    /// The bytes of a content of the trace.
    pub(crate) fn content(&self, commitment: &Digest) -> Option<Vec<u8>> {
        let reader = TraceReader::open(&self.disk, &path(&self.name)).unwrap();
        let mut contents = reader.content_reader();
        contents.read(commitment).unwrap().map(|content| content.bytes.to_vec())
    }
}

fn all(disk: &FaultyStorage, path: &Path) -> Vec<u8> {
    let Ok(file) = disk.open(path, Access::Read) else { return Vec::new() };
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    let mut at = 0;
    while at < bytes.len() {
        at += file.read_at(&mut bytes[at..], at as u64).unwrap();
    }
    bytes
}

fn is_prompt(record: &Record) -> bool {
    matches!(record.input.body.kind(), Kind::PromptSent | Kind::PromptAnswered)
}

fn decoded(frames: &[u8]) -> Vec<Record> {
    split_frames(frames).map(|frame| Record::decode_frame(frame.unwrap()).unwrap().0).collect()
}

pub(crate) fn place(turn: u32, index: u16) -> Place {
    Place { agent: id("agent"), turn, index, attempt: 0 }
}

/// A call of `tool` at this place.
pub(crate) fn intent(tool: &str, turn: u32, index: u16, answer: u64) -> Intent {
    Intent::new(id(tool), Payload::json(r#"{"to":"eve"}"#), place(turn, index), Causes::of([answer]))
}
