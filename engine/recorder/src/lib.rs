//! The live side of evidence: clock, entropy, durable append and the seal.

mod clock;
mod entropy;
mod error;
mod leaves;
mod ledger;
mod recorder;
mod restore;
mod vault;

pub use clock::{Clock, ManualClock, NoClock, SystemClock};
pub use entropy::{Entropy, NoEntropy, OsEntropy, SeededEntropy};
pub use error::{AppendError, RecordError};
pub use recorder::{Appended, Durability, OpenCalls, Options, Recorder, SealedRun};
pub use rederive_archive::Packing;
