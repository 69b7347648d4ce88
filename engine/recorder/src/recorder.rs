//! The recorder: drafts in from any thread, a durable, signed trace out.
//!
//! Two locks. The *ledger* derives a record in memory; the *writer* makes what the ledger queued durable. Of the threads that wait for their
//! records to be durable one leads, and writes what all have queued; those whose records it wrote go on together, and of the others one leads
//! next: group commit needs no timer. A segment that is full is packed and written into the trace file by a thread of its own, while the log goes
//! on with the records of the next.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use rederive_archive::storage::{Effect, Storage};
use rederive_archive::{
    Content, Durability as Disk, Packing, Recovery, RecoveryReport, SegmentEnd, TraceWriter,
};
use rederive_evidence::digest::Digest;
use rederive_evidence::draft::{Draft, DraftContent};
use rederive_evidence::ids::{Id, PublicKey, RecordedTime, RunId};
use rederive_evidence::keys::{Signer, SigningKey};
use rederive_evidence::kinds::guardrail::BlockReason;
use rederive_evidence::kinds::run::RunOpened;
use rederive_evidence::kinds::tool::{ToolBlocked, ToolUnknown, UnknownReason};
use rederive_evidence::kinds::{Body, Kind};
use rederive_evidence::record::{Extracted, Input, frame_length};
use rederive_evidence::rules::{Breach, Outcome};
use rederive_evidence::values::{ActorType, Origin, Place};
use rederive_machine::Machine;

use crate::clock::{Clock, SystemClock};
use crate::closing::OnItsWay;
use crate::commits::{Commits, Poisoned};
use crate::entropy::{Entropy, OsEntropy};
use crate::error::{AppendError, RecordError};
use crate::ledger::{ClosedSegment, Entered, Ledger, OpenHead, StoredContent};
use crate::opening::asked_for;
use crate::sync::{Mutex, MutexGuard, lock_soon};

/// When an appended record survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When `append` returns. Threads that append at the same time share a commit.
    EveryRecord,
    /// When this many records wait, or [`Recorder::flush`] returns, or the segment closes.
    Group(u32),
    /// When the seal returns; a crash before it leaves no trace.
    OnSeal,
    /// When the system pleases, after the seal: for what can be made again, such as imports.
    LeftToSystem,
}

/// What becomes of calls that have not ended when the run closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenCalls {
    /// The recorder ends them: dispatched ones as unknown, others as blocked.
    End,
    /// They stay as they are, as an importer found them: a finding of RUN-3.
    Leave,
}

/// How a run is recorded.
pub struct Options {
    /// When records survive a crash.
    pub durability: Durability,
    /// What is packed.
    pub packing: Packing,
    /// The run's key. Without one the recorder draws one for this run alone, and the run is unattested.
    pub signer: Option<Arc<dyn Signer + Send + Sync>>,
    /// Where time comes from where a draft brings none.
    pub clock: Arc<dyn Clock>,
    /// Where chance comes from.
    pub entropy: Box<dyn Entropy>,
    /// What becomes of open calls at the end.
    pub open_calls: OpenCalls,
    /// How far contents are looked into; none: as the run's rule set has it.
    pub extractor: Option<rederive_extract::ExtractorVersion>,
}

impl Default for Options {
    /// A live run: every record durable, the system's clock and generator, a key of its own.
    fn default() -> Self {
        Self {
            durability: Durability::EveryRecord,
            packing: Packing::Hot,
            signer: None,
            clock: Arc::new(SystemClock),
            entropy: Box::new(OsEntropy),
            open_calls: OpenCalls::End,
            extractor: None,
        }
    }
}

/// A record as it was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number in the run.
    pub sequence: u64,
    /// What the machine did with it. In an enforced run the caller must not act on a refused request.
    pub outcome: Outcome,
    /// The rules it does not keep.
    pub breaches: Vec<Breach>,
    /// Its time, as recorded.
    pub time: Option<RecordedTime>,
    /// Its extracted part.
    pub extracted: Option<Extracted>,
    /// Whether it survives a crash already.
    pub is_durable: bool,
}

/// A run that was closed and sealed.
#[derive(Debug)]
pub struct SealedRun {
    /// Its number.
    pub run: RunId,
    /// Its records.
    pub records: u64,
    /// Bytes of the trace file.
    pub bytes: u64,
}

