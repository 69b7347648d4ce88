//! What replay at policy level costs a decision, beside replay at state level, and beside the same requests put to the same policies and nothing else:
//! a gated run in memory, one thread, CPU time, each cost measured in turns with the others.
//!
//! `cargo bench -p rederive-benches --bench policy`
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]
#![allow(clippy::float_arithmetic, reason = "figures are for people")]

#[path = "material/gated.rs"]
mod gated;
mod material;
mod table;

use std::hint::black_box;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::run::RunEnd;
use rederive_policy::{Compiled, Judgement, PolicyRequest, Registry, compile};
use rederive_recorder::Durability;
use rederive_replay::{
    Judge, Level, Options, Pinned, Registries, StandingGrant, Valid, WhatIf, replay_bytes, whatif_bytes,
};

use material::clock;
use table::Table;

/// Calls of the run: each is decided on once.
const CALLS: u16 = 2_000;
/// How often each cost is measured, in turns with all others. The least counts.
const ROUNDS: usize = 7;

/// The bundle and the registry of the run; the requests that it is asked, where they are kept.
struct AtHand {
    compiled: Compiled,
    registry: Arc<Registry>,
    heard: Option<Mutex<Vec<PolicyRequest>>>,
}

impl AtHand {
    fn new(heard: Option<Mutex<Vec<PolicyRequest>>>) -> Self {
        let compiled = compile(&gated::bundle()).unwrap();
        Self { compiled, registry: Arc::new(gated::tools()), heard }
    }
}

impl Judge for AtHand {
    fn judge(&self, request: &PolicyRequest) -> Judgement {
        if let Some(heard) = &self.heard {
            heard.lock().unwrap().push(request.clone());
        }
        self.compiled.judge(request)
    }

    fn engine(&self) -> (&Id, &Id) {
        (self.compiled.engine(), self.compiled.engine_version())
    }
}

/// The same, shared as replay asks for it.
#[derive(Clone)]
struct Shared(Arc<AtHand>);

impl Registries for Shared {
    fn registry(&self, _: Option<&Digest>) -> Option<Arc<Registry>> {
        Some(Arc::clone(&self.0.registry))
    }
}

impl Pinned for Shared {
    fn bundle(&self, digest: &Digest) -> Option<Arc<dyn Judge>> {
        (*digest == self.0.compiled.bundle()).then(|| Arc::clone(&self.0) as Arc<dyn Judge>)
    }
}

/// A sealed run of so many calls.
fn trace() -> Vec<u8> {
    let (storage, path) = (FaultyStorage::new(), Path::new("run.rdt"));
    let gate = gated::gate(storage.clone(), path, Durability::Group(u32::MAX), gated::Reached::default());
    let answer = gated::turn(&gate, 0, CALLS);
    (0..CALLS).for_each(|index| _ = gated::call(&gate, 0, index, answer));
    let _ = gate.close(RunEnd::Completed).unwrap();
    storage.bytes_of(path).unwrap()
}

fn main() {
    let trace = trace();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let replay = |level, pinned: &Shared| {
        let options = Options { level, pinned: Some(pinned), ..Options::default() };
        let report = pool.install(|| replay_bytes(&trace, &options)).unwrap();
        assert_eq!((report.valid, &report.wrong), (Valid::Reproduced, &None));
        report
    };
    let listening = Shared(Arc::new(AtHand::new(Some(Mutex::default()))));
    let report = replay(Level::Policy, &listening);
    let requests = std::mem::take(&mut *listening.0.heard.as_ref().unwrap().lock().unwrap());
    assert_eq!((report.decisions, requests.len()), (Some(u64::from(CALLS)), usize::from(CALLS)));

    let shared = Shared(Arc::new(AtHand::new(None)));
    let ask = WhatIf { judge: &*shared.0, registries: &shared, grant: StandingGrant::Nothing, trust: None };
    let costs: [(&str, &dyn Fn()); 5] = [
        ("the same requests judged, and nothing else", &|| {
            requests.iter().for_each(|request| _ = black_box(shared.0.judge(request).raised(request)));
        }),
        ("replay at state level", &|| drop(black_box(replay(Level::State, &shared)))),
        ("replay at content level", &|| drop(black_box(replay(Level::Content, &shared)))),
        ("replay at policy level", &|| drop(black_box(replay(Level::Policy, &shared)))),
        ("what-if under the same bundle", &|| {
            assert!(black_box(pool.install(|| whatif_bytes(&trace, &ask))).unwrap().sound.is_some());
        }),
    ];
    let mut least = [Duration::MAX; 5];
    for _ in 0..ROUNDS {
        for ((_, run), least) in costs.iter().zip(&mut least) {
            let start = clock::of_process();
            run();
            *least = (*least).min(clock::of_process() - start);
        }
    }
    println!(
        "A gated run of {CALLS} decisions, {} records, {} bytes; 100 Cedar policies; one thread; CPU time, least of {ROUNDS} rounds.\n",
        report.records,
        trace.len()
    );
    let mut table = Table::new(["policy replay", "µs a decision", "decisions a second"]);
    for ((name, _), least) in costs.iter().zip(least) {
        let each = least.as_secs_f64() / f64::from(CALLS);
        table.row([(*name).to_owned(), format!("{:.1}", each * 1e6), format!("{:.0}", 1.0 / each)]);
    }
    table.print();
}
