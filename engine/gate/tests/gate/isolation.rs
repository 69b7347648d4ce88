//! Two tenants in one process, hammered from threads. Spec: rule-idn-2.
//!
//! Every component serves both and knows by what it is handed alone for whom it acts: what the gate hands to one of another is seen where it arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rederive_archive::TraceReader;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, PublicKey, RunId};
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::context::ContextRetrieved;
use rederive_evidence::kinds::credential::{CredentialType, SecretHandling};
use rederive_evidence::kinds::decision::{Decision, Directive, ReasonCode};
use rederive_evidence::kinds::memory::{DeletionPath, MemoryKey, MemoryScope, MemoryWritten};
use rederive_evidence::kinds::run::RunEnd;
use rederive_evidence::receipt::Receipt;
use rederive_evidence::record::{Causes, MediaType, Record};
use rederive_evidence::rules::{Reason, Rule};
use rederive_evidence::schema::Given;
use rederive_evidence::signed::UncheckedSigned;
use rederive_evidence::values::{Actor, ActorType, Label, Origin, Sensitivity, Trust};
use rederive_gate::ports::*;
use rederive_gate::{Dispatch, Fate, Gate, Intent, Setup};
use rederive_policy::{Judgement, PolicyRequest};
use rederive_recorder::{Appended, ManualClock};

use crate::world::{BUNDLE, START, World, id, intent, opened, options, path, place, receipt_key, setup};

/// A tenant, and a word that nothing but its own data holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tenant {
    name: &'static str,
    word: &'static str,
    approver_seed: u8,
}

const TENANTS: [Tenant; 2] = [
    Tenant { name: "acme", word: "orchid", approver_seed: 31 },
    Tenant { name: "globex", word: "walnut", approver_seed: 32 },
];
/// Calls of each tenant in each of three rounds.
const ROUND: u16 = 12;
/// Indices of the call that needs a person, of the one that one tenant's policy forbids, and of the one that stands in its tool meanwhile.
const HELD: u16 = 3 * ROUND;
const BARRED: u16 = HELD + 1;
const STANDING: u16 = HELD + 2;
/// How a secret begins.
const SECRET: &str = "s3cret";

impl Tenant {
    fn of(name: &Id) -> Self {
        TENANTS.into_iter().find(|tenant| id(tenant.name) == *name).expect("one of the two")
    }

    fn other(self) -> Self {
        TENANTS.into_iter().find(|tenant| *tenant != self).expect("there are two")
    }

    fn named(self, what: &str) -> Id {
        id(&format!("{what}-of-{}", self.name))
    }

    fn key(self) -> SigningKey {
        SigningKey::from_seed(&[self.approver_seed; 32])
    }

    fn arguments(self, index: u16) -> String {
        format!("{{\"to\":\"{}-{index}\"}}", self.name)
    }

    fn secret(self, index: u16) -> String {
        format!("{SECRET}-{}-{index}", self.word)
    }

    fn answer(self, index: u16) -> String {
        format!("{{\"mail\":\"the {} of {}\",\"asked\":{}}}", self.word, self.name, self.arguments(index))
    }

    /// The run's opening: account, session, persona and approver are the tenant's own.
    fn opening(self) -> Draft {
        let mut opening = opened(self.name);
        let Body::RunOpened(body) = &mut opening.body else { panic!("another body") };
        let actor = |of, actor_type, key: Option<PublicKey>| Actor {
            id: self.named(of),
            actor_type,
            key,
            owner: None,
            scope: None,
        };
        body.actors.push(actor("account", ActorType::Principal, None));
        body.actors.push(actor("approver", ActorType::Approver, Some(self.key().public_key())));
        body.principal.id = self.named("account");
        body.session.id = self.named("session");
        body.persona.id = self.named("persona");
        opening
    }
}

/// What a tool was handed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Served {
    run: String,
    tenant: Id,
    session: Id,
    principal: Id,
    credential: Option<(Id, String)>,
    arguments: String,
}

/// What a policy was asked about.
type Judged = (Id, Id, Id, Id, String);

/// Components that serve both tenants.
#[derive(Default)]
struct Both {
    served: Mutex<Vec<Served>>,
    once: Mutex<Vec<Id>>,
    judged: Mutex<BTreeSet<Judged>>,
    issued: Mutex<BTreeSet<(String, Id)>>,
    revoked: Mutex<BTreeSet<(String, Id)>>,
    shown: Mutex<Vec<Evidence>>,
    /// Where the call that stands in its tool says so, and waits.
    standing: Mutex<Option<(Sender<()>, Receiver<()>)>>,
}

