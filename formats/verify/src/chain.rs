//! The chain of signed headers, from the first to the seal: each is checked against the one before, and the last
//! signature against the run's key. Spec: header-chain, header-key, seal-covers.

use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::signed::{Payload, UncheckedSigned};
use rederive_evidence::tree;

use crate::fault::{IntegrityFault, Signature};

/// Takes signed headers in order. Memory: 32 bytes a header.
#[derive(Clone, Debug, Default)]
pub struct ChainVerifier {
    digests: Vec<Digest>,
    last: Option<UncheckedSigned<Header>>,
    next_record: u64,
    first_key: Option<PublicKey>,
}

/// How a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainEnd {
    /// With a seal whose signature holds.
    Sealed(Seal),
    /// With an open segment's head whose signature holds.
    Open(Head),
    /// With the last header, whose signature holds.
    Header,
    /// With nothing signed at all.
    Unsigned,
}

/// A chain that was verified from its first header to its last signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedChain {
    /// The run that every header names; `None` where nothing is signed.
    pub run: Option<RunId>,
    /// The key that made the first signature; the opening record must name it, and trust roots allow it.
    pub key: Option<PublicKey>,
    /// `header` digests of the signed headers.
    pub headers: Vec<Digest>,
    /// How it ends.
    pub end: ChainEnd,
}

impl ChainVerifier {
    /// A verifier before the first header.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next signed header: form, run, numbers and the digest of the header before.
    ///
    /// # Errors
    /// What is wrong with it. The chain ends there.
    pub fn header(&mut self, bytes: &[u8]) -> Result<Header, IntegrityFault> {
        let number = self.digests.len() as u32;
        let what = Signature::Header(number);
        let signed = parse::<Header>(what, bytes)?;
        let header = signed.claims().clone();
        if let Some(last) = &self.last {
            same_run(what, last.claims().run, header.run)?;
        }
        same_number(what, "segment", u64::from(number), u64::from(header.segment))?;
        same_number(what, "first record", self.next_record, header.first)?;
        same_digest(what, "previous header", header.previous, self.previous())?;
        self.check_key(what, signed.named_key())?;
        if header.next_key.is_some() {
            // The old key alone can name a new one; later signatures, by the new key, vouch for nothing before it.
            verify(what, signed.clone(), &signed.named_key())?;
        }
        self.next_record = header.first + u64::from(header.records);
        self.first_key.get_or_insert(signed.named_key());
        self.digests.push(signed.digest());
        self.last = Some(signed);
        Ok(header)
    }

    /// Digest of the last header taken.
    pub fn previous(&self) -> Digest {
        self.digests.last().copied().unwrap_or(Digest::ZERO)
    }

    /// The key that the first header names as its signer's: the run's key, if the opening record says so too.
    pub fn first_key(&self) -> Option<PublicKey> {
        self.first_key
    }

    /// The key that signs after the last header taken; `None` before the first.
    pub fn key(&self) -> Option<PublicKey> {
        self.last.as_ref().map(|last| last.claims().next_key.unwrap_or(last.named_key()))
    }

    fn check_key(&self, what: Signature, found: PublicKey) -> Result<(), IntegrityFault> {
        match self.key() {
            Some(expected) if expected != found => Err(IntegrityFault::OtherKey { what, expected, found }),
            Some(_) | None => Ok(()),
        }
    }

    /// Ends the chain with the seal. Spec: header-tree.
    ///
    /// # Errors
    /// What is wrong with the seal or its signature.
    pub fn sealed(self, bytes: &[u8]) -> Result<VerifiedChain, IntegrityFault> {
        let what = Signature::Seal;
        let signed = parse::<Seal>(what, bytes)?;
        let seal = signed.claims().clone();
        if let Some(last) = &self.last {
            same_run(what, last.claims().run, seal.run)?;
        }
        same_number(what, "segments", self.digests.len() as u64, seal.segments)?;
        same_number(what, "records", self.next_record, seal.records)?;
        same_digest(what, "last header", seal.last, self.previous())?;
        same_digest(
            what,
            "header root",
            seal.header_root,
            tree::root(&self.digests).unwrap_or(Digest::ZERO),
        )?;
        self.check_key(what, signed.named_key())?;
        let key = signed.named_key();
        verify(what, signed, &key)?;
        Ok(self.verified(Some(seal.run), key, ChainEnd::Sealed(seal)))
    }

    /// Ends the chain of a trace without a seal: the last header's signature, and the open segment's head where there is one.
    ///
    /// # Errors
    /// What is wrong with head or signature.
    pub fn open(mut self, head: Option<&[u8]>) -> Result<VerifiedChain, IntegrityFault> {
        if let Some(last) = self.last.clone() {
            let key = last.named_key();
            verify(Signature::Header(last.claims().segment), last, &key)?;
        }
        let Some(bytes) = head else {
            let Some(last) = self.last.clone() else {
                return Ok(VerifiedChain {
                    run: None,
                    key: None,
                    headers: Vec::new(),
                    end: ChainEnd::Unsigned,
                });
            };
            return Ok(self.verified(Some(last.claims().run), last.named_key(), ChainEnd::Header));
        };
        let what = Signature::Head;
        let signed = parse::<Head>(what, bytes)?;
        let head = signed.claims().clone();
        if let Some(last) = &self.last {
            same_run(what, last.claims().run, head.run)?;
        }
        same_number(what, "segment", self.digests.len() as u64, u64::from(head.segment))?;
        same_digest(what, "previous header", head.previous, self.previous())?;
        self.check_key(what, signed.named_key())?;
        let key = signed.named_key();
        verify(what, signed, &key)?;
        self.next_record += u64::from(head.records);
        Ok(self.verified(Some(head.run), key, ChainEnd::Open(head)))
    }

    fn verified(self, run: Option<RunId>, last_key: PublicKey, end: ChainEnd) -> VerifiedChain {
        VerifiedChain { run, key: Some(self.first_key.unwrap_or(last_key)), headers: self.digests, end }
    }
}

fn parse<T: Payload>(what: Signature, bytes: &[u8]) -> Result<UncheckedSigned<T>, IntegrityFault> {
    UncheckedSigned::parse(bytes).map_err(|fault| IntegrityFault::Form { what, fault })
}

fn verify<T: Payload>(
    what: Signature,
    signed: UncheckedSigned<T>,
    key: &PublicKey,
) -> Result<(), IntegrityFault> {
    signed.verify(key).map(drop).map_err(|fault| IntegrityFault::Signature { what, fault })
}

fn same_run(what: Signature, expected: RunId, found: RunId) -> Result<(), IntegrityFault> {
    if expected == found { Ok(()) } else { Err(IntegrityFault::OtherRun { what, expected, found }) }
}

fn same_number(
    what: Signature,
    field: &'static str,
    expected: u64,
    found: u64,
) -> Result<(), IntegrityFault> {
    if expected == found { Ok(()) } else { Err(IntegrityFault::Number { what, field, expected, found }) }
}

fn same_digest(
    what: Signature,
    field: &'static str,
    recorded: Digest,
    derived: Digest,
) -> Result<(), IntegrityFault> {
    if recorded == derived { Ok(()) } else { Err(IntegrityFault::Digest { what, field, recorded, derived }) }
}
