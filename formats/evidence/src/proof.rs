//! Inclusion proofs: records of one segment, shown to somebody who has nothing of the trace but a trust root.
//!
//! A proof holds the frames, what leads from their leaves to the segment's root, the signed header that has this root, what leads
//! from the header to the header tree's root, and the seal that is signed over it. Contents may be disclosed beside. What else
//! the trace holds stays hidden, but for the sibling digests. Spec: proof.

use crate::cbor::{DecodeError, DecodeFault};
use crate::chain::{Header, Seal};
use crate::digest::{Digest, Purpose, commitment};
use crate::hex::{Bytes, hex_bytes};
use crate::ids::{PublicKey, RunId};
use crate::lanes::digest_many;
use crate::limits::{CONTENT_BYTES_MAX, FRAME_BYTES_MAX, SEGMENT_BYTES_MAX, SIGNED_BYTES_MAX};
use crate::record::{ContentEntry, Record};
use crate::schema::{Field, from_bytes};
use crate::signed::{Signed, SignedFault, TrustFault, UncheckedSigned, Version, version};
use crate::sparse::StateProofFault;
use crate::tree::{InclusionPath, PathFault, Selection};
use crate::{fault_codes, map};

/// Most bytes of a proof: the largest content beside a full segment. Spec: limit-proof.
pub const PROOF_BYTES_MAX: usize = CONTENT_BYTES_MAX as usize + 2 * SEGMENT_BYTES_MAX;

hex_bytes! {
    /// The salt of a content's commitment.
    Salt, 32, "salt";
}

#[cfg(any(test, feature = "proptest"))]
impl crate::arbitrary::Sample for Salt {
    fn draw(choices: &mut crate::arbitrary::Choices) -> Self {
        Self(Digest::draw(choices).0)
    }
}

map! {
    /// A record that a proof shows.
    pub struct ShownRecord {
        /// Its index in the segment, from 0.
        0 req index: u32,
        /// Its frame.
        1 req frame: Bytes<{ FRAME_BYTES_MAX as u64 }>,
    }

    /// A content that a proof discloses.
    pub struct Disclosure {
        /// Its commitment, as a record shown lists it.
        0 req commitment: Digest,
        /// Its salt.
        1 req salt: Salt,
        /// Its bytes.
        2 req bytes: Bytes<CONTENT_BYTES_MAX>,
    }

    /// Proof that records are in a sealed run. Untrusted until [`Self::check`].
    pub struct InclusionProof {
        /// Version of the formats.
        0 req version: Version,
        /// The records shown, ascending, one at least.
        1 req records: Vec<ShownRecord>,
        /// What leads from them to the segment's root; for one record, the siblings from its leaf up.
        2 req lemmas: Vec<Digest>,
        /// The segment's signed header.
        3 req header: Bytes<{ SIGNED_BYTES_MAX as u64 }>,
        /// The siblings from the header's digest up to the header tree's root.
        4 req header_siblings: Vec<Digest>,
        /// The signed seal.
        5 req seal: Bytes<{ SIGNED_BYTES_MAX as u64 }>,
        /// The contents disclosed.
        6 req disclosed: Vec<Disclosure>,
    }
}

