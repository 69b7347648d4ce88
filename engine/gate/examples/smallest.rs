//! The smallest whole program around the gate: one tool, one policy, one call. docs/gate.md goes through it, line by line.
//!
//! `cargo run -p rederive-gate --example smallest -- FOLDER` makes FOLDER/run.rdt, and FOLDER/archive and FOLDER/roots.json, with which its decision is made again.

// guide: imports
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rederive_archive::storage::OsStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef, RecordedTime};
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::prompt::{Part, PromptAnswered, PromptGiven, PromptSent, StopReason};
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Mode, ModelEntry, Origin,
    Place, Role, ScopeItem, Sensitivity,
};
use rederive_gate::ports::{Payload, Runner, Tool, ToolFailure, ToolReply};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Intent, Registration, Setup};
use rederive_policy::bundle::Store;
use rederive_policy::{Bundle, Registry};
use rederive_recorder::{Durability, Options, opening};
// end

// guide: tool
/// Reads notes. A dispatch is a permit that was used up: nothing else calls a tool.
struct Notes;

impl Tool for Notes {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let asked = String::from_utf8_lossy(dispatch.call().arguments.bytes()).into_owned();
        Ok(ToolReply::new(Payload::text(format!("the note of {asked}"))))
    }
}
// end

// guide: registry
/// What policies may know of the tools, and what their arguments have to be.
const REGISTRY: &str = r#"{
  "format": 1,
  "tools": {
    "read_note": {
      "version": "1", "surface": "notes", "effects": "read", "reversible": true, "preview": false,
      "result": {"trust": "internal", "sensitivity": "internal"}, "clearance": "internal",
      "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    }
  }
}"#;
// end

// guide: policies
/// Reading is permitted. What no policy permits is not.
const POLICIES: &str = r#"
@id("reads")
permit (principal, action in Effect::Action::"read", resource);
"#;
// end

// guide: run
fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: smallest FOLDER")?;
    run(Path::new(&folder))
}

