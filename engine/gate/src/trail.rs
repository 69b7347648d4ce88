//! The way to the recorder: one place through which everything the gate says is recorded, or nothing happens.
//!
//! Where the recorder fails, calls are turned away and counted; the first record that can be made again says how many, and since when.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rederive_archive::storage::Storage;
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Content, Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::kinds::Body;
use rederive_evidence::kinds::governance::IncidentOpened;
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::tool::{ToolBlocked, ToolUnknown, UnknownReason};
use rederive_evidence::record::{Input, MediaType};
use rederive_evidence::rules::Outcome;
use rederive_evidence::schema::Given;
use rederive_evidence::values::{Origin, Place};
use rederive_machine::{CallStatus, Machine};
use rederive_recorder::{AppendError, Appended, Clock, RecordError, Recorder, SealedRun};

use crate::fate::Unrecorded;
use crate::sayings::{Heard, Sayings, beginning};

/// A check of the machine just before a record.
pub(crate) type Holds<'a> = &'a mut dyn FnMut(&Machine) -> Result<(), Unrecorded>;
/// What makes a record's last content of its input and the checksum before it.
pub(crate) type Seal<'a> =
    &'a mut dyn FnMut(&Input, Option<Digest>) -> Result<Option<DraftContent>, Unrecorded>;

/// A recorder over any storage.
trait Journal: Send + Sync {
    fn append_if(&self, draft: Draft, holds: Holds<'_>, seal: Seal<'_>) -> Result<Appended, Unrecorded>;
    fn append_early(&self, draft: Draft, holds: Holds<'_>, seal: Seal<'_>) -> Result<Appended, Unrecorded>;
    fn keep(&self, sequence: u64) -> Result<bool, RecordError>;
    fn read(&self, read: &mut dyn FnMut(&Machine)) -> Result<(), RecordError>;
    fn flush(&self) -> Result<(), RecordError>;
    fn commitment(&self, bytes: &[u8]) -> Result<Digest, RecordError>;
    fn run(&self) -> RunId;
    fn key(&self) -> PublicKey;
    fn seal(self: Box<Self>) -> Result<SealedRun, RecordError>;
}

impl<S> Journal for Recorder<S>
where
    S: Storage + Send + Sync,
    S::File: Send + Sync,
{
    fn append_if(&self, draft: Draft, holds: Holds<'_>, seal: Seal<'_>) -> Result<Appended, Unrecorded> {
        Recorder::append_if(self, draft, holds, seal)
    }

    fn append_early(&self, draft: Draft, holds: Holds<'_>, seal: Seal<'_>) -> Result<Appended, Unrecorded> {
        Recorder::append_early(self, draft, holds, seal)
    }

    fn keep(&self, sequence: u64) -> Result<bool, RecordError> {
        Recorder::keep(self, sequence)
    }

    fn read(&self, read: &mut dyn FnMut(&Machine)) -> Result<(), RecordError> {
        Recorder::read(self, read)
    }

    fn flush(&self) -> Result<(), RecordError> {
        Recorder::flush(self)
    }

    fn commitment(&self, bytes: &[u8]) -> Result<Digest, RecordError> {
        Recorder::commitment(self, bytes)
    }

    fn run(&self) -> RunId {
        Recorder::run(self)
    }

    fn key(&self) -> PublicKey {
        Recorder::key(self)
    }

    fn seal(self: Box<Self>) -> Result<SealedRun, RecordError> {
        Recorder::seal(*self)
    }
}

/// Which recorder a call began with: a later one knows nothing of it but what the trace says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

/// The recorder of a run, and what happened while it could not record.
pub(crate) struct Trail {
    held: Mutex<Held>,
    outage: Mutex<Option<Outage>>,
    sayings: Mutex<Sayings>,
    clock: Arc<dyn Clock>,
    gate: Id,
    broker: Id,
}

struct Held {
    journal: Option<Arc<Box<dyn Journal>>>,
    epoch: u64,
}

/// The time in which nothing could be recorded.
#[derive(Debug, Default)]
struct Outage {
    turned_away: u64,
    since: Option<RecordedTime>,
    /// Calls that stood open when it began, and whose ends are still to be recorded.
    open: BTreeSet<Place>,
}

impl Trail {
    /// The way to this recorder, of whose run this much is known already.
    pub(crate) fn new<S>(
        recorder: Recorder<S>,
        sayings: Sayings,
        clock: Arc<dyn Clock>,
        gate: Id,
        broker: Id,
    ) -> Self
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
    {
        let journal: Box<dyn Journal> = Box::new(recorder);
        let held = Held { journal: Some(Arc::new(journal)), epoch: 0 };
        Self {
            held: Mutex::new(held),
            outage: Mutex::new(None),
            sayings: Mutex::new(sayings),
            clock,
            gate,
            broker,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the run's records said.
    pub(crate) fn sayings(&self) -> MutexGuard<'_, Sayings> {
        self.sayings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The recorder as it is now.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.held().epoch)
    }

