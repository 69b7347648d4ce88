//! How far an exploration has come, for whoever waits for it.

/// Hears of what an exploration tries, from any of its threads.
pub trait Progress: Sync {
    /// So many more tries are ahead.
    fn more(&self, _tries: u64) {}

    /// One is done.
    fn done(&self) {}
}

/// Nobody waits.
impl Progress for () {}
