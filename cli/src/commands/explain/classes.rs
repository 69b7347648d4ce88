//! What all codes that begin with one letter have in common.

/// What a code is of, by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// C
    Bytes,
    /// S
    Signed,
    /// F
    Keys,
    /// T
    Trees,
    /// P
    Proofs,
    /// A
    File,
    /// V
    Integrity,
    /// D
    Derived,
    /// U
    Undecided,
    /// B
    Bundle,
}

const KEEP: &str = "keep the file as it is and get another copy from where it came from: `rederive replay COPY` says whether that one holds, and `sha256sum FILE COPY` whether the files differ; a damaged copy never becomes whole";

impl Class {
    /// The class of a code; none where no class has its letter.
    pub(super) fn of(code: &str) -> Option<Self> {
        let (letter, _) = code.split_once('-')?;
        let classes = [
            ("C", Self::Bytes),
            ("S", Self::Signed),
            ("F", Self::Keys),
            ("T", Self::Trees),
            ("P", Self::Proofs),
            ("A", Self::File),
            ("V", Self::Integrity),
            ("D", Self::Derived),
            ("U", Self::Undecided),
            ("B", Self::Bundle),
        ];
        classes.into_iter().find(|(of, _)| *of == letter).map(|(_, class)| class)
    }

    /// What follows from such a fault.
    pub(super) fn about(self, code: &str) -> &'static str {
        match self {
            Self::Bytes if code == "C-UNKNOWN-KIND" => {
                "The record is well-formed, but of a kind that this version does not know: from it on the run is undecided (exit status 4); its bytes are verified all the same."
            }
            Self::Bytes => {
                "The bytes at the place named are not the one form that CBOR has in Rederive. A trace with them is damaged (exit status 3), a proof or a draft with them is refused."
            }
            Self::Signed if code == "S-VERSION" => {
                "A header, head or seal of a version that this program does not know: what it says cannot be told (exit status 4)."
            }
            Self::Signed => {
                "A header, head or seal is not in its form, or its fields cannot be: the trace is damaged (exit status 3), the proof refused."
            }
            Self::Keys => {
                "The bytes are whole, but no signature that counts stands over them: the trace is forged, or was signed with another key than the one you trust (exit status 3)."
            }
            Self::Trees => {
                "The path from a record or header to its root has an impossible form: the proof is refused and proves nothing."
            }
            Self::Proofs => {
                "The proof does not prove what it is shown for. Nothing of it may be taken as evidence (exit status 3)."
            }
            Self::File if code.starts_with("A-HINT") => {
                "A hint (index, snapshot or lineage page) is not what it should be. It is ignored and changes no verdict."
            }
            Self::File => {
                "The trace file's own framing is broken at the place named: the trace is damaged (exit status 3)."
            }
            Self::Integrity if code == "V-EQUIVOCATION" => {
                "Whoever holds the run's key signed two different accounts of one run. At most one of them is what happened (exit status 3)."
            }
            Self::Integrity if matches!(code, "V-OTHER-KEY" | "V-UNTRUSTED" | "V-RECEIPT" | "V-APPROVAL") => {
                "All digests agree, but a signature does not hold, or the key that signed is not one that may: the trace is forged (exit status 3)."
            }
            Self::Integrity => {
                "Bytes do not match what is signed over them: the trace is damaged (exit status 3)."
            }
            Self::Derived => {
                "Bytes and signatures hold, but what the trace states does not follow from its own records: it diverges (exit status 1). Whoever recorded it stated something that the rules do not give."
            }
            Self::Undecided => {
                "It cannot be told whether the trace holds (exit status 4). That is not the same as fine."
            }
            Self::Bundle => {
                "The policy bundle cannot be used, and nothing is decided with it: a gate does not open under it, and what it would be asked is denied. No bundle is never read as `no policy`."
            }
        }
    }

    /// What to do.
    pub(super) fn next(self, code: &str) -> &'static str {
        match self {
            Self::Bytes if code == "C-UNKNOWN-KIND" => {
                "replay it with the version of rederive that recorded it, or a later one"
            }
            Self::File if code.starts_with("A-HINT") => {
                "nothing: `rederive redact` or a copy makes hints anew"
            }
            Self::Signed if code == "S-VERSION" => {
                "replay it with the version of rederive that recorded it, or a later one"
            }
            Self::Integrity if code == "V-EQUIVOCATION" => {
                "`rederive diff A B` shows where they part; ask whoever holds the key, and trust neither until it is known"
            }
            Self::Integrity if code == "V-UNTRUSTED" => {
                "check that the trust-root file is the one for this recorder, tenant and run; if it is, take nothing of the trace as evidence"
            }
            Self::Integrity if matches!(code, "V-OTHER-KEY" | "V-RECEIPT" | "V-APPROVAL") => {
                "compare the key that the message names with the run's opening record (`rederive show FILE --record 0`) and your trust-root file; take nothing that was so decided or approved as permitted, and ask whoever holds the key"
            }
            Self::Bytes | Self::Signed | Self::File | Self::Integrity => KEEP,
            Self::Keys => {
                "compare the key that the message names with the one in your trust-root file; if the trace should be signed by it, take nothing of it as evidence"
            }
            Self::Trees | Self::Proofs => "ask for the proof again: `rederive prove` makes it from the trace",
            Self::Derived => {
                "`rederive show FILE --record N` shows the record, `--causes N` what led to it; if you have another copy, `rederive diff` shows the field that differs"
            }
            Self::Undecided if code == "U-NO-DECISION" => {
                "only a gate decides: ask such a run at level content, or `rederive whatif` what a policy would have said"
            }
            Self::Undecided if matches!(code, "U-BUNDLE" | "U-REGISTRY") => {
                "put what the run pins into a folder and name it with --bundles DIR; the gap names the digest"
            }
            Self::Undecided if code == "U-ENGINE" => {
                "replay with the version of rederive whose engine is the pinned one; until then it is open which of the two is right"
            }
            Self::Undecided if code == "U-NOT-REPLAYED" => {
                "no trace leads there: keep the file, take no verdict of this version on it, and report it with the version that `rederive --version` names"
            }
            Self::Bundle if matches!(code, "B-TAMPERED" | "B-OTHER-BUNDLE" | "B-MISSING" | "B-UNLISTED") => {
                "if the change is yours, `rederive policy digest DIR --update` lists the files anew, under a new digest; if it is not, get the bundle again from where it came from"
            }
            Self::Bundle if code == "B-NOT-ARCHIVED" => {
                "`rederive policy import DIR --bundles ARCHIVE` puts a bundle into the archive"
            }
            Self::Bundle => {
                "`rederive policy check DIR` names the file or policy; docs/policies.md says what each may hold"
            }
            Self::Undecided => {
                "a newer version may know it; if the recorder was stopped, `rederive record --recover` goes on with the run"
            }
        }
    }

    /// Where SPEC.md has it: the code's own line, and what it is a fault of.
    pub(super) const fn spec(self) -> &'static str {
        match self {
            Self::Bytes => "sections 13 and 2",
            Self::Signed | Self::Keys => "sections 13 and 6",
            Self::Trees => "sections 13 and 5",
            Self::Proofs => "sections 13 and 14",
            Self::File => "sections 13 and 11",
            Self::Integrity | Self::Derived | Self::Undecided => "sections 13 and 12",
            Self::Bundle => "sections 13 and 18",
        }
    }
}
