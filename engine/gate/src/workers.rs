//! Threads on which components are asked: one that hangs or panics takes its thread with it and nothing else.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ports::{Component, Failure, PortFault};

/// How long a thread that has nothing to do stays.
const IDLE: Duration = Duration::from_secs(10);

type Task = Box<dyn FnOnce() + Send>;

/// Threads, made as they are needed and kept for a while.
#[derive(Clone)]
pub(crate) struct Workers {
    shared: Arc<Shared>,
    most: usize,
}

#[derive(Default)]
struct Shared {
    crew: Mutex<Crew>,
    wake: Condvar,
}

#[derive(Default)]
struct Crew {
    waiting: VecDeque<Task>,
    threads: usize,
    idle: usize,
}

/// No thread could be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoThread;

impl Workers {
    /// At most this many threads. Tasks beyond wait for one.
    pub(crate) fn new(most: usize) -> Self {
        Self { shared: Arc::default(), most }
    }

    /// Runs `task` on some thread, now or when one is free.
    pub(crate) fn run(&self, task: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
        let mut crew = self.shared.crew();
        let is_short = crew.waiting.len() >= crew.idle;
        if is_short && crew.threads < self.most {
            let shared = Arc::clone(&self.shared);
            let hired =
                std::thread::Builder::new().name("rederive-gate".to_owned()).spawn(move || shared.work());
            match hired {
                Ok(_) => crew.threads += 1,
                // Those that are there get to it; with none there, nobody would.
                Err(_) if crew.threads > 0 => {}
                Err(_) => return Err(NoThread),
            }
        }
        crew.waiting.push_back(Box::new(task));
        drop(crew);
        self.shared.wake.notify_one();
        Ok(())
    }

    /// What a component answers, if it answers in time. One that does not keeps its thread until it does; its answer is then thrown away.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        component: Component,
        limit: Duration,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortFault> {
        let (says, said) = sync_channel(1);
        let task = move || {
            let answer = catch_unwind(AssertUnwindSafe(work));
            // Nobody listens any more where it took too long.
            let _ = says.try_send(answer);
        };
        self.run(task).map_err(|NoThread| PortFault::NoThread { component })?;
        match said.recv_timeout(limit) {
            Ok(answer) => answered(component, answer),
            Err(RecvTimeoutError::Disconnected) => Err(PortFault::Panicked { component }),
            Err(RecvTimeoutError::Timeout) => Err(timed_out(component, limit)),
        }
    }
}

/// What a component answers that ends by itself, asked on this thread. One that took longer than it may has not answered.
pub(crate) fn ask_here<T>(
    component: Component,
    limit: Duration,
    work: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, PortFault> {
    let begun = Instant::now();
    let answer = catch_unwind(AssertUnwindSafe(work));
    if begun.elapsed() > limit { Err(timed_out(component, limit)) } else { answered(component, answer) }
}

fn answered<T>(
    component: Component,
    answer: std::thread::Result<Result<T, Failure>>,
) -> Result<T, PortFault> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(PortFault::Failed { component, source }),
        Err(_) => Err(PortFault::Panicked { component }),
    }
}

fn timed_out(component: Component, limit: Duration) -> PortFault {
    PortFault::TimedOut { component, limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX) }
}

impl Shared {
    fn crew(&self) -> std::sync::MutexGuard<'_, Crew> {
        // Tasks run outside of the lock: nothing can be half done under it.
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a thread does until it has had nothing to do for a while.
    fn work(&self) {
        let mut crew = self.crew();
        loop {
            if let Some(task) = crew.waiting.pop_front() {
                drop(crew);
                // A task that panics has said so to whoever waits for it: the thread goes on.
                let _ = catch_unwind(AssertUnwindSafe(task));
                crew = self.crew();
                continue;
            }
            crew.idle += 1;
            let woken = self.wake.wait_timeout(crew, IDLE);
            let (held, waited) = woken.unwrap_or_else(PoisonError::into_inner);
            crew = held;
            crew.idle -= 1;
            if waited.timed_out() && crew.waiting.is_empty() {
                crew.threads -= 1;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Longer than anything takes that answers at all.
    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(200);

    fn ask<T: Send + 'static>(
        workers: &Workers,
        work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, PortFault> {
        workers.ask(Component::Policy, LONG, work)
    }

    #[test]
    fn an_answer_comes_back_and_so_does_every_way_of_giving_none() {
        let workers = Workers::new(4);
        assert_eq!(ask(&workers, || Ok(7)).unwrap(), 7);
        let failed = ask::<()>(&workers, || Err("no".into()));
        assert!(matches!(failed, Err(PortFault::Failed { component: Component::Policy, .. })));
        let panicked = ask::<()>(&workers, || panic!("in a test"));
        assert!(matches!(panicked, Err(PortFault::Panicked { .. })));
        let hung = workers.ask(Component::Policy, SHORT, || {
            std::thread::sleep(Duration::from_millis(600));
            Ok(())
        });
        assert!(matches!(hung, Err(PortFault::TimedOut { limit_ms: 200, .. })));
        assert_eq!(ask(&workers, || Ok(8)).unwrap(), 8);
    }

    #[test]
    fn what_only_computes_answers_here_and_not_at_all_where_it_fails_panics_or_takes_too_long() {
        let ask = |work: fn() -> Result<u8, Failure>| ask_here(Component::Policy, LONG, work);
        assert_eq!(ask(|| Ok(7)).unwrap(), 7);
        assert!(matches!(ask(|| Err("no".into())), Err(PortFault::Failed { .. })));
        assert!(matches!(ask(|| panic!("in a test")), Err(PortFault::Panicked { .. })));
        let late = ask_here(Component::Policy, SHORT, || {
            std::thread::sleep(SHORT * 2);
            Ok(7)
        });
        assert!(matches!(late, Err(PortFault::TimedOut { limit_ms: 200, .. })));
    }

    #[test]
    fn where_every_thread_hangs_nobody_is_answered_and_nobody_waits_for_ever() {
        let workers = Workers::new(2);
        for _ in 0..2 {
            workers.run(|| std::thread::sleep(Duration::from_secs(2))).unwrap();
        }
        let begun = Instant::now();
        let asked = workers.ask(Component::Policy, SHORT, || Ok(()));
        assert!(matches!(asked, Err(PortFault::TimedOut { .. })));
        assert!(begun.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn many_ask_at_once_and_each_gets_its_own_answer() {
        let workers = Workers::new(8);
        std::thread::scope(|scope| {
            for thread in 0..16_u64 {
                let workers = &workers;
                scope.spawn(move || {
                    for round in 0..50_u64 {
                        let asked = thread * 1_000 + round;
                        let limit = Duration::from_secs(30);
                        assert_eq!(workers.ask(Component::Tool, limit, move || Ok(asked)).unwrap(), asked);
                    }
                });
            }
        });
    }
}
