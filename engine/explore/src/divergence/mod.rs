//! What can be changed in a run, by name: in which way, and what has to notice it.

mod bytes;
mod meaning;
mod order;
mod parts;
mod splices;

use crate::draw::Draw;
use crate::parts::{Parts, PartsFault};
use crate::story::Story;
use crate::subject::Subject;

/// The three ways in which a run can diverge from itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The file is changed, by somebody with the run's key or without.
    Evidence,
    /// Another story is told, and every number, digest, checksum and signature is made for it.
    Meaning,
    /// The same records are told in another order.
    Order,
}

/// What has to notice a divergence, at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A replay at integrity level.
    Integrity,
    /// A replay at state level.
    State,
    /// A replay at content level, where the content is still there.
    Content,
    /// A replay at policy level, where there are receipts, signed words, or the bundle.
    Policy,
    /// Nothing inside the file can: trust roots, or whoever knows an earlier head of the run, can.
    Outside,
    /// Nobody: it changes no answer, and nothing may be said of it.
    Nobody,
}

impl Class {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evidence => "evidence",
            Self::Meaning => "meaning",
            Self::Order => "order",
        }
    }
}

impl By {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::State => "state",
            Self::Content => "content",
            Self::Policy => "policy",
            Self::Outside => "outside",
            Self::Nobody => "nobody",
        }
    }
}

/// How a divergence is made.
#[derive(Clone, Copy)]
enum Way {
    /// Another story, told by a recorder that has the key and the machine. False: not applicable.
    Story(fn(&mut Story, &Subject, &mut Draw) -> bool),
    /// Other parts, by somebody without the key.
    Parts(parts::Change),
    /// Other parts, by somebody with the key and no machine.
    Signed(parts::Change),
    /// Other bits in the file.
    Bits(fn(&mut [u8], &mut Draw) -> bool),
    /// Another file.
    Bytes(fn(&mut Vec<u8>, &mut Draw) -> bool),
}

macro_rules! divergences {
    ($( $variant:ident $name:literal $class:ident $by:ident [$($shows:literal)*] $way:expr, $about:literal; )*) => {
        /// A way in which an execution, or its record, can be another than the one that is told.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Divergence {
            $( #[doc = $about] $variant, )*
        }

        impl Divergence {
            /// Every divergence, in the order in which they are printed.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its stable name.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What is done, in words.
            pub const fn about(self) -> &'static str {
                match self { $( Self::$variant => $about, )* }
            }

            /// In which of the three ways it diverges.
            pub const fn class(self) -> Class {
                match self { $( Self::$variant => Class::$class, )* }
            }

            /// What has to notice it, at the latest.
            pub const fn by(self) -> By {
                match self { $( Self::$variant => By::$by, )* }
            }

            /// The codes, rules and gaps by one of which it has to show; each is what they begin with. Empty: any will do.
            pub const fn shows(self) -> &'static [&'static str] {
                match self { $( Self::$variant => &[$($shows),*], )* }
            }

            /// The divergence with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some(Self::$variant), )* _ => None }
            }

            fn way(self) -> Way {
                match self { $( Self::$variant => $way, )* }
            }
        }
    };
}

