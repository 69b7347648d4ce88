//! Bytes that are handed about: contents, which do not belong into logs, and secrets, which belong nowhere.

use std::sync::Arc;

use rederive_evidence::record::MediaType;
use zeroize::Zeroizing;

/// A content: opaque bytes and what they are. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    bytes: Arc<[u8]>,
    media: MediaType,
}

impl Payload {
    /// These bytes.
    pub fn new(media: MediaType, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { bytes: bytes.into(), media }
    }

    /// This text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::new(MediaType::Text, text.as_ref().as_bytes())
    }

    /// This JSON, as bytes.
    pub fn json(text: impl AsRef<[u8]>) -> Self {
        Self::new(MediaType::Json, text.as_ref())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What they are.
    pub fn media(&self) -> MediaType {
        self.media
    }
}

/// Shows media type and length, not the bytes.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.media, self.bytes.len())
    }
}

/// The secret of a credential. It goes from the credential broker to the tool it is for and nowhere else: it has no form in which a record, a log
/// or a message could hold it, and is wiped when dropped (CRD-2).
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// This secret.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes, for the tool that attaches it to its request.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// Shows nothing of it.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
