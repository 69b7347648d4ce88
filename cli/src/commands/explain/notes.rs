//! What an import notes, by name: what it could not make sense of, or did not find.

/// Name and meaning.
pub(super) const ALL: &[(&str, &str)] = &[
    ("no-messages", "no list of messages was found"),
    ("unknown-role", "a role that is none of the known ones: data from outside"),
    ("unknown-member", "a member that has no field in a record"),
    ("unknown-part", "a part of a type that is not known"),
    ("unexpected-value", "a value of another type than the format has here"),
    ("repeated-member", "a name that stands twice in one object: the last is read, all are kept"),
    ("lone-surrogate", "half of a surrogate pair in a string: its bytes are kept and are not UTF-8"),
    ("arguments-not-json", "the arguments of a call are a string that is no JSON: kept as text"),
    ("repeated-call-id", "several calls that could be meant have the id: the order decided"),
    ("result-without-call", "a result that belongs to no call"),
    ("call-without-result", "a call that has no result"),
    (
        "name-derived",
        "a name that is no identifier (128 bytes at most, of a small alphabet): name- and 16 digits stand for it, the opening record has the name",
    ),
    (
        "time-out-of-order",
        "a time before that of an earlier record: absent from the record, kept with the span",
    ),
    ("other-span", "a span that makes no record of its own"),
    ("prompt-not-given", "an answer without what the model was sent"),
    ("answer-not-given", "a model's call without the answer"),
    ("parts-joined", "more new parts of a prompt than a record lists: the surplus is one part"),
    ("tools-not-listed", "more tools offered than a prompt lists: it lists none, their names are kept"),
];

#[cfg(test)]
mod tests {
    use rederive_import::NoteKind;

    #[test]
    fn every_note_that_imports_make_is_explained() {
        let manual =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/import.md")).unwrap();
        let explained: Vec<&str> = super::ALL.iter().map(|(name, _)| *name).collect();
        let (_, table) = manual.split_once("| note | |").unwrap();
        let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
        let names: Vec<&str> = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(explained, names);
        assert!(explained.contains(&NoteKind::OtherSpan.name()));
    }
}
