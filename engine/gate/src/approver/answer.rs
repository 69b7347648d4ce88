//! An approver's answer as it lies in a folder.

use rederive_evidence::chain::PayloadFault;
use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::ids::{Id, PublicKey, RecordedTime, RunId, Signature};
use rederive_evidence::keys::{SignatureFault, Signer};
use rederive_evidence::map;
use rederive_evidence::receipt::{ApproverStatement, ApproverVerdict};
use rederive_evidence::signed::{
    Payload, SignFault, Signed, SignedFault, UncheckedSigned, Version, sign, sign_detached, verify_detached,
};

use super::request::Request;

/// Most bytes of a reason or of the changes asked for.
pub const ANSWER_TEXT_BYTES_MAX: u64 = 2_048;

map! {
    /// An answer, in words and signed: the whole file by the approver's key, and inside it the statement that the trace keeps.
    pub struct Answer {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// The approval.
        2 req approval: Id,
        /// `request` digest of what is answered.
        3 req covers: Digest,
        /// Who answers.
        4 req approver: Id,
        /// What they say.
        5 req verdict: ApproverVerdict,
        /// Why, or what is to change, UTF-8; for an approval nothing.
        6 req text: hex::Bytes<ANSWER_TEXT_BYTES_MAX>,
        /// Commitment of what they were shown.
        7 req shown: Digest,
        /// Their signature over the statement (APR-3).
        8 req statement: Signature,
    }
}

impl Payload for Answer {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.approval-answer+cbor";
    const BYTES_MAX: usize = (ANSWER_TEXT_BYTES_MAX + 2_048) as usize;

    fn check(&self) -> Result<(), PayloadFault> {
        Ok(())
    }
}

/// Why an answer is none to the request at hand. Checked in the order of the variants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It is no file, or larger than an answer may be, or cannot be read.
    #[error("it cannot be read as an answer: {kind}")]
    Unreadable {
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// Not a signed answer.
    #[error(transparent)]
    Form(#[from] SignedFault),
    /// An answer to something else: another run, approval, request or page. So is one that is played again.
    #[error("the answer is to another request")]
    OtherRequest,
    /// The one on whose behalf it is asked, or their agent, answers.
    #[error("{approver} cannot answer what is asked on their own behalf")]
    SelfGiven {
        /// Who.
        approver: Id,
    },
    /// Nobody of this name may answer here.
    #[error("{approver} is none of the approvers")]
    UnknownApprover {
        /// Who.
        approver: Id,
    },
    /// Signed by another key than the approver's, or changed after it was signed.
    #[error("the signature of {approver} does not hold: {fault}")]
    Signature {
        /// Who.
        approver: Id,
        /// Why.
        fault: SignatureFault,
    },
    /// It came when the request had ended.
    #[error("the answer came after the approval had ended")]
    Expired,
    /// A denial without a reason, or a revision without changes.
    #[error("a denial needs a reason, and a revision the changes asked for")]
    NoReason,
    /// The reason is no text.
    #[error("the reason is not text")]
    Text,
}

impl Answer {
    /// The answer of this approver, signed with their key.
    ///
    /// # Errors
    /// Nothing was signed.
    pub fn sign(
        request: &Request,
        approver: &Id,
        verdict: ApproverVerdict,
        text: &str,
        signer: &(impl Signer + ?Sized),
    ) -> Result<Signed<Self>, SignFault> {
        let statement = sign_detached(&statement(request, approver, verdict), signer)?;
        let answer = Self {
            version: Version::One,
            run: request.run,
            approval: request.approval.clone(),
            covers: request.covers,
            approver: approver.clone(),
            verdict,
            text: hex::Bytes(text.as_bytes().to_vec()),
            shown: request.shown,
            statement,
        };
        sign(answer, signer)
    }
}

/// What an approver signs. Spec: approval-statement.
fn statement(request: &Request, approver: &Id, verdict: ApproverVerdict) -> ApproverStatement {
    ApproverStatement {
        version: Version::One,
        run: request.run,
        tenant: request.tenant.clone(),
        approval: request.approval.clone(),
        covers: request.covers,
        call: Some(request.call.clone()),
        expires: Some(request.expires),
        approver: approver.clone(),
        verdict,
        shown: Some(request.shown),
    }
}

/// An answer file that was read, and counts.
#[derive(Clone, Debug)]
pub struct AnswerFile {
    /// The answer.
    pub answer: Answer,
    /// Its text.
    pub text: String,
}

impl AnswerFile {
    /// Reads the file's bytes as an answer to this request, given in time.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(
        bytes: &[u8],
        request: &Request,
        key_of: impl FnOnce(&Id) -> Option<PublicKey>,
        now: RecordedTime,
    ) -> Result<Self, FileFault> {
        let unchecked = UncheckedSigned::<Answer>::parse(bytes)?;
        let answer = unchecked.claims().clone();
        let is_same = answer.run == request.run
            && answer.approval == request.approval
            && answer.covers == request.covers
            && answer.shown == request.shown;
        if !is_same {
            return Err(FileFault::OtherRequest);
        }
        let approver = answer.approver.clone();
        if approver == request.principal || approver == request.call.agent {
            return Err(FileFault::SelfGiven { approver });
        }
        let Some(key) = key_of(&approver) else { return Err(FileFault::UnknownApprover { approver }) };
        let checked = unchecked.verify(&key).map(|_| ()).and_then(|()| {
            verify_detached(&statement(request, &approver, answer.verdict), &key, &answer.statement)
        });
        checked.map_err(|fault| FileFault::Signature { approver, fault })?;
        if now >= request.expires {
            return Err(FileFault::Expired);
        }
        let text = String::from_utf8(answer.text.0.clone()).map_err(|_| FileFault::Text)?;
        let needs_text = match answer.verdict {
            ApproverVerdict::Approved => false,
            ApproverVerdict::Denied | ApproverVerdict::Revised => true,
        };
        if needs_text && text.trim().is_empty() {
            return Err(FileFault::NoReason);
        }
        Ok(Self { answer, text })
    }
}
