//! Decoders of what a trace is made of: bytes that are accepted are the only ones for their value, and nothing is trusted that was not signed.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::LazyLock;

use rederive_evidence::arbitrary::{Choices, Sample};
use rederive_evidence::cbor::DecodeFault;
use rederive_evidence::chain::{Head, Header, Seal};
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::Draft;
use rederive_evidence::frames::FrameDecoder;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::proof::InclusionProof;
use rederive_evidence::receipt::{ApproverStatement, Receipt};
use rederive_evidence::record::{Record, frame_length, split_frames};
use rederive_evidence::schema::to_bytes;
use rederive_evidence::signed::{Payload, UncheckedSigned};
use rederive_evidence::state_proof::SealedStateProof;
use rederive_verify::{KeyRole, TrustRoots};

use crate::collage::words;
use crate::seeds;

/// A frame that decodes is the one frame of its record, and its JSON view loses nothing.
pub(crate) fn record(bytes: &[u8]) {
    let plain = Record::decode_frame(bytes);
    if let Ok(length) = frame_length(bytes) {
        let known = |fault: &DecodeFault| !matches!(fault, DecodeFault::Truncated | DecodeFault::Padding);
        match &plain {
            Ok((_, end)) => assert_eq!(*end, length, "both find the frame's end"),
            Err(error) => assert!(known(&error.fault), "a frame of canonical bytes is cut nowhere: {error}"),
        }
    }
    if let Ok((record, end)) = plain {
        assert_eq!(record.append_frame(Vec::new()).as_deref(), Ok(&bytes[..end]), "one record, one frame");
        same_in_json(&record);
    }
}

/// The decoder that reads each record over an earlier one says of every frame what the plain one says.
pub(crate) fn frames(bytes: &[u8]) {
    let mut over = FrameDecoder::new();
    for (number, frame) in split_frames(bytes).map_while(Result::ok).enumerate() {
        if number.is_multiple_of(3) {
            over.clear();
        }
        same_record(&mut over, frame);
    }
    // And of bytes that no frame is cut from.
    same_record(&mut over, bytes);
}

fn same_record(over: &mut FrameDecoder, frame: &[u8]) {
    let read = over.push(frame).map(|end| (over.records().last().cloned(), end));
    assert_eq!(read, Record::decode_frame(frame).map(|(record, end)| (Some(record), end)));
}

/// Every value that can be drawn is encoded, decoded and shown as JSON without loss.
pub(crate) fn round_trip(bytes: &[u8]) {
    let mut choices = words(bytes);
    let record = Record::draw(&mut choices);
    if let Ok(frame) = record.append_frame(Vec::new()) {
        let (decoded, end) = Record::decode_frame(&frame).expect("what the encoder wrote");
        assert_eq!((&decoded, end), (&record, frame.len()));
        same_in_json(&record);
    }
    let draft = Draft::draw(&mut Choices::clone(&choices));
    if draft.check().is_ok() {
        same_in_json(&draft);
    }
}

fn same_in_json<T>(value: &T)
where
    T: Debug + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
{
    let text = serde_json::to_string(value).expect("a value has a JSON view");
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&read, value, "{text}");
}

/// A header under a trusted key is one that this key signed.
pub(crate) fn header(bytes: &[u8]) {
    signed::<Header>(bytes, &seeds::headers());
}

/// A head under a trusted key is one that this key signed.
pub(crate) fn head(bytes: &[u8]) {
    signed::<Head>(bytes, &seeds::heads());
}

/// A seal under a trusted key is one that this key signed.
pub(crate) fn seal(bytes: &[u8]) {
    signed::<Seal>(bytes, &seeds::seals());
}

/// A receipt, or an approver's word, is not taken for the other, and is one that a trusted key signed.
pub(crate) fn receipt(bytes: &[u8]) {
    let as_receipt = signed::<Receipt>(bytes, &seeds::receipts());
    let as_word = signed::<ApproverStatement>(bytes, &seeds::receipts());
    assert!(!(as_receipt && as_word), "signed as one thing");
}

