//! `memory`: what outlives a turn.

use crate::digest::Digest;
use crate::ids::{Content, Id, RecordedTime, RunId};
use crate::schema::Given;
use crate::values::Label;
use crate::{codes, map};

codes! {
    /// How far a memory item reaches, nearest first.
    pub enum MemoryScope {
        /// This turn.
        Turn = 0 "turn",
        /// This session.
        Session = 1 "session",
        /// Later sessions of the same principal.
        Durable = 2 "durable",
        /// Other principals or agents.
        Shared = 3 "shared",
    }

    /// How an item can be deleted.
    pub enum DeletionPath {
        /// By the agent's own delete.
        Delete = 0 "delete",
        /// By expiry alone.
        Expiry = 1 "expiry",
        /// On request to the owner.
        Request = 2 "request",
    }
}

map! {
    /// Names a memory item.
    #[derive(PartialOrd, Ord, Hash)]
    pub struct MemoryKey {
        /// How far it reaches.
        0 req scope: MemoryScope,
        /// Its namespace.
        1 req namespace: Id,
        /// Its name there.
        2 req name: Id,
    }

    /// `memory written` (MEM-1).
    pub struct MemoryWritten {
        /// Which item.
        0 req item: MemoryKey,
        /// What it holds from now on.
        1 req value: Content,
        /// Who answers for it.
        2 req owner: Given<Id>,
        /// Why it is written.
        3 req reason: Given<Content>,
        /// The label claimed; the effective one is no better than its influence.
        4 req label: Given<Label>,
        /// When it ends.
        5 req expires: Given<RecordedTime>,
        /// How it can be deleted.
        6 req deletion: Given<DeletionPath>,
        /// Where it came from.
        7 req provenance: Given<Content>,
    }

    /// An item of an earlier run, and the proof that it stood there (MEM-2).
    pub struct EarlierItem {
        /// The run.
        0 req run: RunId,
        /// Its record.
        1 req record: u64,
        /// That run's commitment of the value.
        2 req commitment: Digest,
        /// Inclusion proof under that run's seal.
        3 opt proof: Content,
    }

    /// `memory read` (MEM-2).
    pub struct MemoryRead {
        /// Which item.
        0 req item: MemoryKey,
        /// What was read; absent: nothing was there.
        1 opt value: Content,
        /// The earlier run it comes from.
        2 opt earlier: EarlierItem,
    }

    /// `memory deleted`.
    pub struct MemoryDeleted {
        /// Which item.
        0 req item: MemoryKey,
        /// Why.
        1 opt reason: Content,
    }

    /// `memory expired`.
    pub struct MemoryExpired {
        /// Which item.
        0 req item: MemoryKey,
    }
}
