//! A sealed trace in its parts: taken apart, changed, and put together again.

use std::path::Path;

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{
    BlockBuffer, Content, Durability, Options, Packing, ReadFault, SegmentEnd, TraceReader, TraceWriter,
    WriteFault,
};
use rederive_evidence::cbor::DecodeError;
use rederive_evidence::chain::{Header, Seal};
use rederive_evidence::digest::{Digest, Purpose, commitment, digest};
use rederive_evidence::ids::RunId;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::limits::FRAME_BLOCK_BYTES;
use rederive_evidence::record::{FrameRefused, Record, split_frames};
use rederive_evidence::signed::{Payload, SignFault, SignedFault, UncheckedSigned, Version, sign};
use rederive_evidence::tree;
use rederive_machine::MARK_BYTES;

/// The most bytes of frames and contents that are held of one run: few packed bytes of a file can stand for any number.
const HELD_BYTES_MAX: usize = 1 << 30;

/// A content as it is stored, with what it takes to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its commitment.
    pub commitment: Digest,
    /// The salt of the commitment.
    pub salt: [u8; 32],
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Frames of its records.
    pub frames: Vec<Vec<u8>>,
    /// Contents that first appear in it.
    pub contents: Vec<Stored>,
    /// Its lineage page, a hint.
    pub lineage: Vec<u8>,
    /// Its signed header.
    pub header: Vec<u8>,
}

/// A sealed trace. Snapshots are hints and are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Its segments.
    pub segments: Vec<Part>,
    /// The signed seal.
    pub seal: Vec<u8>,
}

