//! What a key has signed: a payload of the chain (or a receipt) inside a COSE_Sign1 (RFC 9052, section 4.2), in one byte form.
//!
//! Tag 18; protected header exactly {1: -8, 3: content type, 4: key}, unprotected header empty, payload attached, no external
//! data, and everything in deterministic CBOR. The types say how far bytes are trusted: [`UncheckedSigned`] is well-formed and
//! claims something; [`Signed`] was checked under a key that its reader chose. Spec: signed-form, limit-signed.

use crate::cbor::{DecodeError, Decoder, Encoder};
use crate::chain::PayloadFault;
use crate::digest::{Digest, Purpose, digest};
use crate::ids::{PublicKey, Signature};
use crate::keys::{ReadyKey, SignError, SignatureFault, Signer};
use crate::limits::PROTECTED_BYTES_MAX;
use crate::schema::{Field, from_bytes, to_bytes};
use crate::{codes, fault_codes};

codes! {
    /// Version of the byte formats of SPEC.md.
    pub enum Version {
        /// The first.
        One = 1 "1",
    }
}

/// What can be signed: a map whose key 0 is its [`Version`].
pub trait Payload: Field {
    /// Media type that stands in the protected header, so that nothing signed as one payload passes for another.
    const CONTENT_TYPE: &'static str;
    /// Most bytes of the whole COSE_Sign1.
    const BYTES_MAX: usize;

    /// Checks what no single field shows.
    ///
    /// # Errors
    /// The fields contradict each other.
    fn check(&self) -> Result<(), PayloadFault>;
}

