//! A call between its proposal and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Content, Id, RecordedTime};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::record::{Causes, Extracted};
use rederive_evidence::values::{Origin, Place};

use crate::ports::{CallFacts, Expectation, Payload};
use crate::registry::Registered;
use crate::trail::Epoch;

/// What the gate knows of a call that has not ended. Nothing in it that the trace does not say, but what waits for it.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) epoch: Epoch,
    pub(crate) tool: Arc<Registered>,
    pub(crate) facts: Arc<CallFacts>,
    /// The extracted part of the proposal, where its arguments are still those to be sent.
    pub(crate) extracted: Option<Extracted>,
    /// What guardrails found in the arguments.
    pub(crate) detected: Vec<DetectedClass>,
    /// The proposal's record.
    pub(crate) proposed: u64,
    /// The records that led to it.
    pub(crate) causes: Causes,
    /// The call's latest record: the cause of its next.
    pub(crate) last: u64,
    /// When the gate was asked.
    pub(crate) requested: Option<RecordedTime>,
    /// Commitment of the target.
    pub(crate) target: Option<Digest>,
    /// Commitment of the expected effect.
    pub(crate) expected: Option<Digest>,
    /// What would change, as previewed.
    pub(crate) diff: Option<Payload>,
    pub(crate) expectation: Option<Expectation>,
    /// The approval whose revision this is.
    pub(crate) revises: Option<Id>,
    /// The approval under which it was decided.
    pub(crate) approved: Option<Id>,
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl Live {
    pub(crate) fn place(&self) -> &Place {
        &self.facts.place
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// The draft of the call's next record.
    pub(crate) fn draft(&self, actor: &Id, body: impl Into<Body>) -> Draft {
        let mut draft = Draft::new(actor.clone(), Origin::Code, body);
        draft.place = Some(self.place().clone());
        draft.causes = Causes::of([self.last]);
        draft
    }
}

/// Adds a content to a draft. The gate's own drafts have a handful: the index always fits.
pub(crate) fn bring(draft: &mut Draft, payload: &Payload) -> Content {
    let at = Content(draft.contents.len() as u16);
    draft.contents.push(DraftContent { media: payload.media(), bytes: payload.bytes().to_vec() });
    at
}
