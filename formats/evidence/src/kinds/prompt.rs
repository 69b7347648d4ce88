//! `prompt`: what the model was told, and what it answered.

use crate::ids::{Content, Id, RecordRef};
use crate::schema::Given;
use crate::values::Role;
use crate::{codes, map};

codes! {
    /// Why a model stopped.
    pub enum StopReason {
        /// It was done.
        End = 0 "end",
        /// To have tools called.
        Calls = 1 "calls",
        /// The length was used up.
        Length = 2 "length",
        /// The provider withheld the answer.
        Filtered = 3 "filtered",
        /// Anything else.
        Other = 4 "other",
    }
}

map! {
    /// `prompt given`: an instruction or message that reaches the run: from the operator, the user, or whoever the role says.
    pub struct PromptGiven {
        /// Who it speaks as.
        0 req role: Role,
        /// The message.
        1 req message: Content,
    }

    /// Consecutive parts of an earlier prompt, kept.
    #[derive(Copy)]
    pub struct KeptParts {
        /// Index of the first in the earlier prompt's whole list, from 0.
        0 req first: u32,
        /// How many, at least 1.
        1 req count: u32,
    }

    /// One part of a prompt.
    #[derive(Copy)]
    pub struct Part {
        /// Who it speaks as.
        0 req role: Role,
        /// What it says.
        1 req content: Content,
        /// The record it came from; absent: the text stands here first.
        2 opt from: RecordRef,
    }

    /// `prompt sent` (PRM-1, PRM-2): the ordered list of parts; kept ranges of the extended prompt first, then the new parts.
    pub struct PromptSent {
        /// The model it is sent to.
        0 req model: Id,
        /// The turn of this agent's prompt that it extends: the agent's latest.
        1 opt extends: u32,
        /// Parts of the extended prompt that stay, ascending.
        2 req kept: Vec<KeptParts>,
        /// New parts.
        3 req parts: Vec<Part>,
        /// The tools offered.
        4 req tools: Vec<Id>,
        /// Parameters of the request.
        5 opt parameters: Content,
    }

    /// `prompt answered` (PRM-3): opens the agent's turn with its number of calls.
    pub struct PromptAnswered {
        /// The prompt it answers.
        0 opt prompt: RecordRef,
        /// The raw reply.
        1 req raw: Given<Content>,
        /// The reasoning, where given.
        2 opt reasoning: Content,
        /// The model that answered.
        3 req model: Given<Id>,
        /// Its version.
        4 req version: Given<Id>,
        /// Parameters in force.
        5 opt parameters: Content,
        /// Tokens read.
        6 req tokens_in: Given<u64>,
        /// Tokens written.
        7 req tokens_out: Given<u64>,
        /// What it cost, millionths.
        8 opt spend_micros: u64,
        /// Why it stopped.
        9 req stop: Given<StopReason>,
        /// Number of calls it proposes in this turn.
        10 req calls: u16,
    }
}
