//! Every setting of the gate, each by a few lines that docs/gate.md shows: limits, preview, effects, guardrails, credentials, sandbox, approvers, and the
//! callers, one of them in another process.
//!
//! `cargo run -p rederive-gate --example settings -- FOLDER` makes FOLDER/run.rdt, and what replays it, FOLDER/archive and FOLDER/roots.json: a mail that is held, answered while no gate is there, and sent by the
//! gate that goes on with the run.

#[path = "../samples/turn.rs"]
#[allow(clippy::duplicate_mod, reason = "a program of its own, which a test takes in beside its own turns")]
mod turn;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rederive_archive::storage::OsStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, PublicKey, RecordedTime};
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::kinds::run::{RunEnd, RunOpened};
use rederive_evidence::receipt::ApproverVerdict;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Limits, Mode, ModelEntry,
    Origin, Place, ScopeItem, Sensitivity,
};
use rederive_gate::approver::{Answer, FolderQueue};
use rederive_gate::credentials::LocalBroker;
use rederive_gate::guardrails::{Destinations, Instructions, Masking, Response};
use rederive_gate::outcome::{Compared, Doings, KnownEffects};
use rederive_gate::ports::{
    CallFacts, Command, Expectation, Failure, Finished, Job, Payload, Preview, Runner, Tool, ToolFailure,
    ToolReply,
};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Held, Intent, Registration, Setup};
use rederive_policy::bundle::Store;
use rederive_policy::{Bundle, Registry};
use rederive_recorder::{Durability, Options, SystemClock, opening};

/// Mail waits for a person.
const POLICIES: &str = r#"
@id("mail")
@directive("require-approval")
permit (principal, action in Effect::Action::"send", resource);

@id("tests")
permit (principal, action in Effect::Action::"execute", resource);
"#;

const REGISTRY: &str = r#"{
  "format": 1,
  "tools": {
    "send_mail": {
      "version": "1", "surface": "mail", "effects": "send", "reversible": true, "preview": true,
      "result": {"trust": "internal", "sensitivity": "internal"}, "clearance": "restricted",
      "roles": {"/to": "destination"},
      "schema": {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    },
    "run_tests": {
      "version": "1", "surface": "workspace", "effects": "execute", "reversible": true, "preview": false,
      "result": {"trust": "external", "sensitivity": "internal"}, "clearance": "internal",
      "schema": {"type": "object"}
    }
  }
}"#;

/// Who may approve what: a file of the bundle.
const ENTITLEMENTS: &str = r#"{"entitlements":[{"approvers":["bob"],"effects":["send"]}]}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: settings FOLDER")?;
    let told = run(Path::new(&folder))?;
    println!("{told}");
    Ok(())
}

struct Mail;

impl Tool for Mail {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        // guide: use-credential
        let (_, token) = dispatch.credential().ok_or(ToolFailure::Lost)?;
        let header = [b"Bearer ", token.expose()].concat();
        // end
        assert!(header.len() > 64, "a token is longer than its word");
        Ok(ToolReply::new(change(dispatch.call())))
    }
}

// guide: limits
/// What the run may use up (LIM-1). What is not named has no limit.
fn limit(run: &mut RunOpened) {
    run.limits = Limits {
        calls: Some(100),
        // In any minute of recorded time.
        rate_calls: Some(10),
        rate_window_ms: Some(60_000),
        // Five of the run's currency: what models and tools say that they cost.
        spend_micros: Some(5_000_000),
        // Blast radius: how many different targets calls above `read` touch.
        targets: Some(3),
        // Of the arguments of what is sent, and of released outputs.
        bytes_out: Some(64 << 10),
        retries: Some(2),
        credential_lifetime_ms: Some(60_000),
        ..Limits::default()
    };
}
// end

// guide: preview
/// What a mail changes: what the preview shows is what the gate then expects, and compares with what is observed.
fn change(call: &CallFacts) -> Payload {
    let arguments = String::from_utf8_lossy(call.arguments.bytes());
    Payload::text(format!("one mail more in the outbox: {arguments}"))
}

/// What a mail would be, for the approver's page. It has no way to send one.
struct Draughts;

impl Preview for Draughts {
    fn diff(&self, call: &CallFacts) -> Result<Payload, Failure> {
        Ok(change(call))
    }
}

fn previewed(mut tool: Registration) -> Registration {
    // The registry has to say `"preview": true`, or the gate does not open.
    tool.preview = Some(Box::new(Draughts));
    tool
}
// end