/// The keys of the fixtures and vectors.
static TRUSTED: LazyLock<BTreeSet<PublicKey>> = LazyLock::new(seeds::keys);

/// Whether the bytes are well-formed; if they are, they are the only bytes of what they say, and if a trusted key signed them they are known.
fn signed<T: Payload + PartialEq + Debug>(bytes: &[u8], known: &[Vec<u8>]) -> bool {
    let Ok(parsed) = UncheckedSigned::<T>::parse(bytes) else { return false };
    assert_eq!(parsed.as_bytes(), bytes);
    let claims = to_bytes(parsed.claims());
    let at = bytes.windows(claims.len()).position(|window| window == claims);
    assert!(at.is_some(), "the payload stands in the bytes as the encoder writes it");
    if let Ok(verified) = parsed.verify_trusted(|key| TRUSTED.contains(key)) {
        assert!(
            known.iter().any(|known| known == verified.as_bytes()),
            "nobody signed {:?}",
            verified.payload()
        );
    }
    true
}

type Proven = BTreeSet<(RunId, u64, Digest, usize)>;

/// What a proof proves under the trusted keys.
fn proven(bytes: &[u8]) -> Option<Proven> {
    let proof = InclusionProof::parse(bytes).ok()?;
    assert_eq!(to_bytes(&proof), bytes, "one proof, one form");
    let proven = proof.check(|key, _| TRUSTED.contains(key)).ok()?;
    let run = proven.seal.payload().run;
    let record = |record: &rederive_evidence::proof::ProvenRecord| (run, record.sequence, record.leaf, 0);
    let contents = proof.disclosed.iter().map(|content| (run, 0, content.commitment, content.bytes.0.len()));
    Some(proven.records.iter().map(record).chain(contents).collect())
}

/// A proof under a trusted key proves nothing that the proofs it was bent from do not.
pub(crate) fn proof(bytes: &[u8]) {
    static KNOWN: LazyLock<Proven> =
        LazyLock::new(|| seeds::proofs().iter().filter_map(|seed| proven(seed)).flatten().collect());
    if let Some(proven) = proven(bytes) {
        assert!(proven.is_subset(&KNOWN), "{proven:?}");
    }
}

type ProvenValues = BTreeSet<(RunId, Vec<u8>, Option<Vec<u8>>)>;

fn proven_value(bytes: &[u8]) -> Option<(RunId, Vec<u8>, Option<Vec<u8>>)> {
    let proof = SealedStateProof::parse(bytes).ok()?;
    assert_eq!(to_bytes(&proof), bytes, "one proof, one form");
    let proven = proof.check(|key, _| TRUSTED.contains(key)).ok()?;
    Some((proven.seal.payload().run, proven.key.to_vec(), proven.value.map(<[u8]>::to_vec)))
}

/// A state proof under a trusted key proves no value that the proofs it was bent from do not. Of a key that is absent any number may be bent from
/// one: its path shows more keys absent than the one it was made for.
pub(crate) fn state_proof(bytes: &[u8]) {
    static KNOWN: LazyLock<ProvenValues> =
        LazyLock::new(|| seeds::state_proofs().iter().filter_map(|seed| proven_value(seed)).collect());
    let Some((run, key, value)) = proven_value(bytes) else { return };
    let same_key = KNOWN.iter().find(|(of, known, _)| *of == run && *known == key);
    match same_key {
        Some((_, _, known)) => assert_eq!(value, *known, "one key, one value"),
        None => assert_eq!(value, None, "a value that is in no state"),
    }
}

/// Trust roots that parse allow no key that they do not list.
pub(crate) fn trust(bytes: &[u8]) {
    let Ok(roots) = TrustRoots::parse(bytes) else { return };
    let text = std::str::from_utf8(bytes).expect("JSON is UTF-8");
    let stranger = PublicKey([0x5a; 32]);
    let tenant = rederive_evidence::ids::Id::new("acme").expect("an id");
    let allowed = roots.allows(&stranger, KeyRole::Recorder, &tenant, &RunId([2; 16]));
    assert!(!allowed || text.contains(&"5a".repeat(32)), "{text}");
}
