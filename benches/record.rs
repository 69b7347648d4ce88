//! What recording costs without waiting for the disk, beside hashing the same bytes. CPU time.

use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rederive_evidence::draft::Draft;

use material::clock::CpuTime;
use material::nowhere::Nowhere;

mod material;

const TURNS: u32 = 4_000;

fn record_path(c: &mut Criterion<CpuTime>) {
    let drafts: Vec<Draft> = material::runs::observed(TURNS).collect();
    let trace = material::trace(TURNS);
    let (frames, contents) = (material::frame_bytes(&trace), material::content_bytes(&trace));
    println!(
        "{} records, frames of {} bytes and contents of {} bytes on average",
        drafts.len(),
        frames.len() / drafts.len(),
        contents.len() / drafts.len()
    );
    let mut group = c.benchmark_group("record path");
    let _ = group.throughput(Throughput::Elements(drafts.len() as u64)).sample_size(20);
    let _ = group.bench_function("limit: one hash over all frames, one over all contents", |b| {
        b.iter(|| (blake3::hash(black_box(&frames)), blake3::hash(black_box(&contents))));
    });
    let _ = group.bench_function("record", |b| {
        let record = |drafts| material::record(Nowhere, Path::new("run.rdt"), drafts);
        b.iter_batched(|| drafts.clone(), record, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = record_path);
criterion_main!(benches);
