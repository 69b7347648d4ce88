//! Replay of one trace at each level, on one thread, beside the limit: hashing the same frames in bulk.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rederive_replay::{Level, Options, replay_bytes};

mod material;

fn replay(c: &mut Criterion) {
    let trace = material::trace(4_000);
    let frames = material::frame_bytes(&trace);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let records = pool.install(|| replay_bytes(&trace, &Options::default()).unwrap().records);
    println!(
        "{records} records, {} bytes a frame, {} bytes a record in the file",
        frames.len() as u64 / records,
        trace.len() as u64 / records
    );

    let mut group = c.benchmark_group("replay");
    group.sample_size(20).throughput(Throughput::Elements(records));
    group.bench_function("limit: one hash over all frames", |b| b.iter(|| blake3::hash(black_box(&frames))));
    for level in Level::ALL {
        let options = Options { level: *level, ..Options::default() };
        group.bench_function(level.name(), |b| {
            b.iter(|| pool.install(|| replay_bytes(&trace, &options).unwrap().valid))
        });
    }
    group.finish();
}

criterion_group!(benches, replay);
criterion_main!(benches);
