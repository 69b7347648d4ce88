//! A run with a gate: one tool, a bundle of four policies, an approver, a trace that replays.
//!
//! `cargo run -p rederive-gate --example mailer -- FOLDER` makes FOLDER/run.rdt, FOLDER/roots.json and FOLDER/archive, and says what became of each
//! call. docs/gate.md goes through it. With a second folder the approver answers there, with `rederive approve`: docs/approvers.md.

#[path = "../samples/outbox.rs"]
mod outbox;
#[path = "../samples/turn.rs"]
mod turn;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rederive_archive::storage::OsStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::kinds::run::{RunEnd, RunOpened};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Label, Mode, ModelEntry,
    Origin, Place, ScopeItem, Sensitivity, Trust,
};
use rederive_gate::approver::FolderQueue;
use rederive_gate::ports::{
    Approver, Evidence, Failure, Payload, Review, Runner, Tool, ToolFailure, ToolReply, Verdict, Word,
};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Held, Intent, Registration, Setup};
use rederive_policy::bundle::Store;
use rederive_policy::registry::Entry;
use rederive_policy::request::{ArgumentRole, ToolFacts};
use rederive_policy::{Bundle, Registry};
use rederive_recorder::{Durability, Options, SystemClock, opening};

/// The whole of the policy: mail inside of the house goes, mail to anybody else waits for a person, and nobody writes to everybody.
const POLICIES: &str = r#"
@id("look")
permit (principal, action in Effect::Action::"read", resource);

@id("inside")
permit (principal, action in Effect::Action::"send", resource)
when { context has target && context.target like "*@house.example" };

@id("outside")
@directive("require-approval")
@text("mail to anybody outside of the house waits for a person")
permit (principal, action in Effect::Action::"send", resource)
unless { context has target && context.target like "*@house.example" };

@id("everybody")
forbid (principal, action in Effect::Action::"send", resource)
when { context has target && context.target like "all@*" };
"#;

/// What the user asks for.
const SAID: &str =
    "tell ada@house.example, all@house.example and eve@elsewhere.example that the report is ready";

/// Who may approve what.
const ENTITLEMENTS: &str = r#"{"entitlements":[{"approvers":["bob"],"effects":["send"]}]}"#;

/// "Sends" mail: only ever called with a dispatch, which only a live PERMIT makes.
struct Mailer;

impl Tool for Mailer {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let sent = String::from_utf8_lossy(dispatch.call().arguments.bytes()).into_owned();
        Ok(ToolReply::new(Payload::json(format!("{{\"sent\":{sent}}}"))))
    }
}

/// The person at the desk: keeps what is shown, and answers later.
#[derive(Default)]
struct Desk(Mutex<Option<Evidence>>);

