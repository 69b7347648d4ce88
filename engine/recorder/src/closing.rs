//! The segment that is closed and not in the trace file yet: a thread of its own packs and writes it, while others record the next one.

use std::sync::Arc;

use rederive_archive::storage::Storage;
use rederive_archive::{Closing, SegmentEnd, TraceWriter};

use crate::error::RecordError;
use crate::sync::{Beside, Mutex, beside};

/// A segment on its way into the trace file. Whoever lets go of it waits for the thread: it holds the file, and with it its lock.
pub(crate) struct OnItsWay<S: Storage> {
    closing: Arc<Mutex<Closing<S::File>>>,
    thread: Beside,
}

impl<S: Storage> OnItsWay<S> {
    /// Closes the writer's segment; another thread writes it.
    pub(crate) fn begin(writer: &mut TraceWriter<S>, end: SegmentEnd<'_>) -> Result<Self, RecordError> {
        let closing = Arc::new(Mutex::new(writer.begin_close(end)?));
        let written = Arc::clone(&closing);
        let thread = beside(move || {
            if let Ok(mut closing) = written.lock() {
                closing.write();
            }
        });
        Ok(Self { closing, thread })
    }

    /// Tells the writer what became of the segment that is on its way, where there is one: of one that is still being written only if it is to be waited
    /// for. One that could not be written, although nothing of it was, stays on its way, and this tries to write it again.
    pub(crate) fn settle(
        on_its_way: &mut Option<Self>,
        writer: &mut TraceWriter<S>,
        waits: bool,
    ) -> Result<(), RecordError> {
        let Some(settling) = on_its_way else { return Ok(()) };
        if !waits && !settling.thread.is_done() {
            return Ok(());
        }
        settling.thread.wait();
        // Where the thread died in it, nobody knows what it wrote.
        let mut closing = settling.closing.lock().map_err(|_| RecordError::Stopped)?;
        writer.end_close(&mut closing)?;
        drop(closing);
        *on_its_way = None;
        Ok(())
    }
}

impl<S: Storage> Drop for OnItsWay<S> {
    fn drop(&mut self) {
        self.thread.wait();
    }
}
