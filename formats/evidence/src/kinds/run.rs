//! `run`: the record that opens a run and the one that closes it.

use crate::digest::Digest;
use crate::ids::{Content, Id, PublicKey, RunId};
use crate::schema::Given;
use crate::values::{
    Actor, AgentBuild, Environment, Layer, Limits, MemoryHead, Mode, ModelEntry, ParentRun, Persona,
    Principal, RuleSet, ScopeItem, Session, Source, SourceEntry, StandingGrant,
};
use crate::{codes, map};

codes! {
    /// How a run ended.
    pub enum RunEnd {
        /// The goal was worked to an end.
        Completed = 0 "completed",
        /// Somebody stopped it.
        Aborted = 1 "aborted",
        /// It could not go on.
        Failed = 2 "failed",
    }
}

map! {
    /// `run opened` (RUN-1): everything that the run is bound to, before anything happens.
    pub struct RunOpened {
        /// The run's number.
        0 req run: RunId,
        /// The rules it is judged by.
        1 req rule_set: RuleSet,
        /// Whether refusals are enforced.
        2 req mode: Mode,
        /// Where it runs.
        3 req environment: Given<Environment>,
        /// The tenant; the same for every record (IDN-2).
        4 req tenant: Id,
        /// The session.
        5 req session: Session,
        /// On whose behalf.
        6 req principal: Principal,
        /// Who the agent is supposed to be.
        7 req persona: Persona,
        /// Which program the agent is.
        8 req build: AgentBuild,
        /// Who answers for the run.
        9 req owner: Given<Id>,
        /// What is to be achieved.
        10 req goal: Given<Content>,
        /// What the agent may do at most.
        11 req scope: Given<Vec<ScopeItem>>,
        /// Digest of the policy bundle.
        12 req bundle: Given<Digest>,
        /// Digest of the tool registry.
        13 req registry: Given<Digest>,
        /// The run's limits.
        14 req limits: Limits,
        /// Who may make records.
        15 req actors: Vec<Actor>,
        /// Models it may send prompts to.
        16 req models: Vec<ModelEntry>,
        /// Sources it may retrieve from.
        17 req sources: Vec<SourceEntry>,
        /// What the principal allowed beforehand.
        18 req grants: Vec<StandingGrant>,
        /// Layers whose records this source can give; rules of others are not evaluated.
        19 req layers: Vec<Layer>,
        /// The recorder's public key, which signs the first header.
        20 req recorder_key: PublicKey,
        /// Recorder and its version.
        21 req recorder: Id,
        /// Memory it starts from.
        22 opt memory: MemoryHead,
        /// The run that started it.
        23 opt parent: ParentRun,
        /// Where it was imported from.
        24 opt source: Source,
    }

    /// `run closed`: no record follows (RUN-1).
    pub struct RunClosed {
        /// How it ended.
        0 req end: RunEnd,
        /// Why, in words.
        1 opt reason: Content,
    }
}