    fn journal(&self, epoch: Epoch) -> Result<Arc<Box<dyn Journal>>, Unrecorded> {
        let held = self.held();
        match &held.journal {
            Some(journal) if held.epoch == epoch.0 => Ok(Arc::clone(journal)),
            Some(_) | None => Err(Unrecorded::Replaced),
        }
    }

    /// The present journal, whatever call asks.
    fn present(&self) -> Result<Arc<Box<dyn Journal>>, Unrecorded> {
        self.held().journal.clone().ok_or(Unrecorded::Replaced)
    }

    pub(crate) fn run(&self) -> Result<RunId, Unrecorded> {
        Ok(self.present()?.run())
    }

    pub(crate) fn key(&self) -> Result<PublicKey, Unrecorded> {
        Ok(self.present()?.key())
    }

    /// What `read` finds in the machine.
    pub(crate) fn read<T>(&self, epoch: Epoch, read: impl FnOnce(&Machine) -> T) -> Result<T, Unrecorded> {
        read_of(&self.journal(epoch)?, read)
    }

    /// The commitment that these bytes have or will get.
    pub(crate) fn commitment(&self, epoch: Epoch, bytes: &[u8]) -> Result<Digest, Unrecorded> {
        Ok(self.journal(epoch)?.commitment(bytes)?)
    }

    /// The time now: never before what is recorded, so that a clock that steps back makes nothing live longer.
    pub(crate) fn now(&self, epoch: Epoch) -> Result<Option<RecordedTime>, Unrecorded> {
        let latest = |machine: &Machine| machine.state().progress().and_then(|progress| progress.time);
        Ok(self.clock.now().max(self.read(epoch, latest)?))
    }

    /// Records a draft.
    pub(crate) fn append(&self, epoch: Epoch, draft: Draft) -> Result<Appended, Unrecorded> {
        self.append_if(epoch, draft, &mut |_| Ok(()), &mut |_, _| Ok(None))
    }

    /// Records a draft if `holds` still says yes of the machine, with the content that `seal` makes of it.
    pub(crate) fn append_if(
        &self,
        epoch: Epoch,
        draft: Draft,
        holds: Holds<'_>,
        seal: Seal<'_>,
    ) -> Result<Appended, Unrecorded> {
        self.entered(epoch, draft, |journal, draft| journal.append_if(draft, holds, seal))
    }

    /// As [`Self::append_if`], but does not wait until the record survives a crash: [`Self::keep`] does.
    pub(crate) fn append_early(
        &self,
        epoch: Epoch,
        draft: Draft,
        holds: Holds<'_>,
        seal: Seal<'_>,
    ) -> Result<Appended, Unrecorded> {
        self.entered(epoch, draft, |journal, draft| journal.append_early(draft, holds, seal))
    }

    fn entered(
        &self,
        epoch: Epoch,
        draft: Draft,
        append: impl FnOnce(&dyn Journal, Draft) -> Result<Appended, Unrecorded>,
    ) -> Result<Appended, Unrecorded> {
        let journal = self.journal(epoch)?;
        self.mend(&journal)?;
        let place = draft.place.clone();
        let saying = self.sayings().hear(&Heard::of(&draft), &|content| {
            draft.contents.get(usize::from(content)).map(|content| beginning(content.media, &content.bytes))
        });
        let appended = append(journal.as_ref().as_ref(), draft);
        if let (Ok(Appended { sequence, outcome: Outcome::Applied, .. }), Some(saying)) = (&appended, saying)
        {
            self.sayings().keep(*sequence, saying);
        }
        if let Err(Unrecorded::Recorder(error)) = &appended
            && is_outage(error)
        {
            self.begin_outage(place);
        }
        appended
    }

    fn begin_outage(&self, place: Option<Place>) {
        let since = self.clock.now();
        let mut outage = self.outage();
        let outage = outage.get_or_insert_with(|| Outage { since, ..Outage::default() });
        outage.open.extend(place);
    }

    /// A call was turned away because nothing could be recorded.
    pub(crate) fn turned_away(&self, place: &Place) {
        let since = self.clock.now();
        let mut outage = self.outage();
        let outage = outage.get_or_insert_with(|| Outage { since, ..Outage::default() });
        outage.turned_away = outage.turned_away.saturating_add(1);
        outage.open.insert(place.clone());
    }

    /// A call whose end could not be recorded.
    pub(crate) fn left_open(&self, place: &Place) {
        self.begin_outage(Some(place.clone()));
    }

    /// Makes everything recorded so far durable.
    pub(crate) fn flush(&self, epoch: Epoch) -> Result<(), Unrecorded> {
        let journal = self.journal(epoch)?;
        let flushed = journal.flush();
        if flushed.is_err() {
            self.begin_outage(None);
        }
        Ok(flushed?)
    }

