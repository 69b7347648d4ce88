//! How two traces end: what is signed of the open segment, and what was cut.

use rederive_archive::{End, OpenSegment, TraceReader, storage::ReadAt};
use rederive_evidence::digest::{Digest, Purpose, digest};
use rederive_evidence::ids::RunId;
use rederive_evidence::record::split_frames;
use rederive_evidence::tree;
use serde_json::{Value, json};

/// How a trace ends, behind its closed segments and its records, as a view to compare. What a torn append to the file left is not in it: the log has
/// what was appended.
pub(crate) fn view<F: ReadAt>(reader: &TraceReader<F>, run: Option<RunId>) -> Value {
    let cut = match reader.end() {
        End::Cut(tail) => Some(tail.bytes),
        End::Sealed | End::Unsealed | End::Torn(_) => None,
    };
    let other_log = match run {
        Some(run) => other_log(reader, run),
        None => reader.leftover_log_run(),
    };
    let other_log = other_log.map(|run| json!({ "run": run, "records": records_root(reader) }));
    json!({
        "cut": cut,
        "log": reader.open_segment().map(log),
        "other_log": other_log,
    })
}

/// The root over the records of such a log: two logs of one run may have others.
fn records_root<F: ReadAt>(reader: &TraceReader<F>) -> Option<Digest> {
    let frames = split_frames(reader.leftover_log_frames()?).map_while(Result::ok);
    let leaves: Vec<Digest> = frames.map(|frame| digest(Purpose::Leaf, frame)).collect();
    tree::root(&leaves)
}

/// The run of a log beside the trace that is no part of it, where that is another than `run`, the trace's, or has records that the trace does not have.
/// Spec: gaps.
pub(crate) fn other_log<F: ReadAt>(reader: &TraceReader<F>, run: RunId) -> Option<RunId> {
    // What cannot be read has not been compared.
    reader.other_log_run(run).unwrap_or(reader.leftover_log_run())
}

/// What a log says of its segment beside the records, and what is signed of it.
fn log<F>(open: &OpenSegment<F>) -> Value {
    json!({
        "run": open.run(),
        "segment": open.segment(),
        "previous": open.previous_header(),
        "attested": open.attested(),
        "head": open.head().map(|head| digest(Purpose::Header, head)),
        "torn": open.torn().map(|torn| torn.bytes),
    })
}
