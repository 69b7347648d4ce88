//! A draft: what a source hands to the recorder, which makes the record of it.

use crate::cbor::DecodeFault;
use crate::ids::{Content, Id, RecordedTime};
use crate::kinds::Body;
use crate::limits::{CONTENT_BYTES_MAX, LIST_ITEMS_MAX};
use crate::record::{Causes, MediaType, check};
use crate::schema::Field as _;
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

    /// Checks that a record can be made of the draft: every content index has an entry, lists and numbers keep their limits.
    ///
    /// # Errors
    /// The fault that decoding the record would find.
    pub fn check(&self) -> Result<(), DecodeFault> {
        let mut tally = self.body.tally();
        self.causes.tally(&mut tally);
        self.labels.tally(&mut tally);
        tally.limit(LIST_ITEMS_MAX, self.contents.len() as u64);
        for content in &self.contents {
            tally.limit(CONTENT_BYTES_MAX, content.bytes.len() as u64);
        }
        check(&tally, self.contents.len() as u64)
    }

    /// Adds a content and returns the index by which a body refers to it.
    ///
    /// # Errors
    /// The draft has 4,096 contents already.
    pub fn content(
        &mut self,
        media: MediaType,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Content, TooManyContents> {
        let index = u16::try_from(self.contents.len()).map_err(|_| TooManyContents)?;
        if u64::from(index) >= LIST_ITEMS_MAX {
            return Err(TooManyContents);
        }
        self.contents.push(DraftContent { media, bytes: bytes.into() });
        Ok(Content(index))
    }
}

/// A record lists at most 4,096 contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record lists at most {LIST_ITEMS_MAX} contents")]
pub struct TooManyContents;