impl Approver for Desk {
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure> {
        *self.0.lock().map_err(|_| "the desk is gone")? = Some(evidence.clone());
        Ok(Review::Later(None))
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mailer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: mailer FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let run_key = Arc::new(SigningKey::from_seed(&[1; 32]));
    let gate_key = Arc::new(SigningKey::from_seed(&[2; 32]));
    let bob = SigningKey::from_seed(&[3; 32]);

    let files = BTreeMap::from([
        ("policies/mail.cedar".to_owned(), POLICIES.as_bytes().to_vec()),
        ("entitlements.json".to_owned(), ENTITLEMENTS.as_bytes().to_vec()),
    ]);
    let bundle = Bundle::of_files(Id::new("mail")?, Id::new("1")?, Id::new("cedar")?, files)?;
    let desk = Arc::new(Desk::default());
    let approvals = std::env::args_os().nth(2).map(PathBuf::from);
    let mut setup = Setup::new(Arc::new(BundlePolicy::new(&bundle)?), gate_key.clone());
    setup.approver = Some(match &approvals {
        Some(folder) => Arc::new(queue(folder, &gate_key, &bob)?),
        None => desk.clone(),
    });
    setup.effects = Some(Arc::new(outbox::Outbox));
    let registry = registry()?;
    let setup = setup.tool(mail_tool(&registry)?);
    let options =
        Options { durability: Durability::Group(64), signer: Some(run_key.clone()), ..Options::default() };
    let opening = opening_record(&bundle, &registry, &bob)?;
    let trace = folder.join("run.rdt");
    if trace.exists() {
        return Err(format!("{} is there already: name another folder", trace.display()).into());
    }
    let gate = Gate::open(OsStorage, &trace, opening, options, setup)?;

    let answer = turn::turn(&gate, 0, SAID, 3)?;
    for (index, to) in ["ada@house.example", "all@house.example", "eve@elsewhere.example"].iter().enumerate()
    {
        let arguments = Payload::json(format!("{{\"to\":\"{to}\",\"text\":\"the report is ready\"}}"));
        let place = Place { agent: Id::new("agent")?, turn: 0, index: u16::try_from(index)?, attempt: 0 };
        let intent = Intent::new(Id::new("send_mail")?, arguments, place, Causes::of([answer]));
        match gate.call(intent) {
            fate @ (Fate::Returned(_) | Fate::Blocked(_)) => println!("{to}: {}", told(&fate)),
            Fate::Held(held) => {
                println!("{to}: held as {}", held.approval);
                let fate = match &approvals {
                    Some(folder) => answer_from_folder(&gate, &held, folder, &gate_key)?,
                    None => answer_at_desk(&gate, &held, &desk, &bob)?,
                };
                println!("{to}: {}", told(&fate));
            }
            fate @ (Fate::Failed(_) | Fate::Unknown(_)) => println!("{to}: {}", told(&fate)),
        }
    }
    let sealed = gate.close(RunEnd::Completed).map_err(|why| why.to_string())?;
    println!("run {} of {} records is sealed", sealed.run, sealed.records);
    let key = |key: String, role| format!("{{\"key\":\"{key}\",\"role\":\"{role}\"}}");
    let keys = [
        key(run_key.public_key().to_hex(), "recorder"),
        key(gate_key.public_key().to_hex(), "gate"),
        key(bob.public_key().to_hex(), "approver"),
    ];
    std::fs::write(
        folder.join("roots.json"),
        format!("{{\"rederive_trust\":1,\"keys\":[{}]}}\n", keys.join(",")),
    )?;
    // What the run pins, for whoever judges its decisions again.
    let archive = folder.join("archive");
    let _ = Store::new(&archive).put(&bundle)?;
    std::fs::write(archive.join("registry.json"), registry.to_json())?;
    Ok(())
}

/// Bob, here: reads the page, and signs his word.
fn answer_at_desk(gate: &Gate, held: &Held, desk: &Desk, bob: &SigningKey) -> Result<Fate, Box<dyn Error>> {
    let evidence = desk.0.lock().map_err(|_| "the desk is gone")?.take().ok_or("nothing shown")?;
    println!("--- what Bob reads\n{}---", String::from_utf8_lossy(evidence.page.bytes()));
    let verdict = Verdict::Approve;
    let statement = evidence.statement(&Id::new("bob")?, verdict.code());
    let signature = rederive_evidence::signed::sign_detached(&statement, bob)?;
    let approver = Id::new("bob")?;
    let word = Word { approver, verdict, shown: evidence.shown, signature: Some(signature) };
    Ok(gate.answer(&held.approval, word)?)
}

/// A folder in which Bob answers, with his key beside it. docs/approvers.md goes through it.
fn queue(folder: &Path, gate_key: &SigningKey, bob: &SigningKey) -> Result<FolderQueue, Box<dyn Error>> {
    let approvers = [(Id::new("bob")?, bob.public_key())];
    let queue = FolderQueue::open(folder, gate_key.clone(), approvers, SystemClock)?;
    std::fs::write(folder.join("bob.key"), bob.format().as_bytes())?;
    Ok(queue)
}

/// Bob, elsewhere: the call is held until he has answered, or the approval has ended.
fn answer_from_folder(
    gate: &Gate,
    held: &Held,
    folder: &Path,
    gate_key: &SigningKey,
) -> Result<Fate, Box<dyn Error>> {
    let common =
        format!("--queue {} --gate {} {}", folder.display(), gate_key.public_key().to_hex(), held.approval);
    println!("rederive approve show {common}");
    println!(
        "rederive approve approve {common} --as bob --key {} --shown DIGITS",
        folder.join("bob.key").display()
    );
    loop {
        match gate.resume(&held.approval) {
            Some(Fate::Held(_)) => std::thread::sleep(Duration::from_millis(500)),
            Some(fate) => return Ok(fate),
            None => return Err("the call is not held any more".into()),
        }
    }
}

/// What became of a call.
fn told(fate: &Fate) -> String {
    match fate {
        Fate::Returned(returned) => format!("sent, record {}", returned.from.0),
        Fate::Failed(failed) => format!("failed: {}", failed.class),
        Fate::Blocked(blocked) => format!("blocked: {}", blocked.why),
        Fate::Unknown(_) => "nobody knows whether it was sent".to_owned(),
        Fate::Held(held) => format!("held as {}", held.approval),
    }
}

/// The registry: what policies may know of the one tool, and the schema of its arguments.
fn registry() -> Result<Registry, Box<dyn Error>> {
    let facts = ToolFacts {
        version: Some(Id::new("1")?),
        reversible: true,
        result: Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal },
        clearance: Sensitivity::Restricted,
        roles: BTreeMap::from([("/to".to_owned(), ArgumentRole::Destination)]),
        ..ToolFacts::of(Id::new("mail")?, EffectsClass::Send)
    };
    let schema = serde_json::json!({
        "type": "object",
        "required": ["to", "text"],
        "properties": {"to": {"type": "string"}, "text": {"type": "string"}},
    });
    let entry = Entry { facts, schema: Some(schema), reasons: BTreeMap::new() };
    Ok(Registry { tools: BTreeMap::from([(Id::new("send_mail")?, entry)]), ..Registry::default() })
}