struct Part(Arc<Both>);

impl Policy for Part {
    fn bundle(&self) -> Digest {
        BUNDLE
    }

    fn engine(&self) -> (Id, Id) {
        (id("both"), id("1"))
    }

    fn judge(&self, request: &PolicyRequest) -> Result<Judgement, Failure> {
        let run = &request.run;
        let tenant = Tenant::of(&run.tenant);
        let arguments = request.arguments.as_value().to_string();
        let (session, principal) = (run.session.clone(), run.principal.clone());
        let persona = run.persona.clone();
        let judged = (run.tenant.clone(), session, principal, persona, arguments.clone());
        let _ = self.0.judged.lock().unwrap().insert(judged);
        let (decision, directive, reason) = if request.approval.is_some() {
            (Decision::Permit, Directive::None, ReasonCode::Approved)
        } else if arguments == tenant.arguments(HELD) {
            (Decision::Silence, Directive::RequireApproval, ReasonCode::ApprovalNeeded)
        } else if arguments == TENANTS[0].arguments(BARRED) {
            (Decision::Deny, Directive::None, ReasonCode::PolicyForbids)
        } else {
            (Decision::Permit, Directive::None, ReasonCode::PolicyPermits)
        };
        let rules = vec![tenant.named("rule")];
        Ok(Judgement { rules, ..Judgement::of(decision, directive, reason) }.raised(request))
    }

    fn entitles(&self, approver: &Id, request: &PolicyRequest) -> bool {
        *approver == Tenant::of(&request.run.tenant).named("approver")
    }
}

impl CredentialBroker for Part {
    fn needs(&self, _call: &CallFacts) -> bool {
        true
    }

    fn kind(&self, _call: &CallFacts) -> (CredentialType, SecretHandling) {
        (CredentialType::Token, SecretHandling::BrokerHeld)
    }

    fn issue(&self, ask: &CredentialAsk) -> Result<IssuedCredential, Failure> {
        let call = &ask.call;
        let _ = self.0.issued.lock().unwrap().insert((call.run.to_hex(), ask.credential.clone()));
        let secret = Tenant::of(&call.tenant).secret(call.place.index);
        Ok(IssuedCredential { expires: ask.expires, secret: Secret::new(secret.into_bytes()) })
    }

    fn revoke(&self, run: RunId, credential: &Id) -> Result<(), Failure> {
        let _ = self.0.revoked.lock().unwrap().insert((run.to_hex(), credential.clone()));
        Ok(())
    }
}

impl Tool for Part {
    fn call(&self, dispatch: Dispatch) -> Result<ToolReply, ToolFailure> {
        let call = dispatch.call();
        let credential = dispatch
            .credential()
            .map(|(name, secret)| (name.clone(), String::from_utf8_lossy(secret.expose()).into_owned()));
        let served = Served {
            run: call.run.to_hex(),
            tenant: call.tenant.clone(),
            session: call.session.clone(),
            principal: call.principal.clone(),
            credential,
            arguments: String::from_utf8_lossy(call.arguments.bytes()).into_owned(),
        };
        self.0.served.lock().unwrap().push(served);
        self.0.once.lock().unwrap().push(dispatch.idempotency().expect("the tool knows such keys").clone());
        if call.place.index == STANDING {
            let (stands, goes_on) = self.0.standing.lock().unwrap().take().expect("one call stands");
            stands.send(()).unwrap();
            let _ = goes_on.recv_timeout(Duration::from_secs(60));
        }
        Ok(ToolReply::new(Payload::json(Tenant::of(&call.tenant).answer(call.place.index))))
    }
}

impl Approver for Part {
    fn review(&self, evidence: &Evidence) -> Result<Review, Failure> {
        self.0.shown.lock().unwrap().push(evidence.clone());
        Ok(Review::Later(None))
    }
}

impl Both {
    fn setup(self: &Arc<Self>) -> Setup {
        let part = || Arc::new(Part(Arc::clone(self)));
        let mut setup = setup(&Arc::default());
        for tool in &mut setup.tools {
            tool.runner = Runner::Direct(Box::new(Part(Arc::clone(self))));
            tool.is_idempotent = true;
        }
        Setup { policy: part(), credentials: Some(part()), approver: Some(part()), ..setup }
    }

