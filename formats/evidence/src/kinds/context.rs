//! `context`: what was put before the model from outside.

use super::guardrail::BlockReason;
use crate::digest::Digest;
use crate::ids::{Content, Id, RecordRef, RecordedTime};
use crate::map;
use crate::schema::Given;
use crate::values::{Label, Origin};

map! {
    /// `context retrieved` (CTX-1, CTX-2).
    pub struct ContextRetrieved {
        /// The item.
        0 req item: Content,
        /// The source it was retrieved from, on the run's list.
        1 req source: Given<Id>,
        /// Where in the source: document, row, address.
        2 req provenance: Given<Content>,
        /// Who answers for the item.
        3 req owner: Given<Id>,
        /// When it was retrieved.
        4 req retrieved: Given<RecordedTime>,
        /// When it stops being fresh (CTX-3).
        5 req fresh_until: Given<RecordedTime>,
        /// Label the source states; absent is external and restricted.
        6 req label: Given<Label>,
        /// The tenant filter of the retrieval.
        7 req tenant_filter: Given<Id>,
        /// Who put the filter there; the model never does.
        8 req filter_origin: Given<Origin>,
        /// The query.
        9 opt query: Content,
    }

    /// `context summarised`: one text for many items, which are its causes.
    pub struct ContextSummarised {
        /// The summary.
        0 req summary: Content,
        /// Commitments of the items summarised.
        1 req items: Vec<Digest>,
        /// The model that wrote it.
        2 opt model: Id,
    }

    /// `context blocked`: an item that shall not reach the model.
    pub struct ContextBlocked {
        /// Commitment of the item.
        0 req item: Digest,
        /// The record that brought it.
        1 opt record: RecordRef,
        /// Why.
        2 req reason: BlockReason,
    }
}