fn mail_tool(registry: &Registry) -> Result<Registration, Box<dyn Error>> {
    let name = Id::new("send_mail")?;
    let entry = registry.tools.get(&name).ok_or("the registry does not list the tool")?;
    let runner = Runner::Direct(Box::new(Mailer));
    Ok(Registration::listed(name, entry, runner).ok_or("the registry has no schema of the tool")?)
}

/// Who acts for whom, under what: everything that the run is bound to.
fn opening_record(bundle: &Bundle, registry: &Registry, bob: &SigningKey) -> Result<Draft, Box<dyn Error>> {
    let id = Id::new;
    let tenant = id("house")?;
    let mut body: RunOpened = opening(
        Mode::Enforced,
        tenant.clone(),
        id("session-1")?,
        [id("ada")?, id("agent")?, id("recorder")?],
    );
    let actor = |name: &str, actor_type, key| {
        Ok::<_, Box<dyn Error>>(Actor { id: Id::new(name)?, actor_type, key, owner: None, scope: None })
    };
    body.actors.extend([
        actor("gate", ActorType::Gate, None)?,
        actor("broker", ActorType::Broker, None)?,
        actor("bob", ActorType::Approver, Some(bob.public_key()))?,
    ]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_micros();
    let now = rederive_evidence::ids::RecordedTime(u64::try_from(now)?);
    body.environment = Given::Known(Environment::Test);
    body.session.expires = Given::Known(now.plus_ms(3_600_000));
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1")?);
    body.persona.digest = Given::Known(bundle.digest());
    body.build.version = Given::Known(id("1")?);
    body.build.digest = Given::Known(bundle.digest());
    body.owner = Given::Known(id("ada")?);
    body.goal = Given::Known(Content(0));
    body.scope = Given::Known(vec![ScopeItem {
        tool: id("send_mail")?,
        action: EffectsClass::Send,
        resource: None,
        tenant,
        approval: ApprovalPolicy::None,
    }]);
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(registry.digest());
    body.models = vec![ModelEntry { id: id("model")?, clearance: Given::Known(Sensitivity::Restricted) }];
    let mut draft = Draft::new(id("recorder")?, Origin::Code, Box::new(body));
    draft.content(MediaType::Text, SAID)?;
    Ok(draft)
}