/// Records one run. Threads may share it by reference.
pub struct Recorder<S: Storage> {
    run: RunId,
    key: PublicKey,
    durability: Durability,
    open_calls: OpenCalls,
    /// The recorder's own name among the run's actors.
    own_name: Option<Id>,
    opening: Option<Appended>,
    intake: Mutex<Intake>,
    outlet: Mutex<Outlet<S>>,
    commits: Commits,
}

/// The ledger, and what it made that the writer has not taken.
struct Intake {
    ledger: Ledger,
    queue: Vec<Queued>,
    /// Nobody knows what the writer wrote last: nothing more is taken, since nothing more can be kept.
    stopped: bool,
}

enum Queued {
    Record { frame: Vec<u8>, contents: Vec<StoredContent> },
    Close(ClosedSegment),
}

/// The writer, and what it was given but has not taken because it failed in between.
struct Outlet<S: Storage> {
    writer: TraceWriter<S>,
    /// The segment before the one that the writer fills, until it is in the trace file.
    on_its_way: Option<OnItsWay<S>>,
    backlog: VecDeque<Queued>,
    /// Records that the writer has.
    taken: u64,
}

/// Records that wait in memory before they are handed to the writer of a run that is durable at its seal.
const QUEUE_MAX: usize = 256;

impl<S: Storage> Recorder<S> {
    /// Opens a run: makes the trace at `path` and records `opening`, whose body is `run.opened`. The recorder fills in the run's number, its
    /// key and its own name and version, whatever the draft says of them, and the digest of the rule set that the draft asks for by number;
    /// for number 0 the set is [`crate::RULE_SET_DEFAULT`].
    ///
    /// # Errors
    /// A draft that is no opening record; a rule set that this version does not have; a trace that exists; no entropy; the store. No run was opened, unless it is unknown what the store wrote:
    /// then the trace may be there to recover.
    pub fn create(storage: S, path: &Path, opening: Draft, options: Options) -> Result<Self, RecordError> {
        let build = concat!("rederive-recorder/", env!("CARGO_PKG_VERSION"));
        Self::begin(storage, path, opening, Id::new(build).ok(), options)
    }

    /// Opens a run as [`Self::create`] does, recorded under this name and version instead of the library's: that of a product which embeds it,
    /// or, where the same bytes are to be made by later versions too, a fixed one.
    ///
    /// # Errors
    /// As [`Self::create`].
    pub fn create_as(
        storage: S,
        path: &Path,
        opening: Draft,
        build: Id,
        options: Options,
    ) -> Result<Self, RecordError> {
        Self::begin(storage, path, opening, Some(build), options)
    }

    fn begin(
        storage: S,
        path: &Path,
        opening: Draft,
        build: Option<Id>,
        mut options: Options,
    ) -> Result<Self, RecordError> {
        let time = opening.time.or_else(|| options.clock.now());
        let run = draw_run(options.entropy.as_mut(), time)?;
        let secret = options.entropy.draw()?;
        let (signer, is_ephemeral) = match options.signer.take() {
            Some(signer) => (signer, false),
            None => {
                let key: Arc<dyn Signer + Send + Sync> =
                    Arc::new(SigningKey::from_seed(&options.entropy.draw()?));
                (key, true)
            }
        };
        let key = signer.public_key();
        let opening = complete(opening, run, key, build)?;
        let own_name = own_name(&opening.body);
        let disk =
            rederive_archive::Options { durability: disk(options.durability), packing: options.packing };
        let mut ledger = Ledger::new(run, secret, options.clock, signer, is_ephemeral);
        ledger.look_into(options.extractor);
        let entered = ledger.enter(opening)?;
        let writer = TraceWriter::create(storage, path, run, disk)?;
        let opening = Appended {
            sequence: entered.sequence,
            outcome: entered.outcome,
            breaches: entered.breaches.clone(),
            time: entered.time,
            extracted: entered.extracted.clone(),
            is_durable: disk.durability == Disk::EachCommit,
        };
        let recorder = Self {
            run,
            key,
            durability: options.durability,
            open_calls: options.open_calls,
            own_name,
            opening: Some(opening),
            intake: Mutex::new(Intake { ledger, queue: vec![queued(entered)], stopped: false }),
            outlet: Mutex::new(Outlet::new(writer, 0)),
            commits: Commits::after(0),
        };
        if recorder.has_commits() {
            recorder.flush()?;
        }
        Ok(recorder)
    }