/// Why a trace cannot be taken apart or put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartsFault {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadFault),
    /// The parts make no file.
    #[error(transparent)]
    Write(#[from] WriteFault),
    /// The run has no seal: it is not over.
    #[error("the trace has no seal: only a run that is over can be explored")]
    Unsealed,
    /// The run does not begin with the record that opens it.
    #[error("the first record does not open the run")]
    NotOpened,
    /// A record cannot be read.
    #[error("a record cannot be read: {0}")]
    Record(#[from] DecodeError),
    /// A record cannot be written.
    #[error("a record cannot be written: {0}")]
    Frame(#[from] FrameRefused),
    /// A signed form cannot be read.
    #[error("a signed form cannot be read: {0}")]
    Signed(#[from] SignedFault),
    /// A payload cannot be signed.
    #[error("a payload cannot be signed: {0}")]
    Sign(#[from] SignFault),
    /// A segment stores contents that none of its records lists: more than its frames have room to list.
    #[error("segment {segment} stores more contents than its records can list")]
    Overfull {
        /// The segment.
        segment: u32,
    },
    /// Frames and contents are too long to be held all at once.
    #[error("its records and contents have more than {HELD_BYTES_MAX} bytes: too many to be held at once")]
    TooLong,
    /// There is no record, or no segment with this number.
    #[error("the trace has no such part")]
    Missing,
}

impl Parts {
    /// Takes a sealed trace apart.
    ///
    /// # Errors
    /// It cannot be read, has no seal, or is more than can be held at once.
    pub fn of(trace: &[u8]) -> Result<Self, PartsFault> {
        let reader = TraceReader::of(trace)?;
        let seal = reader.seal()?.ok_or(PartsFault::Unsealed)?;
        let mut room = HELD_BYTES_MAX;
        let segments = (0..reader.segments()).map(|number| Part::of(&reader, number, &mut room));
        Ok(Self { segments: segments.collect::<Result<_, _>>()?, seal })
    }

    /// The parts of a run that is not told yet: a header and a seal that name it.
    ///
    /// # Errors
    /// They cannot be signed.
    pub fn blank(opened: &RunOpened, key: &SigningKey) -> Result<Self, PartsFault> {
        let header = Header {
            version: Version::One,
            run: opened.run,
            segment: 0,
            first: 0,
            records: 1,
            frame_bytes: u32::try_from(FRAME_BLOCK_BYTES).unwrap_or(u32::MAX),
            root: Digest::ZERO,
            previous: Digest::ZERO,
            checksum: Digest::ZERO,
            lineage: Digest::ZERO,
            rule_set: opened.rule_set.number,
            state_root: None,
            recovered: None,
            next_key: None,
        };
        let header = sign(header, key)?;
        let seal = Seal {
            version: Version::One,
            run: opened.run,
            segments: 1,
            records: 1,
            last: header.digest(),
            header_root: header.digest(),
            state_root: Digest::ZERO,
            checksum: Digest::ZERO,
            ephemeral: false,
        };
        let part = Part { header: header.as_bytes().to_vec(), ..Part::default() };
        Ok(Self { segments: vec![part], seal: sign(seal, key)?.as_bytes().to_vec() })
    }

    /// Puts the parts together as a file whose blocks, check words and index are right, whatever the parts say.
    ///
    /// # Errors
    /// The parts make no file: a limit of the format is passed.
    pub fn write(&self) -> Result<Vec<u8>, PartsFault> {
        let storage = FaultyStorage::new();
        let path = Path::new("explored.rdt");
        let options = Options { durability: Durability::OnSeal, packing: Packing::Hot };
        let mut writer = TraceWriter::create(storage.clone(), path, RunId([0; 16]), options)?;
        for part in &self.segments {
            let contents: Vec<Content<'_>> = part.contents.iter().map(Stored::borrow).collect();
            for (place, frame) in part.frames.iter().enumerate() {
                writer.append_record(frame, if place == 0 { &contents } else { &[] })?;
            }
            // The writer asks for a mark a record, whatever the marks say.
            let mut lineage = part.lineage.clone();
            lineage.resize(part.frames.len() * MARK_BYTES, 0);
            writer.close_segment(SegmentEnd { header: &part.header, lineage: &lineage, snapshot: None })?;
        }
        writer.seal(&self.seal)?;
        storage.bytes_of(path).ok_or(PartsFault::Missing)
    }

    /// All records.
    ///
    /// # Errors
    /// A frame is no record that this version knows.
    pub fn records(&self) -> Result<Vec<Record>, PartsFault> {
        let frames = self.segments.iter().flat_map(|part| &part.frames);
        frames.map(|frame| Ok(Record::decode_frame(frame)?.0)).collect()
    }

    /// How many records there are.
    pub fn record_count(&self) -> usize {
        self.segments.iter().map(|part| part.frames.len()).sum()
    }

    /// Segment, and index in it, of a record.
    pub fn place_of(&self, record: usize) -> Option<(usize, usize)> {
        let mut first = 0;
        for (number, part) in self.segments.iter().enumerate() {
            if record < first + part.frames.len() {
                return Some((number, record - first));
            }
            first += part.frames.len();
        }
        None
    }

    /// The frame of a record.
    pub fn frame_mut(&mut self, record: usize) -> Option<&mut Vec<u8>> {
        self.segments.iter_mut().flat_map(|part| &mut part.frames).nth(record)
    }

    /// What a header says.
    ///
    /// # Errors
    /// There is no such segment, or its header cannot be read.
    pub fn header(&self, segment: usize) -> Result<Header, PartsFault> {
        claims(&self.segments.get(segment).ok_or(PartsFault::Missing)?.header)
    }

    /// What the seal says.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn sealed(&self) -> Result<Seal, PartsFault> {
        claims(&self.seal)
    }

    /// Changes what a header says and signs it; what holds its digest stays as it was.
    ///
    /// # Errors
    /// There is no such segment, or what it now says cannot be signed.
    pub fn change_header(
        &mut self,
        segment: usize,
        key: &SigningKey,
        change: impl FnOnce(&mut Header),
    ) -> Result<(), PartsFault> {
        let mut header = self.header(segment)?;
        change(&mut header);
        let part = self.segments.get_mut(segment).ok_or(PartsFault::Missing)?;
        part.header = sign(header, key)?.as_bytes().to_vec();
        Ok(())
    }

    /// Changes what the seal says and signs it.
    ///
    /// # Errors
    /// What it now says cannot be signed.
    pub fn change_seal(
        &mut self,
        key: &SigningKey,
        change: impl FnOnce(&mut Seal),
    ) -> Result<(), PartsFault> {
        let mut seal = self.sealed()?;
        change(&mut seal);
        self.seal = sign(seal, key)?.as_bytes().to_vec();
        Ok(())
    }

    /// The trace with every count, leaf, root, link and signature made again for the frames as they stand. What was derived (checksums, lineage
    /// digests, state roots) stays as it was: what somebody does who has the key and no machine.
    ///
    /// # Errors
    /// A segment has no record left.
    pub fn resigned(mut self, key: &SigningKey) -> Result<Self, PartsFault> {
        self.segments.retain(|part| !part.frames.is_empty());
        let (mut first, mut digests): (u64, Vec<Digest>) = (0, Vec::new());
        for number in 0..self.segments.len() {
            let part = self.segments.get(number).ok_or(PartsFault::Missing)?;
            let leaves: Vec<Digest> = part.frames.iter().map(|frame| digest(Purpose::Leaf, frame)).collect();
            let root = tree::root(&leaves).ok_or(PartsFault::Missing)?;
            let frame_bytes = part.frames.iter().map(Vec::len).sum::<usize>();
            let previous = digests.last().copied().unwrap_or(Digest::ZERO);
            self.change_header(number, key, |header| {
                header.segment = u32::try_from(number).unwrap_or(u32::MAX);
                header.first = first;
                header.records = u32::try_from(leaves.len()).unwrap_or(u32::MAX);
                header.frame_bytes = u32::try_from(frame_bytes).unwrap_or(u32::MAX);
                header.root = root;
                header.previous = previous;
                header.next_key = None;
                header.recovered = None;
            })?;
            let part = self.segments.get(number).ok_or(PartsFault::Missing)?;
            digests.push(digest(Purpose::Header, &part.header));
            first += part.frames.len() as u64;
        }
        let last = *digests.last().ok_or(PartsFault::Missing)?;
        let header_root = tree::root(&digests).ok_or(PartsFault::Missing)?;
        self.change_seal(key, |seal| {
            seal.segments = digests.len() as u64;
            seal.records = first;
            seal.last = last;
            seal.header_root = header_root;
        })?;
        Ok(self)
    }
}

impl Part {
    /// Takes a segment out of a trace, and what it holds from the room in bytes.
    fn of(reader: &TraceReader<&[u8]>, number: u32, room: &mut usize) -> Result<Self, PartsFault> {
        let mut hold = |bytes: usize| {
            *room = room.checked_sub(bytes).ok_or(PartsFault::TooLong)?;
            Ok::<_, PartsFault>(())
        };
        let segment = reader.segment(number).ok_or(PartsFault::Missing)?;
        let mut buffer = BlockBuffer::new();
        let frames = segment.frames(&mut buffer)?;
        hold(frames.len())?;
        // Who lists a content commits to it in the frame: beyond as many, there is one that nobody lists.
        let listed_max = frames.len() / size_of::<Digest>();
        let frames = split_frames(frames);
        let frames = frames.map(|frame| Ok(frame?.to_vec())).collect::<Result<_, PartsFault>>()?;
        let lineage = segment.lineage(&mut buffer)?.usable().unwrap_or_default();
        let mut contents = Vec::new();
        for block in segment.content_blocks() {
            for content in block.contents(&mut buffer)? {
                let Content { commitment, salt, bytes } = content.map_err(ReadFault::from)?;
                hold(size_of::<Stored>() + bytes.len())?;
                if contents.len() > listed_max {
                    return Err(PartsFault::Overfull { segment: number });
                }
                contents.push(Stored { commitment, salt, bytes: bytes.to_vec() });
            }
        }
        Ok(Self { frames, contents, lineage, header: segment.header()? })
    }
}

impl Stored {
    /// A content with the commitment that bytes and salt give.
    pub fn salted(bytes: Vec<u8>, salt: [u8; 32]) -> Self {
        Self { commitment: commitment(&salt, &bytes), salt, bytes }
    }

    fn borrow(&self) -> Content<'_> {
        Content { commitment: self.commitment, salt: self.salt, bytes: &self.bytes }
    }
}

fn claims<T: Payload + Clone>(bytes: &[u8]) -> Result<T, PartsFault> {
    Ok(UncheckedSigned::<T>::parse(bytes)?.claims().clone())
}