divergences! {
    // The file, by whoever can write it.
    BitFlipped "bit-flipped" Evidence Integrity ["A-" "U-VERSION"] Way::Bits(bytes::bit_flipped),
        "one bit is another";
    BitFlippedChecked "bit-flipped-checked" Evidence Integrity [] Way::Bits(bytes::bit_flipped_checked),
        "one bit is another, and the block's check word is made for it";
    HintChanged "hint-changed" Evidence Nobody [] Way::Bits(bytes::hint_changed),
        "a byte of a lineage page, snapshot or index is another";
    FileCut "file-cut" Evidence Integrity ["gap unsealed" "U-"] Way::Bytes(bytes::file_cut),
        "the file ends early, anywhere";
    SealCut "seal-cut" Evidence Integrity ["gap unsealed"] Way::Bytes(bytes::seal_cut),
        "the file ends with its last segment, before the seal";
    RolledBack "rolled-back" Evidence Integrity ["gap unsealed"] Way::Bytes(bytes::rolled_back),
        "the file ends with an earlier segment";
    BytesAppended "bytes-appended" Evidence Integrity ["A-TRAILING"] Way::Bytes(bytes::bytes_appended),
        "bytes stand behind the end";
    // Its parts, without the key.
    RecordDropped "record-dropped" Evidence Integrity ["V-FRAMES" "V-NUMBER"] Way::Parts(parts::record_dropped),
        "a record is left out";
    RecordsSwapped "records-swapped" Evidence Integrity ["V-DIGEST"] Way::Parts(parts::records_swapped),
        "two records that follow each other have changed places";
    RecordDuplicated "record-duplicated" Evidence Integrity ["V-FRAMES"] Way::Parts(parts::record_duplicated),
        "a record stands twice";
    RecordEdited "record-edited" Evidence Integrity ["V-DIGEST" "V-FRAMES"] Way::Parts(parts::record_edited),
        "a record names another actor";
    RecordSpliced "record-spliced" Evidence Integrity ["V-"] Way::Parts(splices::record_spliced),
        "a record of another run under the same key stands in the place of one";
    SegmentDropped "segment-dropped" Evidence Integrity ["V-"] Way::Parts(parts::segment_dropped),
        "a segment before the last is left out";
    LastSegmentDropped "last-segment-dropped" Evidence Integrity ["V-"] Way::Parts(parts::last_segment_dropped),
        "the last segment is left out, and the seal kept";
    SegmentsSwapped "segments-swapped" Evidence Integrity ["V-"] Way::Parts(parts::segments_swapped),
        "two segments have changed places";
    SegmentSpliced "segment-spliced" Evidence Integrity ["V-"] Way::Parts(splices::segment_spliced),
        "a segment of another run under the same key stands in the place of one";
    SegmentOfOtherKey "segment-of-other-key" Evidence Integrity ["V-"] Way::Parts(parts::segment_of_other_key),
        "a segment of another telling of the run, under another key, stands in the place of one";
    HeaderEdited "header-edited" Evidence Integrity ["V-" "F-" "S-" "C-"] Way::Parts(parts::header_edited),
        "a bit of a signed header is another";
    SealEdited "seal-edited" Evidence Integrity ["V-" "F-" "S-" "C-"] Way::Parts(parts::seal_edited),
        "a bit of the signed seal is another";
    SignatureEdited "signature-edited" Evidence Integrity ["F-" "V-DIGEST" "S-"] Way::Parts(parts::signature_edited),
        "a signature is not the key's";
    OtherKeySigned "other-key-signed" Evidence Integrity ["V-OTHER-KEY" "F-" "V-DIGEST"] Way::Parts(parts::other_key_signed),
        "all of it is signed again by a key that the opening record does not name";
    ContentEdited "content-edited" Evidence Integrity ["V-COMMITMENT"] Way::Parts(parts::content_edited),
        "a stored content has other bytes";
    SaltEdited "salt-edited" Evidence Integrity ["V-COMMITMENT"] Way::Parts(parts::salt_edited),
        "a stored content has another salt";
    ContentForeign "content-foreign" Evidence Integrity ["V-UNLISTED"] Way::Parts(parts::content_foreign),
        "a content is stored that no record lists";
    ContentDropped "content-dropped" Evidence Integrity ["gap redacted"] Way::Parts(parts::content_dropped),
        "a stored content is left out";
    // Its parts, with the key and without the machine.
    RecordDroppedSigned "record-dropped-signed" Evidence State ["D-" "V-UNLISTED" "U-RULE-SET"] Way::Signed(parts::record_dropped),
        "a record is left out, and all of it is signed again";
    RecordsSwappedSigned "records-swapped-signed" Evidence State ["D-" "V-UNLISTED" "U-RULE-SET"] Way::Signed(parts::records_swapped),
        "two records have changed places, and all of it is signed again";
    RecordDuplicatedSigned "record-duplicated-signed" Evidence State ["D-"] Way::Signed(parts::record_duplicated),
        "a record stands twice, and all of it is signed again";
    OutcomeForged "outcome-forged" Evidence State ["D-OUTCOME"] Way::Signed(parts::outcome_forged),
        "the machine is said to have answered otherwise";
    BreachHidden "breach-hidden" Evidence State ["D-BREACHES" "D-OUTCOME"] Way::Signed(parts::breach_hidden),
        "breaches that the machine found are left out";
    BreachInvented "breach-invented" Evidence State ["D-BREACHES"] Way::Signed(parts::breach_invented),
        "the machine is said to have found a breach";
    DeltaForged "delta-forged" Evidence State ["D-DELTA"] Way::Signed(parts::delta_forged),
        "a record is said to have changed the state otherwise";
    ChecksumForged "checksum-forged" Evidence State ["D-CHECKSUM"] Way::Signed(parts::checksum_forged),
        "a decision states another state checksum";
    HeaderChecksumForged "header-checksum-forged" Evidence State ["D-CHECKSUM"] Way::Signed(parts::header_checksum_forged),
        "a header states another state checksum";
    LineageForged "lineage-forged" Evidence State ["D-LINEAGE"] Way::Signed(parts::lineage_forged),
        "a header states another lineage digest";
    SpanRootForged "span-root-forged" Evidence State ["D-STATE-ROOT"] Way::Signed(parts::span_root_forged),
        "a header states a state root that is none";
    SealedRootForged "sealed-root-forged" Evidence State ["D-STATE-ROOT"] Way::Signed(parts::sealed_root_forged),
        "the seal states another state root";
    RuleSetForged "rule-set-forged" Evidence State ["D-RULE-SET"] Way::Signed(parts::rule_set_forged),
        "a header names another rule set";
    LengthForged "length-forged" Evidence State ["D-CONTENT-LENGTH"] Way::Signed(parts::length_forged),
        "a record states another length than its content has";
    PaddingLonger "padding-longer" Evidence Integrity ["V-FRAMES" "C-PADDING"] Way::Signed(parts::padding_longer),
        "zeros stand behind a record, and all of it is signed again";
    RecordSplicedSigned "record-spliced-signed" Evidence State ["D-" "V-" "U-RULE-SET"] Way::Signed(splices::record_spliced_signed),
        "a record of another run, with its contents, stands in the place of one under its number, and all of it is signed again";
    SegmentSplicedSigned "segment-spliced-signed" Evidence State ["D-" "V-" "U-RULE-SET"] Way::Signed(splices::segment_spliced_signed),
        "a segment of another run, with its contents, stands in the place of one, and all of it is numbered and signed again";

    // Another story, with the key and the machine.
    ArgumentsChanged "arguments-changed" Meaning State ["TOL-3 not-as-decided"] Way::Story(meaning::arguments_changed),
        "a call is made with other arguments than were decided on";
    TargetChanged "target-changed" Meaning State ["TOL-3 not-as-decided"] Way::Story(meaning::target_changed),
        "a call is made on another target than was decided on";
    ToolChanged "tool-changed" Meaning State ["TOL-3 not-as-decided"] Way::Story(meaning::tool_changed),
        "another tool is called than was decided on";
    AgentDispatches "agent-dispatches" Meaning State ["TOL-4 not-broker"] Way::Story(meaning::agent_dispatches),
        "the agent makes a call itself";
    PermitAfterCall "permit-after-call" Meaning State ["POL-1 not-permitted" "TOL-2 step"] Way::Story(meaning::permit_after_call),
        "a call is permitted after it was made";
    PermitMissing "permit-missing" Meaning State ["POL-1 not-permitted" "TOL-2 step"] Way::Story(meaning::permit_missing),
        "a call is made on which nobody decided";
    DeniedCallMade "denied-call-made" Meaning State ["POL-1 not-permitted" "TOL-2 step" "OBS-1 under-refusal"] Way::Story(meaning::denied_call_made),
        "a call is made that was denied or held";
    DenialPermitted "denial-permitted" Meaning Policy ["D-" "V-RECEIPT" "POL-" "RSK-"] Way::Story(meaning::denial_permitted),
        "a denial is told as a permit";
    DecisionReworded "decision-reworded" Meaning Policy ["D-RECEIPT" "V-RECEIPT"] Way::Story(meaning::decision_reworded),
        "a decision is told with another uncertainty than its receipt has";
    DecisionOtherwise "decision-otherwise" Meaning Policy ["D-DECISION"] Way::Story(meaning::decision_otherwise),
        "a decision is told as another bundle would have made it, under a receipt that the gate signed for it";
    PermitOver "permit-over" Meaning State ["POL-3 permit-over"] Way::Story(meaning::permit_over),
        "a permit ends before the call is made";
    PermitUsedTwice "permit-used-twice" Meaning State ["POL-3 permit-used" "TOL-2 step"] Way::Story(meaning::permit_used_twice),
        "a call is made twice under one permit";
    OtherBundle "other-bundle" Meaning State ["POL-2 other-bundle"] Way::Story(meaning::other_bundle),
        "a decision is made under another bundle than the one in force";
    OtherRequest "other-request" Meaning State ["POL-2 other-request" "TOL-3 not-as-decided"] Way::Story(meaning::other_request),
        "a decision is made on another request than was asked";
    RelianceForged "reliance-forged" Meaning State ["POL-2 reliance-broken"] Way::Story(meaning::reliance_forged),
        "a decision is said to have read what was not so";
    ReceiptMissing "receipt-missing" Meaning State ["POL-5 no-receipt"] Way::Story(meaning::receipt_missing),
        "a decision has no receipt";
    RisksLeftOut "risks-left-out" Meaning State ["RSK-1 risk-unlisted"] Way::Story(meaning::risks_left_out),
        "a decision does not list the risks that were there";
    CredentialScopeWider "credential-scope-wider" Meaning State ["CRD-1 scope-wider"] Way::Story(meaning::credential_scope_wider),
        "a credential allows more than was decided";
    CredentialSurfaceWider "credential-surface-wider" Meaning State ["CRD-3 surface-wider"] Way::Story(meaning::credential_surface_wider),
        "a credential opens a surface that the call does not act on";
    CredentialLonger "credential-longer" Meaning State ["CRD-1 lifetime-longer"] Way::Story(meaning::credential_longer),
        "a credential lives longer than allowed";
    CredentialRevokedUsed "credential-revoked-used" Meaning State ["CRD-2 unknown" "CRD-2 credential-over"] Way::Story(meaning::credential_revoked_used),
        "a credential is used after it was revoked";
    CredentialOfOtherCall "credential-of-other-call" Meaning State ["CRD-2 other-call" "CRD-2 step" "CRD-2 unknown"] Way::Story(meaning::credential_of_other_call),
        "a credential is used by another call than it is bound to";
    CredentialLeftLive "credential-left-live" Meaning State ["RUN-3 credential-live"] Way::Story(meaning::credential_left_live),
        "a credential is not revoked";
    ApprovalSelfGiven "approval-self-given" Meaning State ["APR-3 self-approval" "APR-3 not-entitled"] Way::Story(meaning::approval_self_given),
        "who asked for an approval answers it";
    ApprovalByMachine "approval-by-machine" Meaning State ["APR-3 not-human"] Way::Story(meaning::approval_by_machine),
        "code answers a request for approval";
    ApprovalOfOther "approval-of-other" Meaning State ["APR-4 other-request"] Way::Story(meaning::approval_of_other),
        "an approval covers another request than the one held";
    ApprovalNotAsShown "approval-not-as-shown" Meaning State ["APR-3 not-as-shown"] Way::Story(meaning::approval_not_as_shown),
        "a person answers to something else than was shown";
    ApprovalMissing "approval-missing" Meaning State ["POL-2 unexplained" "RSK-" "APR-" "OUT-3 approval-needed"] Way::Story(meaning::approval_missing),
        "a call that needs a person's approval is permitted without it";
    ApprovalReused "approval-reused" Meaning State ["APR-4" "POL-" "RSK-"] Way::Story(meaning::approval_reused),
        "a second call is made under an approval that has served";
    WordForged "word-forged" Meaning Policy ["V-APPROVAL"] Way::Story(meaning::word_forged),
        "an approver's word bears a signature that is not theirs";
    WordUnsigned "word-unsigned" Meaning Policy ["gap unsigned-words"] Way::Story(meaning::word_unsigned),
        "an approver's word bears no signature";
    ContextStale "context-stale" Meaning State ["CTX-3 stale"] Way::Story(meaning::context_stale),
        "a call with an effect follows from an item that was stale";
    SourceUnlisted "source-unlisted" Meaning State ["CTX-2 source-unlisted"] Way::Story(meaning::source_unlisted),
        "an item comes from a source that is not on the run's list";
    FilterOfOtherTenant "filter-of-other-tenant" Meaning State ["CTX-2 tenant-filter"] Way::Story(meaning::filter_of_other_tenant),
        "a retrieval is filtered by another tenant";
    FilterByModel "filter-by-model" Meaning State ["CTX-2 filter-by-model"] Way::Story(meaning::filter_by_model),
        "the model put the tenant filter there";
    InstructionTainted "instruction-tainted" Meaning State ["CTX-4 data-instructs"] Way::Story(meaning::instruction_tainted),
        "a tool's result or a retrieved text stands in a prompt as the system's word";
    PartHidden "part-hidden" Meaning State ["PRM-1 part-not-cause"] Way::Story(meaning::part_hidden),
        "a prompt does not name a record that it quotes";
    BlockedBack "blocked-back" Meaning State ["GRD-1 blocked-content"] Way::Story(meaning::blocked_back),
        "a content that was blocked stands in a later prompt";
    AnswerUnlinked "answer-unlinked" Meaning State ["PRM-3 unlinked"] Way::Story(meaning::answer_unlinked),
        "an answer names a prompt that it does not answer";
    InspectionMissing "inspection-missing" Meaning State ["OUT-4 not-inspected" "GRD-" "RSK-1 record-missing"] Way::Story(meaning::inspection_missing),
        "an output leaves that no guardrail has looked at";
    RecipientMissing "recipient-missing" Meaning State ["OUT-4 no-recipient"] Way::Story(meaning::recipient_missing),
        "an output leaves for nobody that is named";
    MemoryNeverWritten "memory-never-written" Meaning State ["MEM-2 other-value" "MEM-2 unknown"] Way::Story(meaning::memory_never_written),
        "a value is read from memory that was never written there";
    MemoryWriteMissing "memory-write-missing" Meaning State ["MEM-2"] Way::Story(meaning::memory_write_missing),
        "a value is read from memory whose writing is left out";
    MemoryLabelRaised "memory-label-raised" Meaning State ["MEM-1 label-raised"] Way::Story(meaning::memory_label_raised),
        "a memory item claims more trust than what influenced it";
    EffectMissing "effect-missing" Meaning State ["RUN-3 effect-open" "OUT-3 unverified"] Way::Story(meaning::effect_missing),
        "what became of an effect is not told, once it was called for";
    EffectOtherwise "effect-otherwise" Meaning State ["OUT-1"] Way::Story(meaning::effect_otherwise),
        "an effect is said to match although something else was seen";
    AmountExceeded "amount-exceeded" Meaning State ["OUT-3 amount-exceeded" "OUT-1 not-as-decided"] Way::Story(meaning::amount_exceeded),
        "an effect is larger than planned";
    ResultMissing "result-missing" Meaning State ["RUN-3 call-open" "OUT-1 step" "gap unpaired-calls"] Way::Story(meaning::result_missing),
        "a call has no end";
    TailCut "tail-cut" Meaning State ["RUN-" "gap"] Way::Story(meaning::tail_cut),
        "the run ends where something is left open, sealed and told whole";
    PreviewMissing "preview-missing" Meaning State ["TOL-6 no-preview"] Way::Story(meaning::preview_missing),
        "a preview that the tool offers is left out";
    RetryUnlinked "retry-unlinked" Meaning State ["TOL-5 retry-unlinked"] Way::Story(meaning::retry_unlinked),
        "a retry does not name the call that it tries again";
    DelegationWider "delegation-wider" Meaning State ["IDN-3 scope-wider"] Way::Story(meaning::delegation_wider),
        "authority is handed on wider than it was held";
    DelegationOverUsed "delegation-over-used" Meaning State ["IDN-4" "IDN-1" "TOL-" "HND-1"] Way::Story(meaning::delegation_over_used),
        "an agent acts after its delegation ended";
    HandedToOther "handed-to-other" Meaning State ["HND-1 other-party"] Way::Story(meaning::handed_to_other),
        "a message goes to another agent than the one delegated to";
    ActorUnknown "actor-unknown" Meaning State ["IDN-1 actor-unknown"] Way::Story(meaning::actor_unknown),
        "somebody acts who is not registered";
    TenantCrossed "tenant-crossed" Meaning State ["IDN-2 other-tenant"] Way::Story(meaning::tenant_crossed),
        "a record is of another tenant";
    TimeBackwards "time-backwards" Meaning State ["RUN-2 time-backwards"] Way::Story(meaning::time_backwards),
        "time runs backwards";
    CausesMissing "causes-missing" Meaning State ["OBS-1 no-goal"] Way::Story(meaning::causes_missing),
        "an effect follows from nothing";
    OpenedAgain "opened-again" Meaning State ["RUN-1 opened-again"] Way::Story(meaning::opened_again),
        "the run is opened twice";
    ToldAfterClose "told-after-close" Meaning State ["RUN-1 after-close"] Way::Story(meaning::told_after_close),
        "something happens after the run was closed";
    ExtractedForged "extracted-forged" Meaning Content ["D-EXTRACTED"] Way::Story(meaning::extracted_forged),
        "arguments are said to keep a schema that they break, or the other way round";
    SourcesForged "sources-forged" Meaning Content ["D-EXTRACTED"] Way::Story(meaning::sources_forged),
        "argument values are said to come from nowhere";
    ResultToldOtherwise "result-told-otherwise" Meaning Outside [] Way::Story(meaning::result_told_otherwise),
        "a tool's last result is told as something else";
    ActionUnrecorded "action-unrecorded" Meaning Outside [] Way::Story(meaning::action_unrecorded),
        "something happened that no other record needs, and is not told";
    ToldAgainShorter "told-again-shorter" Meaning Outside [] Way::Story(meaning::told_again_shorter),
        "the run is told again up to an earlier turn, closed and sealed";
    RecordSplicedTold "record-spliced-told" Meaning Outside [] Way::Story(splices::record_spliced_told),
        "a record of another run is told as one of this run, where it breaks no rule if there is such a place";
    SegmentSplicedTold "segment-spliced-told" Meaning Outside [] Way::Story(splices::segment_spliced_told),
        "what a segment of another run says is told as a part of this run";
    TakenOver "taken-over" Meaning Outside [] Way::Story(meaning::taken_over),
        "the run is told as it was by another key, which its opening record names";

    // The same records, in another order.
    IndependentSwapped "independent-swapped" Order Nobody [] Way::Story(order::independent_swapped),
        "two records that do not depend on each other have changed places; the state root stays";
    DependentSwapped "dependent-swapped" Order State ["RUN-2 cause-ahead" "RUN-2 reference-ahead"] Way::Story(order::dependent_swapped),
        "a record stands before the one that it follows from";
    StepsSwapped "steps-swapped" Order State ["TOL-2 step" "APR-1 step" "OUT-1 step" "OUT-1 unknown"] Way::Story(order::steps_swapped),
        "a step of a call, an approval or an effect is told before the one that it comes after";
}

