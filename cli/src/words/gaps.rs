//! Gaps, gathered over many runs.

use std::collections::BTreeMap;

use rederive_replay::{Gap, Report};

use crate::style::Tone;
use crate::text::{Cell, Table, count, counted};

/// The gaps of several runs: which, in how many, and how much in all. Layers that are missing in equally many runs share a row.
pub(crate) fn table<'a>(reports: impl Iterator<Item = &'a Report>) -> Table {
    let mut gathered: BTreeMap<(Gap, String), (u64, u64)> = BTreeMap::new();
    for report in reports {
        for gap in &report.gaps {
            let (runs, total) = gathered.entry((kind(gap), name(gap))).or_default();
            *runs += 1;
            *total += amount(gap).map_or(0, |(number, _)| number);
        }
    }
    let mut rows: Vec<(String, u64, String)> = Vec::new();
    for ((gap, name), (runs, total)) in gathered {
        let detail = if let Gap::MissingLayer(layer) = &gap {
            layer.name().to_owned()
        } else if let Gap::MissingBundle(digest) | Gap::MissingRegistry(digest) = &gap {
            digest.to_hex()
        } else if let Gap::OtherLog(run) = &gap {
            run.to_hex()
        } else {
            amount(&gap).map(|(_, noun)| counted(total, noun)).unwrap_or_default()
        };
        match rows.last_mut() {
            Some((last, of, details)) if *last == name && *of == runs => {
                details.push_str(", ");
                details.push_str(&detail);
            }
            Some(_) | None => rows.push((name, runs, detail)),
        }
    }
    let mut table = Table::default();
    for (name, runs, detail) in rows {
        table.push(vec![
            Cell::left(name, Tone::Notice),
            Cell::right(count(runs)),
            Cell::left(if runs == 1 { "run" } else { "runs" }, Tone::Plain),
            Cell::left(detail, Tone::Faint),
        ]);
    }
    table
}

/// The gap without its amount, so that those of several runs are one.
fn kind(gap: &Gap) -> Gap {
    match gap {
        Gap::NoTimes(_) => Gap::NoTimes(0),
        Gap::UnpairedCalls(_) => Gap::UnpairedCalls(0),
        Gap::CutTail(_) => Gap::CutTail(0),
        Gap::RecoveredTail(_) => Gap::RecoveredTail(0),
        Gap::Redacted(_) => Gap::Redacted(0),
        Gap::TakenAsRecorded(_) => Gap::TakenAsRecorded(0),
        Gap::DecisionsTaken(_) => Gap::DecisionsTaken(0),
        Gap::DecisionsWithheld(_) => Gap::DecisionsWithheld(0),
        Gap::NoReceipts(_) => Gap::NoReceipts(0),
        Gap::ReceiptsRedacted(_) => Gap::ReceiptsRedacted(0),
        Gap::UnsignedWords(_) => Gap::UnsignedWords(0),
        Gap::OtherEngine(_) => Gap::OtherEngine(0),
        Gap::UnknownKind(_) => Gap::UnknownKind(0),
        Gap::NoWitness
        | Gap::NoTrustRoot
        | Gap::Unattested
        | Gap::MissingLayer(_)
        | Gap::Unsealed
        | Gap::Unclosed
        | Gap::OtherLog(_)
        | Gap::UnknownRuleSet(_)
        | _ => gap.clone(),
    }
}

/// The gap's name and, where it is of one thing, that thing's.
fn name(gap: &Gap) -> String {
    match amount(gap) {
        // Told of all runs together, behind the name.
        Some(_) => gap.name().to_owned(),
        None if matches!(
            gap,
            Gap::UnknownKind(_)
                | Gap::MissingLayer(_)
                | Gap::OtherLog(_)
                | Gap::MissingBundle(_)
                | Gap::MissingRegistry(_)
        ) =>
        {
            gap.name().to_owned()
        }
        None => gap.to_string(),
    }
}

/// How much is missing, and of what.
fn amount(gap: &Gap) -> Option<(u64, &'static str)> {
    match gap {
        Gap::NoTimes(number) | Gap::RecoveredTail(number) | Gap::TakenAsRecorded(number) => {
            Some((*number, "record"))
        }
        Gap::UnpairedCalls(number) => Some((*number, "call")),
        Gap::CutTail(number) => Some((*number, "byte")),
        Gap::Redacted(number) => Some((*number, "content")),
        Gap::DecisionsTaken(number)
        | Gap::DecisionsWithheld(number)
        | Gap::NoReceipts(number)
        | Gap::ReceiptsRedacted(number)
        | Gap::OtherEngine(number) => Some((*number, "decision")),
        Gap::UnsignedWords(number) => Some((*number, "word")),
        // The number in it is a name, no amount.
        Gap::NoWitness
        | Gap::NoTrustRoot
        | Gap::Unattested
        | Gap::MissingLayer(_)
        | Gap::Unsealed
        | Gap::Unclosed
        | Gap::OtherLog(_)
        | Gap::UnknownKind(_)
        | Gap::UnknownRuleSet(_)
        | _ => None,
    }
}
