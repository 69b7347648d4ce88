//! What a program writes: read to its end, kept to a limit.

use std::io::Read;
use std::thread::JoinHandle;

/// An output as far as it is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) bytes: Vec<u8>,
    /// Whether there was more.
    pub(super) is_cut: bool,
}

/// Reads an output on a thread of its own. What is beyond the limit is read and dropped: a program that writes too much is not made to wait for ever.
pub(super) fn keep(mut output: impl Read + Send + 'static, limit: u64) -> JoinHandle<Kept> {
    std::thread::spawn(move || {
        let mut kept = Kept::default();
        // An output that breaks off has ended.
        let _ = output.by_ref().take(limit).read_to_end(&mut kept.bytes);
        kept.is_cut = std::io::copy(&mut output, &mut std::io::sink()).is_ok_and(|dropped| dropped > 0);
        kept
    })
}