// guide: effects
/// What is expected of a mail, how it is seen, taken back and made up for (OUT-3), and who is told where none of it helps.
fn effects(surface: Id, owner: Id) -> KnownEffects {
    let mail = Doings::new(move |call| {
        Ok(Some(Expectation {
            system: call.surface.clone(),
            expected: change(call),
            // Every byte. `Compared::Fields(vec!["/to".into()])`: of a JSON object this field alone, whatever else an answer has.
            compared: Compared::Bytes,
            rollback: Some(Payload::text("recall the mail")),
            containment: Some(Payload::text("hold the outbox")),
            owner: owner.clone(),
            amount_micros: None,
        }))
    })
    // Better looked up in the system itself than taken from the reply.
    .observing(|_call, reply| Ok(reply.result.clone()))
    // Tried in this order until one is done: None would say that it was done, with nothing to tell; an error, that it was not.
    .rolling_back(|_call, _expected| Ok(Some(Payload::text("recalled"))))
    .quarantining(|_call, _expected| Ok(Some(Payload::text("the outbox is held"))))
    .compensating(|_call, _expected| Ok(Some(Payload::text("a correction is sent"))));
    KnownEffects::new(|_call, owner, _notice| {
        eprintln!("{owner}: a mail did not do what it should");
        Ok(())
    })
    .with(surface, mail)
}
// end

// guide: guardrails
/// Asked in this order, each about the stages that it inspects. `Guardrail` is the trait for your own.
fn guard(setup: &mut Setup) -> Result<(), Box<dyn Error>> {
    setup.guardrails = vec![
        Arc::new(Masking::of_secrets()),
        Arc::new(Destinations::new().allow(["house.example", "elsewhere.example"])?),
        Arc::new(Instructions::new(Response::Withhold)),
    ];
    Ok(())
}
// end

// guide: credentials
/// Each mail gets a token of its own, for this audience, of a minute at most; the mail server checks it with `credentials::verify_token`.
fn credentials(broker_key: SigningKey) -> Result<LocalBroker, Box<dyn Error>> {
    Ok(LocalBroker::new(broker_key, 60_000).with_tokens(Id::new("mail")?, Id::new("mail-server")?))
}
// end

// guide: sandbox
/// A tool of the class `execute` says what to run, and the sandbox runs it.
struct Tests;

impl Command for Tests {
    fn job(&self, dispatch: &Dispatch) -> Result<Job, Failure> {
        Ok(Job {
            command: vec!["/usr/bin/make".into(), "test".into()],
            input: Vec::new(),
            environment: BTreeMap::new(),
            writable: None,
            readable: vec!["/srv/project".into()],
            // Hosts and ports. None: no network.
            network: Vec::new(),
            time: dispatch.time(),
            memory_bytes_max: 1 << 30,
            output_bytes_max: 1 << 20,
            processes_max: 64,
        })
    }

    fn reply(&self, finished: Finished) -> Result<ToolReply, ToolFailure> {
        Ok(ToolReply::new(Payload::text(String::from_utf8_lossy(&finished.stdout))))
    }
}

#[cfg(target_os = "linux")]
fn sandboxed(mut setup: Setup, registry: &Registry, helper: &Path) -> Result<Setup, Box<dyn Error>> {
    // `helper` is the program rederive-sandbox, built with the gate.
    setup.sandbox = Some(Arc::new(rederive_gate::sandbox::Namespaces::new(Id::new("namespaces")?, helper)));
    let name = Id::new("run_tests")?;
    let entry = registry.tools.get(&name).ok_or("the registry does not list the tool")?;
    let tool = Registration::listed(name, entry, Runner::Sandboxed(Box::new(Tests)));
    Ok(setup.tool(tool.ok_or("the registry has no schema of the tool")?))
}
// end

// guide: approvers
/// People who answer with `rederive approve`, here or elsewhere, now or later. A `TerminalApprover` asks one person at this terminal.
fn approvers(folder: &Path, gate_key: SigningKey, bob: PublicKey) -> Result<FolderQueue, Box<dyn Error>> {
    Ok(FolderQueue::open(folder, gate_key, [(Id::new("bob")?, bob)], SystemClock)?)
}
// end

// guide: actors
/// Whom a run names for its parts: a record that the gate makes is made in one of these names.
fn name_parts(run: &mut RunOpened, gate: PublicKey, bob: PublicKey) -> Result<(), Box<dyn Error>> {
    for (name, actor_type, key) in [
        ("gate", ActorType::Gate, Some(gate)),
        ("broker", ActorType::Broker, None),
        ("vault", ActorType::CredentialBroker, None),
        ("guard", ActorType::Guardrail, None),
        ("bob", ActorType::Approver, Some(bob)),
    ] {
        run.actors.push(Actor { id: Id::new(name)?, actor_type, key, owner: None, scope: None });
    }
    Ok(())
}
// end

