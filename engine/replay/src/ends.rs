//! How two traces end: what is signed of the open segment, and what was cut.

use rederive_archive::{End, OpenSegment, TraceReader, storage::ReadAt};
use rederive_evidence::digest::{Purpose, digest};
use rederive_evidence::ids::RunId;
use serde_json::{Value, json};

/// How a trace ends, behind its closed segments and its records, as a view to compare. What a torn append to the file left is not in it: the log has
/// what was appended.
pub(crate) fn view<F: ReadAt>(reader: &TraceReader<F>, run: Option<RunId>) -> Value {
    let cut = match reader.end() {
        End::Cut(tail) => Some(tail.bytes),
        End::Sealed | End::Unsealed | End::Torn(_) => None,
    };
    let other_log = reader.leftover_log_run().filter(|left_by| run != Some(*left_by));
    json!({
        "cut": cut,
        "log": reader.open_segment().map(log),
        "other_log": other_log,
    })
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