pub(crate) fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    // 1. The policy and the registry: the run pins both by their digests.
    let files = BTreeMap::from([("policies/notes.cedar".to_owned(), POLICIES.as_bytes().to_vec())]);
    let bundle = Bundle::of_files(Id::new("notes")?, Id::new("1")?, Id::new("cedar")?, files)?;
    let registry = Arc::new(Registry::parse(REGISTRY.as_bytes())?);

    // 2. The gate's parts: a policy, the key that signs receipts, and each tool as the registry lists it.
    let name = Id::new("read_note")?;
    let entry = registry.tools.get(&name).ok_or("the registry does not list the tool")?;
    let tool = Registration::listed(name.clone(), entry, Runner::Direct(Box::new(Notes)));
    let tool = tool.ok_or("the registry has no schema of the tool")?;
    let receipt_key = Arc::new(SigningKey::from_seed(&[2; 32]));
    let mut setup = Setup::new(Arc::new(BundlePolicy::new(&bundle)?), receipt_key.clone()).tool(tool);
    setup.registry = Some(Arc::clone(&registry));

    // 3. The run: who acts for whom, under what, in which file.
    std::fs::create_dir_all(folder)?;
    let run_key = Arc::new(SigningKey::from_seed(&[1; 32]));
    let signer = Some(run_key.clone() as Arc<dyn Signer + Send + Sync>);
    let options = Options { durability: Durability::Group(64), signer, ..Options::default() };
    let first = opening_record(&bundle, &registry)?;
    let gate = Gate::open(OsStorage, &folder.join("run.rdt"), first, options, setup)?;

    // 4. What the planner saw and said, and the call that the model asked for.
    let place = Place { agent: Id::new("agent")?, turn: 0, index: 0, attempt: 0 };
    let answer = turn(&gate, &place)?;
    let arguments = Payload::json(r#"{"name":"today"}"#);
    match gate.call(Intent::new(name, arguments, place, Causes::of([answer]))) {
        Fate::Returned(returned) => {
            println!("the model sees: {}", String::from_utf8_lossy(returned.content.bytes()));
        }
        fate @ (Fate::Failed(_) | Fate::Blocked(_) | Fate::Unknown(_) | Fate::Held(_)) => {
            println!("{fate:?}");
        }
    }

    // 5. The end: the run is sealed, and what it pins is kept for whoever judges its decision again.
    let sealed = gate.close(RunEnd::Completed).map_err(|why| why.to_string())?;
    println!("run {} of {} records is sealed", sealed.run, sealed.records);
    let archive = folder.join("archive");
    let _ = Store::new(&archive).put(&bundle)?;
    std::fs::write(archive.join("registry.json"), registry.to_json())?;

    // 6. Whose signatures count for them: in earnest this file comes another way than the trace.
    let key =
        |key: &SigningKey, role| format!(r#"{{"key":"{}","role":"{role}"}}"#, key.public_key().to_hex());
    let keys = [key(&run_key, "recorder"), key(&receipt_key, "gate")].join(",");
    std::fs::write(folder.join("roots.json"), format!("{{\"rederive_trust\":1,\"keys\":[{keys}]}}\n"))?;
    Ok(())
}
// end

// guide: opening
/// Everything that the run is bound to. What is left out here, the machine misses: it refuses the opening, or the call.
fn opening_record(bundle: &Bundle, registry: &Registry) -> Result<Draft, Box<dyn Error>> {
    let id = Id::new;
    let (ada, agent, recorder, house) = (id("ada")?, id("agent")?, id("recorder")?, id("house")?);
    let mut body =
        opening(Mode::Enforced, house.clone(), id("session-1")?, [ada.clone(), agent, recorder.clone()]);
    for (name, actor_type) in [("gate", ActorType::Gate), ("broker", ActorType::Broker)] {
        body.actors.push(Actor { id: id(name)?, actor_type, key: None, owner: None, scope: None });
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_micros();
    body.session.expires = Given::Known(RecordedTime(u64::try_from(now)?).plus_ms(3_600_000));
    body.environment = Given::Known(Environment::Test);
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1")?);
    body.persona.digest = Given::Known(bundle.digest());
    body.build.version = Given::Known(id("1")?);
    body.build.digest = Given::Known(bundle.digest());
    body.owner = Given::Known(ada);
    body.goal = Given::Known(Content(0));
    let (tool, action, approval) = (id("read_note")?, EffectsClass::Read, ApprovalPolicy::None);
    body.scope = Given::Known(vec![ScopeItem { tool, action, resource: None, tenant: house, approval }]);
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(registry.digest());
    body.models = vec![ModelEntry { id: id("model")?, clearance: Given::Known(Sensitivity::Internal) }];
    let mut draft = Draft::new(recorder, Origin::Code, Box::new(body));
    draft.content(MediaType::Text, "keep Ada's notes")?;
    Ok(draft)
}
// end

// guide: turn
/// A turn of the planner's: what the user said, what went to the model, and its answer with one call. The number of the answer's record.
fn turn(gate: &Gate, place: &Place) -> Result<u64, Box<dyn Error>> {
    let said = "what do I have to do today?";
    let body = PromptGiven { role: Role::User, message: Content(0) };
    let mut given = Draft::new(Id::new("ada")?, Origin::Human, body);
    given.content(MediaType::Text, said)?;
    given.causes = Causes::of([0]);
    let given = gate.record(given)?.sequence;

    let body = PromptSent {
        model: Id::new("model")?,
        extends: None,
        kept: Vec::new(),
        parts: vec![Part { role: Role::User, content: Content(0), from: Some(RecordRef(given)) }],
        tools: Vec::new(),
        parameters: None,
    };
    let mut sent = Draft::new(place.agent.clone(), Origin::Code, body);
    sent.content(MediaType::Text, said)?;
    sent.place = Some(place.clone());
    sent.causes = Causes::of([given]);
    let sent = gate.record(sent)?.sequence;

    // Here the model is asked.
    let body = PromptAnswered {
        prompt: Some(RecordRef(sent)),
        raw: Given::Known(Content(0)),
        reasoning: None,
        model: Given::Known(Id::new("model")?),
        version: Given::Known(Id::new("1")?),
        parameters: None,
        tokens_in: Given::Known(10),
        tokens_out: Given::Known(10),
        spend_micros: None,
        stop: Given::Known(StopReason::Calls),
        calls: 1,
    };
    let mut answer = Draft::new(place.agent.clone(), Origin::Model, body);
    answer.content(MediaType::Text, "I look at the note of today")?;
    answer.place = Some(place.clone());
    answer.causes = Causes::of([sent]);
    Ok(gate.record(answer)?.sequence)
}
// end
