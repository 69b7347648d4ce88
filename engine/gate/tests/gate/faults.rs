//! Every fault, at every step.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_archive::storage::{Access, ReadAt, Storage, StoredFile};
use rederive_evidence::kinds::decision::ReasonCode;
use rederive_evidence::kinds::{Body, Kind};
use rederive_gate::{Fate, Gate, Why};
use rederive_recorder::Recorder;

use crate::world::{Mood, START, Wires, World, intent, opened, options, path, place, setup};

#[test]
fn a_component_that_fails_panics_or_hangs_before_the_call_opens_nothing() {
    let table = [
        ("policy", "send"),
        ("guardrail", "send"),
        ("guardrail", "look"),
        ("credential broker", "send"),
        ("effects", "send"),
        ("preview", "edit"),
    ];
    for (component, tool) in table {
        for mood in Mood::BAD {
            let world = World::in_mood("component", component, mood);
            let answer = world.turn(0, 1);
            let fate = world.gate.call(intent(tool, 0, 0, answer));
            assert!(matches!(fate, Fate::Blocked(_)), "{component} {mood:?}: {fate:?}");
            assert_eq!(world.wires.acted(), 0, "{component} {mood:?}");
            assert_eq!(
                world
                    .kinds(&place(0, 0))
                    .last()
                    .map(|kind| *kind == Kind::ToolBlocked || *kind == Kind::CredentialRevoked),
                Some(true)
            );
        }
    }
}

#[test]
fn an_engine_that_gives_no_answer_has_denied_and_that_is_on_record() {
    for mood in Mood::BAD {
        let world = World::in_mood("engine", "policy", mood);
        let answer = world.turn(0, 1);
        let fate = world.gate.call(intent("send", 0, 0, answer));
        let Fate::Blocked(blocked) = fate else { panic!("{fate:?}") };
        let fault = matches!(blocked.why, Why::Decision { reason: ReasonCode::EngineFault, .. });
        assert!(fault, "{mood:?}: {}", blocked.why);
        assert!(world.kinds(&place(0, 0)).contains(&Kind::DecisionMade));
    }
}

#[test]
fn what_keeps_time_is_asked_on_the_calls_own_thread_and_opens_no_more_than_elsewhere() {
    for component in ["tool", "effects, observing"] {
        for mood in [Mood::Fine].into_iter().chain(Mood::BAD) {
            let [elsewhere, here] = [false, true].map(|keeps_time| {
                let world = World::in_mood("time", component, mood);
                world.wires.keeps_time.store(keeps_time, Ordering::SeqCst);
                let answer = world.turn(0, 1);
                let acts_on = Arc::new(Mutex::new(None));
                let seen = Arc::clone(&acts_on);
                let inside = move |_: &rederive_gate::Dispatch| {
                    *seen.lock().unwrap() = Some(std::thread::current().id())
                };
                *world.wires.inside.lock().unwrap() = Some(Arc::new(inside));
                let fate = world.gate.call(intent("send", 0, 0, answer));
                let is_here = *acts_on.lock().unwrap() == Some(std::thread::current().id());
                assert_eq!(is_here, keeps_time, "{component} {mood:?}");
                (std::mem::discriminant(&fate), world.kinds(&place(0, 0)))
            });
            assert_eq!(elsewhere, here, "{component} {mood:?}");
        }
    }
}

/// Spec: receipt-durable, call-after-restart.
#[test]
fn no_fault_of_the_store_at_any_instant_opens_an_action() {
    let whole = World::new("whole");
    let answer = whole.turn(0, 1);
    whole.gate.flush().unwrap();
    let before = whole.disk.calls();
    let fate = whole.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    let calls = whole.disk.calls() - before;
    for fault in Fault::ALL {
        for call in 0..calls {
            let world = World::new("store");
            let answer = world.turn(0, 1);
            world.gate.flush().unwrap();
            world.disk.inject(world.disk.calls() + call, fault);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            let context = format!("{fault:?} at {call}: {fate:?}");
            let acted = world.wires.acted();
            assert!(acted <= 1, "{context}");
            match &fate {
                Fate::Blocked(_) => assert_eq!(acted, 0, "{context}"),
                Fate::Returned(_) | Fate::Unknown(_) => assert_eq!(acted, 1, "{context}"),
                Fate::Failed(_) | Fate::Held(_) => panic!("{context}"),
            }
            // What survives a power cut at this very instant.
            let World { gate, disk, clock, wires, name } = world;
            drop(gate);
            disk.restart(Survival::Nothing);
            let (gate, _) =
                Gate::recover(disk.clone(), &path(&name), options(&clock, &name, "again"), setup(&wires))
                    .unwrap();
            let world = World { gate, disk, clock, wires, name };
            let kinds = world.kinds(&place(0, 0));
            if acted == 1 {
                assert!(
                    kinds.contains(&Kind::DecisionMade) && kinds.contains(&Kind::ToolDispatched),
                    "{context}"
                );
            }
            if matches!(fate, Fate::Returned(_)) {
                assert!(kinds.contains(&Kind::ToolReturned), "{context}");
            }
        }
    }
}

