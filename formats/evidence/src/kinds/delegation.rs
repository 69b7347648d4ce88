//! `delegation`: authority handed on, always narrower (IDN-3), and messages between agents (HND-1).

use crate::ids::{Content, Id, RecordedTime, RunId};
use crate::map;
use crate::schema::Given;
use crate::values::{Actor, Label, ScopeItem};

map! {
    /// `delegation granted` (IDN-3): registers the delegate.
    pub struct DelegationGranted {
        /// Its name.
        0 req delegation: Id,
        /// Who receives it; becomes an actor of the run.
        1 req delegate: Actor,
        /// What it may do: a subset of the delegator's scope.
        2 req scope: Vec<ScopeItem>,
        /// When it ends.
        3 req expires: Given<RecordedTime>,
        /// The tenant, which goes along.
        4 req tenant: Id,
        /// The task.
        5 opt task: Content,
    }

    /// `delegation handed off` (HND-1): a message from one agent to another.
    pub struct HandedOff {
        /// Who it comes from.
        0 req from: Given<Id>,
        /// Who it goes to.
        1 req to: Given<Id>,
        /// The message.
        2 req message: Content,
        /// The delegation under which it goes.
        3 req delegation: Given<Id>,
        /// Its label.
        4 req label: Given<Label>,
        /// The run it links to, where the other agent has its own.
        5 opt run: RunId,
    }

    /// `delegation ended`.
    pub struct DelegationEnded {
        /// Its name.
        0 req delegation: Id,
    }
}
