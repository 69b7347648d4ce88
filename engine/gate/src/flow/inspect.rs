//! Guardrails: before a call on what it sends and where, after it on what came back.

use std::sync::Arc;

use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::ids::{Content, Id, RecordRef};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::guardrail::{
    BlockReason, GuardrailBlocked, GuardrailDetected, GuardrailTransformed,
};
use rederive_evidence::record::Causes;
use rederive_evidence::values::{Label, Origin, Place};
use rederive_recorder::Appended;

use crate::fate::Why;
use crate::inner::{Inner, applied};
use crate::live::{Live, bring};
use crate::ports::{CallFacts, Component, Failure, Finding, Guardrail, Payload, PortFault, Stage, Subject};
use crate::trail::Epoch;

/// What is inspected, and where that is recorded.
pub(crate) struct Inspected {
    pub(crate) epoch: Epoch,
    pub(crate) place: Option<Place>,
    pub(crate) stage: Stage,
    pub(crate) content: Payload,
    pub(crate) label: Label,
    pub(crate) call: Option<Arc<CallFacts>>,
    pub(crate) goal: Option<Payload>,
    /// The record that brought it.
    pub(crate) record: u64,
}

/// What came of an inspection.
pub(crate) struct Passed {
    /// The content, or what guardrails made of it.
    pub(crate) content: Payload,
    /// The record that it stands in.
    pub(crate) record: u64,
    pub(crate) is_replaced: bool,
    pub(crate) detected: Vec<rederive_evidence::kinds::guardrail::DetectedClass>,
}

/// What stopped a content: the guardrail's rule, the notice and its record.
pub(crate) struct Stopped {
    pub(crate) rule: Id,
    pub(crate) notice: Option<Payload>,
    pub(crate) record: u64,
}

/// A guardrail as it was set up.
#[derive(Clone)]
pub(crate) struct Asked {
    pub(crate) guardrail: Arc<dyn Guardrail>,
    /// Whether the label that it sets over a new form is used: known by the rule that it had when the gate was made, whatever it is called later.
    sets_labels: bool,
}

impl Asked {
    pub(crate) fn of(guardrail: Arc<dyn Guardrail>, labelling: &[Id]) -> Self {
        let sets_labels = labelling.contains(guardrail.rule());
        Self { guardrail, sets_labels }
    }

    fn finding(&self, subject: &Subject<'_>) -> Result<Finding, Failure> {
        Ok(match self.guardrail.inspect(subject)? {
            Finding::Transformed { classes, content, label } => {
                Finding::Transformed { classes, content, label: label.filter(|_| self.sets_labels) }
            }
            found @ (Finding::Clean | Finding::Detected { .. } | Finding::Blocked { .. }) => found,
        })
    }
}

/// Who found what, in the order in which they were asked.
type Findings = Vec<(Arc<dyn Guardrail>, Finding)>;

/// A content that went through, or did not.
pub(crate) enum Inspection {
    Passed(Passed),
    Stopped(Stopped),
}

impl Inner {
    /// Arguments may be transformed: what is sent from here on is the new form.
    pub(crate) fn inspect_arguments(&self, live: &mut Live) -> Result<(), Why> {
        let replaced = self.inspect_at(live, Stage::Arguments)?;
        replaced.map_or(Ok(()), |arguments| self.use_arguments(live, arguments))
    }

    /// At a stage at which nothing is changed any more: what a guardrail would have otherwise is stopped.
    pub(crate) fn inspect_as_it_is(&self, live: &mut Live, stage: Stage) -> Result<(), Why> {
        self.inspect_at(live, stage).map(|_| ())
    }