// guide: blocking
/// On this thread, until the call has ended or waits for a person.
fn call(gate: &Gate, intent: Intent) -> Fate {
    gate.call(intent)
}
// end

// guide: async
/// From any runtime: nothing blocks here.
async fn call_later(gate: Gate, intent: Intent) -> Fate {
    gate.submit(intent).await
}

/// A held call, from any runtime. None: no call waits under this name.
async fn go_on(gate: Gate, held: Held) -> Option<Fate> {
    gate.submit_resume(&held.approval).await
}
// end

// guide: fates
/// What a caller does with each answer. There is no sixth, and none that means "perhaps".
fn told(fate: &Fate) -> String {
    match fate {
        // Permitted, and it answered: `content` is what the model may see, and the next prompt names `from` as where that comes from.
        Fate::Returned(returned) => format!("done, record {}", returned.from.0),
        // Permitted, and the tool says that it failed. The model may see `content`; another try is a new attempt at this place.
        Fate::Failed(failed) => format!("failed: {}", failed.class),
        // Nothing happened: denied, stopped by a guardrail, above a limit, stale, cancelled. `notice` is what the model is told; `why` is for you.
        Fate::Blocked(blocked) => format!("blocked: {}", blocked.why),
        // It was dispatched, and nobody can say whether it took effect. Never call it again by yourself: look in the system, or ask its owner.
        Fate::Unknown(unknown) => format!("unknown: {}", unknown.reason),
        // A person has it before them. Keep nothing: the trace has it. `gate.resume` later, in this process or another.
        Fate::Held(held) => format!("held as {}", held.approval),
    }
}
// end

// guide: elsewhere
/// Another process, later: opens no new run, but goes on with this one.
fn go_on_elsewhere(trace: &Path, options: Options, setup: Setup) -> Result<Vec<Fate>, Box<dyn Error>> {
    let (gate, recovered) = Gate::recover(OsStorage, trace, options, setup)?;
    // Dispatched before the first process ended, and of unknown fate: for a person to look after.
    for place in &recovered.unknown {
        eprintln!("unknown: call {} of turn {}", place.index, place.turn);
    }
    // Held then and held now. Who has been answered meanwhile goes on; the others wait on.
    let fates = recovered.held.iter().filter_map(|held| gate.resume(&held.approval)).collect();
    let _ = gate.close(RunEnd::Completed).map_err(|why| why.to_string())?;
    Ok(fates)
}
// end

/// The keys of the example; yours come from `rederive keygen`.
fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn options() -> Options {
    Options { durability: Durability::Group(64), signer: Some(Arc::new(key(1))), ..Options::default() }
}

fn setup(bundle: &Bundle, registry: &Arc<Registry>, folder: &Path) -> Result<Setup, Box<dyn Error>> {
    let name = Id::new("send_mail")?;
    let entry = registry.tools.get(&name).ok_or("the registry does not list the tool")?;
    let tool = Registration::listed(name, entry, Runner::Direct(Box::new(Mail)));
    let tool = previewed(tool.ok_or("the registry has no schema of the tool")?);
    let mut setup = Setup::new(Arc::new(BundlePolicy::new(bundle)?), Arc::new(key(2))).tool(tool);
    // guide: registry
    // No gate opens where the run pins another registry, or a tool is not as this one says.
    setup.registry = Some(Arc::clone(registry));
    // end
    guard(&mut setup)?;
    setup.effects = Some(Arc::new(effects(Id::new("mail")?, Id::new("olga")?)));
    setup.credentials = Some(Arc::new(credentials(key(4))?));
    setup.approver = Some(Arc::new(approvers(&folder.join("approvals"), key(2), key(3).public_key())?));
    // guide: times
    // How long each part may take, how long a permit and a credential last, and how long a person has.
    setup.times.approval_ms = 24 * 3_600_000;
    setup.times.effects = Duration::from_secs(5);
    // end
    #[cfg(target_os = "linux")]
    let setup = sandboxed(setup, registry, Path::new("/usr/lib/rederive/rederive-sandbox"))?;
    Ok(setup)
}

