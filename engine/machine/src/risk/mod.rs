//! Risk: what the machine sees of it, and the least that each sign of it asks for.

mod escalation;
mod signals;
mod table;

pub use escalation::ApprovalGround;
pub(crate) use escalation::{approval_ground, control, first_missing, goes_ahead, is_answered_for, least};
pub(crate) use signals::{Signals, of_call, of_write};
pub use table::{Control, RISK_TABLE, Required, RiskRow};
