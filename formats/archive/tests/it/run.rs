//! Runs to write: frames and contents made from a few numbers, and a driver that writes them and remembers what was
//! acknowledged.

use std::path::Path;

use rederive_archive::storage::{Effect, ReadAt, Storage, StoredFile};
use rederive_archive::{
    BlockBuffer, Closing, Content, Durability, Options, Packing, SegmentEnd, Snapshot, SnapshotBuilder,
    TraceReader, TraceWriter, WriteFault,
};
use rederive_evidence::digest::{Digest, Purpose, commitment, digest};
use rederive_evidence::ids::RunId;

pub(crate) const RUN: RunId = RunId([7; 16]);

pub(crate) fn path() -> &'static Path {
    Path::new("demo.rdt")
}

/// A content that a run holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) salt: [u8; 32],
    pub(crate) bytes: Vec<u8>,
}

impl Held {
    pub(crate) fn new(number: u32, bytes: impl Into<Vec<u8>>) -> Self {
        let salt = digest(Purpose::ContentPlain, &number.to_le_bytes()).0;
        Self { salt, bytes: bytes.into() }
    }

    pub(crate) fn commitment(&self) -> Digest {
        commitment(&self.salt, &self.bytes)
    }

    pub(crate) fn content(&self) -> Content<'_> {
        Content { commitment: self.commitment(), salt: self.salt, bytes: &self.bytes }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) frame: Vec<u8>,
    pub(crate) contents: Vec<Held>,
}

impl Record {
    /// A record whose frame takes this many times 64 bytes. Its first byte tells how many.
    pub(crate) fn new(number: u32, units: u8, contents: Vec<Held>) -> Self {
        let mut frame: Vec<u8> = (0..usize::from(units) * 64 - 3)
            .map(|at| (at as u32).wrapping_mul(2_654_435_761).wrapping_add(number) as u8 | 1)
            .collect();
        frame[0] = units;
        frame.resize(usize::from(units) * 64, 0);
        Self { frame, contents }
    }
}

/// A segment to write.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Part {
    pub(crate) records: Vec<Record>,
    /// After how many records there is a commit.
    pub(crate) commits: Vec<usize>,
    pub(crate) has_snapshot: bool,
}

/// A run to write.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Script {
    pub(crate) parts: Vec<Part>,
}

pub(crate) fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    bytes.first().map(|units| usize::from(*units) * 64)
}

pub(crate) fn header(segment: u32) -> Vec<u8> {
    format!("signed header of segment {segment}").into_bytes()
}

pub(crate) fn head(segment: u32, records: usize) -> Vec<u8> {
    format!("signed head of segment {segment} over {records}").into_bytes()
}

pub(crate) fn seal() -> Vec<u8> {
    b"signed seal".to_vec()
}

pub(crate) fn snapshot(segment: u32) -> Snapshot {
    let mut builder = SnapshotBuilder::new(segment, Digest([segment as u8; 32]));
    builder.push(b"key one", b"value");
    builder.push(b"key two", b"");
    builder.push(b"", &[9; 300]);
    builder.finish().unwrap()
}

impl Part {
    pub(crate) fn frames(&self) -> Vec<u8> {
        self.records.iter().flat_map(|record| record.frame.clone()).collect()
    }

    pub(crate) fn lineage(&self) -> Vec<u8> {
        (0..self.records.len()).flat_map(|record| [record as u8, 1, 2, 3]).collect()
    }

    pub(crate) fn contents(&self) -> Vec<Held> {
        self.records.iter().flat_map(|record| record.contents.clone()).collect()
    }
}

impl Script {
    /// Three segments, with contents small and large, commits, a snapshot, and records never committed.
    pub(crate) fn small() -> Self {
        let held = |number: u32, text: &str| Held::new(number, text.as_bytes());
        let long = Held::new(5, (0..3000u32).map(|at| ((at * at) >> 3) as u8).collect::<Vec<_>>());
        Self {
            parts: vec![
                Part {
                    records: vec![
                        Record::new(0, 1, vec![held(1, "the user's question"), held(2, "")]),
                        Record::new(1, 3, vec![]),
                        Record::new(2, 9, vec![long]),
                    ],
                    commits: vec![1, 3],
                    has_snapshot: false,
                },
                Part {
                    records: (3..8).map(|number| Record::new(number, 2, vec![])).collect(),
                    commits: vec![2, 4],
                    has_snapshot: true,
                },
                Part {
                    records: vec![Record::new(8, 1, vec![held(3, &"again and ".repeat(90))])],
                    commits: vec![],
                    has_snapshot: false,
                },
            ],
        }
    }

