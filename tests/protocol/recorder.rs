//! The recorder as the protocol sees it: one machine that every thread shares, of which a crash leaves what a commit has kept.
//!
//! Records are taken one at a time, in memory; a commit makes all that were taken last. A crash keeps those, and of the others any number from the
//! first on: what the disk happened to have.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use rederive_evidence::digest::Digest;
use rederive_evidence::ids::RecordedTime;
use rederive_evidence::rules::Outcome;
use rederive_evidence::values::Place;
use rederive_machine::Machine;
use rederive_machine::testing::Trial;

use crate::account::Account;
use crate::acts::{self, Says};

/// A record's number. It names the record, and makes no difference to what can happen: two states that differ in numbers alone are one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) u64);

impl Hash for Number {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl PartialEq for Number {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Number {}

/// A record that somebody has made: of this call, at this time.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) says: Says,
    pub(crate) now: RecordedTime,
}

/// How a record was taken.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) number: Number,
    pub(crate) outcome: Outcome,
    /// It took effect and breaches nothing.
    pub(crate) is_clean: bool,
}

/// The machine, and what an observer who saw each of its records holds of them.
pub(crate) struct Memory {
    pub(crate) trial: Trial,
    pub(crate) account: Account,
    root: Digest,
    /// Of root and account: what tells two memories apart.
    mark: u64,
}

impl Memory {
    fn of(trial: Trial, account: Account) -> Self {
        let root = trial.machine.state().root();
        let mut hasher = DefaultHasher::new();
        (root.0, &account).hash(&mut hasher);
        Self { trial, account, root, mark: hasher.finish() }
    }

    pub(crate) fn machine(&self) -> &Machine {
        &self.trial.machine
    }

    /// Number of records.
    fn records(&self) -> u64 {
        self.machine().lineage().len()
    }

    fn after(&self, entry: &Entry) -> (Self, Taken) {
        let (mut trial, mut account) = (self.trial.clone(), self.account.clone());
        trial.now = entry.now;
        let made = acts::made(&trial, &entry.place, entry.says);
        let input = trial.input(&made);
        let answer = trial.answer(made);
        let is_clean = answer.breaches.is_empty();
        account.observe(&input, answer.outcome, !is_clean);
        let taken = Taken { number: Number(input.sequence), outcome: answer.outcome, is_clean };
        (Self::of(trial, account), taken)
    }
}

/// What a record led to.
type Answered = (Arc<Memory>, Taken);

/// A memory's mark and lineage.
type Name = (u64, Vec<u8>);

/// What the machine made of each record in each state that it was in. Most interleavings come by the same states, and it always answers alike.
#[derive(Default)]
pub(crate) struct Answers {
    known: Mutex<HashMap<(usize, Entry), Answered>>,
    /// Memories by mark and lineage: a number means the same record in each that is shared.
    memories: Mutex<HashMap<Name, Arc<Memory>>>,
}

impl Answers {
    fn after(&self, before: &Arc<Memory>, entry: Entry) -> (Arc<Memory>, Taken) {
        // A memory lives as long as this does, so that its address names it.
        let key = (Arc::as_ptr(before).addr(), entry);
        if let Some((memory, taken)) = self.known.lock().unwrap().get(&key) {
            return (Arc::clone(memory), *taken);
        }
        let (memory, taken) = before.after(&key.1);
        let lineage = memory.machine().lineage().page(0);
        let mut memories = self.memories.lock().unwrap();
        let memory = Arc::clone(memories.entry((memory.mark, lineage)).or_insert_with(|| Arc::new(memory)));
        let _ = self.known.lock().unwrap().insert(key, (Arc::clone(&memory), taken));
        (memory, taken)
    }
}

#[derive(Clone)]
pub(crate) struct Recorder {
    answers: Arc<Answers>,
    live: Arc<Memory>,
    kept: Arc<Memory>,
    /// What was taken since the last commit.
    waiting: Vec<Entry>,
}

impl Recorder {
    /// A recorder whose records so far are all kept.
    pub(crate) fn new(trial: Trial) -> Self {
        let memory = Arc::new(Memory::of(trial, Account::default()));
        let answers: Arc<Answers> = Arc::default();
        let _ = answers.memories.lock().unwrap().insert((memory.mark, Vec::new()), Arc::clone(&memory));
        Self { answers, live: Arc::clone(&memory), kept: memory, waiting: Vec::new() }
    }

    /// The run as it stands.
    pub(crate) fn live(&self) -> &Memory {
        &self.live
    }

    /// What a crash leaves at least.
    pub(crate) fn kept(&self) -> &Memory {
        &self.kept
    }

    /// Takes a record: decided and committed by the machine in one go.
    pub(crate) fn take(&mut self, place: &Place, says: Says, now: RecordedTime) -> Taken {
        let entry = Entry { place: place.clone(), says, now };
        let (memory, taken) = self.answers.after(&self.live, entry.clone());
        self.live = memory;
        self.waiting.push(entry);
        taken
    }

    /// Number of records that no commit has kept.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Makes everything taken so far durable.
    pub(crate) fn commit(&mut self) {
        self.kept = Arc::clone(&self.live);
        self.waiting.clear();
    }

    /// Whether the record survives a crash.
    pub(crate) fn has_kept(&self, number: Number) -> bool {
        number.0 < self.kept.records()
    }

    /// The process is gone: of what was not kept, this many records are on the disk all the same. Gives those that are not.
    pub(crate) fn crash(&mut self, survive: usize) -> Vec<Entry> {
        let mut memory = Arc::clone(&self.kept);
        let lost = self.waiting.split_off(survive.min(self.waiting.len()));
        for entry in self.waiting.drain(..) {
            (memory, _) = self.answers.after(&memory, entry);
        }
        (self.live, self.kept) = (Arc::clone(&memory), memory);
        lost
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { live, kept, waiting, .. } = self;
        write!(
            f,
            "{} records, {} kept, {} waiting: {:?}",
            live.records(),
            kept.records(),
            waiting.len(),
            live.account
        )
    }
}

/// Which of the waiting records came first makes no difference to what can happen: a crash that leaves some of them leads where one does that came as soon as
/// they were taken. What the tool does, and nothing else is outside of the run but the time, waits for what is kept.
impl Hash for Recorder {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.live.mark, self.kept.mark, self.waiting.len()).hash(state);
    }
}

impl PartialEq for Recorder {
    fn eq(&self, other: &Self) -> bool {
        let identity = |it: &Self| (it.live.root, it.live.mark, it.kept.root, it.kept.mark, it.waiting.len());
        identity(self) == identity(other)
    }
}

impl Eq for Recorder {}