    /// Inspects a call before it is requested; what guardrails put in the place of its arguments.
    fn inspect_at(&self, live: &mut Live, stage: Stage) -> Result<Option<Payload>, Why> {
        let inspected = self.inspected(live, stage);
        match self.inspect(inspected)? {
            Inspection::Stopped(stopped) => {
                live.last = stopped.record;
                Err(Why::Guardrail { rule: stopped.rule })
            }
            Inspection::Passed(passed) => {
                live.last = live.last.max(passed.record);
                live.detected.extend(passed.detected);
                Ok(passed.is_replaced.then_some(passed.content))
            }
        }
    }

    fn inspected(&self, live: &Live, stage: Stage) -> Inspected {
        Inspected {
            epoch: live.epoch,
            place: Some(live.place().clone()),
            stage,
            content: live.facts.arguments.clone(),
            label: live.facts.standing.carriage.unwrap_or(live.facts.standing.influence),
            call: Some(Arc::clone(&live.facts)),
            goal: self.goal.clone(),
            record: live.last,
        }
    }

    /// Asks every guardrail of the stage in turn, each about what the one before left, and records what they find.
    pub(crate) fn inspect(&self, inspected: Inspected) -> Result<Inspection, Why> {
        let stage = inspected.stage;
        let asked = self.guardrails.iter().filter(|asked| asked.guardrail.inspects(stage));
        let asked: Vec<Asked> = asked.cloned().collect();
        let Inspected { content, record, .. } = &inspected;
        let mut passed =
            Passed { content: content.clone(), record: *record, is_replaced: false, detected: Vec::new() };
        if asked.is_empty() {
            return Ok(Inspection::Passed(passed));
        }
        let guard = self.cast.guardrail.clone();
        let guard = guard.ok_or(PortFault::Missing { component: Component::Guardrail })?;
        let last = asked.last().map(|asked| Arc::clone(&asked.guardrail));
        let mut is_stated = false;
        for (guardrail, finding) in self.findings(asked, &inspected)? {
            let found = Found {
                by: &guard,
                rule: guardrail.rule(),
                version: guardrail.version(),
                inspected: &inspected,
            };
            match finding {
                Finding::Clean => {}
                Finding::Detected { classes, detail } => {
                    let record = self.detected(&found, &passed, classes.clone(), detail)?;
                    passed.record = record.sequence;
                    passed.detected.extend(classes);
                    is_stated = true;
                }
                Finding::Transformed { classes, content, label } if stage_transforms(stage) => {
                    let record = self.transformed(&found, &passed, &content, label)?;
                    let detected = [passed.detected, classes].concat();
                    passed = Passed { content, record: record.sequence, is_replaced: true, detected };
                    is_stated = false;
                }
                Finding::Transformed { .. } => {
                    return self.stopped(&found, &passed, BlockReason::Guardrail, None);
                }
                Finding::Blocked { reason, notice, .. } => {
                    return self.stopped(&found, &passed, reason, notice);
                }
            }
        }
        if let Some(last) = last.filter(|_| !is_stated && must_be_stated(stage)) {
            let found =
                Found { by: &guard, rule: last.rule(), version: last.version(), inspected: &inspected };
            passed.record = self.detected(&found, &passed, Vec::new(), None)?.sequence;
        }
        Ok(Inspection::Passed(passed))
    }

    /// The findings, in order; nothing after one that blocks. One guardrail that cannot tell is none of them.
    fn findings(&self, asked: Vec<Asked>, inspected: &Inspected) -> Result<Findings, Why> {
        let (stage, label, call, goal) =
            (inspected.stage, inspected.label, inspected.call.clone(), inspected.goal.clone());
        let mut content = inspected.content.clone();
        let only_compute = asked.iter().all(|asked| asked.guardrail.only_computes());
        let work = move || {
            let mut findings = Vec::with_capacity(asked.len());
            for asked in asked {
                let subject =
                    Subject { stage, content: &content, label, call: call.as_deref(), goal: goal.as_ref() };
                let finding = asked.finding(&subject)?;
                let ends = matches!(finding, Finding::Blocked { .. });
                if let Finding::Transformed { content: next, .. } = &finding {
                    content = next.clone();
                }
                findings.push((asked.guardrail, finding));
                if ends {
                    break;
                }
            }
            Ok(findings)
        };
        Ok(self.ask_where(only_compute, Component::Guardrail, self.times.guardrails, work)?)
    }

