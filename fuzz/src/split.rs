//! Replay however a run is cut and however many threads there are.

use std::collections::BTreeSet;

use rederive_evidence::chain::Header;
use rederive_evidence::keys::{Signer as _, SigningKey};
use rederive_evidence::record::Record;
use rederive_evidence::signed::UncheckedSigned;
use rederive_replay::{Level, Report, Valid};

use crate::collage::{Base, base, bent, index, words};
use crate::seeds::secret_keys;
use crate::traces::{Trace, report};

/// An honestly derived run reproduces, with the same findings however it is cut, and with the same report on one thread and on several.
pub(crate) fn split(bytes: &[u8]) {
    let mut choices = words(bytes);
    let base = base(&mut choices);
    let cuts: BTreeSet<usize> =
        (0..choices.below(5)).map(|_| index(&mut choices, base.records.len())).collect();
    let records = bent(base, &mut choices, false);
    let Some(key) = key_of(base) else { return };
    let cuts: Vec<usize> = cuts.into_iter().filter(|cut| (1..records.len()).contains(cut)).collect();
    replays_alike(&base.trace, &records, &cuts, &key, base.name);
}

/// Records told whole, and cut into segments before these numbers, with all that is derived as an honest recorder derives it: both reproduce, say the same, and
/// say it on one thread and on three. Contents are those of `trace`; `name` says whose records they are.
pub(crate) fn replays_alike(
    trace: &Trace,
    records: &[Record],
    cuts: &[usize],
    key: &SigningKey,
    name: &str,
) -> Report {
    let whole = report(&trace.derived(records.to_vec(), &[], key).write(), Level::State);
    let bytes = trace.derived(records.to_vec(), cuts, key).write();
    let cut = on_threads(1, &bytes);
    assert_eq!(on_threads(3, &bytes), cut, "{name}, cut at {cuts:?}");
    assert_eq!(gist(&cut), gist(&whole), "{name}, cut at {cuts:?}");
    assert_eq!(whole.valid, Valid::Reproduced, "{name}: {whole:#?}");
    whole
}

/// The key that signed all of a golden trace; none where it passed to another.
fn key_of(base: &Base) -> Option<SigningKey> {
    let named = |header: &[u8]| UncheckedSigned::<Header>::parse(header).expect("a header").named_key();
    let mut keys = base.trace.parts.iter().map(|part| named(&part.header));
    let first = keys.next()?;
    let signed = keys.all(|key| key == first);
    secret_keys().into_iter().find(|key| signed && key.public_key() == first)
}

fn on_threads(threads: usize, bytes: &[u8]) -> Report {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    pool.install(|| report(bytes, Level::State))
}

/// All that a report says of the records.
fn gist(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    let failures: Vec<_> = report.failures.items().to_vec();
    (report.valid, report.records, report.findings.items().to_vec(), failures, report.gaps.clone())
}
