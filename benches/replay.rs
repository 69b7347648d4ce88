//! Replay of one trace at each level, on one thread, beside the limit: hashing the same bytes in bulk, and unpacking what is packed. CPU time.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rederive_archive::{BlockBuffer, TraceReader};
use rederive_replay::{Level, Options, replay_bytes};

use material::clock::CpuTime;

mod material;

fn replay(c: &mut Criterion<CpuTime>) {
    let trace = material::trace(4_000);
    let records_alone = material::without_contents(&trace);
    let (frames, contents) = (material::frame_bytes(&trace), material::content_bytes(&trace));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let records = pool.install(|| replay_bytes(&trace, &Options::default()).unwrap().records);
    println!(
        "{records} records, {} bytes a frame, {} bytes of contents a record",
        frames.len() as u64 / records,
        contents.len() as u64 / records
    );

    let mut group = c.benchmark_group("replay");
    let _ = group.sample_size(20).throughput(Throughput::Elements(records));
    let _ = group.bench_function("limit: one hash over all frames", |b| {
        b.iter(|| blake3::hash(black_box(&frames)));
    });
    let _ = group.bench_function("limit: one hash over all contents", |b| {
        b.iter(|| blake3::hash(black_box(&contents)));
    });
    let reader = TraceReader::of(trace.as_slice()).unwrap();
    let mut buffer = BlockBuffer::new();
    let _ = group.bench_function("limit: unpacking all contents", |b| {
        b.iter(|| material::unpack_contents(&reader, &mut buffer));
    });
    for (what, trace) in [("records alone", &records_alone), ("with contents", &trace)] {
        for level in Level::ALL {
            let options = Options { level: *level, ..Options::default() };
            let _ = group.bench_function(format!("{}, {what}", level.name()), |b| {
                b.iter(|| pool.install(|| replay_bytes(trace, &options).unwrap().valid));
            });
        }
    }
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = replay);
criterion_main!(benches);