    /// Goes on with a run whose recorder was stopped, under the run's own key. Records without a signed head over them are kept and named
    /// in the next header; a call that was dispatched and has no end becomes unknown, and is never dispatched again.
    ///
    /// # Errors
    /// Another key; a trace that is damaged, sealed or does not reproduce; the store. Nothing was changed unless the store failed.
    pub fn recover(
        storage: S,
        path: &Path,
        mut options: Options,
    ) -> Result<(Self, RecoveryReport), RecordError> {
        let recovery = Recovery::open(storage, path)?;
        let report = recovery.report();
        let secret = options.entropy.draw()?;
        let restored = crate::restore::restore(recovery.reader(), &report, secret, &options)?;
        let run = restored.run;
        let writer = recovery.resume(run, options.packing, |frames| frame_length(frames).ok())?;
        let records = restored.ledger.records();
        let attested = records.saturating_sub(report.unattested as u64);
        let recorder = Self {
            run,
            key: restored.key,
            durability: options.durability,
            open_calls: options.open_calls,
            own_name: restored.own_name,
            opening: None,
            intake: Mutex::new(Intake { ledger: restored.ledger, queue: Vec::new(), stopped: false }),
            outlet: Mutex::new(Outlet::new(writer, records)),
            commits: Commits::after(attested),
        };
        if report.unattested > 0 {
            // Before the next head, which would cover them as if it had when they were made: a header names them for ever.
            recorder.intake()?.close_segment()?;
        }
        recorder.end_dispatched_calls()?;
        recorder.flush()?;
        Ok((recorder, report))
    }

    /// How the record that opened the run was taken; none where another recorder opened it.
    pub fn opening(&self) -> Option<&Appended> {
        self.opening.as_ref()
    }

    /// The run's number.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The key that the opening record names, which signed the run's first header.
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Number of records taken so far.
    ///
    /// # Errors
    /// The recorder was stopped.
    pub fn records(&self) -> Result<u64, RecordError> {
        Ok(self.intake()?.ledger.records())
    }

    /// The commitment that these bytes have, or will get, in this run: for bodies that name a content of another record.
    ///
    /// # Errors
    /// The recorder was stopped.
    pub fn commitment(&self, bytes: &[u8]) -> Result<Digest, RecordError> {
        Ok(self.intake()?.ledger.commitment(bytes))
    }

    /// Records a draft. When it returns with `is_durable`, the record survives a crash at any instant. A decision and the dispatch of a call are durable
    /// when this returns, but for a run that is durable at its seal: the tool may be called then.
    ///
    /// # Errors
    /// [`RecordError::Append`]: the draft did not become a record. The store: it did, and waits for [`Self::flush`], which may be called again where
    /// [`RecordError::effect`] says that nothing was written; where that is unknown the recorder is stopped.
    pub fn append(&self, draft: Draft) -> Result<Appended, RecordError> {
        let must_last = is_relied_on(draft.body.kind());
        let (appended, waiting) = self.enter(draft)?;
        self.settled(appended, waiting, must_last)
    }

    /// What `read` finds in the machine as it stands between two records. Nothing is recorded meanwhile: read little.
    ///
    /// # Errors
    /// The recorder was stopped.
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> Result<T, RecordError> {
        let intake = self.intake()?;
        if intake.stopped {
            return Err(RecordError::Stopped);
        }
        Ok(read(intake.ledger.machine()))
    }

    /// Records a draft as [`Self::append`] does, if `holds` says of the machine just before it that it still may, with one more content, the last,
    /// that `seal` makes of the record's input and, at a decision, the state checksum before it: its receipt. Nothing is recorded between the
    /// three.
    ///
    /// # Errors
    /// As [`Self::append`]; and what `holds` or `seal` gave: then nothing was recorded.
    pub fn append_if<E: From<RecordError>>(
        &self,
        draft: Draft,
        holds: impl FnOnce(&Machine) -> Result<(), E>,
        seal: impl FnOnce(&Input, Option<Digest>) -> Result<Option<DraftContent>, E>,
    ) -> Result<Appended, E> {
        let must_last = is_relied_on(draft.body.kind());
        let (appended, waiting) = self.enter_if(draft, holds, seal)?;
        Ok(self.settled(appended, waiting, must_last)?)
    }

    /// As [`Self::append_if`], but where the run's records are made durable in groups it does not wait for this one: whoever acts on it calls
    /// [`Self::keep`] before, or appends another after it that is durable. The log keeps no record without those before it.
    ///
    /// # Errors
    /// As [`Self::append_if`].
    pub fn append_early<E: From<RecordError>>(
        &self,
        draft: Draft,
        holds: impl FnOnce(&Machine) -> Result<(), E>,
        seal: impl FnOnce(&Input, Option<Digest>) -> Result<Option<DraftContent>, E>,
    ) -> Result<Appended, E> {
        let (appended, waiting) = self.enter_if(draft, holds, seal)?;
        Ok(self.settled(appended, waiting, false)?)
    }

