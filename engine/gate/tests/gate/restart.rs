//! The process is gone between any two steps of a call: what the next one makes of it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rederive_archive::storage::OsStorage;
use rederive_archive::storage::faulty::{Fault, FaultyStorage, Survival};
use rederive_evidence::kinds::tool::UnknownReason;
use rederive_evidence::kinds::{Body, Kind};
use rederive_gate::ports::Verdict;
use rederive_gate::{Fate, Gate, OpenFault};
use rederive_recorder::ManualClock;

use crate::world::{START, Wires, World, intent, opened, options, path, place, setup, word};

/// A run up to the answer that asks for a call; the number of calls of the disk so far.
fn begun(name: &str) -> (World, u64, u64) {
    let world = World::new(name);
    let answer = world.turn(0, 2);
    world.gate.flush().unwrap();
    let calls = world.disk.calls();
    (world, answer, calls)
}

/// Spec: call-after-restart.
#[test]
fn whenever_the_process_stops_a_call_is_known_or_stated_as_unknown_and_never_made_twice() {
    let (world, answer, before) = begun("whole");
    let _ = world.gate.call(intent("send", 0, 0, answer));
    let calls = world.disk.calls() - before;
    assert!(calls > 4, "{calls} calls of the disk");
    let mut unknown = 0;
    for call in 0..calls {
        for survival in [Survival::Nothing, Survival::Everything, Survival::Sectors(call)] {
            let (world, answer, before) = begun("stopped");
            world.disk.inject(before + call, Fault::Crash);
            let fate = world.gate.call(intent("send", 0, 0, answer));
            let acted = world.wires.acted();
            let World { gate, disk, wires, clock, .. } = world;
            drop(gate);
            disk.restart(survival);
            let (gate, recovered) = reopened(&disk, &clock, &wires);
            let after = World { gate, disk, clock, wires, name: "stopped".to_owned() };
            let kinds = after.kinds(&place(0, 0));
            let ends: Vec<&Kind> = kinds
                .iter()
                .filter(|kind| matches!(kind, Kind::ToolReturned | Kind::ToolBlocked | Kind::ToolUnknown))
                .collect();
            let context = format!("stopped at {call} {survival:?}: {fate:?}, {kinds:?}, {recovered:?}");
            assert!(kinds.is_empty() || ends.len() == 1, "{context}");
            assert_eq!(after.wires.acted(), acted, "nothing is called again: {context}");
            if acted > 0 {
                assert!(kinds.contains(&Kind::ToolDispatched), "a dispatch is durable first: {context}");
                assert!(
                    !ends.contains(&&Kind::ToolBlocked),
                    "what may have happened is not said not to: {context}"
                );
            }
            if let Fate::Returned(_) = fate {
                assert!(
                    ends.contains(&&Kind::ToolReturned),
                    "what was said to have happened is on record: {context}"
                );
            }
            unknown += u64::from(ends.contains(&&Kind::ToolUnknown));
            let again = after.gate.call(intent("send", 0, 0, answer));
            if !kinds.is_empty() {
                assert!(matches!(again, Fate::Blocked(_)), "the place is used up: {context}");
            }
        }
    }
    assert!(unknown > 0, "some instant lies between dispatch and result");
}

fn reopened(
    disk: &FaultyStorage,
    clock: &Arc<ManualClock>,
    wires: &Arc<Wires>,
) -> (Gate, rederive_gate::Recovered) {
    let options = options(clock, "stopped", "again");
    Gate::recover(disk.clone(), &path("stopped"), options, setup(wires)).unwrap()
}

#[test]
fn a_credential_that_nobody_revoked_is_revoked_when_the_run_goes_on() {
    let (world, answer, _) = begun("credential");
    let disk = world.disk.clone();
    let inside = move |_: &rederive_gate::Dispatch| disk.inject(disk.calls(), Fault::Gone);
    *world.wires.inside.lock().unwrap() = Some(Arc::new(inside));
    let fate = world.gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Unknown(_)), "{fate:?}");
    world.disk.restart(Survival::Everything);
    *world.wires.inside.lock().unwrap() = None;
    world.wires.revoked.lock().unwrap().clear();
    let (world, recovered) = world.recovered();
    assert_eq!(recovered.unknown, [place(0, 0)]);
    assert_eq!(world.wires.revoked.lock().unwrap().len(), 1);
    let records = world.records();
    let crash = records.iter().any(|record| {
        matches!(&record.input.body, Body::ToolUnknown(unknown) if unknown.reason == UnknownReason::Crash)
    });
    assert!(crash && records.iter().any(|record| record.input.body.kind() == Kind::CredentialRevoked));
}

