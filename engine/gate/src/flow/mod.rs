//! The thirteen steps of a call, in the order of the table in SPEC.md that says which record each is.

mod act;
mod approve;
mod decide;
mod inspect;
mod plan;
mod prepare;
mod release;
mod remember;
mod settle;

pub use approve::AnswerFault;
pub(crate) use approve::{HeldCall, origins};
pub(crate) use inspect::Asked;
pub(crate) use prepare::expect_what_was_previewed;
pub use release::{Output, Released};
pub use remember::Remembered;
