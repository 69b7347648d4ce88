//! Files: a trace, and the log beside an open one. Whatever stands in them is read or damaged, in memory that their size bounds.

use rederive_archive::storage::faulty::FaultyStorage;
use rederive_archive::{BlockBuffer, TraceReader, log_path};
use rederive_recorder::{Durability, Recorder};
use rederive_replay::{Level, Options, Report, Valid, replay, replay_bytes};

use crate::seeds;
use crate::traces::{options, path};

/// Every level says the same of a file twice; where one sees damage, the next does not pass it over; and every block can be asked for.
pub(crate) fn trace(bytes: &[u8]) {
    let reports: Vec<Report> = Level::ALL.iter().map(|level| of_bytes(bytes, *level)).collect();
    for (level, report) in Level::ALL.iter().zip(&reports) {
        assert_eq!(&of_bytes(bytes, *level), report);
    }
    let lowest = reports[0].valid;
    if matches!(lowest, Valid::Damaged | Valid::Forged) {
        assert!(reports.iter().all(|report| report.valid == lowest), "{reports:#?}");
    }
    let Ok(reader) = TraceReader::of(bytes) else { return };
    let (_, _, _) = (reader.check(), reader.seal(), reader.index_hint());
    let _ = (reader.find_record(0), reader.find_record(u64::MAX));
    for number in 0..reader.segments() {
        let Some(segment) = reader.segment(number) else { continue };
        let mut buffer = BlockBuffer::new();
        let _ = (segment.header(), segment.frame_offsets(), segment.lineage(&mut buffer));
        if let Some(snapshot) = segment.snapshot(&mut buffer).ok().and_then(rederive_archive::Hint::usable) {
            let _ = rederive_machine::State::from_entries(snapshot.entries());
        }
        for block in segment.content_blocks() {
            if let Ok(contents) = block.contents(&mut buffer) {
                contents.for_each(drop);
            }
        }
    }
}

fn of_bytes(bytes: &[u8], level: Level) -> Report {
    replay_bytes(bytes, &Options { level, ..Options::default() }).expect("memory can be read")
}

/// What a recorder makes of a log that it recovers and seals is no damaged trace; and nobody's log is taken for another run's.
pub(crate) fn open_log(bytes: &[u8]) {
    let storage = FaultyStorage::new();
    storage.put(path(), seeds::unsealed_trace());
    storage.put(&log_path(path()), bytes.to_vec());
    let open = replay(&storage, path(), &Options::default()).expect("memory can be read");
    let Ok((recorder, _)) =
        Recorder::recover(storage.clone(), path(), options(Durability::EveryRecord, b"again"))
    else {
        return;
    };
    if recorder.seal().is_err() {
        return;
    }
    let sealed = replay(&storage, path(), &Options::default()).expect("memory can be read");
    let harmed = |valid| matches!(valid, Valid::Damaged | Valid::Forged);
    assert!(harmed(open.valid) || !harmed(sealed.valid), "{open:#?}\n{sealed:#?}");
}
