//! What judging decisions again found, and how it weighs against what replay found.

use std::collections::BTreeSet;

use rederive_evidence::digest::Digest;

use crate::report::{Gap, Place, Report, Valid, Wrong};

/// What judging again found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) decisions: u64,
    pub(crate) taken: u64,
    pub(crate) withheld: u64,
    pub(crate) without_receipt: u64,
    pub(crate) receipts_redacted: u64,
    pub(crate) unsigned_words: u64,
    pub(crate) under_other_engine: u64,
    pub(crate) under: Option<String>,
    pub(crate) missing_bundles: BTreeSet<Digest>,
    pub(crate) missing_registries: BTreeSet<Digest>,
    /// Of each verdict, what is wrong at the lowest record.
    pub(crate) forged: Option<Wrong>,
    pub(crate) diverged: Option<Wrong>,
    pub(crate) undecided: Option<Wrong>,
}

impl Found {
    pub(crate) fn undecided(
        &mut self,
        record: u64,
        code: &'static str,
        field: &str,
        recorded: &str,
        derived: &str,
    ) {
        lowest(&mut self.undecided, wrong(record, code, field, (recorded.to_owned(), derived.to_owned())));
    }

    /// Adds what was found at a later decision, or at one that was judged later.
    pub(crate) fn append(&mut self, later: Self) {
        self.decisions += later.decisions;
        self.taken += later.taken;
        self.withheld += later.withheld;
        self.without_receipt += later.without_receipt;
        self.receipts_redacted += later.receipts_redacted;
        self.unsigned_words += later.unsigned_words;
        self.under_other_engine += later.under_other_engine;
        self.under = self.under.take().or(later.under);
        self.missing_bundles.extend(later.missing_bundles);
        self.missing_registries.extend(later.missing_registries);
        for (kept, found) in [
            (&mut self.forged, later.forged),
            (&mut self.diverged, later.diverged),
            (&mut self.undecided, later.undecided),
        ] {
            found.into_iter().for_each(|found| lowest(kept, found));
        }
    }

    pub(crate) fn into_report(self, report: &mut Report) {
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
            Gap::counted(Gap::DecisionsTaken, self.taken),
            Gap::counted(Gap::DecisionsWithheld, self.withheld),
            Gap::counted(Gap::NoReceipts, self.without_receipt),
            Gap::counted(Gap::ReceiptsRedacted, self.receipts_redacted),
            Gap::counted(Gap::UnsignedWords, self.unsigned_words),
            Gap::counted(Gap::OtherEngine, self.under_other_engine),
        ];
        report.gaps.extend(counted.into_iter().flatten());
        report.gaps.extend(self.missing_bundles.into_iter().map(Gap::MissingBundle));
        report.gaps.extend(self.missing_registries.into_iter().map(Gap::MissingRegistry));
        report.gaps.sort_unstable();
    }
}

/// Keeps what is wrong at the lower record; of two at one record, what was found first. A decision on a memory write is judged when the write comes.
pub(crate) fn lowest(kept: &mut Option<Wrong>, found: Wrong) {
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

/// What is wrong at a record: recorded and derived value of a field.
pub(crate) fn wrong(
    record: u64,
    code: &'static str,
    field: &str,
    (recorded, derived): (String, String),
) -> Wrong {
    let place = Place { record: Some(record), ..Place::default() };
    Wrong { code, place, field: field.to_owned(), recorded, derived }
}
