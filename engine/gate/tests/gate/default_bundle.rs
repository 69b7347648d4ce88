//! A gate under `policies/default` as docs/default-bundle.md says to take it, with a registry that nobody wrote by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::decision::{Decision, DecisionMade};
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::Causes;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{ApprovalPolicy, EffectsClass, ScopeItem};
use rederive_gate::ports::{Approver, Payload, Runner, Tool, ToolFailure, ToolReply, Verdict};
use rederive_gate::{AnswerFault, BundlePolicy, Dispatch, Fate, Gate, Intent, Registration, Setup};
use rederive_policy::registry::infer::{from_json, infer};
use rederive_policy::{Archive, Bundle, BundleFault, Registry, bundle, compile};
use rederive_recorder::ManualClock;
use rederive_replay::{Level, Options, Valid, replay_bytes};

use crate::approvals::Desk;
use crate::world::{START, Wires, World, id, intent, opened, options, path, place, setup, word};

/// Tools as a server of them lists them.
const TOOLS: &str = r#"[
  {"name": "search_mail", "description": "Search the mailbox and return the messages found.",
   "input_schema": {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}},
  {"name": "pay_invoice", "description": "Pay an invoice by bank transfer.",
   "input_schema": {"type": "object", "properties": {"iban": {"type": "string"}, "amount": {"type": "number"}},
                    "required": ["iban", "amount"]}}
]"#;
const MAIL: &str =
    r#"{"from":"billing@supplier.example","text":"Invoice 7: 120 EUR to DE89370400440532013000"}"#;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What docs/default-bundle.md says to write into `entitlements.json`.
fn entitlements() -> String {
    let text = std::fs::read_to_string(project("docs/default-bundle.md")).unwrap();
    let line =
        text.lines().find(|line| line.trim_start().starts_with("echo '{")).expect("the line of the guide");
    line.split('\'').nth(1).unwrap().to_owned()
}