#[test]
fn a_clock_that_stepped_back_makes_nothing_live_longer() {
    let (world, answer, _) = begun("clock");
    world.clock.set(START.plus_ms(60_000));
    let fate = world.gate.call(intent("look", 0, 0, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    world.clock.set(START);
    let fate = world.gate.call(intent("send", 0, 1, answer));
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    for record in world.records() {
        if let Body::DecisionMade(decision) = &record.input.body
            && record.input.place == Some(place(0, 1))
        {
            assert!(record.input.clock_stepped);
            assert_eq!(record.input.time, Some(START.plus_ms(60_000)));
            assert!(decision.expires > record.input.time);
        }
        assert!(record.derived.breaches.is_empty());
    }
    // With the session over, the same clock opens nothing.
    world.clock.set(START.plus_ms(86_400_000));
    let _ = world.turn_refused(1);
    world.clock.set(START);
    let fate = world.gate.call(intent("send", 1, 0, answer));
    assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
    assert_eq!(world.wires.acted(), 2);
}

/// What the other process is told by: where the trace is.
const FOLDER: &str = "REDERIVE_GATE_HELD_IN";

/// A gate of this process over the trace in a folder, whose tool writes a line into `acts` and then, in a process that is to be killed, stands.
fn gate_in(
    folder: &Path,
    stands: bool,
) -> Result<(Gate, rederive_gate::Recovered, Arc<crate::approvals::Desk>), OpenFault> {
    let (wires, clock) = (Arc::<Wires>::default(), Arc::new(ManualClock::new(START)));
    let desk = Arc::new(crate::approvals::Desk::default());
    let mut setup = setup(&wires);
    setup.approver = Some(Arc::clone(&desk) as Arc<dyn rederive_gate::ports::Approver>);
    wires.needs_approval("send");
    let acts = folder.join("acts");
    *wires.inside.lock().unwrap() = Some(Arc::new(move |dispatch: &rederive_gate::Dispatch| {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&acts).unwrap();
        writeln!(file, "{}", dispatch.call().tool).unwrap();
        if stands {
            std::thread::sleep(KILLED_WITHIN);
        }
    }));
    let (trace, part) = (folder.join("run.rdt"), std::process::id().to_string());
    let options = options(&clock, "processes", &part);
    let (gate, recovered) = if trace.exists() {
        Gate::recover(OsStorage, &trace, options, setup)?
    } else {
        (Gate::open(OsStorage, &trace, opened("acme"), options, setup)?, rederive_gate::Recovered::default())
    };
    Ok((gate, recovered, desk))
}

/// Longer than a process lives that is to be killed.
const KILLED_WITHIN: Duration = Duration::from_secs(60);

/// The first of two processes: holds one call, and stands in the tool of another, until it is killed. By itself it tests nothing.
#[test]
fn a_process_that_is_killed_with_a_call_held_and_one_in_its_tool() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (gate, _, _) = gate_in(Path::new(&folder), true).unwrap();
    let answer = crate::turn::turn(&gate, 0, "please look, then send it", 2).unwrap();
    let fate = gate.call(intent("send", 0, 0, answer));
    assert!(matches!(fate, Fate::Held(_)), "{fate:?}");
    let _ = gate.call(intent("edit", 0, 1, answer));
}

/// That process, killed by [`Drop`] too.
struct Other(std::process::Child);

impl Other {
    /// Starts it, and waits until it stands in its tool.
    fn standing(folder: &Path) -> Self {
        let started = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restart::a_process_that_is_killed_with_a_call_held_and_one_in_its_tool"])
            .env(FOLDER, folder)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn();
        let mut other = Self(started.unwrap());
        while acts(folder).is_empty() {
            assert_eq!(other.0.try_wait().unwrap(), None, "it runs until it is killed");
            std::thread::sleep(Duration::from_millis(5));
        }
        other
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tools that acted, in either process.
fn acts(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("acts")).unwrap_or_default()
}

/// Spec: call-after-restart.
#[test]
fn what_a_killed_process_held_is_answered_in_another_and_what_was_in_its_tool_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let other = Other::standing(folder.path());
    let taken = gate_in(folder.path(), false).map(|_| ());
    assert!(matches!(taken, Err(OpenFault::Recorder(_))), "the run is another's while that lives: {taken:?}");
    drop(other);

    let (gate, recovered, desk) = gate_in(folder.path(), false).unwrap();
    assert_eq!(
        (recovered.unknown.as_slice(), recovered.blocked.as_slice()),
        ([place(0, 1)].as_slice(), [].as_slice())
    );
    let held = gate.held();
    assert_eq!(held.iter().map(|held| held.place.clone()).collect::<Vec<_>>(), [place(0, 0)]);
    let approval = held[0].approval.clone();
    assert!(matches!(gate.resume(&approval), Some(Fate::Held(_))), "nobody has spoken yet");
    assert_eq!(acts(folder.path()), "edit\n", "nothing is called by taking up the run");
    let said = word(&desk.last(), "bob", Verdict::Approve);
    let fate = crate::calls::block_on(gate.submit_answer(&approval, said)).unwrap();
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    assert_eq!(acts(folder.path()), "edit\nsend\n");
    let sealed = gate.close(rederive_evidence::kinds::run::RunEnd::Completed).unwrap();
    assert!(sealed.records > 0);
}
