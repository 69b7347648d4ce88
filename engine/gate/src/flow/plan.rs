//! Plans: an agent that has one acts on it once guardrails have compared it with the task (GRD-4).

use rederive_evidence::draft::Draft;
use rederive_evidence::ids::RecordRef;
use rederive_evidence::kinds::guardrail::DetectedClass;
use rederive_evidence::kinds::plan::{PlanChecked, PlanVerdict};
use rederive_evidence::record::Causes;
use rederive_evidence::values::{Label, Origin, Place};

use crate::fate::Why;
use crate::flow::inspect::{Inspected, Inspection};
use crate::inner::{Inner, applied};
use crate::ports::{Component, Payload, PortFault, Stage};

impl Inner {
    /// Compares a recorded plan with the task. Where nobody can say, nothing is recorded, and the agent does not act.
    pub(crate) fn check_plan(
        &self,
        plan: RecordRef,
        place: Place,
        content: Payload,
    ) -> Result<PlanVerdict, Why> {
        let epoch = self.trail.epoch();
        if !self.guardrails.iter().any(|asked| asked.guardrail.inspects(Stage::Plan)) {
            return Err(PortFault::Missing { component: Component::Guardrail }.into());
        }
        let label = self.trail.read(epoch, |machine| machine.lineage().get(plan.0).map(|mark| mark.label))?;
        let inspected = Inspected {
            epoch,
            place: Some(place.clone()),
            stage: Stage::Plan,
            content,
            label: label.unwrap_or(Label::UNKNOWN),
            call: None,
            goal: self.goal.clone(),
            record: plan.0,
        };
        let (verdict, rule, cause) = match self.inspect(inspected)? {
            Inspection::Stopped(stopped) => (PlanVerdict::Refused, Some(stopped.rule), stopped.record),
            Inspection::Passed(passed) => {
                let departs = passed.detected.contains(&DetectedClass::Departure);
                let is_aligned = !departs && !passed.is_replaced;
                let verdict = if is_aligned { PlanVerdict::Aligned } else { PlanVerdict::Revise };
                (verdict, None, passed.record)
            }
        };
        let body = PlanChecked { plan, verdict, rule, reason: None };
        let mut draft = Draft::new(self.cast.gate.clone(), Origin::Code, body);
        draft.place = Some(place);
        draft.causes = Causes::of([plan.0, cause]);
        applied(self.trail.append(epoch, draft)?)?;
        Ok(verdict)
    }
}
