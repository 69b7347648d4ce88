//! The live side of evidence: clock, entropy, durable append and the seal. The Rust SDK.
//!
//! A run is opened with who acts, on whose behalf and under which limits; then each prompt, decision, call and result is a draft that the
//! recorder numbers, times, commits to and asks the machine about, before it is durable:
//!
//! ```
//! use rederive_archive::storage::OsStorage;
//! use rederive_evidence::draft::Draft;
//! use rederive_evidence::ids::{Content, Id};
//! use rederive_evidence::kinds::prompt::PromptGiven;
//! use rederive_evidence::kinds::run::{RunClosed, RunEnd, RunOpened};
//! use rederive_evidence::record::{Causes, MediaType};
//! use rederive_evidence::rules::Outcome;
//! use rederive_evidence::schema::Given;
//! use rederive_evidence::values::{Mode, Origin, Role};
//! use rederive_recorder::{Options, Recorder, opening};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("run.rdt");
//! let [ada, helper, recorder] = [Id::new("ada")?, Id::new("helper")?, Id::new("recorder")?];
//! let actors = [ada.clone(), helper, recorder.clone()];
//! let body = opening(Mode::Observed, Id::new("acme")?, Id::new("session-1")?, actors);
//! let body = Box::new(RunOpened { goal: Given::Known(Content(0)), ..body });
//! let mut first = Draft::new(recorder.clone(), Origin::Code, body);
//! first.content(MediaType::Text, "answer Ada's questions")?;
//! let run = Recorder::create(OsStorage, &path, first, Options::default())?;
//!
//! let body = PromptGiven { role: Role::User, message: Content(0) };
//! let mut question = Draft::new(ada, Origin::Human, body);
//! question.content(MediaType::Text, "Where is the manual?")?;
//! question.causes = Causes::of([0]);
//! let taken = run.append(question)?;
//! assert!(taken.is_durable && taken.breaches.is_empty());
//! assert_eq!(taken.outcome, Outcome::Applied);
//!
//! let body = RunClosed { end: RunEnd::Completed, reason: None };
//! run.append(Draft::new(recorder, Origin::Code, body))?;
//! assert_eq!(run.seal()?.records, 3);
//! # Ok(())
//! # }
//! ```
//!
//! In an enforced run a request may come back as [`Refused`](rederive_evidence::rules::Outcome::Refused), with the rules it breaches: then it is not
//! to be acted on. After a crash [`Recorder::recover`] goes on with the run.

mod clock;
mod closing;
mod commits;
mod entropy;
mod error;
mod leaves;
mod ledger;
mod opening;
mod recorder;
mod restore;
mod sync;
mod vault;

pub use clock::{Clock, ManualClock, NoClock, SystemClock};
pub use entropy::{Entropy, NoEntropy, OsEntropy, SeededEntropy};
pub use error::{AppendError, RecordError};
pub use opening::{RULE_SET_DEFAULT, opening};
pub use recorder::{Appended, Durability, OpenCalls, Options, Recorder, SealedRun};
pub use rederive_archive::Packing;