/// Why bytes are not a signed payload of their type. Nothing is said about the signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignedFault {
    /// More bytes than such a payload may take.
    #[error("{found} bytes are above the limit of {limit}")]
    Size {
        /// The most allowed.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
    /// Not a tagged array of four.
    #[error("not a tagged COSE_Sign1")]
    NotSign1,
    /// An item of the COSE_Sign1, or one of the payload, is not canonical or not what it must be; byte from the start of the whole.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The protected header is not exactly algorithm -8, content type and a key of 32 bytes.
    #[error("the protected header is not exactly {{1: -8, 3: content type, 4: key}}")]
    Protected,
    /// Another content type: these bytes were signed as something else.
    #[error("the content type is not {expected}")]
    ContentType {
        /// The content type expected.
        expected: &'static str,
    },
    /// The unprotected header, which no signature covers, is not empty.
    #[error("the unprotected header is not empty")]
    Unprotected,
    /// A version that this program does not know: undecided, not damaged.
    #[error("version {found} is not known to this program")]
    Version {
        /// The version found.
        found: u64,
    },
    /// The payload contradicts itself.
    #[error(transparent)]
    Payload(#[from] PayloadFault),
}

fault_codes! { SignedFault {
    Self::Size { .. } => "S-SIZE" "more bytes than a header, head or seal may have",
    Self::NotSign1 => "S-SIGN1" "not a tagged COSE_Sign1 of four items",
    Self::Protected => "S-PROTECTED" "the protected header is not exactly algorithm, content type and key",
    Self::ContentType { .. } => "S-CONTENT-TYPE" "another content type: signed as something else",
    Self::Unprotected => "S-UNPROTECTED" "the unprotected header, which no signature covers, is not empty",
    Self::Version { .. } => "S-VERSION" "a version that this program does not know",
    ;
    Self::Decode(error) => error.fault.code(),
    Self::Payload(fault) => fault.code(),
} }

/// Why nothing was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignFault {
    /// The payload contradicts itself.
    #[error(transparent)]
    Payload(#[from] PayloadFault),
    /// The COSE_Sign1 would be larger than its type allows.
    #[error("{found} bytes are above the limit of {limit}")]
    Size {
        /// The most allowed.
        limit: usize,
        /// Bytes it would take.
        found: usize,
    },
    /// The signer gave no signature.
    #[error(transparent)]
    Signer(#[from] SignError),
    /// The signer gave a signature that its own public key does not verify.
    #[error("the signer's signature is wrong: {0}")]
    Wrong(#[from] SignatureFault),
}

/// Why a signed payload is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFault {
    /// The key named is none that the verifier was given.
    #[error("key {key} is not trusted for this run")]
    Key {
        /// The key named.
        key: PublicKey,
    },
    /// The signature does not hold.
    #[error(transparent)]
    Signature(#[from] SignatureFault),
}

fault_codes! { TrustFault {
    Self::Key { .. } => "F-TRUST" "the key named is none that the verifier was given",
    ;
    Self::Signature(fault) => fault.code(),
} }

/// A signed payload whose signature was not checked: what it says is a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncheckedSigned<T> {
    bytes: Vec<u8>,
    key: PublicKey,
    payload: T,
    signature: Signature,
    /// The Sig_structure of RFC 9052, section 4.4: the bytes that the signature covers.
    message: Vec<u8>,
}

/// A payload, its key, and the bytes that were signed. The signature holds under that key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    bytes: Vec<u8>,
    key: PublicKey,
    payload: T,
}

impl<T: Payload> UncheckedSigned<T> {
    /// Parses the one byte form that a payload has under a key and a signature. Spec: signed-form.
    ///
    /// # Errors
    /// The first fault, and its place where it has one.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignedFault> {
        if bytes.len() > T::BYTES_MAX {
            return Err(SignedFault::Size { limit: T::BYTES_MAX, found: bytes.len() });
        }
        let parts = Parts::read(bytes, T::CONTENT_TYPE)?;
        let in_payload = |error: DecodeError| error.behind(parts.payload_at);
        match version(parts.payload).map_err(in_payload)? {
            found if Version::from_code(found).is_some() => {}
            found => return Err(SignedFault::Version { found }),
        }
        let payload: T = from_bytes(parts.payload).map_err(in_payload)?;
        payload.check()?;
        let message = message(&protected::<T>(&parts.key), parts.payload);
        Ok(Self { bytes: bytes.to_vec(), key: parts.key, payload, signature: parts.signature, message })
    }

    /// What the payload claims.
    pub fn claims(&self) -> &T {
        &self.payload
    }

    /// The key named as the signer's. Anybody can name any key.
    pub fn named_key(&self) -> PublicKey {
        self.key
    }

    /// The whole COSE_Sign1.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The `header` digest of the whole COSE_Sign1. What holds it in a signed place vouches for all of this.
    /// Spec: header-chain.
    pub fn digest(&self) -> Digest {
        digest(Purpose::Header, &self.bytes)
    }

    /// Checks that the key named is one that the caller trusts, and signed this.
    ///
    /// # Errors
    /// The key is not trusted, or the signature does not hold.
    pub fn verify_trusted(self, trusts: impl FnOnce(&PublicKey) -> bool) -> Result<Signed<T>, TrustFault> {
        let key = self.key;
        if !trusts(&key) {
            return Err(TrustFault::Key { key });
        }
        Ok(self.verify(&key)?)
    }

    /// Checks that `key`, which the caller trusts, is the one named and signed this.
    ///
    /// # Errors
    /// Another key is named, or the signature does not hold.
    pub fn verify(self, key: &PublicKey) -> Result<Signed<T>, SignatureFault> {
        if self.key != *key {
            return Err(SignatureFault::Signature { key: *key });
        }
        self.verify_ready(&key.ready()?)
    }

    /// The same with a key that is ready.
    ///
    /// # Errors
    /// Another key is named, or the signature does not hold.
    pub fn verify_ready(self, key: &ReadyKey) -> Result<Signed<T>, SignatureFault> {
        if self.key != key.key() {
            return Err(SignatureFault::Signature { key: key.key() });
        }
        key.verify(&self.message, &self.signature)?;
        Ok(Signed { bytes: self.bytes, key: self.key, payload: self.payload })
    }
}

impl<T> Signed<T> {
    /// What was signed.
    pub fn payload(&self) -> &T {
        &self.payload
    }

    /// The key that signed it.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// The whole COSE_Sign1.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The `header` digest of the whole COSE_Sign1. Spec: header-chain.
    pub fn digest(&self) -> Digest {
        digest(Purpose::Header, &self.bytes)
    }
}

/// Signs `payload`; what another than this library's own arithmetic signed is checked before anything relies on it.
///
/// # Errors
/// Nothing was signed that may be used.
pub fn sign<T: Payload>(payload: T, signer: &(impl Signer + ?Sized)) -> Result<Signed<T>, SignFault> {
    let (key, of) = (signer.public_key(), to_bytes(&payload));
    let protected = protected::<T>(&key);
    let signature = signature_of(&payload, &message(&protected, &of), signer)?;
    let bytes = sign1(&protected, &of, &signature);
    if bytes.len() > T::BYTES_MAX {
        return Err(SignFault::Size { limit: T::BYTES_MAX, found: bytes.len() });
    }
    Ok(Signed { bytes, key, payload })
}