/// Why a proof proves nothing. Spec: proof-check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofFault {
    /// More bytes than a proof may have.
    #[error("{found} bytes are above the limit of {limit}")]
    Size {
        /// The most allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// Not the canonical bytes of a proof.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A version that this program does not know.
    #[error("version {found} is not known to this program")]
    Version {
        /// The version found.
        found: u64,
    },
    /// The seal is not well-formed.
    #[error("seal: {0}")]
    SealForm(SignedFault),
    /// The seal is not signed by a key that the verifier trusts.
    #[error("seal: {0}")]
    Seal(#[from] TrustFault),
    /// The header is not well-formed.
    #[error("header: {0}")]
    HeaderForm(SignedFault),
    /// Header and seal name different runs.
    #[error("the header is of run {header}, the seal of run {seal}")]
    Run {
        /// Run in the header.
        header: RunId,
        /// Run in the seal.
        seal: RunId,
    },
    /// No header tree of the seal's size has the header's path.
    #[error("header: {0}")]
    HeaderPath(PathFault),
    /// The header is not one of those sealed.
    #[error("the header leads to root {derived}, the seal has {sealed}")]
    HeaderRoot {
        /// Root in the seal.
        sealed: Digest,
        /// Root that follows from the proof.
        derived: Digest,
    },
    /// No record tree of the header's size has the records' path.
    #[error("records: {0}")]
    RecordPath(PathFault),
    /// The records are not those of the segment.
    #[error("the records lead to root {derived}, the header has {signed}")]
    RecordRoot {
        /// Root in the header.
        signed: Digest,
        /// Root that follows from the proof.
        derived: Digest,
    },
    /// A frame that was sealed, but is not one record's canonical bytes and padding.
    #[error("record {sequence}: {fault}")]
    Frame {
        /// Sequence that follows from its place.
        sequence: u64,
        /// What is wrong with it.
        fault: DecodeError,
    },
    /// A record that was sealed at another place than its sequence says.
    #[error("record {found} stands where record {expected} belongs")]
    Sequence {
        /// Sequence that follows from its place.
        expected: u64,
        /// Sequence that it has.
        found: u64,
    },
    /// A content disclosed that no record shown lists, or with another length.
    #[error("no record shown lists a content of {bytes} bytes with commitment {commitment}")]
    Unlisted {
        /// The commitment stated.
        commitment: Digest,
        /// Bytes disclosed.
        bytes: u64,
    },
    /// A content disclosed whose salt and bytes do not give its commitment.
    #[error("a content disclosed as {stated} has commitment {derived}")]
    Commitment {
        /// The commitment stated.
        stated: Digest,
        /// The commitment that follows from salt and bytes.
        derived: Digest,
    },
    /// A state proof that names both the entry's value and another entry.
    #[error("the proof names both a value and another entry")]
    StateEnd,
    /// A state proof that does not lead to the seal's state root.
    #[error(transparent)]
    State(#[from] StateProofFault),
}

fault_codes! { ProofFault {
    Self::Size { .. } => "P-SIZE" "more bytes than a proof may have",
    Self::Version { .. } => "P-VERSION" "a version that this program does not know",
    Self::Run { .. } => "P-RUN" "header and seal name different runs",
    Self::HeaderRoot { .. } => "P-HEADER-ROOT" "the header is not one of those sealed",
    Self::RecordRoot { .. } => "P-RECORD-ROOT" "the records are not those of the segment",
    Self::Sequence { .. } => "P-SEQUENCE" "a record sealed at another place than its sequence says",
    Self::Unlisted { .. } => "P-UNLISTED" "a content disclosed that no record shown lists with this length",
    Self::Commitment { .. } => "P-COMMITMENT" "a content disclosed whose salt and bytes do not give its commitment",
    Self::StateEnd => "P-STATE-END" "the proof names both a value and another entry",
    ;
    Self::Decode(error) => error.fault.code(),
    Self::SealForm(fault) | Self::HeaderForm(fault) => fault.code(),
    Self::Seal(fault) => fault.code(),
    Self::HeaderPath(fault) | Self::RecordPath(fault) => fault.code(),
    Self::Frame { fault, .. } => fault.fault.code(),
    Self::State(fault) => fault.code(),
} }

/// What a proof proves: these records are in this run at these places, and the contents disclosed are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRecords {
    /// The seal, signed by a key that the verifier trusts.
    pub seal: Signed<Seal>,
    /// The header of the segment, covered by the seal.
    pub header: Header,
    /// The records, ascending.
    pub records: Vec<ProvenRecord>,
}

/// A record that is in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenRecord {
    /// Its sequence in the run.
    pub sequence: u64,
    /// Its leaf.
    pub leaf: Digest,
    /// No signed head covered it before a crash: its recorder vouches for it since the recovery alone.
    pub recovered: bool,
    /// What it says; none where its kind is not known to this version, though its bytes are in the run.
    pub record: Option<Record>,
}

