//! The gaps by name: what each says, and what would close it.

/// Name, meaning, what to do.
pub(super) const ALL: &[(&str, &str, &str)] = &[
    (
        "no-witness",
        "no outside party attests when the seal was made",
        "no version has a witness yet: keep the seal's digest where the recorder's operator cannot change it",
    ),
    (
        "no-trust-root",
        "no trust-root file was given: the key that signed is the one that the trace names itself",
        "replay with --trust FILE; `rederive keygen --trust FILE` writes such a file for a new key",
    ),
    (
        "unattested",
        "the key was drawn for this run alone: nobody answers for it",
        "record or import with --key FILE",
    ),
    (
        "missing-layer",
        "the source cannot give the records of this control layer: its rules were not evaluated",
        "record the run live, where the layer acts; an import cannot know what its source did not keep",
    ),
    (
        "no-times",
        "records have no time: rules that need one were not evaluated",
        "import from a source that keeps times, or record live",
    ),
    (
        "unpaired-calls",
        "calls were proposed, and no record says how they ended",
        "the source kept no result for them; findings of RUN-3 name the records",
    ),
    (
        "unsealed",
        "the trace has no seal: the run is still being recorded, or its recorder was stopped (exit status 4)",
        "`rederive record --recover --key FILE` goes on with it; --close aborted closes and seals it",
    ),
    (
        "unclosed",
        "the trace is sealed, and no record closes its run: what is asked at the end of a run (RUN-3, OUT-2) was asked of nothing, so that it may have left calls, approvals or effects open",
        "ask whoever recorded it why it ends there: a run that `rederive record` or the SDK seals has its `run.closed`",
    ),
    (
        "cut-tail",
        "the tail of the file after the last whole record was cut, this many bytes (exit status 4)",
        "what was cut was never acknowledged where a log stands beside the trace; else get another copy",
    ),
    (
        "other-log",
        "the log beside the trace is of the run named, another than the trace's or one that went on otherwise: it has records which the trace does not have, and they were not looked at (exit status 4)",
        "keep it: what it has may stand nowhere else; find the trace file that it was written for, put the log beside it and replay that; of one run, `rederive replay` of both says whether the two contradict each other",
    ),
    (
        "recovered-tail",
        "records were recovered after a crash that no signature covered before it (exit status 4)",
        "the recorder vouches for them since the recovery alone; `rederive show` lists them",
    ),
    (
        "redacted",
        "contents of records that the file no longer has",
        "nothing: hashes hold without them; whoever has them can disclose them with `rederive prove --content`",
    ),
    (
        "taken-as-recorded",
        "extracted values were taken as recorded, because their content is redacted (exit status 4 at level content)",
        "replay a copy that has the contents, or ask at level state",
    ),
    (
        "unknown-kind",
        "from this record on nothing could be derived: its kind is not known to this version",
        "replay with the version of rederive that recorded it, or a later one",
    ),
    (
        "unknown-rule-set",
        "the rule set is not known to this version",
        "replay with the version of rederive that recorded it, or a later one",
    ),
    (
        "missing-bundle",
        "a bundle that decisions pin is not at hand: they were not made again, and the run is undecided at level policy",
        "get the bundle with this digest from whoever ran the gate, and name its folder with --bundles DIR",
    ),
    (
        "missing-registry",
        "a registry that decisions rest on is not at hand: they were not made again, and the run is undecided at level policy",
        "put the registry with this digest into the folder that --bundles names, as a .json file of any name",
    ),
    (
        "decisions-taken",
        "decisions were taken as recorded: what they were asked about is redacted, or they are on a memory write that did not come and of which they do not name the item (exit status 4 at level policy)",
        "replay a copy that has the contents; without them nobody can tell whether the policies say what is recorded",
    ),
    (
        "decisions-withheld",
        "decisions by which the gate itself withheld something, for a fault or a rule, where the policies alone say otherwise",
        "nothing: what a gate withholds opens nothing; the reason stands in each decision",
    ),
    (
        "no-receipts",
        "decisions without a receipt",
        "nothing can be done afterwards: a gate that gives no receipts does not keep POL-5",
    ),
    (
        "receipts-redacted",
        "decisions whose receipt is redacted, so that nobody could check it (exit status 4 at level policy)",
        "replay a copy that has the contents",
    ),
    (
        "unsigned-words",
        "approvers' words without a signature, or by an approver whose key the opening record does not have",
        "list approvers with their keys in the opening record; the bundle says whether unsigned words suffice",
    ),
    (
        "other-engine",
        "decisions were made under another version of the engine than the one that answered again, and alike",
        "nothing: the verdict names the version that answered; one that answered otherwise would be undecided",
    ),
];

#[cfg(test)]
mod tests {
    use rederive_evidence::digest::Digest;
    use rederive_evidence::ids::RunId;
    use rederive_evidence::values::Layer;
    use rederive_replay::Gap;

    #[test]
    fn every_gap_is_explained_by_its_name() {
        let gaps = [
            Gap::NoWitness,
            Gap::NoTrustRoot,
            Gap::Unattested,
            Gap::MissingLayer(Layer::Run),
            Gap::NoTimes(1),
            Gap::UnpairedCalls(1),
            Gap::Unsealed,
            Gap::Unclosed,
            Gap::CutTail(1),
            Gap::OtherLog(RunId([0; 16])),
            Gap::RecoveredTail(1),
            Gap::Redacted(1),
            Gap::TakenAsRecorded(1),
            Gap::UnknownKind(1),
            Gap::UnknownRuleSet(1),
            Gap::MissingBundle(Digest::ZERO),
            Gap::MissingRegistry(Digest::ZERO),
            Gap::DecisionsTaken(1),
            Gap::DecisionsWithheld(1),
            Gap::NoReceipts(1),
            Gap::ReceiptsRedacted(1),
            Gap::UnsignedWords(1),
            Gap::OtherEngine(1),
        ];
        let explained: Vec<&str> = super::ALL.iter().map(|(name, _, _)| *name).collect();
        assert_eq!(explained, gaps.map(|gap| gap.name()));
    }
}