/// The signature of a payload that is not handed on with it: whoever checks it makes the payload again. Spec: approval-statement.
///
/// # Errors
/// Nothing was signed that may be used.
pub fn sign_detached<T: Payload>(
    payload: &T,
    signer: &(impl Signer + ?Sized),
) -> Result<Signature, SignFault> {
    signature_of(payload, &message(&protected::<T>(&signer.public_key()), &to_bytes(payload)), signer)
}

/// Checks that `key`, which the caller trusts, signed this payload. Spec: approval-statement.
///
/// # Errors
/// The signature does not hold.
pub fn verify_detached<T: Payload>(
    payload: &T,
    key: &PublicKey,
    signature: &Signature,
) -> Result<(), SignatureFault> {
    key.verify(&message(&protected::<T>(key), &to_bytes(payload)), signature)
}

fn signature_of<T: Payload>(
    payload: &T,
    message: &[u8],
    signer: &(impl Signer + ?Sized),
) -> Result<Signature, SignFault> {
    payload.check()?;
    let signature = signer.sign(message)?;
    if !signer.is_own_arithmetic() {
        signer.public_key().verify(message, &signature)?;
    }
    Ok(signature)
}

/// The protected header of a payload under a key.
fn protected<T: Payload>(key: &PublicKey) -> Vec<u8> {
    let mut e = Encoder::onto(Vec::with_capacity(HEADS_BYTES_MAX + T::CONTENT_TYPE.len() + key.0.len()));
    e.item(&PROTECTED_START);
    e.text(T::CONTENT_TYPE);
    e.unsigned(4);
    e.bytes(&key.0);
    e.into_bytes()
}

/// The Sig_structure of RFC 9052, section 4.4: what the signature covers.
fn message(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut e = Encoder::onto(Vec::with_capacity(HEADS_BYTES_MAX + protected.len() + payload.len()));
    e.array(4);
    e.text(CONTEXT);
    e.bytes(protected);
    e.bytes(&[]);
    e.bytes(payload);
    e.into_bytes()
}

/// The whole tagged COSE_Sign1.
fn sign1(protected: &[u8], payload: &[u8], signature: &Signature) -> Vec<u8> {
    let mut e = Encoder::onto(Vec::with_capacity(
        HEADS_BYTES_MAX + protected.len() + payload.len() + signature.0.len(),
    ));
    e.item(&[TAG_SIGN1]);
    e.array(4);
    e.bytes(protected);
    e.map(0);
    e.bytes(payload);
    e.bytes(&signature.0);
    e.into_bytes()
}

/// The version that a payload states.
pub(crate) fn version(payload: &[u8]) -> Result<u64, DecodeError> {
    let mut d = Decoder::new(payload);
    let mut keys = d.map()?;
    match keys.next(&mut d)? {
        Some(0) => d.unsigned(u64::MAX),
        Some(_) | None => keys.missing(0),
    }
}

/// The parts of a COSE_Sign1 that can differ from one to the next.
struct Parts<'a> {
    key: PublicKey,
    payload: &'a [u8],
    payload_at: usize,
    signature: Signature,
}

impl<'a> Parts<'a> {
    /// Reads a COSE_Sign1 in the one form it has here. Not left to the COSE library, which takes other forms too and follows
    /// nested counter signatures down the stack.
    fn read(bytes: &'a [u8], content_type: &'static str) -> Result<Self, SignedFault> {
        let Some(untagged) = bytes.strip_prefix(&[TAG_SIGN1]) else { return Err(SignedFault::NotSign1) };
        let behind_tag = |error: DecodeError| error.behind(1);
        let mut d = Decoder::new(untagged);
        if d.array(u64::MAX).map_err(behind_tag)? != 4 {
            return Err(SignedFault::NotSign1);
        }
        let key = key_of(d.bytes(PROTECTED_BYTES_MAX).map_err(behind_tag)?, content_type)?;
        if d.map().map_err(behind_tag)?.next(&mut d).map_err(behind_tag)?.is_some() {
            return Err(SignedFault::Unprotected);
        }
        d.close();
        let payload = d.bytes(u64::MAX).map_err(behind_tag)?;
        let payload_at = 1 + d.position() - payload.len();
        let signature = Signature(d.fixed().map_err(behind_tag)?);
        d.finish().map_err(behind_tag)?;
        Ok(Self { key, payload, payload_at, signature })
    }
}

