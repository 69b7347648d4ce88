//! OUT: effects, and outputs that leave the run.

use rederive_evidence::values::Layer;

use super::{Breaches, Reasons};
use crate::case::Case;
use crate::state::Influence;

pub(super) const REASONS: &[Reasons] = &[];

pub(super) fn check(case: &Case<'_>, _influence: &Influence, _found: &mut Breaches) {
    if !case.judges(Layer::Outcome) {}
}
