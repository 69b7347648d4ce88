//! The contents of a draft that is being made.

use std::borrow::Cow;

use rederive_evidence::draft::DraftContent;
use rederive_evidence::ids::Content;
use rederive_evidence::limits::CONTENT_BYTES_MAX;
use rederive_evidence::record::MediaType;

use crate::json::lists_of;
use crate::message::Piece;

/// Most contents that only repeat what another one holds: an entry of the list takes about 45 bytes of a frame of 65,536.
const REPEATS_MAX: usize = 512;
/// Most pieces of JSON that stand with a record as contents of their own; the surplus are lists of pieces.
const PIECES_MAX: usize = 32;

/// Contents, in the order in which the body names them.
#[derive(Debug, Default)]
pub(super) struct Bag(Vec<DraftContent>);

impl Bag {
    /// Adds a content that the body names. Bodies name few.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Content {
        self.put(piece.media, piece.bytes.to_vec())
    }

    pub(super) fn put(&mut self, media: MediaType, bytes: Vec<u8>) -> Content {
        let index = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0.push(DraftContent { media, bytes });
        Content(index)
    }

    /// Adds a content that the body does not name.
    pub(super) fn beside(&mut self, media: MediaType, bytes: Cow<'_, [u8]>) {
        self.put(media, bytes.into_owned());
    }

    /// Adds pieces of JSON that the body does not name: each as it is, and the surplus as lists.
    pub(super) fn all_beside(&mut self, mut pieces: Vec<Vec<u8>>) {
        let surplus = pieces.split_off(pieces.len().min(PIECES_MAX));
        for bytes in pieces.into_iter().chain(lists_of(&surplus, CONTENT_BYTES_MAX)) {
            self.put(MediaType::Json, bytes);
        }
    }

    /// Adds, while there is room, a text that stands inside another content too: as itself it can be found, and redacted.
    pub(super) fn repeat(&mut self, piece: &Piece<'_>) {
        if self.0.len() < REPEATS_MAX {
            self.add(piece);
        }
    }

    pub(super) fn into_contents(self) -> Vec<DraftContent> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_pieces_none_is_dropped() {
        let mut bag = Bag::default();
        bag.all_beside((0..1_000).map(|i: u32| i.to_string().into_bytes()).collect());
        let contents = bag.into_contents();
        assert_eq!(contents.len(), PIECES_MAX + 1);
        let last: Vec<u32> = serde_json::from_slice(&contents.last().unwrap().bytes).unwrap();
        assert_eq!(last, (PIECES_MAX as u32..1_000).collect::<Vec<_>>());
    }
}