/// The context of a signature of one signer.
const CONTEXT: &str = "Signature1";
/// More bytes than the heads of all items, tag and context take.
const HEADS_BYTES_MAX: usize = 64;
/// The head of tag 18, COSE_Sign1.
const TAG_SIGN1: u8 = 0xd2;
/// A map of three entries, the first of them 1: -8 (EdDSA), and the key of the second.
const PROTECTED_START: [u8; 4] = [0xa3, 0x01, 0x27, 0x03];

/// The key in a protected header of the one form it has here.
fn key_of(protected: &[u8], content_type: &'static str) -> Result<PublicKey, SignedFault> {
    let read = || -> Result<Option<(&str, PublicKey)>, DecodeError> {
        let Some(rest) = protected.strip_prefix(&PROTECTED_START) else { return Ok(None) };
        let mut d = Decoder::new(rest);
        let text = d.text(PROTECTED_BYTES_MAX)?;
        if d.unsigned(u64::MAX)? != 4 {
            return Ok(None);
        }
        let key = PublicKey(d.fixed()?);
        d.finish()?;
        Ok(Some((text, key)))
    };
    match read() {
        Ok(Some((text, key))) if text == content_type => Ok(key),
        Ok(Some(_)) => Err(SignedFault::ContentType { expected: content_type }),
        Ok(None) | Err(_) => Err(SignedFault::Protected),
    }
}

#[cfg(test)]
mod tests {
    use coset::{CoseSign1, HeaderBuilder, TaggedCborSerializable as _, iana};
    use proptest::prelude::*;

