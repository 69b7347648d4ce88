//! Policy level: every decision again under the bundle that it pins, its receipt, and the signatures of approvers. Spec: levels, policy-level.

use std::collections::BTreeMap;

use rederive_archive::{ContentReader, ReadFault, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::Id;
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{ApprovalRequested, ApproverWord};
use rederive_evidence::receipt::ApproverVerdict;
use rederive_evidence::record::{Input, Record};

use crate::checks::{Checks, GivenReceipt, Made};
use crate::codes;
use crate::extracted::read;
use crate::found::Found;
use crate::inquiry::{Inquiry, Question, Visitor};
use crate::judge::Pinned;
use crate::observer::walk;
use crate::questions::Questions;
use crate::report::{Report, Valid};
use crate::stretch::Job;
use crate::threads;
use crate::trace::Options;

/// Replays a trace and judges its decisions again, as far as it reproduces.
///
/// # Errors
/// The storage failed.
pub(crate) fn replay<F: ReadAt + Sync>(job: &Job<'_, F>, options: &Options<'_>) -> Result<Report, ReadFault> {
    let Some(opened) = job.plan.opening.as_deref().filter(|_| job.knows_rules) else {
        return job.replay(options);
    };
    let registries = Registry { pinned: options.pinned };
    let again = || Again {
        checks: Checks::new(opened, options),
        contents: job.reader.content_reader(),
        requested: BTreeMap::new(),
        held: Vec::new(),
        found: Found::default(),
    };
    let questions = || Questions::new(job.reader, opened, &registries, again());
    let mut asked = questions();
    let mut report = match job.sample(options) {
        Some(_) => job.replay(options)?,
        None => job.replay_observed(options, &mut asked)?,
    };
    let end = match (report.valid, &report.wrong) {
        (Valid::Reproduced, _) => None,
        (Valid::Sampled, _) => Some(u64::MAX),
        // What stands after the record where it parts does not count.
        (Valid::Diverged | Valid::Undecided, Some(wrong)) => Some(wrong.place.record.unwrap_or(0)),
        (Valid::Diverged | Valid::Undecided | Valid::Damaged | Valid::Forged, _) => return Ok(report),
    };
    if let Some(end) = end {
        asked = questions();
        walk(job.reader, end, &mut asked)?;
    }
    let (calls, Again { mut found, .. }) = asked.end_of_run()?;
    if let Some(call) = calls.first().filter(|_| found.decisions == 0) {
        found.undecided(call.record, codes::NO_DECISION, "decision", "none", "a decision on each call");
    }
    found.into_report(&mut report);
    Ok(report)
}

/// Registries by their digest, and none for what pins none.
struct Registry<'a> {
    pinned: Option<&'a dyn Pinned>,
}

impl crate::calls::Registries for Registry<'_> {
    fn registry(&self, digest: Option<&Digest>) -> Option<std::sync::Arc<rederive_policy::Registry>> {
        self.pinned?.registry(Some(digest?))
    }
}

/// Hears decisions as they come by, and checks them once their records are verified.
struct Again<'a, F> {
    checks: Checks<'a>,
    contents: ContentReader<'a, F>,
    requested: BTreeMap<Id, ApprovalRequested>,
    held: Vec<Made>,
    found: Found,
}

impl<F: ReadAt> Visitor for Again<'_, F> {
    fn asked(&mut self, inquiry: Inquiry<'_>) -> Result<(), ReadFault> {
        match inquiry.decision {
            Some(_) => self.hold(inquiry.record, Some(inquiry.question), inquiry.registry),
            None => Ok(()),
        }
    }

    fn asks_of_no_call(&mut self, record: &Record) -> Result<(), ReadFault> {
        self.hold(record, None, None)
    }

    fn passes(&mut self, record: &Record) -> Result<(), ReadFault> {
        let input = &record.input;
        if let Body::ApprovalRequested(requested) = &input.body {
            let _ = self.requested.insert(requested.approval.clone(), requested.clone());
        } else if let Body::ApprovalApproved(body) = &input.body {
            self.word(input, &body.approval, &body.word, ApproverVerdict::Approved);
        } else if let Body::ApprovalDenied(body) = &input.body {
            self.word(input, &body.approval, &body.word, ApproverVerdict::Denied);
        } else if let Body::ApprovalRevised(body) = &input.body {
            self.word(input, &body.approval, &body.word, ApproverVerdict::Revised);
        }
        Ok(())
    }

    fn verified(&mut self) -> Result<(), ReadFault> {
        let checks = &self.checks;
        let found =
            threads::each(std::mem::take(&mut self.held), |made| Ok::<_, ReadFault>(checks.of(&made)))?;
        found.into_iter().for_each(|found| self.found.append(found));
        Ok(())
    }
}

impl<F: ReadAt> Again<'_, F> {
    fn hold(
        &mut self,
        record: &Record,
        question: Option<Question>,
        registry: Option<Digest>,
    ) -> Result<(), ReadFault> {
        // What is no decision is held all the same, so that it is counted.
        let named =
            if let Body::DecisionMade(decision) = &record.input.body { decision.receipt } else { None };
        let receipt = match named.map(|content| record.input.contents.get(usize::from(content.0))) {
            Some(Some(entry)) => read(&mut self.contents, &entry.commitment)?
                .map_or(GivenReceipt::Redacted, GivenReceipt::Held),
            Some(None) => GivenReceipt::Redacted,
            None => GivenReceipt::None,
        };
        let (input, checksum) = (record.input.clone(), record.derived.checksum);
        self.held.push(Made { input, checksum, receipt, question, registry });
        Ok(())
    }

    /// An approver's signature over what they were asked. Spec: approval-statement.
    fn word(&mut self, input: &Input, approval: &Id, word: &ApproverWord, verdict: ApproverVerdict) {
        match self.requested.get(approval) {
            Some(requested) => self.checks.word(input, requested, (word, verdict), &mut self.found),
            None => self.found.unsigned_words += 1,
        }
    }
}