/// A copy of the default bundle with these entitlements.
fn mine(entitlements: Option<&str>) -> Result<Bundle, BundleFault> {
    let folder = tempfile::tempdir().unwrap();
    copy(&project("policies/default"), folder.path());
    if let Some(entitlements) = entitlements {
        std::fs::write(folder.path().join("entitlements.json"), entitlements).unwrap();
        let _ = bundle::update(folder.path())?;
    }
    Bundle::read(folder.path())
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, is_folder) = (entry.as_ref().unwrap(), entry.as_ref().unwrap().path().is_dir());
        let to = to.join(entry.file_name());
        if is_folder {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            let _ = std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// A mailbox with one mail, and a bank that counts its payments.
struct Acts(Arc<Wires>);

impl Tool for Acts {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let tool = dispatch.call().tool.to_string();
        let reply = if tool == "search_mail" { MAIL } else { r#"{"paid":true}"# };
        *self.0.acts.lock().unwrap().entry(tool).or_default() += 1;
        Ok(ToolReply::new(Payload::json(reply)))
    }
}

/// A run under this bundle and the registry drafted from [`TOOLS`].
struct Office {
    world: World,
    desk: Arc<Desk>,
    at_hand: Archive,
}

impl Office {
    fn open(bundle: &Bundle) -> Self {
        let registry = infer(&from_json(TOOLS.as_bytes()).unwrap());
        let (disk, wires, clock) =
            (FaultyStorage::new(), Arc::<Wires>::default(), Arc::new(ManualClock::new(START)));
        let desk = Arc::new(Desk::default());
        let setup = Setup {
            policy: Arc::new(BundlePolicy::new(bundle).unwrap()),
            tools: registered(&registry, &wires),
            approver: Some(Arc::clone(&desk) as Arc<dyn Approver>),
            registry: Some(Arc::new(registry.clone())),
            memory: None,
            ..setup(&wires)
        };
        let mut draft = opened("acme");
        let Body::RunOpened(body) = &mut draft.body else { panic!("another body") };
        body.bundle = Given::Known(bundle.digest());
        body.registry = Given::Known(registry.digest());
        body.scope =
            Given::Known(registry.tools.iter().map(|(tool, of)| item(tool, of.facts.effects)).collect());
        let options = options(&clock, "office", "first");
        let gate = Gate::open(disk.clone(), &path("office"), draft, options, setup).unwrap();
        let compiled = Arc::new(compile(bundle).unwrap());
        let at_hand = Archive::holding(compiled, Arc::new(registry));
        Self { world: World { gate, disk, clock, wires, name: "office".to_owned() }, desk, at_hand }
    }

    fn acted(&self, tool: &str) -> u64 {
        self.world.wires.acts.lock().unwrap().get(tool).copied().unwrap_or_default()
    }

    /// The mail is read, and a payment asked for that only the mail says where to.
    fn payment(&self) -> Fate {
        let said = "Please look into my mailbox and pay the invoice that came today.";
        let answer = crate::turn::turn(&self.world.gate, 0, said, 1).unwrap();
        let query = Payload::json(r#"{"query":"invoice"}"#);
        let read = self.world.gate.call(Intent { arguments: query, ..intent("search_mail", 0, 0, answer) });
        let Fate::Returned(read) = read else { panic!("a read is permitted: {read:?}") };
        assert_eq!((read.content.bytes(), self.acted("search_mail")), (MAIL.as_bytes(), 1));
        let answer = crate::turn::turn(&self.world.gate, 1, "Go on.", 1).unwrap();
        self.world.gate.call(Intent {
            arguments: Payload::json(r#"{"iban":"DE89370400440532013000","amount":120}"#),
            causes: Causes::of([read.from.0, answer]),
            ..intent("pay_invoice", 1, 0, answer)
        })
    }

    fn decisions(&self) -> Vec<DecisionMade> {
        let made = |body| if let Body::DecisionMade(made) = body { Some(*made) } else { None };
        self.world.records().into_iter().filter_map(|record| made(record.input.body)).collect()
    }
}

fn item(tool: &Id, action: EffectsClass) -> ScopeItem {
    ScopeItem {
        tool: tool.clone(),
        action,
        resource: None,
        tenant: id("acme"),
        approval: ApprovalPolicy::None,
    }
}

fn registered(registry: &Registry, wires: &Arc<Wires>) -> Vec<Registration> {
    let listed = |(tool, entry): (&Id, _)| {
        let acts = Runner::Direct(Box::new(Acts(Arc::clone(wires))));
        Registration::listed(tool.clone(), entry, acts).expect("it was drafted from a schema")
    };
    registry.tools.iter().map(listed).collect()
}

#[test]
fn a_payment_that_a_mail_asked_for_is_held_and_sent_when_who_is_entitled_says_so() {
    let office = Office::open(&mine(Some(&entitlements())).unwrap());
    let fate = office.payment();
    let Fate::Held(held) = fate else { panic!("a payment to where only a mail says is held: {fate:?}") };
    assert_eq!(office.acted("pay_invoice"), 0);
    let gate = &office.world.gate;
    let not_entitled = gate.answer(&held.approval, word(&office.desk.last(), "carol", Verdict::Approve));
    assert!(matches!(not_entitled, Err(AnswerFault::NotEntitled { .. })), "{not_entitled:?}");
    assert_eq!((gate.held().len(), office.acted("pay_invoice")), (1, 0), "it waits on");

    let fate = gate.answer(&held.approval, word(&office.desk.last(), "bob", Verdict::Approve)).unwrap();
    assert!(matches!(fate, Fate::Returned(_)), "{fate:?}");
    assert_eq!(office.acted("pay_invoice"), 1);
    let decisions = office.decisions();
    let answers: Vec<Decision> = decisions.iter().map(|made| made.decision).collect();
    assert_eq!(answers, [Decision::Permit, Decision::Silence, Decision::Permit]);
    assert!(decisions[1].rules.contains(&id("change-destination")), "{:?}", decisions[1].rules);
    assert_eq!(decisions[2].approval, Some(held.approval));

    let _ = gate.close(RunEnd::Completed).unwrap();
    assert!(office.world.records().iter().all(|record| record.derived.breaches.is_empty()));
    let options = Options { level: Level::Policy, pinned: Some(&office.at_hand), ..Options::default() };
    let report = replay_bytes(&office.world.bytes(), &options).unwrap();
    assert_eq!((report.valid, report.wrong, report.decisions), (Valid::Reproduced, None, Some(3)));
}

#[test]
fn under_the_bundle_as_it_is_shipped_nobody_may_approve_anything() {
    let office = Office::open(&mine(None).unwrap());
    let fate = office.payment();
    let Fate::Held(held) = fate else { panic!("{fate:?}") };
    for approver in ["bob", "carol"] {
        let said = word(&office.desk.last(), approver, Verdict::Approve);
        let refused = office.world.gate.answer(&held.approval, said);
        assert!(matches!(refused, Err(AnswerFault::NotEntitled { .. })), "{refused:?}");
    }
    assert_eq!((office.world.gate.held().len(), office.acted("pay_invoice")), (1, 0));
    assert!(!office.world.kinds(&place(1, 0)).contains(&Kind::ToolDispatched));
}
