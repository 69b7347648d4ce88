//! The deterministic state machine of a run.
