//! Group commit alone: numbers in the place of records, so that many orders of threads cost little.

use std::sync::Arc;

use shuttle::thread;

use crate::commits::{Commits, Poisoned};
use crate::orders::in_orders;
use crate::sync::Mutex;

/// Orders of threads that are tried of each case, by each of two ways to draw them.
const ORDERS: usize = 2_000;

/// A recorder without its records: two locks, as there, and numbers in the place of frames.
struct Journal {
    /// Number of the next record, and those that wait for the disk.
    intake: Mutex<(u64, Vec<u64>)>,
    /// What the disk has, in its order.
    disk: Mutex<Disk>,
    commits: Commits,
}

#[derive(Default)]
struct Disk {
    has: Vec<u64>,
    commits: u64,
    /// Commits that fail before any succeeds.
    failing: u64,
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Disk,
    Stopped,
}

impl From<Poisoned> for Fault {
    fn from(_: Poisoned) -> Self {
        Self::Stopped
    }
}

impl Journal {
    fn new(failing: u64) -> Arc<Self> {
        Arc::new(Self {
            intake: Mutex::new((0, Vec::new())),
            disk: Mutex::new(Disk { failing, ..Disk::default() }),
            commits: Commits::after(0),
        })
    }

    fn take(&self) -> u64 {
        let mut intake = self.intake.lock().unwrap();
        let number = intake.0;
        intake.0 += 1;
        intake.1.push(number);
        number
    }

    fn keep(&self, number: u64) -> Result<(), Fault> {
        self.commits.keep(number, || {
            let mut disk = self.disk.lock().unwrap();
            if disk.failing > 0 {
                disk.failing -= 1;
                return Err(Fault::Disk);
            }
            let mut intake = self.intake.lock().unwrap();
            let waiting: Vec<u64> = intake.1.drain(..).collect();
            drop(intake);
            disk.has.extend(waiting);
            disk.commits += 1;
            Ok(disk.has.len() as u64)
        })
    }

    fn append(&self) -> Result<(), Fault> {
        let number = self.take();
        self.keep(number)?;
        let has = self.disk.lock().unwrap().has.contains(&number);
        assert!(has, "record {number} is said to be durable");
        Ok(())
    }
}

#[test]
fn what_is_said_to_be_durable_is_and_nobody_waits_for_ever() {
    in_orders(ORDERS, || {
        let journal = Journal::new(0);
        let threads = [(); 3].map(|()| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || (0..2).for_each(|_| journal.append().unwrap()))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let disk = journal.disk.lock().unwrap();
        assert_eq!(disk.has, [0, 1, 2, 3, 4, 5], "each once, in its order");
        assert!(disk.commits <= 6);
    });
}

#[test]
fn after_a_commit_that_failed_another_thread_leads_and_only_who_led_is_told() {
    in_orders(ORDERS, || {
        let journal = Journal::new(2);
        let threads = [(); 4].map(|()| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || journal.append())
        });
        let failed = threads.into_iter().filter_map(|thread| thread.join().unwrap().err()).count();
        assert!(failed <= 2, "{failed} threads were told of 2 commits that failed");
        let last = journal.take();
        assert_eq!(journal.disk.lock().unwrap().failing, 2 - failed as u64);
        while journal.keep(last).is_err() {}
        assert_eq!(journal.disk.lock().unwrap().has, [0, 1, 2, 3, 4], "what failed is tried again");
    });
}

#[test]
fn threads_that_wait_together_share_commits() {
    let shared = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&shared);
    in_orders(ORDERS, move || {
        let journal = Journal::new(0);
        let threads = [(); 3].map(|()| {
            let journal = Arc::clone(&journal);
            thread::spawn(move || journal.append().unwrap())
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        if journal.disk.lock().unwrap().commits == 1 {
            seen.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    });
    assert!(shared.load(std::sync::atomic::Ordering::Relaxed), "in some order one commit serves all");
}