impl InclusionProof {
    /// Parses the canonical bytes of a proof. Nothing is proven by that.
    ///
    /// # Errors
    /// The bytes are too many, not canonical or of an unknown version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFault> {
        parse_version(bytes, PROOF_BYTES_MAX)
    }

    /// Checks the proof with nothing but the keys that the caller trusts for a run. Spec: proof-check.
    ///
    /// 1. The seal is well-formed, its key is trusted for its run, and its signature holds.
    /// 2. The header is well-formed and of the same run.
    /// 3. Its `header` digest, at its segment's number among the seal's count, leads to the seal's header root. So the header's own signature
    ///    needs no check.
    /// 4. The leaves of the frames, at their indices among the header's count, lead to the header's root.
    /// 5. Each frame is one record's, whose sequence is the header's first and its index.
    /// 6. Each content disclosed is listed, with its length, by a record shown, and salt and bytes give its commitment.
    ///
    /// # Errors
    /// The first step that fails. Then nothing is proven.
    pub fn check(
        &self,
        trusts: impl FnOnce(&PublicKey, &RunId) -> bool,
    ) -> Result<ProvenRecords, ProofFault> {
        let seal = trusted_seal(&self.seal.0, trusts)?;
        let header = self.covered_header(seal.payload())?;
        let leaves = self.covered_leaves(&header)?;
        let shown = self.records.iter().zip(leaves);
        let records =
            shown.map(|(shown, leaf)| shown.prove(leaf, &header)).collect::<Result<Vec<_>, ProofFault>>()?;
        let listed = || {
            records
                .iter()
                .filter_map(|proven| proven.record.as_ref())
                .flat_map(|record| &record.input.contents)
        };
        self.disclosed.iter().try_for_each(|disclosure| disclosure.check(listed()))?;
        Ok(ProvenRecords { seal, header, records })
    }

    /// Steps 2 and 3.
    fn covered_header(&self, seal: &Seal) -> Result<Header, ProofFault> {
        let signed = UncheckedSigned::<Header>::parse(&self.header.0).map_err(ProofFault::HeaderForm)?;
        let header = signed.claims();
        if header.run != seal.run {
            return Err(ProofFault::Run { header: header.run, seal: seal.run });
        }
        let (index, count, siblings) =
            (u64::from(header.segment), seal.segments, self.header_siblings.clone());
        let path = InclusionPath { index, count, siblings };
        let derived = path.root(signed.digest()).map_err(ProofFault::HeaderPath)?;
        if derived != seal.header_root {
            return Err(ProofFault::HeaderRoot { sealed: seal.header_root, derived });
        }
        Ok(header.clone())
    }

    /// Step 4.
    fn covered_leaves(&self, header: &Header) -> Result<Vec<Digest>, ProofFault> {
        let mut leaves = Vec::with_capacity(self.records.len());
        digest_many(Purpose::Leaf, self.records.iter().map(|shown| shown.frame.0.as_slice()), &mut leaves);
        let indices = self.records.iter().map(|shown| shown.index).collect();
        let selection = Selection { indices, count: header.records, lemmas: self.lemmas.clone() };
        let derived = selection.root(&leaves).map_err(ProofFault::RecordPath)?;
        if derived != header.root {
            return Err(ProofFault::RecordRoot { signed: header.root, derived });
        }
        Ok(leaves)
    }
}

/// Parses a proof of a known version from at most `limit` bytes.
pub(crate) fn parse_version<T: Field>(bytes: &[u8], limit: usize) -> Result<T, ProofFault> {
    if bytes.len() > limit {
        return Err(ProofFault::Size { limit, found: bytes.len() });
    }
    match version(bytes)? {
        found if Version::from_code(found).is_some() => Ok(from_bytes(bytes)?),
        found => Err(ProofFault::Version { found }),
    }
}

/// Step 1, for every proof that stands under a seal.
pub(crate) fn trusted_seal(
    bytes: &[u8],
    trusts: impl FnOnce(&PublicKey, &RunId) -> bool,
) -> Result<Signed<Seal>, ProofFault> {
    let seal = UncheckedSigned::<Seal>::parse(bytes).map_err(ProofFault::SealForm)?;
    let run = seal.claims().run;
    Ok(seal.verify_trusted(|key| trusts(key, &run))?)
}