/// Spec: outage-stated.
#[test]
fn the_first_record_after_an_outage_says_how_many_calls_were_turned_away_and_since_when() {
    let world = World::new("outage");
    let answer = world.turn(0, 4);
    world.gate.flush().unwrap();
    world.clock.set(START.plus_ms(7_000));
    world.disk.inject(world.disk.calls(), Fault::DiskFull);
    for index in 0..3 {
        let fate = world.gate.call(intent("send", 0, index, answer));
        assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
    }
    assert_eq!((world.gate.turned_away(), world.wires.acted()), (Some(3), 0));
    let before = world.records().len();
    world.disk.free_space();
    world.clock.set(START.plus_ms(9_000));
    let fate = world.gate.call(intent("send", 0, 3, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    assert_eq!(world.gate.turned_away(), None);
    stated(&world, before, 3);
}

#[test]
fn a_gate_whose_recorder_was_stopped_takes_a_recovered_one_and_states_what_it_turned_away() {
    let world = World::new("stopped");
    let answer = world.turn(0, 3);
    world.gate.flush().unwrap();
    world.clock.set(START.plus_ms(7_000));
    world.disk.inject(world.disk.calls(), Fault::Gone);
    for index in 0..2 {
        let fate = world.gate.call(intent("send", 0, index, answer));
        assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
    }
    world.disk.restart(Survival::Everything);
    let before = world.records().len();
    let recover = || {
        let options = options(&world.clock, "stopped", "again");
        Recorder::recover(world.disk.clone(), &path("stopped"), options).map(|(recorder, _)| recorder)
    };
    world.gate.replace_recorder(recover).unwrap();
    let fate = world.gate.call(intent("send", 0, 2, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    stated(&world, before, 2);
}

/// The first record of the gate's own after these says that so many calls were turned away.
fn stated(world: &World, before: usize, turned_away: u64) {
    let records = world.records();
    let incident =
        records.iter().skip(before.min(records.len())).find_map(|record| match &record.input.body {
            Body::IncidentOpened(opened) => Some((record, opened.clone())),
            _ => None,
        });
    let (record, opened) = incident.expect("an incident is stated");
    let content = record.input.contents[usize::from(opened.description.0)];
    let text: serde_json::Value =
        serde_json::from_slice(&world.content(&content.commitment).unwrap()).unwrap();
    assert_eq!(text["turned_away"], turned_away);
    assert_eq!(text["since"], START.plus_ms(7_000).0);
    let after = records.iter().position(|of| of.input.sequence == record.input.sequence).unwrap();
    let calls_after = records[after..].iter().any(|record| record.input.body.kind() == Kind::ToolProposed);
    assert!(calls_after, "calls go on after the statement and not before");
    assert!(records.iter().all(|record| record.derived.breaches.is_empty()));
}

/// A storage whose syncs take their time.
#[derive(Clone)]
pub(crate) struct Slow(pub(crate) FaultyStorage, pub(crate) Duration);

pub(crate) struct SlowFile<F>(F, Duration);

impl<F: ReadAt> ReadAt for SlowFile<F> {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}

impl<F: StoredFile> StoredFile for SlowFile<F> {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        std::thread::sleep(self.1);
        self.0.sync_data()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.0.try_lock()
    }
}

impl Storage for Slow {
    type File = SlowFile<<FaultyStorage as Storage>::File>;

    fn open(&self, path: &Path, access: Access) -> io::Result<Self::File> {
        self.0.open(path, access).map(|file| SlowFile(file, self.1))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn sync_directory_of(&self, path: &Path) -> io::Result<()> {
        self.0.sync_directory_of(path)
    }
}

#[test]
fn a_slow_store_makes_a_call_wait_and_never_overtakes_its_records() {
    let wires: Arc<Wires> = Arc::default();
    let clock = Arc::new(rederive_recorder::ManualClock::new(START));
    let disk = FaultyStorage::new();
    let slow = Slow(disk.clone(), Duration::from_millis(20));
    let gate =
        Gate::open(slow, &path("slow"), opened("acme"), options(&clock, "slow", "first"), setup(&wires))
            .unwrap();
    let world = World { gate, disk: disk.clone(), clock, wires: Arc::clone(&wires), name: "slow".to_owned() };
    let answer = world.turn(0, 1);
    let name = path("slow");
    *wires.inside.lock().unwrap() = Some(Arc::new(move |_: &rederive_gate::Dispatch| {
        let reader = rederive_archive::TraceReader::open(&disk, &name).unwrap();
        let open = reader.open_segment().unwrap();
        let kinds: Vec<Kind> = rederive_evidence::record::split_frames(open.frames())
            .map(|frame| {
                rederive_evidence::record::Record::decode_frame(frame.unwrap()).unwrap().0.input.body.kind()
            })
            .collect();
        assert!(kinds.contains(&Kind::DecisionMade) && kinds.contains(&Kind::ToolDispatched), "{kinds:?}");
    }));
    let fate = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
}
