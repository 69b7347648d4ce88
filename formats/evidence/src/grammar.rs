//! The grammar of everything that is hashed or signed, in CDDL (RFC 8610): `evidence.cddl`.

use crate::chain::{Head, Header, Seal};
use crate::ids::{PublicKey, Signature};
use crate::proof::InclusionProof;
use crate::receipt::{ApproverStatement, Receipt};
use crate::record::Record;
use crate::schema::{Cddl, Field};
use crate::signed::Payload;
use crate::state_proof::SealedStateProof;

const ABOUT: &str = "\
; Rederive evidence, version 1, in CDDL (RFC 8610). Generated from the code that encodes and decodes it.
; Keys of maps and codes of registries are for ever; what stands behind a semicolon is the name in the JSON view.
; A grammar cannot say that heads are shortest, that keys ascend, that ranges do not touch, that a content index has an
; entry, or how long a frame is: SPEC.md does.
";

/// The whole grammar, as text.
pub fn cddl() -> String {
    format!("{ABOUT}{}", book().text())
}

/// The whole grammar: its rules and its registries.
pub fn book() -> Cddl {
    let mut book = Cddl::new();
    Record::cddl(&mut book);
    signed::<Header>(&mut book);
    signed::<Head>(&mut book);
    signed::<Seal>(&mut book);
    signed::<Receipt>(&mut book);
    signed::<ApproverStatement>(&mut book);
    InclusionProof::cddl(&mut book);
    SealedStateProof::cddl(&mut book);
    book
}

/// The COSE_Sign1 (RFC 9052, section 4.2) around a payload.
fn signed<T: Payload>(book: &mut Cddl) {
    let payload = T::cddl(book);
    let signature = Signature::cddl(book);
    let protected = book.rule(&format!("{payload}-protected"), |book| {
        let key = PublicKey::cddl(book);
        format!(
            "{{\n  1 => -8, ; EdDSA\n  3 => \"{}\", ; content type\n  4 => {key}, ; kid\n}}",
            T::CONTENT_TYPE
        )
    });
    book.rule(&format!("signed-{payload}"), |_| {
        format!("#6.18([bstr .cbor {protected}, {{}}, bstr .cbor {payload}, {signature}])")
    });
}
