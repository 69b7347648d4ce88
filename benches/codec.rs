//! Canonical bytes, leaves and roots, beside the limit: one hash over the same bytes. CPU time.
#![allow(clippy::unwrap_used, reason = "a benchmark without its material has nothing to measure")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rederive_evidence::digest::{Digest, Purpose};
use rederive_evidence::record::Record;
use rederive_evidence::{lanes, tree};

use material::clock::CpuTime;

mod material;

fn codec(c: &mut Criterion<CpuTime>) {
    let all = material::frame_bytes(&material::trace(205));
    let frames: Vec<&[u8]> = material::split(&all).into_iter().take(1_024).collect();
    let records: Vec<Record> = frames.iter().map(|frame| Record::decode_frame(frame).unwrap().0).collect();
    let all = frames.concat();
    println!("{} records, {} bytes a frame", records.len(), all.len() / records.len());

    let mut group = c.benchmark_group("codec");
    let _ = group.throughput(Throughput::Elements(records.len() as u64));
    let _ = group.bench_function("limit: one hash over all frames", |b| {
        b.iter(|| blake3::hash(black_box(&all)));
    });
    let _ = group.bench_function("encode", |b| {
        let mut out = Vec::with_capacity(all.len());
        b.iter(|| {
            out.clear();
            for record in &records {
                out = record.append_frame(std::mem::take(&mut out)).unwrap();
            }
            out.len()
        });
    });
    let _ = group.bench_function("decode", |b| {
        b.iter(|| frames.iter().map(|frame| Record::decode_frame(frame).unwrap().1).sum::<usize>());
    });
    let mut leaves: Vec<Digest> = Vec::with_capacity(records.len());
    let _ = group.bench_function("leaves, in lanes", |b| {
        b.iter(|| {
            leaves.clear();
            lanes::digest_many(Purpose::Leaf, frames.iter().copied(), &mut leaves);
        });
    });
    let _ = group.bench_function("leaves, one by one", |b| {
        b.iter(|| {
            leaves.clear();
            lanes::digest_each(Purpose::Leaf, frames.iter().copied(), &mut leaves);
        });
    });
    let _ = group.bench_function("record root, in lanes", |b| b.iter(|| tree::root(black_box(&leaves))));
    let _ = group
        .bench_function("record root, merkle-cbt", |b| b.iter(|| tree::reference_root(black_box(&leaves))));
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = codec);
criterion_main!(benches);
