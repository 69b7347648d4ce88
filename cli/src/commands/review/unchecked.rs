//! What of decisions and of approvers' words was not checked: such gaps belong to each answer that rests on those records.

use rederive_evidence::kinds::Kind;
use rederive_replay::{Gap, Level, Report};

use crate::text::counted;

/// The records in which an approver speaks.
const WORDS: &[Kind] = &[Kind::ApprovalApproved, Kind::ApprovalDenied, Kind::ApprovalRevised];

/// What was not checked, in words.
pub(super) struct Unchecked {
    decisions: Vec<String>,
    words: Vec<String>,
}

impl Unchecked {
    /// What a replay left unchecked. Spec: policy-level.
    pub(super) fn of(report: &Report) -> Self {
        match report.decisions.filter(|_| report.level == Level::Policy) {
            Some(decisions) => Self { decisions: of_decisions(report, decisions), words: of_words(report) },
            None => {
                let why = if report.level == Level::Policy {
                    "the rules of the run are not known".to_owned()
                } else {
                    format!("level {}", report.level)
                };
                Self {
                    decisions: vec![format!("POL-4 not judged, and no receipt checked: {why}")],
                    words: vec![format!("signatures of approvers not checked: {why}")],
                }
            }
        }
    }

    /// What is missing where an answer rests on records of these kinds.
    pub(super) fn gaps(&self, has: impl Fn(&Kind) -> bool) -> Vec<String> {
        let mut gaps = Vec::new();
        if has(&Kind::DecisionMade) {
            gaps.extend_from_slice(&self.decisions);
        }
        if WORDS.iter().any(has) {
            gaps.extend_from_slice(&self.words);
        }
        gaps
    }
}

fn of_decisions(report: &Report, decisions: u64) -> Vec<String> {
    let mut gaps = Vec::new();
    let mut receipts = decisions;
    for gap in &report.gaps {
        let decisions = |number: &u64| counted(*number, "decision");
        if let Gap::MissingBundle(digest) = gap {
            gaps.push(format!("POL-4 not judged: bundle {digest} is not at hand"));
        } else if let Gap::MissingRegistry(digest) = gap {
            gaps.push(format!("POL-4 not judged: registry {digest} is not at hand"));
        } else if let Gap::DecisionsTaken(number) = gap {
            gaps.push(format!("{} taken as recorded: what was asked cannot be told", decisions(number)));
        } else if let Gap::DecisionsWithheld(number) = gap {
            gaps.push(format!("{} of the gate itself, whatever the bundle says", decisions(number)));
        } else if let Gap::OtherEngine(number) = gap {
            gaps.push(format!("{} judged by another version of the engine", decisions(number)));
        } else if let Gap::NoReceipts(number) = gap {
            receipts = receipts.saturating_sub(*number);
            gaps.push(format!("{} without a receipt", decisions(number)));
        } else if let Gap::ReceiptsRedacted(number) = gap {
            receipts = receipts.saturating_sub(*number);
            gaps.push(format!("{} whose receipt is redacted", decisions(number)));
        }
    }
    let undecided = report.wrong.as_ref().filter(|_| report.valid == rederive_replay::Valid::Undecided);
    if let Some((wrong, record)) = undecided.and_then(|wrong| Some((wrong, wrong.place.record?))) {
        gaps.push(format!("POL-4 cannot be told from record {record} on: {}", wrong.code));
    }
    if receipts > 0 && report.gaps.contains(&Gap::NoTrustRoot) {
        gaps.push("receipts checked under the keys that they name themselves: no trust roots".to_owned());
    }
    gaps
}

fn of_words(report: &Report) -> Vec<String> {
    let mut gaps = Vec::new();
    for gap in &report.gaps {
        if let Gap::UnsignedWords(number) = gap {
            let words = counted(*number, "word");
            gaps.push(format!("{words} of approvers without a signature that can be checked"));
        } else if *gap == Gap::NoTrustRoot {
            let why = "no trust roots";
            gaps.push(format!(
                "signatures of approvers checked under the keys that the run names itself: {why}"
            ));
        }
    }
    gaps
}
