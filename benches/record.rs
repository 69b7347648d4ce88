//! What recording costs without waiting for the disk, beside hashing the same bytes.

mod runs;

use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rederive_archive::TraceReader;
use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::storage::{Access, ReadAt, Storage, StoredFile};
use rederive_evidence::draft::Draft;
use rederive_recorder::{Durability, NoClock, OpenCalls, Options, Recorder, SeededEntropy};

/// A storage that takes everything and keeps nothing.
#[derive(Clone, Copy)]
struct Nowhere;

impl Storage for Nowhere {
    type File = Self;

    fn open(&self, _path: &Path, access: Access) -> io::Result<Self> {
        match access {
            Access::Read | Access::Write => Err(io::ErrorKind::NotFound.into()),
            Access::CreateNew | Access::OpenOrCreate => Ok(*self),
        }
    }

    fn rename(&self, _from: &Path, _to: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_directory_of(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl ReadAt for Nowhere {
    fn length(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }
}

impl StoredFile for Nowhere {
    fn write_at(&self, bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn truncate(&self, _length: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        Ok(true)
    }
}

fn options() -> Options {
    Options {
        durability: Durability::OnSeal,
        clock: Arc::new(NoClock),
        entropy: Box::new(SeededEntropy::new(b"bench", b"")),
        open_calls: OpenCalls::Leave,
        ..Options::default()
    }
}

fn record<S: Storage>(storage: S, drafts: Vec<Draft>) {
    let mut drafts = drafts.into_iter();
    let recorder =
        Recorder::create(storage, Path::new("run.rdt"), drafts.next().unwrap(), options()).unwrap();
    drafts.for_each(|draft| drop(black_box(recorder.append(draft).unwrap())));
    black_box(recorder.seal().unwrap());
}

/// The frames that these drafts become.
fn frames(drafts: &[Draft]) -> Vec<u8> {
    let storage = FaultyStorage::new();
    record(storage.clone(), drafts.to_vec());
    let bytes = storage.bytes_of(Path::new("run.rdt")).unwrap();
    let reader = TraceReader::of(bytes).unwrap();
    let mut buffer = rederive_archive::BlockBuffer::new();
    let segments = (0..reader.segments()).map(|number| reader.segment(number).unwrap());
    segments.flat_map(|segment| segment.frames(&mut buffer).unwrap().to_vec()).collect()
}

fn record_path(c: &mut Criterion) {
    let drafts = runs::observed(4_000);
    let records = drafts.len() as u64;
    let frames = frames(&drafts);
    let contents: Vec<u8> =
        drafts.iter().flat_map(|draft| &draft.contents).flat_map(|content| content.bytes.clone()).collect();
    println!(
        "{records} records, frames of {} bytes and contents of {} bytes on average",
        frames.len() as u64 / records,
        contents.len() as u64 / records
    );
    let mut group = c.benchmark_group("record path");
    group.throughput(Throughput::Elements(records));
    group.sample_size(20);
    group.bench_function("record", |b| {
        b.iter_batched(|| drafts.clone(), |drafts| record(Nowhere, drafts), BatchSize::PerIteration);
    });
    group.bench_function("limit: blake3 over the same frames and contents", |b| {
        b.iter(|| (blake3::hash(black_box(&frames)), blake3::hash(black_box(&contents))));
    });
    group.finish();
}

criterion_group!(benches, record_path);
criterion_main!(benches);