fn opening_record(bundle: &Bundle, registry: &Registry) -> Result<Draft, Box<dyn Error>> {
    let id = Id::new;
    let house = id("house")?;
    let actors = [id("ada")?, id("agent")?, id("recorder")?];
    let mut body = opening(Mode::Enforced, house.clone(), id("session-1")?, actors);
    name_parts(&mut body, key(2).public_key(), key(3).public_key())?;
    limit(&mut body);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros();
    body.session.expires = Given::Known(RecordedTime(u64::try_from(now)?).plus_ms(24 * 3_600_000));
    body.environment = Given::Known(Environment::Test);
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1")?);
    body.persona.digest = Given::Known(bundle.digest());
    body.build.version = Given::Known(id("1")?);
    body.build.digest = Given::Known(bundle.digest());
    body.owner = Given::Known(id("ada")?);
    body.goal = Given::Known(Content(0));
    let item = |tool: &str, action| {
        let (tenant, approval) = (house.clone(), ApprovalPolicy::None);
        Ok::<_, Box<dyn Error>>(ScopeItem { tool: Id::new(tool)?, action, resource: None, tenant, approval })
    };
    body.scope =
        Given::Known(vec![item("send_mail", EffectsClass::Send)?, item("run_tests", EffectsClass::Execute)?]);
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(registry.digest());
    body.models = vec![ModelEntry { id: id("model")?, clearance: Given::Known(Sensitivity::Internal) }];
    let mut draft = Draft::new(id("recorder")?, Origin::Code, Box::new(body));
    draft.content(MediaType::Text, "tell eve@elsewhere.example that the report is ready")?;
    Ok(draft)
}

/// A mail is held, twice over; Bob answers while no gate is there; the next one sends it. What became of it.
pub(crate) fn run(folder: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let files = BTreeMap::from([
        ("policies/mail.cedar".to_owned(), POLICIES.as_bytes().to_vec()),
        ("entitlements.json".to_owned(), ENTITLEMENTS.as_bytes().to_vec()),
    ]);
    let bundle = Bundle::of_files(Id::new("mail")?, Id::new("1")?, Id::new("cedar")?, files)?;
    let registry = Arc::new(Registry::parse(REGISTRY.as_bytes())?);
    let trace = folder.join("run.rdt");
    let first = opening_record(&bundle, &registry)?;
    let gate = Gate::open(OsStorage, &trace, first, options(), setup(&bundle, &registry, folder)?)?;
    let answer = turn::turn(&gate, 0, "tell eve@elsewhere.example that the report is ready", 2)?;
    let intent = |index| {
        let place = Place { agent: Id::new("agent")?, turn: 0, index, attempt: 0 };
        let arguments = Payload::json(r#"{"to":"eve@elsewhere.example"}"#);
        Ok::<_, Box<dyn Error>>(Intent::new(Id::new("send_mail")?, arguments, place, Causes::of([answer])))
    };
    let mut fates = vec![told(&call(&gate, intent(0)?))];
    let held = match block_on(call_later(gate.clone(), intent(1)?)) {
        Fate::Held(held) => held,
        other @ (Fate::Returned(_) | Fate::Failed(_) | Fate::Blocked(_) | Fate::Unknown(_)) => {
            return Err(told(&other).into());
        }
    };
    let asked = block_on(go_on(gate.clone(), held.clone())).ok_or("it is not held")?;
    fates.push(told(&asked));
    drop(gate);
    for file in FolderQueue::requests(&folder.join("approvals"))?.0 {
        let (request, bob) = (file.request, Id::new("bob")?);
        let signed = Answer::sign(&request, &bob, ApproverVerdict::Approved, "", &key(3))?;
        FolderQueue::put_answer(&folder.join("approvals"), &request, signed.as_bytes())?;
    }
    let after = go_on_elsewhere(&trace, options(), setup(&bundle, &registry, folder)?)?;
    fates.extend(after.iter().map(told));
    keep_pinned(folder, &bundle, &registry)?;
    Ok(fates.join("\n"))
}

/// What the run pins and whose signatures count, for whoever judges its decisions again.
fn keep_pinned(folder: &Path, bundle: &Bundle, registry: &Registry) -> Result<(), Box<dyn Error>> {
    let archive = folder.join("archive");
    let _ = Store::new(&archive).put(bundle)?;
    std::fs::write(archive.join("registry.json"), registry.to_json())?;
    let keys = [(1, "recorder"), (2, "gate"), (3, "approver")]
        .map(|(seed, role)| format!(r#"{{"key":"{}","role":"{role}"}}"#, key(seed).public_key().to_hex()));
    let roots = format!("{{\"rederive_trust\":1,\"keys\":[{}]}}\n", keys.join(","));
    Ok(std::fs::write(folder.join("roots.json"), roots)?)
}

/// Waits for a future on this thread, as a runtime would.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    use std::task::{Context, Poll, Wake, Waker};
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