    fn detected(
        &self,
        found: &Found<'_>,
        passed: &Passed,
        classes: Vec<rederive_evidence::kinds::guardrail::DetectedClass>,
        detail: Option<Payload>,
    ) -> Result<Appended, Why> {
        let body = GuardrailDetected {
            rule: found.rule.clone(),
            version: found.version.cloned(),
            inspected: self.commitment_of(found, passed)?,
            record: Some(RecordRef(passed.record)),
            classes,
            detail: detail.as_ref().map(|_| Content(0)),
        };
        self.record_finding(found, passed, body, detail.as_ref())
    }

    fn transformed(
        &self,
        found: &Found<'_>,
        passed: &Passed,
        content: &Payload,
        label: Option<Label>,
    ) -> Result<Appended, Why> {
        let body = GuardrailTransformed {
            rule: found.rule.clone(),
            version: found.version.cloned(),
            inspected: self.commitment_of(found, passed)?,
            record: Some(RecordRef(passed.record)),
            transformed: Content(0),
            label,
        };
        self.record_finding(found, passed, body, Some(content))
    }

    fn stopped(
        &self,
        found: &Found<'_>,
        passed: &Passed,
        reason: BlockReason,
        notice: Option<Payload>,
    ) -> Result<Inspection, Why> {
        let body = GuardrailBlocked {
            rule: found.rule.clone(),
            version: found.version.cloned(),
            inspected: self.commitment_of(found, passed)?,
            record: Some(RecordRef(passed.record)),
            reason,
            notice: notice.as_ref().map(|_| Content(0)),
        };
        let record = self.record_finding(found, passed, body, notice.as_ref())?.sequence;
        Ok(Inspection::Stopped(Stopped { rule: found.rule.clone(), notice, record }))
    }

    /// Records what was found, with the content that its body brings as its first, where it brings one.
    fn record_finding(
        &self,
        found: &Found<'_>,
        passed: &Passed,
        body: impl Into<Body>,
        content: Option<&Payload>,
    ) -> Result<Appended, Why> {
        let mut draft = found.draft(body, passed.record);
        if let Some(content) = content {
            let _ = bring(&mut draft, content);
        }
        applied(self.trail.append(found.inspected.epoch, draft)?)
    }

    fn commitment_of(&self, found: &Found<'_>, passed: &Passed) -> Result<Digest, Why> {
        Ok(self.trail.commitment(found.inspected.epoch, passed.content.bytes())?)
    }
}

/// Whose finding it is, of what.
struct Found<'a> {
    by: &'a Id,
    rule: &'a Id,
    version: Option<&'a Id>,
    inspected: &'a Inspected,
}

impl Found<'_> {
    fn draft(&self, body: impl Into<Body>, cause: u64) -> Draft {
        let mut draft = Draft::new(self.by.clone(), Origin::Code, body);
        draft.place = self.inspected.place.clone();
        draft.causes = Causes::of([cause]);
        draft
    }
}

/// Whether another form can still take the content's place. Destination and task are judged as they are: the arguments are valid by then.
const fn stage_transforms(stage: Stage) -> bool {
    match stage {
        Stage::Arguments | Stage::Result | Stage::Output | Stage::MemoryWrite | Stage::Plan => true,
        Stage::Destination | Stage::Task => false,
    }
}

/// Whether that nothing was found is a record of its own: what goes out is known to have been looked at, in the form in which it goes (RSK-1).
const fn must_be_stated(stage: Stage) -> bool {
    match stage {
        Stage::Arguments | Stage::Output | Stage::MemoryWrite => true,
        Stage::Destination | Stage::Task | Stage::Result | Stage::Plan => false,
    }
}