    /// The evidence that was last shown of this run.
    fn shown_of(&self, run: RunId) -> Evidence {
        let shown = self.shown.lock().unwrap();
        shown.iter().rev().find(|evidence| evidence.run() == run).expect("something was shown").clone()
    }
}

/// A tenant's gate, and the record that its calls come from.
struct Tenancy {
    tenant: Tenant,
    world: World,
    answer: u64,
}

impl Tenancy {
    fn open(tenant: Tenant, disk: &FaultyStorage, both: &Arc<Both>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let options = options(&clock, tenant.name, "first");
        let gate =
            Gate::open(disk.clone(), &path(tenant.name), tenant.opening(), options, both.setup()).unwrap();
        let said = format!("please tell me of the {}", tenant.word);
        let answer = crate::turn::turn(&gate, 0, &said, STANDING + 1).unwrap();
        let name = tenant.name.to_owned();
        Self { tenant, world: World { gate, disk: disk.clone(), clock, wires: Arc::default(), name }, answer }
    }

    /// The gate that goes on with the run from its trace alone.
    fn recovered(self, both: &Arc<Both>) -> Self {
        let World { gate, disk, clock, wires, name } = self.world;
        drop(gate);
        let options = options(&clock, &name, "again");
        let (gate, recovered) = Gate::recover(disk.clone(), &path(&name), options, both.setup()).unwrap();
        let held: Vec<_> = recovered.held.iter().map(|held| held.place.clone()).collect();
        assert_eq!((held, recovered.blocked, recovered.unknown), (vec![place(0, HELD)], vec![], vec![]));
        Self { world: World { gate, disk, clock, wires, name }, ..self }
    }

    fn intent(&self, tool: &str, index: u16) -> Intent {
        let arguments = Payload::json(self.tenant.arguments(index));
        Intent { arguments, ..intent(tool, 0, index, self.answer) }
    }

    /// A call that is answered with the tenant's own.
    fn calls(&self, tool: &str, index: u16) {
        let fate = self.world.gate.call(self.intent(tool, index));
        let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
        assert_eq!(returned.content, Payload::json(self.tenant.answer(index)));
    }

    /// Something retrieved for the tenant; the number of its record.
    fn retrieves(&self, index: u16) -> u64 {
        let letter = self.retrieves_under(self.tenant, index);
        assert!(letter.breaches.is_empty(), "{letter:?}");
        letter.sequence
    }

    fn retrieves_under(&self, filter: Tenant, index: u16) -> Appended {
        let body = ContextRetrieved {
            item: Content(0),
            source: Given::Known(id("mailbox")),
            provenance: Given::Known(Content(1)),
            owner: Given::Known(self.tenant.named("owner")),
            retrieved: Given::Known(START),
            fresh_until: Given::Known(START.plus_ms(3_600_000)),
            label: Given::Known(Label::UNKNOWN),
            tenant_filter: Given::Known(id(filter.name)),
            filter_origin: Given::Known(Origin::Code),
            query: None,
        };
        let mut letter = Draft::new(id("agent"), Origin::Outside, body);
        letter.content(MediaType::Text, format!("letter {index} about the {}", self.tenant.word)).unwrap();
        letter.content(MediaType::Text, format!("message {index} of {}", self.tenant.name)).unwrap();
        letter.causes = Causes::of([self.answer]);
        self.world.gate.record(letter).unwrap()
    }

    /// Something kept in working memory.
    fn keeps(&self, index: u16) {
        let name = id(&format!("note-{index}"));
        let body = MemoryWritten {
            item: MemoryKey { scope: MemoryScope::Session, namespace: self.tenant.named("notes"), name },
            value: Content(0),
            provenance: Given::Known(Content(1)),
            owner: Given::Known(self.tenant.named("account")),
            reason: Given::Known(Content(1)),
            label: Given::Known(Label { trust: Trust::External, sensitivity: Sensitivity::Restricted }),
            expires: Given::Known(START.plus_ms(1_000_000)),
            deletion: Given::Known(DeletionPath::Expiry),
        };
        let mut note = Draft::new(id("agent"), Origin::Model, body);
        note.content(MediaType::Text, format!("note {index} of the {}", self.tenant.word)).unwrap();
        note.content(MediaType::Text, "to remember").unwrap();
        note.causes = Causes::of([self.answer]);
        let kept = self.world.gate.record(note);
        assert!(kept.is_ok(), "{kept:?}");
    }

