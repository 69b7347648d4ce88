//! A request for approval as it lies in a folder: signed by the gate, so that who answers knows who asks.

use std::collections::BTreeMap;

use rederive_evidence::chain::PayloadFault;
use rederive_evidence::digest::Digest;
use rederive_evidence::hex;
use rederive_evidence::ids::{Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::map;
use rederive_evidence::signed::{Payload, SignedFault, UncheckedSigned, Version};
use rederive_evidence::values::Place;

use crate::ports::Evidence;

/// Most bytes of the page that an approver reads.
pub const PAGE_BYTES_MAX: u64 = 1 << 20;

/// Most approvers that a request names.
pub const APPROVERS_MAX: usize = 256;
/// What names and keys take up, at most.
const APPROVERS_BYTES_MAX: usize = APPROVERS_MAX * 512;

map! {
    /// Somebody whose answer is read, and the key that it has to be signed with.
    pub struct Signatory {
        /// Their name, as the run registers its approvers.
        0 req name: Id,
        /// The public half of their key.
        1 req key: PublicKey,
    }
}

map! {
    /// What an approver is asked, and what they need for their answer.
    pub struct Request {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Its tenant.
        2 req tenant: Id,
        /// The approval.
        3 req approval: Id,
        /// `request` digest of what it covers.
        4 req covers: Digest,
        /// The call that it is for.
        5 req call: Place,
        /// When it ends.
        6 req expires: RecordedTime,
        /// On whose behalf it is asked: they cannot answer it.
        7 req principal: Id,
        /// The tool.
        8 req tool: Id,
        /// Commitment of the page in the run: what the answer's signature covers.
        9 req shown: Digest,
        /// The page, UTF-8.
        10 req page: hex::Bytes<PAGE_BYTES_MAX>,
        /// Whose answers the gate reads, in order of their names; empty where it does not say. Which of them may approve this the bundle says.
        11 req approvers: Vec<Signatory>,
    }
}

impl Payload for Request {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.approval-request+cbor";
    const BYTES_MAX: usize = PAGE_BYTES_MAX as usize + 4_096 + APPROVERS_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        Ok(())
    }
}

impl Request {
    /// The request for this evidence; none where the page is larger than a person can be asked to read.
    pub fn of(evidence: &Evidence) -> Option<Self> {
        let page = evidence.page.bytes();
        (page.len() as u64 <= PAGE_BYTES_MAX).then(|| Self {
            version: Version::One,
            run: evidence.run(),
            tenant: evidence.call.tenant.clone(),
            approval: evidence.approval.clone(),
            covers: evidence.covers,
            call: evidence.place().clone(),
            expires: evidence.expires,
            principal: evidence.call.principal.clone(),
            tool: evidence.call.tool.clone(),
            shown: evidence.shown,
            page: hex::Bytes(page.to_vec()),
            approvers: Vec::new(),
        })
    }

    /// The same, naming whose answers are read. More than a request may name are not named: an answer is checked by the gate either way.
    #[must_use]
    pub fn naming(mut self, approvers: &BTreeMap<Id, PublicKey>) -> Self {
        let signatory = |(name, key): (&Id, &PublicKey)| Signatory { name: name.clone(), key: *key };
        let is_short = approvers.len() <= APPROVERS_MAX;
        self.approvers = if is_short { approvers.iter().map(signatory).collect() } else { Vec::new() };
        self
    }

    /// Whether the gate would read an answer of this person under this key.
    ///
    /// # Errors
    /// It would not: it knows nobody of this name, or another key of theirs.
    pub fn reads(&self, approver: &Id, key: &PublicKey) -> Result<(), Unread> {
        if self.approvers.is_empty() {
            return Ok(());
        }
        match self.approvers.iter().find(|signatory| signatory.name == *approver) {
            None => Err(Unread::Unknown),
            Some(signatory) if signatory.key != *key => Err(Unread::OtherKey(signatory.key)),
            Some(_) => Ok(()),
        }
    }

    /// Name of its file, and of its answer's: the run and the digest of what is covered, so that a revised request is another one.
    pub fn name(&self) -> String {
        format!("{}-{}", self.run.to_hex(), self.covers.to_hex().get(..16).unwrap_or_default())
    }

    /// The page as text; bytes that are none are shown as such.
    pub fn page(&self) -> String {
        super::shown(&String::from_utf8_lossy(&self.page.0))
    }
}

/// Why a gate would not take an answer for this person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nobody of this name is registered.
    Unknown,
    /// This is their key.
    OtherKey(PublicKey),
}

/// A request file that was read.
#[derive(Clone, Debug)]
pub struct RequestFile {
    /// What it asks.
    pub request: Request,
    /// The key that it names, and that signed it. Whether that is the gate's the reader must know.
    pub key: PublicKey,
}

impl RequestFile {
    /// Reads the file's bytes, and checks the signature under the key that they name.
    ///
    /// # Errors
    /// They are no request, or one that was changed.
    pub fn read(bytes: &[u8]) -> Result<Self, SignedFault> {
        let unchecked = UncheckedSigned::<Request>::parse(bytes)?;
        let key = unchecked.named_key();
        let signed = unchecked.verify(&key).map_err(|_| SignedFault::NotSign1)?;
        Ok(Self { request: signed.payload().clone(), key })
    }
}
