//! LIM-1 at the gate: what fits a run's limits goes, what passes one reaches no tool, the trace says by which code, and a gate that goes on counts on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::kinds::decision::{Decision, ReasonCode};
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::limit::LimitKind;
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Causes;
use rederive_evidence::rules::{Breach, Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Limits, Place};
use rederive_gate::ports::{Payload, Runner, Tool, ToolFailure, ToolReply};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Intent, Setup, Why};
use rederive_policy::{Archive, compile};
use rederive_recorder::ManualClock;
use rederive_replay::Valid;

use crate::again::{bundle_of, registry, replayed};
use crate::world::{START, World, id, opened, options, path, place, setup};

/// Nothing but the limits keeps a call back.
const POLICIES: &str = r#"@id("all") permit (principal, action, resource);"#;

/// Bytes of the arguments of each call.
const BYTES: u64 = 11;
/// What each call costs.
const COST: u64 = 50;
/// The rate window.
const WINDOW_MS: u64 = 1_000;

/// Sends, and says what it cost.
struct Costly(Arc<AtomicU64>);

impl Tool for Costly {
    fn call(&self, _: Dispatch) -> Result<ToolReply, ToolFailure> {
        let _ = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(ToolReply { spend_micros: Some(COST), ..ToolReply::new(Payload::text("sent")) })
    }
}

/// A run under limits, and what it pins.
struct Limited {
    world: World,
    at_hand: Archive,
    sent: Arc<AtomicU64>,
}

impl Limited {
    fn under(limits: Limits) -> Self {
        let (wires, clock) = (Arc::default(), Arc::new(ManualClock::new(START)));
        let (disk, sent) = (FaultyStorage::new(), Arc::default());
        let setup = costly(setup(&wires), &sent);
        let registry = Arc::new(registry(&setup));
        let mut opening = opened("acme");
        let Body::RunOpened(body) = &mut opening.body else { panic!("another body") };
        body.limits = limits;
        body.bundle = Given::Known(bundle_of(POLICIES).digest());
        body.registry = Given::Known(registry.digest());
        let options = options(&clock, "limited", "first");
        let gate = Gate::open(disk.clone(), &path("limited"), opening, options, setup).unwrap();
        let at_hand = Archive::holding(Arc::new(compile(&bundle_of(POLICIES)).unwrap()), registry);
        Self { world: World { gate, disk, clock, wires, name: "limited".to_owned() }, at_hand, sent }
    }

    /// The gate of another process that goes on with the run.
    fn recovered(self) -> Self {
        let World { gate, disk, clock, wires, name } = self.world;
        drop(gate);
        let setup = costly(setup(&wires), &self.sent);
        let options = options(&clock, "limited", "again");
        let (gate, _) = Gate::recover(disk.clone(), &path(&name), options, setup).unwrap();
        Self { world: World { gate, disk, clock, wires, name }, ..self }
    }

    /// Sends to each, in a turn of its own.
    fn send(&self, turn: u32, to: &[&str]) -> Vec<Fate> {
        let answer = self.world.turn(turn, u16::try_from(to.len()).unwrap());
        (0..).zip(to).map(|(index, to)| self.call(answer, place(turn, index), to)).collect()
    }

