//! Two tenants in one process, hammered from threads.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::memory::{DeletionPath, MemoryKey, MemoryScope, MemoryWritten};
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Label, Origin, Sensitivity, Trust};
use rederive_gate::ports::Payload;
use rederive_gate::{Fate, Gate, Intent};

use crate::world::{START, Wires, World, id, intent, opened, options, path, place, setup};

const TENANTS: [&str; 2] = ["acme", "globex"];
const CALLS: u16 = 24;

/// Who was served with what: seen from inside the tools.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Served {
    tenant: Id,
    session: Id,
    run: String,
    secret_of: Id,
    arguments: Vec<u8>,
}

fn world(tenant: &str, disk: &FaultyStorage, wires: &Arc<Wires>) -> World {
    let clock = Arc::new(rederive_recorder::ManualClock::new(START));
    let options = options(&clock, tenant, "first");
    let gate = Gate::open(disk.clone(), &path(tenant), opened(tenant), options, setup(wires)).unwrap();
    World { gate, disk: disk.clone(), clock, wires: Arc::clone(wires), name: tenant.to_owned() }
}

fn arguments(tenant: &str, index: u16) -> Payload {
    Payload::json(format!("{{\"to\":\"{tenant}-{index}\"}}"))
}

fn memory(tenant: &str, answer: u64) -> Draft {
    let body = MemoryWritten {
        item: MemoryKey { scope: MemoryScope::Session, namespace: id("notes"), name: id("note") },
        value: Content(0),
        provenance: Given::Known(Content(1)),
        owner: Given::Known(id("ada")),
        reason: Given::Known(Content(1)),
        label: Given::Known(Label { trust: Trust::External, sensitivity: Sensitivity::Restricted }),
        expires: Given::Known(START.plus_ms(1_000_000)),
        deletion: Given::Known(DeletionPath::Expiry),
    };
    let mut draft = Draft::new(id("agent"), Origin::Model, body);
    draft.content(MediaType::Text, format!("the note of {tenant}")).unwrap();
    draft.content(MediaType::Text, "to remember").unwrap();
    draft.causes = Causes::of([answer]);
    draft
}

/// Spec: rule-idn-2.
#[test]
fn two_tenants_in_one_process_never_see_each_others_anything() {
    let disk = FaultyStorage::new();
    // Components are shared: a tool, a credential broker and a policy engine that serve both.
    let wires: Arc<Wires> = Arc::default();
    wires.needs_approval("edit");
    let served: Arc<Mutex<BTreeSet<Served>>> = Arc::default();
    let seen = Arc::clone(&served);
    *wires.inside.lock().unwrap() = Some(Arc::new(move |dispatch: &rederive_gate::Dispatch| {
        let call = dispatch.call();
        let secret_of = dispatch.credential().map_or_else(|| id("none"), |(name, _)| name.clone());
        let _ = seen.lock().unwrap().insert(Served {
            tenant: call.tenant.clone(),
            session: call.session.clone(),
            run: call.run.to_hex(),
            secret_of,
            arguments: call.arguments.bytes().to_vec(),
        });
    }));
    let worlds = TENANTS.map(|tenant| world(tenant, &disk, &wires));
    let answers = worlds.each_ref().map(|world| world.turn(0, CALLS + 1));
    std::thread::scope(|scope| {
        for (world, (tenant, answer)) in worlds.iter().zip(TENANTS.into_iter().zip(answers)) {
            for index in 0..CALLS {
                scope.spawn(move || {
                    let call = Intent {
                        arguments: arguments(tenant, index),
                        ..intent(if index % 2 == 0 { "look" } else { "send" }, 0, index, answer)
                    };
                    let fate = world.gate.call(call);
                    let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
                    let shown = String::from_utf8(returned.content.bytes().to_vec()).unwrap();
                    assert!(shown.contains(tenant), "{tenant}: {shown}");
                });
            }
            scope.spawn(move || {
                let written = world.gate.record(memory(tenant, answer));
                assert!(written.is_ok(), "{written:?}");
            });
            scope.spawn(move || {
                let held = world.gate.call(intent("edit", 0, CALLS, answer));
                assert!(matches!(held, Fate::Held(_)), "{held:?}");
            });
        }
    });
    let runs = worlds.each_ref().map(|world| world.gate.run().unwrap().to_hex());
    for served in served.lock().unwrap().iter() {
        let at = TENANTS.iter().position(|tenant| served.tenant == id(tenant)).unwrap();
        assert_eq!(served.run, runs[at], "{served:?}");
        let text = String::from_utf8_lossy(&served.arguments).into_owned();
        assert!(text.contains(TENANTS[at]) && !text.contains(TENANTS[1 - at]), "{served:?}");
    }
    for (at, world) in worlds.iter().enumerate() {
        let other = TENANTS[1 - at];
        let records = world.records();
        let decided =
            records.iter().filter(|record| matches!(record.input.body, Body::DecisionMade(_))).count();
        assert_eq!(decided, usize::from(CALLS) + 1);
        // No content, name or identity of the other stands anywhere in this tenant's trace, whatever its form.
        for bytes in [world.bytes(), world.log_bytes()] {
            let found = bytes.windows(other.len()).any(|window| window == other.as_bytes());
            assert!(!found, "{other} in the trace of {}", TENANTS[at]);
        }
        let held = world.gate.held();
        assert_eq!(held.len(), 1);
        assert!(worlds[1 - at].gate.held().iter().all(|of| of.place == place(0, CALLS)));
        let noted = world.gate.read(|machine| machine.state().memory().len()).unwrap();
        assert_eq!(noted, 1);
    }
    // What one tenant holds, the other's gate cannot answer: commitments, and so pages and requests, are of one run alone.
    let same = worlds.each_ref().map(|world| world.gate.commitment(b"the very same bytes").unwrap());
    assert_ne!(same[0], same[1]);
}
