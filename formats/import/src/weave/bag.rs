//! The contents of a draft that is being made.

use std::borrow::Cow;

use rederive_evidence::draft::DraftContent;
use rederive_evidence::ids::Content;
use rederive_evidence::record::MediaType;

use crate::message::Piece;

/// Most contents of one record: an entry of the list takes about 45 bytes of a frame that has 65,536.
pub(super) const BAG_MAX: usize = 900;

/// Contents, in the order in which the body names them.
#[derive(Debug, Default)]
pub(super) struct Bag(Vec<DraftContent>);

impl Bag {
    /// Adds a content that the body names. Bodies name few, so that the list never grows past [`BAG_MAX`].
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Content {
        self.put(piece.media, piece.bytes.to_vec())
    }

    pub(super) fn put(&mut self, media: MediaType, bytes: Vec<u8>) -> Content {
        let index = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0.push(DraftContent { media, bytes });
        Content(index)
    }

    /// Adds a content that the body does not name, while there is room: all of them are parts of one that it names, or few.
    pub(super) fn beside(&mut self, media: MediaType, bytes: Cow<'_, [u8]>) {
        if self.0.len() < BAG_MAX {
            self.put(media, bytes.into_owned());
        }
    }

    pub(super) fn into_contents(self) -> Vec<DraftContent> {
        self.0
    }
}
