//! Outputs: what leaves the run for its recipients does so only after its guardrails (OUT-4).

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef};
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::output::{OutputBlocked, OutputProduced, OutputReleased, Recipient};
use rederive_evidence::record::Causes;
use rederive_evidence::values::{Label, Origin};

use crate::fate::Why;
use crate::flow::inspect::{Inspected, Inspection};
use crate::inner::{Inner, applied};
use crate::live::bring;
use crate::ports::{Payload, Stage};

/// Something that an agent says to somebody outside of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The agent.
    pub agent: Id,
    /// What it says.
    pub content: Payload,
    /// The records that led to it.
    pub causes: Causes,
    /// Who gets it, and the highest sensitivity that they may have.
    pub recipients: Vec<Recipient>,
}

/// An output that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// What may leave: the output, or what guardrails made of it.
    pub content: Payload,
    /// The record of its release.
    pub record: RecordRef,
}

impl Inner {
    /// Produces, inspects and releases an output.
    pub(crate) fn release(&self, output: Output) -> Result<Released, Why> {
        let epoch = self.trail.epoch();
        let mut draft =
            Draft::new(output.agent.clone(), Origin::Model, OutputProduced { output: Content(0) });
        draft.causes = output.causes.clone();
        let _ = bring(&mut draft, &output.content);
        let produced = applied(self.trail.append(epoch, draft)?)?.sequence;
        let label =
            self.trail.read(epoch, |machine| machine.lineage().get(produced).map(|mark| mark.label))?;
        let inspected = Inspected {
            epoch,
            place: None,
            stage: Stage::Output,
            content: output.content.clone(),
            label: label.unwrap_or(Label::UNKNOWN),
            call: None,
            goal: self.goal.clone(),
            record: produced,
        };
        let passed = match self.inspect(inspected) {
            Ok(Inspection::Passed(passed)) => passed,
            Ok(Inspection::Stopped(stopped)) => {
                self.block_output(&output.content, stopped.record, BlockReason::Guardrail)?;
                return Err(Why::Guardrail { rule: stopped.rule });
            }
            Err(why) => {
                self.block_output(&output.content, produced, why.reason())?;
                return Err(why);
            }
        };
        let commitment = self.trail.commitment(epoch, passed.content.bytes())?;
        let body = OutputReleased {
            output: commitment,
            recipients: output.recipients,
            bytes_out: Some(passed.content.bytes().len() as u64),
        };
        let mut draft = Draft::new(self.cast.gate.clone(), Origin::Code, body);
        draft.causes = Causes::of([produced, passed.record]);
        let released = self.trail.append(epoch, draft).map_err(Why::from).and_then(applied);
        match released {
            Ok(appended) => {
                // It is on record that it left before it leaves.
                self.trail.flush(epoch)?;
                Ok(Released { content: passed.content, record: RecordRef(appended.sequence) })
            }
            Err(why) => {
                self.block_output(&passed.content, passed.record, why.reason())?;
                Err(why)
            }
        }
    }

    fn block_output(&self, content: &Payload, cause: u64, reason: BlockReason) -> Result<(), Why> {
        let epoch = self.trail.epoch();
        let body = OutputBlocked { output: self.trail.commitment(epoch, content.bytes())?, reason };
        let mut draft = Draft::new(self.cast.gate.clone(), Origin::Code, body);
        draft.causes = Causes::of([cause]);
        Ok(self.trail.append(epoch, draft).map(|_| ())?)
    }
}