    use super::*;
    use crate::cbor::{DecodeFault, Item};
    use crate::chain::tests::{head, header, seal};
    use crate::chain::{Head, Header, Seal};
    use crate::keys::SigningKey;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&[seed; 32])
    }

    fn signed_header() -> Vec<u8> {
        sign(header(), &key(1)).unwrap().as_bytes().to_vec()
    }

    fn check(bytes: &[u8]) -> Result<Header, SignedFault> {
        UncheckedSigned::<Header>::parse(bytes).map(|parsed| parsed.claims().clone())
    }

    /// The COSE library's own encoding of a changed signed header.
    fn changed(change: impl FnOnce(&mut CoseSign1)) -> Vec<u8> {
        let mut cose = CoseSign1::from_tagged_slice(&signed_header()).unwrap();
        cose.protected.original_data = None;
        change(&mut cose);
        cose.to_tagged_vec().unwrap()
    }

    fn round_trip<T: Payload + Clone + PartialEq + std::fmt::Debug>(payload: T) {
        let signed = sign(payload.clone(), &key(1)).unwrap();
        let parsed = UncheckedSigned::<T>::parse(signed.as_bytes()).unwrap();
        assert_eq!(parsed.claims(), &payload);
        assert_eq!(parsed.named_key(), key(1).public_key());
        assert_eq!(parsed.as_bytes(), signed.as_bytes());
        assert_eq!(parsed.digest(), signed.digest());
        assert_eq!(parsed.clone().verify(&key(1).public_key()), Ok(signed));
        let other = key(2).public_key();
        let refused = Err(SignatureFault::Signature { key: other });
        assert_eq!(
            (&parsed.clone().verify(&other), &parsed.verify_ready(&other.ready().unwrap())),
            (&refused, &refused)
        );
    }

    #[test]
    fn the_limit_of_bytes_is_the_last_size_that_is_read() {
        let limit = <Header as Payload>::BYTES_MAX;
        assert!(!matches!(check(&vec![0; limit]), Err(SignedFault::Size { .. })));
        assert_eq!(check(&vec![0; limit + 1]), Err(SignedFault::Size { limit, found: limit + 1 }));
    }

    #[test]
    fn what_was_signed_parses_and_verifies_under_its_key_alone() {
        round_trip(header());
        round_trip(head());
        round_trip(seal());
    }

    #[test]
    fn a_signed_header_has_these_bytes_for_ever() {
        let digest = sign(header(), &key(1)).unwrap().digest();
        assert_eq!(digest.to_hex(), "ced98ed0eab87c8bdc6ddaa13f12ea70c8e19502a03faeb5dcb45b2285ce6571");
    }

    #[test]
    fn the_cose_library_reads_verifies_and_rewrites_the_same_bytes() {
        let bytes = signed_header();
        let cose = CoseSign1::from_tagged_slice(&bytes).unwrap();
        let verified = cose.verify_signature(&[], |signature, message| {
            key(1).public_key().verify(message, &Signature(signature.try_into().unwrap()))
        });
        assert_eq!(verified, Ok(()));
        let of = cose.payload.as_deref().unwrap();
        assert_eq!(cose.tbs_data(&[]), message(&protected::<Header>(&key(1).public_key()), of));
        assert_eq!(cose.to_tagged_vec().unwrap(), bytes);
        assert_eq!(changed(|_| {}), bytes);
    }

    #[test]
    fn every_other_form_of_a_signed_header_is_refused_by_name() {
        let bytes = signed_header();
        let decode = |at, fault| SignedFault::Decode(DecodeError::new(at, fault));
        let wrong_type = decode(1, DecodeFault::Type { expected: Item::Array, found: Item::Unsigned });
        let unprotected_at =
            bytes.windows(34).position(|w| w[..2] == [0x58, 0x20] && w[2..] == key(1).public_key().0);
        let detached = decode(
            unprotected_at.unwrap() + 35,
            DecodeFault::Type { expected: Item::Bytes, found: Item::Null },
        );
        let length = |found| decode(bytes.len() - 66, DecodeFault::Length { expected: 64, found });
        let other_type = || Some(coset::ContentType::Text(Seal::CONTENT_TYPE.to_owned()));
        let expected = Header::CONTENT_TYPE;
        let table = [
            (bytes[1..].to_vec(), SignedFault::NotSign1),
            (vec![0xd2, 0x00], wrong_type),
            (vec![0xd2, 0x83, 0x40, 0xa0, 0x40], SignedFault::NotSign1),
            ([&bytes[..], &[0]].concat(), decode(bytes.len(), DecodeFault::Trailing)),
            (bytes[..bytes.len() - 1].to_vec(), decode(bytes.len() - 66, DecodeFault::Truncated)),
            (changed(|c| c.protected.header.alg = None), SignedFault::Protected),
            (changed(|c| c.protected.header = HeaderBuilder::new().build()), SignedFault::Protected),
            (
                changed(|c| {
                    c.protected.header.alg = Some(coset::Algorithm::Assigned(iana::Algorithm::ES256));
                }),
                SignedFault::Protected,
            ),
            (changed(|c| c.protected.header.key_id.truncate(31)), SignedFault::Protected),
            (changed(|c| c.protected.header.iv = vec![1]), SignedFault::Protected),
            (
                changed(|c| c.protected.header.content_type = other_type()),
                SignedFault::ContentType { expected },
            ),
            (changed(|c| c.unprotected.key_id = vec![1]), SignedFault::Unprotected),
            (changed(|c| c.payload = None), detached),
            (changed(|c| c.signature.truncate(63)), length(63)),
            (changed(|c| c.signature.push(0)), length(65)),
        ];
        for (i, (bytes, fault)) in table.into_iter().enumerate() {
            assert_eq!(check(&bytes), Err(fault), "row {i}");
        }
    }

    #[test]
    fn a_fault_of_the_payload_has_its_place_in_the_whole() {
        let mut cut = to_bytes(&header());
        cut.pop();
        let bytes = changed(|c| c.payload = Some(cut));
        let Err(SignedFault::Decode(error)) = check(&bytes) else { panic!("a cut payload was taken") };
        assert_eq!(error.fault, DecodeFault::Truncated);
        // The value cut off, a rule set's number of one byte, would stand where the signature's 66 bytes begin.
        assert_eq!(error.at, bytes.len() - 66);
    }

    #[test]
    fn an_unknown_version_is_told_apart_from_damage() {
        let mut e = Encoder::new();
        e.map(2);
        e.unsigned(0);
        e.unsigned(2);
        e.unsigned(99);
        e.text("a field of version 2");
        let newer = changed(|c| c.payload = Some(e.into_bytes()));
        assert_eq!(check(&newer), Err(SignedFault::Version { found: 2 }));
        let none = changed(|c| c.payload = Some(vec![0xa0]));
        let Err(SignedFault::Decode(error)) = check(&none) else {
            panic!("a payload without version was taken")
        };
        assert_eq!(error.fault, DecodeFault::KeyMissing { key: 0 });
    }

    #[test]
    fn a_payload_that_contradicts_itself_is_neither_signed_nor_parsed() {
        let bad = Header { records: 0, ..header() };
        let fault = PayloadFault::Records { found: 0 };
        assert_eq!(sign(bad.clone(), &key(1)).unwrap_err(), SignFault::Payload(fault));
        let bytes = changed(|c| c.payload = Some(to_bytes(&bad)));
        assert_eq!(check(&bytes), Err(SignedFault::Payload(fault)));
    }

    #[test]
    fn more_bytes_than_the_limit_are_neither_signed_nor_read() {
        let every_other = |records: u64| {
            let recovered = crate::record::Causes::of((0..records).map(|i| header().first + 2 * i));
            Header { records: 4096, frame_bytes: 4096 * 64, recovered: Some(recovered), ..header() }
        };
        assert!(sign(every_other(100), &key(1)).is_ok());
        let limit = Header::BYTES_MAX;
        assert!(
            matches!(sign(every_other(2048), &key(1)), Err(SignFault::Size { limit: l, .. }) if l == limit)
        );
        let found = limit + 1;
        assert_eq!(check(&vec![0xd2; found]), Err(SignedFault::Size { limit, found }));
    }

    /// A header of so many ranges of recovered records, of which the last `wide` take a byte more each.
    fn recovered(ranges: u64, wide: u64) -> Header {
        let start = header().first;
        let single = (0..ranges - wide).map(|i| start + 2 * i);
        let wide = (0..wide).flat_map(|i| (0..24).map(move |j| start + 2 * ranges + 25 * i + j));
        let recovered = Some(crate::record::Causes::of(single.chain(wide)));
        Header { records: 4096, frame_bytes: 4096 * 64, recovered, ..header() }
    }

    #[test]
    fn a_header_of_just_as_many_bytes_as_the_limit_is_signed_and_read() {
        let limit = Header::BYTES_MAX;
        let bytes = |header| match sign(header, &key(1)) {
            Ok(signed) => signed.as_bytes().len(),
            Err(SignFault::Size { found, .. }) => found,
            Err(fault) => panic!("{fault}"),
        };
        // A range takes four bytes at most.
        let ranges = 50 + (limit - bytes(recovered(50, 0))) as u64 / 4 - 8;
        let wide = (limit - bytes(recovered(ranges, 0))) as u64;
        let signed = sign(recovered(ranges, wide), &key(1)).unwrap();
        assert_eq!(signed.as_bytes().len(), limit);
        assert_eq!(check(signed.as_bytes()), Ok(recovered(ranges, wide)));
        let found = limit + 1;
        assert_eq!(sign(recovered(ranges, wide + 1), &key(1)), Err(SignFault::Size { limit, found }));
    }

    #[test]
    fn a_signer_that_fails_or_signs_wrongly_leaves_nothing_signed() {
        struct Broken(Result<Signature, SignError>);
        impl Signer for Broken {
            fn public_key(&self) -> PublicKey {
                key(1).public_key()
            }
            fn sign(&self, _: &[u8]) -> Result<Signature, SignError> {
                self.0
            }
        }
        let fault = SignFault::Signer(SignError::Unavailable);
        assert_eq!(sign(head(), &Broken(Err(SignError::Unavailable))).unwrap_err(), fault);
        let wrong = key(2).sign(b"other bytes").unwrap();
        let fault = SignFault::Wrong(SignatureFault::Signature { key: key(1).public_key() });
        assert_eq!(sign(head(), &Broken(Ok(wrong))).unwrap_err(), fault);
    }

    #[test]
    fn each_flipped_bit_is_found() {
        let bytes = signed_header();
        for bit in 0..8 * bytes.len() {
            let mut bent = bytes.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            let parsed = UncheckedSigned::<Header>::parse(&bent);
            assert!(parsed.is_err() || parsed.unwrap().verify(&key(1).public_key()).is_err(), "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), start in 0_usize..90) {
            let _ = check(&bytes);
            let mut like = signed_header();
            like.truncate(start);
            like.append(&mut bytes);
            let _ = check(&like);
            let _ = UncheckedSigned::<Head>::parse(&like);
        }
    }
}
