//! Import of chat transcripts, to drafts and to traces, beside hashing the same bytes and parsing the same JSON. CPU time.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use material::clock::CpuTime;

mod material;

fn import(c: &mut Criterion<CpuTime>) {
    let file = material::transcripts::file(100);
    println!("{} records of {} bytes", material::import_drafts(&file), file.len());
    let mut group = c.benchmark_group("import");
    let _ = group.sample_size(20).throughput(Throughput::Bytes(file.len() as u64));
    let _ = group.bench_function("limit: one hash over the file", |b| {
        b.iter(|| blake3::hash(black_box(&file)));
    });
    let _ =
        group.bench_function("limit: the file's JSON parsed", |b| b.iter(|| material::parse_lines(&file)));
    let _ = group.bench_function("to drafts", |b| b.iter(|| material::import_drafts(&file)));
    let _ = group.bench_function("to traces", |b| b.iter(|| material::import_traces(&file)));
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = import);
criterion_main!(benches);
