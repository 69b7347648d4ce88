//! CRD-2: a secret that a tool was called with stands in no byte of the trace, whatever the tool answers.

use std::sync::{Arc, Mutex};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use proptest::prelude::*;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::credential::CredentialType;
use rederive_evidence::kinds::tool::FailureClass;
use rederive_evidence::record::MediaType;
use rederive_evidence::values::{EffectsClass, Label, Sensitivity, Trust};
use rederive_gate::credentials::LocalBroker;
use rederive_gate::ports::*;
use rederive_gate::{Dispatch, Fate, Gate, Registration};
use rederive_policy::request::ToolFacts;
use rederive_recorder::ManualClock;

use crate::world::{self, START, World, id, intent, opened, options, path, setup};

/// How a tool gives back what it was given.
type Told = fn(&[u8]) -> Vec<u8>;

const TOLD: [Told; 6] = [
    <[u8]>::to_vec,
    |secret| BASE64.encode(&[b"Basic user:", secret].concat()).into_bytes(),
    |secret| BASE64URL_NOPAD.encode(&[b"x", secret, b"yz"].concat()).into_bytes(),
    |secret| HEXLOWER.encode(secret).into_bytes(),
    |secret| HEXUPPER.encode(secret).into_bytes(),
    |secret| format!("{:?}", String::from_utf8_lossy(secret)).into_bytes(),
];

/// A tool that answers with its own credential, and keeps what it was for the test.
struct Echoing {
    told: Told,
    fails: bool,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Tool for Echoing {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let secret = dispatch.credential().expect("a credential").1.expose().to_vec();
        let said =
            Payload::new(MediaType::Text, [b"it was ", (self.told)(&secret).as_slice(), b"!"].concat());
        *self.seen.lock().unwrap() = secret;
        if self.fails {
            return Err(ToolFailure::Failed { class: FailureClass::Tool, error: Some(said), result: None });
        }
        Ok(ToolReply::new(said))
    }
}

/// Every byte that the run left: the files as they are, and each content as a reader unpacks it.
fn left(disk: &FaultyStorage, world: &world::World) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in world.records() {
        for entry in &record.input.contents {
            bytes.extend(world.content(&entry.commitment).unwrap_or_default());
            bytes.push(0);
        }
    }
    for path in disk.paths() {
        bytes.extend(disk.bytes_of(&path).unwrap_or_default());
    }
    bytes
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_that_a_tool_gives_back_is_in_no_byte_of_the_trace(
        planted in "[!-~]{10,30}", which in 0..TOLD.len(), fails in any::<bool>(), is_token in any::<bool>(),
    ) {
        let (disk, wires) = (FaultyStorage::new(), Arc::default());
        let clock = Arc::new(ManualClock::new(START));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let broker = LocalBroker::new(SigningKey::from_seed(&[9; 32]), 60_000);
        let broker = if is_token {
            broker.with_tokens(id("office"), id("office"))
        } else {
            broker.with_secret(id("office"), CredentialType::ApiKey, planted.into_bytes())
        };
        let mut setup = setup(&wires);
        setup.credentials = Some(Arc::new(broker));
        setup.tools.retain(|tool| tool.tool != id("send"));
        let echoing = Echoing { told: TOLD[which], fails, seen: Arc::clone(&seen) };
        let facts = ToolFacts {
            version: Some(id("1")),
            reversible: true,
            result: Label { trust: Trust::Internal, sensitivity: Sensitivity::Internal },
            clearance: Sensitivity::Restricted,
            ..ToolFacts::of(id("office"), EffectsClass::Send)
        };
        let schema = Payload::json(r#"{"type":"object"}"#);
        let setup = setup.tool(Registration::new(id("send"), facts, schema, Runner::Direct(Box::new(echoing))));
        let gate = Gate::open(disk.clone(), &path("echo"), opened("acme"), options(&clock, "echo", "first"), setup).unwrap();
        let world = world::World { gate, disk: disk.clone(), clock, wires, name: "echo".to_owned() };
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        prop_assert!(matches!((&fate, fails), (Fate::Returned(_), false) | (Fate::Failed(_), true)), "{fate:?}");
        let secret = seen.lock().unwrap().clone();
        prop_assert!(secret.len() >= 10);
        let bytes = left(&disk, &world);
        prop_assert!(holds(&bytes, b"[masked:credential]"), "the rest of the answer is kept");
        for form in [secret.clone(), HEXLOWER.encode(&secret).into_bytes(), HEXUPPER.encode(&secret).into_bytes()] {
            prop_assert!(!holds(&bytes, &form));
        }
        // The characters of base64 that the secret alone decides, at each of the three offsets.
        for offset in 0..3 {
            let text = BASE64.encode(&[vec![0; offset].as_slice(), &secret].concat());
            let inner = &text.as_bytes()[(offset * 8_usize).div_ceil(6)..(offset + secret.len()) * 8 / 6];
            prop_assert!(!holds(&bytes, inner));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Spec: rule-crd-2.
    #[test]
    fn no_trace_holds_the_secret_of_a_call(secret in "[a-zA-Z0-9_-]{12,40}", before in ".{0,12}", after in ".{0,12}") {
        let world = World::new("secret");
        *world.wires.secret.lock().unwrap() = secret.clone().into_bytes();
        *world.wires.says.lock().unwrap() = Some((before, after));
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        prop_assert!(!holds(returned.content.bytes()));
        world.gate.flush().unwrap();
        prop_assert!(!holds(&world.bytes()) && !holds(&world.log_bytes()));
        prop_assert_eq!(world.wires.acted(), 1);
    }
}