    /// Waits until this record, and every one before it, survives a crash.
    pub(crate) fn keep(&self, epoch: Epoch, sequence: u64) -> Result<(), Unrecorded> {
        match self.journal(epoch)?.keep(sequence) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Unrecorded::NotDurable),
            Err(error) => {
                self.begin_outage(None);
                Err(error.into())
            }
        }
    }

    /// How many calls were turned away in the outage that lasts; none where there is none.
    pub(crate) fn is_out(&self) -> Option<u64> {
        self.outage().as_ref().map(|outage| outage.turned_away)
    }

    /// After an outage nothing is recorded before what it did is: the number of calls turned away and since when, then the ends of those it left
    /// open. Where the store still fails, so does this.
    fn mend(&self, journal: &Arc<Box<dyn Journal>>) -> Result<(), Unrecorded> {
        let mut outage = self.outage();
        let Some(past) = outage.as_ref() else { return Ok(()) };
        let turned_away = past.turned_away;
        journal.flush().map_err(|_| Unrecorded::Outage { turned_away })?;
        let stated = plain(journal, self.incident(past)).map_err(|_| Unrecorded::Outage { turned_away })?;
        if stated.outcome == Outcome::Refused {
            return Err(Unrecorded::Outage { turned_away });
        }
        let open = past.open.clone();
        *outage = None;
        drop(outage);
        for place in open {
            self.end(journal, place)?;
        }
        Ok(())
    }

    /// What an outage was. Spec: outage-stated.
    fn incident(&self, outage: &Outage) -> Draft {
        let since = outage.since.map_or_else(|| "null".to_owned(), |since| since.0.to_string());
        let text = format!("{{\"turned_away\":{},\"since\":{since}}}", outage.turned_away);
        let count = outage.turned_away.to_string();
        let name = Id::new(&format!("gate-outage/{since}/{count}")).unwrap_or_else(|_| self.gate.clone());
        let body = IncidentOpened {
            incident: name,
            description: Content(0),
            owner: Given::Known(self.gate.clone()),
        };
        let mut draft = Draft::new(self.gate.clone(), Origin::Code, body);
        draft.contents.push(DraftContent { media: MediaType::Json, bytes: text.into_bytes() });
        draft
    }

    /// Ends a call that an outage left open, where the machine still has it so.
    fn end(&self, journal: &Arc<Box<dyn Journal>>, place: Place) -> Result<(), Unrecorded> {
        let status = read_of(journal, |machine| machine.state().call(&place).map(|call| call.status))?;
        let body = match status {
            None => return Ok(()),
            Some(CallStatus::Dispatched) => Body::from(ToolUnknown { reason: UnknownReason::Lost }),
            Some(
                CallStatus::Proposed | CallStatus::Validated | CallStatus::Requested | CallStatus::Decided,
            ) => Body::from(ToolBlocked { reason: BlockReason::Fault, notice: None }),
        };
        let mut draft = Draft::new(self.broker.clone(), Origin::Code, body);
        draft.place = Some(place);
        plain(journal, draft).map(|_| ())
    }

    /// Lets the recorder go, takes the one that `recovered` brings, and states what was turned away meanwhile.
    pub(crate) fn replace<S, E>(&self, recovered: impl FnOnce() -> Result<Recorder<S>, E>) -> Result<(), E>
    where
        S: Storage + Send + Sync + 'static,
        S::File: Send + Sync,
        E: From<Unrecorded>,
    {
        {
            let mut held = self.held();
            held.journal = None;
            held.epoch = held.epoch.wrapping_add(1);
        }
        let journal: Box<dyn Journal> = Box::new(recovered()?);
        let journal = Arc::new(journal);
        self.held().journal = Some(Arc::clone(&journal));
        Ok(self.mend(&journal)?)
    }

    /// Takes the recorder out for good: nothing is recorded after this.
    pub(crate) fn close(&self) -> Result<SealedRun, Unrecorded> {
        let journal = {
            let mut held = self.held();
            held.epoch = held.epoch.wrapping_add(1);
            held.journal.take().ok_or(Unrecorded::Replaced)?
        };
        // Calls hold it for one record at a time.
        let mut journal = journal;
        loop {
            match Arc::try_unwrap(journal) {
                Ok(journal) => return Ok(journal.seal()?),
                Err(shared) => {
                    journal = shared;
                    std::thread::yield_now();
                }
            }
        }
    }
}

fn plain(journal: &Arc<Box<dyn Journal>>, draft: Draft) -> Result<Appended, Unrecorded> {
    journal.append_if(draft, &mut |_| Ok(()), &mut |_, _| Ok(None))
}

fn read_of<T>(journal: &Arc<Box<dyn Journal>>, read: impl FnOnce(&Machine) -> T) -> Result<T, Unrecorded> {
    let (mut read, mut found) = (Some(read), None);
    journal.read(&mut |machine| {
        if let Some(read) = read.take() {
            found = Some(read(machine));
        }
    })?;
    found.ok_or(Unrecorded::Replaced)
}

/// Whether an error says that nothing can be recorded now, and not that this draft is none.
fn is_outage(error: &RecordError) -> bool {
    if let RecordError::Append(append) = error { matches!(append, AppendError::Sign(_)) } else { true }
}