    pub(crate) fn contents(&self) -> Vec<Held> {
        self.parts.iter().flat_map(Part::contents).collect()
    }

    pub(crate) fn write<S: Storage>(&self, storage: S, options: Options) -> Result<u64, WriteFault> {
        let mut driver = Driver::new(self);
        let mut writer = TraceWriter::create(storage, path(), RUN, options)?;
        driver.run(&mut writer)?;
        Ok(driver.sealed_bytes.unwrap())
    }

    /// The bytes of the sealed trace.
    pub(crate) fn sealed(&self, packing: Packing) -> Vec<u8> {
        let storage = rederive_archive::storage::faulty::FaultyStorage::new();
        self.write(storage.clone(), Options { durability: Durability::OnSeal, packing }).unwrap();
        storage.bytes_of(path()).unwrap()
    }
}

/// When a segment that is closed gets into the trace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closings {
    /// At once.
    AtOnce,
    /// After so many records and commits of the next segment; before the next one is closed.
    After(usize),
    /// It is written at once, and the writer hears of it as late.
    HeardOfAfter(usize),
}

/// Writes a script step by step, and knows how far it came.
pub(crate) struct Driver<'s, F> {
    script: &'s Script,
    closings: Closings,
    /// The segment on its way into the trace file, and after how many steps the writer is told.
    closing: Option<(Closing<F>, usize)>,
    /// Records of the open segment that the writer has.
    pub(crate) taken: usize,
    pub(crate) closed: usize,
    /// Closed segments, and records of the one after them, that were acknowledged.
    pub(crate) acknowledged: (usize, usize),
    pub(crate) sealed_bytes: Option<u64>,
}

impl<'s, F: StoredFile> Driver<'s, F> {
    pub(crate) const fn new(script: &'s Script) -> Self {
        Self::closing(script, Closings::AtOnce)
    }

    /// A driver that closes segments so.
    pub(crate) const fn closing(script: &'s Script, closings: Closings) -> Self {
        Self {
            script,
            closings,
            closing: None,
            taken: 0,
            closed: 0,
            acknowledged: (0, 0),
            sealed_bytes: None,
        }
    }

    /// Goes on where a reader finds the trace.
    pub(crate) fn after<R: ReadAt>(script: &'s Script, reader: &TraceReader<R>) -> Self {
        let taken = reader.open_segment().map_or(0, rederive_archive::OpenSegment::records);
        Self { taken, closed: reader.segments() as usize, ..Self::new(script) }
    }

    /// Writes to the end. A call that says *nothing was written* is made once more.
    pub(crate) fn run<S: Storage<File = F>>(
        &mut self,
        writer: &mut TraceWriter<S>,
    ) -> Result<(), WriteFault> {
        while let Some(part) = self.script.parts.get(self.closed) {
            while let Some(record) = part.records.get(self.taken) {
                let contents: Vec<_> = record.contents.iter().map(Held::content).collect();
                writer.append_record(&record.frame, &contents)?;
                self.taken += 1;
                self.step(writer)?;
                if part.commits.contains(&self.taken) {
                    self.commit(writer)?;
                    self.step(writer)?;
                }
            }
            self.end_closing(writer)?;
            self.close(writer, part)?;
        }
        self.end_closing(writer)?;
        let sealed = again(|| writer.seal(&seal()))?;
        assert!(sealed.leftover_log.is_none_or(|error| error.effect == Effect::Unknown));
        self.sealed_bytes = Some(sealed.bytes);
        Ok(())
    }

