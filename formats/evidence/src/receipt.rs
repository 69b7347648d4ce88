//! What gate and approver sign: the receipt of a decision, and an approver's word.
//!
//! A receipt is checked alone, with the gate's key and without the trace: it holds the decision's whole input but the list of its contents, which
//! the receipt itself stands in. An approver signs a statement that can be made again from the records of the approval; their signature stands in
//! the record, the statement does not. Spec: receipt, approval-statement.

use crate::chain::PayloadFault;
use crate::digest::{Digest, Purpose, digest};
use crate::ids::{Id, RecordedTime, RunId};
use crate::kinds::Body;
use crate::kinds::decision::{DecisionMade, Request};
use crate::limits::{RECEIPT_BYTES_MAX, SIGNED_BYTES_MAX};
use crate::record::{Causes, Input};
use crate::schema::to_bytes;
use crate::signed::{Payload, Version};
use crate::values::{GraphPlace, Identity, Origin, Place, SourceLabel, TraceContext};
use crate::{codes, map};

codes! {
    /// What an approver said.
    pub enum ApproverVerdict {
        /// Go ahead.
        Approved = 0 "approved",
        /// Do not.
        Denied = 1 "denied",
        /// Ask again, changed.
        Revised = 2 "revised",
    }
}

map! {
    /// The receipt of a decision (POL-5): the record's input without its content list, the run it stands in, and the state it was made in.
    /// Spec: receipt.
    pub struct Receipt {
        /// Version of the formats.
        0 req version: Version,
        /// The run.
        1 req run: RunId,
        /// Its tenant.
        2 req tenant: Id,
        /// State checksum just before the decision.
        3 req checksum: Digest,
        /// Number of the record.
        4 req sequence: u64,
        /// When it was made.
        5 opt time: RecordedTime,
        /// The gate.
        6 req actor: Id,
        /// Where the record comes from.
        7 req origin: Origin,
        /// The record's place.
        8 opt place: Place,
        /// The records that led to it.
        9 req causes: Causes,
        /// Labels stated of it.
        10 req labels: Vec<SourceLabel>,
        /// Tenant and session, where stated.
        11 opt identity: Identity,
        /// W3C trace context.
        12 opt trace: TraceContext,
        /// Graph node and route.
        13 opt graph: GraphPlace,
        /// The clock had stepped back.
        14 req clock_stepped: bool,
        /// The decision, its reliance included. Contents are indices into the record's list.
        15 req decision: DecisionMade,
    }

    /// What an approver signs (APR-3). Everything in it stands in the records of the run, the approval's request and the word.
    /// Spec: approval-statement.
    pub struct ApproverStatement {
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
        /// The call it is for.
        5 opt call: Place,
        /// When it ends.
        6 opt expires: RecordedTime,
        /// Who approves.
        7 req approver: Id,
        /// What they said.
        8 req verdict: ApproverVerdict,
        /// Digest of what was shown to them.
        9 opt shown: Digest,
    }
}

impl Receipt {
    /// The receipt of the record with this input, in this run; none where it is no decision.
    pub fn of(run: RunId, tenant: Id, checksum: Digest, input: &Input) -> Option<Self> {
        let Body::DecisionMade(decision) = &input.body else { return None };
        Some(Self {
            version: Version::One,
            run,
            tenant,
            checksum,
            sequence: input.sequence,
            time: input.time,
            actor: input.actor.clone(),
            origin: input.origin,
            place: input.place.clone(),
            causes: input.causes.clone(),
            labels: input.labels.clone(),
            identity: input.identity.clone(),
            trace: input.trace.clone(),
            graph: input.graph.clone(),
            clock_stepped: input.clock_stepped,
            decision: (**decision).clone(),
        })
    }
}

impl Request {
    /// `request` digest: what an approval covers (APR-4). Spec: request-digest.
    pub fn digest(&self) -> Digest {
        digest(Purpose::Request, &to_bytes(self))
    }
}

impl Payload for Receipt {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.receipt+cbor";
    const BYTES_MAX: usize = RECEIPT_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        Ok(())
    }
}

impl Payload for ApproverStatement {
    const CONTENT_TYPE: &'static str = "application/vnd.rederive.approval+cbor";
    const BYTES_MAX: usize = SIGNED_BYTES_MAX;

    fn check(&self) -> Result<(), PayloadFault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary::any as drawn;
    use crate::ids::Signature;
    use crate::keys::{Signer as _, SigningKey};
    use crate::kinds::Kind;
    use crate::limits::FRAME_BYTES_MAX;
    use crate::record::Record;
    use crate::signed::{SignedFault, TrustFault, UncheckedSigned, sign, sign_detached, verify_detached};

