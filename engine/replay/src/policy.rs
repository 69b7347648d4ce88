//! Policy level: every decision again under the bundle that it pins, its receipt, and the signatures of approvers. Spec: levels, policy-level.

use std::collections::{BTreeMap, BTreeSet};

use rederive_archive::{ContentReader, ReadFault, storage::ReadAt};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{Content, Id, PublicKey, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::approval::{ApprovalRequested, ApproverWord};
use rederive_evidence::kinds::decision::DecisionMade;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::receipt::{ApproverStatement, ApproverVerdict, Receipt};
use rederive_evidence::record::{Input, Record};
use rederive_evidence::signed::{UncheckedSigned, Version, verify_detached};
use rederive_evidence::values::ActorType;
use rederive_policy::Judgement;
use rederive_verify::{KeyRole, TrustRoots};

use crate::calls::{Calls, Inquiry, Visitor};
use crate::codes;
use crate::extracted::read;
use crate::judge::{Judge, Pinned, answer};
use crate::report::{Gap, Place, Report, Valid, Wrong};
use crate::stretch::Job;
use crate::trace::Options;
use crate::whatif::is_withheld;

/// Judges the decisions of a trace again, as far as it reproduces, and puts what is found into the report.
///
/// # Errors
/// The storage failed.
pub(crate) fn judge_again<F: ReadAt + Sync>(
    job: &Job<'_, F>,
    options: &Options<'_>,
    report: &mut Report,
) -> Result<(), ReadFault> {
    let Some(opened) = job.plan.opening.as_deref().filter(|_| job.knows_rules) else { return Ok(()) };
    let end = match (report.valid, &report.wrong) {
        (Valid::Reproduced | Valid::Sampled, _) => u64::MAX,
        // What stands after the record where it parts does not count.
        (Valid::Diverged | Valid::Undecided, Some(wrong)) => wrong.place.record.unwrap_or(0),
        (Valid::Diverged | Valid::Undecided | Valid::Damaged | Valid::Forged, _) => return Ok(()),
    };
    let registries = Registry { pinned: options.pinned };
    let mut calls = Calls::new(job.reader, opened, &registries);
    let mut again = Again {
        opened,
        trust: options.trust,
        pinned: options.pinned,
        contents: job.reader.content_reader(),
        requested: BTreeMap::new(),
        found: Found::default(),
    };
    calls.walk(end, &mut again)?;
    let mut found = again.found;
    if let Some(call) = calls.calls.first().filter(|_| found.decisions == 0) {
        found.undecided(call.record, codes::NO_DECISION, "decision", "none", "a decision on each call");
    }
    found.into_report(report);
    Ok(())
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

/// What judging again found.
#[derive(Default)]
struct Found {
    decisions: u64,
    taken: u64,
    without_receipt: u64,
    unsigned_words: u64,
    under_other_engine: u64,
    under: Option<String>,
    missing_bundles: BTreeSet<Digest>,
    missing_registries: BTreeSet<Digest>,
    /// Of each verdict, what is wrong at the lowest record.
    forged: Option<Wrong>,
    diverged: Option<Wrong>,
    undecided: Option<Wrong>,
}

impl Found {
    fn undecided(&mut self, record: u64, code: &'static str, field: &str, recorded: &str, derived: &str) {
        lowest(&mut self.undecided, wrong(record, code, field, (recorded.to_owned(), derived.to_owned())));
    }

    fn into_report(self, report: &mut Report) {
        let valid = |valid: Valid, wrong: Option<Wrong>| wrong.map(|wrong| (valid, wrong));
        let found = valid(Valid::Forged, self.forged)
            .or_else(|| valid(Valid::Diverged, self.diverged))
            .or_else(|| valid(Valid::Undecided, self.undecided));
        // Records below the one where the report parted are walked: of one verdict, what is found here is lower.
        if let Some((valid, wrong)) = found.filter(|(valid, _)| rank(*valid) >= rank(report.valid)) {
            report.valid = valid;
            report.wrong = Some(wrong);
        }
        report.decisions = Some(self.decisions);
        report.under = self.under;
        let counted = [
            Gap::DecisionsTaken(self.taken),
            Gap::NoReceipts(self.without_receipt),
            Gap::UnsignedWords(self.unsigned_words),
            Gap::OtherEngine(self.under_other_engine),
        ];
        let numbers = [self.taken, self.without_receipt, self.unsigned_words, self.under_other_engine];
        let found = counted.into_iter().zip(numbers).filter(|(_, number)| *number > 0);
        report.gaps.extend(found.map(|(gap, _)| gap));
        report.gaps.extend(self.missing_bundles.into_iter().map(Gap::MissingBundle));
        report.gaps.extend(self.missing_registries.into_iter().map(Gap::MissingRegistry));
        report.gaps.sort_unstable();
    }
}

/// Keeps what is wrong at the lower record; of two at one record, what was found first. A decision on a memory write is judged when the write comes.
fn lowest(kept: &mut Option<Wrong>, found: Wrong) {
    if kept.as_ref().is_none_or(|kept| found.place.record < kept.place.record) {
        *kept = Some(found);
    }
}

/// Which of two verdicts stands. Spec: verdict-order.
const fn rank(valid: Valid) -> u8 {
    match valid {
        Valid::Sampled | Valid::Reproduced => 0,
        Valid::Undecided => 1,
        Valid::Diverged => 2,
        Valid::Forged | Valid::Damaged => 3,
    }
}

/// Judges and checks as decisions come by.
struct Again<'a, F> {
    opened: &'a RunOpened,
    trust: Option<&'a TrustRoots>,
    pinned: Option<&'a dyn Pinned>,
    contents: ContentReader<'a, F>,
    requested: BTreeMap<Id, ApprovalRequested>,
    found: Found,
}

impl<F: ReadAt> Visitor for Again<'_, F> {
    fn asked(&mut self, inquiry: Inquiry<'_>) -> Result<(), ReadFault> {
        let Some(decision) = inquiry.decision else { return Ok(()) };
        let record = inquiry.record.input.sequence;
        self.found.decisions += 1;
        self.receipt(inquiry.record, decision)?;
        let Some(judge) = self.bundle(record, decision) else { return Ok(()) };
        if !self.has_registry(record, inquiry.registry) {
            return Ok(());
        }
        let Some(judgement) = answer(&*judge, &inquiry.question) else {
            self.found.taken += 1;
            return Ok(());
        };
        self.compare(record, decision, &judgement, &*judge);
        Ok(())
    }

    fn asks_of_no_call(&mut self, record: &Record) -> Result<(), ReadFault> {
        let Body::DecisionMade(decision) = &record.input.body else { return Ok(()) };
        self.found.decisions += 1;
        self.found.taken += 1;
        self.receipt(record, decision)
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
}

impl<F: ReadAt> Again<'_, F> {
    /// The bundle that a decision pins.
    fn bundle(&mut self, record: u64, decision: &DecisionMade) -> Option<std::sync::Arc<dyn Judge>> {
        let digest = decision.bundle.known();
        let found = digest.and_then(|digest| self.pinned?.bundle(digest));
        if found.is_none() {
            self.found.missing_bundles.extend(digest);
            let recorded = digest.map_or("none".to_owned(), |digest| digest.to_hex());
            self.found.undecided(record, codes::BUNDLE, "body.bundle", &recorded, "a bundle that is at hand");
        }
        found
    }

    /// Whether the registry that the decision rests on is at hand.
    fn has_registry(&mut self, record: u64, digest: Option<Digest>) -> bool {
        let found = digest.and_then(|digest| self.pinned?.registry(Some(&digest)));
        if found.is_none() {
            self.found.missing_registries.extend(digest);
            let recorded = digest.map_or("none".to_owned(), |digest| digest.to_hex());
            self.found.undecided(
                record,
                codes::REGISTRY,
                "registry",
                &recorded,
                "a registry that is at hand",
            );
        }
        found.is_some()
    }

    /// Spec: policy-compare.
    fn compare(&mut self, record: u64, decision: &DecisionMade, now: &Judgement, judge: &dyn Judge) {
        let differs = difference(decision, now);
        let (engine, version) = judge.engine();
        let pinned = (decision.engine.known(), decision.engine_version.known());
        let is_other = pinned != (Some(engine), Some(version));
        match differs {
            None if is_other => {
                self.found.under_other_engine += 1;
                self.found.under.get_or_insert_with(|| format!("{engine} {version}"));
            }
            None => {}
            Some(_) if is_withheld(decision) => self.found.taken += 1,
            Some(_) if is_other => {
                let recorded = pinned.0.zip(pinned.1).map(|(engine, version)| format!("{engine} {version}"));
                let recorded = recorded.unwrap_or_else(|| "none".to_owned());
                let derived = format!("{engine} {version}");
                self.found.undecided(record, codes::ENGINE, "body.engine_version", &recorded, &derived);
            }
            Some((code, field, values)) => {
                lowest(&mut self.found.diverged, wrong(record, code, field, values));
            }
        }
    }

    /// The receipt of a decision is signed by the gate, over this very decision. Spec: receipt.
    fn receipt(&mut self, record: &Record, decision: &DecisionMade) -> Result<(), ReadFault> {
        let sequence = record.input.sequence;
        let Some(bytes) = self.content(&record.input, decision.receipt)? else {
            self.found.without_receipt += 1;
            return Ok(());
        };
        let refused = |found: &mut Found, fault: String| {
            let values = (fault, "a receipt signed by the gate".to_owned());
            lowest(&mut found.forged, wrong(sequence, codes::RECEIPT, "body.receipt", values));
        };
        let unchecked = match UncheckedSigned::<Receipt>::parse(&bytes) {
            Ok(unchecked) => unchecked,
            Err(fault) => {
                refused(&mut self.found, fault.to_string());
                return Ok(());
            }
        };
        let key = unchecked.named_key();
        let is_gates = self.is_of(&key, &record.input.actor, ActorType::Gate, KeyRole::Gate);
        let payload = match unchecked.verify(&key) {
            Ok(signed) if is_gates => signed.payload().clone(),
            Ok(_) => {
                refused(&mut self.found, key.to_hex());
                return Ok(());
            }
            Err(fault) => {
                refused(&mut self.found, fault.to_string());
                return Ok(());
            }
        };
        let (run, tenant) = (self.opened.run, self.opened.tenant.clone());
        let checksum = record.derived.checksum.unwrap_or(Digest::ZERO);
        let expected = Receipt::of(run, tenant, checksum, &record.input);
        if expected.as_ref() != Some(&payload) {
            let show = |receipt: &Receipt| json(receipt);
            let values = (show(&payload), expected.as_ref().map(show).unwrap_or_default());
            lowest(&mut self.found.diverged, wrong(sequence, codes::RECEIPT_BODY, "body.receipt", values));
        }
        Ok(())
    }

    /// An approver's signature over what they were asked. Spec: approval-statement.
    fn word(&mut self, input: &Input, approval: &Id, word: &ApproverWord, verdict: ApproverVerdict) {
        let key =
            self.opened.actors.iter().find(|actor| actor.id == word.approver).and_then(|actor| actor.key);
        let (Some(signature), Some(key), Some(requested)) =
            (&word.signature, key, self.requested.get(approval))
        else {
            self.found.unsigned_words += 1;
            return;
        };
        let statement = ApproverStatement {
            version: Version::One,
            run: self.opened.run,
            tenant: self.opened.tenant.clone(),
            approval: approval.clone(),
            covers: requested.covers,
            call: requested.call.clone(),
            expires: requested.expires.known().copied(),
            approver: word.approver.clone(),
            verdict,
            shown: word.shown.known().copied(),
        };
        let held = verify_detached(&statement, &key, signature).map_err(|fault| fault.to_string());
        let allowed = self.is_trusted(&key, KeyRole::Approver);
        let held = held.and_then(|()| if allowed { Ok(()) } else { Err(key.to_hex()) });
        if let Err(fault) = held {
            let values = (fault, "an approver's signature over this request".to_owned());
            let found = wrong(input.sequence, codes::APPROVAL, "body.word.signature", values);
            lowest(&mut self.found.forged, found);
        }
    }

    /// Whether a key is that of an actor of this type, and trusted for it.
    fn is_of(&self, key: &PublicKey, actor: &Id, actor_type: ActorType, role: KeyRole) -> bool {
        let mut of_type = self.opened.actors.iter().filter(|known| known.actor_type == actor_type);
        let known = of_type.find(|known| known.id == *actor).and_then(|known| known.key);
        known.is_none_or(|known| known == *key) && self.is_trusted(key, role)
    }

    /// Without trust roots the key that the trace names is taken, which is a gap of its own.
    fn is_trusted(&self, key: &PublicKey, role: KeyRole) -> bool {
        let (tenant, run): (&Id, RunId) = (&self.opened.tenant, self.opened.run);
        self.trust.is_none_or(|trust| trust.allows(key, role, tenant, &run))
    }

    fn content(&mut self, input: &Input, content: Option<Content>) -> Result<Option<Vec<u8>>, ReadFault> {
        let entry = content.and_then(|content| input.contents.get(usize::from(content.0)));
        match entry {
            Some(entry) => read(&mut self.contents, &entry.commitment),
            None => Ok(None),
        }
    }
}

/// The first field in which an answer differs from a decision: its code, its name, recorded and derived.
fn difference(
    then: &DecisionMade,
    now: &Judgement,
) -> Option<(&'static str, &'static str, (String, String))> {
    let ids = |ids: &[Id]| ids.iter().map(Id::as_str).collect::<Vec<_>>().join(" ");
    let fields = [
        (codes::DECISION, "body.decision", then.decision.to_string(), now.decision.to_string()),
        (codes::DIRECTIVE, "body.directive", then.directive.to_string(), now.directive.to_string()),
        (codes::REASON, "body.reason", then.reason.to_string(), now.reason.to_string()),
        (codes::RULES, "body.rules", ids(&then.rules), ids(&now.rules)),
        (codes::ERRORS, "body.errors", ids(&then.errors), ids(&now.errors)),
    ];
    let differing = fields.into_iter().find(|(_, _, then, now)| then != now);
    differing.map(|(code, field, then, now)| (code, field, (then, now)))
}

fn wrong(record: u64, code: &'static str, field: &str, (recorded, derived): (String, String)) -> Wrong {
    let place = Place { record: Some(record), ..Place::default() };
    Wrong { code, place, field: field.to_owned(), recorded, derived }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}