impl std::fmt::Display for Divergence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// At which stage of a telling a divergence is made; a case makes its divergences in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What is told.
    Story,
    /// What is signed.
    Signed,
    /// What is put into the file.
    Parts,
    /// The file.
    Bytes,
}

impl Divergence {
    /// The stage at which it is made.
    pub fn stage(self) -> Stage {
        match self.way() {
            Way::Story(_) => Stage::Story,
            Way::Signed(_) => Stage::Signed,
            Way::Parts(_) => Stage::Parts,
            Way::Bits(_) | Way::Bytes(_) => Stage::Bytes,
        }
    }

    /// Where it stands among those of its stage. What leaves records out comes first and what has them in another order next, so that it undoes
    /// nothing of what the others do; times are set last, since what is moved is given the time of its place.
    pub(crate) fn rank(self) -> (Stage, u8, Self) {
        let rank = match (self.by(), self.class(), self) {
            // What comes from another run is none of what the others change.
            (_, _, Self::RecordSplicedTold | Self::SegmentSplicedTold) => 4,
            (_, _, Self::TailCut) | (By::Outside, _, _) => 0,
            (_, Class::Order, _) => 1,
            (_, _, Self::TimeBackwards) => 3,
            _ => 2,
        };
        (self.stage(), rank, self)
    }