    fn step<S: Storage<File = F>>(&mut self, writer: &mut TraceWriter<S>) -> Result<(), WriteFault> {
        match &mut self.closing {
            Some((_, 0)) => self.end_closing(writer),
            Some((_, steps)) => {
                *steps -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn end_closing<S: Storage<File = F>>(&mut self, writer: &mut TraceWriter<S>) -> Result<(), WriteFault> {
        let Some((closing, _)) = &mut self.closing else { return Ok(()) };
        again(|| writer.end_close(closing))?;
        self.closing = None;
        // It was the last segment that was closed.
        self.acknowledged = self.acknowledged.max((self.closed, 0));
        Ok(())
    }

    fn commit<S: Storage<File = F>>(&mut self, writer: &mut TraceWriter<S>) -> Result<(), WriteFault> {
        let head = head(self.closed as u32, self.taken);
        match again(|| writer.commit(&head)) {
            Err(WriteFault::Misuse(rederive_archive::Misuse::NoCommits)) => Ok(()),
            Err(fault) => Err(fault),
            Ok(()) => {
                self.acknowledged = (self.closed, self.taken);
                Ok(())
            }
        }
    }

    fn close<S: Storage<File = F>>(
        &mut self,
        writer: &mut TraceWriter<S>,
        part: &Part,
    ) -> Result<(), WriteFault> {
        let number = self.closed as u32;
        let snapshot = part.has_snapshot.then(|| snapshot(number));
        let (header, lineage) = (header(number), part.lineage());
        let end = SegmentEnd { header: &header, lineage: &lineage, snapshot: snapshot.as_ref() };
        let (steps, is_written) = match self.closings {
            Closings::AtOnce => (0, false),
            Closings::After(steps) => (steps, false),
            Closings::HeardOfAfter(steps) => (steps, true),
        };
        if self.closings == Closings::AtOnce || part.has_snapshot {
            again(|| writer.close_segment(end))?;
            self.acknowledged = (self.closed + 1, 0);
        } else {
            let mut closing = again(|| writer.begin_close(end))?;
            if is_written {
                closing.write();
            }
            self.closing = Some((closing, steps));
        }
        self.closed += 1;
        self.taken = 0;
        Ok(())
    }
}

fn again<T>(mut call: impl FnMut() -> Result<T, WriteFault>) -> Result<T, WriteFault> {
    match call() {
        Err(WriteFault::Store(error)) if error.effect == Effect::NothingWritten => call(),
        first => first,
    }
}

/// Asserts that a reader's trace is a first part of the script: every closed segment whole, the open one up to some
/// record, each content genuine.
#[track_caller]
pub(crate) fn assert_prefix<F: ReadAt>(reader: &TraceReader<F>, script: &Script) {
    let mut buffer = BlockBuffer::new();
    for number in 0..reader.segments() {
        let segment = reader.segment(number).unwrap();
        let part = &script.parts[number as usize];
        assert_eq!(segment.header().unwrap(), header(number));
        assert_eq!(segment.frames(&mut buffer).unwrap(), part.frames());
        assert_eq!(segment.lineage(&mut buffer).unwrap().usable().unwrap(), part.lineage());
        let found = segment.snapshot(&mut buffer).unwrap().usable();
        assert_eq!(found.is_some(), part.has_snapshot);
        let mut contents = Vec::new();
        for block in segment.content_blocks() {
            for content in block.contents(&mut buffer).unwrap() {
                let content = content.unwrap();
                assert!(content.is_genuine());
                contents.push(Held { salt: content.salt, bytes: content.bytes.to_vec() });
            }
        }
        assert_eq!(contents, part.contents());
    }
    let Some(open) = reader.open_segment() else { return };
    let part = &script.parts[reader.segments() as usize];
    assert_eq!(open.segment(), reader.segments());
    for record in 0..open.records() {
        assert_eq!(open.frame(record).unwrap(), part.records[record].frame);
        let mut contents = Vec::new();
        open.read_contents_of(record, |content| {
            contents.push(Held { salt: content.salt, bytes: content.bytes.to_vec() });
            Ok::<_, rederive_archive::ReadFault>(())
        })
        .unwrap();
        assert_eq!(contents, part.records[record].contents);
    }
    if open.attested() > 0 {
        assert_eq!(open.head().unwrap(), head(open.segment(), open.attested()));
    }
}
