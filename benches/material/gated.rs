//! A run under a gate whose bundle has a hundred policies, of calls that are permitted.

#[path = "../../engine/gate/samples/outbox.rs"]
mod outbox;
#[path = "../../engine/gate/samples/turn.rs"]
mod turn;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rederive_archive::storage::Storage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{
    Actor, ActorType, ApprovalPolicy, Authentication, EffectsClass, Environment, Label, Mode, ModelEntry,
    Origin, Place, ScopeItem, Sensitivity, Trust,
};
use rederive_gate::ports::{Payload, Runner, Tool, ToolFailure, ToolReply};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Intent, Registration, Setup};
use rederive_policy::registry::Entry;
use rederive_policy::request::{ArgumentRole, ToolFacts};
use rederive_policy::{Bundle, Registry};
use rederive_recorder::{Clock as _, Durability, Options, SystemClock, opening};

/// Policies of the bundle.
const POLICIES: usize = 100;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

/// A tool that does nothing, and notes when it was reached.
#[derive(Clone, Default)]
pub(crate) struct Reached {
    /// When it was reached last.
    pub(crate) door: Arc<Mutex<Option<Instant>>>,
    /// What it says of its time.
    pub(crate) keeps_time: bool,
}

impl Tool for Reached {
    fn call(&self, _: Dispatch) -> Result<ToolReply, ToolFailure> {
        *self.door.lock().unwrap() = Some(Instant::now());
        Ok(ToolReply::new(Payload::json("{\"sent\":true}")))
    }

    fn keeps_time(&self) -> bool {
        self.keeps_time
    }
}

/// A hundred policies: ninety-nine of other tools, and the one that permits.
pub(crate) fn bundle() -> Bundle {
    let mut text =
        String::from("@id(\"send\")\npermit (principal, action in Effect::Action::\"send\", resource);\n");
    for policy in 1..POLICIES {
        text.push_str(&format!(
            "@id(\"rule-{policy}\")\nforbid (principal, action in Effect::Action::\"send\", resource)\nwhen {{ context has target && context.target like \"*@blocked-{policy}.example\" }};\n"
        ));
    }
    let files = BTreeMap::from([("policies/bench.cedar".to_owned(), text.into_bytes())]);
    Bundle::of_files(id("bench"), id("1"), id("cedar"), files).unwrap()
}

/// The registry that the run pins: one tool.
pub(crate) fn tools() -> Registry {
    let facts = ToolFacts {
        version: Some(id("1")),
        reversible: true,
        result: Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal },
        clearance: Sensitivity::Restricted,
        roles: BTreeMap::from([("/to".to_owned(), ArgumentRole::Destination)]),
        ..ToolFacts::of(id("mail"), EffectsClass::Send)
    };
    let schema = serde_json::json!({"type": "object", "properties": {"to": {"type": "string"}}});
    let entry = Entry { facts, schema: Some(schema), reasons: BTreeMap::new() };
    Registry { tools: BTreeMap::from([(id("send"), entry)]), ..Registry::default() }
}

pub(crate) fn gate<S>(storage: S, path: &Path, durability: Durability, tool: Reached) -> Gate
where
    S: Storage + Send + Sync + 'static,
    S::File: Send + Sync,
{
    let bundle = bundle();
    let mut body =
        opening(Mode::Enforced, id("acme"), id("session"), [id("ada"), id("agent"), id("recorder")]);
    let actor = |name, actor_type| Actor { id: id(name), actor_type, key: None, owner: None, scope: None };
    body.actors.extend([actor("gate", ActorType::Gate), actor("broker", ActorType::Broker)]);
    let now = SystemClock.now().unwrap_or(RecordedTime(0));
    body.environment = Given::Known(Environment::Test);
    body.session.expires = Given::Known(now.plus_ms(36_000_000));
    body.principal.authentication = Given::Known(Authentication::MultiFactor);
    body.persona.version = Given::Known(id("1"));
    body.persona.digest = Given::Known(bundle.digest());
    body.build.version = Given::Known(id("1"));
    body.build.digest = Given::Known(bundle.digest());
    body.owner = Given::Known(id("ada"));
    body.goal = Given::Known(Content(0));
    body.scope = Given::Known(vec![ScopeItem {
        tool: id("send"),
        action: EffectsClass::Send,
        resource: None,
        tenant: id("acme"),
        approval: ApprovalPolicy::None,
    }]);
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(tools().digest());
    body.models = vec![ModelEntry { id: id("model"), clearance: Given::Known(Sensitivity::Restricted) }];
    let mut draft = Draft::new(id("recorder"), Origin::Code, Box::new(body));
    draft.content(MediaType::Text, "send reports").unwrap();
    let options =
        Options { durability, signer: Some(Arc::new(SigningKey::from_seed(&[1; 32]))), ..Options::default() };
    let policy = Arc::new(BundlePolicy::new(&bundle).unwrap());
    let registry = tools();
    let entry = registry.tools.get(&id("send")).unwrap();
    let schema = Payload::json(String::from_utf8(entry.schema_bytes().unwrap()).unwrap());
    let runner = Runner::Direct(Box::new(tool));
    let mut setup = Setup::new(policy, Arc::new(SigningKey::from_seed(&[2; 32])));
    setup.effects = Some(Arc::new(outbox::Outbox));
    let setup = setup.tool(Registration::new(id("send"), entry.facts.clone(), schema, runner));
    Gate::open(storage, path, draft, options, setup).unwrap()
}

/// A turn of this many calls; the answer's number.
pub(crate) fn turn(gate: &Gate, number: u32, calls: u16) -> u64 {
    turn::turn(gate, number, &format!("send reports to ada@house.example, {number}"), calls).unwrap()
}

/// One call; how long it took.
pub(crate) fn call(gate: &Gate, turn: u32, index: u16, answer: u64) -> Duration {
    let place = Place { agent: id("agent"), turn, index, attempt: 0 };
    let arguments = Payload::json(format!("{{\"to\":\"ada@house.example\",\"n\":{index}}}"));
    let intent = Intent::new(id("send"), arguments, place, Causes::of([answer]));
    let begun = Instant::now();
    let fate = gate.call(intent);
    let took = begun.elapsed();
    assert!(
        matches!(fate, Fate::Returned(_)),
        "a call that is not permitted is no call to measure: {fate:?}"
    );
    took
}