    /// Whether it is made in the run as somebody tells it who has the key: nothing but what is done by then is another.
    pub(crate) fn is_told(self) -> bool {
        self.stage() <= Stage::Signed || matches!(self, Self::RecordSpliced | Self::SegmentSpliced)
    }

    /// Makes it in a story; false where the run has nothing that could diverge so.
    pub(crate) fn in_story(self, story: &mut Story, subject: &Subject, draw: &mut Draw) -> bool {
        matches!(self.way(), Way::Story(change) if change(story, subject, draw))
    }

    /// Makes it in the parts; false where the run has nothing that could diverge so.
    pub(crate) fn in_parts(
        self,
        parts: &mut Parts,
        subject: &Subject,
        draw: &mut Draw,
    ) -> Result<bool, PartsFault> {
        match self.way() {
            Way::Parts(change) | Way::Signed(change) => change(parts, subject, draw),
            Way::Story(_) | Way::Bits(_) | Way::Bytes(_) => Ok(false),
        }
    }

    /// Makes it in the file; false where it has nothing that could diverge so.
    pub(crate) fn in_bytes(self, bytes: &mut Vec<u8>, draw: &mut Draw) -> bool {
        match self.way() {
            Way::Bits(change) => change(bytes, draw),
            Way::Bytes(change) => change(bytes, draw),
            Way::Story(_) | Way::Parts(_) | Way::Signed(_) => false,
        }
    }
}
