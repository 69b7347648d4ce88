//! Stable codes of what only a replay can tell, each with SPEC.md's words for it. The faults of the formats bring their own.

use rederive_evidence::codes::FaultCode;

macro_rules! codes {
    ($($name:ident = $code:literal $meaning:literal,)*) => {
        $(pub(crate) const $name: &str = $code;)*

        /// Every code of this crate, in the order of SPEC.md's table. Spec: codes.
        pub const ALL: &[FaultCode] = &[$(($code, $meaning)),*];
    };
}

codes! {
    MAGIC = "A-MAGIC" "the file does not begin as a trace does",
    COMMITMENT = "V-COMMITMENT" "a stored content whose salt and bytes do not give its commitment",
    UNLISTED = "V-UNLISTED" "a stored content that no record of its segment lists first",
    EQUIVOCATION = "V-EQUIVOCATION" "two signed headers with one run and number, a signed head that tells its segment otherwise, or a seal that ends the run otherwise",
    EXTRACTED = "D-EXTRACTED" "the extracted part is not what the content gives",
    OUTCOME = "D-OUTCOME" "the machine answers with another outcome",
    BREACHES = "D-BREACHES" "the machine finds other breaches",
    DELTA = "D-DELTA" "the delta digest is not that of what the record changes in the state",
    CHECKSUM = "D-CHECKSUM" "the state checksum at a decision, a segment's end or the seal is another, or stands where none belongs",
    LINEAGE = "D-LINEAGE" "the lineage digest is not that of the segment's marks",
    STATE_ROOT = "D-STATE-ROOT" "the state root where a span ends, or in the seal, is another, or stands where none belongs",
    RULE_SET = "D-RULE-SET" "a header names another rule set than the opening record",
    CONTENT_LENGTH = "D-CONTENT-LENGTH" "a record states another length than its content has",
    RECEIPT = "V-RECEIPT" "the receipt of a decision that is none, whose signature does not hold, or whose key is not the gate's",
    APPROVAL = "V-APPROVAL" "an approver's signature that does not hold, or whose key the trust roots do not allow",
    DECISION = "D-DECISION" "the pinned bundle decides otherwise",
    DIRECTIVE = "D-DIRECTIVE" "the pinned bundle gives another directive",
    REASON = "D-REASON" "the pinned bundle gives another reason",
    RULES = "D-RULES" "other policies of the pinned bundle determine the decision",
    ERRORS = "D-ERRORS" "other policies of the pinned bundle fail",
    RECEIPT_BODY = "D-RECEIPT" "a receipt is of another decision than the one it stands with",
    EMPTY = "U-EMPTY" "there is no record",
    UNKNOWN_RULE_SET = "U-RULE-SET" "the rule set is not known to this version, or no opening record names one",
    VERSION = "U-VERSION" "the file is of a version that this program does not know",
    NO_DECISION = "U-NO-DECISION" "the run has calls, and nobody decided on them",
    BUNDLE = "U-BUNDLE" "the bundle that a decision pins is not at hand, or it pins none",
    REGISTRY = "U-REGISTRY" "the registry that a decision rests on is not at hand",
    ENGINE = "U-ENGINE" "another version of the engine than the pinned one decides otherwise",
    NEVER_BEGUN = "U-NEVER-BEGUN" "its writer was stopped before it acknowledged anything",
    NOT_REPLAYED = "U-NOT-REPLAYED" "a part of the trace was passed over and nothing says why: a fault of the verifier, not of the trace",
}
