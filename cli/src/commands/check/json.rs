//! The JSON form of a check. Its shape is stable: members are added, never changed.

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::{PublicKey, RunId};
use rederive_evidence::proof::{Disclosure, InclusionProof, ProvenRecord, ProvenRecords};
use rederive_evidence::record::Record;
use rederive_evidence::state_proof::ProvenEntry;
use serde::Serialize;
use serde_json::Value;

use super::TenantCheck;

/// A proof that proves nothing.
#[derive(Serialize)]
pub(super) struct Refused {
    pub(super) holds: bool,
    pub(super) code: &'static str,
    pub(super) reason: String,
}

/// A proof that holds.
#[derive(Serialize)]
pub(super) struct Holds<'a> {
    holds: bool,
    run: RunId,
    key: PublicKey,
    /// Whether the key was drawn for this run alone.
    ephemeral: bool,
    seal: Digest,
    /// Against what the tenant that was asked for was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_checked: Option<TenantCheck>,
    run_records: u64,
    run_segments: u64,
    records: Vec<RecordView<'a>>,
    disclosed: Vec<DisclosedView<'a>>,
}

/// A proof of the state that holds.
#[derive(Serialize)]
pub(super) struct StateHolds {
    holds: bool,
    run: RunId,
    key: PublicKey,
    /// Whether the key was drawn for this run alone.
    ephemeral: bool,
    seal: Digest,
    /// Against what the tenant that was asked for was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_checked: Option<TenantCheck>,
    /// What names the entry.
    entry: Value,
    present: bool,
    /// What it holds; `null` where it is not there.
    value: Value,
}

impl StateHolds {
    pub(super) fn of(
        proven: &ProvenEntry<'_>,
        tenant_checked: Option<TenantCheck>,
        entry: Value,
        value: Value,
    ) -> Self {
        let seal = proven.seal.payload();
        Self {
            holds: true,
            run: seal.run,
            key: proven.seal.key(),
            ephemeral: seal.ephemeral,
            seal: proven.seal.digest(),
            tenant_checked,
            entry,
            present: proven.value.is_some(),
            value,
        }
    }
}

#[derive(Serialize)]
struct RecordView<'a> {
    sequence: u64,
    leaf: Digest,
    recovered: bool,
    /// `null` where its kind is not known to this version.
    record: Option<&'a Record>,
}

#[derive(Serialize)]
struct DisclosedView<'a> {
    commitment: Digest,
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Where it is not UTF-8 text.
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl<'a> Holds<'a> {
    pub(super) fn of(
        proof: &'a InclusionProof,
        proven: &'a ProvenRecords,
        tenant_checked: Option<TenantCheck>,
    ) -> Self {
        let seal = proven.seal.payload();
        Self {
            holds: true,
            run: seal.run,
            key: proven.seal.key(),
            ephemeral: seal.ephemeral,
            seal: proven.seal.digest(),
            tenant_checked,
            run_records: seal.records,
            run_segments: seal.segments,
            records: proven.records.iter().map(RecordView::of).collect(),
            disclosed: proof.disclosed.iter().map(DisclosedView::of).collect(),
        }
    }
}

impl<'a> RecordView<'a> {
    fn of(proven: &'a ProvenRecord) -> Self {
        let ProvenRecord { sequence, leaf, recovered, record } = proven;
        Self { sequence: *sequence, leaf: *leaf, recovered: *recovered, record: record.as_ref() }
    }
}

impl<'a> DisclosedView<'a> {
    fn of(disclosure: &'a Disclosure) -> Self {
        let bytes = disclosure.bytes.0.as_slice();
        let text = std::str::from_utf8(bytes).ok();
        let hex = text.is_none().then(|| rederive_evidence::hex::format(bytes));
        Self { commitment: disclosure.commitment, bytes: bytes.len(), text, hex }
    }
}