    fn key() -> SigningKey {
        SigningKey::from_seed(&[3; 32])
    }

    fn with_body(record: Record, body: Body) -> Input {
        Input { body, ..record.input }
    }

    fn run() -> (RunId, Id) {
        (RunId([5; 16]), Id::new("acme").unwrap())
    }

    fn of(input: &Input) -> Option<Receipt> {
        let (run, tenant) = run();
        Receipt::of(run, tenant, Digest([6; 32]), input)
    }

    proptest! {
        /// Spec: receipt.
        #[test]
        fn a_receipt_holds_all_of_a_decision_but_its_contents(record in drawn::<Record>(), decision in drawn::<DecisionMade>()) {
            let decision = Body::from(Box::new(decision));
            let input = with_body(record, decision);
            let receipt = of(&input).unwrap();
            let elsewhere = Input { contents: Vec::new(), ..input.clone() };
            prop_assert_eq!(of(&elsewhere), Some(receipt.clone()));
            let again = Input {
                sequence: receipt.sequence,
                time: receipt.time,
                actor: receipt.actor.clone(),
                origin: receipt.origin,
                place: receipt.place.clone(),
                causes: receipt.causes.clone(),
                labels: receipt.labels.clone(),
                identity: receipt.identity.clone(),
                trace: receipt.trace.clone(),
                graph: receipt.graph.clone(),
                clock_stepped: receipt.clock_stepped,
                body: Box::new(receipt.decision.clone()).into(),
                contents: input.contents.clone(),
            };
            prop_assert_eq!(again, input);
        }

        #[test]
        fn only_decisions_have_receipts(record in drawn::<Record>()) {
            let is_decision = record.input.body.kind() == Kind::DecisionMade;
            prop_assert_eq!(of(&record.input).is_some(), is_decision);
        }

        /// Spec: limit-receipt.
        #[test]
        fn the_receipt_of_a_record_that_has_a_frame_can_be_signed(record in drawn::<Record>(), decision in drawn::<DecisionMade>()) {
            let decision = Body::from(Box::new(decision));
            let record = Record { input: with_body(record.clone(), decision), ..record };
            let receipt = of(&record.input).unwrap();
            let unsigned = to_bytes(&receipt).len();
            let mut e = crate::cbor::Encoder::new();
            record.encode(&mut e);
            // Run, tenant, checksum and the COSE_Sign1 around them are less than what the limit leaves beyond a frame.
            prop_assert!(unsigned <= e.into_bytes().len() + 300);
            let signed = sign(receipt.clone(), &key()).unwrap();
            prop_assert!(signed.as_bytes().len() <= unsigned + 300);
            prop_assert!(300 + 300 < RECEIPT_BYTES_MAX - FRAME_BYTES_MAX);
        }

        #[test]
        fn a_receipt_verifies_under_a_trusted_key_alone(receipt in drawn::<Receipt>()) {
            let signed = sign(receipt.clone(), &key()).unwrap();
            let parsed = UncheckedSigned::<Receipt>::parse(signed.as_bytes()).unwrap();
            let trusted = parsed.clone().verify_trusted(|named| *named == key().public_key()).unwrap();
            prop_assert_eq!(trusted.payload(), &receipt);
            let named = key().public_key();
            prop_assert_eq!(parsed.verify_trusted(|_| false), Err(TrustFault::Key { key: named }));
        }

        /// Spec: approval-statement.
        #[test]
        fn a_word_holds_for_its_own_statement_and_key_alone(statement in drawn::<ApproverStatement>(), other in drawn::<ApproverStatement>()) {
            let signature = sign_detached(&statement, &key()).unwrap();
            let public = key().public_key();
            prop_assert_eq!(verify_detached(&statement, &public, &signature), Ok(()));
            let is_same = statement == other;
            prop_assert_eq!(verify_detached(&other, &public, &signature).is_ok(), is_same);
            let stranger = SigningKey::from_seed(&[4; 32]).public_key();
            prop_assert!(verify_detached(&statement, &stranger, &signature).is_err());
            prop_assert!(verify_detached(&statement, &public, &Signature([0; 64])).is_err());
        }

        #[test]
        fn a_statement_is_no_receipt(statement in drawn::<ApproverStatement>()) {
            let signed = sign(statement, &key()).unwrap();
            let parsed = UncheckedSigned::<Receipt>::parse(signed.as_bytes());
            prop_assert_eq!(parsed, Err(SignedFault::ContentType { expected: Receipt::CONTENT_TYPE }));
        }

        /// Spec: request-digest.
        #[test]
        fn the_digest_of_a_request_is_that_of_its_bytes(left in drawn::<Request>(), right in drawn::<Request>()) {
            prop_assert_eq!(left.digest() == right.digest(), left == right);
        }
    }
}