    /// Calls, retrievals and notes, each on a thread of its own.
    fn hammered(&self, round: u16) {
        std::thread::scope(|scope| {
            for index in round * ROUND..(round + 1) * ROUND {
                let _ = scope.spawn(move || self.calls(if index % 2 == 0 { "look" } else { "send" }, index));
                let _ = scope.spawn(move || self.retrieves(index));
                let _ = scope.spawn(move || self.keeps(index));
            }
        });
    }

    /// A call that is held, led to by what was retrieved.
    fn is_held(&self) {
        let letter = self.retrieves(HELD);
        let intent = Intent { causes: Causes::of([self.answer, letter]), ..self.intent("edit", HELD) };
        let fate = self.world.gate.call(intent);
        assert!(matches!(fate, Fate::Held(_)), "{fate:?}");
    }

    /// What one tenant's policy forbids, the other's does not.
    fn is_barred(&self) {
        if self.tenant == TENANTS[0] {
            let fate = self.world.gate.call(self.intent("send", BARRED));
            assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
        } else {
            self.calls("send", BARRED);
        }
    }

    /// The approver of this tenant says yes to what they were shown; nobody else's yes counts, whatever they were shown.
    fn is_approved(&self, both: &Both, other: &Self) {
        let (own, others) = (self.evidence(both), other.evidence(both));
        assert_eq!(own.approval, others.approval, "approvals of two runs have one name");
        let page = String::from_utf8(own.page.bytes().to_vec()).unwrap();
        assert!(page.contains(self.tenant.word) && !says(page.as_bytes(), other.tenant), "{page}");
        for (evidence, by) in [(&others, other.tenant), (&others, self.tenant), (&own, other.tenant)] {
            let crossed = self.world.gate.answer(&own.approval, yes(evidence, by));
            assert!(crossed.is_err(), "{crossed:?}");
        }
        let fate = self.world.gate.answer(&own.approval, yes(&own, self.tenant)).unwrap();
        let Fate::Returned(returned) = fate else { panic!("{fate:?}") };
        assert_eq!(returned.content, Payload::json(self.tenant.answer(HELD)));
    }

    fn evidence(&self, both: &Both) -> Evidence {
        both.shown_of(self.world.gate.run().unwrap())
    }

    /// The indices of the calls that reached a tool.
    fn made(&self) -> impl Iterator<Item = u16> {
        let is_acme = self.tenant == TENANTS[0];
        let (barred, standing) = (!is_acme).then_some((BARRED, STANDING)).unzip();
        (0..=HELD).chain(barred).chain(standing)
    }

    /// What tools are handed of this tenant's calls, and nothing else.
    fn expected(&self) -> impl Iterator<Item = Served> {
        let (run, tenant) = (self.world.gate.run().unwrap().to_hex(), self.tenant);
        self.made().map(move |index| Served {
            run: run.clone(),
            tenant: id(tenant.name),
            session: tenant.named("session"),
            principal: tenant.named("account"),
            credential: Some((id(&format!("credential/agent/0/{index}/0")), tenant.secret(index))),
            arguments: tenant.arguments(index),
        })
    }

    /// The state that snapshots hold, in words.
    fn state(&self) -> String {
        self.world.gate.read(|machine| format!("{:?}", machine.state())).unwrap()
    }
}

/// A signed yes of this tenant's approver to this evidence.
fn yes(evidence: &Evidence, by: Tenant) -> Word {
    let statement = evidence.statement(&by.named("approver"), Verdict::Approve.code());
    let signature = rederive_evidence::signed::sign_detached(&statement, &by.key()).unwrap();
    Word {
        approver: by.named("approver"),
        verdict: Verdict::Approve,
        shown: evidence.shown,
        signature: Some(signature),
    }
}

fn holds(bytes: &[u8], part: &str) -> bool {
    bytes.windows(part.len()).any(|window| window == part.as_bytes())
}

/// Whether anything here is of this tenant: its name, which all its identities hold, its word, which all its data holds.
fn says(bytes: &[u8], tenant: Tenant) -> bool {
    holds(bytes, tenant.name) || holds(bytes, tenant.word)
}

/// What a tenant's run left.
struct Left {
    tenant: Tenant,
    run: RunId,
    records: Vec<Record>,
    contents: BTreeMap<Digest, Vec<u8>>,
    /// Each record in words, each content as a reader unpacks it, and the files as they are.
    bytes: Vec<u8>,
}