    /// Returns once the record with this number, and every one before it, survives a crash: true. False of a run that is durable at its seal.
    ///
    /// # Errors
    /// The store. Where [`RecordError::effect`] says that nothing was written, it may be called again.
    pub fn keep(&self, sequence: u64) -> Result<bool, RecordError> {
        if self.has_commits() {
            self.make_durable(sequence)?;
        }
        Ok(self.has_commits())
    }

    fn enter_if<E: From<RecordError>>(
        &self,
        draft: Draft,
        holds: impl FnOnce(&Machine) -> Result<(), E>,
        seal: impl FnOnce(&Input, Option<Digest>) -> Result<Option<DraftContent>, E>,
    ) -> Result<(Appended, usize), E> {
        let mut intake = self.intake()?;
        intake.make_room()?;
        holds(intake.ledger.machine())?;
        let mut refused = None;
        let entered = intake.ledger.enter_sealed(draft, |input, checksum| {
            seal(input, checksum).map_err(|error| {
                refused = Some(error);
                AppendError::Withheld
            })
        });
        let entered = match (entered, refused) {
            (Ok(entered), _) => entered,
            (Err(_), Some(error)) => return Err(error),
            (Err(error), None) => return Err(RecordError::from(error).into()),
        };
        let appended = intake.take(entered);
        Ok((appended, intake.queue.len()))
    }

    /// An appended record, durable where the run's durability or what the record is for asks for it.
    fn settled(
        &self,
        mut appended: Appended,
        waiting: usize,
        must_last: bool,
    ) -> Result<Appended, RecordError> {
        match self.durability {
            Durability::EveryRecord => self.make_durable(appended.sequence)?,
            Durability::Group(most) if must_last || waiting >= most as usize => {
                self.make_durable(appended.sequence)?;
            }
            Durability::Group(_) => return Ok(appended),
            Durability::OnSeal | Durability::LeftToSystem => {
                if waiting >= QUEUE_MAX {
                    let written = self.write_queue(&mut *self.outlet()?);
                    let _ = self.settle(written)?;
                }
                return Ok(appended);
            }
        }
        appended.is_durable = true;
        Ok(appended)
    }

    /// Makes every record appended so far durable. Without a log there is nothing to do before the seal.
    ///
    /// # Errors
    /// The store. Where [`RecordError::effect`] says that nothing was written, it may be called again.
    pub fn flush(&self) -> Result<(), RecordError> {
        match self.records()?.checked_sub(1) {
            Some(last) if self.has_commits() => self.make_durable(last),
            Some(_) | None => Ok(()),
        }
    }

    /// Hands the run over to another key: the open segment ends here, the present key signs its header and in it the new one, which signs all
    /// that follows. Spec: key-change.
    ///
    /// # Errors
    /// Signing failed: the present key stays. The store: the next call tries to write again.
    pub fn change_key(&self, signer: Arc<dyn Signer + Send + Sync>) -> Result<(), RecordError> {
        let mut intake = self.intake()?;
        intake.ledger.hand_over(Some(signer));
        if let Err(error) = intake.close_segment() {
            intake.ledger.hand_over(None);
            return Err(error);
        }
        drop(intake);
        let mut outlet = self.outlet()?;
        let committed = self.commit(&mut outlet);
        self.settle(committed)
    }

    /// Seals a closed run.
    ///
    /// # Errors
    /// The run is not closed; the store.
    pub fn seal(self) -> Result<SealedRun, RecordError> {
        let mut intake = self.intake.into_inner().map_err(|_| RecordError::Stopped)?;
        let mut outlet = self.outlet.into_inner().map_err(|_| RecordError::Stopped)?;
        if !intake.ledger.is_closed() {
            return Err(RecordError::NotClosed);
        }
        intake.close_segment()?;
        outlet.backlog.extend(intake.queue.drain(..));
        outlet.write_backlog(self.durability)?;
        outlet.settle_closing(true)?;
        let seal = intake.ledger.seal()?;
        let sealed = outlet.writer.seal(&seal)?;
        Ok(SealedRun { run: self.run, records: intake.ledger.records(), bytes: sealed.bytes })
    }

