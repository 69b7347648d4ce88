//! Who looks on while the records of a run are derived again, and how a run is walked for them alone.

use std::io;
use std::path::PathBuf;

use rederive_archive::storage::{Effect, Operation, ReadAt, StoreError};
use rederive_archive::{ReadFault, TraceReader};
use rederive_evidence::record::Record;
use rederive_machine::Machine;

use crate::records::{Records, RecordsFault};

/// Who looks on, from a run's first record: it sees each with the state around it, and changes nothing.
pub(crate) trait Observer {
    /// A record, and the machine that is about to answer it.
    fn before(&mut self, record: &Record, machine: &Machine) -> Result<(), ReadFault>;

    /// The same record, once it took effect.
    fn after(&mut self, record: &Record, machine: &Machine) -> Result<(), ReadFault>;

    /// All records seen so far stand as they were signed.
    fn verified(&mut self) -> Result<(), ReadFault>;
}

/// Nobody: what is compiled for it is the replay alone.
pub(crate) struct Nobody;

impl Observer for Nobody {
    fn before(&mut self, _record: &Record, _machine: &Machine) -> Result<(), ReadFault> {
        Ok(())
    }

    fn after(&mut self, _record: &Record, _machine: &Machine) -> Result<(), ReadFault> {
        Ok(())
    }

    fn verified(&mut self) -> Result<(), ReadFault> {
        Ok(())
    }
}

/// Shows the records below `end`, all of which were verified before.
///
/// # Errors
/// The storage failed, or no longer gives what it gave.
pub(crate) fn walk<F: ReadAt>(
    reader: &TraceReader<F>,
    end: u64,
    observer: &mut impl Observer,
) -> Result<(), ReadFault> {
    let (mut machine, mut records, mut walked) = (Machine::new(), Records::from_segment(reader, 0), 0);
    // What stands from `end` on need not even be a record.
    for _ in 0..end {
        let Some(frame) = records.next() else { break };
        let frame = frame.map_err(again)?;
        let (segment, byte) = (frame.segment, frame.byte);
        let record = frame.record().map_err(|error| again(RecordsFault::Frame { segment, byte, error }))?;
        if segment != walked {
            observer.verified()?;
            walked = segment;
        }
        observer.before(&record, &machine)?;
        let answer = machine.decide(&record.input, record.extracted.as_ref());
        machine.commit(answer.transition);
        observer.after(&record, &machine)?;
    }
    observer.verified()
}

/// A record that could be read before and cannot now: the file has changed in between.
fn again(fault: RecordsFault) -> ReadFault {
    match fault {
        RecordsFault::Read(fault) => fault,
        fault @ (RecordsFault::Frame { .. } | RecordsFault::Overfull { .. }) => {
            ReadFault::Store(StoreError {
                operation: Operation::Read,
                path: PathBuf::new(),
                effect: Effect::NothingWritten,
                source: io::Error::other(fault.to_string()),
            })
        }
    }
}