impl Left {
    fn by(tenancy: &Tenancy, run: RunId) -> Self {
        let Tenancy { tenant, world, .. } = tenancy;
        let records = world.records();
        let reader = TraceReader::open(&world.disk, &path(tenant.name)).unwrap();
        let mut stored = reader.content_reader();
        let (mut contents, mut bytes) = (BTreeMap::new(), [world.bytes(), world.log_bytes()].concat());
        for record in &records {
            bytes.extend(format!("{record:?}\n").into_bytes());
            for entry in &record.input.contents {
                let Some(content) = stored.read(&entry.commitment).unwrap() else { continue };
                bytes.extend(content.bytes);
                bytes.push(b'\n');
                let _ = contents.insert(entry.commitment, content.bytes.to_vec());
            }
        }
        Self { tenant: *tenant, run, records, contents, bytes }
    }

    fn content(&self, record: &Record, at: Content) -> &[u8] {
        &self.contents[&record.input.contents[usize::from(at.0)].commitment]
    }
}

/// Each decision is by the tenant's own rule, under a receipt of this very run.
fn decisions_are_its_own(left: &Left) {
    let (tenant, mut denied) = (left.tenant, 0);
    for record in &left.records {
        let Body::DecisionMade(made) = &record.input.body else { continue };
        assert_eq!(made.rules, [tenant.named("rule")]);
        denied += u16::from(made.decision == Decision::Deny);
        let receipt = left.content(record, made.receipt.unwrap());
        let receipt = UncheckedSigned::<Receipt>::parse(receipt).unwrap();
        let receipt = receipt.verify(&receipt_key().public_key()).unwrap();
        let expected =
            Receipt::of(left.run, id(tenant.name), record.derived.checksum.unwrap(), &record.input);
        assert_eq!(Some(receipt.payload()), expected.as_ref());
    }
    assert_eq!(denied, u16::from(tenant == TENANTS[0]), "what is forbidden to one is not to the other");
}