    fn intake(&self) -> Result<MutexGuard<'_, Intake>, RecordError> {
        lock_soon(&self.intake).map_err(|_| RecordError::Stopped)
    }

    fn outlet(&self) -> Result<MutexGuard<'_, Outlet<S>>, RecordError> {
        self.outlet.lock().map_err(|_| RecordError::Stopped)
    }

    fn has_commits(&self) -> bool {
        match self.durability {
            Durability::EveryRecord | Durability::Group(_) => true,
            Durability::OnSeal | Durability::LeftToSystem => false,
        }
    }

    /// Derives the record and queues it. Returns how much waits for the writer. Calls that are open at the closing record end before it,
    /// with nothing in between.
    fn enter(&self, draft: Draft) -> Result<(Appended, usize), RecordError> {
        let mut intake = self.intake()?;
        if matches!(draft.body, Body::RunClosed(_)) && self.open_calls == OpenCalls::End {
            for (place, is_dispatched) in intake.ledger.open_calls() {
                let end = if is_dispatched {
                    Body::from(ToolUnknown { reason: UnknownReason::Abort })
                } else {
                    Body::from(ToolBlocked { reason: BlockReason::RunEnd, notice: None })
                };
                self.end_call(&mut intake, place, end, draft.time)?;
            }
        }
        let appended = intake.enter(draft)?;
        Ok((appended, intake.queue.len()))
    }

    /// Ends the calls that a recorder that was stopped had dispatched: whether they took effect is unknown.
    fn end_dispatched_calls(&self) -> Result<(), RecordError> {
        let mut intake = self.intake()?;
        if intake.ledger.is_closed() {
            return Ok(());
        }
        for (place, is_dispatched) in intake.ledger.open_calls() {
            if is_dispatched {
                let end = Body::from(ToolUnknown { reason: UnknownReason::Crash });
                self.end_call(&mut intake, place, end, None)?;
            }
        }
        Ok(())
    }

    fn end_call(
        &self,
        intake: &mut Intake,
        place: Place,
        end: Body,
        time: Option<RecordedTime>,
    ) -> Result<(), RecordError> {
        let Some(own_name) = &self.own_name else { return Ok(()) };
        let mut draft = Draft::new(own_name.clone(), Origin::Code, end);
        draft.place = Some(place);
        draft.time = time;
        let _ = intake.enter(draft)?;
        Ok(())
    }

    /// Returns once the record with this number is durable, written by this thread or by another.
    fn make_durable(&self, sequence: u64) -> Result<(), RecordError> {
        self.commits.keep(sequence, || {
            let mut outlet = self.outlet()?;
            let committed = self.commit(&mut outlet);
            self.settle(committed)?;
            Ok(outlet.taken)
        })
    }

    fn commit(&self, outlet: &mut Outlet<S>) -> Result<(), RecordError> {
        // A commit is not acknowledged before it is known that the segment before could be written, once somebody knows.
        outlet.settle_closing(false)?;
        match self.write_queue(outlet)? {
            Some(head) => Ok(outlet.writer.commit(&head)?),
            // All records are in closed segments.
            None => outlet.settle_closing(true),
        }
    }

    /// Stops the recorder where it is unknown what was written.
    fn settle<T>(&self, written: Result<T, RecordError>) -> Result<T, RecordError> {
        if let Err(error) = &written
            && (error.effect() == Some(Effect::Unknown) || matches!(error, RecordError::Stopped))
        {
            self.intake()?.stopped = true;
        }
        written
    }

    /// Hands the queue to the writer; returns the signed head over what the open segment then has. Others enter records while it is signed.
    fn write_queue(&self, outlet: &mut Outlet<S>) -> Result<Option<Vec<u8>>, RecordError> {
        let mut intake = self.intake()?;
        let head = if self.has_commits() { intake.ledger.head() } else { None };
        outlet.backlog.extend(intake.queue.drain(..));
        drop(intake);
        let head = head.map(OpenHead::sign).transpose()?;
        outlet.write_backlog(self.durability)?;
        Ok(head)
    }
}

impl Intake {
    fn enter(&mut self, draft: Draft) -> Result<Appended, RecordError> {
        self.make_room()?;
        let entered = self.ledger.enter(draft)?;
        Ok(self.take(entered))
    }

    /// Closes the open segment where it is full: before the next record, so that where signing fails that one was not taken.
    fn make_room(&mut self) -> Result<(), RecordError> {
        if self.stopped {
            return Err(RecordError::Stopped);
        }
        if self.ledger.segment_is_full() {
            self.close_segment()?;
        }
        Ok(())
    }

