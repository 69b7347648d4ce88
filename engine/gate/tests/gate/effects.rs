//! OUT: what is recorded of an effect is what was compared, so that replay finds in a gate's trace no match that is none.

use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::kinds::downstream::EffectMatch;
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::schema::Given;
use rederive_gate::outcome::{Compared, Doings, KnownEffects};
use rederive_gate::ports::{CallFacts, Expectation, Failure, Payload, Preview, Runner};
use rederive_gate::ports::{Tool, ToolFailure, ToolReply};
use rederive_gate::{BundlePolicy, Dispatch, Fate, Gate, Setup};
use rederive_policy::{Archive, compile};
use rederive_recorder::ManualClock;
use rederive_replay::Valid;

use crate::again::{bundle_of, registry, replayed};
use crate::world::{START, Wires, World, id, intent, opened, options, path, place, setup};

const ALL: &str = r#"@id("all") permit (principal, action, resource);"#;

/// A mailbox whose answers say more of a mail than anybody can expect: its number and the time.
struct Mailbox(&'static str);

impl Tool for Mailbox {
    fn call(&self, _dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        Ok(ToolReply::new(Payload::json(format!(r#"{{"id":17,"at":"09:12:44","to":"{}"}}"#, self.0))))
    }
}

/// Shows the mail that would be sent, and why.
struct Shown;

impl Preview for Shown {
    fn diff(&self, _call: &CallFacts) -> Result<Payload, Failure> {
        Ok(Payload::json(r#"{"to":"eve","because":"you asked for it"}"#))
    }
}

/// Expects of each mail whom it is to, and nothing else of it.
fn mail() -> KnownEffects {
    let mail = Doings::new(|call| {
        Ok(Some(Expectation {
            system: call.surface.clone(),
            expected: call.arguments.clone(),
            compared: Compared::Fields(vec!["/to".to_owned()]),
            rollback: Some(Payload::text("recall it")),
            containment: Some(Payload::text("hold the outbox")),
            owner: id("olga"),
            amount_micros: None,
        }))
    });
    let mail = mail.rolling_back(|_, _| Ok(Some(Payload::text("recalled"))));
    KnownEffects::new(|_, _, _| Ok(())).with(id("office"), mail)
}

/// A gate whose tools send to this one, whomever they are asked to send to.
fn sending_to(whom: &'static str) -> (World, Archive) {
    let (wires, clock) = (Arc::<Wires>::default(), Arc::new(ManualClock::new(START)));
    let (bundle, disk) = (bundle_of(ALL), FaultyStorage::new());
    let policy = Arc::new(BundlePolicy::new(&bundle).unwrap());
    let mut setup = Setup { policy, effects: Some(Arc::new(mail())), ..setup(&wires) };
    for tool in &mut setup.tools {
        tool.runner = Runner::Direct(Box::new(Mailbox(whom)));
        tool.preview = tool.preview.take().map(|_| Box::new(Shown) as Box<dyn Preview>);
    }
    let registry = Arc::new(registry(&setup));
    setup.registry = Some(Arc::clone(&registry));
    let mut draft = opened("acme");
    let Body::RunOpened(body) = &mut draft.body else { panic!("no opening") };
    body.bundle = Given::Known(bundle.digest());
    body.registry = Given::Known(registry.digest());
    let options = options(&clock, "mail", "first");
    let gate = Gate::open(disk.clone(), &path("mail"), draft, options, setup).unwrap();
    let at_hand = Archive::holding(Arc::new(compile(&bundle).unwrap()), registry);
    (World { gate, disk, clock, wires, name: "mail".to_owned() }, at_hand)
}

/// Spec: effect-match, rule-out-1, rule-out-2.
#[test]
fn where_fields_are_listed_they_alone_are_recorded_and_replay_finds_nothing() {
    for (whom, found) in [("eve", EffectMatch::Match), ("mallory", EffectMatch::Mismatch)] {
        let (world, at_hand) = sending_to(whom);
        let answer = world.turn(0, 2);
        // One is previewed, the other is not.
        for (tool, index) in [("send", 0), ("edit", 1)] {
            let fate = world.gate.call(intent(tool, 0, index, answer));
            let Fate::Returned(returned) = &fate else { panic!("{fate:?}") };
            assert_eq!(returned.effect, Some(found), "{tool} to {whom}");
            let is_undone = world.kinds(&place(0, index)).contains(&Kind::EffectReverted);
            assert_eq!(is_undone, found == EffectMatch::Mismatch, "{tool} to {whom}");
        }
        let observed = world.gate.commitment(format!(r#"{{"/to":"{whom}"}}"#).as_bytes()).unwrap();
        let verified = world.records().into_iter().filter_map(|record| match record.input.body {
            Body::EffectVerified(verified) => Some(verified.observed),
            _ => None,
        });
        assert_eq!(verified.collect::<Vec<_>>(), [Given::Known(observed), Given::Known(observed)]);
        let _ = world.gate.close(RunEnd::Completed).unwrap();
        let report = replayed(&world.bytes(), &at_hand);
        assert_eq!((report.valid, &report.wrong), (Valid::Reproduced, &None));
        assert_eq!(report.findings.items(), []);
    }
}
