//! What integrity can find wrong, and whether it is damage or forgery.

use rederive_evidence::digest::Digest;
use rederive_evidence::fault_codes;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::keys::SignatureFault;
use rederive_evidence::signed::SignedFault;

/// What a fault says of the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultClass {
    /// Bytes do not match the digest in their header, head or seal.
    Damaged,
    /// Digests agree, but no signature that counts stands over them.
    Forged,
    /// A version that this program does not know.
    Unknown,
}

/// Something wrong with headers, head, seal or frames. Displayed as what was expected and found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntegrityFault {
    /// A header, head or seal that is not in its form.
    #[error("{what} is not in its form: {fault}")]
    Form {
        /// Which.
        what: Signature,
        /// What is wrong.
        fault: SignedFault,
    },
    /// Another run's header, head or seal.
    #[error("{what} is of run {found}, the trace of run {expected}")]
    OtherRun {
        /// Which.
        what: Signature,
        /// The run of the first header.
        expected: RunId,
        /// The run it names.
        found: RunId,
    },
    /// A number that is not the one that follows.
    #[error("{what}: {field} is {found}, {expected} follows")]
    Number {
        /// Which.
        what: Signature,
        /// The field.
        field: &'static str,
        /// What follows from the headers before.
        expected: u64,
        /// What it says.
        found: u64,
    },
    /// A digest that is not that of what it stands for.
    #[error("{what}: {field} is {recorded}, but {derived} follows from the bytes")]
    Digest {
        /// Which.
        what: Signature,
        /// The field.
        field: &'static str,
        /// What it says.
        recorded: Digest,
        /// What the bytes give.
        derived: Digest,
    },
    /// A key that is not the run's.
    #[error("{what} is signed by {found}, the run's key is {expected}")]
    OtherKey {
        /// Which.
        what: Signature,
        /// The key that the opening record or the header before names.
        expected: PublicKey,
        /// The key that signed.
        found: PublicKey,
    },
    /// A signature that does not hold.
    #[error("the signature of {what} does not hold: {fault}")]
    Signature {
        /// Which.
        what: Signature,
        /// What is wrong.
        fault: SignatureFault,
    },
    /// A key that the trust roots do not allow here.
    #[error("{what} is signed by {found}, which the trust roots do not allow for this run")]
    Untrusted {
        /// Which.
        what: Signature,
        /// The key that signed.
        found: PublicKey,
    },
    /// Frames that are not those that the header counts.
    #[error("segment {segment} has {found} {unit} of frames, its header says {expected}")]
    Frames {
        /// The segment.
        segment: u32,
        /// Records or bytes.
        unit: &'static str,
        /// What the header says.
        expected: u64,
        /// What is there.
        found: u64,
    },
}

/// Something that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// The header of this segment.
    Header(u32),
    /// The head of the open segment.
    Head,
    /// The seal.
    Seal,
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Header(segment) => write!(f, "the header of segment {segment}"),
            Self::Head => f.write_str("the open segment's head"),
            Self::Seal => f.write_str("the seal"),
        }
    }
}

impl IntegrityFault {
    /// Damage, forgery or an unknown version.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Form { fault: SignedFault::Version { .. }, .. } => FaultClass::Unknown,
            Self::Form { .. }
            | Self::OtherRun { .. }
            | Self::Number { .. }
            | Self::Digest { .. }
            | Self::Frames { .. } => FaultClass::Damaged,
            Self::OtherKey { .. } | Self::Signature { .. } | Self::Untrusted { .. } => FaultClass::Forged,
        }
    }
}

fault_codes! { IntegrityFault {
    Self::OtherRun { .. } => "V-OTHER-RUN" "another run's header, head or seal",
    Self::Number { .. } => "V-NUMBER" "a segment, record or count that is not the one that follows",
    Self::Digest { .. } => "V-DIGEST" "a digest that is not that of what it stands for",
    Self::OtherKey { .. } => "V-OTHER-KEY" "signed by a key that is not the run's",
    Self::Untrusted { .. } => "V-UNTRUSTED" "signed by a key that the trust roots do not allow for the run",
    Self::Frames { .. } => "V-FRAMES" "frames that are not those that the header counts",
    ;
    Self::Form { fault, .. } => fault.code(),
    Self::Signature { fault, .. } => fault.code(),
} }
