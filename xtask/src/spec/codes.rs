//! The codes of faults, by the letter they begin with.

use rederive_archive::Cause;
use rederive_evidence::codes::FaultCode;
use rederive_policy::BundleFault;
use rederive_verify::IntegrityFault;

/// A letter, what bears it, and what it says of a trace.
const CLASSES: &[(char, &str)] = &[
    (
        'C',
        "Canonical bytes. Of a sealed record: *diverged*; C-UNKNOWN-KIND: *undecided*. Of a signed form: *damaged*. In a proof or a draft: refused.",
    ),
    ('S', "Signed forms. In a trace: *damaged*; S-VERSION: *undecided*."),
    ('F', "Keys and signatures: *forged*."),
    ('T', "Paths in a tree: the proof is refused."),
    ('P', "Proofs: refused."),
    ('A', "The trace file. *Damaged*, but for hints (A-HINT-), which are ignored and change no verdict."),
    (
        'V',
        "Integrity. *Damaged*; V-OTHER-KEY, V-UNTRUSTED, V-RECEIPT and V-APPROVAL: *forged*; V-EQUIVOCATION stands beside the verdicts of both traces.",
    ),
    ('D', "Derivation: *diverged*."),
    ('U', "What cannot be told: *undecided*."),
    ('B', "Policy bundles: not used, and what it is asked is DENY ([bundle-faults])."),
];

/// Every code that evidence can cause, with its meaning.
pub(crate) fn all() -> Vec<FaultCode> {
    let evidence = rederive_evidence::codes::ALL.iter().flat_map(|codes| codes.iter());
    let others = [Cause::CODES, IntegrityFault::CODES, rederive_replay::codes::ALL, BundleFault::CODES];
    evidence.chain(others.into_iter().flatten()).copied().collect()
}

/// A table a letter.
pub(crate) fn tables() -> String {
    let all = all();
    let tables = CLASSES.iter().map(|(letter, about)| {
        let of_letter =
            all.iter().filter(|(code, _)| code.starts_with(*letter) && code[1..].starts_with('-'));
        let rows = of_letter.map(|(code, meaning)| [(*code).to_owned(), phrase(meaning)]);
        format!("{about}\n\n{}", super::table(["code", "meaning"], rows))
    });
    tables.collect::<Vec<_>>().join("\n")
}

/// A sentence as the phrase that stands in a table.
fn phrase(sentence: &str) -> String {
    let (first, rest) = sentence.trim_end_matches('.').split_at(1);
    first.to_lowercase() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spec: codes.
    #[test]
    fn every_code_stands_in_one_table_and_once() {
        let (all, text) = (all(), tables());
        for (code, _) in &all {
            assert_eq!(text.matches(&format!("| {code} |")).count(), 1, "{code}");
        }
        assert_eq!(text.matches("\n| ").count(), all.len() + 2 * CLASSES.len());
    }
}
