//! `plan`: what the agent means to do, before it does it.

use crate::ids::{Content, Id, RecordRef};
use crate::{codes, map};

codes! {
    /// What comparing a plan with the approved task gave (GRD-4).
    pub enum PlanVerdict {
        /// Within the task.
        Aligned = 0 "aligned",
        /// To be changed before it is followed.
        Revise = 1 "revise",
        /// Outside the task.
        Refused = 2 "refused",
    }
}

map! {
    /// `plan proposed`.
    pub struct PlanProposed {
        /// The plan.
        0 req plan: Content,
        /// Number of steps it has.
        1 opt steps: u32,
    }

    /// `plan checked`: compared with the approved task.
    pub struct PlanChecked {
        /// The plan's record.
        0 req plan: RecordRef,
        /// What the comparison gave.
        1 req verdict: PlanVerdict,
        /// The rule that decided.
        2 opt rule: Id,
        /// Why, in words.
        3 opt reason: Content,
    }

    /// `plan revised`.
    pub struct PlanRevised {
        /// The plan it takes the place of.
        0 req plan: RecordRef,
        /// The new plan.
        1 req revised: Content,
    }
}
