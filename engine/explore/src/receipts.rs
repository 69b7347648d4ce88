//! Receipts, made anew by somebody who has the gate's key.

use rederive_evidence::digest::Digest;
use rederive_evidence::keys::SigningKey;
use rederive_evidence::kinds::Body;
use rederive_evidence::receipt::Receipt;
use rederive_evidence::record::{ContentLength, Record};
use rederive_evidence::signed::{UncheckedSigned, sign};

use crate::parts::{PartsFault, Stored};

/// Makes the receipt of a decision anew, for what the record says of it and the state checksum before it, and lists it in the place of the one among
/// `stored`. None where the record has none, or what it lists is no receipt: then nothing is changed.
///
/// # Errors
/// It cannot be signed.
pub(crate) fn anew<'s>(
    record: &mut Record,
    before: Digest,
    mut stored: impl Iterator<Item = &'s Stored>,
    key: &SigningKey,
) -> Result<Option<Stored>, PartsFault> {
    let Body::DecisionMade(made) = &record.input.body else { return Ok(None) };
    let Some(at) = made.receipt.map(|content| usize::from(content.0)) else { return Ok(None) };
    let Some(listed) = record.input.contents.get(at) else { return Ok(None) };
    let Some(old) = stored.find(|stored| stored.commitment == listed.commitment) else { return Ok(None) };
    let Ok(known) = UncheckedSigned::<Receipt>::parse(&old.bytes) else { return Ok(None) };
    let (run, tenant) = (known.claims().run, known.claims().tenant.clone());
    let Some(receipt) = Receipt::of(run, tenant, before, &record.input) else { return Ok(None) };
    let new = Stored::salted(sign(receipt, key)?.as_bytes().to_vec(), old.salt);
    if let Some(entry) = record.input.contents.get_mut(at) {
        entry.commitment = new.commitment;
        entry.bytes = ContentLength(new.bytes.len() as u64);
    }
    Ok(Some(new))
}