/// Results, contexts and notes are all there, and each the tenant's own.
fn contents_are_its_own(tenancy: &Tenancy, left: &Left) {
    let tenant = tenancy.tenant;
    let (mut returned, mut retrieved, mut noted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for record in &left.records {
        let said = |at| String::from_utf8(left.content(record, at).to_vec()).unwrap();
        let _ = match &record.input.body {
            Body::ToolReturned(body) => returned.insert(said(body.result)),
            Body::ContextRetrieved(body) => retrieved.insert(said(body.item)),
            Body::MemoryWritten(body) => noted.insert(said(body.value)),
            _ => continue,
        };
    }
    assert_eq!(returned, tenancy.made().map(|index| tenant.answer(index)).collect());
    let letter = |index| format!("letter {index} about the {}", tenant.word);
    assert_eq!(retrieved, (0..=HELD).map(letter).collect());
    let note = |index| format!("note {index} of the {}", tenant.word);
    assert_eq!(noted, (0..3 * ROUND).map(note).collect());
}

#[test]
fn two_tenants_in_one_process_never_see_each_others_anything() {
    let (disk, both) = (FaultyStorage::new(), Arc::<Both>::default());
    let [acme, globex] = TENANTS.map(|tenant| Tenancy::open(tenant, &disk, &both));
    std::thread::scope(|scope| {
        for tenancy in [&acme, &globex] {
            let _ = scope.spawn(|| tenancy.hammered(0));
            let _ = scope.spawn(|| tenancy.is_held());
            let _ = scope.spawn(|| tenancy.is_barred());
        }
    });
    // One gate is gone and comes back from its trace; the other goes on meanwhile, a call of it in the tool all the time.
    let ((stands, standing), (goes_on, waits)) = (channel(), channel());
    *both.standing.lock().unwrap() = Some((stands, waits));
    let acme = std::thread::scope(|scope| {
        let _ = scope.spawn(|| globex.calls("look", STANDING));
        standing.recv().unwrap();
        let _ = scope.spawn(|| globex.hammered(1));
        let acme = acme.recovered(&both);
        acme.hammered(1);
        goes_on.send(()).unwrap();
        acme
    });
    std::thread::scope(|scope| {
        let _ = scope.spawn(|| acme.is_approved(&both, &globex));
        for tenancy in [&acme, &globex] {
            let _ = scope.spawn(|| tenancy.hammered(2));
        }
    });
    globex.is_approved(&both, &acme);
    seen_by_components(&both, &[&acme, &globex]);
    for tenancy in [acme, globex] {
        is_left_alone(tenancy);
    }
}

/// What tools, policy and broker were handed is of the tenant that it was said to be of.
fn seen_by_components(both: &Both, tenancies: &[&Tenancy; 2]) {
    let mut served = both.served.lock().unwrap().clone();
    served.sort();
    let mut expected: Vec<Served> = tenancies.iter().flat_map(|tenancy| tenancy.expected()).collect();
    expected.sort();
    assert_eq!(served, expected);
    let once = both.once.lock().unwrap();
    let apart: BTreeSet<&Id> = once.iter().collect();
    assert_eq!(
        apart.len(),
        once.len(),
        "no key of one makes a service take a call of the other for a repetition"
    );
    let issued: BTreeSet<_> =
        expected.iter().filter_map(|of| Some((of.run.clone(), of.credential.clone()?.0))).collect();
    assert_eq!(*both.issued.lock().unwrap(), issued);
    assert_eq!(*both.revoked.lock().unwrap(), issued);
    for (tenant, session, principal, persona, arguments) in both.judged.lock().unwrap().iter() {
        let of = Tenant::of(tenant);
        let own = [of.named("session"), of.named("account"), of.named("persona")];
        assert_eq!([session, principal, persona], own.each_ref());
        assert!(arguments.contains(of.name) && !says(arguments.as_bytes(), of.other()), "{arguments}");
    }
}

/// Nothing of the other tenant stands in this one's state, trace or log, and nobody's secret.
fn is_left_alone(tenancy: Tenancy) {
    let Tenancy { tenant, world, .. } = &tenancy;
    assert!(world.gate.held().is_empty());
    assert_eq!(world.gate.read(|machine| machine.state().memory().len()).unwrap(), usize::from(3 * ROUND));
    let state = tenancy.state();
    assert!(says(state.as_bytes(), *tenant) && !says(state.as_bytes(), tenant.other()), "{state}");
    let run = world.gate.run().unwrap();
    for is_sealed in [false, true] {
        if is_sealed {
            let _ = world.gate.close(RunEnd::Completed).unwrap();
        }
        let left = Left::by(&tenancy, run);
        decisions_are_its_own(&left);
        contents_are_its_own(&tenancy, &left);
        let bytes = &left.bytes;
        assert!(holds(bytes, tenant.name) && holds(bytes, tenant.word), "what is looked for can be found");
        assert!(!says(bytes, tenant.other()), "{} in what {} left", tenant.other().name, tenant.name);
        assert!(!holds(bytes, SECRET), "a secret in what {} left", tenant.name);
    }
}

/// What was retrieved under the filter of another tenant is on record as that, and leads to no call. Spec: rule-ctx-2.
#[test]
fn what_was_retrieved_under_the_filter_of_another_tenant_leads_to_no_call() {
    let both = Arc::<Both>::default();
    for filter in TENANTS {
        let acme = Tenancy::open(TENANTS[0], &FaultyStorage::new(), &both);
        let letter = acme.retrieves_under(filter, 0);
        let breaches: Vec<_> = letter.breaches.iter().map(|breach| (breach.rule, breach.reason)).collect();
        let intent = Intent { causes: Causes::of([acme.answer, letter.sequence]), ..acme.intent("look", 0) };
        let fate = acme.world.gate.call(intent);
        let served = std::mem::take(&mut *both.served.lock().unwrap()).len();
        if filter == acme.tenant {
            assert!(breaches.is_empty() && matches!(fate, Fate::Returned(_)), "{breaches:?}: {fate:?}");
            assert_eq!(served, 1);
        } else {
            assert_eq!(breaches, [(Rule::Ctx2, Reason::TenantFilter)]);
            assert!(matches!(fate, Fate::Blocked(_)), "{fate:?}");
            assert_eq!(served, 0);
        }
    }
}

/// Commitments, and so pages and requests, are of one run alone.
#[test]
fn the_same_bytes_have_another_commitment_in_the_run_of_another_tenant() {
    let (disk, both) = (FaultyStorage::new(), Arc::<Both>::default());
    let tenancies = TENANTS.map(|tenant| Tenancy::open(tenant, &disk, &both));
    let [one, other] = tenancies.map(|of| of.world.gate.commitment(b"the very same bytes").unwrap());
    assert_ne!(one, other);
}