impl ShownRecord {
    /// Step 5.
    fn prove(&self, leaf: Digest, header: &Header) -> Result<ProvenRecord, ProofFault> {
        let sequence = header.first + u64::from(self.index);
        let frame = self.frame.0.as_slice();
        let record = match Record::decode_frame(frame) {
            Ok((_, end)) if end != frame.len() => {
                let fault = DecodeError::new(end, DecodeFault::Trailing);
                return Err(ProofFault::Frame { sequence, fault });
            }
            Ok((record, _)) if record.input.sequence != sequence => {
                return Err(ProofFault::Sequence { expected: sequence, found: record.input.sequence });
            }
            Ok((record, _)) => Some(record),
            Err(error) if matches!(error.fault, DecodeFault::UnknownKind { .. }) => None,
            Err(fault) => return Err(ProofFault::Frame { sequence, fault }),
        };
        let recovered = header.recovered.as_ref().is_some_and(|ranges| ranges.contains(sequence));
        Ok(ProvenRecord { sequence, leaf, recovered, record })
    }
}

impl Disclosure {
    /// Step 6.
    fn check<'a>(&self, mut listed: impl Iterator<Item = &'a ContentEntry>) -> Result<(), ProofFault> {
        let (stated, bytes) = (self.commitment, self.bytes.0.len() as u64);
        if !listed.any(|entry| entry.commitment == stated && entry.bytes.0 == bytes) {
            return Err(ProofFault::Unlisted { commitment: stated, bytes });
        }
        let derived = commitment(&self.salt.0, &self.bytes.0);
        if derived == stated { Ok(()) } else { Err(ProofFault::Commitment { stated, derived }) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary::{Choices, Sample as _};
    use crate::chain::tests::{header, seal};
    use crate::digest::salt;
    use crate::keys::{Signer as _, SigningKey};
    use crate::limits::FRAME_BLOCK_BYTES;
    use crate::record::{Causes, ContentLength, MediaType};
    use crate::schema::to_bytes;
    use crate::signed::sign;
    use crate::tree::Tree;

    const SECRET: [u8; 32] = [9; 32];

    #[test]
    fn a_proof_has_as_many_bytes_as_its_limit_and_no_more() {
        let bytes = to_bytes(&header());
        let (most, less) = (bytes.len(), bytes.len() - 1);
        assert_eq!(parse_version::<Header>(&bytes, most), Ok(header()));
        assert_eq!(parse_version::<Header>(&bytes, less), Err(ProofFault::Size { limit: less, found: most }));
    }

    fn signer() -> SigningKey {
        SigningKey::from_seed(&[1; 32])
    }

    fn trusted(key: &PublicKey, run: &RunId) -> bool {
        *key == signer().public_key() && *run == seal().run
    }

    fn content(sequence: u64) -> Vec<u8> {
        format!("what record {sequence} says").into_bytes()
    }

    fn frame(sequence: u64) -> Vec<u8> {
        let mut record = Record::draw(&mut Choices::new(vec![sequence]));
        let bytes = content(sequence);
        record.input.sequence = sequence;
        record.input.contents.push(ContentEntry {
            commitment: commitment(&salt(&SECRET, &bytes), &bytes),
            bytes: ContentLength(bytes.len() as u64),
            media: MediaType::Text,
        });
        record.append_frame(Vec::new()).unwrap()
    }

    fn disclosure(sequence: u64) -> Disclosure {
        let bytes = content(sequence);
        let salt = salt(&SECRET, &bytes);
        Disclosure { commitment: commitment(&salt, &bytes), salt: Salt(salt), bytes: Bytes(bytes) }
    }

    /// A sealed run of three segments, of which the middle one has these frames.
    struct Run {
        frames: Vec<Vec<u8>>,
        leaves: Vec<Digest>,
        header: Vec<u8>,
        header_siblings: Vec<Digest>,
        seal: Vec<u8>,
    }

    const FIRST: u64 = 40;

    impl Run {
        fn new(frames: Vec<Vec<u8>>) -> Self {
            let mut leaves = Vec::new();
            digest_many(Purpose::Leaf, frames.iter().map(Vec::as_slice), &mut leaves);
            let signed = sign(
                Header {
                    segment: 1,
                    first: FIRST,
                    records: frames.len() as u32,
                    frame_bytes: frames.iter().map(Vec::len).sum::<usize>() as u32,
                    root: Tree::new(&leaves).unwrap().root(),
                    recovered: Some(Causes::of([FIRST + frames.len() as u64 - 1])),
                    ..header()
                },
                &signer(),
            )
            .unwrap();
            let headers = Tree::new(&[Digest([1; 32]), signed.digest(), Digest([3; 32])]).unwrap();
            let seal = Seal { segments: 3, records: 90, header_root: headers.root(), ..seal() };
            Self {
                frames,
                leaves,
                header: signed.as_bytes().to_vec(),
                header_siblings: headers.path(1).unwrap().siblings,
                seal: sign(seal, &signer()).unwrap().as_bytes().to_vec(),
            }
        }

        fn of_ten() -> Self {
            Self::new((FIRST..FIRST + 10).map(frame).collect())
        }

        fn prove(&self, indices: &[u32]) -> InclusionProof {
            let shown = |index: &u32| ShownRecord {
                index: *index,
                frame: Bytes(self.frames[*index as usize].clone()),
            };
            InclusionProof {
                version: Version::One,
                records: indices.iter().map(shown).collect(),
                lemmas: Selection::new(&self.leaves, indices).unwrap().lemmas,
                header: Bytes(self.header.clone()),
                header_siblings: self.header_siblings.clone(),
                seal: Bytes(self.seal.clone()),
                disclosed: indices.iter().map(|index| disclosure(FIRST + u64::from(*index))).collect(),
            }
        }
    }

    fn refused(change: impl FnOnce(&mut InclusionProof)) -> ProofFault {
        let mut proof = Run::of_ten().prove(&[1, 4]);
        change(&mut proof);
        proof.check(trusted).unwrap_err()
    }

    /// Spec: header-tree.
    #[test]
    fn records_of_a_sealed_run_are_proven_with_their_places_and_contents() {
        let run = Run::of_ten();
        for indices in [vec![0], vec![9], vec![1, 4], (0..10).collect()] {
            let bytes = to_bytes(&run.prove(&indices));
            let proven = InclusionProof::parse(&bytes).unwrap().check(trusted).unwrap();
            assert_eq!(proven.seal.payload().run, seal().run);
            assert_eq!(proven.header.segment, 1);
            for (record, index) in proven.records.iter().zip(&indices) {
                assert_eq!(record.sequence, FIRST + u64::from(*index));
                assert_eq!(record.leaf, run.leaves[*index as usize]);
                assert_eq!(record.recovered, *index == 9);
                assert_eq!(record.record.as_ref().unwrap().input.sequence, record.sequence);
            }
        }
    }

    #[test]
    fn one_record_of_a_run_is_proven_by_the_siblings_above_it_and_one_signature() {
        let run = Run::of_ten();
        let path = Tree::new(&run.leaves).unwrap().path(6).unwrap();
        assert_eq!(run.prove(&[6]).lemmas, path.siblings);
    }

    #[test]
    fn each_step_refuses_by_name() {
        let key = signer().public_key();
        let distrusted = Run::of_ten().prove(&[1]).check(|_, _| false).unwrap_err();
        assert_eq!(distrusted, ProofFault::Seal(TrustFault::Key { key }));
        let stranger = sign(seal(), &SigningKey::from_seed(&[2; 32])).unwrap().as_bytes().to_vec();
        let key = SigningKey::from_seed(&[2; 32]).public_key();
        assert_eq!(refused(|p| p.seal.0 = stranger), ProofFault::Seal(TrustFault::Key { key }));
        let forged = |p: &mut InclusionProof| *p.seal.0.last_mut().unwrap() ^= 1;
        assert!(matches!(refused(forged), ProofFault::Seal(TrustFault::Signature(_))));
        assert_eq!(refused(|p| p.seal = p.header.clone()), ProofFault::SealForm(content_type::<Seal>()));
        assert_eq!(refused(|p| p.header = p.seal.clone()), ProofFault::HeaderForm(content_type::<Header>()));

        let other = sign(Header { run: RunId([8; 16]), ..header() }, &signer()).unwrap().as_bytes().to_vec();
        let runs = ProofFault::Run { header: RunId([8; 16]), seal: seal().run };
        assert_eq!(refused(|p| p.header.0 = other), runs);
        let fault = ProofFault::HeaderPath(PathFault::Siblings { expected: 2, found: 1 });
        assert_eq!(refused(|p| p.header_siblings.truncate(1)), fault);
        let unsealed = Run::new(vec![frame(FIRST)]).header;
        assert!(matches!(refused(|p| p.header.0 = unsealed), ProofFault::HeaderRoot { .. }));

        let fault = ProofFault::RecordPath(PathFault::Order { index: 4 });
        assert_eq!(refused(|p| p.records.insert(2, p.records[1].clone())), fault);
        let fault = ProofFault::RecordPath(PathFault::Leaves { selected: 0, leaves: 10 });
        assert_eq!(refused(|p| p.records.clear()), fault);
        assert!(matches!(
            refused(|p| p.records[0].index = 2),
            ProofFault::RecordPath(_) | ProofFault::RecordRoot { .. }
        ));
        assert!(matches!(refused(|p| p.records[0].frame.0 = frame(7)), ProofFault::RecordRoot { .. }));
        assert!(matches!(refused(|p| p.lemmas.reverse()), ProofFault::RecordRoot { .. }));

        let commitment = disclosure(FIRST + 2).commitment;
        let bytes = content(FIRST + 2).len() as u64;
        let unlisted = ProofFault::Unlisted { commitment, bytes };
        assert_eq!(refused(|p| p.disclosed.push(disclosure(FIRST + 2))), unlisted);
        assert!(matches!(refused(|p| p.disclosed[0].bytes.0.push(0)), ProofFault::Unlisted { .. }));
        assert!(matches!(refused(|p| p.disclosed[0].bytes.0[0] ^= 1), ProofFault::Commitment { .. }));
        assert!(matches!(refused(|p| p.disclosed[0].salt.0[0] ^= 1), ProofFault::Commitment { .. }));
    }

    fn content_type<T: crate::signed::Payload>() -> SignedFault {
        SignedFault::ContentType { expected: T::CONTENT_TYPE }
    }

    #[test]
    fn bytes_sealed_as_a_record_that_are_none_prove_no_record() {
        let check = |frame: Vec<u8>| {
            let mut proof = Run::new(vec![frame]).prove(&[0]);
            proof.disclosed.clear();
            proof.check(trusted)
        };
        let sequence = FIRST;
        let found = FIRST + 1;
        assert_eq!(check(frame(found)).unwrap_err(), ProofFault::Sequence { expected: sequence, found });
        let two = [frame(FIRST), frame(FIRST + 1)].concat();
        let fault = DecodeError::new(frame(FIRST).len(), DecodeFault::Trailing);
        assert_eq!(check(two).unwrap_err(), ProofFault::Frame { sequence, fault });
        let zeros = check(vec![0; FRAME_BLOCK_BYTES]).unwrap_err();
        assert!(matches!(zeros, ProofFault::Frame { sequence: FIRST, .. }));
    }

    #[test]
    fn a_record_of_an_unknown_kind_is_in_the_run_and_says_nothing() {
        let mut frame = vec![0xa1, 0x0b, 0x19, 0xff, 0xff];
        frame.resize(FRAME_BLOCK_BYTES, 0);
        let mut proof = Run::new(vec![frame]).prove(&[0]);
        assert!(matches!(proof.check(trusted), Err(ProofFault::Unlisted { .. })));
        proof.disclosed.clear();
        let proven = proof.check(trusted).unwrap();
        assert_eq!((proven.records[0].sequence, &proven.records[0].record), (FIRST, &None));
    }

    /// Spec: limit-proof.
    #[test]
    fn a_newer_version_is_told_apart_from_damage() {
        assert_eq!(InclusionProof::parse(&[0xa1, 0x00, 0x02]), Err(ProofFault::Version { found: 2 }));
        let (limit, found) = (PROOF_BYTES_MAX, PROOF_BYTES_MAX + 1);
        assert_eq!(InclusionProof::parse(&vec![0; found]), Err(ProofFault::Size { limit, found }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn a_bent_proof_is_refused(at: prop::sample::Index, flip in 1_u8..) {
            let mut bytes = to_bytes(&Run::of_ten().prove(&[3]));
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(InclusionProof::parse(&bytes).and_then(|bent| bent.check(trusted)).is_err(), "byte {}", at);
        }

        #[test]
        fn hostile_proofs_never_panic(words in prop::collection::vec(any::<u64>(), 0..60)) {
            let drawn = InclusionProof::draw(&mut Choices::new(words));
            prop_assert_eq!(InclusionProof::parse(&to_bytes(&drawn)), Ok(drawn.clone()));
            prop_assert!(drawn.check(|_, _| true).is_err());
        }
    }
}
