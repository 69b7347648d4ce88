//! The state's entries at a span's end, so that a replay can begin there. A hint: whoever loads one computes its root.
//!
//! Spec: archive-snapshot.

use rederive_evidence::digest::Digest;
use rkyv::util::AlignedVec;

use crate::damage::Cause;
use crate::limits::HINT_BYTES_MAX;

/// Keys and values are joined in one byte string, cut by their ends: checking the archive then costs nothing an entry.
#[derive(rkyv::Archive, rkyv::Serialize)]
struct Entries {
    segment: u32,
    root: [u8; 32],
    /// Offset in `bytes` at which each key and each value ends, in turn.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// Collects the entries of a snapshot.
pub struct SnapshotBuilder(Entries);

impl SnapshotBuilder {
    /// A snapshot without entries, of the state that this segment ends with, whose root is `root`.
    pub const fn new(segment: u32, root: Digest) -> Self {
        Self(Entries { segment, root: root.0, ends: Vec::new(), bytes: Vec::new() })
    }

    /// Adds an entry: canonical bytes of its key and of its value. The order is the caller's, and is kept.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        for part in [key, value] {
            self.0.bytes.extend_from_slice(part);
            // Beyond 4 GiB the snapshot is far over its limit, and `finish` gives none.
            self.0.ends.push(u32::try_from(self.0.bytes.len()).unwrap_or(u32::MAX));
        }
    }

    /// The snapshot, or `None` where it is beyond [`HINT_BYTES_MAX`]: replay then runs on from the one before.
    pub fn finish(self) -> Option<Snapshot> {
        let ends_bytes = self.0.ends.len() as u64 * 4;
        if self.0.bytes.len() as u64 + ends_bytes > HINT_BYTES_MAX {
            return None;
        }
        let bytes = rkyv::to_bytes::<rkyv::rancor::Failure>(&self.0).ok()?;
        (bytes.len() as u64 <= HINT_BYTES_MAX).then_some(Snapshot { bytes })
    }
}

/// A snapshot whose bytes have been checked to be an archive of one. Nothing says that its entries are true.
pub struct Snapshot {
    bytes: AlignedVec,
}

impl Snapshot {
    pub(crate) fn load(payload: &[u8]) -> Result<Self, Cause> {
        let mut bytes = AlignedVec::with_capacity(payload.len());
        bytes.extend_from_slice(payload);
        let snapshot = Self { bytes };
        let entries = snapshot.archived().ok_or(Cause::HintArchive)?;
        let mut ends = entries.ends.iter().map(|end| end.to_native() as usize);
        let fits = entries.ends.len().is_multiple_of(2)
            && ends.clone().is_sorted()
            && ends.next_back().unwrap_or(0) == entries.bytes.len();
        if fits { Ok(snapshot) } else { Err(Cause::HintArchive) }
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes
    }

    /// Cheap: the archive is four fields and two byte ranges.
    fn archived(&self) -> Option<&ArchivedEntries> {
        rkyv::access::<ArchivedEntries, rkyv::rancor::Failure>(&self.bytes).ok()
    }

    /// The segment at whose end the state is said to be this.
    pub fn segment(&self) -> u32 {
        self.archived().map_or(0, |entries| entries.segment.to_native())
    }

    /// The root that the state is said to have.
    pub fn root(&self) -> Digest {
        self.archived().map_or(Digest::ZERO, |entries| Digest(entries.root))
    }

    /// Keys and values, in the order in which they were written.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let (mut ends, mut bytes) = match self.archived() {
            Some(entries) => (entries.ends.as_slice().iter(), entries.bytes.as_slice()),
            None => (Default::default(), Default::default()),
        };
        let mut taken = 0;
        let mut next = move || {
            let end = ends.next()?.to_native();
            let (part, rest) = bytes.split_at_checked(end.checked_sub(taken)? as usize)?;
            taken = end;
            bytes = rest;
            Some(part)
        };
        std::iter::from_fn(move || Some((next()?, next()?)))
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("segment", &self.segment())
            .field("root", &self.root())
            .field("entries", &self.entries().count())
            .finish()
    }
}
