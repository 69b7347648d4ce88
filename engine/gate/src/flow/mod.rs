//! The thirteen steps of a call, in their order. Spec: section 7.3.

mod act;
mod approve;
mod decide;
mod inspect;
mod plan;
mod prepare;
mod release;
mod settle;

pub use approve::AnswerFault;
pub(crate) use approve::HeldCall;
pub(crate) use prepare::expect_what_was_previewed;
pub use release::{Output, Released};
