//! A draft: what a source hands to the recorder, which makes the record of it.

use crate::ids::{Content, Id, RecordedTime};
use crate::kinds::Body;
use crate::record::{Causes, MediaType};
use crate::values::{GraphPlace, Identity, Origin, Place, SourceLabel, TraceContext};

/// Bytes that a draft brings; the record commits to them.
#[derive(Clone, PartialEq, Eq)]
pub struct DraftContent {
    /// What the bytes are.
    pub media: MediaType,
    /// The bytes, exactly as received.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for DraftContent {
    /// Shows media type and length, not the bytes: contents do not belong into logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.media, self.bytes.len())
    }
}

/// A record's input before the recorder has numbered it, committed to its contents and, where `time` is absent in a
/// live run, read the clock. Body fields of type [`Content`] index [`Self::contents`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// When, or absent.
    pub time: Option<RecordedTime>,
    /// Who makes the record.
    pub actor: Id,
    /// Where its content comes from.
    pub origin: Origin,
    /// Its place among the acts of an agent.
    pub place: Option<Place>,
    /// Sequence numbers of the records that led to it.
    pub causes: Causes,
    /// Labels that the source states.
    pub labels: Vec<SourceLabel>,
    /// Tenant and session, where stated.
    pub identity: Option<Identity>,
    /// W3C trace context.
    pub trace: Option<TraceContext>,
    /// Graph node and route.
    pub graph: Option<GraphPlace>,
    /// What it says.
    pub body: Body,
    /// The contents that the body refers to by index.
    pub contents: Vec<DraftContent>,
}

impl Draft {
    /// A draft of `body` by `actor`, with nothing else stated.
    pub fn new(actor: Id, origin: Origin, body: impl Into<Body>) -> Self {
        Self {
            time: None,
            actor,
            origin,
            place: None,
            causes: Causes::NONE,
            labels: Vec::new(),
            identity: None,
            trace: None,
            graph: None,
            body: body.into(),
            contents: Vec::new(),
        }
    }

    /// Adds a content and returns the index by which a body refers to it.
    ///
    /// # Errors
    /// The draft has 65,536 contents already.
    pub fn content(
        &mut self,
        media: MediaType,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Content, TooManyContents> {
        let index = u16::try_from(self.contents.len()).map_err(|_| TooManyContents)?;
        self.contents.push(DraftContent { media, bytes: bytes.into() });
        Ok(Content(index))
    }
}

/// A record lists at most 4,096 contents; a draft holds no more than a 16-bit index can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record has too many contents")]
pub struct TooManyContents;