    fn take(&mut self, entered: Entered) -> Appended {
        let appended = Appended {
            sequence: entered.sequence,
            outcome: entered.outcome,
            breaches: entered.breaches.clone(),
            time: entered.time,
            extracted: entered.extracted.clone(),
            is_durable: false,
        };
        self.queue.push(queued(entered));
        appended
    }

    fn close_segment(&mut self) -> Result<(), RecordError> {
        if let Some(closed) = self.ledger.close_segment()? {
            self.queue.push(Queued::Close(closed));
        }
        Ok(())
    }
}

impl<S: Storage> Outlet<S> {
    fn new(writer: TraceWriter<S>, taken: u64) -> Self {
        Self { writer, on_its_way: None, backlog: VecDeque::new(), taken }
    }

    /// Takes note of what became of a closed segment: see [`OnItsWay::settle`].
    fn settle_closing(&mut self, waits: bool) -> Result<(), RecordError> {
        OnItsWay::settle(&mut self.on_its_way, &mut self.writer, waits)
    }

    /// Hands over what waits, in order. What the writer refused stays where it was and is tried again by the next call.
    fn write_backlog(&mut self, durability: Durability) -> Result<(), RecordError> {
        while let Some(next) = self.backlog.front() {
            match next {
                Queued::Record { frame, contents } => {
                    let contents: Vec<Content<'_>> = contents.iter().map(StoredContent::as_content).collect();
                    self.writer.append_record(frame, &contents)?;
                    self.taken += 1;
                }
                Queued::Close(closed) => {
                    let end = SegmentEnd {
                        header: &closed.header,
                        lineage: &closed.lineage,
                        snapshot: closed.snapshot.as_ref(),
                    };
                    OnItsWay::settle(&mut self.on_its_way, &mut self.writer, true)?;
                    // The log has no room for a snapshot, which few segments have.
                    if disk(durability) == Disk::EachCommit && closed.snapshot.is_none() {
                        self.on_its_way = Some(OnItsWay::begin(&mut self.writer, end)?);
                    } else {
                        self.writer.close_segment(end)?;
                    }
                }
            }
            let _ = self.backlog.pop_front();
        }
        Ok(())
    }
}

impl From<Poisoned> for RecordError {
    fn from(_: Poisoned) -> Self {
        Self::Stopped
    }
}

/// Whether somebody acts on the record as soon as it stands: on a decision, and on the dispatch of a call.
const fn is_relied_on(kind: Kind) -> bool {
    matches!(kind, Kind::ToolDispatched | Kind::DecisionMade)
}

fn queued(entered: Entered) -> Queued {
    Queued::Record { frame: entered.frame, contents: entered.contents }
}

const fn disk(durability: Durability) -> Disk {
    match durability {
        Durability::EveryRecord | Durability::Group(_) => Disk::EachCommit,
        Durability::OnSeal => Disk::OnSeal,
        Durability::LeftToSystem => Disk::LeftToSystem,
    }
}

/// A run's number: random, and in the order of time where there is one, so that trust roots can name ranges of runs.
fn draw_run(entropy: &mut dyn Entropy, time: Option<RecordedTime>) -> Result<RunId, RecordError> {
    let drawn = entropy.draw()?;
    let (head, _) = drawn.split_at(16);
    let mut run: [u8; 16] = head.try_into().unwrap_or_default();
    if let Some(time) = time {
        let ms = (time.0 / 1_000).to_be_bytes();
        run.iter_mut().zip(ms.iter().skip(2)).for_each(|(byte, of_time)| *byte = *of_time);
    }
    Ok(RunId(run))
}

/// The opening record with what the recorder alone can say.
fn complete(mut opening: Draft, run: RunId, key: PublicKey, build: Option<Id>) -> Result<Draft, RecordError> {
    let Body::RunOpened(body) = &mut opening.body else { return Err(RecordError::NotAnOpening) };
    body.run = run;
    body.rule_set = asked_for(&body.rule_set)?.rule_set();
    body.recorder_key = key;
    if let Some(build) = build {
        body.recorder = build;
    }
    Ok(opening)
}

/// The name under which the opening record registers a recorder.
pub(crate) fn own_name(opening: &Body) -> Option<Id> {
    let Body::RunOpened(body) = opening else { return None };
    recorder_of(body)
}

fn recorder_of(opening: &RunOpened) -> Option<Id> {
    let own = opening.actors.iter().find(|actor| actor.actor_type == ActorType::Recorder);
    own.map(|actor| actor.id.clone())
}
