//! Guardrails: deterministic inspections of content (GRD). Integers and tables, no model, no chance, no network; time linear in the text.

mod commands;
mod departure;
mod destination;
mod destinations;
mod digits;
mod host;
mod instructions;
mod mask;
mod masking;
mod names;
mod numbers;
mod patterns;
mod personal;
mod secrets;
mod shell;
mod spot;
mod strings;

pub use commands::{Commands, Danger, dangers};
pub use departure::{Departure, Task};
pub(crate) use destination::is_invisible;
pub use destination::{Destination, Disguise};
pub use destinations::{Destinations, Refusal};
pub use host::{Host, NoHost};
pub use instructions::{Feature, Instructions, Response, Score, THRESHOLD, score};
pub use mask::Masked;
pub use masking::{Masking, spots};
pub use spot::Spot;
