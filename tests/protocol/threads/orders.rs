//! Orders of threads, tried.

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner};

/// Changes of thread at most, in those orders that change seldom: most faults need few.
const CHANGES: usize = 3;
/// A thread records, signs and answers on its stack.
const STACK_BYTES: usize = 1 << 20;

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config
}

/// Runs a case in so many orders drawn at random, and in as many that seldom change the thread. A thread that waits for ever fails both.
pub(crate) fn in_orders(orders: usize, case: impl Fn() + Send + Sync + Clone + 'static) {
    Runner::new(RandomScheduler::new(orders), config()).run(case.clone());
    Runner::new(PctScheduler::new(CHANGES, orders), config()).run(case);
}