    fn call(&self, answer: u64, at: Place, to: &str) -> Fate {
        let arguments = Payload::json(format!(r#"{{"to":"{to}"}}"#));
        assert_eq!(arguments.bytes().len() as u64, BYTES);
        self.world.gate.call(Intent::new(id("send"), arguments, at, Causes::of([answer])))
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }

    /// What breaches a rule in the trace: kind, turn and code.
    fn breached(&self) -> Vec<(Kind, u32, Reason)> {
        let of = |record: rederive_evidence::record::Record| {
            let turn = record.input.place.as_ref().map_or(0, |place| place.turn);
            let kind = record.input.body.kind();
            let reason = move |breach: Breach| {
                assert_eq!(breach.rule, Rule::Lim1);
                (kind, turn, breach.reason)
            };
            record.derived.breaches.into_iter().map(reason).collect::<Vec<_>>()
        };
        self.world.records().into_iter().flat_map(of).collect()
    }

    /// The trace says the same again, every decision under the bundle included.
    fn reproduces(self, decisions: u64) {
        let _ = self.world.gate.close(RunEnd::Completed).unwrap();
        let report = replayed(&self.world.bytes(), &self.at_hand);
        assert_eq!((report.valid, &report.wrong), (Valid::Reproduced, &None));
        assert_eq!(report.decisions, Some(decisions));
    }
}

fn costly(mut setup: Setup, sent: &Arc<AtomicU64>) -> Setup {
    for tool in &mut setup.tools {
        if tool.tool == id("send") {
            tool.runner = Runner::Direct(Box::new(Costly(Arc::clone(sent))));
        }
    }
    setup.policy = Arc::new(BundlePolicy::new(&bundle_of(POLICIES)).unwrap());
    setup
}

fn all_returned(fates: &[Fate]) -> bool {
    fates.iter().all(|fate| matches!(fate, Fate::Returned(_)))
}

/// Where a dispatch would pass a limit, it is refused with this code, and nothing else in the run is.
fn refused_with(limited: &Limited, fate: &Fate, turn: u32, reason: Reason) {
    let Fate::Blocked(blocked) = fate else { panic!("{fate:?}") };
    assert_eq!(blocked.reason, BlockReason::Rule);
    let is_told = |breaches: &[Breach]| breaches.iter().map(|breach| breach.reason).eq([reason]);
    assert!(matches!(&blocked.why, Why::Rule { breaches } if is_told(breaches)), "{:?}", blocked.why);
    assert_eq!(limited.breached(), [(Kind::ToolDispatched, turn, reason)]);
}

/// Spec: rule-lim-1.
#[test]
fn rate_targets_and_bytes_out_go_up_to_their_limits_and_one_more_is_refused_before_the_tool_also_after_a_restart()
 {
    let none = Limits::default();
    let rate = Limits { rate_calls: Some(3), rate_window_ms: Some(WINDOW_MS), ..none };
    let targets = Limits { targets: Some(2), ..none };
    let bytes = Limits { bytes_out: Some(3 * BYTES), ..none };
    // Where one byte less may go out, the third call is one too many.
    let short = Limits { bytes_out: Some(3 * BYTES - 1), ..none };
    let within: &[&str] = &["ed", "al", "ed"];
    for (limits, goes, over, reason) in [
        (rate, within, "ed", Reason::RateLimit),
        (targets, within, "bo", Reason::TargetLimit),
        (bytes, within, "ed", Reason::BytesLimit),
        (short, &within[..2], "ed", Reason::BytesLimit),
    ] {
        for restarts in [false, true] {
            let limited = Limited::under(limits);
            assert!(all_returned(&limited.send(0, goes)), "{reason:?}: at the limit it goes");
            let limited = if restarts { limited.recovered() } else { limited };
            let fates = limited.send(1, &[over]);
            refused_with(&limited, &fates[0], 1, reason);
            let sent = goes.len() as u64;
            assert_eq!(limited.sent(), sent, "{reason:?}, restarts: {restarts}");
            limited.reproduces(sent + 1);
        }
    }
}

/// Spec: rule-lim-1. A window moves on with recorded time, in the next process too; a target that was touched may be touched again.
#[test]
fn what_a_window_left_behind_and_targets_touched_before_take_up_nothing_of_a_limit() {
    let rate = Limits { rate_calls: Some(3), rate_window_ms: Some(WINDOW_MS), ..Limits::default() };
    let limited = Limited::under(rate);
    assert!(all_returned(&limited.send(0, &["ed", "al", "ed"])));
    let limited = limited.recovered();
    limited.world.clock.set(START.plus_ms(WINDOW_MS - 1));
    assert!(!all_returned(&limited.send(1, &["ed"])), "the window still has three");
    limited.world.clock.set(START.plus_ms(WINDOW_MS));
    assert!(all_returned(&limited.send(2, &["ed", "al", "ed"])), "the three have left it");
    assert!(!all_returned(&limited.send(3, &["ed"])), "and three others are in it");
    assert_eq!(limited.sent(), 6);
    limited.reproduces(8);

    let limited = Limited::under(Limits { targets: Some(2), ..Limits::default() });
    assert!(all_returned(&limited.send(0, &["ed", "al"])));
    assert!(!all_returned(&limited.send(1, &["bo"])));
    let limited = limited.recovered();
    assert!(all_returned(&limited.send(2, &["ed", "al"])));
    assert_eq!(limited.sent(), 4);
    limited.reproduces(5);
}

/// Spec: rule-lim-1. What a call costs is known when it has answered: up to the limit it goes, and with nothing left the gate's answer is DENY, with its receipt.
#[test]
fn a_call_is_denied_where_nothing_is_left_to_spend_also_after_a_restart() {
    // What is spent above the limit did happen, and stands in the trace with its code.
    let above = vec![(Kind::ToolReturned, 0, Reason::SpendLimit)];
    for (limit, breached) in [(2 * COST, vec![]), (2 * COST - 1, above)] {
        for restarts in [false, true] {
            let limited = Limited::under(Limits { spend_micros: Some(limit), ..Limits::default() });
            let answer = limited.world.turn(0, 3);
            let fates = [(0, "ed"), (1, "al")].map(|(index, to)| limited.call(answer, place(0, index), to));
            assert!(all_returned(&fates), "while something is left it goes: {fates:?}");
            let limited = if restarts { limited.recovered() } else { limited };
            let Fate::Blocked(blocked) = limited.call(answer, place(0, 2), "ed") else { panic!("it went") };
            let of = LimitKind::SpendMicros;
            assert!(matches!(&blocked.why, Why::Limit { limit } if *limit == of), "{:?}", blocked.why);
            assert_eq!((blocked.reason, limited.sent()), (BlockReason::Rule, 2));
            let decided = limited.world.records().into_iter().find_map(|record| match record.input.body {
                Body::DecisionMade(made) if made.request.call == Some(place(0, 2)) => Some(made),
                _ => None,
            });
            let made = decided.expect("a denial is a decision too");
            assert_eq!((made.decision, made.reason), (Decision::Deny, ReasonCode::Rule));
            assert!(made.receipt.is_some());
            assert_eq!(limited.breached(), breached);
            limited.reproduces(3);
        }
    }
}
