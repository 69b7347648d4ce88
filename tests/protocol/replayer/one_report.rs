//! What is said of a run is the same in every order of its threads: whatever they share, and whichever of them finds something first.

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use rederive_archive::TraceReader;
use rederive_archive::storage::ReadAt;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id};
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::prompt::{PromptGiven, PromptSent};
use rederive_evidence::kinds::run::{RunClosed, RunEnd};
use rederive_evidence::kinds::tool::ToolProposed;
use rederive_evidence::record::{Causes, MediaType};
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Mode, Origin, Place, Role};
use rederive_extract::ExtractorVersion;
use rederive_recorder::{Durability, NoClock, OpenCalls, Recorder, SeededEntropy, opening};
use shuttle::thread;

use crate::orders::in_orders;
use crate::report::{Level, Report, Valid};
use crate::threads;
use crate::trace::{Options, replay_reader};

/// Orders that are tried of each case, by each of two ways to draw them.
const ORDERS: usize = 8;

/// Prompts with so many tools that they fill more than one span, and a second range begins at a snapshot.
const PROMPTS: u32 = 175;
const TOOLS: usize = 600;

fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

fn draft(actor: &str, origin: Origin, body: impl Into<rederive_evidence::kinds::Body>) -> Draft {
    let mut draft = Draft::new(id(actor), origin, body);
    draft.causes = Causes::of([0]);
    draft
}

/// A run that is replayed in two ranges, in each of which a call is proposed: what it carries follows from all that was said before.
static TRACE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let storage = FaultyStorage::new();
    let path = Path::new("run.rdt");
    let options = rederive_recorder::Options {
        durability: Durability::LeftToSystem,
        signer: Some(Arc::new(SigningKey::from_seed(&[7; 32]))),
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"replayer", b"")),
        open_calls: OpenCalls::Leave,
        extractor: Some(ExtractorVersion::LATEST),
        ..rederive_recorder::Options::default()
    };
    let body = opening(Mode::Observed, id("acme"), id("session"), [id("ada"), id("helper"), id("recorder")]);
    let opened = Draft::new(id("recorder"), Origin::Code, Box::new(body));
    let recorder = Recorder::create(storage.clone(), path, opened, options).unwrap();
    let tools: Vec<Id> = (0..TOOLS).map(|tool| id(&format!("{tool:0100}"))).collect();
    for turn in 0..PROMPTS {
        let (model, tools) = (id("model"), tools.clone());
        let sent = PromptSent { model, extends: None, kept: vec![], parts: vec![], tools, parameters: None };
        recorder.append(draft("helper", Origin::Code, sent)).unwrap();
        if turn % 50 == 0 {
            let place = Place { agent: id("helper"), turn, index: 0, attempt: 0 };
            let mut given =
                draft("ada", Origin::Human, PromptGiven { role: Role::User, message: Content(0) });
            given.content(MediaType::Text, format!("look for invoice {turn}")).unwrap();
            recorder.append(given).unwrap();
            let arguments = Given::Known(Content(0));
            let proposed = ToolProposed {
                tool: id("search"),
                arguments,
                call_id: None,
                expected_effect: None,
                retry_of: None,
            };
            let mut proposed = draft("helper", Origin::Model, proposed);
            proposed.content(MediaType::Json, format!("{{\"query\":\"invoice {turn}\"}}")).unwrap();
            proposed.place = Some(place);
            recorder.append(proposed).unwrap();
        }
    }
    recorder
        .append(draft("recorder", Origin::Code, RunClosed { end: RunEnd::Completed, reason: None }))
        .unwrap();
    recorder.seal().unwrap();
    storage.bytes_of(path).unwrap()
});

/// A file before whose every reading other threads may go first.
struct Shared<'a>(&'a [u8]);

impl ReadAt for Shared<'_> {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        thread::yield_now();
        self.0.read_at(buffer, offset)
    }
}

fn told(bytes: &[u8], level: Level) -> Report {
    let reader = TraceReader::of(Shared(bytes)).unwrap();
    replay_reader(&reader, &Options { level, ..Options::default() }).unwrap()
}

/// The trace, with these bytes another.
fn harmed(places: &[usize]) -> Vec<u8> {
    let mut bytes = TRACE.clone();
    places.iter().for_each(|place| bytes[*place] ^= 1);
    bytes
}

/// What the replayer itself says on one thread, it says here in every order of two.
fn same_in_every_order(bytes: Vec<u8>, level: Level, valid: Valid) {
    let options =
        rederive_replay::Options { level: rederive_replay::Level::ALL[level as usize], ..Default::default() };
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = alone.install(|| rederive_replay::replay_bytes(&bytes, &options).unwrap());
    assert_eq!(alone.valid.name(), valid.name(), "{:?}", alone.wrong);
    let alone = format!("{alone:?}");
    in_orders(ORDERS, move || assert_eq!(format!("{:?}", told(&bytes, level)), alone));
}

#[test]
fn a_run_that_reproduces_does_in_every_order() {
    same_in_every_order(TRACE.clone(), Level::Content, Valid::Reproduced);
}

/// Of two damaged ranges the first is told, whichever was found first.
#[test]
fn the_first_thing_that_is_wrong_is_told_whoever_finds_another_first() {
    let length = TRACE.len();
    same_in_every_order(harmed(&[length / 8, length / 8 * 7]), Level::State, Valid::Damaged);
}

#[test]
#[should_panic(expected = "left == right")]
fn results_that_are_put_together_as_they_come_are_found() {
    threads::plant();
    same_in_every_order(TRACE.clone(), Level::State, Valid::Reproduced);
}
